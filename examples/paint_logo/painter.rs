//! What is trained, and how: the same on the command line and in the browser (`examples/web`).

use feedforward::activation::Identity;
use feedforward::loss::ScikitSquaredError;
use feedforward::optimizer::{Adagrad, Adam, AdamW, Muon, Nadam, RmsProp, Sgd};
use feedforward::schedule::Cosine;
use feedforward::{Mlp, Schedule, Trainer};

use crate::canvas::Canvas;
use crate::flags::{Flags, Optimizer, Preset};

/// What a user can act on, as one line of text, from here or from the library.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Row and column.
pub const PLACE: usize = 2;

/// Red, green and blue.
pub const COLOURS: usize = 3;

/// Parameters that take all memory would end the program without a word.
const MOST_PARAMETERS: usize = 50_000_000;

/// Loss by which an epoch must improve to count as one that does.
pub const TOLERANCE: f64 = 1e-4;

/// Epochs between checkpoints.
const BETWEEN_CHECKPOINTS: usize = 5;

/// Hidden layers between a place and its red, green and blue.
pub fn network(flags: &Flags, canvas: &Canvas) -> Result<Mlp<f32>> {
    let hidden = flags.hidden();
    if hidden.parameters(canvas.width()) > MOST_PARAMETERS {
        return Err(format!("--hidden: more than {MOST_PARAMETERS} parameters").into());
    }
    let mut builder = Mlp::builder(canvas.width()).seed(flags.seed);
    for &(neurons, count) in &hidden.0 {
        builder = builder.hidden_layers(count, neurons, flags.activation());
    }
    let builder = builder.output(COLOURS, Identity);
    Ok(match flags.initializer() {
        Some(initializer) => builder.initializer(initializer).build()?,
        None => builder.build()?,
    })
}

/// The tutorial's preset is what scikit-learn's `MLPRegressor` does by default; the other one has no
/// penalty, and a learning rate that falls to zero, along its updates or along `in_time`.
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
            // Without it weights grow, and a long training gets no better than a short one.
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
    let trainer = match flags.patience() {
        Some(epochs) => trainer.tolerance(TOLERANCE, epochs),
        None => trainer,
    };
    match &flags.checkpoint {
        Some(path) => trainer.checkpoint(path, BETWEEN_CHECKPOINTS),
        None => trainer,
    }
}
