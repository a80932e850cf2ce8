//! Facts in picture files that decoders do not report.

/// Returns notes on the parts of a PNG that are ignored.
pub fn png_notes(bytes: &[u8]) -> Vec<String> {
    const SIGNATURE: usize = 8;
    /// Gamma of sRGB as PNG stores it: 1 / 2.2 in units of 1/100000.
    const SRGB_GAMMA: u32 = 45_455;
    let (mut notes, mut is_srgb, mut gamma) = (Vec::new(), false, None);
    let mut rest = bytes.get(SIGNATURE..).unwrap_or_default();
    while let Some((kind, data, after)) = chunk(rest) {
        let number = || data.first_chunk().map(|&number| u32::from_be_bytes(number));
        match kind {
            b"acTL" => {
                let frames = number().unwrap_or(0);
                notes.push(format!("only the first of {frames} frames is used"));
            }
            b"sRGB" => is_srgb = true,
            b"gAMA" => gamma = number().filter(|&gamma| gamma.abs_diff(SRGB_GAMMA) > 500),
            b"cICP" => notes.push("its color space (cICP) is ignored".into()),
            _ => {}
        }
        rest = after;
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
    match gif_frames(bytes) {
        2.. => vec![format!(
            "only the first of {} frames is used",
            gif_frames(bytes)
        )],
        _ => Vec::new(),
    }
}

/// Returns the number of frames before the end or a damaged part.
fn gif_frames(bytes: &[u8]) -> usize {
    const HEADER: usize = 13;
    let mut frames = 0;
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
                _ => return None,
            }
            // Data consists of blocks, each after its length, up to an empty one.
            while let length @ 1.. = *bytes.get(at)? {
                at += 1 + usize::from(length);
            }
            at += 1;
        }
    };
    count();
    frames
}

/// Returns the size in bytes of the palette that follows flags in a GIF.
fn palette(flags: u8) -> usize {
    match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    }
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
