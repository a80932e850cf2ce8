//! Multilayer perceptrons to embed in a Rust program.
//!
//! A network ([`Mlp`]) is one slice of numbers and a description of how to read it. This crate
//! builds, trains, runs and saves such networks on the CPU, with or without the standard library.
//!
//! ```
//! use feedforward::activation::{Identity, Relu};
//! use feedforward::{Mlp, Trainer, loss::SquaredError, optimizer::Adam};
//!
//! // 2 inputs, 16 hidden neurons, 1 output. The seed fixes the initial weights.
//! let mut net = Mlp::<f32>::builder(2).hidden(16, Relu).output(1, Identity).seed(42).build()?;
//!
//! // Four samples, row by row. Each target is the sum of its two inputs.
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
//! # Modules by task
//!
//! | task | see |
//! |---|---|
//! | compute one neuron by hand, or build layers from your own weights | [`Neuron`], [`Layer`] |
//! | build a network, access its parameters, predict | [`Mlp`], [`MlpBuilder`], [`Layout`] |
//! | predict repeatedly without allocating | [`Predictor`] |
//! | predict with no allocation at all, from flash | [`MlpRef`], [`mlp_ref`], [`Mlp::to_rust`] |
//! | shrink a network to int8, and run it without floating-point numbers | [`quantize`] |
//! | encode inputs, so that a network learns fine detail, or from categories | [`encoding`] |
//! | scale data, and fold the scaling into a network | [`Scaler`] |
//! | make inputs from a table (features `tabular`, `csv`) | the module `tabular` |
//! | predict from a table's row in flash (feature `tabular`) | the module `tabular_ref` |
//! | train, with sample weights if needed | [`Trainer`], [`History`], [`Samples`] |
//! | train several networks at once | [`Trainer::fit_ensemble`] |
//! | pause and resume training, or learn from a stream of samples | [`TrainerState`] |
//! | save and load (feature `safetensors`) | `Mlp::save`, `ModelFile` |
//! | resume after a crash (feature `safetensors`) | `Trainer::checkpoint` |
//! | train on few samples with full batches | [`train::Lbfgs`], [`optimizer::Rprop`] |
//! | classify | [`Classifier`], [`MultilabelClassifier`] |
//! | predict numbers | [`Regressor`] |
//! | compute gradients, also by inputs or per sample, and Jacobians | [`GradientWorkspace`] |
//! | write a training loop from ready-made steps | [`train::TrainingRun`] |
//! | write a training loop from parts | [`train::Batches`], [`GradientWorkspace`], [`optimizer`] |
//! | train without gradients | [`Mlp::params_mut`], and the example `evolve` |
//! | predict with many small networks at once | [`Population`] |
//! | predict on several threads | `Arc<Mlp>` and one [`Predictor`] per thread |
//! | train with several processes | [`Shard`], [`Trainer::start_run`], [`train::TrainingRun`] |
//! | choose a component, or write your own | [`activation`], [`loss`], [`init`] |
//! | choose how parameters are updated | [`optimizer`], [`schedule`] |
//! | score predictions | [`metrics`] |
//! | hold out rows for a test, or cross-validate | [`folds`] |
//! | intervals and sets that cover a chosen fraction of targets | [`conformal`] |
//! | correct the probabilities of a classifier | [`calibration`] |
//! | try settings, and make an ensemble of the best | [`search`] |
//! | explain a prediction by the inputs | [`explain`] |
//! | export a trained network or a model of a table as ONNX (feature `onnx`) | the module `onnx` |
//! | exchange a network with RTNeural (feature `rtneural`) | the module `rtneural` |
//! | export as C or Rust source without this crate | [`Mlp::to_c`], [`Mlp::to_rust_standalone`] |
//! | multiply matrices | [`gemm`] |
//! | call the crate's elementary functions | [`math`] |
//! | query or force the instruction set | [`simd::InstructionSet`] |
//!
//! Samples are flat, row-major slices: inputs are `[samples x inputs]`, targets and predictions
//! are `[samples x outputs]`. Every type is `Send` and `Sync`.
//!
//! # Errors
//!
//! Every function that takes input checks it and returns a [`Result`]. An [`Error`] names the
//! faulty argument, the expected value and the given one. No function prints, and none panics on
//! bad input. Constructors for a `static`, such as [`MlpRef::constant`], are the exception: they
//! panic, which the compiler reports as an error.
//!
//! # Bit-identical results
//!
//! Every sum is computed in one fixed order. Predictions are therefore bit-identical for one
//! sample or a batch, for one thread or many, and on every CPU with fused multiply-add (AVX2,
//! AVX-512, NEON). Training depends only on its settings, data and seeds. A CPU without fused
//! multiply-add may differ in the last bits.
//!
//! # Features
//!
//! - `std` (default): files, threads, and detection of the CPU's instruction set. Without it, the
//!   crate is `no_std` and needs `alloc`.
//! - `rayon` (default): trains, and computes large predictions, on all cores. Enables `std`.
//! - `safetensors`: models and checkpoints as bytes, and with `std` as files (`Mlp::save`,
//!   `ModelFile`, `Trainer::checkpoint`). Enables `serde`.
//! - `serde`: serializes settings, histories and networks in other formats.
//! - `onnx`: exports trained networks as ONNX models for other runtimes, and imports those of other
//!   libraries (module `onnx`).
//! - `rtneural`: networks as JSON of RTNeural, to and from (module `rtneural`). Enables `serde`.
//! - `tabular`: tables of numbers, words and gaps as inputs (module `tabular`).
//! - `csv`: reads tables from CSV text (`tabular::CsvReader`). Enables `std` and `tabular`.
//! - `arm-dsp`: quantized networks with the DSP instructions of Cortex-M4, M7 and M33. Other
//!   targets ignore it, and Arm chips without these instructions do not assemble it.
//!
//! # Small targets
//!
//! Networks hold their activations by `Arc`. Targets without atomic operations on pointers
//! (Cortex-M0, some RISC-V) have no `Arc`. On them, the crate offers only [`MlpRef`],
//! `tabular_ref::TabularRef`, [`activation`]s (without lookup by name), [`encoding`],
//! [`calibration`], [`quantize::QuantizedMlpRef`], [`gemm`] and [`math`]. Train on a larger
//! machine, and embed the network as Rust source ([`Mlp::to_rust`], `TabularModel::to_rust`) or as
//! bytes ([`mlp_ref::f32_from_le_bytes`]). Source that needs no crate fits every target
//! ([`Mlp::to_c`], [`Mlp::to_rust_standalone`]).
//!
//! # Debug builds
//!
//! The kernels are compiled as part of this crate, and training is many times slower if they are
//! not optimized. Let Cargo optimize the crate in your debug builds too. The last two lines turn
//! off checks that also cost much time.
//!
//! ```toml
//! [profile.dev.package.feedforward]
//! opt-level = 3
//! debug-assertions = false
//! overflow-checks = false
//! ```

#![cfg_attr(not(any(feature = "std", test)), no_std)]
// docs.rs shows the feature that an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(docsrs, doc(auto_cfg(hide(target_has_atomic = "ptr"))))]
// Without `Arc`, some private items have no user.
#![cfg_attr(not(target_has_atomic = "ptr"), allow(dead_code, unused_imports))]

extern crate alloc;

pub mod activation;
#[cfg(any(feature = "safetensors", feature = "onnx", feature = "rtneural"))]
mod affine;
#[cfg(all(feature = "safetensors", feature = "std"))]
mod atomic_file;
mod blas1;
pub mod calibration;
pub mod conformal;
pub mod encoding;
mod error;
pub mod explain;
mod float;
mod fnv;
pub mod folds;
pub mod gemm;
#[cfg(any(feature = "safetensors", feature = "onnx"))]
mod half;
pub mod init;
mod layer;
mod layout;
#[cfg(target_has_atomic = "ptr")]
mod linalg;
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
pub mod quantize;
mod random;
#[cfg(feature = "rtneural")]
pub mod rtneural;
pub mod schedule;
pub mod search;
#[cfg(feature = "serde")]
mod serde_float;
pub mod simd;
mod source;
#[cfg(feature = "safetensors")]
mod storage;
#[cfg(feature = "tabular")]
pub mod tabular;
#[cfg(feature = "tabular")]
pub mod tabular_ref;
pub mod train;

pub use activation::Activation;
pub use encoding::Encoding;
pub use error::{DivergenceCause, Error, Position, Result};
pub use float::Float;
pub use layout::{LayerLayout, Layout};
pub use mlp_ref::{EncodingSpec, LayerSpec, MlpRef};
#[cfg(target_has_atomic = "ptr")]
pub use {
    init::Initializer,
    layer::{Layer, Neuron, NeuronMut},
    loss::Loss,
    metrics::Score,
    mlp::{
        Clip, GradientWorkspace, JacobianBlock, Mlp, MlpBuilder, Population, Predictor, Samples,
        Shard,
    },
    model::{ClassWeights, Classifier, MultilabelClassifier, Regressor, Scaler},
    optimizer::Optimizer,
    schedule::Schedule,
    train::{Epoch, History, StopReason, Trainer, TrainerState},
};
#[cfg(all(feature = "safetensors", target_has_atomic = "ptr"))]
pub use {
    mlp::{Precision, Resolver},
    model::{LoadModel, Model, ModelFile},
};

/// Compiles and runs the code in the pages outside rustdoc.
#[cfg(doctest)]
mod pages {
    #[cfg(feature = "safetensors")]
    #[doc = include_str!("../README.md")]
    struct Readme;

    #[doc = include_str!("../docs/tutorial.md")]
    struct Tutorial;

    #[doc = include_str!("../docs/from-scikit-learn.md")]
    struct FromScikitLearn;

    #[cfg(feature = "safetensors")]
    #[doc = include_str!("../docs/cookbook.md")]
    struct Cookbook;

    #[cfg(all(feature = "safetensors", feature = "csv", feature = "onnx"))]
    #[doc = include_str!("../docs/tabular.md")]
    struct Tables;

    #[doc = include_str!("../docs/uncertainty.md")]
    struct Uncertainty;

    #[doc = include_str!("../docs/curve-fitting.md")]
    struct CurveFitting;

    #[cfg(all(feature = "safetensors", feature = "onnx", feature = "rtneural"))]
    #[doc = include_str!("../docs/interop.md")]
    struct Interop;

    #[cfg(feature = "safetensors")]
    #[doc = include_str!("../docs/embedding.md")]
    struct Embedding;
}
