//! Classifiers, regressors, scalers, encodings, and their files.

use std::fmt::Display;
use std::str::FromStr;

use feedforward::activation::{Identity, Tanh};
use std::sync::Arc;

use feedforward::encoding::{
    self, Categories, Concat, Encoding, Fourier, Grid, GridSettings, Interpolation, OneBlob,
    Periodic, PeriodicSettings, Positional, Scaled,
};
use feedforward::metrics::Link;
use feedforward::{
    ClassWeights, Classifier, LayerSpec, Mlp, MlpRef, ModelFile, MultilabelClassifier, Regressor,
    Scaler, onnx,
};

use crate::case::{Case, Number, bits, finite, same, seen};
use crate::data::{Data, length, values};
use crate::nets;
use crate::trainers::{Training, at_most};

/// A type of label: a string or a number.
pub trait Label: Ord + Clone + std::fmt::Debug + Display + FromStr {
    const ALL: &'static [&'static str];

    fn pick(case: &mut Case) -> Self {
        let text = case.random.pick(Self::ALL);
        text.parse().ok().expect("a label of this type")
    }
}

impl Label for u32 {
    const ALL: &'static [&'static str] = &["0", "1", "2", "9", "10", "4294967295"];
}

impl Label for String {
    const ALL: &'static [&'static str] = &["no", "yes", "", "a b", "é", "10", "9", "\n\"{"];
}

fn labels<L: Label>(case: &mut Case, most: usize) -> Vec<L> {
    let count = case
        .random
        .between(usize::from(!case.random.clone().odd()), most);
    (0..count).map(|_| L::pick(case)).collect()
}

/// Returns a classifier if its labels and weights are valid.
fn made<T: Number, L: Label>(case: &mut Case) -> Option<Classifier<T, L>> {
    let all: Vec<L> = labels(case, 6);
    let model = if case.random.percent(50) {
        let builder = nets::builder::<T>(case)?;
        say!(case, "Classifier::new(builder, {all:?})");
        Classifier::new(builder, all)
    } else {
        let net = nets::usual::<T>(case);
        say!(case, "Classifier::from_network(net, {all:?})");
        Classifier::from_network(net, all)
    };
    let mut model = seen(model)?;
    if case.random.percent(30) {
        let weights = case.random.count(&[model.classes().len()]).min(9);
        let mut each = || case.random.setting(&[1.0, 2.0, 0.0]);
        let given = ClassWeights::Given((0..weights).map(|_| each()).collect());
        let weights = case.random.pick(&[ClassWeights::Balanced, given]);
        say!(case, "model.class_weights({weights:?})");
        model = seen(model.class_weights(weights))?;
    }
    if case.random.odd() {
        say!(case, "*model.network_mut() = another network");
        *model.network_mut() = nets::usual(case);
    }
    Some(model)
}

pub fn classifier<T: Number, L: Label>(case: &mut Case) {
    let Some(mut model) = made::<T, L>(case) else {
        return;
    };
    let mut training = Training::new(case, model.network());
    if case.random.percent(60) {
        say!(case, "trainer with model.loss()");
        let loss = model.loss();
        training.trainer = feedforward::Trainer::new(loss, feedforward::optimizer::Adam::new(0.01));
    }
    let trainer = &training.trainer;
    let (inputs, labels) = labeled(case, model.network(), model.classes());
    for _ in 0..case.random.between(1, 4) {
        let good = finite(model.network().params());
        match case.random.below(3) {
            0 => {
                let len = length(&mut case.random, labels.len());
                let weights: Vec<T> = values(&mut case.random, len);
                let weights = weights.iter().map(|w| w.abs()).collect::<Vec<_>>();
                let weights = case.random.percent(30).then_some(&weights[..]);
                say!(
                    case,
                    "model.fit_with(trainer, {inputs:?}, {labels:?}, {weights:?})"
                );
                let fitted = model.fit_with(trainer, &inputs, &labels, weights, at_most(3));
                seen(fitted);
            }
            1 => {
                say!(case, "model.partial_fit(trainer, {inputs:?}, {labels:?})");
                if let Some(mut state) = seen(trainer.init_state(model.network())) {
                    seen(model.partial_fit(trainer, &mut state, &inputs, &labels));
                }
            }
            _ => {
                say!(
                    case,
                    "model.score, confusion, targets({inputs:?}, {labels:?})"
                );
                let score = seen(model.score(&inputs, &labels));
                assert!(
                    score.is_none_or(|score| (0.0..=1.0).contains(&score)),
                    "{score:?}"
                );
                let confusion = seen(model.confusion(&inputs, &labels));
                let _ = confusion.map(|matrix| (matrix.to_string(), matrix.macro_mean()));
                seen(model.targets(&labels));
            }
        }
        assert!(!good || finite(model.network().params()));
    }
    judge(case, &model, &inputs);
}

/// Checks that predictions are finite numbers and known labels, and that a file preserves the
/// model.
fn judge<T: Number, L: Label>(case: &mut Case, model: &Classifier<T, L>, inputs: &[T]) {
    say!(
        case,
        "model.predict, predict_probability, predict_log_probability({inputs:?})"
    );
    if let Some(predicted) = seen(model.predict(inputs)) {
        assert!(
            predicted
                .iter()
                .all(|label| model.classes().contains(label))
        );
    }
    let probabilities = seen(model.predict_probability(inputs));
    if let Some(probabilities) = probabilities {
        for row in probabilities.chunks(model.classes().len()) {
            let sum: f64 = row.iter().map(|p| p.as_f64()).sum();
            assert!((sum - 1.0).abs() < 1e-3, "probabilities {row:?}");
        }
    }
    let logs = seen(model.predict_log_probability(inputs));
    assert!(logs.is_none_or(|logs| finite(&logs)), "log probabilities");
    say!(case, "model.to_bytes(), from_bytes, onnx::export");
    if let Some(bytes) = seen(model.to_bytes()) {
        let read = Classifier::<T, L>::from_bytes(&bytes).expect("a classifier's file");
        assert!(same(read.network(), model.network()));
        assert_eq!(read.classes(), model.classes());
        assert_eq!(read.to_bytes(), Ok(bytes));
    }
    seen(onnx::export(model));
}

/// Returns inputs with labels, some of which are unknown.
fn labeled<T: Number, L: Label>(case: &mut Case, net: &Mlp<T>, classes: &[L]) -> (Vec<T>, Vec<L>) {
    let count = case.random.between(1, 12);
    let len = length(&mut case.random, count * net.inputs());
    let inputs = values(&mut case.random, len);
    let len = length(&mut case.random, count);
    let label = |case: &mut Case| {
        if case.random.odd() {
            L::pick(case)
        } else {
            case.random.pick(classes)
        }
    };
    (inputs, (0..len).map(|_| label(case)).collect())
}

pub fn multilabel<T: Number, L: Label>(case: &mut Case) {
    let all: Vec<L> = labels(case, 4);
    let net = nets::usual::<T>(case);
    let builder = Mlp::builder(net.inputs()).hidden(3, Tanh);
    say!(
        case,
        "MultilabelClassifier::new(builder, {all:?}) or from_network"
    );
    let model = if case.random.percent(70) {
        MultilabelClassifier::new(builder, all)
    } else {
        MultilabelClassifier::from_network(net, all)
    };
    let Some(mut model) = seen(model) else { return };
    let training = Training::new(case, model.network());
    let (inputs, one) = labeled(case, model.network(), model.classes());
    let labels: Vec<Vec<L>> = one.chunks(1).map(<[L]>::to_vec).collect();
    say!(case, "model.fit_with(trainer, {inputs:?}, {labels:?})");
    let fitted = model.fit_with(&training.trainer, &inputs, &labels, at_most(3));
    seen(fitted);
    say!(
        case,
        "model.predict, probabilities, score, to_bytes, from_bytes, export"
    );
    seen(model.predict(&inputs));
    for values in [
        seen(model.predict_probability(&inputs)),
        seen(model.predict_log_probability(&inputs)),
    ] {
        assert!(values.is_none_or(|values| finite(&values)));
    }
    let score = seen(model.score(&inputs, &labels));
    assert!(score.is_none_or(|score| (0.0..=1.0).contains(&score)));
    if let Some(bytes) = seen(model.to_bytes()) {
        let read = MultilabelClassifier::<T, L>::from_bytes(&bytes).expect("a file");
        assert!(same(read.network(), model.network()) && read.classes() == model.classes());
    }
    seen(onnx::export(&model));
}

pub fn regressor<T: Number>(case: &mut Case, net: &Mlp<T>) {
    let link = case.random.pick(&[Link::Identity, Link::Log]);
    say!(case, "model = Regressor::new(net).link({link:?})");
    let mut model = Regressor::new(net.clone()).link(link);
    let training = Training::new(case, net);
    let data = Data::new(case, net);
    say!(
        case,
        "model.fit_with(trainer, &samples), predict, score, to_bytes, from_bytes, export"
    );
    let fitted = model.fit_with(&training.trainer, &data.samples(), at_most(3));
    seen(fitted);
    if let Some(outputs) = seen(model.predict(&data.inputs)) {
        assert!(finite(&outputs), "a regressor's prediction: {outputs:?}");
    }
    seen(model.score(&data.inputs, &data.targets));
    if let Some(bytes) = seen(model.to_bytes()) {
        let read = Regressor::<T>::from_bytes(&bytes).expect("a regressor's file");
        assert!(same(read.network(), model.network()));
        assert_eq!(read.to_bytes(), Ok(bytes));
    }
    seen(onnx::export(&model));
}

/// Returns a scaler if its numbers are valid.
pub fn scaler<T: Number>(case: &mut Case, width: usize) -> Option<Scaler<T>> {
    let random = &mut case.random;
    let rows = random.between(1, 5);
    let len = length(random, rows * width);
    let data: Vec<T> = values(random, len);
    let asked = random.count(&[width]);
    match random.below(3) {
        0 => {
            say!(case, "Scaler::standard({data:?}, {asked})");
            seen(Scaler::standard(&data, asked))
        }
        1 => {
            let (low, high) = (random.setting(&[0.0, -1.0]), random.setting(&[1.0]));
            say!(
                case,
                "Scaler::min_max({data:?}, {asked}, {low:e}..={high:e})"
            );
            seen(Scaler::min_max(&data, asked, low..=high))
        }
        _ => {
            let [offsets, scales] =
                [length(random, width), length(random, width)].map(|len| values::<T>(random, len));
            say!(case, "Scaler::from_parts({offsets:?}, {scales:?})");
            seen(Scaler::from_parts(offsets, scales))
        }
    }
}

pub fn scale<T: Number>(case: &mut Case, net: &mut Mlp<T>) {
    let width = if case.random.percent(70) {
        net.inputs()
    } else {
        net.outputs()
    };
    let Some(scaler) = scaler::<T>(case, width) else {
        return;
    };
    assert!(finite(scaler.offsets()) && finite(scaler.scales()));
    let len = length(&mut case.random, 3 * width);
    let data: Vec<T> = values(&mut case.random, len);
    say!(
        case,
        "scaler.transform, inverse({data:?}), fold_into_inputs, fold_into_outputs"
    );
    for result in [scaler.transform(&data), scaler.inverse_transform(&data)] {
        if let Some(data) = seen(result) {
            assert!(finite(&data), "scaled: {data:?}");
        }
    }
    let good = finite(net.params());
    for inputs in [true, false] {
        let before = bits(net.params());
        let folded = if inputs {
            scaler.fold_into_inputs(net)
        } else {
            scaler.fold_into_outputs(net)
        };
        let unchanged = bits(net.params()) == before;
        assert!(
            seen(folded).is_some() || unchanged,
            "an error changed parameters"
        );
    }
    assert!(!good || finite(net.params()), "folded parameters");
}

/// Returns an encoding of any size.
pub fn encoding<T: Number>(case: &mut Case) -> Option<Arc<dyn Encoding<T>>> {
    let random = &mut case.random;
    let (inputs, count) = (random.count(&[1, 2, 3]), random.count(&[1, 2, 4]));
    let total = inputs as u128 * count as u128;
    if (100_000..1 << 32).contains(&total) {
        return None; // possible, but it takes long
    }
    let encoding: Arc<dyn Encoding<T>> = match random.below(10) {
        0 => {
            let sigma = random.setting(&[1.0, 10.0]);
            say!(case, "Fourier::new({inputs}, {count}, {sigma:e}, 0)");
            Arc::new(seen(Fourier::new(inputs, count, sigma, 0))?)
        }
        1 => {
            let len = length(random, 2 * inputs.min(9));
            let directions: Vec<T> = values(random, len);
            say!(case, "Fourier::from_directions({inputs}, {directions:?})");
            Arc::new(seen(Fourier::from_directions(inputs, directions))?)
        }
        2 => {
            say!(case, "Positional::new({inputs}, {count})");
            Arc::new(seen(Positional::new(inputs, count))?)
        }
        3 => {
            say!(case, "OneBlob::new({inputs}, {count})");
            Arc::new(seen(OneBlob::new(inputs, count))?)
        }
        4 => {
            let columns = vec![(random.count(&[1, 3, 9]), count); inputs.min(5000)];
            let initial = random.setting(&[0.0, 0.1, 1.0]);
            say!(case, "Categories::new({columns:?}), initial({initial:e})");
            let categories = seen(seen(Categories::new(&columns))?.initial(initial))?;
            if Encoding::<T>::params_len(&categories) > 1 << 20 {
                return None; // possible, but it takes long
            }
            Arc::new(categories)
        }
        5 => {
            let settings = PeriodicSettings {
                inputs,
                frequencies: random.count(&[1, 16, 17]),
                width: random.count(&[1, 2, 4]),
                sigma: random.setting(&[0.1, 10.0]),
            };
            say!(case, "Periodic::new({settings:?})");
            let periodic = seen(Periodic::new(settings))?;
            if Encoding::<T>::params_len(&periodic) > 1 << 20 {
                return None; // possible, but it takes long
            }
            Arc::new(periodic)
        }
        6 => {
            say!(case, "Identity::new({inputs})");
            Arc::new(seen(encoding::Identity::new(inputs))?)
        }
        8 => {
            let inner = encoding::<T>(case)?;
            say!(case, "Scaled::new({})", inner.name());
            Arc::new(seen(Scaled::new(inner))?)
        }
        7 => {
            let members: Vec<_> = (0..count.min(3)).filter_map(|_| encoding(case)).collect();
            say!(case, "Concat::new({} encodings)", members.len());
            Arc::new(seen(Concat::new(members))?)
        }
        _ => {
            let settings = GridSettings {
                inputs,
                levels: count,
                coarsest: random.count(&[1, 3, 16]),
                finest: random.count(&[1, 16, 40]),
                features: random.count(&[1, 2, 3, 8]),
                max_entries: random.count(&[1, 64, 4096]),
                interpolation: random.pick(&[Interpolation::Linear, Interpolation::Smoothstep]),
                initial: random.setting(&[0.0, 1e-4, 1.0]),
            };
            say!(case, "Grid::new({settings:?})");
            let grid: Arc<dyn Encoding<T>> = Arc::new(seen(Grid::new(settings))?);
            if grid.params_len() > 1 << 20 {
                return None; // possible, but it takes long
            }
            grid
        }
    };
    Some(encoding)
}

pub fn encode<T: Number>(case: &mut Case) {
    let Some(encoding) = encoding::<T>(case) else {
        return;
    };
    let inputs = encoding.inputs().min(1000);
    let random = &mut case.random;
    let len = length(random, inputs * 3);
    let data: Vec<T> = values(random, len);
    let len = if random.percent(90) {
        encoding.params_len()
    } else {
        length(random, encoding.params_len())
    };
    let params: Vec<T> = values(random, len);
    say!(
        case,
        "encoding.outputs(), encode({len} parameters, {data:?})"
    );
    let outputs = encoding.outputs();
    if let Some(encoded) = seen(encoding.encode(&params, &data)) {
        assert!(finite(&encoded) && finite(&data), "{encoded:?}");
        assert_eq!(encoded.len(), data.len() / inputs * outputs);
    }
    let (name, constants) = (encoding.name(), encoding.constants());
    let parsed = encoding::parse(&name, constants).expect("an own name cannot be parsed");
    assert_eq!(format!("{parsed:?}"), format!("{encoding:?}"));
    if outputs <= 1000 {
        borrowed(case, &*encoding, &params, &data);
    }
}

/// Checks a borrowed network of one neuron behind an encoding.
fn borrowed<T: Number>(
    case: &mut Case,
    encoding: &dyn Encoding<T>,
    encoding_params: &[T],
    data: &[T],
) {
    let mut params: Vec<T> = values(&mut case.random, encoding.outputs() + 1);
    params.extend(encoding_params);
    let layers = [LayerSpec::new(1, &Identity)];
    say!(
        case,
        "MlpRef::with_encoding(encoding, 1 neuron, {} parameters)",
        params.len()
    );
    let Some(net) = seen(MlpRef::with_encoding(encoding, &layers, &params)) else {
        return;
    };
    let (needed, random) = (net.scratch_len(), &mut case.random);
    let mut scratch = vec![T::zero(); length(random, needed)];
    let mut outputs = vec![T::zero(); length(random, data.len() / net.inputs())];
    let lens = (outputs.len(), scratch.len());
    say!(case, "predict_into(data, outputs and scratch of {lens:?})");
    if seen(net.predict_into(data, &mut outputs, &mut scratch)).is_some() {
        assert!(finite(&outputs), "MlpRef: {outputs:?} is not finite");
        assert!(needed > encoding.outputs() && finite(data));
    }
}

/// Checks a file with a network, its scaler and notes.
pub fn file<T: Number>(case: &mut Case, net: &Mlp<T>) {
    let scaled = net.inputs();
    let note = case.random.pick(&["", "a", "\n"]);
    let mut file = ModelFile::new(net.clone()).note(note, "é\0");
    if scaled < 1000 && case.random.percent(50) {
        let Some(scaler) = scaler::<T>(case, scaled) else {
            return;
        };
        file = file.scaler(scaler);
    }
    say!(case, "{file:?}.to_bytes(), from_bytes");
    if let Some(bytes) = seen(file.to_bytes()) {
        let read = ModelFile::<T>::from_bytes(&bytes).expect("a written file cannot be read");
        assert!(same(&read.model, &file.model) && read.notes == file.notes);
        assert_eq!(format!("{:?}", read.scaler), format!("{:?}", file.scaler));
        assert_eq!(read.to_bytes(), Ok(bytes));
    }
}
