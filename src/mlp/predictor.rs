//! Prediction that does not allocate.

use alloc::vec::Vec;
use core::borrow::{Borrow, BorrowMut};

use super::Mlp;
use super::forward::{PreActivations, forward};
use super::in_place::predict_in_place;
use super::packed::Packed;
use super::prediction::{BLOCK, Prediction, Scratch};
use super::single::predict_one;
use crate::error::{Error, Result, check_length, check_rows};
use crate::float::{Float, check_finite, check_finite_rows, instantiate};
use crate::parallel::Threads;

/// Predictor: a network with packed weights and scratch space, which predicts without allocation.
///
/// It borrows the network, owns it, or holds it in an `Arc` (`&Mlp<T>`, `Mlp<T>`, `Arc<Mlp<T>>`),
/// so that its packed weights always match the network's. Only its construction allocates.
///
/// ```
/// use std::sync::Arc;
/// use feedforward::{Mlp, Predictor, activation::{Relu, Identity}};
///
/// let net = Arc::new(Mlp::<f32>::builder(3).hidden(8, Relu).output(2, Identity).build()?);
/// let mut predictor = Predictor::new(Arc::clone(&net))?;
/// let mut output = [0.0; 2];
/// predictor.predict_into(&[0.1, 0.2, 0.3], &mut output)?;
/// assert_eq!(output.to_vec(), net.predict(&[0.1, 0.2, 0.3])?);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Predictor<T, M: Borrow<Mlp<T>> = Mlp<T>> {
    net: M,
    packed: Packed<T>,
    scratch: Scratch<T>,
}

impl<T: Float, M: Borrow<Mlp<T>>> Predictor<T, M> {
    /// Creates a predictor, and packs the network's weights.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) if a parameter is not finite.
    pub fn new(net: M) -> Result<Self> {
        let mut packed = Packed::new(net.borrow());
        packed.refresh(net.borrow(), &Threads::one(), None)?;
        let scratch = Scratch::new(net.borrow());
        Ok(Self {
            net,
            packed,
            scratch,
        })
    }

    /// Returns the network.
    pub fn network(&self) -> &Mlp<T> {
        self.net.borrow()
    }

    /// Writes the outputs for one or more samples. `inputs` is row-major `[samples x inputs]`, and
    /// `outputs` is `[samples x outputs]`.
    ///
    /// # Errors
    /// - [`Error::Rows`](crate::Error::Rows) unless `inputs` holds one or more whole samples.
    /// - [`Error::Length`](crate::Error::Length) unless `outputs` has the length of their outputs.
    /// - [`Error::NotFinite`](crate::Error::NotFinite) if an input is not finite.
    /// - [`Error::Overflow`](crate::Error::Overflow) if an output is not finite, as
    ///   [`Mlp::predict`] explains. The values in `outputs` then have no meaning.
    pub fn predict_into(&mut self, inputs: &[T], outputs: &mut [T]) -> Result<()> {
        predict_into(&mut Prediction {
            net: self.net.borrow(),
            packed: &self.packed,
            scratch: &mut self.scratch,
            inputs,
            outputs,
        })
    }
}

impl<T: Float, M: BorrowMut<Mlp<T>>> Predictor<T, M> {
    /// Takes over all parameters of a network of the same shape, without allocation. A network
    /// that learns while it is in use, as in reinforcement learning, needs this after each update.
    /// If it predicts only a sample or two between updates,
    /// `MlpRef::from(&net)` is faster, because an [`MlpRef`](crate::MlpRef) copies nothing.
    ///
    /// ```
    /// use feedforward::{Mlp, Predictor, activation::Identity};
    ///
    /// let mut learning = Mlp::<f32>::builder(1).output(1, Identity).build()?;
    /// let mut predictor = Predictor::new(learning.clone())?;
    /// learning.set_params(&[2.0, 1.0])?;
    /// predictor.refresh(&learning)?;
    /// let mut output = [0.0];
    /// predictor.predict_into(&[3.0], &mut output)?;
    /// assert_eq!(output, [7.0]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the networks are not
    /// [shaped alike](Mlp::is_shaped_like), [`Error::NotFinite`](crate::Error::NotFinite) if a
    /// parameter is not finite. Nothing changes in case of an error.
    pub fn refresh(&mut self, net: &Mlp<T>) -> Result<()> {
        if !self.network().is_shaped_like(net) {
            let (expected, got) = (self.network().shape(), net.shape());
            return Err(Error::shape("network", expected, got));
        }
        self.set_params(net.params())
    }

    /// Replaces all parameters of the network, in the order of [`Mlp::params`], without allocation.
    /// Useful to follow a network that is being trained.
    ///
    /// ```
    /// use feedforward::{Mlp, Predictor, activation::Identity};
    ///
    /// let mut learning = Mlp::<f32>::builder(1).output(1, Identity).build()?;
    /// let mut predictor = Predictor::new(learning.clone())?;
    /// learning.set_params(&[2.0, 1.0])?;
    /// predictor.set_params(learning.params())?;
    /// let mut output = [0.0];
    /// predictor.predict_into(&[3.0], &mut output)?;
    /// assert_eq!(output, [7.0]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) for another number of parameters,
    /// [`Error::NotFinite`](crate::Error::NotFinite) if one is not finite. Nothing changes in case
    /// of an error.
    pub fn set_params(&mut self, params: &[T]) -> Result<()> {
        let net = self.net.borrow_mut();
        check_length("parameters", params, net.params().len())?;
        check_finite("parameters", params)?;
        net.set_params(params)?;
        self.packed.refresh(net, &Threads::one(), None)
    }
}

instantiate! {
    /// Checks shapes and values, and predicts.
    fn predict_into<T>(prediction: &mut Prediction<'_, T>) -> Result<()> {
        // Tests the most frequent case first, without a division.
        let one = prediction.inputs.len() == prediction.net.inputs() && prediction.outputs.len() == prediction.net.outputs();
        if one && predict_one(prediction) {
            return Ok(());
        }
        predict_samples(prediction)
    }
}

/// Checks shapes and values, and predicts block by block.
#[cold]
fn predict_samples<T: Float>(prediction: &mut Prediction<'_, T>) -> Result<()> {
    let (net, inputs) = (prediction.net, prediction.inputs);
    let samples = check_rows("inputs", inputs, net.inputs())?;
    let expected = samples.saturating_mul(net.outputs());
    check_length("outputs", prediction.outputs, expected)?;
    check_finite_rows("inputs", inputs, net.inputs())?;
    predict(prediction);
    check_outputs(net, inputs, prediction.outputs)
}

/// Checks that all outputs are finite.
fn check_outputs<T: Float>(net: &Mlp<T>, inputs: &[T], outputs: &[T]) -> Result<()> {
    check_finite("outputs", outputs).map_err(|error| {
        let index = outputs.iter().position(|y| !y.is_finite()).unwrap_or(0);
        let (width, row) = (net.inputs(), index / net.outputs());
        overflow(net, &inputs[row * width..][..width]).unwrap_or(error)
    })
}

/// Returns an error for the encoding, or for the first layer, with an output that is not finite for
/// this sample. It evaluates neuron by neuron.
#[cold]
pub(super) fn overflow<T: Float>(net: &Mlp<T>, sample: &[T]) -> Option<Error> {
    let mut values = match net.encoding() {
        None => sample.to_vec(),
        Some(encoding) => {
            let mut values = alloc::vec![T::zero(); encoding.outputs()];
            encoding.encode_sample(net.encoding_params(), sample, &mut values);
            if let Some(value) = values.iter().find(|x| !x.is_finite()) {
                let (what, layer, value) = ("encoded input", 0, value.as_f64());
                return Some(Error::Overflow { what, layer, value });
            }
            values
        }
    };
    for (layer, view) in net.layers().enumerate() {
        let outputs = view.neurons().map(|neuron| neuron.output(&values));
        values = outputs.collect::<Result<Vec<_>>>().ok()?;
        if let Some(value) = values.iter().find(|y| !y.is_finite()) {
            let (what, value) = ("output", value.as_f64());
            return Some(Error::Overflow { what, layer, value });
        }
    }
    None
}

/// Minimum of samples · parameters of the layers for which several threads are faster than one. A
/// sample reads few of an encoding's parameters.
const PARALLEL_WORK: usize = 1 << 23;

/// Predicts whole samples, on all cores if the work is large.
pub(super) fn predict_all<T: Float>(net: &Mlp<T>, inputs: &[T], outputs: &mut [T]) -> Result<()> {
    let samples = inputs.len() / net.inputs();
    if samples == 1 {
        return predict_in_place(net, inputs, outputs);
    }
    check_finite_rows("inputs", inputs, net.inputs())?;
    let threads = match samples.saturating_mul(net.layout().encoding().start) {
        PARALLEL_WORK.. => Threads::all(),
        _ => Threads::one(),
    };
    let mut packed = Packed::new(net);
    packed.refresh(net, &threads, None)?;
    // Each thread gets whole blocks.
    let part = samples.div_ceil(threads.count()).next_multiple_of(BLOCK);
    let (all_inputs, all_outputs) = (inputs, outputs);
    let inputs = all_inputs.chunks(part * net.inputs());
    let outputs = all_outputs.chunks_mut(part * net.outputs());
    let parts = inputs.zip(outputs);
    let mut parts: Vec<_> = parts.map(|(x, y)| (x, y, Scratch::new(net))).collect();
    threads.for_each(&mut parts, &|(inputs, outputs, scratch)| {
        predict(&mut Prediction {
            net,
            packed: &packed,
            scratch,
            inputs,
            outputs,
        });
    });
    check_outputs(net, all_inputs, all_outputs)
}

instantiate! {
    /// Predicts all samples, block by block, through all layers.
    fn predict<T>(prediction: &mut Prediction<'_, T>) {
        let Prediction { net, packed, scratch, inputs, outputs } = prediction;
        let blocks = inputs.chunks(BLOCK * net.inputs());
        for (inputs, outputs) in blocks.zip(outputs.chunks_mut(BLOCK * net.outputs())) {
            let samples = inputs.len() / net.inputs();
            let mut x = (inputs, net.inputs());
            if let Some(encoding) = net.encoding() {
                let stride = packed.layers[0].in_stride;
                let encoded = &mut scratch.encoded[..samples * stride];
                encoding.encode_samples(net.encoding_params(), inputs, encoded, stride);
                x = (encoded, stride);
            }
            let [mut from, mut to] = scratch.rows.each_mut();
            for (index, layer) in packed.layers.iter().enumerate() {
                let (x, x_row) = match index {
                    0 => x,
                    _ => (&from[..], layer.in_stride),
                };
                let activation = &*net.activations()[index];
                let z = PreActivations::Strip(&mut scratch.strip);
                forward(layer, activation, x, x_row, samples, z, to);
                core::mem::swap(&mut from, &mut to);
            }
            let stride = packed.layers[net.depth() - 1].y_stride;
            let rows = from.chunks_exact(stride);
            for (to, from) in outputs.chunks_exact_mut(net.outputs()).zip(rows) {
                to.copy_from_slice(&from[..net.outputs()]);
            }
        }
    }
}
