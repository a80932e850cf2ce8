//! Compares optimizers with trajectories of PyTorch and scikit-learn.

use feedforward::Layout;
use feedforward::optimizer::{
    Adam, AdamW, EpsilonForm, Optimizer, Rprop, Sgd, State, UpdateContext,
};
use serde_json::Value;

const FIXTURE: &str = include_str!("fixtures/extra/optimizers.json");

fn numbers(value: &Value) -> Vec<f64> {
    let array = value.as_array().unwrap();
    array.iter().map(|x| x.as_f64().unwrap()).collect()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

/// Returns the largest difference, as the fixtures define it.
fn worst_d(got: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    assert!(got.iter().all(|x| x.is_finite()), "{got:?}"); // because `max` ignores NaN
    let pairs = got.iter().zip(expected);
    let d = pairs.map(|(got, expected)| (got - expected).abs() / (1e-3 + expected.abs()));
    d.fold(0.0, f64::max)
}

/// Optimizers that the fixture lacks, on its gradients. The numbers are from PyTorch 2.15 in f64.
#[test]
fn pytorch_beyond_the_fixture() {
    fn check(optimizer: &dyn Optimizer<f64>, expected: [f64; 5]) {
        let fixture: Value = serde_json::from_str(FIXTURE).unwrap();
        let mut params = numbers(&fixture["p0"]);
        let mut state = State::new(optimizer, &Layout::new(&[4, 1]).unwrap()).unwrap();
        for gradient in rows(&fixture["gradients"]) {
            let rate = optimizer.learning_rate();
            state
                .update(optimizer, rate, &mut params, &gradient)
                .unwrap();
        }
        let d = worst_d(&params, &expected);
        assert!(d <= 1e-12, "{optimizer:?}: d = {d:e}");
    }
    // Rprop(lr=0.01)
    check(
        &Rprop::default(),
        [
            0.04436994043750002,
            1.3434415839705602,
            1.2380766049237815,
            -0.49530403921778166,
            -0.3070168447999999,
        ],
    );
    // Rprop(lr=0.3, etas=(0.25, 1.5), step_sizes=(0.05, 0.4))
    let rprop = Rprop {
        learning_rate: 0.3,
        eta_minus: 0.25,
        eta_plus: 1.5,
        smallest_step: 0.05,
        largest_step: 0.4,
    };
    check(
        &rprop,
        [
            0.07774999999999978,
            0.09359375000000003,
            0.09335937500000001,
            -0.004921875000000159,
            -0.5827656250000002,
        ],
    );
    // AdamW(lr=0.01, betas=(0.9, 0.99), weight_decay=0.1, amsgrad=True)
    let adamw = AdamW {
        adam: Adam {
            beta2: 0.99,
            amsgrad: true,
            ..Adam::new(0.01)
        },
        weight_decay: 0.1,
        ..AdamW::default()
    };
    check(
        &adamw,
        [
            0.0337140361404837,
            1.2933067389275368,
            1.0356623618706746,
            -0.4213693259949328,
            -0.29999276929264757,
        ],
    );
}

/// Both forms of epsilon agree in `AdamW` too if one is scaled into the other.
#[test]
fn adamw_takes_keras_epsilon() {
    let layout = Layout::new(&[1, 1]).unwrap();
    let step = |epsilon_form, epsilon| {
        let adamw = AdamW {
            adam: Adam {
                epsilon_form,
                epsilon,
                ..Adam::default()
            },
            ..AdamW::default()
        };
        let mut params = [1.0, -1.0];
        let mut state = State::new(&adamw, &layout).unwrap();
        state
            .update(&adamw, 0.1, &mut params, &[0.3, 0.02])
            .unwrap();
        params
    };
    let corrected = step(EpsilonForm::Corrected, 1e-3);
    // In the first update, m' = g and sqrt(v') = |g|.
    let expected = [0.999 - 0.1 * 0.3 / 0.301, -0.999 - 0.1 * 0.02 / 0.021];
    assert!(worst_d(&corrected, &expected) < 1e-14);
    let hat = step(EpsilonForm::Hat, 1e-3 * 0.001_f64.sqrt());
    assert!(worst_d(&hat, &corrected) < 1e-14);
}

/// Checks Rprop by hand. The step size doubles while the sign stays, up to the limit. A sign change
/// divides it by four and skips one update, after which the next sign counts as neither old nor
/// new.
#[test]
fn rprop_step_by_step() {
    let rprop = Rprop {
        learning_rate: 1.0,
        eta_minus: 0.25,
        eta_plus: 2.0,
        smallest_step: 0.5,
        largest_step: 3.0,
    };
    let layout = Layout::new(&[1, 1]).unwrap();
    let mut state = State::new(&rprop, &layout).unwrap();
    let mut params = [0.0_f64; 2];
    let updates = [
        (7.0, -1.0),     // 1
        (1e-9, -3.0),    // 2
        (100.0, -6.0),   // 3, not 4
        (-100.0, -6.0),  // sign change: 3/4
        (-0.01, -5.25),  // 3/4, not doubled
        (-0.02, -3.75),  // 3/2
        (0.0, -3.75),    // zero gradient: no step, and the size stays
        (-5.0, -2.25),   // 3/2: after a zero, no sign continues
        (5.0, -2.25),    // sign change: 3/8 is raised to the minimum, 1/2
        (5.0, -2.75),    // 1/2
        (f64::NAN, 0.0), // NaN stays visible
    ];
    for (gradient, expected) in updates {
        // Rprop uses the learning rate only in the first update.
        let rate = if state.updates() == 0 { 1.0 } else { 1e-5 };
        state
            .update(&rprop, rate, &mut params, &[gradient, 0.0])
            .unwrap();
        if gradient.is_nan() {
            assert!(params[0].is_nan());
        } else {
            assert_eq!(params, [expected, 0.0], "update {}", state.updates());
        }
    }
}

/// Curvatures range from 1e-4 to 1e4, so no single rate suits gradient descent.
#[test]
fn rprop_minimizes_an_ill_scaled_quadratic() {
    fn distance(optimizer: &dyn Optimizer<f64>) -> f64 {
        let curvature = [1e-4, 1e-2, 1.0, 1e2, 1e4];
        let mut state = State::new(optimizer, &Layout::new(&[4, 1]).unwrap()).unwrap();
        let mut params = [5.0; 5];
        for _ in 0..200 {
            let mut gradient = params;
            for (g, c) in gradient.iter_mut().zip(curvature) {
                *g = c * (*g - 3.0);
            }
            let rate = optimizer.learning_rate();
            state
                .update(optimizer, rate, &mut params, &gradient)
                .unwrap();
        }
        params.iter().map(|p| (p - 3.0).abs()).fold(0.0, f64::max)
    }
    assert!(distance(&Rprop::default()) < 1e-5);
    assert!(distance(&Sgd::new(1e-4)) > 1.9);
}

#[test]
fn lengths_are_checked() {
    let layout = Layout::new(&[1, 1]).unwrap();
    let adam = Adam::default();
    let mut state = State::<f64>::new(&adam, &layout).unwrap();
    assert!(state.update(&adam, 1.0, &mut [0.0], &[0.0; 2]).is_err());
    assert!(state.update(&adam, 1.0, &mut [0.0; 2], &[0.0]).is_err());
    let sgd = Sgd::default();
    assert!(state.update(&sgd, 1.0, &mut [0.0; 2], &[0.0; 2]).is_err());
    assert_eq!(state.updates(), 0);
}

/// Calling `step` directly with slices of the wrong length changes nothing.
#[test]
fn a_step_with_wrong_slices_does_not_panic() {
    let layout = Layout::new(&[1, 1]).unwrap();
    let context = UpdateContext::new(1, 0.1, &layout);
    let mut params = [1.0, 2.0];
    for state in [&mut [0.0; 0][..], &mut [0.0; 3]] {
        Adam::default().step(&context, &mut params, &[1.0; 2], state);
    }
    Adam::default().step(&context, &mut params, &[1.0], &mut [0.0; 4]);
    assert_eq!(params.map(f64::to_bits), [1.0, 2.0].map(f64::to_bits));
}
