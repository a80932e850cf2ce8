//! Compares gradients of back-propagation with central differences, for every activation and every
//! loss, and for weights, biases and inputs.

use feedforward::activation::{self, Activation};
use feedforward::loss::{
    BinaryCrossEntropy, GaussianNll, Huber, MeanAbsoluteError, MeanSquaredError, Pinball, Poisson,
    RelativeL2, SoftmaxCrossEntropy, SquaredError,
};
use feedforward::{Clip, Error, GradientWorkspace, Loss, Mlp, Position, Samples, Shard};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const SIZES: [usize; 4] = [3, 4, 3, 2];
const SAMPLES: usize = 5;

struct Case {
    net: Mlp<f64>,
    inputs: Vec<f64>,
    targets: Vec<f64>,
}

/// Targets between 0.1 and 0.9 suit every loss, because they can be rates and probabilities.
fn case(activation: &std::sync::Arc<dyn Activation<f64>>, seed: u64) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut net = Mlp::builder(SIZES[0])
        .hidden(SIZES[1], activation.clone())
        .hidden(SIZES[2], activation.clone())
        .output(SIZES[3], activation.clone())
        .build()
        .unwrap();
    for p in net.params_mut() {
        *p = rng.random::<f64>() * 1.6 - 0.8;
    }
    let inputs = (0..SAMPLES * SIZES[0])
        .map(|_| rng.random::<f64>() * 2.0 - 1.0)
        .collect();
    let raw: Vec<f64> = (0..SAMPLES * SIZES[3])
        .map(|_| 0.1 + 0.8 * rng.random::<f64>())
        .collect();
    let targets = raw
        .chunks(2)
        .flat_map(|t| [t[0] / (t[0] + t[1]), t[1] / (t[0] + t[1])])
        .collect();
    Case {
        net,
        inputs,
        targets,
    }
}

/// Returns the central difference at x, or `None` near a kink.
///
/// Differences at two distances disagree if a kink of the activation or loss lies between them.
fn differences(mut loss_at: impl FnMut(f64) -> f64) -> Option<f64> {
    let mut slope = |h: f64| (loss_at(h) - loss_at(-h)) / (2.0 * h);
    let (near, far) = (slope(1e-5), slope(3e-5));
    ((near - far).abs() < 1e-7 * (1.0 + near.abs())).then_some(near)
}

/// Compares the gradient with differences of a loss and its targets.
fn check(
    case: &Case,
    loss: &dyn Loss<f64>,
    (probe_loss, probe_targets): (&dyn Loss<f64>, &[f64]),
    label: &str,
) {
    let Case {
        net,
        inputs,
        targets,
    } = case;
    let mut gradient = GradientWorkspace::new(net).with_input_gradient();
    gradient.compute(net, inputs, targets, loss).unwrap();
    let mut probe = GradientWorkspace::new(net);
    let mut checked = 0;
    let mut compare = |got: f64, expected: Option<f64>, what: String| {
        let Some(expected) = expected else { return };
        checked += 1;
        let d = (got - expected).abs() / (1e-3 + expected.abs());
        assert!(
            d < 1e-5,
            "{label}, {what}: got {got}, differences give {expected}"
        );
    };
    for i in 0..net.params().len() {
        let mut moved = net.clone();
        let slope = differences(|h| {
            moved.params_mut()[i] = net.params()[i] + h;
            probe
                .evaluate(&moved, inputs, probe_targets, probe_loss)
                .unwrap()
        });
        compare(gradient.values()[i], slope, format!("parameter {i}"));
    }
    for i in 0..inputs.len() {
        let mut moved = inputs.clone();
        let slope = differences(|h| {
            moved[i] = inputs[i] + h;
            probe
                .evaluate(net, &moved, probe_targets, probe_loss)
                .unwrap()
        });
        compare(
            gradient.input_gradient().unwrap()[i],
            slope,
            format!("input {i}"),
        );
    }
    let all = net.params().len() + inputs.len();
    assert!(
        checked * 10 >= all * 8,
        "{label}: only {checked} of {all} were smooth"
    );
}

#[test]
fn every_activation_with_every_loss() {
    let losses: [Box<dyn Loss<f64>>; 9] = [
        Box::new(SquaredError),
        Box::new(MeanSquaredError),
        Box::new(MeanAbsoluteError),
        Box::new(Huber::new(0.3)),
        Box::new(Poisson),
        Box::new(BinaryCrossEntropy),
        Box::new(SoftmaxCrossEntropy),
        Box::new(Pinball::new([0.3, 0.8])),
        Box::new(GaussianNll::new(0.0)),
    ];
    for (seed, activation) in activation::all::<f64>().iter().enumerate() {
        for loss in &losses {
            let mut case = case(activation, seed as u64);
            let targets = case.targets.iter().step_by(loss.outputs_per_target());
            case.targets = targets.copied().collect();
            let label = format!("{} with {loss:?}", activation.name());
            let loss = Unchecked(&**loss);
            check(&case, &loss, (&loss, &case.targets), &label);
        }
    }
}

/// A loss that accepts any activation, even one it could not learn with; only its numbers matter.
#[derive(Debug)]
struct Unchecked<'a>(&'a dyn Loss<f64>);

impl Loss<f64> for Unchecked<'_> {
    fn evaluate(&self, output: &[f64], target: &[f64], gradient: &mut [f64]) -> f64 {
        self.0.evaluate(output, target, gradient)
    }

    fn outputs_per_target(&self) -> usize {
        self.0.outputs_per_target()
    }
}

/// A loss whose gradient by the outputs is the target, for any outputs.
#[derive(Debug)]
struct Linear;

impl Loss<f64> for Linear {
    fn evaluate(&self, output: &[f64], target: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.copy_from_slice(target);
        output.iter().zip(target).map(|(y, t)| y * t).sum()
    }
}

/// The relative loss treats its denominator as a constant, so its gradient is not the derivative of
/// its value. It must equal the gradient of the linear loss with equal derivatives by the outputs.
#[test]
fn every_activation_with_the_relative_loss() {
    for (seed, activation) in activation::all::<f64>().iter().enumerate() {
        let case = case(activation, seed as u64);
        let outputs = case.net.predict(&case.inputs).unwrap();
        let mut derivatives = vec![0.0; outputs.len()];
        let rows = outputs.chunks(2).zip(case.targets.chunks(2));
        for ((output, target), derivative) in rows.zip(derivatives.chunks_mut(2)) {
            RelativeL2::default().evaluate(output, target, derivative);
        }
        let probe = (&Linear as &dyn Loss<f64>, &derivatives[..]);
        check(
            &case,
            &RelativeL2::default(),
            probe,
            &format!("{} with RelativeL2", activation.name()),
        );
    }
}

/// scikit-learn's squared error returns `outputs` times the gradient of its value.
#[test]
fn scikit_learns_squared_error_has_the_gradient_of_half_the_sum() {
    let case = case(&activation::parse("identity").unwrap(), 1);
    let mut one = GradientWorkspace::new(&case.net);
    let mut other = GradientWorkspace::new(&case.net);
    let mean = one.compute(
        &case.net,
        &case.inputs,
        &case.targets,
        &feedforward::loss::ScikitSquaredError,
    );
    let sum = other.compute(&case.net, &case.inputs, &case.targets, &SquaredError);
    approx::assert_relative_eq!(mean.unwrap() * 2.0, sum.unwrap(), epsilon = 1e-14);
    assert_eq!(one.values(), other.values());
}

/// Uses more samples than pass through the network at once, and an uneven number of them.
fn many(case: &mut Case, samples: usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(99);
    let mut random = |count| (0..count).map(|_| rng.random::<f64>()).collect();
    case.inputs = random(samples * SIZES[0]);
    case.targets = random(samples * SIZES[3]);
}

#[test]
fn the_jacobian_of_every_activation() {
    for (seed, activation) in activation::all::<f64>().iter().enumerate() {
        let Case { net, inputs, .. } = case(activation, seed as u64);
        let (ins, outs) = (net.inputs(), net.outputs());
        let mut workspace = GradientWorkspace::new(&net);
        let jacobian = workspace.jacobian(&net, &inputs).unwrap();
        assert_eq!(jacobian.len(), SAMPLES * outs * ins);
        let mut checked = 0;
        for (index, &got) in jacobian.iter().enumerate() {
            let (sample, output, input) = (index / (outs * ins), index / ins % outs, index % ins);
            let mut moved = inputs[sample * ins..][..ins].to_vec();
            let slope = differences(|h| {
                moved[input] = inputs[sample * ins + input] + h;
                net.predict(&moved).unwrap()[output]
            });
            let Some(expected) = slope else { continue };
            checked += 1;
            let d = (got - expected).abs() / (1e-3 + expected.abs());
            let name = activation.name();
            assert!(d < 1e-5, "{name}, dy{output}/dx{input}: {got}, {expected}");
        }
        assert!(checked * 10 >= jacobian.len() * 8, "{}", activation.name());
    }
}

/// Compares each sample's gradient with differences of its own loss. L2, clipping and dropout must
/// not affect it.
#[test]
fn the_gradient_of_each_sample_for_every_activation() {
    for (seed, activation) in activation::all::<f64>().iter().enumerate() {
        let case = case(activation, seed as u64);
        let (net, loss) = (&case.net, MeanSquaredError);
        let workspace = GradientWorkspace::new(net).l2(0.5).unwrap();
        let workspace = workspace.clip(Clip::Norm(1e-3)).unwrap();
        let mut workspace = workspace.dropout(0.5, 1).unwrap();
        let samples = Samples::new(&case.inputs, &case.targets);
        let (losses, each) = workspace.compute_each(net, &samples, &loss).unwrap();
        let mut probe = GradientWorkspace::new(net);
        let (params, mut checked) = (net.params().len(), 0);
        assert_eq!((losses.len(), each.len()), (SAMPLES, SAMPLES * params));
        for (sample, each) in each.chunks(params).enumerate() {
            let row = [sample];
            let sample_alone = samples.rows(&row);
            let alone = probe.evaluate_samples(net, &sample_alone, &loss);
            assert_eq!(alone.unwrap(), losses[sample]);
            for (i, &got) in each.iter().enumerate() {
                let mut moved = net.clone();
                let slope = differences(|h| {
                    moved.params_mut()[i] = net.params()[i] + h;
                    let loss = probe.evaluate_samples(&moved, &sample_alone, &loss);
                    loss.unwrap()
                });
                let Some(expected) = slope else { continue };
                checked += 1;
                let d = (got - expected).abs() / (1e-3 + expected.abs());
                let name = activation.name();
                assert!(d < 1e-5, "{name}, parameter {i}: {got}, {expected}");
            }
        }
        assert!(
            checked * 10 >= SAMPLES * params * 8,
            "{}",
            activation.name()
        );
    }
}

/// The gradient of a weighted minibatch must be the weighted mean of its samples' gradients.
#[test]
fn gradients_of_samples_sum_up_to_that_of_the_minibatch() {
    const MANY: usize = 1000;
    let weights: Vec<f64> = (0..MANY).map(|i| f64::from(i as u32 % 5)).collect();
    let rows: Vec<usize> = (0..MANY).rev().filter(|i| i % 7 != 0).collect();
    let total: f64 = rows.iter().map(|&row| weights[row]).sum();
    for (seed, activation) in activation::all::<f64>().iter().enumerate() {
        let mut case = case(activation, seed as u64);
        many(&mut case, MANY);
        let net = &case.net;
        let samples = Samples::new(&case.inputs, &case.targets);
        let samples = samples.weights(&weights).rows(&rows);
        let mut whole = GradientWorkspace::new(net);
        let loss = whole.compute_samples(net, &samples, &SquaredError).unwrap();
        let mut parts = GradientWorkspace::new(net);
        let (losses, each) = parts.compute_each(net, &samples, &SquaredError).unwrap();
        let (mut mean_loss, mut mean) = (0.0, vec![0.0; net.params().len()]);
        let gradients = each.chunks(net.params().len());
        for ((&row, own), gradient) in rows.iter().zip(losses).zip(gradients) {
            let share = weights[row] / total;
            mean_loss += share * own;
            for (mean, g) in mean.iter_mut().zip(gradient) {
                *mean += share * g;
            }
        }
        assert!((mean_loss - loss).abs() < 1e-12 * (1.0 + loss));
        for (mean, expected) in mean.iter().zip(whole.values()) {
            let d = (mean - expected).abs();
            assert!(
                d < 1e-12 * (1.0 + expected.abs()),
                "{}: {d}",
                activation.name()
            );
        }
    }
}

/// Results are bit-identical for one sample and for many, and do not depend on earlier calls.
#[test]
fn derivatives_of_one_sample_are_those_among_many() {
    for name in ["tanh", "maxout", "relu"] {
        let mut case = case(&activation::parse(name).unwrap(), 3);
        many(&mut case, 500);
        let Case {
            net,
            inputs,
            targets,
        } = &case;
        let mut workspace = GradientWorkspace::new(net).with_input_gradient();
        workspace
            .compute(net, &inputs[..6], &targets[..4], &SquaredError)
            .unwrap();
        let before = (
            workspace.values().to_vec(),
            workspace.input_gradient().unwrap().to_vec(),
        );
        let jacobian = workspace.jacobian(net, inputs).unwrap().to_vec();
        let samples = Samples::new(inputs, targets);
        let each = workspace
            .compute_each(net, &samples, &SquaredError)
            .unwrap();
        let each = each.1.to_vec();
        let mut one = GradientWorkspace::new(net);
        let (jacobians, eaches) = (jacobian.chunks(2 * 3), each.chunks(net.params().len()));
        let rows = inputs.chunks(3).zip(targets.chunks(2));
        for ((jacobian, each), (x, y)) in jacobians.zip(eaches).zip(rows) {
            assert_eq!(one.jacobian(net, x).unwrap(), jacobian);
            one.compute(net, x, y, &SquaredError).unwrap();
            assert_eq!(one.values(), each);
        }
        assert_eq!(workspace.values(), before.0);
        assert_eq!(workspace.input_gradient().unwrap(), before.1);
    }
}

/// The inputs' gradient is the outputs' gradient times the Jacobian.
#[test]
fn a_product_with_the_jacobian_is_the_gradient_of_the_inputs() {
    for activation in &activation::all::<f64>() {
        let Case {
            net,
            inputs,
            targets,
        } = case(activation, 17);
        let mut workspace = GradientWorkspace::new(&net).with_input_gradient();
        workspace.compute(&net, &inputs, &targets, &Linear).unwrap();
        let expected = workspace.input_gradient().unwrap().to_vec();
        let jacobian = workspace.jacobian(&net, &inputs).unwrap();
        let rows = jacobian.chunks(2 * 3).zip(targets.chunks(2));
        let products = rows.flat_map(|(jacobian, t)| {
            (0..3).map(|i| (jacobian[i] * t[0] + jacobian[3 + i] * t[1]) / SAMPLES as f64)
        });
        for (product, expected) in products.zip(expected) {
            assert!((product - expected).abs() < 1e-14 * (1.0 + expected.abs()));
        }
    }
}

#[test]
#[allow(clippy::too_many_lines)] // one list of cases
fn bad_input_is_an_error_of_derivatives() {
    let Case {
        net,
        inputs,
        targets,
    } = case(&activation::parse("identity").unwrap(), 1);
    let mut workspace = GradientWorkspace::new(&net);
    let error = workspace.jacobian(&net, &inputs[1..]).unwrap_err();
    assert!(
        matches!(error, Error::Rows { what: "inputs", .. }),
        "{error}"
    );
    let error = workspace.jacobian(&net, &[0.0, f64::NAN, 0.0]).unwrap_err();
    let at = Position::Cell { row: 0, column: 1 };
    assert!(
        matches!(error, Error::NotFinite { at: got, .. } if got == at),
        "{error}"
    );
    let samples = Samples::new(&inputs, &targets[1..]);
    let error = workspace
        .compute_each(&net, &samples, &SquaredError)
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Length {
                what: "targets",
                ..
            }
        ),
        "{error}"
    );
    let other = Mlp::<f64>::builder(3)
        .output(2, activation::Identity)
        .build()
        .unwrap();
    let error = workspace.jacobian(&other, &inputs).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");

    let mut large = net.clone();
    large.params_mut().fill(1e200);
    let error = workspace.jacobian(&large, &inputs).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Overflow {
                what: "output",
                layer: 1,
                ..
            }
        ),
        "{error}"
    );
    let samples = Samples::new(&inputs, &targets);
    let error = workspace
        .compute_each(&large, &samples, &SquaredError)
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Overflow {
                what: "output",
                layer: 1,
                ..
            }
        ),
        "{error}"
    );
    // With inputs of 0, the outputs are finite, and only the back-propagated gradient is not.
    let biases = large.layout().layers().iter().map(|at| at.bias.clone());
    for bias in biases.collect::<Vec<_>>() {
        large.params_mut()[bias].fill(0.0);
    }
    let error = workspace.jacobian(&large, &[0.0; 3]).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Overflow {
                what: "derivative",
                ..
            }
        ),
        "{error}"
    );
    let samples = Samples::new(&[0.0; 3], &[1.0, 1.0]);
    let error = workspace
        .compute_each(&large, &samples, &SquaredError)
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Overflow {
                what: "gradient",
                layer: 0,
                ..
            }
        ),
        "{error}"
    );
}

/// Each place lies in another lane of a register or another block than its neighbors.
#[test]
fn a_gradient_that_is_not_finite_in_any_place_is_an_error() {
    let net = Mlp::<f32>::builder(7)
        .hidden(11, activation::Tanh)
        .output(3, activation::Identity)
        .build()
        .unwrap();
    let (whole, len) = (Shard::of_chunks(5, 0, 1).unwrap(), net.params().len());
    for l2 in [0.0, 0.5] {
        let mut gradient = GradientWorkspace::new(&net).l2(l2).unwrap();
        for place in 0..len {
            let mut sum = vec![0.25; len];
            gradient.finish_reduction(&net, &sum, 1.0, &whole).unwrap();
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                sum[place] = bad;
                let error = gradient.finish_reduction(&net, &sum, 1.0, &whole);
                assert!(
                    matches!(error, Err(Error::Overflow { .. })),
                    "{place}: {error:?}"
                );
            }
        }
    }
}
