//! Predictions as CSV.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use feedforward::tabular::{Table, TabularModel};

use super::reading::{self, Known};
use super::{Result, in_file};

/// Writes predictions for a table that was read from the first file to the second file.
///
/// Each row has its number, the columns that the model does not read, the prediction, and the
/// probability of each class.
pub fn write(
    model: &TabularModel,
    known: &Known,
    table: &Table<'_>,
    (from, file): (&Path, &Path),
) -> Result<()> {
    let name = file.display();
    let to = File::create(file).map_err(|error| format!("{name}: {error}"))?;
    let mut to = BufWriter::new(to);
    let columns = table.names().iter().zip(table.columns());
    let kept: Vec<_> = columns.filter(|(name, _)| known.is_other(name)).collect();
    let target = model.targets().first().map_or("prediction", |name| name);

    let mut header = vec!["row".to_string()];
    header.extend(kept.iter().map(|(name, _)| quoted(name)));
    header.push(quoted(&format!("predicted {target}")));
    let classes = model.classes();
    let names = classes
        .iter()
        .map(|class| quoted(&format!("probability of {class}")));
    header.extend(names);
    writeln!(to, "{}", header.join(","))?;

    let (predicted, probabilities) = if classes.is_empty() {
        let numbers = model.predict(table).map_err(in_file(from))?;
        (numbers.iter().map(|x| rounded(*x)).collect(), Vec::new())
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

/// Returns a number with the seven digits that a prediction in f32 has.
fn rounded(x: f64) -> String {
    let digits = format!("{x:.6e}");
    digits.parse().map_or(digits, |x: f64| x.to_string())
}

/// Quotes a cell if it has a character with a meaning in CSV.
fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_string()
}
