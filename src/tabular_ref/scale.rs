//! Inputs of single cells.

use crate::float::Float;
use crate::math;

/// Scaling of a number, with the statistics of the training rows.
///
/// [`Scaling`](../tabular/enum.Scaling.html) has the equations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScaleSpec<'a> {
    /// (x - center) · factor.
    Linear {
        /// Number that becomes 0.
        center: f64,
        /// Factor of the difference.
        factor: f64,
        /// Number that missing cells count as.
        missing: f64,
    },
    /// The linear map, then a smooth clip to (-3, 3).
    Clipped {
        /// Number that becomes 0, as do missing cells.
        center: f64,
        /// Factor of the difference.
        factor: f64,
    },
    /// The clipped map of sign(x) · ln(1 + |x|).
    Log {
        /// Logarithm that becomes 0, as do missing cells.
        center: f64,
        /// Factor of the difference.
        factor: f64,
    },
    /// An input for each bin.
    Piecewise {
        /// Number that missing cells count as.
        center: f64,
        /// Edges of the bins in ascending order.
        edges: &'a [f64],
    },
}

impl ScaleSpec<'_> {
    /// Returns the number of inputs.
    pub(crate) const fn outputs(&self) -> usize {
        match self {
            Self::Piecewise { edges, .. } => edges.len().saturating_sub(1),
            _ => 1,
        }
    }

    /// Scales a number to one input. NaN becomes the center.
    pub(crate) fn apply(&self, x: f64) -> f64 {
        let linear = |x: f64, center: f64, factor: f64| {
            if x.is_nan() || factor == 0.0 {
                return 0.0;
            }
            let difference = x - center;
            if difference.is_infinite() {
                return (x / 2.0 - center / 2.0) * factor * 2.0;
            }
            difference * factor
        };
        match *self {
            Self::Linear {
                center,
                factor,
                missing,
            } => linear(if x.is_nan() { missing } else { x }, center, factor),
            Self::Clipped { center, factor } => clipped(linear(x, center, factor)),
            Self::Log { center, factor } => clipped(linear(signed_ln(x), center, factor)),
            Self::Piecewise { .. } => 0.0,
        }
    }

    /// Writes the inputs of a number. There are [`outputs`](Self::outputs).
    fn write<T: Float>(&self, x: f64, inputs: &mut [T]) {
        let Self::Piecewise { center, edges } = self else {
            inputs.fill(T::from_f64(self.apply(x)));
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
}

fn clipped(z: f64) -> f64 {
    // The square of a larger number could overflow.
    if z.abs() > 1e100 {
        return 3.0_f64.copysign(z);
    }
    z / math::sqrt(1.0 + (z / 3.0) * (z / 3.0))
}

/// Returns sign(x) · ln(1 + |x|).
pub(crate) fn signed_ln(x: f64) -> f64 {
    let ln = math::ln_1p(x.abs());
    if x < 0.0 { -ln } else { ln }
}

/// Returns the inputs that tell whether a number is present or missing.
pub(crate) fn indicators(scale: ScaleSpec<'_>) -> [f64; 2] {
    [-1.0, 1.0].map(|x| scale.apply(x))
}

/// Writes the inputs of a number, the last of which tells whether it is missing.
pub(crate) fn write_number<T: Float>(
    scale: ScaleSpec<'_>,
    [present, missing]: [f64; 2],
    x: f64,
    inputs: &mut [T],
) {
    if let [inputs @ .., indicator] = inputs {
        scale.write(x, inputs);
        *indicator = T::from_f64(if x.is_nan() { missing } else { present });
    }
}

/// Returns an input of a cell at this level, or of a missing or unseen word. Two levels share one
/// input, and more have one each.
pub(crate) fn level_input(
    scale: ScaleSpec<'_>,
    levels: usize,
    input: usize,
    level: Option<usize>,
) -> f64 {
    scale.apply(match level {
        Some(0) if levels == 2 => -1.0,
        Some(_) if levels == 2 => 1.0,
        Some(level) if level == input => 1.0,
        _ => 0.0,
    })
}

/// Returns the number of a level, for learned vectors. That of a missing or unseen word is -1.
pub(crate) fn code_input(level: Option<usize>) -> f64 {
    level.map_or(-1.0, |level| level as f64)
}

/// Returns the level of a word, the first `common` of which have a level each, and all others share
/// one. Booleans may be written True or FALSE.
pub(crate) fn level_of<'w>(
    words: &(impl Iterator<Item = &'w str> + Clone),
    common: usize,
    word: &str,
    is_boolean: bool,
) -> Option<usize> {
    let exact = words.clone().position(|known| known == word);
    let ignoring_case = || {
        words
            .clone()
            .position(|known| known.eq_ignore_ascii_case(word))
    };
    let at = exact.or_else(|| is_boolean.then(ignoring_case).flatten());
    at.map(|at| at.min(common))
}
