//! Round trips of settings, histories and networks through serde, in JSON.

use std::fmt::Debug;

use feedforward::activation::{Identity, LeakyRelu, Maxout, Parametric, Tanh};
use feedforward::encoding::PeriodicSettings;
use feedforward::init::Siren;
use feedforward::loss::{GaussianNll, Huber, Pinball, SquaredError};
use feedforward::metrics::Link;
use feedforward::optimizer::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Group, Muon, Nadam, ParamGroups, RmsProp, Rprop, Sgd,
};
use feedforward::schedule::{Cosine, CosineLog, FlatCosine, OneCycle, StepDecay, WarmUp};
use feedforward::train::{Adaptive, LbfgsOptions, LeastSquaresOptions, ReduceOnPlateau};
use feedforward::{ClassWeights, Clip, Mlp, Trainer};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn round_trip<V: Serialize + DeserializeOwned>(value: &V) -> V {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

#[allow(clippy::needless_pass_by_value)] // reads better below
fn check<V: Serialize + DeserializeOwned + PartialEq + Debug>(value: V) {
    assert_eq!(round_trip(&value), value);
}

#[test]
fn settings_come_back() {
    check(Sgd::new(0.1));
    check(RmsProp::new(0.1));
    check(Adagrad::new(0.1));
    check(Adam::scikit_learn(0.1));
    check(AdamW::new(0.1));
    check(Nadam::new(0.1));
    check(Adamax::new(0.1));
    check(Adadelta::default());
    check(Rprop::default());
    check(Muon::new(0.1));
    check(
        ParamGroups::new(Adam::new(0.1))
            .ntk()
            .rate(Group::EncodingRange(1..3), 0.5),
    );
    check(Cosine::default());
    check(WarmUp::<Cosine>::default());
    check(StepDecay {
        factor: 0.5,
        every: 3,
    });
    check(OneCycle::default());
    check(CosineLog { cycles: 3 });
    check(FlatCosine);
    check(Huber::default());
    check(Pinball::new([0.05, 0.95]));
    check(GaussianNll::default());
    check(SquaredError);
    check(LeakyRelu { slope: 0.1 });
    check(Maxout { pieces: 3 });
    check(Parametric(LeakyRelu { slope: 0.1 }));
    check(Siren::default());
    check(PeriodicSettings::new(3));
    check(Clip::Norm(2.0));
    check(Adaptive::default());
    check(ReduceOnPlateau::default());
    check(LbfgsOptions::default());
    check(LeastSquaresOptions::default());
    check(Link::Log);
    assert_eq!(
        format!("{:?}", round_trip(&ClassWeights::Equal)),
        format!("{:?}", ClassWeights::Equal)
    );
}

#[test]
fn histories_come_back_with_what_is_no_number() {
    let history = Trainer::new(SquaredError, Adam::new(0.01))
        .epochs(3)
        .validation_split(0.5)
        .fit(&mut net(), &[0.5; 12], &[0.25; 4])
        .unwrap();
    check(history.clone());
    let mut odd = history.epochs[0];
    odd.loss = f64::INFINITY;
    odd.validation_loss = Some(f64::NEG_INFINITY);
    check(odd);
    odd.loss = f64::NAN;
    odd.validation_score = Some(f64::NAN);
    let mut nan = history;
    nan.epochs = vec![odd];
    let read = round_trip(&nan);
    assert!(read.loss().is_nan() && read.epochs[0].validation_score.unwrap().is_nan());
}

fn net() -> Mlp<f32> {
    let builder = Mlp::builder(3).hidden(4, Maxout { pieces: 2 });
    let builder = builder.hidden(3, Tanh);
    builder.output(1, Identity).seed(5).build().unwrap()
}

#[test]
fn what_is_not_finite_is_not_written() {
    let mut net = net();
    net.params_mut()[2] = f32::NAN;
    let error = serde_json::to_string(&net).unwrap_err();
    assert!(error.to_string().contains("parameters"), "{error}");
}

#[test]
fn networks_come_back_and_contradictions_do_not() {
    let net = net();
    let read = round_trip(&net);
    assert!(read.is_shaped_like(&net));
    assert_eq!(read.params(), net.params());

    let text = serde_json::to_string(&net).unwrap();
    for (from, to, problem) in [
        ("\"version\":1", "\"version\":2", "version"),
        ("\"inputs\":3", "\"inputs\":4", "parameters"),
        (
            "\"inputs\":3",
            "\"inputs\":18446744073709551615",
            "parameters",
        ),
        ("\"outputs\":4", "\"outputs\":3", "parameters"),
        ("\"outputs\":4", "\"outputs\":0", "outputs"),
        ("\"pieces\":2", "\"pieces\":3", "pieces"),
        ("\"tanh\"", "\"nonsense\"", "activation"),
        ("\"params\":[", "\"params\":[1.0,", "parameters"),
        ("\"params\":[", "\"params\":[1e999,", ""),
    ] {
        assert!(text.contains(from), "{from} is not in {text}");
        let error = serde_json::from_str::<Mlp<f32>>(&text.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(problem), "{to}: {error}");
    }
}
