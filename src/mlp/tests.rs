use super::*;
use crate::Position;
use crate::activation::{Identity, LeakyRelu, Maxout, Relu, Tanh};
use crate::loss::SquaredError;
use crate::simd::on_every_set;
use rand::{RngExt, SeedableRng};

fn net(sizes: &[usize], seed: u64) -> Mlp<f32> {
    let (last, rest) = sizes.split_last().unwrap();
    let mut builder = Mlp::builder(rest[0]).seed(seed);
    for &size in &rest[1..] {
        builder = builder.hidden(size, Relu);
    }
    builder.output(*last, Identity).build().unwrap()
}

fn samples(len: usize) -> Vec<f32> {
    let mut rng = crate::init::Rng::seed_from_u64(9);
    (0..len).map(|_| rng.random::<f32>() - 0.5).collect()
}

#[test]
fn layers_view_and_write_the_one_buffer() {
    let mut net = net(&[2, 3, 1], 5);
    let params = net.params().to_vec();
    assert_eq!(net.layer(0).unwrap().weights(), &params[..6]);
    assert_eq!(net.layer(0).unwrap().bias(), &params[6..9]);
    assert_eq!(
        net.layer(1).unwrap().neuron(0).unwrap().weights(),
        &params[9..12]
    );
    *net.layer_mut(1).unwrap().neuron_mut(0).unwrap().bias = 7.0;
    net.layer_mut(0).unwrap().weights_mut()[5] = 8.0;
    assert_eq!((net.params()[12], net.params()[5]), (7.0, 8.0));
    assert_eq!(
        net.layer(2).unwrap_err().to_string(),
        "layer index: expected below 2, got 2"
    );

    let owned: Vec<_> = net.layers().collect();
    let gathered = Mlp::from_layers(&owned).unwrap();
    assert_eq!(gathered.params(), net.params());
    assert!(gathered.is_shaped_like(&net));
}

#[test]
fn layers_that_do_not_fit_are_refused() {
    let first = Layer::new([1.0, 2.0], [0.0], Relu).unwrap();
    let wrong = Mlp::from_layers(&[first.clone(), first])
        .unwrap_err()
        .to_string();
    assert_eq!(
        wrong,
        "inputs of a layer: expected 1, the outputs of the previous layer, got 2"
    );
    assert!(Mlp::<f64>::from_layers::<Vec<f64>>(&[]).is_err());
}

#[test]
fn sizes_are_checked() {
    let build = |inputs, hidden| {
        Mlp::<f32>::builder(inputs)
            .hidden(hidden, Relu)
            .output(1, Identity)
            .build()
    };
    assert_eq!(
        build(0, 3).unwrap_err().to_string(),
        "inputs: expected at least 1, got 0"
    );
    assert_eq!(
        build(3, 0).unwrap_err().to_string(),
        "neurons of a layer: expected at least 1, got 0"
    );
    assert!(
        build(usize::MAX, 2)
            .unwrap_err()
            .to_string()
            .starts_with("number of parameters")
    );
    let pieces = |neurons, pieces| {
        let builder = Mlp::<f32>::builder(1).output(neurons, Maxout::new(pieces));
        builder.build().unwrap_err().to_string()
    };
    for many in [0, 257, usize::MAX] {
        let error = pieces(3, many);
        assert!(
            error.starts_with("pieces of maxout: expected a whole number"),
            "{error}"
        );
    }
    for many in [usize::MAX, usize::MAX / 3, usize::MAX / 6] {
        let error = pieces(many, 3);
        assert!(error.starts_with("number of parameters"), "{error}");
    }
    assert!(
        Mlp::<f32>::builder(1)
            .build()
            .unwrap_err()
            .to_string()
            .starts_with("output layer")
    );
}

/// Returns the bits of two predictions: of all samples at once, and of one sample at a time.
fn both_ways<T: Float>(net: &Mlp<T>, inputs: &[T]) -> [Vec<u64>; 2] {
    let mut predictor = Predictor::new(net).unwrap();
    let mut one_by_one = vec![T::one(); inputs.len() / net.inputs() * net.outputs()];
    let samples = inputs.chunks(net.inputs());
    for (input, output) in samples.zip(one_by_one.chunks_mut(net.outputs())) {
        predictor.predict_into(input, output).unwrap();
    }
    let all = net.predict(inputs).unwrap();
    [all, one_by_one].map(|values| values.iter().map(|x| x.as_f64().to_bits()).collect())
}

#[test]
fn a_batch_gives_the_bits_of_its_samples_on_every_set() {
    on_every_set(|| {
        let [all, one_by_one] = both_ways(&net(&[3, 20, 150, 17, 2], 1), &samples(3 * 230));
        assert_eq!(all, one_by_one);
    });
}

#[test]
fn one_sample_has_the_bits_of_a_batch_for_every_width() {
    fn check<T: Float>(width: usize) {
        let net = Mlp::<T>::builder(5)
            .hidden(width, Tanh)
            .hidden(width, Relu)
            .hidden(3, Maxout::new(2))
            .output(width, LeakyRelu::new(0.1))
            .seed(width as u64)
            .build()
            .unwrap();
        let inputs: Vec<T> = samples(5 * 4)
            .into_iter()
            .map(|x| T::from_f64(x.into()))
            .collect();
        let [all, one_by_one] = both_ways(&net, &inputs);
        assert_eq!(all, one_by_one, "width {width}");
    }
    on_every_set(|| {
        for width in (1..=70).chain([95, 112, 113, 127, 128, 129, 144, 255, 256, 257, 300]) {
            check::<f32>(width);
            check::<f64>(width);
        }
    });
}

/// Tests samples in a batch and alone, with the overflow at different outputs.
#[test]
fn outputs_that_overflow_are_an_error() {
    fn check<T: Float>(scale: f64) {
        for width in [1, 3, 40, 200] {
            let sample = [T::from_f64(0.5), T::from_f64(-0.5)];
            for index in [0, width / 2, width - 1] {
                let builder = Mlp::<T>::builder(2).hidden(3, Tanh);
                let mut net = builder.output(width, Identity).build().unwrap();
                let last = net.layout().layers()[1].clone();
                net.params_mut()[last.weights.start + 3 * index..][..3].fill(T::from_f64(scale));
                net.params_mut()[..6].fill(T::from_f64(0.0));
                net.params_mut()[6..9].fill(T::from_f64(9.0));
                let expected = Error::Overflow {
                    what: "output",
                    layer: 1,
                    value: f64::INFINITY,
                };
                let mut predictor = Predictor::new(&net).unwrap();
                let mut one = vec![T::zero(); width];
                assert_eq!(
                    predictor.predict_into(&sample, &mut one),
                    Err(expected.clone())
                );
                let batch = [sample, sample].concat();
                assert_eq!(net.predict(&batch), Err(expected.clone()));
                assert_eq!(
                    predictor.predict_into(&batch, &mut vec![T::zero(); 2 * width]),
                    Err(expected)
                );
            }
        }
    }
    on_every_set(|| {
        check::<f32>(3e38);
        check::<f64>(1e308);
    });
}

/// Infinite sums of a hidden layer that tanh maps to finite numbers are not an error.
#[test]
fn hidden_sums_that_overflow_have_the_bits_of_a_batch() {
    on_every_set(|| {
        for hidden in [3, 40, 200] {
            let builder = Mlp::<f32>::builder(2)
                .hidden(hidden, Tanh)
                .hidden(hidden, Tanh);
            let mut net = builder.output(2, Identity).seed(7).build().unwrap();
            let first = net.layout().layers()[0].bias.end;
            // All terms have one sign, because infinity minus infinity is NaN.
            for p in &mut net.params_mut()[..first] {
                *p = p.abs() * 1e38;
            }
            let inputs: Vec<f32> = samples(2 * 9).iter().map(|x| x.abs() * 1e6).collect();
            let [all, one_by_one] = both_ways(&net, &inputs);
            assert_eq!(all, one_by_one);
        }
    });
}

#[test]
fn an_overflow_names_the_first_layer_of_all() {
    let mut net = net(&[2, 4, 3, 1], 3);
    net.params_mut()[..8].fill(3e38);
    let error = net.predict(&[3.0, 3.0]).unwrap_err();
    let layer = |error| match error {
        Error::Overflow { layer, .. } => layer,
        other => panic!("{other}"),
    };
    assert_eq!(layer(error), 0);
}

#[test]
fn one_sample_that_is_not_finite_is_an_error_and_leaves_the_outputs() {
    on_every_set(|| {
        for sizes in [&[3, 1][..], &[3, 4, 2], &[3, 200, 40, 2]] {
            // Even zero weights must not hide such an input.
            for scale in [0.0, 1.0] {
                let mut net = net(sizes, 2);
                net.params_mut().iter_mut().for_each(|p| *p *= scale);
                let mut predictor = Predictor::new(&net).unwrap();
                for (index, x) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY]
                    .into_iter()
                    .enumerate()
                {
                    let (mut input, mut output) = ([0.5; 3], vec![7.0; net.outputs()]);
                    input[index] = x;
                    let error = predictor.predict_into(&input, &mut output).unwrap_err();
                    assert!(
                        matches!(error, Error::NotFinite { what: "inputs", at: Position::Cell { row: 0, column }, .. } if column == index),
                        "{error}"
                    );
                    assert!(output.iter().all(|&y| y == 7.0));
                }
            }
        }
    });
}

#[test]
fn a_predictor_owns_borrows_or_shares_its_network() {
    let net = net(&[2, 4, 1], 3);
    let expected = net.predict(&[0.5, 0.25]).unwrap();
    let mut output = [0.0];
    Predictor::new(Arc::new(net.clone()))
        .unwrap()
        .predict_into(&[0.5, 0.25], &mut output)
        .unwrap();
    assert_eq!(output, expected[..]);
    let mut owner = Predictor::new(net).unwrap().clone();
    owner.predict_into(&[0.5, 0.25], &mut output).unwrap();
    assert_eq!(output, expected[..]);
}

#[test]
fn a_predictor_takes_over_parameters_of_its_shape_alone() {
    let (old, new) = (net(&[2, 4, 1], 3), net(&[2, 4, 1], 4));
    let mut predictor = Predictor::new(old.clone()).unwrap();
    let mut predicted = |of: &Mlp<f32>| {
        let (refreshed, mut output) = (predictor.refresh(of), [0.0]);
        predictor.predict_into(&[0.5, 0.25], &mut output).unwrap();
        (
            refreshed.map_err(|error| error.to_string()),
            output.to_vec(),
        )
    };
    let expected = new.predict(&[0.5, 0.25]).unwrap();
    assert_ne!(expected, old.predict(&[0.5, 0.25]).unwrap());
    assert_eq!(predicted(&new), (Ok(()), expected.clone()));
    let error = "network: expected 2 inputs, 4 relu, 1 identity, got 2 inputs, 5 relu, 1 identity";
    let other = net(&[2, 5, 1], 3);
    assert_eq!(predicted(&other), (Err(error.to_owned()), expected.clone()));
    let mut infinite = old;
    infinite.params_mut()[2] = f32::INFINITY;
    let (refreshed, output) = predicted(&infinite);
    assert!(refreshed.is_err() && output == expected);
}

#[test]
fn bad_inputs_are_errors_that_name_them() {
    let mut net = net(&[2, 4, 1], 3);
    let message = |result: Result<Vec<f32>>| result.unwrap_err().to_string();
    assert_eq!(
        message(net.predict(&[1.0, 2.0, 3.0])),
        "inputs: expected one or more rows of 2 values, got 3 values"
    );
    assert_eq!(
        message(net.predict(&[])),
        "inputs: expected one or more rows of 2 values, got 0 values"
    );
    assert_eq!(
        message(net.predict(&[1.0, f32::NAN])),
        "inputs: expected finite numbers, got NaN at row 0, column 1"
    );
    net.params_mut()[3] = f32::INFINITY;
    assert_eq!(
        message(net.predict(&[1.0, 2.0])),
        "parameters: expected finite numbers, got inf at index 3"
    );
}

#[test]
fn a_gradient_says_where_numbers_overflow() {
    let mut net = net(&[1, 2, 1], 3);
    net.params_mut().fill(f32::MAX);
    let mut gradient = GradientWorkspace::new(&net);
    let error = gradient
        .compute(&net, &[4.0], &[0.0], &SquaredError)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "output at layer 0: expected finite numbers, got inf"
    );
    net.params_mut().fill(1e15);
    let error = gradient
        .compute(&net, &[1e-3], &[0.0], &SquaredError)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "loss at layer 1: expected finite numbers, got inf"
    );

    let other = self::net(&[1, 3, 1], 3);
    assert!(
        gradient
            .compute(&other, &[1.0], &[0.0], &SquaredError)
            .is_err()
    );
}

#[test]
fn rows_are_chosen_by_index() {
    let net = net(&[2, 5, 1], 3);
    let (inputs, targets) = (samples(20), samples(10));
    let mut gradient = GradientWorkspace::new(&net);
    let some = gradient
        .compute_samples(
            &net,
            &Samples::new(&inputs, &targets).rows(&[3, 0]),
            &SquaredError,
        )
        .unwrap();
    let values = gradient.values().to_vec();
    let picked = [&inputs[6..8], &inputs[..2]].concat();
    let same = gradient
        .compute(&net, &picked, &[targets[3], targets[0]], &SquaredError)
        .unwrap();
    assert_eq!((some, &values[..]), (same, gradient.values()));
    let error = gradient
        .compute_samples(
            &net,
            &Samples::new(&inputs, &targets).rows(&[10]),
            &SquaredError,
        )
        .unwrap_err();
    assert_eq!(error.to_string(), "row index: expected below 10, got 10");
    assert!(
        gradient
            .compute_samples(
                &net,
                &Samples::new(&inputs, &targets).rows(&[]),
                &SquaredError
            )
            .is_err()
    );
}

#[test]
fn a_penalty_pulls_weights_but_not_biases() {
    let net = net(&[2, 5, 1], 3);
    let (inputs, targets) = (samples(8), samples(4));
    let mut plain = GradientWorkspace::new(&net);
    let mut penalized = GradientWorkspace::new(&net).l2(0.5).unwrap();
    let loss = plain
        .compute(&net, &inputs, &targets, &SquaredError)
        .unwrap();
    let with = penalized
        .compute(&net, &inputs, &targets, &SquaredError)
        .unwrap();
    let mut squares = 0.0;
    for at in net.layout().layers() {
        assert_eq!(
            plain.values()[at.bias.clone()],
            penalized.values()[at.bias.clone()]
        );
        for i in at.weights.clone() {
            let w = net.params()[i];
            squares += f64::from(w * w);
            approx::assert_relative_eq!(
                penalized.values()[i],
                plain.values()[i] + 0.125 * w,
                epsilon = 1e-6
            );
        }
    }
    approx::assert_relative_eq!(with, loss + 0.5 * 0.125 * squares, epsilon = 1e-6);
    assert!(GradientWorkspace::new(&net).l2(-1.0).is_err());
}

#[test]
fn networks_that_differ_in_pieces_are_not_alike() {
    let net = |outputs, pieces| {
        let builder = Mlp::<f32>::builder(3).output(outputs, Maxout::new(pieces));
        builder.build().unwrap()
    };
    let (one, other) = (net(2, 3), net(3, 2));
    assert_eq!(one.params().len(), other.params().len());
    assert!(!one.is_shaped_like(&other));
    assert_eq!(one.layout().layers()[0].rows(), 6);
    assert_eq!((one.outputs(), other.outputs()), (2, 3));
    let owned: Vec<_> = one.layers().collect();
    assert!(Mlp::from_layers(&owned).unwrap().is_shaped_like(&one));
}
