//! Optimizers by their names in the fixtures.

use feedforward::Float;
use feedforward::optimizer::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, EpsilonForm, Nadam, Optimizer, RmsProp, Sgd,
};
use serde_json::Value;

/// Returns the optimizer of a fixture's `rule` (or `optimizer`) and `hyper`, without the
/// [`penalty`].
pub fn optimizer<T: Float>(rule: &str, hyper: &Value) -> Box<dyn Optimizer<T>> {
    let given = |name: &str| hyper[name].as_f64();
    let number = |name: &str| given(name).unwrap_or_else(|| panic!("{rule} without {name}"));
    let learning_rate = number("lr");
    let momentum = given("momentum").unwrap_or(0.0);
    let adam = || Adam {
        learning_rate,
        beta1: number("b1"),
        beta2: number("b2"),
        epsilon: number("eps"),
        epsilon_form: EpsilonForm::Corrected,
        amsgrad: false,
    };
    match rule {
        "sgd" | "sgd_momentum" | "sgd_nesterov" => Box::new(Sgd {
            learning_rate,
            momentum,
            nesterov: hyper["nesterov"].as_bool().unwrap_or(false),
        }),
        "adam_sklearn" => Box::new(Adam {
            epsilon_form: EpsilonForm::Hat,
            ..adam()
        }),
        "adam_torch" => Box::new(adam()),
        "amsgrad" => Box::new(Adam {
            amsgrad: true,
            ..adam()
        }),
        "adamw" => Box::new(AdamW {
            adam: adam(),
            weight_decay: number("weight_decay"),
            ..AdamW::default()
        }),
        "rmsprop" => Box::new(RmsProp {
            learning_rate,
            rho: number("alpha"),
            epsilon: number("eps"),
            momentum,
            centered: hyper["centered"].as_bool().unwrap_or(false),
        }),
        "adagrad" => Box::new(Adagrad {
            learning_rate,
            rate_decay: given("lr_decay").unwrap_or(0.0),
            initial_sum: 0.0,
            epsilon: number("eps"),
        }),
        "nadam" => Box::new(Nadam {
            learning_rate,
            beta1: number("b1"),
            beta2: number("b2"),
            epsilon: number("eps"),
            momentum_decay: number("momentum_decay"),
        }),
        "adamax" => Box::new(Adamax {
            learning_rate,
            beta1: number("b1"),
            beta2: number("b2"),
            epsilon: number("eps"),
        }),
        "adadelta" => Box::new(Adadelta {
            learning_rate,
            rho: number("rho"),
            epsilon: number("eps"),
        }),
        other => panic!("unknown rule {other}"),
    }
}

/// Returns the factor of the parameters that is added to the gradient: PyTorch's `weight_decay`.
/// AdamW handles it itself.
pub fn penalty(rule: &str, hyper: &Value) -> f64 {
    match hyper["weight_decay"].as_f64() {
        Some(decay) if rule != "adamw" => decay,
        _ => 0.0,
    }
}
