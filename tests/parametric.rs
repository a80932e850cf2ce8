//! Activations whose neurons learn a number α: gradients, training, files and predictions.

use feedforward::activation::{
    self, Activation, Identity, LeakyRelu, Maxout, Mish, Parametric, Relu, Selu, Sine, Tanh,
};
use feedforward::init::Siren;
use feedforward::loss::SquaredError;
use feedforward::optimizer::{Adam, AdamW, Group, Muon, Optimizer, ParamGroups};
use feedforward::simd::InstructionSet;
use feedforward::{
    Clip, Error, Float, GradientWorkspace, Layer, LayerSpec, Mlp, MlpRef, Neuron, Predictor,
    Samples, Trainer, TrainerState,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const INPUTS: usize = 3;
const OUTPUTS: usize = 2;

/// Returns numbers in [-1, 1).
fn numbers<T: Float>(seed: u64, len: usize) -> Vec<T> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let number = |_| T::from_f64(rng.random::<f64>() * 2.0 - 1.0);
    (0..len).map(number).collect()
}

/// Returns a network with numbers α in the first, the third and the last layer, all of them random.
fn net<T: Float>(width: usize) -> Mlp<T> {
    let builder = Mlp::builder(INPUTS)
        .hidden(width, Parametric(Mish))
        .hidden(5, Tanh)
        .hidden(width + 3, Parametric(LeakyRelu::new(0.1)))
        .hidden(4, Maxout::new(2));
    let output = builder.output(OUTPUTS, Parametric(Selu));
    let mut net = output.seed(5).build().unwrap();
    assert_eq!(net.layout().layers()[0].alpha.len(), width);
    let ranges: Vec<_> = net
        .layout()
        .layers()
        .iter()
        .map(|at| at.alpha.clone())
        .collect();
    for (seed, range) in ranges.into_iter().enumerate() {
        let alphas = &mut net.params_mut()[range];
        assert!(alphas.iter().all(|&alpha| alpha == T::one()));
        let random = numbers::<T>(seed as u64, alphas.len());
        for (alpha, random) in alphas.iter_mut().zip(random) {
            *alpha = T::from_f64(0.5) + random;
        }
    }
    net
}

fn data<T: Float>(samples: usize) -> (Vec<T>, Vec<T>) {
    (numbers(1, samples * INPUTS), numbers(2, samples * OUTPUTS))
}

#[test]
fn gradients_are_central_differences() {
    let net = net::<f64>(4);
    let (x, y) = data(70); // more than two strips
    let mut gradient = GradientWorkspace::new(&net).with_input_gradient();
    gradient.compute(&net, &x, &y, &SquaredError).unwrap();
    let mut probe = GradientWorkspace::new(&net);
    let mut difference = |moved: &dyn Fn(f64) -> (Mlp<f64>, Vec<f64>)| {
        let mut loss = |h: f64| {
            let (net, x) = moved(h);
            probe.evaluate(&net, &x, &y, &SquaredError).unwrap()
        };
        (loss(1e-5) - loss(-1e-5)) / 2e-5
    };
    for index in 0..net.params().len() {
        let expected = difference(&|h| {
            let mut moved = net.clone();
            moved.params_mut()[index] += h;
            (moved, x.clone())
        });
        let got = gradient.values()[index];
        assert!((got - expected).abs() < 1e-8, "{index}: {got} {expected}");
        assert!(got != 0.0, "{index}");
    }
    for index in 0..x.len() {
        let expected = difference(&|h| {
            let mut moved = x.clone();
            moved[index] += h;
            (net.clone(), moved)
        });
        let got = gradient.input_gradient().unwrap()[index];
        assert!((got - expected).abs() < 1e-8, "{index}: {got} {expected}");
    }
}

#[test]
fn gradients_of_samples_and_jacobians_agree_with_that_of_all() {
    let net = net::<f64>(4);
    let (x, y) = data(70);
    let mut gradient = GradientWorkspace::new(&net).with_input_gradient();
    gradient.compute(&net, &x, &y, &SquaredError).unwrap();
    let mut other = GradientWorkspace::new(&net);
    let samples = Samples::new(&x, &y);
    let (_, each) = other.compute_each(&net, &samples, &SquaredError).unwrap();
    for (index, &expected) in gradient.values().iter().enumerate() {
        let column = each.iter().skip(index).step_by(net.params().len());
        let got = column.sum::<f64>() / 70.0;
        assert!((got - expected).abs() < 1e-14, "{index}: {got} {expected}");
    }
    let jacobian = other.jacobian(&net, &x).unwrap().to_vec();
    let outputs = net.predict(&x).unwrap();
    for (index, &expected) in gradient.input_gradient().unwrap().iter().enumerate() {
        let (sample, input) = (index / INPUTS, index % INPUTS);
        let got: f64 = (0..OUTPUTS)
            .map(|output| {
                let row = sample * OUTPUTS + output;
                jacobian[row * INPUTS + input] * (outputs[row] - y[row]) / 70.0
            })
            .sum();
        assert!((got - expected).abs() < 1e-14, "{index}: {got} {expected}");
    }
}

fn hash<T: Float>(values: &[T]) -> u64 {
    let bytes = values
        .iter()
        .flat_map(|x| x.as_f64().to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Trains with all that reads the layout, and returns the network.
fn trained<T: Float>(threads: usize) -> Mlp<T> {
    let mut net = net::<T>(33);
    let (x, y) = data(700);
    let adamw = AdamW {
        decay_biases: false,
        ..AdamW::new(0.01)
    };
    let groups = ParamGroups::new(adamw).ntk().rate(Group::Alphas, 0.5);
    let trainer = Trainer::new(SquaredError, groups)
        .batch_size(350)
        .epochs(3)
        .l2(1e-3)
        .dropout(0.1)
        .clip(Clip::Norm(1.0))
        .weight_average(0.9)
        .threads(threads);
    trainer.fit(&mut net, &x, &y).unwrap();
    net
}

/// Checks that all ways to predict return equal bits.
fn check_predictions<T: Float>() {
    for width in [4, 40] {
        let net = net::<T>(width);
        let (x, _) = data(70);
        let expected = net.predict(&x).unwrap();
        let mut predictor = Predictor::new(&net).unwrap();
        let specs = net.layer_specs();
        let borrowed = MlpRef::new(INPUTS, &specs, net.params()).unwrap();
        let mut scratch = vec![T::nan(); borrowed.scratch_len()];
        for (x, expected) in x.chunks(INPUTS).zip(expected.chunks(OUTPUTS)) {
            let mut got = [T::nan(); OUTPUTS];
            predictor.predict_into(x, &mut got).unwrap();
            assert_eq!(got, expected);
            got = [T::nan(); OUTPUTS];
            borrowed.predict_into(x, &mut got, &mut scratch).unwrap();
            assert_eq!(got, expected);
            let layers = net.layers();
            let values = layers.fold(x.to_vec(), |x, layer| layer.output(&x).unwrap());
            assert_eq!(values, expected);
        }
    }
}

/// Checks that a training run can pause in a checkpoint.
fn check_resume() {
    let net = net::<f32>(4);
    let trainer = Trainer::new(SquaredError, Muon::new(0.01))
        .epochs(4)
        .batch_size(50);
    let (x, y) = data(200);
    let samples = Samples::new(&x, &y);
    let (mut whole, mut halves) = (net.clone(), net.clone());
    trainer.fit(&mut whole, &x, &y).unwrap();
    let mut state = trainer.init_state(&halves).unwrap();
    let first = trainer.clone().epochs(2);
    first.resume(&mut halves, &mut state, &samples).unwrap();
    let bytes = state.to_bytes(&trainer, &halves).unwrap();
    let mut resumed = self::net::<f32>(4);
    let mut state = TrainerState::from_bytes(&bytes, &trainer, &mut resumed).unwrap();
    assert_eq!(resumed.params(), halves.params());
    trainer.resume(&mut resumed, &mut state, &samples).unwrap();
    assert_eq!(resumed.params(), whole.params());
    let at = &net.layout().layers()[0].alpha;
    assert_ne!(whole.params()[at.clone()], net.params()[at.clone()]);
}

/// The only test that chooses a set, which applies to the whole process. Others compare no bits.
#[test]
fn bits_are_equal_on_every_set_with_every_number_of_threads() {
    let pinned = (0x0e66_a31c_8749_5556, 0x1e24_345c_d0fe_a27b);
    let before = InstructionSet::active();
    for set in InstructionSet::available() {
        set.activate().unwrap();
        check_predictions::<f32>();
        check_predictions::<f64>();
        check_resume();
        penalties_leave_the_numbers_out();
        let hashes = |threads| {
            let single = hash(trained::<f32>(threads).params());
            (single, hash(trained::<f64>(threads).params()))
        };
        let got = hashes(1);
        for threads in [2, 3] {
            assert_eq!(hashes(threads), got, "{set}, {threads} threads");
        }
        if set.is_fused() {
            assert_eq!(got, pinned, "{set}: {:#x} {:#x}", got.0, got.1);
        }
    }
    before.activate().unwrap();
}

/// Returns the parameters after an update with this gradient at each parameter.
fn updated(optimizer: &impl Optimizer<f64>, net: &Mlp<f64>, gradient: f64) -> Vec<f64> {
    let mut state = feedforward::optimizer::State::new(optimizer, net.layout()).unwrap();
    let (mut params, gradient) = (net.params().to_vec(), vec![gradient; net.params().len()]);
    state
        .update(optimizer, 0.1, &mut params, &gradient)
        .unwrap();
    params
}

#[test]
fn numbers_are_a_group_of_their_own() {
    let net = net::<f64>(4);
    let layers = net.layout().layers();
    let groups = |group: Group| ParamGroups::new(Adam::new(0.1)).rate(group, 0.0);
    let frozen = |group: Group, index: usize| {
        updated(&groups(group), &net, 1.0)[index] == net.params()[index]
    };
    let (alpha, bias) = (layers[0].alpha.start, layers[0].bias.start);
    let table = [
        (Group::Alphas, true, false),
        (Group::Biases, false, true),
        (Group::Weights, false, false),
        (Group::Layer(0), true, true),
        (Group::Layer(2), false, false),
        (Group::LayerBiases(0), false, true),
        (Group::LayerWeights(0), false, false),
        (Group::LastLayer, false, false),
        (Group::Encoding, false, false),
    ];
    for (group, alpha_stays, bias_stays) in table {
        assert_eq!(frozen(group.clone(), alpha), alpha_stays, "{group:?}");
        assert_eq!(frozen(group.clone(), bias), bias_stays, "{group:?}");
    }
    assert!(frozen(Group::LastLayer, layers[4].alpha.start));
    // The second layer has none, and its first weight is no α.
    assert!(!frozen(Group::Alphas, layers[0].alpha.end));
    assert!(frozen(Group::LayerWeights(1), layers[0].alpha.end));

    let muon = ParamGroups::new(Muon::default()).rate(Group::Alphas, 0.0);
    let after = updated(&muon, &net, 1.0);
    for at in layers {
        assert_eq!(after[at.alpha.clone()], net.params()[at.alpha.clone()]);
        assert_ne!(after[at.bias.clone()], net.params()[at.bias.clone()]);
    }
}

fn penalties_leave_the_numbers_out() {
    let net = net::<f64>(4);
    let (x, y) = data(10);
    let gradient = |l2: f64| {
        let mut gradient = GradientWorkspace::new(&net).l2(l2).unwrap();
        gradient.compute(&net, &x, &y, &SquaredError).unwrap();
        gradient.values().to_vec()
    };
    let decayed = |decay_biases| {
        let adamw = AdamW {
            weight_decay: 0.5,
            decay_biases,
            ..AdamW::default()
        };
        updated(&adamw, &net, 0.0)
    };
    let ([with, without], [all, some]) = (
        [gradient(1.0), gradient(0.0)],
        [decayed(true), decayed(false)],
    );
    for at in net.layout().layers() {
        assert_eq!(with[at.alpha.clone()], without[at.alpha.clone()]);
        assert_ne!(with[at.weights.clone()], without[at.weights.clone()]);
        let before = &net.params()[at.alpha.clone()];
        assert_eq!(&some[at.alpha.clone()], before);
        assert!(before.is_empty() || &all[at.alpha.clone()] != before);
    }
}

#[test]
fn files_hold_the_numbers() {
    let net = net::<f32>(4);
    let same = Mlp::from_bytes(&net.to_bytes().unwrap()).unwrap();
    assert!(same.is_shaped_like(&net) && same.params() == net.params());
    let double = Mlp::<f64>::from_bytes(&net.to_bytes().unwrap()).unwrap();
    assert_eq!(double.params()[20], f64::from(net.params()[20]));
    let text = serde_json::to_string(&net).unwrap();
    let same: Mlp<f32> = serde_json::from_str(&text).unwrap();
    assert!(same.is_shaped_like(&net) && same.params() == net.params());
    let short = text.replacen("parametric(selu)", "selu", 1);
    let error = serde_json::from_str::<Mlp<f32>>(&short).unwrap_err();
    assert!(error.to_string().contains("parameters"), "{error}");
}

/// A user's activation, without methods for α.
#[derive(Debug)]
struct Cubic;

impl<T: Float> Activation<T> for Cubic {
    fn value(&self, x: T) -> T {
        x * x * x
    }
    fn derivative(&self, x: T, _: T) -> T {
        T::from_f64(3.0) * x * x
    }
    fn name(&self) -> std::borrow::Cow<'static, str> {
        "cubic".into()
    }
}

#[test]
fn a_users_activation_can_be_inside() {
    let mut net = Mlp::<f64>::builder(1)
        .output(1, Parametric(Cubic))
        .build()
        .unwrap();
    net.set_params(&[1.0, 0.0, 0.5]).unwrap();
    assert_eq!(net.predict(&[2.0]).unwrap(), [2.0 + 0.5 * (8.0 - 2.0)]);
    let mut gradient = GradientWorkspace::new(&net);
    gradient
        .compute(&net, &[2.0], &[4.0], &SquaredError)
        .unwrap();
    assert_eq!(gradient.values(), [2.0 * 6.5, 6.5, 6.0]);

    let bytes = net.to_bytes().unwrap();
    assert!(matches!(
        Mlp::<f64>::from_bytes(&bytes),
        Err(Error::UnknownName { .. })
    ));
    let own = |name: &str| -> Option<std::sync::Arc<dyn Activation<f64>>> {
        (name == "cubic").then(|| std::sync::Arc::new(Cubic) as _)
    };
    let same = Mlp::from_bytes_with(&bytes, own).unwrap();
    assert!(same.is_shaped_like(&net) && same.params() == net.params());
}

#[test]
fn layers_and_neurons_read_and_write_the_numbers() {
    let mut net = net::<f64>(4);
    let layers: Vec<Layer<f64>> = net
        .layers()
        .map(|layer| {
            let neurons: Vec<Neuron<f64, &[f64]>> = layer.neurons().collect();
            Layer::from_neurons(&neurons).unwrap()
        })
        .collect();
    assert_eq!(Mlp::from_layers(&layers).unwrap().params(), net.params());

    *net.layer_mut(0)
        .unwrap()
        .neuron_mut(2)
        .unwrap()
        .alpha
        .unwrap() = 0.25;
    assert_eq!(net.params()[net.layout().layers()[0].alpha.start + 2], 0.25);
    assert_eq!(net.layer(0).unwrap().neuron(2).unwrap().alpha(), Some(0.25));
    assert_eq!(net.layer(1).unwrap().neuron(2).unwrap().alpha(), None);
    assert_eq!(net.layer(1).unwrap().alpha(), [] as [f64; 0]);

    let mut neuron = Neuron::new([2.0], 1.0, Parametric(Relu)).unwrap();
    assert_eq!(neuron.output(&[-2.0]).unwrap(), 0.0);
    *neuron.alpha_mut().unwrap() = 0.5;
    assert_eq!(neuron.output(&[-2.0]).unwrap(), -1.5);
    let mut layer = Layer::new([2.0, 2.0], [1.0, 1.0], Parametric(Relu)).unwrap();
    layer.alpha_mut()[1] = 0.5;
    assert_eq!(layer.output(&[-2.0]).unwrap(), [0.0, -1.5]);
}

#[test]
fn names_and_misuse() {
    let parsed = activation::parse::<f64>(" parametric( leaky_relu(0.1) ) ").unwrap();
    assert!(parsed.is_parametric());
    assert_eq!(parsed.name(), "parametric(leaky_relu(0.1))");
    assert_eq!(parsed.gain(), Activation::<f64>::gain(&LeakyRelu::new(0.1)));
    for name in [
        "parametric",
        "parametric()",
        "parametric(mish",
        "parametric(parametric(mish))",
        "parametric(glu)",
        "parametric(maxout(2))",
        "parametric(none)",
    ] {
        assert!(activation::parse::<f64>(name).is_err(), "{name}");
    }
    let known = activation::parse::<f64>("none").unwrap_err().to_string();
    assert!(known.contains("parametric(activation)"), "{known}");
    let nested = Mlp::<f32>::builder(1).output(1, Parametric(Parametric(Relu)));
    assert!(matches!(nested.build(), Err(Error::InvalidSetting { .. })));
    let gated = Layer::new([1.0], [1.0], Parametric(Maxout::new(2)));
    assert!(matches!(gated, Err(Error::InvalidSetting { .. })));

    let params = [1.0, 0.0, 0.5];
    let specs = [LayerSpec::new(1, &Parametric(Relu))];
    let error = MlpRef::new(1, &specs, &params[..2]).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    let specs = [LayerSpec::parametric(1, &Relu)];
    let error = MlpRef::new(1, &specs, &params).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    let specs = [LayerSpec::parametric(1, &Parametric(Relu))];
    let error = MlpRef::new(1, &specs, &params[..2]).unwrap_err();
    assert!(matches!(error, Error::Length { .. }), "{error}");
}

/// α is 1 at first, so initializers see the activation inside.
#[test]
fn initial_parameters_are_those_without_the_numbers() {
    let plain = Mlp::<f64>::builder(2)
        .hidden(4, Sine::new(30.0))
        .output(1, Identity)
        .initializer(Siren::default());
    let learned = Mlp::<f64>::builder(2)
        .hidden(4, Parametric(Sine::new(30.0)))
        .output(1, Identity)
        .initializer(Siren::default());
    let (plain, learned) = (plain.build().unwrap(), learned.build().unwrap());
    for (plain, learned) in plain.layers().zip(learned.layers()) {
        assert_eq!(plain.weights(), learned.weights());
        assert_eq!(plain.bias(), learned.bias());
    }
}

#[test]
fn source_has_the_constructor() {
    let mut net = Mlp::<f32>::builder(1)
        .hidden(1, Parametric(LeakyRelu::new(0.1)))
        .output(1, Parametric(Mish))
        .build()
        .unwrap();
    net.set_params(&[0.5, -1.0, 0.75, 2.0, 0.25, 0.5]).unwrap();
    let text = net.to_rust("NET").unwrap();
    for line in [
        "LayerSpec::parametric(1, &activation::Parametric(activation::LeakyRelu { slope: 0.1 })),",
        "LayerSpec::parametric(1, &activation::Parametric(activation::Mish)),",
        "0.5, -1.0, 0.75, 2.0, 0.25, 0.5,",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains("[f32; 6]"), "{text}");
}
