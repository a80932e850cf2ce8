//! Folding a learned scale of the inputs into the first layer.

use super::Mlp;
use crate::encoding::is_identity;
use crate::error::{Error, Result};
use crate::float::{Float, check_finite};
use crate::layout::Layout;

impl<T: Float> Mlp<T> {
    /// Returns a network without the learned [scale](crate::encoding::Scaled) of its first layer's
    /// inputs, which predicts the same up to rounding.
    ///
    /// Each column of the first layer's weights is multiplied by the factor of its input. The inner
    /// encoding remains, unless it is an [`Identity`](crate::encoding::Identity). Scales inside a
    /// [`Concat`](crate::encoding::Concat) remain.
    ///
    /// ```
    /// use feedforward::{Mlp, activation::Identity, encoding::{self, Scaled}};
    ///
    /// let scaled = Scaled::new(encoding::Identity::new(2)?)?;
    /// let mut net = Mlp::<f64>::builder(2).encoding(scaled).output(1, Identity).build()?;
    /// net.params_mut().copy_from_slice(&[1.0, 2.0, 0.5, /* scale: */ 3.0, 0.25]);
    /// let plain = net.fold_scale()?;
    /// assert_eq!(plain.params(), [3.0, 0.5, 0.5]);
    /// assert!(plain.encoding().is_none());
    /// assert_eq!(plain.predict(&[1.0, 2.0])?, net.predict(&[1.0, 2.0])?);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Missing`] if the network's encoding is not a scale.
    /// - [`Error::NotFinite`] if a folded weight is not finite.
    pub fn fold_scale(&self) -> Result<Self> {
        let unscaled = |net: &Self| {
            net.encoding
                .as_ref()
                .and_then(|encoding| encoding.unscaled())
        };
        let Some(mut inner) = unscaled(self) else {
            return Err(Error::Missing {
                what: "scale of the network's inputs",
                expected: "the encoding `Scaled`",
            });
        };
        let mut net = self.clone();
        loop {
            let (first, start) = (&net.layout.layers()[0], net.layout.encoding().start);
            let (inputs, weights) = (first.inputs, first.weights.clone());
            let (layers, encoding) = net.params.split_at_mut(start);
            for row in layers[weights.clone()].chunks_exact_mut(inputs) {
                row.iter_mut().zip(&*encoding).for_each(|(w, &s)| *w *= s);
            }
            check_finite("weights times the scale", &layers[weights])?;
            net.params.drain(start..start + inputs);
            let rest = net.params.len() - start;
            net.layout = Layout::with_encoding(net.layout, rest)?;
            net.encoding = Some(inner).filter(|inner| !is_identity(&**inner));
            match unscaled(&net) {
                Some(next) => inner = next,
                None => return Ok(net),
            }
        }
    }
}
