//! Batch normalizations, and the steps of a layer that say where they are.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::names;
use crate::affine::{Affine, BatchNorm};
use crate::error::{Result, bounded, listed};
use crate::storage::{Reader, contradicts, malformed};

/// ε of `torch.nn.BatchNorm1d`, which a `state_dict` does not hold.
const EPSILON: f64 = 1e-5;

/// A batch normalization: its name, or `None` for the next one in the file.
type Norm<'n> = Option<&'n str>;

/// Steps that a layer computes, in order.
#[derive(Debug, Default)]
pub(super) struct Steps<'n> {
    /// In front of the weights.
    pub(super) before: Vec<Norm<'n>>,
    /// Between the weights and the activation.
    pub(super) inside: Vec<Norm<'n>>,
    pub(super) activation: &'n str,
    /// Behind the activation.
    pub(super) after: Vec<Norm<'n>>,
}

impl<'n> Steps<'n> {
    /// Parses steps such as `relu`, `batch_norm -> relu` or `batch_norm(bn1) -> linear -> relu`.
    pub(super) fn parse(text: &'n str) -> Result<Self> {
        let fault = |problem| {
            let text = bounded(text.to_owned());
            contradicts(format!("the steps {text:?}: {problem}"))
        };
        let steps = || text.split("->").map(str::trim);
        if steps().filter(|step| *step == "linear").count() > 1 {
            return Err(fault("expected \"linear\" at most once"));
        }
        let (mut is_linear, mut parsed) = (!steps().any(|step| step == "linear"), Self::default());
        let mut activation = None;
        for step in steps() {
            let norm = match step.strip_prefix("batch_norm") {
                Some("") => Some(None),
                Some(rest) => {
                    let name = rest
                        .strip_prefix('(')
                        .and_then(|rest| rest.strip_suffix(')'));
                    name.map(Some)
                }
                None => None,
            };
            match (norm, activation) {
                (Some(norm), _) if !is_linear => parsed.before.push(norm),
                (Some(norm), None) => parsed.inside.push(norm),
                (Some(norm), Some(_)) => parsed.after.push(norm),
                (None, None) if step == "linear" => is_linear = true,
                (None, None) if is_linear => activation = Some(step),
                (None, Some(_)) if step != "linear" => {
                    return Err(fault("expected one activation"));
                }
                (None, _) => return Err(fault("expected the activation behind \"linear\"")),
            }
        }
        parsed.activation = activation
            .ok_or_else(|| fault("expected an activation, such as \"batch_norm -> identity\""))?;
        Ok(parsed)
    }

    /// Returns `true` if a normalization has a name.
    pub(super) fn has_names(&self) -> bool {
        self.norms().any(Option::is_some)
    }

    fn norms(&self) -> impl Iterator<Item = &Norm<'n>> {
        let inside = self.before.iter().chain(&self.inside);
        inside.chain(&self.after)
    }

    fn norms_mut(&mut self) -> impl Iterator<Item = &mut Norm<'n>> {
        let inside = self.before.iter_mut().chain(&mut self.inside);
        inside.chain(&mut self.after)
    }
}

/// Returns `true` if a layer of this name has running statistics.
pub(super) fn is_norm(file: &Reader<'_>, layer: &str) -> bool {
    ["running_mean", "running_var"]
        .iter()
        .any(|part| file.shape(&names::tensor(layer, part)).is_some())
}

/// Gives names to the batch normalizations without one, in the order of the names' numbers.
///
/// `is_ignored` tells which tensors the caller ignores.
pub(super) fn name_norms<'n>(
    file: &'n Reader<'_>,
    layers: &mut [(&str, Steps<'n>)],
    is_ignored: impl Fn(&str) -> bool,
) -> Result<()> {
    let norms = || layers.iter().flat_map(|(_, steps)| steps.norms());
    let expected = norms().filter(|norm| norm.is_none()).count();
    if expected == 0 {
        return Ok(());
    }
    let mut claimed = Vec::new();
    for name in norms().flatten() {
        claimed.push(names::found_layer(file, name, "running_mean")?);
    }
    let all = file.names().filter(|name| !is_ignored(name));
    let all = all.filter_map(|name| names::layer_of(name, "running_mean"));
    let mut free: Vec<_> = all
        .filter(|name| !claimed.iter().any(|of| of == name))
        .collect();
    if free.len() != expected {
        return Err(contradicts(format!(
            "expected {expected} batch normalizations, one for each \"batch_norm\" without a name, \
             got {}: {}",
            free.len(),
            bounded(listed(&free))
        )));
    }
    names::sort(&mut free)?;
    let norms = layers.iter_mut().flat_map(|(_, steps)| steps.norms_mut());
    let unnamed = norms.filter(|norm| norm.is_none());
    for (norm, name) in unnamed.zip(free) {
        *norm = Some(name);
    }
    Ok(())
}

/// Checks that names which differ by numbers alone are in the order of the steps.
pub(super) fn check_order(layers: &[(&str, Steps<'_>)]) -> Result<()> {
    let mut order = Vec::new();
    for (layer, steps) in layers {
        order.extend(steps.before.iter().flatten());
        order.push(*layer);
        order.extend(steps.inside.iter().chain(&steps.after).flatten());
    }
    if !names::are_alike(&order) {
        return Ok(());
    }
    let mut pairs = order.windows(2);
    pairs
        .find(|pair| !names::is_before(pair[0], pair[1]))
        .map_or(Ok(()), |pair| {
            let (first, second) = (bounded(pair[0].to_owned()), bounded(pair[1].to_owned()));
            Err(contradicts(format!(
                "{first:?} comes before {second:?} by the activations, and after it by the \
                 numbers in their names; say where each batch_norm stands, or pass the names to \
                 Mlp::from_state_dict_named"
            )))
        })
}

/// Reads batch normalizations of this width as one map. `None` stands for no normalization.
pub(super) fn read(file: &Reader<'_>, norms: &[Norm<'_>], width: usize) -> Result<Option<Affine>> {
    let mut all = None;
    for norm in norms.iter().flatten() {
        append(&mut all, Some(read_one(file, norm, width)?));
    }
    Ok(all)
}

/// Appends a map to another.
pub(super) fn append(map: &mut Option<Affine>, next: Option<Affine>) {
    match (map.as_mut(), next) {
        (Some(map), Some(next)) => map.then(&next),
        (None, next) => *map = next,
        (Some(_), None) => {}
    }
}

fn read_one(file: &Reader<'_>, norm: &str, width: usize) -> Result<Affine> {
    let norm = names::found_layer(file, norm, "running_mean")?;
    let name = |part| names::tensor(&norm, part);
    let numbers = |part| file.values::<f64>(&name(part), &[width]);
    let (mean, variance) = (numbers("running_mean")?, numbers("running_var")?);
    if let Some(negative) = variance.iter().find(|variance| **variance < 0.0) {
        let name = name("running_var");
        return Err(malformed(format!(
            "tensor {name}: {negative} as a variance"
        )));
    }
    // `affine=False` leaves out both.
    let [weight, bias] = ["weight", "bias"].map(|part| file.shape(&name(part)).is_some());
    let (gamma, beta) = match (weight, bias) {
        (false, false) => (None, None),
        _ => (Some(numbers("weight")?), Some(numbers("bias")?)),
    };
    // The count of minibatches plays no part in a prediction.
    let count = name("num_batches_tracked");
    if file.shape(&count).is_some() {
        file.ignore(&count)?;
    }
    Affine::batch_norm(BatchNorm {
        gamma: gamma.as_deref(),
        beta: beta.as_deref(),
        mean: &mean,
        variance: &variance,
        epsilon: EPSILON,
    })
}

/// Returns the error of a map whose offsets would lose digits in the first layer.
pub(super) fn imprecise(norm: Option<&Norm<'_>>) -> crate::error::Error {
    let name: String = norm.copied().flatten().unwrap_or_default().to_owned();
    let name = bounded(name);
    contradicts(format!(
        "batch normalization {name:?} of the inputs: their means are large, so its fold into the \
         first layer would lose digits; read the network as f64, or save it without the \
         normalization and scale inputs with a Scaler of its statistics"
    ))
}
