//! Files that the program writes.

use std::fs;
use std::path::PathBuf;

use feedforward::onnx;
use feedforward::tabular::TabularModel;

use super::flags::Flags;
use super::{Result, in_file};

/// Names of the files to write.
pub const MODEL: &str = "model.safetensors";
pub const REPORT: &str = "report.png";
pub const PREDICTIONS: &str = "predictions.csv";
pub const TRIALS: &str = "trials.csv";

/// Checks that the program replaces none of the files that it reads.
pub fn check(flags: &Flags) -> Result<()> {
    let data = flags.load.is_none().then(|| flags.data());
    let inputs = [&data, &flags.load, &flags.test, &flags.predict];
    let outputs = [
        (MODEL, flags.load.is_none()),
        (REPORT, flags.load.is_none()),
        (PREDICTIONS, flags.predict.is_some()),
        (TRIALS, flags.search.is_some()),
    ];
    let outputs = outputs.into_iter().filter(|(_, is_written)| *is_written);
    let outputs = outputs.map(|(name, _)| ("--out", flags.out.join(name)));
    let exports = exports(flags).map(|(flag, file)| (flag, file.clone()));
    for (flag, output) in outputs.chain(exports) {
        let Ok(output) = output.canonicalize() else {
            continue; // a new file
        };
        let is_output = |file: &&PathBuf| file.canonicalize().is_ok_and(|file| file == output);
        if let Some(file) = inputs.into_iter().flatten().find(is_output) {
            let file = file.display();
            let expected = "expected a folder where no input is replaced";
            return Err(format!("{flag}: {expected}, got that of {file}").into());
        }
    }
    Ok(())
}

/// Returns the files of other formats to write, each with its flag.
pub fn exports(flags: &Flags) -> impl Iterator<Item = (&'static str, &PathBuf)> {
    let onnx = flags.onnx.iter().map(|file| ("--onnx", file));
    onnx.chain(flags.rust.iter().map(|file| ("--rust", file)))
}

/// Writes these files, and returns their paths.
pub fn write_exports(model: &TabularModel, flags: &Flags) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for (flag, file) in exports(flags) {
        let bytes = match flag {
            "--onnx" => onnx::export(model),
            _ => model.to_rust().map(String::into_bytes),
        };
        let bytes = bytes.map_err(in_file(file))?;
        fs::write(file, bytes).map_err(|error| format!("{}: {error}", file.display()))?;
        files.push(file.clone());
    }
    Ok(files)
}
