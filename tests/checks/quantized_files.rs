//! Files of quantized networks: equal after reading, readable by others, and never trusted.

use std::sync::Arc;

use feedforward::activation::{Activation, Identity, Relu, Sigmoid, Tanh};
use feedforward::quantize::{OutputForm, QuantizedMlp, QuantizedMlpRef, Quantizer, Rounding};
use feedforward::{Error, Mlp};
use safetensors::{Dtype, SafeTensors};

fn samples() -> Vec<f32> {
    (0..300).map(|i| (i as f32 * 0.7).sin() * 3.0).collect()
}

fn networks() -> Vec<QuantizedMlp> {
    let net = |seed| Mlp::<f32>::builder(3).seed(seed);
    let relu = net(1).hidden(9, Relu).output(2, Identity).build().unwrap();
    let tables = net(2).hidden(5, Tanh).output(4, Sigmoid).build().unwrap();
    let int8 = Quantizer::new().outputs(OutputForm::Int8);
    Vec::from([
        Quantizer::new().quantize(&relu, &samples()).unwrap(),
        Quantizer::new().quantize(&tables, &samples()).unwrap(),
        int8.rounding(Rounding::Single)
            .quantize(&tables, &samples())
            .unwrap(),
        Quantizer::new()
            .activation_bits(16)
            .quantize(&tables, &samples())
            .unwrap(),
    ])
}

#[test]
fn a_network_is_equal_after_reading() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("quantized");
    std::fs::create_dir_all(&folder).unwrap();
    for (index, net) in networks().iter().enumerate() {
        let bytes = net.to_bytes().unwrap();
        let same = QuantizedMlp::from_bytes(&bytes).unwrap();
        assert_eq!(same.to_bytes().unwrap(), bytes);
        let layers = |net| QuantizedMlpRef::from(net).layers().collect::<Vec<_>>();
        assert_eq!(layers(&same), layers(net));
        assert_eq!(
            same.predict(&samples()).unwrap(),
            net.predict(&samples()).unwrap()
        );
        let path = folder.join(format!("{index}.safetensors"));
        net.save(&path).unwrap();
        assert_eq!(
            QuantizedMlp::load(&path).unwrap().to_bytes().unwrap(),
            bytes
        );
    }
}

#[test]
fn others_read_the_tensors() {
    let net = &networks()[2];
    let bytes = net.to_bytes().unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let layer = QuantizedMlpRef::from(net).layers().next().unwrap();
    let weights = file.tensor("layers.0.weight").unwrap();
    assert_eq!((weights.dtype(), weights.shape()), (Dtype::I8, &[5, 3][..]));
    assert!(
        weights
            .data()
            .iter()
            .zip(layer.weights)
            .all(|(a, b)| *a as i8 == *b)
    );
    let biases = file.tensor("layers.0.bias").unwrap();
    assert_eq!((biases.dtype(), biases.shape()), (Dtype::I32, &[5][..]));
    let values = biases
        .data()
        .chunks(4)
        .map(|b| i32::from_le_bytes(b.try_into().unwrap()));
    assert!(values.eq(layer.biases.iter().copied()));
    assert_eq!(file.tensor("layers.1.table").unwrap().shape(), [256]);
}

#[test]
fn damaged_and_other_files_are_errors() {
    for net in &networks()[2..] {
        check_damage(&net.to_bytes().unwrap());
    }
    let bytes = networks()[2].to_bytes().unwrap();
    let float = Mlp::<f32>::builder(1).output(1, Identity).build().unwrap();
    let error = QuantizedMlp::from_bytes(&float.to_bytes().unwrap()).unwrap_err();
    assert!(error.to_string().contains("quantized network"), "{error}");
    let error = Mlp::<f32>::from_bytes(&bytes).unwrap_err();
    assert!(error.to_string().contains("quantized network"), "{error}");
}

/// Checks that any damage is an error.
fn check_damage(bytes: &[u8]) {
    for at in 0..bytes.len() {
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 1 << (at % 8);
        assert!(QuantizedMlp::from_bytes(&damaged).is_err(), "byte {at}");
        assert!(
            QuantizedMlp::from_bytes(&bytes[..at]).is_err(),
            "{at} bytes"
        );
    }
}

/// An activation of f32 outputs that the crate does not know.
#[derive(Debug)]
struct Own;

impl Activation<f32> for Own {
    fn value(&self, x: f32) -> f32 {
        x * x
    }
    fn derivative(&self, x: f32, _: f32) -> f32 {
        2.0 * x
    }
    fn name(&self) -> std::borrow::Cow<'static, str> {
        "own".into()
    }
}

#[test]
fn an_own_activation_needs_a_resolver() {
    let net = Mlp::<f32>::builder(3)
        .hidden(4, Own)
        .output(1, Own)
        .build()
        .unwrap();
    let net = Quantizer::new().quantize(&net, &samples()).unwrap();
    let bytes = net.to_bytes().unwrap();
    let error = QuantizedMlp::from_bytes(&bytes).unwrap_err();
    assert!(matches!(error, Error::UnknownName { .. }), "{error}");
    let resolver = |name: &str| {
        let own: Arc<dyn Activation<f32>> = Arc::new(Own);
        (name == "own").then_some(own)
    };
    let same = QuantizedMlp::from_bytes_with(&bytes, resolver).unwrap();
    assert_eq!(
        same.predict(&samples()).unwrap(),
        net.predict(&samples()).unwrap()
    );
}
