//! One-blob encoding.

use alloc::borrow::Cow;
use core::f64::consts::FRAC_1_SQRT_2;

use super::{Encoding, assert_outputs, check_outputs};
use crate::error::{Error, Result};
use crate::float::{Float, instantiate};
use crate::math;

/// 1 / √(2π).
const FRAC_1_SQRT_TAU: f64 = 0.398_942_280_401_432_7;

const MOST_BINS: usize = 1 << 24;

/// One-blob encoding, which spreads a bell around each input over bins.
///
/// The bell around the input x in [0, 1] has standard deviation 1/n, where n is the number of bins.
/// Output i is the part of the bell in bin i:
///
/// ```text
/// yᵢ = Φ(n · ((i + 1)/n - x)) - Φ(n · (i/n - x))
/// ```
///
/// Φ is the normal distribution function. Unlike one-hot encoding, nearby bins have similar codes.
/// Müller et al., 2019, [arXiv:1808.03856](https://arxiv.org/abs/1808.03856).
///
/// ```
/// use feedforward::encoding::{Encoding, OneBlob};
///
/// let x: Vec<f64> = OneBlob::new(1, 4)?.encode(&[], &[0.375])?;
/// assert_eq!(x.len(), 4);
/// assert!(x[1] > x[0] && (x[0] - x[2]).abs() < 1e-12 && x[2] > x[3]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneBlob {
    inputs: usize,
    pub(crate) bins: usize,
}

impl OneBlob {
    /// Returns the encoding of this many inputs, each with this many bins.
    ///
    /// The maximum is 2^24 bins, because inputs in single precision cannot distinguish more.
    ///
    /// # Errors
    /// Returns [`Error::InvalidSetting`] if `inputs` is 0 or `bins` is not 1 to 2^24. Returns
    /// [`Error::TooLarge`] if a buffer cannot hold the outputs.
    pub fn new(inputs: usize, bins: usize) -> Result<Self> {
        if !(1..=MOST_BINS).contains(&bins) {
            let expected = alloc::format!("1 to {MOST_BINS}");
            return Err(Error::invalid_setting("bins", expected, bins));
        }
        check_outputs(inputs, bins)?;
        Ok(Self { inputs, bins })
    }

    /// Returns the encoding of a `static` or `const`. A setting outside its range does not compile.
    ///
    /// ```
    /// use feedforward::encoding::OneBlob;
    ///
    /// static ONE_BLOB: OneBlob = OneBlob::constant(2, 16);
    /// assert_eq!(ONE_BLOB, OneBlob::new(2, 16)?);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Panics
    /// Panics where [`new`](Self::new) returns an error. Call this function in constants only.
    pub const fn constant(inputs: usize, bins: usize) -> Self {
        assert!(bins >= 1 && bins <= MOST_BINS, "bins must be 1 to 2^24");
        assert_outputs(inputs, bins);
        Self { inputs, bins }
    }
}

impl<T: Float> Encoding<T> for OneBlob {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.bins * self.inputs
    }

    fn name(&self) -> Cow<'static, str> {
        let Self { inputs, bins } = self;
        alloc::format!("one_blob(inputs={inputs}, bins={bins})").into()
    }

    fn encode_sample(&self, _: &[T], inputs: &[T], outputs: &mut [T]) {
        instantiate! {
            fn encode<T>(bins: usize, inputs: &[T], outputs: &mut [T]) {
                let half = T::from_f64(0.5);
                let phi = |z: T| half * math::erf(z * T::from_f64(FRAC_1_SQRT_2));
                for (&x, row) in inputs.iter().zip(outputs.chunks_exact_mut(bins)) {
                    let place = x * T::from_f64(bins as f64);
                    let mut below = phi(-place);
                    for (bin, y) in (1..).zip(row) {
                        let above = phi(T::from_f64(f64::from(bin)) - place);
                        *y = above - below;
                        below = above;
                    }
                }
            }
        }
        encode(self.bins, inputs, outputs);
    }

    fn add_input_gradient(&self, _: &[T], inputs: &[T], dy: &[T], gradient: &mut [T]) {
        instantiate! {
            fn add<T>(bins: usize, inputs: &[T], dy: &[T], gradient: &mut [T]) {
                let (n, half) = (T::from_f64(bins as f64), T::from_f64(0.5));
                let density = |z: T| T::from_f64(FRAC_1_SQRT_TAU) * math::exp(-half * z * z);
                for ((&x, dy), gradient) in inputs.iter().zip(dy.chunks_exact(bins)).zip(gradient) {
                    let place = x * n;
                    let mut below = density(-place);
                    for (bin, &dy) in (1..).zip(dy) {
                        let above = density(T::from_f64(f64::from(bin)) - place);
                        *gradient += dy * n * (below - above);
                        below = above;
                    }
                }
            }
        }
        add(self.bins, inputs, dy, gradient);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_is_shared_among_its_bins() {
        let blob = OneBlob::new(2, 32).unwrap();
        let got: Vec<f64> = blob.encode(&[], &[0.5, 0.25]).unwrap();
        for (x, row) in [(0.5, &got[..32]), (0.25, &got[32..])] {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let mean: f64 = row
                .iter()
                .enumerate()
                .map(|(i, y)| y * (i as f64 + 0.5) / 32.0)
                .sum();
            assert!((mean - x).abs() < 1e-12, "{mean}");
            // The two bins next to x cover one standard deviation on either side.
            let at = (x * 32.0) as usize;
            assert!((row[at - 1] + row[at] - 0.682_689_492_137).abs() < 1e-11);
        }
        assert!(OneBlob::new(0, 3).is_err() && OneBlob::new(3, 0).is_err());
        for (inputs, bins) in [(1, usize::MAX), (usize::MAX, 1), (1 << 20, 1 << 20)] {
            assert!(OneBlob::new(inputs, bins).is_err(), "{inputs} {bins}");
        }
        // The maximum number of bins allocates nothing.
        let blob = OneBlob::new(1, 1 << 24).unwrap();
        assert_eq!(Encoding::<f64>::outputs(&blob), 1 << 24);
    }
}
