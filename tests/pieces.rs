//! Activations with several pre-activations: formulas, derivatives, and networks with them. The
//! reference numbers are in the fidelity test.

use std::borrow::Cow;

use feedforward::activation::{self, Activation, Glu, Maxout, SwiGlu};
use feedforward::loss::MeanSquaredError;
use feedforward::{Float, GradientWorkspace, Mlp};

/// Checks the outputs of two neurons, given their pieces.
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

/// Compares every derivative with central differences of order 4.
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
                continue; // near a kink
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

/// `value` and `derivative` describe a neuron all of whose pieces are x.
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

/// The function f(a, b) = a b, which claims that its derivative depends on y alone.
#[derive(Debug)]
struct Product;

impl<T: Float> Activation<T> for Product {
    fn value(&self, x: T) -> T {
        x * x
    }
    fn derivative(&self, x: T, _: T) -> T {
        T::from_f64(2.0) * x
    }
    fn pieces(&self) -> usize {
        2
    }
    fn name(&self) -> Cow<'static, str> {
        "product".into()
    }
    fn needs_pre_activation(&self) -> bool {
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

/// Outputs and gradients of many samples, in several strips and chunks, must equal those of single
/// samples. A custom activation must satisfy this too.
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
    let mut together = GradientWorkspace::new(&net).with_input_gradient();
    let loss = together
        .compute(&net, &inputs, &targets, &MeanSquaredError)
        .unwrap();

    let mut one = GradientWorkspace::new(&net).with_input_gradient();
    let mut mean = vec![0.0; net.params().len()];
    let (mut losses, mut of_inputs) = (0.0, vec![]);
    for (x, y) in inputs.chunks(3).zip(targets.chunks(2)) {
        losses += one.compute(&net, x, y, &MeanSquaredError).unwrap() / 400.0;
        for (mean, g) in mean.iter_mut().zip(one.values()) {
            *mean += g / 400.0;
        }
        of_inputs.extend(one.input_gradient().unwrap().iter().map(|g| g / 400.0));
    }
    close(&[loss], &[losses]);
    close(together.values(), &mean);
    close(together.input_gradient().unwrap(), &of_inputs);
    assert!(mean.iter().filter(|&&g| g != 0.0).count() * 10 > mean.len() * 8);
}

#[track_caller]
fn close(got: &[f64], expected: &[f64]) {
    let worst = got.iter().zip(expected);
    let worst = worst.map(|(got, expected)| (got - expected).abs() / (1e-3 + expected.abs()));
    assert!(got.len() == expected.len() && worst.fold(0.0, f64::max) < 1e-11);
}
