//! Learned vectors of categories.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Encoding;
use crate::error::{Error, Result, check_not_empty, check_range};
use crate::float::{Float, instantiate};
use crate::random::Rng;
use crate::{memory, random};

/// Maximum number of columns. Their sizes fit into the name of an encoding.
const MOST_COLUMNS: usize = 1 << 12;

/// Maximum number of categories of a column. Single precision distinguishes their numbers.
const MOST_CATEGORIES: usize = 1 << 24;

/// Maximum width of a column's vectors.
const MOST_WIDTH: usize = 1 << 16;

/// Maximum standard deviation of the initial vectors.
const MOST_INITIAL: f64 = 1e3;

/// Returns the number of parameters of a column: a row for each category, and one for unknown
/// numbers.
const fn params_of((categories, width): (usize, usize)) -> usize {
    (categories + 1) * width
}

/// Returns the row of a category number. Any other number, also NaN, has the last row.
#[inline(always)]
fn row<T: Float>(categories: usize, x: T) -> usize {
    let categories = categories as u32;
    let is_in_range = x >= T::zero() && x < T::from_u32(categories);
    let row = if is_in_range {
        x.truncate()
    } else {
        categories
    };
    let is_known = T::from_u32(row) == x;
    (if is_known { row } else { categories }) as usize
}

/// Learned vectors of categories, also called embeddings.
///
/// Each input is a column of category numbers 0, 1, 2, ... as floats. Each column has a table of
/// vectors, and the outputs are the vectors of all columns, one after the other:
///
/// ```text
/// y = table₀[x₀], table₁[x₁], ...
/// ```
///
/// A table has one row for each category, and a last row for **unknown**. Any number is unknown
/// that is negative, not an integer, or beyond the last category. So -1 can stand for a missing
/// value. Networks refuse NaN.
///
/// Vectors are initially normal with standard deviation 1, as in PyTorch and RealMLP. Keras draws
/// them uniformly from ±0.05, which [`initial`](Self::initial)`(0.03)` comes close to. The row for
/// unknown is initially 0. It stays there if no training sample is unknown, so that such inputs
/// later count as the mean of the initial vectors.
///
/// The parameters are the tables in order of the columns, row-major
/// `[(categories + 1) x width]`. The gradient with respect to the inputs is 0. Each sample touches
/// one row of each table, but the optimizer updates all of them.
///
/// See Guo and Berkhahn, 2016, [arXiv:1604.06737](https://arxiv.org/abs/1604.06737), and
/// Holzmüller et al., 2024, [arXiv:2407.04491](https://arxiv.org/abs/2407.04491).
///
/// ```
/// use feedforward::{Mlp, Trainer, activation::Identity, loss::SquaredError};
/// use feedforward::{encoding::{Categories, Encoding}, optimizer::Adam};
///
/// // A day of the week and one of four colors.
/// let categories = Categories::new(&[(7, 3), (4, 2)])?;
/// assert_eq!(Encoding::<f32>::outputs(&categories), 3 + 2);
/// assert_eq!(Encoding::<f32>::params_len(&categories), (7 + 1) * 3 + (4 + 1) * 2);
///
/// // The target is 1 at weekends.
/// let x: Vec<f32> = (0..28).flat_map(|i| [(i % 7) as f32, (i / 7) as f32]).collect();
/// let y: Vec<f32> = (0..28).map(|i| if i % 7 > 4 { 1.0 } else { 0.0 }).collect();
/// let mut net = Mlp::builder(2).encoding(categories).output(1, Identity).build()?;
/// let trainer = Trainer::new(SquaredError, Adam::new(0.05)).epochs(200);
/// let history = trainer.fit(&mut net, &x, &y)?;
/// assert!(history.loss() < 1e-3);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "embedding")]
#[doc(alias = "EmbeddingBag")]
#[doc(alias = "entity_embedding")]
#[doc(alias = "EntityEmbedding")]
#[doc(alias = "lookup_table")]
#[derive(Clone, Debug, PartialEq)]
pub struct Categories {
    /// The number of categories and the width of each column. A `static` borrows them.
    columns: Cow<'static, [(usize, usize)]>,
    outputs: usize,
    params_len: usize,
    initial: f64,
}

impl Categories {
    /// Returns the encoding of these columns, each as a pair `(categories, width)`.
    ///
    /// Number of columns: 1 to 4,096. `categories`: 1 to 2^24. `width`, the length of a vector: 1
    /// to 2^16.
    ///
    /// # Errors
    /// Returns [`Error::Empty`] without columns. Returns [`Error::InvalidSetting`] if a number is
    /// outside its range. Returns [`Error::TooLarge`] if a buffer cannot hold the parameters.
    pub fn new(columns: &[(usize, usize)]) -> Result<Self> {
        let setting = |what, most: usize, got: usize| {
            if (1..=most).contains(&got) {
                return Ok(());
            }
            Err(Error::invalid_setting(what, format!("1 to {most}"), got))
        };
        check_not_empty("columns of categories", columns)?;
        setting("columns of categories", MOST_COLUMNS, columns.len())?;
        let mut params_len = 0_usize;
        for &(categories, width) in columns {
            setting("categories of a column", MOST_CATEGORIES, categories)?;
            setting("width of a column's vectors", MOST_WIDTH, width)?;
            let len = memory::product("vectors of categories", &[categories + 1, width])?;
            params_len = params_len.saturating_add(len);
            memory::product("vectors of categories", &[params_len])?;
        }
        let copies = columns.iter().copied();
        let copies = memory::collected("columns of categories", columns.len(), copies)?;
        Ok(Self {
            columns: copies.into(),
            outputs: columns.iter().map(|&(_, width)| width).sum(),
            params_len,
            initial: 1.0,
        })
    }

    /// Returns the encoding of a `static` or `const`, which borrows the columns.
    ///
    /// Columns are those of [`new`](Self::new), and `initial` is that of
    /// [`initial`](Self::initial). It has no effect on predictions. A number outside its range does
    /// not compile:
    ///
    /// ```compile_fail
    /// use feedforward::encoding::Categories;
    ///
    /// static CATEGORIES: Categories = Categories::constant(&[(7, 0)], 1.0); // no width
    /// ```
    ///
    /// ```
    /// use feedforward::encoding::Categories;
    ///
    /// static CATEGORIES: Categories = Categories::constant(&[(7, 3), (4, 2)], 1.0);
    /// assert_eq!(CATEGORIES, Categories::new(&[(7, 3), (4, 2)])?);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Panics
    /// Panics where [`new`](Self::new) or [`initial`](Self::initial) returns an error. Call this
    /// function in constants only.
    pub const fn constant(columns: &'static [(usize, usize)], initial: f64) -> Self {
        assert!(
            !columns.is_empty() && columns.len() <= MOST_COLUMNS,
            "categories need 1 to 4096 columns"
        );
        assert!(
            initial >= 0.0 && initial <= MOST_INITIAL,
            "the standard deviation of the initial vectors must be 0 to 1000"
        );
        let (mut outputs, mut params_len, mut index) = (0, 0_usize, 0);
        while index < columns.len() {
            let (categories, width) = columns[index];
            assert!(
                categories >= 1 && categories <= MOST_CATEGORIES,
                "categories of a column must be 1 to 2^24"
            );
            assert!(
                width >= 1 && width <= MOST_WIDTH,
                "the width of a column's vectors must be 1 to 2^16"
            );
            outputs += width;
            let len = (categories + 1).saturating_mul(width);
            params_len = params_len.saturating_add(len);
            assert!(params_len <= memory::MOST, "too many vectors of categories");
            index += 1;
        }
        Self {
            columns: Cow::Borrowed(columns),
            outputs,
            params_len,
            initial,
        }
    }

    /// Sets the standard deviation of the initial vectors. Range: 0 to 1,000. Default: 1.
    ///
    /// # Errors
    /// Returns [`Error::InvalidSetting`] if it is outside its range.
    pub fn initial(mut self, deviation: f64) -> Result<Self> {
        let what = "standard deviation of the initial vectors";
        check_range(what, deviation, 0.0..=MOST_INITIAL, "0 to 1000")?;
        self.initial = deviation;
        Ok(self)
    }

    /// Returns the columns in order, as pairs `(categories, width)`.
    #[cfg(target_has_atomic = "ptr")]
    pub(crate) fn columns(&self) -> &[(usize, usize)] {
        &self.columns
    }

    /// Returns the standard deviation of the initial vectors.
    #[cfg(target_has_atomic = "ptr")]
    pub(crate) fn deviation(&self) -> f64 {
        self.initial
    }
}

impl<T: Float> Encoding<T> for Categories {
    fn inputs(&self) -> usize {
        self.columns.len()
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn name(&self) -> Cow<'static, str> {
        let list = |number: fn(&(usize, usize)) -> usize| {
            let numbers = self.columns.iter().map(number);
            let numbers: Vec<String> = numbers.map(|n| format!("{n}")).collect();
            numbers.join(" ")
        };
        let (categories, widths) = (list(|column| column.0), list(|column| column.1));
        let initial = self.initial;
        format!("categories(categories={categories}, widths={widths}, initial={initial:?})").into()
    }

    fn part_len(&self, part: usize) -> Option<usize> {
        self.columns.get(part).copied().map(params_of)
    }

    fn params_len(&self) -> usize {
        self.params_len
    }

    fn initialize(&self, rng: &mut Rng, params: &mut [f64]) {
        let mut rest = params;
        for &(categories, width) in &*self.columns {
            let (table, others) = rest.split_at_mut(params_of((categories, width)));
            for p in &mut table[..categories * width] {
                *p = self.initial * random::normal(rng);
            }
            rest = others;
        }
    }

    fn encode_sample(&self, params: &[T], inputs: &[T], outputs: &mut [T]) {
        encode(self, params, inputs, outputs, outputs.len());
    }

    fn encode_samples(&self, params: &[T], inputs: &[T], outputs: &mut [T], stride: usize) {
        encode(self, params, inputs, outputs, stride);
    }

    fn add_gradient(&self, part: usize, _: &[T], inputs: &[T], dy: &[T], gradient: &mut [T]) {
        scatter(self, part, inputs, dy, gradient);
    }

    /// Adds nothing, because small changes of an input have no effect.
    fn add_input_gradient(&self, _: &[T], _: &[T], _: &[T], _: &mut [T]) {}

    fn has_input_gradient(&self, _: usize) -> bool {
        false
    }

    fn merge_gradient(&self, part: usize, inputs: &[T], partial: &mut [T], total: &mut [T]) {
        merge_gradient(self, part, inputs, partial, total);
    }
}

instantiate! {
    fn encode<T>(all: &Categories, params: &[T], inputs: &[T], outputs: &mut [T], stride: usize) {
        let samples = inputs.chunks_exact(all.columns.len());
        for (sample, outputs) in samples.zip(outputs.chunks_mut(stride)) {
            let (mut tables, mut outputs) = (params, outputs);
            for (&(categories, width), &x) in all.columns.iter().zip(sample) {
                let (table, others) = tables.split_at(params_of((categories, width)));
                let (vector, rest) = outputs.split_at_mut(width);
                vector.copy_from_slice(&table[row(categories, x) * width..][..width]);
                (tables, outputs) = (others, rest);
            }
        }
    }
}

instantiate! {
    fn scatter<T>(all: &Categories, index: usize, inputs: &[T], dy: &[T], gradient: &mut [T]) {
        let (categories, width) = all.columns[index];
        let before: usize = all.columns[..index].iter().map(|column| column.1).sum();
        let samples = inputs.chunks_exact(all.columns.len());
        for (sample, dy) in samples.zip(dy.chunks_exact(all.outputs)) {
            let at = row(categories, sample[index]) * width;
            super::add(&mut gradient[at..][..width], &dy[before..][..width]);
        }
    }
}

instantiate! {
    fn merge_gradient<T>(
        all: &Categories, index: usize, inputs: &[T], partial: &mut [T], total: &mut [T],
    ) {
        let (categories, width) = all.columns[index];
        let samples = inputs.chunks_exact(all.columns.len());
        // A pass over a small table is faster than visits.
        if categories <= 4 * samples.len() {
            return super::merge(partial, total);
        }
        for sample in samples {
            let at = row(categories, sample[index]) * width;
            super::merge(&mut partial[at..][..width], &mut total[at..][..width]);
        }
    }
}
