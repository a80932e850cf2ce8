//! Folding of a scaler into a network.

use alloc::vec::Vec;

use super::Scaler;
use crate::error::{Error, Result, check_length};
use crate::float::{Float, check_finite, instantiate};
use crate::mlp::Mlp;

impl<T: Float> Scaler<T> {
    /// Folds the scaling of inputs into a network, which then takes unscaled inputs.
    ///
    /// The first layer W, b becomes W', b':
    ///
    /// ```text
    /// W' = W / scale, column by column
    /// b' = b - W'·offset
    /// ```
    ///
    /// Both are computed in double precision and rounded once; b' uses the rounded W'. Predictions
    /// then differ from those for scaled inputs only by rounding. The difference grows with
    /// `offset / scale`, because W'·x and b' nearly cancel if a column lies far from zero relative
    /// to its spread.
    ///
    /// # Errors
    /// - [`Error::Length`] unless there is a column for each input.
    /// - [`Error::Incompatible`] if the network has an encoding.
    /// - [`Error::NotFinite`] if a parameter of the network is not finite.
    /// - [`Error::Overflow`] if a folded parameter would not be finite.
    ///
    /// An error leaves the network unchanged.
    pub fn fold_into_inputs(&self, net: &mut Mlp<T>) -> Result<()> {
        net.check_no_encoding("the scaler cannot be folded through it")?;
        check_length("columns of the scaler", &self.offsets, net.inputs())?;
        self.fold(net, 0, folded_inputs)
    }

    /// Folds the inverse scaling of targets into a network, which then predicts unscaled targets.
    ///
    /// The last layer W, b becomes W', b':
    ///
    /// ```text
    /// W' = scale·W, row by row
    /// b' = scale·b + offset
    /// ```
    ///
    /// Both are computed in double precision and rounded once. Predictions then differ from those
    /// of [`inverse_transform`](Self::inverse_transform) only by rounding.
    ///
    /// # Errors
    /// - [`Error::Length`] unless there is a column for each output.
    /// - [`Error::Incompatible`] unless the activation of the last layer is the identity.
    /// - [`Error::NotFinite`] if a parameter of the network is not finite.
    /// - [`Error::Overflow`] if a folded parameter would not be finite.
    ///
    /// An error leaves the network unchanged.
    pub fn fold_into_outputs(&self, net: &mut Mlp<T>) -> Result<()> {
        check_length("columns of the scaler", &self.offsets, net.outputs())?;
        let last = net.depth() - 1;
        let activation = net.layer(last)?.activation().name();
        if activation != "identity" {
            let what = "activation of the last layer";
            return Err(Error::incompatible(what, "identity", activation));
        }
        self.fold(net, last, folded_outputs)
    }

    /// Replaces a layer's weights and biases by those that `folded` returns.
    fn fold(
        &self,
        net: &mut Mlp<T>,
        layer: usize,
        folded: fn(&Self, &[T], &[T]) -> Vec<T>,
    ) -> Result<()> {
        check_finite("parameters", net.params())?;
        let view = net.layer(layer)?;
        let folded = folded(self, view.weights(), view.bias());
        if let Some(value) = folded.iter().find(|value| !value.is_finite()) {
            return Err(Error::Overflow {
                what: "folded parameter",
                layer,
                value: value.as_f64(),
            });
        }
        let at = &net.layout().layers()[layer];
        let at = at.weights.start..at.bias.end;
        net.params_mut()[at].copy_from_slice(&folded);
        Ok(())
    }
}

instantiate! {
    /// Returns a layer's weights and biases for unscaled inputs.
    fn folded_inputs<T>(scaler: &Scaler<T>, weights: &[T], bias: &[T]) -> Vec<T> {
        let mut folded = Vec::with_capacity(weights.len() + bias.len());
        let mut shifted = Vec::with_capacity(bias.len());
        for (row, b) in weights.chunks_exact(scaler.offsets.len()).zip(bias) {
            let mut sum = b.as_f64();
            for ((w, scale), offset) in row.iter().zip(&scaler.scales).zip(&scaler.offsets) {
                let w = T::from_f64(w.as_f64() / scale.as_f64());
                // Use the rounded weight, so that its error acts on x - offset and not on x.
                sum -= w.as_f64() * offset.as_f64();
                folded.push(w);
            }
            shifted.push(T::from_f64(sum));
        }
        folded.extend(shifted);
        folded
    }
}

instantiate! {
    /// Returns a layer's weights and biases for unscaled outputs.
    fn folded_outputs<T>(scaler: &Scaler<T>, weights: &[T], bias: &[T]) -> Vec<T> {
        let scales = || scaler.scales.iter().map(|scale| scale.as_f64());
        let rows = weights.chunks_exact(weights.len() / bias.len());
        let mut folded: Vec<T> = rows
            .zip(scales())
            .flat_map(|(row, scale)| row.iter().map(move |w| T::from_f64(w.as_f64() * scale)))
            .collect();
        let pairs = bias.iter().zip(scales()).zip(&scaler.offsets);
        folded.extend(pairs.map(|((b, scale), offset)| T::from_f64(b.as_f64() * scale + offset.as_f64())));
        folded
    }
}
