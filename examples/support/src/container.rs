//! Facts in picture files that decoders do not report.

use std::iter;

/// Returns notes on the parts of a PNG that are ignored.
pub fn png_notes(bytes: &[u8]) -> Vec<String> {
    /// Gamma of sRGB as PNG stores it: 1 / 2.2 in units of 1/100000.
    const SRGB_GAMMA: u32 = 45_455;
    let (mut notes, mut is_srgb, mut gamma) = (Vec::new(), false, None);
    for (kind, data) in chunks(bytes) {
        let number = || data.first_chunk().map(|&number| u32::from_be_bytes(number));
        match kind {
            b"acTL" => {
                let frames = number().filter(|&frames| frames > 1);
                notes.extend(frames.map(first_of));
            }
            b"sRGB" => is_srgb = true,
            b"gAMA" => gamma = number().filter(|&gamma| gamma.abs_diff(SRGB_GAMMA) > 500),
            b"cICP" => notes.push("its color space (cICP) is ignored".into()),
            _ => {}
        }
    }
    if let Some(gamma) = gamma.filter(|_| !is_srgb) {
        let gamma = f64::from(gamma) / 1e5;
        notes.push(format!(
            "its gamma of {gamma} is ignored, colors are taken as sRGB"
        ));
    }
    notes
}

/// Returns notes on the parts of a GIF that are ignored.
pub fn gif_notes(bytes: &[u8]) -> Vec<String> {
    let (frames, is_whole) = gif_frames(bytes);
    let mut notes = Vec::new();
    if frames > 1 {
        notes.push(first_of(frames));
    }
    if !is_whole {
        notes.push("the file is cut or damaged after its first frame".into());
    }
    notes
}

fn first_of(frames: u32) -> String {
    format!("only the first of {frames} frames is used")
}

/// Returns the number of frames before the end or a damaged part, and whether the end is reached.
fn gif_frames(bytes: &[u8]) -> (u32, bool) {
    const HEADER: usize = 13;
    let (mut frames, mut is_whole) = (0, false);
    let mut count = || -> Option<()> {
        let mut at = HEADER + palette(*bytes.get(HEADER - 3)?);
        loop {
            match bytes.get(at)? {
                b'!' => at += 2, // an extension: its kind, and data
                b',' => {
                    frames += 1;
                    // Position, size and flags of the frame, and the size of its codes.
                    at += 11 + palette(*bytes.get(at + 9)?);
                }
                end => {
                    is_whole = *end == b';';
                    return None;
                }
            }
            // Data consists of blocks, each after its length, up to an empty one.
            while let length @ 1.. = *bytes.get(at)? {
                at += 1 + usize::from(length);
            }
            at += 1;
        }
    };
    count();
    (frames, is_whole)
}

/// Returns the size in bytes of the palette that follows flags in a GIF.
fn palette(flags: u8) -> usize {
    match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    }
}

/// Tag of the orientation in EXIF data.
const ORIENTATION: usize = 0x0112;

/// Returns the orientation of a PNG in the numbers of Exif.
pub fn png_orientation(bytes: &[u8]) -> Option<u8> {
    let (_, exif) = chunks(bytes).find(|(kind, _)| *kind == b"eXIf")?;
    let is_little = exif.starts_with(b"II");
    let number = |at: usize, length: usize| {
        let digits = exif.get(at..at.checked_add(length)?)?.iter();
        let join = |sum: usize, &digit: &u8| (sum << 8) | usize::from(digit);
        Some(if is_little {
            digits.rev().fold(0, join)
        } else {
            digits.fold(0, join)
        })
    };
    // A directory has its length, then entries of 12 bytes: tag, type, count and value.
    let start = number(4, 4)?;
    let entries = (0..number(start, 2)?).map(|entry| start + 2 + 12 * entry);
    let entry = (entries.into_iter()).find(|&at| number(at, 2) == Some(ORIENTATION))?;
    u8::try_from(number(entry + 8, 2)?).ok()
}

/// Returns kind and data of each chunk of a PNG.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    const SIGNATURE: usize = 8;
    let mut rest = bytes.get(SIGNATURE..).unwrap_or_default();
    iter::from_fn(move || {
        let (kind, data, after) = chunk(rest)?;
        rest = after;
        Some((kind, data))
    })
}

/// Returns kind and data of the first chunk, and the bytes after it.
fn chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (kind, rest) = rest.split_first_chunk()?;
    let (data, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some((kind, data, rest.get(4..)?)) // after its checksum
}

/// Returns a note if the color profile is not sRGB, since all colors are taken as sRGB.
pub fn profile_note(profile: &[u8]) -> Option<String> {
    // The description has one byte per character, or two in later versions.
    let contains = |name: &[u8]| profile.windows(name.len()).any(|part| part == name);
    let is_srgb = contains(b"sRGB") || contains(b"s\0R\0G\0B");
    let note = "its color profile is ignored, colors are taken as sRGB";
    (!is_srgb).then(|| note.into())
}

/// Returns notes on a JPEG, and checks that it is complete. Decoders would fill a missing part with
/// gray.
///
/// # Errors
/// If its end marker is missing.
pub fn jpeg_notes(bytes: &[u8]) -> Result<Vec<String>, String> {
    const END: u8 = 0xd9;
    let mut notes = Vec::new();
    let cut = || "the file is cut: the end of the picture is missing".to_string();
    let mut at = 2; // after the start marker
    loop {
        // A marker is any number of 0xff, then a kind. In coded data 0xff is followed by 0 or a
        // restart marker, so the search continues through it.
        let start = at + distance(&bytes[at..], |byte| byte == 0xff).ok_or_else(cut)?;
        let kind = start + distance(&bytes[start..], |byte| byte != 0xff).ok_or_else(cut)?;
        at = kind + 1;
        match bytes[kind] {
            END => return Ok(notes),
            // A data byte, and markers without a length.
            0 | 1 | 0xd0..=0xd8 => {}
            kind => {
                let &length = bytes[at..].first_chunk().ok_or_else(cut)?;
                let length = usize::from(u16::from_be_bytes(length));
                let data = bytes[at..].get(..length).ok_or_else(cut)?;
                // A header of the picture has length, precision, height, width and components.
                let is_header =
                    (0xc0..=0xcf).contains(&kind) && ![0xc4, 0xc8, 0xcc].contains(&kind);
                if is_header && data.get(7) == Some(&4) {
                    let note = "its CMYK inks are converted to colors without their profile";
                    notes.push(note.into());
                }
                at += length;
            }
        }
    }
}

fn distance(bytes: &[u8], is_it: impl Fn(u8) -> bool) -> Option<usize> {
    bytes.iter().position(|&byte| is_it(byte))
}
