//! Learns XOR on the microcontroller, with an explicit training loop, and predicts.

#![no_std]
#![no_main]

use embedded_alloc::LlffHeap as Heap;
use feedforward::activation::{Identity, Tanh};
use feedforward::loss::SquaredError;
use feedforward::optimizer::{Adam, State};
use feedforward::{Error, GradientWorkspace, Mlp, Predictor};
use feedforward_cortex_m::{end, entry, hprintln};

#[global_allocator]
static HEAP: Heap = Heap::empty();

const INPUTS: [f32; 8] = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
const TARGETS: [f32; 4] = [0.0, 1.0, 1.0, 0.0];

const HEAP_BYTES: usize = 64 * 1024;

#[entry]
fn main() -> ! {
    // SAFETY: this is called once, before any allocation.
    unsafe {
        embedded_alloc::init!(HEAP, HEAP_BYTES);
    }
    let learned = match run() {
        Ok(learned) => learned,
        Err(error) => {
            hprintln!("{}", error);
            false
        }
    };
    end(learned)
}

fn run() -> Result<bool, Error> {
    let mut net = Mlp::<f32>::builder(2)
        .hidden(8, Tanh)
        .output(1, Identity)
        .seed(42)
        .build()?;

    let adam = Adam::new(0.05);
    let mut gradient = GradientWorkspace::new(&net);
    let mut state = State::new(&adam, net.layout())?;
    for step in 0..=200 {
        let loss = gradient.compute(&net, &INPUTS, &TARGETS, &SquaredError)?;
        if step % 50 == 0 {
            hprintln!("step {:3}: loss {:e}", step, loss);
        }
        state.update(&adam, 0.05, net.params_mut(), gradient.values())?;
    }

    let mut predictor = Predictor::new(net)?;
    let mut outputs = [0.0; 4];
    predictor.predict_into(&INPUTS, &mut outputs)?;
    for (input, output) in INPUTS.chunks(2).zip(&outputs) {
        hprintln!("{} xor {} = {:.3}", input[0], input[1], output);
    }
    hprintln!("heap in use: {} bytes of {}", HEAP.used(), HEAP_BYTES);
    Ok(outputs
        .iter()
        .zip(&TARGETS)
        .all(|(y, t)| (y - t).abs() < 0.01))
}
