//! Steps of an imported model that become the layers of a network.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::Mlp;
use crate::activation::{Activation, Identity, LeakyRelu, Parametric, Relu};
use crate::affine::{Affine, Dense, at, rounded};
use crate::error::{Error, Result};
use crate::float::{Float, check_finite};
use crate::layer::Layer;

/// End of the note of a map in front of a layer.
const FOLDED_BEHIND: &str = " is folded into the layer behind it";

/// A network under construction, from the inputs on.
///
/// Affine maps become a part of the layer in front of them or behind them. Everything is computed
/// in f64 and rounded once.
pub(crate) struct Stack<T> {
    layers: Vec<Layer<T>>,
    pending: Pending,
    /// The inputs of `pending` among all features, if it has only some of them.
    picked: Option<Picked>,
    front: Option<Affine>,
    notes: Vec<String>,
    /// Number of features, if it is known.
    width: Option<usize>,
    /// Number of weights of layers that the model does not have.
    made: usize,
    malformed: fn(String) -> Error,
}

/// A finished network.
pub(crate) struct Stacked<T> {
    pub(crate) net: Mlp<T>,
    /// A map of the inputs that would lose digits in the first layer.
    pub(crate) front: Option<Affine>,
    /// Parts that were folded.
    pub(crate) notes: Vec<String>,
}

/// The affine map since the last activation.
enum Pending {
    Affine(Affine),
    Dense(Dense),
}

/// Some of `width` features.
struct Picked {
    columns: Vec<usize>,
    width: usize,
}

impl<T: Float> Stack<T> {
    /// Creates an empty network. `malformed` makes an error of a problem.
    pub(crate) fn new(malformed: fn(String) -> Error) -> Self {
        Self {
            layers: Vec::new(),
            pending: Pending::Affine(Affine::identity()),
            picked: None,
            front: None,
            notes: Vec::new(),
            width: None,
            made: 0,
            malformed,
        }
    }

    /// Sets the number of inputs of an empty network.
    pub(crate) fn inputs(mut self, inputs: usize) -> Self {
        self.width = Some(inputs);
        self
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
            // A small file could claim any number of features to pick from.
            let is_small = self.picked.as_ref().is_none_or(|of| of.width <= 1 << 24);
            if is_first && is_small && !map.is_precise::<T>() {
                let front = self.split(&map, &mut dense);
                self.front = Some(front);
                self.notes.retain(|note| !note.ends_with(FOLDED_BEHIND));
                self.note(String::from(
                    "the scaler of the inputs is returned, since their means are large and \
                     folding it would lose digits",
                ));
            } else {
                dense.after(&map);
            }
            self.spread(&mut dense)?;
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
                self.note(format!("{title}{FOLDED_BEHIND}"));
            }
        }
        Ok(())
    }

    /// Picks features by their indices, which count from the end if they are negative.
    #[cfg(feature = "onnx")]
    pub(crate) fn columns(&mut self, indices: &[i64], title: &str) -> Result<()> {
        let Some(width) = self.width else {
            return Err(self.fault(title, "it picks of an unknown number of features"));
        };
        let position = |&index: &i64| {
            let index = if index < 0 {
                index + width as i64
            } else {
                index
            };
            usize::try_from(index).ok().filter(|&index| index < width)
        };
        let Some(columns) = indices.iter().map(position).collect::<Option<Vec<_>>>() else {
            let problem = format!("expected indices of {width} features, got {indices:?}");
            return Err(self.fault(title, &crate::error::bounded(problem)));
        };
        let mut sorted = columns.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(self.fault(title, "it repeats a feature"));
        }
        self.width = Some(columns.len());
        match &mut self.pending {
            Pending::Dense(dense) => dense.pick(&columns),
            Pending::Affine(map) => {
                map.pick(&columns);
                let before = self.picked.take();
                self.picked = Some(match before {
                    Some(Picked { columns: of, width }) => {
                        let columns = columns.iter().map(|&index| of[index]).collect();
                        Picked { columns, width }
                    }
                    None => Picked { columns, width },
                });
            }
        }
        self.note(format!(
            "{title} picks features, and became a part of a layer"
        ));
        Ok(())
    }

    /// Returns a layer of an affine map.
    fn diagonal(&mut self, map: &Affine) -> Result<Dense> {
        let width = self.width.unwrap_or(map.width());
        self.charge(width, width)?;
        let mut dense = Dense::diagonal(map, width)?;
        self.spread(&mut dense)?;
        Ok(dense)
    }

    /// Checks the number of weights of layers that are mostly zeros. A small file could ask for any
    /// number, with one such layer in front of each activation.
    fn charge(&mut self, outputs: usize, inputs: usize) -> Result<()> {
        const MOST: usize = 1 << 24;
        self.made = self.made.saturating_add(outputs.saturating_mul(inputs));
        if self.made <= MOST {
            return Ok(());
        }
        let what = "weights of layers for affine maps and picked features";
        Err(Error::too_large(what, format!("at most {MOST}"), self.made))
    }

    /// Returns a map of all inputs that has an inverse. The layer behind it gets the rest of the
    /// map.
    fn split(&self, map: &Affine, dense: &mut Dense) -> Affine {
        let inputs = dense.inputs;
        let is_zero = |index| at(&map.factor, index) == 0.0;
        let rest = Affine {
            factor: (0..inputs)
                .map(|i| f64::from(u8::from(!is_zero(i))))
                .collect(),
            offset: (0..inputs)
                .map(|i| if is_zero(i) { at(&map.offset, i) } else { 0.0 })
                .collect(),
        };
        let mut front = Affine {
            factor: (0..inputs)
                .map(|i| if is_zero(i) { 1.0 } else { at(&map.factor, i) })
                .collect(),
            offset: (0..inputs)
                .map(|i| if is_zero(i) { 0.0 } else { at(&map.offset, i) })
                .collect(),
        };
        dense.after(&rest);
        if let Some(Picked { columns, width }) = &self.picked {
            let mut all = Affine {
                factor: vec![1.0; *width],
                offset: vec![0.0; *width],
            };
            for (index, &column) in columns.iter().enumerate() {
                all.factor[column] = front.factor[index];
                all.offset[column] = front.offset[index];
            }
            front = all;
        }
        front
    }

    /// Gives a layer of some features the weights 0 for all others.
    fn spread(&mut self, dense: &mut Dense) -> Result<()> {
        let Some(Picked { columns, width }) = self.picked.take() else {
            return Ok(());
        };
        self.charge(dense.bias.len(), width)?;
        dense.spread(&columns, width)
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
                self.note(format!(
                    "a layer without neurons of its own precedes {title}"
                ));
                self.diagonal(&map)?
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
                let problem = format!("{} numbers α for {} neurons", alpha.len(), to.len());
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
            Pending::Affine(map) => self.diagonal(&map)?,
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
            Pending::Affine(map) if map.is_identity() && self.picked.is_none() => None,
            Pending::Affine(map) => Some(self.diagonal(&map)?),
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

/// Returns max(0, x) + a · min(0, x), given a number a for all features or one for each, as an
/// activation and its numbers α.
pub(crate) fn prelu<T: Float>(a: &[f64]) -> (Arc<dyn Activation<T>>, Vec<f64>) {
    match *a {
        [first, ..] if a.iter().all(|a| *a == first) => {
            // α = 1 - a would cost digits.
            let activation: Arc<dyn Activation<T>> = match first {
                0.0 => Arc::new(Relu),
                slope => Arc::new(LeakyRelu { slope }),
            };
            (activation, Vec::new())
        }
        // x + (1 - a) · (max(0, x) - x)
        _ => {
            let alpha = a.iter().map(|a| 1.0 - a).collect();
            (Arc::new(Parametric(Relu)), alpha)
        }
    }
}

#[cfg(all(test, feature = "onnx"))]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// Each layer has a single weight for each row, but wants one for each feature.
    #[test]
    fn picked_features_share_a_budget_of_weights() {
        let malformed = |problem| Error::Malformed {
            what: "test",
            problem,
        };
        let mut stack = Stack::<f32>::new(malformed).inputs(1000);
        let mut add = || -> Result<()> {
            stack.columns(&[3], "pick")?;
            let dense = Dense {
                weights: vec![1.0; 1000],
                bias: vec![0.0; 1000],
                inputs: 1,
            };
            stack.dense(dense, "dense")?;
            stack.activation(Arc::new(Relu), &[], "relu")
        };
        let results: Vec<_> = (0..20).map(|_| add()).collect();
        assert!(results[..16].iter().all(Result::is_ok));
        let error = results[16].as_ref().unwrap_err().to_string();
        assert!(error.contains("picked features"), "{error}");
    }
}
