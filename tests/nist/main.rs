//! NIST's certified problems of nonlinear regression.

use std::path::Path;

use feedforward::train::{
    Factorization, LeastSquaresOptions, LeastSquaresReport, least_squares,
    least_squares_by_differences,
};

#[path = "../common/numbers.rs"]
mod numbers;

mod models;
mod problem;

use numbers::Numbers;
use problem::{Model, Problem, digits, least_digits};

fn problems() -> Vec<Problem> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nist");
    let models = models::MODELS.iter();
    models
        .map(|(name, model)| Problem::read(&folder, name, *model))
        .collect()
}

fn fit(
    problem: &Problem,
    start: &[f64],
    options: &LeastSquaresOptions,
    has_jacobian: bool,
) -> (Vec<f64>, LeastSquaresReport) {
    let mut params = start.to_vec();
    let count = problem.responses.len();
    let report = if has_jacobian {
        let function = |p: &[f64], r: &mut [f64], j: Option<&mut [f64]>| {
            problem.residuals(p, r, j);
            Ok(())
        };
        least_squares(options, &mut params, count, function)
    } else {
        let function = |p: &[f64], r: &mut [f64]| {
            problem.residuals(p, r, None);
            Ok(())
        };
        least_squares_by_differences(options, &mut params, count, function)
    };
    (params, report.unwrap())
}

/// Fewest digits of all fits.
struct Digits {
    params: Vec<f64>,
    deviations: f64,
    sum_of_squares: f64,
}

fn fit_all(options: &LeastSquaresOptions, has_jacobian: bool) -> Digits {
    let mut digits_of_all = Digits {
        params: Vec::new(),
        deviations: 11.0,
        sum_of_squares: 11.0,
    };
    for problem in problems() {
        for start in &problem.starts {
            let (params, report) = fit(&problem, start, options, has_jacobian);
            digits_of_all
                .params
                .push(least_digits(&params, &problem.certified));
            let deviations = report.standard_deviations().unwrap();
            assert_eq!(report.residuals, problem.responses.len());
            // The residuals of this problem are about 1e-13, so that rounding of the responses
            // leaves three of their digits.
            if problem.name == "Lanczos1" {
                assert!(report.sum_of_squares < 1.5e-25, "{report:?}");
                assert!(least_digits(&deviations, &problem.deviations) > 1.5);
                continue;
            }
            let residual_deviation = report.residual_standard_deviation().unwrap();
            let got = [
                digits(report.sum_of_squares, problem.sum_of_squares),
                digits(residual_deviation, problem.residual_deviation),
            ];
            let least = &mut digits_of_all.sum_of_squares;
            *least = got.into_iter().fold(*least, f64::min);
            let least = &mut digits_of_all.deviations;
            *least = least.min(least_digits(&deviations, &problem.deviations));
        }
    }
    digits_of_all.params.sort_by(f64::total_cmp);
    digits_of_all
}

#[test]
fn default_options_reach_the_certified_digits() {
    let got = fit_all(&LeastSquaresOptions::default(), true);
    assert_eq!(got.params.len(), 36);
    assert!(got.params[0] > 9.5, "{:?}", got.params);
    assert!(got.params[18] > 10.0, "{:?}", got.params);
    assert!(got.deviations > 9.0, "{}", got.deviations);
    assert!(got.sum_of_squares > 10.0, "{}", got.sum_of_squares);
}

#[test]
fn differences_reach_the_certified_digits() {
    let got = fit_all(&LeastSquaresOptions::default(), false);
    assert!(got.params[0] > 7.0, "{:?}", got.params);
    assert!(got.params[18] > 9.4, "{:?}", got.params);
    assert!(got.deviations > 6.0, "{}", got.deviations);
    assert!(got.sum_of_squares > 10.0, "{}", got.sum_of_squares);
}

#[test]
fn cholesky_reaches_the_certified_digits() {
    let options = LeastSquaresOptions {
        factorization: Factorization::Cholesky,
        ..LeastSquaresOptions::default()
    };
    let got = fit_all(&options, true);
    assert!(got.params[0] > 9.0, "{:?}", got.params);
    assert!(got.params[18] > 10.0, "{:?}", got.params);
    assert!(got.deviations > 6.0, "{}", got.deviations);
    assert!(got.sum_of_squares > 10.0, "{}", got.sum_of_squares);
}

/// Steps do not depend on the units of parameters. Powers of two make rounding equal, too.
#[test]
fn units_of_parameters_do_not_matter() {
    let options = LeastSquaresOptions::default();
    for problem in problems() {
        let units = |j: usize| {
            f64::from(if j.is_multiple_of(2) {
                1024.0_f32
            } else {
                0.125
            })
        };
        let start = &problem.starts[1];
        let (expected, _) = fit(&problem, start, &options, true);
        let mut params: Vec<f64> = (0..).zip(start).map(|(j, p)| p / units(j)).collect();
        let count = problem.responses.len();
        let function = |p: &[f64], r: &mut [f64], mut jacobian: Option<&mut [f64]>| {
            let p: Vec<f64> = (0..).zip(p).map(|(j, p)| p * units(j)).collect();
            problem.residuals(&p, r, jacobian.as_deref_mut());
            for row in jacobian
                .into_iter()
                .flat_map(|j| j.chunks_exact_mut(p.len()))
            {
                row.iter_mut().enumerate().for_each(|(j, x)| *x *= units(j));
            }
            Ok(())
        };
        least_squares(&options, &mut params, count, function).unwrap();
        let params: Vec<f64> = (0..).zip(&params).map(|(j, p)| p * units(j)).collect();
        assert_eq!(params, expected, "{}", problem.name);
    }
}

/// A problem with made data, whose minimum is found from near the true parameters.
fn made(
    name: &str,
    model: Model,
    truth: &[f64],
    start: &[f64],
    x: Vec<f64>,
    error: f64,
) -> Problem {
    let mut random = Numbers(7);
    let responses = x.iter().map(|&x| {
        let sum: f64 = (0..12).map(|_| random.next()).sum();
        model(truth, &[x], None) + error * (sum - 6.0)
    });
    let responses = responses.collect();
    let mut problem = Problem {
        name: name.into(),
        model,
        starts: [truth.to_vec(), start.to_vec()],
        certified: Vec::new(),
        deviations: Vec::new(),
        sum_of_squares: 0.0,
        residual_deviation: 0.0,
        responses,
        predictors: x.into_iter().map(|x| vec![x]).collect(),
    };
    let (params, report) = fit(&problem, truth, &LeastSquaresOptions::default(), true);
    problem.certified = params;
    problem.deviations = report.standard_deviations().unwrap();
    problem.sum_of_squares = report.sum_of_squares;
    problem
}

/// Starts at which all exponentials vanish, and narrow valleys.
#[test]
fn far_starts_reach_the_minimum() {
    let problems = [
        made(
            "two exponentials",
            models::two_exponentials,
            &[0.375, 1.936, -1.465, 0.01287, 0.02212],
            &[50.0, 150.0, -100.0, 1.0, 2.0],
            (0..33).map(|i| 10.0 * f64::from(i)).collect(),
            1e-3,
        ),
        made(
            "magnetization",
            models::magnetization,
            &[-2523.5, 46.74, 0.9322],
            &[-2000.0, 50.0, 0.8],
            (0..154).map(|i| 7.4 + 0.05 * f64::from(i)).collect(),
            2e-3,
        ),
    ];
    let options = LeastSquaresOptions::default();
    for problem in &problems {
        for has_jacobian in [true, false] {
            let (params, report) = fit(problem, &problem.starts[1], &options, has_jacobian);
            assert!(digits(report.sum_of_squares, problem.sum_of_squares) > 10.0);
            let got = least_digits(&params, &problem.certified);
            assert!(got > 7.0, "{}: {got}", problem.name);
        }
    }
}
