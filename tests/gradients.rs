//! Back-propagated gradients against central differences: every activation, every loss, and
//! weights, biases and inputs.

use feedforward::activation::{self, Activation};
use feedforward::loss::{
    BinaryCrossEntropy, Huber, MeanAbsoluteError, MeanSquaredError, Poisson, RelativeL2,
    SoftmaxCrossEntropy, SquaredError,
};
use feedforward::{Gradient, Loss, Mlp};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const SIZES: [usize; 4] = [3, 4, 3, 2];
const SAMPLES: usize = 5;

struct Case {
    net: Mlp<f64>,
    inputs: Vec<f64>,
    targets: Vec<f64>,
}

/// Targets between 0.1 and 0.9 suit every loss: they can be rates and probabilities.
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

/// Derivatives from both sides of x, and from farther away: where they disagree, a kink of the
/// activation or of the loss lies between and the difference says nothing.
fn differences(mut loss_at: impl FnMut(f64) -> f64) -> Option<f64> {
    let mut slope = |h: f64| (loss_at(h) - loss_at(-h)) / (2.0 * h);
    let (near, far) = (slope(1e-5), slope(3e-5));
    ((near - far).abs() < 1e-7 * (1.0 + near.abs())).then_some(near)
}

/// Compares the gradient with differences of the probe: a loss and its targets.
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
    let mut gradient = Gradient::new(net).with_inputs();
    gradient.compute(net, inputs, targets, loss).unwrap();
    let mut probe = Gradient::new(net);
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
        compare(gradient.inputs().unwrap()[i], slope, format!("input {i}"));
    }
    let all = net.params().len() + inputs.len();
    assert!(
        checked * 10 >= all * 8,
        "{label}: only {checked} of {all} were smooth"
    );
}

#[test]
fn every_activation_with_every_loss() {
    let losses: [Box<dyn Loss<f64>>; 7] = [
        Box::new(SquaredError),
        Box::new(MeanSquaredError),
        Box::new(MeanAbsoluteError),
        Box::new(Huber::new(0.3)),
        Box::new(Poisson),
        Box::new(BinaryCrossEntropy),
        Box::new(SoftmaxCrossEntropy),
    ];
    for (seed, activation) in activation::all::<f64>().iter().enumerate() {
        let case = case(activation, seed as u64);
        for loss in &losses {
            let label = format!("{} with {loss:?}", activation.name());
            check(&case, &**loss, (&**loss, &case.targets), &label);
        }
    }
}

/// A loss whose gradient with respect to the outputs is the target, wherever they are.
#[derive(Debug)]
struct Linear;

impl Loss<f64> for Linear {
    fn evaluate(&self, output: &[f64], target: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.copy_from_slice(target);
        output.iter().zip(target).map(|(y, t)| y * t).sum()
    }
}

/// The relative loss takes its denominator for a constant, so its gradient is not its value's
/// slope. It must be that of the linear loss which has the same gradient at the outputs.
#[test]
fn every_activation_with_the_relative_loss() {
    for (seed, activation) in activation::all::<f64>().iter().enumerate() {
        let case = case(activation, seed as u64);
        let outputs = case.net.predict(&case.inputs).unwrap();
        let mut slopes = vec![0.0; outputs.len()];
        let rows = outputs.chunks(2).zip(case.targets.chunks(2));
        for ((output, target), slope) in rows.zip(slopes.chunks_mut(2)) {
            RelativeL2::default().evaluate(output, target, slope);
        }
        let probe = (&Linear as &dyn Loss<f64>, &slopes[..]);
        check(
            &case,
            &RelativeL2::default(),
            probe,
            &format!("{} with RelativeL2", activation.name()),
        );
    }
}

/// scikit-learn's squared error reports a gradient that is `outputs` times its value's.
#[test]
fn scikit_learns_squared_error_has_the_gradient_of_half_the_sum() {
    let all = activation::all::<f64>();
    let case = case(&all[0], 1);
    let mut one = Gradient::new(&case.net);
    let mut other = Gradient::new(&case.net);
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
