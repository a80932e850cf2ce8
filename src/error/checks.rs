//! Checks that every entry point makes, and formatting of values in messages.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::{Error, Position, Result};

/// A number as messages print it: 1e300 rather than a 1 and three hundred zeros.
pub(crate) struct Number(pub(crate) f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(x) = *self;
        let is_plain = x == 0.0 || !x.is_finite() || (1e-5..1e16).contains(&x.abs());
        if is_plain {
            write!(f, "{x}")
        } else {
            write!(f, "{x:e}")
        }
    }
}

/// Maximum number of characters that a message quotes from a text.
///
/// Paths have at most 4,096 bytes, but texts in a file can have any length.
const MOST_QUOTED: usize = 200;

/// Shortens a text of the caller or of a file to a readable length.
pub(crate) fn bounded(text: String) -> String {
    match text.char_indices().nth(MOST_QUOTED) {
        None => text,
        Some((end, _)) => format!("{}... ({} bytes in all)", &text[..end], text.len()),
    }
}

/// Formats a list of values with `Debug`: all of them, or the first of many.
#[cfg(target_has_atomic = "ptr")]
pub(crate) fn listed<L: fmt::Debug>(values: &[L]) -> String {
    const MOST: usize = 10;
    let first = values.iter().take(MOST);
    let first: alloc::vec::Vec<_> = first.map(|value| bounded(format!("{value:?}"))).collect();
    match values.len() {
        0..=MOST => format!("[{}]", first.join(", ")),
        all => format!("[{}, ...] ({all} in all)", first.join(", ")),
    }
}

/// Checks that a slice has exactly `expected` values.
pub(crate) fn check_length<T>(what: &'static str, slice: &[T], expected: usize) -> Result<()> {
    let got = slice.len();
    if got == expected {
        Ok(())
    } else {
        Err(Error::Length {
            what,
            expected,
            got,
        })
    }
}

/// Checks that a slice consists of one or more whole rows, and returns their number.
pub(crate) fn check_rows<T>(what: &'static str, slice: &[T], width: usize) -> Result<usize> {
    let got = slice.len();
    if width == 0 {
        return Err(Error::shape(
            what,
            "rows of at least 1 value",
            "rows of 0 values",
        ));
    }
    if got == 0 || !got.is_multiple_of(width) {
        return Err(Error::Rows { what, width, got });
    }
    Ok(got / width)
}

/// Checks that a slice has at least one value.
pub(crate) fn check_not_empty<T>(what: &'static str, slice: &[T]) -> Result<()> {
    match slice {
        [] => Err(Error::Empty { what }),
        _ => Ok(()),
    }
}

/// Checks that there are row indices, and that each is one of `len` rows.
#[cfg(target_has_atomic = "ptr")]
pub(crate) fn check_row_indices(indices: &[usize], len: usize) -> Result<()> {
    check_not_empty("row indices", indices)?;
    match indices.iter().find(|&&index| index >= len) {
        Some(&index) => Err(Error::OutOfBounds {
            what: "row index",
            len,
            index,
        }),
        None => Ok(()),
    }
}

/// Checks that a count is not 0.
pub(crate) fn check_count<N: Copy + Default + PartialEq>(
    what: &'static str,
    count: N,
) -> Result<()> {
    if count == N::default() {
        return Err(Error::invalid_setting(what, "at least 1", 0));
    }
    Ok(())
}

/// Checks that every given class, counted from 0, is below `classes`.
pub(crate) fn check_classes(what: &'static str, given: &[usize], classes: usize) -> Result<()> {
    match given.iter().position(|&class| class >= classes) {
        Some(row) => Err(Error::invalid_value(
            what,
            format!("below {classes}"),
            Position::Row(row),
            given[row] as f64,
        )),
        None => Ok(()),
    }
}

/// Checks that a setting lies inside its range, which NaN never does.
pub(crate) fn check_range(
    what: &'static str,
    value: f64,
    range: impl core::ops::RangeBounds<f64>,
    expected: &str,
) -> Result<()> {
    if range.contains(&value) {
        Ok(())
    } else {
        Err(Error::invalid_setting(what, expected, Number(value)))
    }
}
