//! A fuzzer of the public API: random calls in any order, with random and often wrong arguments.
//!
//! A case depends only on the seed and its number. It must not panic, abort, hang, or hold more
//! than a fixed amount of memory. An error must leave the network's parameters valid.
//!
//! Results must be finite. They must be bit-identical when predicted twice, by one thread and by
//! two, when resumed from a checkpoint, and when read back from bytes. A failing case is reported
//! with its calls.
//!
//! ```sh
//! cargo test --test api_fuzz
//! FEEDFORWARD_FUZZ_CASES=1000000 FEEDFORWARD_FUZZ_SEED=7 cargo test --test api_fuzz
//! # One case, with each call printed:
//! FEEDFORWARD_FUZZ_CASE=1234 cargo test --test api_fuzz
//! # Arithmetic as in release builds:
//! CARGO_PROFILE_TEST_OVERFLOW_CHECKS=false cargo test --test api_fuzz
//! ```
//!
//! Cases run in separate processes, so that an abort ends only one of them.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::mpsc;

#[macro_use]
mod case;
mod by_hand;
mod child;
mod data;
mod fits;
mod gradients;
mod memory;
mod models;
mod nets;
mod pieces;
mod quantized;
mod random;
mod tools;
mod trainers;
mod training;
mod worker;

use worker::Failure;

/// Number of cases by default.
const CASES: u64 = 20_000;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    if let Some((worker::CHILD, numbers)) = args.split_first().map(|(a, rest)| (a.as_str(), rest)) {
        return child::run(numbers);
    }
    // As with the standard test harness, a filter that does not match this test's name excludes it.
    let mut names = args.iter().filter(|arg| !arg.starts_with('-')).peekable();
    let is_named = names.peek().is_none() || names.any(|name| "api_fuzz".contains(name.as_str()));
    if !is_named || args.iter().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let seed = number("FEEDFORWARD_FUZZ_SEED").unwrap_or(0);
    if let Some(case) = number("FEEDFORWARD_FUZZ_CASE") {
        println!("case {case} of seed {seed}:");
        let failure = worker::repeat(seed, case, |call| println!("{call}"));
        return report(seed, 1, &failure.into_iter().collect::<Vec<_>>());
    }
    let cases = number("FEEDFORWARD_FUZZ_CASES").unwrap_or(CASES);
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for first in 0..workers {
            let sender = sender.clone();
            scope.spawn(move || {
                worker::run_all(seed, first, workers, cases, |failure| {
                    let _ = sender.send(failure);
                });
            });
        }
    });
    drop(sender);
    report(seed, cases, &receiver.into_iter().collect::<Vec<_>>())
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name}: expected a number, got {text:?}")))
}

/// Prints each kind of failure once, with the calls of its first case, and the counts.
fn report(seed: u64, cases: u64, failures: &[Failure]) -> ExitCode {
    let mut kinds: BTreeMap<&str, Vec<&Failure>> = BTreeMap::new();
    for failure in failures {
        kinds.entry(&failure.kind).or_default().push(failure);
    }
    for (kind, failures) in &mut kinds {
        failures.sort_by_key(|failure| failure.case);
        let first = failures[0];
        let numbers: Vec<_> = failures
            .iter()
            .take(8)
            .map(|f| f.case.to_string())
            .collect();
        println!(
            "\n{kind}: {} failed, cases {}",
            failures.len(),
            numbers.join(", ")
        );
        println!("  {}", first.message);
        let again = worker::repeat(seed, first.case, |call| println!("{call}"));
        if again.is_none() {
            println!("    it did not fail again");
        }
        println!(
            "  again: FEEDFORWARD_FUZZ_SEED={seed} FEEDFORWARD_FUZZ_CASE={} cargo test --test api_fuzz",
            first.case
        );
    }
    let failed = failures.len() as u64;
    println!(
        "\napi_fuzz, seed {seed}: {} passed, {failed} failed",
        cases - failed
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
