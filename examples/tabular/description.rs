//! Description of a table: what the program understood, before it learns.

use feedforward::tabular::{Column, Kind, Table, Value};

use super::flags::Flags;
use super::reading::{Reading, Target, distinct, shortened};
use super::written;

/// Minimum number of rows for a warning about a column that differs in each row.
const ENOUGH_ROWS: usize = 10;

/// Minimum fraction of numbers in a column of words for a warning.
const MOSTLY: f64 = 0.9;

/// Returns lines with the size, the columns by kind, missing cells, the target, and warnings.
pub fn lines(reading: &Reading, flags: &Flags) -> Vec<String> {
    let (table, features) = (&reading.table, reading.features(flags));
    let (file, rows, columns) = (flags.data(), table.rows(), table.names().len());
    let (all_rows, all_columns) = (
        written::count(rows, "row", "rows"),
        written::count(columns, "column", "columns"),
    );
    let mut lines = vec![format!("{}: {all_rows}, {all_columns}", file.display())];
    let counts: Vec<_> = features
        .iter()
        .map(|(_, column)| distinct(column))
        .collect();
    let counted = || features.iter().zip(&counts);

    for kind in [Kind::Numbers, Kind::Words, Kind::Booleans] {
        let of_kind = counted().filter(|((_, column), _)| column.kind() == kind);
        let names = of_kind.map(|((name, _), count)| match kind {
            Kind::Words => format!("{name} ({})", written::count(*count, "word", "words")),
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
    if let Some((group, column)) = flags
        .group
        .as_ref()
        .and_then(|group| Some((group, table.column(group).ok()?)))
    {
        let groups = column.groups().into_iter().max().map_or(0, |most| most + 1);
        let groups = written::count(groups, "group", "groups");
        lines.push(format!("  held out together: {group}, {groups}"));
    }

    let target = table.column(&reading.target).ok();
    let target = target.filter(|_| !flags.classes).into_iter();
    let target = target.map(|column| (&*reading.target, column));
    let unnamed = |name: &str| !flags.words.iter().any(|other| other == name);
    let odd: Vec<_> = features
        .iter()
        .copied()
        .chain(target)
        .filter(|(name, _)| unnamed(name))
        .filter_map(|(name, column)| Some((name, odd(table, name, column)?)))
        .collect();
    let is_odd = |name: &str| odd.iter().any(|(other, _)| *other == name);
    lines.extend(odd.iter().map(|(_, warning)| warning.clone()));

    let ids = counted().filter(|((name, column), count)| {
        **count == rows && rows >= ENOUGH_ROWS && is_whole(column) && !is_odd(name)
    });
    let (ids, examples): (Vec<_>, Vec<_>) = ids
        .map(|((name, column), _)| {
            let example = match column.get(0) {
                Some(Value::Word(word)) => format!("{name} ({word:?}, ...)"),
                _ => (*name).to_string(),
            };
            (*name, example)
        })
        .unzip();
    if !ids.is_empty() {
        let (are, them) = match ids.len() {
            1 => ("column {} is", "leaves it out if it is an id"),
            _ => ("columns {} are", "leaves them out if they are ids"),
        };
        let (are, ignore) = (
            are.replace("{}", &shortened(examples.into_iter())),
            ids.join(","),
        );
        let warning = format!("warning: {are} different in each row; --ignore {ignore} {them}");
        lines.push(warning);
    }
    lines
}

/// Returns a warning about a column of words, almost all of which are numbers.
fn odd(table: &Table<'_>, name: &str, column: &Column<'_>) -> Option<String> {
    if column.kind() != Kind::Words {
        return None;
    }
    // A comma may be decimal, or stand between groups of digits.
    let is_number = |word: &str| {
        let texts = [word.replace(',', "."), word.replace(',', "")];
        texts
            .iter()
            .any(|text| text.parse().is_ok_and(f64::is_finite))
    };
    let (mut numbers, mut present, mut first) = (0, 0, None);
    for row in 0..column.len() {
        let Some(Value::Word(word)) = column.get(row) else {
            continue;
        };
        present += 1;
        if is_number(word) {
            numbers += 1;
        } else if first.is_none() {
            first = Some((row, word));
        }
    }
    if present < ENOUGH_ROWS || (numbers as f64) < MOSTLY * present as f64 {
        return None;
    }
    let place = match first {
        Some((row, word)) => format!("line {} is {word:?}", table.line(row)?),
        None => "with commas that may be decimal".to_string(),
    };
    let all = format!("{numbers} of {present} cells of column {name} are numbers");
    let hint = match first {
        Some(_) => format!("--missing may name it, and --words {name} hides this"),
        None => format!("--decimal-comma decides, and --words {name} hides this"),
    };
    Some(format!(
        "warning: {all}, but {place}, so all are words; {hint}"
    ))
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
            let (low, high) = (written::number(low), written::number(high));
            format!("{name}, numbers from {low} to {high}{log}")
        }
        Target::Classes if column.kind() == Kind::Numbers && !flags.classes => {
            let count = written::count(count, "number", "different numbers");
            format!("{name}, {count}, thus classes (see --numbers)")
        }
        Target::Classes => format!("{name}, {}", written::count(count, "class", "classes")),
    }
}

/// Returns an indented line with names of columns, or `None` if there are none.
fn listed(what: &str, names: Vec<String>) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let count = written::count(names.len(), "column", "columns");
    Some(format!(
        "  {count} {what}: {}",
        shortened(names.into_iter())
    ))
}
