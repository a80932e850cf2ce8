//! Runs the example about tables on files with odd cells, groups and wrong targets.

use std::fmt::Write;
use std::fs;
use std::path::Path;

#[allow(dead_code)] // other files use the rest
#[path = "common/programs.rs"]
mod programs;
#[allow(dead_code)] // other files use the rest
#[path = "common/tabular_programs.rs"]
mod runs;

use programs::{check_error, example, folder, output_of};
use runs::{file, short};

#[test]
fn one_odd_cell_of_numbers_is_named() {
    let folder = folder("tabular_odd");
    let rows = |odd: &str| {
        let cell = |row: i32| {
            if row == 17 {
                odd.to_string()
            } else {
                (row * 7 % 100).to_string()
            }
        };
        let lines = (0..100).map(|row| format!("{},0x{row:x},{}.5\n", cell(row), row % 9));
        format!("x,hex,y\n{}", lines.collect::<String>())
    };
    let of = |odd: &str, flags: &[&'static str]| {
        let data = file(&folder, "data.csv", &rows(odd));
        output_of(&mut short(&data, &[&["--target", "y"], flags].concat()))
    };
    let output = of("oops", &[]);
    let warning = "warning: 99 of 100 cells of column x are numbers, but line 19 is \"oops\", so all \
                   are words";
    assert!(output.contains(warning), "{output}");
    // The column is a good one, and hexadecimal numbers may be too.
    let ids = "warning: column hex (\"0x0\", ...) is different in each row; --ignore hex leaves it \
               out if it is an id";
    assert!(output.contains(ids), "{output}");
    assert!(!of("oops", &["--words", " x , y", "--numbers"]).contains("cells of column"));
    for gap in ["#N/A", "None", "-", "NA"] {
        let output = of(gap, &[]);
        assert!(
            output.contains("1 column of numbers: x\n"),
            "{gap}: {output}"
        );
        assert!(
            output.contains("with missing cells: x (1)"),
            "{gap}: {output}"
        );
    }
}

#[test]
fn groups_are_held_out_together() {
    let folder = folder("tabular_groups");
    let mut text = "x,customer,y\n".to_string();
    (0..90).for_each(|row| writeln!(text, "{row},c{},{}.5", row % 6, row % 7).unwrap());
    let data = file(&folder, "data.csv", &text);
    let flags = |group, folds| ["--target", " y", "--group", group, "--folds", folds];
    for folds in ["1", "3"] {
        let output = output_of(&mut short(&data, &flags("customer ", folds)));
        assert!(
            output.contains("held out together: customer, 6 groups"),
            "{output}"
        );
        assert!(
            output.contains("of numbers: x\n") && !output.contains("words"),
            "{output}"
        );
    }
    // The groups decide on the number of folds.
    let wrong = &mut short(&data, &flags("customer", "7"));
    check_error(
        wrong,
        1,
        "--group customer: folds: expected 2 to 6, the number of groups, got 7",
    );
    check_error(
        &mut short(&data, &flags("client", "2")),
        1,
        "column \"client\": columns of the table",
    );
}

#[test]
fn cells_of_predictions_are_those_of_the_file() {
    let folder = folder("tabular_cells");
    let mut text = "x,row,predicted y,predicted y 2,y_lower,y\n".to_string();
    (0..30).for_each(|row| writeln!(text, "{row},{:03},n/a,,NA,{}.25e-30", row, row % 7).unwrap());
    let data = file(&folder, "data.csv", &text);
    let out = folder.join("out");
    let flags = [
        "--target",
        "y",
        "--ignore",
        "row,predicted y, predicted y 2,y_lower",
    ];
    let run = |file: &Path| {
        let mut command = example("tabular");
        command
            .arg(&data)
            .args(flags)
            .args(["--epochs", "2", "--folds", "2", "--out"]);
        command.arg(&out).arg("--predict").arg(file);
        command
    };
    let output = output_of(&mut run(&data));
    let last = output.lines().last().unwrap();
    assert!(
        last.contains(" rmse=") && last.contains("e-30 mae=") && last.contains(" coverage="),
        "{last}"
    );
    let written = out.join("predictions.csv");
    let predictions = fs::read_to_string(&written).unwrap();
    let mut lines = predictions.lines();
    let header = "row 2,row,predicted y,predicted y 2,y_lower,predicted y 3,y_lower 2,y_upper";
    assert_eq!(lines.next(), Some(header));
    assert!(
        lines.nth(1).unwrap().starts_with("2,001,n/a,,NA,"),
        "{predictions}"
    );

    // The program would replace its input.
    let message = "predictions.csv, the input";
    check_error(&mut run(&written), 1, message);
    check_error(run(&data).arg("--test").arg(&written), 1, message);
    assert_eq!(fs::read_to_string(&written).unwrap(), predictions);
}

/// An export would replace the model, the report, the predictions, the input or another export.
#[test]
fn no_output_replaces_another_file() {
    let folder = folder("tabular_outputs");
    let mut text = "x,y\n".to_string();
    (0..40).for_each(|row| writeln!(text, "{row},{}.5", row % 7).unwrap());
    let data = file(&folder, "data.csv", &text);
    let out = folder.join("out");
    let inside = |name: &str| out.join(name).display().to_string();
    let [model, report, predictions, new] =
        ["model.safetensors", "report.png", "predictions.csv", "new"].map(inside);
    let detour = folder.join("out/../out/new").display().to_string();
    let data_name = data.display().to_string();
    let input = format!("--onnx: {data_name} would replace {data_name}, the input");
    for (flags, message) in [
        (vec!["--rust", &*model], "model.safetensors, an output"),
        (vec!["--onnx", &*report], "report.png, an output"),
        (vec!["--onnx", &*predictions], "predictions.csv, an output"),
        (vec!["--onnx", &*new, "--rust", &*new], "the file of --onnx"),
        (
            vec!["--onnx", &*detour, "--rust", &*new],
            "the file of --onnx",
        ),
        (vec!["--onnx", &*data_name], &*input),
    ] {
        let mut command = example("tabular");
        command.arg(&data).args(["--target", "y", "--epochs", "2"]);
        command.arg("--predict").arg(&data).args(flags);
        check_error(command.arg("--out").arg(&out), 1, message);
        // Nothing was trained or written.
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "{message}");
        assert_eq!(fs::read_to_string(&data).unwrap(), text);
    }
}

#[test]
fn written_predictions_have_all_digits() {
    let folder = folder("tabular_digits");
    let mut text = "x,y\n".to_string();
    (0..200).for_each(|row| writeln!(text, "{row},{}", 1_000_000_000_000_u64 + row).unwrap());
    let data = file(&folder, "data.csv", &text);
    let flags = ["--target", "y", "--epochs", "40"];
    output_of(short(&data, &flags).arg("--predict").arg(&data));
    let written = fs::read_to_string(folder.join("predictions.csv")).unwrap();
    for (row, line) in written.lines().skip(1).enumerate() {
        let cells: Vec<f64> = line.split(',').flat_map(str::parse).collect();
        let [_, predicted, lower, upper] = cells[..] else {
            panic!("{line}");
        };
        assert!(lower < predicted && predicted < upper, "{line}");
        assert!(
            (predicted - (1e12 + row as f64)).abs() < 40.0,
            "{row}: {line}"
        );
    }
}

#[test]
fn targets_of_a_test_are_checked_before_training() {
    let folder = folder("tabular_test_targets");
    let mut text = "x,y,kind,size\n".to_string();
    (0..60).for_each(|row| writeln!(text, "{row},{}.5,k{},1", row % 7, row % 2).unwrap());
    let data = file(&folder, "data.csv", &text);
    for (target, flag, cells, message) in [
        (
            "y",
            "--numbers",
            "2,k0/x,k1/3,k0",
            "column \"y\": CSV: line 3: expected a number, got \"x\"",
        ),
        (
            "y",
            "--numbers",
            "2,k0/,k1/3,k0",
            "column \"y\": line 3: expected a value, got none",
        ),
        (
            "y",
            "--log",
            "2,k0/0,k1/3,k0",
            "line 3: expected a number above 0, for --log, got 0",
        ),
        (
            "kind",
            "--classes",
            "2,k0/1,k2/3,k0",
            "line 3: expected one of k0, k1, got k2",
        ),
    ] {
        let rows = cells.split('/').map(|cells| format!("1,{cells},1\n"));
        let text = format!("x,y,kind,size\n{}", rows.collect::<String>());
        let test = file(&folder, "test.csv", &text);
        let mut command = short(&data, &["--target", target, flag]);
        check_error(command.arg("--test").arg(&test), 1, message);
        // Nothing was trained.
        assert!(!folder.join("model.safetensors").exists());
    }
    // A model from a file reads the target as numbers too.
    output_of(&mut short(&data, &["--target", "y"]));
    let test = file(&folder, "test.csv", "x,y,kind,size\n1,2,k0,1\n1,x,k0,1\n");
    let mut load = example("tabular");
    load.arg("--load").arg(folder.join("model.safetensors"));
    load.arg("--test").arg(&test).arg("--out").arg(&folder);
    check_error(&mut load, 1, "line 3: expected a number, got \"x\"");
}
