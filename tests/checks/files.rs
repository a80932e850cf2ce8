//! Models as files: round trips, and exchange with other programs.

use std::sync::Arc;

use feedforward::activation::{self, Activation, Identity, Relu, Tanh};
use feedforward::encoding::{Concat, Fourier, Positional};
use feedforward::loss::SquaredError;
use feedforward::metrics::Link;
use feedforward::optimizer::Adam;
use feedforward::{
    Classifier, Encoding, Error, Float, Mlp, ModelFile, MultilabelClassifier, Precision, Regressor,
    Resolver, Scaler, Trainer, TrainerState,
};
use safetensors::tensor::{Dtype, TensorView};

fn net<T: Float>(inputs: usize, activation: Arc<dyn Activation<T>>, outputs: usize) -> Mlp<T> {
    let builder = Mlp::builder(inputs).hidden(5, activation).hidden(4, Tanh);
    builder.output(outputs, Identity).seed(3).build().unwrap()
}

fn assert_same<T: Float>(a: &Mlp<T>, b: &Mlp<T>) {
    assert!(a.is_shaped_like(b));
    assert_eq!(a.params(), b.params());
}

#[test]
fn every_activation_comes_back() {
    fn check<T: Float>() {
        for activation in activation::all::<T>() {
            let net = net(3, activation, 2);
            let bytes = net.to_bytes().unwrap();
            assert_eq!(bytes, net.to_bytes().unwrap(), "the bytes differ");
            let read = Mlp::from_bytes(&bytes).unwrap();
            assert_same(&read, &net);
            let x = [T::from_f64(0.3), T::from_f64(-1.0), T::from_f64(2.0)];
            assert_eq!(read.predict(&x).unwrap(), net.predict(&x).unwrap());
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn the_other_precision_is_converted() {
    let single = net::<f32>(3, Arc::new(Relu), 2);
    let double = Mlp::<f64>::from_bytes(&single.to_bytes().unwrap()).unwrap();
    let pairs = double.params().iter().zip(single.params());
    assert!(pairs.into_iter().all(|(&a, &b)| a == f64::from(b)));
    let back = Mlp::<f32>::from_bytes(&double.to_bytes().unwrap()).unwrap();
    assert_same(&back, &single);
}

#[test]
fn a_file_tells_its_precision() {
    fn check<T: Float>(expected: Precision) {
        let net = net::<T>(3, Arc::new(Relu), 2);
        let labels = ["a".to_string(), "b".to_string()];
        let classifier = MultilabelClassifier::from_network(net.clone(), labels).unwrap();
        for bytes in [
            net.to_bytes(),
            classifier.to_bytes(),
            ModelFile::new(net).to_bytes(),
        ] {
            assert_eq!(Precision::of_file(&bytes.unwrap()).unwrap(), expected);
        }
    }
    check::<f32>(Precision::F32);
    check::<f64>(Precision::F64);
    let error = Precision::of_file(b"x,y\n1,2\n3,4\n").unwrap_err();
    assert!(error.to_string().contains("begins with"), "{error}");
}

/// An activation that the crate does not have.
#[derive(Debug)]
struct Cube;

impl<T: Float> Activation<T> for Cube {
    fn name(&self) -> std::borrow::Cow<'static, str> {
        "cube".into()
    }
    fn value(&self, x: T) -> T {
        x * x * x
    }
    fn derivative(&self, x: T, _: T) -> T {
        T::from_f64(3.0) * x * x
    }
}

#[test]
fn activations_of_ones_own_come_back_through_a_resolver() {
    let own = net::<f64>(2, Arc::new(Cube), 1);
    let bytes = own.to_bytes().unwrap();
    let error = Mlp::<f64>::from_bytes(&bytes).unwrap_err();
    assert!(
        matches!(&error, Error::UnknownName { got, .. } if got == "cube"),
        "{error}"
    );
    let resolve = |name: &str| match name {
        "cube" => Some(Arc::new(Cube) as Arc<dyn Activation<f64>>),
        _ => None,
    };
    let read = Mlp::from_bytes_with(&bytes, resolve).unwrap();
    assert_same(&read, &own);
}

/// An encoding that the crate does not have, with a constant.
#[derive(Debug)]
struct Shifted<T>([T; 1]);

impl<T: Float> Encoding<T> for Shifted<T> {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn name(&self) -> std::borrow::Cow<'static, str> {
        "shifted(by, constant)".into()
    }
    fn constants(&self) -> &[T] {
        &self.0
    }
    fn encode_sample(&self, _: &[T], inputs: &[T], outputs: &mut [T]) {
        outputs[0] = inputs[0] + self.0[0];
    }
    fn add_input_gradient(&self, _: &[T], _: &[T], dy: &[T], gradient: &mut [T]) {
        gradient.iter_mut().zip(dy).for_each(|(g, &dy)| *g += dy);
    }
}

/// Finds both.
struct Own;

impl<T: Float> Resolver<T> for Own {
    fn activation(&self, name: &str) -> Option<Arc<dyn Activation<T>>> {
        (name == "cube").then(|| Arc::new(Cube) as _)
    }
    fn encoding(&self, name: &str, constants: &[T]) -> Option<Arc<dyn Encoding<T>>> {
        let constant = constants.first().copied().unwrap_or(T::zero());
        (name == "shifted(by, constant)").then(|| Arc::new(Shifted([constant])) as _)
    }
}

#[test]
fn encodings_of_ones_own_come_back_through_a_resolver() {
    let shifted = || Arc::new(Shifted([1.5]));
    let members: Vec<Arc<dyn Encoding<f64>>> = vec![
        Arc::new(Positional::new(1, 2).unwrap()),
        shifted(),
        shifted(),
    ];
    let concat = Arc::new(Concat::new(members).unwrap());
    let all: [(usize, Arc<dyn Encoding<f64>>); 2] = [(1, shifted()), (3, concat)];
    for (inputs, encoding) in all {
        let builder = Mlp::builder(inputs).encoding(encoding).hidden(3, Cube);
        let own = builder.output(2, Identity).build().unwrap();
        let bytes = own.to_bytes().unwrap();
        assert!(Mlp::<f64>::from_bytes(&bytes).is_err());
        assert_same(&Mlp::from_bytes_with(&bytes, Own).unwrap(), &own);
        let x = vec![0.5; inputs];
        let read = ModelFile::<f64>::from_bytes_with(&bytes, Own).unwrap();
        assert_eq!(read.model.predict(&x).unwrap(), own.predict(&x).unwrap());

        // A checkpoint finds them in the network that it is read into.
        let trainer = Trainer::new(SquaredError, Adam::new(0.01));
        let state = trainer.init_state(&own).unwrap();
        let bytes = state.to_bytes(&trainer, &own).unwrap();
        let mut net = own.clone();
        net.params_mut().fill(0.0);
        TrainerState::from_bytes(&bytes, &trainer, &mut net).unwrap();
        assert_same(&net, &own);
        let other = Mlp::<f64>::builder(1).encoding(Shifted([2.5]));
        let mut other = other.hidden(3, Cube).output(2, Identity).build().unwrap();
        assert!(TrainerState::from_bytes(&bytes, &trainer, &mut other).is_err());
    }
}

#[test]
fn a_checkpoint_of_another_encoding_is_refused_by_name() {
    let net = |encoding: Fourier<f32>| {
        let builder = Mlp::builder(1).encoding(encoding);
        builder.output(1, Identity).build().unwrap()
    };
    let own = net(Fourier::new(1, 2, 1.0, 0).unwrap());
    let trainer = Trainer::new(SquaredError, Adam::new(0.01));
    let state = trainer.init_state(&own).unwrap();
    let bytes = state.to_bytes(&trainer, &own).unwrap();
    let other = |other| {
        let error = TrainerState::from_bytes(&bytes, &trainer, &mut net(other)).unwrap_err();
        error.to_string()
    };
    let error = other(Fourier::new(1, 3, 1.0, 0).unwrap());
    let (old, new) = ("frequencies=2), 1", "frequencies=3), 1");
    assert!(error.contains(old) && error.contains(new), "{error}");
    assert_eq!(
        other(Fourier::new(1, 2, 1.0, 1).unwrap()),
        "constants of the encoding: expected those of the checkpoint, got others"
    );
}

#[test]
fn classifiers_and_regressors_come_back_with_what_they_are() {
    let builder = || Mlp::<f32>::builder(2).hidden(4, Relu);
    let words = Classifier::new(builder(), ["low", "high", "middle"]).unwrap();
    let words = Classifier::from_network(
        words.network().clone(),
        words.classes().iter().map(ToString::to_string),
    )
    .unwrap();
    let read = Classifier::<f32, String>::from_bytes(&words.to_bytes().unwrap()).unwrap();
    assert_eq!(read.classes(), words.classes());
    assert_same(read.network(), words.network());

    // Labels are sorted as numbers, not as strings.
    let numbers = Classifier::new(builder(), [10, 9, 100]).unwrap();
    let bytes = numbers.to_bytes().unwrap();
    let read = Classifier::<f32, i32>::from_bytes(&bytes).unwrap();
    assert_eq!(read.classes(), [9, 10, 100]);
    let error = Classifier::<f32, bool>::from_bytes(&bytes).unwrap_err();
    assert!(error.to_string().contains("label"), "{error}");
    let error = Regressor::<f32>::from_bytes(&bytes).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected a regressor, got a classifier"),
        "{error}"
    );
    // A network can be read from the file of any model.
    assert_same(&Mlp::from_bytes(&bytes).unwrap(), numbers.network());

    let many = MultilabelClassifier::new(builder(), ['a', 'b']).unwrap();
    let read = MultilabelClassifier::<f32, char>::from_bytes(&many.to_bytes().unwrap()).unwrap();
    assert_eq!(read.classes(), ['a', 'b']);

    let counts = Regressor::new(net::<f64>(2, Arc::new(Tanh), 1)).link(Link::Log);
    let read = Regressor::<f64>::from_bytes(&counts.to_bytes().unwrap()).unwrap();
    let x = [0.5, -0.5];
    assert_eq!(read.predict(&x).unwrap(), counts.predict(&x).unwrap());
}

#[test]
fn a_model_file_holds_scaler_and_notes() {
    let scaler = Scaler::from_parts([1.0, 2.0], [3.0, 4.0]).unwrap();
    let labels = ["x".to_string(), "y".to_string(), "z".to_string()];
    let model = Classifier::from_network(net::<f64>(2, Arc::new(Relu), 3), labels).unwrap();
    let file = ModelFile::new(model);
    let file = file.scaler(scaler.clone()).note("made by", "a test");
    let bytes = file.to_bytes().unwrap();
    let read = ModelFile::<f64, Classifier<f64, String>>::from_bytes(&bytes).unwrap();
    assert_eq!(read.scaler, file.scaler);
    assert_eq!(read.notes, file.notes);
    assert_eq!(read.model.classes(), file.model.classes());
    let network = ModelFile::<f64>::from_bytes(&bytes).unwrap();
    assert_same(&network.model, file.model.network());
    let unfit = ModelFile::new(net::<f64>(3, Arc::new(Relu), 1));
    assert!(unfit.scaler(scaler).to_bytes().is_err());
}

#[test]
fn files_are_replaced_whole_and_errors_name_them() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("files");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("net.safetensors");
    let (first, second) = (
        net::<f32>(1, Arc::new(Relu), 1),
        net::<f32>(2, Arc::new(Tanh), 1),
    );
    first.save(&path).unwrap();
    second.save(&path).unwrap();
    assert_same(&Mlp::load(&path).unwrap(), &second);
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        1,
        "a temporary file is left"
    );

    let missing = folder.join("missing.safetensors");
    for error in [
        Mlp::<f32>::load(&missing).unwrap_err(),
        first
            .save(folder.join("no/such/folder.safetensors"))
            .unwrap_err(),
        Mlp::<f32>::load(&folder).unwrap_err(),
    ] {
        assert!(
            matches!(&error, Error::Io { path, .. } if path.contains("files")),
            "{error}"
        );
    }
}

/// Written by PyTorch 2.15: `torch.nn.Sequential(Linear(3, 12), Tanh(), Linear(12, 11), Tanh(),
/// ..., Linear(5, 2))` with six layers in total, and its inputs and outputs. The script is in
/// tests/fixtures/pytorch.
#[test]
fn pytorchs_state_dict_is_read() {
    let bytes = include_bytes!("../fixtures/pytorch/state_dict.safetensors");
    let activations = ["tanh", "tanh", "tanh", "tanh", "tanh", "identity"];
    let net = Mlp::<f32>::from_state_dict(bytes, &activations).unwrap();
    let text = include_str!("../fixtures/pytorch/outputs.txt");
    let numbers = |line: &str| -> Vec<f32> {
        line.split(' ')
            .map(|number| number.parse().unwrap())
            .collect()
    };
    let mut lines = text.lines().map(numbers);
    let (inputs, outputs) = (lines.next().unwrap(), lines.next().unwrap());
    for (ours, theirs) in net.predict(&inputs).unwrap().iter().zip(&outputs) {
        assert!(
            (ours - theirs).abs() <= 1e-6 * theirs.abs().max(1.0),
            "{ours} {theirs}"
        );
    }

    let error = Mlp::<f32>::from_state_dict(bytes, &["tanh"]).unwrap_err();
    assert!(error.to_string().contains("expected 1 layers"), "{error}");
    let error = Mlp::<f32>::from_bytes(bytes).unwrap_err();
    assert!(error.to_string().contains("from_state_dict"), "{error}");
}

/// Returns a file without description, written by the `safetensors` crate. All numbers are 1/4.
fn foreign(tensors: &[(&str, Dtype, &[usize])]) -> Vec<u8> {
    let number = |dtype: Dtype| match dtype {
        Dtype::F16 => vec![0x00, 0x34],
        Dtype::BF16 => vec![0x80, 0x3e],
        Dtype::F32 => 0.25_f32.to_le_bytes().to_vec(),
        Dtype::F64 => 0.25_f64.to_le_bytes().to_vec(),
        _ => vec![0; dtype.bitsize() / 8],
    };
    let data: Vec<Vec<u8>> = (tensors.iter())
        .map(|(_, dtype, shape)| number(*dtype).repeat(shape.iter().product()))
        .collect();
    let views = tensors
        .iter()
        .zip(&data)
        .map(|((name, dtype, shape), data)| {
            let view = TensorView::new(*dtype, shape.to_vec(), data);
            (name.to_string(), view.unwrap())
        });
    let metadata = [("format".to_string(), "pt".to_string())];
    safetensors::serialize(views, Some(metadata.into())).unwrap()
}

/// Returns a file with layers of these names and sizes, with biases.
fn state_dict(layers: &[(&str, usize, usize)], more: &[(&str, &[usize])]) -> Vec<u8> {
    let names: Vec<[String; 2]> = (layers.iter())
        .map(|(name, ..)| [format!("{name}.weight"), format!("{name}.bias")])
        .collect();
    let shapes: Vec<[usize; 2]> = layers
        .iter()
        .map(|&(_, inputs, outputs)| [outputs, inputs])
        .collect();
    let mut tensors = Vec::new();
    for ([weight, bias], shape) in names.iter().zip(&shapes) {
        tensors.push((&**weight, Dtype::F32, &shape[..]));
        tensors.push((&**bias, Dtype::F32, &shape[..1]));
    }
    tensors.extend(more.iter().map(|&(name, shape)| (name, Dtype::F32, shape)));
    foreign(&tensors)
}

/// Returns the error, which must be equal in both precisions.
fn refusal(bytes: &[u8], activations: &[&str]) -> String {
    let single = Mlp::<f32>::from_state_dict(bytes, activations).unwrap_err();
    let double = Mlp::<f64>::from_state_dict(bytes, activations).unwrap_err();
    assert_eq!(single, double);
    assert!(matches!(single, Error::Malformed { .. }), "{single}");
    single.to_string()
}

#[test]
fn a_parametric_activation_has_a_number_for_each_output() {
    let layers = [("0", 2, 3), ("1", 3, 1)];
    let names = ["parametric(mish)", "identity"];
    let bytes = state_dict(&layers, &[("0.alpha", &[3])]);
    let net = Mlp::<f32>::from_state_dict(&bytes, &names).unwrap();
    assert_eq!(net.layer(0).unwrap().alpha(), [0.25; 3]);
    let net = Mlp::<f32>::from_state_dict(&state_dict(&layers, &[]), &names).unwrap();
    assert_eq!(net.layer(0).unwrap().alpha(), [1.0; 3]);
    for shape in [&[2][..], &[4], &[3, 1], &[0]] {
        let error = refusal(&state_dict(&layers, &[("0.alpha", shape)]), &names);
        assert!(error.contains("0.alpha"), "{error}");
    }
    let error = refusal(&bytes, &["mish", "identity"]);
    assert!(error.contains("0.alpha"), "{error}");
}

#[test]
fn numbers_order_layers_by_their_value() {
    for names in [
        ["0", "2", "10"],
        ["net.9", "net.10", "net.11"],
        ["fc1", "fc2", "fc03"],
        ["1.fc2", "2.fc1", "2.fc3"],
        [
            "l.99999999999999999999",
            "l.100000000000000000000",
            "l.100000000000000000001",
        ],
    ] {
        // The layers are in reverse order in the file.
        let [a, b, c] = names;
        let bytes = state_dict(&[(c, 4, 2), (b, 3, 4), (a, 1, 3)], &[]);
        let net = Mlp::<f32>::from_state_dict(&bytes, &["relu", "tanh", "identity"]).unwrap();
        let sizes: Vec<_> = net.layers().map(|layer| layer.outputs()).collect();
        assert_eq!((net.inputs(), &sizes[..]), (1, &[3, 4, 2][..]), "{names:?}");
        assert!(net.params().iter().all(|&p| p == 0.25));
    }
    // A single layer needs no number, and its name may be empty.
    for name in ["head", ""] {
        let tensor = |part: &str| [name, part].join(if name.is_empty() { "" } else { "." });
        let (weight, bias) = (tensor("weight"), tensor("bias"));
        let tensors: [(&str, Dtype, &[usize]); 2] =
            [(&weight, Dtype::F32, &[2, 3]), (&bias, Dtype::F32, &[2])];
        let net = Mlp::<f32>::from_state_dict(&foreign(&tensors), &["tanh"]).unwrap();
        assert_eq!((net.inputs(), net.outputs()), (3, 2));
        let named = Mlp::<f32>::from_state_dict_named(&foreign(&tensors), &[(name, "tanh")], &[]);
        assert_same(&named.unwrap(), &net);
    }
}

#[test]
fn an_order_is_not_guessed_from_names() {
    for names in [
        ["encoder", "decoder"],
        ["fc1", "out"],
        ["layers.0", "head"],
        ["encoder.0", "decoder.0"],
        ["fc1", "fc01"],
        ["fc", "fc1"],
    ] {
        // These widths fit in either order.
        let bytes = state_dict(&[(names[0], 4, 4), (names[1], 4, 4)], &[]);
        let error = refusal(&bytes, &["tanh", "identity"]);
        for part in [names[0], names[1], "from_state_dict_named"] {
            assert!(error.contains(part), "{error}");
        }
        for names in [names, [names[1], names[0]]] {
            let bytes = state_dict(&[(names[0], 4, 2), (names[1], 2, 4)], &[]);
            let layers = [(names[0], "tanh"), (names[1], "identity")];
            let net = Mlp::<f32>::from_state_dict_named(&bytes, &layers, &[]).unwrap();
            assert_eq!(net.layer(0).unwrap().outputs(), 2);
            assert_eq!(net.layer(0).unwrap().activation().name(), "tanh");
            // These widths do not fit in the other order, and the error names the layer.
            let layers = [(names[1], "tanh"), (names[0], "identity")];
            let bytes = state_dict(&[(names[0], 4, 2), (names[1], 2, 3)], &[]);
            let error = Mlp::<f32>::from_state_dict_named(&bytes, &layers, &[]).unwrap_err();
            assert!(error.to_string().contains(names[0]), "{error}");
        }
    }
}

#[test]
fn a_tensor_that_is_part_of_no_layer_is_refused_unless_it_is_ignored() {
    let layers = [("0", 4, 3), ("2", 3, 2)];
    let others: [(&str, &[usize]); 12] = [
        ("1.running_mean", &[3]),
        ("1.running_var", &[3]),
        ("1.num_batches_tracked", &[]),
        ("mean", &[4]),
        ("std", &[4]),
        ("scale", &[]),
        ("positions", &[1, 4]),
        ("0.weight_g", &[3, 1]),
        ("0.weight_v", &[3, 4]),
        ("1.bias", &[3]),
        ("in_proj_weight", &[9, 3]),
        ("0.weight.scale", &[1]),
    ];
    for (name, shape) in others {
        let bytes = state_dict(&layers, &[(name, shape)]);
        let error = refusal(&bytes, &["relu", "identity"]);
        assert!(error.contains(&format!("{name:?}")), "{error}");
        let named = [("0", "relu"), ("2", "identity")];
        assert!(Mlp::<f32>::from_state_dict_named(&bytes, &named, &[]).is_err());
        let ignoring = Mlp::<f32>::from_state_dict_named(&bytes, &named, &[name]).unwrap();
        let plain = Mlp::from_state_dict(&state_dict(&layers, &[]), &["relu", "identity"]);
        assert_same(&ignoring, &plain.unwrap());
    }
    // The error names all unused tensors.
    let error = refusal(&state_dict(&layers, &others[..4]), &["relu", "identity"]);
    for (name, _) in &others[..4] {
        assert!(error.contains(name), "{error}");
    }
    // A layer that was not requested, and ignored tensors that do not exist or are in use.
    let bytes = state_dict(&layers, &[]);
    for (named, ignored, problem) in [
        (&[("0", "relu")][..], &[][..], "2.weight"),
        (
            &[("0", "relu"), ("2", "tanh")],
            &["3.weight"],
            "no tensor 3.weight",
        ),
        (&[("0", "relu"), ("2", "tanh")], &["2.bias"], "2.bias"),
        (&[("0", "relu"), ("3", "tanh")], &[], "no tensor 3.weight"),
        (&[], &[], "layers"),
    ] {
        let error = Mlp::<f32>::from_state_dict_named(&bytes, named, ignored).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
    let head = [("0", "relu")];
    let net = Mlp::<f32>::from_state_dict_named(&bytes, &head, &["2.weight", "2.bias"]);
    assert_eq!(net.unwrap().outputs(), 3);
}

#[test]
fn weights_of_what_is_no_linear_layer_are_refused_by_name() {
    for shape in [
        &[3][..],
        &[1],
        &[],
        &[3, 4, 5],
        &[3, 4, 3, 3],
        &[0, 4],
        &[4, 0],
    ] {
        let bytes = state_dict(&[("0", 4, 3), ("2", 3, 2)], &[("1.weight", shape)]);
        for activations in [&["relu", "identity"][..], &["relu", "relu", "identity"]] {
            let error = refusal(&bytes, activations);
            assert!(error.contains("1.weight"), "{shape:?}: {error}");
        }
    }
    // A bias of the wrong length.
    let bytes = foreign(&[
        ("0.weight", Dtype::F32, &[3, 4]),
        ("0.bias", Dtype::F32, &[4]),
    ]);
    assert!(refusal(&bytes, &["relu"]).contains("0.bias"));
    // Three rows cannot be divided into two pieces each.
    let bytes = foreign(&[("0.weight", Dtype::F32, &[3, 4])]);
    assert!(refusal(&bytes, &["maxout(2)"]).contains("0.weight"));
}

#[test]
fn all_precisions_are_read_and_other_numbers_are_not() {
    for dtype in [Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64] {
        let bytes = foreign(&[("0.weight", dtype, &[3, 4]), ("0.bias", dtype, &[3])]);
        let single = Mlp::<f32>::from_state_dict(&bytes, &["relu"]).unwrap();
        assert!(single.params().iter().all(|&p| p == 0.25), "{dtype}");
        let double = Mlp::<f64>::from_state_dict(&bytes, &["relu"]).unwrap();
        assert!(double.params().iter().all(|&p| p == 0.25), "{dtype}");
    }
    for dtype in [Dtype::I8, Dtype::I64, Dtype::U8, Dtype::BOOL, Dtype::C64] {
        let bytes = foreign(&[("0.weight", dtype, &[3, 4])]);
        let error = refusal(&bytes, &["relu"]);
        assert!(
            error.contains("0.weight") && error.contains(&dtype.to_string()),
            "{error}"
        );
    }
}

/// The format's own library can read this crate's files.
#[test]
fn others_read_our_files() {
    let net = net::<f64>(3, Arc::new(Relu), 2);
    let bytes = ModelFile::new(net.clone())
        .note("\"a\"\n", "\u{1F600}")
        .to_bytes()
        .unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut names = file.names();
    names.sort_unstable();
    assert_eq!(names[..2], ["layers.0.bias", "layers.0.weight"]);
    let bias = file.tensor("layers.2.bias").unwrap();
    let values: Vec<f64> = (bias.data().chunks(8))
        .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    assert_eq!(values, net.params()[net.params().len() - 2..]);
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let text = &metadata.metadata().as_ref().unwrap()["feedforward"];
    let description: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(description["notes"]["\"a\"\n"], "\u{1F600}");
    assert_eq!(description["version"], 1);
}

#[test]
fn what_is_no_model_file_is_called_so_and_by_its_path() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-models");
    std::fs::create_dir_all(&folder).unwrap();
    let csv = "x,y,label\n1.5,2.5,a\n".repeat(1000);
    let whole = net::<f32>(1, Arc::new(Relu), 1).to_bytes().unwrap();
    let empty_header = [&2_u64.to_le_bytes()[..], b"{}"].concat();
    let texts: [(&str, &[u8], &str); 9] = [
        ("table.csv", csv.as_bytes(), "begins with \"x,y,label"),
        (
            "model.json",
            b"{\"version\": 1, \"inputs\": 3}",
            "begins with",
        ),
        (
            "picture.png",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            "begins with",
        ),
        ("zeros", &[0; 1000], "begins with"),
        ("empty", b"", "got 0 bytes"),
        ("short", b"abc", "got 3 bytes"),
        ("cut", &whole[..whole.len() / 3], "cut short"),
        ("nearly", &whole[..whole.len() - 1], "cut short"),
        ("nobody's", &empty_header, "no description"),
    ];
    for (name, text, problem) in texts {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        for error in [
            Mlp::<f32>::load(&path).unwrap_err(),
            Mlp::<f64>::load(&path).unwrap_err(),
            ModelFile::<f32>::load(&path).unwrap_err(),
            Classifier::<f32, String>::load(&path).unwrap_err(),
        ] {
            assert!(matches!(error, Error::File { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(name) && text.contains("model file"), "{text}");
            assert!(text.contains(problem), "{text}");
            assert!(Mlp::<f32>::from_bytes(text.as_bytes()).is_err());
        }
    }
    // If a file's size contradicts its header, only the header is read.
    let file = std::fs::File::create(folder.join("sparse")).unwrap();
    std::io::Write::write_all(&mut &file, &whole).unwrap();
    file.set_len(1 << 40).unwrap();
    let error = Mlp::<f32>::load(folder.join("sparse")).unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn parameters_that_are_not_finite_are_not_written() {
    fn check<T: Float>() {
        for bad in [f64::NAN, f64::INFINITY] {
            let mut net = net::<T>(1, Arc::new(Relu), 1);
            net.params_mut()[1] = T::from_f64(bad);
            let regressor = Regressor::new(net.clone());
            for written in [
                net.to_bytes(),
                regressor.to_bytes(),
                ModelFile::new(net).to_bytes(),
            ] {
                assert!(matches!(written, Err(Error::NotFinite { .. })));
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// A tensor without numbers may claim any number of rows, whose zero biases would take all memory.
#[test]
fn sizes_without_numbers_are_not_believed() {
    for shape in [
        "[1000000000000000000,0]",
        "[0,1000000000000000000]",
        "[0,0]",
        "[]",
        "[0]",
    ] {
        let header =
            format!(r#"{{"0.weight":{{"dtype":"F32","shape":{shape},"data_offsets":[0,0]}}}}"#);
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        let error = Mlp::<f32>::from_state_dict(&bytes, &["identity"]).unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{shape}: {error}");
    }
}

/// Writes tanh networks for tests/safetensors_check.py, with inputs and outputs in separate files.
#[test]
fn files_for_python() {
    fn write<T: Float>(folder: &std::path::Path, name: &str) {
        let builder = Mlp::<T>::builder(4).hidden_layers(11, 6, Tanh);
        let net = builder.output(3, Identity).seed(9).build().unwrap();
        net.save(folder.join(format!("{name}.safetensors")))
            .unwrap();
        let inputs: Vec<T> = (0..40)
            .map(|i| T::from_f64((f64::from(i) * 0.7).sin()))
            .collect();
        let outputs = net.predict(&inputs).unwrap();
        let line = |numbers: &[T]| {
            let words: Vec<_> = numbers.iter().map(T::to_string).collect();
            words.join(" ")
        };
        let text = format!("{}\n{}\n", line(&inputs), line(&outputs));
        std::fs::write(folder.join(format!("{name}.txt")), text).unwrap();
    }
    let folder = std::env::var_os("FEEDFORWARD_FILES_OUT").map_or_else(
        || std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("for-python"),
        Into::into,
    );
    std::fs::create_dir_all(&folder).unwrap();
    write::<f32>(&folder, "f32");
    write::<f64>(&folder, "f64");
}
