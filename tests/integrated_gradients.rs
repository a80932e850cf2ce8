//! Integrated gradients: completeness, known integrals, kinks, jumps and errors.

use std::sync::Arc;

use feedforward::activation::{
    Activation, Elu, Exponential, Gelu, Heaviside, Identity, Mish, Relu, Selu, Sigmoid, Tanh,
};
use feedforward::encoding::{Categories, Concat, Fourier, Periodic, PeriodicSettings};
use feedforward::explain::{Attributions, IntegratedGradients, Quantity};
use feedforward::{Error, Float, Mlp, encoding};

const INPUTS: usize = 6;

/// Returns a network of two hidden layers with kinks anywhere on a path.
fn net<T: Float>(f: Arc<dyn Activation<T>>, outputs: usize) -> Mlp<T> {
    let net = Mlp::<T>::builder(INPUTS)
        .hidden(40, f.clone())
        .hidden(30, f);
    let mut net = net.output(outputs, Identity).seed(5).build().unwrap();
    for (index, p) in net.params_mut().iter_mut().enumerate() {
        let noise = ((index * 7919 % 1009) as f64 / 1009.0 - 0.5) * 0.4;
        *p = *p * T::from_f64(1.5) + T::from_f64(noise);
    }
    net
}

fn samples<T: Float>() -> Vec<T> {
    let x = |i: usize| ((i * 37 % 48) as f64 - 24.0) / 8.0;
    (0..8 * INPUTS).map(|i| T::from_f64(x(i))).collect()
}

/// Checks completeness, computed from the attributions themselves, against a relative bound.
fn check(name: &str, all: &Attributions, bound: f64) {
    let rows = all.values.chunks(all.values.len() / all.outputs.len());
    for ((row, output), gap) in rows.zip(&all.outputs).zip(&all.gaps) {
        let (sum, difference) = (row.iter().sum::<f64>(), output - all.baseline);
        assert!(difference != 0.0);
        let off = (sum - difference).abs();
        assert_eq!(off, *gap, "{name}");
        assert!(
            off <= bound * difference.abs(),
            "{name}: {sum} {difference}"
        );
    }
}

#[test]
fn attributions_sum_to_the_difference() {
    let functions: [(&str, Arc<dyn Activation<f64>>); 7] = [
        ("relu", Arc::new(Relu)),
        ("selu", Arc::new(Selu)),
        ("elu", Arc::new(Elu::default())),
        ("tanh", Arc::new(Tanh)),
        ("gelu", Arc::new(Gelu)),
        ("mish", Arc::new(Mish)),
        ("sigmoid", Arc::new(Sigmoid)),
    ];
    let (x, baseline) = (samples::<f64>(), [0.25; INPUTS]);
    for (name, f) in functions {
        let net = net::<f64>(f, 3);
        for quantity in [
            Quantity::Output(1),
            Quantity::Softmax(1),
            Quantity::Sigmoid(2),
            Quantity::Exp(0),
        ] {
            let method = IntegratedGradients::new(quantity);
            let all = method.compute(&net, &x, &baseline).unwrap();
            check(&format!("{name} {quantity:?}"), &all, 1e-6);
            let y = net.predict(&x).unwrap();
            for (y, output) in y.chunks(3).zip(&all.outputs) {
                let expected = match quantity {
                    Quantity::Softmax(_) => y[1].exp() / y.iter().map(|y| y.exp()).sum::<f64>(),
                    Quantity::Sigmoid(_) => 1.0 / (1.0 + (-y[2]).exp()),
                    Quantity::Exp(_) => y[0].exp(),
                    _ => y[1],
                };
                assert!((output - expected).abs() < 1e-14 * expected.abs().max(1.0));
            }
            // One sample alone has bit-identical attributions.
            let alone = method
                .compute(&net, &x[INPUTS..2 * INPUTS], &baseline)
                .unwrap();
            assert_eq!(alone.values, all.values[INPUTS..2 * INPUTS]);
        }
    }
}

/// Compares each attribution with a midpoint sum of many Jacobians.
#[test]
fn attributions_are_the_integrals() {
    const STEPS: usize = 20_000;
    for f in [Arc::new(Relu) as Arc<dyn Activation<f64>>, Arc::new(Mish)] {
        let net = net::<f64>(f, 2);
        let (x, baseline) = (&samples::<f64>()[..INPUTS], [0.25; INPUTS]);
        let points = (0..STEPS).flat_map(|step| {
            let t = (step as f64 + 0.5) / STEPS as f64;
            (0..INPUTS).map(move |i| baseline[i] + t * (x[i] - baseline[i]))
        });
        let points: Vec<_> = points.collect();
        let mut workspace = feedforward::GradientWorkspace::new(&net);
        let jacobian = workspace.jacobian(&net, &points).unwrap();
        let all = IntegratedGradients::new(Quantity::Output(1)).compute(&net, x, &baseline);
        for (i, value) in all.unwrap().values.iter().enumerate() {
            let derivatives = jacobian.iter().skip(INPUTS + i).step_by(2 * INPUTS);
            let sum: f64 = derivatives.sum();
            let expected = (x[i] - baseline[i]) * sum / STEPS as f64;
            assert!(
                (value - expected).abs() < 1e-3 * expected.abs().max(0.1),
                "{value} {expected}"
            );
        }
    }
}

#[test]
fn known_integrals_are_met() {
    // y = 3 e^(x0 + 2 x1) rises along (1, 2), so input i has the fraction cᵢ dᵢ / Σ c d.
    let net = Mlp::<f64>::builder(2)
        .hidden(1, Exponential)
        .output(1, Identity);
    let mut net = net.build().unwrap();
    net.set_params(&[1.0, 2.0, 0.0, 3.0, 0.0]).unwrap();
    let method = IntegratedGradients::new(Quantity::Output(0));
    let all = method.compute(&net, &[1.0, 0.25], &[0.0, -0.5]).unwrap();
    let difference = 3.0 * (f64::exp(1.5) - f64::exp(-1.0));
    for (value, fraction) in all.values.iter().zip([1.0 / 2.5, 1.5 / 2.5]) {
        assert!((value - fraction * difference).abs() < 1e-12, "{value}");
    }
    assert!((all.baseline - 3.0 * f64::exp(-1.0)).abs() < 1e-14);

    // y = relu(x0) + relu(-x1): errors at the common kink would cancel in the sum.
    let net = Mlp::<f64>::builder(2).hidden(2, Relu).output(1, Identity);
    let mut net = net.build().unwrap();
    net.set_params(&[1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 1.0, 1.0, 0.0])
        .unwrap();
    let all = method.compute(&net, &[1.0, 1.0], &[-1.0, -1.0]).unwrap();
    for (value, expected) in all.values.iter().zip([1.0, -1.0]) {
        assert!((value - expected).abs() < 1e-6, "{value} {expected}");
    }
    // A sample on the baseline has no attributions.
    let all = method.compute(&net, &[-1.0, -1.0], &[-1.0, -1.0]).unwrap();
    assert_eq!(
        (&all.values[..], &all.gaps[..]),
        (&[0.0, 0.0][..], &[0.0][..])
    );
}

#[test]
fn single_precision_has_its_own_bound() {
    let functions: [(&str, Arc<dyn Activation<f32>>); 3] = [
        ("relu", Arc::new(Relu)),
        ("selu", Arc::new(Selu)),
        ("mish", Arc::new(Mish)),
    ];
    for (name, f) in functions {
        let net = net::<f32>(f, 3);
        let method = IntegratedGradients::new(Quantity::Output(1));
        let all = method
            .compute(&net, &samples::<f32>(), &[0.25; INPUTS])
            .unwrap();
        // Rounding is relative to the largest numbers, not to a small difference.
        let rows = all.values.chunks(INPUTS).zip(&all.outputs).zip(&all.gaps);
        for ((row, output), gap) in rows {
            let size = row.iter().map(|value| value.abs()).sum::<f64>() + output.abs();
            assert!(*gap <= 1e-5 * size, "{name}: {gap} {size}");
            println!("{name} {:e}", gap / size);
        }
    }
}

#[test]
fn a_jump_is_a_gap_and_ends() {
    let net = net::<f64>(Arc::new(Heaviside), 1);
    let method = IntegratedGradients::new(Quantity::Output(0))
        .max_gradients(500)
        .unwrap();
    let all = method
        .compute(&net, &samples::<f64>(), &[0.25; INPUTS])
        .unwrap();
    assert!(all.values.iter().all(|value| *value == 0.0));
    for (gap, output) in all.gaps.iter().zip(&all.outputs) {
        assert_eq!(*gap, (output - all.baseline).abs());
        assert!(*gap > 0.0);
    }
    // Few gradients leave a gap, more of them close it.
    let net = self::net::<f64>(Arc::new(Relu), 1);
    let gap = |count| {
        let method = IntegratedGradients::new(Quantity::Output(0))
            .max_gradients(count)
            .unwrap();
        let all = method
            .compute(&net, &samples::<f64>(), &[0.25; INPUTS])
            .unwrap();
        all.gaps.iter().sum::<f64>()
    };
    assert!(gap(1) > 10.0 * gap(200) && gap(200) > 10.0 * gap(5000));
}

#[test]
fn encodings_with_gradients_are_part_of_the_path() {
    let build = |encoding: Arc<dyn encoding::Encoding<f64>>| {
        let net = Mlp::<f64>::builder(encoding.inputs()).encoding(encoding);
        net.hidden(16, Tanh)
            .output(1, Identity)
            .seed(2)
            .build()
            .unwrap()
    };
    let method = IntegratedGradients::new(Quantity::Output(0));
    let fourier = build(Arc::new(Fourier::new(2, 8, 2.0, 3).unwrap()));
    let all = method
        .compute(&fourier, &[0.3, -0.7, 1.0, 0.1], &[0.0, 0.0])
        .unwrap();
    check("fourier", &all, 1e-6);

    let periodic = Arc::new(Periodic::new(PeriodicSettings::new(1)).unwrap());
    let categories = Arc::new(Categories::new(&[(5, 3)]).unwrap());
    let concat: Vec<Arc<dyn encoding::Encoding<f64>>> = vec![periodic, categories];
    let mixed = build(Arc::new(Concat::new(concat).unwrap()));
    // The categories agree, so they need no gradient.
    let all = method
        .compute(&mixed, &[0.9, 2.0, -0.4, 2.0], &[0.0, 2.0])
        .unwrap();
    check("mixed", &all, 1e-6);
    assert!(all.values[1] == 0.0 && all.values[3] == 0.0);
    let error = method
        .compute(&mixed, &[0.9, 2.0, -0.4, 3.0], &[0.0, 2.0])
        .unwrap_err();
    assert!(matches!(error, Error::Incompatible { .. }), "{error}");
    assert!(error.to_string().contains("input 1"), "{error}");
}

#[test]
fn wrong_calls_are_errors() {
    let net = net::<f64>(Arc::new(Relu), 2);
    let method = IntegratedGradients::new(Quantity::Output(0));
    let (x, baseline) = (samples::<f64>(), [0.0; INPUTS]);
    let compute = |x: &[f64], baseline: &[f64]| method.compute(&net, x, baseline).unwrap_err();
    assert!(matches!(compute(&x[1..], &baseline), Error::Rows { .. }));
    assert!(matches!(compute(&[], &baseline), Error::Rows { .. }));
    assert!(matches!(compute(&x, &baseline[1..]), Error::Length { .. }));
    assert!(matches!(
        compute(&[f64::NAN; INPUTS], &baseline),
        Error::NotFinite { .. }
    ));
    assert!(matches!(
        compute(&x, &[f64::INFINITY; INPUTS]),
        Error::NotFinite { .. }
    ));
    let last = IntegratedGradients::new(Quantity::Softmax(2)).compute(&net, &x, &baseline);
    assert!(matches!(
        last,
        Err(Error::OutOfBounds {
            len: 2,
            index: 2,
            ..
        })
    ));
    for tolerance in [0.0, -1.0, 1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            method.tolerance(tolerance),
            Err(Error::InvalidSetting { .. })
        ));
    }
    assert!(matches!(
        method.max_gradients(0),
        Err(Error::InvalidSetting { .. })
    ));
}
