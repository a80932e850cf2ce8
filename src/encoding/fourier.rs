//! Encodings by sines and cosines.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::f64::consts::{PI, TAU};

use rand::SeedableRng;

use super::{Encoding, assert_outputs, check_outputs};
use crate::error::{Error, Result, check_count, check_range, check_rows};
use crate::float::{Float, check_finite_rows, check_positive, instantiate};
use crate::random::Rng;
use crate::{math, memory, random};

/// Maximum number of octaves.
const MOST_OCTAVES: usize = 24;

/// Gaussian Fourier features.
///
/// For each random direction b, the outputs are cos(2π b·x) and sin(2π b·x): first all cosines,
/// then all sines. Components of b are normal with standard deviation σ (`sigma`).
///
/// σ controls the detail. If it is too small, the result is blurred; if it is too large, the result
/// is noise between the samples. About 3 to 5 suits a picture on [-1, 1] x [-1, 1]. Tancik et al.,
/// 2020, [arXiv:2006.10739](https://arxiv.org/abs/2006.10739).
///
/// ```
/// use feedforward::encoding::{Encoding, Fourier};
///
/// let fourier = Fourier::<f32>::new(2, 50, 4.0, 42)?;
/// let features = fourier.encode(&[], &[0.5, -0.25])?;
/// assert_eq!(features.len(), 100);
/// assert!((features[0].powi(2) + features[50].powi(2) - 1.0).abs() < 1e-6);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "random_fourier_features")]
#[derive(Clone, Debug, PartialEq)]
pub struct Fourier<T: Float> {
    inputs: usize,
    /// 2π b, row-major `[frequencies x inputs]`. A `static` borrows them.
    directions: Cow<'static, [T]>,
}

impl<T: Float> Fourier<T> {
    /// Returns features for this many random directions (`frequencies`).
    ///
    /// The directions of a seed are bit-identical on every machine. Those for f32 and f64 are equal
    /// up to rounding. They are drawn like the normal numbers of [initializers](crate::init).
    ///
    /// # Errors
    /// Returns [`Error::InvalidSetting`] if `inputs` or `frequencies` is 0, if `sigma` is not above
    /// 0, or if directions are not finite in this precision. Returns [`Error::TooLarge`] if there
    /// is not enough memory.
    pub fn new(inputs: usize, frequencies: usize, sigma: f64, seed: u64) -> Result<Self> {
        check_count("inputs of the encoding", inputs)?;
        check_count("frequencies", frequencies)?;
        check_positive::<T>("sigma", sigma)?;
        // Standard normal draws are below 8.6, and 2π · 8.6 < 64.
        let most = T::max_value().as_f64() / 64.0;
        check_range("sigma", sigma, ..=most, "directions to be finite")?;
        let mut rng = Rng::seed_from_u64(seed);
        let draws = core::iter::repeat_with(|| T::from_f64(TAU * sigma * random::normal(&mut rng)));
        let len = memory::product("directions", &[frequencies, inputs])?;
        Ok(Self {
            inputs,
            directions: memory::collected("directions", len, draws)?.into(),
        })
    }

    /// Returns features for given directions.
    ///
    /// Pass 2π b, row-major `[frequencies x inputs]`, as returned by
    /// [`directions`](Self::directions).
    ///
    /// # Errors
    /// Returns [`Error::InvalidSetting`] if `inputs` is 0. Returns [`Error::Rows`] if `directions`
    /// does not consist of one or more whole rows. Returns [`Error::NotFinite`] if a number is not
    /// finite.
    pub fn from_directions(inputs: usize, directions: impl Into<Vec<T>>) -> Result<Self> {
        check_count("inputs of the encoding", inputs)?;
        let directions: Vec<T> = directions.into();
        check_rows("directions", &directions, inputs)?;
        check_finite_rows("directions", &directions, inputs)?;
        let directions = directions.into();
        Ok(Self { inputs, directions })
    }

    /// Returns the features of a `static` or `const`, which borrow the directions.
    ///
    /// Directions are those of [`from_directions`](Self::from_directions). A wrong number of them
    /// does not compile. A constant cannot check that they are finite.
    ///
    /// ```
    /// use feedforward::encoding::Fourier;
    ///
    /// static DIRECTIONS: [f32; 4] = [6.5, -2.0, 0.5, 3.25];
    /// static FOURIER: Fourier<f32> = Fourier::constant(2, &DIRECTIONS);
    /// ```
    ///
    /// # Panics
    /// Panics if `inputs` is 0, or if `directions` does not consist of one or more whole rows. Call
    /// this function in constants only.
    pub const fn constant(inputs: usize, directions: &'static [T]) -> Self {
        assert!(
            inputs > 0 && !directions.is_empty() && directions.len().is_multiple_of(inputs),
            "directions must be one or more whole rows of at least one input"
        );
        let directions = Cow::Borrowed(directions);
        Self { inputs, directions }
    }

    /// Returns the directions as 2π b, row-major `[frequencies x inputs]`.
    pub fn directions(&self) -> &[T] {
        &self.directions
    }
}

impl<T: Float> Encoding<T> for Fourier<T> {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        2 * self.directions.len() / self.inputs
    }

    fn name(&self) -> Cow<'static, str> {
        let (inputs, frequencies) = (self.inputs, self.directions.len() / self.inputs);
        format!("fourier(inputs={inputs}, frequencies={frequencies})").into()
    }

    fn constants(&self) -> &[T] {
        &self.directions
    }

    fn encode_sample(&self, _: &[T], inputs: &[T], outputs: &mut [T]) {
        instantiate! {
            fn encode<T>(fourier: &Fourier<T>, inputs: &[T], outputs: &mut [T]) {
                let (cosines, sines) = outputs.split_at_mut(outputs.len() / 2);
                let rows = fourier.directions.chunks_exact(fourier.inputs);
                for ((row, cosine), sine) in rows.zip(cosines).zip(sines) {
                    let angle = row.iter().zip(inputs).fold(T::zero(), |sum, (&b, &x)| sum + b * x);
                    *cosine = math::cos(angle);
                    *sine = math::sin(angle);
                }
            }
        }
        encode(self, inputs, outputs);
    }

    fn add_input_gradient(&self, _: &[T], inputs: &[T], dy: &[T], gradient: &mut [T]) {
        instantiate! {
            fn add<T>(fourier: &Fourier<T>, inputs: &[T], dy: &[T], gradient: &mut [T]) {
                let width = fourier.inputs;
                let outputs = 2 * fourier.directions.len() / width;
                let samples = inputs.chunks_exact(width).zip(dy.chunks_exact(outputs));
                for ((x, dy), gradient) in samples.zip(gradient.chunks_exact_mut(width)) {
                    let (cosines, sines) = dy.split_at(outputs / 2);
                    let rows = fourier.directions.chunks_exact(width);
                    for ((row, &cosine), &sine) in rows.zip(cosines).zip(sines) {
                        let angle = row.iter().zip(x).fold(T::zero(), |sum, (&b, &x)| sum + b * x);
                        let d = sine * math::cos(angle) - cosine * math::sin(angle);
                        for (gradient, &b) in gradient.iter_mut().zip(row) {
                            *gradient += d * b;
                        }
                    }
                }
            }
        }
        add(self, inputs, dy, gradient);
    }
}

/// Positional encoding, as in NeRF.
///
/// For each input x and octave j = 0, 1, ..., the outputs are sin(2^j π x) and cos(2^j π x).
/// They are ordered by input, then by octave, with sine before cosine. Mildenhall et al., 2020,
/// [arXiv:2003.08934](https://arxiv.org/abs/2003.08934).
///
/// ```
/// use feedforward::encoding::{Encoding, Positional};
///
/// let positional = Positional::new(1, 3)?;
/// let x: [f64; 6] = positional.encode(&[], &[0.5])?.try_into().unwrap();
/// // Sine and cosine of π/2, π and 2π.
/// for (got, expected) in x.into_iter().zip([1.0, 0.0, 0.0, -1.0, 0.0, 1.0]) {
///     assert!((got - expected).abs() < 1e-12);
/// }
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "nerf")]
#[doc(alias = "positional_encoding")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Positional {
    inputs: usize,
    pub(crate) octaves: usize,
}

impl Positional {
    /// Returns the encoding of this many inputs, each with this many octaves.
    ///
    /// The maximum is 24 octaves, because inputs in single precision have no finer detail.
    ///
    /// # Errors
    /// Returns [`Error::InvalidSetting`] if `inputs` is 0 or `octaves` is not 1 to 24. Returns
    /// [`Error::TooLarge`] if a buffer cannot hold the outputs.
    pub fn new(inputs: usize, octaves: usize) -> Result<Self> {
        if !(1..=MOST_OCTAVES).contains(&octaves) {
            let expected = format!("1 to {MOST_OCTAVES}");
            return Err(Error::invalid_setting("octaves", expected, octaves));
        }
        check_outputs(inputs, 2 * octaves)?;
        Ok(Self { inputs, octaves })
    }

    /// Returns the encoding of a `static` or `const`. A setting outside its range does not compile.
    ///
    /// ```
    /// use feedforward::encoding::Positional;
    ///
    /// static POSITIONAL: Positional = Positional::constant(2, 4);
    /// assert_eq!(POSITIONAL, Positional::new(2, 4)?);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Panics
    /// Panics where [`new`](Self::new) returns an error. Call this function in constants only.
    pub const fn constant(inputs: usize, octaves: usize) -> Self {
        let in_range = octaves >= 1 && octaves <= MOST_OCTAVES;
        assert!(in_range, "octaves must be 1 to 24");
        assert_outputs(inputs, 2 * octaves);
        Self { inputs, octaves }
    }
}

impl<T: Float> Encoding<T> for Positional {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        2 * self.octaves * self.inputs
    }

    fn name(&self) -> Cow<'static, str> {
        let Self { inputs, octaves } = self;
        format!("positional(inputs={inputs}, octaves={octaves})").into()
    }

    fn encode_sample(&self, _: &[T], inputs: &[T], outputs: &mut [T]) {
        instantiate! {
            fn encode<T>(octaves: usize, inputs: &[T], outputs: &mut [T]) {
                for (&x, row) in inputs.iter().zip(outputs.chunks_exact_mut(2 * octaves)) {
                    let mut angle = T::from_f64(PI) * x;
                    for pair in row.chunks_exact_mut(2) {
                        pair[0] = math::sin(angle);
                        pair[1] = math::cos(angle);
                        angle = angle + angle;
                    }
                }
            }
        }
        encode(self.octaves, inputs, outputs);
    }

    fn add_input_gradient(&self, _: &[T], inputs: &[T], dy: &[T], gradient: &mut [T]) {
        instantiate! {
            fn add<T>(octaves: usize, inputs: &[T], dy: &[T], gradient: &mut [T]) {
                let rows = dy.chunks_exact(2 * octaves).zip(gradient);
                for (&x, (dy, gradient)) in inputs.iter().zip(rows) {
                    let mut frequency = T::from_f64(PI);
                    for pair in dy.chunks_exact(2) {
                        let angle = frequency * x;
                        let d = pair[0] * math::cos(angle) - pair[1] * math::sin(angle);
                        *gradient += frequency * d;
                        frequency = frequency + frequency;
                    }
                }
            }
        }
        add(self.octaves, inputs, dy, gradient);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_normal_and_forever() {
        let fourier = Fourier::<f64>::new(2, 5000, 3.0, 7).unwrap();
        let b: Vec<f64> = fourier.directions().iter().map(|b| b / TAU).collect();
        let mean = b.iter().sum::<f64>() / 1e4;
        let square = b.iter().map(|b| b * b).sum::<f64>() / 1e4;
        assert!(
            mean.abs() < 0.1 && (square.sqrt() - 3.0).abs() < 0.1,
            "{mean} {square}"
        );
        let within = b.iter().filter(|b| b.abs() < 3.0).count() as f64 / 1e4;
        assert!((within - 0.6827).abs() < 0.015, "{within}");
        let single = Fourier::<f32>::new(2, 5000, 3.0, 7).unwrap();
        let pairs = single.directions().iter().zip(fourier.directions());
        assert!(pairs.into_iter().all(|(&a, &b)| a == b as f32));
    }

    #[test]
    fn features_are_their_formulas() {
        let fourier = Fourier::<f64>::new(3, 4, 2.0, 1).unwrap();
        let x = [0.3, -0.8, 0.5];
        let got = fourier.encode(&[], &x).unwrap();
        for (k, b) in fourier.directions().chunks(3).enumerate() {
            let angle: f64 = b.iter().zip(&x).map(|(b, x)| b * x).sum();
            assert!((got[k] - angle.cos()).abs() < 1e-13);
            assert!((got[4 + k] - angle.sin()).abs() < 1e-13);
        }
        let got = Positional::new(2, 3).unwrap().encode(&[], &x[..2]).unwrap();
        for (i, x) in x[..2].iter().enumerate() {
            for j in 0..3 {
                let angle = f64::from(1 << j) * PI * x;
                assert!((got[6 * i + 2 * j] - angle.sin()).abs() < 1e-13);
                assert!((got[6 * i + 2 * j + 1] - angle.cos()).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn bad_settings_and_shapes_are_errors() {
        assert!(Fourier::<f32>::new(0, 1, 1.0, 0).is_err());
        assert!(Fourier::<f32>::new(1, 0, 1.0, 0).is_err());
        assert!(Fourier::<f32>::new(1, 1, f64::NAN, 0).is_err());
        assert!(Positional::new(1, 0).is_err() && Positional::new(1, 25).is_err());
        assert!(Positional::new(usize::MAX, 1).is_err());
        assert!(Positional::new(usize::MAX / 48, 24).is_err());
        for (inputs, frequencies) in [(2, usize::MAX), (usize::MAX, 1), (1 << 20, 1 << 20)] {
            let fourier = Fourier::<f32>::new(inputs, frequencies, 1.0, 0);
            assert!(fourier.is_err(), "{inputs} {frequencies}");
        }
        // f64 can hold these directions, f32 cannot.
        for sigma in [1e-60, 1e-40, 1e38, 1e60] {
            assert!(Fourier::<f32>::new(2, 3, sigma, 0).is_err(), "{sigma:e}");
            assert!(Fourier::<f64>::new(2, 3, sigma, 0).is_ok(), "{sigma:e}");
        }
        assert!(Fourier::<f64>::new(2, 3, 1e308, 0).is_err());
        let fourier = Fourier::<f32>::new(2, 3, 1.0, 0).unwrap();
        let error = fourier.encode(&[], &[1.0; 3]).unwrap_err().to_string();
        assert_eq!(
            error,
            "inputs: expected one or more rows of 2 values, got 3 values"
        );
        assert!(fourier.encode(&[1.0], &[1.0; 2]).is_err());
    }
}
