//! Factorizations of dense matrices in f64: Cholesky, and QR by blocks of rows.
//!
//! Vector operations round each product and each sum, and large products use the kernel. Results
//! are therefore bit-identical on every instruction set with fused multiply-add.

mod cholesky;
mod triangle;
mod triangular;

pub(crate) use cholesky::Cholesky;
pub(crate) use triangle::Triangle;
pub(crate) use triangular::{invert_upper, solve_lower, solve_transposed_upper, solve_upper};

#[cfg(test)]
mod tests;
