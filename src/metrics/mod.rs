//! stub until merge
use crate::float::Float;
use std::borrow::Cow;
use std::fmt::Debug;
/// x
pub trait Score<T: Float>: Debug + Send + Sync {
    /// x
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64;
    /// x
    fn name(&self) -> Cow<'static, str>;
}
