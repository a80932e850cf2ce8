//! Scaling of columns, which can be folded into a trained network.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::parts::{CheckedRows, check_samples};
use crate::error::{Error, Number, Position, Result, check_length, check_not_empty, check_range};
use crate::float::{Float, check_finite, instantiate, is_rounding};
use crate::math;

mod fold;

/// Affine map for each column: x' = (x - offset) / scale.
///
/// Networks learn well from inputs of about [-1, 1], and outputs should have about that size too. A
/// scaler learns from training data how to bring columns to such a range. Later it can be folded
/// into the network, which then takes unscaled inputs and predicts unscaled outputs:
///
/// ```
/// use feedforward::{Mlp, Scaler, Trainer, activation::{Identity, Tanh}};
/// use feedforward::{loss::SquaredError, optimizer::Adam};
///
/// let years = [1980.0, 1990.0, 2000.0, 2010.0, 2020.0];
/// let prices = [1000.0, 1300.0, 1700.0, 2200.0, 3000.0];
/// let (x, y) = (Scaler::standard(&years, 1)?, Scaler::min_max(&prices, 1, 0.0..=1.0)?);
///
/// let mut net = Mlp::<f64>::builder(1).hidden(8, Tanh).output(1, Identity).build()?;
/// let trainer = Trainer::new(SquaredError, Adam::new(0.02)).epochs(300);
/// trainer.fit(&mut net, &x.transform(&years)?, &y.transform(&prices)?)?;
/// let price = y.inverse_transform(&net.predict(&x.transform(&[1995.0])?)?)?[0];
///
/// x.fold_into_inputs(&mut net)?;
/// y.fold_into_outputs(&mut net)?;
/// assert!((net.predict(&[1995.0])?[0] - price).abs() < 1e-8);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// Statistics and maps are computed in double precision. Offsets and scales are rounded to `T`
/// once. Rounding moves all numbers of a column by up to half the distance between adjacent
/// floating-point numbers. This matters if they lie close together and far from zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaler<T> {
    offsets: Vec<T>,
    scales: Vec<T>,
}

#[derive(Clone, Copy)]
enum Direction {
    Forward,
    Inverse,
    /// The inverse for standard deviations.
    Deviations,
}

impl<T: Float> Scaler<T> {
    /// Learns to bring each column to mean 0 and standard deviation 1, like scikit-learn's
    /// `StandardScaler`.
    ///
    /// `data` is row-major `[samples x width]`. For n samples of a column:
    ///
    /// ```text
    /// offset = mean = Σ x / n
    /// scale  = √(Σ (x - mean)² / n)
    /// ```
    ///
    /// A column of equal numbers gets scale 1 and becomes zero. So does a column whose numbers
    /// differ only by rounding:
    ///
    /// ```text
    /// standard deviation ≤ min(n, 10)·ε·|mean|
    /// ```
    ///
    /// Here ε is the machine epsilon of the type. scikit-learn does not bound n, so with many
    /// samples it mistakes real differences for rounding.
    ///
    /// ```
    /// use feedforward::Scaler;
    ///
    /// let scaler = Scaler::standard(&[1.0, 7.0, 5.0, 7.0], 2)?;
    /// assert_eq!((scaler.offsets(), scaler.scales()), (&[3.0, 7.0][..], &[2.0, 1.0][..]));
    /// assert_eq!(scaler.transform(&[4.0, 8.0])?, [0.5, 1.0]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Rows`] unless there are whole samples, [`Error::NotFinite`] if a number is not
    /// finite or so large that a sum of squares is not.
    #[doc(alias = "StandardScaler")]
    #[doc(alias = "z_score")]
    pub fn standard(data: &[T], width: usize) -> Result<Self> {
        Self::of_moments(CheckedRows::new("data", data, width, None)?)
    }

    /// Learns [`standard`](Self::standard) from these rows of the data, such as the training rows
    /// of a [fold](crate::folds::Splitter::fold), without copying them. The result is bit-identical
    /// to that of a copy of the rows.
    ///
    /// ```
    /// use feedforward::Scaler;
    ///
    /// let data = [1.0, 100.0, 5.0];
    /// assert_eq!(Scaler::standard_rows(&data, 1, &[0, 2])?, Scaler::standard(&[1.0, 5.0], 1)?);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`standard`](Self::standard). Also [`Error::Empty`] without rows, and
    /// [`Error::OutOfBounds`] for a row that does not exist. Other rows are not checked.
    pub fn standard_rows(data: &[T], width: usize, rows: &[usize]) -> Result<Self> {
        Self::of_moments(CheckedRows::new("data", data, width, Some(rows))?)
    }

    fn of_moments(rows: CheckedRows<'_, T>) -> Result<Self> {
        let samples = rows.len();
        let (means, deviations) = moments(rows);
        let scales = means.iter().zip(deviations).map(|(&mean, deviation)| {
            if is_rounding::<T>(deviation, mean, samples) {
                T::one()
            } else {
                nonzero(deviation, 1.0)
            }
        });
        let scales: Vec<T> = scales.collect();
        let offsets: Vec<T> = means.into_iter().map(T::from_f64).collect();
        Self::from_parts(offsets, scales)
    }

    /// Learns to bring each column to a range, like scikit-learn's `MinMaxScaler`. Up to rounding,
    /// the column's minimum becomes the start of the range, and its maximum the end.
    ///
    /// `data` is row-major `[samples x width]`. In each column:
    ///
    /// ```text
    /// scale  = (max - min) / (end - start)
    /// offset = min - start·scale
    /// ```
    ///
    /// A column of equal numbers becomes the start of the range, and its scale uses max - min = 1.
    /// This also applies to columns whose numbers differ only by rounding, as defined in
    /// [`standard`](Self::standard).
    ///
    /// ```
    /// use feedforward::Scaler;
    ///
    /// let scaler = Scaler::min_max(&[1.0, 7.0, 5.0, 7.0], 2, -1.0..=1.0)?;
    /// assert_eq!(scaler.transform(&[1.0, 7.0, 5.0, 7.5])?, [-1.0, -1.0, 1.0, 0.0]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Rows`] unless there are whole samples.
    /// - [`Error::NotFinite`] if a number, or the difference of two, is not finite.
    /// - [`Error::InvalidSetting`] unless the range goes from one finite number up to another.
    #[doc(alias = "MinMaxScaler")]
    pub fn min_max(data: &[T], width: usize, range: RangeInclusive<f64>) -> Result<Self> {
        let (low, high) = range.into_inner();
        let finite = f64::MIN..=f64::MAX;
        check_range("start of the range", low, finite, "a finite number")?;
        if !(high > low && high - low <= f64::MAX) {
            let expected = format!("a finite number above its start, {low}");
            return Err(Error::invalid_setting(
                "end of the range",
                expected,
                Number(high),
            ));
        }
        let samples = check_samples("data", data, width)?;
        let column = |(min, max): (f64, f64)| {
            let spread = if is_rounding::<T>(max - min, min.abs().max(max.abs()), samples) {
                1.0
            } else {
                max - min
            };
            let scale = nonzero::<T>(spread / (high - low), 1.0 / (high - low));
            (T::from_f64(min - low * scale.as_f64()), scale)
        };
        let (offsets, scales): (Vec<T>, Vec<T>) =
            extremes(data, width).into_iter().map(column).unzip();
        Self::from_parts(offsets, scales)
    }

    /// Creates a scaler from one offset and one scale for each column.
    ///
    /// # Errors
    /// - [`Error::Empty`] without offsets.
    /// - [`Error::Length`] unless there are as many scales as offsets.
    /// - [`Error::NotFinite`] if one is not finite.
    /// - [`Error::InvalidSetting`] if a scale is 0.
    pub fn from_parts(offsets: impl Into<Vec<T>>, scales: impl Into<Vec<T>>) -> Result<Self> {
        let (offsets, scales) = (offsets.into(), scales.into());
        check_not_empty("offsets", &offsets)?;
        check_length("scales", &scales, offsets.len())?;
        check_finite("offsets", &offsets)?;
        check_finite("scales", &scales)?;
        if scales.contains(&T::zero()) {
            return Err(Error::invalid_setting("scale", "a number other than 0", 0));
        }
        Ok(Self { offsets, scales })
    }

    /// Returns the scaler of y = factor · x + offset, of this many columns. No factor may be 0.
    #[cfg(any(feature = "onnx", feature = "rtneural"))]
    pub(crate) fn of_affine(map: &crate::affine::Affine, width: usize) -> Result<Self> {
        use crate::affine::{at, rounded};
        let scale = |index| 1.0 / at(&map.factor, index);
        let offset = |index| -at(&map.offset, index) / at(&map.factor, index);
        let offsets: Vec<_> = (0..width).map(offset).collect();
        let scales: Vec<_> = (0..width).map(scale).collect();
        Self::from_parts(
            rounded("offsets of an imported model", &offsets)?,
            rounded("scales of an imported model", &scales)?,
        )
    }

    /// Returns the number that is subtracted from each column.
    pub fn offsets(&self) -> &[T] {
        &self.offsets
    }

    /// Returns the divisor of each column, applied after the offset.
    pub fn scales(&self) -> &[T] {
        &self.scales
    }

    /// Scales samples, row-major `[samples x columns]`: x' = (x - offset) / scale.
    ///
    /// # Errors
    /// [`Error::Rows`] unless there are whole samples, [`Error::NotFinite`] if a number is not
    /// finite, before or after.
    pub fn transform(&self, samples: &[T]) -> Result<Vec<T>> {
        self.mapped(samples, Direction::Forward)
    }

    /// Scales samples like [`transform`](Self::transform), but in place. An error leaves the
    /// samples unchanged.
    ///
    /// # Errors
    /// See [`transform`](Self::transform).
    pub fn transform_in_place(&self, samples: &mut [T]) -> Result<()> {
        self.map(samples, Direction::Forward)
    }

    /// Undoes the scaling, up to rounding: x = x'·scale + offset.
    ///
    /// # Errors
    /// [`Error::Rows`] unless there are whole samples, [`Error::NotFinite`] if a number is not
    /// finite, before or after.
    pub fn inverse_transform(&self, samples: &[T]) -> Result<Vec<T>> {
        self.mapped(samples, Direction::Inverse)
    }

    /// Undoes the scaling like [`inverse_transform`](Self::inverse_transform), but in place. An
    /// error leaves the samples unchanged.
    ///
    /// # Errors
    /// See [`inverse_transform`](Self::inverse_transform).
    pub fn inverse_transform_in_place(&self, samples: &mut [T]) -> Result<()> {
        self.map(samples, Direction::Inverse)
    }

    /// Converts standard deviations or other differences of scaled numbers to the original units,
    /// row-major `[samples x columns]`: s = s'·|scale|.
    ///
    /// ```
    /// use feedforward::Scaler;
    ///
    /// let volts = Scaler::from_parts([12.0], [4.0])?;
    /// let (y, deviations) = ([0.5], [0.1]); // of a network with scaled targets
    /// assert_eq!(volts.inverse_transform(&y)?, [14.0]);
    /// assert_eq!(volts.inverse_transform_deviations(&deviations)?, [0.4]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// See [`inverse_transform`](Self::inverse_transform).
    pub fn inverse_transform_deviations(&self, deviations: &[T]) -> Result<Vec<T>> {
        self.mapped(deviations, Direction::Deviations)
    }

    fn mapped(&self, samples: &[T], direction: Direction) -> Result<Vec<T>> {
        let mut samples = samples.to_vec();
        self.map(&mut samples, direction)?;
        Ok(samples)
    }

    fn map(&self, samples: &mut [T], direction: Direction) -> Result<()> {
        check_samples("samples", samples, self.offsets.len())?;
        map(self, samples, direction)
    }
}

/// Returns a scale, or `otherwise` if the scale rounds to zero in this type because the numbers are
/// nearly equal.
fn nonzero<T: Float>(scale: f64, otherwise: f64) -> T {
    let scale = T::from_f64(scale);
    if scale == T::zero() {
        T::from_f64(otherwise)
    } else {
        scale
    }
}

instantiate! {
    /// Returns the columns' means and standard deviations.
    fn moments<T>(rows: CheckedRows<'_, T>) -> (Vec<f64>, Vec<f64>) {
        let samples = rows.len() as f64;
        let first = rows.iter().next().unwrap_or_default();
        let width = first.len();
        // Sum differences from the first number, so that equal numbers have no deviation at all.
        let mut means = vec![0.0; width];
        for row in rows.iter() {
            for ((sum, &x), &first) in means.iter_mut().zip(row).zip(first) {
                *sum += x.as_f64() - first.as_f64();
            }
        }
        for (mean, &first) in means.iter_mut().zip(first) {
            *mean = first.as_f64() + *mean / samples;
        }
        let mut deviations = vec![0.0; width];
        for row in rows.iter() {
            for ((sum, &x), &mean) in deviations.iter_mut().zip(row).zip(&means) {
                *sum += (x.as_f64() - mean) * (x.as_f64() - mean);
            }
        }
        for deviation in &mut deviations {
            *deviation = math::sqrt(*deviation / samples);
        }
        (means, deviations)
    }
}

instantiate! {
    /// Returns the columns' minima and maxima.
    fn extremes<T>(data: &[T], width: usize) -> Vec<(f64, f64)> {
        let mut extremes = vec![(f64::INFINITY, f64::NEG_INFINITY); width];
        for row in data.chunks_exact(width) {
            for ((min, max), x) in extremes.iter_mut().zip(row) {
                *min = min.min(x.as_f64());
                *max = max.max(x.as_f64());
            }
        }
        extremes
    }
}

instantiate! {
    /// Maps rows in place, or returns an error and changes nothing if a result is not finite.
    fn map<T>(scaler: &Scaler<T>, samples: &mut [T], direction: Direction) -> Result<()> {
        let width = scaler.offsets.len();
        let mapped = |x: T, column: usize| {
            let (x, offset) = (x.as_f64(), scaler.offsets[column].as_f64());
            let scale = scaler.scales[column].as_f64();
            T::from_f64(match direction {
                Direction::Forward => (x - offset) / scale,
                Direction::Inverse => x * scale + offset,
                Direction::Deviations => x * scale.abs(),
            })
        };
        for (row, values) in samples.chunks_exact(width).enumerate() {
            for (column, &x) in values.iter().enumerate() {
                let value = mapped(x, column).as_f64();
                if !value.is_finite() {
                    let (what, at) = ("scaled samples", Position::Cell { row, column });
                    return Err(Error::NotFinite { what, at, value });
                }
            }
        }
        for values in samples.chunks_exact_mut(width) {
            for (column, x) in values.iter_mut().enumerate() {
                *x = mapped(*x, column);
            }
        }
        Ok(())
    }
}

instantiate! {
    /// Undoes the scaling of whole rows in place, without checks: x = x'·scale + offset.
    pub(super) fn restore<T>(scaler: &Scaler<T>, samples: &mut [T]) {
        for values in samples.chunks_exact_mut(scaler.offsets.len()) {
            for ((x, offset), scale) in values.iter_mut().zip(&scaler.offsets).zip(&scaler.scales) {
                *x = T::from_f64(x.as_f64() * scale.as_f64() + offset.as_f64());
            }
        }
    }
}
