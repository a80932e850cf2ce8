//! Writes a table of samples to train on, row by row.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use distributed::{Part, Result, write_table};

#[macro_use]
#[path = "../../../common/say.rs"]
mod say;

/// Writes a table of samples of a smooth function, for `train`
#[derive(Debug, Parser)]
#[command(name = "dataset")]
struct Flags {
    /// File to write, in the safetensors format
    file: PathBuf,

    /// Number of samples
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    rows: usize,

    /// Number of inputs of a sample
    #[arg(long, value_name = "N", default_value_t = 12)]
    inputs: usize,
}

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::complain(error),
    }
}

fn run(flags: &Flags) -> Result<()> {
    if flags.rows == 0 || flags.inputs == 0 {
        return Err("--rows, --inputs: expected at least 1".into());
    }
    // Weyl's sequence, which fills the cube evenly.
    let input = |sample: usize, column: usize| {
        let step = (column as f64 + 2.0).sqrt().fract();
        (2.0 * (sample as f64 * step).fract() - 1.0) as f32
    };
    write_table(
        &flags.file,
        flags.rows,
        [flags.inputs, 2],
        |part, sample, row| {
            let mut inputs = (0..flags.inputs).map(|column| input(sample, column));
            match part {
                Part::Inputs => row.iter_mut().zip(inputs).for_each(|(to, x)| *to = x),
                Part::Targets => {
                    let first = inputs.next().unwrap_or_default();
                    let rest: f32 = inputs.sum();
                    row[0] = (3.0 * first).sin();
                    row[1] = first * rest / flags.inputs as f32;
                }
            }
        },
    )?;
    say::wrote(&[&flags.file]);
    Ok(())
}
