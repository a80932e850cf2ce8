//! Borrowed networks are bit-identical to owned ones, allocate nothing, and check all sizes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use feedforward::activation::{self, Activation, Gelu, Identity, LeakyRelu, Maxout, Relu, Tanh};
use feedforward::mlp_ref::{f32_from_le_bytes, f64_from_le_bytes};
use feedforward::simd::InstructionSet;
use feedforward::{Error, Float, LayerSpec, Mlp, MlpRef, Position};
use proptest::prelude::*;

mod random;
use random::{Shape, bits, numbers, shapes};

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

fn check<T: Float>(shape: &Shape) -> Result<(), TestCaseError> {
    let all: Vec<Arc<dyn Activation<T>>> = activation::all();
    let (owner, inputs) = (shape.network::<T>(), shape.inputs::<T>());

    let activations = shape.activations.iter().map(|&index| &*all[index]);
    let layers: Vec<_> = activations
        .zip(&shape.sizes[1..])
        .map(|(f, &outputs)| LayerSpec::with_pieces(outputs, f.pieces(), f))
        .collect();
    let net = MlpRef::new(owner.inputs(), &layers, owner.params()).unwrap();
    // Earlier contents of the buffers must not matter.
    let mut scratch = vec![T::nan(); net.scratch_len()];
    let mut got = vec![T::nan(); shape.samples * net.outputs()];
    let done = net.predict_into(&inputs, &mut got, &mut scratch);
    let expected = match owner.predict(&inputs) {
        Ok(outputs) => bits(&outputs),
        // Exponentials of exponentials overflow.
        Err(overflow) => {
            let overflows = matches!(overflow, Error::Overflow { .. });
            prop_assert!(overflows && done == Err(overflow));
            return Ok(());
        }
    };
    prop_assert_eq!(done, Ok(()));
    prop_assert_eq!(bits(&got), expected.clone());

    got.fill(T::nan());
    for (input, output) in inputs
        .chunks(net.inputs())
        .zip(got.chunks_mut(net.outputs()))
    {
        net.predict_into(input, output, &mut scratch).unwrap();
    }
    prop_assert_eq!(bits(&got), expected);
    Ok(())
}

/// A single test, because the choice of an instruction set applies to the whole process.
#[test]
fn the_bits_are_those_of_mlp_on_every_instruction_set() {
    let before = InstructionSet::active();
    for set in InstructionSet::available() {
        set.activate().unwrap();
        let cases = ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(150)
        };
        proptest!(cases, |(shape in shapes(1..6))| {
            check::<f32>(&shape)?;
            check::<f64>(&shape)?;
        });
        every_built_in_in_one_layer_and_in_two();
        the_generated_network_gives_the_bits_of_its_origin();
    }
    before.activate().unwrap();
}

fn every_built_in_in_one_layer_and_in_two() {
    for index in 0..activation::all::<f64>().len() {
        for (sizes, activations) in [(vec![3, 5], vec![index]), (vec![2, 9, 3], vec![index; 2])] {
            let shape = Shape {
                sizes,
                activations,
                samples: 4,
                seed: index as u64,
            };
            check::<f32>(&shape).unwrap();
            check::<f64>(&shape).unwrap();
        }
    }
}

static PARAMS: [f32; 4 * 16 + 16 + 16 * 6 + 6] = [0.125; 182];
static LAYERS: [LayerSpec<f32>; 2] = [
    LayerSpec::new(16, &Gelu),
    LayerSpec::with_pieces(3, 2, &Maxout::new(2)),
];
static NET: MlpRef<f32> = MlpRef::constant(4, &LAYERS, &PARAMS);
const SCRATCH: usize = NET.scratch_len();
const JACOBIAN_SCRATCH: usize = NET.jacobian_scratch_len();

#[test]
fn nothing_is_allocated_not_even_for_errors_of_size() {
    let (mut scratch, mut outputs) = ([0.0; SCRATCH], [0.0; 6]);
    let (mut large_scratch, mut jacobian) = ([0.0; JACOBIAN_SCRATCH], [0.0; 24]);
    let before = ALLOCATIONS.get();
    NET.jacobian_into(&[0.5; 8], &mut jacobian, &mut large_scratch)
        .unwrap();
    assert!(
        NET.jacobian_into(&[0.5; 8], &mut jacobian, &mut scratch)
            .is_err()
    );
    NET.predict_into(&[0.5; 8], &mut outputs, &mut scratch)
        .unwrap();
    let mut failed = NET
        .predict_into(&[0.5; 7], &mut outputs, &mut scratch)
        .is_err();
    failed &= NET
        .predict_into(&[0.5; 8], &mut outputs, &mut scratch[1..])
        .is_err();
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert!(failed && outputs[0] != 0.0);
    // The counter itself works.
    drop(std::hint::black_box(vec![1]));
    assert_eq!(ALLOCATIONS.get() - before, 1);
}

#[test]
fn a_static_network_tells_its_shape() {
    assert_eq!((NET.inputs(), NET.outputs()), (4, 3));
    // The widest hidden layer plus the widest row of pre-activations.
    assert_eq!(SCRATCH, 16 + 16);
    // Pre-activations and outputs of both layers, the widest row of each.
    assert_eq!(JACOBIAN_SCRATCH, (16 + 16) + (6 + 3) + 16 + 16);
    let sizes = NET.layers().map(|l| (l.outputs(), l.pieces()));
    assert_eq!(sizes.collect::<Vec<_>>(), [(16, 1), (3, 2)]);
    assert_eq!(NET.layers().next().unwrap().activation().name(), "gelu");
    assert_eq!(NET.params().len(), PARAMS.len());
    let single = [LayerSpec::<f64>::new(5, &Identity)];
    assert_eq!(MlpRef::constant(1, &single, &[0.0; 10]).scratch_len(), 5);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let mut scratch = [0.0; SCRATCH];
    let mut predict = |inputs: &[f32], outputs: usize, room: usize| {
        NET.predict_into(inputs, &mut vec![0.0; outputs], &mut scratch[..room])
            .unwrap_err()
    };
    let length = |what, expected, got| Error::Length {
        what,
        expected,
        got,
    };
    let (what, width) = ("inputs", 4);
    assert_eq!(
        predict(&[], 3, SCRATCH),
        Error::Rows {
            what,
            width,
            got: 0
        }
    );
    assert_eq!(
        predict(&[0.0; 5], 3, SCRATCH),
        Error::Rows {
            what,
            width,
            got: 5
        }
    );
    assert_eq!(predict(&[0.0; 4], 2, SCRATCH), length("outputs", 3, 2));
    assert_eq!(predict(&[0.0; 8], 3, SCRATCH), length("outputs", 6, 3));
    assert_eq!(
        predict(&[0.0; 4], 3, SCRATCH - 1),
        length("scratch", SCRATCH, SCRATCH - 1)
    );
    let error = predict(&[0.0, 0.0, f32::NAN, 0.0], 3, SCRATCH);
    assert!(matches!(
        error,
        Error::NotFinite {
            what: "inputs",
            at: Position::Cell { row: 0, column: 2 },
            ..
        }
    ));

    let new = |inputs, layers: &[LayerSpec<f64>], params: &[f64]| {
        MlpRef::new(inputs, layers, params).map(|_| ()).unwrap_err()
    };
    let layer = |outputs| LayerSpec::new(outputs, &Tanh);
    assert_eq!(new(1, &[], &[]), Error::Empty { what: "layers" });
    assert_eq!(new(2, &[layer(1)], &[0.0; 2]), length("parameters", 3, 2));
    assert_eq!(new(2, &[layer(1)], &[0.0; 4]), length("parameters", 3, 4));
    for (inputs, layers) in [
        (0, [layer(1), layer(1)]),
        (1, [layer(0), layer(1)]),
        (1, [layer(1), layer(0)]),
        (usize::MAX, [layer(1), layer(1)]),
        (1, [layer(usize::MAX), layer(2)]),
        (1, [layer(usize::MAX / 2), layer(2)]),
        (1, [LayerSpec::with_pieces(1, 2, &Tanh), layer(1)]),
    ] {
        let error = new(inputs, &layers, &[0.0; 9]);
        assert!(
            matches!(error, Error::InvalidSetting { .. } | Error::Shape { .. }),
            "{error}"
        );
    }
    let error = new(1, &[layer(1)], &[0.0, f64::INFINITY]);
    assert!(matches!(
        error,
        Error::NotFinite {
            what: "parameters",
            at: Position::Index(1),
            ..
        }
    ));

    // A constant expression cannot query an activation's pieces, so the prediction checks them.
    let wrong = [LayerSpec::<f64>::with_pieces(1, 2, &Maxout { pieces: 3 })];
    let net = MlpRef::constant(1, &wrong, &[0.0; 4]);
    let error = net
        .predict_into(&[0.0], &mut [0.0], &mut [0.0; 2])
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Shape {
                what: "pieces of a layer",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
#[should_panic(expected = "does not match the layers")]
fn a_constant_of_too_few_parameters() {
    MlpRef::constant(2, &[LayerSpec::new(1, &Relu)], &[0.0_f32; 2]);
}

#[test]
#[should_panic(expected = "inputs, layers, and neurons")]
fn a_constant_without_layers() {
    MlpRef::<f32>::constant(2, &[], &[]);
}

#[test]
fn parameters_are_read_from_bytes() {
    const BYTES: [u8; 8] = [0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc1];
    const SINGLE: [f32; 2] = f32_from_le_bytes(&BYTES);
    assert_eq!(SINGLE, [1.0, -10.0]);
    let params: [f64; 3] = [0.1, -1e300, 5e-324];
    let bytes: Vec<u8> = params.iter().flat_map(|p| p.to_le_bytes()).collect();
    assert_eq!(bits(&f64_from_le_bytes::<3>(&bytes)), bits(&params));
    let refused = |bytes: &[u8]| {
        let bytes = bytes.to_vec();
        std::panic::catch_unwind(move || f32_from_le_bytes::<2>(&bytes)).is_err()
    };
    assert!(!refused(&BYTES));
    assert!(refused(&BYTES[..7]) && refused(&BYTES[..4]) && refused(&[0; 9]));
    assert!(refused(&[0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x7f]), "infinity");
}

include!("generated.rs");

/// Returns the network that `generated.rs` holds.
fn origin() -> Mlp<f32> {
    let mut net = Mlp::builder(2)
        .hidden(5, LeakyRelu::new(0.1))
        .hidden(3, Maxout::new(3))
        .hidden(4, Tanh)
        .output(2, Identity)
        .build()
        .unwrap();
    let params = numbers(11, net.params().len(), 1.0);
    net.set_params(&params).unwrap();
    // Numbers that careless formatting would change: signs, extreme exponents, and clippy's
    // constants.
    let odd = [
        -0.0,
        1e-45,
        f32::MIN_POSITIVE,
        std::f32::consts::PI,
        16_777_216.0,
        -1e-20,
    ];
    net.params_mut()[..odd.len()].copy_from_slice(&odd);
    net
}

#[test]
fn the_generated_file_is_what_a_network_writes() {
    let (now, file) = (
        origin().to_rust("GENERATED").unwrap(),
        include_str!("generated.rs"),
    );
    if now != file {
        let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/generated.rs");
        std::fs::write(path, now).unwrap();
        panic!("tests/checks/generated.rs is old; the new one is {path}");
    }
}

fn the_generated_network_gives_the_bits_of_its_origin() {
    let origin = origin();
    assert_eq!(bits(GENERATED.params()), bits(origin.params()));
    let inputs = numbers::<f32>(12, 2 * 50, 3.0);
    let (mut scratch, mut outputs) = ([0.0; GENERATED.scratch_len()], [0.0; 2 * 50]);
    GENERATED
        .predict_into(&inputs, &mut outputs, &mut scratch)
        .unwrap();
    assert_eq!(bits(&outputs), bits(&origin.predict(&inputs).unwrap()));
}

/// Every built-in activation is written as an expression of its own type.
#[test]
fn every_built_in_activation_can_be_written() {
    for f in activation::all::<f64>() {
        let net = Mlp::builder(1).output(1, f.clone()).build().unwrap();
        let text = net.to_rust("NET").unwrap();
        assert!(text.contains(&format!("&activation::{f:?})")), "{text}");
        assert!(text.contains("static PARAMS: [f64;"), "{text}");
    }
}

/// A custom activation, which may have the name of a built-in one.
#[derive(Debug)]
struct Own(&'static str);

impl Activation<f64> for Own {
    fn value(&self, x: f64) -> f64 {
        x
    }
    fn derivative(&self, _: f64, _: f64) -> f64 {
        1.0
    }
    fn name(&self) -> Cow<'static, str> {
        self.0.into()
    }
}

#[test]
fn what_cannot_be_written_is_an_error() {
    for name in ["own", "tanh"] {
        let net = Mlp::builder(1).output(1, Own(name)).build().unwrap();
        let error = net.to_rust("NET").unwrap_err();
        assert!(matches!(error, Error::UnknownName { .. }), "{error}");
    }
    let mut net = Mlp::<f64>::builder(1).output(1, Tanh).build().unwrap();
    for name in ["", "net", "3D", "_NET", "A NET", "NET!", "NÄT", "NETz"] {
        let error = net.to_rust(name).unwrap_err();
        assert!(
            matches!(error, Error::InvalidSetting { .. }),
            "{name}: {error}"
        );
    }
    assert!(net.to_rust("N3_T").is_ok());
    net.params_mut()[1] = f64::NAN;
    let error = net.to_rust("NET").unwrap_err();
    assert!(
        matches!(
            error,
            Error::NotFinite {
                at: Position::Index(1),
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn outputs_that_are_not_finite_are_an_error() {
    fn check<T: feedforward::Float>() {
        let large = T::max_value();
        let layers = [LayerSpec::<T>::new(2, &Identity)];
        let params = [T::one(), large, T::zero(), large];
        let net = MlpRef::new(1, &layers, &params).unwrap();
        let (mut outputs, mut scratch) = ([T::zero(); 4], [T::zero(); 4]);
        let mut predict = |inputs: &[T]| net.predict_into(inputs, &mut outputs, &mut scratch);
        let expected = Error::Overflow {
            what: "output",
            layer: 0,
            value: f64::INFINITY,
        };
        let (zero, one) = (T::zero(), T::one());
        assert_eq!(predict(&[zero, zero]), Ok(()));
        assert_eq!(predict(&[zero, one]), Err(expected));
    }
    check::<f32>();
    check::<f64>();
}
