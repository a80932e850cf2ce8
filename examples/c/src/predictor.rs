//! Prediction without allocation.

use std::mem::MaybeUninit;
use std::sync::Arc;

use ff::quantize::{QuantizedMlp, QuantizedMlpRef};
use ff::{Mlp, Predictor};

use crate::guard::{Failure, guard};
use crate::memory::{self, handle, place};
use crate::network::ff_network;
use crate::quantized::ff_quantized;
use crate::status::ff_status;

/// A network with memory to predict. Only one thread may use it at a time.
#[derive(Debug)]
pub struct ff_predictor {
    form: Form,
    /// Results, until it is known that all of them are finite.
    results: Vec<f32>,
}

#[derive(Debug)]
enum Form {
    Float(Box<Predictor<f32, Arc<Mlp<f32>>>>),
    /// A quantized network, and its scratch space.
    Integer(Arc<QuantizedMlp>, Vec<i16>),
}

impl ff_predictor {
    fn new(form: Form, outputs: usize, rows: usize) -> Result<Self, Failure> {
        if rows == 0 {
            return Err(Failure::Invalid("rows", "at least 1"));
        }
        let mut results = Vec::new();
        let len = outputs.checked_mul(rows);
        if len.is_none_or(|len| results.try_reserve_exact(len).is_err()) {
            return Err(Failure::Memory("rows"));
        }
        results.resize(outputs * rows, 0.0);
        Ok(Self { form, results })
    }

    fn predict(&mut self, inputs: &[f32], outputs_len: usize) -> Result<&[f32], Failure> {
        let most = self.results.len();
        let Some(results) = self.results.get_mut(..outputs_len) else {
            return Err(Failure::Most("outputs", outputs_len, most));
        };
        match &mut self.form {
            Form::Float(predictor) => predictor.predict_into(inputs, results)?,
            Form::Integer(net, scratch) => {
                let inputs = net.encode(inputs)?;
                QuantizedMlpRef::from(&**net).predict_into(&inputs, results, scratch)?;
            }
        }
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
        let (net, out) = (handle(network, "network")?.now(), place(predictor)?);
        let outputs = net.outputs();
        let form = Form::Float(Box::new(Predictor::new(net)?));
        out.write(Some(Box::new(ff_predictor::new(form, outputs, rows)?)));
        Ok(())
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
        let (net, out) = (handle(quantized, "quantized")?.net(), place(predictor)?);
        let outputs = net.outputs();
        let len = QuantizedMlpRef::from(&**net).batch_scratch_len();
        let form = Form::Integer(Arc::clone(net), vec![0; len]);
        out.write(Some(Box::new(ff_predictor::new(form, outputs, rows)?)));
        Ok(())
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
