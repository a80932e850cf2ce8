//! Network and trainer, shared by the command line and the browser (`examples/web`).

use std::sync::Arc;

use feedforward::activation::Identity;
use feedforward::encoding::{Fourier, Grid, GridSettings};
use feedforward::loss::ScikitSquaredError;
use feedforward::optimizer::{Adagrad, Adam, AdamW, Muon, Nadam, RmsProp, Sgd};
use feedforward::schedule::Cosine;
use feedforward::{Encoding, Mlp, Schedule, Trainer};

use crate::canvas::Canvas;
use crate::flags::{Flags, Input, Optimizer, Preset};

/// Result whose error is a line of text that a user can act on.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Number of coordinates of a place: row and column.
pub const PLACE: usize = 2;

/// Number of parts of a color: red, green and blue.
pub const COLORS: usize = 3;

/// Maximum number of parameters. More could use up all memory, which ends a program silently.
pub const MOST_PARAMETERS: usize = 50_000_000;

/// Minimum decrease of the loss that counts as an improvement.
pub const TOLERANCE: f64 = 1e-4;

/// Number of epochs between checkpoints.
const BETWEEN_CHECKPOINTS: usize = 5;

/// Maximum of `--frequencies`, more than any picture needs.
const MOST_FREQUENCIES: usize = 4096;

/// Builds the encoding in front of the network's layers, if there is one.
fn encoding(flags: &Flags, canvas: &Canvas) -> Result<Option<Arc<dyn Encoding<f32>>>> {
    Ok(match flags.input() {
        Input::Raw | Input::Centered => None,
        Input::Fourier => {
            if flags.frequencies() > MOST_FREQUENCIES {
                let (most, got) = (MOST_FREQUENCIES, flags.frequencies());
                return Err(format!("--frequencies: expected 1 to {most}, got {got}").into());
            }
            let fourier = Fourier::new(PLACE, flags.frequencies(), flags.sigma(), flags.seed)
                .map_err(|error| format!("--frequencies, --sigma: {error}"))?;
            Some(Arc::new(fourier))
        }
        Input::Grid => Some(Arc::new(grid(flags, canvas.size())?)),
    })
}

/// Returns the grid for a picture of this width and height. It has as many entries as the
/// bound on all parameters permits.
///
/// Levels reach from coarse cells to about the size of pixels. Small pictures stop earlier, so that
/// the painting is smooth between the pixels.
fn grid(flags: &Flags, (columns, rows): (u32, u32)) -> Result<Grid> {
    let side = columns.max(rows) as usize;
    let (levels, finest) = match side {
        257.. => (8, side),
        _ => (6, (side * 16 / 25).max(2)),
    };
    let most = flags.parameters(columns as usize * rows as usize);
    let mut settings = GridSettings {
        levels: levels.min(finest.ilog2() as usize + 1),
        coarsest: (finest / 32).max(8).min(finest),
        finest,
        max_entries: 1 << 20,
        ..GridSettings::new(PLACE)
    };
    loop {
        let grid = Grid::new(settings)?;
        let width = Encoding::<f32>::outputs(&grid);
        let entries = Encoding::<f32>::params_len(&grid);
        let all = flags
            .hidden()
            .parameters(width, COLORS)
            .saturating_add(entries);
        if all <= most {
            return Ok(grid);
        }
        if settings.max_entries == 1 {
            return Err(format!(
                "--hidden: the smallest grid and the layers have {all} parameters, and {most} are allowed; raise this by --parameters"
            )
            .into());
        }
        settings.max_entries /= 2;
    }
}

/// Builds the untrained network, from a place to its color.
pub fn network(flags: &Flags, canvas: &Canvas) -> Result<Mlp<f32>> {
    let (hidden, encoding) = (flags.hidden(), encoding(flags, canvas)?);
    let width = encoding.as_ref().map_or(PLACE, Encoding::outputs);
    let (got, most) = (hidden.parameters(width, COLORS), flags.most_parameters());
    if got > most {
        let flag = if most == MOST_PARAMETERS {
            "--hidden"
        } else {
            "--parameters"
        };
        return Err(format!("{flag}: expected at most {most} parameters, got {got}").into());
    }
    let mut builder = Mlp::builder(PLACE).seed(flags.seed);
    if let Some(encoding) = encoding {
        builder = builder.encoding(encoding);
    }
    for &(neurons, count) in &hidden.0 {
        builder = builder.hidden_layers(count, neurons, flags.activation());
    }
    let builder = builder.output(COLORS, Identity);
    Ok(match flags.initializer() {
        Some(initializer) => builder.initializer(initializer).build()?,
        None => builder.build()?,
    })
}

/// Returns Adam for the entries of a grid, whose gradients are small.
fn for_grid(rate: f64) -> Adam {
    Adam {
        beta2: 0.99,
        epsilon: 1e-15,
        ..Adam::new(rate)
    }
}

/// Builds the trainer. The tutorial's preset trains as scikit-learn's `MLPRegressor` does by
/// default. The other presets have no penalty. Their learning rates fall to zero over all updates,
/// or by `in_time`.
pub fn trainer(
    flags: &Flags,
    batch: usize,
    in_time: Option<impl Schedule + 'static>,
) -> Trainer<f32> {
    let (loss, rate) = (ScikitSquaredError, flags.learning_rate());
    let has_grid = matches!(flags.input(), Input::Grid);
    let trainer = match flags.optimizer() {
        Optimizer::Sgd => Trainer::new(loss, Sgd::scikit_learn(rate)),
        Optimizer::RmsProp => Trainer::new(loss, RmsProp::new(rate)),
        Optimizer::Adagrad => Trainer::new(loss, Adagrad::new(rate)),
        Optimizer::Adam if has_grid => Trainer::new(loss, for_grid(rate)),
        Optimizer::Adam => Trainer::new(loss, Adam::scikit_learn(rate)),
        Optimizer::AdamW => Trainer::new(loss, AdamW::new(rate)),
        Optimizer::Nadam => Trainer::new(loss, Nadam::new(rate)),
        Optimizer::Muon => {
            let mut muon = Muon::new(rate);
            // Without decay weights grow, and longer training runs improve no further.
            muon.weight_decay = 0.1;
            if has_grid {
                (muon.first_layer, muon.adam) = (true, for_grid(0.01));
            }
            Trainer::new(loss, muon)
        }
    };
    let trainer = trainer
        .epochs(flags.epochs().unwrap_or(usize::MAX))
        .batch_size(batch)
        .seed(flags.seed);
    let trainer = match (flags.preset(), in_time) {
        (Preset::Grid | Preset::Fourier, None) => trainer.schedule(Cosine::default()),
        (Preset::Grid | Preset::Fourier, Some(in_time)) => trainer.schedule(in_time),
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
