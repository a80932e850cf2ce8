//! Jacobians by parameters and inputs: central differences, blocks, threads, instruction sets.

use feedforward::activation::{self, Exponential, Identity, Tanh};
use feedforward::loss::SquaredError;
use feedforward::simd::InstructionSet;
use feedforward::{Error, Float, GradientWorkspace, Mlp, MlpRef, Position, Samples};

#[path = "common/derived.rs"]
mod derived;
use derived::{network, networks, random};

fn bits<T: Float>(values: &[T]) -> Vec<u64> {
    values.iter().map(|x| x.as_f64().to_bits()).collect()
}

#[test]
fn the_jacobian_by_the_parameters_is_the_central_difference() {
    for (name, net) in networks::<f64>() {
        let inputs = random(7, 4 * 3, 0.05, 0.95);
        let params = net.params().len();
        let mut workspace = GradientWorkspace::new(&net);
        let jacobian = workspace.parameter_jacobian(&net, &inputs).unwrap();
        assert_eq!(jacobian.len(), 4 * 2 * params);
        let mut checked = 0;
        for p in 0..params {
            let difference = |h: f64| {
                let mut moved = net.clone();
                moved.params_mut()[p] += h;
                let above = moved.predict(&inputs).unwrap();
                moved.params_mut()[p] = net.params()[p] - h;
                let below = moved.predict(&inputs).unwrap();
                let pairs = above.into_iter().zip(below);
                pairs.map(|(a, b)| (a - b) / (2.0 * h)).collect::<Vec<_>>()
            };
            for (row, (near, far)) in difference(1e-5).iter().zip(difference(3e-5)).enumerate() {
                // They disagree if a kink lies between them.
                if (near - far).abs() > 1e-7 * (1.0 + near.abs()) {
                    continue;
                }
                checked += 1;
                let got = jacobian[row * params + p];
                let error = (got - near).abs() / (1e-3 + near.abs());
                assert!(error < 1e-5, "{name}, row {row}, {p}: {got}, {near}");
            }
        }
        assert!(checked * 10 >= jacobian.len() * 8, "{name}: {checked}");
    }
}

/// The gradient of e²/2 is e · J, for a network with one output and for each of two.
#[test]
fn gradients_of_samples_are_errors_times_the_jacobian() {
    for (name, net) in networks::<f64>() {
        let (inputs, targets) = (random(8, 90 * 3, 0.05, 0.95), random(9, 90 * 2, -1.0, 1.0));
        let params = net.params().len();
        let outputs = net.predict(&inputs).unwrap();
        let mut workspace = GradientWorkspace::new(&net);
        let jacobian = workspace
            .parameter_jacobian(&net, &inputs)
            .unwrap()
            .to_vec();
        let samples = Samples::new(&inputs, &targets);
        let (_, each) = workspace
            .compute_each(&net, &samples, &SquaredError)
            .unwrap();
        for (index, gradient) in each.iter().enumerate() {
            let (sample, p) = (index / params, index % params);
            let expected: f64 = (2 * sample..2 * sample + 2)
                .map(|row| (outputs[row] - targets[row]) * jacobian[row * params + p])
                .sum();
            let error = (gradient - expected).abs();
            assert!(error < 1e-13 * (1.0 + expected.abs()), "{name}: {error}");
        }
    }
}

/// All derivatives of a network as bits, computed in every way.
fn derivatives<T: Float>(net: &Mlp<T>, inputs: &[T], threads: usize) -> Vec<Vec<u64>> {
    let mut workspace = GradientWorkspace::new(net).threads(threads).unwrap();
    let targets = vec![T::zero(); inputs.len() / net.inputs() * net.outputs()];
    let whole = bits(workspace.parameter_jacobian(net, inputs).unwrap());
    let by_inputs = bits(workspace.jacobian(net, inputs).unwrap());
    let samples = Samples::new(inputs, &targets);
    let (losses, each) = workspace
        .compute_each(net, &samples, &SquaredError)
        .unwrap();
    let gradients = [bits(losses), bits(each)].concat();
    let (mut blocks, mut outputs, mut next) = (Vec::new(), Vec::new(), 0);
    let visited = workspace.for_each_jacobian_block(net, inputs, |block| {
        assert_eq!(block.samples.start, next);
        next = block.samples.end;
        let rows = block.samples.len() * net.outputs();
        assert_eq!(block.outputs.len(), rows);
        assert_eq!(block.jacobian.len(), rows * net.params().len());
        assert!(block.samples.len() == 1 || (1..=512).contains(&rows));
        blocks.extend(bits(block.jacobian));
        outputs.extend(bits(block.outputs));
        Ok(())
    });
    visited.unwrap();
    assert_eq!(blocks, whole);
    assert_eq!(outputs, bits(&net.predict(inputs).unwrap()));
    vec![whole, by_inputs, gradients]
}

fn same_bits<T: Float>(net: &Mlp<T>, inputs: &[T], name: &str) -> Vec<Vec<u64>> {
    let expected = derivatives(net, inputs, 1);
    for threads in [2, 8] {
        let got = derivatives(net, inputs, threads);
        assert!(got == expected, "{name} on {threads} threads");
    }
    // A network that borrows everything. Earlier contents of its scratch must not matter.
    let borrowed = MlpRef::from(net);
    let mut scratch = vec![T::nan(); borrowed.jacobian_scratch_len()];
    let mut jacobian = vec![T::nan(); expected[1].len()];
    let done = borrowed.jacobian_into(inputs, &mut jacobian, &mut scratch);
    done.unwrap();
    assert!(bits(&jacobian) == expected[1], "{name}, borrowed");
    // A sample alone, and its rows among all.
    let (width, mut alone) = (net.inputs(), GradientWorkspace::new(net));
    let samples = inputs.len() / width;
    for sample in [0, samples / 2, samples - 1] {
        let x = &inputs[sample * width..][..width];
        let rows = bits(alone.parameter_jacobian(net, x).unwrap());
        assert!(
            rows == expected[0][sample * rows.len()..][..rows.len()],
            "{name}"
        );
    }
    expected
}

/// A single test, because the choice of an instruction set applies to the whole process.
#[test]
fn bits_are_equal_on_every_set_with_any_number_of_threads() {
    fn check<T: Float>() -> Vec<Vec<Vec<u64>>> {
        let mut all = Vec::new();
        for (name, net) in networks::<T>() {
            let inputs = random(11, 250 * 3, 0.05, 0.95);
            all.push(same_bits(&net, &inputs, &name));
        }
        // Rows of one to many registers, and more outputs than a step has copies.
        for (inputs, hidden, outputs, samples) in [
            (1, 1, 1, 1),
            (2, 10, 1, 200),
            (17, 33, 3, 130),
            (70, 40, 5, 60),
            (3, 4, 400, 3),
            (3, 4, 700, 2),
            (5, 129, 2, 90),
        ] {
            let builder = Mlp::<T>::builder(inputs).hidden(hidden, Tanh);
            let net = builder.output(outputs, Identity).build().unwrap();
            let x = random(3, samples * inputs, -1.0, 1.0);
            all.push(same_bits(&net, &x, &format!("{inputs}-{hidden}-{outputs}")));
        }
        all
    }
    let before = InstructionSet::active();
    let fused: Vec<_> = InstructionSet::available()
        .map(|set| {
            set.activate().unwrap();
            (set, check::<f32>(), check::<f64>())
        })
        .filter(|(set, ..)| set.is_fused())
        .collect();
    before.activate().unwrap();
    for pair in fused.windows(2) {
        assert!(pair[0].1 == pair[1].1 && pair[0].2 == pair[1].2);
    }
}

#[test]
fn wrong_calls_are_errors() {
    let net = network(None, &activation::parse("identity").unwrap(), 1);
    let inputs = random::<f64>(2, 5 * 3, -1.0, 1.0);
    let mut workspace = GradientWorkspace::new(&net).threads(2).unwrap();
    let mut calls = |net: &Mlp<f64>, inputs: &[f64]| {
        let whole = workspace.parameter_jacobian(net, inputs).map(drop);
        let blocks = workspace.for_each_jacobian_block(net, inputs, |_| Ok(()));
        assert_eq!(format!("{whole:?}"), format!("{blocks:?}"));
        whole.unwrap_err()
    };
    let error = calls(&net, &inputs[1..]);
    assert!(
        matches!(error, Error::Rows { what: "inputs", .. }),
        "{error}"
    );
    let error = calls(&net, &[]);
    assert!(
        matches!(error, Error::Rows { what: "inputs", .. }),
        "{error}"
    );
    let error = calls(&net, &[0.0, 0.0, 0.0, 0.0, f64::NAN, 0.0]);
    let at = Position::Cell { row: 1, column: 1 };
    assert!(matches!(error, Error::NotFinite { at: got, .. } if got == at));
    let other = Mlp::builder(3).output(2, Identity).build().unwrap();
    let error = calls(&other, &inputs);
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    let mut bad = net.clone();
    bad.params_mut()[3] = f64::INFINITY;
    let error = calls(&bad, &inputs);
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");

    // An error of the caller ends the calls.
    let many = random::<f64>(2, 1000 * 3, -1.0, 1.0);
    let mut count = 0;
    let ended = workspace.for_each_jacobian_block(&net, &many, |_| {
        count += 1;
        Err(Error::Empty { what: "rows" })
    });
    assert_eq!((ended, count), (Err(Error::Empty { what: "rows" }), 1));
}

/// The first sample with an overflow is named, regardless of steps and threads.
#[test]
fn an_overflow_names_the_first_layer_of_the_first_sample() {
    let mut net = Mlp::<f64>::builder(1)
        .hidden(1, Identity)
        .output(2, Identity)
        .build()
        .unwrap();
    // y = 1e200 (1e100 x) and 1e100 x.
    net.set_params(&[1e100, 0.0, 1e200, 1.0, 0.0, 0.0]).unwrap();
    for threads in [1, 2, 3] {
        let mut workspace = GradientWorkspace::new(&net).threads(threads).unwrap();
        let mut inputs = vec![0.0; 5000];
        // dy/dw of the first layer is 1e200 x, and the output 1e300 x.
        inputs[4000] = 1e9;
        inputs[4001] = 1e250;
        let error = workspace.parameter_jacobian(&net, &inputs).unwrap_err();
        let infinity = f64::INFINITY;
        let expected = |what, layer| Error::Overflow {
            what,
            layer,
            value: infinity,
        };
        assert_eq!(error, expected("output", 1));
        assert_eq!(workspace.jacobian(&net, &inputs).unwrap_err(), error);
        let borrowed = |net: &Mlp<f64>, inputs: &[f64]| {
            let (view, mut jacobian) = (MlpRef::from(net), vec![0.0; 2 * inputs.len()]);
            let mut scratch = vec![0.0; view.jacobian_scratch_len()];
            view.jacobian_into(inputs, &mut jacobian, &mut scratch)
        };
        assert_eq!(borrowed(&net, &inputs).unwrap_err(), error);
        inputs.swap(4000, 4001);
        let error = workspace.parameter_jacobian(&net, &inputs).unwrap_err();
        assert_eq!(error, expected("output", 0));
        assert_eq!(borrowed(&net, &inputs).unwrap_err(), error);
        // Only derivatives overflow. That by the first layer's weight is 1e200 · 1e109.
        let mut other = net.clone();
        other
            .set_params(&[1e-200, 0.0, 1e200, 1.0, 0.0, 0.0])
            .unwrap();
        inputs.fill(0.0);
        inputs[4500] = 1e109;
        let error = workspace.parameter_jacobian(&other, &inputs).unwrap_err();
        assert_eq!(error, expected("derivative", 0));
        assert!(workspace.jacobian(&other, &inputs).is_ok());
        assert!(borrowed(&other, &inputs).is_ok());
        // Only a derivative by the input overflows.
        other
            .set_params(&[1e200, 0.0, 1e200, 1.0, 0.0, 0.0])
            .unwrap();
        inputs.fill(0.0);
        let error = workspace.jacobian(&other, &inputs).unwrap_err();
        assert_eq!(error, expected("derivative", 0));
        assert_eq!(borrowed(&other, &inputs).unwrap_err(), error);
    }
}

/// The largest input of one sample times the largest derivative of another would overflow.
#[test]
fn large_factors_of_different_samples_are_no_overflow() {
    let mut net = Mlp::<f64>::builder(2)
        .output(1, Exponential)
        .build()
        .unwrap();
    net.set_params(&[1.0, 0.0, 0.0]).unwrap();
    let mut workspace = GradientWorkspace::new(&net);
    let inputs = [300.0, 0.0, 0.0, 1e200];
    let jacobian = workspace.parameter_jacobian(&net, &inputs).unwrap();
    let y = net.predict(&inputs).unwrap();
    assert!(y[0] > 1e130);
    assert_eq!(jacobian, [300.0 * y[0], 0.0, y[0], 0.0, 1e200, 1.0]);
    let error = workspace.parameter_jacobian(&net, &[300.0, 1e200]);
    assert!(matches!(
        error,
        Err(Error::Overflow {
            what: "derivative",
            layer: 0,
            ..
        })
    ));
}
