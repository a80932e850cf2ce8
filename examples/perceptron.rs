//! Computes one artificial neuron, step by step.
//!
//! `cargo run --example perceptron`

use feedforward::activation::{Identity, LeakyRelu};
use feedforward::simd::InstructionSet;
use feedforward::{Neuron, Result};

// A `println!` that survives `| head -1`. Your own program needs neither this module nor `say::`.
#[macro_use]
#[path = "common/say.rs"]
mod say;

const INPUTS: [f64; 3] = [1.0, 0.5, -1.0];
const WEIGHTS: [f64; 3] = [0.7, 0.6, 1.4];
const BIAS: f64 = -0.1;
const SLOPE: f64 = 0.1;

fn main() -> Result<()> {
    say::no_flags("Computes one artificial neuron, step by step.");
    let neuron = Neuron::new(WEIGHTS, BIAS, LeakyRelu::new(SLOPE))?;

    println!("A neuron multiplies each input by its weight, adds the products up in order,");
    println!("adds its bias, and passes the result through its activation function.");
    println!();
    println!("   input     weight    product    sum so far");
    for (index, (input, weight)) in INPUTS.iter().zip(WEIGHTS).enumerate() {
        let product = input * weight;
        let so_far = sum_of_first(index + 1)?;
        println!("  {input:>6}  x  {weight:>6}  =  {product:>6}    {so_far}");
    }
    println!();
    println!("  sum              {}", sum_of_first(INPUTS.len())?);
    println!("  bias             {}", neuron.bias());
    println!("  sum + bias       {}", neuron.pre_activation(&INPUTS)?);
    println!(
        "  {:<16} {}",
        neuron.activation().name(),
        neuron.output(&INPUTS)?
    );
    println!();
    println!("On paper the output is -0.05. Floating-point numbers cannot hold 0.7, 0.6, 1.4");
    println!("and 0.1 exactly, and {}.", rounding());
    println!("The last line is the output of the neuron.");
    println!();
    println!("{}", neuron.output(&INPUTS)?);
    Ok(())
}

/// Returns the sum after the first `count` inputs, as the output of a neuron with only these inputs
/// and no bias. Each step is therefore the crate's own arithmetic.
fn sum_of_first(count: usize) -> Result<f64> {
    Neuron::new(&WEIGHTS[..count], 0.0, Identity)?.output(&INPUTS[..count])
}

fn rounding() -> &'static str {
    if InstructionSet::active().is_fused() {
        "each step, a fused multiply-add, rounds its sum once"
    } else {
        "without fused multiply-add each step rounds twice, product and sum"
    }
}
