//! Status codes, and their texts.

use std::ffi::c_char;

use ff::Error;

/// Result of a function: `FF_OK`, or the kind of an error. Later versions may add kinds.
pub type ff_status = i32;

/// The function succeeded. Only then has it written its results.
pub const FF_OK: ff_status = 0;
/// A pointer is NULL that must not be.
pub const FF_NULL_ARGUMENT: ff_status = 1;
/// An array has the wrong length, or sizes do not fit each other.
pub const FF_WRONG_LENGTH: ff_status = 2;
/// An argument or an option is outside its range, or does not go with another.
pub const FF_INVALID_ARGUMENT: ff_status = 3;
/// A number in the data is outside its range.
pub const FF_INVALID_VALUE: ff_status = 4;
/// The data have NaN or an infinity.
pub const FF_NOT_FINITE: ff_status = 5;
/// No activation, loss, optimizer, schedule or output has this name.
pub const FF_UNKNOWN_NAME: ff_status = 6;
/// A size is above a limit, or there is not enough memory.
pub const FF_TOO_LARGE: ff_status = 7;
/// The bytes of a file do not have the expected format.
pub const FF_BAD_FORMAT: ff_status = 8;
/// A file could not be read or written.
pub const FF_IO: ff_status = 9;
/// An output is not finite, although all inputs and weights are.
pub const FF_OVERFLOW: ff_status = 10;
/// Training produced numbers that are not finite. The network has the best weights so far.
pub const FF_DIVERGED: ff_status = 11;
/// The library has a defect. It is still safe to call it.
pub const FF_PANIC: ff_status = 12;
/// Another error, which `ff_last_error` describes.
pub const FF_OTHER: ff_status = 13;

/// Returns a short description of a status. It is a constant, in English.
#[unsafe(no_mangle)]
pub extern "C" fn ff_status_text(status: ff_status) -> *const c_char {
    let text = match status {
        FF_OK => c"success",
        FF_NULL_ARGUMENT => c"an argument is NULL",
        FF_WRONG_LENGTH => c"an array has the wrong length",
        FF_INVALID_ARGUMENT => c"an argument is invalid",
        FF_INVALID_VALUE => c"a number is outside its range",
        FF_NOT_FINITE => c"a number is not finite",
        FF_UNKNOWN_NAME => c"a name is unknown",
        FF_TOO_LARGE => c"a size is too large",
        FF_BAD_FORMAT => c"the format is wrong",
        FF_IO => c"a file could not be read or written",
        FF_OVERFLOW => c"an output is not finite",
        FF_DIVERGED => c"training diverged",
        FF_PANIC => c"the library has a defect",
        FF_OTHER => c"another error",
        _ => c"an unknown status",
    };
    text.as_ptr()
}

/// Returns the status of an error.
pub fn status_of(error: &Error) -> ff_status {
    match error {
        Error::Length { .. } | Error::Empty { .. } | Error::Rows { .. } | Error::Shape { .. } => {
            FF_WRONG_LENGTH
        }
        Error::InvalidSetting { .. }
        | Error::Incompatible { .. }
        | Error::Missing { .. }
        | Error::OutOfBounds { .. }
        | Error::OutOfOrder { .. }
        | Error::Differs { .. } => FF_INVALID_ARGUMENT,
        Error::InvalidValue { .. } | Error::UnknownLabel { .. } => FF_INVALID_VALUE,
        Error::NotFinite { .. } => FF_NOT_FINITE,
        Error::UnknownName { .. } => FF_UNKNOWN_NAME,
        Error::TooLarge { .. } => FF_TOO_LARGE,
        Error::Malformed { .. } => FF_BAD_FORMAT,
        Error::Io { .. } => FF_IO,
        Error::Overflow { .. } => FF_OVERFLOW,
        Error::Diverged { .. } => FF_DIVERGED,
        Error::File { error, .. } | Error::Column { error, .. } | Error::Network { error, .. } => {
            status_of(error)
        }
        _ => FF_OTHER,
    }
}
