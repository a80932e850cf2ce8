//! Predictions as CSV.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use feedforward::tabular::{Table, TabularModel};

use super::reading::{self, Known};
use super::{Result, in_file, sets, written};

/// Writes predictions for a table that was read from the first file to the second file.
///
/// Each row has its number from 1, the columns that the model does not read, and the prediction. A
/// predicted number has an interval of this level, and all digits. A class has a set, and the
/// probability of each class. Cells of other columns come from the plain table.
pub fn write(
    model: &TabularModel,
    known: &Known,
    ([table, plain], level): (&[Table<'_>; 2], f64),
    (from, file): (&Path, &Path),
) -> Result<()> {
    let name = file.display();
    let to = File::create(file).map_err(|error| format!("{name}: {error}"))?;
    let mut to = BufWriter::new(to);
    let columns = plain.names().iter().zip(plain.columns());
    let kept: Vec<_> = columns.filter(|(name, _)| known.is_other(name)).collect();
    let predictions = if model.classes().is_empty() {
        numbers(model, table, level)
    } else {
        classes(model, table, level)
    };
    let (ours, cells) = predictions.map_err(in_file(from))?;
    let mut names: BTreeSet<String> = kept.iter().map(|(name, _)| (*name).clone()).collect();
    let mut header = vec![quoted(&unused("row".to_string(), &mut names))];
    header.extend(kept.iter().map(|(name, _)| quoted(name)));
    header.extend(
        ours.into_iter()
            .map(|name| quoted(&unused(name, &mut names))),
    );
    writeln!(to, "{}", header.join(","))?;
    for row in 0..table.rows() {
        write!(to, "{}", row + 1)?;
        for (_, column) in &kept {
            let cell = reading::text(column, row).unwrap_or_default();
            write!(to, ",{}", quoted(&cell))?;
        }
        writeln!(to, ",{}", cells(row).join(","))?;
    }
    to.flush()
        .map_err(|error| format!("{name}: {error}").into())
}

/// Names of columns, and their cells in a row. All rows as text could exceed the memory.
type Cells<'m> = (Vec<String>, Box<dyn Fn(usize) -> Vec<String> + 'm>);

/// Returns predicted numbers with their intervals.
fn numbers<'m>(
    model: &'m TabularModel,
    table: &Table<'_>,
    level: f64,
) -> feedforward::Result<Cells<'m>> {
    let numbers = model.predict(table)?;
    let (lower, upper) = model.predict_interval(table, level)?;
    let targets = model.targets();
    let names = targets.iter().flat_map(|target| {
        let ends = [format!("{target}_lower"), format!("{target}_upper")];
        [format!("predicted {target}")].into_iter().chain(ends)
    });
    let cells = move |row| {
        let of_row = targets.len() * row..targets.len() * (row + 1);
        let all = of_row.flat_map(|at| [numbers[at], lower[at], upper[at]]);
        all.map(written::number).collect()
    };
    Ok((names.collect(), Box::new(cells)))
}

/// Returns predicted classes with their set, and the probability of each class.
fn classes<'m>(
    model: &'m TabularModel,
    table: &Table<'_>,
    level: f64,
) -> feedforward::Result<Cells<'m>> {
    let predicted = model.predict_class(table)?;
    let predicted: Vec<_> = predicted.into_iter().map(quoted).collect();
    let probabilities = model.predict_probability(table)?;
    let sets = sets::predicted(model, table, level)?;
    let classes = model.classes();
    let targets = model.targets().iter();
    let names = targets.flat_map(|target| [format!("predicted {target}"), format!("{target}_set")]);
    let of_classes = classes
        .iter()
        .map(|class| format!("probability of {class}"));
    let names = names.chain(of_classes);
    let cells = move |row: usize| {
        let of_row = probabilities
            .chunks(classes.len())
            .nth(row)
            .unwrap_or_default();
        let of_row = of_row.iter().map(|p| written::rounded(*p));
        [predicted[row].clone(), set(classes, &sets, row)]
            .into_iter()
            .chain(of_row)
            .collect()
    };
    Ok((names.collect(), Box::new(cells)))
}

/// Returns the names of the classes in a row's set, with `|` between them. A name with this
/// character has `\` before it.
fn set(classes: &[String], sets: &[bool], row: usize) -> String {
    let of_row = sets.chunks(classes.len()).nth(row).unwrap_or_default();
    let names = classes.iter().zip(of_row).filter(|(_, is_in)| **is_in);
    let names = names.map(|(name, _)| name.replace('\\', "\\\\").replace('|', "\\|"));
    quoted(&names.collect::<Vec<_>>().join("|"))
}

/// Returns a name that no column has, and adds it to the names.
fn unused(name: String, names: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name} {number}"));
    let mut all = [name.clone()].into_iter().chain(numbered);
    let found = all.find(|name| names.insert(name.clone()));
    found.unwrap_or(name)
}

/// Quotes a cell if it has a character with a meaning in CSV.
fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_string()
}
