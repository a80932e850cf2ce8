//! Least-squares fits of functions, some of which are ill-behaved.

use std::ops::ControlFlow::{Break, Continue};

use feedforward::train::{
    Damping, Factorization, LeastSquaresIteration, LeastSquaresOptions, Scaling,
    least_squares_by_differences_with, least_squares_with,
};
use feedforward::{Error, Position, Result};

use crate::case::{Case, bits, finite, seen};
use crate::data::values;
use crate::random::Random;

/// Draws options.
pub fn options(random: &mut Random) -> LeastSquaresOptions {
    let damping = match random.below(3) {
        0 => Damping::Factors {
            initial: random.setting(&[1e-3, 1.0]),
            decrease: random.setting(&[0.1, 0.5]),
            increase: random.setting(&[10.0, 2.0]),
        },
        1 => Damping::MATLAB,
        _ => Damping::Nielsen {
            tau: random.setting(&[1e-3, 1.0]),
        },
    };
    LeastSquaresOptions {
        damping,
        scaling: random.pick(&[Scaling::None, Scaling::Marquardt, Scaling::More]),
        factorization: random.pick(&[Factorization::Qr, Factorization::Cholesky]),
        acceleration: random.percent(50),
        iterations: random.count(&[1, 5, 20]),
        evaluations: random.count(&[1, 10, 500]),
        gradient_tolerance: random.setting(&[1e-15, 0.0]),
        step_tolerance: random.setting(&[1e-15, 0.0]),
        decrease_tolerance: random.setting(&[0.0, 1e-9]),
        goal: random.setting(&[0.0, 1e-9]),
        largest_damping: random.setting(&[1e100, 1e10]),
        covariance: random.percent(80),
    }
}

/// Runs a fit.
pub fn run(case: &mut Case) {
    let random = &mut case.random;
    let options = options(random);
    let count = random.count(&[1, 2, 5]).min(9);
    let residuals = random.count(&[1, 2, 9]).min(20);
    let mut params: Vec<f64> = values(random, count);
    let kind = random.below(8);
    let by_differences = random.percent(30);
    say!(
        case,
        "least_squares({options:?}, {params:?}, {residuals}, function {kind}, at most 30 \
         iterations; by differences: {by_differences})"
    );
    let write = |x: &[f64], residuals: &mut [f64]| -> Result<()> {
        // Some functions are undefined near 0.
        let is_outside = x.first().is_some_and(|x| x.abs() < 0.1);
        for (i, r) in residuals.iter_mut().enumerate() {
            let x = x[i % x.len()];
            *r = match kind {
                0 => 0.0,
                1 => 1.0,
                2 | 5 if is_outside => f64::NAN,
                3 => x * x * x - 1.0,
                4 => 1e30 * x,
                _ => x + i as f64,
            };
        }
        match kind {
            6 if is_outside => Err(Error::NotFinite {
                what: "function",
                at: Position::Index(0),
                value: f64::NAN,
            }),
            7 if is_outside => Err(Error::Empty { what: "luck" }),
            _ => Ok(()),
        }
    };
    // The derivative is right only for some functions.
    let with_jacobian = |x: &[f64], residuals: &mut [f64], jacobian: Option<&mut [f64]>| {
        if let Some(jacobian) = jacobian {
            let rows = jacobian.chunks_exact_mut(x.len()).enumerate();
            rows.for_each(|(i, row)| row[i % x.len()] = if kind == 4 { 1e30 } else { 1.0 });
        }
        write(x, residuals)
    };
    let good = finite(&params);
    let before = bits(&params);
    let mut left = 30;
    let on_iteration = |_: &LeastSquaresIteration, _: &[f64]| {
        left -= 1;
        if left == 0 { Break(()) } else { Continue(()) }
    };
    let report = if by_differences {
        least_squares_by_differences_with(&options, &mut params, residuals, write, on_iteration)
    } else {
        least_squares_with(
            &options,
            &mut params,
            residuals,
            with_jacobian,
            on_iteration,
        )
    };
    assert!(!good || finite(&params), "{params:?}");
    match report {
        Ok(report) => {
            assert!(report.sum_of_squares.is_finite());
            if let Some(covariance) = seen(report.covariance()) {
                assert!(finite(&covariance), "{covariance:?}");
            }
        }
        Err(error) => {
            let early = matches!(error, Error::InvalidSetting { .. });
            assert!(!early || bits(&params) == before);
            seen(Err::<(), _>(error));
        }
    }
}
