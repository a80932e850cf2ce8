//! Random activations, losses, optimizers, schedules, initializers and scores.

use std::sync::Arc;

use feedforward::activation::{
    self, Activation, Celu, Elu, HardShrink, HardSigmoid, LeakyRelu, Maxout, Parametric, Sine,
    SoftShrink, Softplus, Squareplus,
};
use feedforward::init::{
    GlorotNormal, GlorotUniform, HeNormal, HeUniform, Initializer, LeCunNormal, LeCunUniform,
    Orthogonal, ScikitLearn, Siren, Uniform, Zeros,
};
use feedforward::loss::{
    BinaryCrossEntropy, GaussianNll, Huber, Loss, MeanAbsoluteError, MeanSquaredError, PerOutput,
    Poisson, RelativeL2, ScikitSquaredError, Smoothed, SoftmaxCrossEntropy, SquaredError,
};
use feedforward::metrics::{
    Accuracy, AveragePrecision, BalancedAccuracy, Brier, F1, Link, MatthewsCorrelation, Pinball,
    R2, RocAuc, Score, SubsetAccuracy,
};
use feedforward::optimizer::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, EpsilonForm, Group, Muon, Nadam, Optimizer,
    ParamGroups, RmsProp, Rprop, Sgd,
};
use feedforward::schedule::{
    Constant, Cosine, CosineLog, CosineRestarts, ExponentialDecay, FlatCosine, InverseScaling,
    Linear, OneCycle, Schedule, StepDecay, WarmUp,
};

use crate::case::{Case, Number};
use crate::random::Random;

pub fn activation<T: Number>(case: &mut Case) -> Arc<dyn Activation<T>> {
    let random = &mut case.random;
    if random.percent(60) {
        let activation = random.pick(&activation::all());
        if random.percent(20) {
            return Arc::new(Parametric(activation));
        }
        return activation;
    }
    let usual = [0.01, 0.2, 0.5, 1.0, 1.5, 30.0];
    let parameter = random.setting(&usual);
    match random.below(9) {
        0 => Arc::new(Elu { alpha: parameter }),
        1 => Arc::new(Celu { alpha: parameter }),
        2 => Arc::new(Softplus { beta: parameter }),
        3 => Arc::new(Sine { omega: parameter }),
        4 => Arc::new(LeakyRelu { slope: parameter }),
        5 => Arc::new(HardSigmoid { slope: parameter }),
        6 if random.percent(50) => Arc::new(SoftShrink { lambda: parameter }),
        6 => Arc::new(HardShrink { lambda: parameter }),
        7 => Arc::new(Squareplus { b: parameter }),
        _ => {
            let pieces = random.count(&[1, 2, 3, 5]);
            Arc::new(Maxout { pieces })
        }
    }
}

pub fn loss<T: Number>(case: &mut Case) -> Arc<dyn Loss<T>> {
    let random = &mut case.random;
    match random.below(16) {
        0..=3 => Arc::new(SquaredError),
        4 => Arc::new(MeanSquaredError),
        5 => Arc::new(ScikitSquaredError),
        6 => Arc::new(MeanAbsoluteError),
        7 => {
            let delta = random.setting(&[0.1, 1.0, 1.35]);
            Arc::new(Huber { delta })
        }
        8 => {
            let epsilon = random.setting(&[0.01, 1e-4]);
            Arc::new(RelativeL2 { epsilon })
        }
        9 => Arc::new(Poisson),
        10 => Arc::new(BinaryCrossEntropy),
        11 => Arc::new(SoftmaxCrossEntropy),
        12 => {
            let smoothing = random.setting(&[0.0, 0.1, 0.5]);
            Arc::new(Smoothed {
                loss: SoftmaxCrossEntropy,
                smoothing,
            })
        }
        13 => {
            let quantile = random.setting(&[0.05, 0.5, 0.95]);
            let quantiles = [vec![quantile], vec![quantile, 0.5], vec![]];
            Arc::new(feedforward::loss::Pinball::new(
                quantiles[random.below(3)].clone(),
            ))
        }
        14 => {
            let beta = random.setting(&[0.0, 0.5, 1.0]);
            Arc::new(GaussianNll { beta })
        }
        _ => Arc::new(PerOutput(SquaredError)),
    }
}

/// Adds random factors, also of groups that the network does not have.
fn groups<O>(mut optimizer: ParamGroups<O>, random: &mut Random) -> ParamGroups<O> {
    for _ in 0..random.below(4) {
        let (index, end) = (random.count(&[0, 1, 2]), random.count(&[1, 5, 40]));
        let group = match random.below(9) {
            0 => Group::Weights,
            1 => Group::Biases,
            2 => Group::Layer(index),
            3 => Group::LayerWeights(index),
            4 => Group::LayerBiases(index),
            5 => Group::LastLayer,
            6 => Group::Encoding,
            7 => Group::Alphas,
            _ => Group::EncodingRange(index..end),
        };
        optimizer = optimizer.rate(group, random.setting(&[0.0, 0.1, 1.0, 6.0]));
    }
    if random.percent(50) {
        return optimizer.ntk();
    }
    optimizer
}

pub fn optimizer<T: Number>(case: &mut Case) -> Arc<dyn Optimizer<T>> {
    let random = &mut case.random;
    let learning_rate = random.setting(&[1e-4, 1e-3, 0.01, 0.1]);
    let betas = [
        random.setting(&[0.0, 0.5, 0.9]),
        random.setting(&[0.9, 0.99, 0.999]),
    ];
    let epsilon = random.setting(&[1e-8, 1e-7, 1e-3]);
    let other = random.setting(&[0.0, 0.1, 0.9]);
    let decay = random.setting(&[0.0, 0.01]);
    let flag = random.percent(50);
    let form = [EpsilonForm::Corrected, EpsilonForm::Hat];
    let adam = Adam {
        learning_rate,
        beta1: betas[0],
        beta2: betas[1],
        epsilon,
        epsilon_form: random.pick(&form),
        amsgrad: flag,
    };
    match random.below(14) {
        12 => Arc::new(groups(ParamGroups::new(adam), random)),
        13 => Arc::new(groups(
            ParamGroups::new(Muon::new(learning_rate)).decay(Group::Weights, decay),
            random,
        )),
        0 => Arc::new(Sgd::new(learning_rate)),
        1 => Arc::new(Sgd {
            learning_rate,
            momentum: other,
            nesterov: flag,
        }),
        2 | 3 => Arc::new(adam),
        4 => Arc::new(AdamW {
            adam,
            weight_decay: decay,
            decay_biases: random.percent(50),
        }),
        5 => Arc::new(Adamax {
            learning_rate,
            beta1: betas[0],
            beta2: betas[1],
            epsilon,
        }),
        6 => Arc::new(Nadam {
            learning_rate,
            beta1: betas[0],
            beta2: betas[1],
            epsilon,
            momentum_decay: random.setting(&[4e-3, 0.0]),
        }),
        7 => Arc::new(RmsProp {
            learning_rate,
            rho: betas[1],
            epsilon,
            momentum: other,
            centered: flag,
        }),
        8 => Arc::new(Adagrad {
            learning_rate,
            rate_decay: decay,
            initial_sum: other,
            epsilon,
        }),
        9 => Arc::new(Adadelta {
            learning_rate,
            rho: betas[0],
            epsilon,
        }),
        10 => Arc::new(Rprop {
            learning_rate,
            eta_minus: random.setting(&[0.5]),
            eta_plus: random.setting(&[1.2]),
            smallest_step: random.setting(&[1e-6]),
            largest_step: random.setting(&[50.0, 1.0]),
        }),
        _ => Arc::new(Muon {
            learning_rate,
            momentum: other,
            nesterov: flag,
            weight_decay: decay,
            newton_schulz: random.count(&[1, 5, 5]),
            first_layer: random.odd(),
            adam,
        }),
    }
}

pub fn schedule(case: &mut Case) -> Arc<dyn Schedule> {
    let random = &mut case.random;
    let floor = random.setting(&[0.0, 1e-5, 1e-3]);
    let factor = random.setting(&[0.1, 0.5, 0.99]);
    let count = random.count(&[1, 2, 10]);
    match random.below(11) {
        9 => Arc::new(CosineLog {
            cycles: random.count(&[1, 4]),
        }),
        10 => Arc::new(FlatCosine),
        0 | 1 => Arc::new(Constant),
        2 => Arc::new(Linear { floor }),
        3 => Arc::new(Cosine { floor }),
        4 => Arc::new(CosineRestarts {
            period: count as u64,
            multiplier: random.count(&[1, 2]) as u64,
            floor,
        }),
        5 => Arc::new(OneCycle {
            rise: random.setting(&[0.3, 0.0]),
            start_divisor: random.setting(&[25.0]),
            end_divisor: random.setting(&[1e4]),
        }),
        6 => Arc::new(InverseScaling {
            power: random.setting(&[0.5, 0.3, 1.0]),
        }),
        7 if random.percent(50) => Arc::new(StepDecay {
            every: count,
            factor,
        }),
        7 => Arc::new(ExponentialDecay { factor }),
        _ => Arc::new(WarmUp {
            steps: count as u64,
            then: Cosine { floor },
        }),
    }
}

pub fn initializer(case: &mut Case) -> Arc<dyn Initializer> {
    let random = &mut case.random;
    match random.below(16) {
        0 => Arc::new(Zeros),
        1 => Arc::new(GlorotUniform),
        2 => Arc::new(GlorotNormal),
        3 => Arc::new(HeNormal),
        4 => Arc::new(LeCunUniform),
        5 => Arc::new(LeCunNormal),
        6 => Arc::new(ScikitLearn),
        7 => {
            let omega = random.setting(&[30.0, 1.0]);
            Arc::new(Siren { omega })
        }
        8 => {
            let gain = random.setting(&[1.0, 2.0]);
            Arc::new(Orthogonal { gain })
        }
        9 => {
            let (low, high) = (random.setting(&[-0.1]), random.setting(&[0.1]));
            Arc::new(Uniform { low, high })
        }
        _ => Arc::new(HeUniform),
    }
}

pub fn score<T: Number>(case: &mut Case) -> Arc<dyn Score<T>> {
    match case.random.below(11) {
        0 => Arc::new(Accuracy),
        1 => Arc::new(SubsetAccuracy),
        2 => Arc::new(R2 { link: Link::Log }),
        3 => Arc::new(RocAuc),
        4 => Arc::new(AveragePrecision),
        5 => Arc::new(F1),
        6 => Arc::new(BalancedAccuracy),
        7 => Arc::new(MatthewsCorrelation),
        8 => Arc::new(Brier),
        9 => {
            let quantile = case.random.setting(&[0.1, 0.9]);
            Arc::new(Pinball { quantile })
        }
        _ => Arc::new(R2::default()),
    }
}
