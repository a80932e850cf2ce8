//! Predicts a sine with the network of `float`, without the crate.

#![no_std]
#![no_main]

use feedforward_cortex_m::{check, end, entry};

// `to_rust_standalone` wrote this file.
include!("../networks/sine_f32_alone.rs");

include!("../networks/sine_f32_cases.rs");

fn predict(x: f32) -> Option<f32> {
    Some(sine::predict(&[x])[0])
}

#[entry]
fn main() -> ! {
    end(check(&CASES, predict))
}
