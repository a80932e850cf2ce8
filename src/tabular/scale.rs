//! Scaling of single inputs.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::error::{Result, check_count, check_range};
use crate::float::Float;
use crate::math;

/// Scaling of a column of numbers, with statistics of the training rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Scaling {
    /// Robust scaling, then a smooth clip to (-3, 3). With c the median and q the quartiles:
    ///
    /// ```text
    /// z  = (x - c) / (q(0.75) - q(0.25))
    /// x' = z / √(1 + (z/3)²)
    /// ```
    ///
    /// If the quartiles are equal, the divisor is (max - min)/2. A constant column becomes 0.
    /// See Holzmüller et al., 2024, [arXiv:2407.04491](https://arxiv.org/abs/2407.04491).
    #[default]
    Robust,
    /// Mean 0 and standard deviation 1.
    Standard,
    /// The range from 0 to 1.
    MinMax,
    /// sign(x)·ln(1 + |x|), then [`Robust`](Self::Robust). It suits amounts of money.
    Log,
    /// Piecewise linear encoding with up to this many bins between quantiles b of the column.
    /// Each bin j has an input:
    ///
    /// ```text
    /// x'ⱼ = clamp((x - bⱼ) / (bⱼ₊₁ - bⱼ), 0, 1)
    /// ```
    ///
    /// The first bin is not bounded below, and the last one not above. See Gorishniy et al., 2022,
    /// [arXiv:2203.05556](https://arxiv.org/abs/2203.05556).
    Piecewise(usize),
    /// Numbers as they are.
    None,
}

/// Fitted scaling.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub(super) enum Scale {
    /// (x - center)·factor.
    Linear { center: f64, factor: f64 },
    /// The linear map, then a smooth clip.
    Clipped { center: f64, factor: f64 },
    /// The clipped map of the logarithm.
    Log { center: f64, factor: f64 },
    /// Ascending edges of bins, and the place of missing cells.
    Piecewise { center: f64, edges: Vec<f64> },
}

impl Scale {
    /// Passes numbers on.
    pub(super) const NONE: Self = Self::Linear {
        center: 0.0,
        factor: 1.0,
    };

    /// Maps -1 to 0, and 1 to 1. Without missing cells, both are 0.
    pub(super) fn indicator(missing: usize) -> Self {
        Self::Linear {
            center: -1.0,
            factor: if missing == 0 { 0.0 } else { 0.5 },
        }
    }

    /// Fits ascending numbers.
    pub(super) fn fit(scaling: Scaling, ascending: &[f64]) -> Result<Self> {
        let all = Ascending::of(ascending);
        let linear = |center, divisor| Self::Linear {
            center,
            factor: inverse(divisor),
        };
        Ok(match scaling {
            Scaling::Robust => {
                let (center, factor) = all.robust();
                Self::Clipped { center, factor }
            }
            Scaling::Standard => {
                let count = ascending.len().max(1) as f64;
                // Differences from one number, so that equal numbers have no deviation at all.
                let first = all.at(0);
                let mean = ascending.iter().map(|x| x - first).sum::<f64>() / count;
                let squares = ascending
                    .iter()
                    .map(|x| (x - first - mean) * (x - first - mean));
                linear(first + mean, math::sqrt(squares.sum::<f64>() / count))
            }
            Scaling::MinMax => linear(all.at(0), all.range()),
            Scaling::Log => {
                let logs: Vec<_> = ascending.iter().map(|&x| log(x)).collect();
                let (center, factor) = Ascending::of(&logs).robust();
                Self::Log { center, factor }
            }
            Scaling::Piecewise(bins) => {
                check_count("bins of a piecewise encoding", bins)?;
                let quantile = |k| all.quantile(k as f64 / bins as f64);
                let mut edges: Vec<_> = (0..=bins.min(ascending.len())).map(quantile).collect();
                edges.dedup();
                Self::Piecewise {
                    center: all.quantile(0.5),
                    edges,
                }
            }
            Scaling::None => Self::NONE,
        })
    }

    /// Fits these values with their counts, in ascending order, as [`Scaling::Robust`] does.
    pub(super) fn robust(values: &[(f64, usize)]) -> Self {
        let present = values.iter().filter(|(_, count)| *count > 0);
        let values: Vec<_> = present.copied().collect();
        let (center, factor) = Ascending::counted(&values).robust();
        Self::Clipped { center, factor }
    }

    /// Returns the number of inputs.
    pub(super) fn outputs(&self) -> usize {
        match self {
            Self::Piecewise { edges, .. } => edges.len().saturating_sub(1),
            _ => 1,
        }
    }

    /// Returns the number of inputs that vary in the training rows.
    pub(super) fn varying(&self) -> usize {
        match self {
            Self::Linear { factor, .. }
            | Self::Clipped { factor, .. }
            | Self::Log { factor, .. } => usize::from(*factor != 0.0),
            Self::Piecewise { .. } => self.outputs(),
        }
    }

    /// Returns the names of the inputs.
    pub(super) fn names(&self, name: &str) -> Vec<String> {
        match self {
            Self::Piecewise { edges, .. } => edges
                .windows(2)
                .map(|bin| format!("{name} from {} to {}", bin[0], bin[1]))
                .collect(),
            _ => [name.to_string()].into(),
        }
    }

    /// Scales a number to one input. NaN becomes the center.
    pub(super) fn apply(&self, x: f64) -> f64 {
        let linear = |x: f64, center: f64, factor: f64| {
            if x.is_nan() {
                0.0
            } else {
                (x - center) * factor
            }
        };
        match *self {
            Self::Linear { center, factor } => linear(x, center, factor),
            Self::Clipped { center, factor } => clipped(linear(x, center, factor)),
            Self::Log { center, factor } => clipped(linear(log(x), center, factor)),
            Self::Piecewise { .. } => 0.0,
        }
    }

    /// Writes the inputs of a number.
    pub(super) fn write<T: Float>(&self, x: f64, inputs: &mut [T]) {
        let Self::Piecewise { center, edges } = self else {
            inputs[0] = T::from_f64(self.apply(x));
            return;
        };
        let x = if x.is_nan() { *center } else { x };
        let last = inputs.len().saturating_sub(1);
        for (j, (input, bin)) in inputs.iter_mut().zip(edges.windows(2)).enumerate() {
            let mut part = (x - bin[0]) / (bin[1] - bin[0]);
            if j > 0 {
                part = part.max(0.0);
            }
            if j < last {
                part = part.min(1.0);
            }
            *input = T::from_f64(part);
        }
    }

    /// Checks a scaling from a file.
    pub(super) fn check(&self) -> Result<()> {
        let finite = |what, x| check_range(what, x, f64::MIN..=f64::MAX, "a finite number");
        match self {
            Self::Linear { center, factor }
            | Self::Clipped { center, factor }
            | Self::Log { center, factor } => {
                finite("center of a column", *center)?;
                finite("factor of a column", *factor)
            }
            Self::Piecewise { center, edges } => {
                finite("center of a column", *center)?;
                for pair in edges.windows(2) {
                    let range = (
                        core::ops::Bound::Excluded(pair[0]),
                        core::ops::Bound::Included(f64::MAX),
                    );
                    check_range("edge of a bin", pair[1], range, "more than the edge before")?;
                }
                edges
                    .iter()
                    .try_for_each(|&edge| finite("edge of a bin", edge))
            }
        }
    }
}

/// Returns 1/x, or 0 for the divisor of a constant column.
fn inverse(x: f64) -> f64 {
    let inverse = 1.0 / x;
    if inverse.is_finite() { inverse } else { 0.0 }
}

fn clipped(z: f64) -> f64 {
    z / math::sqrt(1.0 + (z / 3.0) * (z / 3.0))
}

fn log(x: f64) -> f64 {
    let log = math::ln_1p(x.abs());
    if x < 0.0 { -log } else { log }
}

/// Numbers in ascending order, with their counts.
struct Ascending<'n> {
    numbers: &'n [f64],
    /// Distinct numbers and counts, if `numbers` is empty.
    counted: &'n [(f64, usize)],
    len: usize,
}

impl<'n> Ascending<'n> {
    fn of(numbers: &'n [f64]) -> Self {
        Self {
            numbers,
            counted: &[],
            len: numbers.len(),
        }
    }

    fn counted(counted: &'n [(f64, usize)]) -> Self {
        Self {
            numbers: &[],
            counted,
            len: counted.iter().map(|(_, count)| count).sum(),
        }
    }

    /// Returns the number at this position, or 0 without numbers.
    fn at(&self, mut index: usize) -> f64 {
        if self.counted.is_empty() {
            return self.numbers.get(index).copied().unwrap_or(0.0);
        }
        for &(x, count) in self.counted {
            if index < count {
                return x;
            }
            index -= count;
        }
        0.0
    }

    fn range(&self) -> f64 {
        self.at(self.len.saturating_sub(1)) - self.at(0)
    }

    /// Returns a quantile, with linear interpolation as in NumPy.
    fn quantile(&self, q: f64) -> f64 {
        let position = q * self.len.saturating_sub(1) as f64;
        let below = position as usize;
        let above = (below + 1).min(self.len.saturating_sub(1));
        let (a, b, t) = (self.at(below), self.at(above), position - below as f64);
        if t < 0.5 {
            a + (b - a) * t
        } else {
            b - (b - a) * (1.0 - t)
        }
    }

    /// Returns center and factor of robust scaling.
    fn robust(&self) -> (f64, f64) {
        let quartiles = self.quantile(0.75) - self.quantile(0.25);
        let divisor = if quartiles == 0.0 {
            self.range() / 2.0
        } else {
            quartiles
        };
        (self.quantile(0.5), inverse(divisor))
    }
}
