//! Search of settings of models of tables.

#![cfg(all(feature = "tabular", feature = "safetensors"))]

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use feedforward::search::{Settings, Space};
use feedforward::tabular::{
    Column, Metric, Preset, SearchResults, SearchSettings, Table, Tabular, TabularModel,
};

/// Returns rows with a number, a word, a number to predict, and classes.
fn table(rows: usize) -> Table<'static> {
    let x = |i: usize| (i * 37 % 101) as f64 / 101.0;
    let noise = |i: usize| (i * 7919 % 211) as f64 / 211.0 - 0.5;
    let price = move |i| 1.0 + (6.0 * x(i)).sin() + (i % 3) as f64 + noise(i);
    let class = move |i| ["low", "middle", "high"][(price(i) as usize).min(2)];
    let table = Table::new()
        .with("x", Column::numbers((0..rows).map(x)))
        .unwrap();
    let words = (0..rows).map(|i| ["a", "b", "c"][i % 3]);
    let table = table.with("word", Column::words(words)).unwrap();
    let prices = (0..rows).map(move |i| 2.0 + price(i));
    let table = table.with("price", Column::numbers(prices)).unwrap();
    let table = table
        .with("class", Column::words((0..rows).map(class)))
        .unwrap();
    let label = Column::booleans((0..rows).map(|i| price(i) > 2.0));
    table.with("label", label).unwrap()
}

fn regressor<'t>(table: &'t Table<'t>) -> Tabular<'t> {
    let recipe = Tabular::regressor(table, "price").ignore(["class", "label"]);
    recipe.epochs(15).batch_size(32)
}

fn classifier<'t>(table: &'t Table<'t>) -> Tabular<'t> {
    let recipe = Tabular::classifier(table, "class").ignore(["price", "label"]);
    recipe.epochs(15).batch_size(32)
}

fn space() -> Space {
    let space = Space::new()
        .log_uniform("learning_rate", 0.003, 0.3)
        .unwrap();
    let space = space.uniform("dropout", 0.0, 0.4).unwrap();
    let space = space.log_uniform("weight_decay", 1e-3, 1e-1).unwrap();
    let space = space.choice("width", [8, 12, 16]).unwrap();
    let space = space.integer("layers", 1, 2).unwrap();
    let space = space.choice("activation", ["mish", "relu"]).unwrap();
    space.choice("waves", [0.0, 0.1, 1.0]).unwrap()
}

fn settings(trials: usize) -> SearchSettings {
    SearchSettings {
        trials,
        space: Some(space()),
        ..SearchSettings::default()
    }
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// A network that was trained in four parts is bit-identical to one without a pause.
#[test]
fn resumed_trials_are_bit_identical_to_fits() {
    let table = table(120);
    for (folds, splits) in [(1, 1), (3, 3)] {
        let recipe = || regressor(&table).folds(folds);
        let mut first: Option<SearchResults> = None;
        for threads in [1, 2, 3, 8] {
            let found = recipe().threads(threads).search(&settings(7)).unwrap();
            let best = found.trials.best().unwrap();
            let fit = recipe()
                .threads(1)
                .set(&best.settings)
                .unwrap()
                .fit()
                .unwrap();
            assert_eq!(found.best.folds(), splits);
            assert_eq!(found.best.to_bytes().unwrap(), fit.to_bytes().unwrap());
            assert_eq!(bits(found.best.out_of_fold()), bits(fit.out_of_fold()));
            let resources: Vec<_> = found.trials.iter().map(|t| t.resource).collect();
            assert_eq!(resources, [15, 7, 3, 3, 1, 1, 1]);
            if let Some(first) = &first {
                assert_eq!(found.trials, first.trials);
                assert_eq!(
                    found.ensemble.to_bytes().unwrap(),
                    first.ensemble.to_bytes().unwrap()
                );
            }
            first.get_or_insert(found);
        }
    }
}

#[test]
fn every_task_is_searched_by_its_own_criterion() {
    let table = table(150);
    let labels = Tabular::labels(&table, ["label"]).ignore(["price", "class"]);
    let counts = Tabular::counts(&table, "price").ignore(["class", "label"]);
    let mean = |model: &TabularModel, name: &str| {
        let scores = model.mean_scores();
        scores.iter().find(|(other, ..)| *other == name).unwrap().1
    };
    let check = |recipe: Tabular<'_>, score: &dyn Fn(&TabularModel) -> Option<f64>| {
        let found = recipe
            .epochs(8)
            .search(&SearchSettings {
                factor: 1.0,
                ..settings(3)
            })
            .unwrap();
        let best = found.trials.best().unwrap();
        assert!(found.trials.iter().all(|trial| trial.resource == 8));
        if let Some(expected) = score(&found.best) {
            assert!(
                (best.score - expected).abs() < 1e-9,
                "{} {expected}",
                best.score
            );
        }
        assert!(best.score.is_finite());
    };
    check(regressor(&table), &|model| Some(mean(model, "r2")));
    check(regressor(&table).logarithm(), &|_| None);
    check(classifier(&table), &|model| Some(mean(model, "accuracy")));
    check(classifier(&table).metric(Metric::LogLoss), &|model| {
        Some(-mean(model, "logloss"))
    });
    check(classifier(&table).metric(Metric::RocAuc), &|_| None);
    let two = Tabular::classifier(&table, "label").ignore(["price", "class"]);
    check(two.metric(Metric::RocAuc), &|model| {
        Some(mean(model, "auc"))
    });
    check(labels, &|model| Some(-mean(model, "logloss")));
    check(counts, &|_| None);
}

/// The ensemble is the mean of its models, in memory and from a file. On the rows that chose it, it
/// is better than the best of them.
#[test]
fn the_ensemble_is_a_weighted_mean() {
    let table = table(150);
    let search = SearchSettings {
        factor: 1.0,
        steps: 10,
        ..settings(5)
    };
    let found = regressor(&table).search(&search).unwrap();
    assert!(found.weights.len() > 1, "{:?}", found.weights);
    let total: u32 = found.weights.iter().map(|(_, weight)| weight).sum();
    assert!(
        found.weights.iter().any(|&(_, weight)| weight > 1),
        "{:?}",
        found.weights
    );
    let mut expected = vec![0.0; table.rows()];
    for &(number, weight) in &found.weights {
        let trial = found
            .trials
            .iter()
            .find(|trial| trial.number == number)
            .unwrap();
        let recipe = regressor(&table).folds(1).set(&trial.settings).unwrap();
        let predictions = recipe.fit().unwrap().predict(&table).unwrap();
        for (sum, p) in expected.iter_mut().zip(predictions) {
            *sum += p * f64::from(weight) / f64::from(total);
        }
    }
    let predictions = found.ensemble.predict(&table).unwrap();
    for (p, expected) in predictions.iter().zip(&expected) {
        assert!((p - expected).abs() < 1e-9, "{p} {expected}");
    }
    let weights: Vec<_> = found.weights.iter().map(|(_, weight)| *weight).collect();
    assert_eq!(found.ensemble.weights().collect::<Vec<_>>(), weights);
    assert!(found.best.weights().eq([1]));

    let read = TabularModel::from_bytes(&found.ensemble.to_bytes().unwrap()).unwrap();
    assert_eq!(bits(&read.predict(&table).unwrap()), bits(&predictions));
    assert!(read.weights().eq(weights));
    // Attributions are those of the weighted mean.
    let rows = table.select(&[3, 14]).unwrap();
    let attributions = read.attributions(&rows, &table, 0).unwrap();
    for (output, row) in attributions.outputs.iter().zip([3, 14]) {
        assert!(
            (output - predictions[row]).abs() < 1e-5,
            "{output} {}",
            predictions[row]
        );
    }
    let (lower, upper) = read.predict_interval(&table, 0.8).unwrap();
    assert!(lower.iter().zip(&upper).all(|(low, high)| low < high));

    let loss = |model: &TabularModel| -> f64 {
        let column = table.column("price").unwrap();
        let rows = model.out_of_fold().iter().zip(column.as_numbers().unwrap());
        rows.filter(|(p, _)| !p.is_nan())
            .map(|(p, y)| (p - y) * (p - y))
            .sum()
    };
    assert!(loss(&found.ensemble) < loss(&found.best));
    let held_out = found.ensemble.out_of_fold().iter().zip(&predictions);
    assert!(
        held_out
            .filter(|(p, _)| !p.is_nan())
            .all(|(p, q)| (p - q).abs() < 1e-9)
    );
}

#[test]
fn a_trial_that_diverges_fails_alone() {
    let table = table(60);
    let space = Space::new().choice("learning_rate", [0.01, 1e30]).unwrap();
    let search = |seed| {
        let space = Some(space.clone());
        let settings = SearchSettings {
            trials: 6,
            space,
            seed,
            factor: 1.0,
            ..SearchSettings::default()
        };
        regressor(&table).hidden(&[8]).search(&settings)
    };
    let found = search(0).unwrap();
    let of_rate = |rate: f64| {
        let trials = found.trials.iter();
        trials.filter(move |trial| trial.settings.number("learning_rate") == Ok(rate))
    };
    assert!(of_rate(1e30).count() > 0 && of_rate(1e30).all(|trial| trial.score.is_nan()));
    assert!(of_rate(0.01).count() > 0 && of_rate(0.01).all(|trial| trial.score.is_finite()));
    assert!(found.trials.best().unwrap().score.is_finite());
    let space = Space::new().choice("learning_rate", [1e30]).unwrap();
    let settings = SearchSettings {
        trials: 2,
        space: Some(space),
        ..SearchSettings::default()
    };
    let error = regressor(&table)
        .learning_rate(1e30)
        .search(&settings)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "trials: expected at least one that does not diverge, got none"
    );
}

#[test]
fn callbacks_see_trials_and_end_them() {
    let table = table(60);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let recipe = regressor(&table).hidden(&[8]).on_epoch(move |at| {
        log.lock().unwrap().push((at.trial, at.epoch));
        if at.trial == 1 && at.epoch == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let settings = SearchSettings {
        trials: 3,
        space: Some(Space::new().uniform("dropout", 0.0, 0.2).unwrap()),
        factor: 1.0,
        ..SearchSettings::default()
    };
    recipe.search(&settings).unwrap();
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    let expected = [(0, 15), (1, 2), (2, 15)];
    let expected = expected
        .iter()
        .flat_map(|&(trial, end)| (1..=end).map(move |e| (trial, e)));
    assert!(seen.into_iter().eq(expected));
}

#[test]
fn the_default_space_fits_the_recipe() {
    let table = table(60);
    let names = |recipe: Tabular<'_>| {
        recipe
            .space()
            .unwrap()
            .names()
            .map(String::from)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        names(Tabular::classifier(&table, "class")),
        "learning_rate dropout weight_decay smoothing layers width activation waves"
    );
    let set = regressor(&table).learning_rate(0.1).hidden(&[8, 8]);
    assert_eq!(names(set.clone()), "dropout weight_decay activation waves");
    let full = Tabular::classifier(&table, "class")
        .preset(Preset::Full)
        .metric(Metric::LogLoss);
    assert_eq!(
        names(full),
        "learning_rate dropout weight_decay layers width waves"
    );
    assert!(!names(regressor(&table).preset(Preset::Simple)).contains("waves"));
    let found = set.epochs(3).search(&SearchSettings {
        trials: 4,
        ..SearchSettings::default()
    });
    assert_eq!(found.unwrap().trials.len(), 4);
}

#[test]
fn wrong_searches_are_errors() {
    let table = table(60);
    let error = |recipe: Tabular<'_>, change: &dyn Fn(&mut SearchSettings)| {
        let mut settings = settings(2);
        change(&mut settings);
        recipe.search(&settings).unwrap_err().to_string()
    };
    let recipe = || regressor(&table).hidden(&[4]).epochs(1);
    let one = |name: &str, value: f64| {
        let space = Space::new().choice(name, [value]).unwrap();
        move |settings: &mut SearchSettings| settings.space = Some(space.clone())
    };
    for (got, expected) in [
        (
            error(recipe(), &|s| s.trials = 0),
            "trials: expected 1 to 1000000, got 0",
        ),
        (
            error(recipe(), &|s| s.steps = 0),
            "steps: expected 1 to 1000, got 0",
        ),
        (
            error(recipe(), &|s| s.factor = 0.5),
            "factor of halving: expected 1 to 1000000, got 0.5",
        ),
        (
            error(recipe(), &|s| s.space = Some(Space::new())),
            "parameters of the space: expected at least one, got none",
        ),
        (
            error(recipe().epochs(0), &|_| ()),
            "epochs: expected at least 1, got 0",
        ),
        (
            error(recipe(), &one("rate", 1.0)),
            "setting of a recipe: expected one of learning_rate, dropout, weight_decay, smoothing, \
             layers, width, activation, waves, batch_size, got \"rate\"",
        ),
        (
            error(recipe(), &one("smoothing", 0.1)),
            "smoothing: expected a classifier, got another target",
        ),
        (
            error(recipe(), &one("width", 0.5)),
            "setting: expected a whole number, 0 or above for width, got 0.5",
        ),
        (
            error(
                recipe().time_budget(core::time::Duration::from_secs(1)),
                &|_| (),
            ),
            "recipe of a search: expected no time budget, but a number of epochs, got one",
        ),
    ] {
        assert_eq!(got, expected);
    }
    let set = |name: &str, value: i64| {
        let settings = Settings::new().with(name, value);
        recipe()
            .set(&settings)
            .and_then(Tabular::fit)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(set("layers", 0), "layers: expected 1 to 1024, got 0");
    assert_eq!(
        set("layers", i64::MAX),
        "layers: expected 1 to 1024, got 9223372036854775807"
    );
    for name in [
        "width",
        "dropout",
        "learning_rate",
        "weight_decay",
        "waves",
        "batch_size",
    ] {
        let error = set(name, -1);
        assert!(error.contains("got -1"), "{error}");
    }
}
