//! Predicts a sine with a network of 1-16-16-1 in int8, in integers only and without allocation.
//! Runs also on a Cortex-M0.

#![no_std]
#![no_main]

use feedforward_cortex_m::{NoMemory, check, end, entry};

// `QuantizedMlp::to_rust` wrote this file. `cargo test -p checks --test cortex_m` has the network,
// and writes new files if they differ.
include!("../networks/sine_int8.rs");

include!("../networks/sine_int8_cases.rs");

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

fn predict(x: i8) -> Option<i32> {
    let (mut output, mut scratch) = ([0], [0; SINE.scratch_len()]);
    SINE.predict_int32(&[x], &mut output, &mut scratch).ok()?;
    Some(output[0])
}

#[entry]
fn main() -> ! {
    end(check(&CASES, predict))
}
