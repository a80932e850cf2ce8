//! Network and trainer, shared by the command line and the browser (`examples/web`).

use feedforward::activation::Identity;
use feedforward::loss::ScikitSquaredError;
use feedforward::optimizer::{Adagrad, Adam, AdamW, Muon, Nadam, RmsProp, Sgd};
use feedforward::schedule::Cosine;
use feedforward::{Mlp, Schedule, Trainer};

use crate::canvas::Canvas;
use crate::flags::{Flags, Optimizer, Preset};

/// Result whose error is a line of text that a user can act on.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Number of coordinates of a place: row and column.
pub const PLACE: usize = 2;

/// Number of parts of a color: red, green and blue.
pub const COLORS: usize = 3;

/// Maximum number of parameters. More could use up all memory, which ends a program silently.
const MOST_PARAMETERS: usize = 50_000_000;

/// Minimum decrease of the loss that counts as an improvement.
pub const TOLERANCE: f64 = 1e-4;

/// Number of epochs between checkpoints.
const BETWEEN_CHECKPOINTS: usize = 5;

/// Builds the untrained network, from a place to its color.
pub fn network(flags: &Flags, canvas: &Canvas) -> Result<Mlp<f32>> {
    let hidden = flags.hidden();
    if hidden.parameters(canvas.width()) > MOST_PARAMETERS {
        return Err(format!("--hidden: more than {MOST_PARAMETERS} parameters").into());
    }
    let mut builder = Mlp::builder(canvas.width()).seed(flags.seed);
    for &(neurons, count) in &hidden.0 {
        builder = builder.hidden_layers(count, neurons, flags.activation());
    }
    let builder = builder.output(COLORS, Identity);
    Ok(match flags.initializer() {
        Some(initializer) => builder.initializer(initializer).build()?,
        None => builder.build()?,
    })
}

/// Builds the trainer. The tutorial's preset trains as scikit-learn's `MLPRegressor` does by
/// default. The other preset has no penalty. Its learning rate falls to zero over all updates, or
/// by `in_time`.
pub fn trainer(
    flags: &Flags,
    batch: usize,
    in_time: Option<impl Schedule + 'static>,
) -> Trainer<f32> {
    let (loss, rate) = (ScikitSquaredError, flags.learning_rate());
    let trainer = match flags.optimizer() {
        Optimizer::Sgd => Trainer::new(loss, Sgd::scikit_learn(rate)),
        Optimizer::RmsProp => Trainer::new(loss, RmsProp::new(rate)),
        Optimizer::Adagrad => Trainer::new(loss, Adagrad::new(rate)),
        Optimizer::Adam => Trainer::new(loss, Adam::scikit_learn(rate)),
        Optimizer::AdamW => Trainer::new(loss, AdamW::new(rate)),
        Optimizer::Nadam => Trainer::new(loss, Nadam::new(rate)),
        Optimizer::Muon => {
            // Without decay weights grow, and longer training runs improve no further.
            let weight_decay = 0.1;
            let muon = Muon::new(rate);
            Trainer::new(
                loss,
                Muon {
                    weight_decay,
                    ..muon
                },
            )
        }
    };
    let trainer = trainer
        .epochs(flags.epochs().unwrap_or(usize::MAX))
        .batch_size(batch)
        .seed(flags.seed);
    let trainer = match (flags.preset(), in_time) {
        (Preset::Paint, None) => trainer.schedule(Cosine::default()),
        (Preset::Paint, Some(in_time)) => trainer.schedule(in_time),
        (Preset::Tutorial, _) => trainer.l2(1e-4),
    };
    let trainer = match flags.threads {
        Some(threads) => trainer.threads(threads),
        None => trainer,
    };
    let trainer = match flags.patience() {
        Some(epochs) => trainer.tolerance(TOLERANCE, epochs),
        None => trainer,
    };
    match &flags.checkpoint {
        Some(path) => trainer.checkpoint(path, BETWEEN_CHECKPOINTS),
        None => trainer,
    }
}
