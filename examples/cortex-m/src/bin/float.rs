//! Predicts a sine with the network of `quantized` in f32.

#![no_std]
#![no_main]

use feedforward_cortex_m::{NoMemory, check, end, entry};

// `Mlp::to_rust` wrote this file.
include!("../networks/sine_f32.rs");

include!("../networks/sine_f32_cases.rs");

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
