//! From a network to JSON.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::{Debug, Write};

use crate::activation::is_built_in;
use crate::error::{Error, Result, bounded};
use crate::float::{Float, check_finite};
use crate::layer::Layer;
use crate::mlp::Mlp;
use crate::model::Classifier;

/// Returns a network as JSON of RTNeural. The [module](crate::rtneural) describes the format.
///
/// The activations may be `identity`, `tanh`, `relu`, `sigmoid` and `elu` with α = 1. `leaky_relu`
/// and `parametric(relu)` become a layer of the type `prelu`.
///
/// Fold a [`Scaler`](crate::Scaler) into the network first, because the format has none.
///
/// ```
/// use feedforward::{Mlp, activation::{Gelu, Identity, Relu}, rtneural};
///
/// let net = Mlp::<f64>::builder(1).hidden(4, Relu).output(1, Identity).build()?;
/// assert!(rtneural::export(&net)?.starts_with(r#"{"in_shape":[null,1]"#));
///
/// let other = Mlp::<f64>::builder(1).hidden(4, Gelu).output(1, Identity).build()?;
/// assert!(rtneural::export(&other).is_err());
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - [`Error::Incompatible`] names the layer whose activation RTNeural does not have, or the
///   encoding of the network.
/// - [`Error::NotFinite`] if a parameter is not finite.
pub fn export<T: Float>(net: &Mlp<T>) -> Result<String> {
    write(net, None)
}

/// Returns a classifier as JSON of RTNeural, whose outputs are probabilities.
///
/// The last layer ends with a softmax of one output for each class. For two classes, it has one
/// output, the probability of the second class, and ends with a sigmoid.
///
/// ```
/// use feedforward::{Classifier, Mlp, activation::Tanh, rtneural};
///
/// let builder = Mlp::<f32>::builder(4).hidden(8, Tanh).seed(1);
/// let model = Classifier::new(builder, ["kick", "snare", "hat"])?;
/// let json = rtneural::export_classifier(&model)?;
/// let imported = rtneural::import::<f32>(json.as_bytes())?;
/// assert_eq!(imported.network().params(), model.network().params());
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// As [`export`].
pub fn export_classifier<T: Float, L: Ord + Clone + Debug>(
    model: &Classifier<T, L>,
) -> Result<String> {
    let is_pair = model.network().outputs() == 1;
    write(
        model.network(),
        Some(if is_pair { "sigmoid" } else { "softmax" }),
    )
}

/// Writes a network. `link` is the activation behind the logits of a classifier.
fn write<T: Float>(net: &Mlp<T>, link: Option<&str>) -> Result<String> {
    let what = "network for RTNeural";
    if let Some(encoding) = net.encoding() {
        let name = bounded(encoding.name().into_owned());
        return Err(Error::incompatible(what, "no encoding", name));
    }
    check_finite("parameters", net.params())?;
    let mut layers = Vec::new();
    for (index, layer) in net.layers().enumerate() {
        let Some((activation, a)) = known(&layer) else {
            let name = bounded(layer.activation().name().into_owned());
            let expected = "the activations identity, tanh, relu, sigmoid, elu, leaky_relu or \
                            parametric(relu)";
            let got = format!("{name} in layer {index}");
            return Err(Error::incompatible(what, expected, got));
        };
        layers.push(dense(&layer, activation));
        if let Some(a) = a {
            let weights = format!("[[{}]]", list(a.into_iter()));
            layers.push(entry("prelu", "", layer.outputs(), &weights));
        }
    }
    if let Some(link) = link {
        layers.push(entry("activation", link, net.outputs(), "[]"));
    }
    let inputs = net.inputs();
    let layers = layers.join(",\n");
    Ok(format!(
        "{{\"in_shape\":[null,{inputs}],\"layers\":[\n{layers}\n]}}\n"
    ))
}

/// Returns RTNeural's name of a layer's activation, and the numbers a of a PReLU behind it.
fn known<T: Float>(layer: &Layer<T, &[T]>) -> Option<(&'static str, Option<Vec<f64>>)> {
    if !is_built_in(layer.activation()) {
        return None;
    }
    let name = layer.activation().name();
    Some(match &*name {
        "identity" => ("", None),
        "tanh" => ("tanh", None),
        "relu" => ("relu", None),
        "sigmoid" => ("sigmoid", None),
        "elu(1)" => ("elu", None),
        "parametric(relu)" => {
            let alpha = layer.alpha().iter();
            let a = alpha.map(|alpha| 1.0 - alpha.as_f64());
            ("", Some(a.collect()))
        }
        name => {
            let slope = name.strip_prefix("leaky_relu(")?.strip_suffix(')')?;
            ("", Some(vec![slope.parse().ok()?; layer.outputs()]))
        }
    })
}

/// Writes a dense layer with weights `[inputs][outputs]`.
fn dense<T: Float>(layer: &Layer<T, &[T]>, activation: &str) -> String {
    let (weights, inputs) = (layer.weights(), layer.inputs());
    let column = |index: usize| {
        let column = weights.iter().skip(index).step_by(inputs);
        list(column.map(|w| w.as_f64()))
    };
    let columns: Vec<_> = (0..inputs).map(column).collect();
    let bias = list(layer.bias().iter().map(|b| b.as_f64()));
    let weights = format!("[[{}],{bias}]", columns.join(","));
    entry("dense", activation, layer.outputs(), &weights)
}

fn entry(kind: &str, activation: &str, outputs: usize, weights: &str) -> String {
    format!(
        "{{\"type\":\"{kind}\",\"activation\":\"{activation}\",\"shape\":[null,{outputs}],\
         \"weights\":{weights}}}"
    )
}

/// Writes numbers with the digits that identify them.
fn list(numbers: impl Iterator<Item = f64>) -> String {
    let mut text = String::from("[");
    for (index, number) in numbers.enumerate() {
        let separator = if index == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{number:?}");
    }
    text.push(']');
    text
}
