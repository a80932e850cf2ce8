//! Writes ONNX models with samples and this crate's results.
//!
//! The script `tests/onnx_check.py` compares them with the results of onnxruntime:
//!
//! ```text
//! FEEDFORWARD_ONNX_OUT=/tmp/models cargo test --test onnx
//! python tests/onnx_check.py /tmp/models    # needs onnx, onnxruntime and numpy
//! ```
//!
//! Numbers are little-endian, in separate files. `models.jsonl` has one line per model, which names
//! its files.

use std::path::PathBuf;
use std::sync::Arc;

use feedforward::activation::{
    self, Identity, LeakyRelu, Maxout, Mish, Parametric, Relu, Selu, Tanh,
};
use feedforward::encoding::{
    self, Categories, Concat, Encoding, Fourier, Grid, GridSettings, Interpolation, OneBlob,
    Periodic, PeriodicSettings, Positional, Scaled,
};
use feedforward::metrics::Link;
use feedforward::optimizer::Adam;
use feedforward::{
    Classifier, Float, Layer, Mlp, MultilabelClassifier, Regressor, Scaler, Trainer, onnx,
};
use serde_json::json;

/// Parameters that `activation::all` does not cover.
const VARIANTS: &[&str] = &[
    "leaky_relu(-0.3)",
    "leaky_relu(0)",
    "hard_sigmoid(0.25)",
    "elu(0.7)",
    "elu(0)",
    "celu(2.5)",
    "softplus(3)",
    "squareplus(0.5)",
    "soft_shrink(1.25)",
    "hard_shrink(0.1)",
    "sine(30)",
    "maxout(3)",
    "maxout(5)",
    "leaky_relu(0.1)",
];

/// The output folder, and one line for each model in it.
struct Models {
    folder: PathBuf,
    lines: Vec<String>,
}

/// An output of a model, as computed by this crate.
struct Output<'a, T> {
    name: &'static str,
    values: &'a [T],
    /// For each value, a floor: its difference is relative to max(|y|, floor).
    floors: Vec<f64>,
}

impl Models {
    fn new() -> Self {
        let folder = std::env::var_os("FEEDFORWARD_ONNX_OUT").map_or_else(
            || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("onnx"),
            PathBuf::from,
        );
        std::fs::create_dir_all(&folder).unwrap();
        let lines = Vec::new();
        Self { folder, lines }
    }

    fn file(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder.join(name), bytes).unwrap();
    }

    /// `labels` are the name and values of an integer output.
    fn add<T: Float>(
        &mut self,
        name: &str,
        model: &impl onnx::Export,
        x: &[T],
        y: &Output<'_, T>,
        labels: Option<(&str, &[i64])>,
    ) {
        let float = std::any::type_name::<T>();
        let name = format!("{name}.{float}");
        self.file(&format!("{name}.onnx"), &onnx::export(model).unwrap());
        self.file(&format!("{name}.x.bin"), &bytes(x));
        self.file(&format!("{name}.y.bin"), &bytes(y.values));
        self.file(&format!("{name}.floors.bin"), &bytes(&y.floors));
        let whole = labels.map(|(output, values)| {
            let raw: Vec<u8> = values.iter().flat_map(|n| n.to_le_bytes()).collect();
            self.file(&format!("{name}.labels.bin"), &raw);
            output
        });
        let line = json!({ "name": name, "type": float, "output": y.name, "labels": whole });
        self.lines.push(line.to_string());
    }
}

fn bytes<T: Float>(values: &[T]) -> Vec<u8> {
    let wide = values.iter().map(|x| x.as_f64());
    if size_of::<T>() == 4 {
        wide.flat_map(|x| (x as f32).to_le_bytes()).collect()
    } else {
        wide.flat_map(f64::to_le_bytes).collect()
    }
}

/// Returns reproducible numbers from -1 to 1.
fn uniform(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    })
}

fn samples<T: Float>(count: usize, scale: f64, seed: u64) -> Vec<T> {
    uniform(seed)
        .take(count)
        .map(|x| T::from_f64(x * scale))
        .collect()
}

/// Returns inputs of every kind: usual and tiny numbers, zeros, and numbers up to the largest.
fn stress<T: Float>() -> Vec<T> {
    let scales = [
        1e-30, 1e-12, 1e-5, 0.1, 1.0, 1.0, 5.0, 20.0, 100.0, 800.0, 1e4,
    ];
    let mut values: Vec<T> = scales
        .iter()
        .zip(1..)
        .flat_map(|(&scale, seed)| samples(95, scale, seed))
        .collect();
    let edges = [
        0.0, 0.5, 1.0, 3.0, 6.0, 40.0, 87.5, 103.5, 709.5, 1e10, 1e30,
    ];
    for edge in edges.map(T::from_f64).into_iter().chain([T::max_value()]) {
        values.extend([edge, -edge]);
    }
    values.extend(samples::<T>(
        5 * values.len().div_ceil(5) - values.len(),
        2.0,
        99,
    ));
    values
}

const COLUMNS: usize = 5;

/// Returns the stress numbers, rotated so that the pieces of an activation get different ones.
fn table<T: Float>() -> Vec<T> {
    let values = stress::<T>();
    let count = values.len();
    let at = |row: usize, column: usize| values[(row + column * 367) % count];
    let rows = (0..count).flat_map(|row| (0..COLUMNS).map(move |column| (row, column)));
    rows.map(|(row, column)| at(row, column)).collect()
}

/// Returns a layer in which each row multiplies one input by a power of two.
///
/// Such products are exact, so only the activation can cause differences. Twice the largest number
/// is infinite.
fn exact<T: Float>(name: &str, outputs: usize) -> (Layer<T>, Layer<T>) {
    let f = activation::parse::<T>(name).unwrap();
    let rows = outputs * f.pieces();
    let mut weights = vec![T::zero(); rows * COLUMNS];
    for (row, weights) in weights.chunks_mut(COLUMNS).enumerate() {
        weights[row % COLUMNS] = T::from_f64([1.0, -0.5, 2.0, -1.0][row % 4]);
    }
    let bias = vec![T::zero(); rows];
    (
        Layer::new(weights.clone(), bias.clone(), f).unwrap(),
        Layer::new(weights, bias, Identity).unwrap(),
    )
}

/// Returns the floor for differences in an activation's output.
fn floor<T: Float>(name: &str, pieces: &[T]) -> f64 {
    let largest = pieces
        .iter()
        .fold(0.0f64, |max, z| max.max(z.as_f64().abs()));
    let largest = largest.min(T::max_value().as_f64());
    match name {
        // Both cancel where the result is small: x (1 + erf) / 2 for negative x, x - tanh x near 0.
        // In this crate too, such results are only as accurate as x.
        "gelu" | "tanhshrink" => largest,
        // In f64, onnxruntime's sine has an absolute error of 2e-16, even near a multiple of pi.
        _ if name.starts_with("sine") => 1e-3,
        // A result, or a gate that multiplies z, may be subnormal and have few digits.
        _ => T::min_positive_value().as_f64() * largest.max(1.0),
    }
}

/// Returns a layer's outputs, even infinite ones, which a network would refuse to predict.
fn outputs_of<T: Float>(layer: &Layer<T>, samples: &[T]) -> Vec<T> {
    let outputs = |sample| {
        layer
            .neurons()
            .map(move |neuron| neuron.output(sample).unwrap())
    };
    samples.chunks(layer.inputs()).flat_map(outputs).collect()
}

/// Writes one model for each activation.
fn activations<T: Float>(models: &mut Models) {
    let all = activation::all::<T>().into_iter();
    let names = all.map(|f| f.name().into_owned());
    for name in names.chain(VARIANTS.iter().map(|&name| name.to_owned())) {
        let outputs = 7;
        let (layer, linear) = exact::<T>(&name, outputs);
        let x = table::<T>();
        let (values, z) = (outputs_of(&layer, &x), outputs_of(&linear, &x));
        let net = Mlp::from_layers(&[layer]).unwrap();
        let pieces = z.len() / values.len();
        let floors = z.chunks(pieces).map(|z| floor(&name, z)).collect();
        let y = Output {
            name: "y",
            values: &values,
            floors,
        };
        models.add(&format!("activation {name}"), &net, &x, &y, None);
    }
}

/// Returns an output whose differences are divided by at least the sample's largest result.
///
/// Sums in another order differ by the rounding of their largest terms, so a small result has no
/// accurate digits.
fn largest<'a, T: Float>(name: &'static str, values: &'a [T], width: usize) -> Output<'a, T> {
    let largest = |row: &[T]| row.iter().fold(0.0f64, |max, y| max.max(y.as_f64().abs()));
    let rows = values.chunks(width);
    Output {
        name,
        values,
        floors: rows.flat_map(|row| vec![largest(row); width]).collect(),
    }
}

/// Writes networks with several layers, one of them with 100 neurons per layer.
fn networks<T: Float>(models: &mut Models) {
    for (name, width) in [
        ("relu", 100),
        ("tanh", 100),
        ("gelu", 32),
        ("mish", 32),
        ("elu(1)", 32),
        ("swiglu", 16),
        ("maxout(3)", 16),
    ] {
        let f = || activation::parse::<T>(name).unwrap();
        let builder = Mlp::<T>::builder(20).hidden(width, f()).hidden(width, f());
        let net = builder.output(10, Identity).seed(5).build().unwrap();
        let x = samples(64 * 20, 2.0, 6);
        let values = net.predict(&x).unwrap();
        let name = format!("network 20-{width}-{width}-10 {name}");
        models.add(&name, &net, &x, &largest("y", &values, 10), None);
    }
    let builder = Mlp::<T>::builder(3)
        .hidden(32, Parametric(Mish))
        .hidden(8, Tanh)
        .hidden(16, Parametric(LeakyRelu::new(0.1)));
    let mut net = builder
        .output(10, Parametric(Selu))
        .seed(5)
        .build()
        .unwrap();
    for (index, seed) in (0..net.depth()).zip(7..) {
        let mut layer = net.layer_mut(index).unwrap();
        let alphas = samples(layer.outputs(), 2.0, seed);
        let alphas = &alphas[..layer.alpha().len()];
        layer.alpha_mut().copy_from_slice(alphas);
    }
    let x = samples(64 * 3, 2.0, 6);
    let values = net.predict(&x).unwrap();
    let y = largest("y", &values, 10);
    models.add("network with parametric activations", &net, &x, &y, None);
}

/// Returns the indices of these labels among the classes.
fn indices<L: PartialEq>(labels: &[L], classes: &[L]) -> Vec<i64> {
    let index = |label| classes.iter().position(|class| class == label).unwrap() as i64;
    labels.iter().map(index).collect()
}

/// Writes classifiers with exact and large logits, so that only the probabilities can differ.
fn heads<T: Float>(models: &mut Models) {
    let limit = T::from_f64(1e30);
    let x: Vec<T> = table()
        .into_iter()
        .map(|x: T| x.max(-limit).min(limit))
        .collect();
    for classes in [2, 5] {
        let outputs = if classes == 2 { 1 } else { classes };
        let net = Mlp::from_layers(&[exact::<T>("identity", outputs).1]).unwrap();
        let model = Classifier::from_network(net, 0..classes).unwrap();
        let values = model.predict_probability(&x).unwrap();
        let tiny = T::min_positive_value().as_f64();
        // With more than two classes, this crate computes e^(ln p), which has the error of ln p.
        let floor = |p: &T| match (classes, p.as_f64()) {
            (2, _) | (_, 0.0) => tiny,
            (_, p) => (p * (1.0 - p.ln())).max(tiny),
        };
        let y = Output {
            name: "probabilities",
            values: &values,
            floors: values.iter().map(floor).collect(),
        };
        let labels = indices(&model.predict(&x).unwrap(), model.classes());
        let name = format!("classifier {classes} exact logits");
        models.add(&name, &model, &x, &y, Some(("label", &labels)));
    }
}

/// Writes trained models, as applications use them.
fn trained<T: Float>(models: &mut Models) {
    let x: Vec<T> = samples(120 * 3, 1.0, 7);
    let builder = || {
        Mlp::<T>::builder(3)
            .hidden(100, Relu)
            .hidden(10, Tanh)
            .seed(8)
    };
    for classes in [2usize, 4] {
        let words = ["ash", "birch", "cedar", "elm"];
        let class =
            |row: &[T]| ((row[0] * row[1] + row[2]).as_f64().abs() * 8.0) as usize % classes;
        let labels: Vec<_> = x.chunks(3).map(|row| words[class(row)]).collect();
        let mut model = Classifier::new(builder(), words[..classes].iter().copied()).unwrap();
        let trainer = Trainer::new(model.loss(), Adam::new(0.01)).epochs(20);
        model.fit(&trainer, &x, &labels).unwrap();
        let values = model.predict_probability(&x).unwrap();
        let labels = indices(&model.predict(&x).unwrap(), model.classes());
        let y = largest("probabilities", &values, classes);
        let name = format!("classifier {classes} trained");
        models.add(&name, &model, &x, &y, Some(("label", &labels)));
    }

    let labels = |row: &[T]| (0..3).filter(|&k| row[k] > T::zero()).collect::<Vec<_>>();
    let labels: Vec<_> = x.chunks(3).map(labels).collect();
    let mut model = MultilabelClassifier::new(builder(), 0..3).unwrap();
    let trainer = Trainer::new(model.loss(), Adam::new(0.01)).epochs(20);
    model.fit(&trainer, &x, &labels).unwrap();
    let values = model.predict_probability(&x).unwrap();
    let predicted = model.predict(&x).unwrap();
    let has = |row: &Vec<usize>| [0, 1, 2].map(|k| i64::from(row.contains(&k)));
    let whole: Vec<i64> = predicted.iter().flat_map(has).collect();
    let y = largest("probabilities", &values, 3);
    models.add(
        "multilabel trained",
        &model,
        &x,
        &y,
        Some(("labels", &whole)),
    );

    for link in [Link::Identity, Link::Log] {
        let raw: Vec<T> = x
            .iter()
            .map(|&x| T::from_f64(20.0) + T::from_f64(5.0) * x)
            .collect();
        let targets = |row: &[T]| T::from_f64(3.0 + (row[0] * row[1] + row[2]).as_f64().exp());
        let targets: Vec<T> = x.chunks(3).map(targets).collect();
        let scaler = Scaler::standard(&raw, 3).unwrap();
        let net = builder().output(1, Identity).build().unwrap();
        let mut model = Regressor::new(net).link(link);
        let trainer = Trainer::new(model.loss(), Adam::new(0.01)).epochs(20);
        let x = scaler.transform(&raw).unwrap();
        model.fit(&trainer, &x, &targets).unwrap();
        scaler.fold_into_inputs(model.network_mut()).unwrap();
        assert_eq!(model.target_scaler().is_some(), link == Link::Identity);
        let values = model.predict(&raw).unwrap();
        let name = format!("regressor {link:?} trained, scaler folded");
        models.add(&name, &model, &raw, &largest("y", &values, 1), None);
    }
}

fn categories() -> Categories {
    Categories::new(&[(3, 2), (1, 1), (1 << 17, 1)]).unwrap()
}

fn periodic() -> Periodic {
    let settings = PeriodicSettings {
        frequencies: 20,
        width: 5,
        ..PeriodicSettings::new(3)
    };
    Periodic::new(settings).unwrap()
}

/// Returns encodings side by side, one inside another.
fn concat<T: Float>() -> Concat<T> {
    let grid = |inputs| {
        let settings = GridSettings {
            levels: 2,
            ..GridSettings::new(inputs)
        };
        Arc::new(Grid::new(settings).unwrap())
    };
    let inner = Concat::new(vec![
        grid(2),
        Arc::new(Fourier::new(2, 5, 2.0, 1).unwrap()),
        grid(1),
        Arc::new(Concat::new(vec![Arc::new(Categories::new(&[(4, 3)]).unwrap())]).unwrap()),
    ]);
    let members: Vec<Arc<dyn Encoding<T>>> = vec![
        Arc::new(periodic()),
        Arc::new(Categories::new(&[(9, 2), (1, 1), (2, 5)]).unwrap()),
        Arc::new(encoding::Identity::new(2).unwrap()),
        Arc::new(inner.unwrap()),
        Arc::new(OneBlob::new(1, 3).unwrap()),
        Arc::new(Positional::new(2, 2).unwrap()),
    ];
    Concat::new(members).unwrap()
}

/// Returns encodings with names that fit a file, and the largest terms of their outputs.
fn all_encodings<T: Float>() -> Vec<(String, Arc<dyn Encoding<T>>, f64)> {
    let one_column = Categories::new(&[(5, 2)]);
    let mut all: Vec<(String, Arc<dyn Encoding<T>>, f64)> = vec![
        // An angle, whose rounding moves its sine, is up to 60.
        (
            "fourier".into(),
            Arc::new(Fourier::new(3, 20, 2.0, 1).unwrap()),
            60.0,
        ),
        // In f64, onnxruntime's sine has an absolute error of 2e-16.
        (
            "positional".into(),
            Arc::new(Positional::new(3, 5).unwrap()),
            1.0,
        ),
        (
            "positional 24".into(),
            Arc::new(Positional::new(1, 24).unwrap()),
            1.0,
        ),
        (
            "one_blob".into(),
            Arc::new(OneBlob::new(3, 8).unwrap()),
            1.0,
        ),
        (
            "scaled".into(),
            Arc::new(Scaled::new(encoding::Identity::new(3).unwrap()).unwrap()),
            1.0,
        ),
        (
            "scaled positional".into(),
            Arc::new(Scaled::new(Positional::new(2, 4).unwrap()).unwrap()),
            1.0,
        ),
        ("categories".into(), Arc::new(categories()), 1e-30),
        ("category".into(), Arc::new(one_column.unwrap()), 1e-30),
        // Sums of 20 cosines.
        ("periodic".into(), Arc::new(periodic()), 20.0),
        (
            "identity".into(),
            Arc::new(encoding::Identity::new(3).unwrap()),
            1e-30,
        ),
        ("concat".into(), Arc::new(concat()), 60.0),
    ];
    for inputs in 1..=4 {
        for (entries, kind) in [(1 << 20, "dense"), (64, "hashed")] {
            for interpolation in [Interpolation::Linear, Interpolation::Smoothstep] {
                let settings = GridSettings {
                    levels: 4,
                    coarsest: 3,
                    finest: 25,
                    features: [1, 2, 4, 8][inputs - 1],
                    max_entries: entries,
                    interpolation,
                    ..GridSettings::new(inputs)
                };
                let name = format!("grid {inputs} {kind} {interpolation:?}");
                all.push((name, Arc::new(Grid::new(settings).unwrap()), 1.0));
            }
        }
    }
    all
}

/// Category numbers, of which some are unknown. Other encodings lose digits of the later ones.
const NUMBERS: [f64; 25] = [
    -0.0,
    0.0,
    1.0,
    2.0,
    3.0,
    4.0,
    5.0,
    -1.0,
    -2.0,
    0.5,
    -0.5,
    1.0 + 1e-6,
    3.0 - 1e-6,
    1e-30,
    -1e-30,
    131_070.0,
    131_071.0,
    131_072.0,
    131_073.0,
    131_070.5,
    4e9,
    1e19,
    -1e19,
    1e30,
    -1e30,
];

/// Writes encodings, whose outputs an exact layer passes on, and a network behind a grid.
fn encodings<T: Float>(models: &mut Models) {
    let ones = |width: usize| (0..width * width).map(move |i| i % (width + 1) == 0);
    for (name, encoding, floor) in all_encodings::<T>() {
        let (inputs, outputs) = (encoding.inputs(), encoding.outputs());
        let weights = ones(outputs).map(|one| T::from_f64(f64::from(u8::from(one))));
        let bias = vec![T::zero(); outputs];
        let layer = Layer::new(weights.collect::<Vec<_>>(), bias, Identity).unwrap();
        let net = Mlp::from_layers(&[layer]).unwrap();
        let params = samples(encoding.params_len(), 1.0, 3);
        let net = net.with_encoding(encoding, &params).unwrap();
        // Inputs inside and outside [0, 1], bounds and vertices.
        let mut x = samples::<T>(inputs * 200, 1.1, 4);
        let edges = [0.0, 1.0, -0.0, 1.0 / 3.0, 0.04, 0.5, 0.96, 0.12];
        x.extend(edges.map(T::from_f64).iter().cycle().take(8 * inputs));
        if ["categories", "category", "concat"].contains(&&*name) {
            let count = if name == "concat" { 15 } else { NUMBERS.len() };
            let numbers = NUMBERS[..count].iter().map(|&number| T::from_f64(number));
            x.extend(numbers.flat_map(|number| vec![number; inputs]));
        }
        let values = net.predict(&x).unwrap();
        let floors = vec![floor; values.len()];
        let y = Output {
            name: "y",
            values: &values,
            floors,
        };
        models.add(&format!("encoding {name}"), &net, &x, &y, None);
    }
    let grid = Grid::new(GridSettings {
        max_entries: 1 << 10,
        initial: 0.5,
        ..GridSettings::new(2)
    });
    let builder = Mlp::<T>::builder(2).encoding(grid.unwrap()).seed(5);
    let builder = builder.hidden(64, Relu).hidden(8, Maxout::new(3));
    let net = builder.output(3, Identity).build().unwrap();
    let x = samples(64 * 2, 1.0, 6);
    let values = net.predict(&x).unwrap();
    let y = largest("y", &values, 3);
    models.add("network behind a grid", &net, &x, &y, None);
}

#[test]
fn models_are_written() {
    fn both<T: Float>(models: &mut Models) {
        activations::<T>(models);
        networks::<T>(models);
        encodings::<T>(models);
        heads::<T>(models);
        trained::<T>(models);
    }
    let mut models = Models::new();
    both::<f32>(&mut models);
    both::<f64>(&mut models);
    assert!(models.lines.len() > 2 * (VARIANTS.len() + activation::names().count()));
    let lines = models.lines.join("\n") + "\n";
    models.file("models.jsonl", lines.as_bytes());
}
