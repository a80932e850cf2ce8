//! Pictures from files.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use crate::Result;

#[path = "container.rs"]
mod container;

/// Maximum number of pixels, and of bytes of a file, so that memory suffices.
const MOST_PIXELS: u64 = 1 << 24;
const MOST_BYTES: u64 = 1 << 28;

/// Decodes a file, and returns the picture with notes about it.
///
/// # Errors
/// If the file is no PNG or JPEG, is damaged, or is too large.
pub fn read(path: &Path) -> Result<(DynamicImage, Vec<String>)> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("expected at most {MOST_BYTES} bytes, got more").into());
    }
    decode(&bytes)
}

/// Decodes a picture. The format follows from the content, not from the file's name.
///
/// # Errors
/// As [`read`].
pub fn decode(bytes: &[u8]) -> Result<(DynamicImage, Vec<String>)> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    let format = reader.format();
    let mut decoder = match format {
        Some(ImageFormat::Png | ImageFormat::Jpeg) => reader.into_decoder()?,
        _ => return Err("no PNG or JPEG picture".into()),
    };
    let (columns, rows) = decoder.dimensions();
    let pixels = u64::from(columns) * u64::from(rows);
    if !(1..=MOST_PIXELS).contains(&pixels) {
        let got = format!("expected 1 to {MOST_PIXELS} pixels, got {pixels}");
        return Err(format!("{got}; scale the picture down").into());
    }
    // Cameras store some pictures lying on their side, with the orientation in a tag.
    let orientation = decoder.orientation()?;
    let profile = decoder.icc_profile()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    let mut notes = Vec::new();
    match format {
        Some(ImageFormat::Jpeg) => container::check_jpeg(bytes)?,
        _ => notes = container::png_notes(bytes),
    }
    notes.extend(profile.as_deref().and_then(container::profile_note));
    image.apply_orientation(orientation);
    Ok((image, notes))
}
