//! Files that the program writes.

use std::fs;
use std::path::{Path, PathBuf};

use feedforward::onnx;
use feedforward::tabular::TabularModel;

use super::flags::Flags;
use super::{Result, in_file, say};

/// Names of the files to write.
pub const MODEL: &str = "model.safetensors";
pub const REPORT: &str = "report.png";
pub const PREDICTIONS: &str = "predictions.csv";
pub const TRIALS: &str = "trials.csv";

/// Creates the folders of all files to write, and checks that each file is writable. None replaces
/// a file that the program reads, or another one that it writes.
pub fn check(flags: &Flags) -> Result<()> {
    let data = flags.load.is_none().then(|| flags.data());
    let inputs = [&data, &flags.load, &flags.test, &flags.predict];
    let inputs = inputs.into_iter().flatten().cloned();
    let mut known: Vec<_> = inputs.map(|file| ("the input", file)).collect();
    let files = [
        (MODEL, flags.load.is_none()),
        (REPORT, flags.load.is_none()),
        (PREDICTIONS, flags.predict.is_some()),
        (TRIALS, flags.search.is_some()),
    ];
    let files = files.into_iter().filter(|(_, is_written)| *is_written);
    let files = files.map(|(name, _)| ("--out", flags.out.join(name)));
    let exports = exports(flags).map(|(flag, file)| (flag, file.clone()));
    for (flag, file) in files.chain(exports) {
        say::prepare_file(&file)?;
        let place = place(&file);
        let is_equal = |other: &Path| place.is_some() && self::place(other) == place;
        if let Some((owner, other)) = known.iter().find(|(_, other)| is_equal(other)) {
            let (file, other) = (file.display(), other.display());
            return Err(format!("{flag}: {file} would replace {other}, {owner}").into());
        }
        let owner = match flag {
            "--out" => "an output",
            "--onnx" => "the file of --onnx",
            _ => "the file of --rust",
        };
        known.push((owner, file));
    }
    Ok(())
}

/// Returns the only path of a file whose folder exists. A pipe or a device has none, because it
/// keeps nothing that could be replaced.
fn place(file: &Path) -> Option<PathBuf> {
    if let Ok(found) = fs::metadata(file) {
        return found.is_file().then(|| file.canonicalize().ok()).flatten();
    }
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    Some(folder.canonicalize().ok()?.join(file.file_name()?))
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
