//! The functions of generated source, written once for all languages.
//!
//! They are the activations of [`activation`](crate::activation) and the functions of
//! [`math`](crate::math), with the same operations in the same order. `translate` turns them into
//! C or Rust.
//!
//! The text is a subset of Rust:
//!
//! - A body consists of `let`s and a result. `if` is a whole right side, and both have an `else`.
//! - Names in capitals are [constants](super::constants). Calls of `..._series` are polynomials.
//! - `Float` is the number type of the network, and `Bits` an unsigned integer of the same size.
//!   `Double` and `DoubleBits` are those of f64.
//! - Of `f_single` and `f_double`, the one for the network's type becomes `f`.
//! - Lines that begin with `@c` or `@rust` belong to one language.

mod activations;
mod elementary;

/// All functions, separated by blank lines.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    let texts = [elementary::FUNCTIONS, activations::FUNCTIONS];
    texts.into_iter().flat_map(|text| text.trim().split("\n\n"))
}
