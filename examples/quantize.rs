//! Shrinks a network to int8, and ships it as C and as Rust.
//!
//! It learns handwritten digits, quantizes the network, and prints where accuracy was lost. Then it
//! writes `net.h` and `net.rs`, which need neither this crate nor an allocator. If there is a C
//! compiler, it compiles the header and runs its self-test:
//! `cargo run --example quantize [-- --out DIR]`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;
use feedforward::activation::{Identity, Relu};
use feedforward::loss::SoftmaxCrossEntropy;
use feedforward::metrics::Accuracy;
use feedforward::optimizer::AdamW;
use feedforward::quantize::{OutputForm, Quantizer};
use feedforward::schedule::Cosine;
use feedforward::{Mlp, Trainer};

#[macro_use]
#[path = "common/say.rs"]
mod say;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Pixels of an image, and classes.
const PIXELS: usize = 64;
const CLASSES: usize = 10;

/// Program that runs the self-test of the header.
const MAIN: &str = "\
#define NET_SELF_TEST
#include \"net.h\"

int main(void)
{
    return net_self_test();
}
";

#[derive(Parser)]
#[command(about = "Shrinks a network to int8, and writes it as C and as Rust")]
struct Options {
    /// Number of epochs
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Folder to write to, created if missing
    #[arg(long, value_name = "DIR", default_value = "out")]
    out: PathBuf,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::complain(error),
    }
}

fn run(options: &Options) -> Result<()> {
    let files = ["net.h", "net.rs", "main.c"].map(|name| options.out.join(name));
    for file in &files {
        say::prepare_file(file)?;
    }
    let [training, test] = Digits::read()?;
    let builder = Mlp::<f32>::builder(PIXELS)
        .hidden(32, Relu)
        .output(CLASSES, Identity);
    let mut net = builder.seed(options.seed).build()?;
    let trainer = Trainer::new(SoftmaxCrossEntropy, AdamW::new(5e-3))
        .schedule(Cosine::default())
        .epochs(options.epochs as usize)
        .seed(options.seed);
    trainer.fit(&mut net, &training.pixels, &training.targets)?;

    // For classes, 8 bits of an output are enough.
    let quantizer = Quantizer::new().outputs(OutputForm::Int8);
    let quantized = quantizer.quantize(&net, &training.pixels)?;
    let report = quantized.compare_with(&net, &test.pixels, &test.targets, &Accuracy)?;
    println!("{report}\n");

    fs::write(&files[0], quantized.to_c("net")?)?;
    fs::write(&files[1], quantized.to_rust_standalone("net")?)?;
    fs::write(&files[2], MAIN)?;
    check_c(&options.out)?;
    say::wrote(&files);
    Ok(())
}

/// Compiles `main.c` and runs it, if there is a C compiler.
fn check_c(folder: &Path) -> Result<()> {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let program = std::env::temp_dir().join(format!("feedforward-net-{}", std::process::id()));
    let compiled = Command::new(&compiler)
        .args([
            "-std=c99",
            "-O2",
            "-Wall",
            "-Wextra",
            "-Wconversion",
            "-pedantic",
        ])
        .arg(folder.join("main.c"))
        .arg("-o")
        .arg(&program)
        .status();
    match compiled {
        Err(_) => println!("no C compiler {} was found", compiler.display()),
        Ok(status) if !status.success() => {
            return Err(format!("{}: {status}", compiler.display()).into());
        }
        Ok(_) => {
            let status = Command::new(&program).status();
            let removed = fs::remove_file(&program);
            if !status?.success() {
                return Err("the integers of net.h differ".into());
            }
            removed?;
            println!("net.h was compiled, and its integers are those of the crate");
        }
    }
    Ok(())
}

/// Images row by row, and a target for each class.
struct Digits {
    pixels: Vec<f32>,
    targets: Vec<f32>,
}

impl Digits {
    /// Reads the digits to learn from, and every fourth one for the test.
    fn read() -> Result<[Self; 2]> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/data/digits.csv");
        let mut parts = [const { Vec::new() }; 4];
        for (row, line) in fs::read_to_string(file)?.lines().skip(1).enumerate() {
            let numbers = line.split(',').map(str::parse::<f32>);
            let mut numbers = numbers.collect::<std::result::Result<Vec<_>, _>>()?;
            let label = numbers.pop().ok_or("a line is empty")? as usize;
            let part = 2 * usize::from(row % 4 == 3);
            parts[part].append(&mut numbers);
            parts[part + 1].extend((0..CLASSES).map(|class| f32::from(u8::from(class == label))));
        }
        let [pixels, targets, test_pixels, test_targets] = parts;
        let test = Self {
            pixels: test_pixels,
            targets: test_targets,
        };
        Ok([Self { pixels, targets }, test])
    }
}
