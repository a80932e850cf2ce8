//! Multiresolution grid, an encoding that learns.

use alloc::borrow::Cow;
use alloc::format;

use super::Encoding;
use crate::error::{Error, Result};
use crate::float::{Float, instantiate};
use crate::math;
use crate::random::Rng;

mod cells;

use cells::{BLOCK, Cells};

/// Maximum number of inputs.
const MOST_INPUTS: usize = 4;

/// Maximum number of levels.
const MOST_LEVELS: usize = 32;

/// Maximum number of cells of a level in each direction. Its positions are exact in single
/// precision.
const MOST_CELLS: usize = 1 << 20;

/// Settings of a [`Grid`].
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
    pub fn new(inputs: usize) -> Self {
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

    fn check(&self) -> Result<()> {
        let setting = |what, range: core::ops::RangeInclusive<usize>, got: usize| {
            if range.contains(&got) {
                return Ok(());
            }
            let expected = format!("{} to {}", range.start(), range.end());
            Err(Error::invalid_setting(what, expected, got))
        };
        setting("inputs of the grid", 1..=MOST_INPUTS, self.inputs)?;
        setting("levels of the grid", 1..=MOST_LEVELS, self.levels)?;
        setting("finest cells of the grid", 1..=MOST_CELLS, self.finest)?;
        setting("coarsest cells of the grid", 1..=self.finest, self.coarsest)?;
        setting("entries of a level", 1..=1 << 28, self.max_entries)?;
        if !self.max_entries.is_power_of_two() {
            let (what, expected) = ("entries of a level", "a power of two");
            return Err(Error::invalid_setting(what, expected, self.max_entries));
        }
        if ![1, 2, 4, 8].contains(&self.features) {
            let (what, expected) = ("features of the grid", "1, 2, 4 or 8");
            return Err(Error::invalid_setting(what, expected, self.features));
        }
        if !(0.0..=1.0).contains(&self.initial) {
            let (what, got) = ("bound of the grid's initial entries", self.initial);
            return Err(Error::invalid_setting(what, "0 to 1", got));
        }
        Ok(())
    }
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
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Smoothstep => "smoothstep",
        }
    }
}

/// A level: cells in each direction, and the entries of their vertices.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Level {
    /// Number of cells in each direction.
    cells: u32,
    /// Number of entries.
    entries: u32,
    /// Number of entries before this level.
    before: usize,
    /// `true` if several vertices may share an entry.
    is_hashed: bool,
}

/// Multiresolution grid: learned vectors at the vertices of grids, interpolated at the inputs.
///
/// Level l divides the cube [0, 1]^d of the inputs into N cells in each direction. N grows
/// geometrically from `coarsest` to `finest`. The outputs of a level are the mean of the vectors at
/// the corners of the cell around the input, weighted by [`Interpolation`]:
///
/// ```text
/// N = round(coarsest · (finest / coarsest)^(l / (levels - 1)))
/// y = Σ over corners of w · entry(corner)
/// ```
///
/// A level stores one entry for each of its (N + 1)^d vertices, the first input's index counting
/// fastest. If these are more than `max_entries`, vertices share entries by the hash of their
/// indices i:
///
/// ```text
/// entry = (i₁ ⊕ i₂ · 2654435761 ⊕ i₃ · 805459861 ⊕ i₄ · 3674653429) mod max_entries
/// ```
///
/// in arithmetic of 32 bits. Vertices that matter determine the shared entries, and the network
/// resolves collisions. See Müller et al., 2022,
/// [arXiv:2201.05989](https://arxiv.org/abs/2201.05989).
///
/// Inputs outside [0, 1] count as the nearest bound.
///
/// Entries need a large learning rate, such as 0.01, and an Adam with an `epsilon` far below their
/// small gradients, such as 1e-15. Each sample touches few entries, but the optimizer updates all
/// of them.
///
/// ```
/// use feedforward::{Mlp, Trainer, activation::{Identity, Relu}, loss::SquaredError};
/// use feedforward::{encoding::{Grid, GridSettings}, optimizer::Adam};
///
/// // A checkerboard is hard to learn from plain coordinates.
/// let at = |i: usize| [(i % 24) as f32 / 23.0, (i / 24) as f32 / 23.0];
/// let x: Vec<f32> = (0..24 * 24).flat_map(at).collect();
/// let y: Vec<f32> = (0..24 * 24).map(|i| ((i % 24 / 3 + i / 24 / 3) % 2) as f32).collect();
/// let grid = Grid::new(GridSettings { levels: 2, finest: 32, ..GridSettings::new(2) })?;
/// let mut net = Mlp::builder(2).encoding(grid).hidden(16, Relu).output(1, Identity).build()?;
/// let adam = Adam { epsilon: 1e-15, ..Adam::new(0.01) };
/// let history = Trainer::new(SquaredError, adam).epochs(60).fit(&mut net, &x, &y)?;
/// assert!(history.loss() < 0.01);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "hash_encoding")]
#[doc(alias = "instant_ngp")]
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    settings: GridSettings,
    levels: [Level; MOST_LEVELS],
}

impl Grid {
    /// Creates a grid.
    ///
    /// # Errors
    /// Returns [`Error::InvalidSetting`] if a setting is outside its range.
    pub fn new(settings: GridSettings) -> Result<Self> {
        settings.check()?;
        let mut grid = Self {
            settings,
            levels: [Level::default(); MOST_LEVELS],
        };
        let (first, last) = (settings.coarsest as f64, settings.finest as f64);
        let growth = math::ln(last / first) / (settings.levels.max(2) - 1) as f64;
        let mut before = 0;
        for (index, level) in grid.levels[..settings.levels].iter_mut().enumerate() {
            let cells = (first * math::exp(growth * index as f64) + 0.5) as u32;
            let vertices = (u128::from(cells) + 1).pow(settings.inputs as u32);
            let is_hashed = vertices > settings.max_entries as u128;
            let entries = vertices.min(settings.max_entries as u128) as u32;
            *level = Level {
                cells,
                entries,
                before,
                is_hashed,
            };
            before += entries as usize;
        }
        Ok(grid)
    }

    /// Returns the settings.
    pub fn settings(&self) -> &GridSettings {
        &self.settings
    }

    fn levels(&self) -> &[Level] {
        &self.levels[..self.settings.levels]
    }

    /// Returns a level's part of the parameters.
    fn part<'a, T>(&self, level: &Level, params: &'a [T]) -> &'a [T] {
        let features = self.settings.features;
        &params[level.before * features..][..level.entries as usize * features]
    }
}

impl<T: Float> Encoding<T> for Grid {
    fn inputs(&self) -> usize {
        self.settings.inputs
    }

    fn outputs(&self) -> usize {
        self.settings.levels * self.settings.features
    }

    fn name(&self) -> Cow<'static, str> {
        let s = &self.settings;
        let (inputs, levels, features, entries) = (s.inputs, s.levels, s.features, s.max_entries);
        let (coarsest, finest, initial) = (s.coarsest, s.finest, s.initial);
        let interpolation = s.interpolation.name();
        format!(
            "grid(inputs={inputs}, levels={levels}, coarsest={coarsest}, finest={finest}, \
            features={features}, max_entries={entries}, interpolation={interpolation}, \
            initial={initial:?})"
        )
        .into()
    }

    fn part_len(&self, part: usize) -> Option<usize> {
        let level = self.levels().get(part)?;
        Some(level.entries as usize * self.settings.features)
    }

    fn initialize(&self, rng: &mut Rng, params: &mut [f64]) {
        use rand::RngExt;
        for p in params {
            *p = self.settings.initial * (2.0 * rng.random::<f64>() - 1.0);
        }
    }

    fn encode_sample(&self, params: &[T], inputs: &[T], outputs: &mut [T]) {
        encode(self, params, inputs, outputs, outputs.len());
    }

    fn encode_samples(&self, params: &[T], inputs: &[T], outputs: &mut [T], stride: usize) {
        encode(self, params, inputs, outputs, stride);
    }

    fn add_gradient(&self, part: usize, _: &[T], inputs: &[T], dy: &[T], gradient: &mut [T]) {
        add_gradient(self, part, inputs, dy, gradient);
    }

    fn add_input_gradient(&self, params: &[T], inputs: &[T], dy: &[T], gradient: &mut [T]) {
        add_input_gradient(self, params, inputs, dy, gradient);
    }

    fn merge_gradient(&self, part: usize, inputs: &[T], partial: &mut [T], total: &mut [T]) {
        merge_gradient(self, part, inputs, partial, total);
    }
}

/// Evaluates the body with `D` bound to the number of inputs and `C` to that of corners, as
/// constants.
macro_rules! with_inputs {
    ($inputs:expr, $D:ident, $C:ident => $body:expr) => {
        with_constants!($inputs, $D => {
            const $C: usize = 1 << $D;
            $body
        }, 1 2 3 4)
    };
}

/// Evaluates the body with `F` bound to the number of features as a constant.
macro_rules! with_features {
    ($features:expr, $F:ident => $body:expr) => {
        with_constants!($features, $F => $body, 1 2 4 8)
    };
}

/// Evaluates the body with `N` bound to the value as a constant, which is one of these numbers.
macro_rules! with_constants {
    ($value:expr, $N:ident => $body:expr, $($n:literal)*) => {
        match $value {
            $($n => {
                const $N: usize = $n;
                $body
            })*
            _ => {}
        }
    };
}

instantiate! {
    fn encode<T>(grid: &Grid, params: &[T], inputs: &[T], outputs: &mut [T], stride: usize) {
        let features = grid.settings.features;
        with_inputs!(grid.settings.inputs, D, C => {
            let mut cells = Cells::<T, D, C>::new();
            let blocks = inputs.chunks(BLOCK * D);
            for (inputs, outputs) in blocks.zip(outputs.chunks_mut(BLOCK * stride)) {
                for (index, level) in grid.levels().iter().enumerate() {
                    cells.locate(grid, level, inputs);
                    let (params, at) = (grid.part(level, params), index * features);
                    with_features!(features, F => {
                        cells.interpolate::<F>(params, outputs, stride, at);
                    });
                }
            }
        });
    }
}

instantiate! {
    fn add_gradient<T>(grid: &Grid, index: usize, inputs: &[T], dy: &[T], gradient: &mut [T]) {
        let features = grid.settings.features;
        let (level, stride) = (&grid.levels[index], grid.settings.levels * features);
        with_inputs!(grid.settings.inputs, D, C => {
            let mut cells = Cells::<T, D, C>::new();
            let blocks = inputs.chunks(BLOCK * D);
            for (inputs, dy) in blocks.zip(dy.chunks(BLOCK * stride)) {
                cells.locate(grid, level, inputs);
                let at = index * features;
                with_features!(features, F => cells.scatter::<F>(dy, stride, at, gradient));
            }
        });
    }
}

instantiate! {
    fn merge_gradient<T>(
        grid: &Grid, index: usize, inputs: &[T], partial: &mut [T], total: &mut [T],
    ) {
        let (width, level) = (grid.settings.inputs, &grid.levels[index]);
        let touched = inputs.len() / width << width;
        // A vectorized pass over all entries costs about as much as visits to a quarter of them.
        if level.entries as usize <= 4 * touched {
            return super::merge(partial, total);
        }
        with_inputs!(width, D, C => {
            let mut cells = Cells::<T, D, C>::new();
            for inputs in inputs.chunks(BLOCK * D) {
                cells.locate(grid, level, inputs);
                with_features!(grid.settings.features, F => cells.merge::<F>(partial, total));
            }
        });
    }
}

instantiate! {
    fn add_input_gradient<T>(
        grid: &Grid, params: &[T], inputs: &[T], dy: &[T], gradient: &mut [T],
    ) {
        let features = grid.settings.features;
        let stride = grid.settings.levels * features;
        with_inputs!(grid.settings.inputs, D, C => {
            let mut cells = Cells::<T, D, C>::new();
            let blocks = inputs.chunks(BLOCK * D).zip(dy.chunks(BLOCK * stride));
            for ((inputs, dy), gradient) in blocks.zip(gradient.chunks_mut(BLOCK * D)) {
                for (index, level) in grid.levels().iter().enumerate() {
                    cells.locate(grid, level, inputs);
                    let (params, at) = (grid.part(level, params), index * features);
                    cells.add_derivatives(grid, level, params, (inputs, dy, at), gradient);
                }
            }
        });
    }
}
