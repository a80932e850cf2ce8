//! Checks every fixture in a folder.
//!
//! Forward outputs, losses, gradients, trajectories, predictions and reasons for stopping are
//! compared with those of scikit-learn and PyTorch, and with published numbers.
//!
//! `FEEDFORWARD_FIXTURES=folder cargo test --release --test fidelity` checks another folder.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

mod anchors;
mod fixture;
#[path = "../common/json.rs"]
mod json;
mod lbfgs;
mod nets;
mod onnx;
#[path = "../common/optimizers.rs"]
mod optimizers;
mod realmlp;
mod sequence;
mod tables;
mod train;

use fixture::Report;

/// The check of a schema, or the name of the test that has it.
enum Checker {
    Here(fn(&Value, &mut Report)),
    Elsewhere(&'static str),
}

fn checker(schema: &str) -> Option<Checker> {
    use Checker::{Elsewhere, Here};
    Some(match schema {
        "train/1" => Here(train::check),
        "sequence/1" => Here(sequence::check),
        "convex/1" => Here(lbfgs::check_convex),
        "net/1" => Here(nets::check_once),
        "nettrain/1" => Here(nets::check_training),
        "realmlp/1" => Here(realmlp::check),
        "activations/1" => Here(tables::check_activations),
        "losses/1" => Here(tables::check_losses),
        "optimizers/1" => Here(tables::check_optimizers),
        "seed_arithmetic/1" => Here(tables::check_seed_arithmetic),
        "anchor/1" => Here(anchors::check),
        "onnx/1" => Here(onnx::check),
        "behaviours/1" => Elsewhere("tests/behaviours.rs"),
        "dataset/1" => Elsewhere("tests/datasets.rs"),
        "folds/1" => Elsewhere("tests/folds.rs"),
        "metrics/1" => Elsewhere("tests/checks/metrics_fixtures.rs"),
        "onnx_models/1" => Elsewhere("tests/onnx_import.rs"),
        "rtneural_models/1" => Elsewhere("tests/rtneural.rs"),
        "pytorch" => Elsewhere("tests/checks/state_dicts.rs"),
        "paint/1" => Elsewhere("the painting"),
        "tabular/1" => Elsewhere("tests/tabular.rs"),
        "scores/1" => Elsewhere("tests/checks/metrics.rs"),
        _ => return None,
    })
}

/// Finds all fixtures below a folder, sorted by name.
fn find(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let entries: Result<Vec<_>, _> = std::fs::read_dir(folder)?.collect();
    let mut paths: Vec<_> = entries?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            find(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            found.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// Files of other formats have no schema. Returns the schema that README.md gives their folder.
fn schema_of_folder(path: &Path) -> &'static str {
    let is_in = |folder: &str| path.components().any(|part| part.as_os_str() == folder);
    match ["onnx", "rtneural", "pytorch"]
        .into_iter()
        .find(|folder| is_in(folder))
    {
        Some("onnx") => "onnx_models/1",
        Some("rtneural") => "rtneural_models/1",
        Some(_) => "pytorch",
        None => "none",
    }
}

/// Checks one fixture, and returns its schema and the test that checks it, if another.
fn run(path: &Path) -> Result<(String, Option<&'static str>, f64), Vec<String>> {
    let fixture = read(path).map_err(|error| vec![error])?;
    let schema = fixture["schema"].as_str();
    let schema = schema.unwrap_or_else(|| schema_of_folder(path));
    let name = schema.split('/').next().unwrap_or(schema).to_string();
    match checker(schema) {
        None => Err(vec![format!("schema {schema:?} is not covered")]),
        Some(Checker::Elsewhere(place)) => Ok((name, Some(place), 0.0)),
        Some(Checker::Here(check)) => {
            let mut report = Report::default();
            let outcome = catch_unwind(AssertUnwindSafe(|| check(&fixture, &mut report)));
            if outcome.is_err() {
                report.fail("the check panicked".to_string());
            }
            report.finish().map(|worst| (name, None, worst))
        }
    }
}

fn main() -> ExitCode {
    let folder = std::env::var_os("FEEDFORWARD_FIXTURES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures"),
        PathBuf::from,
    );
    let mut paths = Vec::new();
    if let Err(error) = find(&folder, &mut paths) {
        println!("{}: {error}", folder.display());
        return ExitCode::FAILURE;
    }
    // Number of passed fixtures and largest difference, by schema.
    let mut passed: BTreeMap<String, (usize, f64)> = BTreeMap::new();
    let mut elsewhere: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failed = 0;
    for path in &paths {
        match run(path) {
            Ok((_, Some(place), _)) => *elsewhere.entry(place).or_default() += 1,
            Ok((schema, None, worst)) => {
                let (count, largest) = passed.entry(schema).or_default();
                *count += 1;
                *largest = largest.max(worst);
            }
            Err(failures) => {
                failed += 1;
                println!("{} FAILED", path.display());
                for failure in failures {
                    println!("    {failure}");
                }
            }
        }
    }
    for (schema, (count, worst)) in &passed {
        println!("{schema:16} {count:3} passed, largest d of f64 {worst:.1e}");
    }
    for (place, count) in &elsewhere {
        println!("{count} are checked by {place}");
    }
    let counts: Vec<_> = passed
        .iter()
        .map(|(schema, (count, _))| format!("{schema} {count}"))
        .collect();
    let total: usize = passed.values().map(|(count, _)| count).sum();
    println!("fixtures passed: {total} ({})", counts.join(", "));
    if failed > 0 || total == 0 {
        println!("fixtures failed: {failed} of {}", paths.len());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
