//! Report of the accuracy that a quantized network loses.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::range::{Affine, Integers};
use super::walk::{Walk, encoded};
use super::{QuantizedMlp, QuantizedMlpRef};
use crate::error::{Error, Result, check_length};
use crate::float::check_finite_rows;
use crate::memory;
use crate::metrics::Score;
use crate::mlp::Mlp;

/// Differences of a quantized network and its original on samples.
///
/// `Display` prints it as a table.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct QuantizationReport {
    /// The quantized inputs.
    pub inputs: QuantizationNoise,
    /// The outputs of each layer, in order.
    pub layers: Vec<QuantizationNoise>,
    /// Largest difference of an output.
    pub largest_error: f64,
    /// Root of the mean squared difference of all outputs.
    pub root_mean_squared_error: f64,
    /// Bytes of the parameters in f32, and in integers with scales and tables.
    pub bytes: [usize; 2],
    /// Name of the score, and its values for the original and the quantized network.
    pub score: Option<(String, [f64; 2])>,
}

/// Quality of a group of quantized numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct QuantizationNoise {
    /// Ratio of the sum of squared numbers to that of squared differences, in decibels: 6 for each
    /// bit. Infinite without differences.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub signal_to_noise: f64,
    /// Fraction of numbers outside the range of the integers, whose ends they become.
    pub saturated: f64,
}

/// Sums of a group of numbers.
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    signal: f64,
    noise: f64,
    largest: f64,
    saturated: u64,
    count: u64,
}

impl Sums {
    pub(super) fn add(&mut self, exact: f64, got: f64, range: [f64; 2]) {
        let error = (exact - got).abs();
        self.signal += exact * exact;
        self.noise += error * error;
        self.largest = self.largest.max(error);
        self.saturated += u64::from(exact < range[0] || exact > range[1]);
        self.count += 1;
    }

    fn noise(&self) -> QuantizationNoise {
        let ratio = self.signal / self.noise;
        QuantizationNoise {
            signal_to_noise: if self.noise > 0.0 {
                10.0 * crate::math::ln(ratio.max(f64::MIN_POSITIVE)) / core::f64::consts::LN_10
            } else {
                f64::INFINITY
            },
            saturated: self.saturated as f64 / self.count.max(1) as f64,
        }
    }
}

/// Returns the numbers that round to an integer within the limits.
fn range(affine: Affine) -> [f64; 2] {
    let half = 0.5 * affine.scale;
    let Integers(min, max) = affine.integers;
    [affine.number(min) - half, affine.number(max) + half]
}

impl QuantizedMlp {
    /// Compares the quantized network with its original on samples, row-major
    /// `[samples x inputs]`. Samples that the calibration did not have tell more.
    ///
    /// ```
    /// use feedforward::quantize::Quantizer;
    /// use feedforward::{Mlp, activation::{Identity, Relu}};
    ///
    /// let net = Mlp::<f32>::builder(2).hidden(16, Relu).output(1, Identity).seed(1).build()?;
    /// let samples: Vec<f32> = (0..200).map(|i| (i as f32 * 0.7).sin()).collect();
    /// let report = Quantizer::new().quantize(&net, &samples)?.compare(&net, &samples)?;
    /// println!("{report}");
    /// assert!(report.layers[1].signal_to_noise > 30.0 && report.largest_error < 0.03);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Rows`] and [`Error::NotFinite`] for invalid samples
    /// - [`Error::Shape`] for a network of another shape
    /// - [`Error::Incompatible`] for a network that no quantizer takes
    /// - [`Error::Overflow`] if outputs of the original are not finite
    pub fn compare(&self, net: &Mlp<f32>, inputs: &[f32]) -> Result<QuantizationReport> {
        self.check_shape(net)?;
        let (exact, inputs) = (encoded(net, inputs)?, self.encode(inputs)?);
        let width = self.factors.len();
        let mut sums = alloc::vec![Sums::default(); self.layers.len() + 1];
        let quantized = QuantizedMlpRef::from(self);
        let mut scratch = memory::filled("scratch", 0, quantized.scratch_len())?;
        let (mut done, mut integers, mut got) = (0, Vec::new(), Vec::new());
        let last = self.layers.len() - 1;
        Walk::new(net)?.for_each_block(&exact, |index, _, y| {
            let layer = &self.layers[index];
            if index == 0 {
                let len = y.len() / layer.outputs() * width;
                let rows = &inputs[done..][..len];
                done += len;
                memory::resize("quantized samples", &mut integers, 0, len)?;
                self.widen_inputs(rows, &mut integers);
                self.add_inputs(&mut sums[0], rows, &integers);
            }
            if index == last {
                let rows = done / width - y.len() / layer.outputs();
                memory::resize("outputs", &mut got, 0.0, y.len())?;
                quantized.predict_into(&inputs[rows * width..done], &mut got, &mut scratch)?;
                let range = match self.activation {
                    None if layer.outputs.integers != Integers::INT32 => range(layer.outputs),
                    _ => [f64::NEG_INFINITY, f64::INFINITY],
                };
                for (exact, got) in y.iter().zip(&got) {
                    sums[index + 1].add((*exact).into(), (*got).into(), range);
                }
                return Ok(());
            }
            let from = layer.weights.len() / layer.outputs();
            integers = layer.forward(&integers, from)?;
            let meanings: Vec<_> = (0..layer.outputs()).map(|at| layer.meaning(at)).collect();
            for ((exact, &q), meaning) in y.iter().zip(&integers).zip(meanings.iter().cycle()) {
                let got = meaning.number(q.into());
                sums[index + 1].add((*exact).into(), got, range(*meaning));
            }
            Ok(())
        })?;
        let bytes = [size_of_val(net.params()), self.bytes()];
        Ok(QuantizationReport::new(&sums, bytes))
    }

    /// Compares as [`compare`](Self::compare) does, and measures both networks' score on these
    /// targets, row-major `[samples x outputs]`.
    ///
    /// # Errors
    /// The errors of [`compare`](Self::compare), [`Error::Length`] unless there is a target for each
    /// output, and [`Error::NotFinite`] if one is not finite
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

    fn check_shape(&self, net: &Mlp<f32>) -> Result<()> {
        let ours = self.layers.iter().map(super::owned::OwnedLayer::outputs);
        let theirs = net.layout().layers().iter().map(|layer| layer.outputs);
        check_shape((self.inputs(), ours), (net.inputs(), theirs))
    }

    fn add_inputs(&self, sums: &mut Sums, rows: &[f32], integers: &[i16]) {
        let stage = self.factors.iter().zip(&self.offsets).cycle();
        let Integers(min, max) = Integers::of_bits(self.bits);
        for ((&exact, &q), (&factor, &offset)) in rows.iter().zip(integers).zip(stage) {
            let number = |q: f64| (q - f64::from(offset)) / f64::from(factor);
            let range = [number(f64::from(min) - 0.5), number(f64::from(max) + 0.5)];
            sums.add(exact.into(), number(q.into()), range);
        }
    }
}

impl QuantizationReport {
    /// Creates a report from the sums of inputs and of each layer's outputs.
    pub(super) fn new(sums: &[Sums], bytes: [usize; 2]) -> Self {
        let output = &sums[sums.len() - 1];
        Self {
            inputs: sums[0].noise(),
            layers: sums[1..].iter().map(Sums::noise).collect(),
            largest_error: output.largest,
            root_mean_squared_error: crate::math::sqrt(output.noise / output.count as f64),
            bytes,
            score: None,
        }
    }

    /// Measures the score of a network and of its quantized form.
    pub(super) fn add_score(
        &mut self,
        net: &Mlp<f32>,
        inputs: &[f32],
        targets: &[f32],
        score: &dyn Score<f32>,
        predict: impl Fn(&[f32]) -> Result<Vec<f32>>,
    ) -> Result<()> {
        let outputs = net.outputs();
        check_length("targets", targets, inputs.len() / net.inputs() * outputs)?;
        check_finite_rows("targets", targets, outputs)?;
        let mut scratch = Vec::new();
        let mut measure = |y: &[f32]| score.score_in(&mut scratch, y, targets, outputs, None);
        let scores = [measure(&net.predict(inputs)?), measure(&predict(inputs)?)];
        self.score = Some((score.name().into_owned(), scores));
        Ok(())
    }
}

/// Checks that two networks have as many inputs, and layers of the same sizes.
pub(super) fn check_shape(
    ours: (usize, impl Iterator<Item = usize> + Clone),
    theirs: (usize, impl Iterator<Item = usize> + Clone),
) -> Result<()> {
    if ours.0 == theirs.0 && ours.1.clone().eq(theirs.1.clone()) {
        return Ok(());
    }
    let shape = |inputs, layers: Vec<usize>| format!("{inputs} inputs and layers of {layers:?}");
    Err(Error::shape(
        "network",
        shape(ours.0, ours.1.collect()),
        shape(theirs.0, theirs.1.collect()),
    ))
}

impl fmt::Display for QuantizationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "numbers      signal to noise   saturated")?;
        let mut line = |name: &str, noise: &QuantizationNoise| {
            let (ratio, share) = (noise.signal_to_noise, 100.0 * noise.saturated);
            writeln!(f, "{name:<12} {ratio:>12.1} dB {share:>9.2} %")
        };
        line("inputs", &self.inputs)?;
        for (index, noise) in self.layers.iter().enumerate() {
            line(&format!("layer {index}"), noise)?;
        }
        let (root, largest) = (self.root_mean_squared_error, self.largest_error);
        writeln!(
            f,
            "error of outputs: {root:.3e} root mean square, {largest:.3e} at most"
        )?;
        if let Some((name, [before, after])) = &self.score {
            writeln!(f, "{name}: {before:.4} in f32, {after:.4} quantized")?;
        }
        let [before, after] = self.bytes;
        write!(f, "parameters: {before} bytes in f32, {after} quantized")
    }
}
