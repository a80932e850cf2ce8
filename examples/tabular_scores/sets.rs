//! Tables with splits.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use feedforward::tabular::{CsvReader, Metric, Table, Tabular, TabularModel, Value as Cell};
use serde_json::{Map, Value};
use support::progress::Progress;

use crate::{OWN, Options, Result};

/// A table with splits and the scores of others.
pub struct Set<'s> {
    pub name: &'s str,
    pub target: &'s str,
    pub metric: &'static str,
    pub table: Table<'static>,
    description: &'s Value,
}

impl<'s> Set<'s> {
    pub fn new(folder: &Path, name: &'s str, description: &'s Value) -> Result<Self> {
        let part = |part: &str| get(description, name, part);
        let names = |of: &str| -> Result<Vec<&'s str>> {
            let list = part(of)?.as_array().map_or(&[][..], Vec::as_slice);
            Ok(list.iter().filter_map(Value::as_str).collect())
        };
        let text = |of: &str| -> Result<&'s str> {
            let found = part(of)?.as_str();
            Ok(found.ok_or_else(|| format!("{name}: {of}: expected text"))?)
        };
        let (target, task) = (text("target")?, text("task")?);
        let mut reader = CsvReader::new()
            .words(names("words")?)
            .numbers(names("numbers")?);
        let metric = match task {
            "classification" => {
                reader = reader.words([target]);
                "accuracy"
            }
            "regression" => "r2",
            _ => return Err(format!("{name}: task: expected regression or classification").into()),
        };
        let table = reader.open(folder.join(format!("{name}.csv")))?;
        Ok(Self {
            name,
            target,
            metric,
            table,
            description,
        })
    }

    /// Returns score and seconds of each split, by library.
    pub fn results(&self, options: &Options) -> Result<BTreeMap<String, Vec<(f64, f64)>>> {
        let mut results = BTreeMap::<String, Vec<(f64, f64)>>::new();
        let scores = get(self.description, self.name, "scores")?.as_object();
        for (split, rows) in self.splits()? {
            let own = self.result(&rows, options)?;
            results.entry(OWN.to_string()).or_default().push(own);
            for (library, scores) in scores.into_iter().flatten() {
                let number = |name| scores.get(split)?.get(name)?.as_f64();
                if let Some(score) = number("r2").or_else(|| number("acc")) {
                    let result = (score, number("seconds").unwrap_or(f64::NAN));
                    results.entry(library.clone()).or_default().push(result);
                }
            }
        }
        Ok(results)
    }

    /// Returns name and test rows of each split.
    pub fn splits(&self) -> Result<Vec<(&'s str, Vec<usize>)>> {
        let splits = get(self.description, self.name, "test_rows")?.as_object();
        let splits = splits.into_iter().flatten().map(|(split, rows)| {
            let rows = rows.as_array().into_iter().flatten();
            let rows = rows.filter_map(Value::as_u64).map(|row| row as usize);
            (split.as_str(), rows.collect())
        });
        let splits: Vec<_> = splits.collect();
        if splits.is_empty() {
            return Err(format!("{}: expected test_rows, got none", self.name).into());
        }
        Ok(splits)
    }

    /// Trains on all rows but these, and returns the score on these, and seconds.
    fn result(&self, test: &[usize], options: &Options) -> Result<(f64, f64)> {
        let (model, held_out, seconds) = self.fitted(test, options, None)?;
        let score = model.score(&held_out);
        let score = score.map_err(|error| format!("{}: {error}", self.name))?;
        Ok((score.get(self.metric).unwrap_or(f64::NAN), seconds))
    }

    /// Returns all rows but these.
    pub fn training(&self, test: &[usize]) -> Result<Table<'static>> {
        let mut is_test = vec![false; self.table.rows()];
        for &row in test {
            is_test[row] = true;
        }
        let rest: Vec<_> = (0..is_test.len()).filter(|&row| !is_test[row]).collect();
        let training = self.table.select(&rest);
        Ok(training.map_err(|error| format!("{}: {error}", self.name))?)
    }

    /// Trains on all rows but these, and returns the model, these rows, and seconds.
    pub fn fitted(
        &self,
        test: &[usize],
        options: &Options,
        metric: Option<Metric>,
    ) -> Result<(TabularModel, Table<'static>, f64)> {
        let explain = |error| format!("{}: {error}", self.name);
        let held_out = self.table.select(test).map_err(explain)?;
        let training = self.training(test)?;

        let begun = Instant::now();
        let recipe = match self.metric {
            "r2" => Tabular::regressor(&training, self.target),
            _ => Tabular::classifier(&training, self.target),
        };
        let (progress, name) = (
            Mutex::new(Progress::new(options.quiet)),
            self.name.to_string(),
        );
        let recipe = recipe
            .folds(options.folds as usize)
            .preset(options.preset.into())
            .seed(options.seed)
            .on_epoch(move |at| {
                // Another thread that shows the progress is enough.
                if let Ok(mut progress) = progress.try_lock()
                    && progress.is_due()
                {
                    let done = at.fold * at.epochs + at.epoch;
                    let part = done as f64 / (at.folds * at.epochs) as f64;
                    let words = format!("epoch {}/{} of {name}", at.epoch, at.epochs);
                    progress.show(part, &words);
                }
                std::ops::ControlFlow::Continue(())
            });
        let recipe = match options.epochs {
            Some(epochs) => recipe.epochs(epochs as usize),
            None => recipe,
        };
        let recipe = match options.threads {
            Some(threads) => recipe.threads(threads as usize),
            None => recipe,
        };
        let recipe = match metric {
            Some(metric) => recipe.metric(metric),
            None => recipe,
        };
        let model = recipe.fit().map_err(explain)?;
        let seconds = begun.elapsed().as_secs_f64();
        Ok((model, held_out, seconds))
    }
}

/// Returns the index of each row's class.
pub fn class_indices(model: &TabularModel, table: &Table<'_>, target: &str) -> Result<Vec<usize>> {
    let column = table.column(target)?;
    let indices = (0..table.rows()).map(|row| {
        let found = model.classes().iter().position(|class| {
            let cell = column.get(row);
            cell == Some(Cell::Word(class))
        });
        Ok(found.ok_or("expected classes that are words")?)
    });
    indices.collect()
}

/// Returns a set's description.
pub fn find<'v>(sets: &'v Map<String, Value>, name: &str) -> Result<&'v Value> {
    let found = sets.get(name).ok_or_else(|| {
        let known: Vec<_> = sets.keys().map(String::as_str).collect();
        format!(
            "scores.json: expected one of {}, got {name}",
            known.join(", ")
        )
    });
    Ok(found?)
}

/// Returns a part of a set's description.
fn get<'v>(description: &'v Value, name: &str, part: &str) -> Result<&'v Value> {
    let found = description.get(part);
    Ok(found.ok_or_else(|| format!("{name}: expected {part}, got none"))?)
}
