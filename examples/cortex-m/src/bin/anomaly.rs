//! Counts the instructions of a prediction by an autoencoder in int8, with and without the crate.
//! Its sizes are those of MLPerf Tiny (640-128-128-128-128-8-128-128-128-128-640). `.ci/embedded`
//! generates the network.

#![no_std]
#![no_main]

use core::hint::black_box;

use feedforward_cortex_m::{Counter, NoMemory, end, entry, hprintln};

include!(concat!(env!("FEEDFORWARD_EMBEDDED_OUT"), "/anomaly.rs"));
include!(concat!(env!("FEEDFORWARD_EMBEDDED_OUT"), "/anomaly_cases.rs"));

include!(concat!(env!("FEEDFORWARD_EMBEDDED_OUT"), "/anomaly_alone.rs"));

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

#[entry]
fn main() -> ! {
    end(run() == Some(true))
}

fn run() -> Option<bool> {
    let counter = Counter::new()?;
    let products: usize = ANOMALY.layers().map(|layer| layer.weights.len()).sum();
    let inputs = CASE.map(|(x, _)| x);
    let (mut outputs, mut scratch) = ([0; 640], [0; ANOMALY.scratch_len()]);
    let mut results = Ok(());
    let count = counter.instructions(|| {
        results = ANOMALY.predict_int8(black_box(&inputs), &mut outputs, &mut scratch);
    });
    results.ok()?;
    let mut right = outputs == CASE.map(|(_, y)| y);
    print("crate", count, products);
    let count = counter.instructions(|| {
        outputs = black_box(anomaly::predict_integers(black_box(&inputs)));
    });
    right &= outputs == CASE.map(|(_, y)| y);
    print("without the crate", count, products);
    Some(right)
}

fn print(form: &str, count: u32, products: usize) {
    let per_product = count as f32 / products as f32;
    hprintln!("{}: {} instructions, {:.2} per product", form, count, per_product);
}
