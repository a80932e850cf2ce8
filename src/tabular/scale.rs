//! Scaling of single inputs.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

#[cfg(feature = "serde")]
use crate::error::{Error, check_range};
use crate::error::{Number, Result, check_count};
use crate::math;
use crate::tabular_ref::{ScaleSpec, signed_ln};

/// Scaling of a column of numbers, with statistics of the training rows.
///
/// A missing number counts as the center: the mean of [`Standard`](Self::Standard), and otherwise
/// the median. Quantiles are NumPy's, with linear interpolation.
///
/// ```
/// use feedforward::tabular::{Column, ColumnSettings, Columns, Scaling, Table};
///
/// let table = Table::new().with("age", Column::numbers([20, 30, 50]))?;
/// let settings = ColumnSettings { scaling: Scaling::MinMax, ..ColumnSettings::default() };
/// let columns = Columns::fit(&table, &[0, 1, 2], &settings)?;
///
/// // Each number, and whether it is missing.
/// assert_eq!(columns.encode::<f32>(&table, &[2, 0])?, [1.0, 0.0, 0.0, 0.0]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
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
    /// Mean 0 and standard deviation 1. A constant column becomes 0.
    Standard,
    /// The range from 0 to 1. A constant column becomes 0.
    MinMax,
    /// sign(x)·ln(1 + |x|), then [`Robust`](Self::Robust). It suits amounts of money.
    Log,
    /// Piecewise linear encoding with up to this many bins (at least 1) between quantiles b of the
    /// column, of which equal ones count once. Each bin j has an input:
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
pub(crate) enum Scale {
    /// (x - center)·factor, and the number that missing cells count as.
    Linear {
        center: f64,
        factor: f64,
        missing: f64,
    },
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
        missing: 0.0,
    };

    /// Maps -1 to 0, and 1 to 1. Without missing cells, both are 0.
    pub(super) fn indicator(missing: usize) -> Self {
        Self::Linear {
            missing: -1.0,
            center: -1.0,
            factor: if missing == 0 { 0.0 } else { 0.5 },
        }
    }

    /// Fits ascending numbers.
    pub(super) fn fit(scaling: Scaling, ascending: &[f64]) -> Result<Self> {
        let all = Ascending::of(ascending);
        let linear = |center, factor, missing| {
            let (center, factor) = finite(center, factor);
            Self::Linear {
                center,
                factor,
                missing,
            }
        };
        let median = all.quantile(0.5);
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
                let deviation = math::sqrt(squares.sum::<f64>() / count);
                let (center, factor) = finite(first + mean, inverse(deviation));
                linear(center, factor, center)
            }
            Scaling::MinMax => linear(all.at(0), inverse(all.range()), median),
            Scaling::Log => {
                let logs: Vec<_> = ascending.iter().map(|&x| signed_ln(x)).collect();
                let (center, factor) = Ascending::of(&logs).robust();
                Self::Log { center, factor }
            }
            Scaling::Piecewise(bins) => {
                check_count("bins of a piecewise encoding", bins)?;
                // More bins than numbers would be empty.
                let bins = bins.min(ascending.len()).max(1);
                let quantile = |k| all.quantile(k as f64 / bins as f64);
                let mut edges: Vec<_> = (0..=bins).map(quantile).collect();
                // Rounding could otherwise put an edge below the one before.
                edges.sort_unstable_by(f64::total_cmp);
                edges.dedup();
                Self::Piecewise {
                    center: median,
                    edges,
                }
            }
            Scaling::None => linear(0.0, 1.0, median),
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
        self.spec().outputs()
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
                .map(|bin| format!("{name} from {} to {}", Number(bin[0]), Number(bin[1])))
                .collect(),
            _ => [name.to_string()].into(),
        }
    }

    /// Returns the scaling with borrowed edges, which scales numbers.
    pub(crate) fn spec(&self) -> ScaleSpec<'_> {
        match *self {
            Self::Linear {
                center,
                factor,
                missing,
            } => ScaleSpec::Linear {
                center,
                factor,
                missing,
            },
            Self::Clipped { center, factor } => ScaleSpec::Clipped { center, factor },
            Self::Log { center, factor } => ScaleSpec::Log { center, factor },
            Self::Piecewise { center, ref edges } => ScaleSpec::Piecewise { center, edges },
        }
    }

    /// Checks a scaling from a file.
    #[cfg(feature = "serde")]
    pub(super) fn check(&self) -> Result<()> {
        let finite = |what, x| check_range(what, x, f64::MIN..=f64::MAX, "a finite number");
        match self {
            Self::Linear {
                center,
                factor,
                missing,
            } => {
                finite("center of a column", *center)?;
                finite("factor of a column", *factor)?;
                finite("number for missing cells", *missing)
            }
            Self::Clipped { center, factor } | Self::Log { center, factor } => {
                finite("center of a column", *center)?;
                finite("factor of a column", *factor)
            }
            Self::Piecewise { center, edges } => {
                finite("center of a column", *center)?;
                crate::error::check_not_empty("edges of bins", edges)?;
                let edge = |&edge| finite("edge of a bin", edge);
                edges.iter().try_for_each(edge)?;
                match edges.windows(2).find(|pair| pair[0] >= pair[1]) {
                    None => Ok(()),
                    Some(pair) => {
                        let expected = format!("more than {}", Number(pair[0]));
                        let (what, got) = ("edge of a bin", Number(pair[1]));
                        Err(Error::invalid_setting(what, expected, got))
                    }
                }
            }
        }
    }

    /// Checks a scaling from a file that has one input.
    #[cfg(feature = "serde")]
    pub(super) fn check_single(&self) -> Result<()> {
        if let Self::Piecewise { .. } = self {
            let (expected, got) = ("a linear or clipped one", "bins");
            return Err(Error::invalid_setting("scaling", expected, got));
        }
        self.check()
    }
}

/// Returns 1/x, or 0 for the divisor of a constant column.
fn inverse(x: f64) -> f64 {
    let inverse = 1.0 / x;
    if inverse.is_finite() { inverse } else { 0.0 }
}

/// Returns center and factor, or zeros if numbers near the maximum overflowed.
fn finite(center: f64, factor: f64) -> (f64, f64) {
    if center.is_finite() && factor.is_finite() {
        (center, factor)
    } else {
        (0.0, 0.0)
    }
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
        if (b - a).is_infinite() {
            return a * (1.0 - t) + b * t;
        }
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
        finite(self.quantile(0.5), inverse(divisor))
    }
}
