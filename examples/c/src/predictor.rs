//! Prediction without allocation.

use std::fmt::Debug;
use std::mem::MaybeUninit;
use std::sync::Arc;

use ff::quantize::{QuantizedMlp, QuantizedMlpRef};
use ff::{Mlp, Predictor};

use crate::guard::{Failure, guard};
use crate::memory::{self, handle};
use crate::network::ff_network;
use crate::quantized::ff_quantized;
use crate::status::ff_status;

/// A network with memory to predict. Only one thread may use it at a time.
#[derive(Debug)]
pub struct ff_predictor {
    /// A program that has no quantized network does not link their code.
    network: Box<dyn Network>,
    /// Results, until it is known that all of them are finite.
    results: Vec<f32>,
}

/// A network, and memory to predict.
trait Network: Debug + Send {
    fn predict(&mut self, inputs: &[f32], outputs: &mut [f32]) -> Result<(), ff::Error>;
}

impl Network for Predictor<f32, Arc<Mlp<f32>>> {
    fn predict(&mut self, inputs: &[f32], outputs: &mut [f32]) -> Result<(), ff::Error> {
        self.predict_into(inputs, outputs)
    }
}

/// A quantized network, and its scratch space.
#[derive(Debug)]
struct Quantized(Arc<QuantizedMlp>, Vec<i16>);

impl Network for Quantized {
    fn predict(&mut self, inputs: &[f32], outputs: &mut [f32]) -> Result<(), ff::Error> {
        let inputs = self.0.encode(inputs)?;
        QuantizedMlpRef::from(&*self.0).predict_into(&inputs, outputs, &mut self.1)
    }
}

impl ff_predictor {
    fn new(network: Box<dyn Network>, outputs: usize, rows: usize) -> Result<Self, Failure> {
        if rows == 0 {
            return Err(Failure::Invalid("rows", "at least 1"));
        }
        let mut results = Vec::new();
        let len = outputs.checked_mul(rows);
        if len.is_none_or(|len| results.try_reserve_exact(len).is_err()) {
            return Err(Failure::Memory("rows"));
        }
        results.resize(outputs * rows, 0.0);
        Ok(Self { network, results })
    }

    fn predict(&mut self, inputs: &[f32], outputs_len: usize) -> Result<&[f32], Failure> {
        let most = self.results.len();
        let Some(results) = self.results.get_mut(..outputs_len) else {
            return Err(Failure::Most(
                "outputs of the rows of this predictor",
                outputs_len,
                most,
            ));
        };
        self.network.predict(inputs, results)?;
        Ok(results)
    }
}

/// Makes a predictor with the present weights of a network. It predicts up to `rows` samples at
/// once.
///
/// All memory is allocated here. Each thread needs a predictor of its own, and one that is made
/// here can be used on another thread.
#[unsafe(no_mangle)]
pub extern "C" fn ff_predictor_new(
    network: Option<&ff_network>,
    rows: usize,
    predictor: Option<&mut MaybeUninit<Option<Box<ff_predictor>>>>,
) -> ff_status {
    guard(|| {
        let net = handle(network, "network")?.now();
        let outputs = net.outputs();
        let net = Box::new(Predictor::new(net)?);
        memory::give(ff_predictor::new(net, outputs, rows)?, predictor)
    })
}

/// Makes a predictor of a quantized network, as `ff_predictor_new` does.
#[unsafe(no_mangle)]
pub extern "C" fn ff_predictor_new_quantized(
    quantized: Option<&ff_quantized>,
    rows: usize,
    predictor: Option<&mut MaybeUninit<Option<Box<ff_predictor>>>>,
) -> ff_status {
    guard(|| {
        let net = handle(quantized, "quantized")?.net();
        let outputs = net.outputs();
        let len = QuantizedMlpRef::from(&**net).batch_scratch_len();
        let net = Box::new(Quantized(Arc::clone(net), vec![0; len]));
        memory::give(ff_predictor::new(net, outputs, rows)?, predictor)
    })
}

/// Frees a predictor. Does nothing for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ff_predictor_free(predictor: Option<Box<ff_predictor>>) {
    drop(predictor);
}

/// Predicts one or more samples. `inputs` has one row for each sample, and `outputs` has one row of
/// results for each. Both may be the same array.
///
/// This function allocates nothing, takes no lock and calls no system function, also if an argument
/// is wrong. There are two exceptions. A result that is not finite (`FF_OVERFLOW`) allocates while
/// the layer is searched, and so does a quantized network with an encoding in front.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_predict(
    predictor: Option<&mut ff_predictor>,
    inputs: *const f32,
    inputs_len: usize,
    outputs: *mut f32,
    outputs_len: usize,
) -> ff_status {
    guard(|| {
        let predictor = predictor.ok_or(Failure::Null("predictor"))?;
        memory::check(outputs, outputs_len, outputs_len, "outputs")?;
        // SAFETY: C promises an array of this length.
        let inputs = unsafe { memory::slice(inputs, inputs_len, "inputs") }?;
        let results = predictor.predict(inputs, outputs_len)?;
        // SAFETY: C promises an array of this length, and the inputs are no longer read.
        unsafe { memory::copy(results, outputs) };
        Ok(())
    })
}
