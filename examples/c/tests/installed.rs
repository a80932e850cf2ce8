//! The programs and commands of docs/c.md, with an installed library.
//!
//! An installation builds the library with the release profile, which takes long. So these tests
//! need the prefix of one, and CI has it.

#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod common;

use common::{PACKAGE, SYSTEM, folder, is_available, output_of};

const PREFIX: &str = "FEEDFORWARD_C_PREFIX";

const OUTPUTS: &str = "0 xor 0 = 0.00\n0 xor 1 = 1.00\n1 xor 0 = 1.00\n1 xor 1 = 0.00\n";

fn prefix() -> Option<PathBuf> {
    let prefix = std::env::var_os(PREFIX).map(PathBuf::from);
    if prefix.is_none() {
        eprintln!("{PREFIX} is not set, so no installation is tested");
    }
    prefix
}

fn page() -> String {
    let path = Path::new(PACKAGE).join("../../docs/c.md");
    fs::read_to_string(path).unwrap().replace('\r', "")
}

/// Returns the code blocks of a language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let blocks = page.split(&fence).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

/// Runs commands of the page in a folder, and returns what they print.
fn shell(commands: &str, prefix: &Path, folder: &Path) -> String {
    let mut command = Command::new("sh");
    command.args(["-eu", "-c", commands]);
    command.env("PREFIX", prefix).current_dir(folder);
    String::from_utf8(output_of(&mut command).stdout).unwrap()
}

#[test]
fn the_programs_of_the_page_are_those_of_the_package() {
    let programs = ["xor.c", "progress.c"].map(|file| {
        let program = fs::read_to_string(Path::new(PACKAGE).join(file)).unwrap();
        program.replace('\r', "")
    });
    assert_eq!(blocks(&page(), "c"), programs);
    assert!(programs[0].lines().count() <= 30);
}

/// The page names each function of the header, and no other.
#[test]
fn the_page_has_all_functions() {
    let header = fs::read_to_string(format!("{PACKAGE}/include/feedforward.h")).unwrap();
    let names = |text: &str, is_call: bool| {
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '('));
        let words = words.filter(|word| word.starts_with("ff_") && word.contains('(') == is_call);
        let words = words.map(|word| word.split('(').next().unwrap().to_owned());
        words.collect::<std::collections::BTreeSet<_>>()
    };
    let code: Vec<_> = header.lines().filter(|line| !line.contains("//")).collect();
    let functions = names(&code.join("\n"), true);
    let page = page();
    let (_, table) = page.split_once("## Functions").unwrap();
    let (table, _) = table.split_once("Programs that use another").unwrap();
    assert!(functions.len() > 40);
    assert_eq!(names(table, false), functions);
}

#[test]
fn the_commands_of_the_page_work() {
    let Some(prefix) = prefix() else { return };
    let (page, folder) = (page(), folder("page"));
    fs::write(folder.join("xor.c"), blocks(&page, "c")[0]).unwrap();
    fs::write(folder.join("progress.c"), blocks(&page, "c")[1]).unwrap();
    fs::write(folder.join("xor.cpp"), blocks(&page, "cpp")[0]).unwrap();
    let commands = blocks(&page, "sh");
    let commands = commands
        .iter()
        .filter(|text| text.contains("cc ") || text.contains("c++ "));
    let mut count = 0;
    for commands in commands {
        if commands.contains("pkg-config") && !is_available("pkg-config") {
            continue;
        }
        let printed = shell(commands, &prefix, &folder);
        if commands.contains("progress") {
            assert!(printed.ends_with(", success\n"), "{printed}");
            continue;
        }
        let printed = printed.replace('-', "");
        if commands.starts_with("c++") {
            let last: f32 = printed.lines().last().unwrap().parse().unwrap();
            assert!(last.abs() < 0.1, "{printed}");
        } else {
            assert_eq!(printed, OUTPUTS, "{commands}");
        }
        count += 1;
    }
    assert!(count >= 3, "the commands were not found");
}

#[test]
fn cmake_finds_the_installation() {
    let Some(prefix) = prefix() else { return };
    if !is_available("cmake") {
        return;
    }
    let (page, folder) = (page(), folder("cmake"));
    fs::write(folder.join("xor.c"), blocks(&page, "c")[0]).unwrap();
    let project = blocks(&page, "cmake")[0];
    for library in ["feedforward::feedforward", "feedforward::shared"] {
        let project = project.replace("feedforward::feedforward", library);
        fs::write(folder.join("CMakeLists.txt"), project).unwrap();
        let build = "cmake -S . -B build -DCMAKE_PREFIX_PATH=\"$PREFIX\" >&2
            cmake --build build >&2 && build/xor";
        assert_eq!(shell(build, &prefix, &folder).replace('-', ""), OUTPUTS);
    }
}

/// A project builds the library itself, from the folder that Cargo has used for this test.
#[test]
fn cmake_builds_the_library() {
    if prefix().is_none() || !is_available("cmake") {
        return;
    }
    let (page, folder) = (page(), folder("cmake_subdirectory"));
    fs::write(folder.join("xor.c"), blocks(&page, "c")[0]).unwrap();
    let project = blocks(&page, "cmake")[0];
    let subdirectory = format!("add_subdirectory({PACKAGE} feedforward)");
    let project = project.replace("find_package(feedforward 0.1 REQUIRED)", &subdirectory);
    fs::write(folder.join("CMakeLists.txt"), project).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let build = "cmake -S . -B build -DFEEDFORWARD_TARGET_DIR=\"$PREFIX\" >&2
        cmake --build build >&2 && build/xor";
    assert_eq!(shell(build, target, &folder).replace('-', ""), OUTPUTS);
}

/// Prints the sizes of programs that are linked with the static library.
#[test]
fn sizes_are_printed() {
    let Some(prefix) = prefix() else { return };
    let folder = folder("sizes");
    let collect = if cfg!(target_os = "macos") {
        "-Wl,-dead_strip"
    } else {
        "-Wl,--gc-sections"
    };
    for (name, source) in [
        ("that loads and predicts", "tests/programs/predict.c"),
        ("that trains and saves", "xor.c"),
        ("with all functions", "tests/programs/functions.c"),
    ] {
        let program = folder.join("program");
        let mut compiler = Command::new("cc");
        compiler.args(["-Os", "-s", collect]);
        compiler.arg(format!("-I{}/include", prefix.display()));
        compiler.arg(Path::new(PACKAGE).join(source));
        compiler
            .arg(prefix.join("lib/libfeedforward.a"))
            .args(SYSTEM);
        output_of(compiler.arg("-o").arg(&program));
        let size = fs::metadata(&program).unwrap().len() / 1000;
        println!("stripped program {name}: {size} kB");
    }
}

/// All files that name the version have that of the package.
#[test]
fn versions_are_equal() {
    let version = env!("CARGO_PKG_VERSION");
    for (file, line) in [
        ("feedforward.pc", format!("Version: {version}")),
        (
            "cmake/feedforward-config-version.cmake",
            format!("set(PACKAGE_VERSION {version})"),
        ),
        (
            "CMakeLists.txt",
            format!("project(feedforward VERSION {version} LANGUAGES C)"),
        ),
        ("../../Cargo.toml", format!("version = \"{version}\"")),
    ] {
        let text = fs::read_to_string(Path::new(PACKAGE).join(file)).unwrap();
        assert!(text.lines().any(|of| of == line), "{file}: expected {line}");
    }
}
