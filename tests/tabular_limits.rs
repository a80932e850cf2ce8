//! Limits of the recipe: targets of any size, files of any model, scores of few rows, and settings
//! that contradict each other.

use feedforward::tabular::{Column, Table, Tabular, TabularModel};

const ROWS: usize = 300;

/// Returns the number of a row in [0, 1).
fn x(row: usize) -> f64 {
    (row * 7919 % 1009) as f64 / 1009.0
}

/// Returns a table of `x` and a target that depends on it.
fn table(target: impl Fn(f64) -> f64) -> Table<'static> {
    let rows = || 0..ROWS;
    Table::new()
        .with("x", Column::numbers(rows().map(x)))
        .and_then(|table| table.with("y", Column::numbers(rows().map(|row| target(x(row))))))
        .unwrap()
}

/// Makes a recipe small enough for tests.
fn small(recipe: Tabular<'_>) -> Tabular<'_> {
    recipe.folds(3).epochs(30).hidden(&[16, 16]).batch_size(32)
}

fn again(model: &TabularModel) -> TabularModel {
    TabularModel::from_bytes(&model.to_bytes().unwrap()).unwrap()
}

#[test]
fn numbers_may_have_any_offset_and_size() {
    let plain = small(Tabular::regressor(&table(|x| 60.0 * x), "y")).fit();
    let plain = plain.unwrap().predict(&table(|x| x)).unwrap();
    for (offset, size) in [
        (0.0, 1.0),
        (1.7e9, 60.0),
        (2_460_000.0, 0.5),
        (-1e15, 1e3),
        (0.0, 1e-45),
        (0.0, 1e-300),
        (0.0, 1e60),
        (0.0, 1e306),
    ] {
        let table = table(|x| offset + size * (60.0 * x));
        let model = small(Tabular::regressor(&table, "y")).fit().unwrap();
        let predicted = model.predict(&table).unwrap();
        for (y, plain) in predicted.iter().zip(&plain) {
            // The network's numbers are those of targets without offset, up to rounding.
            let difference = (y - offset) / size - plain;
            assert!(difference.abs() < 1.0, "{offset} {size}: {y}, not {plain}");
        }
        let r2 = model.score(&table).unwrap().get("r2");
        assert!(r2 > Some(0.99), "{offset} {size}: {r2:?}");
        assert_eq!(again(&model).predict(&table).unwrap(), predicted);
    }
}

#[test]
fn a_constant_is_predicted_exactly() {
    for constant in [0.1, 5.0, 1234.5, 0.0, -1e300, 1e-310] {
        let table = table(|_| constant);
        for preset in [
            feedforward::tabular::Preset::Tuned,
            feedforward::tabular::Preset::Full,
        ] {
            let model = Tabular::regressor(&table, "y").preset(preset);
            let model = small(model).epochs(2).fit().unwrap();
            let predicted = model.predict(&table).unwrap();
            assert!(predicted.iter().all(|&y| y == constant), "{predicted:?}");
            assert_eq!(model.score(&table).unwrap().get("r2"), Some(1.0));
        }
    }
    let table = table(|_| 1234.5);
    let model = small(Tabular::regressor(&table, "y").logarithm()).epochs(2);
    let scores = model.fit().unwrap().score(&table).unwrap();
    assert_eq!(scores.get("r2"), Some(1.0));
}

#[test]
fn a_single_target_far_away_does_not_end_training() {
    // It is held out by one fold, and learned by the others.
    let table = table(|x| if x == self::x(99) { 1e20 } else { x });
    let model = small(Tabular::regressor(&table, "y")).epochs(3).fit();
    assert!(
        model
            .unwrap()
            .predict(&table)
            .unwrap()
            .iter()
            .all(|y| y.is_finite())
    );
}

#[test]
fn counts_may_have_any_size() {
    for size in [1.0, 1e25, 1e300] {
        let table = table(|x| size * (1.0 + (8.0 * x).floor()));
        let model = small(Tabular::counts(&table, "y")).fit().unwrap();
        let predicted = model.predict(&table).unwrap();
        for (row, y) in predicted.iter().enumerate() {
            let expected = size * (1.0 + 8.0 * x(row));
            assert!((0.5..1.6).contains(&(y / expected)), "{y}, not {expected}");
        }
        assert_eq!(again(&model).predict(&table).unwrap(), predicted);
    }
}
