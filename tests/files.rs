//! Models as files: what is written is read, by whoever may.

use std::sync::Arc;

use feedforward::activation::{self, Activation, Identity, Relu, Tanh};
use feedforward::encoding::{Builtin, Encoding, Fourier, OneBlob, Positional};
use feedforward::metrics::Link;
use feedforward::{
    Classifier, Error, Float, Mlp, ModelFile, MultilabelClassifier, Regressor, Scaler,
};

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
            assert_eq!(bytes, net.to_bytes().unwrap(), "not the same bytes");
            let read = Mlp::from_bytes(&bytes).unwrap();
            assert_same(&read, &net);
            let x = [T::of(0.3), T::of(-1.0), T::of(2.0)];
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

/// Not one of the crate's.
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
        T::of(3.0) * x * x
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

    // Sorted as numbers, not as words.
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
    // The network of any of them.
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
fn a_model_file_holds_encoding_scaler_and_notes() {
    let scaler = Scaler::from_parts([1.0, 2.0], [3.0, 4.0]).unwrap();
    let encodings: [Builtin<f64>; 3] = [
        Fourier::new(2, 6, 2.0, 1).unwrap().into(),
        Positional::new(2, 3).unwrap().into(),
        OneBlob::new(2, 7).unwrap().into(),
    ];
    for encoding in encodings {
        let net = net::<f64>(encoding.outputs(), Arc::new(Relu), 3);
        let labels = ["x".to_string(), "y".to_string(), "z".to_string()];
        let model = Classifier::from_network(net, labels).unwrap();
        let file = ModelFile::new(model).encoding(encoding);
        let file = file.scaler(scaler.clone()).note("made by", "a test");
        let bytes = file.to_bytes().unwrap();
        let read = ModelFile::<f64, Classifier<f64, String>>::from_bytes(&bytes).unwrap();
        assert_eq!(read.encoding, file.encoding);
        assert_eq!(read.scaler, file.scaler);
        assert_eq!(read.notes, file.notes);
        assert_eq!(read.model.classes(), file.model.classes());
        let network = ModelFile::<f64>::from_bytes(&bytes).unwrap();
        assert_same(&network.model, file.model.network());
    }
    let unfit = ModelFile::new(net::<f64>(3, Arc::new(Relu), 1));
    assert!(unfit.clone().scaler(scaler).to_bytes().is_err());
    assert!(
        unfit
            .encoding(Positional::new(2, 1).unwrap())
            .to_bytes()
            .is_err()
    );
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
        "something was left behind"
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
/// ..., Linear(5, 2))` with six layers in all, and inputs and outputs of it; the script is in
/// tests/fixtures/pytorch.
#[test]
fn pytorchs_state_dict_is_read() {
    let bytes = include_bytes!("fixtures/pytorch/state_dict.safetensors");
    let activations = ["tanh", "tanh", "tanh", "tanh", "tanh", "identity"];
    let net = Mlp::<f32>::from_state_dict(bytes, &activations).unwrap();
    let text = include_str!("fixtures/pytorch/outputs.txt");
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

/// A tensor without numbers may claim any number of rows: zeros for its bias would take all memory.
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

/// For tests/safetensors_check.py: networks of tanh, with inputs and outputs in files of their own.
#[test]
fn files_for_python() {
    fn write<T: Float>(folder: &std::path::Path, name: &str) {
        let builder = Mlp::<T>::builder(4).hidden_layers(11, 6, Tanh);
        let net = builder.output(3, Identity).seed(9).build().unwrap();
        net.save(folder.join(format!("{name}.safetensors")))
            .unwrap();
        let inputs: Vec<T> = (0..40).map(|i| T::of((f64::from(i) * 0.7).sin())).collect();
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
