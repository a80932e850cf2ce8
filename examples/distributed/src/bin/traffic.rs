//! Prints traffic and speed-up of a training step, by the formulas of `distributed::traffic`.

use std::process::ExitCode;

use clap::Parser;
use distributed::traffic::Setting;
use distributed::{Reduction, Result};

#[macro_use]
#[path = "../../../common/say.rs"]
mod say;

/// Prints traffic and speed-up of a training step for numbers of ranks, by formula
#[derive(Debug, Parser)]
#[command(name = "traffic")]
struct Flags {
    /// Number of parameters of the network
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    parameters: usize,

    /// Number of samples in a minibatch
    #[arg(long, value_name = "N", default_value_t = 16_384)]
    batch: usize,

    /// Speed of a rank, in 10^9 operations per second
    #[arg(long, value_name = "N", default_value_t = 50.0)]
    gigaflops: f64,

    /// Bandwidth of a rank, in 10^9 bits per second
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    gigabits: f64,

    /// Latency of a message, in microseconds
    #[arg(long, value_name = "N", default_value_t = 20.0)]
    latency: f64,

    /// Numbers of ranks
    #[arg(long, value_name = "N", value_delimiter = ',',
          default_values_t = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])]
    ranks: Vec<usize>,
}

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::complain(error),
    }
}

fn run(flags: &Flags) -> Result<()> {
    let positive = [flags.gigaflops, flags.gigabits];
    if positive
        .iter()
        .any(|x| x.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater))
    {
        return Err("--gigaflops, --gigabits: expected numbers above 0".into());
    }
    if flags.ranks.contains(&0) {
        return Err("--ranks: expected at least 1".into());
    }
    let setting = Setting {
        parameters: flags.parameters,
        batch: flags.batch,
        operations: flags.gigaflops * 1e9,
        bandwidth: flags.gigabits * 1e9 / 8.0,
        latency: flags.latency * 1e-6,
    };
    let alone = setting.step(Reduction::Ordered, 1)?.seconds;
    println!("| ranks | in order: MB | ms | speed-up | all-reduce: MB | ms | speed-up |");
    println!("|--:|--:|--:|--:|--:|--:|--:|");
    for &ranks in &flags.ranks {
        let columns = [Reduction::Ordered, Reduction::AllReduce].map(|reduction| {
            let step = setting.step(reduction, ranks)?;
            let (bytes, ms, faster) = (step.bytes / 1e6, step.seconds * 1e3, alone / step.seconds);
            Ok(format!("{bytes:.2} | {ms:.1} | {faster:.1}"))
        });
        let [ordered, free] = columns;
        let (ordered, free): (Result<String>, Result<String>) = (ordered, free);
        println!("| {ranks} | {} | {} |", ordered?, free?);
    }
    Ok(())
}
