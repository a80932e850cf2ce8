//! Structs that can grow. Their first field is their size in the caller's program.

use std::ptr::{copy_nonoverlapping, from_ref};

use crate::guard::Failure;

/// A struct of C with its size in front.
///
/// # Safety
/// It is `repr(C)` and `Copy`, begins with its size as `u32`, and any bits are a valid value.
/// `SMALLEST` is at most its size, and the end of one of its fields.
pub unsafe trait Sized32: Copy {
    /// Size of the struct in the first version of the interface.
    const SMALLEST: usize;
    /// Name of the struct.
    const NAME: &'static str;
}

/// Implements [`Sized32`] for a struct of the first version.
macro_rules! sized {
    ($type:ident) => {
        // SAFETY: it is `repr(C)` of numbers and pointers, and `size` is its first field.
        unsafe impl crate::options::Sized32 for $type {
            const SMALLEST: usize = size_of::<$type>();
            const NAME: &'static str = stringify!($type);
        }
        const _: () = assert!(std::mem::offset_of!($type, size) == 0);
    };
}
pub(crate) use sized;

/// Checks the size that a program says its struct has.
fn check<T: Sized32>(size: usize) -> Result<usize, Failure> {
    if size < T::SMALLEST {
        let expected = "its size in its first field, `size`";
        return Err(Failure::Invalid(T::NAME, expected));
    }
    if size > size_of::<T>() {
        let expected = "a size that this library knows; the header is newer than the library";
        return Err(Failure::Invalid(T::NAME, expected));
    }
    Ok(size)
}

/// Reads the size in front of a struct of C, and checks it.
///
/// # Safety
/// The pointer is that of a struct that begins with its size.
pub unsafe fn size<T: Sized32>(pointer: *const T) -> Result<usize, Failure> {
    if !pointer.is_aligned() {
        return Err(Failure::Invalid(T::NAME, "an aligned pointer"));
    }
    // SAFETY: a `Sized32` begins with its size, and the caller promises that it is there.
    check::<T>(unsafe { pointer.cast::<u32>().read() } as usize)
}

/// Reads a struct of C over its defaults. Fields that an older program does not have keep them.
///
/// # Safety
/// Unless it is NULL, the pointer is that of a struct of as many bytes as its size says.
pub unsafe fn read<T: Sized32>(pointer: *const T, mut defaults: T) -> Result<T, Failure> {
    if pointer.is_null() {
        return Ok(defaults);
    }
    // SAFETY: as the caller promises.
    let size = unsafe { size(pointer) }?;
    // SAFETY: the caller promises `size` bytes, which are at most those of `T`, and any bits are
    // valid.
    unsafe { copy_nonoverlapping(pointer.cast(), (&raw mut defaults).cast::<u8>(), size) };
    Ok(defaults)
}

/// Writes a struct to C, as far as a program of this size knows it. Its `size` becomes that size.
///
/// # Safety
/// Unless it is NULL, the pointer is that of `size` bytes.
pub unsafe fn write<T: Sized32>(value: &T, to: *mut T, size: usize) -> Result<(), Failure> {
    if to.is_null() {
        return Err(Failure::Null(T::NAME));
    }
    if !to.is_aligned() {
        return Err(Failure::Invalid(T::NAME, "an aligned pointer"));
    }
    let size = check::<T>(size)?;
    // SAFETY: the caller promises `size` bytes, which are at most those of `T`. The first four are
    // its size.
    unsafe {
        copy_nonoverlapping(from_ref(value).cast::<u8>(), to.cast(), size);
        to.cast::<u32>().write(size as u32);
    }
    Ok(())
}
