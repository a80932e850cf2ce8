//! Predictions in integers only.

use super::QuantizedMlpRef;
use super::inputs::InputInteger;
use super::layer::Outputs;
use crate::error::{Error, Result};

impl QuantizedMlpRef<'_> {
    /// Writes the int8 outputs for one or more samples, in integers only. `inputs` is row-major
    /// `[samples x inputs]`, and `outputs` is `[samples x outputs]`.
    ///
    /// # Errors
    /// - [`Error::Rows`] unless `inputs` holds one or more whole samples
    /// - [`Error::Length`] unless `outputs` has the length of their outputs, or if `scratch` is
    ///   shorter than [`scratch_len`](Self::scratch_len)
    /// - [`Error::Incompatible`] unless the network's inputs have this type, and if its outputs
    ///   exceed int8
    pub fn predict_int8<I: InputInteger>(
        &self,
        inputs: &[I],
        outputs: &mut [i8],
        scratch: &mut [i16],
    ) -> Result<()> {
        let [min, max] = self.layers.get(self.layers.len() - 1).limits();
        if min < -128 || max > 127 {
            let expected = "predict_int32, for a network with int32 outputs";
            return Err(Error::incompatible("call", expected, "predict_int8"));
        }
        self.check_integers(inputs, outputs.len(), scratch)?;
        self.run_all(self.widened(inputs), outputs, Outputs::Int8, scratch);
        Ok(())
    }

    /// Writes the int16 outputs for one or more samples, in integers only. For a network with int8
    /// outputs, they are those.
    ///
    /// # Errors
    /// The errors of [`predict_int8`](Self::predict_int8), of which the last one is about int16
    pub fn predict_int16<I: InputInteger>(
        &self,
        inputs: &[I],
        outputs: &mut [i16],
        scratch: &mut [i16],
    ) -> Result<()> {
        let [min, max] = self.layers.get(self.layers.len() - 1).limits();
        if min < -32768 || max > 32767 {
            let expected = "predict_int32, for a network with int32 outputs";
            return Err(Error::incompatible("call", expected, "predict_int16"));
        }
        self.check_integers(inputs, outputs.len(), scratch)?;
        self.run_all(self.widened(inputs), outputs, Outputs::Int16, scratch);
        Ok(())
    }

    /// Writes the outputs for one or more samples as int32, in integers only. For a network with
    /// int8 or int16 outputs, they are those.
    ///
    /// # Errors
    /// The errors of [`predict_int8`](Self::predict_int8), but none for large outputs
    pub fn predict_int32<I: InputInteger>(
        &self,
        inputs: &[I],
        outputs: &mut [i32],
        scratch: &mut [i16],
    ) -> Result<()> {
        self.check_integers(inputs, outputs.len(), scratch)?;
        self.run_all(self.widened(inputs), outputs, Outputs::Int32, scratch);
        Ok(())
    }

    /// Returns the inputs of each sample.
    fn widened<I: InputInteger>(
        &self,
        inputs: &[I],
    ) -> impl ExactSizeIterator<Item = impl Iterator<Item = i16>> {
        let samples = inputs.chunks_exact(self.inputs());
        samples.map(|x| x.iter().map(|x| x.widened()))
    }

    fn check_integers<I: InputInteger>(
        &self,
        inputs: &[I],
        outputs: usize,
        scratch: &[i16],
    ) -> Result<()> {
        self.inputs.check_type::<I>()?;
        self.check(inputs, outputs, scratch)
    }
}
