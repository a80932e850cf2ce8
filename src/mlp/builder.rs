//! Builder that describes a network before it has parameters.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::iter::repeat_n;

use rand::SeedableRng;

use super::Mlp;
use crate::activation::{Activation, check_pieces, without_alpha};
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::init::{HeUniform, Initializer, LayerInfo, Rng, round_into};
use crate::layout::{LayerSize, Layout, check_depth};
use crate::memory;

/// Builder that describes a network layer by layer.
///
/// [`build`](Self::build) checks the description and draws the initial parameters.
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
#[must_use = "`build` makes the network"]
pub struct MlpBuilder<T> {
    inputs: usize,
    encoding: Option<Arc<dyn Encoding<T>>>,
    hidden: Vec<Run<T>>,
    output: Option<Run<T>>,
    initializer: Arc<dyn Initializer>,
    seed: u64,
}

/// Run of equal, successive layers.
#[derive(Clone, Debug)]
struct Run<T> {
    count: usize,
    neurons: usize,
    activation: Arc<dyn Activation<T>>,
}

impl<T: Float> Run<T> {
    fn new(count: usize, neurons: usize, activation: impl Activation<T> + 'static) -> Self {
        Self {
            count,
            neurons,
            activation: Arc::new(activation),
        }
    }
}

impl<T: Float> MlpBuilder<T> {
    pub(super) fn new(inputs: usize) -> Self {
        Self {
            inputs,
            encoding: None,
            hidden: Vec::new(),
            output: None,
            initializer: Arc::new(HeUniform),
            seed: 0,
        }
    }

    /// Sets the encoding between the inputs and the first layer. Default: none.
    ///
    /// The network trains the encoding's parameters together with those of its layers.
    pub fn encoding(mut self, encoding: impl Encoding<T> + 'static) -> Self {
        self.encoding = Some(Arc::new(encoding));
        self
    }

    /// Adds a hidden layer.
    pub fn hidden(self, neurons: usize, activation: impl Activation<T> + 'static) -> Self {
        self.hidden_layers(1, neurons, activation)
    }

    /// Adds `count` equal hidden layers.
    pub fn hidden_layers(
        mut self,
        count: usize,
        neurons: usize,
        activation: impl Activation<T> + 'static,
    ) -> Self {
        self.hidden.push(Run::new(count, neurons, activation));
        self
    }

    /// Sets the output layer.
    pub fn output(mut self, neurons: usize, activation: impl Activation<T> + 'static) -> Self {
        self.output = Some(Run::new(1, neurons, activation));
        self
    }

    /// Returns `true` if the output layer is set.
    pub(crate) fn has_output(&self) -> bool {
        self.output.is_some()
    }

    /// Sets the initializer of the parameters. Default: [`HeUniform`], which takes each layer's
    /// activation into account.
    pub fn initializer(mut self, initializer: impl Initializer + 'static) -> Self {
        self.initializer = Arc::new(initializer);
        self
    }

    /// Sets the seed of the initial parameters. Default: 0. A seed produces equal parameters in all
    /// releases.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Builds the network.
    ///
    /// # Errors
    /// - [`Error::Missing`] without an output layer.
    /// - [`Error::InvalidSetting`] if a size is zero, or if a setting of an activation or of the
    ///   initializer is out of range.
    /// - [`Error::InvalidSetting`] if the [parts](Encoding::part_len) of the encoding do not have its
    ///   number of parameters.
    /// - [`Error::TooLarge`] for more layers or parameters than a [`Layout`] can have, or than fit
    ///   in memory.
    /// - [`Error::NotFinite`] if an initial parameter is not finite in this precision.
    pub fn build(self) -> Result<Mlp<T>> {
        let Some(output) = self.output else {
            let (what, expected) = ("output layer", "one (`output`)");
            return Err(Error::Missing { what, expected });
        };
        self.initializer.check()?;
        // Checks the number of layers before anything is allocated for each layer.
        let count = self.hidden.iter().map(|run| run.count);
        let depth = count.fold(0, usize::saturating_add);
        check_depth(depth.saturating_add(1))?;
        let last_hidden = depth.checked_sub(1);
        let runs = self.hidden.into_iter().chain([output]);
        let layers = runs.flat_map(|run| repeat_n((run.neurons, run.activation), run.count));
        let layers: Vec<_> = layers.collect();
        let sizes = layers
            .iter()
            .map(|(neurons, activation)| {
                Ok(LayerSize {
                    outputs: *neurons,
                    pieces: check_pieces(&**activation)?,
                    is_parametric: activation.is_parametric(),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let width = match &self.encoding {
            None => self.inputs,
            Some(encoding) if encoding.inputs() == self.inputs => encoding.outputs(),
            Some(encoding) => {
                let (what, expected) = ("inputs of the encoding", self.inputs.to_string());
                return Err(Error::shape(what, expected, encoding.inputs()));
            }
        };
        let layout = Layout::of_sizes(width, sizes)?;
        let activations: Vec<_> = layers.into_iter().map(|layer| layer.1).collect();
        let mut params = memory::filled("parameters", T::zero(), layout.len())?;
        let mut rng = Rng::seed_from_u64(self.seed);
        for (index, (at, activation)) in layout.layers().iter().zip(&activations).enumerate() {
            let mut weights = memory::filled("weights", 0.0, at.weights.len())?;
            let mut bias = memory::filled("biases", 0.0, at.bias.len())?;
            let name = activation.name();
            let hidden = last_hidden.map(|last| activations[index.min(last)].name());
            // At first each α is 1, so a parametric activation is that inside it.
            let (name, hidden) = (without_alpha(&name), hidden.as_deref().map(without_alpha));
            let fan = LayerInfo {
                index,
                inputs: at.inputs,
                outputs: at.outputs,
                pieces: at.pieces,
                gain: activation.gain(),
                activation: name,
                hidden_activation: hidden,
            };
            self.initializer
                .initialize(&fan, &mut rng, &mut weights, &mut bias);
            let (to_weights, to_bias, alpha) = at.split_mut(&mut params);
            round_into("initial weights", &weights, to_weights)?;
            round_into("initial biases", &bias, to_bias)?;
            alpha.fill(T::one());
        }
        let net = Mlp {
            inputs: layout.layers()[0].inputs,
            params,
            layout,
            activations,
            encoding: None,
        };
        let Some(encoding) = self.encoding else {
            return Ok(net);
        };
        let what = "parameters of the encoding";
        let len = memory::product(what, &[encoding.params_len()])?;
        let mut drawn = memory::filled(what, 0.0, len)?;
        encoding.initialize(&mut rng, &mut drawn);
        let mut params = memory::filled(what, T::zero(), len)?;
        round_into(what, &drawn, &mut params)?;
        net.with_encoding(encoding, &params)
    }
}
