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
//! | [`Grid`] | learned vectors at the vertices of grids, interpolated | `features` per level |
//! | [`Periodic`] | cosines of learned frequencies, mixed by a learned map | `width` per input |
//! | [`Categories`] | learned vectors of categories, also called embeddings | `width` per column |
//! | [`Identity`] | the inputs themselves | 1 per input |
//! | [`Scaled`] | outputs of another encoding, each with a learned factor | those of the other |
//! | [`Concat`] | outputs of several encodings side by side | the sum over all |
//!
//! Inputs should be in [-1, 1] for the first two, and in [0, 1] for `OneBlob` and `Grid`. Inputs of
//! `Periodic` should be scaled, and those of `Categories` are the numbers 0, 1, 2, ...

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt::Debug;

#[cfg(any(doc, target_has_atomic = "ptr"))]
use crate::error::Error;
#[cfg(target_has_atomic = "ptr")]
use crate::error::bounded;
use crate::error::{Result, check_count, check_length, check_rows};
use crate::float::{Float, check_finite_rows, instantiate};
use crate::memory;
use crate::random::Rng;

#[cfg(target_has_atomic = "ptr")]
mod built_in;
mod categories;
#[cfg(target_has_atomic = "ptr")]
mod concat;
mod fourier;
mod grid;
mod identity;
#[cfg(target_has_atomic = "ptr")]
mod nesting;
mod one_blob;
mod periodic;
#[cfg(target_has_atomic = "ptr")]
mod registry;
#[cfg(target_has_atomic = "ptr")]
mod scaled;

#[cfg(target_has_atomic = "ptr")]
pub(crate) use built_in::{BuiltIn, built_ins};
pub use categories::Categories;
#[cfg(target_has_atomic = "ptr")]
pub use concat::Concat;
pub use fourier::{Fourier, Positional};
pub use grid::{Grid, GridSettings, Interpolation};
pub use identity::Identity;
pub use one_blob::OneBlob;
pub use periodic::{Periodic, PeriodicSettings};
#[cfg(target_has_atomic = "ptr")]
pub use registry::parse;
#[cfg(all(feature = "safetensors", target_has_atomic = "ptr"))]
pub(crate) use registry::parse_with;
#[cfg(target_has_atomic = "ptr")]
pub use scaled::Scaled;
#[cfg(target_has_atomic = "ptr")]
pub(crate) use scaled::is_identity;

/// A function that expands the inputs of samples, in front of a network.
///
/// A network owns its encoding ([`MlpBuilder::encoding`](crate::MlpBuilder::encoding)), and trains
/// the parameters of the encoding together with its layers. They lie behind the layers' parameters
/// in [`Mlp::params`](crate::Mlp::params). An encoding holds settings only. Fixed encodings have no
/// parameters.
///
/// This custom encoding learns the frequency of a sine for each input:
///
/// ```
/// use std::borrow::Cow;
/// use feedforward::{encoding::Encoding, init::Rng};
/// use feedforward::{Float, Mlp, Trainer, activation::Identity, loss::SquaredError};
/// use feedforward::{math::{cos, sin}, optimizer::Adam};
///
/// #[derive(Debug)]
/// struct Sines(usize);
///
/// impl<T: Float> Encoding<T> for Sines {
///     fn inputs(&self) -> usize {
///         self.0
///     }
///     fn outputs(&self) -> usize {
///         self.0
///     }
///     fn name(&self) -> Cow<'static, str> {
///         format!("sines(inputs={})", self.0).into()
///     }
///     fn part_len(&self, part: usize) -> Option<usize> {
///         (part == 0).then_some(self.0)
///     }
///     fn initialize(&self, _: &mut Rng, params: &mut [f64]) {
///         params.fill(2.5);
///     }
///     fn encode_sample(&self, params: &[T], inputs: &[T], outputs: &mut [T]) {
///         for ((y, &x), &w) in outputs.iter_mut().zip(inputs).zip(params) {
///             *y = sin(w * x);
///         }
///     }
///     fn add_gradient(&self, _: usize, params: &[T], x: &[T], dy: &[T], gradient: &mut [T]) {
///         for (x, dy) in x.chunks(self.0).zip(dy.chunks(self.0)) {
///             for (i, g) in gradient.iter_mut().enumerate() {
///                 *g += dy[i] * cos(params[i] * x[i]) * x[i];
///             }
///         }
///     }
///     fn add_input_gradient(&self, params: &[T], x: &[T], dy: &[T], gradient: &mut [T]) {
///         for (i, g) in gradient.iter_mut().enumerate() {
///             *g += dy[i] * cos(params[i % self.0] * x[i]) * params[i % self.0];
///         }
///     }
/// }
///
/// let mut net = Mlp::<f64>::builder(1).encoding(Sines(1)).output(1, Identity).build()?;
/// let x: Vec<f64> = (0..100).map(|i| f64::from(i) / 50.0 - 1.0).collect();
/// let y: Vec<f64> = x.iter().map(|x| (3.0 * x).sin()).collect();
/// let trainer = Trainer::new(SquaredError, Adam::new(0.01)).epochs(500);
/// trainer.fit(&mut net, &x, &y)?;
/// let frequency = net.params()[net.layout().encoding().start];
/// assert!((frequency - 3.0).abs() < 0.01, "{frequency}");
/// # Ok::<(), feedforward::Error>(())
/// ```
pub trait Encoding<T: Float>: Debug + Send + Sync {
    /// Returns the number of inputs.
    fn inputs(&self) -> usize;

    /// Returns the number of outputs.
    fn outputs(&self) -> usize;

    /// Returns the name with all settings, such as `positional(inputs=2, octaves=4)`. Files store
    /// it.
    fn name(&self) -> Cow<'static, str>;

    /// Returns fixed numbers that the encoding needs beside its name. Files store them. Default:
    /// none.
    fn constants(&self) -> &[T] {
        &[]
    }

    /// Returns the length of a part of the parameters, or `None` for an index beyond the last part.
    /// Default: no parts, so no parameters.
    ///
    /// Parts are consecutive. Several threads compute the gradients of parts in parallel. Each part
    /// has at least one parameter, so indices from 2^36 on, the maximum number of parameters, must
    /// give `None`. Networks refuse other encodings.
    fn part_len(&self, _part: usize) -> Option<usize> {
        None
    }

    /// Returns the number of parameters, which is the sum over all parts. Default: asks
    /// [`part_len`](Self::part_len). An encoding with too many parts has `usize::MAX` parameters.
    fn params_len(&self) -> usize {
        // Otherwise the sum over endless parts would not end.
        if self.part_len(memory::MOST).is_some() {
            return usize::MAX;
        }
        let parts = (0..).map_while(|part| self.part_len(part));
        parts.fold(0, usize::saturating_add)
    }

    /// Draws the initial parameters. All are initially 0.
    fn initialize(&self, _rng: &mut Rng, _params: &mut [f64]) {}

    /// Encodes one sample.
    ///
    /// The lengths of the slices are [`params_len`](Self::params_len), [`inputs`](Self::inputs) and
    /// [`outputs`](Self::outputs). Implementations must not allocate.
    fn encode_sample(&self, params: &[T], inputs: &[T], outputs: &mut [T]);

    /// Encodes samples, row-major `[samples x inputs]`, to the starts of rows of this stride. The
    /// last row may end anywhere behind its outputs.
    ///
    /// Results must not depend on the number of samples. Default: encodes one sample after another.
    fn encode_samples(&self, params: &[T], inputs: &[T], outputs: &mut [T], stride: usize) {
        let rows = outputs.chunks_mut(stride);
        for (sample, row) in inputs.chunks_exact(self.inputs()).zip(rows) {
            self.encode_sample(params, sample, &mut row[..self.outputs()]);
        }
    }

    /// Adds the gradient with respect to a part of the parameters, sample by sample in order.
    ///
    /// `params` are all parameters of the encoding, as in
    /// [`encode_sample`](Self::encode_sample), but `gradient` is that of the part alone, with
    /// the part's length. `inputs` is row-major `[samples x inputs]`, and `output_gradient` is
    /// `[samples x outputs]`. Default: does nothing.
    fn add_gradient(
        &self,
        _part: usize,
        _params: &[T],
        _inputs: &[T],
        _output_gradient: &[T],
        _gradient: &mut [T],
    ) {
    }

    /// Adds the gradient with respect to the inputs, row-major `[samples x inputs]`.
    fn add_input_gradient(
        &self,
        params: &[T],
        inputs: &[T],
        output_gradient: &[T],
        input_gradient: &mut [T],
    );

    /// Returns `false` if the outputs jump as this input changes, so that the gradient with respect
    /// to it tells nothing. Default: `true`.
    fn has_input_gradient(&self, _input: usize) -> bool {
        true
    }

    /// Adds a partial gradient to the total, and sets it to 0. `inputs` are those of
    /// [`add_gradient`](Self::add_gradient), which computed the partial gradient of a chunk.
    ///
    /// An encoding with many parameters, of which a sample touches few, visits those alone. Several
    /// calls may divide the samples of a chunk among them. Default: visits the whole part.
    fn merge_gradient(&self, _part: usize, _inputs: &[T], partial: &mut [T], total: &mut [T]) {
        merge(partial, total);
    }

    /// Returns the encoding behind a learned scale, as [`Scaled`] has one. The first
    /// [`outputs`](Self::outputs) parameters are the factors, and the others are those of the
    /// returned encoding. Default: `None`, which means that there is no scale.
    #[cfg(target_has_atomic = "ptr")]
    fn unscaled(&self) -> Option<alloc::sync::Arc<dyn Encoding<T>>> {
        None
    }

    /// Encodes samples, row-major `[samples x inputs]`, into a new vector.
    ///
    /// # Errors
    /// Returns [`Error::Length`] if the length of `params` is not
    /// [`params_len`](Self::params_len). Returns [`Error::Rows`] if `inputs` does not consist of
    /// one or more whole samples. Returns [`Error::TooLarge`] if there is not enough memory for the
    /// outputs. Returns [`Error::NotFinite`] if an input or an output is not finite.
    fn encode(&self, params: &[T], inputs: &[T]) -> Result<Vec<T>> {
        check_length("parameters of the encoding", params, self.params_len())?;
        let samples = check_rows("inputs", inputs, self.inputs())?;
        check_finite_rows("inputs", inputs, self.inputs())?;
        let len = memory::product("encoded inputs", &[samples, self.outputs()])?;
        let mut outputs = memory::filled("encoded inputs", T::zero(), len)?;
        self.encode_samples(params, inputs, &mut outputs, self.outputs());
        check_finite_rows("encoded inputs", &outputs, self.outputs())?;
        Ok(outputs)
    }
}

/// Forwards to the shared encoding.
#[cfg(target_has_atomic = "ptr")]
impl<T: Float, Shared: Encoding<T> + ?Sized> Encoding<T> for alloc::sync::Arc<Shared> {
    fn inputs(&self) -> usize {
        (**self).inputs()
    }
    fn outputs(&self) -> usize {
        (**self).outputs()
    }
    fn name(&self) -> Cow<'static, str> {
        (**self).name()
    }
    fn constants(&self) -> &[T] {
        (**self).constants()
    }
    fn part_len(&self, part: usize) -> Option<usize> {
        (**self).part_len(part)
    }
    fn params_len(&self) -> usize {
        (**self).params_len()
    }
    fn initialize(&self, rng: &mut Rng, params: &mut [f64]) {
        (**self).initialize(rng, params);
    }
    fn encode_sample(&self, params: &[T], inputs: &[T], outputs: &mut [T]) {
        (**self).encode_sample(params, inputs, outputs);
    }
    fn encode_samples(&self, params: &[T], inputs: &[T], outputs: &mut [T], stride: usize) {
        (**self).encode_samples(params, inputs, outputs, stride);
    }
    fn add_gradient(&self, part: usize, params: &[T], x: &[T], dy: &[T], gradient: &mut [T]) {
        (**self).add_gradient(part, params, x, dy, gradient);
    }
    fn add_input_gradient(&self, params: &[T], x: &[T], dy: &[T], gradient: &mut [T]) {
        (**self).add_input_gradient(params, x, dy, gradient);
    }
    fn has_input_gradient(&self, input: usize) -> bool {
        (**self).has_input_gradient(input)
    }
    fn merge_gradient(&self, part: usize, x: &[T], partial: &mut [T], total: &mut [T]) {
        (**self).merge_gradient(part, x, partial, total);
    }
    fn unscaled(&self) -> Option<alloc::sync::Arc<dyn Encoding<T>>> {
        (**self).unscaled()
    }
}

/// An encoding and its parameters.
#[cfg(target_has_atomic = "ptr")]
pub(crate) type Encoder<T> = (alloc::sync::Arc<dyn Encoding<T>>, Vec<T>);

instantiate! {
    /// Adds all of a partial gradient to the total, and sets it to 0.
    fn merge<T>(partial: &mut [T], total: &mut [T]) {
        for (total, partial) in total.iter_mut().zip(partial) {
            *total += *partial;
            *partial = T::zero();
        }
    }
}

instantiate! {
    /// Adds values to sums.
    fn add<T>(sums: &mut [T], values: &[T]) {
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum += value;
        }
    }
}

/// Checks that parts have parameters, `params_len` in all. The sum of endless parts exceeds it.
#[cfg(target_has_atomic = "ptr")]
pub(crate) fn check_parts<T: Float>(encoding: &dyn Encoding<T>, params_len: usize) -> Result<()> {
    let problem = |got: alloc::string::String| {
        let expected = alloc::format!("at least 1 parameter each, and {params_len} in all");
        let got = bounded(alloc::format!("{got} of {}", encoding.name()));
        Err(Error::invalid_setting(
            "parts of the encoding",
            expected,
            got,
        ))
    };
    let (mut sum, mut part) = (0_usize, 0);
    while let Some(len) = encoding.part_len(part) {
        sum = sum.saturating_add(len);
        if len == 0 {
            return problem(alloc::format!("no parameter in part {part}"));
        }
        if sum > params_len {
            return problem(alloc::format!("{sum} in parts 0 to {part}"));
        }
        part += 1;
    }
    if sum < params_len {
        return problem(alloc::format!("{sum} in the {part} parts"));
    }
    Ok(())
}

/// Checks the sizes of an encoding that maps each input independently to `each` outputs.
fn check_outputs(inputs: usize, each: usize) -> Result<()> {
    check_count("inputs of the encoding", inputs)?;
    memory::product("outputs of the encoding", &[inputs, each]).map(drop)
}

/// Panics unless an encoding in a constant maps at least one input to `each` outputs, in all no
/// more than [`check_outputs`] accepts.
const fn assert_outputs(inputs: usize, each: usize) {
    assert!(inputs >= 1, "an encoding needs at least one input");
    let fits = match inputs.checked_mul(each) {
        Some(outputs) => outputs <= memory::MOST,
        None => false,
    };
    assert!(fits, "too many outputs of the encoding");
}

#[cfg(test)]
mod tests;
