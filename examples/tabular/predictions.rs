//! Predictions as CSV.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use feedforward::tabular::{Table, TabularModel};

use super::reading::{self, Known};
use super::{Result, in_file, written};

/// Writes predictions for a table that was read from the first file to the second file.
///
/// Each row has its number from 1, the columns that the model does not read, the prediction, and
/// the probability of each class. Their cells come from the plain table.
pub fn write(
    model: &TabularModel,
    known: &Known,
    [table, plain]: &[Table<'_>; 2],
    (from, file): (&Path, &Path),
) -> Result<()> {
    let name = file.display();
    let to = File::create(file).map_err(|error| format!("{name}: {error}"))?;
    let mut to = BufWriter::new(to);
    let columns = plain.names().iter().zip(plain.columns());
    let kept: Vec<_> = columns.filter(|(name, _)| known.is_other(name)).collect();
    let target = model.targets().first().map_or("prediction", |name| name);

    let classes = model.classes();
    let mut names: BTreeSet<String> = kept.iter().map(|(name, _)| (*name).clone()).collect();
    let mut header = vec![quoted(&unused("row".to_string(), &mut names))];
    header.extend(kept.iter().map(|(name, _)| quoted(name)));
    let ours = [format!("predicted {target}")].into_iter();
    let ours = ours.chain(
        classes
            .iter()
            .map(|class| format!("probability of {class}")),
    );
    header.extend(ours.map(|name| quoted(&unused(name, &mut names))));
    writeln!(to, "{}", header.join(","))?;

    let (predicted, probabilities) = if classes.is_empty() {
        let numbers = model.predict(table).map_err(in_file(from))?;
        (
            numbers.iter().map(|x| written::rounded(*x)).collect(),
            Vec::new(),
        )
    } else {
        let predicted = model.predict_class(table).map_err(in_file(from))?;
        let predicted: Vec<_> = predicted.into_iter().map(quoted).collect();
        (
            predicted,
            model.predict_probability(table).map_err(in_file(from))?,
        )
    };
    for (row, prediction) in predicted.iter().enumerate() {
        write!(to, "{}", row + 1)?;
        for (_, column) in &kept {
            let cell = reading::text(column, row).unwrap_or_default();
            write!(to, ",{}", quoted(&cell))?;
        }
        write!(to, ",{prediction}")?;
        for probability in &probabilities[row * classes.len()..][..classes.len()] {
            write!(to, ",{probability:.6}")?;
        }
        writeln!(to)?;
    }
    to.flush()
        .map_err(|error| format!("{name}: {error}").into())
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
