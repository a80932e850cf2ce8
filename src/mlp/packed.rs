//! A network's weights in the form that the kernel reads: padded, aligned, in both orientations.

use alloc::vec::Vec;
use core::ops::Range;

use super::Mlp;
use crate::activation::{Activation, mix};
use crate::error::Result;
use crate::float::{Float, check_finite, instantiate};
use crate::gemm::{Buffer, padded, transpose};
use crate::parallel::Threads;
use crate::simd;

/// Packed parameters of one layer.
#[derive(Clone, Debug)]
pub(super) struct PackedLayer<T> {
    /// W^T `[inputs x rows]` with row stride `z_stride`: B of the forward product.
    pub(super) transposed: Buffer<T>,
    /// W `[rows x inputs]` with row stride `in_stride`: B of the product that computes the gradient
    /// of the layer's inputs. Empty as long as no pass needed it.
    pub(super) plain: Buffer<T>,
    /// The bias, padded like a row of W^T.
    pub(super) bias: Buffer<T>,
    /// The numbers α of a parametric activation, padded like the bias. Empty for other activations.
    pub(super) alpha: Buffer<T>,
    pub(super) is_parametric: bool,
    /// `true` if the activation takes one piece and is not parametric.
    is_plain: bool,
    /// [`Activation::lower_clamp`]. `None` if the activation takes several pieces or is parametric.
    pub(super) lower_clamp: Option<T>,
    pub(super) index: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Number of rows of W, and thus of pre-activations per sample. With one piece it equals
    /// `outputs`.
    pub(super) rows: usize,
    pub(super) in_stride: usize,
    pub(super) z_stride: usize,
    pub(super) y_stride: usize,
}

impl<T: Float> PackedLayer<T> {
    /// Computes y = f(z) for whole rows of both.
    #[inline]
    pub(super) fn apply(&self, activation: &dyn Activation<T>, z: &[T], y: &mut [T]) {
        if self.is_plain {
            return activation.apply(z, y); // includes the padding
        }
        self.apply_other(activation, z, y);
    }

    /// Computes y for an activation of several pieces or with an α.
    // A function of its own, so that `apply` is inlined.
    #[inline(never)]
    fn apply_other(&self, activation: &dyn Activation<T>, z: &[T], y: &mut [T]) {
        if self.is_parametric {
            return self.apply_parametric(activation, z, y);
        }
        let rows = z.chunks_exact(self.z_stride);
        for (z, y) in rows.zip(y.chunks_exact_mut(self.y_stride)) {
            activation.apply(&z[..self.rows], &mut y[..self.outputs]);
        }
    }

    /// Computes y = z + α·(f(z) - z) for whole rows of both, or for the outputs of one row.
    #[cold]
    pub(super) fn apply_parametric(&self, activation: &dyn Activation<T>, z: &[T], y: &mut [T]) {
        activation.apply(z, y);
        mix(&self.alpha[..self.z_stride.min(z.len())], z, y);
    }

    /// Computes dz = dy · f'(z) for whole rows of all.
    pub(super) fn backprop(
        &self,
        activation: &dyn Activation<T>,
        (z, y): (&[T], &[T]),
        dy: &[T],
        dz: &mut [T],
    ) {
        if self.rows == self.outputs {
            return activation.backprop(z, y, dy, dz);
        }
        let (rows, outputs) = (self.rows, self.outputs);
        let z = z.chunks_exact(self.z_stride);
        let dz = dz.chunks_exact_mut(self.z_stride);
        let y = y.chunks_exact(self.y_stride);
        let dy = dy.chunks_exact(self.y_stride);
        for ((z, dz), (y, dy)) in z.zip(dz).zip(y.zip(dy)) {
            activation.backprop(&z[..rows], &y[..outputs], &dy[..outputs], &mut dz[..rows]);
        }
    }
}

/// Packed parameters of all layers.
#[derive(Clone, Debug)]
pub(super) struct Packed<T> {
    pub(super) layers: Vec<PackedLayer<T>>,
}

impl<T: Float> Packed<T> {
    /// Allocates the copies of the forward pass.
    pub(super) fn new(net: &Mlp<T>) -> Self {
        let layers = net.layout.layers().iter().enumerate().map(|(index, at)| {
            let (in_stride, z_stride) = (padded::<T>(at.inputs), padded::<T>(at.rows()));
            let lower_clamp = net.activations[index].lower_clamp();
            let is_plain = at.pieces == 1 && at.alpha.is_empty();
            PackedLayer {
                transposed: Buffer::zeros(at.inputs * z_stride),
                plain: Buffer::zeros(0),
                bias: Buffer::zeros(z_stride),
                alpha: Buffer::zeros(if at.alpha.is_empty() { 0 } else { z_stride }),
                is_parametric: !at.alpha.is_empty(),
                is_plain,
                lower_clamp: lower_clamp.filter(|_| is_plain),
                index,
                inputs: at.inputs,
                outputs: at.outputs,
                rows: at.rows(),
                in_stride,
                z_stride,
                y_stride: padded::<T>(at.outputs),
            }
        });
        let layers = layers.collect();
        Self { layers }
    }

    /// Copies the network's current parameters. A forward pass needs only W^T. A backward pass also
    /// needs W, of all layers from `backward` on.
    pub(super) fn refresh(
        &mut self,
        net: &Mlp<T>,
        threads: &Threads,
        backward: Option<usize>,
    ) -> Result<()> {
        simd::check()?;
        check_finite("parameters", &net.params)?;
        let one = Threads::one();
        let threads = if net.params.len() > BLOCK {
            threads
        } else {
            &one
        };
        let first = backward.unwrap_or(self.layers.len());
        for layer in &mut self.layers[first..] {
            layer
                .plain
                .reserve("packed weights", layer.rows, layer.in_stride)?;
        }
        threads.for_each(&mut self.layers, &|layer| {
            let (weights, bias, alpha) = net.layout.layers()[layer.index].split(&net.params);
            layer.bias[..bias.len()].copy_from_slice(bias);
            layer.alpha[..alpha.len()].copy_from_slice(alpha);
            let plain = (layer.index >= first).then_some(&mut layer.plain[..]);
            let copies = Copies {
                weights,
                inputs: layer.inputs,
                columns: 0..layer.inputs,
                transposed: &mut layer.transposed,
                z_stride: layer.z_stride,
                plain: plain.unwrap_or_default(),
                in_stride: layer.in_stride,
            };
            threads.divide(copies, &Copies::split, &copy);
        });
        Ok(())
    }
}

/// Both copies of a layer's weights, or parts of them.
struct Copies<'a, T> {
    weights: &'a [T],
    inputs: usize,
    /// Columns of W that these rows of W^T hold.
    columns: Range<usize>,
    transposed: &'a mut [T],
    z_stride: usize,
    /// Empty if W is not copied.
    plain: &'a mut [T],
    in_stride: usize,
}

/// Number of weights that one thread copies at a time.
const BLOCK: usize = 1 << 14;

impl<T> Copies<'_, T> {
    /// Splits the columns in halves, unless there are few weights. The first half copies W.
    fn split(self) -> (Self, Option<Self>) {
        let columns = self.columns.len();
        if columns * self.z_stride <= BLOCK || columns < 2 {
            return (self, None);
        }
        let middle = self.columns.start + columns / 2;
        let (left, right) = self.transposed.split_at_mut(columns / 2 * self.z_stride);
        let first = Copies {
            columns: self.columns.start..middle,
            transposed: left,
            ..self
        };
        let second = Copies {
            columns: middle..self.columns.end,
            transposed: right,
            plain: &mut [],
            ..first
        };
        (first, Some(second))
    }
}

instantiate! {
    fn copy<T>(copies: Copies<'_, T>) {
        let Copies { weights, inputs, columns, transposed, z_stride, plain, in_stride } = copies;
        transpose(&weights[columns.start..], inputs, columns.len(), transposed, z_stride);
        for (to, from) in plain.chunks_exact_mut(in_stride).zip(weights.chunks_exact(inputs)) {
            to[..inputs].copy_from_slice(from);
        }
    }
}
