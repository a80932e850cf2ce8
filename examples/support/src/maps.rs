//! Sheets of many small pictures, in blocks with a title and an explanation.

use image::{Rgb, RgbImage, imageops};
use plotters::prelude::*;

use crate::Result;
use crate::plot::{self, FAINT, INK, px, text};

/// Width of a sheet, and its margin.
const WIDTH: u32 = 872;
const MARGIN: u32 = 16;

/// Space between pictures, and between blocks.
const GAP: u32 = 6;
const SPACE: u32 = 20;

/// Height of the title and of each line of explanation.
const TITLE: u32 = 26;
const LINE: u32 = 17;

/// Space between a picture and its bar, and the height of a bar.
const BAR_GAP: u32 = 2;
const BAR: u32 = 7;

/// Height of a caption.
const CAPTION: u32 = 18;

/// Small picture.
#[derive(Debug)]
pub struct Map {
    /// The picture.
    pub image: RgbImage,
    /// Line of text below the picture. May be empty.
    pub caption: String,
    /// Color of a bar below the picture.
    pub bar: Option<[u8; 3]>,
}

/// Maps that belong together. They have equal sizes.
#[derive(Debug)]
pub struct Block {
    /// Title.
    pub title: String,
    /// Lines of explanation.
    pub notes: Vec<String>,
    /// The maps, in order.
    pub maps: Vec<Map>,
}

/// Returns the number of maps of this width in a row.
pub fn per_row(width: u32) -> usize {
    ((WIDTH - 2 * MARGIN + GAP) / (width + GAP)).max(1) as usize
}

/// Returns a sheet of blocks, one below the other.
///
/// # Errors
/// If text cannot be drawn.
pub fn sheet(blocks: &[Block]) -> Result<RgbImage> {
    let parts = blocks.iter().map(block).collect::<Result<Vec<_>>>()?;
    let height = parts.iter().map(|part| part.height() + SPACE).sum::<u32>();
    let mut sheet = white(WIDTH, height + MARGIN);
    let mut top = MARGIN;
    for part in &parts {
        imageops::replace(&mut sheet, part, MARGIN.into(), top.into());
        top += part.height() + SPACE;
    }
    Ok(sheet)
}

fn white(width: u32, height: u32) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb([255; 3]))
}

fn block(block: &Block) -> Result<RgbImage> {
    let words = words(block)?;
    let Some(first) = block.maps.first() else {
        return Ok(words);
    };
    let (wide, high) = first.image.dimensions();
    let has_bars = block.maps.iter().any(|map| map.bar.is_some());
    let bar = if has_bars { BAR_GAP + BAR } else { 0 };
    let has_captions = block.maps.iter().any(|map| !map.caption.is_empty());
    let cell = high + bar + if has_captions { CAPTION } else { 0 };
    let columns = per_row(wide) as u32;
    let rows = (block.maps.len() as u32).div_ceil(columns);
    let height = words.height() + rows * (cell + GAP) - GAP;
    let mut whole = white(words.width(), height);
    imageops::replace(&mut whole, &words, 0, 0);
    for (index, map) in (0..).zip(&block.maps) {
        let left = index % columns * (wide + GAP);
        let top = words.height() + index / columns * (cell + GAP);
        imageops::replace(&mut whole, &map.image, left.into(), top.into());
        if let Some(color) = map.bar {
            let bar = RgbImage::from_pixel(wide, BAR, Rgb(color));
            imageops::replace(&mut whole, &bar, left.into(), (top + high + BAR_GAP).into());
        }
        if !map.caption.is_empty() {
            let caption = plot::picture((wide, CAPTION), &|area| {
                let style = text(12.0, FontStyle::Normal, FAINT);
                area.draw_text(&map.caption, &style, (0, px(3.0) as i32))?;
                Ok(())
            })?;
            imageops::replace(&mut whole, &caption, left.into(), (top + high + bar).into());
        }
    }
    Ok(whole)
}

/// Returns title and explanation of a block.
fn words(block: &Block) -> Result<RgbImage> {
    let lines = block.notes.len() as u32;
    plot::picture((WIDTH - 2 * MARGIN, TITLE + lines * LINE + GAP), &|area| {
        area.draw_text(
            &block.title,
            &text(15.0, FontStyle::Bold, INK),
            (0, px(4.0) as i32),
        )?;
        for (line, note) in (0..).zip(&block.notes) {
            let top = px(f64::from(TITLE + line * LINE)) as i32;
            area.draw_text(note, &text(13.0, FontStyle::Normal, FAINT), (0, top))?;
        }
        Ok(())
    })
}
