//! Tables from files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use feedforward::tabular::{Column, Columns, CsvReader, Kind, Table, TabularModel, Value};

use super::flags::Flags;
use super::{Result, in_file};

/// Maximum number of different numbers that are classes by default.
const FEW: usize = 2;

/// Kind of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Numbers,
    Classes,
}

/// A table to learn from.
#[derive(Debug)]
pub struct Reading {
    pub table: Table<'static>,
    pub target: String,
    pub kind: Target,
}

fn reader(flags: &Flags) -> CsvReader {
    set(CsvReader::new(), flags)
}

/// Sets the reader's flags.
fn set(mut reader: CsvReader, flags: &Flags) -> CsvReader {
    if let Some(delimiter) = flags.delimiter {
        reader = reader.delimiter(delimiter);
    }
    if let Some(is_comma) = flags.decimal_comma {
        reader = reader.decimal_comma(is_comma);
    }
    if let Some(texts) = &flags.missing {
        reader = reader.missing(texts);
    }
    if flags.latin1 {
        reader = reader.latin1();
    }
    reader
}

impl Reading {
    /// Reads the file to learn from, and checks what no training run could use.
    pub fn new(flags: &Flags) -> Result<Self> {
        let file = flags.data();
        let mut reader = reader(flags).words(&flags.words);
        if let (Some(target), true) = (flags.target(), flags.numbers || flags.log) {
            reader = reader.numbers([target]);
        }
        let table = reader.open(&file)?;
        let problem = |problem: String| format!("{}: {problem}", file.display());
        let Some(target) = flags.target() else {
            let names = shortened(table.names().iter().cloned());
            return Err(problem(format!("expected --target with one of {names}, got none")).into());
        };
        let column = table.column(target).map_err(in_file(&file))?;
        for left_out in flags.left_out() {
            table.column(left_out).map_err(in_file(&file))?;
        }
        let rows = table.rows();
        if rows < 2 {
            return Err(problem(format!("expected at least 2 rows, got {rows}")).into());
        }
        let is_few = || distinct(column) <= FEW;
        let kind = match column.kind() {
            _ if flags.classes => Target::Classes,
            Kind::Numbers if flags.numbers || flags.log || !is_few() => Target::Numbers,
            _ => Target::Classes,
        };
        if kind == Target::Classes && flags.group.is_none() {
            check_classes(column, flags)
                .map_err(|error| problem(format!("column {target:?}: {error}")))?;
        }
        let target = target.to_string();
        Ok(Self {
            table,
            target,
            kind,
        })
    }

    /// Returns names and cells of the columns to learn from.
    pub fn features(&self, flags: &Flags) -> Vec<(&str, &Column<'static>)> {
        let ignored: BTreeSet<&str> = flags.left_out().map(|name| &**name).collect();
        let columns = self.table.names().iter().zip(self.table.columns());
        let columns = columns.map(|(name, column)| (&**name, column));
        let columns = columns.filter(|(name, _)| *name != self.target && !ignored.contains(name));
        columns.collect()
    }
}

/// Maximum number of names in a line.
const MOST_NAMES: usize = 8;

/// Returns the first names, and the number of others.
pub fn shortened(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<_> = names.collect();
    let others = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    let more = match others {
        0 => String::new(),
        _ => format!(", and {others} more"),
    };
    names.join(", ") + &more
}

/// Checks that each fold has rows of each class. A single network also holds out rows.
fn check_classes(column: &Column<'_>, flags: &Flags) -> Result<()> {
    let mut sizes = BTreeMap::<String, usize>::new();
    for row in 0..column.len() {
        if let Some(class) = text(column, row) {
            *sizes.entry(class).or_default() += 1;
        }
    }
    // The library has a message about a single class.
    if sizes.len() < 2 {
        return Ok(());
    }
    let folds = flags.folds.max(2) as usize;
    let Some((class, rows)) = sizes.iter().find(|(_, rows)| **rows < folds) else {
        return Ok(());
    };
    let is_numeric = column.kind() == Kind::Words && 2 * sizes.len() > column.len();
    let hint = match (is_numeric, *rows) {
        (true, _) => "; --numbers names a cell that is no number".to_string(),
        (_, 1) => String::new(),
        (_, rows) => format!("; --folds {rows} is possible"),
    };
    let why = if flags.folds > 1 {
        ", as many as folds"
    } else {
        ""
    };
    let expected = format!("expected at least {folds} rows of each class{why}");
    Err(format!("{expected}, got {rows} of {class:?}{hint}").into())
}

/// Returns the text of a cell as the name of a class, or `None` if it is missing.
pub fn text(column: &Column<'_>, row: usize) -> Option<String> {
    match column.get(row)? {
        Value::Word(word) => Some(word.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Boolean(boolean) => Some(boolean.to_string()),
        Value::Missing => None,
    }
}

/// Returns the number of different values. A missing cell is none.
pub fn distinct(column: &Column<'_>) -> usize {
    if let Some(numbers) = column.as_numbers() {
        let mut present: Vec<_> = numbers.iter().filter(|x| !x.is_nan()).collect();
        present.sort_unstable_by(|a, b| a.total_cmp(b));
        present.dedup();
        return present.len();
    }
    let words: BTreeSet<_> = (0..column.len())
        .filter_map(|row| match column.get(row)? {
            Value::Word(word) => Some(word),
            Value::Boolean(true) => Some("true"),
            Value::Boolean(false) => Some("false"),
            _ => None,
        })
        .collect();
    words.len()
}

/// Columns that a model reads, and readers of other files with them.
#[derive(Debug)]
pub struct Known {
    reader: CsvReader,
    /// Reads cells as they are.
    plain: CsvReader,
    columns: BTreeSet<String>,
    target: String,
    /// Kind of the target's cells, unless it is found.
    kind: Option<Kind>,
    /// Classes in the table to learn from.
    classes: Option<BTreeSet<String>>,
    needs_positive: bool,
}

impl Known {
    /// Returns those of a table to learn from.
    pub fn of_reading(reading: &Reading, flags: &Flags) -> Result<Self> {
        let features = reading.features(flags);
        let column = reading.table.column(&reading.target)?;
        let of = |wanted: Kind| {
            let features = features.iter();
            let features = features.filter(move |(_, column)| column.kind() == wanted);
            features.map(|(name, _)| *name)
        };
        let classes = || {
            (0..column.len())
                .filter_map(|row| text(column, row))
                .collect()
        };
        Ok(Self {
            reader: reader(flags)
                .words(of(Kind::Words))
                .numbers(of(Kind::Numbers)),
            plain: reader(flags).missing([""; 0]),
            columns: features.iter().map(|(name, _)| (*name).into()).collect(),
            target: reading.target.clone(),
            kind: Some(column.kind()),
            classes: (reading.kind == Target::Classes).then(classes),
            needs_positive: flags.log,
        })
    }

    /// Returns those of a model.
    pub fn of_model(model: &TabularModel, flags: &Flags) -> Self {
        let columns = model.columns().next().into_iter();
        let columns = columns.flat_map(Columns::columns);
        Self {
            reader: set(CsvReader::for_model(model), flags),
            plain: reader(flags).missing([""; 0]),
            columns: columns.map(|(name, _)| name.into()).collect(),
            target: model.targets().first().cloned().unwrap_or_default(),
            // The reader knows which classes are words.
            kind: model.classes().is_empty().then_some(Kind::Numbers),
            classes: None,
            needs_positive: false,
        }
    }

    /// Returns `true` for a column that is only copied to the predictions.
    pub fn is_other(&self, name: &str) -> bool {
        !self.columns.contains(name) && name != self.target
    }

    /// Reads a file to score, and checks its target.
    pub fn read_test(&self, file: &Path) -> Result<Table<'static>> {
        let (reader, target) = (self.reader.clone(), [&self.target]);
        let reader = match self.kind {
            Some(Kind::Numbers) => reader.numbers(target),
            Some(Kind::Words) => reader.words(target),
            _ => reader,
        };
        let table = opened(&reader, file)?;
        let column = table.column(&self.target).map_err(in_file(file))?;
        for row in 0..table.rows() {
            let (cell, number) = (text(column, row), column.as_numbers().map(|all| all[row]));
            let expected = match (&cell, &self.classes) {
                (None, _) => "a value".to_string(),
                (Some(class), Some(classes)) if !classes.contains(class) => {
                    format!("one of {}", shortened(classes.iter().cloned()))
                }
                _ if self.needs_positive && number.is_none_or(|x| x <= 0.0) => {
                    "a number above 0, for --log".to_string()
                }
                _ => continue,
            };
            let line = table.line(row).unwrap_or_default();
            let (file, target, got) = (file.display(), &self.target, cell.as_deref());
            let got = got.unwrap_or("none");
            let place = format!("{file}: column {target:?}: line {line}");
            return Err(format!("{place}: expected {expected}, got {got}").into());
        }
        Ok(table)
    }

    /// Reads a file to predict, and all its cells as they are.
    pub fn read_new(&self, file: &Path) -> Result<[Table<'static>; 2]> {
        let table = opened(&self.reader, file)?;
        // Numbers would lose leading zeros.
        let plain = self.plain.clone().words(table.names());
        let plain = plain.open(file)?;
        Ok([table, plain])
    }
}

/// Reads a file with one or more rows.
fn opened(reader: &CsvReader, file: &Path) -> Result<Table<'static>> {
    let table = reader.open(file)?;
    if table.rows() == 0 {
        let name = file.display();
        return Err(format!("{name}: expected rows below the header, got none").into());
    }
    Ok(table)
}
