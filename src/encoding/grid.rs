//! Multiresolution grid, an encoding that learns.

use alloc::borrow::Cow;
use alloc::format;

use super::Encoding;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::float::{Float, instantiate};
use crate::random::Rng;

mod cells;
mod settings;

use cells::{BLOCK, Cells};
pub use settings::{GridSettings, Interpolation};
use settings::{MOST_INPUTS, MOST_LEVELS};

/// Factors of the hash, one for each input.
const HASH: [u32; MOST_INPUTS] = [1, 2_654_435_761, 805_459_861, 3_674_653_429];

/// A level: cells in each direction, and the entries of their vertices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Level {
    /// Number of cells in each direction.
    pub(crate) cells: u32,
    /// Number of entries.
    pub(crate) entries: u32,
    /// Number of entries before this level.
    before: usize,
    /// `true` if several vertices may share an entry.
    pub(crate) is_hashed: bool,
}

impl Level {
    const NONE: Self = Self {
        cells: 0,
        entries: 0,
        before: 0,
        is_hashed: false,
    };

    /// Returns the factors of a vertex's indices. The index of its entry is the sum of the
    /// products, or their exclusive or modulo the number of entries if it is hashed.
    #[inline(always)]
    pub(crate) fn factors(&self) -> [u32; MOST_INPUTS] {
        if self.is_hashed {
            return HASH;
        }
        let (mut factors, mut vertices) = (HASH, 1_u32);
        for factor in &mut factors {
            *factor = vertices;
            vertices = vertices.wrapping_mul(self.cells + 1);
        }
        factors
    }
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
        Ok(Self::with_levels(settings))
    }

    /// Creates the grid of a `static` or `const`. A setting outside its range does not compile:
    ///
    /// ```compile_fail
    /// use feedforward::encoding::{Grid, GridSettings};
    ///
    /// static GRID: Grid = Grid::constant(GridSettings { levels: 0, ..GridSettings::new(2) });
    /// ```
    ///
    /// # Panics
    /// Panics if a setting is outside its range. Call this function in constants only. At run time
    /// use [`new`](Self::new).
    pub const fn constant(settings: GridSettings) -> Self {
        settings.assert();
        Self::with_levels(settings)
    }

    /// Computes the levels of settings inside their ranges.
    const fn with_levels(settings: GridSettings) -> Self {
        let mut levels = [Level::NONE; MOST_LEVELS];
        let most = settings.max_entries as u128;
        let (mut index, mut before) = (0, 0_usize);
        while index < settings.levels {
            let cells = settings.cells(index);
            let vertices = (cells as u128 + 1).pow(settings.inputs as u32);
            let is_hashed = vertices > most;
            let entries = if is_hashed { most } else { vertices } as u32;
            levels[index] = Level {
                cells,
                entries,
                before,
                is_hashed,
            };
            before = before.saturating_add(entries as usize);
            index += 1;
        }
        Self { settings, levels }
    }

    /// Returns the settings.
    pub fn settings(&self) -> &GridSettings {
        &self.settings
    }

    /// Returns the number of outputs.
    fn width(&self) -> usize {
        self.settings.levels * self.settings.features
    }

    /// Returns the levels in order.
    pub(crate) fn levels(&self) -> &[Level] {
        &self.levels[..self.settings.levels]
    }

    /// Returns a level's part of the parameters.
    pub(crate) fn part<'a, T>(&self, level: &Level, params: &'a [T]) -> &'a [T] {
        let features = self.settings.features;
        &params[level.before * features..][..level.entries as usize * features]
    }
}

impl<T: Float> Encoding<T> for Grid {
    fn inputs(&self) -> usize {
        self.settings.inputs
    }

    fn outputs(&self) -> usize {
        self.width()
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
        encode_one(self, params, inputs, outputs);
    }

    fn encode_samples(&self, params: &[T], inputs: &[T], outputs: &mut [T], stride: usize) {
        if inputs.len() == self.settings.inputs {
            return encode_one(self, params, inputs, &mut outputs[..self.width()]);
        }
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
macro_rules! with_dimensions {
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
        with_dimensions!(grid.settings.inputs, D, C => {
            encode_blocks::<T, D, C, BLOCK>(grid, params, inputs, outputs, stride);
        });
    }
}

instantiate! {
    /// Encodes one sample, without the work and the stack of a block.
    fn encode_one<T>(grid: &Grid, params: &[T], inputs: &[T], outputs: &mut [T]) {
        with_dimensions!(grid.settings.inputs, D, C => {
            encode_blocks::<T, D, C, 1>(grid, params, inputs, outputs, outputs.len());
        });
    }
}

#[inline(always)]
fn encode_blocks<T: Float, const D: usize, const C: usize, const B: usize>(
    grid: &Grid,
    params: &[T],
    inputs: &[T],
    outputs: &mut [T],
    stride: usize,
) {
    let features = grid.settings.features;
    let mut cells = Cells::<T, D, C, B>::new();
    let blocks = inputs.chunks(B * D);
    for (inputs, outputs) in blocks.zip(outputs.chunks_mut(B * stride)) {
        for (index, level) in grid.levels().iter().enumerate() {
            cells.locate(grid, level, inputs);
            let (params, at) = (grid.part(level, params), index * features);
            with_features!(features, F => {
                cells.interpolate::<F>(params, outputs, stride, at);
            });
        }
    }
}

instantiate! {
    fn add_gradient<T>(grid: &Grid, index: usize, inputs: &[T], dy: &[T], gradient: &mut [T]) {
        let features = grid.settings.features;
        let (level, stride) = (&grid.levels[index], grid.settings.levels * features);
        with_dimensions!(grid.settings.inputs, D, C => {
            let mut cells = Cells::<T, D, C, BLOCK>::new();
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
        let touched = (inputs.len() / width) << width;
        // A vectorized pass over all entries costs about as much as visits to a quarter of them.
        if level.entries as usize <= 4 * touched {
            return super::merge(partial, total);
        }
        with_dimensions!(width, D, C => {
            let mut cells = Cells::<T, D, C, BLOCK>::new();
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
        with_dimensions!(grid.settings.inputs, D, C => {
            let mut cells = Cells::<T, D, C, BLOCK>::new();
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
