//! A network's weights as the kernel wants them: padded, aligned, in both orientations.

use super::Mlp;
use crate::error::{Error, Result};
use crate::float::{Float, compiled};
use crate::gemm::{Buffer, padded, transpose};
use crate::parallel::Threads;

/// One layer's copies.
#[derive(Clone, Debug)]
pub(super) struct PackedLayer<T> {
    /// W^T `[inputs x outputs]`, rows `out_stride` apart: B of the forward product.
    pub(super) transposed: Buffer<T>,
    /// W `[outputs x inputs]`, rows `in_stride` apart: B of the product that carries the
    /// gradient back. Empty for a network that only predicts.
    pub(super) plain: Buffer<T>,
    /// The bias, padded like a row of W^T.
    pub(super) bias: Buffer<T>,
    index: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) in_stride: usize,
    pub(super) out_stride: usize,
}

/// All layers' copies.
#[derive(Clone, Debug)]
pub(super) struct Packed<T> {
    pub(super) layers: Vec<PackedLayer<T>>,
}

impl<T: Float> Packed<T> {
    /// Room for the copies; `backward` asks for those of the backward pass too.
    pub(super) fn new(net: &Mlp<T>, backward: bool) -> Self {
        let layers = net.layout.layers().iter().enumerate().map(|(index, at)| {
            let (in_stride, out_stride) = (padded::<T>(at.inputs), padded::<T>(at.outputs));
            PackedLayer {
                transposed: Buffer::zeros(at.inputs * out_stride),
                plain: Buffer::zeros(if backward { at.outputs * in_stride } else { 0 }),
                bias: Buffer::zeros(out_stride),
                index,
                inputs: at.inputs,
                outputs: at.outputs,
                in_stride,
                out_stride,
            }
        });
        Self {
            layers: layers.collect(),
        }
    }

    /// Copies the network's parameters as they are now.
    pub(super) fn refresh(&mut self, net: &Mlp<T>, threads: &Threads) -> Result<()> {
        check_finite("parameters", &net.params)?;
        threads.for_each(&mut self.layers, &|packed| {
            let at = &net.layout.layers()[packed.index];
            pack(
                packed,
                &net.params[at.weights.clone()],
                &net.params[at.bias.clone()],
            );
        });
        Ok(())
    }
}

compiled! {
    /// Copies one layer's parameters.
    fn pack<T>(packed: &mut PackedLayer<T>, weights: &[T], bias: &[T]) {
        transpose(weights, packed.inputs, packed.inputs, &mut packed.transposed, packed.out_stride);
        if !packed.plain.is_empty() {
            let rows = packed.plain.chunks_exact_mut(packed.in_stride);
            for (to, from) in rows.zip(weights.chunks_exact(packed.inputs)) {
                to[..packed.inputs].copy_from_slice(from);
            }
        }
        packed.bias[..packed.outputs].copy_from_slice(bias);
    }
}

compiled! {
    /// Checks that all values are finite.
    pub(crate) fn check_finite<T>(what: &'static str, values: &[T]) -> Result<()> {
        // Whole blocks are looked at without a branch.
        const BLOCK: usize = 256;
        for (block, values) in values.chunks(BLOCK).enumerate() {
            if !values.iter().fold(true, |ok, &x| ok & (x.abs() <= T::max_value())) {
                let at = values.iter().position(|x| !x.is_finite()).unwrap_or(0);
                let (index, value) = (block * BLOCK + at, values[at].wide());
                return Err(Error::NotFinite { what, index, value });
            }
        }
        Ok(())
    }
}
