//! Fits that succeed.

use super::*;

/// Residuals of y = p₀ · exp(-p₁ · t) with made errors, and their Jacobian.
#[allow(clippy::unnecessary_wraps)] // functions return a `Result`
fn decay(p: &[f64], residuals: &mut [f64], jacobian: Option<&mut [f64]>) -> Result<()> {
    let errors = numbers(residuals.len());
    for (t, (r, error)) in residuals.iter_mut().zip(errors).enumerate() {
        let t = 0.1 * t as f64;
        *r = p[0] * math::exp(-p[1] * t) - (3.0 * math::exp(-0.7 * t) + 0.01 * error);
    }
    if let Some(jacobian) = jacobian {
        for (t, row) in jacobian.chunks_exact_mut(2).enumerate() {
            let t = 0.1 * t as f64;
            row[0] = math::exp(-p[1] * t);
            row[1] = -t * p[0] * math::exp(-p[1] * t);
        }
    }
    Ok(())
}

fn every_option() -> Vec<LeastSquaresOptions> {
    let mut all = Vec::new();
    for damping in [Damping::default(), Damping::MATLAB] {
        for scaling in [Scaling::None, Scaling::Marquardt, Scaling::More] {
            for factorization in [Factorization::Qr, Factorization::Cholesky] {
                for acceleration in [false, true] {
                    all.push(LeastSquaresOptions {
                        damping,
                        scaling,
                        factorization,
                        acceleration,
                        ..LeastSquaresOptions::default()
                    });
                }
            }
        }
    }
    all
}

#[test]
fn every_option_finds_the_minimum() {
    let mut first: Option<Vec<f64>> = None;
    for options in every_option() {
        let mut p = [1.0, 3.0];
        let report = least_squares(&options, &mut p, 40, decay).unwrap();
        let expected = first.get_or_insert_with(|| p.to_vec());
        for (x, y) in p.iter().zip(expected.iter()) {
            assert!((x - y).abs() < 1e-12, "{options:?}: {p:?}");
        }
        assert!(report.sum_of_squares <= report.initial_sum_of_squares);
        let sums = report.iterations.iter().map(|it| it.sum_of_squares);
        assert!(
            sums.clone()
                .zip(sums.skip(1))
                .all(|(a, b)| b <= a * (1.0 + 1e-8))
        );
        let last = report.iterations.last().unwrap();
        assert_eq!(last.number, report.iterations.len());
        assert_eq!(last.sum_of_squares, report.sum_of_squares);
        assert_eq!(report.degrees_of_freedom(), 38);
        let rmse = (report.sum_of_squares / 40.0).sqrt();
        assert!((report.rmse().unwrap() / rmse - 1.0).abs() < 1e-15);
        let deviations = report.standard_deviations().unwrap();
        let covariance = report.covariance().unwrap();
        for (deviation, i) in deviations.iter().zip([0, 3]) {
            assert!((deviation * deviation / covariance[i] - 1.0).abs() < 1e-12);
        }
        assert_eq!(covariance[1], covariance[2]);

        let mut q = [1.0, 3.0];
        let by_differences = |p: &[f64], r: &mut [f64]| decay(p, r, None);
        least_squares_by_differences(&options, &mut q, 40, by_differences).unwrap();
        for (x, y) in p.iter().zip(&q) {
            assert!((x - y).abs() < 1e-9, "{options:?}: {p:?}, {q:?}");
        }
    }
}

/// Data of a polynomial of degree 10, whose least-squares solution is exact in integers.
///
/// Alternating binomial coefficients are orthogonal to every polynomial of a lower degree than
/// their number of differences, so they are exact residuals.
#[test]
fn a_polynomial_of_degree_10_has_9_digits() {
    let weights = [3.0, -5.0, 7.0, 11.0, -2.0, -9.0, 4.0, 6.0, -1.0, -3.0, 2.0];
    let points: Vec<f64> = (-16..=16).map(|k| f64::from(k) / 8.0).collect();
    let value = |w: &[f64], x: f64| w.iter().rev().fold(0.0, |y, w| y * x + w);
    let mut targets: Vec<f64> = points.iter().map(|&x| value(&weights, x)).collect();
    let mut binomial = 1.0;
    for k in 0..=11 {
        targets[9 + k] += 0.25 * binomial;
        binomial *= -((11 - k) as f64) / (k + 1) as f64;
    }
    let polynomial = |w: &[f64], residuals: &mut [f64], jacobian: Option<&mut [f64]>| {
        for ((r, &x), y) in residuals.iter_mut().zip(&points).zip(&targets) {
            *r = value(w, x) - y;
        }
        if let Some(jacobian) = jacobian {
            for (row, x) in jacobian.chunks_exact_mut(11).zip(&points) {
                row[0] = 1.0;
                for k in 1..11 {
                    row[k] = row[k - 1] * x;
                }
            }
        }
        Ok(())
    };
    on_every_set(|| {
        for start in [0.0, 1e3] {
            let mut w = [start; 11];
            let options = LeastSquaresOptions::default();
            least_squares(&options, &mut w, 33, polynomial).unwrap();
            for (w, expected) in w.iter().zip(weights) {
                assert!(
                    (w / expected - 1.0).abs() < 1e-9,
                    "{w} instead of {expected}"
                );
            }
        }
    });
}

#[test]
fn fewer_residuals_than_parameters_have_a_solution() {
    // A circle and a line in five dimensions, of which two do not matter.
    let function = |p: &[f64], r: &mut [f64], jacobian: Option<&mut [f64]>| {
        r[0] = p[0] * p[0] + p[1] * p[1] - 25.0;
        r[1] = p[0] - p[1] + p[2] - 3.0;
        if let Some(j) = jacobian {
            j[..2].copy_from_slice(&[2.0 * p[0], 2.0 * p[1]]);
            j[5..8].copy_from_slice(&[1.0, -1.0, 1.0]);
        }
        Ok(())
    };
    for options in every_option() {
        let mut p = [1.0, 2.0, 3.0, 4.0, 5.0];
        let report = least_squares(&options, &mut p, 2, function).unwrap();
        assert!(report.sum_of_squares < 1e-25, "{options:?}: {report:?}");
        assert_eq!(p[3..], [4.0, 5.0]);
        assert_eq!(report.degrees_of_freedom(), 0);
        let error = report.covariance().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("residuals: expected more than 5")
        );
    }
}

#[test]
fn dependent_columns_have_a_finite_fit_without_covariance() {
    let function = |p: &[f64], r: &mut [f64], jacobian: Option<&mut [f64]>| {
        for (i, r) in r.iter_mut().enumerate() {
            *r = (p[0] + p[1]) * i as f64 - (2.0 * i as f64 + 1.0);
        }
        if let Some(j) = jacobian {
            for (i, row) in j.chunks_exact_mut(3).enumerate() {
                row.copy_from_slice(&[i as f64, i as f64, 0.0]);
            }
        }
        Ok(())
    };
    for options in every_option() {
        let mut p = [5.0, -1.0, 7.0];
        let report = least_squares(&options, &mut p, 9, function).unwrap();
        assert!(p.iter().all(|x| x.is_finite()), "{options:?}: {p:?}");
        assert!(
            (p[0] + p[1] - 2.0 - 3.0 / 17.0).abs() < 1e-9,
            "{options:?}: {p:?}"
        );
        assert_eq!(p[2], 7.0);
        for error in [
            report.covariance().map(drop),
            report.standard_deviations().map(drop),
        ] {
            assert_eq!(
                error.unwrap_err().to_string(),
                "covariance: expected a Jacobian with independent columns, got zeros in the \
                 columns of parameters [2]"
            );
        }
    }
}

#[test]
fn dependent_parameters_are_named() {
    // Only the product of parameters 1 and 4 matters.
    let product = |p: &[f64], r: &mut [f64], mut j: Option<&mut [f64]>| {
        for (i, r) in r.iter_mut().enumerate() {
            let x = 0.1 * i as f64;
            let (y, cube) = (math::exp(-x), x * x * x);
            *r = p[0] + p[1] * p[4] * y + p[2] * x + p[3] * cube - math::exp(x);
            if let Some(j) = &mut j {
                j[5 * i..][..5].copy_from_slice(&[1.0, p[4] * y, x, cube, p[1] * y]);
            }
        }
        Ok(())
    };
    // Column 2 is a sum of 0 and 4.
    let sum = |p: &[f64], r: &mut [f64], mut j: Option<&mut [f64]>| {
        for (i, r) in r.iter_mut().enumerate() {
            let x = 0.1 * i as f64;
            let columns = [x, 1.0, 2.0 * x + 3.0 * x * x, 1e6 * x * x * x, x * x];
            *r = columns.iter().zip(p).map(|(x, p)| x * p).sum::<f64>() - math::exp(x);
            if let Some(j) = &mut j {
                j[5 * i..][..5].copy_from_slice(&columns);
            }
        }
        Ok(())
    };
    for options in every_option() {
        let options = LeastSquaresOptions {
            iterations: 20,
            ..options
        };
        let fits = [
            least_squares(&options, &mut [1.0, 3.0, 1.0, 1.0, 0.2], 30, product),
            least_squares(&options, &mut [1.0; 5], 30, sum),
        ];
        for (fit, columns) in fits.into_iter().zip(["[1, 4]", "[0, 2, 4]"]) {
            assert_eq!(
                fit.unwrap().covariance().unwrap_err().to_string(),
                format!(
                    "covariance: expected a Jacobian with independent columns, got columns of \
                     parameters {columns} that depend on each other"
                ),
                "{options:?}"
            );
        }
    }
}

#[test]
fn fused_sets_are_bit_identical() {
    for options in every_option() {
        let mut expected = None;
        on_every_set(|| {
            if !InstructionSet::active().is_fused() {
                return;
            }
            let mut p = [1.0, 3.0];
            let report = least_squares(&options, &mut p, 100, decay).unwrap();
            let got = (p, report);
            assert_eq!(&got, expected.get_or_insert_with(|| got.clone()));
        });
    }
}

#[test]
fn each_reason_to_stop_is_reported() {
    let default = LeastSquaresOptions::default();
    let stop = |options: LeastSquaresOptions| {
        let mut p = [1.0, 3.0];
        let report = least_squares(&options, &mut p, 40, decay).unwrap();
        (report.stopped_by, report)
    };
    let one = LeastSquaresOptions {
        iterations: 1,
        ..default
    };
    assert_eq!(stop(one).0, LeastSquaresStop::Iterations);
    let (reason, report) = stop(LeastSquaresOptions {
        evaluations: 5,
        ..default
    });
    assert_eq!(reason, LeastSquaresStop::Evaluations);
    assert!(report.evaluations < 10);
    let goal = LeastSquaresOptions {
        goal: 0.1,
        ..default
    };
    let (reason, report) = stop(goal);
    assert_eq!(reason, LeastSquaresStop::Goal);
    assert!(report.sum_of_squares <= 0.1);
    let gradient = LeastSquaresOptions {
        gradient_tolerance: 0.01,
        ..default
    };
    let (reason, report) = stop(gradient);
    assert_eq!(reason, LeastSquaresStop::Gradient);
    assert!(report.iterations.last().unwrap().largest_gradient <= 0.01);
    let step = LeastSquaresOptions {
        step_tolerance: 0.01,
        ..default
    };
    let (reason, report) = stop(step);
    assert_eq!(reason, LeastSquaresStop::Step);
    assert!(report.iterations.last().unwrap().step <= 0.01);
    let decrease = LeastSquaresOptions {
        decrease_tolerance: 0.01,
        ..default
    };
    assert_eq!(stop(decrease).0, LeastSquaresStop::Decrease);
    let damping = LeastSquaresOptions {
        largest_damping: 1e-4,
        ..default
    };
    assert_eq!(stop(damping).0, LeastSquaresStop::Damping);

    let mut p = [1.0, 3.0];
    let mut seen = Vec::new();
    let report = least_squares_with(&default, &mut p, 40, decay, |iteration, p| {
        seen = p.to_vec();
        if iteration.number == 3 {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    let report = report.unwrap();
    assert_eq!(report.stopped_by, LeastSquaresStop::Callback);
    assert_eq!(report.iterations.len(), 3);
    assert_eq!(seen, p);

    let excluded = LeastSquaresOptions {
        covariance: false,
        ..default
    };
    assert_eq!(
        stop(excluded).1.covariance().unwrap_err().to_string(),
        "covariance: expected the option `covariance`, got none"
    );
}

#[test]
fn a_solution_is_left_as_it_is() {
    let line = |p: &[f64], r: &mut [f64], jacobian: Option<&mut [f64]>| {
        r.copy_from_slice(&[p[0] - 2.0, 2.0 * p[0] - 4.0]);
        if let Some(j) = jacobian {
            j.copy_from_slice(&[1.0, 2.0]);
        }
        Ok(())
    };
    let mut p = [2.0];
    let options = LeastSquaresOptions::default();
    let report = least_squares(&options, &mut p, 2, line).unwrap();
    assert_eq!((p, report.stopped_by), ([2.0], LeastSquaresStop::Goal));
    assert!(report.iterations.is_empty());
    assert_eq!(report.covariance().unwrap(), [0.0]);
}
