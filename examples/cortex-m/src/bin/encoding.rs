//! Predicts with a network in flash behind a grid, without allocation: the temperature of a sensor
//! from its measured voltage. Runs also on a Cortex-M0, which has no atomic operations on pointers.

#![no_std]
#![no_main]

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;

use feedforward::activation::Identity;
use feedforward::encoding::{Grid, GridSettings};
use feedforward::{EncodingSpec, Error, LayerSpec, MlpRef};
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

// A curve through five points, as training finds it. In front of one neuron that passes it on.
static GRID: Grid = Grid::constant(GridSettings {
    levels: 1,
    coarsest: 4,
    finest: 4,
    features: 1,
    ..GridSettings::new(1)
});
const ENCODING: EncodingSpec<f32> = EncodingSpec {
    inputs: 1,
    outputs: 1,
    params_len: 5,
    encoding: &GRID,
};
static LAYERS: [LayerSpec<f32>; 1] = [LayerSpec::new(1, &Identity)];
// Weight and bias of the neuron, then degrees at 0, 1/4, 1/2, 3/4 and all of the voltage.
static PARAMS: [f32; 7] = [1.0, 0.0, 125.0, 51.5, 25.0, -1.5, -40.0];
static NET: MlpRef<f32> = MlpRef::constant_with_encoding(ENCODING, &LAYERS, &PARAMS);
const SCRATCH: usize = NET.scratch_len();

#[entry]
fn main() -> ! {
    end(run() == Ok(true))
}

fn run() -> Result<bool, Error> {
    let (mut output, mut scratch) = ([0.0], [0.0; SCRATCH]);
    let mut right = true;
    for (voltage, expected) in [(0.5, 25.0), (0.375, 38.25), (0.9375, -30.375)] {
        NET.predict_into(&[voltage], &mut output, &mut scratch)?;
        hprintln!("at {} of the voltage: {} degrees", voltage, output[0]);
        right &= output[0] == expected;
    }
    Ok(right)
}
