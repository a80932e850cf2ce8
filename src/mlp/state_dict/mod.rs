//! Networks from PyTorch: tensors without a description.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Mlp;
use super::file::Part;
use crate::activation::{self, check_pieces};
use crate::affine::Affine;
use crate::error::{Result, bounded, listed};
use crate::float::Float;
use crate::storage::{Reader, contradicts, malformed};

mod names;
mod norms;

use norms::Steps;

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
    /// The tensors may be F64, F32, F16 or BF16, and are converted exactly if the network's type
    /// can hold them. Names may begin with `module.` (`DataParallel`) or contain `_orig_mod.`
    /// (`torch.compile`).
    ///
    /// # Batch normalization
    ///
    /// In place of an activation, an entry may have all steps of a layer in order, with
    /// `batch_norm` among them:
    ///
    /// | entry | layer |
    /// |---|---|
    /// | `relu` | linear, ReLU |
    /// | `batch_norm -> relu` | linear, batch normalization, ReLU |
    /// | `relu -> batch_norm` | linear, ReLU, batch normalization |
    /// | `batch_norm -> linear -> relu` | batch normalization of the inputs, linear, ReLU |
    /// | `batch_norm(bn1) -> relu` | the same as the second, and the normalization is named `bn1` |
    ///
    /// It becomes a part of the layer in front of it or, behind an activation, of the next one:
    ///
    /// ```text
    /// y = γ·(x - mean) / √(var + ε) + β
    /// ```
    ///
    /// γ, β, mean and var are the tensors `.weight`, `.bias`, `.running_mean` and `.running_var`,
    /// `[features]`. Without both `.weight` and `.bias` (`affine=False`), γ is 1 and β is 0. ε is
    /// PyTorch's default, 1e-5, since the file does not have it. The fold is computed in f64 and
    /// rounded once. Names are taken in the order of their numbers, like those of layers.
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
    /// - the number of batch normalizations is not that of the entries, or one is incomplete,
    /// - a tensor is part of no layer, such as those of a weight norm or of a LayerNorm.
    pub fn from_state_dict(bytes: &[u8], activations: &[&str]) -> Result<Self> {
        let file = Reader::foreign(bytes)?;
        if let Some((name, advice)) = parametrized(&file) {
            return Err(contradicts(format!("tensor {name:?}: {advice}")));
        }
        let layers = in_order(&file)?;
        if layers.len() != activations.len() {
            let (got, expected) = (layers.len(), activations.len());
            return Err(contradicts(format!(
                "expected {expected} layers, one for each activation, got {got}: {}",
                bounded(listed(&layers))
            )));
        }
        let mut layers = steps(layers.iter().copied().zip(activations.iter().copied()))?;
        let has_names = layers.iter().any(|(_, steps)| steps.has_names());
        norms::name_norms(&file, &mut layers, |_| false)?;
        if !has_names {
            norms::check_order(&layers)?;
        }
        Self::of_layers(&file, &layers, &[])
    }

    /// Reads a network from a PyTorch `state_dict`, given the names of its layers and their
    /// activations in order, and the names of tensors to ignore.
    ///
    /// A layer's name is the name of its weights without `.weight`. For a single `torch.nn.Linear`
    /// it is empty. Prefixes of wrappers (`module.`, `_orig_mod.`) may be left out. Ignore only
    /// tensors that play no part in a prediction. Leaving out running
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
        let file = Reader::foreign(bytes)?;
        let mut ignore = Vec::new();
        for name in ignored {
            let found = names::found(&file, name)?;
            ignore.push(found.unwrap_or_else(|| (*name).into()));
        }
        let mut layers = steps(layers.iter().copied())?;
        norms::name_norms(&file, &mut layers, |name| {
            ignore.iter().any(|of| of == name)
        })?;
        Self::of_layers(&file, &layers, &ignore)
    }

    /// Builds the network from layers with these names and steps.
    fn of_layers(
        file: &Reader<'_>,
        layers: &[(&str, Steps<'_>)],
        ignored: &[String],
    ) -> Result<Self> {
        let (mut first, mut inputs) = (None, None);
        let mut parts = Vec::new();
        // Maps between the last activation and the next weights.
        let mut front = None;
        for (name, steps) in layers {
            let activation = activation::parse::<T>(steps.activation)?;
            let name =
                names::found_layer(file, name, "weight").map_err(|error| {
                    match parametrized(file).filter(|(of, _)| of.starts_with(name)) {
                        Some((name, advice)) => contradicts(format!("tensor {name:?}: {advice}")),
                        None => error,
                    }
                })?;
            let [weight, bias, alpha] =
                ["weight", "bias", "alpha"].map(|part| names::tensor(&name, part));
            let (rows, width) = matrix(&weight, file.shape(&weight).unwrap_or_default())?;
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
            norms::append(&mut front, norms::read(file, &steps.before, width)?);
            let is_lossy = |map: &Affine| parts.is_empty() && !map.is_precise::<T>();
            if front.as_ref().is_some_and(is_lossy) {
                return Err(norms::imprecise(steps.before.first()));
            }
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
                front: front.take(),
                back: norms::read(file, &steps.inside, rows)?,
            });
            front = norms::read(file, &steps.after, outputs)?;
        }
        if front.is_some() {
            return Err(contradicts(String::from(
                "a batch normalization behind the last activation belongs to no layer; if the \
                 activation is the identity, write \"batch_norm -> identity\"",
            )));
        }
        let net = Self::of_tensors(file, first.unwrap_or(0), parts)?;
        ignored.iter().try_for_each(|name| file.ignore(name))?;
        let Some(names) = file.unread("") else {
            return Ok(net);
        };
        let advice = file.unread_names().find_map(names::advice);
        let advice = advice.unwrap_or(
            "If predictions do not depend on them, give their names to \
             Mlp::from_state_dict_named, which can ignore them",
        );
        Err(contradicts(format!(
            "these tensors are part of no layer: {names}. {advice}"
        )))
    }
}

/// Parses the steps of all layers.
fn steps<'n>(
    layers: impl Iterator<Item = (&'n str, &'n str)>,
) -> Result<Vec<(&'n str, Steps<'n>)>> {
    layers
        .map(|(name, text)| Ok((name, Steps::parse(text)?)))
        .collect()
}

/// Returns the first tensor from which PyTorch computes weights, and what to do.
fn parametrized<'f>(file: &'f Reader<'_>) -> Option<(&'f str, &'static str)> {
    file.names()
        .find_map(|name| Some((name, names::parametrization(name)?)))
}

/// Returns the rows and columns of a layer's weights.
fn matrix(name: &str, shape: &[usize]) -> Result<(usize, usize)> {
    match *shape {
        // A tensor with no elements could claim any size.
        [rows, columns] if rows > 0 && columns > 0 => return Ok((rows, columns)),
        _ => {}
    }
    let reason = match shape {
        [_] => {
            ". It may be that of a LayerNorm, an RMSNorm or a PReLU, or of a batch normalization \
             without running statistics, which no layer can have"
        }
        _ => "",
    };
    Err(malformed(format!(
        "tensor {name}: expected the weights of a linear layer, [outputs, inputs], got shape \
         {shape:?}{reason}"
    )))
}

/// Returns the names of all linear layers, ordered by the numbers in them.
fn in_order<'f>(file: &'f Reader<'_>) -> Result<Vec<&'f str>> {
    let mut layers = Vec::new();
    for name in file.names() {
        if let Some(layer) = names::layer_of(name, "weight")
            && !norms::is_norm(file, layer)
        {
            matrix(name, file.shape(name).unwrap_or_default())?;
            layers.push(layer);
        }
    }
    names::sort(&mut layers)?;
    Ok(layers)
}
