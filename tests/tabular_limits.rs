//! Limits of the recipe: targets of any size, files of any model, scores of few rows, and settings
//! that contradict each other.

use feedforward::folds::{Split, Splitter};
use feedforward::tabular::{
    Column, ColumnSettings, Columns, Metric, Preset, Scaling, Scores, Table, Tabular, TabularModel,
};
use feedforward::{ClassWeights, Error};

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
        for preset in [Preset::Tuned, Preset::Full] {
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

#[test]
fn every_model_fits_a_file() {
    // Networks are tiny, and columns, words or folds are many.
    let rows = || 0..60;
    let number = |row: usize| Column::numbers(rows().map(move |other| x(row + other)));
    let with_target = || Table::new().with("y", number(0)).unwrap();
    let numbers = (0..500).fold(with_target(), |table, at| {
        table.with(format!("n{at}"), number(at)).unwrap()
    });
    let words = (0..60).fold(with_target(), |table, at| {
        let words = rows().map(|row| format!("word {}", (row + at) % 60));
        table.with(format!("w{at}"), Column::words(words)).unwrap()
    });
    let small = with_target().with("x", number(3)).unwrap();
    for recipe in [
        Tabular::regressor(&numbers, "y"),
        Tabular::regressor(&words, "y"),
        Tabular::regressor(&small, "y").folds(60),
    ] {
        let model = recipe.hidden(&[]).epochs(1).fit().unwrap();
        let bytes = model.to_bytes().unwrap();
        assert_eq!(
            &TabularModel::from_bytes(&bytes)
                .unwrap()
                .to_bytes()
                .unwrap(),
            &bytes
        );
    }

    let street = (0..20_000).map(|row| format!("street {row}"));
    let many = Table::new()
        .with("street", Column::words(street))
        .and_then(|table| table.with("y", Column::numbers((0..20_000).map(x))))
        .unwrap();
    let settings = ColumnSettings {
        width: 1,
        ..Default::default()
    };
    let model = Tabular::regressor(&many, "y").columns(settings).hidden(&[]);
    let model = model.epochs(1).fit().unwrap();
    assert_eq!(
        again(&model).predict(&many).unwrap(),
        model.predict(&many).unwrap()
    );
}

#[test]
fn scores_that_a_fold_lacks_are_left_out() {
    // R² of one row is undefined.
    let rows = || 0..7;
    let table = Table::new()
        .with("x", Column::numbers(rows().map(x)))
        .and_then(|table| table.with("y", Column::numbers(rows().map(x))))
        .unwrap();
    let model = Tabular::regressor(&table, "y").hidden(&[4]).epochs(2);
    let names = |model: &TabularModel| -> Vec<_> {
        model
            .mean_scores()
            .into_iter()
            .map(|(name, ..)| name)
            .collect()
    };
    let leave_one_out = model.clone().folds(7).fit().unwrap();
    assert_eq!(names(&leave_one_out), ["rmse", "mae"]);
    let model = model.fit().unwrap();
    assert_eq!(names(&model), ["r2", "rmse", "mae"]);
    let row = table.select(&[3]).unwrap();
    let score = model.score(&row).unwrap();
    assert!(score.get("r2").is_none() && score.get("mae").is_some());

    // The area under the ROC curve needs both classes, which one of three folds lacks.
    let labels = || (0..30).map(|row| row >= 10 && row % 2 == 0);
    let table = |labels: Vec<bool>| {
        Table::new()
            .with("x", Column::numbers((0..30).map(x)))
            .and_then(|table| table.with("y", Column::booleans(labels)))
            .unwrap()
    };
    let area = |labels: Vec<bool>| {
        let table = table(labels);
        let folds = feedforward::folds::KFold::new(30, 3).unwrap();
        let model = Tabular::classifier(&table, "y").splitter(folds);
        let model = model.hidden(&[4]).epochs(2).fit().unwrap();
        let areas: Vec<_> = model.scores().iter().filter_map(|s| s.get("auc")).collect();
        assert_eq!(areas.len(), 2);
        let means = model.mean_scores();
        assert_eq!(means[2].0, "auc");
        assert!((means[2].1 - f64::midpoint(areas[0], areas[1])).abs() < 1e-12);
        assert_eq!(again(&model).scores(), model.scores());
    };
    area(labels().collect());
    area(labels().rev().collect());
}

#[test]
fn files_keep_scores_that_are_not_finite() {
    // The deviances of such counts have no finite sum.
    let table = table(|x| if x < 0.5 { 1e308 } else { 0.0 });
    let model = Tabular::counts(&table, "y").hidden(&[]).epochs(1);
    let model = model.fit().unwrap();
    assert_eq!(model.scores()[0].get("deviance"), Some(f64::INFINITY));
    let bits = |model: &TabularModel| -> Vec<_> {
        let scores = model.scores().iter().flat_map(Scores::iter);
        scores
            .map(|(name, score)| (name, score.to_bits()))
            .collect()
    };
    assert_eq!(bits(&again(&model)), bits(&model));
}

#[test]
fn several_targets_have_scores_of_their_own() {
    let table = table(|x| 1e6 * x);
    let small_numbers = (0..ROWS).map(|row| 1e-3 * x(row));
    let table = table.with("z", Column::numbers(small_numbers)).unwrap();
    let model = small(Tabular::regressor_of(&table, ["y", "z"]))
        .fit()
        .unwrap();
    let scores = model.score(&table).unwrap();
    let names: Vec<_> = scores.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["r2"]);
    let r2 = scores.by_target("r2").unwrap();
    assert!((scores.get("r2").unwrap() - f64::midpoint(r2[0], r2[1])).abs() < 1e-12);
    for name in ["rmse", "mae"] {
        let errors = scores.by_target(name).unwrap();
        assert!((1e3..1e5).contains(&errors[0]), "{errors:?}");
        assert!((1e-6..1e-4).contains(&errors[1]), "{errors:?}");
    }
    assert_eq!(again(&model).scores(), model.scores());

    let single = table.without("z").unwrap();
    let model = small(Tabular::regressor(&single, "y"))
        .epochs(1)
        .fit()
        .unwrap();
    let scores = model.score(&single).unwrap();
    assert_eq!(scores.by_target("mae").map(|mae| mae[0]), scores.get("mae"));
}

#[test]
fn an_empty_table_has_no_predictions() {
    let table = table(|x| x);
    let model = small(Tabular::regressor(&table, "y"))
        .epochs(1)
        .fit()
        .unwrap();
    let empty = table.select(&[]).unwrap();
    assert!(model.predict(&empty).unwrap().is_empty());
    assert!(model.predict(&empty.clone().without("x").unwrap()).is_err());
    let error = model.score(&empty).unwrap_err();
    assert!(matches!(error, Error::Empty { .. }), "{error}");
}

/// A splitter of the caller.
#[derive(Debug)]
struct Folds(Vec<Split>);

impl Splitter for Folds {
    fn rows(&self) -> usize {
        ROWS
    }
    fn count(&self) -> usize {
        self.0.len()
    }
    fn fold(&self, fold: usize) -> feedforward::Result<Split> {
        Ok(self.0[fold].clone())
    }
}

#[test]
fn folds_without_rows_are_errors() {
    let table = table(|x| x);
    let fit = |folds: Vec<Split>| small_without_folds(&table).splitter(Folds(folds)).fit();
    for (training, held_out) in [(0..0, 0..9), (0..9, 0..0)] {
        let error = fit(vec![Split::from_rows(training, held_out)]).unwrap_err();
        assert!(matches!(error, Error::Empty { .. }), "{error}");
    }
    let error = fit(Vec::new()).unwrap_err();
    assert!(matches!(error, Error::Empty { .. }), "{error}");
    let outside = Split::from_rows(0..9, [ROWS]);
    assert!(fit(vec![outside]).is_err());
}

#[test]
fn held_out_rows_that_a_fold_trains_on_are_errors() {
    let table = table(|x| x);
    let fit = |folds: Vec<Split>| {
        let recipe = small_without_folds(&table).splitter(Folds(folds));
        [recipe.clone().last_epoch().fit(), recipe.fit()]
    };
    let good = || Split::from_rows(0..20, 20..ROWS);
    let what = "held-out rows: expected rows that the fold does not train on, each once, got";
    for (split, got) in [
        (Split::from_rows(0..ROWS, 9..15), "training row 9 in fold 1"),
        (
            Split::from_rows(5..ROWS, [1, 0, 1]),
            "row 1 twice in fold 1",
        ),
    ] {
        for result in fit(vec![good(), split]) {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::Incompatible { .. }), "{error}");
            assert_eq!(error.to_string(), format!("{what} {got}"));
        }
    }
    // A bootstrap trains on some rows several times.
    let bootstrap = Split::from_rows((0..20).chain(0..9), 20..ROWS);
    assert!(fit(vec![bootstrap]).iter().all(Result::is_ok));
}

fn small_without_folds<'t>(table: &'t Table<'_>) -> Tabular<'t> {
    Tabular::regressor(table, "y").epochs(1).hidden(&[4])
}

#[test]
fn settings_that_contradict_are_errors_that_tell_why() {
    let table = table(|x| x);
    let word = (0..ROWS).map(|row| ["a", "b", "c"][row % 3]);
    let table = table.with("word", Column::words(word)).unwrap();
    let label = (0..ROWS).map(|row| row % 5 == 0);
    let table = table.with("label", Column::booleans(label)).unwrap();
    let regressor = || Tabular::regressor(&table, "y");
    let scaled = |name: &str, scaling| ColumnSettings {
        scalings: vec![(name.into(), scaling)],
        ..ColumnSettings::default()
    };
    let folds = feedforward::folds::KFold::new(ROWS, 3).unwrap();
    for (recipe, expected) in [
        (
            regressor().metric(Metric::LogLoss),
            "metric: expected a classifier",
        ),
        (
            Tabular::labels(&table, ["label"]).metric(Metric::Accuracy),
            "metric: expected a classifier",
        ),
        (
            regressor().class_weights(ClassWeights::Balanced),
            "class weights: expected a classifier",
        ),
        (
            regressor().splitter(folds.clone()).folds(4),
            "folds and a splitter",
        ),
        (regressor().folds(4).splitter(folds), "folds and a splitter"),
        (
            regressor().columns(scaled("word", Scaling::Log)),
            "column \"word\": scaling: expected Robust or None for words, got Log",
        ),
        (
            regressor().columns(scaled("y", Scaling::Log)),
            "column \"y\": purpose: expected a single one, got a target, and scaled",
        ),
        (regressor().ignore(["y"]), "got a target, and ignored"),
        (
            Tabular::regressor_of(&table, ["y", "y"]),
            "column \"y\": purpose: expected a single one, got a target twice",
        ),
        (
            Tabular::labels(&table, ["label", "label"]),
            "got a target twice",
        ),
        (
            Tabular::counts(&table, "y").exposure("y"),
            "got a target, and the exposure",
        ),
        (
            Tabular::counts(&table, "y").exposure("x").ignore(["x"]),
            "got the exposure, and ignored",
        ),
        (
            Tabular::classifier(&table, "word").class_weights(ClassWeights::Given(vec![1.0])),
            "class weights",
        ),
    ] {
        let error = recipe.epochs(1).hidden(&[4]).fit().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\nexpected: {expected}");
    }
    // These agree.
    for recipe in [
        regressor().ignore(["word", "word"]),
        regressor().columns(scaled("word", Scaling::None)),
        regressor().columns(scaled("x", Scaling::Log)),
    ] {
        recipe.epochs(1).hidden(&[4]).fit().unwrap();
    }
}

#[test]
fn class_weights_shift_the_decision_towards_rare_classes() {
    // One row of sixteen is of the rare class, and one of four where x is large.
    let is_rare = (0..ROWS).map(|row| x(row) > 0.75 && row / 3 % 4 == 0);
    let table = table(|x| x).without("y").unwrap();
    let table = table.with("y", Column::booleans(is_rare)).unwrap();
    let found = |weights: ClassWeights| {
        let model = small(Tabular::classifier(&table, "y")).class_weights(weights);
        let model = model.fit().unwrap();
        let classes = model.predict_class(&table).unwrap();
        classes.iter().filter(|class| **class == "true").count()
    };
    let equal = found(ClassWeights::Equal);
    let balanced = found(ClassWeights::Balanced);
    let given = found(ClassWeights::Given(vec![1.0, 1e6]));
    assert!(
        equal + 20 < balanced && balanced < given,
        "{equal} {balanced} {given}"
    );
}

#[test]
fn classes_and_inputs_have_one_name_each() {
    let zeros = (0..ROWS).map(|row| [0.0, -0.0, 1.0, 2.0][row % 4]);
    let table = table(|x| x).without("y").unwrap();
    let table = table.with("y", Column::numbers(zeros)).unwrap();
    let model = small(Tabular::classifier(&table, "y"))
        .epochs(1)
        .fit()
        .unwrap();
    assert_eq!(model.classes(), ["0", "1", "2"]);
    let negative = Table::new()
        .with("x", Column::numbers(0..12))
        .and_then(|table| table.with("y", Column::numbers([-0.0, -0.0, 1.0, 1.0].repeat(3))))
        .unwrap();
    let model = Tabular::classifier(&negative, "y")
        .folds(1)
        .epochs(1)
        .hidden(&[]);
    assert_eq!(model.fit().unwrap().classes(), ["0", "1"]);

    let table = Table::new()
        .with("a", Column::numbers([1, 2]))
        .and_then(|table| table.with("a is missing", Column::numbers([1, 2])))
        .and_then(|table| table.with("a is missing (2)", Column::words(["x", "y"])))
        .unwrap();
    let columns = Columns::fit(&table, &[0, 1], &ColumnSettings::default()).unwrap();
    let names = columns.names();
    let mut distinct = names.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), names.len(), "{names:?}");
    assert_eq!(names[1..3], ["a is missing", "a is missing (2)"]);
}
