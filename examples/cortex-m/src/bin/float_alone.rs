//! Predicts a sine with the network of `float`, without the crate.

#![no_std]
#![no_main]

use feedforward_cortex_m::{check, end, entry};

// `to_rust_standalone` wrote this file.
#[allow(dead_code)]
mod alone {
    include!("../networks/sine_f32_alone.rs");
}

#[allow(dead_code)]
mod cases {
    include!("../networks/sine_cases.rs");
}

fn predict(x: f32) -> Option<f32> {
    Some(alone::sine::predict(&[x])[0])
}

#[entry]
fn main() -> ! {
    end(check(&cases::F32, predict))
}
