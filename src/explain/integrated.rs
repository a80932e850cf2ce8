//! Integrated gradients: settings, results and checks.

use alloc::vec::Vec;

use super::path::Path;
use super::quadrature::{self, Limits};
use crate::error::{Error, Result, check_count, check_length, check_range, check_rows};
use crate::float::{Float, check_finite, check_finite_rows};
use crate::memory;
use crate::mlp::Mlp;

/// Quantity to explain, computed from the outputs y of a network.
///
/// ```
/// use feedforward::explain::{IntegratedGradients, Quantity};
///
/// // The probability of the third class, by a network whose outputs are logits.
/// let method = IntegratedGradients::new(Quantity::Softmax(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantity {
    /// The output with this index, such as a number or a logit.
    Output(usize),
    /// 1/(1 + e^-y): the probability of a label, or of the second of two classes.
    Sigmoid(usize),
    /// e^yᵢ/Σ e^yₖ: the probability of a class. It takes a gradient of each output.
    Softmax(usize),
    /// e^y: the count or number whose logarithm is the output.
    Exp(usize),
}

impl Quantity {
    /// Returns the index of the output.
    pub(super) fn output(self) -> usize {
        let (Self::Output(index) | Self::Sigmoid(index) | Self::Softmax(index) | Self::Exp(index)) =
            self;
        index
    }
}

/// Integrated gradients: how much each input contributes to the difference between a prediction
/// and that for a baseline (Sundararajan, Taly and Yan, 2017,
/// [arXiv:1703.01365](https://arxiv.org/abs/1703.01365)).
///
/// ```text
/// aᵢ = (xᵢ - bᵢ) · ∫ ∂F/∂xᵢ(b + t·(x - b)) dt from t = 0 to 1,   Σ aᵢ = F(x) - F(b)
/// ```
///
/// F is the [`Quantity`], x a sample, b the baseline. The attributions a sum to the difference,
/// which no other method of gradients has. The baseline should say nothing: the mean of the inputs,
/// zeros for scaled ones, a black picture. Attributions depend on it.
///
/// # Accuracy
///
/// The path from b to x is divided into parts until two conditions hold over each part. The sum
/// agrees with the difference. For each input, the rules of Gauss (3 points) and Kronrod (7 points)
/// agree. A part with a kink, as ReLU has them, is divided where the difference puts the kink. So
/// smooth and piecewise linear networks reach the tolerance after some dozens to hundreds of
/// gradients. Others with kinks, such as SELU, can take thousands.
///
/// [`Attributions::gaps`] has the rest of each sample. It exceeds the tolerance only in these
/// cases:
///
/// - Networks in f32 round outputs and gradients, so gaps of 10^-6 to 10^-5 of the largest
///   numbers remain. Sums are computed in f64.
/// - The gradients of [`max_gradients`](Self::max_gradients) do not suffice, for instance because
///   an activation such as `Heaviside` jumps.
///
/// ```
/// use feedforward::explain::{IntegratedGradients, Quantity};
/// use feedforward::{Mlp, activation::{Identity, Relu}};
///
/// let net = Mlp::<f64>::builder(3).hidden(20, Relu).output(1, Identity).seed(1).build()?;
/// let (sample, baseline) = ([1.0, -2.0, 0.5], [0.0; 3]);
/// let method = IntegratedGradients::new(Quantity::Output(0));
/// let attributions = method.compute(&net, &sample, &baseline)?;
///
/// let difference = net.predict(&sample)?[0] - net.predict(&baseline)?[0];
/// let sum: f64 = attributions.values.iter().sum();
/// assert!((sum - difference).abs() <= 1e-6 * difference.abs());
/// assert!(attributions.gaps[0] <= 1e-6 * difference.abs());
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "its methods of settings return the changed settings"]
pub struct IntegratedGradients {
    quantity: Quantity,
    tolerance: f64,
    max_gradients: usize,
}

/// Attributions by [`IntegratedGradients`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Attributions {
    /// Attribution of each input, row-major `[samples x inputs]`.
    pub values: Vec<f64>,
    /// Quantity of each sample.
    pub outputs: Vec<f64>,
    /// Quantity of the baseline.
    pub baseline: f64,
    /// Distance of each sample's sum of attributions from the difference to the baseline.
    pub gaps: Vec<f64>,
}

impl IntegratedGradients {
    /// Explains this quantity.
    pub fn new(quantity: Quantity) -> Self {
        Self {
            quantity,
            tolerance: 1e-6,
            max_gradients: 10_000,
        }
    }

    /// Sets the tolerated error, relative to the difference between sample and baseline.
    /// Range: (0, 1). Default: 10^-6.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] outside the range.
    pub fn tolerance(mut self, tolerance: f64) -> Result<Self> {
        check_range("tolerance", tolerance, f64::MIN_POSITIVE..1.0, "in (0, 1)")?;
        self.tolerance = tolerance;
        Ok(self)
    }

    /// Sets the maximum number of points with a gradient for each sample. At least 7 are computed.
    /// Default: 10,000.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for 0.
    pub fn max_gradients(mut self, count: usize) -> Result<Self> {
        check_count("maximum number of gradients", count)?;
        self.max_gradients = count;
        Ok(self)
    }

    /// Returns the attributions for one or more samples, row-major `[samples x inputs]`. All have
    /// the same baseline, of one value per input.
    ///
    /// It runs on one thread. Results are bit-identical for one sample or several.
    ///
    /// # Errors
    /// - [`Error::Rows`] unless `inputs` holds one or more whole samples.
    /// - [`Error::Length`] unless the baseline has one value for each input.
    /// - [`Error::NotFinite`] if an input or a parameter is not finite.
    /// - [`Error::OutOfBounds`] if the network does not have the output.
    /// - [`Error::Incompatible`] if a sample differs from the baseline in an input without
    ///   gradient, such as a category ([`Encoding::has_input_gradient`]). Explain the layers alone
    ///   (`Mlp::from_layers`) with the encoded inputs.
    /// - [`Error::TooLarge`] if there is no memory for the result.
    /// - [`Error::Overflow`] if an output or a gradient is not finite.
    ///
    /// [`Encoding::has_input_gradient`]: crate::Encoding::has_input_gradient
    pub fn compute<T: Float>(
        &self,
        net: &Mlp<T>,
        inputs: &[T],
        baseline: &[T],
    ) -> Result<Attributions> {
        let width = net.inputs();
        let samples = check_rows("inputs", inputs, width)?;
        check_length("baseline", baseline, width)?;
        check_finite_rows("inputs", inputs, width)?;
        check_finite("baseline", baseline)?;
        let (what, len, index) = ("outputs", net.outputs(), self.quantity.output());
        if index >= len {
            return Err(Error::OutOfBounds { what, len, index });
        }
        check_encoding(net, inputs, baseline)?;
        let limits = Limits {
            tolerance: self.tolerance,
            gradients: self.max_gradients,
            rounding: T::epsilon().as_f64(),
        };
        let what = "attributions";
        let mut values = memory::filled(what, 0.0, inputs.len())?;
        let mut gaps = memory::filled(what, 0.0, samples)?;
        let mut outputs = memory::filled(what, 0.0, samples)?;
        let mut path = Path::new(net, self.quantity, baseline)?;
        let rows = values.chunks_mut(width).zip(inputs.chunks(width));
        let results = gaps.iter_mut().zip(&mut outputs);
        let mut first = 0.0;
        for ((sums, sample), (gap, output)) in rows.zip(results) {
            path.sample = sample;
            let ends = quadrature::integrate(&mut path, &limits, sums)?;
            [first, *output] = ends;
            let sum: f64 = sums.iter().sum();
            *gap = (sum - (ends[1] - ends[0])).abs();
        }
        Ok(Attributions {
            values,
            outputs,
            baseline: first,
            gaps,
        })
    }
}

/// Checks that samples differ from the baseline only in inputs with a gradient.
fn check_encoding<T: Float>(net: &Mlp<T>, inputs: &[T], baseline: &[T]) -> Result<()> {
    let Some(encoding) = net.encoding() else {
        return Ok(());
    };
    for (input, &base) in baseline.iter().enumerate() {
        let mut column = inputs[input..].iter().step_by(baseline.len());
        if !encoding.has_input_gradient(input) && column.any(|&x| x != base) {
            let expected = alloc::format!("a gradient by input {input}, or samples that share it");
            let got = alloc::format!(
                "none from {}",
                crate::error::bounded(encoding.name().into())
            );
            return Err(Error::incompatible(
                "encoding of the network",
                expected,
                got,
            ));
        }
    }
    Ok(())
}
