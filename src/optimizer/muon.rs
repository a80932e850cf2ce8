//! Muon: orthogonalised momentum for hidden matrices, Adam for the rest.

use alloc::format;
use core::ops::Range;

use super::rule::{self, Flush, Rule};
use super::{Adam, Optimizer, UpdateContext};
use crate::error::{Error, Result};
use crate::float::{Float, check_fraction, check_not_negative, check_positive, instantiate};
use crate::gemm::{Accumulate, MC, MatRef, Product, padded, store, transpose};
use crate::layout::{LayerLayout, Layout};
use crate::math;

/// Muon: for the weight matrices of hidden layers, steps along the momentum made orthogonal, so
/// that all its directions move equally far, and not the few strongest alone.
///
/// For a hidden weight matrix with gradient G, m <- momentum m + G, and
///
/// - U = G + momentum m, or m without [`nesterov`](Self::nesterov),
/// - O = U's nearest orthogonal matrix, nearly: five steps of the Newton-Schulz iteration
///   X <- a X + (b A + c A^2) X with A = X X^T from X = U / |U|, where |U| is the root of
///   the sum of squares and (a, b, c) = (3.4445, -4.7750, 2.0315), which bring singular values
///   that are not tiny between about 0.7 and 1.2,
/// - W <- (1 - rate weight_decay) W - rate sqrt(max(1, rows / columns)) O.
///
/// Biases and the first and the last layer are [`adam`](Self::adam)'s, at its own learning
/// rate, which a schedule changes in proportion. Without hidden matrices (fewer than three layers)
/// it is Adam.
///
/// Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024. Also PyTorch's
/// `torch.optim.Muon` with `adjust_lr_fn="original"`, but for its weight decay of 0.1 and for
/// calculating in the network's precision, where PyTorch takes the 16 bits of bfloat16. (It scales
/// G in m by 1 - momentum, which U / |U| does not see.)
///
/// For a matrix of short side s and long side l each of the five steps takes s s (2 l + s)
/// multiply-adds, where a sample takes 3 s l on its way through and back: with s = l, an update
/// costs about as much as 5 s samples, so minibatches should be a few times larger than layers are
/// wide. (Symmetry saves a third of the first two products.) Several threads share the matrices.
/// State: m, Adam's two moments, and room to calculate in for four matrices. What falls below 7e-18
/// (f64: 1e-152) becomes zero.
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
    /// The learning rate of hidden matrices before any schedule, above 0: 0.02.
    pub learning_rate: f64,
    /// The part of m that stays, at least 0 and below 1: 0.95.
    pub momentum: f64,
    /// Whether the step looks ahead along m: `true`.
    pub nesterov: bool,
    /// The decoupled decay of hidden matrices, 0 or above: 0.
    pub weight_decay: f64,
    /// Newton-Schulz steps, 1 to 100: 5.
    pub newton_schulz: usize,
    /// For everything else: Adam at 1e-2.
    pub adam: Adam,
}

impl Muon {
    /// Muon with the authors' settings.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            momentum: 0.95,
            nesterov: true,
            weight_decay: 0.0,
            newton_schulz: 5,
            adam: Adam::new(1e-2),
        }
    }
}

impl Default for Muon {
    fn default() -> Self {
        Self::new(0.02)
    }
}

/// Maximum number of Newton-Schulz steps. Each triples small singular values, so about 30 bring up
/// whatever rounding leaves.
const MOST_STEPS: usize = 100;

/// The layers whose matrices are orthogonalised.
fn hidden(layout: &Layout) -> &[LayerLayout] {
    let layers = layout.layers();
    layers.get(1..layers.len().saturating_sub(1)).unwrap_or(&[])
}

/// The parameters that are Adam's, in their order.
fn others(layout: &Layout) -> impl Iterator<Item = Range<usize>> {
    let matrices = hidden(layout).iter().map(|at| at.weights.clone());
    let starts = [0].into_iter().chain(matrices.clone().map(|at| at.end));
    let ends = matrices.map(|at| at.start).chain([layout.len()]);
    starts.zip(ends).map(|(start, end)| start..end)
}

/// Hidden matrices are shared among so many threads at most, each with room of its own.
const LANES: usize = 4;

/// A hidden matrix, the longer side first.
fn sides(at: &LayerLayout) -> (usize, usize) {
    let (rows, cols) = (at.rows(), at.inputs);
    (rows.max(cols), rows.min(cols))
}

/// Numbers that the Newton-Schulz iteration of a matrix needs: X twice, and its squares.
fn scratch_len<T>((long, short): (usize, usize)) -> usize {
    2 * (long + short) * padded::<T>(short)
}

/// The same for the largest of these, for each of the lanes, and how many lanes there are.
fn lanes<T>(layers: &[LayerLayout]) -> (usize, usize) {
    let scratch = layers.iter().map(|at| scratch_len::<T>(sides(at)));
    (scratch.max().unwrap_or(0), layers.len().min(LANES))
}

impl<T: Float> Optimizer<T> for Muon {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn state_len(&self, layout: &Layout) -> usize {
        let momenta: usize = hidden(layout).iter().map(|at| at.weights.len()).sum();
        let moments = self.adam.slots() * (layout.len() - momenta);
        Optimizer::<T>::scratch_len(self, layout) + momenta + moments
    }

    fn scratch_len(&self, layout: &Layout) -> usize {
        let (scratch, lanes) = lanes::<T>(hidden(layout));
        scratch * lanes
    }

    fn check(&self) -> Result<()> {
        check_positive::<T>("Muon's learning rate", self.learning_rate)?;
        check_fraction::<T>("Muon's momentum", self.momentum)?;
        check_not_negative::<T>("Muon's weight decay", self.weight_decay)?;
        if !(1..=MOST_STEPS).contains(&self.newton_schulz) {
            let (what, expected) = ("Muon's Newton-Schulz steps", format!("1 to {MOST_STEPS}"));
            return Err(Error::invalid_setting(what, expected, self.newton_schulz));
        }
        Optimizer::<T>::check(&self.adam)
    }

    fn step(&self, step: &UpdateContext<'_>, params: &mut [T], gradient: &[T], state: &mut [T]) {
        let layout = step.layout;
        if params.len() != layout.len()
            || gradient.len() != layout.len()
            || state.len() != Optimizer::<T>::state_len(self, layout)
        {
            return; // no call of ours
        }
        // First the room to calculate in, which begins where the state does: on a cache line.
        let (scratch, lanes) = lanes::<T>(hidden(layout));
        let (scratch, state) = state.split_at_mut(scratch * lanes);
        let momenta: usize = hidden(layout).iter().map(|at| at.weights.len()).sum();
        let (momenta, mut rest) = state.split_at_mut(momenta);

        let adam_rate = self.adam.learning_rate * (step.learning_rate / self.learning_rate);
        for range in others(layout) {
            let (moments, tail) = rest.split_at_mut(self.adam.slots() * range.len());
            rest = tail;
            let step = UpdateContext {
                learning_rate: adam_rate,
                range: range.clone(),
                ..step.clone()
            };
            let (params, gradient) = (&mut params[range.clone()], &gradient[range]);
            self.adam.step(&step, params, gradient, moments);
        }
        let matrices = Matrices {
            layers: hidden(layout),
            first: 0,
            params,
            gradient,
            momenta,
            scratch,
            lanes,
        };
        let rate = T::from_f64(step.learning_rate);
        step.divide(matrices, &Matrices::split, &|matrices: Matrices<'_, T>| {
            self.update_all(rate, matrices);
        });
    }
}

/// Hidden layers side by side, and what belongs to them.
struct Matrices<'a, T> {
    layers: &'a [LayerLayout],
    /// The parameter that the slices begin with.
    first: usize,
    params: &'a mut [T],
    gradient: &'a [T],
    momenta: &'a mut [T],
    scratch: &'a mut [T],
    lanes: usize,
}

impl<T> Matrices<'_, T> {
    /// Two halves, each with room of its own, while there are as many as that.
    fn split(self) -> (Self, Option<Self>) {
        if self.lanes < 2 {
            return (self, None);
        }
        let (left, right) = self.layers.split_at(self.layers.len() / 2);
        let start = right[0].weights.start;
        let (left_params, right_params) = self.params.split_at_mut(start - self.first);
        let (left_gradient, right_gradient) = self.gradient.split_at(start - self.first);
        let left_momenta = left.iter().map(|at| at.weights.len()).sum();
        let (left_momenta, right_momenta) = self.momenta.split_at_mut(left_momenta);
        let left_lanes = self.lanes / 2;
        let room = self.scratch.len() / self.lanes;
        let (left_scratch, right_scratch) = self.scratch.split_at_mut(room * left_lanes);
        let left = Matrices {
            layers: left,
            first: self.first,
            params: left_params,
            gradient: left_gradient,
            momenta: left_momenta,
            scratch: left_scratch,
            lanes: left_lanes,
        };
        let right = Matrices {
            layers: right,
            first: start,
            params: right_params,
            gradient: right_gradient,
            momenta: right_momenta,
            scratch: right_scratch,
            lanes: self.lanes - left_lanes,
        };
        (left, Some(right))
    }
}

impl Muon {
    /// Updates the matrices, one after the other.
    fn update_all<T: Float>(&self, rate: T, matrices: Matrices<'_, T>) {
        let mut momenta = matrices.momenta;
        for at in matrices.layers {
            let (momentum, tail) = momenta.split_at_mut(at.weights.len());
            momenta = tail;
            let range = at.weights.start - matrices.first..at.weights.end - matrices.first;
            let matrix = Matrix {
                rows: at.rows(),
                cols: at.inputs,
                weights: &mut matrices.params[range.clone()],
                gradient: &matrices.gradient[range],
                momentum,
            };
            update(self, matrix, rate, matrices.scratch);
        }
    }
}

/// A hidden matrix and what belongs to it.
struct Matrix<'a, T> {
    rows: usize,
    cols: usize,
    weights: &'a mut [T],
    gradient: &'a [T],
    momentum: &'a mut [T],
}

instantiate! {
    fn update<T>(rule: &Muon, matrix: Matrix<'_, T>, rate: T, scratch: &mut [T]) {
        let Matrix { rows, cols, weights, gradient, momentum } = matrix;
        let (long, short) = (rows.max(cols), rows.min(cols));
        let stride = padded::<T>(short);
        let (x, scratch) = scratch.split_at_mut(long * stride);

        // U goes where X begins; m is the state of the rule. A wide matrix is stood up.
        let keep = T::from_f64(rule.momentum);
        let direction = Momentum { keep, nesterov: rule.nesterov, flush: Flush::new() };
        let u = &mut scratch[..gradient.len()];
        u.fill(T::zero());
        rule::apply(direction, u, gradient, momentum);
        if rows < cols {
            transpose(u, cols, cols, x, stride);
        } else {
            for (x, u) in x.chunks_mut(stride).zip(u.chunks(cols)) {
                x[..cols].copy_from_slice(u);
            }
        }
        if !normalise(x, short, stride) {
            return;
        }
        let x = orthogonalise(x, short, scratch, rule.newton_schulz);

        let shape = T::from_f64(math::sqrt((rows as f64 / cols as f64).max(1.0)));
        let stay = T::one() - rate * T::from_f64(rule.weight_decay);
        let (down, across) = if rows < cols { (1, stride) } else { (stride, 1) };
        for (r, row) in weights.chunks_mut(cols).enumerate() {
            for (c, w) in row.iter_mut().enumerate() {
                *w = stay * *w - rate * shape * x[r * down + c * across];
            }
        }
    }
}

/// m <- keep m + g; the direction is what is written over the zeros of "parameters".
struct Momentum<T> {
    keep: T,
    nesterov: bool,
    flush: Flush<T>,
}

impl<T: Float> Rule<T, 1> for Momentum<T> {
    #[inline(always)]
    fn update(&self, _: T, g: T, [m]: [T; 1]) -> (T, [T; 1]) {
        let g = self.flush.first(g);
        let m = self.flush.first(self.keep * m + g);
        let ahead = self.flush.first(g + self.keep * m);
        (if self.nesterov { ahead } else { m }, [m])
    }
}

/// X <- X / |X|, with zeros in the padding; false if there is nothing to step along.
#[inline(always)]
fn normalise<T: Float>(x: &mut [T], short: usize, stride: usize) -> bool {
    // So many sums side by side: one alone would wait for each addition.
    const SUMS: usize = 16;
    let mut largest = [T::zero(); SUMS];
    for row in x.chunks_mut(stride) {
        row[short..].fill(T::zero());
        for x in row.chunks(SUMS) {
            for (most, x) in largest.iter_mut().zip(x) {
                *most = if x.abs() > *most { x.abs() } else { *most };
            }
        }
    }
    let largest = largest.into_iter().fold(T::zero(), T::max);
    if largest == T::zero() {
        return false;
    }
    // In units of the largest, whose square cannot overflow.
    let unit = T::one() / largest;
    let mut squares = [0.0; SUMS];
    for x in x.chunks(SUMS) {
        for (sum, &x) in squares.iter_mut().zip(x) {
            let x = (x * unit).as_f64();
            *sum += x * x;
        }
    }
    let norm = T::from_f64(math::sqrt(squares.into_iter().sum::<f64>()));
    let flush = Flush::new();
    for x in x {
        *x = flush.first(*x / largest / norm);
    }
    true
}

/// The Newton-Schulz iteration, which brings the singular values of X near 1. X stands: what the
/// equations have as X X^T is X^T X here, for which the kernel needs nothing transposed.
fn orthogonalise<'a, T: Float>(
    mut x: &'a mut [T],
    short: usize,
    scratch: &'a mut [T],
    steps: usize,
) -> &'a [T] {
    let (a, b, c) = (
        T::from_f64(3.4445),
        T::from_f64(-4.7750),
        T::from_f64(2.0315),
    );
    let (long, stride) = (x.len() / padded::<T>(short), padded::<T>(short));
    let (gram, scratch) = scratch.split_at_mut(short * stride);
    let (polynomial, scratch) = scratch.split_at_mut(short * stride);
    let mut next = &mut scratch[..x.len()];
    for _ in 0..steps {
        square((x, long), gram, short, stride);
        square((gram, short), polynomial, short, stride);
        for (p, &g) in polynomial.iter_mut().zip(&*gram) {
            *p = b * g + c * *p;
        }
        for (next, &x) in next.iter_mut().zip(&*x) {
            *next = a * x;
        }
        let tall = MatRef::row_major(x, long, short, stride);
        let product = Product::new(tall, polynomial, stride, short).accumulate(Accumulate::Add);
        product.run(&mut store(next, stride));
        (x, next) = (next, x);
    }
    x
}

/// C = X^T X. It is symmetric to the last bit, since both halves add the same products in the same
/// order: what lies right of each strip's own square is copied from its mirror image.
fn square<T: Float>((x, k): (&[T], usize), c: &mut [T], short: usize, stride: usize) {
    for first in (0..short).step_by(MC) {
        let end = (first + MC).min(short);
        let rows = MatRef::row_major(&x[first..], k, end - first, stride).transposed();
        let product = Product::new(rows, x, stride, end);
        product.run(&mut store(&mut c[first * stride..], stride));
        let (above, strip) = c.split_at_mut(first * stride);
        for (column, row) in (first..end).zip(strip.chunks(stride)) {
            for (above, &x) in above.chunks_mut(stride).zip(row) {
                above[column] = x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::State;

    /// Numbers without a pattern, in [-1, 1].
    fn noise(len: usize, seed: usize) -> Vec<f64> {
        let number = |i: usize| ((i * 7919 + seed * 104_729) as f64 * 0.618_034).sin();
        (0..len).map(|i| number(i + 1)).collect()
    }

    /// The same in plain loops, as Jordan et al. write it.
    fn reference(g: &[f64], rows: usize, cols: usize) -> Vec<f64> {
        let norm = g.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mut x: Vec<f64> = g.iter().map(|x| x / norm).collect();
        let multiply =
            |a: &[f64], b: &dyn Fn(usize, usize) -> f64, n: usize, k: usize, m: usize| {
                let at = |i: usize| (0..k).map(|j| a[i / m * k + j] * b(j, i % m)).sum::<f64>();
                (0..n * m).map(at).collect::<Vec<f64>>()
            };
        for _ in 0..5 {
            let gram = multiply(&x, &|j, i| x[i * cols + j], rows, cols, rows);
            let square = multiply(&gram, &|j, i| gram[j * rows + i], rows, rows, rows);
            let pairs = gram.iter().zip(&square);
            let p: Vec<f64> = pairs.map(|(g, s)| -4.7750 * g + 2.0315 * s).collect();
            let px = multiply(&p, &|j, i| x[j * cols + i], rows, rows, cols);
            x = x.iter().zip(px).map(|(x, px)| 3.4445 * x + px).collect();
        }
        x
    }

    #[test]
    fn hidden_matrices_step_along_orthogonal_matrices() {
        for (rows, cols) in [(5, 5), (3, 7), (7, 3), (16, 33)] {
            let layout = Layout::new(&[2, cols, rows, 1]).unwrap();
            let muon = Muon {
                momentum: 0.0,
                ..Muon::new(0.1)
            };
            let mut state = State::new(&muon, &layout).unwrap();
            let gradient = noise(layout.len(), rows);
            let start = noise(layout.len(), 99);
            let mut params = start.clone();
            state.update(&muon, 0.1, &mut params, &gradient).unwrap();
            let at = layout.layers()[1].weights.clone();
            let expected = if rows <= cols {
                reference(&gradient[at.clone()], rows, cols)
            } else {
                let g = &gradient[at.clone()];
                let lying: Vec<f64> = (0..rows * cols)
                    .map(|i| g[i % rows * cols + i / rows])
                    .collect();
                let o = reference(&lying, cols, rows);
                (0..rows * cols)
                    .map(|i| o[i % cols * rows + i / cols])
                    .collect()
            };
            let shape = math::sqrt((rows as f64 / cols as f64).max(1.0));
            for (i, o) in at.zip(expected) {
                let got = (start[i] - params[i]) / (0.1 * shape);
                assert!((got - o).abs() < 1e-9, "{rows} x {cols}: {got} {o}");
            }
        }
    }

    #[test]
    fn the_rest_is_adams() {
        let layout = Layout::new(&[3, 4, 5, 2]).unwrap();
        let (muon, gradient) = (Muon::new(0.02), noise(layout.len(), 3));
        let mut params = noise(layout.len(), 4);
        let mut by_adam = params.clone();
        let mut state = State::new(&muon, &layout).unwrap();
        let mut adams = State::new(&muon.adam, &layout).unwrap();
        for _ in 0..3 {
            // A schedule at half the rate halves both.
            state.update(&muon, 0.01, &mut params, &gradient).unwrap();
            adams
                .update(&muon.adam, 5e-3, &mut by_adam, &gradient)
                .unwrap();
        }
        let matrix = layout.layers()[1].weights.clone();
        for i in 0..layout.len() {
            assert_eq!(
                params[i] == by_adam[i],
                !matrix.contains(&i),
                "parameter {i}"
            );
        }
        // Two layers have no hidden matrix.
        let shallow = Layout::new(&[3, 4, 2]).unwrap();
        assert_eq!(
            Optimizer::<f64>::state_len(&muon, &shallow),
            Optimizer::<f64>::state_len(&muon.adam, &shallow)
        );
    }

    #[test]
    fn a_gradient_that_vanishes_leaves_no_subnormal_numbers() {
        let layout = Layout::new(&[3, 8, 8, 2]).unwrap();
        let muon = Muon::new(0.02);
        let mut params: Vec<f32> = vec![0.5; layout.len()];
        let mut state = State::new(&muon, &layout).unwrap();
        let mut gradient: Vec<f32> = noise(layout.len(), 1).iter().map(|&x| x as f32).collect();
        for _ in 0..3000 {
            state.update(&muon, 0.02, &mut params, &gradient).unwrap();
            gradient.fill(0.0);
        }
        let is_subnormal = |x: &f32| x.is_subnormal();
        assert!(!state.values.iter().any(is_subnormal));
        assert!(params.iter().all(|p| p.is_finite()));
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for bad in [
            Muon::new(0.0),
            Muon {
                momentum: 1.0,
                ..Muon::default()
            },
            Muon {
                weight_decay: -1.0,
                ..Muon::default()
            },
            Muon {
                newton_schulz: 0,
                ..Muon::default()
            },
            Muon {
                newton_schulz: 101,
                ..Muon::default()
            },
            Muon {
                newton_schulz: usize::MAX,
                ..Muon::default()
            },
            Muon {
                adam: Adam::new(f64::NAN),
                ..Muon::default()
            },
        ] {
            assert!(Optimizer::<f64>::check(&bad).is_err(), "{bad:?}");
        }
    }
}
