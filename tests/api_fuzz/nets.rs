//! Networks: building, reading, writing and predicting.

use feedforward::init::Zeros;
use feedforward::{
    Activation, Layer, LayerSpec, Layout, Mlp, MlpBuilder, MlpRef, Neuron, Predictor, activation,
    onnx,
};

use crate::case::{Case, Number, bits, finite, readable, same, seen};
use crate::data::{length, values};
use crate::pieces;

/// Number of parameters that take little time. Beyond [`TOO_MANY`], there must be an error.
const MODERATE: u128 = 200_000;
const TOO_MANY: u128 = 1 << 32;

/// Returns a builder, or `None` if its network is possible but would take long.
pub fn builder<T: Number>(case: &mut Case) -> Option<MlpBuilder<T>> {
    let inputs = size(case);
    say!(case, "builder({inputs})");
    let mut builder = Mlp::builder(inputs);
    let mut before = inputs as u128;
    let mut total = 0u128;
    let mut add = |neurons: usize, pieces: usize, count: usize| {
        let rows = neurons as u128 * pieces as u128;
        let first = rows.saturating_mul(before + 1);
        let others = rows.saturating_mul(neurons as u128 + 1);
        let others = others.saturating_mul((count as u128).saturating_sub(1));
        total = total.saturating_add(first).saturating_add(others);
        total = total.saturating_add(count as u128); // even empty layers count
        before = neurons as u128;
    };
    for _ in 0..case.random.pick(&[0, 1, 1, 2, 3]) {
        let (neurons, f) = (size(case), pieces::activation::<T>(case));
        let count = case.random.count(&[1, 1, 1, 2]);
        add(neurons, f.pieces(), count);
        if count > 100_000 && count < 1 << 32 {
            return None;
        }
        say!(case, ".hidden_layers({count}, {neurons}, {f:?})");
        builder = builder.hidden_layers(count, neurons, f);
    }
    if !case.random.odd() {
        let (neurons, f) = (size(case), pieces::activation::<T>(case));
        add(neurons, f.pieces(), 1);
        say!(case, ".output({neurons}, {f:?})");
        builder = builder.output(neurons, f);
    }
    if case.random.percent(30) {
        let initializer = pieces::initializer(case);
        say!(case, ".initializer({initializer:?})");
        builder = builder.initializer(initializer);
    }
    if (MODERATE..TOO_MANY).contains(&total) {
        return None;
    }
    let seed = case.random.next();
    Some(builder.seed(seed))
}

fn size(case: &mut Case) -> usize {
    let random = &mut case.random;
    let usual = [random.between(1, 5), random.between(1, 9), 16, 33];
    random.count(&usual)
}

/// Returns a network if its random description is valid.
pub fn build<T: Number>(case: &mut Case) -> Option<Mlp<T>> {
    let net = if case.random.percent(12) {
        from_layers(case)?
    } else {
        let builder = builder(case)?;
        say!(case, ".build()");
        seen(builder.build())?
    };
    let described = net.inputs() > 0 && net.outputs() > 0 && net.depth() > 0;
    assert!(described && net.layout().len() == net.params().len());
    Some(net)
}

/// Returns a network of usual size.
pub fn usual<T: Number>(case: &mut Case) -> Mlp<T> {
    let random = &mut case.random;
    let [inputs, hidden, outputs] = [1, 2, 3].map(|least| random.between(1, 3 + least));
    let f = pieces::activation::<T>(case);
    let f = if activation::parse::<T>(&f.name()).is_ok() && f.pieces() < 9 {
        f
    } else {
        std::sync::Arc::new(activation::Tanh)
    };
    say!(
        case,
        "builder({inputs}).hidden({hidden}, {f:?}).output({outputs}, Identity).build()"
    );
    let seed = case.random.next();
    let builder = Mlp::builder(inputs).hidden(hidden, f).seed(seed);
    let built = builder.output(outputs, activation::Identity).build();
    // The activation's parameter may be out of range.
    seen(built).unwrap_or_else(|| {
        let builder = Mlp::builder(inputs).hidden(hidden, activation::Relu);
        builder
            .output(outputs, activation::Identity)
            .build()
            .unwrap()
    })
}

/// Sets any parameters.
pub fn change<T: Number>(case: &mut Case, net: &mut Mlp<T>) {
    let count = length(&mut case.random, net.params().len());
    let params: Vec<T> = values(&mut case.random, count);
    say!(case, "net.set_params({:?})", &params[..count.min(40)]);
    let before = bits(net.params());
    if seen(net.set_params(&params)).is_none() {
        assert_eq!(bits(net.params()), before, "an error changed parameters");
    }
}

fn from_layers<T: Number>(case: &mut Case) -> Option<Mlp<T>> {
    let mut layers = Vec::new();
    let mut inputs = case.random.between(1, 4);
    for _ in 0..case.random.between(1, 3) {
        let (outputs, f) = (case.random.between(1, 4), pieces::activation::<T>(case));
        if f.pieces() > 1000 && f.pieces() < 1 << 40 {
            return None;
        }
        let rows = outputs.saturating_mul(f.pieces().min(100));
        let random = &mut case.random;
        let lengths = [length(random, rows * inputs), length(random, rows)];
        let [weights, bias] = lengths.map(|len| values::<T>(random, len));
        if random.percent(30) {
            say!(case, "Neuron::with_pieces({weights:?}, {bias:?}, {f:?})");
            let neuron = seen(Neuron::with_pieces(
                weights.clone(),
                bias.clone(),
                f.clone(),
            ));
            if let Some(neuron) = neuron {
                use_neuron(case, &neuron);
            }
        }
        say!(case, "Layer::new({weights:?}, {bias:?}, {f:?})");
        let layer = seen(Layer::new(weights, bias, f))?;
        let xs: Vec<T> = values(&mut case.random, layer.inputs());
        seen(layer.output(&xs));
        seen(layer.neuron(case.random.count(&[0, 1])));
        inputs = layer.outputs();
        layers.push(layer);
    }
    say!(case, "Mlp::from_layers(&layers)");
    seen(Mlp::from_layers(&layers))
}

fn use_neuron<T: Number>(case: &mut Case, neuron: &Neuron<T>) {
    let len = length(&mut case.random, neuron.inputs());
    let inputs: Vec<T> = values(&mut case.random, len);
    say!(
        case,
        "neuron.output({inputs:?}), pre_activations, pre_activation"
    );
    seen(neuron.output(&inputs));
    seen(neuron.pre_activations(&inputs));
    seen(neuron.pre_activation(&inputs));
    seen(Layer::from_neurons(std::slice::from_ref(neuron)));
}

/// Uses a single neuron of any size.
pub fn neuron<T: Number>(case: &mut Case) {
    let f = pieces::activation::<T>(case);
    let inputs = case.random.count(&[1, 2, 7]);
    let total = inputs as u128 * f.pieces() as u128;
    if (MODERATE..TOO_MANY).contains(&total) {
        return;
    }
    let seed = case.random.next();
    say!(case, "Neuron::random({inputs}, {seed}, {f:?})");
    if let Some(neuron) = seen(Neuron::<T>::random(inputs, seed, f)) {
        use_neuron(case, &neuron);
    }
}

pub fn layout(case: &mut Case) {
    let sizes: Vec<_> = (0..case.random.below(5)).map(|_| size(case)).collect();
    say!(case, "Layout::new(&{sizes:?})");
    let Some(layout) = seen(Layout::new(&sizes)) else {
        return;
    };
    let mut places = layout.layers().iter().map(|at| at.bias.end);
    assert_eq!(places.next_back().unwrap_or(0), layout.len());
    let parameter = case.random.count(&[0, 3]);
    layout.layer_of(parameter);
}

/// Predicts with every method. Results must be finite and bit-identical.
pub fn predict<T: Number>(case: &mut Case, net: &Mlp<T>) {
    let samples = case.random.pick(&[1, 1, 2, 3, 30]);
    let len = length(&mut case.random, samples * net.inputs());
    let inputs: Vec<T> = values(&mut case.random, len);
    say!(case, "net.predict({inputs:?})");
    let outputs = net.predict(&inputs);
    if let Ok(outputs) = &outputs {
        assert!(finite(outputs), "a prediction is not finite: {outputs:?}");
        let again = bits(&net.predict(&inputs).unwrap());
        assert_eq!(bits(outputs), again, "predicted twice");
        for (x, y) in inputs
            .chunks(net.inputs())
            .zip(outputs.chunks(net.outputs()))
        {
            let alone = net.predict(x).map(|alone| bits(&alone));
            assert_eq!(alone, Ok(bits(y)), "one sample and a batch differ");
        }
        one_by_one(net, &inputs[..net.inputs()], &outputs[..net.outputs()]);
    }
    let len = length(
        &mut case.random,
        inputs.len() / net.inputs() * net.outputs(),
    );
    let mut own = vec![T::zero(); len];
    say!(
        case,
        "Predictor::new(&net), predict_into(.., {len} outputs)"
    );
    if let Some(mut predictor) = seen(Predictor::new(net)) {
        let done = predictor.predict_into(&inputs, &mut own);
        if done.is_ok() {
            let outputs = outputs.as_ref().expect("predict gave an error");
            assert_eq!(bits(outputs), bits(&own), "a Predictor differs");
        }
        seen(done);
    }
    follow(case, net);
    if let Err(error) = &outputs {
        readable(error);
    }
    borrowed(case, net, &inputs, outputs.ok().as_deref());
}

/// Sets other parameters in a predictor.
fn follow<T: Number>(case: &mut Case, net: &Mlp<T>) {
    let count = length(&mut case.random, net.params().len());
    let params: Vec<T> = values(&mut case.random, count);
    say!(
        case,
        "Predictor::new(net.clone()).set_params({count} values)"
    );
    if let Some(mut predictor) = seen(Predictor::new(net.clone())) {
        let followed = seen(predictor.set_params(&params)).is_some();
        let expected = if followed { &params[..] } else { net.params() };
        assert_eq!(bits(predictor.network().params()), bits(expected));
    }
}

/// Checks that layers computed one after the other are bit-identical to the network.
fn one_by_one<T: Number>(net: &Mlp<T>, inputs: &[T], outputs: &[T]) {
    let mut values = inputs.to_vec();
    for layer in net.layers() {
        let Ok(next) = layer.output(&values) else {
            return; // infinite in a hidden layer, but finite in the end
        };
        values = next;
    }
    assert_eq!(bits(&values), bits(outputs), "nested layers differ");
}

fn borrowed<T: Number>(case: &mut Case, net: &Mlp<T>, inputs: &[T], expected: Option<&[T]>) {
    let mut specs = net.layer_specs();
    let mut first = net.inputs();
    let is_odd = case.random.odd();
    if is_odd {
        first = size(case);
        let f: &dyn Activation<T> = &activation::Tanh;
        let spec = LayerSpec::with_pieces(size(case), case.random.count(&[1, 2]), f);
        specs.push(spec);
    }
    say!(case, "MlpRef::new({first}, {specs:?}, net.params())");
    let Some(net_ref) = seen(MlpRef::new(first, &specs, net.params())) else {
        return;
    };
    let len = length(&mut case.random, net_ref.scratch_len());
    let mut scratch = vec![T::zero(); len];
    let count = net_ref.outputs();
    let len = length(&mut case.random, count);
    let mut outputs = vec![T::zero(); len];
    let inputs = &inputs[..inputs.len().min(first)];
    say!(
        case,
        "predict_into({} inputs, {len} outputs, {} of scratch)",
        inputs.len(),
        scratch.len()
    );
    if seen(net_ref.predict_into(inputs, &mut outputs, &mut scratch)).is_some() {
        assert!(finite(&outputs), "MlpRef: {outputs:?} is not finite");
        if let Some(expected) = expected.filter(|_| !is_odd) {
            assert_eq!(bits(&outputs), bits(&expected[..count]), "MlpRef differs");
        }
    }
}

/// Checks that every valid network can be written, and is equal when read.
pub fn files<T: Number>(case: &mut Case, net: &Mlp<T>) {
    say!(
        case,
        "net.to_bytes(), from_bytes, JSON, onnx::export, to_rust"
    );
    match net.to_bytes() {
        Ok(bytes) => {
            let read = Mlp::from_bytes(&bytes).expect("a written network cannot be read");
            assert!(same(&read, net), "the network differs when read back");
            assert_eq!(read.to_bytes().as_ref(), Ok(&bytes), "the bytes differ");
            let names: Vec<_> = net
                .layers()
                .map(|l| l.activation().name().into_owned())
                .collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            seen(Mlp::<T>::from_state_dict(&bytes, &names));
            damaged::<T>(case, bytes);
        }
        Err(error) => {
            readable(&error);
            assert!(
                !finite(net.params()),
                "a valid network is not written: {error}"
            );
        }
    }
    if finite(net.params()) {
        let text = serde_json::to_string(net).expect("a valid network cannot be JSON");
        let read: Mlp<T> = serde_json::from_str(&text).expect("JSON cannot be read");
        assert!(same(&read, net), "the network differs after JSON");
        if let Err(error) = onnx::export(net) {
            panic!("a valid network is not exported: {error}");
        }
    } else {
        seen(onnx::export(net));
    }
    let name = case
        .random
        .pick(&["NET", "", "a b", "é", "9", "static", "_"]);
    seen(net.to_rust(name));
}

fn damaged<T: Number>(case: &mut Case, mut bytes: Vec<u8>) {
    for _ in 0..case.random.below(3) {
        let at = case.random.below(bytes.len());
        bytes[at] = case.random.next() as u8;
    }
    let end = length(&mut case.random, bytes.len()).min(bytes.len());
    if let Some(net) = seen(Mlp::<T>::from_bytes(&bytes[..end])) {
        assert!(finite(net.params()));
    }
}

/// Parses names of activations, some of which exist.
pub fn names<T: Number>(case: &mut Case) {
    let name = {
        let known: Vec<_> = activation::names().collect();
        let random = &mut case.random;
        let name = random.pick(&known);
        match random.below(4) {
            0 => name.to_string(),
            1 => format!("{name}({})", random.setting(&[0.5, 2.0])),
            2 => format!("{name}({})", random.count(&[1, 2])),
            _ => random
                .pick(&["", "(", "relu(", "elu()", "maxout(-1)", "sine(1e400)"])
                .into(),
        }
    };
    say!(case, "activation::parse({name:?})");
    if let Some(f) = seen(activation::parse::<T>(&name)) {
        let again = activation::parse::<T>(&f.name()).expect("its own name is unknown");
        assert_eq!(again.name(), f.name());
        // Random initial parameters may overflow with the activation's gain.
        let builder = Mlp::builder(1).output(1, f).initializer(Zeros);
        let is_built = builder.build().is_ok();
        assert!(is_built, "{name} has a name but builds no network");
    }
}
