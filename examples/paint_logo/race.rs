//! A race of five ways to train a network, for equal times.

use image::{RgbImage, imageops};
use support::panels::{Panel, grid, save_gif, zoom_to};
use support::plot;

use crate::flags::Flags;
use crate::gallery::{SIDE, decibels};
use crate::painter::Result;
use crate::picture::Picture;
use crate::say;
use crate::training::{Record, Recording, Training};

/// Trains one racer after the other, each on all threads, and shows them side by side.
pub fn run(flags: &Flags, picture: &Picture) -> Result<()> {
    let racers = flags.racers();
    let mut records = Vec::new();
    for (name, flags) in &racers {
        let mut training = Training::new(flags, picture)?;
        let outcome = training.run(Recording::Seconds, &format!("{name}: "))?;
        let last = &outcome.records[outcome.records.len() - 1];
        println!(
            "Racer     {name}: {} after {:.2} seconds and {:.1} epochs, {} parameters",
            decibels(last.psnr),
            last.seconds,
            last.epochs,
            training.net.params().len(),
        );
        records.push(outcome.records);
    }
    let names = racers.each_ref().map(|(name, _)| *name);
    let results = names.iter().zip(&records);
    let results = results.filter_map(|(name, records)| Some((name, records.last()?.psnr)));
    if let Some((name, psnr)) = results.max_by(|a, b| a.1.total_cmp(&b.1)) {
        let seconds = flags.seconds().unwrap_or_default();
        println!(
            "Winner    {name}: {} after {seconds} seconds each",
            decibels(psnr)
        );
    }
    // The racer with the most records decides the times of the frames.
    let clock = records.iter().max_by_key(|records| records.len());
    let mut clock: Vec<_> = (clock.into_iter().flatten())
        .map(|record| record.seconds)
        .collect();
    // In the last frame all racers have finished.
    let ends = records.iter().filter_map(|records| records.last());
    clock.extend(ends.map(|record| record.seconds).max_by(f64::total_cmp));
    let frames = (clock.into_iter())
        .map(|seconds| frame(seconds, names, &records, picture))
        .collect::<Result<Vec<_>>>()?;
    let files = ["race.png", "race.gif"].map(|name| flags.out.join(name));
    if let Some(last) = frames.last() {
        plot::save(last, &files[0])?;
    }
    save_gif(&files[1], &frames)?;
    say::wrote(&files);
    Ok(())
}

/// Returns the frame at this time, in seconds of training.
fn frame(
    seconds: f64,
    names: [&str; 5],
    records: &[Vec<Record>],
    picture: &Picture,
) -> Result<RgbImage> {
    let size = records[0][0].frame.dimensions();
    let filter = imageops::FilterType::Triangle;
    let target = imageops::resize(picture.image(), size.0, size.1, filter);
    let then = |records: &'_ [Record]| {
        let later = records.iter().position(|record| record.seconds > seconds);
        later.unwrap_or(records.len()).max(1) - 1
    };
    let mut panels = vec![Panel {
        image: &target,
        name: "the picture",
        note: format!("after {seconds:.2} seconds each"),
    }];
    panels.extend(names.iter().zip(records).map(|(name, records)| {
        let record = &records[then(records)];
        Panel {
            image: &record.frame,
            name,
            note: decibels(record.psnr),
        }
    }));
    grid(&panels, 3, zoom_to(SIDE, &target))
}
