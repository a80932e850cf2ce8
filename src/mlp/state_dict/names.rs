//! Names of tensors: the layers that they belong to, and their order.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use crate::error::{Result, bounded, listed};
use crate::storage::{Reader, contradicts, malformed};

/// Name that `torch.compile` puts in front of a module's tensors, or between others.
const COMPILED: &str = "_orig_mod";

/// Name that `DataParallel` and `DistributedDataParallel` put in front.
const PARALLEL: &str = "module";

/// Returns the name of a layer's tensor.
pub(super) fn tensor(layer: &str, part: &str) -> String {
    match layer {
        "" => part.into(),
        _ => format!("{layer}.{part}"),
    }
}

/// Returns the name of a tensor's layer if the tensor is this part of it.
pub(super) fn layer_of<'n>(name: &'n str, part: &str) -> Option<&'n str> {
    match name.strip_suffix(part)? {
        "" => Some(""),
        layer => layer.strip_suffix('.'),
    }
}

/// Returns the parts of a name without those of PyTorch's wrappers.
fn plain(name: &str) -> impl Iterator<Item = &str> {
    let is_wrapper = |part: &&str| matches!(*part, PARALLEL | COMPILED);
    let parts = name.split('.').skip_while(is_wrapper);
    parts.filter(|part| *part != COMPILED)
}

/// Returns the file's name of a tensor, which may have prefixes of wrappers that the given one
/// lacks. The name itself comes first.
pub(super) fn found(file: &Reader<'_>, name: &str) -> Result<Option<String>> {
    if file.shape(name).is_some() {
        return Ok(Some(name.to_owned()));
    }
    let mut wrapped = file.names().filter(|own| plain(own).eq(name.split('.')));
    match (wrapped.next(), wrapped.next()) {
        (Some(first), Some(second)) => Err(contradicts(format!(
            "tensor {}: it may be {} or {}; give the whole name",
            bounded(name.to_owned()),
            bounded(first.to_owned()),
            bounded(second.to_owned())
        ))),
        (first, _) => Ok(first.map(str::to_owned)),
    }
}

/// Returns the file's name of a layer that has this part.
pub(super) fn found_layer(file: &Reader<'_>, layer: &str, part: &str) -> Result<String> {
    let name = tensor(layer, part);
    let found = found(file, &name)?;
    let own = found.as_deref().and_then(|found| layer_of(found, part));
    own.map(str::to_owned)
        .ok_or_else(|| malformed(format!("there is no tensor {name}")))
}

/// Returns the words of a name, each with a flag that tells whether a number follows.
fn words(name: &str) -> impl Iterator<Item = (&str, bool)> {
    parts(name).map(|(word, digits)| (word, digits.is_empty()))
}

/// Returns the numbers of a name, as keys that compare by value.
fn numbers(name: &str) -> impl Iterator<Item = (usize, &str)> {
    // Digits of any length: without leading zeros, the longer number is larger.
    parts(name).map(|(_, digits)| {
        let digits = digits.trim_start_matches('0');
        (digits.len(), digits)
    })
}

/// Returns `true` if the names differ by numbers alone, and the second one has the larger ones.
pub(super) fn is_before(a: &str, b: &str) -> bool {
    words(a).eq(words(b)) && numbers(a).lt(numbers(b))
}

/// Returns `true` if all names differ by numbers alone.
pub(super) fn are_alike(names: &[&str]) -> bool {
    names
        .windows(2)
        .all(|pair| words(pair[0]).eq(words(pair[1])))
}

/// Orders the names of layers by their numbers.
pub(super) fn sort(layers: &mut [&str]) -> Result<()> {
    layers.sort_by(|a, b| numbers(a).cmp(numbers(b)));
    if layers.windows(2).all(|pair| is_before(pair[0], pair[1])) {
        return Ok(());
    }
    Err(contradicts(format!(
        "the numbers in these names do not order the layers: {}. Pass their names in order to \
         Mlp::from_state_dict_named",
        bounded(listed(layers))
    )))
}

/// Splits a name into words, each with the number that follows it. It leaves out compilation.
fn parts(name: &str) -> impl Iterator<Item = (&str, &str)> {
    let own = name.split('.').filter(|part| *part != COMPILED);
    own.flat_map(|mut rest| {
        core::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let is_digit = |c: char| c.is_ascii_digit();
            let (word, tail) = rest.split_at(rest.find(is_digit).unwrap_or(rest.len()));
            let end = tail.find(|c| !is_digit(c)).unwrap_or(tail.len());
            let (digits, tail) = tail.split_at(end);
            rest = tail;
            Some((word, digits))
        })
    })
}

/// Says what a tensor is that no layer has, and what to do.
pub(super) fn advice(name: &str) -> Option<&'static str> {
    let is = |parts: &[&str]| parts.iter().any(|part| layer_of(name, part).is_some());
    if let Some(advice) = parametrization(name) {
        Some(advice)
    } else if is(&["running_mean", "running_var"]) {
        Some(
            "Running means belong to a batch normalization. Say where it stands: \
             \"batch_norm -> relu\" in front of an activation, \"relu -> batch_norm\" behind it",
        )
    } else {
        None
    }
}

/// Says how to save weights that PyTorch computes from other tensors, if this is one of those.
pub(super) fn parametrization(name: &str) -> Option<&'static str> {
    let is = |parts: &[&str]| parts.iter().any(|part| layer_of(name, part).is_some());
    if is(&[
        "weight_g",
        "weight_v",
        "parametrizations.weight.original0",
        "parametrizations.weight.original1",
    ]) {
        Some(
            "It is part of a weight norm. Before saving, compute the weights with \
             torch.nn.utils.parametrize.remove_parametrizations(layer, \"weight\"), or with \
             torch.nn.utils.remove_weight_norm(layer)",
        )
    } else if is(&["weight_orig", "weight_u"]) || name.contains("parametrizations.") {
        Some(
            "It is part of a spectral norm or of another parametrization. Before saving, compute \
             the weights with torch.nn.utils.parametrize.remove_parametrizations(layer, \
             \"weight\"), or with torch.nn.utils.remove_spectral_norm(layer)",
        )
    } else {
        None
    }
}
