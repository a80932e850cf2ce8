//! Calibration of classes: minima against searches, rankings, and extreme logits.

use feedforward::calibration::{Quadratic, Temperature, logits};
use feedforward::metrics::{expected_calibration_error, log_loss, roc_auc};
use feedforward::{Error, Float};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// Returns logits of this width, and classes whose logits are those divided by the temperature.
fn data(seed: u64, rows: usize, width: usize, temperature: f64) -> (Vec<f64>, Vec<usize>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut logits, mut classes) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let row: Vec<f64> = (0..width)
            .map(|_| 12.0 * rng.random::<f64>() - 6.0)
            .collect();
        let p = Temperature::new(temperature, 0.0).unwrap();
        let p = p.probabilities(&row, width).unwrap();
        let mut point = rng.random::<f64>();
        let class = p.iter().position(|p| {
            point -= p;
            point < 0.0
        });
        classes.push(class.unwrap_or(p.len() - 1));
        logits.extend(row);
    }
    (logits, classes)
}

/// Returns the log loss at a temperature, without mixing.
fn loss(z: &[f64], width: usize, expected: &[usize], temperature: f64) -> f64 {
    let p = Temperature::new(temperature, 0.0).unwrap();
    let p = p.probabilities(z, width).unwrap();
    log_loss(&p, expected, width.max(2)).unwrap()
}

#[test]
fn the_temperature_is_that_of_a_search() {
    for (seed, width) in [(0, 1), (1, 2), (2, 3), (3, 10)] {
        let (z, expected) = data(seed, 3000, width, 2.5);
        let found = Temperature::fit(&z, width, &expected, None).unwrap();
        let grid = (-400..400).map(|step| (f64::from(step) * 0.01).exp());
        let best = grid.min_by(|&a, &b| {
            let losses = [a, b].map(|t| loss(&z, width, &expected, t));
            losses[0].total_cmp(&losses[1])
        });
        let ratio = found.temperature() / best.unwrap();
        assert!(ratio.ln().abs() < 0.011, "width {width}: {ratio}");
        assert!((found.temperature() / 2.5).ln().abs() < 0.1, "{found:?}");
        // No neighbor has a smaller loss.
        let at = |factor: f64| loss(&z, width, &expected, found.temperature() * factor);
        assert!(at(1.0) <= at(1.0 + 1e-4) && at(1.0) <= at(1.0 - 1e-4));
        assert_eq!(found.mixing(), 1.0 / 3001.0);
    }
}

#[test]
fn scaled_logits_scale_the_temperature() {
    let (z, expected) = data(4, 500, 4, 1.0);
    let fit = |factor: f64| {
        let z: Vec<_> = z.iter().map(|z| z * factor).collect();
        Temperature::fit(&z, 4, &expected, None)
            .unwrap()
            .temperature()
    };
    assert!((fit(50.0) / fit(1.0) / 50.0 - 1.0).abs() < 1e-9);
    // One logit is the difference of two.
    let (one, classes) = data(5, 500, 1, 0.5);
    let two: Vec<_> = one.iter().flat_map(|z| [1.0, 1.0 + z]).collect();
    let [one, two] = [(&one, 1), (&two, 2)].map(|(z, width)| {
        Temperature::fit(z, width, &classes, None)
            .unwrap()
            .temperature()
    });
    assert!((one / two - 1.0).abs() < 1e-9);
    let single: Vec<f32> = z.iter().map(|&z| z as f32).collect();
    let single = Temperature::fit(&single, 4, &expected, None).unwrap();
    assert!((single.temperature() / fit(1.0) - 1.0).abs() < 1e-5);
}

#[test]
fn a_weight_counts_like_copies() {
    let (z, expected) = data(6, 200, 3, 3.0);
    let weights: Vec<f64> = (0..200).map(|row| f64::from(row % 3)).collect();
    let weighted = Temperature::fit(&z, 3, &expected, Some(&weights)).unwrap();
    let (mut copies, mut classes) = (Vec::new(), Vec::new());
    for row in 0..200 {
        for _ in 0..row % 3 {
            copies.extend_from_slice(&z[3 * row..3 * row + 3]);
            classes.push(expected[row]);
        }
    }
    let copied = Temperature::fit(&copies, 3, &classes, None).unwrap();
    assert!((weighted.temperature() / copied.temperature() - 1.0).abs() < 1e-9);
    let all = Temperature::fit(&z, 3, &expected, None).unwrap();
    assert!((weighted.temperature() / all.temperature() - 1.0).abs() > 1e-3);
}

/// Returns the rows in the order of a number, whose ties keep the order of rows.
fn order(values: impl Iterator<Item = f64>) -> Vec<usize> {
    let values: Vec<f64> = values.collect();
    let mut rows: Vec<usize> = (0..values.len()).collect();
    rows.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    rows
}

#[test]
fn temperature_and_platt_keep_rankings() {
    let (z, expected) = data(7, 800, 1, 4.0);
    let temperature = Temperature::fit(&z, 1, &expected, None).unwrap();
    let platt = Quadratic::platt(&z, &expected, None).unwrap();
    assert!(platt.coefficients()[1] > 0.0 && platt.coefficients()[2] == 0.0);
    let truth: Vec<bool> = expected.iter().map(|&class| class == 1).collect();
    let auc = roc_auc(&z, &truth).unwrap();
    for p in [
        temperature.probabilities(&z, 1).unwrap(),
        platt.probabilities(&z).unwrap(),
    ] {
        let second = || p.iter().skip(1).step_by(2).copied();
        assert_eq!(order(second()), order(z.iter().copied()));
        assert_eq!(roc_auc(&second().collect::<Vec<_>>(), &truth).unwrap(), auc);
        assert!(p.chunks(2).all(|row| (row[0] + row[1] - 1.0).abs() < 1e-15));
    }
    let (z, expected) = data(8, 300, 5, 4.0);
    let calibrator = Temperature::fit(&z, 5, &expected, None).unwrap();
    let p = calibrator.probabilities(&z, 5).unwrap();
    for (z, p) in z.chunks(5).zip(p.chunks(5)) {
        assert_eq!(order(z.iter().copied()), order(p.iter().copied()));
    }
}

#[test]
fn calibration_lowers_the_loss_of_new_rows() {
    for (width, classes) in [(1, 2), (4, 4)] {
        let (z, expected) = data(9, 2000, width, 3.0);
        let (new, truth) = data(10, 2000, width, 3.0);
        let raw = Temperature::new(1.0, 0.0)
            .unwrap()
            .probabilities(&new, width)
            .unwrap();
        let mut calibrated = vec![{
            let fit = Temperature::fit(&z, width, &expected, None).unwrap();
            fit.probabilities(&new, width).unwrap()
        }];
        if width == 1 {
            for fit in [
                Quadratic::fit(&z, &expected, None),
                Quadratic::platt(&z, &expected, None),
            ] {
                calibrated.push(fit.unwrap().probabilities(&new).unwrap());
            }
        }
        for p in calibrated {
            let loss = |p: &[f64]| log_loss(p, &truth, classes).unwrap();
            let error = |p: &[f64]| expected_calibration_error(p, &truth, classes, 15).unwrap();
            assert!(loss(&p) < 0.9 * loss(&raw), "{} {}", loss(&p), loss(&raw));
            assert!(
                error(&p) < 0.4 * error(&raw),
                "{} {}",
                error(&p),
                error(&raw)
            );
        }
    }
}

#[test]
fn no_probability_is_zero() {
    fn check<T: Float>() {
        let far = T::from_f64(3e4);
        let logits = [far, -far, far, -far];
        // All right, all wrong, half of each, and one class only.
        for expected in [[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]] {
            let two: Vec<T> = logits.iter().flat_map(|&z| [T::zero(), z]).collect();
            for p in [
                Temperature::fit(&logits, 1, &expected, None)
                    .unwrap()
                    .probabilities(&logits, 1),
                Temperature::fit(&two, 2, &expected, None)
                    .unwrap()
                    .probabilities(&two, 2),
                Quadratic::fit(&logits, &expected, None)
                    .unwrap()
                    .probabilities(&logits),
                Quadratic::platt(&logits, &expected, None)
                    .unwrap()
                    .probabilities(&logits),
            ] {
                let p = p.unwrap();
                assert!(p.iter().all(|p| p.as_f64() > 0.05), "{expected:?}: {p:?}");
                let even = 2.0_f64.ln();
                assert!(log_loss(&p, &expected, 2).unwrap() < 1.01 * even, "{p:?}");
            }
        }
        // Logits that tell nothing.
        let equal = [T::one(); 4];
        let constant = Temperature::fit(&equal, 2, &[0, 1], None).unwrap();
        assert_eq!(constant.temperature(), 1.0);
        let quadratic = Quadratic::fit(&equal, &[0, 1, 1, 1], None).unwrap();
        let [bias, linear, square] = quadratic.coefficients();
        // Platt's targets are 1/3 and 4/5.
        let mean: f64 = (1.0 / 3.0 + 3.0 * 0.8) / 4.0;
        assert!((bias - (mean / (1.0 - mean)).ln()).abs() < 1e-9);
        assert_eq!((linear, square), (0.0, 0.0));
        // Extreme numbers fit too.
        let most = [T::max_value(), T::min_value(), T::max_value()];
        Temperature::fit(&most, 1, &[1, 0, 0], None).unwrap();
        Temperature::fit(&most, 3, &[1], None)
            .unwrap()
            .probabilities(&most, 3)
            .unwrap();
        let quadratic = Quadratic::fit(&most, &[1, 0, 0], None).unwrap();
        let p = quadratic.probabilities(&most).unwrap();
        assert!(p.iter().all(|p| p.as_f64() > 0.0));
    }
    check::<f32>();
    check::<f64>();
}

/// Returns the log loss with Platt's targets.
fn platt_loss(z: &[f64], expected: &[usize], [bias, linear, square]: [f64; 3]) -> f64 {
    let ones = expected.iter().sum::<usize>() as f64;
    let zeros = expected.len() as f64 - ones;
    let targets = [1.0 / (zeros + 2.0), (ones + 1.0) / (ones + 2.0)];
    let rows = z.iter().zip(expected).map(|(z, &class)| {
        let logit = bias + linear * z + square * z * z;
        logit.max(0.0) + (-logit.abs()).exp().ln_1p() - targets[class] * logit
    });
    rows.sum()
}

#[test]
fn quadratic_calibration_is_the_minimum() {
    for (seed, rows) in [(11, 50), (12, 400), (13, 7)] {
        let (mut z, expected) = data(seed, rows, 1, 2.0);
        for z in &mut z {
            *z += 3.0;
        }
        for (fit, terms) in [
            (Quadratic::fit(&z, &expected, None).unwrap(), 3),
            (Quadratic::platt(&z, &expected, None).unwrap(), 2),
        ] {
            let at = fit.coefficients();
            let least = platt_loss(&z, &expected, at);
            for k in 0..terms {
                for step in [1e-3, -1e-3, 0.1, -0.1] {
                    let mut moved = at;
                    moved[k] += step;
                    assert!(
                        platt_loss(&z, &expected, moved) > least,
                        "{rows}, {k}, {step}"
                    );
                }
            }
        }
        let weights = vec![3.0; rows];
        let weighted = Quadratic::fit(&z, &expected, Some(&weights)).unwrap();
        let plain = Quadratic::fit(&z, &expected, None).unwrap();
        for (a, b) in weighted.coefficients().iter().zip(plain.coefficients()) {
            assert!(
                (a - b).abs() < 1e-6 * (1.0 + b.abs()),
                "{weighted:?}, {plain:?}"
            );
        }
    }
    // A row without weight has no influence, wherever it is.
    let (mut z, mut expected) = data(14, 60, 1, 2.0);
    let before = Quadratic::fit(&z, &expected, None).unwrap();
    let mut weights = vec![1.0; 60];
    z.push(1e200);
    expected.push(0);
    weights.push(0.0);
    let after = Quadratic::fit(&z, &expected, Some(&weights)).unwrap();
    assert_eq!(after, before);
}

#[test]
fn logits_are_those_of_the_probabilities() {
    let p: [f64; 8] = [0.125, 0.875, 0.5, 0.5, 0.0, 1.0, 1.0, 0.0];
    let z = logits(&p, 2).unwrap();
    assert!(z.len() == 4 && z.iter().all(|z| z.is_finite()) && z[2] == -z[3]);
    let identity = Temperature::new(1.0, 0.0).unwrap();
    for (got, p) in identity.probabilities(&z, 1).unwrap().iter().zip(p) {
        assert!((got - p).abs() < 1e-15);
    }
    let z = logits(&p, 4).unwrap();
    let sums = [2.0, 2.0];
    for (row, (got, p)) in identity
        .probabilities(&z, 4)
        .unwrap()
        .iter()
        .zip(p)
        .enumerate()
    {
        assert!((got - p / sums[row / 4]).abs() < 1e-15);
    }
    assert!(logits(&[0.0_f32, 1.0], 2).unwrap()[0].is_finite());
}

#[test]
fn wrong_arguments_are_errors() {
    fn message<R: std::fmt::Debug>(result: Result<R, Error>) -> String {
        result.unwrap_err().to_string()
    }
    let fit = |z: &[f64], width, expected: &[usize], weights: Option<&[f64]>| {
        message(Temperature::fit(z, width, expected, weights))
    };
    for (got, expected) in [
        (
            fit(&[], 1, &[], None),
            "logits: expected one or more rows of 1 value, got 0 values",
        ),
        (
            fit(&[1.0, 2.0], 0, &[0], None),
            "logits: expected rows of at least 1 value, got rows of 0 values",
        ),
        (
            fit(&[1.0, f64::NAN], 2, &[0], None),
            "logits: expected finite numbers, got NaN at row 0, column 1",
        ),
        (
            fit(&[1.0, 2.0], 2, &[0, 1], None),
            "expected classes: expected 1 values, got 2",
        ),
        (
            fit(&[1.0, 2.0], 1, &[0, 2], None),
            "expected class: expected below 2, got 2 at row 1",
        ),
        (
            fit(&[1.0, 2.0], 1, &[0, 1], Some(&[1.0])),
            "sample weights: expected 2 values, got 1",
        ),
        (
            fit(&[1.0, 2.0], 1, &[0, 1], Some(&[1.0, -1.0])),
            "sample weights: expected 0 or above, got -1 at row 1",
        ),
        (
            fit(&[1.0, 2.0], 1, &[0, 1], Some(&[0.0, 0.0])),
            "sample weights: expected a sum above 0, got 0",
        ),
        (
            message(Quadratic::fit(&[1.0, 2.0], &[0, 3], None)),
            "expected class: expected below 2, got 3 at row 1",
        ),
        (
            message(Quadratic::new([0.0, f64::NAN, 1.0], 0.0)),
            "coefficients of the calibration: expected finite numbers, got NaN at index 1",
        ),
        (
            message(Quadratic::new([0.0; 3], 1.0)),
            "mixing: expected at least 0 and below 1, got 1",
        ),
        (
            message(Temperature::new(0.0, 0.0)),
            "temperature: expected a finite number above 0, got 0",
        ),
        (
            message(Temperature::new(1.0, f64::NAN)),
            "mixing: expected at least 0 and below 1, got NaN",
        ),
        (
            message(logits(&[0.5, 1.5], 2)),
            "probability: expected 0 to 1, got 1.5 at row 0, column 1",
        ),
        (
            message(logits(&[0.5], 1)),
            "classes: expected at least 2, got 1",
        ),
    ] {
        assert_eq!(got, expected);
    }
    let unscaled = Temperature::new(1.0, 0.0).unwrap();
    assert!(unscaled.probabilities(&[f64::INFINITY], 1).is_err());
    assert!(unscaled.probabilities(&[0.0; 5], 3).is_err());
    let again = Quadratic::new([0.5, 1.5, -0.25], 0.01).unwrap();
    assert_eq!(
        Quadratic::new(again.coefficients(), again.mixing()),
        Ok(again)
    );
}
