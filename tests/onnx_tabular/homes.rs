//! Homes with gaps, and targets of every kind.

use std::ops::Range;

use feedforward::tabular::{Column, Table, Tabular, Value};

/// Returns numbers without a pattern, below 10,007.
pub fn pseudo(seed: usize) -> impl Fn(usize) -> usize {
    move |i| (i * 7919 + seed * 1_299_709) % 10_007 * (2 * seed + 1) % 10_007
}

/// Returns a table from its columns.
pub fn table_of<'a>(columns: impl IntoIterator<Item = (&'static str, Column<'a>)>) -> Table<'a> {
    let columns = columns.into_iter();
    columns.fold(Table::new(), |table, (name, column)| {
        table.with(name, column).unwrap()
    })
}

/// Returns homes with gaps. `is_new` adds words that training has never seen.
pub fn homes(rows: Range<usize>, is_new: bool) -> Table<'static> {
    let rows = || rows.clone();
    let unit = |seed| move |i| pseudo(seed)(i) as f64 / 10_007.0;
    let gap = |seed, i: usize| pseudo(seed)(i).is_multiple_of(9);
    let area = rows().map(|i| (!gap(1, i)).then_some(40.0 + 100.0 * unit(2)(i)));
    let built = rows().map(|i| 1_700_000_000.0 - 1e6 * unit(3)(i).round());
    let rooms = rows().map(|i| (!gap(4, i)).then_some((unit(5)(i) * 6.0).floor()));
    let streets = ["Elm", "Oak", "Ash", "Fir", "Yew \"q\" \\", "Ümlaut 🌲", " "];
    let street = rows().map(|i| match pseudo(6)(i) {
        _ if gap(7, i) => None,
        _ if is_new && i % 5 == 0 => Some("Unseen"),
        at => Some(streets[at % streets.len()]),
    });
    let heating = rows().map(|i| match pseudo(8)(i) {
        _ if gap(9, i) => None,
        at => Some(["gas", "oil"][at % 2]),
    });
    let garden = rows().map(|i| (!gap(10, i)).then_some(pseudo(11)(i).is_multiple_of(3)));
    let states = ["poor", "fair", "good", "best"];
    let state = rows().map(|i| (!gap(12, i)).then_some(states[pseudo(13)(i) % 4]));
    let owners = if is_new { 90 } else { 70 };
    let owner = rows().map(|i| format!("owner {}", pseudo(14)(i) % owners));
    table_of([
        ("area", Column::numbers(area)),
        ("built", Column::numbers(built)),
        ("rooms", Column::numbers(rooms)),
        ("street", Column::words(street)),
        ("heating", Column::words(heating)),
        ("garden", Column::booleans(garden)),
        ("state", Column::levels(state, states).unwrap()),
        ("owner", Column::words(owner)),
    ])
}

pub const TRAINING: Range<usize> = 0..400;
pub const NEW: Range<usize> = 1000..1100;

/// Returns a number for each row, which depends on all columns of [`homes`]: 10 to 90.
fn quality(table: &Table<'_>) -> Vec<f64> {
    let term = |cell: Option<Value<'_>>| match cell {
        Some(Value::Number(x)) => x % 150.0 / 10.0,
        Some(Value::Word(word)) => word.len() as f64,
        Some(Value::Boolean(boolean)) => 5.0 * f64::from(u8::from(boolean)),
        _ => 1.0,
    };
    let sum = |row| table.columns().iter().map(|c| term(c.get(row))).sum();
    (0..table.rows()).map(sum).collect()
}

/// Returns the homes to learn, and targets of every kind.
pub fn learned() -> Table<'static> {
    let homes = homes(TRAINING, false);
    let quality = quality(&homes);
    let rows = || 0..homes.rows();
    let targets = [
        ("price", Column::numbers(rows().map(|i| quality[i]))),
        (
            "sold",
            Column::numbers(rows().map(|i| 1.7e9 + 60.0 * quality[i])),
        ),
        (
            "bids",
            Column::numbers(rows().map(|i| (quality[i] / 9.0).floor())),
        ),
        ("days", Column::numbers(rows().map(|i| 1 + i % 7))),
        (
            "is large",
            Column::booleans(rows().map(|i| quality[i] > 40.0)),
        ),
        ("is old", Column::booleans(rows().map(|i| i % 3 == 0))),
        (
            "kind",
            Column::words(rows().map(|i| ["a \"b\"", "ü", "🏡"][quality[i] as usize % 3])),
        ),
        (
            "stars",
            Column::numbers(rows().map(|i| (quality[i] as usize % 4) as f64 - 1.5)),
        ),
    ];
    targets.into_iter().fold(homes, |table, (name, column)| {
        table.with(name, column).unwrap()
    })
}

/// Returns the recipe without other targets.
pub fn small<'t>(recipe: Tabular<'t>, used: &[&str]) -> Tabular<'t> {
    let targets = [
        "price", "sold", "bids", "days", "is large", "is old", "kind", "stars",
    ];
    let ignored = targets.into_iter().filter(|name| !used.contains(name));
    recipe.ignore(ignored).epochs(8).hidden(&[32, 16])
}
