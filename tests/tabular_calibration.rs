//! Calibrated probabilities of models of tables.

#![cfg(all(feature = "tabular", feature = "safetensors"))]

use feedforward::calibration::{self, Quadratic};
use feedforward::folds::{KFold, Split, Splitter};
use feedforward::metrics::log_loss;
use feedforward::tabular::{
    Calibration, Calibrator, Column, ColumnSettings, Metric, Table, Tabular, TabularModel, Waves,
};
use feedforward::{ClassWeights, Error};

#[path = "common/numbers.rs"]
mod numbers;
use numbers::Numbers;

/// Returns rows with two numbers, and one of three classes that depends on a number and on chance.
/// The first class ends at a bound.
fn table(rows: usize, seed: u64, bounds: [f64; 2]) -> Table<'static> {
    let mut numbers = Numbers(seed);
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let x = numbers.next();
        let chance = [x, numbers.next()][usize::from(numbers.next() < 0.3)];
        let class = bounds.iter().filter(|&&bound| chance > bound).count();
        columns.0.push(x);
        columns.1.push(numbers.next());
        columns.2.push(class as f64);
    }
    let table = Table::new().with("x", columns.0).unwrap();
    let table = table.with("noise", columns.1).unwrap();
    table.with("class", columns.2).unwrap()
}

/// Bounds of two and of three classes.
const BOUNDS: [[f64; 2]; 2] = [[0.4, 2.0], [0.4, 0.7]];

fn recipe<'t>(table: &'t Table<'_>) -> Tabular<'t> {
    let recipe = Tabular::classifier(table, "class").epochs(30).folds(3);
    recipe.hidden(&[16]).batch_size(32)
}

fn expected(table: &Table<'_>) -> Vec<usize> {
    let column = table.column("class").unwrap().as_numbers().unwrap();
    column.iter().map(|&class| class as usize).collect()
}

fn again(model: &TabularModel) -> TabularModel {
    TabularModel::from_bytes(&model.to_bytes().unwrap()).unwrap()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits()).collect()
}

fn loss(model: &TabularModel, table: &Table<'_>) -> f64 {
    model.score(table).unwrap().get("logloss").unwrap()
}

#[test]
fn the_calibrator_corrects_the_mean_of_the_networks() {
    for (calibration, classes) in [
        (Calibration::Temperature, 2),
        (Calibration::Temperature, 3),
        (Calibration::Platt, 2),
        (Calibration::Quadratic, 2),
    ] {
        let bounds = BOUNDS[classes - 2];
        let (training, new) = (table(300, 1, bounds), table(200, 2, bounds));
        let raw = recipe(&training).calibration(Calibration::None);
        let raw = raw.fit().unwrap();
        assert_eq!(raw.calibrator(), None);
        assert_eq!(again(&raw).calibrator(), None);
        let model = recipe(&training).calibration(calibration).fit().unwrap();
        let mean = raw.predict_probability(&new).unwrap();
        let logits = calibration::logits(&mean, classes).unwrap();
        let by_hand = match model.calibrator().unwrap() {
            Calibrator::Temperature(c) => {
                let predicted = raw.predict_class(&new).unwrap();
                assert_eq!(predicted, model.predict_class(&new).unwrap());
                let width = if classes == 2 { 1 } else { classes };
                c.probabilities(&logits, width).unwrap()
            }
            Calibrator::Quadratic(c) => {
                let is_platt = calibration == Calibration::Platt;
                assert_eq!(c.coefficients()[2] == 0.0, is_platt);
                c.probabilities(&logits).unwrap()
            }
            other => panic!("{other:?}"),
        };
        let probabilities = model.predict_probability(&new).unwrap();
        assert_eq!(bits(&by_hand), bits(&probabilities));
        assert_ne!(bits(&mean), bits(&probabilities));
        let by_hand = log_loss(&probabilities, &expected(&new), classes).unwrap();
        assert!((loss(&model, &new) - by_hand).abs() < 1e-12);

        let read = again(&model);
        assert_eq!(read.calibrator(), model.calibrator());
        let of_read = read.predict_probability(&new).unwrap();
        assert_eq!(bits(&of_read), bits(&probabilities));
    }
}

#[test]
fn a_temperature_helps() {
    for (bounds, folds) in [(0, 1), (0, 4), (1, 1), (1, 4)].map(|(b, f)| (BOUNDS[b], f)) {
        let (training, new) = (table(400, 3, bounds), table(1000, 4, bounds));
        // Such networks learn the chance of each row, and are far too sure of others.
        let recipe = recipe(&training).epochs(100).hidden(&[64, 64]);
        let columns = ColumnSettings {
            waves: Waves::Sigma(2.0),
            ..ColumnSettings::default()
        };
        let recipe = recipe.folds(folds).last_epoch().columns(columns);
        let recipe = recipe.metric(Metric::LogLoss);
        let raw = recipe.clone().calibration(Calibration::None).fit();
        let (raw, model) = (raw.unwrap(), recipe.fit().unwrap());
        let [before, after] = [&raw, &model].map(|model| loss(model, &new));
        let held_out = [&raw, &model].map(|model| model.mean_scores()[1].1);
        println!(
            "{before} to {after}, {held_out:?}, {:?}",
            model.calibrator()
        );
        assert!(after < 0.6 * before && held_out[1] < 0.6 * held_out[0]);
        // Scores are honest.
        assert!((held_out[1] / after - 1.0).abs() < 0.2);
    }
}

/// Only the first fold of others.
#[derive(Debug)]
struct First(KFold);

impl Splitter for First {
    fn rows(&self) -> usize {
        self.0.rows()
    }
    fn count(&self) -> usize {
        1
    }
    fn fold(&self, fold: usize) -> feedforward::Result<Split> {
        self.0.fold(fold)
    }
}

#[test]
fn out_of_fold_probabilities_are_calibrated_without_their_fold() {
    let training = table(120, 5, BOUNDS[0]);
    let classes = expected(&training);
    let folds = || KFold::new(120, 3).unwrap().shuffled(7);
    let base = || {
        let recipe = Tabular::classifier(&training, "class").epochs(20);
        recipe.hidden(&[16]).batch_size(32)
    };
    for recipe in [base().splitter(folds()), base().splitter(First(folds()))] {
        let raw = recipe.clone().calibration(Calibration::None).fit().unwrap();
        let model = recipe.calibration(Calibration::Platt).fit().unwrap();
        let splits = folds().folds().unwrap();
        let parts: Vec<Vec<usize>> = if model.folds() == 1 {
            let rows = &splits[0].held_out;
            let half = |first| rows[first..].iter().step_by(2).copied().collect();
            vec![half(0), half(1)]
        } else {
            splits.iter().map(|split| split.held_out.clone()).collect()
        };
        for part in &parts {
            let others = parts.iter().filter(|other| *other != part).flatten();
            let others: Vec<usize> = others.copied().collect();
            let pick = |rows: &[usize]| -> Vec<f64> {
                let rows = rows
                    .iter()
                    .flat_map(|&row| &raw.out_of_fold()[2 * row..][..2]);
                let probabilities: Vec<f64> = rows.copied().collect();
                calibration::logits(&probabilities, 2).unwrap()
            };
            let expected: Vec<usize> = others.iter().map(|&row| classes[row]).collect();
            let platt = Quadratic::platt(&pick(&others), &expected, None).unwrap();
            let by_hand = platt.probabilities(&pick(part)).unwrap();
            for (by_hand, &row) in by_hand.chunks(2).zip(part) {
                let got = &model.out_of_fold()[2 * row..][..2];
                // A fit depends on the order of its rows, by rounding.
                assert!((got[0] - by_hand[0]).abs() < 1e-9, "{got:?} {by_hand:?}");
                assert_ne!(bits(got), bits(&raw.out_of_fold()[2 * row..][..2]));
            }
        }
    }
}

/// Networks that are always right need a finite temperature.
#[test]
fn probabilities_of_separable_classes_stay_apart() {
    let x: Vec<f64> = (0..200).map(f64::from).collect();
    let table = Table::new().with("x", x).unwrap();
    let is_large = Column::booleans((0..200).map(|x| x >= 100));
    let table = table.with("class", is_large).unwrap();
    let model = recipe(&table).fit().unwrap();
    let Some(Calibrator::Temperature(c)) = model.calibrator() else {
        panic!("{:?}", model.calibrator());
    };
    assert!((0.1..10.0).contains(&c.temperature()), "{c:?}");
    let mut p: Vec<u64> = bits(&model.predict_probability(&table).unwrap());
    p.sort_unstable();
    p.dedup();
    assert!(p.len() > 200, "{}", p.len());
}

#[test]
fn platt_undoes_class_weights_and_a_temperature_keeps_them() {
    // A tenth of the rows has the second class.
    let training = table(600, 6, [0.9, 2.0]);
    let share = expected(&training).iter().sum::<usize>() as f64 / 600.0;
    let mean = |calibration| {
        let recipe = recipe(&training).class_weights(ClassWeights::Balanced);
        let model = recipe.calibration(calibration).fit().unwrap();
        let all = model.predict_probability(&training).unwrap();
        all.chunks(2).map(|row| row[1]).sum::<f64>() / 600.0
    };
    let [none, temperature, platt] = [
        Calibration::None,
        Calibration::Temperature,
        Calibration::Platt,
    ]
    .map(mean);
    println!("{share} {none} {temperature} {platt}");
    assert!((platt - share).abs() < 0.02, "{platt} {share}");
    assert!(none > 2.0 * share && temperature > 2.0 * share);
}

#[test]
fn calibrations_that_do_not_suit_the_target_are_errors() {
    let three = table(60, 7, BOUNDS[1]);
    for calibration in [Calibration::Platt, Calibration::Quadratic] {
        let error = recipe(&three).calibration(calibration).fit().unwrap_err();
        assert!(matches!(error, Error::InvalidSetting { .. }), "{error}");
        assert!(error.to_string().ends_with("expected 2, got 3"), "{error}");
    }
    let regressor = Tabular::regressor(&three, "class").calibration(Calibration::None);
    let error = regressor.fit().unwrap_err();
    assert!(matches!(error, Error::Incompatible { .. }), "{error}");
}
