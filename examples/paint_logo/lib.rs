//! The program of the example `paint_logo`.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use feedforward::{Mlp, ModelFile, StopReason};
use support::{decode, plot, values};

use canvas::Canvas;
use flags::Flags;
use painter::{COLORS, Result, TOLERANCE};
use picture::Picture;
use training::{Outcome, Recording, Training};

#[macro_use]
#[path = "../common/say.rs"]
mod say;

mod canvas;
mod clock;
mod display;
mod flags;
mod gallery;
mod hidden;
mod neurons;
mod painter;
mod picture;
mod race;
mod seeds;
mod subpixels;
mod training;

/// Runs the program with the flags of the command line.
pub fn run() -> ExitCode {
    match paint_with(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::complain(error),
    }
}

fn paint_with(flags: &Flags) -> Result<()> {
    picture::prepare_folder(&flags.out)?;
    if let Some(file) = &flags.save {
        say::prepare_file(file)?;
    }
    if let Some(path) = &flags.load {
        return load(flags, path);
    }
    let picture = Picture::load(flags.image.as_deref(), flags.ground)?.reduced();
    for note in picture.notes() {
        println!("Note      {}: {note}", picture.name());
    }
    match flags.seeds {
        _ if flags.race => race::run(flags, &picture),
        Some(count) => seeds::run(flags, count, &picture),
        None => paint(flags, &picture),
    }
}

fn paint(flags: &Flags, picture: &Picture) -> Result<()> {
    let mut training = Training::new(flags, picture)?;
    let reference = gallery::reference(flags, &training.canvas)?;
    if flags.neurons {
        neurons::check(&training.net)?;
    }
    describe(flags, picture, &training.net);
    training::end_on_ctrl_c()?;
    let outcome = training.run(Recording::Updates, "")?;
    let Training {
        net, canvas, clock, ..
    } = &training;
    report_stop(flags, &outcome);
    let mut files = Vec::new();
    if let Some(path) = &flags.save {
        canvas.with_network(net).save(path)?;
        files.push(path.clone());
    }
    let psnr = gallery::save(
        &flags.out,
        &outcome,
        net,
        picture,
        canvas,
        reference.as_ref(),
        &mut files,
    )?;
    if flags.neurons {
        let path = flags.out.join("neurons.png");
        neurons::save(&path, net, canvas, Some(picture.image()))?;
        files.push(path);
    }
    println!(
        "epochs={} loss={:.4e} psnr={psnr:.2} seconds={:.3} rendering={:.3} parameters={}",
        outcome.history.epochs.len(),
        outcome.loss(),
        outcome.seconds,
        clock.total() - clock.trained(),
        net.params().len(),
    );
    say::wrote(&files);
    Ok(())
}

/// Paints with a network from a file.
fn load(flags: &Flags, path: &Path) -> Result<()> {
    let explain = |error: Box<dyn std::error::Error>| format!("{}: {error}", path.display());
    let file = ModelFile::<f32>::load(path)?;
    let canvas = Canvas::of_file(&file, flags.scale.unwrap_or(1)).map_err(explain)?;
    let painting = canvas.paint(&file.model, canvas.enlarged())?;
    let mut files = vec![flags.out.join("painting.png")];
    plot::save(&painting, &files[0])?;
    if flags.neurons {
        neurons::check(&file.model).map_err(explain)?;
        files.push(flags.out.join("neurons.png"));
        neurons::save(&files[1], &file.model, &canvas, None)?;
    }
    say::wrote(&files);
    Ok(())
}

fn describe(flags: &Flags, picture: &Picture, net: &Mlp<f32>) {
    let (columns, rows) = picture.image().dimensions();
    println!(
        "Picture   {}, {rows} rows of {columns} pixels",
        picture.name()
    );
    println!(
        "Network   {} -> {} {} -> {COLORS}, {} parameters",
        net.inputs(),
        flags.hidden(),
        flags.activation().name(),
        net.params().len(),
    );
    let epochs = flags.epochs().map(|most| format!("{most} epochs"));
    let seconds = flags.seconds().map(|most| format!("{most} seconds"));
    let most: Vec<_> = epochs.into_iter().chain(seconds).collect();
    println!(
        "Training  {}, learning rate {}, at most {}",
        flags.optimizer(),
        flags.learning_rate(),
        most.join(" or "),
    );
}

fn report_stop(flags: &Flags, outcome: &Outcome) {
    if outcome.stopped_by == StopReason::Callback && training::interrupted() {
        println!(
            "Stopped   by Ctrl-C, after {} epochs",
            outcome.history.epochs.len()
        );
    }
    if outcome.stopped_by == StopReason::Tolerance {
        println!(
            "Stopped   after {} epochs: more than {} in a row did not lower the best loss by {TOLERANCE}",
            outcome.history.epochs.len(),
            flags.patience().unwrap_or(0),
        );
    }
}
