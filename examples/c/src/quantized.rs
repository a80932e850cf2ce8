//! Networks in integers.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::sync::Arc;

use ff::quantize::{QuantizedMlp, Quantizer};

use crate::bytes::{self, ff_bytes};
use crate::guard::{Failure, guard};
use crate::memory::{self, handle};
use crate::network::ff_network;
use crate::options::{self, sized};
use crate::status::ff_status;

/// A network in integers. Any number of threads may call functions with it at once, but for
/// `ff_quantized_free`.
#[derive(Debug)]
pub struct ff_quantized(Arc<QuantizedMlp>);

impl ff_quantized {
    pub fn net(&self) -> &Arc<QuantizedMlp> {
        &self.0
    }
}

/// Options of a quantization. `ff_quantize_options_default` sets all of them.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ff_quantize_options {
    /// Size of this struct.
    pub size: u32,
    /// Number of bits of a weight. Range: 2 to 8. Default: 8.
    pub weight_bits: u32,
    /// Number of bits of an input and of a hidden layer's output: 8 or 16. Default: 8.
    pub activation_bits: u32,
    /// Not 0 to round weights so that their errors cancel each other. Default: 0.
    pub compensate_weights: u32,
}
sized!(ff_quantize_options);

impl Default for ff_quantize_options {
    fn default() -> Self {
        Self {
            size: size_of::<Self>() as u32,
            weight_bits: 8,
            activation_bits: 8,
            compensate_weights: 0,
        }
    }
}

/// Sets all options to their defaults. `size` is `sizeof(ff_quantize_options)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_quantize_options_default(
    options: *mut ff_quantize_options,
    size: usize,
) -> ff_status {
    // SAFETY: C promises a struct of this size.
    guard(|| unsafe { options::write(&ff_quantize_options::default(), options, size) })
}

fn give(
    net: QuantizedMlp,
    out: Option<&mut MaybeUninit<Option<Box<ff_quantized>>>>,
) -> Result<(), Failure> {
    memory::give(ff_quantized(Arc::new(net)), out)
}

/// Quantizes a network. `samples` has rows of inputs like those that the network will see, and a
/// few hundred are enough. `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_quantize(
    network: Option<&ff_network>,
    options: *const ff_quantize_options,
    samples: *const f32,
    samples_len: usize,
    quantized: Option<&mut MaybeUninit<Option<Box<ff_quantized>>>>,
) -> ff_status {
    guard(|| {
        let net = handle(network, "network")?.now();
        // SAFETY: C promises NULL or a struct of the size that it names.
        let options = unsafe { options::read(options, ff_quantize_options::default()) }?;
        // SAFETY: C promises an array of this length.
        let samples = unsafe { memory::slice(samples, samples_len, "samples") }?;
        let quantizer = Quantizer::new()
            .weight_bits(options.weight_bits)
            .activation_bits(options.activation_bits)
            .compensate_weights(options.compensate_weights != 0);
        give(quantizer.quantize(&net, samples)?, quantized)
    })
}

/// Frees a quantized network. Does nothing for NULL. Its predictors stay valid.
#[unsafe(no_mangle)]
pub extern "C" fn ff_quantized_free(quantized: Option<Box<ff_quantized>>) {
    drop(quantized);
}

/// Returns the number of inputs, or 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ff_quantized_inputs(quantized: Option<&ff_quantized>) -> usize {
    quantized.map_or(0, |quantized| quantized.0.inputs())
}

/// Returns the number of outputs, or 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ff_quantized_outputs(quantized: Option<&ff_quantized>) -> usize {
    quantized.map_or(0, |quantized| quantized.0.outputs())
}

/// Writes a quantized network to bytes in safetensors format.
#[unsafe(no_mangle)]
pub extern "C" fn ff_quantized_to_bytes(
    quantized: Option<&ff_quantized>,
    bytes: Option<&mut MaybeUninit<Option<Box<ff_bytes>>>>,
) -> ff_status {
    guard(|| bytes::give(handle(quantized, "quantized")?.0.to_bytes()?, bytes))
}

/// Reads a quantized network from bytes, which are not trusted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_quantized_from_bytes(
    data: *const u8,
    data_len: usize,
    quantized: Option<&mut MaybeUninit<Option<Box<ff_quantized>>>>,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises bytes of this length.
        let data = unsafe { memory::slice(data, data_len, "data") }?;
        give(QuantizedMlp::from_bytes(data)?, quantized)
    })
}

/// Saves a quantized network as a file in safetensors format.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_quantized_save(
    quantized: Option<&ff_quantized>,
    path: *const c_char,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises a text.
        let path = unsafe { memory::path(path) }?;
        Ok(handle(quantized, "quantized")?.0.save(path)?)
    })
}

/// Loads a quantized network from a file, which is not trusted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_quantized_load(
    path: *const c_char,
    quantized: Option<&mut MaybeUninit<Option<Box<ff_quantized>>>>,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises a text.
        let path = unsafe { memory::path(path) }?;
        give(QuantizedMlp::load(path)?, quantized)
    })
}

/// Writes a quantized network as a C header that needs no library. `name` is the prefix of its
/// functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_quantized_to_c(
    quantized: Option<&ff_quantized>,
    name: *const c_char,
    text: Option<&mut MaybeUninit<Option<Box<ff_bytes>>>>,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises a text.
        let name = unsafe { memory::text(name, "name") }?;
        bytes::give(handle(quantized, "quantized")?.0.to_c(name)?, text)
    })
}
