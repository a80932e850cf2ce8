//! Compares the crate with the machine's limit and with other crates: `cargo bench`.
//!
//! Every figure is compared with the FMA peak that the same run measured, and with other crates on
//! the same job. `cargo bench -- train_epoch` runs one group. The final table is always printed.

mod activations;
mod encodings;
#[path = "../../tests/source/generated.rs"]
#[allow(dead_code)] // its other network is for the lints
mod generated;
mod jobs;
mod peak;
mod predict;
mod products;
mod quantized;
mod table;
mod training;

use criterion::Criterion;

fn main() {
    let started = std::time::SystemTime::now();
    let mut criterion = Criterion::default().configure_from_args();
    peak::benchmark(&mut criterion);
    training::benchmark(&mut criterion);
    products::benchmark(&mut criterion);
    activations::benchmark(&mut criterion);
    encodings::benchmark(&mut criterion);
    predict::benchmark(&mut criterion);
    quantized::benchmark(&mut criterion);
    criterion.final_summary();
    table::print(started);
}
