//! Input encodings, which expand inputs so that a network can learn fine detail.
//!
//! From plain coordinates, a network learns slow variations and hardly anything else (Rahaman et
//! al., 2019, [arXiv:1806.08734](https://arxiv.org/abs/1806.08734)). Encoded inputs vary fast
//! where the target does.
//!
//! | Encoding | Values | Number of outputs |
//! |---|---|---|
//! | [`Fourier`] | sines and cosines along random directions in input space | 2 · `frequencies` |
//! | [`Positional`] | sines and cosines of octaves of each input | 2 · `octaves` per input |
//! | [`OneBlob`] | a bell around each input, spread over bins | `bins` per input |
//!
//! Inputs should be in [-1, 1] for the first two, and must be in [0, 1] for the last. An encoding
//! has no learned parameters. Encode samples once before training, and inputs before prediction.

use alloc::vec::Vec;
use core::fmt::Debug;

#[cfg(doc)]
use crate::error::Error;
use crate::error::{Result, check_count, check_length, check_rows};
use crate::float::{Float, check_finite_rows};
use crate::memory;

mod builtin;
mod fourier;
mod one_blob;

pub use builtin::Builtin;
pub use fourier::{Fourier, Positional};
pub use one_blob::OneBlob;

/// A function that expands a sample's inputs.
pub trait Encoding<T: Float>: Debug + Send + Sync {
    /// Returns the number of inputs.
    fn inputs(&self) -> usize;

    /// Returns the number of outputs.
    fn outputs(&self) -> usize;

    /// Encodes one sample.
    ///
    /// The lengths of the slices are [`inputs`](Self::inputs) and [`outputs`](Self::outputs).
    /// Implementations must not allocate.
    fn encode_sample(&self, inputs: &[T], outputs: &mut [T]);

    /// Encodes samples, row-major `[samples x inputs]`, into `[samples x outputs]`.
    ///
    /// # Errors
    /// Returns [`Error::Rows`] if `inputs` does not consist of one or more whole samples. Returns
    /// [`Error::Length`] if the length of `outputs` does not match. Returns [`Error::NotFinite`] if
    /// an output is not finite.
    fn encode_into(&self, inputs: &[T], outputs: &mut [T]) -> Result<()> {
        let samples = check_rows("inputs", inputs, self.inputs())?;
        let len = samples.saturating_mul(self.outputs());
        check_length("encoded inputs", outputs, len)?;
        let rows = outputs.chunks_mut(self.outputs());
        for (sample, row) in inputs.chunks(self.inputs()).zip(rows) {
            self.encode_sample(sample, row);
        }
        check_finite_rows("encoded inputs", outputs, self.outputs())
    }

    /// Encodes samples into a new vector.
    ///
    /// # Errors
    /// Returns [`Error::Rows`] if `inputs` does not consist of one or more whole samples. Returns
    /// [`Error::TooLarge`] if there is not enough memory for the outputs. Returns
    /// [`Error::NotFinite`] if an output is not finite.
    fn encode(&self, inputs: &[T]) -> Result<Vec<T>> {
        let samples = check_rows("inputs", inputs, self.inputs())?;
        let len = memory::product("encoded inputs", &[samples, self.outputs()])?;
        let mut outputs = memory::filled("encoded inputs", T::zero(), len)?;
        self.encode_into(inputs, &mut outputs)?;
        Ok(outputs)
    }
}

/// Checks the sizes of an encoding that maps each input independently to `each` outputs.
fn check_outputs(inputs: usize, each: usize) -> Result<()> {
    check_count("inputs of the encoding", inputs)?;
    memory::product("outputs of the encoding", &[inputs, each]).map(drop)
}
