//! Report of the accuracy that int8 weights lose.

use alloc::vec::Vec;

use super::{WeightQuantizedMlp, WeightQuantizedMlpRef};
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Result, check_rows};
use crate::float::check_finite;
use crate::layout::LayerLayout;
use crate::memory;
use crate::metrics::Score;
use crate::mlp::Mlp;
use crate::mlp_ref::MlpRef;
use crate::mlp_ref::predict::Computed;
use crate::quantize::QuantizationReport;
use crate::quantize::report::{Sums, check_shape};

/// Outputs have no range that they could leave.
const UNLIMITED: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];

impl WeightQuantizedMlp {
    /// Compares the network with its original on samples, row-major `[samples x inputs]`. Inputs
    /// are exact, and nothing is saturated.
    ///
    /// ```
    /// use feedforward::quantize::Quantizer;
    /// use feedforward::{Mlp, activation::{Identity, Relu}};
    ///
    /// let net = Mlp::<f32>::builder(2).hidden(16, Relu).output(1, Identity).seed(1).build()?;
    /// let samples: Vec<f32> = (0..200).map(|i| (i as f32 * 0.7).sin()).collect();
    /// let report = Quantizer::new().quantize_weights(&net)?.compare(&net, &samples)?;
    /// println!("{report}");
    /// assert!(report.layers[1].signal_to_noise > 35.0 && report.largest_error < 0.01);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Rows`] and [`Error::NotFinite`] for invalid samples
    /// - [`Error::Shape`] for a network of another shape
    /// - [`Error::Overflow`] and [`Error::NotFinite`] if outputs are not finite
    pub fn compare(&self, net: &Mlp<f32>, inputs: &[f32]) -> Result<QuantizationReport> {
        self.check_shape(net)?;
        check_rows("inputs", inputs, self.inputs)?;
        let (exact, ours) = (MlpRef::from(net), WeightQuantizedMlpRef::from(self));
        // The networks may have different encodings.
        let scratch_len = exact.scratch_len().max(ours.scratch_len());
        let mut scratch = memory::filled("scratch", 0.0, scratch_len)?;
        let mut outputs = memory::filled("outputs", 0.0, self.outputs())?;
        let mut sums = alloc::vec![Sums::default(); self.activations.len() + 1];
        let mut kept = Vec::new();
        for row in inputs.chunks_exact(self.inputs) {
            kept.clear();
            exact.predict_visited(row, &mut outputs, &mut scratch, &mut |computed| {
                if let Computed::Layer(_, _, y) = computed {
                    kept.extend_from_slice(y);
                }
            })?;
            check_finite("outputs of a layer", &kept)?;
            let mut rest = kept.iter();
            ours.predict_visited(row, &mut outputs, &mut scratch, &mut |computed| {
                if let Computed::Layer(layer, _, y) = computed {
                    for (got, exact) in y.iter().zip(rest.by_ref()) {
                        sums[layer + 1].add((*exact).into(), (*got).into(), UNLIMITED);
                    }
                }
            })?;
        }
        let bytes = [size_of_val(net.params()), self.bytes()];
        Ok(QuantizationReport::new(&sums, bytes))
    }

    /// Compares as [`compare`](Self::compare) does, and measures both networks' score on these
    /// targets, row-major `[samples x outputs]`.
    ///
    /// # Errors
    /// The errors of [`compare`](Self::compare), [`Error::Length`] unless there is a target for
    /// each output, and [`Error::NotFinite`] if one is not finite
    pub fn compare_with(
        &self,
        net: &Mlp<f32>,
        inputs: &[f32],
        targets: &[f32],
        score: &dyn Score<f32>,
    ) -> Result<QuantizationReport> {
        let mut report = self.compare(net, inputs)?;
        report.add_score(net, inputs, targets, score, |inputs| self.predict(inputs))?;
        Ok(report)
    }

    /// Checks that a network has these inputs, outputs and pieces of each layer.
    pub(super) fn check_shape(&self, net: &Mlp<f32>) -> Result<()> {
        for size in [|at: &LayerLayout| at.outputs, LayerLayout::rows] {
            let ours = self.layout.layers().iter().map(size);
            let theirs = net.layout().layers().iter().map(size);
            check_shape((self.inputs, ours), (net.inputs(), theirs))?;
        }
        Ok(())
    }
}
