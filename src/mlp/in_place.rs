//! Prediction on a network's parameters in place.

use super::Mlp;
use crate::error::Result;
use crate::float::{Float, check_finite};
use crate::memory;
use crate::mlp_ref::{MlpRef, Shape};

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
        let shape = Shape::of_network(net.inputs, net.encoding.as_deref(), layers);
        Self::of_network(shape, &net.params)
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

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::activation::{Glu, Parametric, Tanh};
    use crate::encoding::{Positional, Scaled};

    #[test]
    fn a_view_has_all_parts_of_the_network() {
        let scaled = Scaled::new(Positional::new(2, 3).unwrap()).unwrap();
        let builder = || {
            Mlp::<f64>::builder(2)
                .hidden(5, Parametric(Tanh))
                .output(3, Glu)
        };
        for net in [builder().build(), builder().encoding(scaled).build()] {
            let mut net = net.unwrap();
            let (specs, view) = (net.layer_specs(), MlpRef::from(&net));
            let given = match net.encoding() {
                None => MlpRef::new(2, &specs, net.params()),
                Some(encoding) => MlpRef::with_encoding(encoding, &specs, net.params()),
            }
            .unwrap();
            assert_eq!((view.inputs(), view.outputs()), (2, 3));
            assert_eq!(view.scratch_len(), given.scratch_len());
            assert_eq!(view.params(), net.params());
            let parts = |view: &MlpRef<'_, f64>| {
                let layers = view.layers();
                let parts = layers.map(|l| (l.outputs(), l.pieces(), l.activation().name()));
                parts.collect::<alloc::vec::Vec<_>>()
            };
            assert_eq!(parts(&view), parts(&given));
            let (mut outputs, mut scratch) = ([0.0; 6], vec![0.0; view.scratch_len()]);
            let inputs = [0.5, -0.25, 0.125, 1.0];
            view.predict_into(&inputs, &mut outputs, &mut scratch)
                .unwrap();
            assert_eq!(outputs.to_vec(), net.predict(&inputs).unwrap());
            net.params_mut()[0] = f64::NAN;
            let predicted = MlpRef::from(&net).predict_into(&inputs, &mut outputs, &mut scratch);
            assert!(predicted.is_err());
            assert!(net.predict(&inputs[..2]).is_err());
        }
    }
}
