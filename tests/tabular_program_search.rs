//! Runs the search of the example about tables.

use std::fmt::Write;
use std::fs;

#[allow(dead_code)] // other files use the rest
#[path = "common/numbers.rs"]
mod numbers;
#[allow(dead_code)] // other files use the rest
#[path = "common/programs.rs"]
mod programs;
#[allow(dead_code)] // other files use the rest
#[path = "common/tabular_programs.rs"]
mod runs;

use numbers::Numbers;
use programs::{check_error, example, folder, output_of};
use runs::{file, number, short};

/// Returns a table of numbers, of two classes, and of groups.
fn rows(count: usize, seed: u64) -> String {
    let mut uniform = Numbers(seed);
    let mut text = "x,z,number,kind,group\n".to_string();
    for row in 0..count {
        let (x, z) = (uniform.next(), uniform.next());
        let number = 3.0 * x + x * z + 0.2 * uniform.next();
        let kind = ["no", "yes"][usize::from(x * z + 0.1 * uniform.next() > 0.3)];
        writeln!(text, "{x:.4},{z:.4},{number:.4},{kind},g{}", row % 12).unwrap();
    }
    text
}

#[test]
fn a_search_tells_its_trials_and_its_gain() {
    let folder = folder("tabular_search");
    let data = file(&folder, "data.csv", &rows(240, 1));
    let test = file(&folder, "test.csv", &rows(200, 2));
    let search = ["--search", "6", "--epochs", "15"];
    for (flags, judges, score) in [
        (
            ["--target", "number", "--ignore", "kind,group"],
            "48 rows that neither",
            "r2",
        ),
        (
            ["--target", "kind", "--ignore", "number,group"],
            "48 rows that neither",
            "accuracy",
        ),
        (
            ["--target", "number", "--group", "group"],
            "60 rows that neither",
            "r2",
        ),
    ] {
        let output = output_of(short(&data, &[&flags[..], &search].concat()).arg("--quiet"));
        let lines: Vec<_> = output.lines().collect();
        let at = |start: &str| {
            let found = lines.iter().position(|line| line.starts_with(start));
            found.unwrap_or_else(|| panic!("no {start:?} in\n{output}"))
        };
        // Six trials of one epoch, three of three, and so on.
        let head = at("search: 6 settings in ");
        let names: Vec<_> = lines[head + 1].split_whitespace().take(4).collect();
        assert_eq!(names, ["trial", "resource", "score", "learning_rate"]);
        assert!(
            lines[head + 2].split_whitespace().nth(1) == Some("15"),
            "{output}"
        );
        assert!(
            lines[head + 6].starts_with("  ") && lines[head + 7].is_empty(),
            "{output}"
        );
        let compared = at("one network each, on ");
        assert!(lines[compared].contains(judges), "{output}");
        assert!(
            lines[compared + 2].starts_with(&format!("  {score} ")),
            "{output}"
        );
        let gained = lines[at(&format!("gained: {score} "))];
        let gain: f64 = gained.split(' ').nth(2).unwrap().parse().unwrap();
        assert!((gain - number(&output, "gain")).abs() < 1e-4, "{output}");
        // The difference of the scores.
        let scores: Vec<f64> = lines[compared + 2]
            .split_whitespace()
            .skip(1)
            .flat_map(str::parse)
            .collect();
        assert!((scores[1] - scores[0] - gain).abs() < 2e-4, "{output}");

        let trials = fs::read_to_string(folder.join("trials.csv")).unwrap();
        assert_eq!(trials.lines().count(), 7, "{trials}");
        assert!(
            trials.starts_with("trial,resource,score,learning_rate"),
            "{trials}"
        );
        let model = folder.join("model.safetensors");
        assert!(
            output.contains(&format!("trials.csv, {}", model.display())),
            "{output}"
        );
    }

    // Rows of a test file have chosen nothing either.
    let flags = ["--target", "number", "--ignore", "kind,group"];
    let mut command = short(&data, &[&flags[..], &search].concat());
    let output = output_of(command.arg("--test").arg(&test).arg("--quiet"));
    let words = format!("one network each, on 200 rows of {}:", test.display());
    assert!(output.contains(&words), "{output}");
    number(&output, "gain");
    assert_eq!(number(&output, "rows"), 200.0);
}

#[test]
fn wrong_searches_are_explained() {
    let folder = folder("tabular_search_errors");
    let data = file(&folder, "data.csv", &rows(60, 1));
    let flags = ["--target", "number", "--search", "4"];
    for (more, code, message) in [
        (["--search", "0"], 2, "--search"),
        (["--search", "1"], 2, "2.."),
        (["--seconds", "5"], 2, "--seconds"),
    ] {
        let mut command = example("tabular");
        command.arg(&data).args(["--target", "number"]).args(more);
        if more[0] != "--search" {
            command.args(&flags[2..]);
        }
        check_error(&mut command, code, message);
    }
    // Too few rows to hold out some of them twice.
    let tiny = file(&folder, "tiny.csv", "x,y\n1,2\n2,3\n3,5\n");
    check_error(
        &mut short(&tiny, &["--target", "y", "--search", "4"]),
        1,
        "--search: ",
    );
    // An error after the search would lose its work.
    let early = |name: &str, text: &str, more: &[&str], message: &str| {
        let data = file(&folder, name, text);
        let flags = [&["--target", "y", "--search", "4"], more].concat();
        let output = short(&data, &flags).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(!stdout.contains("search: "), "{stdout}");
        check_error(&mut short(&data, &flags), 1, message);
        assert!(!folder.join("trials.csv").exists());
    };
    let grouped = |y: &dyn Fn(usize) -> String| {
        let rows = (0..60).map(|row| format!("{row},{},g{}\n", y(row), row % 3));
        format!("x,y,group\n{}", rows.collect::<String>())
    };
    // Some of these rows judge, and a search does not see them.
    for gap in 0..6 {
        let y = |row| (row != 10 * gap).then(|| format!("{row}.5"));
        let text = grouped(&|row| y(row).unwrap_or_default());
        let message = format!("column \"y\": line {}: expected a value", 10 * gap + 2);
        early("gap.csv", &text, &["--ignore", "group"], &message);
    }
    early(
        "groups.csv",
        &grouped(&|row| format!("{row}.5")),
        &["--group", "group", "--folds", "5"],
        "--group group: folds: expected 2 to 3",
    );
    early(
        "classes.csv",
        &grouped(&|row| format!("k{}", row % 3)),
        &["--group", "group", "--folds", "3"],
        "--search: expected each class in several groups, or --test, got \"k",
    );
    // The program would replace its input.
    let mut command = short(&folder.join("trials.csv"), &flags);
    file(&folder, "trials.csv", &rows(60, 1));
    check_error(&mut command, 1, "trials.csv, the input");
}
