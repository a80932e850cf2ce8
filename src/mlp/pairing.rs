//! Which losses go with which output layers.

use alloc::format;

use super::Mlp;
use crate::activation::Activation;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::loss::{Loss, OutputKind};

/// Checks that the outputs can be what the loss takes them for. It is cheap enough for each
/// minibatch: a few values of the last activation.
pub(super) fn check_pairing<T: Float>(net: &Mlp<T>, loss: &dyn Loss<T>) -> Result<()> {
    let meaning = match loss.output_kind() {
        OutputKind::Unspecified | OutputKind::Values => return Ok(()),
        OutputKind::Logits | OutputKind::ClassLogits => "logits",
        OutputKind::LogRates => "logarithms of rates",
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
    let all = format!("one that gives all numbers, such as identity, since they are {meaning}");
    Err(Error::incompatible(what, all, got))
}

/// Whether an activation has values below -4 and above 4: logits within these leave each answer a
/// probability of 1/56 or more.
fn reaches_both_sides<T: Float>(activation: &dyn Activation<T>) -> bool {
    const FAR: f64 = 4.0;
    // Far out, for slopes that are small, and near, for functions that are not monotonic.
    const PROBES: [f64; 5] = [1e12, 1e3, 100.0, 33.0, 10.0];
    let probes = || PROBES.iter().flat_map(|probe| [-probe, *probe]);
    let value = |x| activation.value(T::from_f64(x)).as_f64();
    // With a value for all pieces at once nothing is known about others.
    activation.pieces() > 1 || probes().any(|x| value(x) < -FAR) && probes().any(|x| value(x) > FAR)
}
