//! Intervals of models of tables.

#![cfg(all(feature = "tabular", feature = "safetensors"))]

use feedforward::activation::Identity;
use feedforward::tabular::{Column, Table, Tabular, TabularModel};
use feedforward::tabular_ref::{ColumnSpec, FormSpec, Link, MemberSpec, ScaleSpec, TabularRef};
use feedforward::{Error, LayerSpec, MlpRef, Position};

#[path = "common/numbers.rs"]
mod numbers;
use numbers::Numbers;

/// Returns rows with a number that has gaps, a word, and targets with noise.
fn table(rows: usize, seed: u64) -> Table<'static> {
    let mut numbers = Numbers(seed);
    let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let (x, word) = (
            numbers.next(),
            ["low", "middle", "high"][(3.0 * numbers.next()) as usize],
        );
        let noise = numbers.next() + numbers.next() - 1.0;
        let price = 2.0 * x + word.len() as f64 + noise;
        columns
            .0
            .push(if numbers.next() < 0.1 { f64::NAN } else { x });
        columns.1.push(word);
        columns.2.push(price);
        columns.3.push((price / 4.0).exp().round());
    }
    let table = Table::new().with("x", columns.0).unwrap();
    let table = table.with("word", Column::words(columns.1)).unwrap();
    let table = table.with("price", columns.2).unwrap();
    table.with("count", columns.3).unwrap()
}

fn small(recipe: Tabular<'_>) -> TabularModel {
    let recipe = recipe.epochs(40).hidden(&[16]).batch_size(16);
    recipe.fit().unwrap()
}

/// Returns the fraction of targets in the intervals.
fn coverage((lower, upper): &(Vec<f64>, Vec<f64>), targets: &[f64]) -> f64 {
    let ends = lower.iter().zip(upper).zip(targets);
    let inside = ends.filter(|((low, high), y)| (*low..=*high).contains(y));
    inside.count() as f64 / targets.len() as f64
}

fn targets(table: &Table<'_>, name: &str) -> Vec<f64> {
    let column = table.column(name).unwrap();
    column.as_numbers().unwrap().to_vec()
}

#[test]
fn intervals_of_200_splits_cover_their_level() {
    let (mut mean, mut single) = (0.0, 0.0);
    for seed in 0..200 {
        let (training, new) = (table(100, 2 * seed), table(100, 2 * seed + 1));
        let y = targets(&new, "price");
        let recipe = || {
            Tabular::regressor(&training, "price")
                .ignore(["count"])
                .seed(seed)
        };
        let model = small(recipe().folds(5));
        mean += coverage(&model.predict_interval(&new, 0.9).unwrap(), &y) / 200.0;
        let model = small(recipe().folds(1));
        single += coverage(&model.predict_interval(&new, 0.8).unwrap(), &y) / 200.0;
    }
    println!("five networks {mean:.3}, one network {single:.3}");
    // The standard deviation of such a mean is 0.003.
    assert!((0.89..0.93).contains(&mean), "{mean}");
    // Without the choice of the epoch, the 20 held-out rows would cover 17 / 21 = 0.81.
    assert!((0.74..0.82).contains(&single), "{single}");
}

#[test]
fn a_file_keeps_intervals_and_their_bits() {
    let (training, new) = (table(120, 1), table(40, 2));
    for model in [
        small(Tabular::regressor(&training, "price").ignore(["count"])),
        small(
            Tabular::regressor(&training, "count")
                .ignore(["price"])
                .logarithm(),
        ),
        small(
            Tabular::counts(&training, "count")
                .ignore(["price"])
                .folds(3),
        ),
        small(Tabular::regressor_of(&training, ["price", "count"]).folds(2)),
    ] {
        let again = TabularModel::from_bytes(&model.to_bytes().unwrap()).unwrap();
        for level in [0.5, 0.9] {
            let expected = model.predict_interval(&new, level).unwrap();
            assert_eq!(again.predict_interval(&new, level).unwrap(), expected);
            let values = model.predict(&new).unwrap();
            assert_eq!(expected.0.len(), values.len());
            let ends = expected.0.iter().zip(&expected.1).zip(&values);
            for ((low, high), value) in ends {
                assert!(low < value && value < high, "{low} {value} {high}");
            }
        }
        // Too few rows for the level.
        let (lower, upper) = model.predict_interval(&new, 0.999).unwrap();
        assert!(upper.iter().all(|high| *high == f64::INFINITY));
        assert!(lower.iter().all(|&low| low <= 0.0));
    }
}

#[test]
fn intervals_of_logarithms_and_counts_suit_them() {
    let (training, new) = (table(400, 3), table(400, 4));
    let y = targets(&new, "count");
    for recipe in [
        Tabular::regressor(&training, "count").logarithm(),
        Tabular::counts(&training, "count"),
    ] {
        let model = recipe
            .ignore(["price"])
            .epochs(60)
            .hidden(&[16])
            .fit()
            .unwrap();
        let ends = model.predict_interval(&new, 0.9).unwrap();
        let covered = coverage(&ends, &y);
        assert!((0.85..0.96).contains(&covered), "{covered}");
        assert!(ends.0.iter().all(|&low| low >= 0.0));
    }
}

/// Neither a model nor its source predicts infinities.
static LAYERS: [LayerSpec<f32>; 1] = [LayerSpec::new(1, &Identity)];
const MEMBERS: &[MemberSpec] = &[MemberSpec {
    columns: &[ColumnSpec {
        cell: 0,
        form: FormSpec::Number {
            levels: None,
            scale: ScaleSpec::Linear {
                center: 0.0,
                factor: 1.0,
                missing: 0.0,
            },
            indicator: ScaleSpec::Linear {
                center: 0.0,
                factor: 1.0,
                missing: 0.0,
            },
        },
    }],
    net: MlpRef::constant(2, &LAYERS, &[1.0, 0.0, 0.0]),
    units: &[(700.0, 1.0)],
    weight: 1,
}];
static MODEL: TabularRef = TabularRef::constant(Link::Exp, MEMBERS);
static COUNTS: TabularRef = TabularRef::constant(Link::Exp, MEMBERS).exposure(1);

#[test]
fn predictions_that_overflow_are_errors() {
    let training = Table::new()
        .with("x", Column::numbers(0..60))
        .and_then(|table| table.with("exposure", Column::numbers([1; 60])))
        .and_then(|table| table.with("y", Column::numbers((0..60).map(|x| 4 + x % 3))))
        .unwrap();
    let model = small(
        Tabular::counts(&training, "y")
            .exposure("exposure")
            .folds(2),
    );
    let row = |exposure: f64| Table::row([("x", 30.0.into()), ("exposure", exposure.into())]);
    assert!(model.predict(&row(1e307).unwrap()).unwrap()[0] > 1e307);
    let huge = row(1.7e308).unwrap();
    let error = model.predict(&huge).unwrap_err();
    assert_eq!(
        error.to_string(),
        "predictions: expected finite numbers, got inf at row 0, column 0"
    );
    let error = model.predict_interval(&huge, 0.9).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");

    let mut scratch = [0.0; MODEL.scratch_len()];
    let overflow = Error::NotFinite {
        what: "predictions",
        at: Position::Index(0),
        value: f64::INFINITY,
    };
    assert!(MODEL.predict::<1>(&[9.0.into()], &mut scratch).is_ok());
    let got = MODEL.predict::<1>(&[10.0.into()], &mut scratch);
    assert_eq!(got, Err(overflow.clone()));
    let got = COUNTS.predict::<1>(&[9.0.into(), 100.0.into()], &mut scratch);
    assert_eq!(got, Err(overflow));
}

#[test]
fn wrong_levels_and_models_are_errors() {
    let training = table(60, 5);
    let model = small(Tabular::regressor(&training, "price").folds(2));
    for level in [0.0, 1.0, -0.5, 90.0, f64::NAN] {
        let error = model.predict_interval(&training, level).unwrap_err();
        let is_right = matches!(error, Error::InvalidSetting { what: "level", .. });
        assert!(is_right, "{error}");
    }
    let none = training.select(&[]).unwrap();
    assert_eq!(
        model.predict_interval(&none, 0.9).unwrap(),
        (vec![], vec![])
    );
    let classifier = small(Tabular::classifier(&training, "word").folds(2));
    let error = classifier.predict_interval(&training, 0.9).unwrap_err();
    assert!(matches!(error, Error::Incompatible { .. }), "{error}");
}
