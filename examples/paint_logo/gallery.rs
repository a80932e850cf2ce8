//! The pictures that a training run leaves: the painting, its history, and comparisons.

use std::path::{Path, PathBuf};

use feedforward::Mlp;
use image::{Rgb, RgbImage, imageops};
use support::panels::{self, Panel, SPACE, grid, save_gif, zoom_to};
use support::plot::{self, BLUE, ORANGE};

use crate::canvas::Canvas;
use crate::flags::Flags;
use crate::painter::Result;
use crate::picture::{Picture, psnr_between};
use crate::training::{Outcome, Record};

/// Approximate longer side of a panel.
pub const SIDE: u32 = 256;

/// Height of a curve with its axes.
const CURVE: u32 = 250;

/// Maximum factor by which differences are amplified.
const MOST_AMPLIFIED: u8 = 32;

/// Returns the true picture in the size of the enlarged painting, if `--reference` names one.
pub fn reference(flags: &Flags, canvas: &Canvas) -> Result<Option<Picture>> {
    let Some(path) = &flags.reference else {
        return Ok(None);
    };
    let scale = canvas.scale();
    if scale == 1 {
        let problem = "expected an enlargement to compare with, got --scale 1";
        return Err(format!("--reference: {problem}; add --scale 2 or more").into());
    }
    let reference = Picture::load(Some(path), flags.ground)?;
    let (got, expected) = (reference.image().dimensions(), canvas.enlarged());
    if got != expected {
        let [expected, got] = [expected, got].map(|(width, height)| format!("{width} x {height}"));
        let expected = format!("expected {expected} pixels, {scale} times the picture");
        return Err(format!("--reference: {expected}, got {got} pixels").into());
    }
    Ok(Some(reference))
}

/// Writes all pictures, appends their names to `files`, and returns the PSNR of the painting.
pub fn save(
    out: &Path,
    outcome: &Outcome,
    net: &Mlp<f32>,
    picture: &Picture,
    canvas: &Canvas,
    reference: Option<&Picture>,
    files: &mut Vec<PathBuf>,
) -> Result<f64> {
    let painting = canvas.paint(net, canvas.size())?;
    let psnr = psnr_between(&painting, picture.image())?;
    let path = |name: &str| out.join(name);
    plot::save(&painting, &path("painting.png"))?;
    plot::save(
        &sheet(outcome, picture.image(), &painting, psnr)?,
        &path("sheet.png"),
    )?;
    animate(&path("painting.gif"), &outcome.records, picture.image())?;
    files.extend(["painting.png", "sheet.png", "painting.gif"].map(path));
    if canvas.scale() > 1 {
        let all = enlarge(net, picture, canvas, reference)?;
        plot::save(&all, &path("enlarged.png"))?;
        files.push(path("enlarged.png"));
    }
    Ok(psnr)
}

/// Writes an animation of target and painting, with a frame for each record.
fn animate(path: &Path, records: &[Record], target: &RgbImage) -> Result<()> {
    let Some(first) = records.first() else {
        return save_gif(path, &[]);
    };
    let (width, height) = first.frame.dimensions();
    let target = imageops::resize(target, width, height, imageops::FilterType::Triangle);
    let frame = |record: &Record| {
        let panels = [
            panel(&target, "the picture", String::new()),
            panel(
                &record.frame,
                "the network's painting",
                format!("epoch {:.1}   {}", record.epochs, decibels(record.psnr)),
            ),
        ];
        grid(&panels, 2, zoom_to(SIDE, &target))
    };
    let frames = records.iter().map(frame).collect::<Result<Vec<_>>>()?;
    save_gif(path, &frames)
}

/// Returns the painting between the pixels, beside enlargements of the picture itself.
fn enlarge(
    net: &Mlp<f32>,
    picture: &Picture,
    canvas: &Canvas,
    reference: Option<&Picture>,
) -> Result<RgbImage> {
    let (width, height) = canvas.enlarged();
    let resized = |filter| imageops::resize(picture.image(), width, height, filter);
    let nearest = resized(imageops::FilterType::Nearest);
    let bicubic = resized(imageops::FilterType::CatmullRom);
    let painting = canvas.paint(net, (width, height))?;
    let mut panels = Vec::new();
    for (name, image) in [
        ("nearest pixel", &nearest),
        ("bicubic", &bicubic),
        ("painted by the network", &painting),
    ] {
        let note = match reference {
            None => format!("{} times as large", canvas.scale()),
            Some(reference) => {
                let psnr = psnr_between(image, reference.image())?;
                println!(
                    "Enlarged  {name}: {psnr:.2} dB against {}",
                    reference.name()
                );
                format!("{} against the true picture", decibels(psnr))
            }
        };
        panels.push(panel(image, name, note));
    }
    if let Some(reference) = reference {
        panels.push(panel(reference.image(), "the true picture", String::new()));
    }
    grid(&panels, panels.len() as u32, 1)
}

/// Returns one sheet with target, painting, their difference, and the curves.
fn sheet(outcome: &Outcome, target: &RgbImage, painting: &RgbImage, psnr: f64) -> Result<RgbImage> {
    let (errors, factor) = errors(target, painting);
    let amplified = match factor {
        1 => "not amplified".into(),
        _ => format!("amplified {factor} times"),
    };
    let panels = [
        panel(target, "the picture", size(target)),
        panel(painting, "the network's painting", decibels(psnr)),
        panel(&errors, "differences", amplified),
    ];
    let images = shrunk(&panels)?;
    let width = (images.width() - 3 * SPACE) / 2;
    let curve = |name, color, value: fn(&Record) -> f64, is_log: bool| {
        let points = (outcome.records.iter())
            .map(|record| (record.epochs, value(record)))
            .filter(|point| point.1.is_finite() && (!is_log || point.1 > 0.0));
        let points: Vec<_> = points.collect();
        plot::picture((width, CURVE), &|area| {
            plot::curve(area, name, &points, color, is_log)
        })
    };
    let loss = curve("loss", BLUE, |record| record.loss, true)?;
    let psnr = curve("PSNR, dB", ORANGE, |record| record.psnr, false)?;
    let height = images.height() + CURVE + SPACE;
    let mut sheet = RgbImage::from_pixel(images.width(), height, Rgb([255; 3]));
    imageops::replace(&mut sheet, &images, 0, 0);
    for (part, curve) in [loss, psnr].iter().enumerate() {
        let left = SPACE + part as u32 * (width + SPACE);
        imageops::replace(&mut sheet, curve, left.into(), images.height().into());
    }
    Ok(sheet)
}

/// Returns panels beside each other, with pictures magnified or reduced to about the same side.
fn shrunk(panels: &[Panel<'_>]) -> Result<RgbImage> {
    let (width, height) = panels[0].image.dimensions();
    let longest = width.max(height);
    if longest <= SIDE {
        return grid(panels, 3, zoom_to(SIDE, panels[0].image));
    }
    let side = |n: u32| (n * SIDE / longest).max(1);
    let filter = imageops::FilterType::Triangle;
    let small: Vec<_> = (panels.iter())
        .map(|panel| imageops::resize(panel.image, side(width), side(height), filter))
        .collect();
    let small: Vec<_> = (panels.iter().zip(&small))
        .map(|(was, image)| panel(image, was.name, was.note.clone()))
        .collect();
    grid(&small, 3, 1)
}

fn panel<'a>(image: &'a RgbImage, name: &'a str, note: String) -> Panel<'a> {
    panels::Panel { image, name, note }
}

/// Returns a map of each pixel's largest difference, darker if larger. Differences are amplified by
/// the returned factor, a power of two.
fn errors(target: &RgbImage, painting: &RgbImage) -> (RgbImage, u8) {
    let error = |a: &Rgb<u8>, b: &Rgb<u8>| {
        let parts = a.0.iter().zip(b.0);
        parts.map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0)
    };
    let of_pixels = target.pixels().zip(painting.pixels());
    let errors: Vec<u8> = of_pixels.map(|(a, b)| error(a, b)).collect();
    let largest = errors.iter().copied().max().unwrap_or(0);
    let mut factor = MOST_AMPLIFIED;
    while largest.checked_mul(factor).is_none() {
        factor /= 2;
    }
    let shades = errors.iter().flat_map(|&error| [255 - factor * error; 3]);
    let (width, height) = target.dimensions();
    let map = RgbImage::from_raw(width, height, shades.collect());
    (map.unwrap_or_default(), factor)
}

fn size(image: &RgbImage) -> String {
    format!("{} x {} pixels", image.width(), image.height())
}

pub fn decibels(psnr: f64) -> String {
    format!("{psnr:.1} dB")
}
