//! Steps of an imported model that become the layers of a network.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Mlp;
use crate::activation::{Activation, Identity};
use crate::affine::{Affine, Dense, at, rounded};
use crate::error::{Error, Result};
use crate::float::{Float, check_finite};
use crate::layer::Layer;

/// A network under construction, from the inputs on.
///
/// Affine maps become a part of the layer in front of them or behind them. Everything is computed
/// in f64 and rounded once.
pub(crate) struct Stack<T> {
    layers: Vec<Layer<T>>,
    pending: Pending,
    front: Option<Affine>,
    notes: Vec<String>,
    /// Number of features, if it is known.
    width: Option<usize>,
    malformed: fn(String) -> Error,
}

/// A finished network.
pub(crate) struct Stacked<T> {
    pub(crate) net: Mlp<T>,
    /// A map of the inputs that would lose digits in the first layer.
    pub(crate) front: Option<Affine>,
    /// Remarks about what was folded.
    pub(crate) notes: Vec<String>,
}

/// The maps since the last activation.
enum Pending {
    Affine(Affine),
    Dense(Dense),
}

impl<T: Float> Stack<T> {
    /// Creates an empty network. `malformed` makes an error of a problem.
    pub(crate) fn new(malformed: fn(String) -> Error) -> Self {
        Self {
            layers: Vec::new(),
            pending: Pending::Affine(Affine::identity()),
            front: None,
            notes: Vec::new(),
            width: None,
            malformed,
        }
    }

    /// Creates an empty network of this many inputs.
    #[cfg(feature = "rtneural")]
    pub(crate) fn of_inputs(inputs: usize, malformed: fn(String) -> Error) -> Self {
        Self {
            width: Some(inputs),
            ..Self::new(malformed)
        }
    }

    /// Adds a remark.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    fn fault(&self, title: &str, problem: &str) -> Error {
        (self.malformed)(format!("{title}: {problem}"))
    }

    fn take(&mut self) -> Pending {
        core::mem::replace(&mut self.pending, Pending::Affine(Affine::identity()))
    }

    /// Adds a dense layer. `title` names it in notes and errors.
    pub(crate) fn dense(&mut self, mut dense: Dense, title: &str) -> Result<()> {
        if dense.inputs == 0 || dense.bias.is_empty() {
            return Err(self.fault(title, "a layer without inputs or outputs"));
        }
        if let Some(width) = self.width
            && width != dense.inputs
        {
            let problem = format!("{} inputs behind {width} features", dense.inputs);
            return Err(self.fault(title, &problem));
        }
        if let Pending::Dense(_) = self.pending {
            self.activation(Arc::new(Identity), &[], title)?;
        }
        if let Pending::Affine(map) = self.take() {
            let is_first = self.layers.is_empty();
            if is_first && !map.is_precise::<T>() && map.factor.iter().all(|&f| f != 0.0) {
                self.front = Some(map);
                self.note(String::from(
                    "the scaler of the inputs is returned, since their means are large and \
                     folding it would lose digits",
                ));
            } else {
                dense.after(&map);
            }
        }
        self.width = Some(dense.bias.len());
        self.pending = Pending::Dense(dense);
        Ok(())
    }

    /// Adds a map of each feature.
    pub(crate) fn affine(&mut self, map: &Affine, title: &str) -> Result<()> {
        for numbers in [&map.factor, &map.offset] {
            let expected = self.width.unwrap_or(numbers.len());
            if numbers.is_empty() {
                return Err(self.fault(title, "a map without numbers"));
            }
            if numbers.len() != 1 && numbers.len() != expected {
                let problem = format!("{} numbers for {expected} features", numbers.len());
                return Err(self.fault(title, &problem));
            }
            if numbers.len() > 1 {
                self.width = Some(numbers.len());
            }
        }
        match &mut self.pending {
            Pending::Dense(dense) => {
                dense.then(map);
                // Others write the bias of a layer as a map of its own.
                if map.factor != [1.0] {
                    self.note(format!("{title} is folded into the layer in front of it"));
                }
            }
            Pending::Affine(before) => {
                before.then(map);
                self.note(format!("{title} is folded into the layer behind it"));
            }
        }
        Ok(())
    }

    /// Ends a layer with its activation, and with numbers α if it is parametric.
    pub(crate) fn activation(
        &mut self,
        activation: Arc<dyn Activation<T>>,
        alpha: &[f64],
        title: &str,
    ) -> Result<()> {
        if self.layers.is_empty() && !matches!(self.pending, Pending::Dense(_)) {
            let reason = "a function of the inputs in front of the first layer, which cannot be \
                          folded; export the network behind it";
            return Err(self.fault(title, reason));
        }
        let dense = match self.take() {
            Pending::Dense(dense) => dense,
            Pending::Affine(map) => {
                let width = self.width.unwrap_or(map.width());
                self.note(format!(
                    "a layer without neurons of its own precedes {title}"
                ));
                Dense::diagonal(&map, width)?
            }
        };
        self.width = Some(self.push(&dense, activation, alpha, title)?);
        Ok(())
    }

    /// Adds a layer, and returns the number of its outputs.
    fn push(
        &mut self,
        dense: &Dense,
        activation: Arc<dyn Activation<T>>,
        alpha: &[f64],
        title: &str,
    ) -> Result<usize> {
        let what = "numbers of an imported layer";
        let (weights, bias) = (rounded(what, &dense.weights)?, rounded(what, &dense.bias)?);
        let mut layer = Layer::new(weights, bias, activation)?;
        if !alpha.is_empty() {
            let to = layer.alpha_mut();
            if alpha.len() != 1 && alpha.len() != to.len() {
                let problem = format!("{} numbers for {} neurons", alpha.len(), to.len());
                return Err(self.fault(title, &problem));
            }
            for (index, to) in to.iter_mut().enumerate() {
                *to = T::from_f64(at(alpha, index));
            }
            check_finite("numbers α", to)?;
        }
        let outputs = layer.outputs();
        self.layers.push(layer);
        Ok(outputs)
    }

    /// Replaces two logits by one, the logit of the second class.
    pub(crate) fn subtract_logits(&mut self) -> Result<()> {
        let mut dense = match self.take() {
            Pending::Dense(dense) => dense,
            Pending::Affine(map) => Dense::diagonal(&map, self.width.unwrap_or(map.width()))?,
        };
        if dense.bias.len() != 2 {
            let problem = format!("expected logits of two classes, got {}", dense.bias.len());
            return Err((self.malformed)(problem));
        }
        dense.difference();
        self.note(String::from(
            "the logits of two classes became one, the logit of the second class",
        ));
        self.pending = Pending::Dense(dense);
        Ok(())
    }

    /// Returns the network.
    pub(crate) fn finish(mut self) -> Result<Stacked<T>> {
        let last = match self.take() {
            Pending::Affine(map) if map.is_identity() => None,
            Pending::Affine(map) => {
                let width = self.width.unwrap_or(map.width());
                Some(Dense::diagonal(&map, width)?)
            }
            Pending::Dense(dense) => Some(dense),
        };
        if let Some(dense) = last {
            self.push(&dense, Arc::new(Identity), &[], "the last layer")?;
        }
        if self.layers.is_empty() {
            return Err((self.malformed)("it has no dense layer".into()));
        }
        Ok(Stacked {
            net: Mlp::from_layers(&self.layers)?,
            front: self.front,
            notes: self.notes,
        })
    }
}
