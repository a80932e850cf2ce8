//! A learned scale of the outputs of another encoding.

use alloc::borrow::Cow;
use alloc::format;
use alloc::sync::Arc;

use super::{Encoding, Identity, nesting};
use crate::error::{Error, Result, check_count};
use crate::float::{Float, instantiate};
use crate::memory;
use crate::random::Rng;

/// Outputs of the inner encoding, or gradients of them, that are held at a time.
const OUTPUTS: usize = 4096;

/// A learned scale: y = s · encoding(x), with a factor s for each output.
///
/// ```text
/// yᵢ = sᵢ · encoding(x)ᵢ
/// ```
///
/// All sᵢ are 1 at first. At a high learning rate they choose inputs: those that help become
/// larger, others smaller ([`ParamGroups`](crate::optimizer::ParamGroups) sets the rate). This is
/// RealMLP's scaling layer (Holzmüller, Grinsztajn and Steinwart, 2024,
/// [arXiv:2407.04491](https://arxiv.org/abs/2407.04491)).
///
/// The scale of an [`Identity`] scales the inputs themselves. After training,
/// [`Mlp::fold_scale`](crate::Mlp::fold_scale) multiplies it into the first layer's weights.
///
/// Parameters: the sᵢ, then those of the inner encoding.
///
/// ```
/// use feedforward::encoding::{Encoding, Identity, Scaled};
///
/// let scaled = Scaled::<f64>::new(Identity::new(2)?)?;
/// assert_eq!(scaled.encode(&[2.0, 0.5], &[3.0, 3.0])?, [6.0, 1.5]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "ScalingLayer")]
#[doc(alias = "feature_selection")]
#[derive(Clone, Debug)]
pub struct Scaled<T> {
    inner: Arc<dyn Encoding<T>>,
    /// `true` if the inner encoding is an [`Identity`], which needs no buffers.
    is_identity: bool,
}

impl<T: Float> Scaled<T> {
    /// Scales the outputs of this encoding.
    ///
    /// # Errors
    /// Returns [`Error::TooLarge`] for more than 4096 outputs, unless the encoding is an
    /// [`Identity`]. In a [`Concat`](super::Concat), each member can have a scale of its own.
    ///
    /// Returns [`Error::InvalidSetting`] if the encoding has no inputs or no outputs, or if files
    /// could not hold the name. The limits are those of [`Concat::new`](super::Concat::new).
    pub fn new(encoding: impl Encoding<T> + 'static) -> Result<Self> {
        Self::of(Arc::new(encoding))
    }

    pub(super) fn of(inner: Arc<dyn Encoding<T>>) -> Result<Self> {
        check_count("inputs of an encoding", inner.inputs())?;
        check_count("outputs of an encoding", inner.outputs())?;
        nesting::check_member(&inner.name())?;
        let is_identity = is_identity(&*inner);
        if !is_identity && inner.outputs() > OUTPUTS {
            let what = "outputs of a scaled encoding";
            return Err(Error::too_large(what, "at most 4096", inner.outputs()));
        }
        let params = inner.params_len().saturating_add(inner.outputs());
        memory::product("parameters of the encoding", &[params])?;
        let scaled = Self { inner, is_identity };
        nesting::check(&scaled.name())?;
        Ok(scaled)
    }

    /// Returns the scale and the parameters of the inner encoding.
    fn split<'a>(&self, params: &'a [T]) -> (&'a [T], &'a [T]) {
        params.split_at(self.inner.outputs())
    }

    /// Calls a function with groups of samples: the inputs, the gradient of the outputs, and a
    /// buffer of its length.
    fn in_groups(&self, x: &[T], dy: &[T], mut run: impl FnMut(&[T], &[T], &mut [T])) {
        let (inputs, outputs) = (self.inner.inputs(), self.inner.outputs());
        let mut buffer = [T::zero(); OUTPUTS];
        let group = OUTPUTS / outputs;
        for (x, dy) in x.chunks(group * inputs).zip(dy.chunks(group * outputs)) {
            run(x, dy, &mut buffer[..dy.len()]);
        }
    }
}

/// Returns `true` if this is the built-in [`Identity`].
pub(crate) fn is_identity<T: Float>(encoding: &dyn Encoding<T>) -> bool {
    let identity = Identity::new(encoding.inputs());
    identity.is_ok_and(|identity| format!("{identity:?}") == format!("{encoding:?}"))
}

impl<T: Float> Encoding<T> for Scaled<T> {
    fn inputs(&self) -> usize {
        self.inner.inputs()
    }

    fn outputs(&self) -> usize {
        self.inner.outputs()
    }

    fn name(&self) -> Cow<'static, str> {
        format!("scaled({})", self.inner.name()).into()
    }

    fn constants(&self) -> &[T] {
        self.inner.constants()
    }

    /// The first part is the scale.
    fn part_len(&self, part: usize) -> Option<usize> {
        match part.checked_sub(1) {
            None => Some(self.inner.outputs()),
            Some(part) => self.inner.part_len(part),
        }
    }

    fn params_len(&self) -> usize {
        self.inner.outputs() + self.inner.params_len()
    }

    fn initialize(&self, rng: &mut Rng, params: &mut [f64]) {
        let (scale, params) = params.split_at_mut(self.inner.outputs());
        scale.fill(1.0);
        self.inner.initialize(rng, params);
    }

    fn encode_sample(&self, params: &[T], inputs: &[T], outputs: &mut [T]) {
        let (scale, params) = self.split(params);
        self.inner.encode_sample(params, inputs, outputs);
        multiply(outputs, scale);
    }

    fn encode_samples(&self, params: &[T], inputs: &[T], outputs: &mut [T], stride: usize) {
        let (scale, params) = self.split(params);
        self.inner.encode_samples(params, inputs, outputs, stride);
        let samples = inputs.len() / self.inner.inputs();
        for row in outputs.chunks_mut(stride).take(samples) {
            multiply(&mut row[..scale.len()], scale);
        }
    }

    fn add_gradient(&self, part: usize, params: &[T], x: &[T], dy: &[T], gradient: &mut [T]) {
        let ((scale, params), outputs) = (self.split(params), self.inner.outputs());
        match part.checked_sub(1) {
            None if self.is_identity => add_products(gradient, dy, x),
            None => self.in_groups(x, dy, |x, dy, y| {
                self.inner.encode_samples(params, x, y, outputs);
                add_products(gradient, dy, y);
            }),
            Some(part) => self.in_groups(x, dy, |x, dy, scaled| {
                scaled.copy_from_slice(dy);
                scaled
                    .chunks_exact_mut(outputs)
                    .for_each(|row| multiply(row, scale));
                self.inner.add_gradient(part, params, x, scaled, gradient);
            }),
        }
    }

    fn add_input_gradient(&self, params: &[T], x: &[T], dy: &[T], gradient: &mut [T]) {
        let ((scale, params), outputs) = (self.split(params), self.inner.outputs());
        if self.is_identity {
            for (sums, dy) in gradient
                .chunks_exact_mut(outputs)
                .zip(dy.chunks_exact(outputs))
            {
                add_products(sums, dy, scale);
            }
            return;
        }
        let mut rest = gradient;
        self.in_groups(x, dy, |x, dy, scaled| {
            scaled.copy_from_slice(dy);
            scaled
                .chunks_exact_mut(outputs)
                .for_each(|row| multiply(row, scale));
            let (these, tail) = core::mem::take(&mut rest).split_at_mut(x.len());
            self.inner.add_input_gradient(params, x, scaled, these);
            rest = tail;
        });
    }

    fn has_input_gradient(&self, input: usize) -> bool {
        self.inner.has_input_gradient(input)
    }

    fn merge_gradient(&self, part: usize, inputs: &[T], partial: &mut [T], total: &mut [T]) {
        match part.checked_sub(1) {
            None => super::merge(partial, total),
            Some(part) => self.inner.merge_gradient(part, inputs, partial, total),
        }
    }

    fn unscaled(&self) -> Option<Arc<dyn Encoding<T>>> {
        Some(Arc::clone(&self.inner))
    }
}

instantiate! {
    fn multiply<T>(values: &mut [T], factors: &[T]) {
        for (value, &factor) in values.iter_mut().zip(factors) {
            *value *= factor;
        }
    }
}

instantiate! {
    /// Adds the products of rows of two matrices, which are as long as `sums`, row by row.
    fn add_products<T>(sums: &mut [T], a: &[T], b: &[T]) {
        for (a, b) in a.chunks_exact(sums.len()).zip(b.chunks_exact(sums.len())) {
            for (sum, (&a, &b)) in sums.iter_mut().zip(a.iter().zip(b)) {
                *sum += a * b;
            }
        }
    }
}
