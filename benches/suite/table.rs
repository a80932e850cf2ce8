//! A table of a run's results, read from the estimates that criterion has just written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use feedforward::Float;
use feedforward::simd::InstructionSet;

use crate::{jobs, peak, predict};

/// Median nanoseconds by name of the benchmark, such as `train_epoch/tutorial_f32`.
type Medians = BTreeMap<String, f64>;

/// Prints all results measured since `started`: training as percent of the peak, and products
/// beside the peer crates.
pub(crate) fn print(started: SystemTime) {
    let folder = std::env::var_os("CRITERION_HOME").map_or_else(target_folder, PathBuf::from);
    let mut medians = Medians::new();
    collect(&folder, started, &mut medians);
    if medians.is_empty() {
        return;
    }
    let peaks = [
        peak_of::<f32>(&medians, "f32"),
        peak_of::<f64>(&medians, "f64"),
    ];
    println!("\ninstruction set {}", InstructionSet::active());
    println!(
        "FMA peak of one core: f32 {:.1} GFLOP/s, f64 {:.1} GFLOP/s",
        peaks[0], peaks[1]
    );
    let peak = |id| medians.get(&format!("fma_peak/{id}"));
    if let (Some(one), Some(two)) = (peak("f32"), peak("f32_2_threads")) {
        println!(
            "two threads reach {:.2} times the peak of one",
            2.0 * one / two
        );
    }
    training(&medians, peaks);
    products(&medians);
    predictions(&medians);
    activations(&medians);
}

fn target_folder() -> PathBuf {
    // The benchmark's executable lies in target/release/deps.
    let exe = std::env::current_exe().unwrap_or_default();
    exe.ancestors()
        .nth(3)
        .unwrap_or(Path::new("target"))
        .join("criterion")
}

fn collect(folder: &Path, started: SystemTime, medians: &mut Medians) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let estimates = path.join("new/estimates.json");
        let fresh = |file: &Path| {
            file.metadata()
                .and_then(|m| m.modified())
                .is_ok_and(|t| t >= started)
        };
        if fresh(&estimates) {
            if let Some((name, median)) = read(&path.join("new")) {
                medians.insert(name, median);
            }
        } else if path.is_dir() {
            collect(&path, started, medians);
        }
    }
}

fn read(folder: &Path) -> Option<(String, f64)> {
    let json = |file: &str| -> Option<serde_json::Value> {
        serde_json::from_str(&std::fs::read_to_string(folder.join(file)).ok()?).ok()
    };
    let name = json("benchmark.json")?["full_id"].as_str()?.to_owned();
    Some((
        name,
        json("estimates.json")?["median"]["point_estimate"].as_f64()?,
    ))
}

/// Returns the peak in GFLOP/s, as criterion measured it in this run, or measured now.
fn peak_of<T: Float>(medians: &Medians, float: &str) -> f64 {
    let flop = peak::run::<T>() as f64;
    let best = || {
        let once = |_| {
            let start = Instant::now();
            peak::run::<T>();
            start.elapsed().as_secs_f64() * 1e9
        };
        (0..2000).map(once).fold(f64::INFINITY, f64::min)
    };
    flop / medians
        .get(&format!("fma_peak/{float}"))
        .copied()
        .unwrap_or_else(best)
}

fn training(medians: &Medians, peaks: [f64; 2]) {
    let tutorial = &jobs::TUTORIAL;
    let epoch = (tutorial.name, tutorial.flop(tutorial.samples));
    rates(medians, peaks, "train_epoch", &[epoch]);
    let steps = jobs::STEPS.map(|job| (job.name, job.flop(job.batch)));
    rates(medians, peaks, "train_step", &steps);
    for name in medians.keys() {
        let two = name.strip_suffix("_2_threads");
        let Some(one) = two.filter(|name| name.starts_with("train_")) else {
            continue;
        };
        if let (Some(alone), Some(both)) = (medians.get(one), medians.get(name)) {
            let (_, job) = one.split_once('/').unwrap_or_default();
            println!(
                "{job}: two threads are {:.2} times as fast as one",
                alone / both
            );
        }
    }
    let long = |when| medians.get(&format!("long_run/tutorial_f32_{when}_epochs"));
    if let (Some(first), Some(late)) = (long("first"), long("after_290")) {
        println!(
            "tutorial f32: epochs after 290 take {:.3} times the first",
            late / first
        );
    }
    for float in ["f32", "f64"] {
        let one = medians.get(&format!("train_epoch/tutorial_{float}"));
        let tanh = medians.get(&format!("train_epoch/tutorial_tanh_{float}"));
        if let (Some(one), Some(tanh)) = (one, tanh) {
            println!("tutorial {float}: tanh costs {:.2} times ReLU", tanh / one);
        }
    }
}

/// Prints a group of training jobs, given the name and the operations of each, as percent of the
/// peak.
fn rates(medians: &Medians, peaks: [f64; 2], group: &str, jobs: &[(&str, u64)]) {
    let mut header = false;
    for (name, nanoseconds) in medians {
        let id = name.split_once('/').filter(|(first, _)| *first == group);
        let Some((_, id)) = id else { continue };
        let Some((_, flop)) = jobs.iter().find(|(name, _)| id.starts_with(name)) else {
            continue;
        };
        if !std::mem::replace(&mut header, true) {
            println!(
                "\n{group:<42} {:>12} {:>9} {:>13}",
                "us", "GFLOP/s", "of one core"
            );
        }
        let rate = *flop as f64 / nanoseconds;
        let peak = peaks[usize::from(id.contains("f64"))];
        println!(
            "{id:<42} {:>12.2} {rate:>9.1} {:>12.1}%",
            nanoseconds / 1e3,
            100.0 * rate / peak
        );
    }
}

fn products(medians: &Medians) {
    let mut header = false;
    for (name, ours) in medians {
        let Some((group, shape)) = name.split_once("/feedforward/") else {
            continue;
        };
        if !std::mem::replace(&mut header, true) {
            println!(
                "\n{:<30} {:>12} {:>22} {:>12}",
                "product", "ns", "of matrixmultiply's", "of gemm's"
            );
        }
        let ratio = |peer: &str| match medians.get(&format!("{group}/{peer}/{shape}")) {
            Some(theirs) => format!("{:.2}", ours / theirs),
            None => "-".to_owned(),
        };
        let label = format!("{group} {shape}");
        println!(
            "{label:<30} {ours:>12.0} {:>22} {:>12}",
            ratio("matrixmultiply"),
            ratio("gemm")
        );
    }
}

/// Prints predictions of one sample: the median beside a hand-written loop and the bound, and the
/// worst of many calls.
fn predictions(medians: &Medians) {
    const CALLS: usize = 200_000;
    let mut header = false;
    for job in &predict::NETWORKS {
        for float in ["f32", "f64"] {
            let id = format!("predict/{}_{float}", job.name);
            let Some(ours) = medians.get(&id) else {
                continue;
            };
            if !std::mem::replace(&mut header, true) {
                println!(
                    "\n{:<18} {:>9} {:>9} {:>10} {:>9} {:>9}   {CALLS} single calls, less the clock: {:>7} {:>7} {:>9}",
                    "one sample, ns",
                    "median",
                    "mlp_ref",
                    "of loops'",
                    "bound",
                    "of bound",
                    "p50",
                    "p99.9",
                    "worst"
                );
            }
            let other = |suffix| medians.get(&format!("{id}{suffix}")).copied();
            let ratio = |than: Option<f64>| match than {
                Some(than) => format!("{:.2}", ours / than),
                None => "-".to_owned(),
            };
            let nanoseconds = |median: Option<f64>| match median {
                Some(median) => format!("{median:.1}"),
                None => "-".to_owned(),
            };
            let bound = other(predict::BOUND);
            let calls = match float {
                "f32" => predict::calls::<f32>(job, CALLS),
                _ => predict::calls::<f64>(job, CALLS),
            };
            let at = |part| calls.quantile(part).saturating_sub(calls.clock);
            println!(
                "{:<18} {ours:>9.1} {:>9} {:>10} {:>9} {:>9}   {:>45} {:>7} {:>9}",
                format!("{}_{float}", job.name),
                nanoseconds(other(predict::BORROWED)),
                ratio(other(predict::LOOPS)),
                nanoseconds(bound),
                ratio(bound),
                at(0.5),
                at(0.999),
                at(1.0)
            );
        }
    }
}

fn activations(medians: &Medians) {
    const ELEMENTS: f64 = 2048.0;
    let mut header = false;
    for (name, nanoseconds) in medians {
        let Some(name) = name.strip_prefix("activation/") else {
            continue;
        };
        if !std::mem::replace(&mut header, true) {
            println!("\n{:<42} {:>16}", "activation", "ns an element");
        }
        println!("{name:<42} {:>16.3}", nanoseconds / ELEMENTS);
    }
}
