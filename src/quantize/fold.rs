//! Scalers as a part of the input stage.

use super::QuantizedMlp;
use crate::encoding::Encoding;
use crate::error::{Error, Result, check_length};
use crate::float::check_finite;
use crate::memory;

impl QuantizedMlp {
    /// Makes a scaler (x - offset) / scale a part of the input stage, so that inputs need no
    /// scaling. Predictions stay up to rounding of the inputs.
    ///
    /// f32 must hold x exactly enough: if the offset is many times the scale, inputs lose digits
    /// already before. [`compare`](Self::compare) takes inputs of the original network, so compare
    /// before.
    ///
    /// Call it after [`Quantizer::fit`](super::Quantizer::fit), which trains on scaled inputs.
    ///
    /// ```
    /// use feedforward::quantize::Quantizer;
    /// use feedforward::{Mlp, Scaler, activation::{Identity, Relu}};
    ///
    /// let x = [20.0, 101_325.0, 25.0, 99_000.0, 15.0, 100_000.0]; // °C and Pa
    /// let scaler = Scaler::<f32>::standard(&x, 2)?;
    /// let scaled = scaler.transform(&x)?;
    /// let net = Mlp::<f32>::builder(2).hidden(8, Relu).output(1, Identity).seed(1).build()?;
    /// let mut quantized = Quantizer::new().quantize(&net, &scaled)?;
    /// let expected = quantized.predict(&scaled)?;
    /// quantized.fold_into_inputs(scaler.offsets(), scaler.scales())?;
    /// let got = quantized.predict(&x)?;
    /// assert!(expected.iter().zip(got).all(|(a, b)| (a - b).abs() < 0.02));
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// The network is unchanged.
    /// - [`Error::Length`] unless there are an offset and a scale for each input
    /// - [`Error::NotFinite`] if an offset, a scale or a quotient is not finite
    /// - [`Error::Incompatible`] for a network with an encoding, which takes scaled inputs
    pub fn fold_into_inputs(&mut self, offsets: &[f32], scales: &[f32]) -> Result<()> {
        if let Some((encoding, _)) = &self.encoder {
            let what = "encoding in front of a scaled input stage";
            return Err(Error::incompatible(what, "none", encoding.name()));
        }
        let width = self.factors.len();
        check_length("offsets of a scaler", offsets, width)?;
        check_length("scales of a scaler", scales, width)?;
        check_finite("offsets of a scaler", offsets)?;
        check_finite("scales of a scaler", scales)?;
        let mut factors = memory::filled("factors of inputs", 0.0, width)?;
        let mut stage = memory::filled("offsets of inputs", 0.0, width)?;
        for at in 0..width {
            factors[at] = (f64::from(self.factors[at]) / f64::from(scales[at])) as f32;
            let shift = f64::from(offsets[at]) * f64::from(factors[at]);
            stage[at] = (f64::from(self.offsets[at]) - shift) as f32;
        }
        check_finite("factors of inputs", &factors)?;
        check_finite("offsets of inputs", &stage)?;
        (self.factors, self.offsets) = (factors, stage);
        Ok(())
    }
}
