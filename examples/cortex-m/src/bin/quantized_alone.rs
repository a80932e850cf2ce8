//! Predicts a sine with the network of `quantized`, without the crate.

#![no_std]
#![no_main]

use feedforward_cortex_m::{check, end, entry};

// `to_rust_standalone` wrote this file.
#[allow(dead_code)]
mod alone {
    include!("../networks/sine_int8_alone.rs");
}

#[allow(dead_code)]
mod cases {
    include!("../networks/sine_cases.rs");
}

fn predict(x: i8) -> Option<i32> {
    Some(alone::sine::predict_integers(&[x])[0])
}

#[entry]
fn main() -> ! {
    end(check(&cases::INT8, predict))
}
