//! Settings of a grid, and the cells of its levels.

use alloc::format;

use crate::error::{Error, Result, check_range};

/// Maximum number of inputs.
pub(super) const MOST_INPUTS: usize = 4;

/// Maximum number of levels.
pub(super) const MOST_LEVELS: usize = 32;

/// Maximum number of cells of a level in each direction. Its positions are exact in single
/// precision.
const MOST_CELLS: usize = 1 << 20;

/// Maximum number of entries of a level.
const MOST_ENTRIES: usize = 1 << 28;

/// Settings of a [`Grid`](super::Grid).
///
/// ```
/// use feedforward::encoding::{Encoding, Grid, GridSettings};
///
/// let settings = GridSettings { levels: 4, finest: 64, ..GridSettings::new(2) };
/// let grid = Grid::new(settings)?;
/// assert_eq!(Encoding::<f32>::outputs(&grid), 4 * 2);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GridSettings {
    /// Number of inputs. Range: 1 to 4.
    pub inputs: usize,
    /// Number of levels. Range: 1 to 32. Default: 8.
    pub levels: usize,
    /// Number of cells of the first level in each direction. Range: 1 to `finest`. Default: 16.
    pub coarsest: usize,
    /// Number of cells of the last level in each direction. Range: up to 2^20. Default: 512.
    pub finest: usize,
    /// Number of learned numbers at each vertex: 1, 2, 4 or 8. Default: 2.
    pub features: usize,
    /// Maximum number of entries of a level, a power of two up to 2^28. Default: 2^15.
    pub max_entries: usize,
    /// Interpolation between vertices. Default: linear.
    pub interpolation: Interpolation,
    /// Bound of the uniform distribution of the initial entries. Default: 1e-4.
    pub initial: f64,
}

impl GridSettings {
    /// Returns the default settings for this many inputs.
    pub const fn new(inputs: usize) -> Self {
        Self {
            inputs,
            levels: 8,
            coarsest: 16,
            finest: 512,
            features: 2,
            max_entries: 1 << 15,
            interpolation: Interpolation::Linear,
            initial: 1e-4,
        }
    }

    /// Returns the counts with a range from 1: name, maximum and value.
    const fn counts(&self) -> [(&'static str, usize, usize); 5] {
        [
            ("inputs of the grid", MOST_INPUTS, self.inputs),
            ("levels of the grid", MOST_LEVELS, self.levels),
            ("finest cells of the grid", MOST_CELLS, self.finest),
            ("coarsest cells of the grid", self.finest, self.coarsest),
            ("entries of a level", MOST_ENTRIES, self.max_entries),
        ]
    }

    const fn has_known_features(&self) -> bool {
        matches!(self.features, 1 | 2 | 4 | 8)
    }

    /// Checks that all settings are inside their ranges.
    pub(super) fn check(&self) -> Result<()> {
        for (what, most, got) in self.counts() {
            if !(1..=most).contains(&got) {
                return Err(Error::invalid_setting(what, format!("1 to {most}"), got));
            }
        }
        if !self.max_entries.is_power_of_two() {
            let (what, expected) = ("entries of a level", "a power of two");
            return Err(Error::invalid_setting(what, expected, self.max_entries));
        }
        if !self.has_known_features() {
            let (what, expected) = ("features of the grid", "1, 2, 4 or 8");
            return Err(Error::invalid_setting(what, expected, self.features));
        }
        let what = "bound of the grid's initial entries";
        check_range(what, self.initial, 0.0..=1.0, "0 to 1")
    }

    /// Panics unless all settings are inside their ranges. A constant cannot allocate the message
    /// of an error.
    pub(super) const fn assert(&self) {
        let (counts, mut index) = (self.counts(), 0);
        while index < counts.len() {
            let (what, most, got) = counts[index];
            assert!(1 <= got && got <= most, "{}", what);
            index += 1;
        }
        assert!(
            self.max_entries.is_power_of_two(),
            "entries of a level must be a power of two"
        );
        assert!(
            self.has_known_features(),
            "features of the grid must be 1, 2, 4 or 8"
        );
        assert!(
            self.initial >= 0.0 && self.initial <= 1.0,
            "the bound of the grid's initial entries must be 0 to 1"
        );
    }

    /// Returns the number of cells of a level in each direction.
    pub(super) const fn cells(&self, level: usize) -> u32 {
        let (first, last) = (self.coarsest as f64, self.finest as f64);
        let steps = if self.levels < 2 { 1 } else { self.levels - 1 };
        (grown(first, growth(first, last, steps), level) + 0.5) as u32
    }
}

/// Returns the largest factor that does not lift `first` above `last` in this many steps.
///
/// It bisects, because a `const fn` cannot call the elementary functions. Products grow with their
/// factor even after rounding, so the search ends at the last float that fits.
const fn growth(first: f64, last: f64, steps: usize) -> f64 {
    let (mut low, mut high) = (1.0, last / first);
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return low;
        }
        if grown(first, middle, steps) > last {
            high = middle;
        } else {
            low = middle;
        }
    }
}

/// Returns first · factor^steps.
const fn grown(first: f64, factor: f64, steps: usize) -> f64 {
    let (mut value, mut step) = (first, 0);
    while step < steps {
        value *= factor;
        step += 1;
    }
    value
}

/// Weights of the vertices of a cell, by the position t in [0, 1] in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Interpolation {
    /// 1 - t and t. The outputs are continuous.
    #[default]
    Linear,
    /// 1 - s and s, with s = t² (3 - 2 t). The outputs also have continuous derivatives.
    Smoothstep,
}

impl Interpolation {
    pub(in crate::encoding) fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Smoothstep => "smoothstep",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_grow_geometrically() {
        for coarsest in [1, 2, 3, 16, 31, 1000] {
            for finest in [1, 2, 17, 40, 512, 2048, 99_999, MOST_CELLS] {
                for levels in 1..=MOST_LEVELS {
                    let settings = GridSettings {
                        levels,
                        coarsest,
                        finest,
                        ..GridSettings::new(2)
                    };
                    if settings.check().is_err() {
                        continue;
                    }
                    let growth = (finest as f64 / coarsest as f64).ln();
                    for level in 0..levels {
                        let part = level as f64 / (levels.max(2) - 1) as f64;
                        let exact = coarsest as f64 * (growth * part).exp();
                        let cells = settings.cells(level);
                        assert_eq!(f64::from(cells), exact.round(), "{settings:?} {level}");
                    }
                    let last = if levels == 1 { coarsest } else { finest };
                    assert_eq!(settings.cells(levels - 1) as usize, last);
                }
            }
        }
    }
}
