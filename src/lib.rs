//! Multilayer perceptrons to embed in a program.

pub mod activation;
mod error;
mod float;
pub mod gemm;
pub mod init;
mod layer;
mod layout;
pub mod loss;
pub mod math;
mod mlp;
pub mod optimizer;
pub mod schedule;
pub mod simd;
pub mod train;

pub use activation::Activation;
pub use error::{Error, Result};
pub use float::Float;
pub use layer::{Layer, Neuron, NeuronMut};
pub use layout::{LayerLayout, Layout};
pub use loss::Loss;
pub use mlp::{Gradient, Mlp, MlpBuilder, Predictor};
pub use optimizer::Optimizer;
pub use train::{Epoch, History, StopReason, Trainer};
