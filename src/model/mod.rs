//! What goes around a network to make a model of it.

mod classes;
mod classifier;
mod multilabel;
mod probability;
mod regressor;
mod scaler;

pub use classes::ClassWeights;
pub use classifier::Classifier;
pub use multilabel::MultilabelClassifier;
pub use regressor::Regressor;
pub use scaler::Scaler;
