//! Arrays, texts and structs of C.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::path::Path;

use crate::guard::Failure;

/// Checks that a place for a result is there.
pub fn place<T>(out: Option<&mut T>) -> Result<&mut T, Failure> {
    out.ok_or(Failure::Null("place for the result"))
}

/// Gives a new handle to C. Its place may be uninitialized.
pub fn give<T>(value: T, out: Option<&mut MaybeUninit<Option<Box<T>>>>) -> Result<(), Failure> {
    place(out)?.write(Some(Box::new(value)));
    Ok(())
}

/// Checks that a handle is there.
pub fn handle<'a, T>(handle: Option<&'a T>, what: &'static str) -> Result<&'a T, Failure> {
    handle.ok_or(Failure::Null(what))
}

/// Returns a handle whose contents change. They do so behind a lock, so it is shared.
///
/// # Safety
/// Unless it is NULL, the pointer is that of a handle that is not freed during `'a`.
pub unsafe fn changed<'a, T>(pointer: *mut T, what: &'static str) -> Result<&'a T, Failure> {
    // SAFETY: as the caller promises.
    unsafe { pointer.as_ref() }.ok_or(Failure::Null(what))
}

/// Returns an array of C. Only one of length 0 may be NULL.
///
/// # Safety
/// Unless it is NULL, the pointer is that of `len` values, which nothing writes to during `'a`.
pub unsafe fn slice<'a, T>(
    pointer: *const T,
    len: usize,
    what: &'static str,
) -> Result<&'a [T], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(Failure::Null(what));
    }
    if !pointer.is_aligned() {
        return Err(Failure::Invalid(what, "an aligned pointer"));
    }
    if len > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Failure::Invalid(what, "a length that fits memory"));
    }
    // SAFETY: it is not NULL and aligned, its size fits isize, and the caller promises the rest.
    Ok(unsafe { std::slice::from_raw_parts(pointer, len) })
}

/// Returns a text of C in UTF-8.
///
/// # Safety
/// Unless it is NULL, the pointer is that of a text that ends with NUL, and that nothing writes to
/// during `'a`.
pub unsafe fn text<'a>(pointer: *const c_char, what: &'static str) -> Result<&'a str, Failure> {
    // SAFETY: as the caller promises.
    let text = unsafe { c_str(pointer, what) }?;
    text.to_str()
        .map_err(|_| Failure::Invalid(what, "a text in UTF-8"))
}

/// Returns a path of C. On Windows it is in UTF-8, and else it has the bytes of the system.
///
/// # Safety
/// As for [`text`].
pub unsafe fn path<'a>(pointer: *const c_char) -> Result<&'a Path, Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        // SAFETY: as the caller promises.
        let text = unsafe { c_str(pointer, "path") }?;
        Ok(Path::new(std::ffi::OsStr::from_bytes(text.to_bytes())))
    }
    #[cfg(not(unix))]
    {
        // SAFETY: as the caller promises.
        Ok(Path::new(unsafe { text(pointer, "path") }?))
    }
}

/// # Safety
/// As for [`text`].
unsafe fn c_str<'a>(pointer: *const c_char, what: &'static str) -> Result<&'a CStr, Failure> {
    if pointer.is_null() {
        return Err(Failure::Null(what));
    }
    // SAFETY: it is not NULL, and the caller promises the rest.
    Ok(unsafe { CStr::from_ptr(pointer) })
}

/// Checks an array for results.
pub fn check<T>(
    pointer: *mut T,
    len: usize,
    expected: usize,
    what: &'static str,
) -> Result<(), Failure> {
    if len != expected {
        return Err(Failure::Length(what, len, expected));
    }
    if pointer.is_null() {
        return Err(Failure::Null(what));
    }
    if !pointer.is_aligned() {
        return Err(Failure::Invalid(what, "an aligned pointer"));
    }
    Ok(())
}

/// Copies values to C. Its array may be uninitialized.
///
/// # Safety
/// The pointer is aligned, and that of at least as many values, which nothing reads meanwhile.
pub unsafe fn copy<T: Copy>(values: &[T], to: *mut T) {
    // SAFETY: as the caller promises. The values are this library's, so they do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), to, values.len()) }
}
