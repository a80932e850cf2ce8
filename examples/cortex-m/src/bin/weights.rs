//! Predicts a sine with the network of `float`, whose weights alone are int8.

#![no_std]
#![no_main]

use feedforward_cortex_m::{NoMemory, check, end, entry};

// `WeightQuantizedMlp::to_rust` wrote this file.
include!("../networks/sine_weights.rs");

include!("../networks/sine_weights_cases.rs");

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

fn predict(x: f32) -> Option<f32> {
    let (mut output, mut scratch) = ([0.0], [0.0; SINE.scratch_len()]);
    SINE.predict_into(&[x], &mut output, &mut scratch).ok()?;
    Some(output[0])
}

#[entry]
fn main() -> ! {
    end(check(&CASES, predict))
}
