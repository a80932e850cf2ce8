//! State of a run, from which another can continue.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::Evidence;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::mlp::Mlp;
use crate::train::least_squares::SearchState;

/// State of a run of [`LevenbergMarquardt`](super::LevenbergMarquardt): damping, scale, estimates of
/// a Bayesian penalty, and the parameters in f64. The default is that of a new run.
///
/// The feature `serde` saves it.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LevenbergMarquardtState {
    /// Empty before the first run.
    pub(super) params: Vec<f64>,
    pub(super) search: SearchState,
    pub(super) penalty: f64,
    pub(super) evidence: Option<Evidence>,
}

impl LevenbergMarquardtState {
    /// Returns the parameters to start from.
    pub(super) fn start<T: Float>(&self, net: &Mlp<T>) -> Result<Vec<f64>> {
        if self.params.is_empty() {
            return Ok(net.params().iter().map(|x| x.as_f64()).collect());
        }
        let params = net.params();
        let is_equal = |(&x, &saved): (&T, &f64)| x == T::from_f64(saved);
        let is_whole = self.search.params() == params.len() && self.params.len() == params.len();
        if !(is_whole && params.iter().zip(&self.params).all(is_equal)) {
            let (what, expected) = ("state", "the state of this network's last run");
            return Err(Error::incompatible(what, expected, "another".to_string()));
        }
        Ok(self.params.clone())
    }
}
