//! Serialization of networks with serde, and the description of their layers.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Mlp, check_finite};
use crate::activation::{self, Activation};
use crate::encoding;
use crate::error::{Error, Result, check_length};
use crate::float::Float;
use crate::layer::Layer;
use crate::layout::Layout;

/// Description of one layer.
#[derive(Serialize, Deserialize)]
pub(super) struct Described {
    pub(super) activation: String,
    pub(super) outputs: usize,
    #[serde(default = "one")]
    pub(super) pieces: usize,
}

fn one() -> usize {
    1
}

impl Described {
    /// Returns the number of rows of the layer's weights, after checking that it can have this
    /// activation.
    pub(super) fn rows<T: Float>(&self, activation: &dyn Activation<T>) -> Result<usize> {
        let expected = activation.pieces();
        if self.pieces != expected {
            let expected = format!("{expected} for {}", self.activation);
            return Err(Error::invalid_setting("pieces", expected, self.pieces));
        }
        let rows = self.outputs.checked_mul(self.pieces);
        let rows = rows.filter(|&rows| rows > 0);
        rows.ok_or_else(|| Error::invalid_setting("outputs", "1 or more", self.outputs))
    }
}

/// Returns the descriptions of layers, in order.
pub(super) fn described<T: Float>(
    layout: &Layout,
    activations: &[Arc<dyn Activation<T>>],
) -> Vec<Described> {
    let layers = layout.layers().iter().zip(activations);
    let described = layers.map(|(at, activation)| Described {
        activation: activation.name().into_owned(),
        outputs: at.outputs,
        pieces: at.pieces,
    });
    described.collect()
}

/// Version of the serialized form.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename = "Mlp")]
struct Whole<T> {
    version: u32,
    inputs: usize,
    layers: Vec<Described>,
    params: Vec<T>,
    #[serde(default)]
    encoding: Option<String>,
    #[serde(default = "Vec::new")]
    constants: Vec<T>,
}

/// Serializes a version, the number of inputs, the layers (activations by name) and the parameters.
/// A parameter that is not finite is an error.
impl<T: Float + Serialize> Serialize for Mlp<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> core::result::Result<S::Ok, S::Error> {
        check_finite("parameters", &self.params).map_err(S::Error::custom)?;
        let whole = Whole {
            version: VERSION,
            inputs: self.inputs(),
            layers: described(&self.layout, &self.activations),
            params: self.params.clone(),
            encoding: self.encoding().map(|encoding| encoding.name().into_owned()),
            constants: self
                .encoding()
                .map_or_else(Vec::new, |encoding| encoding.constants().to_vec()),
        };
        whole.serialize(serializer)
    }
}

/// Deserializes networks whose activations are all from this crate.
///
/// A network of f64 is read bit-identical if the format preserves f64 numbers. `serde_json` needs
/// its feature `float_roundtrip` for that. By default the last bit may differ.
impl<'a, T: Float + Deserialize<'a>> Deserialize<'a> for Mlp<T> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> core::result::Result<Self, D::Error> {
        let whole = Whole::<T>::deserialize(deserializer)?;
        whole.network().map_err(D::Error::custom)
    }
}

impl<T: Float> Whole<T> {
    fn network(self) -> Result<Mlp<T>> {
        if self.version != VERSION {
            let (what, got) = ("version", self.version);
            let problem = format!("expected {VERSION}, got {got}");
            return Err(Error::Malformed { what, problem });
        }
        let encoding = match &self.encoding {
            None => None,
            Some(name) => Some(encoding::parse(name, &self.constants)?),
        };
        let width = encoding
            .as_ref()
            .map_or(self.inputs, |encoding| encoding.outputs());
        let (mut inputs, mut rest) = (width, &self.params[..]);
        let mut layers = Vec::new();
        for layer in &self.layers {
            let activation = activation::parse(&layer.activation)?;
            let rows = layer.rows(&*activation)?;
            let first = |len: usize| {
                let part = &rest[..len.min(rest.len())];
                check_length("parameters", part, len).map(|()| part)
            };
            let weights = first(rows.saturating_mul(inputs))?;
            let both = first(weights.len().saturating_add(rows))?;
            let alphas = if activation.is_parametric() {
                layer.outputs
            } else {
                0
            };
            let all = first(both.len().saturating_add(alphas))?;
            let mut owned = Layer::new(weights, &both[weights.len()..], activation)?;
            owned.alpha_mut().copy_from_slice(&all[both.len()..]);
            layers.push(owned);
            (inputs, rest) = (layer.outputs, &rest[all.len()..]);
        }
        check_finite("parameters", &self.params)?;
        let net = Mlp::from_layers(&layers)?;
        let Some(encoding) = encoding else {
            let used = self.params.len() - rest.len();
            check_length("parameters", &self.params, used)?;
            return Ok(net);
        };
        let net = net.with_encoding(encoding, rest)?;
        if net.inputs() != self.inputs {
            let (what, expected) = ("inputs", format!("{}, those of the encoding", net.inputs()));
            return Err(Error::shape(what, expected, self.inputs));
        }
        Ok(net)
    }
}
