//! Learns XOR, which no single neuron can: `cargo run --example xor`.

use feedforward::activation::{Identity, Tanh};
use feedforward::loss::SquaredError;
use feedforward::optimizer::Adam;
use feedforward::{Mlp, Result, Trainer};

// A `println!` that survives `| head -1`. Your own program needs neither this module nor `say::`.
#[macro_use]
#[path = "common/say.rs"]
mod say;

fn main() -> Result<()> {
    say::no_flags("Learns XOR, which no single neuron can.");
    // Four samples, row after row: two inputs and one target each.
    let inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
    let targets = [0.0, 1.0, 1.0, 0.0];

    // Two inputs, eight hidden neurons, one output.
    let layers = Mlp::<f64>::builder(2).hidden(8, Tanh);
    let mut net = layers.output(1, Identity).build()?;
    let trainer = Trainer::new(SquaredError, Adam::new(0.05));
    let trainer = trainer.batch_size(4).epochs(100);
    trainer.fit(&mut net, &inputs, &targets)?;

    println!("a  b   a xor b   network");
    let answers = net.predict(&inputs)?;
    for ((row, target), answer) in inputs.chunks(2).zip(targets).zip(answers) {
        println!("{}  {}   {target:<7}   {answer:.4}", row[0], row[1]);
    }
    println!("The network has learned XOR from four samples.");
    Ok(())
}
