//! The program of the example `paint_logo`.

use std::fmt::Display;
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
    prepare(flags)?;
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

/// Checks that all files of this run are writable.
fn prepare(flags: &Flags) -> Result<()> {
    if flags.seeds.is_some() {
        return Ok(());
    }
    picture::prepare_folder(&flags.out)?;
    let names: &[&str] = if flags.race {
        &["race.png", "race.gif"]
    } else if flags.load.is_some() {
        &["painting.png"]
    } else {
        &["painting.png", "sheet.png", "painting.gif", "enlarged.png"]
    };
    for name in names.iter().chain(flags.neurons.then_some(&"neurons.png")) {
        say::prepare_file(&flags.out.join(name))?;
    }
    flags.save.as_deref().map_or(Ok(()), picture::prepare_model)
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
    let mut saved = Ok(());
    if let Some(path) = &flags.save {
        saved = canvas.with_network(net).save(path);
        files.extend(saved.is_ok().then(|| path.clone()));
    }
    announce(flags, canvas);
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
        outcome.epochs(),
        outcome.loss(),
        outcome.seconds,
        clock.total() - clock.trained(),
        net.params().len(),
    );
    say::wrote(&files);
    // The pictures of a long run are worth having without the network too.
    Ok(saved?)
}

/// Prints the size of a large painting, which takes long.
fn announce(flags: &Flags, canvas: &Canvas) {
    const LARGE: u64 = 1 << 20;
    let (width, height) = canvas.enlarged();
    if !flags.quiet && u64::from(width) * u64::from(height) > LARGE {
        println!("Painting  {width} x {height} pixels");
    }
}

/// Paints with a network from a file.
fn load(flags: &Flags, path: &Path) -> Result<()> {
    let explain = |error: Box<dyn std::error::Error>| format!("{}: {error}", path.display());
    let file = ModelFile::<f32>::load(path)?;
    let canvas = Canvas::of_file(&file, flags.scale.unwrap_or(1)).map_err(explain)?;
    announce(flags, &canvas);
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
        "Picture   {}, {} of {}",
        picture.name(),
        counted(rows, "row"),
        counted(columns, "pixel"),
    );
    println!(
        "Network   {} -> {} {} -> {COLORS}, {} parameters",
        net.inputs(),
        flags.hidden(),
        flags.activation().name(),
        net.params().len(),
    );
    let epochs = flags.epochs().map(|most| counted(most, "epoch"));
    let seconds = flags.seconds().map(|most| counted(most, "second"));
    let most: Vec<_> = epochs.into_iter().chain(seconds).collect();
    println!(
        "Training  {}, learning rate {}, at most {}",
        flags.optimizer(),
        flags.learning_rate(),
        most.join(" or "),
    );
}

/// Returns a number and what it counts, such as `1 row` or `2 rows`.
fn counted(count: impl Display, noun: &str) -> String {
    let count = count.to_string();
    let ending = if count == "1" { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

fn report_stop(flags: &Flags, outcome: &Outcome) {
    if outcome.stopped_by == StopReason::Callback && training::interrupted() {
        println!(
            "Stopped   by Ctrl-C, after {}",
            counted(outcome.epochs(), "epoch")
        );
    }
    if outcome.stopped_by == StopReason::Tolerance {
        println!(
            "Stopped   after {}: more than {} in a row did not lower the best loss by {TOLERANCE}",
            counted(outcome.epochs(), "epoch"),
            flags.patience().unwrap_or(0),
        );
    }
}
