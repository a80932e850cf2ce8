//! Cells that are wrong, extreme or of another kind than before.

#[path = "common/tables.rs"]
mod tables;

use feedforward::Error;
use feedforward::tabular::{Column, ColumnSettings, Columns, Kind, Scaling, Table, Value};
use tables::{all, encode, fit, inputs, settings};

/// A second file can have other kinds, because it lacks the cell that decided on them.
#[test]
fn cells_of_other_kinds() {
    let plain = settings(Scaling::Standard);
    let words = || Column::words(["1", "01", "2.50", "x"]);
    let hot = |level: Option<usize>| -> Vec<f64> {
        let level = |at| f64::from(u8::from(level == Some(at)));
        (0..4).map(level).collect()
    };
    // The levels are 01, 1, 2.50 and x.
    for (x, level) in [
        (1.0, Some(1)),
        (2.5, Some(2)),
        (3.0, None),
        (f64::NAN, None),
    ] {
        assert_eq!(
            inputs(words(), Column::numbers([x]), &plain),
            hot(level),
            "{x}"
        );
    }
    // 1.0 and 01 both stand for 1, so neither is taken.
    let got = inputs(
        Column::words(["1.0", "01", "x"]),
        Column::numbers([1]),
        &plain,
    );
    assert_eq!(got, [0.0; 3]);
    // A word NaN is not a missing number.
    let got = inputs(
        Column::words(["NaN", "a", "b"]),
        Column::numbers([f64::NAN]),
        &plain,
    );
    assert_eq!(got, [0.0; 3]);

    let words = || Column::words(["True", "False", "perhaps"]);
    let got = inputs(words(), Column::booleans([true, false]), &plain);
    assert_eq!(got, [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    let got = inputs(Column::booleans([true, false]), words(), &plain);
    assert_eq!(got, [1.0, -1.0, 0.0]);

    let fitted = |column| fit(&Table::new().with("x", column).unwrap(), &plain);
    let error = |columns: &Columns, column| {
        let table = Table::new().with("x", column).unwrap();
        let rows = all(&table);
        columns
            .encode::<f32>(&table, &rows)
            .unwrap_err()
            .to_string()
    };
    let numbers = fitted(Column::numbers([1, 2, 3]));
    assert_eq!(
        error(&numbers, Column::words([None, Some("1"), Some("many")])),
        "column \"x\": kind: expected numbers, got \"many\" in row 2"
    );
    assert_eq!(
        error(
            &fitted(Column::booleans([true, false])),
            Column::numbers([1])
        ),
        "column \"x\": kind: expected booleans, got the number 1 in row 0"
    );
    // Cells that are all missing fit each kind.
    let empty = Table::new()
        .with("x", Column::words([None::<&str>; 2]))
        .unwrap();
    assert_eq!(encode(&numbers, &empty), [0.0; 4]);
}

#[test]
fn errors_name_column_and_row() {
    let table = || Table::new().with("x", Column::numbers([1.0, 2.0])).unwrap();
    let error = |result: feedforward::Result<Table<'_>>| result.unwrap_err().to_string();
    assert_eq!(
        error(table().with("x", Column::numbers([1, 2]))),
        "column \"x\": name: expected a different name for each column, got the name twice"
    );
    assert_eq!(
        error(table().with("y", Column::numbers([1]))),
        "column \"y\": rows: expected 2, as in the columns before, got 1"
    );
    assert_eq!(
        error(table().without("y")),
        "column \"y\": columns of the table: expected one of this name, got [\"x\"]"
    );
    assert_eq!(
        Column::levels(["a", "b"], ["a"]).unwrap_err().to_string(),
        "label at row 1: expected one of [\"a\"], got \"b\""
    );
    assert!(Column::levels(["a"], ["a", "a"]).is_err());
    assert!(matches!(
        Column::levels(["a"], [""; 0]),
        Err(Error::Empty { .. })
    ));
    assert!(matches!(
        table().select(&[2]),
        Err(Error::OutOfBounds { .. })
    ));

    let fit = |table: &Table<'_>, rows: &[usize], settings: &ColumnSettings| {
        Columns::fit(table, rows, settings).unwrap_err()
    };
    let plain = ColumnSettings::default();
    assert!(matches!(
        fit(&Table::new(), &[], &plain),
        Error::Empty { .. }
    ));
    assert!(matches!(fit(&table(), &[], &plain), Error::Empty { .. }));
    assert!(matches!(
        fit(&table(), &[2], &plain),
        Error::OutOfBounds { .. }
    ));
    let named = |name: &str| ColumnSettings {
        scalings: vec![(name.into(), Scaling::Piecewise(0))],
        ..ColumnSettings::default()
    };
    assert!(matches!(
        fit(&table(), &[0], &named("y")),
        Error::Column { .. }
    ));
    assert!(matches!(
        fit(&table(), &[0], &named("x")),
        Error::Column { .. }
    ));
    for width in [0, 65_537, usize::MAX] {
        let settings = ColumnSettings {
            width,
            ..ColumnSettings::default()
        };
        assert!(matches!(
            fit(&table(), &[0], &settings),
            Error::InvalidSetting { .. }
        ));
    }
    let infinite = Table::new().with("x", &[1.0, f64::INFINITY]).unwrap();
    assert_eq!(
        fit(&infinite, &[1], &plain).to_string(),
        "column \"x\": number: expected finite numbers, got inf at row 1"
    );
    // Other rows do not count.
    let columns = Columns::fit(&infinite, &[0], &plain).unwrap();
    assert!(columns.encode::<f32>(&infinite, &[0, 0]).is_ok());
    assert!(columns.encode::<f32>(&infinite, &[0, 1]).is_err());
    // A column without words has no input.
    let empty = Table::new()
        .with("x", Column::words([None::<&str>]))
        .unwrap();
    assert!(matches!(fit(&empty, &[0], &plain), Error::Empty { .. }));

    let large = Table::new().with("x", &[1e300, 1.0]).unwrap();
    let columns = Columns::fit(&large, &[0, 1], &settings(Scaling::None)).unwrap();
    assert!(columns.encode::<f64>(&large, &[0]).is_ok());
    assert_eq!(
        columns.encode::<f32>(&large, &[0]).unwrap_err().to_string(),
        "column \"x\": number: expected a number that fits f32 after scaling, got 1e300 at row 0"
    );
}

/// Numbers near the maximum have differences that overflow.
#[test]
fn largest_numbers_stay_finite() {
    let extremes = [f64::MAX, f64::MIN, 0.0, 1.0, f64::MAX, 5e-324, -5e-324];
    for scaling in [
        Scaling::Robust,
        Scaling::Standard,
        Scaling::MinMax,
        Scaling::Log,
        Scaling::Piecewise(3),
        Scaling::None,
    ] {
        for training in [&extremes[..], &extremes[..2], &[0.0, 5e-324], &[1.0, 2.0]] {
            let table = Table::new().with("x", training).unwrap();
            let columns = fit(&table, &settings(scaling));
            let new = Table::new().with("x", &extremes).unwrap();
            match columns.encode::<f64>(&new, &all(&new)) {
                Ok(inputs) => assert!(inputs.iter().all(|x| x.is_finite()), "{scaling:?}"),
                Err(error) => assert!(matches!(error, Error::Column { .. })),
            }
            if matches!(scaling, Scaling::Robust | Scaling::Log) {
                let inputs = encode(&columns, &new);
                assert!(inputs.iter().all(|x| x.abs() <= 3.0));
            }
        }
    }
    let got = inputs(
        Column::numbers([0.0, 1.0, 2.0]),
        Column::numbers([1e300, -1e300]),
        &settings(Scaling::Robust),
    );
    assert_eq!(got, [3.0, 0.0, -3.0, 0.0]);
}

#[test]
fn tables_of_other_types() {
    let table = Table::new()
        .with("i", Column::numbers([Some(1_u8), None]))
        .and_then(|t| t.with("f", Column::numbers(vec![0.5_f32, f32::NAN])))
        .and_then(|t| t.with("s", Column::words(vec![String::from("a"), "b".into()])))
        .and_then(|t| t.with("b", Column::booleans([&Some(true), &None])))
        .unwrap();
    for column in [0, 1, 3] {
        assert_eq!(table.columns()[column].missing(), 1);
        assert_eq!(table.columns()[column].get(1), Some(Value::Missing));
    }
    assert_eq!(
        table.column("b").unwrap().get(0),
        Some(Value::Boolean(true))
    );
    assert_eq!(table.column("s").unwrap().get(1), Some(Value::Word("b")));
    assert_eq!(table.column("s").unwrap().get(2), None);
    assert_eq!(table.column("i").unwrap().as_numbers().unwrap()[0], 1.0);

    let none: Option<f64> = None;
    let row = Table::row([("x", Some(3_i64).into()), ("y", none.into())]).unwrap();
    assert_eq!(row.column("x").unwrap().get(0), Some(Value::Number(3.0)));
    assert_eq!(row.column("y").unwrap().missing(), 1);

    let rest = table.clone().without("f").unwrap();
    assert_eq!(rest.names(), ["i", "s", "b"]);
    assert_eq!(rest.column("b").unwrap().kind(), Kind::Booleans);
    assert!(rest.column("f").is_err());
    let picked = table.select(&[1, 1, 0]).unwrap();
    assert_eq!(picked.rows(), 3);
    assert_eq!(picked.column("s").unwrap().get(2), Some(Value::Word("a")));
}

#[test]
fn equal_cells_are_a_group() {
    let numbers = Column::numbers([Some(0.0), None, Some(2.5), Some(-0.0), None, Some(2.5)]);
    assert_eq!(numbers.groups(), [0, 1, 2, 0, 1, 2]);
    let words = Column::words([Some("b"), Some("a"), None, Some("b")]);
    assert_eq!(words.groups(), [0, 1, 2, 0]);
    assert_eq!(Column::booleans([true, false, true]).groups(), [0, 1, 0]);
    let levels = Column::levels(["L", "S", "L"], ["S", "M", "L"]).unwrap();
    assert_eq!(levels.groups(), [0, 1, 0]);
    assert!(Column::numbers([0.0; 0]).groups().is_empty());
}
