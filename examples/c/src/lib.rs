//! The C interface of `feedforward`. [`docs/c.md`] has a whole program.
//!
//! `include/feedforward.h` is generated from these files, and its comments are their docs.
//!
//! - Handles are opaque. A function that takes a handle accepts NULL, and returns an error.
//! - Arguments are typed as references and boxes where C has pointers to handles and structs.
//!   `Option` makes NULL one of their values, so most of these functions need no unsafe code.
//! - Unsafe code remains for arrays, texts and structs, of which only C knows the length. `memory`
//!   and `options` read them.
//! - `guard` ends a panic before it reaches C.
//!
//! [`docs/c.md`]: ../../../docs/c.md

// Exported names and memory of C are unsafe. The rest of the workspace has no such code but `simd`.
#![allow(unsafe_code)]
// The names are those of C.
#![allow(non_camel_case_types)]
// The head of the header states the rules for pointers, once for all functions.
#![allow(clippy::missing_safety_doc)]
// A box is freed, and an owned handle is moved into the function for that.
#![allow(clippy::needless_pass_by_value)]

mod memory;
mod options;

// The header has this order. Empty lines keep it when the code is formatted.
mod status;

mod guard;

mod bytes;

mod network;

mod train;

mod predictor;

mod files;

mod quantized;

mod scale;

#[cfg(test)]
mod tests;

/// Version of the interface in this header. It changes only if programs must be compiled again.
pub const FF_ABI_VERSION: u32 = 1;

/// Returns the version of the library's interface. It must be equal to `FF_ABI_VERSION`.
#[unsafe(no_mangle)]
pub extern "C" fn ff_abi_version() -> u32 {
    FF_ABI_VERSION
}
