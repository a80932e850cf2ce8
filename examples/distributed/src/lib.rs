//! A training run shared by many processes, on top of `feedforward`'s public API and MPI.
//!
//! [`Shard`](feedforward::Shard) computes the rows of a minibatch that belong to a rank. [`Source`]
//! reads only these. [`Reducer`] adds the gradients up, and [`Training`] is the loop.
//! `docs/distributed.md` walks through it.

mod order;
mod reduce;
mod source;
mod training;

pub mod traffic;

pub use order::Stretches;
pub use reduce::{Reducer, Reduction, Summed};
pub use source::{Memory, Part, Source, Table, write_table};
pub use training::{Checkpoints, Outcome, Training, hash, run_ranks};

/// Result whose error is a line of text that a user can act on.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Compiles the code of the page.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/distributed.md")]
struct Page;
