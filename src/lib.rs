//! Multilayer perceptrons to embed in a program: a network is one slice of numbers plus a
//! description of how to read it.
//!
//! ```
//! use feedforward::{Mlp, Trainer, activation::{Identity, Relu}, loss::SquaredError, optimizer::Adam};
//!
//! // A network: 2 inputs, 16 hidden neurons, 1 output. A seed means the same numbers forever.
//! let mut net = Mlp::<f32>::builder(2).hidden(16, Relu).output(1, Identity).seed(42).build()?;
//!
//! // Four samples, row by row: the sum of two numbers.
//! let inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
//! let targets = [0.0, 1.0, 1.0, 2.0];
//! let trainer = Trainer::new(SquaredError, Adam::new(0.02)).epochs(300);
//! let history = trainer.fit(&mut net, &inputs, &targets)?;
//!
//! assert!(history.loss() < 1e-3);
//! assert!((net.predict(&[0.5, 0.25])?[0] - 0.75).abs() < 0.2);
//! # Ok::<(), feedforward::Error>(())
//! ```
//!
//! # Where everything is
//!
//! | to | see |
//! |---|---|
//! | compute one neuron by hand, or build layers from your own weights | [`Neuron`], [`Layer`] |
//! | describe a network, read and write its parameters, predict | [`Mlp`], [`MlpBuilder`], [`Layout`] |
//! | predict often, without allocating | [`Predictor`] |
//! | predict without allocating at all, from parameters in flash | [`MlpRef`], [`mlp_ref`], [`Mlp::to_rust`] |
//! | encode inputs, for fine detail | [`encoding`] |
//! | scale data, and fold the scaling into a network | [`Scaler`] |
//! | train | [`Trainer`], [`History`], [`Samples`] with weights |
//! | pause, go on, or learn from samples as they come | [`TrainerState`] |
//! | save, load, and go on after a crash (feature `safetensors`) | `Mlp::save`, `ModelFile`, `Trainer::checkpoint` |
//! | train on few samples, all at once | [`train::Lbfgs`], [`optimizer::Rprop`] |
//! | classify, or predict numbers, and score it | [`Classifier`], [`MultilabelClassifier`], [`Regressor`], [`metrics`] |
//! | differentiate: by parameters, by inputs, each output (Jacobian), each sample | [`GradientWorkspace`] |
//! | write the training loop yourself | [`train::TrainingRun`]; or [`GradientWorkspace`], [`train::Batches`], [`optimizer::State`] |
//! | train without gradients | [`Mlp::params_mut`], and the example `evolve` |
//! | predict on several threads | `Arc<Mlp>` and a [`Predictor`] for each; every type is `Send` and `Sync` |
//! | train with several processes | [`Shard`], [`Trainer::start_run`], [`train::TrainingRun`] |
//! | choose, or bring your own | [`activation`], [`loss`], [`optimizer`], [`schedule`], [`init`] |
//! | measure how good predictions are | [`metrics`] |
//! | use a trained network elsewhere, as an ONNX model | the module `onnx`, behind its feature |
//! | multiply matrices | [`gemm`] |
//! | call the elementary functions of the crate | [`math`] |
//! | see or force the instruction set | [`simd::InstructionSet`] |
//!
//! Samples are flat slices, row-major: `[samples x inputs]` in, `[samples x outputs]` out.
//! Everything that takes input checks it and returns a [`Result`]; an [`Error`] names what was
//! wrong, what was expected and what came. Nothing panics on bad input, and nothing prints. (What
//! makes a `static`, as [`MlpRef::constant`], panics where that is an error of the compiler.)
//!
//! # The same bits
//!
//! Every sum runs in one order, so a network gives the same bits for one sample or a batch, for
//! one thread or many, on every CPU with fused multiply-add (AVX2, AVX-512, NEON); training is a
//! function of its seeds. A CPU without it may differ in the last bits.
//!
//! # Features
//!
//! | feature | default | |
//! |---|---|---|
//! | `std` | yes | files, threads, and asking the CPU for its instruction set; without it the crate is `no_std` with `alloc` |
//! | `rayon` | yes | training and large predictions on all cores; brings `std` |
//! | `safetensors` | no | models and checkpoints as bytes, and with `std` as files: `Mlp::save`, `ModelFile`, `Trainer::checkpoint`; brings `serde` |
//! | `serde` | no | settings, histories and networks for other formats |
//! | `onnx` | no | trained networks as ONNX models, for other runtimes: the module `onnx` |
//!
//! # Small targets
//!
//! Networks hold their activations by `Arc`. On a target that has no atomic operations on
//! pointers, and so no `Arc` (Cortex-M0, some RISC-V), only what goes without remains:
//! [`MlpRef`], [`activation`]s but for finding them by name, [`encoding`], [`gemm`] and [`math`]. Train
//! elsewhere, and bring the network as Rust text ([`Mlp::to_rust`]) or as bytes
//! ([`mlp_ref::f32_from_le_bytes`]).
//!
//! # Debug builds
//!
//! The hot code is compiled with this crate, so tell Cargo to optimise it in your debug builds
//! too. Without that, training is about a hundred times slower there; without the last two lines,
//! two to three times.
//!
//! ```toml
//! [profile.dev.package.feedforward]
//! opt-level = 3
//! debug-assertions = false
//! overflow-checks = false
//! ```

#![cfg_attr(not(any(feature = "std", test)), no_std)]
// What only those use that need `Arc`.
#![cfg_attr(not(target_has_atomic = "ptr"), allow(dead_code, unused_imports))]

extern crate alloc;

pub mod activation;
#[cfg(all(feature = "safetensors", feature = "std"))]
mod atomic_file;
mod blas1;
pub mod encoding;
mod error;
mod float;
mod fnv;
pub mod gemm;
pub mod init;
mod layer;
mod layout;
pub mod loss;
pub mod math;
mod memory;
pub mod metrics;
mod mlp;
pub mod mlp_ref;
mod model;
#[cfg(feature = "onnx")]
pub mod onnx;
pub mod optimizer;
mod parallel;
mod random;
pub mod schedule;
#[cfg(feature = "serde")]
mod serde_float;
pub mod simd;
#[cfg(feature = "safetensors")]
mod storage;
pub mod train;

pub use activation::Activation;
pub use encoding::Encoding;
pub use error::{DivergenceCause, Error, Position, Result};
pub use float::Float;
pub use layout::{LayerLayout, Layout};
pub use mlp_ref::{LayerSpec, MlpRef};
#[cfg(target_has_atomic = "ptr")]
pub use {
    init::Initializer,
    layer::{Layer, Neuron, NeuronMut},
    loss::Loss,
    metrics::Score,
    mlp::{Clip, GradientWorkspace, Mlp, MlpBuilder, Predictor, Samples, Shard},
    model::{ClassWeights, Classifier, MultilabelClassifier, Regressor, Scaler},
    optimizer::Optimizer,
    schedule::Schedule,
    train::{Epoch, History, StopReason, Trainer, TrainerState},
};
#[cfg(all(feature = "safetensors", target_has_atomic = "ptr"))]
pub use {
    mlp::Precision,
    model::{LoadModel, Model, ModelFile},
};

/// The code of the pages that are not rustdoc's, compiled and run.
#[cfg(doctest)]
mod pages {
    #[cfg(feature = "safetensors")]
    #[doc = include_str!("../README.md")]
    struct Readme;

    #[doc = include_str!("../docs/tutorial.md")]
    struct Tutorial;

    #[doc = include_str!("../docs/from-scikit-learn.md")]
    struct FromScikitLearn;

    #[cfg(all(feature = "safetensors", feature = "onnx"))]
    #[doc = include_str!("../docs/interop.md")]
    struct Interop;

    #[cfg(feature = "safetensors")]
    #[doc = include_str!("../docs/embedding.md")]
    struct Embedding;
}
