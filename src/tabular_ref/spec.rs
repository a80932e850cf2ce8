//! Descriptions of a model's columns and networks.

use super::scale::{ScaleSpec, code_input, indicators, level_input, level_of, write_number};
use super::{Value, restored};
use crate::error::{Error, Position, Result};
use crate::mlp_ref::MlpRef;

/// Words of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelsSpec<'a> {
    /// Words with a level each.
    pub words: &'a [&'a str],
    /// Rare words, which share the level after these.
    pub rare: &'a [&'a str],
    /// `true` if they are `false` and `true`, which may be written in capitals.
    pub is_boolean: bool,
}

impl LevelsSpec<'_> {
    fn count(&self) -> usize {
        self.words.len() + usize::from(!self.rare.is_empty())
    }

    /// Returns the level of a cell, or `None` if its word is missing or unseen.
    fn find(&self, cell: usize, value: Value<'_>) -> Result<Option<usize>> {
        let (word, is_boolean) = match value {
            Value::Missing => return Ok(None),
            Value::Number(x) if x.is_nan() => return Ok(None),
            Value::Number(_) => return Err(unexpected(cell, "a word", "a number")),
            Value::Boolean(boolean) => (if boolean { "true" } else { "false" }, true),
            Value::Word(word) => (word, self.is_boolean),
        };
        let words = self.words.iter().chain(self.rare).copied();
        Ok(level_of(&words, self.words.len(), word, is_boolean))
    }
}

/// Map from a cell to inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FormSpec<'a> {
    /// A number, or the index of an ordered level, and an indicator of missing cells.
    Number {
        /// Ordered levels.
        levels: Option<LevelsSpec<'a>>,
        /// Scaling of the number.
        scale: ScaleSpec<'a>,
        /// Scaling of the indicator, which is -1 or 1.
        indicator: ScaleSpec<'a>,
    },
    /// An input for each level, or one for two levels.
    OneHot {
        /// Words.
        levels: LevelsSpec<'a>,
        /// Scaling of each input.
        scales: &'a [ScaleSpec<'a>],
    },
    /// The index of a level, for learned vectors.
    Code {
        /// Words.
        levels: LevelsSpec<'a>,
    },
}

/// A column and its inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColumnSpec<'a> {
    /// Index of the cell in a row.
    pub cell: usize,
    /// Map from the cell to inputs.
    pub form: FormSpec<'a>,
}

impl ColumnSpec<'_> {
    /// Returns the number of inputs.
    pub(super) const fn inputs(&self) -> usize {
        match &self.form {
            FormSpec::Number { scale, .. } => scale.outputs() + 1,
            FormSpec::OneHot { scales, .. } => scales.len(),
            FormSpec::Code { .. } => 1,
        }
    }

    /// Writes the inputs of a cell.
    fn write(&self, value: Value<'_>, inputs: &mut [f32]) -> Result<()> {
        match self.form {
            FormSpec::Number {
                levels,
                scale,
                indicator,
            } => {
                let x = match levels {
                    None => number(self.cell, value)?,
                    Some(levels) => {
                        let level = levels.find(self.cell, value)?;
                        level.map_or(f64::NAN, |level| level as f64)
                    }
                };
                if x.is_infinite() {
                    return Err(not_finite("number", self.cell, x));
                }
                write_number(scale, indicators(indicator), x, inputs);
            }
            FormSpec::OneHot { levels, scales } => {
                let level = levels.find(self.cell, value)?;
                for (index, (input, &scale)) in inputs.iter_mut().zip(scales).enumerate() {
                    *input = level_input(scale, levels.count(), index, level) as f32;
                }
            }
            FormSpec::Code { levels } => {
                inputs.fill(code_input(levels.find(self.cell, value)?) as f32);
            }
        }
        match inputs.iter().find(|x| !x.is_finite()) {
            None => Ok(()),
            Some(&x) => Err(not_finite("scaled number", self.cell, x.into())),
        }
    }
}

/// Returns the number in a cell. NaN is missing.
pub(super) fn number(cell: usize, value: Value<'_>) -> Result<f64> {
    match value {
        Value::Number(x) => Ok(x),
        Value::Missing => Ok(f64::NAN),
        Value::Word(_) => Err(unexpected(cell, "a number", "a word")),
        Value::Boolean(_) => Err(unexpected(cell, "a number", "a boolean")),
    }
}

/// Returns an error that needs no memory, as one with the name of the column would.
pub(super) fn not_finite(what: &'static str, cell: usize, value: f64) -> Error {
    let at = Position::Index(cell);
    Error::NotFinite { what, at, value }
}

#[cold]
fn unexpected(cell: usize, expected: &str, got: &str) -> Error {
    let got = alloc::format!("{got} in cell {cell}");
    Error::invalid_setting("kind", expected, got)
}

/// One network of the ensemble, with its columns and the units of its outputs.
#[derive(Clone, Copy, Debug)]
pub struct MemberSpec<'a> {
    /// Columns in the order of their inputs.
    pub columns: &'a [ColumnSpec<'a>],
    /// Network.
    pub net: MlpRef<'a, f32>,
    /// Offset and scale of each output. Empty for logits.
    pub units: &'a [(f64, f64)],
    /// Weight in the mean of all networks. At least 1.
    pub weight: u32,
}

impl MemberSpec<'_> {
    /// Returns the number of inputs of all columns.
    pub(super) const fn inputs(&self) -> usize {
        let (mut inputs, mut index) = (0, 0);
        while index < self.columns.len() {
            inputs += self.columns[index].inputs();
            index += 1;
        }
        inputs
    }

    /// Returns the outputs for a row. The caller has checked the lengths.
    pub(super) fn outputs<const OUTPUTS: usize>(
        &self,
        cells: &[Value<'_>],
        scratch: &mut [f32],
    ) -> Result<[f64; OUTPUTS]> {
        let (inputs, scratch) = scratch.split_at_mut(self.net.inputs());
        let mut rest = &mut *inputs;
        for column in self.columns {
            let (these, others) = rest.split_at_mut(column.inputs());
            column.write(cells[column.cell], these)?;
            rest = others;
        }
        let mut outputs = [0.0; OUTPUTS];
        self.net.predict_into(inputs, &mut outputs, scratch)?;
        let mut values = [0.0; OUTPUTS];
        for (index, (value, z)) in values.iter_mut().zip(outputs).enumerate() {
            *value = restored(self.units.get(index).copied(), z);
        }
        Ok(values)
    }
}
