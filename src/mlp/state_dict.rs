//! Networks from PyTorch: tensors without a description.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Mlp;
use super::file::Part;
use crate::activation::{self, check_pieces};
use crate::error::{Result, bounded, listed};
use crate::float::Float;
use crate::storage::{Reader, contradicts, malformed};

impl<T: Float> Mlp<T> {
    /// Reads a network from a PyTorch `state_dict` that was saved as safetensors, given the
    /// activations of its layers in order.
    ///
    /// Each tensor whose name ends in `.weight` is a layer, of shape `[outputs, inputs]`. A layer
    /// without `.bias` gets zeros. Numbers α of a [`Parametric`](crate::activation::Parametric)
    /// activation are `.alpha`, and ones by default.
    ///
    /// The values of the numbers in the names order the layers: `0`, `2`, `10` as in
    /// `torch.nn.Sequential`, or `fc1`, `fc2`. Names that differ by more than numbers, such as
    /// `encoder` and `decoder`, have no order. Pass them to
    /// [`from_state_dict_named`](Self::from_state_dict_named).
    ///
    /// The tensors may be F64, F32, F16 or BF16.
    ///
    /// ```no_run
    /// use feedforward::Mlp;
    ///
    /// // safetensors.torch.save_file(model.state_dict(), "model.safetensors")
    /// let bytes = std::fs::read("model.safetensors").unwrap();
    /// let net = Mlp::<f32>::from_state_dict(&bytes, &["tanh", "tanh", "identity"])?;
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes). [`Error::Malformed`](crate::Error::Malformed) also if:
    /// - the names have no order,
    /// - the number of layers is not the number of activations,
    /// - two successive layers do not fit,
    /// - a tensor is part of no layer, such as the running mean of a normalization.
    pub fn from_state_dict(bytes: &[u8], activations: &[&str]) -> Result<Self> {
        let file = Reader::foreign(bytes)?;
        let layers = in_order(&file)?;
        if layers.len() != activations.len() {
            let (got, expected) = (layers.len(), activations.len());
            return Err(contradicts(format!(
                "expected {expected} layers, one for each activation, got {got}: {}",
                bounded(listed(&layers))
            )));
        }
        let activations = activations.iter().copied();
        Self::of_layers(&file, layers.iter().copied().zip(activations), &[])
    }

    /// Reads a network from a PyTorch `state_dict`, given the names of its layers and their
    /// activations in order, and the names of tensors to ignore.
    ///
    /// A layer's name is the name of its weights without `.weight`. For a single `torch.nn.Linear`
    /// it is empty. Ignore only tensors that play no part in a prediction. Leaving out running
    /// means, for example, changes every result.
    ///
    /// ```
    /// use feedforward::{Mlp, activation::{Identity, Tanh}};
    ///
    /// let net = Mlp::<f32>::builder(4).hidden(2, Tanh).output(4, Identity).build()?;
    /// let layers = [("layers.0", "tanh"), ("layers.1", "identity")]; // or encoder and decoder
    /// let same = Mlp::<f32>::from_state_dict_named(&net.to_bytes()?, &layers, &[])?;
    /// assert_eq!(same.params(), net.params());
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_state_dict`](Self::from_state_dict). [`Error::Malformed`](crate::Error::Malformed)
    /// also if a named tensor does not exist.
    pub fn from_state_dict_named(
        bytes: &[u8],
        layers: &[(&str, &str)],
        ignored: &[&str],
    ) -> Result<Self> {
        Self::of_layers(&Reader::foreign(bytes)?, layers.iter().copied(), ignored)
    }

    /// Builds the network from layers with these names and activations.
    fn of_layers<'n>(
        file: &Reader<'_>,
        layers: impl Iterator<Item = (&'n str, &'n str)>,
        ignored: &[&str],
    ) -> Result<Self> {
        let (mut first, mut inputs) = (None, None);
        let mut parts = Vec::new();
        for (name, activation) in layers {
            let activation = activation::parse::<T>(activation)?;
            let [weight, bias, alpha] = ["weight", "bias", "alpha"].map(|part| tensor(name, part));
            let Some(shape) = file.shape(&weight) else {
                return Err(malformed(format!("there is no tensor {weight}")));
            };
            let (rows, width) = matrix(&weight, shape)?;
            let before = *inputs.get_or_insert(width);
            if before != width {
                return Err(malformed(format!(
                    "tensor {weight}: expected {before} inputs, the outputs of the previous layer, \
                     got {width}"
                )));
            }
            let pieces = check_pieces(&*activation)?;
            if !rows.is_multiple_of(pieces) {
                return Err(malformed(format!(
                    "tensor {weight}: expected {pieces} rows for each output of {}, got {rows} in all",
                    activation.name()
                )));
            }
            let outputs = rows / pieces;
            inputs = Some(outputs);
            first.get_or_insert(width);
            parts.push(Part {
                weight,
                bias: file.shape(&bias).map(|_| bias),
                alpha: file
                    .shape(&alpha)
                    .filter(|_| activation.is_parametric())
                    .map(|_| alpha),
                outputs,
                activation,
            });
        }
        let net = Self::of_tensors(file, first.unwrap_or(0), parts)?;
        ignored.iter().try_for_each(|name| file.ignore(name))?;
        file.unread("").map_or(Ok(net), |names| {
            Err(contradicts(format!(
                "these tensors are part of no layer: {names}. If predictions do not depend on them, \
                 give their names to Mlp::from_state_dict_named, which can ignore them"
            )))
        })
    }
}

/// Returns the name of a layer's tensor.
fn tensor(layer: &str, part: &str) -> String {
    match layer {
        "" => part.into(),
        _ => format!("{layer}.{part}"),
    }
}

/// Returns the rows and columns of a layer's weights.
fn matrix(name: &str, shape: &[usize]) -> Result<(usize, usize)> {
    match *shape {
        // A tensor with no elements could claim any size.
        [rows, columns] if rows > 0 && columns > 0 => Ok((rows, columns)),
        _ => Err(malformed(format!(
            "tensor {name}: expected the weights of a linear layer, [outputs, inputs], got \
             shape {shape:?}"
        ))),
    }
}

/// Returns the names of all layers, ordered by the numbers in them.
fn in_order<'f>(file: &'f Reader<'_>) -> Result<Vec<&'f str>> {
    let mut layers = Vec::new();
    for name in file.names() {
        let layer = match name {
            "weight" => Some(""),
            _ => name.strip_suffix(".weight"),
        };
        if let Some(layer) = layer {
            matrix(name, file.shape(name).unwrap_or_default())?;
            layers.push(layer);
        }
    }
    // Compares digits of any length as numbers: without leading zeros, the longer one is larger.
    let value = |(_, digits): (_, &'f str)| {
        let digits = digits.trim_start_matches('0');
        (digits.len(), digits)
    };
    let numbers = |name| parts(name).map(value);
    let words = |name| parts(name).map(|(word, digits)| (word, digits.is_empty()));
    layers.sort_by(|a, b| numbers(a).cmp(numbers(b)));
    let mut pairs = layers.windows(2);
    let has_order = |pair: &[&'f str]| {
        words(pair[0]).eq(words(pair[1])) && numbers(pair[0]).ne(numbers(pair[1]))
    };
    if pairs.all(has_order) {
        return Ok(layers);
    }
    Err(contradicts(format!(
        "the numbers in these names do not order the layers: {}. Pass their names in order to \
         Mlp::from_state_dict_named",
        bounded(listed(&layers))
    )))
}

/// Splits a name into words, each with the number that follows it.
fn parts(mut rest: &str) -> impl Iterator<Item = (&str, &str)> {
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
}
