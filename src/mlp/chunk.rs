//! Rows of a minibatch that are summed together, and the buffers of their passes.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::Mlp;
use super::backward::is_narrow;
use super::forward::keeps_z;
use super::packed::Packed;
use crate::error::Result;
use crate::float::Float;
use crate::gemm::{Buffer, MC, padded, strip_rows};
use crate::memory;

mod passes;

pub(super) use passes::{Derivatives, compute, compute_each, compute_loss, jacobian};

/// Workspace for some rows of a minibatch, and their part of the gradient.
#[derive(Clone, Debug)]
pub(super) struct Chunk<T> {
    /// The rows' inputs before the encoding, row-major without gaps. Empty without encoding.
    pub(super) raw: Vec<T>,
    /// The rows' inputs of the first layer.
    x: Buffer<T>,
    /// Outputs of each layer.
    y: Vec<Buffer<T>>,
    /// Outputs of each layer after dropout. Empty without dropout.
    dropped: Vec<Buffer<T>>,
    /// Pre-activations of the layers whose derivative needs them. Empty for the others.
    z: Vec<Buffer<T>>,
    /// Gradients with respect to the pre-activations of one layer and of the layer below.
    dz: [Buffer<T>; 2],
    /// dL/dy of one strip in hidden layers, and of all rows in the output layer.
    dy: Buffer<T>,
    /// Transposed gradient of a weight matrix.
    dw: Buffer<T>,
    /// f(z) of one strip of a parametric activation f.
    f: Buffer<T>,
    /// The rows' targets, row-major without gaps.
    targets: Vec<T>,
    /// Sum of the gradients over the rows, laid out like the parameters.
    pub(super) gradient: Vec<T>,
    /// dL/dx of the first layer behind an encoding, row-major without gaps. Empty if not needed.
    pub(super) encoded_gradient: Vec<T>,
    /// dL/dx, row-major without gaps. Empty unless enabled.
    pub(super) input_gradient: Vec<T>,
    /// Samples of the minibatch that belong to this chunk.
    range: Range<usize>,
    /// Loss of each row.
    losses: Vec<T>,
    /// Rows, dropout and dL/dx that the buffers have the sizes for.
    assigned: (usize, bool, bool),
    /// Weighted sum of the rows' losses.
    pub(super) loss: f64,
    /// `false` if a row's gradient by weights or biases may hold a number that is not finite.
    is_bounded: bool,
}

/// Name of a chunk's buffers in errors.
const BUFFERS: &str = "buffers of a minibatch";

/// Changes the length to that of rows of this width.
fn resize<T: Float>(values: &mut Vec<T>, rows: usize, width: usize) -> Result<()> {
    let len = memory::product(BUFFERS, &[rows, width])?;
    memory::resize(BUFFERS, values, T::zero(), len)
}

impl<T: Float> Chunk<T> {
    /// Creates an empty chunk, which cannot hold a gradient yet.
    pub(super) fn new(net: &Mlp<T>) -> Self {
        let empty = || vec![Buffer::zeros(0); net.depth()];
        Self {
            raw: Vec::new(),
            x: Buffer::zeros(0),
            y: empty(),
            dropped: empty(),
            z: empty(),
            dz: [(); 2].map(|()| Buffer::zeros(0)),
            dy: Buffer::zeros(0),
            dw: Buffer::zeros(0),
            f: Buffer::zeros(0),
            targets: Vec::new(),
            gradient: Vec::new(),
            encoded_gradient: Vec::new(),
            input_gradient: Vec::new(),
            range: 0..0,
            losses: Vec::new(),
            assigned: (0, false, false),
            loss: 0.0,
            is_bounded: true,
        }
    }

    /// Assigns samples of the next minibatch, and allocates buffers for them. Later passes over as
    /// many samples or fewer do not allocate.
    ///
    /// # Errors
    /// [`Error::TooLarge`](crate::Error::TooLarge) if there is no memory for them.
    pub(super) fn assign(
        &mut self,
        net: &Mlp<T>,
        range: Range<usize>,
        drops: bool,
        input_gradient: bool,
    ) -> Result<()> {
        let (layers, rows) = (net.layout().layers(), range.len());
        self.range = range;
        // Networks of one shape may have different activations.
        for (index, at) in layers.iter().enumerate() {
            if keeps_z(net, index) {
                self.z[index].reserve(BUFFERS, rows, padded::<T>(at.rows()))?;
            }
        }
        let assigned = (rows, drops, input_gradient);
        if self.assigned == assigned {
            return Ok(());
        }
        self.assigned = (0, false, false); // in case of an error
        let width = layers[0].inputs;
        self.x.reserve(BUFFERS, rows, padded::<T>(width))?;
        let mut widest = padded::<T>(width);
        for (index, at) in layers.iter().enumerate() {
            let stride = padded::<T>(at.rows());
            widest = widest.max(stride);
            self.dy
                .reserve(BUFFERS, strip_rows::<T>(at.rows()), stride)?;
            let y_stride = padded::<T>(at.outputs);
            self.y[index].reserve(BUFFERS, rows, y_stride)?;
            if drops {
                self.dropped[index].reserve(BUFFERS, rows, y_stride)?;
            }
            if !at.alpha.is_empty() {
                self.f.reserve(BUFFERS, MC, stride)?;
            }
            if is_narrow::<T>(at.inputs, at.rows()) {
                self.dw.reserve(BUFFERS, at.inputs, stride)?;
            }
        }
        for dz in &mut self.dz {
            dz.reserve(BUFFERS, rows, widest)?;
        }
        resize(&mut self.targets, rows, net.outputs())?;
        resize(&mut self.losses, rows, 1)?;
        self.dy.reserve(BUFFERS, rows, padded::<T>(net.outputs()))?;
        let derivatives = if input_gradient { net.inputs() } else { 0 };
        resize(&mut self.input_gradient, rows, derivatives)?;
        if net.encoding().is_some() {
            resize(&mut self.raw, rows, net.inputs())?;
            let is_needed = input_gradient || !net.layout().encoding().is_empty();
            let width = if is_needed { width } else { 0 };
            resize(&mut self.encoded_gradient, rows, width)?;
        }
        self.assigned = assigned;
        Ok(())
    }

    /// Ensures that the sum of the gradients has this length. Its values have no meaning then.
    pub(super) fn reserve_gradient(&mut self, len: usize) -> Result<()> {
        memory::resize("gradient of a chunk", &mut self.gradient, T::zero(), len)
    }

    /// Returns the inputs of the first layer, including the padding.
    pub(super) fn inputs(&self, packed: &Packed<T>) -> &[T] {
        &self.x[..self.range.len() * packed.layers[0].in_stride]
    }

    /// Returns the outputs of a layer, including the padding.
    pub(super) fn outputs_of(&self, packed: &Packed<T>, layer: usize) -> &[T] {
        &self.y[layer][..self.range.len() * packed.layers[layer].y_stride]
    }

    /// Returns the outputs of the last layer, sample by sample.
    pub(super) fn outputs(&self, net: &Mlp<T>) -> impl Iterator<Item = &[T]> {
        let rows = self.y[net.depth() - 1].chunks_exact(padded::<T>(net.outputs()));
        rows.take(self.range.len())
            .map(move |row| &row[..net.outputs()])
    }
}
