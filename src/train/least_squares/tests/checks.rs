//! The check of a Jacobian, and searches with a wrong one.

use super::*;
use crate::error::Position;

type Fault = fn(&mut [f64], usize);

/// Residuals of y = p₀ · exp(-p₁ · t), with errors that have a pattern, and a Jacobian with a
/// fault.
fn decay(fault: Fault) -> impl Fn(&[f64], &mut [f64], Option<&mut [f64]>) -> Result<()> + Copy {
    move |p, residuals, jacobian| {
        let rows = residuals.len();
        for (t, r) in residuals.iter_mut().enumerate() {
            let t = 0.3 * t as f64;
            *r = p[0] * math::exp(-p[1] * t) - 3.0 * math::exp(-0.7 * t) - 0.01 * (7.0 * t).sin();
        }
        if let Some(jacobian) = jacobian {
            for (t, row) in jacobian.chunks_exact_mut(2).enumerate() {
                let t = 0.3 * t as f64;
                row[0] = math::exp(-p[1] * t);
                row[1] = -t * p[0] * math::exp(-p[1] * t);
            }
            fault(jacobian, rows);
        }
        Ok(())
    }
}

fn negate(jacobian: &mut [f64], _: usize) {
    for x in jacobian {
        *x = -*x;
    }
}

fn transpose(jacobian: &mut [f64], rows: usize) {
    let before = jacobian.to_vec();
    for (i, row) in before.chunks_exact(2).enumerate() {
        jacobian[i] = row[0];
        jacobian[rows + i] = row[1];
    }
}

fn negate_column(jacobian: &mut [f64], _: usize) {
    jacobian
        .iter_mut()
        .skip(1)
        .step_by(2)
        .for_each(|x| *x = -*x);
}

fn forget(jacobian: &mut [f64], _: usize) {
    jacobian.fill(0.0);
}

fn forget_rows(jacobian: &mut [f64], _: usize) {
    jacobian[4..].fill(0.0);
}

fn forget_column(jacobian: &mut [f64], _: usize) {
    jacobian.chunks_exact_mut(2).for_each(|row| row[1] = 0.0);
}

fn swap(jacobian: &mut [f64], _: usize) {
    jacobian.chunks_exact_mut(2).for_each(|row| row.swap(0, 1));
}

fn nothing(_: &mut [f64], _: usize) {}

#[test]
fn a_wrong_jacobian_is_found() {
    let start = [2.0, 0.4];
    check_jacobian(&start, 20, decay(nothing)).unwrap();
    check_jacobian(&[0.0, 0.0], 20, decay(nothing)).unwrap();
    check_jacobian(&[3e5, -0.4], 20, decay(nothing)).unwrap();
    let message = |fault| {
        let error = check_jacobian(&start, 20, decay(fault)).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        message(negate),
        "Jacobian: expected about 1 by differences (39 of 40 numbers differ, and all have the \
         opposite sign), got -1 at row 0, column 0"
    );
    assert!(message(transpose).contains("as if the matrix were transposed"));
    assert_eq!(
        message(forget_rows),
        "Jacobian: expected about 0.786628 by differences (36 of 40 numbers differ), got 0 at row \
         2, column 0"
    );
    assert!(message(swap).contains("40 of 40 numbers differ), got -0 at row 0, column 0"));

    let mut calls = 0;
    let others = |p: &[f64], r: &mut [f64], j: Option<&mut [f64]>| {
        calls += 1;
        let has_jacobian = j.is_some();
        decay(nothing)(p, r, j)?;
        r[1] += if has_jacobian { 0.1 } else { 0.0 };
        Ok(())
    };
    let error = check_jacobian(&start, 20, others).unwrap_err();
    let Error::InvalidValue { what, at, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(
        (what, at),
        ("residuals with a Jacobian", Position::Index(1))
    );
    assert_eq!(calls, 2 + 4 * 2);
}

#[test]
fn a_search_with_a_wrong_jacobian_is_no_success() {
    for acceleration in [false, true] {
        for factorization in [Factorization::Qr, Factorization::Cholesky] {
            let options = LeastSquaresOptions {
                factorization,
                acceleration,
                ..LeastSquaresOptions::default()
            };
            let mut p = [2.0, 0.4];
            least_squares(&options, &mut p, 20, decay(nothing)).unwrap();
            // A minimum stays one.
            least_squares(&options, &mut p, 20, decay(nothing)).unwrap();
            let faults = [
                negate,
                transpose,
                negate_column,
                forget,
                forget_rows,
                forget_column,
                swap,
            ];
            for (index, fault) in faults.into_iter().enumerate() {
                let mut p = [2.0, 0.4];
                let result = least_squares(&options, &mut p, 20, decay(fault));
                assert!(
                    matches!(
                        &result,
                        Err(Error::InvalidValue {
                            what: "Jacobian",
                            ..
                        })
                    ),
                    "{index} {acceleration} {factorization:?} {result:?}, {p:?}"
                );
            }
        }
    }
}

/// An exact fit ends at rounding errors, whose cosine with the Jacobian is large.
#[test]
fn an_exact_fit_is_a_success() {
    let exact = |p: &[f64], r: &mut [f64], j: Option<&mut [f64]>| {
        for (t, r) in r.iter_mut().enumerate() {
            let t = 0.3 * t as f64;
            *r = p[0] * math::exp(-p[1] * t) - 3.0 * math::exp(-0.7 * t);
        }
        if let Some(j) = j {
            for (t, row) in j.chunks_exact_mut(2).enumerate() {
                let t = 0.3 * t as f64;
                row[0] = math::exp(-p[1] * t);
                row[1] = -t * p[0] * math::exp(-p[1] * t);
            }
        }
        Ok(())
    };
    for start in [
        [2.0, 0.4],
        [3.0, 0.7],
        [3.0 + 1e-15, 0.7],
        [1e5, 3.0],
        [0.0, 0.0],
    ] {
        let mut p = start;
        let options = LeastSquaresOptions::default();
        let report = least_squares(&options, &mut p, 20, exact).unwrap();
        assert!(report.sum_of_squares < 1e-25, "{start:?} {report:?}");
    }
}

/// Residuals p0 + p1 t - target, in this precision.
fn line<'a>(
    targets: &'a [f64],
    round: impl Fn(f64) -> f64 + Copy + 'a,
) -> impl Fn(&[f64], &mut [f64], Option<&mut [f64]>) -> Result<()> + Copy + 'a {
    move |p, r, j| {
        for (i, (r, target)) in r.iter_mut().zip(targets).enumerate() {
            *r = round(round(p[0] + p[1] * 0.1 * i as f64) - target);
        }
        if let Some(j) = j {
            for (i, row) in j.chunks_exact_mut(2).enumerate() {
                row.copy_from_slice(&[1.0, 0.1 * i as f64]);
            }
        }
        Ok(())
    }
}

/// At the end of such a fit, a parameter and all residuals are rounding errors.
#[test]
fn an_exact_fit_with_a_parameter_of_zero_is_a_success() {
    for slope in 0..200 {
        let slope = 0.5 + 0.01 * f64::from(slope);
        let targets: Vec<f64> = (0..10).map(|i| slope * 0.1 * f64::from(i)).collect();
        let exact = line(&targets, |x| x);
        let mut p = [1.0, 1.0];
        least_squares(&LeastSquaresOptions::default(), &mut p, 10, exact).unwrap();
        assert!(p[0].abs() < 1e-12 && (p[1] - slope).abs() < 1e-12, "{p:?}");
        for p0 in [1e-300, 1e-17, 1e-12, 0.0] {
            check_jacobian(&[p0, slope], 10, exact).unwrap();
        }
    }
}

#[test]
fn residuals_of_low_precision_are_no_wrong_jacobian() {
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state) / f64::from(u32::MAX) - 0.5
    };
    for scale in [0.0, 1e-2, 1e-1] {
        for _ in 0..50 {
            let targets = (0..20).map(|i| 0.7 + 0.13 * f64::from(i) + scale * noise());
            let targets: Vec<f64> = targets.collect();
            for step in [1e-8, 1e-6] {
                let coarse = line(&targets, move |x| (x / step).round() * step);
                let single = line(&targets, |x| f64::from(x as f32));
                let options = LeastSquaresOptions::default();
                least_squares(&options, &mut [1.0, 1.0], 20, coarse).unwrap();
                least_squares(&options, &mut [1.0, 1.0], 20, single).unwrap();
                check_jacobian(&[1.3, 1.1], 20, coarse).unwrap();
                check_jacobian(&[1.3, 1.1], 20, single).unwrap();
            }
        }
    }
}

#[test]
fn calls_that_cannot_be_checked_are_errors() {
    let message = |p: &[f64], count| {
        check_jacobian(p, count, decay(nothing))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        message(&[], 3),
        "parameters: expected at least one, got none"
    );
    assert_eq!(
        message(&[1.0, 2.0], 0),
        "residuals: expected at least 1, got 0"
    );
    assert!(message(&[f64::NAN, 2.0], 3).contains("NaN at index 0"));
    assert!(message(&[1.0, 2.0], usize::MAX / 2).contains("Jacobian"));

    let isolated = |p: &[f64], r: &mut [f64], j: Option<&mut [f64]>| {
        r[0] = if p[0] == 1.0 { 1.0 } else { f64::NAN };
        if let Some(j) = j {
            j[0] = 1.0;
        }
        Ok(())
    };
    let error = check_jacobian(&[1.0], 1, isolated).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("differences of the residuals"),
        "{error}"
    );
    let failing = |_: &[f64], _: &mut [f64], _: Option<&mut [f64]>| {
        Err(Error::Malformed {
            what: "table",
            problem: "no such row".into(),
        })
    };
    let error = check_jacobian(&[1.0], 1, failing).unwrap_err();
    assert_eq!(error.to_string(), "table: no such row");
}
