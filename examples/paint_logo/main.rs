//! Teaches a picture to a network: from a pixel's row and column to its colour.
//!
//! `cargo run --example paint_logo`, and `-- --help` for what can be changed. The pictures in
//! `docs` were made with `--scale 4`.

use std::path::Path;
use std::process::ExitCode;

use feedforward::activation::Identity;
use feedforward::init::ScikitLearn;
use feedforward::loss::ScikitSquaredError;
use feedforward::optimizer::{Adagrad, Adam, AdamW, Muon, Nadam, RmsProp, Sgd};
use feedforward::schedule::Cosine;
use feedforward::{Mlp, StopReason, Trainer};

use canvas::Canvas;
use flags::{Flags, Optimizer, Preset};
use picture::Picture;
use training::Outcome;

mod canvas;
mod flags;
mod picture;
mod training;

/// What a user can act on, as one line of text, from here or from the library.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Row and column.
const PLACE: usize = 2;

/// Red, green and blue.
const COLOURS: usize = 3;

/// Parameters that take all memory would end the program without a word.
const MOST_PARAMETERS: usize = 50_000_000;

/// Loss by which an epoch must improve to count as one that does.
const TOLERANCE: f64 = 1e-4;

fn main() -> ExitCode {
    match flags::read().and_then(|flags| run(&flags)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let words: Vec<_> = error
                .to_string()
                .split_whitespace()
                .map(String::from)
                .collect();
            eprintln!("paint_logo: {}", words.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<()> {
    let picture = Picture::load(flags.image.as_deref())?;
    let canvas = Canvas::new((picture.rows(), picture.columns()), flags)?;
    picture::prepare_folder(&flags.out)?;

    let mut net = network(flags, &canvas)?;
    let trainer = trainer(flags, &picture);
    describe(flags, &picture, &net);

    let outcome = training::run(&trainer, &mut net, &picture, &canvas, flags.epochs())?;
    report_stop(flags, &outcome);
    report_pixel(&net, &picture, &canvas)?;
    save(&flags.out, &net, &picture, &canvas)?;

    let history = &outcome.history;
    println!(
        "epochs={} loss={:.4e} psnr={:.2} seconds={:.3} parameters={}",
        history.epochs.len(),
        history.loss(),
        picture.psnr(&canvas.paint_pixels(&net)?)?,
        outcome.seconds,
        net.params().len(),
    );
    Ok(())
}

/// Hidden layers between a place and its red, green and blue. The tutorial's initial weights are
/// scikit-learn's.
fn network(flags: &Flags, canvas: &Canvas) -> Result<Mlp<f32>> {
    let hidden = flags.hidden();
    if hidden.parameters(canvas.width()) > MOST_PARAMETERS {
        return Err(format!("--hidden: more than {MOST_PARAMETERS} parameters").into());
    }
    let mut builder = Mlp::builder(canvas.width()).seed(flags.seed);
    for &(neurons, count) in &hidden.0 {
        builder = builder.hidden_layers(count, neurons, flags.activation.clone());
    }
    let builder = builder.output(COLOURS, Identity);
    Ok(match flags.preset {
        Preset::Paint => builder.build()?,
        Preset::Tutorial => builder.initializer(ScikitLearn).build()?,
    })
}

/// The tutorial's preset is what scikit-learn's `MLPRegressor` does by default; the other one has no
/// penalty, and a learning rate that falls to zero.
fn trainer(flags: &Flags, picture: &Picture) -> Trainer<f32> {
    let (loss, rate) = (ScikitSquaredError, flags.learning_rate());
    let trainer = match flags.optimizer() {
        Optimizer::Sgd => Trainer::new(loss, Sgd::scikit_learn(rate)),
        Optimizer::RmsProp => Trainer::new(loss, RmsProp::new(rate)),
        Optimizer::Adagrad => Trainer::new(loss, Adagrad::new(rate)),
        Optimizer::Adam => Trainer::new(loss, Adam::scikit_learn(rate)),
        Optimizer::AdamW => Trainer::new(loss, AdamW::new(rate)),
        Optimizer::Nadam => Trainer::new(loss, Nadam::new(rate)),
        Optimizer::Muon => Trainer::new(loss, Muon::new(rate)),
    };
    let pixels = picture.rows() as usize * picture.columns() as usize;
    let trainer = trainer
        .epochs(flags.epochs())
        .batch_size(flags.batch(pixels))
        .seed(flags.seed);
    let trainer = match flags.preset {
        Preset::Paint => trainer.schedule(Cosine::default()),
        Preset::Tutorial => trainer.l2(1e-4),
    };
    match flags.patience() {
        Some(epochs) => trainer.tolerance(TOLERANCE, epochs),
        None => trainer,
    }
}

fn describe(flags: &Flags, picture: &Picture, net: &Mlp<f32>) {
    println!(
        "Picture   {}, {} rows of {} pixels",
        picture.name(),
        picture.rows(),
        picture.columns(),
    );
    println!(
        "Network   {} -> {} {} -> {COLOURS}, {} parameters",
        net.inputs(),
        flags.hidden(),
        flags.activation.name(),
        net.params().len(),
    );
    println!(
        "Training  {}, learning rate {}, at most {} epochs",
        flags.optimizer(),
        flags.learning_rate(),
        flags.epochs(),
    );
}

fn report_stop(flags: &Flags, outcome: &Outcome) {
    if outcome.history.stopped_by == StopReason::Tolerance {
        println!(
            "Stopped   after {} epochs: more than {} in a row without a loss {} below the best",
            outcome.history.epochs.len(),
            flags.patience().unwrap_or(0),
            TOLERANCE,
        );
    }
}

/// Prints one pixel's prediction, not clipped, next to its true colour: the tutorial's
/// (1, 1), or the nearest that a tiny picture has.
fn report_pixel(net: &Mlp<f32>, picture: &Picture, canvas: &Canvas) -> Result<()> {
    let (row, column) = (1.min(picture.rows() - 1), 1.min(picture.columns() - 1));
    let painted = net.predict(&canvas.inputs(row.into(), column.into()))?;
    let text = |colour: &[f32]| match colour {
        [r, g, b] => format!("({r:.3}, {g:.3}, {b:.3})"),
        _ => String::new(),
    };
    println!(
        "Pixel     ({row}, {column}) is painted {}, true is {}",
        text(&painted),
        text(&picture.colour(row, column)),
    );
    Ok(())
}

fn save(folder: &Path, net: &Mlp<f32>, picture: &Picture, canvas: &Canvas) -> Result<()> {
    let painting = canvas.paint(net)?;
    let comparison = canvas.beside(picture.image(), &painting);
    for (name, image) in [("painting.png", painting), ("comparison.png", comparison)] {
        let path = folder.join(name);
        picture::save(&image, &path)?;
        println!("Saved     {}", path.display());
    }
    Ok(())
}
