//! Checks that a loss suits the output layer.

use alloc::format;

use super::Mlp;
use crate::activation::Activation;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::loss::{Loss, OutputKind};

/// Checks that the output layer can produce the values that the loss expects. It evaluates the last
/// activation at a few points, which is cheap enough for each minibatch.
pub(super) fn check_pairing<T: Float>(net: &Mlp<T>, loss: &dyn Loss<T>) -> Result<()> {
    let per_target = loss.outputs_per_target();
    if per_target == 0 || !net.outputs().is_multiple_of(per_target) {
        return Err(Error::incompatible(
            "outputs of the network",
            format!("a multiple of {per_target}, the outputs that the loss reads for each target"),
            net.outputs(),
        ));
    }
    let meaning = match loss.output_kind() {
        OutputKind::Unspecified | OutputKind::Values => return Ok(()),
        OutputKind::Logits | OutputKind::ClassLogits => "logits",
        OutputKind::LogRates => "logarithms of rates",
        OutputKind::MeansAndLogVariances => "means and logarithms of variances",
    };
    if loss.output_kind() == OutputKind::ClassLogits && net.outputs() == 1 {
        return Err(Error::incompatible(
            "outputs under a softmax cross-entropy",
            "2 or more, one for each class (BinaryCrossEntropy takes one logit for two classes)",
            1,
        ));
    }
    let activation = &*net.activations()[net.depth() - 1];
    if reaches_both_sides(activation) {
        return Ok(());
    }
    let (what, got) = ("activation of the output layer", activation.name());
    let all = format!("one that reaches all numbers, as {meaning} must (such as identity)");
    Err(Error::incompatible(what, all, got))
}

/// Returns `true` if an activation has values below -4 and above 4. Logits between these bounds
/// leave each answer a probability of 1/56 or more.
fn reaches_both_sides<T: Float>(activation: &dyn Activation<T>) -> bool {
    const FAR: f64 = 4.0;
    // Far points find activations with small derivatives. Near points find non-monotonic ones.
    const PROBES: [f64; 5] = [1e12, 1e3, 100.0, 33.0, 10.0];
    let probes = || PROBES.iter().flat_map(|probe| [-probe, *probe]);
    let value = |x| activation.value(T::from_f64(x)).as_f64();
    // `value` takes equal numbers for all pieces, so it does not show the range of several pieces.
    activation.pieces() > 1 || probes().any(|x| value(x) < -FAR) && probes().any(|x| value(x) > FAR)
}
