//! Networks as JSON of RTNeural, which runs them in plug-ins for audio.
//!
//! [RTNeural](https://github.com/jatinchowdhury18/RTNeural) is a C++ library that predicts without
//! allocation, sample by sample. [`export`] writes a network that this crate trained for it, and
//! [`import()`] reads networks that RTNeural's Python scripts have written.
//!
//! ```
//! use feedforward::{Mlp, activation::{Identity, Tanh}, rtneural};
//!
//! let net = Mlp::<f32>::builder(2).hidden(8, Tanh).output(1, Identity).seed(1).build()?;
//! let json: String = rtneural::export(&net)?; // std::fs::write("net.json", json)
//! let same = rtneural::import::<f32>(json.as_bytes())?.into_network()?;
//! assert_eq!(same.params(), net.params());
//! # Ok::<(), feedforward::Error>(())
//! ```
//!
//! # Format
//!
//! A model has the shape of its inputs and a list of layers. Weights are `[inputs][outputs]`, as in
//! Keras:
//!
//! ```text
//! {"in_shape": [null, 2], "layers": [
//!   {"type": "dense", "activation": "tanh", "shape": [null, 8],
//!    "weights": [[[...], [...]], [...]]},
//!   ...
//! ]}
//! ```
//!
//! | `type` | read as | `weights` |
//! |---|---|---|
//! | `dense`, `time-distributed-dense` | a layer | `[inputs][outputs]`, `[outputs]` |
//! | `activation` | the activation of the layer in front of it | none |
//! | `prelu` | [`LeakyRelu`], or [`Parametric`] around [`Relu`] | a, `[1][outputs]` or `[1][1]` |
//! | `batchnorm` | a part of the layer next to it | γ, β, mean, var, or mean, var |
//! | `unknown` | nothing, with a note | none |
//!
//! [`LeakyRelu`]: crate::activation::LeakyRelu
//! [`Parametric`]: crate::activation::Parametric
//! [`Relu`]: crate::activation::Relu
//!
//! ```text
//! dense      y = f(x·W + b)
//! prelu      y = x if x ≥ 0, and a·x otherwise
//! batchnorm  y = γ·(x - mean) / √(var + ε) + β
//! ```
//!
//! The types `conv1d`, `conv2d`, `gru`, `lstm` and `batchnorm2d` are refused by name, as are all
//! others. Activations are `tanh`, `relu`, `sigmoid`, `elu`, `softmax` in the last layer, and the
//! empty text for none.
//!
//! # Numbers
//!
//! Numbers are written with all digits, so they read back bit-identical, in RTNeural too. f32 is
//! written as the equal f64. RTNeural adds up in another order than this crate, so predictions
//! differ by rounding.

#![cfg(target_has_atomic = "ptr")]

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{Error, Result, bounded};
use crate::float::Float;
use crate::mlp::Mlp;
use crate::model::{Classifier, Scaler};

mod read;
mod step;
mod write;

pub use write::{export, export_classifier};

/// Name of the data in errors.
const WHAT: &str = "RTNeural model";

fn malformed(problem: String) -> Error {
    Error::Malformed {
        what: WHAT,
        problem: bounded(problem),
    }
}

/// A model from RTNeural's JSON.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Imported<T> {
    /// The network, or a classifier around it.
    pub model: ImportedModel<T>,
    /// A scaler that inputs need first. It is `None` for most models. A `batchnorm` of the inputs
    /// becomes a part of the first layer, unless their means are so large that digits would be
    /// lost.
    pub scaler: Option<Scaler<T>>,
    /// Remarks about what was folded or skipped, and what may have been lost before.
    pub notes: Vec<String>,
}

/// Kind of an imported model.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ImportedModel<T> {
    /// A network whose outputs are numbers.
    Network(Mlp<T>),
    /// A network of logits, because the model ended with a softmax. The classes are 0, 1, 2, ...
    Classifier(Classifier<T, usize>),
}

impl<T: Float> Imported<T> {
    /// Returns the network. That of a classifier predicts logits.
    pub fn network(&self) -> &Mlp<T> {
        match &self.model {
            ImportedModel::Network(net) => net,
            ImportedModel::Classifier(model) => model.network(),
        }
    }

    /// Returns the network of a model that is no classifier, and needs no scaler.
    ///
    /// # Errors
    /// [`Error::Incompatible`] if it is a classifier, or needs a scaler.
    pub fn into_network(self) -> Result<Mlp<T>> {
        let got = match (self.model, self.scaler) {
            (ImportedModel::Network(net), None) => return Ok(net),
            (ImportedModel::Network(_), Some(_)) => "a network that needs its scaler",
            (ImportedModel::Classifier(_), _) => "a classifier",
        };
        Err(Error::incompatible(
            "imported model",
            "a network alone",
            got,
        ))
    }
}

/// Reads a model of dense layers from RTNeural's JSON. The [module](self) lists what is read.
///
/// A `batchnorm` becomes a part of the layer next to it. This is computed in f64 and rounded once.
/// A layer without a bias gets zeros.
///
/// RTNeural's Python scripts write the type `unknown` and an empty activation for what they do not
/// know, and RTNeural skips both. So does this function, and the notes say where. Compare
/// predictions with those of the original model then.
///
/// ```
/// use feedforward::rtneural;
///
/// let json = br#"{"in_shape": [null, 2], "layers": [
///     {"type": "dense", "activation": "", "shape": [null, 1],
///      "weights": [[[2.0], [-1.0]], [0.5]]},
///     {"type": "activation", "activation": "relu", "shape": [null, 1], "weights": []}
/// ]}"#;
/// let imported = rtneural::import::<f32>(json)?;
/// assert!(imported.notes.is_empty());
/// assert_eq!(imported.network().predict(&[1.0, 0.5, 0.0, 4.0])?, [2.0, 0.0]);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - [`Error::Malformed`] if the bytes are no JSON of RTNeural, or if sizes do not fit. Also for a
///   layer or an activation that no dense network has, which the message names.
/// - [`Error::NotFinite`] if a number is not finite in the network's type.
/// - [`Error::TooLarge`] if there is not enough memory.
pub fn import<T: Float>(json: &[u8]) -> Result<Imported<T>> {
    read::read(json)
}
