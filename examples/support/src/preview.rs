//! Preview of two pictures in the terminal, two pixels to a character.

use std::env;
use std::fmt::Write;

use console::Term;
use image::{Rgb, RgbImage};

use crate::Result;

/// Maximum side of a picture, and number of columns between the two.
const MOST: u32 = 48;
const GAP: usize = 2;

/// Target and painting side by side. Each character is an upper half block in the color of one
/// pixel, on a background in the color of the other.
#[derive(Debug)]
pub struct Preview {
    term: Term,
    target: RgbImage,
    is_drawn: bool,
}

impl Preview {
    /// Returns the maximum side of the pictures, or `None` if the terminal does not show all
    /// colors.
    pub fn side() -> Option<u32> {
        let colors = env::var("COLORTERM").unwrap_or_default();
        if !matches!(&*colors, "truecolor" | "24bit") {
            return None;
        }
        let (lines, columns) = Term::stderr().size_checked()?;
        // One line is for the bar, and one for the cursor after it.
        let high = u32::from(lines).saturating_sub(2) * 2;
        let wide = u32::from(columns).saturating_sub(GAP as u32) / 2;
        Some(MOST.min(high).min(wide).max(1))
    }

    /// Returns a preview beside this target, in its size.
    pub fn new(target: RgbImage) -> Self {
        Self {
            term: Term::stderr(),
            target,
            is_drawn: false,
        }
    }

    /// Returns width and height of the pictures.
    pub fn size(&self) -> (u32, u32) {
        self.target.dimensions()
    }

    /// Draws over the previous drawing.
    ///
    /// # Errors
    /// If the terminal cannot be written to.
    pub fn draw(&mut self, painting: &RgbImage) -> Result<()> {
        let lines = half_blocks(&self.target)
            .into_iter()
            .zip(half_blocks(painting));
        if self.is_drawn {
            self.term.move_cursor_up(lines.len())?;
        }
        let mut text = String::new();
        for (target, painting) in lines {
            writeln!(text, "\r{target}{:GAP$}{painting}", "")?;
        }
        self.term.write_str(&text)?;
        self.is_drawn = true;
        Ok(())
    }
}

/// Returns a line of text for every two rows of pixels.
fn half_blocks(image: &RgbImage) -> Vec<String> {
    let code = |ground: u8, x, y| match image.get_pixel_checked(x, y) {
        Some(Rgb([r, g, b])) => format!("\x1b[{ground};2;{r};{g};{b}m"),
        None => String::new(),
    };
    let line = |row: u32| {
        let blocks = (0..image.width()).map(|column| {
            let (above, below) = (code(38, column, 2 * row), code(48, column, 2 * row + 1));
            above + &below + "▀\x1b[0m"
        });
        blocks.collect()
    };
    (0..image.height().div_ceil(2)).map(line).collect()
}
