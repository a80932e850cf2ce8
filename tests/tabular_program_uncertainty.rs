//! Runs the example about tables, and checks its words about importance, intervals and
//! probabilities.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use feedforward::metrics::expected_calibration_error;
use feedforward::tabular::{Calibration, CsvReader, Tabular, Value};

#[allow(dead_code)] // other files use the rest
#[path = "common/programs.rs"]
mod programs;
#[allow(dead_code)] // other files use the rest
#[path = "common/tabular_programs.rs"]
mod runs;

use programs::{check_error, example, folder, output_of, size};
use runs::{file, number, short};

/// Number in [0, 1) without a pattern.
fn uniform(row: usize, column: usize) -> f64 {
    let mut z = (row as u64 * 64 + column as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Returns a table in which `slope` decides on the number and the class, and `noise` on nothing.
fn rows(rows: std::ops::Range<usize>) -> String {
    let mut text = "noise,slope,number,kind\n".to_string();
    for row in rows {
        let (noise, slope) = (uniform(row, 0), uniform(row, 1));
        let number = 5.0 + 3.0 * slope + 0.5 * uniform(row, 2);
        let kind = ["low", "high"][usize::from(slope + 0.2 * uniform(row, 3) > 0.6)];
        writeln!(text, "{noise:.4},{slope:.4},{number:.4},{kind}").unwrap();
    }
    text
}

/// Returns the lines of an output below the first one with these words, up to an empty one.
fn below<'o>(output: &'o str, words: &str) -> Vec<&'o str> {
    let mut lines = output.lines().skip_while(|line| !line.contains(words));
    let found = lines.next();
    assert!(found.is_some(), "no {words:?} in\n{output}");
    lines.take_while(|line| line.starts_with("  ")).collect()
}

/// Returns the numbers in a line.
fn numbers(line: &str) -> Vec<f64> {
    let words = line.split([' ', ',']);
    words.filter_map(|word| word.parse().ok()).collect()
}

const FLAGS: [&str; 2] = ["--epochs", "30"];

#[test]
fn importance_names_the_column_that_matters() {
    let folder = folder("tabular_importance");
    let data = file(&folder, "data.csv", &rows(0..240));
    for (target, other, words) in [
        ("number", "kind", "the loss of r2 on 240 held-out rows"),
        ("kind", "number", "the rise of logloss on 240 held-out rows"),
    ] {
        let flags = ["--target", target, "--ignore", other, FLAGS[0], FLAGS[1]];
        let output = output_of(&mut short(&data, &flags));
        let lines = below(&output, words);
        assert_eq!(lines.len(), 2, "{output}");
        assert!(lines[0].starts_with("  slope"), "{output}");
        let (slope, noise) = (numbers(lines[0]), numbers(lines[1]));
        assert!(slope[0] > 0.2 && slope[0] > 10.0 * slope[1], "{output}");
        assert!(noise[0].abs() < 0.05, "{output}");
    }
}

/// Many columns and rows cost no more than a few.
#[test]
fn importance_of_many_columns_is_that_of_the_best_candidates() {
    let folder = folder("tabular_many_columns");
    let columns = 60;
    let names: Vec<_> = (0..columns)
        .map(|column| format!("column {column}"))
        .collect();
    let mut text = names.join(",") + ",word,y\n";
    for row in 0..2100 {
        let cells: Vec<_> = (0..columns).map(|column| uniform(row, column)).collect();
        let word = ["red", "blue"][usize::from(uniform(row, 61) > 0.5)];
        let y = 2.0 * cells[41] + if word == "red" { 1.0 } else { 0.0 };
        let cells: Vec<_> = cells.iter().map(|x| format!("{x:.3}")).collect();
        writeln!(text, "{},{word},{y:.4}", cells.join(",")).unwrap();
    }
    let data = file(&folder, "data.csv", &text);
    let output = output_of(&mut short(&data, &["--target", "y", "--epochs", "5"]));
    let lines = below(&output, "the loss of r2 on 2000 held-out rows");
    assert_eq!(lines.len(), 12, "{output}");
    let first: Vec<_> = lines[..2].iter().map(|line| &line[..11]).collect();
    assert!(
        first.contains(&"  column 41") && first.contains(&"  word     "),
        "{output}"
    );
    assert!(
        lines[10].starts_with("  14 more columns, each at most 0.00"),
        "{output}"
    );
    assert!(
        lines[11].starts_with("  37 other columns were not shuffled"),
        "{output}"
    );
}

/// Returns the columns of predictions, and their rows.
fn predictions(folder: &Path) -> (String, Vec<Vec<String>>) {
    let text = fs::read_to_string(folder.join("predictions.csv")).unwrap();
    let mut lines = text.lines().map(str::to_string);
    let header = lines.next().unwrap();
    let cells = lines.map(|line| line.split(',').map(str::to_string).collect());
    (header, cells.collect())
}

#[test]
fn intervals_cover_and_are_written() {
    let folder = folder("tabular_intervals");
    let data = file(&folder, "data.csv", &rows(0..300));
    let test = file(&folder, "test.csv", &rows(1000..1300));
    let flags = ["--target", "number", "--ignore", "kind", FLAGS[0], FLAGS[1]];

    // Without a test file, held-out rows tell the coverage.
    let output = output_of(&mut short(&data, &flags));
    let lines = below(
        &output,
        "90 % intervals of held-out rows, from the errors of other folds:",
    );
    let coverage = numbers(lines[0]);
    assert!(
        (coverage[0] - 0.9).abs() < 0.07 && coverage[1] == 0.9,
        "{output}"
    );
    let width = numbers(lines[1])[0];
    assert!((0.4..3.0).contains(&width), "{output}");
    assert!(
        (number(&output, "coverage") - coverage[0]).abs() < 1e-4,
        "{output}"
    );
    assert!(size(&folder.join("report.png")).1 > 700);

    let run = |level: &str, command: &mut std::process::Command| {
        let command = command.arg("--test").arg(&test).arg("--predict").arg(&test);
        output_of(command.args(["--level", level]))
    };
    let output = run("0.8", &mut short(&data, &flags));
    assert!(
        !output.contains("from the errors of other folds"),
        "{output}"
    );
    let lines = below(&output, "80 % intervals of rows of");
    let (coverage, width) = (number(&output, "coverage"), numbers(lines[1])[0]);
    assert!((coverage - 0.8).abs() < 0.1, "{output}");

    // The file has these intervals.
    let (header, cells) = predictions(&folder);
    assert_eq!(
        header,
        "row,kind,predicted number,number_lower,number_upper"
    );
    let text = fs::read_to_string(&test).unwrap();
    let truths = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(2).unwrap());
    let (mut inside, mut widths) = (0, 0.0);
    for (truth, cells) in truths.zip(&cells) {
        let [x, low, high] = [2, 3, 4].map(|at| cells[at].parse::<f64>().unwrap());
        assert!(low <= x && x <= high, "{cells:?}");
        inside += usize::from((low..=high).contains(&truth.parse().unwrap()));
        widths += (high - low) / 300.0;
    }
    assert_eq!(inside as f64 / 300.0, coverage);
    assert!((widths - width).abs() < 1e-3, "{widths} {width}");

    // A model from a file has them too.
    let mut load = example("tabular");
    load.arg("--load").arg(folder.join("model.safetensors"));
    let again = folder.join("again");
    let loaded = run("0.8", load.arg("--out").arg(&again));
    assert_eq!(number(&loaded, "coverage"), coverage);
    assert_eq!(predictions(&again), (header, cells));
    for wrong in ["0", "1", "-0.5", "90", "nan", "wide"] {
        let wrong = format!("--level={wrong}");
        check_error(short(&data, &flags).arg(wrong), 2, "between 0 and 1");
    }
}

#[test]
fn few_rows_have_infinite_intervals_and_one_fold_has_none() {
    let folder = folder("tabular_few");
    let data = file(&folder, "data.csv", &rows(0..12));
    let flags = ["--target", "number", "--ignore", "kind"];
    let output = output_of(short(&data, &flags).arg("--predict").arg(&data));
    let lines = below(&output, "90 % intervals of held-out rows");
    assert!(
        lines[1].contains("width     infinite, because too few rows"),
        "{output}"
    );
    assert_eq!(number(&output, "coverage"), 1.0);
    let data = file(&folder, "more.csv", &rows(0..40));
    let output = output_of(&mut short(&data, &[&flags[..], &["--folds", "1"]].concat()));
    assert!(
        output.contains("intervals: --test, or --folds above 1, tells"),
        "{output}"
    );
    assert!(!output.contains("coverage="), "{output}");
}

/// Returns the calibration error of the model that the program would train without calibration.
fn uncalibrated(data: &Path, test: &Path) -> f64 {
    let table = CsvReader::new().open(data).unwrap();
    let recipe = Tabular::classifier(&table, "kind").ignore(["number"]);
    let model = recipe
        .calibration(Calibration::None)
        .epochs(30)
        .folds(2)
        .fit()
        .unwrap();
    let test = CsvReader::new().open(test).unwrap();
    let class = |row| match test.column("kind").unwrap().get(row) {
        Some(Value::Word("high")) => 0,
        _ => 1,
    };
    let expected: Vec<_> = (0..test.rows()).map(class).collect();
    let probabilities = model.predict_probability(&test).unwrap();
    expected_calibration_error(&probabilities, &expected, 2, 15).unwrap()
}

#[test]
fn probabilities_are_compared_with_frequencies() {
    let folder = folder("tabular_reliability");
    let data = file(&folder, "data.csv", &rows(0..300));
    let test = file(&folder, "test.csv", &rows(1000..1300));
    let flags = ["--target", "kind", "--ignore", "number", FLAGS[0], FLAGS[1]];
    for of_test in [false, true] {
        let mut command = short(&data, &flags);
        if of_test {
            command.arg("--test").arg(&test);
        }
        let output = output_of(&mut command);
        let rows = if of_test { "test.csv" } else { "held-out rows" };
        let error = number(&output, "ece");
        assert!((0.0..0.3).contains(&error), "{output}");
        let lines = below(&output, "probability of low on ");
        assert!(lines[0].ends_with("mean  observed     rows"), "{output}");
        let (last, bins) = lines[1..].split_last().unwrap();
        let start = format!("  calibration error {error:.4}, ");
        assert!(last.starts_with(&start), "{last}");
        if of_test {
            let before = format!(
                "or {:.4} without the temperature",
                uncalibrated(&data, &test)
            );
            assert!(last.contains(&before), "{last} {before}");
        } else {
            assert!(last.contains(", with the temperature "), "{last}");
        }
        assert!(output.contains(&format!("{rows}:\n    mean")), "{output}");
        let bins: Vec<_> = bins.iter().map(|line| numbers(line)).collect();
        let rows: f64 = bins.iter().map(|bin| bin[2]).sum();
        assert_eq!(rows, 300.0, "{output}");
        // The classes follow from the slope, so the outer bins are nearly right.
        let (first, last) = (&bins[0], bins.last().unwrap());
        assert!(first[0] < 0.1 && first[1] < 0.15, "{output}");
        assert!(last[0] > 0.9 && last[1] > 0.85, "{output}");
    }
}

/// The best temperature of these random classes is the largest one, 8886110.
#[test]
fn classes_without_a_signal_are_told() {
    let folder = folder("tabular_no_signal");
    let mut text = "noise,kind\n".to_string();
    for row in 0..300 {
        let kind = ["no", "yes"][usize::from(uniform(row, 4) < 0.5)];
        writeln!(text, "{:.4},{kind}", uniform(row, 0)).unwrap();
    }
    let data = file(&folder, "data.csv", &text);
    let flags = ["--target", "kind", FLAGS[0], FLAGS[1]];
    let output = output_of(short(&data, &flags).arg("--predict").arg(&data));
    let lines = below(&output, "probability of yes on ");
    let [.., error, words] = lines[..] else {
        panic!("{output}");
    };
    assert!(
        error.ends_with("with the temperature above 100"),
        "{output}"
    );
    assert_eq!(words, "  The classes seem to follow no column");
    // Probabilities have more than six digits.
    let (_, cells) = predictions(&folder);
    assert!(
        cells.iter().flatten().any(|cell| cell.len() > 8),
        "{cells:?}"
    );
}

#[test]
fn sets_of_classes_are_written_and_cover() {
    let folder = folder("tabular_sets");
    let text = |range| rows(range).replace("low", "lo|w");
    let data = file(&folder, "data.csv", &text(0..300));
    let test = file(&folder, "test.csv", &text(1000..1300));
    let flags = ["--target", "kind", "--ignore", "number", FLAGS[0], FLAGS[1]];

    let output = output_of(&mut short(&data, &flags));
    let lines = below(
        &output,
        "90 % sets of classes of held-out rows, from the errors of other",
    );
    let coverage = numbers(lines[0]);
    assert!(
        (coverage[0] - 0.9).abs() < 0.1 && coverage[1] == 0.9,
        "{output}"
    );
    assert!(
        (number(&output, "coverage") - coverage[0]).abs() < 1e-4,
        "{output}"
    );

    // The mean size and the coverage are those of the written sets.
    let run = |command: &mut std::process::Command| {
        let command = command.arg("--test").arg(&test).arg("--predict").arg(&test);
        output_of(command.args(["--level", "0.99"]))
    };
    let output = run(&mut short(&data, &flags));
    let lines = below(&output, "99 % sets of classes of rows of");
    let (header, cells) = predictions(&folder);
    assert!(header.starts_with("row,number,predicted kind,kind_set,probability of high"));
    let written = fs::read_to_string(&test).unwrap();
    let truths = written
        .lines()
        .skip(1)
        .map(|line| line.rsplit(',').next().unwrap());
    let (mut inside, mut classes) = (0, 0);
    for (truth, cells) in truths.zip(&cells) {
        let set = cells[3].replace("\\|", "/");
        let names: Vec<_> = set.split('|').filter(|name| !name.is_empty()).collect();
        assert!(
            names.iter().all(|name| ["high", "lo/w"].contains(name)),
            "{cells:?}"
        );
        inside += usize::from(names.contains(&&*truth.replace('|', "/")));
        classes += names.len();
    }
    let coverage = number(&output, "coverage");
    assert!(
        (inside as f64 / 300.0 - coverage).abs() < 1e-6 && coverage > 0.95,
        "{output}"
    );
    let size = numbers(lines[1])[0];
    assert!(
        (classes as f64 / 300.0 - size).abs() < 1e-4 && size > 1.0,
        "{output}"
    );
    assert!(
        cells.iter().any(|cells| cells[3] == "high|lo\\|w"),
        "{output}"
    );

    let mut load = example("tabular");
    load.arg("--load").arg(folder.join("model.safetensors"));
    let again = folder.join("again");
    let loaded = run(load.arg("--out").arg(&again));
    for name in ["coverage", "ece"] {
        assert_eq!(number(&loaded, name), number(&output, name), "{name}");
    }
    assert_eq!(predictions(&again), (header, cells));
}
