//! Networks with weights in int8: files, generated source, constants, and no allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use feedforward::activation::{
    self, Activation, Identity, Maxout, Parametric, Relu, Sigmoid, Tanh,
};
use feedforward::encoding::{self, Categories, Concat, Grid, GridSettings};
use feedforward::quantize::{Quantizer, WeightQuantizedMlp, WeightQuantizedMlpRef};
use feedforward::{Encoding, EncodingSpec, Error, LayerSpec, Mlp};
use safetensors::{Dtype, SafeTensors};

include!("generated_weights.rs");

struct Counting;

thread_local! {
    /// Each thread counts its own allocations, because tests run in parallel.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on unchanged to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller upholds the system allocator's contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn inputs() -> Vec<f32> {
    (0..300).map(|i| (i as f32 * 0.7).sin()).collect()
}

/// Names of networks, the networks, and the generated ones.
fn networks() -> Vec<(
    &'static str,
    WeightQuantizedMlp,
    &'static WeightQuantizedMlpRef<'static>,
)> {
    let net = |seed| Mlp::<f32>::builder(3).seed(seed);
    let plain = net(1).hidden(9, Relu).output(2, Sigmoid).build();
    let builder = net(2).hidden(4, Maxout::new(3));
    let builder = builder.hidden(5, Parametric(Tanh));
    let mut kinds = builder.output(1, Identity).build().unwrap();
    kinds.layer_mut(1).unwrap().alpha_mut().fill(0.75);
    let grid = Grid::new(GridSettings {
        levels: 1,
        coarsest: 2,
        finest: 2,
        ..GridSettings::new(2)
    });
    let parts: Vec<Arc<dyn Encoding<f32>>> = Vec::from([
        Arc::new(grid.unwrap()) as _,
        Arc::new(Categories::new(&[(3, 2)]).unwrap()) as _,
    ]);
    let encoded = net(3).encoding(Concat::new(parts).unwrap());
    let encoded = encoded.hidden(6, Tanh).output(2, Identity).build();
    let quantize = |net| Quantizer::new().quantize_weights(&net).unwrap();
    Vec::from([
        ("PLAIN", quantize(plain.unwrap()), &PLAIN),
        ("KINDS", quantize(kinds), &KINDS),
        ("ENCODED", quantize(encoded.unwrap()), &ENCODED),
    ])
}

#[test]
fn the_generated_file_is_what_networks_write() {
    let texts = networks()
        .into_iter()
        .map(|(name, net, _)| net.to_rust(name).unwrap());
    let now = texts.collect::<String>();
    if now != include_str!("generated_weights.rs") {
        let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/generated_weights.rs");
        std::fs::write(path, now).unwrap();
        panic!("tests/checks/generated_weights.rs is old; the new one is {path}");
    }
    for (name, net, generated) in networks() {
        let mut outputs = vec![0.0; 100 * generated.outputs()];
        let mut scratch = vec![f32::NAN; generated.scratch_len()];
        generated
            .predict_into(&inputs(), &mut outputs, &mut scratch)
            .unwrap();
        assert_eq!(outputs, net.predict(&inputs()).unwrap(), "{name}");
        assert_eq!(generated.bytes(), net.bytes());
        assert_eq!(generated.inputs(), net.inputs());
        assert_eq!(generated.layers().len(), net.dequantize().unwrap().depth());
    }
    let net = &networks()[0].1;
    assert!(net.to_rust("net").is_err());
}

#[test]
fn a_network_is_equal_after_reading() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("weights");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, net, _) in networks() {
        let bytes = net.to_bytes().unwrap();
        let same = WeightQuantizedMlp::from_bytes(&bytes).unwrap();
        assert_eq!(same.to_bytes().unwrap(), bytes);
        let expected = net.predict(&inputs()).unwrap();
        assert_eq!(same.predict(&inputs()).unwrap(), expected);
        let path = folder.join(format!("{name}.safetensors"));
        net.save(&path).unwrap();
        let same = WeightQuantizedMlp::load(&path).unwrap();
        assert_eq!(same.to_bytes().unwrap(), bytes);
    }
}

#[test]
fn others_read_the_tensors() {
    let net = &networks()[1].1;
    let bytes = net.to_bytes().unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for (name, dtype, shape) in [
        ("layers.0.weight", Dtype::I8, &[12, 3][..]),
        ("layers.0.scale", Dtype::F32, &[12]),
        ("layers.0.bias", Dtype::F32, &[12]),
        ("layers.1.weight", Dtype::I8, &[5, 4]),
        ("layers.1.alpha", Dtype::F32, &[5]),
        ("layers.2.bias", Dtype::F32, &[1]),
    ] {
        let tensor = file.tensor(name).unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (dtype, shape), "{name}");
    }
    let weights = WeightQuantizedMlpRef::from(net).weights();
    let first = file.tensor("layers.0.weight").unwrap();
    let first = first.data().iter().map(|&byte| byte as i8);
    assert!(first.eq(weights[..36].iter().copied()));
}

#[test]
fn damaged_and_other_files_are_errors() {
    for (_, net, _) in networks() {
        let bytes = net.to_bytes().unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(
                WeightQuantizedMlp::from_bytes(&damaged).is_err(),
                "byte {at}"
            );
            assert!(WeightQuantizedMlp::from_bytes(&bytes[..at]).is_err());
        }
        let error = Mlp::<f32>::from_bytes(&bytes).unwrap_err().to_string();
        assert!(error.contains("network with quantized weights"), "{error}");
    }
    let float = Mlp::<f32>::builder(1).output(1, Identity).build().unwrap();
    let error = WeightQuantizedMlp::from_bytes(&float.to_bytes().unwrap());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("network with quantized weights"), "{error}");
}

/// An activation that the crate does not know.
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
    let net = Mlp::<f32>::builder(3).hidden(4, Own).output(1, Own);
    let net = Quantizer::new().quantize_weights(&net.build().unwrap());
    let net = net.unwrap();
    let bytes = net.to_bytes().unwrap();
    let error = WeightQuantizedMlp::from_bytes(&bytes).unwrap_err();
    assert!(matches!(error, Error::UnknownName { .. }), "{error}");
    let error = net.to_rust("NET").unwrap_err();
    assert!(matches!(error, Error::UnknownName { .. }), "{error}");
    let resolver = |name: &str| {
        let own: Arc<dyn Activation<f32>> = Arc::new(Own);
        (name == "own").then_some(own)
    };
    let same = WeightQuantizedMlp::from_bytes_with(&bytes, resolver).unwrap();
    let expected = net.predict(&inputs()).unwrap();
    assert_eq!(same.predict(&inputs()).unwrap(), expected);
}

#[test]
fn nothing_is_allocated_not_even_for_errors_of_size() {
    let (mut scratch, mut outputs) = ([0.0; ENCODED.scratch_len()], [0.0; 4]);
    let before = ALLOCATIONS.get();
    let done = ENCODED.predict_into(&[0.5; 6], &mut outputs, &mut scratch);
    let short = ENCODED.predict_into(&[0.5; 5], &mut outputs, &mut scratch);
    let small = ENCODED.predict_into(&[0.5; 6], &mut outputs, &mut scratch[1..]);
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert!(done.is_ok() && short.is_err() && small.is_err());
}

static LAYERS: [LayerSpec<f32>; 1] = [LayerSpec::new(2, &Identity)];

#[test]
#[should_panic = "the number of weights does not match the layers"]
fn a_constant_without_all_weights_does_not_compile() {
    WeightQuantizedMlpRef::constant(2, &LAYERS, &[1, 2, 3], &[0.0; 4]);
}

#[test]
#[should_panic = "scales, biases and other parameters"]
fn a_constant_without_all_scales_does_not_compile() {
    WeightQuantizedMlpRef::constant(2, &LAYERS, &[1, 2, 3, 4], &[0.0; 3]);
}

#[test]
#[should_panic = "a network needs inputs, layers, and neurons in each layer"]
fn a_constant_without_inputs_does_not_compile() {
    WeightQuantizedMlpRef::constant(0, &LAYERS, &[], &[0.0; 4]);
}

#[test]
#[should_panic = "a network with encodings needs at least one"]
fn a_constant_of_no_encodings_does_not_compile() {
    WeightQuantizedMlpRef::constant_with_encodings(&[], &LAYERS, &[1; 4], &[0.0; 4]);
}

#[test]
fn wrong_sizes_in_a_constant_are_errors_of_the_prediction() {
    static WRONG: [EncodingSpec<f32>; 1] = [EncodingSpec {
        inputs: 2,
        outputs: 2,
        params_len: 1,
        encoding: &encoding::Identity::constant(2),
    }];
    let net = WeightQuantizedMlpRef::constant_with_encodings(&WRONG, &LAYERS, &[1; 4], &[0.0; 5]);
    let error = net.predict_into(&[0.5; 2], &mut [0.0; 2], &mut [0.0; 4]);
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    let specs = [LayerSpec::new(1, &activation::Glu)];
    let net = WeightQuantizedMlpRef::constant(2, &specs, &[1; 2], &[0.0; 2]);
    let error = net.predict_into(&[0.5; 2], &mut [0.0; 1], &mut [0.0; 1]);
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    let grid = encoding::Positional::new(2, 1).unwrap();
    let net = WeightQuantizedMlpRef::with_encoding(&grid, &LAYERS, &[1; 8], &[0.0; 4]).unwrap();
    assert_eq!((net.inputs(), net.encodings().len()), (2, 1));
}
