//! Activations of several pre-activations: formulas, slopes, and networks with them against
//! reference numbers.

use std::borrow::Cow;

use feedforward::activation::{self, Activation, Glu, Identity, Maxout, SwiGlu};
use feedforward::loss::MeanSquaredError;
use feedforward::optimizer::{Adam, State};
use feedforward::{Float, Gradient, Layer, Mlp};
use serde_json::Value;

/// Some pieces for each of two neurons, and what they give.
#[track_caller]
fn check(f: &dyn Activation<f64>, z: &[f64], expected: [f64; 2]) {
    let mut y = [0.0; 2];
    f.apply(z, &mut y);
    for (y, expected) in y.into_iter().zip(expected) {
        assert!((y - expected).abs() < 1e-15, "{}: {y}", f.name());
    }
}

#[test]
fn the_formulas_are_those_of_the_papers() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let z = [0.7, -1.3, -2.1, 0.4];
    check(&Maxout::new(2), &z, [0.7, 0.4]);
    check(
        &Maxout::new(3),
        &[1.0, 2.0, 3.0, -1.0, -2.0, -3.0],
        [3.0, -1.0],
    );
    check(&Glu, &z, [0.7 * sigmoid(-1.3), -2.1 * sigmoid(0.4)]);
    let gates = [0.7 * sigmoid(0.7), -2.1 * sigmoid(-2.1)];
    check(&SwiGlu, &z, [gates[0] * -1.3, gates[1] * 0.4]);
}

#[test]
fn a_closed_gate_lets_nothing_through_but_nan() {
    const INF: f64 = f64::INFINITY;
    check(&Glu, &[INF, -INF, -1e300, -1e4], [0.0, 0.0]);
    check(&SwiGlu, &[-INF, INF, 0.0, -INF], [0.0, 0.0]);
    let mut y = [0.0; 4];
    for f in [&Glu as &dyn Activation<f64>, &SwiGlu, &Maxout::new(2)] {
        f.apply(
            &[f64::NAN, -1e4, 3.0, f64::NAN, -1e4, f64::NAN, f64::NAN, 1.0],
            &mut y,
        );
        assert!(y.iter().all(|y| y.is_nan()), "{}: {y:?}", f.name());
    }
}

/// Every slope against central differences of order 4.
#[test]
fn slopes_are_those_of_the_values() {
    let mut checked = 0;
    for name in ["maxout(2)", "maxout(5)", "glu", "swiglu"] {
        let f = activation::parse::<f64>(name).unwrap();
        let pieces = f.pieces();
        let value = |z: &[f64]| {
            let mut y = [0.0];
            f.apply(z, &mut y);
            y[0]
        };
        for i in 0..200 {
            let z: Vec<f64> = (0..pieces)
                .map(|p| 4.0 * f64::from(i * 7 + 13 * p as i32).sin())
                .collect();
            let h = 5e-4;
            let mut sorted = z.clone();
            sorted.sort_by(f64::total_cmp);
            if name.starts_with("maxout") && sorted[pieces - 1] - sorted[pieces - 2] < 5.0 * h {
                continue; // a kink is near
            }
            checked += 1;
            let mut dz = vec![0.0; pieces];
            f.backprop(&z, &[value(&z)], &[0.5], &mut dz);
            for p in 0..pieces {
                let at = |h: f64| {
                    let mut z = z.clone();
                    z[p] += h;
                    value(&z)
                };
                let (near, far) = (at(h) - at(-h), at(2.0 * h) - at(-2.0 * h));
                let expected = 0.5 * (8.0 * near - far) / (12.0 * h);
                assert!(
                    (dz[p] - expected).abs() < 1e-10 * (1.0 + expected.abs()),
                    "{name} at {z:?}, piece {p}: expected {expected}, got {}",
                    dz[p]
                );
            }
        }
    }
    assert!(checked > 4 * 190);
}

#[test]
fn the_first_of_equal_pieces_learns() {
    let mut dz = [7.0; 6];
    Maxout::new(3).backprop(
        &[1.0, 2.0, 2.0, -1.0, -1.0, -1.0],
        &[2.0, -1.0],
        &[0.5, 0.25],
        &mut dz,
    );
    assert_eq!(dz, [0.0, 0.5, 0.0, 0.25, 0.0, 0.0]);
}

/// `value` and `derivative` speak of a neuron all of whose pieces are x.
#[test]
fn value_and_derivative_are_those_of_equal_pieces() {
    for name in ["maxout(2)", "maxout(4)", "glu", "swiglu"] {
        let f = activation::parse::<f64>(name).unwrap();
        for x in [-800.0, -3.0, -0.5, 0.0, 0.25, 4.0, 900.0] {
            let z = vec![x; f.pieces()];
            let (mut y, mut dz) = ([0.0], z.clone());
            f.apply(&z, &mut y);
            assert_eq!(y[0].to_bits(), f.value(x).to_bits(), "{name}({x})");
            f.backprop(&z, &y, &[1.0], &mut dz);
            let (sum, slope) = (dz.iter().sum::<f64>(), f.derivative(x, y[0]));
            approx::assert_relative_eq!(sum, slope, epsilon = 1e-14);
        }
    }
}

/// f(a, b) = a b, which claims that y tells its slope.
#[derive(Debug)]
struct Product;

impl<T: Float> Activation<T> for Product {
    fn value(&self, x: T) -> T {
        x * x
    }
    fn derivative(&self, x: T, _: T) -> T {
        T::of(2.0) * x
    }
    fn pieces(&self) -> usize {
        2
    }
    fn name(&self) -> Cow<'static, str> {
        "product".into()
    }
    fn needs_input(&self) -> bool {
        false
    }
    fn apply(&self, z: &[T], y: &mut [T]) {
        for (y, z) in y.iter_mut().zip(z.chunks(2)) {
            *y = z[0] * z[1];
        }
    }
    fn backprop(&self, z: &[T], _: &[T], dy: &[T], dz: &mut [T]) {
        for ((dz, &dy), z) in dz.chunks_mut(2).zip(dy).zip(z.chunks(2)) {
            (dz[0], dz[1]) = (dy * z[1], dy * z[0]);
        }
    }
}

/// Outputs and gradients of many samples, in several strips and chunks, are those of single ones;
/// also for an activation that somebody brings.
#[test]
fn many_samples_have_the_gradient_of_each() {
    let mut net = Mlp::<f64>::builder(3)
        .hidden(20, SwiGlu)
        .hidden(17, Maxout::new(3))
        .hidden(5, Product)
        .output(2, Glu)
        .seed(1)
        .build()
        .unwrap();
    let wave = |i: usize| (i as f64 * 0.7).sin();
    for (i, p) in net.params_mut().iter_mut().enumerate() {
        *p += 0.1 * wave(i); // so that biases count
    }
    let inputs: Vec<_> = (0..400 * 3).map(wave).collect();
    let targets: Vec<_> = (0..400 * 2).map(|i| wave(3 * i)).collect();
    let mut together = Gradient::new(&net).with_inputs();
    let loss = together
        .compute(&net, &inputs, &targets, &MeanSquaredError)
        .unwrap();

    let mut one = Gradient::new(&net).with_inputs();
    let mut mean = vec![0.0; net.params().len()];
    let (mut losses, mut of_inputs) = (0.0, vec![]);
    for (x, y) in inputs.chunks(3).zip(targets.chunks(2)) {
        losses += one.compute(&net, x, y, &MeanSquaredError).unwrap() / 400.0;
        for (mean, g) in mean.iter_mut().zip(one.values()) {
            *mean += g / 400.0;
        }
        of_inputs.extend(one.inputs().unwrap().iter().map(|g| g / 400.0));
    }
    close(&[loss], &[losses]);
    close(together.values(), &mean);
    close(together.inputs().unwrap(), &of_inputs);
    assert!(mean.iter().filter(|&&g| g != 0.0).count() * 10 > mean.len() * 8);
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(list) => list.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

/// The parameters of one layer of the fixture. Those of a maxout layer come as
/// `[pieces][inputs][neurons]` and `[pieces][neurons]`, others without pieces.
fn layer(coefs: &Value, intercepts: &Value) -> (Vec<f64>, Vec<f64>) {
    let (mut coefs, mut intercepts) = (vec![coefs], vec![intercepts]);
    if intercepts[0][0].is_array() {
        coefs = coefs[0].as_array().unwrap().iter().collect();
        intercepts = intercepts[0].as_array().unwrap().iter().collect();
    }
    let (mut weights, mut bias) = (vec![], vec![]);
    for neuron in 0..intercepts[0].as_array().unwrap().len() {
        for (coefs, intercepts) in coefs.iter().zip(&intercepts) {
            let inputs = coefs.as_array().unwrap().iter();
            weights.extend(inputs.map(|row| row[neuron].as_f64().unwrap()));
            bias.push(intercepts[neuron].as_f64().unwrap());
        }
    }
    (weights, bias)
}

fn layers(coefs: &Value, intercepts: &Value) -> Vec<(Vec<f64>, Vec<f64>)> {
    let intercepts = intercepts.as_array().unwrap();
    let layers = coefs.as_array().unwrap().iter().zip(intercepts);
    layers.map(|(coefs, bias)| layer(coefs, bias)).collect()
}

/// All of them, as they lie in a network.
fn params(coefs: &Value, intercepts: &Value) -> Vec<f64> {
    let layers = layers(coefs, intercepts).into_iter();
    layers
        .flat_map(|(weights, bias)| [weights, bias].concat())
        .collect()
}

fn network(case: &Value) -> Mlp<f64> {
    let init = &case["init"];
    let mut parts = layers(&init["coefs"], &init["intercepts"]);
    let (weights, bias) = parts.pop().unwrap();
    let mut layers: Vec<_> = parts
        .into_iter()
        .map(|(weights, bias)| Layer::new(weights, bias, Maxout::new(2)).unwrap())
        .collect();
    layers.push(Layer::new(weights, bias, Identity).unwrap());
    Mlp::from_layers(&layers).unwrap()
}

#[track_caller]
fn close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        let d = (got - expected).abs() / (1e-3 + expected.abs());
        assert!(d < 1e-11, "expected {expected}, got {got}");
    }
}

#[test]
fn a_maxout_network_has_the_references_outputs_loss_and_gradient() {
    let text = include_str!("fixtures/nets/net_maxout_2.json");
    let case: Value = serde_json::from_str(text).unwrap();
    let (x, y) = (numbers(&case["X"]), numbers(&case["Y"]));
    let (net, expected) = (network(&case), &case["expected"]);
    close(&net.predict(&x).unwrap(), &numbers(&expected["forward"]));
    let mut gradient = Gradient::new(&net);
    let loss = gradient.compute(&net, &x, &y, &MeanSquaredError).unwrap();
    close(&[loss], &numbers(&expected["loss"]));
    let of_params = params(&expected["grad_coefs"], &expected["grad_intercepts"]);
    close(gradient.values(), &of_params);
}

#[test]
fn a_maxout_network_learns_as_the_reference_does() {
    let text = include_str!("fixtures/nettrain/adam_maxout_mse.json");
    let case: Value = serde_json::from_str(text).unwrap();
    let (x, y) = (numbers(&case["X"]), numbers(&case["Y"]));
    let (mut net, expected) = (network(&case), &case["expected"]);
    let rate = case["hyper"]["lr"].as_f64().unwrap();
    let adam = Adam::new(rate); // the other settings are PyTorch's, as are the fixture's
    let mut state = State::new(&adam, net.layout());
    let mut gradient = Gradient::new(&net);
    let batch = case["batch_size"].as_u64().unwrap() as usize;
    let batches: Vec<_> = x.chunks(batch * 3).zip(y.chunks(batch * 2)).collect();
    let mut compared = 0;
    for (update, (x, y)) in batches.into_iter().cycle().take(50).enumerate() {
        gradient.compute(&net, x, y, &MeanSquaredError).unwrap();
        let values = gradient.values();
        state.update(&adam, rate, net.params_mut(), values).unwrap();
        if let Some(after) = expected["after_updates"].get((update + 1).to_string()) {
            close(net.params(), &params(&after["coefs"], &after["intercepts"]));
            compared += 1;
        }
    }
    assert_eq!(compared, 4);
    let outputs = numbers(&expected["forward_after_50"]);
    close(&net.predict(&x).unwrap(), &outputs);
}
