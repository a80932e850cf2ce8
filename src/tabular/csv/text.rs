//! Encodings of text.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use core::str;

use super::malformed;
use crate::error::{Result, bounded};

/// Characters of the bytes 0x80 to 0x9F in Windows-1252. Five bytes have no character.
const WINDOWS: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

/// Returns the text in UTF-8 without a byte order mark, as far as its first bytes show.
pub(super) fn decoded(text: &[u8], is_latin1: bool) -> Result<Cow<'_, [u8]>> {
    if let Some(rest) = text.strip_prefix(b"\xEF\xBB\xBF") {
        return Ok(rest.into());
    }
    // Without a mark, each ASCII character has a byte of zeros.
    let is_wide = match text {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => true,
        [first, second, ..] => (*first == 0) != (*second == 0),
        _ => false,
    };
    if is_wide {
        return Err(malformed("expected text in UTF-8, got UTF-16".into()));
    }
    if !is_latin1 || text.is_ascii() {
        return Ok(text.into());
    }
    let windows = |byte: u8| match byte {
        0x80..0xA0 => WINDOWS.chars().nth(usize::from(byte - 0x80)),
        _ => None,
    };
    let characters = text.iter();
    let characters = characters.map(|&byte| windows(byte).unwrap_or(byte.into()));
    Ok(characters.collect::<String>().into_bytes().into())
}

/// Returns the text of a cell, or the problem with it.
pub(super) fn text_of(cell: &[u8]) -> core::result::Result<&str, String> {
    str::from_utf8(cell).map_err(|error| {
        let (before, rest) = cell.split_at(error.valid_up_to());
        let before = bounded(String::from_utf8_lossy(before).into_owned());
        let byte = rest.first().copied().unwrap_or_default();
        let hint = "the setting latin1 reads it";
        format!("expected UTF-8, got the byte 0x{byte:X} after {before:?}; {hint}")
    })
}
