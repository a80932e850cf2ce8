//! Multilayer perceptrons to embed in a program.

pub mod activation;
mod error;
mod float;
pub mod gemm;
pub mod init;
mod layout;
pub mod loss;
pub mod math;
pub mod optimizer;
pub mod schedule;
pub mod simd;

pub use activation::Activation;
pub use error::{Error, Result};
pub use float::Float;
pub use layout::{LayerLayout, Layout};
pub use loss::Loss;
pub use optimizer::Optimizer;
