//! One training shared by many processes: a layer over `feedforward`'s public pieces and MPI.
//!
//! [`Shard`](feedforward::Shard) says which rows of a minibatch are a rank's, [`Source`] reads those
//! and no others, [`Reducer`] adds the gradients up, [`Training`] is the loop. `docs/distributed.md`
//! walks through it.

mod order;
mod reduce;
mod source;
mod training;

pub mod traffic;

pub use order::Stretches;
pub use reduce::{Reducer, Reduction, Summed};
pub use source::{Memory, Part, Source, Table, write_table};
pub use training::{Checkpoints, Outcome, Training, hash, run_ranks};

/// What a user can act on, as one line of text, from here or from the library.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The page's code, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/distributed.md")]
struct Page;
