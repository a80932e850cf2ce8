//! The nodes behind the layers of a regressor that this crate exported.

use alloc::vec::Vec;

use super::array::Array;
use super::build::rounded;
use super::messages::Node;
use super::source::Source;
use crate::error::Result;
use crate::float::Float;
use crate::metrics::Link;
use crate::mlp::Mlp;
use crate::model::{Regressor, Scaler};
use crate::onnx::link_name;

/// Link and target scaler of a regressor.
#[derive(Debug)]
pub(super) struct Regression<'a> {
    link: Link,
    /// Offsets and scales of the targets.
    scaler: Option<[Vec<f64>; 2]>,
    /// Name of the outputs of the layers.
    pub(super) outputs: &'a str,
}

/// Reads the nodes in front of an output, given the name of the link.
///
/// `None` stands for other nodes than those of a regressor of this crate.
pub(super) fn regression<'a>(
    source: &Source<'a>,
    output: &'a str,
    link: &str,
) -> Option<Regression<'a>> {
    let link = [Link::Identity, Link::Log]
        .into_iter()
        .find(|&of| link_name(of) == link)?;
    let (mut outputs, mut scaler) = (output, None);
    if let Some((scaled, offsets)) = operands(source, outputs, "Add")
        && let Some((unscaled, scales)) = operands(source, scaled, "Mul")
    {
        (outputs, scaler) = (unscaled, Some([offsets, scales]));
    }
    if link == Link::Log {
        let node = source.producer(outputs).filter(|node| node.is("Exp"))?;
        outputs = node.input(0)?;
    }
    Some(Regression {
        link,
        scaler,
        outputs,
    })
}

/// Returns the operands of a value and a constant.
fn operands<'a>(source: &Source<'a>, value: &str, operator: &str) -> Option<(&'a str, Vec<f64>)> {
    let node: &Node<'a> = source.producer(value).filter(|node| node.is(operator))?;
    let constant = source.constant(node.input(1)?).and_then(Array::vector)?;
    Some((node.input(0)?, constant.to_vec()))
}

impl Regression<'_> {
    pub(super) fn model<T: Float>(self, net: Mlp<T>) -> Result<Regressor<T>> {
        let scaler = self
            .scaler
            .map(|[offsets, scales]| Scaler::from_parts(rounded(&offsets)?, rounded(&scales)?));
        let model = Regressor::new(net).link(self.link);
        model.with_target_scaler(scaler.transpose()?)
    }
}
