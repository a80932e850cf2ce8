//! Explanations of a model: importance of its columns, and how predictions depend on one.

mod attributions;
mod dependence;
mod importance;

pub use importance::{Importance, ImportanceSettings};
