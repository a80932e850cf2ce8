//! From a chain to the layers of a network.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::chain::{Chain, Link};
use super::wire::malformed;
use crate::activation::{Activation, Identity};
use crate::error::Result;
use crate::float::{Float, check_finite};
use crate::layer::Layer;
use crate::memory;
use crate::mlp::Mlp;
use crate::model::Scaler;

/// A network, the scaler in front of it, and what was folded.
pub(super) struct Built<T> {
    pub(super) net: Mlp<T>,
    pub(super) scaler: Option<Scaler<T>>,
    pub(super) notes: Vec<String>,
}

/// A dense layer in f64.
struct Dense {
    weights: Vec<f64>,
    bias: Vec<f64>,
    inputs: usize,
}

impl Dense {
    /// Returns the layer of one factor and one offset for each feature.
    fn diagonal(factor: &[f64], offset: &[f64], width: usize) -> Result<Self> {
        let len = memory::product("weights of an affine layer", &[width, width])?;
        let mut weights = memory::filled("weights of an affine layer", 0.0, len)?;
        for (index, row) in weights.chunks_exact_mut(width).enumerate() {
            row[index] = at(factor, index);
        }
        let bias = (0..width).map(|index| at(offset, index)).collect();
        let inputs = width;
        Ok(Self {
            weights,
            bias,
            inputs,
        })
    }

    /// Multiplies and shifts the outputs.
    fn then(&mut self, factor: &[f64], offset: &[f64]) {
        let rows = self.weights.chunks_exact_mut(self.inputs);
        for (index, (row, bias)) in rows.zip(&mut self.bias).enumerate() {
            let factor = at(factor, index);
            for w in row {
                *w *= factor;
            }
            *bias = *bias * factor + at(offset, index);
        }
    }

    /// Multiplies and shifts the inputs.
    fn after(&mut self, factor: &[f64], offset: &[f64]) {
        let rows = self.weights.chunks_exact_mut(self.inputs);
        for (row, bias) in rows.zip(&mut self.bias) {
            for (index, w) in row.iter_mut().enumerate() {
                *bias += *w * at(offset, index);
                *w *= at(factor, index);
            }
        }
    }
}

/// Returns the number of a feature, of one number for all or one for each.
fn at(numbers: &[f64], index: usize) -> f64 {
    numbers[if numbers.len() == 1 { 0 } else { index }]
}

/// The affine map since the last activation.
enum Pending {
    Affine { factor: Vec<f64>, offset: Vec<f64> },
    Dense(Dense),
}

struct Builder<T> {
    layers: Vec<Layer<T>>,
    pending: Pending,
    scaler: Option<Scaler<T>>,
    notes: Vec<String>,
    /// Number of features, if it is known.
    width: Option<usize>,
}

/// Builds the network of a chain.
///
/// `is_pair` stands for two logits, of which the difference becomes the logit of the second class.
pub(super) fn build<T: Float>(chain: Chain<'_, T>, is_pair: bool) -> Result<Built<T>> {
    let mut builder = Builder {
        layers: Vec::new(),
        pending: none(),
        scaler: None,
        notes: Vec::new(),
        width: None,
    };
    for step in chain.steps {
        let fault = |problem| malformed(format!("{}: {problem}", step.title));
        match step.link {
            Link::Dense {
                weights,
                bias,
                inputs,
            } => {
                if inputs == 0 || bias.is_empty() {
                    return Err(fault("a layer without inputs or outputs".into()));
                }
                let dense = Dense {
                    weights,
                    bias,
                    inputs,
                };
                builder.dense(dense, &step.title)?;
            }
            Link::Affine { factor, offset } => {
                for numbers in [&factor, &offset] {
                    let expected = builder.width.unwrap_or(numbers.len());
                    if numbers.len() != 1 && numbers.len() != expected {
                        let got = numbers.len();
                        return Err(fault(format!("{got} numbers for {expected} features")));
                    }
                    if numbers.len() > 1 {
                        builder.width = Some(numbers.len());
                    }
                }
                builder.affine(&factor, &offset, &step.title);
            }
            Link::Activation { activation, alpha } => {
                if builder.layers.is_empty() && !matches!(builder.pending, Pending::Dense(_)) {
                    let reason = "a function of the inputs in front of the first layer, which \
                                  cannot be folded; export the network behind it";
                    return Err(fault(reason.into()));
                }
                builder.activation(activation, &alpha, &step.title)?;
            }
        }
    }
    builder.finish(is_pair)
}

fn none() -> Pending {
    Pending::Affine {
        factor: vec![1.0],
        offset: vec![0.0],
    }
}

impl<T: Float> Builder<T> {
    fn dense(&mut self, mut dense: Dense, title: &str) -> Result<()> {
        if let Some(width) = self.width
            && width != dense.inputs
        {
            let expected = dense.inputs;
            return Err(malformed(format!(
                "{title}: {expected} inputs behind {width} features"
            )));
        }
        if let Pending::Dense(_) = self.pending {
            self.activation(Arc::new(Identity), &[], title)?;
        }
        if let Pending::Affine { factor, offset } = core::mem::replace(&mut self.pending, none()) {
            let is_first = self.layers.is_empty();
            if is_first && !is_precise::<T>(&offset) && factor.iter().all(|&f| f != 0.0) {
                self.scaler = Some(scaler(&factor, &offset, dense.inputs)?);
                self.notes.push(String::from(
                    "the scaler of the inputs is returned, since their means are large and \
                     folding it would lose digits",
                ));
            } else {
                dense.after(&factor, &offset);
            }
        }
        self.width = Some(dense.bias.len());
        self.pending = Pending::Dense(dense);
        Ok(())
    }

    fn affine(&mut self, factor: &[f64], offset: &[f64], title: &str) {
        let is_bias = factor == [1.0];
        match &mut self.pending {
            Pending::Dense(dense) => {
                dense.then(factor, offset);
                if !is_bias {
                    self.notes
                        .push(format!("{title} is folded into the layer in front of it"));
                }
            }
            Pending::Affine {
                factor: f,
                offset: o,
            } => {
                let width = [f.len(), o.len(), factor.len(), offset.len()];
                let width = width.into_iter().max().unwrap_or(1);
                (*f, *o) = (0..width)
                    .map(|i| {
                        let by = at(factor, i);
                        (at(f, i) * by, at(o, i) * by + at(offset, i))
                    })
                    .unzip();
                self.notes
                    .push(format!("{title} is folded into the layer behind it"));
            }
        }
    }

    fn activation(
        &mut self,
        activation: Arc<dyn Activation<T>>,
        alpha: &[f64],
        title: &str,
    ) -> Result<()> {
        let dense = match core::mem::replace(&mut self.pending, none()) {
            Pending::Dense(dense) => dense,
            Pending::Affine { factor, offset } => {
                let width = self.width.unwrap_or(factor.len().max(offset.len()));
                self.notes.push(format!(
                    "a layer without neurons of its own precedes {title}"
                ));
                Dense::diagonal(&factor, &offset, width)?
            }
        };
        self.width = Some(self.push(&dense, activation, alpha, title)?);
        Ok(())
    }

    /// Adds a layer, and returns the number of its outputs.
    fn push(
        &mut self,
        dense: &Dense,
        activation: Arc<dyn Activation<T>>,
        alpha: &[f64],
        title: &str,
    ) -> Result<usize> {
        let mut layer = Layer::new(rounded(&dense.weights)?, rounded(&dense.bias)?, activation)?;
        if !alpha.is_empty() {
            let to = layer.alpha_mut();
            if alpha.len() != 1 && alpha.len() != to.len() {
                let (got, expected) = (alpha.len(), to.len());
                return Err(malformed(format!(
                    "{title}: {got} numbers α for {expected} neurons"
                )));
            }
            for (index, to) in to.iter_mut().enumerate() {
                *to = T::from_f64(at(alpha, index));
            }
            check_finite("numbers α", to)?;
        }
        let outputs = layer.outputs();
        self.layers.push(layer);
        Ok(outputs)
    }

    fn finish(mut self, is_pair: bool) -> Result<Built<T>> {
        match core::mem::replace(&mut self.pending, none()) {
            Pending::Affine { factor, offset } if is_one(&factor, &offset) && !is_pair => {}
            Pending::Affine { factor, offset } => {
                let width = self.width.unwrap_or(factor.len().max(offset.len()));
                self.pending = Pending::Dense(Dense::diagonal(&factor, &offset, width)?);
            }
            dense @ Pending::Dense(_) => self.pending = dense,
        }
        if let Pending::Dense(mut dense) = core::mem::replace(&mut self.pending, none()) {
            if is_pair {
                let (first, second) = dense.weights.split_at(dense.inputs);
                dense.weights = second.iter().zip(first).map(|(b, a)| b - a).collect();
                dense.bias = vec![dense.bias[1] - dense.bias[0]];
                self.notes.push(String::from(
                    "the logits of two classes became one, the logit of the second class",
                ));
            }
            self.push(&dense, Arc::new(Identity), &[], "the last layer")?;
        }
        if self.layers.is_empty() {
            return Err(malformed("it has no dense layer"));
        }
        Ok(Built {
            net: Mlp::from_layers(&self.layers)?,
            scaler: self.scaler,
            notes: self.notes,
        })
    }
}

fn is_one(factor: &[f64], offset: &[f64]) -> bool {
    factor.iter().all(|&f| f == 1.0) && offset.iter().all(|&o| o == 0.0)
}

/// Returns `true` if folding these offsets of scaled inputs costs few digits.
fn is_precise<T: Float>(offset: &[f64]) -> bool {
    let most = if T::DOUBLE { 1e6 } else { 32.0 };
    offset.iter().all(|offset| offset.abs() <= most)
}

fn scaler<T: Float>(factor: &[f64], offset: &[f64], width: usize) -> Result<Scaler<T>> {
    let offsets: Vec<_> = (0..width).map(|i| -at(offset, i) / at(factor, i)).collect();
    let scales: Vec<_> = (0..width).map(|i| 1.0 / at(factor, i)).collect();
    Scaler::from_parts(rounded(&offsets)?, rounded(&scales)?)
}

/// Rounds numbers to the network's type.
pub(super) fn rounded<T: Float>(numbers: &[f64]) -> Result<Vec<T>> {
    let rounded: Vec<T> = numbers.iter().map(|&x| T::from_f64(x)).collect();
    check_finite("numbers of an ONNX model", &rounded)?;
    Ok(rounded)
}
