//! Bad input, and functions that fail.

use super::*;
use crate::error::Position;

#[allow(clippy::unnecessary_wraps)] // functions return a `Result`
fn line(p: &[f64], r: &mut [f64], jacobian: Option<&mut [f64]>) -> Result<()> {
    for (i, r) in r.iter_mut().enumerate() {
        *r = p[0] + p[1] * i as f64 - (i * i) as f64;
    }
    if let Some(j) = jacobian {
        for (i, row) in j.chunks_exact_mut(2).enumerate() {
            row.copy_from_slice(&[1.0, i as f64]);
        }
    }
    Ok(())
}

#[test]
fn wrong_options_are_errors() {
    let default = LeastSquaresOptions::default();
    let message = |options: LeastSquaresOptions| {
        let mut p = [1.0, 2.0];
        let error = least_squares(&options, &mut p, 5, line).unwrap_err();
        assert_eq!(p, [1.0, 2.0]);
        error.to_string()
    };
    macro_rules! wrong {
        ($($field:ident: $value:expr => $message:literal,)*) => {
            $(assert_eq!(message(LeastSquaresOptions { $field: $value, ..default }), $message);)*
        };
    }
    let factors = |initial, decrease, increase| Damping::Factors {
        initial,
        decrease,
        increase,
    };
    wrong! {
        iterations: 0 => "iterations: expected at least 1, got 0",
        evaluations: 0 => "evaluations: expected at least 1, got 0",
        gradient_tolerance: -1.0 =>
            "gradient tolerance: expected a finite number, at least 0, got -1",
        step_tolerance: f64::NAN => "step tolerance: expected a finite number, at least 0, got NaN",
        decrease_tolerance: f64::INFINITY =>
            "decrease tolerance: expected a finite number, at least 0, got inf",
        goal: -2.0 => "goal: expected a finite number, at least 0, got -2",
        largest_damping: 0.0 => "largest damping: expected a finite number above 0, got 0",
        damping: Damping::Nielsen { tau: 0.0 } =>
            "tau of the damping: expected a finite number above 0, got 0",
        damping: factors(f64::NAN, 0.1, 10.0) =>
            "initial damping: expected a finite number above 0, got NaN",
        damping: factors(1.0, 1.0, 10.0) =>
            "decrease of the damping: expected above 0 and below 1, got 1",
        damping: factors(1.0, 0.1, 1.0) =>
            "increase of the damping: expected a finite number, at least 1.1, got 1",
    }
}

#[test]
fn wrong_sizes_and_starts_are_errors() {
    let options = LeastSquaresOptions::default();
    let message = |p: &mut [f64], count| {
        let error = least_squares(&options, p, count, line).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        message(&mut [], 3),
        "parameters: expected at least one, got none"
    );
    assert_eq!(
        message(&mut [1.0, 2.0], 0),
        "residuals: expected at least 1, got 0"
    );
    assert_eq!(
        message(&mut [1.0, f64::NAN], 5),
        "parameters: expected finite numbers, got NaN at index 1"
    );
    assert_eq!(
        message(&mut [1e200, 2.0], 5),
        "sum of squares of the residuals: expected finite numbers, got inf at the start"
    );
    let error = least_squares(&options, &mut [1.0, 2.0], usize::MAX / 8, line);
    assert!(matches!(error, Err(Error::TooLarge { .. })));
}

#[test]
fn numbers_that_are_not_finite_at_the_start_are_errors() {
    let options = LeastSquaresOptions::default();
    let mut p = [1.0, 2.0];
    let unwritten = |p: &[f64], r: &mut [f64], j: Option<&mut [f64]>| line(p, &mut r[..3], j);
    let error = least_squares(&options, &mut p, 5, unwritten).unwrap_err();
    assert_eq!(
        error.to_string(),
        "residuals at the start, some of which the function did not write: expected finite \
         numbers, got NaN at index 3"
    );

    let bad_residuals = |_: &[f64], r: &mut [f64]| {
        r.fill(0.0);
        r[2] = f64::NAN;
        Ok(())
    };
    let error = least_squares_by_differences(&options, &mut p, 5, bad_residuals).unwrap_err();
    assert_eq!(
        error.to_string(),
        "residuals at the start: expected finite numbers, got NaN at index 2"
    );

    let bad_jacobian = |p: &[f64], r: &mut [f64], j: Option<&mut [f64]>| {
        let Some(j) = j else {
            return line(p, r, None);
        };
        line(p, r, Some(j))?;
        j[5] = f64::INFINITY;
        Ok(())
    };
    let error = least_squares(&options, &mut p, 5, bad_jacobian).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Jacobian at the start: expected finite numbers, got inf at row 2, column 1"
    );

    let huge_jacobian = |p: &[f64], r: &mut [f64], j: Option<&mut [f64]>| {
        line(p, r, None)?;
        if let Some(j) = j {
            j.fill(1e200);
        }
        Ok(())
    };
    let error = least_squares(&options, &mut p, 5, huge_jacobian).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("squares of the Jacobian at the start: expected finite numbers")
    );

    let never = |_: &[f64], _: &mut [f64]| Ok(());
    let error = least_squares_by_differences(&options, &mut p, 5, never).unwrap_err();
    assert_eq!(
        error.to_string(),
        "residuals at the start, some of which the function did not write: expected finite \
         numbers, got NaN at index 0"
    );
    assert_eq!(p, [1.0, 2.0]);
}

/// The logarithm of a negative number is not finite, and the first step leads there.
#[test]
fn steps_out_of_the_domain_are_shortened() {
    for kind in 0..3 {
        let function = |p: &[f64], r: &mut [f64], j: Option<&mut [f64]>| {
            let x = p[0];
            let is_outside = x <= 0.0;
            if is_outside && kind > 0 {
                return Err(match kind {
                    1 => Error::NotFinite {
                        what: "logarithm",
                        at: Position::Index(0),
                        value: f64::NAN,
                    },
                    _ => Error::Overflow {
                        what: "output",
                        layer: 0,
                        value: f64::NAN,
                    },
                });
            }
            r[0] = if is_outside { f64::NAN } else { math::ln(x) };
            if let Some(j) = j {
                j[0] = 1.0 / x;
            }
            Ok(())
        };
        for acceleration in [false, true] {
            let options = LeastSquaresOptions {
                acceleration,
                ..LeastSquaresOptions::default()
            };
            let mut p = [20.0];
            let report = least_squares(&options, &mut p, 1, function).unwrap();
            assert!((p[0] - 1.0).abs() < 1e-12, "{p:?} {report:?}");

            let mut p = [20.0];
            let by_differences = |p: &[f64], r: &mut [f64]| function(p, r, None);
            least_squares_by_differences(&options, &mut p, 1, by_differences).unwrap();
            assert!((p[0] - 1.0).abs() < 1e-10, "{p:?}");
        }
    }
}

/// The Jacobian at the border is one-sided, and that of a trial point may be infinite.
#[test]
fn borders_of_the_domain_are_allowed() {
    let root = |p: &[f64], r: &mut [f64]| {
        r[0] = if p[0] < 4.0 { f64::NAN } else { p[0] - 5.0 };
        Ok(())
    };
    let options = LeastSquaresOptions::default();
    let mut p = [4.0];
    least_squares_by_differences(&options, &mut p, 1, root).unwrap();
    assert!((p[0] - 5.0).abs() < 1e-12);

    let infinite = |p: &[f64], r: &mut [f64], j: Option<&mut [f64]>| {
        r[0] = p[0] - 1.0;
        if let Some(j) = j {
            j[0] = if p[0] < 3.0 { f64::INFINITY } else { 1.0 };
        }
        Ok(())
    };
    let mut p = [9.0];
    let report = least_squares(&options, &mut p, 1, infinite).unwrap();
    assert!(p[0] >= 3.0 && p[0] < 3.01, "{p:?}");
    assert!(report.sum_of_squares < 4.05);
}

#[test]
fn an_error_of_the_function_ends_the_search() {
    let options = LeastSquaresOptions::default();
    for last in 1..12 {
        let mut calls = 0;
        let function = |p: &[f64], r: &mut [f64], j: Option<&mut [f64]>| {
            calls += 1;
            if calls > last {
                return Err(Error::Empty { what: "my data" });
            }
            // Rosenbrock's valley.
            r[0] = 10.0 * (p[1] - p[0] * p[0]);
            r[1] = 1.0 - p[0];
            if let Some(j) = j {
                j.copy_from_slice(&[-20.0 * p[0], 10.0, -1.0, 0.0]);
            }
            Ok(())
        };
        let mut p = [-1.2, 1.0];
        let mut seen = p.to_vec();
        let error = least_squares_with(&options, &mut p, 2, function, |_, p| {
            seen = p.to_vec();
            ControlFlow::Continue(())
        });
        assert_eq!(error.unwrap_err(), Error::Empty { what: "my data" });
        assert_eq!(seen, p);
    }
}

/// Residuals and Jacobians without any relation end in finite numbers.
#[test]
fn a_wrong_jacobian_ends_with_a_reason() {
    let options = LeastSquaresOptions {
        iterations: 50,
        ..LeastSquaresOptions::default()
    };
    for kind in 0..5 {
        for count in [1, 3, 8] {
            let mut calls = 0;
            let function = |p: &[f64], r: &mut [f64], j: Option<&mut [f64]>| {
                calls += 1;
                for (i, r) in r.iter_mut().enumerate() {
                    *r = match kind {
                        0 => p[0] * p[1] + i as f64,
                        1 => 1.0,
                        2 => 1e-200 * p[0],
                        3 => numbers(i + calls)[i + calls - 1],
                        _ => 1e150 * (p[0] - p[2]),
                    };
                }
                if let Some(j) = j {
                    let size = [1.0, 1e-300, 1e-180, 1.0, 1e150][kind];
                    j.iter_mut()
                        .zip(numbers(99))
                        .for_each(|(j, x)| *j = size * x);
                }
                Ok(())
            };
            let mut p = [1.0, -2.0, 3.0];
            let report = least_squares(&options, &mut p, count, function);
            assert!(p.iter().all(|x| x.is_finite()), "{kind} {count} {p:?}");
            let report = match report {
                Err(Error::InvalidValue { what, .. }) => {
                    assert_eq!(what, "Jacobian");
                    continue;
                }
                report => report.unwrap(),
            };
            assert!(report.sum_of_squares.is_finite());
            let is_finite = |it: &LeastSquaresIteration| {
                it.step.is_finite() && it.damping.is_finite() && it.largest_gradient.is_finite()
            };
            assert!(
                report.iterations.iter().all(is_finite),
                "{kind} {count} {report:?}"
            );
            if let Ok(covariance) = report.covariance() {
                assert!(covariance.iter().all(|x| x.is_finite()), "{kind} {count}");
            }
        }
    }
}
