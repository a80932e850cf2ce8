//! The description of a network, before it has parameters.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use rand::SeedableRng;

use super::Mlp;
use crate::activation::{Activation, check_pieces};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::init::{Fan, HeUniform, Initializer, Rng, round_into};
use crate::layout::Layout;

/// Describes a network layer by layer; [`build`](Self::build) checks it and draws the parameters.
///
/// ```
/// use feedforward::{Mlp, activation::{Identity, Relu, Tanh}, init::GlorotUniform};
///
/// let net = Mlp::<f64>::builder(4)
///     .hidden(16, Tanh)
///     .hidden_layers(2, 8, Relu)
///     .output(3, Identity)
///     .initializer(GlorotUniform)
///     .seed(42)
///     .build()?;
/// assert_eq!(net.depth(), 4);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MlpBuilder<T> {
    inputs: usize,
    hidden: Vec<(usize, Arc<dyn Activation<T>>)>,
    output: Option<(usize, Arc<dyn Activation<T>>)>,
    initializer: Arc<dyn Initializer>,
    seed: u64,
}

impl<T: Float> MlpBuilder<T> {
    pub(super) fn new(inputs: usize) -> Self {
        let initializer = Arc::new(HeUniform);
        Self {
            inputs,
            hidden: Vec::new(),
            output: None,
            initializer,
            seed: 0,
        }
    }

    /// Adds a hidden layer.
    pub fn hidden(self, neurons: usize, activation: impl Activation<T> + 'static) -> Self {
        self.hidden_layers(1, neurons, activation)
    }

    /// Adds `count` hidden layers of the same kind.
    pub fn hidden_layers(
        mut self,
        count: usize,
        neurons: usize,
        activation: impl Activation<T> + 'static,
    ) -> Self {
        let activation: Arc<dyn Activation<T>> = Arc::new(activation);
        self.hidden
            .extend((0..count).map(|_| (neurons, Arc::clone(&activation))));
        self
    }

    /// Sets the output layer.
    pub fn output(mut self, neurons: usize, activation: impl Activation<T> + 'static) -> Self {
        self.output = Some((neurons, Arc::new(activation)));
        self
    }

    /// Whether the output layer was set.
    pub(crate) fn has_output(&self) -> bool {
        self.output.is_some()
    }

    /// Sets where initial parameters come from; [`HeUniform`] unless told otherwise, which
    /// takes each layer's activation into account.
    pub fn initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.initializer = Arc::new(initializer);
        self
    }

    /// Sets the seed of the initial parameters, 0 unless told otherwise. A seed means the
    /// same parameters from release to release.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Makes the network.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the output layer is missing, a size is zero, an activation takes
    /// no pieces, the number of parameters is beyond what memory can address, or the
    /// initialiser's own parameters are out of range.
    pub fn build(self) -> Result<Mlp<T>> {
        let Some(output) = self.output else {
            return Err(Error::out_of_range(
                "output layer",
                "one (`output`)",
                "none",
            ));
        };
        self.initializer.check()?;
        let last_hidden = self.hidden.len().checked_sub(1);
        let layers: Vec<_> = self.hidden.into_iter().chain([output]).collect();
        let sizes = layers
            .iter()
            .map(|(neurons, activation)| Ok((*neurons, check_pieces(&**activation)?)))
            .collect::<Result<Vec<_>>>()?;
        check_sizes::<T>(self.inputs, &sizes)?;

        let layout = Layout::with_pieces(self.inputs, sizes);
        let activations: Vec<_> = layers.into_iter().map(|layer| layer.1).collect();
        let mut params = vec![T::zero(); layout.len()];
        let mut rng = Rng::seed_from_u64(self.seed);
        for (index, (at, activation)) in layout.layers().iter().zip(&activations).enumerate() {
            let mut weights = vec![0.0; at.weights.len()];
            let mut bias = vec![0.0; at.bias.len()];
            let name = activation.name();
            let hidden = last_hidden.map(|last| activations[index.min(last)].name());
            let fan = Fan {
                index,
                inputs: at.inputs,
                outputs: at.outputs,
                pieces: at.pieces,
                gain: activation.gain(),
                activation: &name,
                hidden_activation: hidden.as_deref(),
            };
            self.initializer
                .initialize(&fan, &mut rng, &mut weights, &mut bias);
            round_into(&weights, &mut params[at.weights.clone()]);
            round_into(&bias, &mut params[at.bias.clone()]);
        }
        Ok(Mlp {
            params,
            layout,
            activations,
        })
    }
}

/// Checks the number of inputs, and each layer's neurons and their pieces.
fn check_sizes<T>(inputs: usize, layers: &[(usize, usize)]) -> Result<()> {
    let neurons = layers.iter().map(|layer| ("neurons of a layer", layer.0));
    for (what, size) in [("inputs", inputs)].into_iter().chain(neurons) {
        if size == 0 {
            return Err(Error::out_of_range(what, "at least 1", 0));
        }
    }
    let fed_by = [inputs]
        .into_iter()
        .chain(layers.iter().map(|layer| layer.0));
    let total = fed_by
        .zip(layers)
        .try_fold(0usize, |sum, (inputs, &(neurons, pieces))| {
            inputs
                .checked_add(1)?
                .checked_mul(neurons.checked_mul(pieces)?)?
                .checked_add(sum)
        });
    let most = isize::MAX as usize / size_of::<T>();
    match total {
        Some(total) if total <= most => Ok(()),
        _ => Err(Error::out_of_range(
            "number of parameters",
            format!("at most {most}"),
            "more",
        )),
    }
}
