//! A seed means the same numbers from release to release.

use feedforward::activation::{Identity, Relu};
use feedforward::init::ScikitLearn;
use feedforward::train::Batches;
use feedforward::{Mlp, Neuron};

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

#[test]
fn shuffles() {
    let mut batches = Batches::new(8, 8).unwrap().shuffled(42);
    let mut epoch = |number| batches.epoch(number).flatten().copied().collect::<Vec<_>>();
    assert_eq!(epoch(0), EPOCH_0);
    assert_eq!(epoch(1), EPOCH_1);
    assert_eq!(epoch(1_000_000), EPOCH_MILLION);
}

const NEURON: [f64; 3] = [0.0; 3];
const DEFAULT: [f64; 9] = [0.0; 9];
const SCIKIT: [f64; 9] = [0.0; 9];
const EPOCH_0: [usize; 8] = [0; 8];
const EPOCH_1: [usize; 8] = [0; 8];
const EPOCH_MILLION: [usize; 8] = [0; 8];
