//! Predicts a sine with the network of `quantized`, without the crate.

#![no_std]
#![no_main]

use feedforward_cortex_m::{check, end, entry};

// `to_rust_standalone` wrote this file.
include!("../networks/sine_int8_alone.rs");

include!("../networks/sine_int8_cases.rs");

fn predict(x: i8) -> Option<i32> {
    Some(sine::predict_integers(&[x])[0])
}

#[entry]
fn main() -> ! {
    end(check(&CASES, predict))
}
