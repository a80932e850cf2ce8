//! Writes models of tables as ONNX, with rows to predict and this crate's predictions.
//!
//! The script `tests/onnx_check.py` compares them with the results of onnxruntime:
//!
//! ```text
//! FEEDFORWARD_ONNX_OUT=/tmp/tables cargo test --test onnx_tabular
//! python tests/onnx_check.py /tmp/tables    # needs onnx, onnxruntime and numpy
//! ```
//!
//! `tables.jsonl` has one line per model, with all cells. Missing cells are null, or empty words.

mod homes;
mod models;
mod unusual;

use std::path::PathBuf;

use feedforward::search::Space;
use feedforward::tabular::{
    Calibration, Column, ColumnSettings, Preset, Scaling, SearchSettings, Tabular, Waves,
};

use homes::{NEW, homes, learned, small};
use models::Models;

/// Writes models of every kind of target.
fn targets(models: &mut Models) {
    let (table, new) = (learned(), homes(NEW, true));
    for folds in [1, 5] {
        let mut add = |name: &str, recipe: Tabular<'_>, used: &[&str]| {
            let model = small(recipe, used).folds(folds).fit().unwrap();
            models.add(&format!("{name}, {folds} folds"), &model, &new);
        };
        let numbers = Tabular::regressor(&table, "price");
        add("numbers", numbers.clone(), &["price"]);
        add("logarithms", numbers.logarithm(), &["price"]);
        let both = ["price", "sold"];
        add("two numbers", Tabular::regressor_of(&table, both), &both);
        add(
            "two classes",
            Tabular::classifier(&table, "is large"),
            &["is large"],
        );
        add("classes", Tabular::classifier(&table, "kind"), &["kind"]);
        add(
            "classes of numbers",
            Tabular::classifier(&table, "stars"),
            &["stars"],
        );
        let both = ["is large", "is old"];
        add("labels", Tabular::labels(&table, both), &both);
        add("counts", Tabular::counts(&table, "bids"), &["bids"]);
    }
    for calibration in [
        Calibration::None,
        Calibration::Platt,
        Calibration::Quadratic,
    ] {
        let recipe = Tabular::classifier(&table, "is large").calibration(calibration);
        let model = small(recipe, &["is large"]).folds(2).fit().unwrap();
        models.add(&format!("calibration {calibration:?}"), &model, &new);
    }
    let recipe = Tabular::classifier(&table, "kind").calibration(Calibration::None);
    let model = small(recipe, &["kind"]).folds(2).fit().unwrap();
    models.add("classes without calibration", &model, &new);
    // Rows with infinite numbers have no label.
    let areas = [f64::INFINITY, 70.0, f64::NEG_INFINITY, f64::NAN];
    let areas = (0..new.rows()).map(|row| areas[row % areas.len()]);
    let odd = new
        .clone()
        .without("area")
        .unwrap()
        .with("area", Column::numbers(areas))
        .unwrap();
    models.add("classes of odd rows", &model, &odd);
    let space = Space::new().log_uniform("learning_rate", 0.001, 0.1);
    let settings = SearchSettings {
        trials: 6,
        factor: 1.0,
        space: Some(space.unwrap()),
        ..SearchSettings::default()
    };
    let recipe = small(Tabular::regressor(&table, "price"), &["price"]);
    let ensemble = recipe.folds(2).search(&settings).unwrap().ensemble;
    assert!(
        ensemble.weights().any(|weight| weight > 1),
        "nothing is weighted"
    );
    models.add("ensemble of a search", &ensemble, &new);
    // Exposures that are not above 0 have no prediction.
    let counts = Tabular::counts(&table, "bids").exposure("days");
    let model = small(counts, &["bids", "days"]).folds(3).fit().unwrap();
    let exposures = [1.0, 7.5, f64::NAN, 0.0, -1.0, f64::INFINITY, 1e-300, 1e300];
    let days = (0..new.rows()).map(|i| exposures[i % exposures.len()]);
    let new = new.with("days", Column::numbers(days)).unwrap();
    models.add("counts with exposure", &model, &new);
}

/// Writes models with every scaling, and with all that columns can become.
fn columns(models: &mut Models) {
    let (table, new) = (learned(), homes(NEW, true));
    let scalings = [
        Scaling::Robust,
        Scaling::Standard,
        Scaling::MinMax,
        Scaling::Log,
        Scaling::Piecewise(5),
        Scaling::None,
    ];
    let default = ColumnSettings::default();
    let mut add = |name: &str, settings: ColumnSettings| {
        // Other numbers of `built` are too large for a network without scaling.
        let recipe = Tabular::regressor(&table, "price")
            .columns(settings)
            .ignore(["built"]);
        let model = small(recipe, &["price"]).folds(2).fit().unwrap();
        models.add(name, &model, &new);
    };
    for (index, scaling) in scalings.into_iter().enumerate() {
        let settings = ColumnSettings {
            scaling,
            one_hot: [64, 3][index % 2],
            min_count: [1, 4, 8][index % 3],
            waves: [Waves::Auto, Waves::Off][index / 2 % 2],
            ..default.clone()
        };
        add(&format!("{scaling:?}"), settings);
    }
    let names = ["area", "rooms", "state"];
    for (index, turn) in [0, 2, 4].into_iter().enumerate() {
        let scalings = scalings.into_iter().cycle().skip(turn);
        let scalings = names.iter().map(ToString::to_string).zip(scalings);
        let settings = ColumnSettings {
            scalings: scalings.collect(),
            one_hot: [2, 64, 8][index],
            ..default.clone()
        };
        add(&format!("mixed scalings {index}"), settings);
    }
    for preset in [Preset::Simple, Preset::Full] {
        for target in ["price", "kind"] {
            let recipe = match target {
                "price" => Tabular::regressor(&table, target),
                _ => Tabular::classifier(&table, target),
            };
            let model = small(recipe.preset(preset), &[target]).folds(2).fit();
            models.add(&format!("{preset:?} {target}"), &model.unwrap(), &new);
        }
    }
}

#[test]
fn models_are_written() {
    let folder = std::env::var_os("FEEDFORWARD_ONNX_OUT").map_or_else(
        || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("onnx_tabular"),
        PathBuf::from,
    );
    std::fs::create_dir_all(&folder).unwrap();
    let mut models = Models {
        folder,
        lines: Vec::new(),
    };
    targets(&mut models);
    columns(&mut models);
    unusual::names(&mut models);
    unusual::columns(&mut models);
    unusual::overflow(&mut models);
    unusual::booleans(&mut models);
    unusual::wide(&mut models);
    assert!(models.lines.len() > 30);
    let lines = models.lines.join("\n") + "\n";
    std::fs::write(models.folder.join("tables.jsonl"), lines).unwrap();
}
