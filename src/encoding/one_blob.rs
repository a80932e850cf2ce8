//! A place among bins.

use core::f64::consts::FRAC_1_SQRT_2;

use super::{Encoding, check_outputs};
use crate::error::{Error, Result};
use crate::float::{Float, instantiate};
use crate::math;

const MOST_BINS: usize = 1 << 24;

/// One-blob encoding: for each input x in [0, 1] and each of n bins, how much of a bell of
/// deviation 1/n about x lies in the bin:
///
/// y_i = Phi(n ((i + 1)/n - x)) - Phi(n (i/n - x)), Phi being the normal distribution function.
///
/// A one-hot encoding that knows how near neighbouring bins are. Müller et al., "Neural
/// importance sampling", 2019.
///
/// ```
/// use feedforward::encoding::{Encoding, OneBlob};
///
/// let x: Vec<f64> = OneBlob::new(1, 4)?.encode(&[0.375])?;
/// assert_eq!(x.len(), 4);
/// assert!(x[1] > x[0] && (x[0] - x[2]).abs() < 1e-12 && x[2] > x[3]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneBlob {
    inputs: usize,
    bins: usize,
}

impl OneBlob {
    /// So many bins for each of so many inputs.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] without inputs or unless there are 1 to 2^24 bins: beyond, inputs
    /// in single precision cannot tell bins apart. [`Error::TooLarge`] for more outputs than a
    /// buffer can have.
    pub fn new(inputs: usize, bins: usize) -> Result<Self> {
        if !(1..=MOST_BINS).contains(&bins) {
            let expected = alloc::format!("1 to {MOST_BINS}");
            return Err(Error::invalid_setting("bins", expected, bins));
        }
        check_outputs(inputs, bins)?;
        Ok(Self { inputs, bins })
    }
}

impl<T: Float> Encoding<T> for OneBlob {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.bins * self.inputs
    }

    fn encode_sample(&self, inputs: &[T], outputs: &mut [T]) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_is_shared_among_its_bins() {
        let blob = OneBlob::new(2, 32).unwrap();
        let got: Vec<f64> = blob.encode(&[0.5, 0.25]).unwrap();
        for (x, row) in [(0.5, &got[..32]), (0.25, &got[32..])] {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let mean: f64 = row
                .iter()
                .enumerate()
                .map(|(i, y)| y * (i as f64 + 0.5) / 32.0)
                .sum();
            assert!((mean - x).abs() < 1e-12, "{mean}");
            // The two bins beside the place hold 68.27 % of the bell.
            let at = (x * 32.0) as usize;
            assert!((row[at - 1] + row[at] - 0.682_689_492_137).abs() < 1e-11);
        }
        assert!(OneBlob::new(0, 3).is_err() && OneBlob::new(3, 0).is_err());
        for (inputs, bins) in [(1, usize::MAX), (usize::MAX, 1), (1 << 20, 1 << 20)] {
            assert!(OneBlob::new(inputs, bins).is_err(), "{inputs} {bins}");
        }
        // As many as may be, without room for them.
        let blob = OneBlob::new(1, 1 << 24).unwrap();
        assert_eq!(Encoding::<f64>::outputs(&blob), 1 << 24);
    }
}
