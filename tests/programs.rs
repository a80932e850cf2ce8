//! Runs the examples as their users do.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, GenericImageView, Rgba, RgbaImage};

#[path = "common/programs.rs"]
mod programs;

use programs::{check_error, example, folder, output_of, paint, size};

#[test]
fn perceptron_ends_with_the_tutorials_number() {
    let output = output_of(&mut example("perceptron"));
    assert_eq!(output.lines().last(), Some("-0.04999999999999999"));
    for number in [
        "0.7",
        "0.3",
        "-1.4",
        "-0.3999999999999999",
        "-0.4999999999999999",
    ] {
        assert!(
            output.split_whitespace().any(|word| word == number),
            "{number}"
        );
    }
}

/// Arguments of a short run of every example. `FOLDER` stands for a folder to write to.
const SHORT: [(&str, &[&str]); 15] = [
    ("perceptron", &[]),
    ("xor", &[]),
    ("custom_loop", &[]),
    ("custom_optimizer", &[]),
    ("save_load", &[]),
    ("activations", &["--out", "FOLDER/picture.png"]),
    (
        "curve_fit",
        &["--out", "FOLDER/picture.png", "--rust", "FOLDER/map.rs"],
    ),
    (
        "decision_boundary",
        &["--epochs", "2", "--out", "FOLDER/picture.png"],
    ),
    (
        "digits",
        &[
            "--hidden",
            "8",
            "--epochs",
            "2",
            "--out",
            "FOLDER/picture.png",
        ],
    ),
    ("dqn", &["--episodes", "2"]),
    ("evolve", &["--generations", "1", "--rust", "FOLDER/net.rs"]),
    (
        "paint_logo",
        &[
            "--hidden", "8", "--epochs", "1", "--scale", "1", "--out", "FOLDER",
        ],
    ),
    ("quantize", &["--epochs", "5", "--out", "FOLDER"]),
    (
        "search",
        &["--rows", "100", "--trials", "2", "--epochs", "1"],
    ),
    (
        "tabular",
        &["--epochs", "1", "--folds", "2", "--out", "FOLDER"],
    ),
];

/// An example that needs data. `tests/tabular_programs.rs` runs it.
const WITH_DATA: &str = "tabular_scores";

#[test]
fn the_readme_and_these_tests_know_every_example() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let readme = fs::read_to_string(examples.join("README.md")).unwrap();
    for entry in fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if name == WITH_DATA {
            let command = format!("| `cargo run --release --example {name} -- FOLDER` |");
            assert!(readme.contains(&command), "{name}");
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            assert!(SHORT.iter().any(|(known, _)| *known == name), "{name}");
            let command = format!("| `cargo run --example {name}` |");
            assert!(readme.contains(&command), "{name}");
        } else if path.is_dir() {
            assert!(readme.contains(name), "{name}");
        }
    }
}

/// Returns the command of a short run that starts, and writes, in this folder.
fn short(name: &str, flags: &[&str], folder: &Path) -> Command {
    let mut command = example(name);
    let path = folder.to_str().unwrap();
    command.args(flags.iter().map(|flag| flag.replace("FOLDER", path)));
    command.current_dir(folder);
    command
}

#[test]
fn examples_end_quietly_without_a_reader() {
    let folder = folder("gone");
    let seeds: &[&str] = &["--hidden", "8", "--epochs", "1", "--seeds", "1"];
    let help: &[&str] = &["--help"];
    for (name, flags) in SHORT
        .into_iter()
        .chain([("paint_logo", seeds), ("paint_logo", help)])
    {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut command = short(name, flags, &folder);
        let output = command.stdout(writer).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr, "", "{name} {flags:?}");
        assert_eq!(output.status.code(), Some(0), "{name} {flags:?}");
    }
    // Without a reader of standard error, the exit code is left.
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut digits = example("digits");
    digits.arg("--data").arg(&folder).stdout(Stdio::null());
    assert_eq!(digits.stderr(writer).status().unwrap().code(), Some(1));
}

#[test]
fn examples_print_plain_text_and_name_the_files_that_they_wrote() {
    let folder = folder("closing");
    for (name, flags) in SHORT {
        let output = output_of(&mut short(name, flags, &folder));
        assert!(!output.contains('\x1b'), "{name}: {output}");
        // The scores of `tabular` follow the files.
        let mut last = output.lines().rev().take(2);
        let Some(files) = last.find_map(|line| line.strip_prefix("Wrote ")) else {
            let writes = flags.contains(&"--out") || name == "save_load";
            assert!(!writes, "{name}: {output}");
            continue;
        };
        for file in files.split(", ") {
            let path = folder.join(file);
            assert!(path.is_file(), "{name}: {file}");
            fs::remove_file(path).unwrap();
        }
        // Nothing else is left.
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            assert!(path.is_dir(), "{name}: {}", path.display());
        }
    }
}

/// Returns the flags in a help text, each with its first line of help and without the default.
fn flags_of(help: &str) -> Vec<(String, String)> {
    let mut flags = Vec::new();
    let mut lines = help.lines().peekable();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if !line.starts_with("--") {
            continue;
        }
        // The help is on the same line, or on the next one if any help of the program is long.
        let (flag, help) = match line.split_once("  ") {
            Some((flag, help)) => (flag, help),
            None => (line, *lines.peek().unwrap()),
        };
        let help = help.split(" [").next().unwrap().trim();
        flags.push((flag.to_string(), help.to_string()));
    }
    flags
}

#[test]
fn flags_of_the_same_name_have_the_same_help() {
    let mut all = BTreeMap::<String, String>::new();
    for (name, flags) in SHORT {
        if flags.is_empty() {
            continue;
        }
        let flags = flags_of(&output_of(example(name).arg("--help")));
        assert!(!flags.is_empty(), "{name}");
        for (flag, help) in flags {
            // The sizes of hidden layers are many in paint_logo.
            if !flag.starts_with("--hidden") {
                let known = all.entry(flag.clone()).or_insert(help.clone());
                assert_eq!(*known, help, "{name} {flag}");
            }
        }
        check_error(example(name).arg("--wrong"), 2, "--wrong");
    }
    for flag in [
        "--epochs <N>",
        "--out <DIR>",
        "--out <FILE>",
        "--quiet",
        "--seed <N>",
        "--threads <N>",
    ] {
        assert!(all.contains_key(flag), "{flag} is not in {all:?}");
    }
}

#[test]
fn progress_without_a_terminal_is_a_line_now_and_then() {
    let out = folder("progress");
    let run = |flags: &[&str]| {
        let mut paint = example("paint_logo");
        paint.args(["--hidden", "8", "--scale", "1", "--threads", "1"]);
        let output = paint.args(flags).arg("--out").arg(&out).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    // Longer than the time between two lines.
    let (lines, quiet) = thread::scope(|scope| {
        let quiet = scope.spawn(|| run(&["--seconds", "3.5", "--quiet"]));
        (run(&["--seconds", "3.5"]), quiet.join().unwrap())
    });
    assert_eq!(quiet, "");
    assert!((1..=10).contains(&lines.lines().count()), "{lines}");
    assert!(!lines.contains('\x1b') && !lines.contains('\r'), "{lines}");
    for line in lines.lines() {
        assert!(line.starts_with("epoch ") && line.ends_with(" s left"));
    }
    let flags = ["--generations", "1", "--quiet"];
    let output = output_of(example("evolve").args(flags));
    assert!(!output.contains("generation"), "{output}");
}

#[test]
fn short_examples_learn() {
    let folder = folder("short");
    let run = |name| output_of(example(name).current_dir(&folder));
    let xor = run("xor");
    let rows: Vec<Vec<f64>> = xor
        .lines()
        .map(|line| line.split_whitespace().flat_map(str::parse).collect())
        .filter(|row: &Vec<f64>| row.len() == 4)
        .collect();
    assert_eq!(rows.len(), 4, "{xor}");
    for row in rows {
        let target = if row[0] == row[1] { 0.0 } else { 1.0 };
        assert!(row[2] == target && (row[3] - target).abs() < 0.01, "{xor}");
    }

    let losses: Vec<f64> = run("custom_loop")
        .lines()
        .filter_map(|line| line.split_once("loss ")?.1.parse().ok())
        .collect();
    assert_eq!(losses.len(), 4);
    assert!(losses[3] < 1e-3, "{losses:?}");

    let squares = run("custom_optimizer");
    let numbers: Vec<f64> = squares
        .split(['[', ']', ','])
        .filter_map(|word| word.trim().parse().ok())
        .collect();
    let (xs, squared) = numbers.split_at(5);
    assert_eq!(squared.len(), 5, "{squares}");
    for (x, square) in xs.iter().zip(squared) {
        assert!((x * x - square).abs() < 0.05, "{squares}");
    }

    assert!(run("save_load").contains("bit-identical"));
}

#[test]
fn paint_logo_paints_and_compares() {
    let out = folder("paint").join("made/when/missing");
    let output = output_of(&mut paint(&out, &[]));
    assert_eq!(size(&out.join("painting.png")), (100, 100));
    let enlarged = size(&out.join("enlarged.png"));
    assert!(enlarged.0 > 1200 && enlarged.1 > 400, "{enlarged:?}");
    let sheet = size(&out.join("sheet.png"));
    assert!(sheet.0 > 600 && sheet.1 > 400, "{sheet:?}");
    assert!(frames(&out.join("painting.gif")) > 10);
    // The grid has 6 levels of 2 numbers. In the other presets there are 50 sines and 50 cosines,
    // or row and column.
    let entries: usize = [8, 12, 18, 28, 42, 64]
        .iter()
        .map(|n| (n + 1) * (n + 1))
        .sum();
    check_results(&output, 12, 2 * entries);
    check_results(
        &output_of(&mut paint(&out, &["--preset", "fourier"])),
        100,
        0,
    );
    check_results(
        &output_of(&mut paint(&out, &["--preset", "tutorial"])),
        2,
        0,
    );

    let mut files: Vec<_> = fs::read_dir(&out)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let all = ["enlarged.png", "painting.gif", "painting.png", "sheet.png"];
    assert_eq!(files, all);
}

#[test]
fn paint_logo_shows_its_neurons() {
    let folder = folder("neurons");
    let model = folder.join("model.safetensors");
    let model = model.to_str().unwrap();
    let maps = folder.join("neurons.png");
    let check = |output: &str| {
        let words = output.lines().last().unwrap();
        assert!(
            words.starts_with("Wrote ") && words.ends_with("neurons.png"),
            "{words}"
        );
        let (width, height) = size(&maps);
        assert_eq!(width, 872);
        fs::remove_file(&maps).unwrap();
        height
    };
    // Grid and Fourier features have a block of their own.
    let heights = ["tutorial", "grid", "fourier"].map(|preset| {
        let flags = ["--neurons", "--preset", preset, "--save", model];
        let height = check(&output_of(&mut paint(&folder, &flags)));
        let mut load = example("paint_logo");
        load.args(["--neurons", "--load", model, "--out"]);
        assert_eq!(check(&output_of(load.arg(&folder))), height, "{preset}");
        height
    });
    assert!(
        heights[0] < heights[1] && heights[1] < heights[2],
        "{heights:?}"
    );
    // One layer, no layer that all of the sheet holds, and other shapes of pictures.
    for (hidden, columns, rows) in [("1", 1, 1), ("2x30", 3, 90), ("300", 90, 2)] {
        let file = folder.join("picture.png");
        RgbaImage::from_pixel(columns, rows, Rgba([1, 2, 3, 255]))
            .save(&file)
            .unwrap();
        let mut command = example("paint_logo");
        command.args(["--neurons", "--epochs", "1", "--hidden", hidden, "--image"]);
        let height = check(&output_of(command.arg(file).arg("--out").arg(&folder)));
        assert!((300..3000).contains(&height), "{hidden}: {height}");
    }
}

/// Returns the number of frames of an animation, and checks that each is complete.
fn frames(file: &Path) -> usize {
    let file = std::io::BufReader::new(fs::File::open(file).unwrap());
    let frames = GifDecoder::new(file).unwrap().into_frames();
    frames.collect_frames().unwrap().len()
}

/// Returns the line of results, such as `epochs=3 loss=1.2e-2 psnr=18.7 ...`.
fn results(output: &str) -> &str {
    let mut lines = output.lines();
    lines.find(|line| line.starts_with("epochs=")).unwrap()
}

/// Checks the results of a run whose layers read this many inputs, behind a grid of this many
/// parameters.
fn check_results(output: &str, inputs: usize, grid: usize) {
    let line = results(output);
    let pairs: Vec<_> = line
        .split(' ')
        .map(|pair| pair.split_once('=').unwrap())
        .collect();
    let names: Vec<_> = pairs.iter().map(|pair| pair.0).collect();
    assert_eq!(
        names,
        [
            "epochs",
            "loss",
            "psnr",
            "seconds",
            "rendering",
            "parameters"
        ]
    );
    let number = |index: usize| pairs[index].1.parse::<f64>().unwrap();
    assert_eq!(pairs[0].1, "3");
    assert!(number(1) > 0.0 && number(1) < 1.0, "{line}");
    assert!(number(2) > 5.0 && number(2) < 60.0, "{line}");
    assert!(number(3) >= 0.0 && number(3) < 600.0, "{line}");
    assert!(number(4) >= 0.0 && number(4) < 600.0, "{line}");
    let parameters = (inputs + 1) * 16 + (16 + 1) * 8 + (8 + 1) * 8 + (8 + 1) * 3;
    assert_eq!(pairs[5].1, (grid + parameters).to_string());
}

#[test]
fn paint_logo_paints_larger_and_in_line() {
    let folder = folder("scale");
    let run = |scale: &str| {
        let out = folder.join(scale);
        let output = output_of(&mut paint(&out, &["--scale", scale]));
        assert_eq!(size(&out.join("painting.png")), (100, 100));
        assert_eq!(output.contains("enlarged.png"), scale != "1");
        out
    };
    assert!(!run("1").join("enlarged.png").exists());
    let out = run("3");

    // The middle one of nine small pixels has the center of the original pixel.
    let small = image::open(out.join("painting.png")).unwrap();
    let large = image::open(out.join("enlarged.png")).unwrap();
    let (space, side) = (16, 300);
    let left = 3 * space + 2 * side;
    for (x, y, color) in small.pixels() {
        let (x, y) = (left + 3 * x + 1, space + 3 * y + 1);
        assert_eq!(large.get_pixel(x, y), color, "{x}, {y}");
    }
}

#[test]
fn paint_logo_measures_enlargements_by_the_true_picture() {
    let out = folder("reference");
    let truth = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/assets/logo-400.png");
    let output = output_of(&mut paint(&out, &["--reference", truth]));
    let line = output.lines().find(|line| line.contains("bicubic"));
    assert!(line.unwrap().contains("29.88 dB"), "{output}");
}

#[test]
fn paint_logo_learns_the_mean_over_each_pixel() {
    let out = folder("subpixels");
    let truth = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/assets/logo-400.png");
    let (model, painting) = (out.join("model"), out.join("painting.png"));
    let decibels = |subpixels: &str| {
        // `paint` would give the number of epochs twice.
        let mut command = example("paint_logo");
        // On a slow machine it would print progress.
        command.args(["--hidden", "16,8x2", "--epochs", "15", "--quiet"]);
        command.args(["--reference", truth, "--subpixels", subpixels]);
        command.arg("--out").arg(&out).arg("--save").arg(&model);
        let output = output_of(&mut command);
        let line = output.lines().find(|line| line.contains("by the network"));
        let mut words = line.unwrap().split_whitespace();
        words.find_map(|word| word.parse::<f64>().ok()).unwrap()
    };
    let (centers, means) = (decibels("1"), decibels("2"));
    assert!(means > centers + 1.0, "{centers} {means}");

    // The model file knows its number of points.
    let before = fs::read(&painting).unwrap();
    let mut load = example("paint_logo");
    output_of(load.arg("--load").arg(&model).arg("--out").arg(&out));
    assert_eq!(fs::read(&painting).unwrap(), before);
}

#[test]
fn paint_logo_stops_on_time_and_at_a_loss() {
    let out = folder("stops");
    let limits = ["--epochs", "1000000", "--seconds", "0.3"];
    let output = output_of(example("paint_logo").args(limits).arg("--out").arg(&out));
    let line = results(&output);
    let number = |name: &str| {
        let mut words = line.split(' ').filter_map(|pair| pair.split_once('='));
        words
            .find(|pair| pair.0 == name)
            .unwrap()
            .1
            .parse::<f64>()
            .unwrap()
    };
    // It ends with the first update after this time.
    assert!(number("seconds") >= 0.3, "{line}");
    assert!(number("epochs") < 1000.0, "{line}");

    // On a loaded machine, the first epoch takes long enough for a line of progress.
    let limits = [
        "--quiet",
        "--until-loss",
        "1",
        "--epochs",
        "1000",
        "--preset",
        "tutorial",
    ];
    let output = output_of(example("paint_logo").args(limits).arg("--out").arg(&out));
    let line = results(&output);
    assert!(line.starts_with("epochs=1 "), "{line}");

    // With one pixel in a minibatch, the first epoch takes longer than this.
    let limits = ["--seconds", "0.001", "--batch", "1", "--quiet"];
    let output = output_of(example("paint_logo").args(limits).arg("--out").arg(&out));
    assert!(results(&output).starts_with("epochs=0."), "{output}");
}

#[test]
fn paint_logo_saves_loads_and_resumes_from_a_checkpoint() {
    let folder = folder("save");
    let file = |name: &str| folder.join(name).to_str().unwrap().to_string();
    let (model, checkpoint) = (file("model.safetensors"), file("training.safetensors"));
    let run = |out: &str, flags: &[&str]| {
        let out = folder.join(out);
        let output = output_of(example("paint_logo").args(flags).arg("--out").arg(&out));
        (output, fs::read(out.join("painting.png")).unwrap())
    };
    for preset in ["grid", "fourier", "tutorial"] {
        let flags = ["--hidden", "8x2", "--epochs", "4", "--preset", preset];
        let (_, painting) = run("a", &[&flags[..], &["--save", &model]].concat());
        let (_, loaded) = run("b", &["--load", &model]);
        assert!(painting == loaded, "{preset}: the painting differs");
        run("b", &["--load", &model, "--scale", "3"]);
        assert_eq!(size(&folder.join("b/painting.png")), (300, 300));
    }

    let flags = ["--hidden", "8x3", "--epochs", "7"];
    let (_, whole) = run("c", &flags);
    let kept = [&flags[..], &["--checkpoint", &checkpoint]].concat();
    run("d", &kept);
    // A finished run has nothing left to do, but its picture is painted again.
    let (output, again) = run("d", &kept);
    assert!(output.contains("Resumed   after 7 epochs"), "{output}");
    assert!(again == whole, "the painting differs after resuming");

    for (flags, part) in [
        (&["--load", &*file("nothing")][..], "nothing"),
        (
            &["--load", concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")],
            "README.md: model file",
        ),
        (&["--load", &*checkpoint], "training.safetensors: no note"),
        (&["--load", &*model, "--epochs", "3"], "--epochs"),
        (
            &["--checkpoint", &*checkpoint, "--hidden", "9x3"],
            "network: expected 2 inputs, grid(inputs=2, levels=6,",
        ),
        (
            &[
                "--checkpoint",
                &*checkpoint,
                "--hidden",
                "8x3",
                "--batch",
                "100",
            ],
            "batch_size",
        ),
    ] {
        let output = example("paint_logo")
            .args(flags)
            .arg("--out")
            .arg(&folder)
            .output();
        let output = output.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && error.contains(part),
            "{flags:?}: {error}"
        );
        // The error names the file only once.
        assert!(error.matches(".safetensors").count() <= 1, "{error}");
    }
}

#[test]
fn paint_logo_races_and_repeats_with_several_seeds() {
    let out = folder("race");
    let flags = ["--hidden", "8x3", "--seconds", "0.2", "--race", "--out"];
    let output = output_of(example("paint_logo").args(flags).arg(&out));
    assert_eq!(
        output
            .lines()
            .filter(|line| line.starts_with("Racer "))
            .count(),
        5
    );
    assert!(output.contains("Winner    "), "{output}");
    assert!(frames(&out.join("race.gif")) > 3);

    let output = output_of(&mut paint(&out, &["--seeds", "3"]));
    let seeds: Vec<_> = output
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(seeds, ["seed", "0", "1", "2", "median"]);

    // The median of an even number is the mean of the middle two. Nothing is written.
    let out = out.join("unwritten");
    let output = output_of(&mut paint(&out, &["--seeds", "2"]));
    let psnrs: Vec<f64> = output
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().nth(3).unwrap().parse().unwrap())
        .collect();
    let mean = f64::midpoint(psnrs[0], psnrs[1]);
    assert!((psnrs[2] - mean).abs() < 0.011, "{output}");
    assert!(!out.exists());
}

#[test]
fn paint_logo_repeats_itself() {
    let folder = folder("seed");
    let painting = |run: &str, seed: &str| {
        let out = folder.join(run);
        output_of(&mut paint(&out, &["--seed", seed]));
        fs::read(out.join("painting.png")).unwrap()
    };
    assert_eq!(painting("a", "5"), painting("b", "5"));
    assert_ne!(painting("a", "5"), painting("c", "6"));
}

#[test]
fn paint_logo_takes_every_kind_of_flag() {
    let folder = folder("flags");
    for flags in [
        ["--optimizer", "sgd"],
        ["--optimizer", "rmsprop"],
        ["--optimizer", "adagrad"],
        ["--optimizer", "adamw"],
        ["--optimizer", "nadam"],
        ["--optimizer", "adam"],
        ["--input", "raw"],
        ["--input", "centered"],
        ["--sigma", "5"],
        ["--frequencies", "7"],
        ["--preset", "tutorial"],
        ["--preset", "fourier"],
        ["--parameters", "2000"],
        ["--optimizer", "muon"],
        ["--input", "grid"],
        ["--activation", "leaky_relu(0.1)"],
        ["--batch", "10000"],
        ["--style", "relu"],
        ["--style", "tanh"],
        ["--style", "sine"],
        ["--style", "gaussian"],
    ] {
        output_of(&mut paint(&folder, &flags));
    }
}

#[test]
fn paint_logo_reports_infinity_for_an_exact_copy() {
    let folder = folder("inf");
    let file = folder.join("black.png");
    RgbaImage::from_pixel(2, 2, Rgba([0, 0, 0, 255]))
        .save(&file)
        .unwrap();
    let mut command = example("paint_logo");
    command.args([
        "--hidden",
        "4",
        "--epochs",
        "20000",
        "--patience",
        "20000",
        "--quiet",
    ]);
    command.args(["--learning-rate", "0.01", "--image"]);
    let output = output_of(command.arg(&file).arg("--out").arg(&folder));
    assert!(output.contains(" psnr=inf "), "{output}");
}

#[test]
#[allow(clippy::too_many_lines)] // a list of cases
fn paint_logo_explains_errors() {
    let folder = folder("errors");
    let file = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_string()
    };
    let logo = fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/assets/logo.png"
    ))
    .unwrap();
    let missing = folder.join("missing.png").to_str().unwrap().to_string();
    let empty = file("empty.png", b"");
    let prose = file("prose.jpg", b"This is no picture.");
    let cut = file("cut.png", &logo[..logo.len() / 2]);
    let below_a_file = format!("{prose}/out");
    let long = folder.join("x".repeat(300)).to_str().unwrap().to_string();
    let blocked = folder.join("blocked").to_str().unwrap().to_string();
    fs::create_dir_all(folder.join("blocked/sheet.png")).unwrap();
    let logo_400 = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/assets/logo-400.png");
    let last_seed = u64::MAX.to_string();

    // clap finds a wrong flag before the run.
    let wrong: &[(&[&str], &str)] = &[
        (&["--hidden", "0"], "--hidden"),
        (&["--hidden", "64,"], "--hidden"),
        (&["--hidden", "100x"], "--hidden"),
        (&["--hidden", "99999999999999999999"], "--hidden"),
        (&["--activation", "nonsense"], "leaky_relu"),
        (&["--activation", "leaky_relu(nan)"], "slope"),
        (&["--optimizer", "nonsense"], "nadam"),
        (&["--input", "nonsense"], "centered"),
        (&["--epochs", "-1"], "-1"),
        (&["--nonsense"], "--nonsense"),
        (&["--seconds", "0"], "--seconds"),
        (&["--seconds", "nan"], "--seconds"),
        (&["--seeds", "0"], "--seeds"),
        (&["--until-loss", "nan"], "--until-loss"),
        (&["--style", "nonsense"], "gaussian"),
        (&["--preset", "nonsense"], "fourier"),
        (&["--parameters", "0"], "--parameters"),
        (&["--style", "sine", "--activation", "tanh"], "--activation"),
        (&["--race", "--epochs", "3"], "--epochs"),
        (&["--race", "--neurons"], "--neurons"),
        (&["--seeds", "2", "--neurons"], "--neurons"),
        (&["--seeds", "2", "--save", "model"], "--save"),
        (&["--race", "--save", "model"], "--save"),
        (&["--load", "model", "--until-loss", "1"], "--until-loss"),
        (&["--seconds", "1e300"], "at most 1000000000"),
    ];
    let failing: &[(&[&str], &str)] = &[
        (&["--image", &missing], "missing.png"),
        (&["--image", &empty], "empty.png"),
        (&["--image", &prose], "no PNG, JPEG or GIF"),
        (&["--image", &cut], "cut.png"),
        (&["--image", folder.to_str().unwrap()], "errors"),
        (&["--out", &below_a_file], "prose.jpg"),
        (&["--hidden", "100000x3"], "parameters"),
        (
            &["--neurons", "--input", "raw", "--hidden", "20000"],
            "16384 neurons",
        ),
        (&["--learning-rate", "0"], "learning rate"),
        (&["--learning-rate", "-1"], "learning rate"),
        (&["--learning-rate", "nan"], "learning rate"),
        (&["--batch", "0"], "batch"),
        (&["--batch", "10001"], "10000"),
        (
            &["--batch", "10000", "--input", "raw", "--hidden", "60000"],
            "--batch",
        ),
        (&["--save", &long], "--save"),
        (&["--save", folder.to_str().unwrap()], "regular file"),
        (&["--out", &blocked], "sheet.png"),
        (&["--seed", &last_seed, "--seeds", "2"], "--seed"),
        (&["--scale", "1", "--reference", logo_400], "--scale"),
        (
            &["--scale", "2", "--reference", logo_400],
            "expected 200 x 200 pixels, 2 times the picture, got 400 x 400",
        ),
        (&["--epochs", "0"], "epochs"),
        (&["--threads", "0"], "threads"),
        (&["--parameters", "10"], "--parameters"),
        (
            &["--preset", "tutorial", "--parameters", "10"],
            "--parameters",
        ),
        (&["--scale", "0"], "--scale"),
        (&["--sigma", "0"], "sigma"),
        (&["--frequencies", "0"], "frequencies"),
        (&["--frequencies", "99999999999"], "4096"),
        (&["--scale", "4294967295"], "--scale"),
        (&["--reference", &missing], "missing.png"),
        (
            &["--learning-rate", "1e30", "--optimizer", "sgd"],
            "diverged",
        ),
    ];
    for (cases, code) in [(wrong, 2), (failing, 1)] {
        for (flags, word) in cases {
            // `paint` would give some flags twice.
            let mut command = example("paint_logo");
            if !flags.contains(&"--out") {
                command.arg("--out").arg(&folder);
            }
            if !flags.contains(&"--hidden") {
                command.args(["--hidden", "8"]);
            }
            check_error(command.args(*flags), code, word);
        }
    }
}

#[test]
fn curve_fit_draws_a_band_and_writes_a_map() {
    let folder = folder("curve_fit");
    let (picture, map) = (folder.join("new/picture.png"), folder.join("map.rs"));
    let mut program = example("curve_fit");
    let output = output_of(program.arg("--out").arg(&picture).arg("--rust").arg(&map));
    let (columns, rows) = size(&picture);
    assert!(columns > 600 && rows > 400);
    let source = fs::read_to_string(&map).unwrap();
    assert!(
        source.contains("pub static MAP: feedforward::MlpRef<'static, f64>"),
        "{source}"
    );
    let line = output
        .lines()
        .find(|line| line.starts_with("largest error"))
        .unwrap();
    let error: f64 = line
        .split_whitespace()
        .find_map(|word| word.parse().ok())
        .unwrap();
    assert!(error < 0.01, "{output}");
}

#[test]
fn decision_boundary_shows_the_limits_of_a_neuron() {
    let file = folder("boundary").join("new/picture.png");
    let output = output_of(example("decision_boundary").arg("--out").arg(&file));
    let (columns, rows) = size(&file);
    assert!(columns > 600 && rows > 400);
    assert!(fs::metadata(&file).unwrap().len() < 300_000);

    let accuracies = |set: &str| -> Vec<f64> {
        let line = output.lines().find(|line| line.starts_with(set)).unwrap();
        line.split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect()
    };
    let [neuron, network] = accuracies("XOR")[..] else {
        panic!("{output}")
    };
    assert!(neuron < 80.0 && network > 95.0, "{output}");
    assert!(
        accuracies("Two clouds").iter().all(|&a| a > 99.9),
        "{output}"
    );
    let moons = accuracies("Two moons");
    assert!(moons[0] < 95.0 && moons[1] > 95.0, "{output}");
}

#[test]
fn digits_learns_and_draws_the_misread_ones() {
    let folder = folder("digits");
    let picture = folder.join("misread.png");
    let mut digits = example("digits");
    let output = output_of(
        digits
            .args(["--epochs", "20", "--hidden", "32", "--quiet", "--out"])
            .arg(&picture),
    );
    let share = output.split("read right: ").nth(1).unwrap();
    let share: f64 = share.split(' ').next().unwrap().parse().unwrap();
    assert!(share > 90.0, "{output}");
    assert!(output.contains("expected \\ predicted") && output.contains("precision"));
    let (width, height) = size(&picture);
    assert!(width > 600 && height > 150);
}

#[test]
fn digits_names_a_bad_line() {
    let folder = folder("bad_digits");
    let data = folder.join("digits.csv");
    let cases = [
        (
            "1,2,3,4,7\n1,2,x,4,7",
            r#"line 3: expected numbers, got "x""#,
        ),
        ("1,2,3,4,7\n1,2,3,7", "line 3: expected 4 pixels, got 3"),
        ("1,2,3,7", "line 2: expected a square image, got 3 pixels"),
        (
            "1,2,3,4,7.5",
            r#"line 2: expected a whole number at the end, got "7.5""#,
        ),
        (
            "",
            "expected a header and a line for each digit, got neither",
        ),
    ];
    for (lines, message) in cases {
        fs::write(&data, format!("header\n{lines}")).unwrap();
        let mut digits = example("digits");
        let message = format!("digits.csv: {message}");
        check_error(digits.arg("--data").arg(&data), 1, &message);
    }
}

#[test]
fn digits_limits_its_memory() {
    let data = folder("many_digits").join("digits.csv");
    let lines: Vec<_> = (0..5000).map(|label| format!("1,2,3,4,{label}")).collect();
    fs::write(&data, format!("header\n{}", lines.join("\n"))).unwrap();
    let data = data.to_str().unwrap();
    for (flags, message) in [
        (["--hidden", "4000000000"], "--hidden: more than"),
        (["--data", data], "at most 1000 different numbers"),
    ] {
        check_error(example("digits").args(flags), 1, message);
    }
}

#[test]
fn evolve_balances_a_pole_from_unseen_starts() {
    let file = folder("evolve").join("net.rs");
    let run = |flags: &[&str]| output_of(example("evolve").args(flags));
    let output = output_of(example("evolve").arg("--rust").arg(&file));
    let balanced = |output: &str, when: &str| -> usize {
        let line = output.lines().find(|line| line.contains(when)).unwrap();
        let count = line.split("balanced ").nth(1).unwrap();
        count.split(' ').next().unwrap().parse().unwrap()
    };
    assert!(balanced(&output, "before:") < 300, "{output}");
    assert!(balanced(&output, "after:") > 950, "{output}");
    let pictures = output.matches("+----").count();
    assert!(pictures == 4 && output.contains(" 10.0 s"), "{output}");
    assert!(!output.contains('\x1b'), "an animation without a terminal");
    let source = fs::read_to_string(&file).unwrap();
    assert!(source.contains("pub static BALANCE: feedforward::MlpRef<'static, f32>"));

    // An equal seed repeats the evolution, and another one changes it.
    let short = ["--generations", "2", "--seed", "7"];
    let once = run(&short);
    assert_eq!(once, run(&short));
    assert_ne!(once, run(&["--generations", "2", "--seed", "8"]));
}

#[test]
fn dqn_balances_a_pole_and_repeats_itself() {
    let output = output_of(&mut example("dqn"));
    let line = output
        .lines()
        .find(|line| line.contains("fresh starts: balanced"));
    let count = line.unwrap().split("balanced ").nth(1).unwrap();
    let count: usize = count.split(',').next().unwrap().parse().unwrap();
    assert!(count > 950, "{output}");
    assert_eq!(output.matches("+----").count(), 2, "{output}");

    // The time of the updates differs from run to run.
    let run = |seed: &str| -> Vec<String> {
        let output = output_of(example("dqn").args(["--episodes", "20", "--seed", seed]));
        let lines = output.lines().filter(|line| !line.contains(" each"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(run("7"), run("7"));
    assert_ne!(run("7"), run("8"));
}

#[test]
fn evolve_names_a_file_that_it_cannot_write() {
    let folder = folder("evolve_nowhere");
    fs::write(folder.join("file"), "").unwrap();
    let file = folder.join("file/net.rs");
    let mut evolve = example("evolve");
    evolve.args(["--generations", "1", "--rust"]).arg(&file);
    check_error(&mut evolve, 1, "net.rs");
}
