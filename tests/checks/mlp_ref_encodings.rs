//! Borrowed networks with encodings are bit-identical to owned ones, and check all sizes.

use std::borrow::Cow;
use std::sync::Arc;

use feedforward::activation::{Identity, Relu, Tanh};
use feedforward::encoding::{
    self, Categories, Concat, Fourier, Grid, GridSettings, Interpolation, OneBlob, Periodic,
    PeriodicSettings, Positional,
};
use feedforward::simd::InstructionSet;
use feedforward::{Encoding, EncodingSpec, Error, Float, LayerSpec, Mlp, MlpRef, Position};

#[allow(dead_code)] // Its shapes are of networks without encodings.
mod random;
use random::{bits, numbers};

const SMALL: GridSettings = GridSettings {
    levels: 3,
    coarsest: 2,
    finest: 9,
    max_entries: 32,
    initial: 0.5,
    ..GridSettings::new(2)
};
static GRID: Grid = Grid::constant(SMALL);
static POSITIONAL: Positional = Positional::constant(2, 3);
static ONE_BLOB: OneBlob = OneBlob::constant(2, 6);
static CATEGORIES: Categories = Categories::constant(&[(3, 2), (2, 3)], 0.5);
const FEW_WAVES: PeriodicSettings = PeriodicSettings {
    frequencies: 5,
    width: 3,
    ..PeriodicSettings::new(2)
};
static PERIODIC: Periodic = Periodic::constant(FEW_WAVES);
static IDENTITY: encoding::Identity = encoding::Identity::constant(2);

/// Returns encodings side by side, one inside another.
fn concat<T: Float>() -> Concat<T> {
    let inner = Concat::new(vec![
        Arc::new(Fourier::new(1, 2, 1.0, 6).unwrap()),
        Arc::new(Concat::new(vec![Arc::new(PERIODIC)]).unwrap()),
        Arc::new(Fourier::new(2, 1, 1.0, 7).unwrap()),
    ]);
    let all: Vec<Arc<dyn Encoding<T>>> = vec![
        Arc::new(GRID.clone()),
        Arc::new(inner.unwrap()),
        Arc::new(CATEGORIES.clone()),
        Arc::new(IDENTITY),
    ];
    Concat::new(all).unwrap()
}

/// Returns numbers, of which every other is an integer, so that some are known categories.
fn values<T: Float>(seed: u64, len: usize) -> Vec<T> {
    let numbers = numbers::<T>(seed, len, 1.5).into_iter().enumerate();
    let four = T::from_f64(4.0);
    numbers
        .map(|(i, x)| if i % 2 == 0 { (x * four).round() } else { x })
        .collect()
}

fn all<T: Float>() -> Vec<Arc<dyn Encoding<T>>> {
    let grid = |inputs, interpolation, features| {
        Grid::new(GridSettings {
            inputs,
            interpolation,
            features,
            ..SMALL
        })
        .unwrap()
    };
    vec![
        Arc::new(Fourier::new(2, 5, 1.5, 3).unwrap()),
        Arc::new(POSITIONAL),
        Arc::new(ONE_BLOB),
        Arc::new(GRID.clone()),
        Arc::new(grid(1, Interpolation::Smoothstep, 1)),
        Arc::new(grid(3, Interpolation::Linear, 4)),
        Arc::new(grid(4, Interpolation::Smoothstep, 8)),
        Arc::new(CATEGORIES.clone()),
        Arc::new(PERIODIC),
        Arc::new(IDENTITY),
        Arc::new(concat()),
    ]
}

/// Returns networks whose widest row is the encoding's or a layer's.
fn networks<T: Float>(encoding: &Arc<dyn Encoding<T>>) -> [Mlp<T>; 3] {
    let builder = || Mlp::builder(encoding.inputs()).encoding(encoding.clone());
    [
        builder().output(2, Identity),
        builder().hidden(3, Tanh).output(1, Identity),
        builder().hidden(40, Relu).hidden(5, Tanh).output(3, Tanh),
    ]
    .map(|builder| builder.seed(4).build().unwrap())
}

fn check<T: Float>() {
    for encoding in all::<T>() {
        for owner in networks(&encoding) {
            let layers = owner.layer_specs();
            let net = MlpRef::with_encoding(&*encoding, &layers, owner.params()).unwrap();
            assert_eq!(
                (net.inputs(), net.outputs()),
                (owner.inputs(), owner.outputs())
            );
            assert_eq!(net.encodings()[0].encoding.name(), encoding.name());
            // Earlier contents of the buffers must not matter.
            let mut scratch = vec![T::nan(); net.scratch_len()];
            for samples in [1, 3, 70] {
                let inputs = values::<T>(9, samples * net.inputs());
                let mut outputs = vec![T::nan(); samples * net.outputs()];
                net.predict_into(&inputs, &mut outputs, &mut scratch)
                    .unwrap();
                let expected = owner.predict(&inputs).unwrap();
                assert_eq!(bits(&outputs), bits(&expected), "{}", encoding.name());
            }
        }
    }
}

/// A single test, because the choice of an instruction set applies to the whole process.
#[test]
fn the_bits_are_those_of_mlp_on_every_instruction_set() {
    let before = InstructionSet::active();
    for set in InstructionSet::available() {
        set.activate().unwrap();
        check::<f32>();
        check::<f64>();
        the_generated_networks_give_the_bits_of_their_origins();
    }
    before.activate().unwrap();
}

#[test]
fn constants_are_the_encodings_of_run_time() {
    const LARGE: GridSettings = GridSettings {
        levels: 32,
        coarsest: 1,
        finest: 1 << 20,
        features: 8,
        max_entries: 1 << 28,
        ..GridSettings::new(4)
    };
    static GRID_OF_MANY_LEVELS: Grid = Grid::constant(LARGE);
    static DIRECTIONS: [f64; 6] = [1.0, -2.0, 0.5, 3.0, 0.0, 7.0];
    static FOURIER: Fourier<f64> = Fourier::constant(2, &DIRECTIONS);
    assert_eq!(FOURIER, Fourier::from_directions(2, DIRECTIONS).unwrap());
    assert_eq!(GRID, Grid::new(SMALL).unwrap());
    assert_eq!(POSITIONAL, Positional::new(2, 3).unwrap());
    assert_eq!(ONE_BLOB, OneBlob::new(2, 6).unwrap());
    let categories = Categories::new(&[(3, 2), (2, 3)]).unwrap();
    assert_eq!(CATEGORIES, categories.initial(0.5).unwrap());
    assert_eq!(PERIODIC, Periodic::new(FEW_WAVES).unwrap());
    assert_eq!(IDENTITY, encoding::Identity::new(2).unwrap());
    assert_eq!(GRID_OF_MANY_LEVELS, Grid::new(LARGE).unwrap());
}

/// Returns the message of a panic, which is a compile error in a constant.
fn refused<R>(constant: impl FnOnce() -> R + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(constant).err().expect("a panic");
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.unwrap_or_else(|| panic.downcast_ref::<String>().unwrap().clone())
}

#[test]
fn constants_of_bad_settings_do_not_compile() {
    let grid = |settings| refused(move || Grid::constant(settings));
    let of = GridSettings::new;
    for (settings, message) in [
        (of(0), "inputs of the grid"),
        (of(5), "inputs of the grid"),
        (GridSettings { levels: 0, ..of(2) }, "levels of the grid"),
        (
            GridSettings {
                levels: 33,
                ..of(2)
            },
            "levels of the grid",
        ),
        (
            GridSettings {
                finest: 15,
                ..of(2)
            },
            "coarsest cells",
        ),
        (
            GridSettings {
                finest: usize::MAX,
                ..of(2)
            },
            "finest cells",
        ),
        (
            GridSettings {
                max_entries: 0,
                ..of(2)
            },
            "entries of a level",
        ),
        (
            GridSettings {
                max_entries: 3,
                ..of(2)
            },
            "a power of two",
        ),
        (
            GridSettings {
                features: 3,
                ..of(2)
            },
            "1, 2, 4 or 8",
        ),
        (
            GridSettings {
                initial: f64::NAN,
                ..of(2)
            },
            "initial entries",
        ),
        (
            GridSettings {
                initial: -0.5,
                ..of(2)
            },
            "initial entries",
        ),
    ] {
        let got = grid(settings);
        assert!(got.contains(message), "{got}: {message}");
        assert!(Grid::new(settings).is_err());
    }
    for (inputs, count) in [
        (0, 1),
        (1, 0),
        (1, 1 << 25),
        (usize::MAX, 2),
        (usize::MAX / 2, 24),
    ] {
        refused(move || Positional::constant(inputs, count));
        assert!(Positional::new(inputs, count).is_err());
        refused(move || OneBlob::constant(inputs, count));
        assert!(OneBlob::new(inputs, count).is_err());
    }
    for (inputs, len) in [(0, 4), (3, 4), (2, 0)] {
        let directions = &[1.0_f32; 4][..len];
        let message = refused(move || Fourier::constant(inputs, directions));
        assert!(message.contains("whole rows"), "{message}");
        assert!(Fourier::from_directions(inputs, directions).is_err());
    }
}

#[test]
fn constants_of_bad_tables_and_waves_do_not_compile() {
    static MANY: [(usize, usize); 4097] = [(1, 1); 4097];
    static LARGE: [(usize, usize); 4] = [(1 << 24, 1 << 11); 4];
    for (columns, message) in [
        (&[][..], "1 to 4096 columns"),
        (&MANY, "1 to 4096 columns"),
        (&[(1, 1), (0, 1)], "1 to 2^24"),
        (&[((1 << 24) + 1, 1)], "1 to 2^24"),
        (&[(1, 1), (1, 0)], "1 to 2^16"),
        (&[(1, (1 << 16) + 1)], "1 to 2^16"),
        (&LARGE, "too many vectors"),
    ] {
        let got = refused(|| Categories::constant(columns, 1.0));
        assert!(got.contains(message), "{got}: {message}");
        assert!(Categories::new(columns).is_err());
    }
    for initial in [-0.1, 1001.0, f64::NAN] {
        let got = refused(|| Categories::constant(&[(1, 1)], initial));
        assert!(got.contains("0 to 1000"), "{got}");
    }
    let of = PeriodicSettings::new;
    #[rustfmt::skip]
    let bad = [
        (of(0), "at least one input"),
        (of(usize::MAX), "too many outputs"),
        (of(1 << 31), "too many parameters"),
        (PeriodicSettings { frequencies: 0, ..of(1) }, "frequencies"),
        (PeriodicSettings { frequencies: (1 << 16) + 1, ..of(1) }, "frequencies"),
        (PeriodicSettings { width: 1, ..of(1) }, "width"),
        (PeriodicSettings { width: (1 << 16) + 1, ..of(1) }, "width"),
        (PeriodicSettings { sigma: 0.0, ..of(1) }, "sigma"),
        (PeriodicSettings { sigma: f64::NAN, ..of(1) }, "sigma"),
    ];
    for (settings, message) in bad {
        let got = refused(|| Periodic::constant(settings));
        assert!(got.contains(message), "{got}: {message}");
        assert!(Periodic::new(settings).is_err());
    }
    for inputs in [0, usize::MAX] {
        refused(move || encoding::Identity::constant(inputs));
    }
}

static LAYERS: [LayerSpec<f32>; 1] = [LayerSpec::new(1, &Identity)];
static PARAMS: [f32; 13] = [0.25; 13];
static SPEC: EncodingSpec<f32> = EncodingSpec {
    inputs: 2,
    outputs: 12,
    params_len: 0,
    encoding: &POSITIONAL,
};
static NET: MlpRef<f32> = MlpRef::constant_with_encoding(SPEC, &LAYERS, &PARAMS);
const SCRATCH: usize = NET.scratch_len();

#[test]
fn a_static_network_tells_its_shape() {
    assert_eq!((NET.inputs(), NET.outputs(), SCRATCH), (2, 1, 12 + 1));
    assert_eq!(NET.encodings()[0].encoding.outputs(), 12);
    let none = MlpRef::constant(12, &LAYERS, &PARAMS);
    assert!(none.encodings().is_empty());
}

/// Swallows NaN, and has any sizes.
#[derive(Debug)]
struct Own {
    inputs: usize,
    outputs: usize,
    name: &'static str,
}

impl<T: Float> Encoding<T> for Own {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.outputs
    }
    fn name(&self) -> Cow<'static, str> {
        self.name.into()
    }
    fn encode_sample(&self, _: &[T], _: &[T], outputs: &mut [T]) {
        outputs.fill(T::one());
    }
    fn add_input_gradient(&self, _: &[T], _: &[T], _: &[T], _: &mut [T]) {}
}

#[test]
fn what_does_not_fit_is_an_error() {
    let mut scratch = [0.0; SCRATCH];
    let mut predict = |inputs: &[f32], outputs: usize, room: usize| {
        let mut outputs = vec![0.0; outputs];
        NET.predict_into(inputs, &mut outputs, &mut scratch[..room])
    };
    predict(&[0.5; 4], 2, SCRATCH).unwrap();
    let (what, width, got) = ("inputs", 2, 3);
    assert_eq!(
        predict(&[0.5; 3], 1, SCRATCH),
        Err(Error::Rows { what, width, got })
    );
    let (what, expected, got) = ("scratch", SCRATCH, SCRATCH - 1);
    assert_eq!(
        predict(&[0.5; 2], 1, got),
        Err(Error::Length {
            what,
            expected,
            got
        })
    );

    let own = |inputs, outputs| Own {
        inputs,
        outputs,
        name: "own",
    };
    let new =
        |encoding: &Own, params: &[f32]| MlpRef::with_encoding(encoding, &LAYERS, params).map(drop);
    new(&own(1, 2), &[0.5; 3]).unwrap();
    for (inputs, outputs) in [(0, 2), (1, 0), (1, usize::MAX)] {
        let error = new(&own(inputs, outputs), &[0.5; 3]).unwrap_err();
        assert!(matches!(error, Error::InvalidSetting { .. }), "{error}");
    }
    let (what, expected) = ("parameters", 3);
    for got in [2, 4] {
        let error = Error::Length {
            what,
            expected,
            got,
        };
        assert_eq!(new(&own(1, 2), &vec![0.5; got]), Err(error));
    }
    let len = Encoding::<f32>::params_len(&GRID);
    let mut params = vec![0.5; 6 + 1 + len];
    MlpRef::with_encoding(&GRID, &LAYERS, &params).unwrap();
    params[6 + len] = f32::INFINITY;
    let error = MlpRef::with_encoding(&GRID, &LAYERS, &params).unwrap_err();
    let at_end = matches!(error, Error::NotFinite { at: Position::Index(at), .. } if at == 6 + len);
    assert!(at_end, "{error}");
}

/// A constant expression cannot ask an encoding, so the prediction checks its sizes.
#[test]
fn wrong_sizes_in_a_constant_are_errors_of_the_prediction() {
    let params = [0.5; 200];
    let right = EncodingSpec {
        inputs: 2,
        outputs: 6,
        params_len: Encoding::<f32>::params_len(&GRID),
        encoding: &GRID as &dyn Encoding<f32>,
    };
    let predict = |spec: EncodingSpec<'_, f32>| {
        let layers = [LayerSpec::new(1, &Identity)];
        let params = &params[..spec.outputs + 1 + spec.params_len];
        let net = MlpRef::constant_with_encoding(spec, &layers, params);
        net.predict_into(&vec![0.5; spec.inputs], &mut [0.0], &mut [0.0; 20])
    };
    assert_eq!(predict(right), Ok(()));
    let (inputs, outputs, params_len) = (3, 7, right.params_len - 1);
    for (spec, expected) in [
        (EncodingSpec { inputs, ..right }, "inputs of the encoding"),
        (EncodingSpec { outputs, ..right }, "outputs of the encoding"),
        (
            EncodingSpec {
                params_len,
                ..right
            },
            "parameters of the encoding",
        ),
    ] {
        let error = predict(spec).unwrap_err();
        let named = matches!(error, Error::Shape { what, .. } if what == expected);
        assert!(named, "{error}");
    }
}

#[test]
fn an_encoding_that_swallows_nan_swallows_no_error() {
    let own = Own {
        inputs: 2,
        outputs: 3,
        name: "own",
    };
    let layers = [LayerSpec::new(1, &Identity)];
    let params = [0.5_f64; 4];
    let net = MlpRef::with_encoding(&own, &layers, &params).unwrap();
    let predict = |inputs: &[f64]| net.predict_into(inputs, &mut [0.0; 2], &mut [0.0; 4]);
    assert_eq!(predict(&[0.0; 4]), Ok(()));
    for bad in [f64::NAN, f64::INFINITY] {
        let error = predict(&[0.0, 0.0, 0.0, bad]).unwrap_err();
        let at = Position::Cell { row: 1, column: 1 };
        assert!(
            matches!(error, Error::NotFinite { at: got, .. } if got == at),
            "{error}"
        );
    }
}

#[test]
fn outputs_that_are_not_finite_are_an_error() {
    let encoding = Positional::constant(1, 1);
    let builder = Mlp::<f32>::builder(1).encoding(encoding);
    let mut owner = builder.output(1, Identity).build().unwrap();
    owner.params_mut().fill(f32::MAX);
    let layers = owner.layer_specs();
    let net = MlpRef::with_encoding(&encoding, &layers, owner.params()).unwrap();
    let (what, layer, value) = ("output", 0, f64::INFINITY);
    let expected = Error::Overflow { what, layer, value };
    let error = net.predict_into(&[0.25], &mut [0.0], &mut [0.0; 3]);
    assert_eq!(error, Err(expected.clone()));
    assert_eq!(owner.predict(&[0.25]), Err(expected));
}

#[test]
#[should_panic(expected = "does not match the layers")]
fn a_constant_without_the_parameters_of_its_encoding() {
    let spec = EncodingSpec {
        params_len: 1,
        ..SPEC
    };
    MlpRef::constant_with_encoding(spec, &LAYERS, &PARAMS);
}

#[test]
#[should_panic(expected = "at least one input")]
fn a_constant_without_inputs() {
    MlpRef::constant_with_encoding(EncodingSpec { inputs: 0, ..SPEC }, &LAYERS, &PARAMS);
}

#[test]
#[should_panic(expected = "inputs, layers, and neurons")]
fn a_constant_whose_encoding_has_no_outputs() {
    MlpRef::constant_with_encoding(EncodingSpec { outputs: 0, ..SPEC }, &LAYERS, &PARAMS);
}

#[test]
#[should_panic(expected = "at least one")]
fn a_constant_of_no_encodings() {
    MlpRef::constant_with_encodings(&[], &LAYERS, &PARAMS);
}

/// The sizes of all encodings count, and each prediction checks those of each.
#[test]
fn sizes_of_encodings_side_by_side() {
    let identity = EncodingSpec {
        inputs: 2,
        outputs: 2,
        params_len: 0,
        encoding: &IDENTITY as &dyn Encoding<f32>,
    };
    let categories = EncodingSpec {
        inputs: 2,
        outputs: 5,
        params_len: 17,
        encoding: &CATEGORIES,
    };
    let params = vec![0.5; 8 + 17];
    let encodings = [identity, categories];
    let net = MlpRef::constant_with_encodings(&encodings, &LAYERS, &params);
    assert_eq!((net.inputs(), net.scratch_len()), (4, 7 + 1));
    let mut output = [0.0];
    net.predict_into(&[1.0, 2.0, 0.0, 0.0], &mut output, &mut [0.0; 8])
        .unwrap();
    assert_eq!(output, [0.5 * (1.0 + 2.0 + 5.0 * 0.5) + 0.5]);
    let swapped = [
        EncodingSpec {
            params_len: 1,
            ..identity
        },
        EncodingSpec {
            params_len: 16,
            ..categories
        },
    ];
    let net = MlpRef::constant_with_encodings(&swapped, &LAYERS, &params);
    let error = net.predict_into(&[0.0; 4], &mut output, &mut [0.0; 8]);
    assert!(matches!(error, Err(Error::Shape { .. })), "{error:?}");
    let fewer = std::panic::AssertUnwindSafe((&encodings, &params[1..]));
    let message = refused(move || {
        let (encodings, params) = *fewer;
        MlpRef::constant_with_encodings(encodings, &LAYERS, params).inputs()
    });
    assert!(message.contains("does not match"), "{message}");
}

include!("generated_encodings.rs");

/// Returns the networks that `generated_encodings.rs` holds, with their names.
fn origins() -> Vec<(&'static str, Mlp<f32>, &'static MlpRef<'static, f32>)> {
    let net = |encoding: Arc<dyn Encoding<f32>>| {
        let builder = Mlp::builder(encoding.inputs()).encoding(encoding);
        let mut net = builder.hidden(3, Tanh).output(2, Identity).build().unwrap();
        let params = numbers(11, net.params().len(), 1.0);
        net.set_params(&params).unwrap();
        net
    };
    let smooth = GridSettings {
        interpolation: Interpolation::Smoothstep,
        ..SMALL
    };
    let table = Concat::new(vec![
        Arc::new(PERIODIC),
        Arc::new(CATEGORIES.clone()),
        Arc::new(IDENTITY),
    ]);
    vec![
        (
            "OF_GRID",
            net(Arc::new(Grid::new(smooth).unwrap())),
            &OF_GRID,
        ),
        (
            "OF_FOURIER",
            net(Arc::new(Fourier::new(2, 4, 2.0, 5).unwrap())),
            &OF_FOURIER,
        ),
        ("OF_POSITIONAL", net(Arc::new(POSITIONAL)), &OF_POSITIONAL),
        ("OF_ONE_BLOB", net(Arc::new(ONE_BLOB)), &OF_ONE_BLOB),
        (
            "OF_CATEGORIES",
            net(Arc::new(CATEGORIES.clone())),
            &OF_CATEGORIES,
        ),
        ("OF_PERIODIC", net(Arc::new(PERIODIC)), &OF_PERIODIC),
        ("OF_IDENTITY", net(Arc::new(IDENTITY)), &OF_IDENTITY),
        ("OF_TABLE", net(Arc::new(table.unwrap())), &OF_TABLE),
        ("OF_CONCAT", net(Arc::new(concat())), &OF_CONCAT),
    ]
}

#[test]
fn the_generated_file_is_what_networks_write() {
    let texts = origins()
        .into_iter()
        .map(|(name, net, _)| net.to_rust(name).unwrap());
    let (now, file) = (
        texts.collect::<String>(),
        include_str!("generated_encodings.rs"),
    );
    if now != file {
        let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/generated_encodings.rs");
        std::fs::write(path, now).unwrap();
        panic!("tests/checks/generated_encodings.rs is old; the new one is {path}");
    }
}

fn the_generated_networks_give_the_bits_of_their_origins() {
    for (name, origin, generated) in origins() {
        assert_eq!(bits(generated.params()), bits(origin.params()), "{name}");
        let all = generated.encodings().iter().map(|spec| spec.encoding);
        let all: Vec<_> = all.map(|encoding| format!("{encoding:?}")).collect();
        // The members of nested encodings stand side by side.
        let flat = |text: &str| text.replace("Concat [", "").replace(']', "");
        let expected = format!("{:?}", origin.encoding().unwrap());
        assert_eq!(flat(&all.join(", ")), flat(&expected));
        let inputs = values::<f32>(12, origin.inputs() * 50);
        let (mut scratch, mut outputs) = (vec![0.0; generated.scratch_len()], [0.0; 2 * 50]);
        generated
            .predict_into(&inputs, &mut outputs, &mut scratch)
            .unwrap();
        assert_eq!(
            bits(&outputs),
            bits(&origin.predict(&inputs).unwrap()),
            "{name}"
        );
    }
}

#[test]
fn an_encoding_of_a_users_own_cannot_be_written() {
    let names = ["own", "positional(inputs=1, octaves=1)"];
    for name in names {
        let own = Own {
            inputs: 1,
            outputs: 2,
            name,
        };
        let builder = Mlp::<f64>::builder(1).encoding(own);
        let net = builder.output(1, Identity).build().unwrap();
        let error = net.to_rust("NET").unwrap_err();
        assert!(
            matches!(&error, Error::UnknownName { got, .. } if got == name),
            "{error}"
        );
        assert!(error.to_string().contains("one_blob"), "{error}");
    }
}
