//! Trains with a training loop of your own: `cargo run --example custom_loop`.

use feedforward::activation::{Identity, Tanh};
use feedforward::loss::SquaredError;
use feedforward::optimizer::{Adam, State};
use feedforward::train::Batches;
use feedforward::{GradientWorkspace, Mlp, Result, Samples};

// A `println!` that survives `| head -1`. Your own program needs neither this module nor `say::`.
#[macro_use]
#[path = "common/say.rs"]
mod say;

fn main() -> Result<()> {
    say::no_flags("Trains with a training loop of your own.");
    let inputs: Vec<f64> = (0..64).map(|i| f64::from(i) / 10.0 - 3.2).collect();
    let targets: Vec<f64> = inputs.iter().map(|x| x.sin()).collect();
    let samples = Samples::new(&inputs, &targets);
    let layers = Mlp::builder(1).hidden_layers(2, 16, Tanh);
    let mut net = layers.output(1, Identity).build()?;

    let adam = Adam::new(0.02);
    let mut state = State::new(&adam, net.layout())?; // Adam's moments
    let mut gradient = GradientWorkspace::new(&net); // memory that all updates reuse
    let mut batches = Batches::new(64, 16)?.shuffled(0); // four minibatches of 16 rows
    for epoch in 0..=300 {
        let rate = 0.02 * (1.0 - epoch as f64 / 300.0); // a schedule: down to zero
        let mut sum = 0.0;
        for rows in batches.epoch(epoch) {
            // Forward and backward pass. The result is the mean loss of the minibatch.
            sum += gradient.compute_samples(&net, &samples.rows(rows), &SquaredError)?;
            state.update(&adam, rate, net.params_mut(), gradient.values())?;
        }
        if epoch % 100 == 0 {
            println!("epoch {epoch:3}: loss {:.6}", sum / 4.0);
        }
    }
    let (sine, output) = (1_f64.sin(), net.predict(&[1.0])?[0]);
    println!("The sine of 1 is {sine:.4}. The network says {output:.4}.");
    Ok(())
}
