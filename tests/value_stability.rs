//! A seed yields equal numbers from release to release.

use feedforward::activation::{Identity, Relu};
use feedforward::encoding::Fourier;
use feedforward::init::{HeNormal, Initializer, Orthogonal, ScikitLearn};
use feedforward::train::Batches;
use feedforward::{Float, Mlp, Neuron};

#[test]
fn initial_weights() {
    let neuron = Neuron::<f64>::random(3, 42, Identity).unwrap();
    assert_eq!(neuron.weights(), NEURON);
    let default = Mlp::<f64>::builder(2)
        .hidden(2, Relu)
        .output(1, Identity)
        .seed(42)
        .build()
        .unwrap();
    assert_eq!(default.params(), DEFAULT);
    let scikit = Mlp::<f64>::builder(2).hidden(2, Relu).output(1, Identity);
    let scikit = scikit.initializer(ScikitLearn).seed(42).build().unwrap();
    assert_eq!(scikit.params(), SCIKIT);
    let single = Mlp::<f32>::builder(2).hidden(2, Relu).output(1, Identity);
    let single = single.initializer(ScikitLearn).seed(42).build().unwrap();
    assert!(
        single
            .params()
            .iter()
            .zip(SCIKIT)
            .all(|(&p, q)| p == q as f32)
    );
}

/// Normal numbers must not depend on the platform's logarithm.
#[test]
fn normal_draws() {
    fn net<T: Float>(initializer: impl Initializer + 'static) -> Mlp<T> {
        let net = Mlp::builder(2).hidden(2, Relu).output(1, Identity);
        net.initializer(initializer).seed(42).build().unwrap()
    }
    assert_eq!(net::<f64>(HeNormal).params(), HE_NORMAL);
    let orthogonal = Orthogonal::default();
    assert_eq!(net::<f64>(orthogonal).params(), ORTHOGONAL);
    let fourier = Fourier::<f64>::new(2, 2, 1.0, 42).unwrap();
    assert_eq!(fourier.directions(), FOURIER);
    // In single precision, they are rounded once.
    assert_eq!(net::<f32>(HeNormal).params(), HE_NORMAL.map(|x| x as f32));
    assert_eq!(
        net::<f32>(orthogonal).params(),
        ORTHOGONAL.map(|x| x as f32)
    );
    let fourier = Fourier::<f32>::new(2, 2, 1.0, 42).unwrap();
    assert_eq!(fourier.directions(), FOURIER.map(|x| x as f32));
}

#[test]
fn shuffles() {
    let mut batches = Batches::new(8, 8).unwrap().shuffled(42);
    let mut epoch = |number| batches.epoch(number).flatten().copied().collect::<Vec<_>>();
    assert_eq!(epoch(0), EPOCH_0);
    assert_eq!(epoch(1), EPOCH_1);
    assert_eq!(epoch(1_000_000), EPOCH_MILLION);
}

const NEURON: [f64; 3] = [0.6818961923066714, 0.950275407672484, 0.4275164028565197];
const DEFAULT: [f64; 9] = [
    0.630106893556948,
    1.559799766975063,
    -0.25109054593572444,
    0.44118978718449275,
    0.0,
    0.0,
    -0.517837124605254,
    -0.8574221567760849,
    0.0,
];
const SCIKIT: [f64; 9] = [
    0.44555285730650795,
    1.1029449925212633,
    -0.17754782772298294,
    0.31196829030840467,
    -0.517837124605254,
    -0.8574221567760849,
    -0.5429432880843721,
    0.8594819771512265,
    0.7672074091771346,
];
const HE_NORMAL: [f64; 9] = [
    0.8327121583181408,
    -0.9080526709984267,
    0.9269949187990785,
    0.5095933089649312,
    0.0,
    0.0,
    0.036521308955260214,
    0.6723371521071676,
    0.0,
];
const ORTHOGONAL: [f64; 9] = [
    0.6758704004952525,
    -0.7370204893585979,
    0.7370204893585979,
    0.6758704004952524,
    0.0,
    0.0,
    0.05423997007026592,
    0.9985279293273557,
    0.0,
];
const FOURIER: [f64; 4] = [
    5.232084798254344,
    -5.705463200562494,
    5.824480853628503,
    3.201869191525483,
];
const EPOCH_0: [usize; 8] = [6, 4, 5, 3, 2, 1, 0, 7];
const EPOCH_1: [usize; 8] = [7, 2, 6, 5, 3, 1, 0, 4];
const EPOCH_MILLION: [usize; 8] = [0, 4, 6, 7, 1, 3, 2, 5];
