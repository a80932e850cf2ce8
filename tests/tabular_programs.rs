//! Runs the examples about tables as their users do.

use std::fmt::Write;
use std::fs;

#[allow(dead_code)] // other files use the rest
#[path = "common/programs.rs"]
mod programs;

#[path = "common/tabular_programs.rs"]
mod runs;

use programs::{check_error, example, folder, output_of, size};
use runs::{file, number, short};

/// Names of the columns that [`rows`] writes.
const HEADER: &str = "id,size,rooms,street,garden,constant,price";

/// Returns CSV rows, which have words and gaps. The price follows from size, rooms and street.
fn rows(count: usize) -> String {
    let mut text = String::new();
    for row in 0..count {
        let (size, rooms) = (40 + row * 37 % 60, 1 + row * 7 % 5);
        let street = ["Elm", "Oak", "\"Fir, lower\""][row * 11 % 3];
        let garden = if row % 5 == 2 {
            ""
        } else {
            ["true", "false"][row % 2]
        };
        let price = 3 * size + 20 * rooms + 50 * street.len();
        let line = format!("{:05},{size},{rooms},{street},{garden},7,{price}", row * 3);
        writeln!(text, "{line}").unwrap();
    }
    text
}

#[test]
fn numbers_are_learned_saved_scored_and_predicted() {
    let folder = folder("tabular_numbers");
    let data = file(&folder, "data.csv", &format!("{HEADER}\n{}", rows(200)));
    let test = file(&folder, "test.csv", &format!("{HEADER}\n{}", rows(90)));
    let without_price: Vec<_> = (rows(30).lines())
        .map(|line| format!("{}\n", line.rsplit_once(',').unwrap().0))
        .collect();
    let without_price = without_price.concat();
    let header = HEADER.rsplit_once(',').unwrap().0;
    let new = file(&folder, "new.csv", &format!("{header}\n{without_price}"));

    let flags = [
        "--target", "price", "--ignore", "id", "--epochs", "40", "--log",
    ];
    let files = [
        "--test",
        test.to_str().unwrap(),
        "--predict",
        new.to_str().unwrap(),
    ];
    let output = output_of(short(&data, &flags).args(files));
    for line in [
        "data.csv: 200 rows, 7 columns",
        "  3 columns of numbers: size, rooms, constant",
        "  1 column of words: street (3 words)",
        "  1 column of booleans: garden",
        "  1 column ignored: id",
        "  1 column with missing cells: garden (40)",
        "  1 column with one value in all rows: constant",
        "  target: price, numbers from 290 to 974, as logarithms",
        "mean and deviation over 2 folds",
    ] {
        assert!(output.contains(line), "no {line:?} in\n{output}");
    }
    assert!(
        number(&output, "rows") == 90.0 && number(&output, "r2") > 0.9,
        "{output}"
    );
    assert!(
        number(&output, "rmse") < 80.0 && number(&output, "mae") < 60.0,
        "{output}"
    );
    assert!(number(&output, "seconds") >= 0.0);
    assert!(size(&folder.join("report.png")).0 > 1000);

    let predictions = fs::read_to_string(folder.join("predictions.csv")).unwrap();
    let mut lines = predictions.lines();
    let header = "row,id,predicted price,price_lower,price_upper";
    assert_eq!(lines.next(), Some(header));
    // Ids keep their zeros.
    assert!(
        lines.clone().nth(1).unwrap().starts_with("2,00003,"),
        "{predictions}"
    );
    assert_eq!(lines.count(), 30);

    let [onnx, rust] = ["homes.onnx", "homes.rs"].map(|name| folder.join("new").join(name));
    // The model in the file gives equal scores and predictions.
    let mut load = example("tabular");
    let model = folder.join("model.safetensors");
    let again = folder.join("again");
    let load = load
        .arg("--load")
        .arg(model)
        .args(files)
        .arg("--out")
        .arg(&again)
        .arg("--onnx")
        .arg(&onnx)
        .arg("--rust")
        .arg(&rust);
    let loaded = output_of(load);
    let files = format!("predictions.csv, {}, {}\n", onnx.display(), rust.display());
    assert!(loaded.contains(&files), "{loaded}");
    let source = fs::read_to_string(&rust).unwrap();
    assert!(source.contains("pub street: Option<&'a str>"), "{source}");
    let bytes = fs::read(&onnx).unwrap();
    let has = |word: &str| {
        bytes
            .windows(word.len())
            .any(|part| part == word.as_bytes())
    };
    assert!(has("garden") && has("Fir, lower"));
    for name in ["rows", "r2", "rmse", "mae", "coverage"] {
        assert_eq!(number(&loaded, name), number(&output, name), "{name}");
    }
    let read = fs::read_to_string(again.join("predictions.csv")).unwrap();
    assert_eq!(read, predictions);
}

#[test]
fn classes_have_probabilities() {
    let folder = folder("tabular_classes");
    let mut text = "size;kind;few\n".to_string();
    for row in 0..150 {
        let size = row * 37 % 150;
        let kind = ["low", "mid", "high"][size / 50];
        writeln!(text, "{size};{kind};{}", i32::from(size > 70)).unwrap();
    }
    let data = file(&folder, "data.csv", &text);
    let flags = [
        "--target",
        "kind",
        "--ignore",
        "few",
        "--epochs",
        "60",
        "--threads",
        "1",
    ];
    let output = output_of(short(&data, &flags).arg("--predict").arg(&data));
    assert!(output.contains("target: kind, 3 classes"), "{output}");
    assert!(
        number(&output, "accuracy") > 0.9 && number(&output, "logloss") < 0.6,
        "{output}"
    );
    let predictions = fs::read_to_string(folder.join("predictions.csv")).unwrap();
    let header = "row,few,predicted kind,kind_set,probability of high,probability of low,\
                  probability of mid";
    let mut lines = predictions.lines();
    assert_eq!(lines.next(), Some(header));
    for line in lines {
        let numbers = line.split(',').skip(4).map(|p| p.parse::<f64>().unwrap());
        assert!((numbers.sum::<f64>() - 1.0).abs() < 1e-5, "{line}");
    }

    // Two numbers are classes unless the user says otherwise.
    let output = output_of(&mut short(&data, &["--target", "few", "--folds", "1"]));
    assert!(
        output.contains("2 different numbers, thus classes"),
        "{output}"
    );
    assert!(number(&output, "auc") >= 0.0);
    let output = output_of(&mut short(&data, &["--target", "few", "--numbers"]));
    assert!(output.contains("numbers from 0 to 1"), "{output}");
    number(&output, "r2");

    // Words that look like numbers are classes as they are.
    let mut text = "size,code\n".to_string();
    (0..60).for_each(|size| writeln!(text, "{size},0{}", size / 30).unwrap());
    let codes = file(&folder, "codes.csv", &text);
    let flags = ["--target", "code", "--words", "code"];
    let output = output_of(short(&codes, &flags).arg("--test").arg(&codes));
    assert_eq!(number(&output, "rows"), 60.0);
    let mut load = example("tabular");
    let load = load.arg("--load").arg(folder.join("model.safetensors"));
    let again = output_of(load.arg("--test").arg(&codes).arg("--out").arg(&folder));
    assert_eq!(number(&output, "logloss"), number(&again, "logloss"));

    let output = output_of(&mut short(&data, &["--target", "kind", "--words", "size"]));
    assert!(output.contains("size (150 words)"), "{output}");
    let warning = "warning: 150 of 150 cells of column size";
    assert!(!output.contains(warning), "{output}");
    let warning =
        "warning: column size (\"0\", ...) is different in each row; --ignore size leaves";
    assert!(output.contains(warning), "{output}");
}

#[test]
fn wrong_tables_are_explained() {
    let folder = folder("tabular_errors");
    let good = format!("{HEADER}\n{}", rows(60));
    let with = |line: &str| format!("{good}{line}\n");
    let cases: [(&str, &str, &[&str], &str); 14] = [
        (
            "unnamed",
            &good,
            &[],
            "expected --target with one of id, size,",
        ),
        (
            "no_column",
            &good,
            &["--target", "cost"],
            r#"["id", "size", "rooms","#,
        ),
        (
            "ignored",
            &good,
            &["--target", "price", "--ignore", "no"],
            r#"column "no": columns of the table"#,
        ),
        (
            "gap",
            &with("1,2,3,Elm,,7,"),
            &["--target", "price"],
            "got none in line 62",
        ),
        (
            "constant",
            &good,
            &["--target", "constant"],
            "at least 2 different classes",
        ),
        (
            "twice",
            "a,a,b\n1,2,3\n4,5,6\n",
            &["--target", "b"],
            "the name twice",
        ),
        (
            "header",
            &format!("{HEADER}\n"),
            &["--target", "price"],
            "at least 2 rows, got 0",
        ),
        (
            "row",
            &format!("{HEADER}\n{}", rows(1)),
            &["--target", "price"],
            "2 rows, got 1",
        ),
        ("nothing", "", &["--target", "price"], "expected a header"),
        (
            "cells",
            &with("1,2"),
            &["--target", "price"],
            "line 62: expected 7 cells",
        ),
        (
            "rare",
            &with("1,2,3,Ash,,7,9"),
            &["--target", "street"],
            r#"got 1 of "Ash""#,
        ),
        (
            "word",
            &with("1,2,3,Elm,,7,dear"),
            &["--target", "price"],
            "--numbers names",
        ),
        (
            "number",
            &with("1,2,3,Elm,,7,dear"),
            &["--target", "price", "--numbers"],
            r#"line 62: expected a number, got "dear""#,
        ),
        (
            "log",
            &with("1,2,3,Elm,,7,0"),
            &["--target", "price", "--log"],
            "a number above 0",
        ),
    ];
    for (name, text, flags, message) in cases {
        let data = file(&folder, &format!("{name}.csv"), text);
        check_error(&mut short(&data, flags), 1, message);
    }
}

#[test]
fn files_of_other_countries_are_read() {
    let folder = folder("tabular_countries");
    let mut text = b"stra\xDFe;fl\xE4che;plz;preis\n".to_vec();
    for row in 0..60 {
        let street = [&b"M\xFChle"[..], b"Am Markt", b"k.A."][row % 3];
        text.extend_from_slice(street);
        let (area, zip) = (20 + row, row % 2);
        text.extend(format!(";{area},5;{zip:05};1.{area}0,25\n").bytes());
    }
    let data = folder.join("daten.csv");
    fs::write(&data, &text).unwrap();
    let reading = ["--latin1", "--missing", "k.a.", "--decimal-comma"];
    let flags = [
        "--target",
        "preis",
        "--words",
        "plz",
        "--latin1",
        "--missing",
        "k.a.",
    ];
    let output = output_of(short(&data, &flags).arg("--decimal-comma"));
    for line in [
        "1 column of numbers: fläche",
        "2 columns of words: straße (2 words), plz (2 words)",
        "with missing cells: straße (20)",
        "target: preis, numbers from 1200.25 to 1790.25",
    ] {
        assert!(output.contains(line), "no {line:?} in\n{output}");
    }
    let mut load = example("tabular");
    load.arg("--load").arg(folder.join("model.safetensors"));
    load.arg("--test").arg(&data).args(reading);
    let loaded = output_of(load.arg("--out").arg(&folder));
    assert_eq!(number(&loaded, "rows"), 60.0);
    check_error(
        short(&data, &flags).args(["--decimal-comma", "maybe"]),
        2,
        "decimal-comma",
    );
}

#[test]
fn seconds_choose_the_number_of_epochs() {
    let folder = folder("tabular_seconds");
    let data = file(&folder, "data.csv", &format!("{HEADER}\n{}", rows(60)));
    let flags = |flags: &[&'static str]| [&["--target", "price", "--ignore", "id"], flags].concat();
    for (seconds, epochs) in [("0", "1"), ("3600", "2")] {
        let output = output_of(&mut short(&data, &flags(&["--seconds", seconds])));
        let line = format!("epochs in this time: {epochs}\n");
        assert!(output.contains(&line), "{output}");
    }
    for wrong in ["--seconds=-1", "--seconds=nan", "--seconds=soon"] {
        check_error(&mut short(&data, &flags(&[wrong])), 2, "number of seconds");
    }
}

#[test]
fn wrong_files_and_flags_are_explained() {
    let folder = folder("tabular_files");
    let good = format!("{HEADER}\n{}", rows(60));
    let latin = folder.join("latin.csv");
    fs::write(&latin, b"stra\xDFe,y\nElm,1\nOak,2\n").unwrap();
    check_error(
        &mut short(&latin, &["--target", "y"]),
        1,
        "latin.csv: CSV: line 1: column 1: expected UTF-8, got the byte 0xDF",
    );
    // The cell that is no number is named before training, and also for a model from a file.
    let data = file(&folder, "good.csv", &good);
    output_of(&mut short(&data, &["--target", "price"]));
    let wrong = file(
        &folder,
        "wrong.csv",
        &format!("{HEADER}\n{}", "1,x,3,Elm,,7,0"),
    );
    let mut load = example("tabular");
    load.arg("--load").arg(folder.join("model.safetensors"));
    load.arg("--predict").arg(&wrong).arg("--out").arg(&folder);
    let message = "column \"size\": CSV: line 2: expected a number, got \"x\"";
    check_error(&mut load, 1, message);
    let mut directory = example("tabular");
    directory
        .arg(&folder)
        .args(["--target", "y", "--out"])
        .arg(&folder);
    check_error(&mut directory, 1, "tabular_files");
    check_error(
        &mut short(&folder.join("none.csv"), &["--target", "y"]),
        1,
        "none.csv",
    );

    // Files for later are read before training.
    let data = file(&folder, "good.csv", &good);
    let other = file(&folder, "other.csv", "size,price\n1,2\n");
    for flag in ["--test", "--predict"] {
        let flags = ["--target", "price", flag, other.to_str().unwrap()];
        let mut command = short(&data, &flags);
        check_error(
            &mut command,
            1,
            "columns of the table: expected one of this name, got [\"size\", \"price\"]",
        );
    }
    let mut alone = example("tabular");
    check_error(
        alone.arg("--load").arg(&data).arg("--out").arg(&folder),
        1,
        "--test, --predict, --onnx or --rust",
    );
    let wrong = [
        ("--folds", "0", "--folds"),
        ("--delimiter", "ab", "one character"),
        ("--load", "x", "cannot be used"),
    ];
    for (flag, value, message) in wrong {
        check_error(
            example("tabular").arg(&data).args([flag, value]),
            2,
            message,
        );
    }
}

#[test]
fn unusual_tables_are_learned() {
    let folder = folder("tabular_unusual");
    // A column without any value, one constant column, and gaps in all others.
    let mut text = "empty,same,gaps,y\n".to_string();
    for row in 0..40 {
        let gap = if row % 3 == 0 {
            "NA".to_string()
        } else {
            row.to_string()
        };
        writeln!(text, ",1,{gap},{}.5", row % 10).unwrap();
    }
    let output = output_of(&mut short(
        &file(&folder, "gaps.csv", &text),
        &["--target", "y"],
    ));
    for line in [
        "1 column without any value: empty",
        "1 column with one value in all rows: same",
        "1 column with missing cells: gaps (14)",
    ] {
        assert!(output.contains(line), "no {line:?} in\n{output}");
    }

    let columns = 10_000;
    let names: Vec<_> = (0..columns).map(|column| format!("c{column},")).collect();
    let mut wide = names.concat() + "y\n";
    for row in 0..20 {
        (0..columns).for_each(|column| write!(wide, "{},", row * column % 7).unwrap());
        writeln!(wide, "{}.5", row % 5).unwrap();
    }
    let flags = ["--target", "y", "--epochs", "1", "--folds", "1"];
    let output = output_of(&mut short(&file(&folder, "wide.csv", &wide), &flags));
    assert!(output.contains("c7, and 999"), "{output}");
    assert_eq!(number(&output, "rows"), 20.0);
}

#[test]
fn scores_stand_beside_those_of_others() {
    let folder = folder("tabular_scores");
    file(&folder, "homes.csv", &format!("{HEADER}\n{}", rows(100)));
    file(&folder, "streets.csv", &format!("{HEADER}\n{}", rows(100)));
    let scores = r#"{
        "homes": {"target": "price", "task": "regression", "numbers": ["size"], "words": ["id"],
            "test_rows": {"0": [1, 5, 9, 13], "1": [2, 4, 6]},
            "scores": {"tree": {"0": {"r2": 0.5, "seconds": 1.5}, "1": {"r2": 0.7, "seconds": 2}}}},
        "streets": {"target": "street", "task": "classification", "numbers": [], "words": ["id"],
            "test_rows": {"0": [3, 4, 5]}, "scores": {"tree": {"0": {"acc": 0.9}}}}
    }"#;
    file(&folder, "scores.json", scores);
    let run = |flags: &[&str]| {
        let mut command = example("tabular_scores");
        command
            .arg(&folder)
            .args(["--epochs", "2", "--quiet"])
            .args(flags);
        command
    };
    let output = output_of(&mut run(&[]));
    assert!(
        output
            .lines()
            .next()
            .unwrap()
            .ends_with("tree   this crate"),
        "{output}"
    );
    let homes = output.lines().nth(1).unwrap();
    assert!(
        homes.starts_with("homes") && homes.contains(" 0.6000 "),
        "{homes}"
    );
    // √((0.4 + 0.01) (0.1 + 0.01)) = 0.2124.
    assert!(output.contains("errors           0.2124"), "{output}");
    assert!(
        number(&output, "sets") == 2.0 && number(&output, "mean") > 0.0,
        "{output}"
    );

    let output = output_of(&mut run(&["--int8"]));
    assert!(
        (number(&output, "rmse_ratio") - 1.0).abs() < 0.05,
        "{output}"
    );
    assert!(number(&output, "accuracy_loss") < 0.34, "{output}");

    check_error(
        &mut run(&["--sets", "huts"]),
        1,
        "expected one of homes, streets, got huts",
    );
    file(&folder, "scores.json", r#"{"homes": {"target": "price"}}"#);
    check_error(&mut run(&[]), 1, "homes: expected task, got none");
    file(&folder, "scores.json", "{");
    check_error(&mut run(&[]), 1, "scores.json: ");
}
