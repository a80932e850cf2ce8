//! Prediction on a network's parameters in place.

use super::Mlp;
use crate::error::Result;
use crate::float::{Float, check_finite};
use crate::memory;
use crate::mlp_ref::MlpRef;

/// Views a network, without copies and without allocation.
///
/// A [`Predictor`](crate::Predictor) packs parameters, which takes longer than the prediction of
/// one sample. So a view is faster for a network that changes after every step, as in online and
/// reinforcement learning:
///
/// ```
/// use feedforward::{Mlp, MlpRef, activation::{Identity, Tanh}};
///
/// let mut net = Mlp::<f32>::builder(2).hidden(8, Tanh).output(1, Identity).build()?;
/// let mut scratch = vec![0.0; MlpRef::from(&net).scratch_len()];
/// let mut output = [0.0];
/// for step in 0..10 {
///     MlpRef::from(&net).predict_into(&[0.5, -0.5], &mut output, &mut scratch)?;
///     // Stands for an update.
///     net.params_mut()[step] += 0.01 * (1.0 - output[0]);
/// }
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// It does not check that parameters are finite. One that is not usually makes an output not
/// finite, which is an error of the prediction.
impl<'a, T: Float> From<&'a Mlp<T>> for MlpRef<'a, T> {
    fn from(net: &'a Mlp<T>) -> Self {
        let layers = (net.layout.layers(), &net.activations[..]);
        Self::of_network(net.inputs, net.encoding.as_deref(), layers, &net.params)
    }
}

/// Predicts with the parameters in place, because packing them would take longer than one sample.
pub(super) fn predict_in_place<T: Float>(
    net: &Mlp<T>,
    inputs: &[T],
    outputs: &mut [T],
) -> Result<()> {
    check_finite("parameters", &net.params)?;
    let view = MlpRef::from(net);
    let mut scratch = memory::filled("scratch", T::zero(), view.scratch_len())?;
    view.predict_into(inputs, outputs, &mut scratch)
}
