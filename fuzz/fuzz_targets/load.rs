//! Reads arbitrary bytes as a model file, with every function that reads one.
//!
//! Run it with `cargo fuzz run load`. It needs a nightly compiler and `cargo install cargo-fuzz`.
//! Files from `Mlp::save` and `TrainerState::save` are good seeds for `fuzz/corpus/load`. Fuzzing
//! builds do not compare checksums.

#![no_main]

use feedforward::activation::{Identity, Tanh};
use feedforward::loss::SquaredError;
use feedforward::optimizer::Adam;
use feedforward::{Classifier, Mlp, ModelFile, Trainer, TrainerState};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for net in [
        Mlp::<f32>::from_bytes(bytes),
        Mlp::from_state_dict(bytes, &["tanh", "identity"]),
        Mlp::from_state_dict(
            bytes,
            &[
                "batch_norm -> linear -> batch_norm -> relu -> batch_norm",
                "identity",
            ],
        ),
        Mlp::from_state_dict_named(bytes, &[("layers.0", "tanh")], &["layers.1.bias"]),
        Mlp::<f64>::from_bytes(bytes).and_then(|net| Mlp::from_bytes(&net.to_bytes()?)),
        ModelFile::from_bytes(bytes).map(|file| file.model),
        Classifier::<f32, String>::from_bytes(bytes).map(|model| model.network().clone()),
    ]
    .into_iter()
    .flatten()
    {
        assert!(net.params().iter().all(|p| p.is_finite()));
        net.predict(&vec![0.5; net.inputs()]).ok();
    }
    let builder = Mlp::<f32>::builder(2).hidden(3, Tanh);
    if let Ok(mut net) = builder.output(1, Identity).build() {
        let trainer = Trainer::new(SquaredError, Adam::new(0.01));
        TrainerState::from_bytes(bytes, &trainer, &mut net).ok();
    }
});
