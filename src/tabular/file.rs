//! Files of models.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::member::Member;
use super::model::TabularModel;
use super::scores::{NAMES, Scores};
use super::target::{Target, Task};
use crate::error::{Result, check_not_empty};
use crate::mlp::Mlp;
use crate::mlp::resolver::{BuiltIn, Resolver};
use crate::storage::{Reader, Writer, malformed, on_disk};

/// Kind of such a file.
const KIND: &str = "tabular model";

impl TabularModel {
    /// Returns the model as the bytes of a safetensors file: targets, and columns and network of
    /// each fold, with its scores. [Out-of-fold predictions](Self::out_of_fold) are not stored.
    ///
    /// ```
    /// use feedforward::tabular::{Column, Table, Tabular, TabularModel};
    ///
    /// let table = Table::new()
    ///     .with("size", Column::numbers(0..60))?
    ///     .with("is_large", Column::booleans((0..60).map(|size| size > 30)))?;
    /// let model = Tabular::classifier(&table, "is_large").folds(2).epochs(10).fit()?;
    /// let read = TabularModel::from_bytes(&model.to_bytes()?)?;
    /// assert_eq!(read.predict_probability(&table)?, model.predict_probability(&table)?);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Malformed`](crate::Error::Malformed) if the format cannot hold the model.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut file = Writer::new(KIND);
        file.describe("target", &self.target)?;
        file.describe("epochs", &self.epochs)?;
        let mut parts = Vec::new();
        for (index, member) in self.members.iter().enumerate() {
            let mut part = Writer::part();
            part.describe("columns", &member.columns)?;
            if let Some(scores) = self.scores.get(index) {
                let finite: Vec<_> = scores.iter().filter(|(_, x)| x.is_finite()).collect();
                part.describe("scores", &finite)?;
            }
            member.net.write(&mut part)?;
            parts.push(part);
        }
        file.parts("members", parts);
        file.finish()
    }

    /// Reads a model from the bytes of [`to_bytes`](Self::to_bytes), which are not trusted.
    ///
    /// # Errors
    /// [`Error::Malformed`](crate::Error::Malformed) describes the fault in the bytes. Other errors
    /// tell what does not fit together.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_bytes_with(bytes, BuiltIn)
    }

    /// Reads like [`from_bytes`](Self::from_bytes), with custom activations like
    /// [`Mlp::from_bytes_with`].
    ///
    /// # Errors
    /// See [`from_bytes`](Self::from_bytes).
    #[allow(clippy::needless_pass_by_value)] // the signature of `Mlp`
    pub fn from_bytes_with(bytes: &[u8], resolver: impl Resolver<f32>) -> Result<Self> {
        let file = Reader::new(bytes, &[KIND])?;
        let target: Target = file.get("target")?;
        target.check()?;
        let epochs = file.get("epochs")?;
        let (mut members, mut scores) = (Vec::new(), Vec::new());
        for part in file.parts("members")? {
            let member = Member {
                columns: part.get("columns")?,
                net: Mlp::read(&part, &resolver)?,
            };
            part.check_all_read("")?;
            member.check(&target)?;
            members.push(member);
            if let Some(read) = part.find::<Vec<(String, f64)>>("scores")? {
                scores.push(Scores::read(&read)?);
            }
        }
        check_not_empty("members of the model", &members)?;
        Ok(Self {
            target,
            epochs,
            members,
            scores,
            out_of_fold: Vec::new(),
            held_out: Vec::new(),
        })
    }
}

on_disk!(save [] TabularModel);
on_disk!(load [] TabularModel);

impl Member {
    /// Checks that columns, network and target fit each other.
    fn check(&self, target: &Target) -> Result<()> {
        self.columns.check()?;
        for (what, expected, got) in [
            ("inputs", self.columns.inputs(), self.net.inputs()),
            ("outputs", target.outputs(), self.net.outputs()),
        ] {
            if expected != got {
                let problem = format!("the network has {got} {what}, not {expected}");
                return Err(malformed(problem));
            }
        }
        Ok(())
    }
}

impl Target {
    fn check(&self) -> Result<()> {
        check_not_empty("targets of the model", &self.names)?;
        let classes = self.classes.len();
        let is_right = match self.task {
            Task::Classes => classes >= 2 && self.names.len() == 1,
            _ => classes == 0,
        };
        if !is_right || self.exposure.is_some() && self.task != Task::Counts {
            return Err(malformed("the target contradicts itself"));
        }
        Ok(())
    }
}

impl Scores {
    fn read(scores: &[(String, f64)]) -> Result<Self> {
        let known = |(name, score): &(String, f64)| {
            let name = NAMES.into_iter().find(|known| known == name);
            name.map(|name| (name, *score))
        };
        let scores: Option<Vec<_>> = scores.iter().map(known).collect();
        scores
            .map(Self)
            .ok_or_else(|| malformed("a score has an unknown name"))
    }
}
