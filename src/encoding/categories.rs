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

/// A column and its place among parameters and outputs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Column {
    categories: u32,
    width: u32,
    /// Number of outputs before this column.
    outputs_before: usize,
    /// Number of parameters before this column.
    params_before: usize,
}

impl Column {
    fn width(&self) -> usize {
        self.width as usize
    }

    /// Returns the number of parameters: a row for each category, and one for unknown numbers.
    fn params_len(&self) -> usize {
        (self.categories as usize + 1) * self.width()
    }

    /// Returns the row of a category number. Any other number, also NaN, has the last row.
    #[inline(always)]
    fn row<T: Float>(&self, x: T) -> usize {
        let is_in_range = x >= T::zero() && x < T::from_u32(self.categories);
        let row = if is_in_range {
            x.truncate()
        } else {
            self.categories
        };
        let is_known = T::from_u32(row) == x;
        (if is_known { row } else { self.categories }) as usize
    }
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
    columns: Vec<Column>,
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
        let mut all = Vec::new();
        memory::reserve("columns of categories", &mut all, columns.len())?;
        let (mut outputs, mut params) = (0, 0_usize);
        for &(categories, width) in columns {
            setting("categories of a column", MOST_CATEGORIES, categories)?;
            setting("width of a column's vectors", MOST_WIDTH, width)?;
            let column = Column {
                categories: categories as u32,
                width: width as u32,
                outputs_before: outputs,
                params_before: params,
            };
            outputs += width;
            let len = memory::product("vectors of categories", &[categories + 1, width])?;
            params = params.saturating_add(len);
            memory::product("vectors of categories", &[params])?;
            all.push(column);
        }
        Ok(Self {
            columns: all,
            initial: 1.0,
        })
    }

    /// Sets the standard deviation of the initial vectors. Range: 0 to 1,000. Default: 1.
    ///
    /// # Errors
    /// Returns [`Error::InvalidSetting`] if it is outside its range.
    pub fn initial(mut self, deviation: f64) -> Result<Self> {
        let what = "standard deviation of the initial vectors";
        check_range(what, deviation, 0.0..=1e3, "0 to 1000")?;
        self.initial = deviation;
        Ok(self)
    }

    fn sizes(&self) -> (usize, usize) {
        let after = |last: &Column| {
            let outputs = last.outputs_before + last.width();
            (outputs, last.params_before + last.params_len())
        };
        self.columns.last().map_or((0, 0), after)
    }
}

impl<T: Float> Encoding<T> for Categories {
    fn inputs(&self) -> usize {
        self.columns.len()
    }

    fn outputs(&self) -> usize {
        self.sizes().0
    }

    fn name(&self) -> Cow<'static, str> {
        let list = |number: fn(&Column) -> u32| {
            let numbers: Vec<String> = self
                .columns
                .iter()
                .map(|column| format!("{}", number(column)))
                .collect();
            numbers.join(" ")
        };
        let (categories, widths) = (
            list(|column| column.categories),
            list(|column| column.width),
        );
        let initial = self.initial;
        format!("categories(categories={categories}, widths={widths}, initial={initial:?})").into()
    }

    fn part_len(&self, part: usize) -> Option<usize> {
        self.columns.get(part).map(Column::params_len)
    }

    fn params_len(&self) -> usize {
        self.sizes().1
    }

    fn initialize(&self, rng: &mut Rng, params: &mut [f64]) {
        for column in &self.columns {
            let known = column.categories as usize * column.width();
            for p in &mut params[column.params_before..][..known] {
                *p = self.initial * random::normal(rng);
            }
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

    fn merge_gradient(&self, part: usize, inputs: &[T], partial: &mut [T], total: &mut [T]) {
        merge_gradient(self, part, inputs, partial, total);
    }
}

instantiate! {
    fn encode<T>(all: &Categories, params: &[T], inputs: &[T], outputs: &mut [T], stride: usize) {
        let samples = inputs.chunks_exact(all.columns.len());
        for (sample, outputs) in samples.zip(outputs.chunks_mut(stride)) {
            for (column, &x) in all.columns.iter().zip(sample) {
                let (width, row) = (column.width(), column.row(x));
                let vector = &params[column.params_before + row * width..][..width];
                outputs[column.outputs_before..][..width].copy_from_slice(vector);
            }
        }
    }
}

instantiate! {
    fn scatter<T>(all: &Categories, index: usize, inputs: &[T], dy: &[T], gradient: &mut [T]) {
        let (column, width) = (&all.columns[index], all.columns[index].width());
        let samples = inputs.chunks_exact(all.columns.len());
        for (sample, dy) in samples.zip(dy.chunks_exact(all.sizes().0)) {
            let dy = &dy[column.outputs_before..][..width];
            super::add(&mut gradient[column.row(sample[index]) * width..][..width], dy);
        }
    }
}

instantiate! {
    fn merge_gradient<T>(
        all: &Categories, index: usize, inputs: &[T], partial: &mut [T], total: &mut [T],
    ) {
        let (column, width) = (&all.columns[index], all.columns[index].width());
        let samples = inputs.chunks_exact(all.columns.len());
        // A pass over a small table is faster than visits.
        if column.categories as usize <= 4 * samples.len() {
            return super::merge(partial, total);
        }
        for sample in samples {
            let at = column.row(sample[index]) * width;
            super::merge(&mut partial[at..][..width], &mut total[at..][..width]);
        }
    }
}
