//! Rounding of weights so that their errors cancel each other on calibration samples.

use alloc::vec::Vec;

use super::range::round;
use crate::blas1::{add_scaled, dot};
use crate::error::Result;
use crate::linalg::Cholesky;
use crate::memory;
use crate::parallel::Threads;

/// Number of samples that are added together.
const BLOCK: usize = 256;

/// Number of inputs up to which pairs of weights change together.
const FEW: usize = 64;

/// Number of scales that are tried for a row of few weights, and for other ones.
const TRIALS: [u32; 2] = [40, 10];

/// Damping, relative to the mean variance of inputs, for as many samples as inputs. It falls with
/// the cube of the number of samples.
const DAMPING: f64 = 1e-2;

/// Number of samples for each input from which weights also repair errors of the layers before.
const FIT_SAMPLES: f64 = 4.0;

/// A layer on the calibration samples.
struct Calibration<'a> {
    /// Integer inputs, row-major `[samples x inputs]`.
    x: &'a [i16],
    /// Pre-activations of the f32 network, row-major `[samples x outputs]`.
    z: &'a [f32],
    inputs: usize,
    outputs: usize,
    /// Zero points of inputs and biases of the f32 network if biases remain, or else means count.
    fixed: Option<(&'a [f64], &'a [f32])>,
}

/// Mean products of a layer's inputs on the calibration samples.
pub(super) struct Moments<'a> {
    at: Calibration<'a>,
    /// H, with inputs in order.
    matrix: Vec<f64>,
    factor: Cholesky,
    /// Inputs with the least variance first.
    order: Vec<usize>,
    damping: f64,
    /// Means or zero points of inputs.
    anchors: Vec<f64>,
    samples: f64,
}

impl<'a> Moments<'a> {
    /// Adds up products of integer inputs, row-major `[samples x inputs]`, for pre-activations of
    /// the f32 network, row-major `[samples x outputs]`.
    ///
    /// `fixed` has the zero points of inputs and the biases. Without it, biases are free.
    pub(super) fn new(
        (x, inputs): (&'a [i16], usize),
        (z, outputs): (&'a [f32], usize),
        fixed: Option<(&'a [f64], &'a [f32])>,
    ) -> Result<Option<Self>> {
        let at = Calibration {
            x,
            z,
            inputs,
            outputs,
            fixed,
        };
        let n = inputs;
        let what = "moments of a layer";
        let samples = (at.x.len() / n) as f64;
        let block = memory::product(what, &[BLOCK.min(at.x.len() / n), n])?;
        let mut block = memory::filled(what, 0.0, block)?;
        let mut anchors = memory::filled(what, 0.0, n)?;
        match at.fixed {
            Some((zero_points, _)) => anchors.copy_from_slice(zero_points),
            None => {
                for row in at.x.chunks_exact(n) {
                    for (mean, &x) in anchors.iter_mut().zip(row) {
                        *mean += f64::from(x) / samples;
                    }
                }
            }
        }
        let mut sums = Cholesky::new(n)?;
        let root = crate::math::sqrt(samples);
        for rows in at.x.chunks(BLOCK * n) {
            let block = &mut block[..rows.len()];
            let anchors = anchors.iter().cycle();
            for ((to, &x), anchor) in block.iter_mut().zip(rows).zip(anchors) {
                *to = (f64::from(x) - anchor) / root;
            }
            sums.add_products(block, rows.len() / n, (1, n), &Threads::one())?;
        }
        let stride = sums.stride();
        let sum = |i: usize, j: usize| sums.matrix()[i.max(j) * stride + i.min(j)];
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&i, &j| sum(i, i).total_cmp(&sum(j, j)));
        let trace: f64 = (0..n).map(|i| sum(i, i)).sum();
        let ratio = n as f64 / samples;
        let relative = (DAMPING * ratio * ratio * ratio).clamp(1e-6, 1.0);
        // Inputs that are all constant get the identity.
        let damping = (relative * trace / n as f64).max(1e-6);
        let mut matrix = memory::filled(what, 0.0, memory::product(what, &[n, n])?)?;
        for (row, &i) in matrix.chunks_exact_mut(n).zip(&order) {
            for (to, &j) in row.iter_mut().zip(&order) {
                *to = sum(i, j) + if i == j { damping } else { 0.0 };
            }
        }
        let mut factor = sums;
        let rows = factor.matrix_mut().chunks_mut(stride);
        for (to, row) in rows.zip(matrix.chunks_exact(n)) {
            to[..n].copy_from_slice(row);
        }
        if !factor.factor() {
            return Ok(None);
        }
        Ok(Some(Self {
            at,
            matrix,
            factor,
            order,
            damping,
            anchors,
            samples,
        }))
    }

    /// Writes the integers of a row of numbers. Returns their scale, which is at least `smallest`.
    pub(super) fn round(
        &self,
        (row, numbers): (usize, &[f64]),
        (smallest, largest): (f64, f64),
        to: &mut [i8],
    ) -> f64 {
        let (at, samples) = (&self.at, self.samples);
        let n = at.inputs;
        let z = || {
            at.z.iter()
                .skip(row)
                .step_by(at.outputs)
                .map(|&z| f64::from(z))
        };
        let anchor = match at.fixed {
            Some((_, biases)) => f64::from(biases[row]),
            None => z().sum::<f64>() / samples,
        };
        let mut target: Vec<f64> = self.order.iter().map(|&i| numbers[i]).collect();
        if FIT_SAMPLES * n as f64 <= samples {
            let mut cross = alloc::vec![0.0; n];
            for (z, row) in z().zip(at.x.chunks_exact(n)) {
                let u = (z - anchor) / samples;
                for ((to, &x), anchor) in cross.iter_mut().zip(row).zip(&self.anchors) {
                    *to += u * (f64::from(x) - anchor);
                }
            }
            let mut change: Vec<f64> = self.order.iter().map(|&i| cross[i]).collect();
            let rows = self.matrix.chunks_exact(n);
            for ((change, of), w) in change.iter_mut().zip(rows).zip(&target) {
                *change += self.damping * w - dot(of, &target);
            }
            self.factor.solve(&mut change);
            for (w, change) in target.iter_mut().zip(change) {
                *w += change;
            }
        }
        let mut search = Search::new(self, target, largest);
        let scale = search.run(smallest);
        for (&i, q) in self.order.iter().zip(&search.best.1) {
            to[i] = *q as i8;
        }
        scale
    }
}

/// Search of a row's integers q, at the least error (s · q - w*)ᵀ H (s · q - w*).
struct Search<'a> {
    moments: &'a Moments<'a>,
    /// w*, in order.
    target: Vec<f64>,
    /// H w*.
    product: Vec<f64>,
    largest: f64,
    q: Vec<f64>,
    sums: Vec<f64>,
    /// Least error, without that of q = 0, and its integers and scale.
    best: (f64, Vec<f64>, f64),
}

impl<'a> Search<'a> {
    fn new(moments: &'a Moments<'a>, target: Vec<f64>, largest: f64) -> Self {
        let n = target.len();
        let rows = moments.matrix.chunks_exact(n);
        Self {
            moments,
            product: rows.map(|row| dot(row, &target)).collect(),
            target,
            largest,
            q: alloc::vec![0.0; n],
            sums: alloc::vec![0.0; n],
            best: (0.0, alloc::vec![0.0; n], 1.0),
        }
    }

    /// Tries scales around that of the largest weight, and returns the best one.
    fn run(&mut self, smallest: f64) -> f64 {
        let whole = self
            .target
            .iter()
            .fold(0.0, |most: f64, w| most.max(w.abs()))
            / self.largest;
        let n = self.q.len();
        self.best.2 = whole.max(smallest);
        if whole == 0.0 {
            return self.best.2;
        }
        let trials = TRIALS[usize::from(n > FEW)];
        for trial in 0..=trials {
            let factor = 0.5 + 0.7 * f64::from(trial) / f64::from(trials);
            let mut scale = (whole * factor).max(smallest);
            self.nearest(scale);
            scale = self.fit(scale, smallest);
            for _ in 0..4 {
                if n > FEW || !self.descend(scale) {
                    break;
                }
                scale = self.fit(scale, smallest);
            }
        }
        self.best.2
    }

    /// Rounds one weight after the other, and spreads the error of each over the rest.
    fn nearest(&mut self, scale: f64) {
        let n = self.q.len();
        let factor = &self.moments.factor;
        self.sums.fill(0.0);
        for k in (0..n).rev() {
            let row = &factor.matrix()[k * factor.stride()..][..=k];
            let wanted = self.target[k] - self.sums[k] / row[k];
            self.q[k] = round(wanted / scale).clamp(-self.largest, self.largest);
            let error = self.q[k] * scale - self.target[k];
            add_scaled(&mut self.sums[..k], &row[..k], error);
        }
    }

    /// Returns the best scale for the integers, and keeps them if they are the best.
    fn fit(&mut self, scale: f64, smallest: f64) -> f64 {
        let n = self.q.len();
        for (to, row) in self
            .sums
            .iter_mut()
            .zip(self.moments.matrix.chunks_exact(n))
        {
            *to = dot(row, &self.q);
        }
        let square = dot(&self.sums, &self.q);
        let product = dot(&self.product, &self.q);
        let mut fitted = scale;
        if square > 0.0 && product > 0.0 {
            fitted = (product / square).max(smallest);
        }
        let error = fitted * fitted * square - 2.0 * fitted * product;
        if error < self.best.0 {
            self.best.0 = error;
            self.best.1.copy_from_slice(&self.q);
            self.best.2 = fitted;
        }
        fitted
    }

    /// Changes single integers and pairs of them by one while that helps. Returns `false` if
    /// nothing did.
    fn descend(&mut self, scale: f64) -> bool {
        let n = self.q.len();
        let matrix = &self.moments.matrix;
        // Half of the error's gradient.
        for (sum, product) in self.sums.iter_mut().zip(&self.product) {
            *sum = *sum * scale - product;
        }
        let (mut changes, mut unchanged) = (0, 0);
        for i in (0..n).cycle().take(10 * n) {
            let before = changes;
            for j in 0..=i {
                let (row_i, row_j) = (&matrix[i * n..][..n], &matrix[j * n..][..n]);
                let signs = [self.sums[i], self.sums[j]].map(|sum| -sum.signum());
                // The best signs are those of single steps, or one of them the other way.
                for (a, b) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0)] {
                    let (a, mut b) = (a * signs[0], b * signs[1]);
                    if i == j {
                        b = 0.0;
                    }
                    let square = row_i[i] + b * b * row_j[j] + 2.0 * a * b * row_i[j];
                    let change = 2.0 * (a * self.sums[i] + b * self.sums[j]) + scale * square;
                    let is_within = (self.q[i] + a).abs() <= self.largest
                        && (self.q[j] + b).abs() <= self.largest;
                    if change < -1e-9 * scale * square && is_within {
                        self.q[i] += a;
                        self.q[j] += b;
                        add_scaled(&mut self.sums, row_i, a * scale);
                        add_scaled(&mut self.sums, row_j, b * scale);
                        changes += 1;
                        break;
                    }
                }
            }
            unchanged = if changes > before { 0 } else { unchanged + 1 };
            if unchanged == n {
                break;
            }
        }
        changes > 0
    }
}
