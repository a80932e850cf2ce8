//! Networks.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ff::{Activation, Mlp, activation};

use crate::guard::{Failure, guard};
use crate::memory::{self, handle};
use crate::status::ff_status;

/// A network. Any number of threads may call functions with it at once, but for
/// `ff_network_free`.
#[derive(Debug)]
pub struct ff_network {
    /// Weights change as a whole, so a reader has those of one moment.
    current: Mutex<Arc<Mlp<f32>>>,
    inputs: usize,
    outputs: usize,
}

impl ff_network {
    pub fn new(net: Mlp<f32>) -> Self {
        Self {
            inputs: net.inputs(),
            outputs: net.outputs(),
            current: Mutex::new(Arc::new(net)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Mlp<f32>>> {
        // A panic cannot leave an `Arc` half replaced.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the network of this moment.
    pub fn now(&self) -> Arc<Mlp<f32>> {
        Arc::clone(&self.lock())
    }

    /// Replaces the network by one of the same shape.
    pub fn replace(&self, net: Mlp<f32>) {
        let old = std::mem::replace(&mut *self.lock(), Arc::new(net));
        drop(old); // after the lock
    }

    /// Replaces the weights by those of a network of the same shape.
    pub fn follow(&self, net: &Mlp<f32>) -> Result<(), ff::Error> {
        if let Some(current) = Arc::get_mut(&mut *self.lock()) {
            return current.set_params(net.params());
        }
        self.replace(net.clone());
        Ok(())
    }
}

/// A layer of a new network. Later versions do not add fields.
#[repr(C)]
#[derive(Debug)]
pub struct ff_layer {
    /// Number of neurons.
    pub neurons: usize,
    /// Name of the activation, such as `"relu"`, `"tanh"`, `"identity"` or `"leaky_relu(0.1)"`.
    pub activation: *const c_char,
}

/// Gives a network to C.
pub fn give(
    net: Mlp<f32>,
    out: Option<&mut MaybeUninit<Option<Box<ff_network>>>>,
) -> Result<(), Failure> {
    memory::give(ff_network::new(net), out)
}

/// Makes a network with these layers, the last of which is the output. The seed fixes the initial
/// weights.
///
/// An unknown activation is `FF_UNKNOWN_NAME`, and `ff_last_error` lists all names.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_new(
    inputs: usize,
    layers: *const ff_layer,
    layer_count: usize,
    seed: u64,
    network: Option<&mut MaybeUninit<Option<Box<ff_network>>>>,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises an array of `layer_count` layers.
        let layers = unsafe { memory::slice(layers, layer_count, "layers") }?;
        let Some((output, hidden)) = layers.split_last() else {
            return Err(ff::Error::Empty { what: "layers" }.into());
        };
        let mut builder = Mlp::builder(inputs).seed(seed);
        for layer in hidden {
            builder = builder.hidden(layer.neurons, activation_of(layer)?);
        }
        let net = builder
            .output(output.neurons, activation_of(output)?)
            .build()?;
        give(net, network)
    })
}

fn activation_of(layer: &ff_layer) -> Result<Arc<dyn Activation<f32>>, Failure> {
    // SAFETY: C promises that names of layers are texts.
    let name = unsafe { memory::text(layer.activation, "activation") }?;
    Ok(activation::parse(name)?)
}

/// Makes a copy of a network, which changes independently.
#[unsafe(no_mangle)]
pub extern "C" fn ff_network_copy(
    network: Option<&ff_network>,
    copy: Option<&mut MaybeUninit<Option<Box<ff_network>>>>,
) -> ff_status {
    guard(|| give(Mlp::clone(&handle(network, "network")?.now()), copy))
}

/// Frees a network. Does nothing for NULL. Its predictors stay valid.
#[unsafe(no_mangle)]
pub extern "C" fn ff_network_free(network: Option<Box<ff_network>>) {
    drop(network);
}

/// Returns the number of inputs, or 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ff_network_inputs(network: Option<&ff_network>) -> usize {
    network.map_or(0, |network| network.inputs)
}

/// Returns the number of outputs, or 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ff_network_outputs(network: Option<&ff_network>) -> usize {
    network.map_or(0, |network| network.outputs)
}

/// Returns the number of weights and biases, or 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ff_network_weight_count(network: Option<&ff_network>) -> usize {
    network.map_or(0, |network| network.now().params().len())
}

/// Copies all weights and biases to an array of `ff_network_weight_count` values. They are in order
/// of layers. Each layer has its weights, neuron by neuron, and then its biases.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_weights(
    network: Option<&ff_network>,
    weights: *mut f32,
    weights_len: usize,
) -> ff_status {
    guard(|| {
        let net = handle(network, "network")?.now();
        memory::check(weights, weights_len, net.params().len(), "weights")?;
        // SAFETY: C promises an array of this checked length.
        unsafe { memory::copy(net.params(), weights) };
        Ok(())
    })
}

/// Replaces all weights and biases. They must be finite, and in the order of `ff_network_weights`.
///
/// Predictors keep the weights that they were made with.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_set_weights(
    network: *mut ff_network,
    weights: *const f32,
    weights_len: usize,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises NULL or a network.
        let network = unsafe { memory::changed(network, "network") }?;
        // SAFETY: C promises an array of this length.
        let weights = unsafe { memory::slice(weights, weights_len, "weights") }?;
        if !weights.iter().all(|weight| weight.is_finite()) {
            return Err(Failure::NotFinite("weights"));
        }
        let mut net = Mlp::clone(&network.now());
        net.set_params(weights)?;
        network.replace(net);
        Ok(())
    })
}

/// Predicts one or more samples. `inputs` has one row for each sample, and `outputs` has one row of
/// results for each.
///
/// Many samples are predicted on all cores. Each call allocates. `ff_predict` does not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_predict(
    network: Option<&ff_network>,
    inputs: *const f32,
    inputs_len: usize,
    outputs: *mut f32,
    outputs_len: usize,
) -> ff_status {
    guard(|| {
        let net = handle(network, "network")?.now();
        // SAFETY: C promises an array of this length.
        let inputs = unsafe { memory::slice(inputs, inputs_len, "inputs") }?;
        let results = net.predict(inputs)?;
        memory::check(outputs, outputs_len, results.len(), "outputs")?;
        // SAFETY: C promises an array of this checked length. The inputs are no longer read.
        unsafe { memory::copy(&results, outputs) };
        Ok(())
    })
}
