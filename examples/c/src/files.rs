//! Files of networks: safetensors, ONNX, and C.

use std::ffi::c_char;
use std::fs;
use std::mem::MaybeUninit;
use std::ptr::null;

use ff::Mlp;
use ff::loss::{Loss, OutputKind};
use ff::onnx::{self, Imported, ImportedModel, Importer};

use crate::bytes::{self, ff_bytes};
use crate::guard::{Failure, guard};
use crate::memory::{self, handle};
use crate::network::{self, ff_network};
use crate::options::{self, sized};
use crate::status::ff_status;

/// Saves a network as a safetensors file. A crash leaves the old file or the new one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_save(
    network: Option<&ff_network>,
    path: *const c_char,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises a text.
        let path = unsafe { memory::path(path) }?;
        Ok(handle(network, "network")?.now().save(path)?)
    })
}

/// Loads a network from a file of `ff_network_save`. The file is not trusted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_load(
    path: *const c_char,
    network: Option<&mut MaybeUninit<Option<Box<ff_network>>>>,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises a text.
        let path = unsafe { memory::path(path) }?;
        network::give(Mlp::load(path)?, network)
    })
}

/// Writes a network to bytes, as `ff_network_save` writes it to a file.
#[unsafe(no_mangle)]
pub extern "C" fn ff_network_to_bytes(
    network: Option<&ff_network>,
    bytes: Option<&mut MaybeUninit<Option<Box<ff_bytes>>>>,
) -> ff_status {
    guard(|| bytes::give(handle(network, "network")?.now().to_bytes()?, bytes))
}

/// Reads a network from bytes, which are not trusted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_from_bytes(
    data: *const u8,
    data_len: usize,
    network: Option<&mut MaybeUninit<Option<Box<ff_network>>>>,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises bytes of this length.
        let data = unsafe { memory::slice(data, data_len, "data") }?;
        network::give(Mlp::from_bytes(data)?, network)
    })
}

/// Options to read a model in ONNX. `ff_onnx_options_default` sets all of them.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ff_onnx_options {
    /// Size of this struct.
    pub size: u32,
    /// Not 0 to accept a classifier, or a regressor with a link. Outputs are then the numbers
    /// before softmax, sigmoid or the link. Default: 0.
    pub logits: u32,
    /// Name of the output to read, for a model of several. Default: NULL.
    pub output: *const c_char,
}
sized!(ff_onnx_options);

impl Default for ff_onnx_options {
    fn default() -> Self {
        Self {
            size: size_of::<Self>() as u32,
            logits: 0,
            output: null(),
        }
    }
}

/// Sets all options to their defaults. `size` is `sizeof(ff_onnx_options)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_onnx_options_default(
    options: *mut ff_onnx_options,
    size: usize,
) -> ff_status {
    // SAFETY: C promises a struct of this size.
    guard(|| unsafe { options::write(&ff_onnx_options::default(), options, size) })
}

/// Returns the settings of an import, and whether classifiers are accepted.
///
/// # Safety
/// Unless it is NULL, the pointer is that of a struct of the size that it names.
unsafe fn importer(options: *const ff_onnx_options) -> Result<(Importer, bool), Failure> {
    // SAFETY: as the caller promises.
    let options = unsafe { options::read(options, ff_onnx_options::default()) }?;
    let mut importer = Importer::new();
    if !options.output.is_null() {
        // SAFETY: C promises that names in options are texts.
        importer = importer.output(unsafe { memory::text(options.output, "output") }?);
    }
    Ok((importer, options.logits != 0))
}

/// Returns the network of a model. Its scaling becomes a part of it.
fn network_of(imported: Imported<f32>, logits: bool) -> Result<Mlp<f32>, Failure> {
    let mut net = imported.network().clone();
    if let Some(scaler) = &imported.scaler {
        scaler.fold_into_inputs(&mut net)?;
    }
    let expected = match &imported.model {
        ImportedModel::Network(_) => return Ok(net),
        ImportedModel::Regressor(model) if model.loss().output_kind() == OutputKind::Values => {
            if let Some(scaler) = model.target_scaler() {
                scaler.fold_into_outputs(&mut net)?;
            }
            return Ok(net);
        }
        ImportedModel::Regressor(_) => "a model without a link",
        _ => "a model of numbers, and not a classifier",
    };
    if logits {
        Ok(net)
    } else {
        Err(Failure::Model(expected))
    }
}

/// Loads a network from an ONNX file. `options` may be NULL.
///
/// A scaler of the inputs becomes a part of the first layer. Where the mean of an input is more
/// than 32 times its deviation, this costs digits. Export the network behind its scaler then.
///
/// The model must be one chain of layers. A model of another shape is `FF_BAD_FORMAT`, and
/// `ff_last_error` names the node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_load_onnx(
    path: *const c_char,
    options: *const ff_onnx_options,
    network: Option<&mut MaybeUninit<Option<Box<ff_network>>>>,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises a text, and NULL or a struct of the size that it names.
        let (path, (importer, logits)) = unsafe { (memory::path(path)?, importer(options)?) };
        network::give(network_of(importer.open(path)?, logits)?, network)
    })
}

/// Reads a network from the bytes of an ONNX file, as `ff_network_load_onnx` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_from_onnx(
    data: *const u8,
    data_len: usize,
    options: *const ff_onnx_options,
    network: Option<&mut MaybeUninit<Option<Box<ff_network>>>>,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises bytes of this length, and NULL or a struct of the size that it names.
        let (data, (importer, logits)) =
            unsafe { (memory::slice(data, data_len, "data")?, importer(options)?) };
        network::give(network_of(importer.import(data)?, logits)?, network)
    })
}

/// Writes a network to the bytes of an ONNX file, with the input `x` and the output `y`.
#[unsafe(no_mangle)]
pub extern "C" fn ff_network_to_onnx(
    network: Option<&ff_network>,
    bytes: Option<&mut MaybeUninit<Option<Box<ff_bytes>>>>,
) -> ff_status {
    guard(|| bytes::give(onnx::export(&*handle(network, "network")?.now())?, bytes))
}

/// Saves a network as an ONNX file, with the input `x` and the output `y`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_save_onnx(
    network: Option<&ff_network>,
    path: *const c_char,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises a text.
        let path = unsafe { memory::path(path) }?;
        let bytes = onnx::export(&*handle(network, "network")?.now())?;
        fs::write(path, bytes).map_err(|error| Failure::File(path.into(), error))
    })
}

/// Writes a network as a C header that needs no library. `name` is the prefix of its functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_to_c(
    network: Option<&ff_network>,
    name: *const c_char,
    text: Option<&mut MaybeUninit<Option<Box<ff_bytes>>>>,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises a text.
        let name = unsafe { memory::text(name, "name") }?;
        bytes::give(handle(network, "network")?.now().to_c(name)?, text)
    })
}
