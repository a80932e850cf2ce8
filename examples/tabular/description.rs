//! Description of a table: what the program understood, before it learns.

use feedforward::tabular::{Column, Kind};

use super::flags::Flags;
use super::reading::{Reading, Target, distinct, shortened};

/// Minimum number of rows for a warning about a column that differs in each row.
const ENOUGH_ROWS: usize = 10;

/// Returns lines with the size, the columns by kind, missing cells, the target, and warnings.
pub fn lines(reading: &Reading, flags: &Flags) -> Vec<String> {
    let (table, features) = (&reading.table, reading.features(flags));
    let (file, rows, columns) = (flags.data(), table.rows(), table.names().len());
    let mut lines = vec![format!(
        "{}: {rows} rows, {columns} columns",
        file.display()
    )];
    let counts: Vec<_> = features
        .iter()
        .map(|(_, column)| distinct(column))
        .collect();
    let counted = || features.iter().zip(&counts);

    for kind in [Kind::Numbers, Kind::Words, Kind::Booleans] {
        let of_kind = counted().filter(|((_, column), _)| column.kind() == kind);
        let names = of_kind.map(|((name, _), count)| match kind {
            Kind::Words => format!("{name} ({count} words)"),
            _ => (*name).to_string(),
        });
        lines.extend(listed(&format!("of {kind}"), names.collect()));
    }
    lines.extend(listed("ignored", flags.ignore.clone()));
    let missing = features
        .iter()
        .filter(|(_, c)| (1..rows).contains(&c.missing()));
    let missing = missing.map(|(name, column)| format!("{name} ({})", column.missing()));
    lines.extend(listed("with missing cells", missing.collect()));
    let of = |is_wanted: &dyn Fn(&Column<'_>, usize) -> bool| -> Vec<String> {
        let wanted = counted().filter(|((_, column), count)| is_wanted(column, **count));
        wanted.map(|((name, _), _)| (*name).to_string()).collect()
    };
    lines.extend(listed(
        "without any value",
        of(&|column, _| column.missing() == rows),
    ));
    let constant = of(&|column, count| count == 1 && column.missing() == 0);
    lines.extend(listed("with one value in all rows", constant));
    lines.push(format!("  target: {}", target(reading, flags)));

    let ids = of(&|column, count| count == rows && rows >= ENOUGH_ROWS && is_whole(column));
    if !ids.is_empty() {
        let (are, them) = match ids.len() {
            1 => ("column {} is", "leaves it out"),
            _ => ("columns {} are", "leaves them out"),
        };
        let (are, ignore) = (
            are.replace("{}", &shortened(ids.iter().cloned())),
            ids.join(","),
        );
        let warning = format!("warning: {are} different in each row; --ignore {ignore} {them}");
        lines.push(warning);
    }
    lines
}

/// Returns `true` for words and whole numbers. Other numbers are often all different.
fn is_whole(column: &Column<'_>) -> bool {
    let numbers = column.as_numbers();
    numbers.is_none_or(|numbers| numbers.iter().all(|x| x.fract() == 0.0))
}

fn target(reading: &Reading, flags: &Flags) -> String {
    let name = &reading.target;
    let Ok(column) = reading.table.column(name) else {
        return name.clone();
    };
    let count = distinct(column);
    match reading.kind {
        Target::Numbers => {
            let numbers = column.as_numbers().unwrap_or_default().iter();
            let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| {
                (l.min(x), h.max(x))
            });
            let log = if flags.log { ", as logarithms" } else { "" };
            format!("{name}, numbers from {low} to {high}{log}")
        }
        Target::Classes if column.kind() == Kind::Numbers && !flags.classes => {
            format!("{name}, {count} different numbers, thus classes (see --numbers)")
        }
        Target::Classes => format!("{name}, {count} classes"),
    }
}

/// Returns an indented line with names of columns, or `None` if there are none.
fn listed(what: &str, names: Vec<String>) -> Option<String> {
    let count = match names.len() {
        0 => return None,
        1 => "1 column".to_string(),
        count => format!("{count} columns"),
    };
    Some(format!(
        "  {count} {what}: {}",
        shortened(names.into_iter())
    ))
}
