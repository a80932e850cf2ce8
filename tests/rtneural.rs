//! Networks as JSON of RTNeural. tests/fixtures/rtneural/make.py wrote the models.

use std::path::{Path, PathBuf};

use feedforward::activation::{Elu, Gelu, Identity, LeakyRelu, Parametric, Relu, Sigmoid, Tanh};
use feedforward::encoding::Positional;
use feedforward::rtneural::{self, Imported, ImportedModel};
use feedforward::{Activation, Classifier, Error, Float, Mlp};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rtneural")
}

fn numbers(value: &Value) -> Vec<f64> {
    let items = value.as_array().unwrap();
    items.iter().map(|item| item.as_f64().unwrap()).collect()
}

fn check<T: Float>(name: &str, imported: &Imported<T>, case: &Value, tolerance: f64) {
    let inputs: Vec<T> = numbers(&case["input"])
        .into_iter()
        .map(T::from_f64)
        .collect();
    let inputs = match &imported.scaler {
        None => inputs,
        Some(scaler) => scaler.transform(&inputs).unwrap(),
    };
    let got = match &imported.model {
        ImportedModel::Network(net) => net.predict(&inputs).unwrap(),
        ImportedModel::Classifier(model) => model.predict_probability(&inputs).unwrap(),
        other => panic!("{other:?}"),
    };
    let expected = numbers(&case["output"]);
    assert_eq!(got.len(), expected.len(), "{name}");
    for (got, expected) in got.iter().zip(&expected) {
        let error = (got.as_f64() - expected).abs() / expected.abs().max(1.0);
        assert!(
            error < tolerance,
            "{name}: {got:?} {expected}, error {error:e}"
        );
    }
}

#[test]
fn models_predict_what_the_equations_of_rtneural_do() {
    let cases = std::fs::read(folder().join("outputs.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_slice(&cases).unwrap();
    assert_eq!(cases.len(), 5);
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let model = std::fs::read(folder().join(format!("{name}.json"))).unwrap();
        let single = rtneural::import::<f32>(&model).unwrap();
        check(name, &single, case, 2e-5);
        let double = rtneural::import::<f64>(&model).unwrap();
        check(name, &double, case, 1e-13);
        let notes = case["notes"].as_u64().unwrap() as usize;
        assert_eq!(double.notes.len(), notes, "{name}: {:?}", double.notes);
        let is_classifier = matches!(double.model, ImportedModel::Classifier(_));
        assert_eq!(is_classifier, name.starts_with("softmax"));
        assert_eq!(double.into_network().is_err(), is_classifier);
    }
}

/// Means of inputs such as years would lose digits in f32.
#[test]
fn large_means_of_inputs_remain_a_scaler() {
    let model = json!({"in_shape": [null, 1], "layers": [
        {"type": "batchnorm", "activation": "", "shape": [null, 1], "epsilon": 0.0,
         "weights": [[2.0], [0.5], [2000.0], [25.0]]},
        {"type": "dense", "activation": "tanh", "shape": [null, 1], "weights": [[[0.5]], [0.25]]},
    ]});
    let model = model.to_string();
    let single = rtneural::import::<f32>(model.as_bytes()).unwrap();
    let case = json!({"input": [2010.0, 1999.0], "output": [(2.5_f64).tanh(), (0.3_f64).tanh()]});
    assert!(single.scaler.is_some());
    check("years", &single, &case, 1e-7);
    let double = rtneural::import::<f64>(model.as_bytes()).unwrap();
    assert!(double.scaler.is_none());
    check("years", &double, &case, 1e-13);
    let error = single.into_network().unwrap_err();
    assert!(error.to_string().contains("scaler"), "{error}");
}

/// Returns a network of this activation with parameters of all sizes.
fn net<T: Float>(activation: impl Activation<T> + 'static, seed: u64) -> Mlp<T> {
    let builder = Mlp::<T>::builder(3).hidden(5, activation).hidden(4, Tanh);
    let mut net = builder.output(2, Identity).seed(seed).build().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for p in net.params_mut() {
        let scale = 2_f64.powi(rng.random_range(-60..60));
        *p = T::from_f64((rng.random::<f64>() - 0.5) * scale);
    }
    net
}

fn back<T: Float>(net: &Mlp<T>) -> Mlp<T> {
    let text = rtneural::export(net).unwrap();
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert!(value["in_shape"][0].is_null());
    let imported = rtneural::import::<T>(text.as_bytes()).unwrap();
    assert_eq!(imported.notes, [""; 0]);
    imported.into_network().unwrap()
}

#[test]
fn networks_come_back_bit_by_bit() {
    fn check<T: Float>() {
        for seed in 0..20 {
            for net in [
                net::<T>(Relu, seed),
                net(Tanh, seed),
                net(Sigmoid, seed),
                net(Elu { alpha: 1.0 }, seed),
                net(LeakyRelu { slope: 0.1 }, seed),
                net(LeakyRelu { slope: -2.5e-7 }, seed),
            ] {
                let read = back(&net);
                assert!(read.is_shaped_like(&net));
                let bits = |net: &Mlp<T>| -> Vec<u64> {
                    net.params().iter().map(|p| p.as_f64().to_bits()).collect()
                };
                assert_eq!(bits(&read), bits(&net));
            }
        }
    }
    check::<f32>();
    check::<f64>();
    // Negative zero, the largest and the smallest numbers.
    let mut extreme = net::<f64>(Relu, 0);
    extreme.params_mut()[..4].copy_from_slice(&[-0.0, f64::MAX, f64::MIN_POSITIVE, 5e-324]);
    let read = back(&extreme);
    assert!(read.params()[0].is_sign_negative());
    assert_eq!(read.params(), extreme.params());
}

/// Slopes are 1 - α, so those of f32 are exact in f64.
#[test]
fn numbers_alpha_become_slopes_and_come_back() {
    let builder = Mlp::<f32>::builder(2).hidden(3, Parametric(Relu));
    let mut net = builder.output(1, Identity).seed(2).build().unwrap();
    let at = net.layout().layers()[0].alpha.clone();
    net.params_mut()[at].copy_from_slice(&[0.9, 1.0, -0.3]);
    let read = back(&net);
    assert!(read.is_shaped_like(&net));
    assert_eq!(read.params(), net.params());
}

#[test]
fn classifiers_become_probabilities_and_come_back() {
    let x = [0.5, -1.0, 2.0, 0.25];
    let builder = || Mlp::<f32>::builder(2).hidden(4, Tanh).seed(3);
    let three = Classifier::new(builder(), ["a", "b", "c"]).unwrap();
    let text = rtneural::export_classifier(&three).unwrap();
    let imported = rtneural::import::<f32>(text.as_bytes()).unwrap();
    let ImportedModel::Classifier(same) = imported.model else {
        panic!("no classifier")
    };
    assert_eq!(same.classes(), [0, 1, 2]);
    let probabilities = three.predict_probability(&x).unwrap();
    assert_eq!(same.predict_probability(&x).unwrap(), probabilities);

    // One output for two classes.
    let two = Classifier::new(builder(), [false, true]).unwrap();
    let text = rtneural::export_classifier(&two).unwrap();
    let imported = rtneural::import::<f32>(text.as_bytes()).unwrap();
    let second = imported.network().predict(&x).unwrap();
    let probabilities = two.predict_probability(&x).unwrap();
    for (second, both) in second.iter().zip(probabilities.chunks(2)) {
        assert!((second - both[1]).abs() < 1e-6);
    }
}

#[test]
fn networks_that_rtneural_does_not_have_are_refused_by_layer() {
    let error = rtneural::export(&net::<f32>(Gelu, 1)).unwrap_err();
    assert!(matches!(error, Error::Incompatible { .. }), "{error}");
    assert!(error.to_string().contains("gelu in layer 0"), "{error}");
    assert!(rtneural::export(&net::<f64>(Elu { alpha: 0.5 }, 1)).is_err());
    assert!(rtneural::export(&net::<f64>(Parametric(Tanh), 1)).is_err());
    let builder = Mlp::<f32>::builder(2).encoding(Positional::new(2, 3).unwrap());
    let encoded = builder.output(1, Identity).build().unwrap();
    let error = rtneural::export(&encoded).unwrap_err().to_string();
    assert!(error.contains("positional"), "{error}");
    let mut infinite = net::<f32>(Tanh, 1);
    infinite.params_mut()[0] = f32::INFINITY;
    let error = rtneural::export(&infinite).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
}

/// A layer of 2 inputs and 3 outputs.
fn dense() -> Value {
    json!({"type": "dense", "activation": "", "shape": [null, 3],
        "weights": [[[1, 2, 3], [4, 5, 6]], [0, 0, 0]]})
}

/// Returns the error of a model of 2 inputs.
fn refusal(layers: &[Value]) -> String {
    let model = json!({"in_shape": [null, 2], "layers": layers}).to_string();
    let error = rtneural::import::<f32>(model.as_bytes()).unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    let double = rtneural::import::<f64>(model.as_bytes()).unwrap_err();
    assert_eq!(double, error);
    error.to_string()
}

#[test]
fn layers_that_are_not_dense_are_refused_by_name() {
    for kind in [
        "conv1d",
        "conv2d",
        "gru",
        "lstm",
        "batchnorm2d",
        "flatten",
        "",
    ] {
        let layer = json!({"type": kind, "activation": "tanh", "shape": [null, 3],
            "weights": [[[[1]]], [1]], "kernel_size": [3]});
        let error = refusal(&[dense(), layer]);
        assert!(error.contains(&format!("layers[1] ({kind})")), "{error}");
    }
    let with_weights = json!({"type": "unknown", "activation": "", "shape": [], "weights": [[1]]});
    let error = refusal(&[dense(), with_weights]);
    assert!(error.contains("layers[1] (unknown)"), "{error}");
    for name in ["gelu", "Tanh", "swish"] {
        let layer = json!({"type": "activation", "activation": name, "shape": [null, 3],
            "weights": []});
        let error = refusal(&[dense(), layer]);
        assert!(
            error.contains(name) && error.contains("layers[1]"),
            "{error}"
        );
    }
    // A softmax of hidden layers.
    let mut softmax = dense();
    softmax["activation"] = json!("softmax");
    let relu = json!({"type": "activation", "activation": "relu", "shape": [3], "weights": []});
    let error = refusal(&[softmax, relu]);
    assert!(error.contains("softmax"), "{error}");
    assert!(refusal(&[]).contains("no dense layer"));
}

#[test]
fn sizes_and_numbers_that_do_not_fit_are_refused() {
    let change = |key: &str, value: Value| {
        let mut layer = dense();
        layer[key] = value;
        layer
    };
    let weights = |value: Value| change("weights", value);
    for (layer, problem) in [
        (weights(json!([])), "weights"),
        (weights(json!(null)), "weights"),
        (weights(json!(1.5)), "weights"),
        (
            weights(json!([[[1, 2, 3], [4, 5]], [0, 0, 0]])),
            "weights[0][1]",
        ),
        (weights(json!([[[1, 2, 3]], [0, 0, 0]])), "2 inputs"),
        (weights(json!([[[1, 2, 3], [4, 5, 6]], [0, 0]])), "3 biases"),
        (
            weights(json!([[[1, 2, 3], [4, 5, 6]], [0, 0, 0], []])),
            "got 3",
        ),
        (
            weights(json!([[[1, 2, "3"], [4, 5, 6]], [0, 0, 0]])),
            "string",
        ),
        (
            weights(json!([[[1, 2, null], [4, 5, 6]], [0, 0, 0]])),
            "null",
        ),
        (weights(json!([[[], []], []])), "shape"),
        (weights(json!([[[[1]], [[1]]], [0]])), "weights[0]"),
        (
            weights(json!([[[1], [2], [3], [4], [5], [6]], [0, 0, 0]])),
            "script for PyTorch",
        ),
        (change("shape", json!([null, 4])), "expected 3 features"),
        (change("shape", json!([null, null])), "shape"),
        (change("shape", json!([])), "shape"),
        (change("shape", json!([null, 1, 1, 3])), "4 dimensions"),
        (change("shape", json!([null, -3])), "shape"),
        (change("shape", json!([null, 3.5])), "shape"),
        (change("shape", json!(null)), "shape"),
        (change("type", json!("prelu")), "expected 2 features"),
        (change("activation", json!("gelu")), "gelu"),
    ] {
        let error = refusal(std::slice::from_ref(&layer));
        assert!(error.contains(problem), "{layer}: {error}");
    }
    let norm = |weights: Value, epsilon: Value| {
        json!({"type": "batchnorm", "activation": "", "shape": [null, 3], "epsilon": epsilon,
            "weights": weights})
    };
    let three = [1, 1, 1];
    for (layer, problem) in [
        (norm(json!([three, three, three]), json!(0.001)), "2 or 4"),
        (norm(json!([three, [1, 1]]), json!(0.001)), "3 numbers"),
        (norm(json!([three, three]), json!(null)), "epsilon"),
        (norm(json!([three, three]), json!(-0.5)), "negative"),
        (norm(json!([three, [1, -1, 1]]), json!(0.001)), "negative"),
    ] {
        let error = refusal(&[dense(), layer.clone()]);
        assert!(error.contains(problem), "{layer}: {error}");
    }
    for (in_shape, problem) in [
        (json!([]), "in_shape"),
        (json!([null]), "in_shape"),
        (json!([null, 0]), "in_shape"),
        (json!([null, 2, 2, 2]), "4 dimensions"),
        (json!([null, 3]), "3 inputs"),
        (json!(2), "in_shape"),
    ] {
        let model = json!({"in_shape": in_shape, "layers": [dense()]}).to_string();
        let error = rtneural::import::<f32>(model.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(problem), "{model}: {error}");
    }
    // An infinite result of folding, and a number beyond f32.
    let zero = norm(json!([three, [0, 0, 0]]), json!(0));
    let model = json!({"in_shape": [null, 2], "layers": [dense(), zero]}).to_string();
    let error = rtneural::import::<f32>(model.as_bytes()).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
    let large = weights(json!([[[1e300, 2, 3], [4, 5, 6]], [0, 0, 0]]));
    let model = json!({"in_shape": [null, 2], "layers": [large]}).to_string();
    let error = rtneural::import::<f32>(model.as_bytes()).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
    assert!(rtneural::import::<f64>(model.as_bytes()).is_ok());
}

#[test]
fn texts_that_are_no_model_are_errors() {
    let deep = "[".repeat(1_000_000);
    let deep_weights =
        format!(r#"{{"in_shape":[1],"layers":[{{"type":"dense","shape":[1],"weights":{deep}"#);
    let closed = format!(
        r#"{{"in_shape":[1],"layers":[{{"type":"dense","shape":[1],"weights":{deep}{}}}]}}"#,
        "]".repeat(1_000_000)
    );
    for text in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"in_shape":[null,1]}"#,
        r#"{"in_shape":[null,1],"layers":{}}"#,
        r#"{"in_shape":[null,1],"layers":[1]}"#,
        r#"{"in_shape":[null,1],"in_shape":[null,1],"layers":[]}"#,
        &deep,
        &deep_weights,
        &closed,
        &format!(r#"{{"x":{deep}"#),
    ] {
        let error = rtneural::import::<f32>(text.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
        assert!(error.to_string().len() < 400, "{error}");
    }
    assert!(rtneural::import::<f32>(&[0xff, 0xfe]).is_err());
    let nan = r#"{"in_shape":[1],"layers":[{"type":"dense","shape":[1],"weights":[[[NaN]],[0]]}]}"#;
    let error = rtneural::import::<f32>(nan.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("NaN"), "{error}");
    // An activation behind another would need a layer with as many weights as the square.
    let row = vec!["0"; 100_000].join(",");
    let layer = |kind: &str, weights: &str| {
        format!(r#"{{"type":"{kind}","activation":"tanh","shape":[100000],"weights":{weights}}}"#)
    };
    let wide = [
        layer("dense", &format!("[[[{row}]]]")),
        layer("activation", "[]"),
    ];
    let text = format!(r#"{{"in_shape":[1],"layers":[{}]}}"#, wide.join(","));
    let error = rtneural::import::<f32>(text.as_bytes()).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

/// A layer without biases has zeros, and one activation behind another gets a layer of its own.
#[test]
fn unusual_models_are_read() {
    let model = json!({"in_shape": [2], "layers": [
        {"type": "dense", "activation": "relu", "shape": [2], "weights": [[[1, 0], [0, 1]]]},
        {"type": "activation", "activation": "tanh", "shape": [2], "weights": []},
    ]});
    let imported = rtneural::import::<f64>(model.to_string().as_bytes()).unwrap();
    assert_eq!(imported.notes.len(), 1, "{:?}", imported.notes);
    let y = imported.network().predict(&[0.5, -2.0]).unwrap();
    assert!(
        (y[0] - 0.5_f64.tanh()).abs() < 1e-15 && y[1] == 0.0,
        "{y:?}"
    );
}

/// No change of a model is a panic, and what is read has finite parameters.
#[test]
fn damaged_models_are_errors_or_networks() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let models = ["dense", "norms", "softmax", "softmax_of_two", "skipped"];
    let models = models.map(|name| {
        let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        value.to_string().into_bytes()
    });
    let mut read = 0;
    for index in 0..6000 {
        let mut bytes = models[index % models.len()].clone();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..bytes.len());
            match rng.random_range(0..5) {
                0 => bytes[at] ^= 1 << rng.random_range(0..8),
                1 => bytes[at] = b"0123456789[]{},.\"-enul"[rng.random_range(0..22)],
                2 => bytes.truncate(at.max(1)),
                3 => {
                    let end = (at + rng.random_range(1..40)).min(bytes.len());
                    bytes.drain(at..end);
                }
                _ => {
                    let end = (at + rng.random_range(1..40)).min(bytes.len());
                    let copy = bytes[at..end].to_vec();
                    bytes.splice(at..at, copy);
                }
            }
            if bytes.is_empty() {
                bytes.push(b'{');
            }
        }
        if let Ok(imported) = rtneural::import::<f32>(&bytes) {
            let net = imported.network();
            assert!(net.params().iter().all(|p| p.is_finite()));
            net.predict(&vec![0.5; net.inputs()]).ok();
            read += 1;
        }
        rtneural::import::<f64>(&bytes).ok();
    }
    assert!(read > 300, "{read} networks");
}

/// It has the name of a built-in activation, but another function.
#[derive(Debug)]
struct Own;

impl Activation<f32> for Own {
    fn value(&self, x: f32) -> f32 {
        x
    }
    fn derivative(&self, _: f32, _: f32) -> f32 {
        1.0
    }
    fn name(&self) -> std::borrow::Cow<'static, str> {
        "relu".into()
    }
}

#[test]
fn own_activations_with_known_names_are_refused() {
    let error = rtneural::export(&net(Own, 1)).unwrap_err();
    assert!(matches!(error, Error::Incompatible { .. }), "{error}");
}
