//! From a chain to the layers of a network.

use alloc::string::String;
use alloc::vec::Vec;

use super::chain::Chain;
use super::link::Link;
use super::wire::malformed;
use crate::error::Result;
use crate::float::Float;
use crate::mlp::{Mlp, Stack};
use crate::model::Scaler;

/// A network, the scaler in front of it, and what was folded.
pub(super) struct Built<T> {
    pub(super) net: Mlp<T>,
    pub(super) scaler: Option<Scaler<T>>,
    pub(super) notes: Vec<String>,
}

/// Builds the network of a chain.
///
/// `is_pair` stands for two logits, of which the difference becomes the logit of the second class.
pub(super) fn build<T: Float>(chain: Chain<'_, T>, is_pair: bool) -> Result<Built<T>> {
    let mut stack = Stack::new(malformed);
    if let Some(width) = chain.width {
        stack = stack.inputs(width);
    }
    for step in chain.steps {
        match step.link {
            Link::Dense(dense) => stack.dense(dense, &step.title)?,
            Link::Affine(map) => stack.affine(&map, &step.title)?,
            Link::Columns(indices) => stack.columns(&indices, &step.title)?,
            Link::Activation { activation, alpha } => {
                stack.activation(activation, &alpha, &step.title)?;
            }
        }
    }
    if is_pair {
        stack.subtract_logits()?;
    }
    let stacked = stack.finish()?;
    let width = stacked.net.inputs();
    let scaler = |map| Scaler::of_affine(&map, width);
    Ok(Built {
        net: stacked.net,
        scaler: stacked.front.map(scaler).transpose()?,
        notes: stacked.notes,
    })
}
