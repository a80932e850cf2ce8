//! What goes around a network to make a model of it.

mod scaler;

pub use scaler::Scaler;
