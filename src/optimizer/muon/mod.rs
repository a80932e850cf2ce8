//! Muon: orthogonalized momentum for hidden matrices, Adam for the rest.

use alloc::format;
use core::ops::Range;

use super::elementwise::{ElementwiseUpdate, FlushDenormals, apply};
use super::{Adam, Optimizer, UpdateContext};
use crate::error::{Error, Result};
use crate::float::{Float, check_fraction, check_not_negative, check_positive, instantiate};
use crate::gemm::{padded, transpose};
use crate::layout::{LayerLayout, Layout};
use crate::math;

mod newton_schulz;

use newton_schulz::{normalize, orthogonalize};

/// Muon: orthogonalized momentum for the weight matrices of hidden layers, Adam for all else.
///
/// Orthogonalized, all directions of the momentum move equally far, not just the few strongest. For
/// a hidden weight matrix W with gradient G, learning rate η, momentum μ and weight decay λ:
///
/// ```text
/// m ← μ·m + G
/// U = G + μ·m                                    (U = m without nesterov)
/// O = U / |U|
/// O ← a·O + (b·A + c·A²)·O  with  A = O·Oᵀ       (five times)
/// W ← (1 - η·λ)·W - η·√max(1, rows / columns)·O
/// ```
///
/// Here |U| is the root of the sum of squares, and (a, b, c) = (3.4445, -4.7750, 2.0315). These
/// Newton-Schulz steps bring O close to the orthogonal matrix nearest to U. Singular values that
/// are not tiny end between about 0.7 and 1.2.
///
/// [`adam`](Self::adam) updates biases, numbers α of
/// [`Parametric`](crate::activation::Parametric) activations, the first and last layers, and the
/// parameters of an encoding. A schedule changes its learning rate in proportion. In a network
/// without hidden matrices (fewer than three layers), Adam updates everything.
///
/// The first layer is an exception because it reads inputs of different kinds. Behind an encoding
/// that learns it is like the others, so [`first_layer`](Self::first_layer) can include it.
///
/// Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024,
/// [kellerjordan.github.io](https://kellerjordan.github.io/posts/muon/). PyTorch's
/// `torch.optim.Muon` with `adjust_lr_fn="original"` has the same form, except that:
///
/// - its default weight decay is 0.1,
/// - it orthogonalizes in bfloat16, while this crate uses the network's precision,
/// - it scales G in m by 1 - μ, which cancels in U / |U|.
///
/// With the short side s and the long side l of a matrix, each of the five steps takes s²·(2·l + s)
/// multiply-adds. (Symmetry saves a third of the first two products.) The forward and backward
/// passes take 3·s·l for each sample. With s = l, an update thus costs about as much as 5·s
/// samples, so minibatches should be a few times larger than layers are wide. Several threads
/// update different matrices in parallel.
///
/// State: m, Adam's state, and scratch space for up to four matrices. Magnitudes below 7e-18
/// (1e-152 for f64) become zero.
///
/// ```
/// use feedforward::{Mlp, Trainer, activation::{Identity, Tanh}, loss::SquaredError};
/// use feedforward::{optimizer::Muon, schedule::Cosine};
///
/// let inputs: Vec<f32> = (0..200).map(|i| i as f32 / 100.0 - 1.0).collect();
/// let targets: Vec<f32> = inputs.iter().map(|x| (6.0 * x).sin()).collect();
/// let mut net = Mlp::builder(1).hidden_layers(3, 32, Tanh).output(1, Identity).build()?;
/// let trainer = Trainer::new(SquaredError, Muon::new(0.02))
///     .schedule(Cosine::default())
///     .batch_size(50);
/// let history = trainer.fit(&mut net, &inputs, &targets)?;
/// assert!(history.loss() < 1e-3);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Muon {
    /// Learning rate of hidden matrices before any schedule. Range: above 0. Default: 0.02.
    pub learning_rate: f64,
    /// Fraction of m that an update keeps. Range: [0, 1). Default: 0.95.
    pub momentum: f64,
    /// `true` if the step looks ahead along m. Default: `true`.
    pub nesterov: bool,
    /// Decoupled weight decay of hidden matrices. Range: at least 0. Default: 0.
    pub weight_decay: f64,
    /// Number of Newton-Schulz steps. Range: 1 to 100. Default: 5.
    pub newton_schulz: usize,
    /// `true` if the matrix of the first layer counts as hidden. A network of one layer has none.
    /// Default: `false`.
    pub first_layer: bool,
    /// Optimizer of all other parameters. Default: Adam at 1e-2.
    pub adam: Adam,
}

impl Muon {
    /// Creates Muon with the authors' settings.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            momentum: 0.95,
            nesterov: true,
            weight_decay: 0.0,
            newton_schulz: 5,
            first_layer: false,
            adam: Adam::new(1e-2),
        }
    }
}

impl Muon {
    /// Returns the layers whose matrices are orthogonalized.
    fn hidden<'a>(&self, layout: &'a Layout) -> &'a [LayerLayout] {
        let layers = layout.layers();
        let first = usize::from(!self.first_layer);
        layers
            .get(first..layers.len().saturating_sub(1))
            .unwrap_or(&[])
    }

    /// Returns the parameters that Adam updates, in order.
    fn others<'a>(&self, layout: &'a Layout) -> impl Iterator<Item = Range<usize>> + use<'a> {
        let matrices = self.hidden(layout).iter().map(|at| at.weights.clone());
        let starts = [0].into_iter().chain(matrices.clone().map(|at| at.end));
        let ends = matrices.map(|at| at.start).chain([layout.len()]);
        starts.zip(ends).map(|(start, end)| start..end)
    }
}

impl Default for Muon {
    fn default() -> Self {
        Self::new(0.02)
    }
}

/// Maximum number of Newton-Schulz steps. Each step triples small singular values, so about 30 lift
/// even those at the level of rounding.
const MAX_STEPS: usize = 100;

/// Maximum number of matrices that are updated in parallel, each with its own scratch.
const PARALLEL_MATRICES: usize = 4;

/// Returns the number of momenta of these matrices.
fn momenta_len(layers: &[LayerLayout]) -> usize {
    layers.iter().map(|at| at.weights.len()).sum()
}

/// Returns the scratch length for the largest matrix, and the number of matrices updated in
/// parallel.
fn scratch<T>(layers: &[LayerLayout]) -> (usize, usize) {
    let scratch = layers.iter().map(|at| {
        let (rows, cols) = (at.rows(), at.inputs);
        newton_schulz::scratch_len::<T>(rows.max(cols), rows.min(cols))
    });
    let parallel = layers.len().min(PARALLEL_MATRICES);
    (scratch.max().unwrap_or(0), parallel)
}

impl<T: Float> Optimizer<T> for Muon {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn state_len(&self, layout: &Layout) -> usize {
        let momenta = momenta_len(self.hidden(layout));
        let moments = self.adam.slots() * (layout.len() - momenta);
        Optimizer::<T>::scratch_len(self, layout) + momenta + moments
    }

    fn scratch_len(&self, layout: &Layout) -> usize {
        let (scratch, parallel) = scratch::<T>(self.hidden(layout));
        scratch * parallel
    }

    fn parameter_of(&self, layout: &Layout, mut index: usize) -> usize {
        let momenta = self.hidden(layout).iter().map(|at| (at.weights.clone(), 1));
        let moments = self.others(layout).map(|range| (range, self.adam.slots()));
        for (range, slots) in momenta.chain(moments) {
            if index < slots * range.len() {
                return range.start + index % range.len();
            }
            index -= slots * range.len();
        }
        0
    }

    fn has_decay(&self) -> bool {
        true
    }

    fn takes_groups(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        check_positive::<T>("Muon's learning rate", self.learning_rate)?;
        check_fraction::<T>("Muon's momentum", self.momentum)?;
        check_not_negative::<T>("Muon's weight decay", self.weight_decay)?;
        if !(1..=MAX_STEPS).contains(&self.newton_schulz) {
            let (what, expected) = ("Muon's Newton-Schulz steps", format!("1 to {MAX_STEPS}"));
            return Err(Error::invalid_setting(what, expected, self.newton_schulz));
        }
        Optimizer::<T>::check(&self.adam)
    }

    fn step(&self, context: &UpdateContext<'_>, params: &mut [T], gradient: &[T], state: &mut [T]) {
        let layout = context.layout;
        if params.len() != layout.len()
            || gradient.len() != layout.len()
            || state.len() != Optimizer::<T>::state_len(self, layout)
        {
            return; // `State::update` checks these lengths, but other callers may not
        }
        // Scratch comes first because the state begins on a cache line.
        let (scratch, parallel) = scratch::<T>(self.hidden(layout));
        let (scratch, state) = state.split_at_mut(scratch * parallel);
        let (momenta, mut moments) = state.split_at_mut(momenta_len(self.hidden(layout)));

        let adam_rate = self.adam.learning_rate * (context.learning_rate / self.learning_rate);
        for range in self.others(layout) {
            let (these, tail) = moments.split_at_mut(self.adam.slots() * range.len());
            moments = tail;
            let context = UpdateContext {
                learning_rate: adam_rate,
                range: range.clone(),
                ..context.clone()
            };
            let (params, gradient) = (&mut params[range.clone()], &gradient[range]);
            match context.groups {
                Some(groups) => groups.step(&self.adam, &context, params, gradient, these),
                None => self.adam.step(&context, params, gradient, these),
            }
        }
        let matrices = Matrices {
            layers: self.hidden(layout),
            start: 0,
            params,
            gradient,
            momenta,
            scratch,
            parallel,
        };
        context.divide(matrices, &Matrices::split, &|matrices: Matrices<'_, T>| {
            matrices.update(self, context);
        });
    }
}

/// Matrices of consecutive hidden layers with their gradients and momenta.
struct Matrices<'a, T> {
    layers: &'a [LayerLayout],
    /// Index of the first parameter in `params` and `gradient`.
    start: usize,
    params: &'a mut [T],
    gradient: &'a [T],
    momenta: &'a mut [T],
    scratch: &'a mut [T],
    /// Number of matrices that `scratch` has space for.
    parallel: usize,
}

impl<T: Float> Matrices<'_, T> {
    /// Splits into two halves while there is scratch for both.
    fn split(self) -> (Self, Option<Self>) {
        if self.parallel < 2 {
            return (self, None);
        }
        let (left, right) = self.layers.split_at(self.layers.len() / 2);
        let start = right[0].weights.start;
        let (left_params, right_params) = self.params.split_at_mut(start - self.start);
        let (left_gradient, right_gradient) = self.gradient.split_at(start - self.start);
        let (left_momenta, right_momenta) = self.momenta.split_at_mut(momenta_len(left));
        let left_parallel = self.parallel / 2;
        let left_scratch = self.scratch.len() / self.parallel * left_parallel;
        let (left_scratch, right_scratch) = self.scratch.split_at_mut(left_scratch);
        let left = Matrices {
            layers: left,
            start: self.start,
            params: left_params,
            gradient: left_gradient,
            momenta: left_momenta,
            scratch: left_scratch,
            parallel: left_parallel,
        };
        let right = Matrices {
            layers: right,
            start,
            params: right_params,
            gradient: right_gradient,
            momenta: right_momenta,
            scratch: right_scratch,
            parallel: self.parallel - left_parallel,
        };
        (left, Some(right))
    }

    /// Updates the matrices one after another.
    fn update(self, muon: &Muon, context: &UpdateContext<'_>) {
        let mut momenta = self.momenta;
        for at in self.layers {
            let (momentum, tail) = momenta.split_at_mut(at.weights.len());
            momenta = tail;
            let range = at.weights.start - self.start..at.weights.end - self.start;
            let matrix = Matrix {
                rows: at.rows(),
                cols: at.inputs,
                weights: &mut self.params[range.clone()],
                gradient: &self.gradient[range],
                momentum,
            };
            let (rate, decay) = context.group_factors(at.weights.start);
            let rates = Rates {
                rate: T::from_f64(context.learning_rate * rate),
                decay: T::from_f64(muon.weight_decay * (context.decay_factor * decay)),
            };
            update(muon, matrix, rates, self.scratch);
        }
    }
}

/// Learning rate and weight decay of a matrix.
struct Rates<T> {
    rate: T,
    decay: T,
}

/// Hidden matrix with its gradient and momentum.
struct Matrix<'a, T> {
    rows: usize,
    cols: usize,
    weights: &'a mut [T],
    gradient: &'a [T],
    momentum: &'a mut [T],
}

instantiate! {
    fn update<T>(muon: &Muon, matrix: Matrix<'_, T>, rates: Rates<T>, scratch: &mut [T]) {
        let Matrix { rows, cols, weights, gradient, momentum } = matrix;
        let Rates { rate, decay } = rates;
        let (long, short) = (rows.max(cols), rows.min(cols));
        let stride = padded::<T>(short);
        let (x, scratch) = scratch.split_at_mut(long * stride);

        // The element-wise update writes U to scratch, in place of parameters. X then receives U,
        // transposed if the matrix is wide.
        let direction = MomentumUpdate {
            momentum: T::from_f64(muon.momentum),
            nesterov: muon.nesterov,
            flush: FlushDenormals::new(),
        };
        let u = &mut scratch[..gradient.len()];
        u.fill(T::zero());
        apply(direction, u, gradient, momentum);
        if rows < cols {
            transpose(u, cols, cols, x, stride);
        } else {
            for (x, u) in x.chunks_mut(stride).zip(u.chunks(cols)) {
                x[..cols].copy_from_slice(u);
            }
        }
        if !normalize(x, short, stride) {
            return;
        }
        let x = orthogonalize(x, short, scratch, muon.newton_schulz);

        let shape = T::from_f64(math::sqrt((rows as f64 / cols as f64).max(1.0)));
        let decay_factor = T::one() - rate * decay;
        let (row_stride, column_stride) = if rows < cols { (1, stride) } else { (stride, 1) };
        for (r, row) in weights.chunks_mut(cols).enumerate() {
            for (c, w) in row.iter_mut().enumerate() {
                *w = decay_factor * *w - rate * shape * x[r * row_stride + c * column_stride];
            }
        }
    }
}

/// Update m ← μ·m + g. It writes the direction in place of the parameter.
struct MomentumUpdate<T> {
    momentum: T,
    nesterov: bool,
    flush: FlushDenormals<T>,
}

impl<T: Float> ElementwiseUpdate<T, 1> for MomentumUpdate<T> {
    #[inline(always)]
    fn next(&self, _: T, g: T, [m]: [T; 1]) -> (T, [T; 1]) {
        let g = self.flush.first_moment(g);
        let m = self.flush.first_moment(self.momentum * m + g);
        let ahead = self.flush.first_moment(g + self.momentum * m);
        (if self.nesterov { ahead } else { m }, [m])
    }
}

#[cfg(test)]
mod tests;
