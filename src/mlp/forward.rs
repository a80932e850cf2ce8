//! The forward product of a layer, with the activation as its epilogue.

use super::Mlp;
use super::packed::PackedLayer;
use crate::activation::Activation;
use crate::float::Float;
use crate::gemm::{Epilogue, MatRef, Product, Store};

/// Destination of a forward product's pre-activations.
pub(super) enum PreActivations<'a, T> {
    /// A scratch strip, which the next strip overwrites.
    Strip(&'a mut [T]),
    /// A buffer for all rows, for derivatives that need pre-activations.
    All(&'a mut [T]),
}

/// Computes y = f(x W^T + b) for `samples` rows of x. The row stride of x is `x_row`, and that of y
/// is `layer.y_stride`.
pub(super) fn forward<T: Float>(
    layer: &PackedLayer<T>,
    activation: &dyn Activation<T>,
    x: &[T],
    x_row: usize,
    samples: usize,
    z: PreActivations<'_, T>,
    y: &mut [T],
) {
    let x = MatRef::row_major(x, samples, layer.inputs, x_row);
    let product = Product::new(x, &layer.transposed, layer.z_stride, layer.rows);
    let product = product.bias(&layer.bias);
    if let (Some(low), PreActivations::Strip(_)) = (layer.lower_clamp, &z) {
        return product.at_least(low).run(&mut Store(y, layer.y_stride));
    }
    product.run(&mut Activate {
        layer,
        activation,
        z,
        y,
    });
}

/// Applies the activation to each strip while it is in the cache.
struct Activate<'a, T> {
    layer: &'a PackedLayer<T>,
    activation: &'a dyn Activation<T>,
    z: PreActivations<'a, T>,
    y: &'a mut [T],
}

impl<T: Float> Epilogue<T> for Activate<'_, T> {
    fn destination(&mut self, first: usize, rows: usize) -> (&mut [T], usize) {
        let stride = self.layer.z_stride;
        let len = rows * stride;
        match &mut self.z {
            PreActivations::Strip(strip) => (&mut strip[..len], stride),
            PreActivations::All(z) => (&mut z[first * stride..][..len], stride),
        }
    }

    fn finish(&mut self, first: usize, rows: usize) {
        let layer = self.layer;
        let len = rows * layer.z_stride;
        let z = match &self.z {
            PreActivations::Strip(strip) => &strip[..len],
            PreActivations::All(z) => &z[first * layer.z_stride..][..len],
        };
        let y = &mut self.y[first * layer.y_stride..][..rows * layer.y_stride];
        layer.apply(self.activation, z, y);
    }
}

/// Returns `true` if the backward pass needs pre-activations. An activation of several pieces or
/// with an α always needs them, because y does not determine them.
pub(super) fn keeps_z<T: Float>(net: &Mlp<T>, layer: usize) -> bool {
    let at = &net.layout().layers()[layer];
    let needed = net.activations()[layer].needs_pre_activation();
    needed || at.pieces > 1 || !at.alpha.is_empty()
}
