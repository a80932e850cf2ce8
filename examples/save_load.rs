//! Saves and loads a network, and resumes a training run: `cargo run --example save_load`.

use feedforward::activation::{Identity, Tanh};
use feedforward::{Mlp, Samples, Trainer, TrainerState, loss, optimizer};

// A `println!` that survives `| head -1`. Your own program needs neither this module nor `say::`.
#[macro_use]
#[path = "common/say.rs"]
mod say;

const MODEL: &str = "out/model.safetensors";
const CHECKPOINT: &str = "out/checkpoint.safetensors";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    say::no_flags("Saves and loads a network, and resumes a training run.");
    std::fs::create_dir_all("out")?;
    let (x, y) = ([-2.0, -1.0, 0.0, 1.0, 2.0], [4.0, 1.0, 0.0, 1.0, 4.0]);
    let layers = Mlp::<f64>::builder(1).hidden(8, Tanh).output(1, Identity);
    let mut resumed = layers.build()?; // untrained so far
    let trainer = Trainer::new(loss::SquaredError, optimizer::Adam::new(0.05));
    let trainer = trainer.batch_size(5).epochs(200);
    let mut net = resumed.clone();
    trainer.fit(&mut net, &x, &y)?;

    net.save(MODEL)?;
    let loaded = Mlp::<f64>::load(MODEL)?;
    assert_eq!(loaded.predict(&x)?, net.predict(&x)?); // bit-identical

    // This run stops after 120 epochs. It writes a checkpoint every 40 epochs.
    let stopped = trainer.clone().epochs(120).checkpoint(CHECKPOINT, 40);
    stopped.fit(&mut resumed.clone(), &x, &y)?;

    // The resumed run ends with the parameters of the uninterrupted one.
    let mut state = TrainerState::load(CHECKPOINT, &trainer, &mut resumed)?;
    trainer.resume(&mut resumed, &mut state, &Samples::new(&x, &y))?;
    assert_eq!(resumed.params(), net.params());
    println!("The loaded and the resumed network are bit-identical to the trained one.");
    println!("Wrote {MODEL}, {CHECKPOINT}");
    Ok(())
}
