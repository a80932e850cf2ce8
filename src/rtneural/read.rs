//! From JSON to a network.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use super::step::{Model, Step, fault, last_of};
use super::{Imported, ImportedModel, malformed};
use crate::activation::{Activation, Elu, Relu, Sigmoid, Tanh};
use crate::error::{Result, bounded};
use crate::float::Float;
use crate::mlp::{Stack, prelu};
use crate::model::{Classifier, Scaler};

pub(super) fn read<T: Float>(json: &[u8]) -> Result<Imported<T>> {
    let text = core::str::from_utf8(json).map_err(|error| malformed(format!("{error}")))?;
    let model: Model<'_> = serde_json::from_str(text).map_err(|error| {
        let is_python = text.contains("NaN") || text.contains("Infinity");
        let hint = if is_python {
            "; it may have NaN or Infinity, which are no numbers of JSON"
        } else {
            ""
        };
        malformed(format!("{error}{hint}"))
    })?;
    let inputs = last_of(model.in_shape).map_err(|problem| fault("in_shape", &problem))?;
    let mut reader = Reader {
        stack: Stack::new(malformed).inputs(inputs),
        width: inputs,
        without: None,
        softmax: None,
    };
    for (index, entry) in model.layers.iter().enumerate() {
        let kind = bounded(entry.kind.clone().into_owned());
        let title = format!("layers[{index}] ({kind})");
        reader.layer(&Step { entry, title })?;
    }
    reader.finish()
}

struct Reader<T> {
    stack: Stack<T>,
    /// Number of features behind the last layer.
    width: usize,
    /// Title of the last dense layer, if it has no activation so far.
    without: Option<String>,
    /// Title of the layer with a softmax.
    softmax: Option<String>,
}

impl<T: Float> Reader<T> {
    fn layer(&mut self, step: &Step<'_>) -> Result<()> {
        let entry = step.entry;
        let has_activation = step.activation().is_some();
        match &*entry.kind {
            "dense" | "time-distributed-dense" => {
                self.check_open(step)?;
                if let Some(title) = self.without.take() {
                    self.stack.note(format!(
                        "{title} has no activation; RTNeural's scripts write none for one that \
                         they do not know"
                    ));
                }
                let dense = step.dense(self.width)?;
                self.width = dense.bias.len();
                self.stack.dense(dense, &step.title)?;
                if !has_activation {
                    self.without = Some(step.title.clone());
                    return Ok(());
                }
                self.activation(step)
            }
            "activation" if !has_activation => {
                self.stack.note(format!(
                    "{} has no name and is skipped; RTNeural's scripts write none for an \
                     activation that they do not know",
                    step.title
                ));
                Ok(())
            }
            "activation" => {
                self.check_open(step)?;
                step.check_shape(self.width)?;
                self.activation(step)
            }
            "prelu" => {
                self.check_open(step)?;
                step.check_alone()?;
                step.check_shape(self.width)?;
                let a = step.prelu(self.width)?;
                self.without = None;
                let (activation, alpha) = prelu::<T>(&a);
                self.stack.activation(activation, &alpha, &step.title)
            }
            "batchnorm" => {
                self.check_open(step)?;
                step.check_alone()?;
                step.check_shape(self.width)?;
                let map = step.batch_norm(self.width)?;
                self.stack.affine(&map, &step.title)
            }
            "unknown" if step.weights().is_ok_and(|weights| weights.is_empty()) => {
                step.check_alone()?;
                self.stack.note(format!(
                    "{} is skipped, as RTNeural does; it may be a layer without an effect, such \
                     as Dropout, or an activation that RTNeural's scripts do not know",
                    step.title
                ));
                Ok(())
            }
            kind => Err(step.fault(refusal(kind).unwrap_or("a type that RTNeural does not have"))),
        }
    }

    /// Checks that no softmax comes before this layer.
    fn check_open(&self, step: &Step<'_>) -> Result<()> {
        match &self.softmax {
            None => Ok(()),
            Some(softmax) => {
                let problem =
                    format!("it comes behind the softmax of {softmax}, which must be last");
                Err(step.fault(&problem))
            }
        }
    }

    fn activation(&mut self, step: &Step<'_>) -> Result<()> {
        let name = step.activation().unwrap_or_default();
        let activation: Arc<dyn Activation<T>> = match name {
            "tanh" => Arc::new(Tanh),
            "relu" => Arc::new(Relu),
            "sigmoid" => Arc::new(Sigmoid),
            "elu" => Arc::new(Elu { alpha: 1.0 }),
            "softmax" => {
                if self.width < 2 {
                    return Err(step.fault("a softmax of a single output, which is always 1"));
                }
                self.softmax = Some(step.title.clone());
                self.without = None;
                return Ok(());
            }
            other => {
                let other = bounded(String::from(other));
                let problem = format!(
                    "expected the activation tanh, relu, sigmoid, elu or softmax, got {other:?}"
                );
                return Err(step.fault(&problem));
            }
        };
        self.without = None;
        self.stack.activation(activation, &[], &step.title)
    }

    fn finish(mut self) -> Result<Imported<T>> {
        let is_pair = self.softmax.is_some() && self.width == 2;
        if is_pair {
            self.stack.subtract_logits()?;
        }
        let stacked = self.stack.finish()?;
        let inputs = stacked.net.inputs();
        let scaler = |map| Scaler::of_affine(&map, inputs);
        let model = match self.softmax {
            None => ImportedModel::Network(stacked.net),
            Some(_) => {
                ImportedModel::Classifier(Classifier::from_network(stacked.net, 0..self.width)?)
            }
        };
        Ok(Imported {
            model,
            scaler: stacked.front.map(scaler).transpose()?,
            notes: stacked.notes,
        })
    }
}

/// Returns why a type cannot be read, and what to do.
fn refusal(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "conv1d" | "conv2d" => "a convolution; only dense layers can be imported",
        "gru" | "lstm" => "a recurrent layer; only dense layers can be imported",
        "batchnorm2d" => "a normalization of a convolution; only dense layers can be imported",
        "unknown" => {
            "a layer with weights that RTNeural's scripts do not know, and that RTNeural skips"
        }
        _ => return None,
    })
}
