//! Random tables, CSV texts and serialized columns never panic, and inputs have one width.

use std::cell::RefCell;

use feedforward::Error;
use feedforward::tabular::{Column, ColumnSettings, Columns, CsvReader, Scaling, Table, Waves};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

const LEVELS: [&str; 3] = ["low", "mid", "high"];

/// Cells of a column in a form that proptest can print and shrink.
#[derive(Clone, Debug)]
enum Cells {
    Numbers(Vec<Option<f64>>),
    Words(Vec<Option<u8>>),
    Booleans(Vec<Option<bool>>),
    Levels(Vec<Option<u8>>),
}

impl Cells {
    fn column(&self) -> Column<'static> {
        let word = |word: &Option<u8>| word.map(|word| format!("w{word}"));
        let level = |level: &Option<u8>| level.map(|level| LEVELS[usize::from(level) % 3]);
        match self {
            Self::Numbers(cells) => Column::numbers(cells),
            Self::Words(cells) => Column::words(cells.iter().map(word)),
            Self::Booleans(cells) => Column::booleans(cells),
            Self::Levels(cells) => Column::levels(cells.iter().map(level), LEVELS).unwrap(),
        }
    }
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -1e3..1e3,
        3 => (-3..3_i32).prop_map(f64::from),
        1 => prop_oneof![Just(0.0), Just(-0.0), Just(1e30), Just(-1e30), Just(1e-30)],
    ]
}

fn cells(rows: usize) -> impl Strategy<Value = Cells> {
    prop_oneof![
        vec(option::of(number()), rows).prop_map(Cells::Numbers),
        vec(option::of(0..6_u8), rows).prop_map(Cells::Words),
        vec(option::of(0..2_u8), rows).prop_map(Cells::Words),
        vec(option::of(any::<bool>()), rows).prop_map(Cells::Booleans),
        vec(option::of(0..3_u8), rows).prop_map(Cells::Levels),
    ]
}

/// Columns of up to 12 rows, and rows to fit.
fn columns() -> impl Strategy<Value = (Vec<Cells>, Vec<usize>)> {
    (1..12_usize, 1..6_usize)
        .prop_flat_map(|(rows, width)| (vec(cells(rows), width), vec(0..rows, 1..2 * rows)))
}

fn scaling() -> impl Strategy<Value = Scaling> {
    prop_oneof![
        Just(Scaling::Robust),
        Just(Scaling::Standard),
        Just(Scaling::MinMax),
        Just(Scaling::Log),
        Just(Scaling::None),
        (1..6_usize).prop_map(Scaling::Piecewise),
    ]
}

fn settings() -> impl Strategy<Value = ColumnSettings> {
    let scalings = option::of(scaling()).prop_map(|own| own.map(|s| ("c0".to_string(), s)));
    let waves = prop_oneof![
        Just(Waves::Auto),
        Just(Waves::Off),
        (0.01..10.0).prop_map(Waves::Sigma),
    ];
    let sizes = (0..8_usize, 1..5_usize, 0..4_usize);
    (scaling(), scalings, sizes, waves).prop_map(
        |(scaling, scalings, (one_hot, width, min_count), waves)| ColumnSettings {
            scaling,
            scalings: scalings.into_iter().collect(),
            one_hot,
            width,
            waves,
            min_count,
        },
    )
}

/// Returns the table of these columns in this order. Names depend on the column alone.
fn table(columns: &[Cells], order: impl IntoIterator<Item = usize>) -> Table<'static> {
    let add = |table: Table<'static>, at: usize| {
        table.with(format!("c{at}"), columns[at].column()).unwrap()
    };
    order.into_iter().fold(Table::new(), add)
}

fn is_of_column(error: &Error) -> bool {
    matches!(error, Error::Column { .. })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn inputs_of_random_tables((cells, rows) in columns(), settings in settings()) {
        let all = table(&cells, 0..cells.len());
        let columns = match Columns::fit(&all, &rows, &settings) {
            Ok(columns) => columns,
            Err(error) => {
                let has_words = |cells: &Cells| matches!(cells, Cells::Words(_));
                let is_right = match error {
                    // No column has a word in these rows.
                    Error::Empty { .. } => cells.iter().all(has_words),
                    // The first column has a scaling of numbers.
                    Error::Column { column, .. } => {
                        let has_none = matches!(cells[0], Cells::Words(_) | Cells::Booleans(_));
                        column == "c0" && !settings.scalings.is_empty() && has_none
                    }
                    _ => false,
                };
                prop_assert!(is_right);
                return Ok(());
            }
        };
        let width = columns.inputs();
        prop_assert_eq!(columns.names().len(), width);
        prop_assert_eq!(columns.sources().len(), width);
        prop_assert!(columns.sources().iter().all(|&source| source < cells.len()));

        let inputs = columns.encode::<f64>(&all, &rows).unwrap();
        prop_assert_eq!(inputs.len(), rows.len() * width);
        prop_assert!(inputs.iter().all(|x| x.is_finite()), "{:?}", inputs);

        // Each row has its inputs alone, and in a table with other columns in another order.
        let shuffled = table(&cells, (0..cells.len()).rev())
            .with("extra", Column::numbers((0..all.rows()).map(|row| row as f64)))
            .unwrap();
        for (&row, expected) in rows.iter().zip(inputs.chunks(width)) {
            prop_assert_eq!(&columns.encode::<f64>(&shuffled, &[row]).unwrap(), expected);
            let alone = all.select(&[row]).unwrap();
            prop_assert_eq!(&columns.encode::<f64>(&alone, &[0]).unwrap(), expected);
        }
        // Every row has this width, also one that was not fitted.
        let everything: Vec<_> = (0..all.rows()).collect();
        match columns.encode::<f32>(&all, &everything) {
            Ok(inputs) => prop_assert_eq!(inputs.len(), everything.len() * width),
            Err(error) => prop_assert!(is_of_column(&error), "{}", error),
        }
        let lacking = all.without("c0").unwrap();
        let error = columns.encode::<f32>(&lacking, &[]).unwrap_err();
        let is_column = matches!(error, Error::Column { .. });
        prop_assert!(is_column);

        let text = serde_json::to_string(&columns).unwrap();
        prop_assert_eq!(serde_json::from_str::<Columns>(&text).unwrap(), columns);
    }

    #[test]
    fn columns_of_other_kinds((cells, rows) in columns(), settings in settings()) {
        let all = table(&cells, 0..cells.len());
        let Ok(columns) = Columns::fit(&all, &rows, &settings) else { return Ok(()) };
        // Each column has the cells of its neighbor.
        let mut moved = cells.clone();
        moved.rotate_left(1);
        match columns.encode::<f64>(&table(&moved, 0..moved.len()), &rows) {
            Ok(inputs) => {
                prop_assert_eq!(inputs.len(), rows.len() * columns.inputs());
                prop_assert!(inputs.iter().all(|x| x.is_finite()));
            }
            Err(error) => prop_assert!(is_of_column(&error), "{}", error),
        }
    }

    #[test]
    fn random_text_is_a_table_or_an_error(text in "[ab1,;\t\"\r\n .?-]{0,60}") {
        if let Ok(table) = CsvReader::new().read(text.as_bytes()) {
            prop_assert!(table.columns().iter().all(|column| column.len() == table.rows()));
            prop_assert!(!table.names().is_empty());
        }
    }

    #[test]
    fn random_bytes_are_a_table_or_an_error(
        bytes in vec(any::<u8>(), 0..60),
        delimiter in option::of(any::<u8>()),
    ) {
        let reader = CsvReader::new();
        let reader = delimiter.map_or(reader.clone(), |delimiter| reader.delimiter(delimiter));
        let _ = reader.read(&*bytes);
    }

    #[test]
    fn written_words_are_read(words in vec("[xyz,;\"\n\r]{1,6}", 1..20)) {
        let quoted = |word: &String| format!("\"{}\",1\n", word.replace('"', "\"\""));
        let text: String = words.iter().map(quoted).collect();
        let table = CsvReader::new().delimiter(b',').words(["a"]);
        let table = table.read(format!("a,b\n{text}").as_bytes()).unwrap();
        // Spaces around words do not count, and a line break is one.
        let trimmed = words.iter().map(|word| word.trim());
        let expected = Column::words(trimmed.map(|word| (!word.is_empty()).then_some(word)));
        prop_assert_eq!(table.column("a").unwrap(), &expected);
    }
}

/// Columns of every form, and a table for them.
fn every_form() -> (Columns, Table<'static>) {
    let words = |count: u8| Cells::Words((0..6).map(|i| Some(i % count)).collect());
    let cells = [
        Cells::Numbers(vec![
            Some(1.0),
            None,
            Some(2.0),
            Some(4.0),
            Some(0.5),
            Some(3.0),
        ]),
        Cells::Levels(vec![Some(0), Some(1), Some(2), None, Some(1), Some(0)]),
        Cells::Booleans(vec![Some(true), None, Some(false), Some(true), None, None]),
        words(3),
        words(6),
        Cells::Numbers((0..6).map(|i| Some(f64::from(i))).collect()),
    ];
    let table = table(&cells, 0..cells.len());
    let settings = ColumnSettings {
        scalings: vec![
            ("c5".into(), Scaling::Piecewise(3)),
            ("c1".into(), Scaling::None),
        ],
        one_hot: 4,
        ..ColumnSettings::default()
    };
    let columns = Columns::fit(&table, &[0, 1, 2, 3, 4, 5], &settings).unwrap();
    (columns, table)
}

/// Reads columns, and uses everything of them if they are accepted.
fn try_columns(text: &str, table: &Table<'_>) -> bool {
    let Ok(columns) = serde_json::from_str::<Columns>(text) else {
        return false;
    };
    // Each input takes bytes in the file.
    assert!(columns.inputs() <= text.len());
    assert_eq!(columns.names().len(), columns.inputs());
    assert_eq!(columns.sources().len(), columns.inputs());
    let _ = columns.encoding::<f32>();
    let _ = columns.encode::<f32>(table, &[0, 1, 2, 3, 4, 5]);
    true
}

/// Returns the places of all values in a document, as JSON pointers.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_string());
    match value {
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                places(value, &format!("{here}/{at}"), found);
            }
        }
        Value::Object(values) => {
            for (key, value) in values {
                places(value, &format!("{here}/{key}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn hostile_columns_are_refused_or_harmless() {
    let (columns, table) = every_form();
    let document = serde_json::to_value(&columns).unwrap();
    assert!(try_columns(&document.to_string(), &table));
    let mut found = Vec::new();
    places(&document, "", &mut found);
    let replacements = [
        json!(null),
        json!(0),
        json!(-1),
        json!(1e308),
        json!(-1e308),
        json!(u64::MAX),
        json!(1_u64 << 40),
        json!(""),
        json!("c1"),
        json!("words"),
        json!("numbers"),
        json!([]),
        json!({}),
        json!([0.0, 0.0]),
        json!(["w1", "w1"]),
        json!({"linear": {"center": 1e308, "factor": -1e308, "missing": 0.0}}),
        json!({"piecewise": {"center": 0.0, "edges": []}}),
        json!({"piecewise": {"center": 0.0, "edges": [1.0, 0.0]}}),
        json!({"words": [], "rare": []}),
        json!({"words": ["w0", "w1", "w2", "w3"], "rare": ["w4"]}),
    ];
    let accepted = RefCell::new(0);
    for place in &found {
        for replacement in &replacements {
            let mut changed = document.clone();
            *changed.pointer_mut(place).unwrap() = replacement.clone();
            *accepted.borrow_mut() += usize::from(try_columns(&changed.to_string(), &table));
        }
    }
    let (accepted, all) = (accepted.into_inner(), found.len() * replacements.len());
    assert!(
        all > 1_000 && accepted > 0 && accepted < all / 2,
        "{accepted} of {all}"
    );
}

#[test]
fn columns_of_files_are_checked() {
    let (columns, _) = every_form();
    let document = serde_json::to_value(&columns).unwrap();
    let refused = |place: &str, replacement: Value, part: &str| {
        let mut changed = document.clone();
        let at = changed.pointer_mut(place);
        *at.unwrap_or_else(|| panic!("{place} in {document}")) = replacement;
        let error = serde_json::from_value::<Columns>(changed)
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{place}: {error}");
    };
    refused("/columns", json!([]), "columns: expected at least one");
    refused("/columns/1/name", json!("c0"), "the name twice");
    refused("/columns/0/kind", json!("words"), "form of a column");
    refused("/columns/3/kind", json!("numbers"), "form of a column");
    refused(
        "/columns/4/form/code/width",
        json!(65_537),
        "1 to 65536, got 65537",
    );
    refused("/columns/4/form/code/width", json!(0), "1 to 65536, got 0");
    refused(
        "/columns/3/form/one_hot/scales",
        json!([]),
        "inputs of levels",
    );
    refused(
        "/columns/3/form/one_hot/scales/0",
        json!({"piecewise": {"center": 0.0, "edges": [0.0]}}),
        "a linear or clipped one",
    );
    refused(
        "/columns/3/form/one_hot/levels/words/1",
        json!("w0"),
        "\"w0\" twice",
    );
    refused(
        "/columns/3/form/one_hot/levels/rare",
        json!(["w0"]),
        "\"w0\" twice",
    );
    let edges = "/columns/5/form/number/scale/piecewise/edges";
    refused(edges, json!([]), "edges of bins");
    refused(edges, json!([0.0, 1.0, 1.0]), "more than 1, got 1");
    let empty = json!({"columns": [
        {"name": "a", "kind": "words",
         "form": {"one_hot": {"levels": {"words": [], "rare": []}, "scales": []}}},
    ]});
    let error = serde_json::from_value::<Columns>(empty)
        .unwrap_err()
        .to_string();
    assert!(error.contains("inputs from the columns"), "{error}");
}

/// The docs of `Table` have these lines.
#[test]
fn columns_from_ndarray() {
    let matrix = ndarray::array![[1.0, 2.0], [3.0, f64::NAN]];
    let vector = ndarray::array![5.0, 6.0];
    let table = Table::new()
        .with("a", Column::numbers(matrix.column(1)))
        .and_then(|table| table.with("b", Column::from(vector.as_slice().unwrap())))
        .unwrap();
    assert_eq!(table.column("a").unwrap().missing(), 1);
    assert_eq!(
        table.column("b").unwrap().as_numbers(),
        Some(&[5.0, 6.0][..])
    );
}
