//! Bytes that the library allocates.

use std::mem::MaybeUninit;
use std::ptr::null;

use crate::guard::Failure;
use crate::memory;

/// Bytes or a text that the library has allocated. `ff_bytes_free` frees them.
#[derive(Debug)]
pub struct ff_bytes {
    /// The bytes, and a NUL.
    bytes: Vec<u8>,
}

/// Gives bytes to C.
pub fn give(
    bytes: impl Into<Vec<u8>>,
    out: Option<&mut MaybeUninit<Option<Box<ff_bytes>>>>,
) -> Result<(), Failure> {
    let mut bytes = bytes.into();
    bytes.push(0);
    memory::give(ff_bytes { bytes }, out)
}

/// Returns the bytes, which are valid until they are freed. A NUL follows the last one, so that a
/// text can be printed. Returns NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ff_bytes_data(bytes: Option<&ff_bytes>) -> *const u8 {
    bytes.map_or(null(), |bytes| bytes.bytes.as_ptr())
}

/// Returns the number of bytes, without the NUL. Returns 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ff_bytes_len(bytes: Option<&ff_bytes>) -> usize {
    bytes.map_or(0, |bytes| bytes.bytes.len() - 1)
}

/// Frees bytes. Does nothing for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ff_bytes_free(bytes: Option<Box<ff_bytes>>) {
    drop(bytes);
}
