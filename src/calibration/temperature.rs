//! Temperature scaling.

use alloc::vec::Vec;

use super::{check_fit, check_logits, check_mixing, classes, mixed, mixing};
use crate::error::Result;
use crate::float::{Float, check_positive, instantiate};
use crate::math;
use crate::memory;

/// Temperature scaling: one number that all logits z are divided by.
///
/// ```text
/// p = (1 - m) · softmax(z / T) + m / K    (K classes)
/// ```
///
/// With one logit per row, the softmax is that of (0, z): the logit of the second of two classes.
/// T above 1 makes predictions less sure. Temperature changes neither the predicted classes nor the
/// ranking of rows by one logit.
///
/// The small fraction m of the uniform distribution keeps every log loss finite. It is 1/(n + 1)
/// for n rows.
///
/// [`temperature`](Self::temperature) and [`mixing`](Self::mixing) are the whole state, and
/// [`new`](Self::new) restores it.
///
/// Guo, Pleiss, Sun and Weinberger, 2017, [arXiv:1706.04599](https://arxiv.org/abs/1706.04599).
/// Bisection and mixing are those of Berta, Holzmüller, Jordan and Bach, 2025,
/// [arXiv:2501.19195](https://arxiv.org/abs/2501.19195).
///
/// ```
/// use feedforward::calibration::Temperature;
///
/// let sure = [9.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0, 9.0];
/// // The last of three predictions is wrong.
/// let calibrator = Temperature::fit(&sure, 3, &[0, 1, 0], None)?;
/// assert!(calibrator.temperature() > 3.0);
/// let p = calibrator.probabilities(&[9.0, 0.0, 1.0], 3)?;
/// assert!(p[0] > p[2] && p[2] > p[1] && p[0] < 0.7);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "temperature_scaling")]
#[doc(alias = "TemperatureScaling")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temperature {
    temperature: f64,
    mixing: f64,
}

/// Maximum of |ln T|.
const MOST: f64 = 16.0;

/// Halvings of the range of ln T, which leave 3e-11.
const STEPS: usize = 40;

impl Temperature {
    /// Finds the temperature with the minimum log loss.
    ///
    /// `logits` is row-major `[rows x width]`. A width of 1 means two classes. `expected` has the
    /// true class of each row, and `weights` a weight, with which the row's loss is multiplied. The
    /// derivative by 1/T increases, so bisection over ln T finds the minimum in [-16, 16].
    ///
    /// Fit the logits of the model that predicts. For an ensemble that averages probabilities, fit
    /// [`logits`](super::logits) of the average.
    ///
    /// # Errors
    /// - [`Error::Rows`](crate::Error::Rows) if `logits` does not consist of one or more whole
    ///   rows.
    /// - [`Error::Length`](crate::Error::Length) unless there is a class, and a weight, for each
    ///   row.
    /// - [`Error::NotFinite`](crate::Error::NotFinite) if a logit or a weight is not finite.
    /// - [`Error::InvalidValue`](crate::Error::InvalidValue) if a class does not exist, or if a
    ///   weight is negative.
    /// - [`Error::InvalidSetting`](crate::Error::InvalidSetting) if the weights have no positive,
    ///   finite sum.
    pub fn fit<T: Float>(
        logits: &[T],
        width: usize,
        expected: &[usize],
        weights: Option<&[T]>,
    ) -> Result<Self> {
        let rows = check_fit(logits, width, expected, weights)?;
        let slope = |logarithm: f64| {
            let inverse = math::exp(-logarithm);
            derivative(logits, width, expected, weights, inverse)
        };
        // All temperatures are equally good for equal logits, and for sure and correct ones.
        let mut range = [-MOST, MOST];
        if slope(0.0) == 0.0 {
            range = [0.0; 2];
        }
        for _ in 0..STEPS {
            let middle = 0.5 * (range[0] + range[1]);
            if slope(middle) > 0.0 {
                range[0] = middle;
            } else {
                range[1] = middle;
            }
        }
        Self::new(math::exp(0.5 * (range[0] + range[1])), mixing(rows))
    }

    /// Creates a calibrator with a known temperature, and a fraction of the uniform distribution.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`](crate::Error::InvalidSetting) unless `temperature` is finite and
    /// above 0, and 0 <= `mixing` < 1.
    pub fn new(temperature: f64, mixing: f64) -> Result<Self> {
        check_positive::<f64>("temperature", temperature)?;
        check_mixing(mixing)?;
        Ok(Self {
            temperature,
            mixing,
        })
    }

    /// Creates the calibrator of a `static` or `const`, as [`new`](Self::new) does at run time.
    ///
    /// # Panics
    /// Panics where [`new`](Self::new) returns an error. Call this function in constants only.
    pub const fn constant(temperature: f64, mixing: f64) -> Self {
        assert!(
            temperature > 0.0 && temperature < f64::INFINITY,
            "a temperature must be finite and above 0"
        );
        assert!(
            mixing >= 0.0 && mixing < 1.0,
            "mixing must be at least 0 and below 1"
        );
        Self {
            temperature,
            mixing,
        }
    }

    /// Returns the temperature T.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// Returns the fraction m of the uniform distribution.
    pub fn mixing(&self) -> f64 {
        self.mixing
    }

    /// Returns calibrated probabilities, row-major `[rows x classes]`. `logits` is row-major
    /// `[rows x width]`, and a width of 1 means two classes.
    ///
    /// # Errors
    /// - [`Error::Rows`](crate::Error::Rows) if `logits` does not consist of one or more whole
    ///   rows.
    /// - [`Error::NotFinite`](crate::Error::NotFinite) if a logit is not finite.
    /// - [`Error::TooLarge`](crate::Error::TooLarge) if memory cannot hold the probabilities.
    pub fn probabilities<T: Float>(&self, logits: &[T], width: usize) -> Result<Vec<T>> {
        let rows = check_logits(logits, width)?;
        let (what, classes) = ("probabilities", classes(width));
        let len = memory::product(what, &[rows, classes])?;
        let mut probabilities = memory::filled(what, T::zero(), len)?;
        self.probabilities_into(logits, width, &mut probabilities);
        Ok(probabilities)
    }

    /// Writes calibrated probabilities, without allocation and checks.
    pub(crate) fn probabilities_into<T: Float>(
        &self,
        logits: &[T],
        width: usize,
        probabilities: &mut [T],
    ) {
        scaled(logits, width, *self, probabilities);
    }
}

instantiate! {
    /// Returns the derivative of the sum of log losses by the inverse temperature β:
    ///
    /// ```text
    /// Σ weight · Σ (z_c - z_y) · softmax(β z)_c
    /// ```
    fn derivative<T>(
        logits: &[T],
        width: usize,
        expected: &[usize],
        weights: Option<&[T]>,
        inverse: f64,
    ) -> f64 {
        let mut sum = 0.0;
        for (row, (logits, &class)) in logits.chunks_exact(width).zip(expected).enumerate() {
            let weight = weights.map_or(1.0, |weights| weights[row].as_f64());
            let of_row = if let &[logit] = logits {
                // The true class exceeds the other one by this much.
                let ahead = if class == 1 { logit.as_f64() } else { -logit.as_f64() };
                -ahead * math::sigmoid(-ahead * inverse)
            } else {
                let max = logits.iter().fold(T::neg_infinity(), |max, &z| max.max(z)).as_f64();
                let of_class = logits[class].as_f64();
                let (mut total, mut above) = (0.0, 0.0);
                for z in logits {
                    let p = math::exp(inverse * (z.as_f64() - max));
                    total += p;
                    // The distance may be infinite.
                    above += if p > 0.0 { p * (z.as_f64() - of_class) } else { 0.0 };
                }
                above / total
            };
            sum += weight * of_row;
        }
        sum
    }
}

instantiate! {
    fn scaled<T>(
        logits: &[T],
        width: usize,
        calibrator: Temperature,
        probabilities: &mut [T],
    ) -> () {
        let Temperature { temperature, mixing } = calibrator;
        let classes = classes(width);
        for (logits, to) in logits.chunks_exact(width).zip(probabilities.chunks_exact_mut(classes)) {
            if let &[logit] = logits {
                let z = logit.as_f64() / temperature;
                to[0] = mixed(math::sigmoid(-z), mixing, classes);
                to[1] = mixed(math::sigmoid(z), mixing, classes);
                continue;
            }
            let max = logits.iter().fold(T::neg_infinity(), |max, &z| max.max(z)).as_f64();
            let power = |z: T| math::exp((z.as_f64() - max) / temperature);
            let mut total = 0.0;
            for &z in logits {
                total += power(z);
            }
            for (to, &z) in to.iter_mut().zip(logits) {
                *to = mixed(power(z) / total, mixing, classes);
            }
        }
    }
}
