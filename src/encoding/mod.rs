//! Input encodings: more numbers for the same inputs, so that a network can learn fine detail.
//!
//! A network on plain coordinates learns what changes slowly and hardly anything else (Rahaman et
//! al., "On the spectral bias of neural networks", 2019). Encoded inputs change fast where the
//! target does.
//!
//! | encoding | of one input | outputs |
//! |---|---|---|
//! | [`Fourier`] | sines and cosines of random directions through all inputs | 2 `frequencies` |
//! | [`Positional`] | sines and cosines of octaves | 2 `octaves` an input |
//! | [`OneBlob`] | a bell over bins, at the input's place | `bins` an input |
//!
//! Inputs are best in [-1, 1] for the first two, and must be in [0, 1] for the last. An encoding is a
//! function with nothing to learn: encode samples once before training, and inputs before predicting.

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

/// A function from a sample's inputs to more of them.
pub trait Encoding<T: Float>: Debug + Send + Sync {
    /// Numbers that go in.
    fn inputs(&self) -> usize;

    /// Numbers that come out.
    fn outputs(&self) -> usize;

    /// Encodes one sample. Slices have the lengths above; must not allocate.
    fn encode_sample(&self, inputs: &[T], outputs: &mut [T]);

    /// Encodes samples, row-major `[samples x inputs]`, into `[samples x outputs]`.
    ///
    /// # Errors
    /// [`Error::Rows`] unless there are whole samples,
    /// [`Error::Length`] unless there is room for just their outputs, [`Error::NotFinite`] if one
    /// of those is not finite.
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

    /// The same into a vector of its own.
    ///
    /// # Errors
    /// [`Error::Rows`] unless there are whole samples, [`Error::TooLarge`] if there is no memory
    /// for their outputs, [`Error::NotFinite`] if one of those is not finite.
    fn encode(&self, inputs: &[T]) -> Result<Vec<T>> {
        let samples = check_rows("inputs", inputs, self.inputs())?;
        let len = memory::product("encoded inputs", &[samples, self.outputs()])?;
        let mut outputs = memory::filled("encoded inputs", T::zero(), len)?;
        self.encode_into(inputs, &mut outputs)?;
        Ok(outputs)
    }
}

/// Checks an encoding of each input by itself, which gives this many outputs for each.
fn check_outputs(inputs: usize, each: usize) -> Result<()> {
    check_count("inputs of the encoding", inputs)?;
    memory::product("outputs of the encoding", &[inputs, each]).map(drop)
}
