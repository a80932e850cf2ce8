//! Scaling, labels and files: parts that turn a network into a model.

#![cfg(target_has_atomic = "ptr")]

mod classes;
mod classifier;
#[cfg(feature = "safetensors")]
mod file;
mod multilabel;
mod parts;
mod probability;
mod regressor;
mod scaler;
#[cfg(feature = "safetensors")]
mod written;

pub use classes::ClassWeights;
pub use classifier::Classifier;
#[cfg(feature = "safetensors")]
pub use file::ModelFile;
pub use multilabel::MultilabelClassifier;
pub use regressor::Regressor;
pub use scaler::Scaler;
#[cfg(feature = "safetensors")]
pub use written::{LoadModel, Model};
#[cfg(all(feature = "safetensors", feature = "tabular"))]
pub(crate) use written::{read_scaler, write_scaler};
