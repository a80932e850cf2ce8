//! The layers of the JSON, and the numbers in them.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::malformed;
use crate::affine::{Affine, BatchNorm, Dense};
use crate::error::{Error, Result};

/// A model. Nested lists remain text until a layer's type tells what they are.
#[derive(Deserialize)]
pub(super) struct Model<'a> {
    #[serde(borrow)]
    pub(super) in_shape: &'a RawValue,
    #[serde(borrow)]
    pub(super) layers: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Entry<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    activation: Option<String>,
    #[serde(borrow)]
    shape: Option<&'a RawValue>,
    #[serde(borrow)]
    weights: Option<&'a RawValue>,
    epsilon: Option<f64>,
}

/// A layer, with its place for errors and notes.
pub(super) struct Step<'a> {
    pub(super) entry: &'a Entry<'a>,
    pub(super) title: String,
}

/// Returns the error of a layer or another part.
pub(super) fn fault(title: &str, problem: &str) -> Error {
    malformed(format!("{title}: {problem}"))
}

fn parse<'a, V: Deserialize<'a>>(text: &'a RawValue) -> core::result::Result<V, String> {
    serde_json::from_str(text.get()).map_err(|error| format!("{error}"))
}

/// Returns the number of features of a shape, which is its last number.
pub(super) fn last_of(shape: &RawValue) -> core::result::Result<usize, String> {
    let sizes: Vec<&RawValue> = parse(shape)?;
    if sizes.len() > 3 {
        let dimensions = sizes.len();
        return Err(format!(
            "expected a shape of samples, steps and features, got {dimensions} dimensions"
        ));
    }
    let last = sizes.last().ok_or("an empty shape")?;
    match parse::<Option<usize>>(last)? {
        Some(features @ 1..) => Ok(features),
        _ => Err(format!("expected a number of features, got {last}")),
    }
}

impl<'a> Step<'a> {
    pub(super) fn fault(&self, problem: &str) -> Error {
        fault(&self.title, problem)
    }

    /// Returns the name of the activation, if there is one.
    pub(super) fn activation(&self) -> Option<&'a str> {
        let name = self.entry.activation.as_deref();
        name.filter(|name| !name.is_empty())
    }

    /// Checks that a layer has no activation, which RTNeural would ignore.
    pub(super) fn check_alone(&self) -> Result<()> {
        match self.activation() {
            None => Ok(()),
            Some(_) => Err(self.fault(
                "an activation, which RTNeural ignores here; write a layer of the type activation",
            )),
        }
    }

    /// Returns the items of `weights`, which are lists.
    pub(super) fn weights(&self) -> Result<Vec<&'a RawValue>> {
        let weights = self.entry.weights.map_or(Ok(Vec::new()), parse);
        weights.map_err(|problem| self.fault(&format!("weights: {problem}")))
    }

    fn numbers(&self, list: &RawValue, name: &str) -> Result<Vec<f64>> {
        parse(list).map_err(|problem| self.fault(&format!("{name}: {problem}")))
    }

    /// Checks that the shape has this many features.
    pub(super) fn check_shape(&self, width: usize) -> Result<()> {
        let shape = self
            .entry
            .shape
            .ok_or_else(|| self.fault("it has no shape"))?;
        let stated = last_of(shape).map_err(|problem| self.fault(&format!("shape: {problem}")))?;
        if stated == width {
            return Ok(());
        }
        Err(self.fault(&format!("shape: expected {width} features, got {stated}")))
    }

    /// Reads weights `[inputs][outputs]` and a bias `[outputs]`.
    pub(super) fn dense(&self, inputs: usize) -> Result<Dense> {
        let weights = self.weights()?;
        let [kernel, bias @ ..] = &weights[..] else {
            return Err(self.fault("weights: expected weights and biases, got none"));
        };
        if bias.len() > 1 {
            let problem = format!(
                "weights: expected weights and biases, got {}",
                weights.len()
            );
            return Err(self.fault(&problem));
        }
        let rows: Vec<&RawValue> =
            parse(kernel).map_err(|problem| self.fault(&format!("weights[0]: {problem}")))?;
        if rows.len() != inputs {
            let hint = match self.entry.shape.map(last_of) {
                Some(Ok(outputs)) if outputs.checked_mul(inputs) == Some(rows.len()) => {
                    "; RTNeural's script for PyTorch writes them wrongly for several outputs"
                }
                _ => "",
            };
            let got = rows.len();
            let problem = format!("weights[0]: expected rows for {inputs} inputs, got {got}{hint}");
            return Err(self.fault(&problem));
        }
        let (mut values, mut outputs) = (Vec::new(), None);
        for (index, row) in rows.iter().enumerate() {
            let row = self.numbers(row, "weights[0]")?;
            let expected = *outputs.get_or_insert(row.len());
            if row.len() != expected {
                let got = row.len();
                let problem =
                    format!("weights[0][{index}]: expected {expected} numbers, got {got}");
                return Err(self.fault(&problem));
            }
            values.extend(row);
        }
        let outputs = outputs.unwrap_or(0);
        self.check_shape(outputs)?;
        let bias = match bias {
            [bias] => self.numbers(bias, "weights[1]")?,
            _ => vec![0.0; outputs],
        };
        if bias.len() != outputs {
            let got = bias.len();
            let problem = format!("weights[1]: expected {outputs} biases, got {got}");
            return Err(self.fault(&problem));
        }
        let transposed =
            (0..outputs).flat_map(|row| values.iter().skip(row).step_by(outputs.max(1)));
        Ok(Dense {
            weights: transposed.copied().collect(),
            bias,
            inputs,
        })
    }

    /// Reads γ, β, mean and variance, or the last two alone.
    pub(super) fn batch_norm(&self, width: usize) -> Result<Affine> {
        let weights = self.weights()?;
        if !matches!(weights.len(), 2 | 4) {
            let problem = format!("weights: expected 2 or 4 lists, got {}", weights.len());
            return Err(self.fault(&problem));
        }
        let mut lists = Vec::new();
        for list in weights {
            let numbers = self.numbers(list, "weights")?;
            if numbers.len() != width {
                let got = numbers.len();
                let problem = format!("weights: expected lists of {width} numbers, got {got}");
                return Err(self.fault(&problem));
            }
            lists.push(numbers);
        }
        let epsilon = self
            .entry
            .epsilon
            .ok_or_else(|| self.fault("it has no epsilon"))?;
        let (gamma, beta, mean, variance) = match &lists[..] {
            [gamma, beta, mean, variance] => (Some(&gamma[..]), Some(&beta[..]), mean, variance),
            [mean, variance] => (None, None, mean, variance),
            _ => return Err(self.fault("weights: expected 2 or 4 lists")),
        };
        if epsilon < 0.0 || variance.iter().any(|variance| *variance < 0.0) {
            return Err(self.fault("a negative variance or epsilon"));
        }
        Affine::batch_norm(BatchNorm {
            gamma,
            beta,
            mean,
            variance,
            epsilon,
        })
    }

    /// Reads the numbers a of a PReLU, one for all features or one for each.
    pub(super) fn prelu(&self, width: usize) -> Result<Vec<f64>> {
        let weights = self.weights()?;
        let lists: Vec<&RawValue> = match &weights[..] {
            [lists] => {
                parse(lists).map_err(|problem| self.fault(&format!("weights: {problem}")))?
            }
            _ => Vec::new(),
        };
        let [list] = lists[..] else {
            return Err(self.fault("weights: expected one list of numbers"));
        };
        let a = self.numbers(list, "weights[0][0]")?;
        if a.len() != 1 && a.len() != width {
            let got = a.len();
            let problem = format!("weights: expected 1 or {width} numbers, got {got}");
            return Err(self.fault(&problem));
        }
        Ok(a)
    }
}
