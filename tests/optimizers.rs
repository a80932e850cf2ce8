//! Optimizers against PyTorch's and scikit-learn's trajectories.

use feedforward::Layout;
use feedforward::optimizer::{
    Adagrad, Adam, AdamW, EpsilonForm, Nadam, Optimizer, RmsProp, Sgd, State,
};
use serde_json::Value;

const FIXTURE: &str = include_str!("fixtures/extra/optimizers.json");

fn numbers(value: &Value) -> Vec<f64> {
    let array = value.as_array().unwrap();
    array.iter().map(|x| x.as_f64().unwrap()).collect()
}

/// The optimizer of a case, or `None` for a rule that the crate does not have.
fn optimizer(case: &Value) -> Option<Box<dyn Optimizer<f64>>> {
    let hyper = |name: &str| case["hyper"][name].as_f64();
    let learning_rate = hyper("lr").unwrap();
    let epsilon = hyper("eps");
    let momentum = hyper("momentum").unwrap_or(0.0);
    let adam = Adam {
        beta1: hyper("b1").unwrap_or(0.9),
        beta2: hyper("b2").unwrap_or(0.999),
        epsilon: epsilon.unwrap_or(1e-8),
        ..Adam::new(learning_rate)
    };
    Some(match case["rule"].as_str().unwrap() {
        "sgd" | "sgd_momentum" | "sgd_nesterov" => Box::new(Sgd {
            learning_rate,
            momentum,
            nesterov: case["hyper"]["nesterov"].as_bool().unwrap_or(false),
        }),
        "adam_sklearn" => Box::new(Adam {
            epsilon_form: EpsilonForm::Hat,
            ..adam
        }),
        "adam_torch" => Box::new(adam),
        "adamw" => Box::new(AdamW {
            learning_rate,
            beta1: adam.beta1,
            beta2: adam.beta2,
            epsilon: adam.epsilon,
            weight_decay: hyper("weight_decay").unwrap(),
            decay_biases: true,
        }),
        "rmsprop" => Box::new(RmsProp {
            learning_rate,
            rho: hyper("alpha").unwrap(),
            epsilon: epsilon.unwrap(),
            momentum,
            centered: case["hyper"]["centered"].as_bool().unwrap_or(false),
        }),
        "adagrad" => Box::new(Adagrad {
            learning_rate,
            rate_decay: hyper("lr_decay").unwrap_or(0.0),
            initial_sum: 0.0,
            epsilon: epsilon.unwrap(),
        }),
        "nadam" => Box::new(Nadam {
            learning_rate,
            beta1: adam.beta1,
            beta2: adam.beta2,
            epsilon: adam.epsilon,
            momentum_decay: hyper("momentum_decay").unwrap(),
        }),
        "amsgrad" | "adamax" | "adadelta" => return None,
        other => panic!("unknown rule {other}"),
    })
}

#[test]
fn trajectories() {
    let fixture: Value = serde_json::from_str(FIXTURE).unwrap();
    let start = numbers(&fixture["p0"]);
    let gradients: Vec<_> = fixture["gradients"]
        .as_array()
        .unwrap()
        .iter()
        .map(numbers)
        .collect();
    // Five parameters: one neuron with four inputs.
    let layout = Layout::new(&[4, 1]);
    assert_eq!(layout.len(), start.len());

    let mut passed = 0;
    for case in fixture["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let Some(optimizer) = optimizer(case) else {
            continue;
        };
        // The decay of SGD and Adam is an L2 penalty, which belongs to the gradient.
        let is_penalty = case["rule"] != "adamw";
        let penalty = case["hyper"]["weight_decay"].as_f64().unwrap_or(0.0);
        let penalty = if is_penalty { penalty } else { 0.0 };

        let mut params = start.clone();
        let mut state = State::new(&*optimizer, &layout);
        let mut worst = 0.0_f64;
        for gradient in &gradients {
            let gradient: Vec<_> = gradient
                .iter()
                .zip(&params)
                .map(|(g, p)| g + penalty * p)
                .collect();
            let rate = optimizer.learning_rate();
            state
                .update(&*optimizer, rate, &mut params, &gradient)
                .unwrap();
            let expected = &case["params_after"][state.updates().to_string()];
            if expected.is_array() {
                for (got, expected) in params.iter().zip(numbers(expected)) {
                    worst = worst.max((got - expected).abs() / (1e-3 + expected.abs()));
                }
            }
        }
        println!("{id}: worst d = {worst:e}");
        assert!(worst <= 1e-12, "{id}: d = {worst:e}");
        passed += 1;
    }
    assert_eq!(passed, 16);
}

#[test]
fn lengths_are_checked() {
    let layout = Layout::new(&[1, 1]);
    let adam = Adam::default();
    let mut state = State::<f64>::new(&adam, &layout);
    assert!(state.update(&adam, 1.0, &mut [0.0], &[0.0; 2]).is_err());
    assert!(state.update(&adam, 1.0, &mut [0.0; 2], &[0.0]).is_err());
    let sgd = Sgd::default();
    assert!(state.update(&sgd, 1.0, &mut [0.0; 2], &[0.0; 2]).is_err());
    assert_eq!(state.updates(), 0);
}

/// A slice of the wrong length that is given to `step` itself changes nothing.
#[test]
fn a_step_with_wrong_slices_does_not_panic() {
    let layout = Layout::new(&[1, 1]);
    let step = feedforward::optimizer::Step {
        number: 1,
        learning_rate: 0.1,
        layout: &layout,
        range: 0..2,
    };
    let mut params = [1.0, 2.0];
    for state in [&mut [0.0; 0][..], &mut [0.0; 3]] {
        Adam::default().step(&step, &mut params, &[1.0; 2], state);
    }
    Adam::default().step(&step, &mut params, &[1.0], &mut [0.0; 4]);
    assert_eq!(params.map(f64::to_bits), [1.0, 2.0].map(f64::to_bits));
}
