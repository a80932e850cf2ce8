//! Files of models.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::member::Member;
use super::model::TabularModel;
use super::scores::{NAMES, Scores};
use super::sets::ClassScores;
use super::target::{Target, Task};
use crate::calibration::{Quadratic, Temperature};
use crate::error::{Result, check_length, check_not_empty};
use crate::memory;
use crate::mlp::Mlp;
use crate::mlp::resolver::{BuiltIn, Resolver};
use crate::model::{read_scaler, write_scaler};
use crate::storage::{Reader, Writer, malformed, on_disk};
use crate::tabular_ref::Calibrator;

/// Kind of such a file.
const KIND: &str = "tabular model";

/// Name of the errors on held-out rows.
const RESIDUALS: &str = "residuals";

/// Name of the scores of true classes on held-out rows: class, and its score by each rule.
const CLASS_SCORES: &str = "class_scores";

/// Name of the calibrator's kind, and of its numbers. The last one is its mixing.
const CALIBRATOR: &str = "calibrator";

/// Kinds of calibrators.
const TEMPERATURE: &str = "temperature";
const QUADRATIC: &str = "quadratic";

/// Name of the scaler of the outputs.
const SCALER: &str = "targets";

impl TabularModel {
    /// Returns the model as the bytes of a safetensors file: targets, calibrator, and columns and
    /// network of each fold, with its scores and errors.
    /// [Out-of-fold predictions](Self::out_of_fold) are not stored.
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
        if let Some(calibrator) = &self.calibrator {
            let (kind, numbers) = match calibrator {
                Calibrator::Temperature(c) => (TEMPERATURE, vec![c.temperature(), c.mixing()]),
                Calibrator::Quadratic(c) => {
                    let numbers = c.coefficients().into_iter();
                    (QUADRATIC, numbers.chain([c.mixing()]).collect())
                }
            };
            file.describe(CALIBRATOR, &kind)?;
            file.add(CALIBRATOR, &[numbers.len()], &numbers);
        }
        let mut parts = Vec::new();
        for (index, member) in self.members.iter().enumerate() {
            let mut part = Writer::part();
            part.describe_apart("columns", &member.columns)?;
            if member.weight != 1 {
                part.describe("weight", &member.weight)?;
            }
            if let Some(scores) = self.scores.get(index) {
                let all: Vec<_> = scores.iter().map(|(name, x)| (name, Stored(x))).collect();
                part.describe("scores", &all)?;
                let stored = |scores: &[f64]| scores.iter().copied().map(Stored).collect();
                let each = scores.each.iter();
                let each: Vec<(_, Vec<_>)> =
                    each.map(|(name, scores)| (*name, stored(scores))).collect();
                part.describe("scores by target", &each)?;
            }
            if let Some(scaler) = &member.scaler {
                write_scaler(&mut part, SCALER, scaler)?;
            }
            if let Some(first) = member.residuals.first() {
                let shape = [member.residuals.len(), first.len()];
                part.add(RESIDUALS, &shape, &member.residuals.concat());
            }
            if !member.class_scores[0].is_empty() {
                let scores = written_scores(&member.class_scores);
                part.add(CLASS_SCORES, &[3, scores.len() / 3], &scores);
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
        let calibrator = read_calibrator(&file, &target)?;
        let (mut members, mut scores) = (Vec::new(), Vec::new());
        for part in file.parts("members")? {
            let member = Member {
                columns: part.get_apart("columns")?,
                net: Mlp::read(&part, &resolver)?,
                scaler: read_scaler(&part, SCALER)?,
                residuals: read_residuals(&part, &target)?,
                class_scores: read_scores(&part, &target)?,
                weight: part.find("weight")?.unwrap_or(1),
            };
            part.check_all_read("")?;
            member.check(&target)?;
            members.push(member);
            if let Some(all) = part.find("scores")? {
                scores.push(Scores::read(all, part.get("scores by target")?, &target)?);
            }
        }
        check_not_empty("members of the model", &members)?;
        Ok(Self {
            target,
            epochs,
            members,
            calibrator,
            scores,
            out_of_fold: Vec::new(),
            held_out: Vec::new(),
            fingerprint: 0,
        })
    }
}

on_disk!(save [] TabularModel);
on_disk!(load [] TabularModel);

/// Reads the errors on held-out rows, which a regressor has.
fn read_residuals(part: &Reader<'_>, target: &Target) -> Result<Vec<Vec<f64>>> {
    if target.task.is_classification() {
        return Ok(Vec::new());
    }
    let outputs = target.outputs();
    let rows = part.shape(RESIDUALS).and_then(|shape| shape.last());
    let Some(&rows) = rows.filter(|&&rows| rows > 0) else {
        return Err(malformed("errors on held-out rows are missing"));
    };
    let all: Vec<f64> = part.values(RESIDUALS, &[outputs, rows])?;
    if !all.iter().all(|&residual| residual >= 0.0) {
        return Err(malformed("an error on a held-out row is no number above 0"));
    }
    Ok(all.chunks(rows).map(<[f64]>::to_vec).collect())
}

/// Returns the class of each score by the first rule, then these scores, then those by the other
/// rule. Scores of a class are sorted, so those of one row may be apart.
fn written_scores(scores: &ClassScores) -> Vec<f64> {
    let classes = scores[0].iter().enumerate();
    let classes = classes.flat_map(|(class, list)| list.iter().map(move |_| class as f64));
    classes
        .chain(scores.iter().flat_map(|lists| lists.concat()))
        .collect()
}

/// Reads the scores of true classes on held-out rows, which a classifier has.
fn read_scores(part: &Reader<'_>, target: &Target) -> Result<ClassScores> {
    let mut scores = ClassScores::default();
    if target.task != Task::Classes {
        return Ok(scores);
    }
    let rows = part.shape(CLASS_SCORES).and_then(|shape| shape.last());
    let Some(&rows) = rows.filter(|&&rows| rows > 0) else {
        return Err(malformed("scores of held-out rows are missing"));
    };
    let all: Vec<f64> = part.values(CLASS_SCORES, &[3, rows])?;
    let (classes, all) = all.split_at(rows);
    let is_class =
        |&x: &f64| x >= 0.0 && (x as usize) < target.classes.len() && x as usize as f64 == x;
    if !classes.iter().all(is_class) || !all.iter().all(|&score| score >= 0.0) {
        return Err(malformed("a score of a held-out row is no number above 0"));
    }
    for (lists, all) in scores.iter_mut().zip(all.chunks(rows)) {
        *lists = memory::filled("classes", Vec::new(), target.classes.len())?;
        for (&class, &score) in classes.iter().zip(all) {
            lists[class as usize].push(score);
        }
        if !lists.iter().all(|list| list.is_sorted()) {
            return Err(malformed("scores of held-out rows are not sorted"));
        }
    }
    Ok(scores)
}

/// Reads the calibrator, which only a classifier can have.
fn read_calibrator(file: &Reader<'_>, target: &Target) -> Result<Option<Calibrator>> {
    let Some(kind) = file.find::<String>(CALIBRATOR)? else {
        return Ok(None);
    };
    let numbers = |len: usize| file.values::<f64>(CALIBRATOR, &[len]);
    let calibrator = match (&*kind, target.classes.len()) {
        (TEMPERATURE, 2..) => {
            let numbers = numbers(2)?;
            Calibrator::Temperature(Temperature::new(numbers[0], numbers[1])?)
        }
        (QUADRATIC, 2) => {
            let numbers = numbers(4)?;
            let coefficients = [numbers[0], numbers[1], numbers[2]];
            Calibrator::Quadratic(Quadratic::new(coefficients, numbers[3])?)
        }
        _ => return Err(malformed("the calibrator does not fit the target")),
    };
    Ok(Some(calibrator))
}

impl Member {
    /// Checks that columns, network and target fit each other.
    fn check(&self, target: &Target) -> Result<()> {
        self.columns.check()?;
        if self.weight == 0 {
            return Err(malformed("the weight of a network is 0"));
        }
        for (what, expected, got) in [
            ("inputs", self.columns.inputs(), self.net.inputs()),
            ("outputs", target.outputs(), self.net.outputs()),
        ] {
            if expected != got {
                let problem = format!("the network has {got} {what}, not {expected}");
                return Err(malformed(problem));
            }
        }
        let expected = (!target.task.is_classification()).then(|| target.outputs());
        if self.scaler.as_ref().map(|scaler| scaler.offsets().len()) != expected {
            return Err(malformed("the scaler of the targets does not fit them"));
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

/// A score, which may be infinite or NaN.
#[derive(Serialize, Deserialize)]
struct Stored(#[serde(with = "crate::serde_float")] f64);

impl Scores {
    fn read(
        all: Vec<(String, Stored)>,
        each: Vec<(String, Vec<Stored>)>,
        target: &Target,
    ) -> Result<Self> {
        let known = |name: &str| {
            let name = NAMES.into_iter().find(|known| *known == name);
            name.ok_or_else(|| malformed("a score has an unknown name"))
        };
        let all = all.into_iter().map(|(name, x)| Ok((known(&name)?, x.0)));
        let each = each.into_iter().map(|(name, scores)| {
            check_length("scores of the targets", &scores, target.names.len())?;
            Ok((known(&name)?, scores.into_iter().map(|x| x.0).collect()))
        });
        Ok(Self {
            all: all.collect::<Result<_>>()?,
            each: each.collect::<Result<_>>()?,
        })
    }
}
