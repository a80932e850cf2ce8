//! Pictures from files.

use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbImage};

use crate::Result;

#[path = "container.rs"]
mod container;

/// Maximum number of pixels, and of bytes of a file, so that memory suffices.
const MOST_PIXELS: u64 = 1 << 25;
const MOST_BYTES: u64 = 1 << 28;

/// Decodes a file, and returns the picture on a ground of this color, with notes about the file.
///
/// # Errors
/// If the file is no PNG, JPEG or GIF, is damaged, or is too large.
pub fn read(path: &Path, ground: [u8; 3]) -> Result<(RgbImage, Vec<String>)> {
    let mut bytes = Vec::new();
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err("expected a regular file".into());
    }
    let file = File::open(path)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("expected at most {MOST_BYTES} bytes, got more").into());
    }
    decode(&bytes, ground)
}

/// Decodes a picture. The format follows from the content, not from the file's name.
///
/// # Errors
/// As [`read`].
pub fn decode(bytes: &[u8], ground: [u8; 3]) -> Result<(RgbImage, Vec<String>)> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    let format = reader.format();
    let mut decoder = match format {
        Some(ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Gif) => reader.into_decoder()?,
        // Phones write this format, which the reader does not know.
        _ if bytes.get(4..).is_some_and(|rest| rest.starts_with(b"ftyp")) => {
            return Err("expected a PNG, JPEG or GIF picture, got one in HEIC or AVIF".into());
        }
        Some(other) => {
            return Err(
                format!("expected a PNG, JPEG or GIF picture, got one in {other:?}").into(),
            );
        }
        None => return Err("no PNG, JPEG or GIF picture".into()),
    };
    let (columns, rows) = decoder.dimensions();
    let pixels = u64::from(columns) * u64::from(rows);
    if !(1..=MOST_PIXELS).contains(&pixels) {
        let got = format!("expected 1 to {MOST_PIXELS} pixels, got {pixels}");
        return Err(format!("{got}; scale the picture down").into());
    }
    // Cameras store some pictures lying on their side, with the orientation in a tag.
    let orientation = match format {
        Some(ImageFormat::Png) => container::png_orientation(bytes)
            .and_then(Orientation::from_exif)
            .unwrap_or(Orientation::NoTransforms),
        _ => decoder.orientation()?,
    };
    let profile = decoder.icc_profile()?;
    let image = DynamicImage::from_decoder(decoder)?;
    let mut notes = match format {
        Some(ImageFormat::Jpeg) => container::jpeg_notes(bytes)?,
        Some(ImageFormat::Gif) => container::gif_notes(bytes),
        _ => container::png_notes(bytes),
    };
    if notes.is_empty() || format != Some(ImageFormat::Jpeg) {
        notes.extend(profile.as_deref().and_then(container::profile_note));
    }
    Ok((oriented(on_ground(image, ground), orientation), notes))
}

/// Returns a picture in 8 bits, on a ground of this color, which its transparent parts show.
pub fn on_ground(image: DynamicImage, ground: [u8; 3]) -> RgbImage {
    let (width, height) = (image.width(), image.height());
    let mut pixels = Vec::new();
    if !matches!(image, DynamicImage::ImageRgb8(_)) {
        pixels.reserve_exact(3 * width as usize * height as usize);
    }
    match image {
        DynamicImage::ImageRgb8(image) => return image,
        DynamicImage::ImageLuma8(image) => {
            for &gray in image.as_raw() {
                pixels.extend([gray; 3]);
            }
        }
        DynamicImage::ImageLumaA8(image) => {
            for &[gray, alpha] in image.as_raw().as_chunks().0 {
                pixels.extend(ground.map(|ground| blended(gray, alpha, ground)));
            }
        }
        DynamicImage::ImageRgb16(image) => {
            for &part in image.as_raw() {
                pixels.push(blended_16(part, u16::MAX, 0));
            }
        }
        DynamicImage::ImageLuma16(image) => {
            for &gray in image.as_raw() {
                pixels.extend([blended_16(gray, u16::MAX, 0); 3]);
            }
        }
        DynamicImage::ImageLumaA16(image) => {
            for &[gray, alpha] in image.as_raw().as_chunks().0 {
                pixels.extend(ground.map(|ground| blended_16(gray, alpha, ground)));
            }
        }
        DynamicImage::ImageRgba16(image) => {
            for &[r, g, b, alpha] in image.as_raw().as_chunks().0 {
                pixels.push(blended_16(r, alpha, ground[0]));
                pixels.push(blended_16(g, alpha, ground[1]));
                pixels.push(blended_16(b, alpha, ground[2]));
            }
        }
        image => {
            for &[r, g, b, alpha] in image.into_rgba8().as_raw().as_chunks().0 {
                pixels.push(blended(r, alpha, ground[0]));
                pixels.push(blended(g, alpha, ground[1]));
                pixels.push(blended(b, alpha, ground[2]));
            }
        }
    }
    RgbImage::from_raw(width, height, pixels).unwrap_or_default()
}

/// Returns a part of a color over the ground.
fn blended(part: u8, alpha: u8, ground: u8) -> u8 {
    let (part, alpha, ground) = (u32::from(part), u32::from(alpha), u32::from(ground));
    ((part * alpha + ground * (255 - alpha) + 127) / 255) as u8
}

/// Returns a part of a color in 16 bits over the ground, in 8 bits.
fn blended_16(part: u16, alpha: u16, ground: u8) -> u8 {
    const MOST: u64 = u16::MAX as u64;
    /// Steps of 16 bits in a step of 8 bits.
    const STEP: u64 = MOST / 255;
    let (part, alpha, ground) = (u64::from(part), u64::from(alpha), u64::from(ground));
    let sum = part * alpha + ground * STEP * (MOST - alpha);
    ((sum + STEP * MOST / 2) / (STEP * MOST)) as u8
}

/// Returns the picture upright.
fn oriented(image: RgbImage, orientation: Orientation) -> RgbImage {
    let (width, height) = (image.width() as usize, image.height() as usize);
    // Each line below has the old index of the first new pixel. Then come distances in the old
    // picture, those of new neighbors in a row and in a column.
    let (right, down) = (1, width.cast_signed());
    let (last_column, last_row) = (width - 1, (height - 1) * width);
    let (upright, lying) = ((width, height), (height, width));
    let (start, across, along, (columns, rows)) = match orientation {
        Orientation::NoTransforms => return image,
        Orientation::FlipHorizontal => (last_column, -right, down, upright),
        Orientation::Rotate180 => (last_row + last_column, -right, -down, upright),
        Orientation::FlipVertical => (last_row, right, -down, upright),
        Orientation::Rotate90FlipH => (0, down, right, lying),
        Orientation::Rotate90 => (last_row, -down, right, lying),
        Orientation::Rotate270FlipH => (last_row + last_column, -down, -right, lying),
        Orientation::Rotate270 => (last_column, down, -right, lying),
    };
    let old = image.as_raw().as_chunks::<3>().0;
    let mut pixels = Vec::with_capacity(image.as_raw().len());
    for row in 0..rows {
        let mut at = start.wrapping_add_signed(row.cast_signed() * along);
        for _ in 0..columns {
            pixels.extend(old[at]);
            at = at.wrapping_add_signed(across);
        }
    }
    RgbImage::from_raw(columns as u32, rows as u32, pixels).unwrap_or_default()
}

/// Returns a smaller picture. Each pixel is the mean of the pixels that begin in its area.
pub fn reduced(image: &RgbImage, (columns, rows): (u32, u32)) -> RgbImage {
    const PARTS: usize = 3;
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (columns, rows) = (columns as usize, rows as usize);
    let first = |new: usize, old: usize, of: usize| (new * old).div_ceil(of);
    let edges: Vec<_> = (0..=columns).map(|x| first(x, width, columns)).collect();
    let mut pixels = Vec::with_capacity(PARTS * columns * rows);
    let mut sums = vec![0_u64; PARTS * columns];
    for row in 0..rows {
        let lines = first(row, height, rows)..first(row + 1, height, rows);
        sums.fill(0);
        for line in lines.clone() {
            let line = &image.as_raw()[PARTS * width * line..PARTS * width * (line + 1)];
            for (sum, edge) in sums.chunks_exact_mut(PARTS).zip(edges.windows(2)) {
                for pixel in line[PARTS * edge[0]..PARTS * edge[1]].chunks_exact(PARTS) {
                    sum[0] += u64::from(pixel[0]);
                    sum[1] += u64::from(pixel[1]);
                    sum[2] += u64::from(pixel[2]);
                }
            }
        }
        for (sum, edge) in sums.chunks_exact(PARTS).zip(edges.windows(2)) {
            let count = ((edge[1] - edge[0]) * lines.len()) as u64;
            for sum in sum {
                pixels.push(((sum + count / 2) / count.max(1)) as u8);
            }
        }
    }
    RgbImage::from_raw(columns as u32, rows as u32, pixels).unwrap_or_default()
}
