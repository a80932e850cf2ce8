//! Predicts how dear homes are, with the model of a table in flash, without allocation. Words may
//! be new, and cells missing. Runs also on a Cortex-M0, which has no atomic operations on pointers.

#![no_std]
#![no_main]

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;

use feedforward::Error;
use feedforward_cortex_m::{end, entry, hprintln};

/// Model that `TabularModel::to_rust` wrote.
mod homes {
    include!("../homes.rs");
    include!("../cases.rs");
}

/// Allocator without memory. The crate links `alloc`, which requires an allocator.
struct Nothing;

// SAFETY: no block is ever returned, so none can be invalid or be deallocated.
unsafe impl GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        null_mut()
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Nothing = Nothing;

#[entry]
fn main() -> ! {
    end(run() == Ok(true))
}

fn run() -> Result<bool, Error> {
    let mut right = true;
    for (index, (row, expected)) in homes::CASES.iter().enumerate() {
        let probabilities = homes::predict(row)?;
        for (class, p) in homes::CLASSES.iter().zip(probabilities) {
            hprintln!("home {}: {} with probability {:.3}", index + 1, class, p);
        }
        right &= probabilities.map(f64::to_bits) == expected.map(f64::to_bits);
    }
    Ok(right)
}
