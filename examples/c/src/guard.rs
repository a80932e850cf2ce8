//! The boundary: errors become statuses, and panics end here.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::c_char;
use std::fmt::{self, Write};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use crate::memory;
use crate::status::{
    FF_INVALID_ARGUMENT, FF_IO, FF_NOT_FINITE, FF_NULL_ARGUMENT, FF_OK, FF_PANIC, FF_TOO_LARGE,
    FF_UNKNOWN_NAME, FF_WRONG_LENGTH, ff_status, status_of,
};

/// Reason why a function failed.
#[derive(Debug)]
pub enum Failure {
    /// The argument of this name is NULL.
    Null(&'static str),
    /// An argument, and what it must be.
    Invalid(&'static str, &'static str),
    /// A kind of model that is expected. The option `logits` accepts others.
    Model(&'static str),
    /// An array, its length, and what it must be.
    Length(&'static str, usize, usize),
    /// An array, its length, and the maximum.
    Most(&'static str, usize, usize),
    /// A size for which there is not enough memory.
    Memory(&'static str),
    /// Numbers of this name, one of which is not finite.
    NotFinite(&'static str),
    /// Kind of a name, the names that exist, and the given one.
    Name(&'static str, String, String),
    /// A file, and the error of the system.
    File(PathBuf, io::Error),
    /// An error of the crate.
    Library(ff::Error),
}

impl From<ff::Error> for Failure {
    fn from(error: ff::Error) -> Self {
        Self::Library(error)
    }
}

impl Failure {
    fn status(&self) -> ff_status {
        match self {
            Self::Null(_) => FF_NULL_ARGUMENT,
            Self::Invalid(..) | Self::Model(_) => FF_INVALID_ARGUMENT,
            Self::Length(..) | Self::Most(..) => FF_WRONG_LENGTH,
            Self::Memory(_) => FF_TOO_LARGE,
            Self::NotFinite(_) => FF_NOT_FINITE,
            Self::Name(..) => FF_UNKNOWN_NAME,
            Self::File(..) => FF_IO,
            Self::Library(error) => status_of(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null(what) => write!(f, "{what}: expected a pointer, got NULL"),
            Self::Invalid(what, expected) => write!(f, "{what}: expected {expected}"),
            Self::Model(expected) => write!(
                f,
                "model: expected {expected}; the option `logits` accepts the numbers before that"
            ),
            Self::Length(what, got, expected) => {
                write!(f, "{what}: expected {expected} values, got {got}")
            }
            Self::Most(what, got, most) => {
                write!(f, "{what}: expected at most {most} values, got {got}")
            }
            Self::Memory(what) => write!(f, "{what}: expected a size that fits memory"),
            Self::NotFinite(what) => write!(f, "{what}: expected finite numbers"),
            Self::Name(what, known, got) => {
                write!(f, "{what}: expected one of {known}, got {got:?}")
            }
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Library(error) => write!(f, "{error}"),
        }
    }
}

/// Text of a thread's last error. Its memory is that of the thread, so an error allocates nothing.
struct Text {
    bytes: [u8; 2048],
    len: usize,
}

impl Write for Text {
    /// Appends what fits, in whole characters. An error ends the text.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.len() - self.len;
        let mut ends = (0..=room.min(text.len())).rev();
        let len = ends.find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        self.bytes[self.len..self.len + len].copy_from_slice(&text.as_bytes()[..len]);
        self.len += len;
        if len < text.len() {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

thread_local! {
    static LAST: RefCell<Text> = const { RefCell::new(Text { bytes: [0; 2048], len: 0 }) };
}

/// Keeps a text as the thread's last error.
fn keep(message: &dyn fmt::Display) {
    LAST.with_borrow_mut(|text| {
        text.len = 0;
        // A text that is cut off is still of use.
        let _ = write!(text, "{message}");
    });
}

/// Runs the body of a function of C, and returns its status. A panic becomes `FF_PANIC`.
pub fn guard(body: impl FnOnce() -> Result<(), Failure>) -> ff_status {
    // Handles are replaced as a whole, so a panic leaves them as they were.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => FF_OK,
        Ok(Err(failure)) => {
            keep(&failure);
            failure.status()
        }
        Err(panic) => {
            keep(&format_args!("defect of the library: {}", said(&*panic)));
            FF_PANIC
        }
    }
}

/// Returns the message of a panic.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it has no message")
}

/// Writes the text of the last error on the calling thread, with a NUL, into a buffer of `len`
/// bytes. A text that is too long is cut off. Returns the length of the whole text, without NUL.
///
/// A function that succeeds leaves the text as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_last_error(buffer: *mut c_char, len: usize) -> usize {
    LAST.with_borrow(|text| {
        let bytes = &text.bytes[..text.len];
        let fits = bytes.len().min(len.saturating_sub(1));
        if len > 0 && !buffer.is_null() {
            // SAFETY: C says that the buffer has `len` bytes, and `fits` + 1 are at most `len`.
            unsafe {
                memory::copy(&bytes[..fits], buffer.cast());
                memory::copy(&[0], buffer.cast::<u8>().add(fits));
            }
        }
        bytes.len()
    })
}
