//! Predicts with a network in flash, without allocation. Runs also on a Cortex-M0, which has no
//! atomic operations on pointers.

#![no_std]
#![no_main]

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;

use feedforward::activation::{Identity, Relu};
use feedforward::{Error, LayerSpec, MlpRef};
use feedforward_cortex_m::{end, entry, hprintln};

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

// XOR by two hidden neurons. One counts the ones, and the other is 1 only for two ones.
static PARAMS: [f32; 9] = [1.0, 1.0, 1.0, 1.0, 0.0, -1.0, 1.0, -2.0, 0.0];
static LAYERS: [LayerSpec<f32>; 2] = [LayerSpec::new(2, &Relu), LayerSpec::new(1, &Identity)];
static NET: MlpRef<f32> = MlpRef::constant(2, &LAYERS, &PARAMS);
const SCRATCH: usize = NET.scratch_len();

#[entry]
fn main() -> ! {
    end(run() == Ok(true))
}

fn run() -> Result<bool, Error> {
    let (mut output, mut scratch) = ([0.0], [0.0; SCRATCH]);
    let mut right = true;
    for (input, expected) in [
        ([0.0, 0.0], 0.0),
        ([0.0, 1.0], 1.0),
        ([1.0, 0.0], 1.0),
        ([1.0, 1.0], 0.0),
    ] {
        NET.predict_into(&input, &mut output, &mut scratch)?;
        hprintln!("{} xor {} = {}", input[0], input[1], output[0]);
        right &= output[0] == expected;
    }
    Ok(right)
}
