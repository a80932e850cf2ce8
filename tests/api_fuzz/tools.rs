//! Independent functions: matrix products, metrics, minibatches, schedules and the minimizer.

use std::ops::ControlFlow::{Break, Continue};

use feedforward::folds::{
    GroupKFold, KFold, ShuffleSplit, Split, Splitter, StratifiedKFold, TimeSeriesSplit, select,
};
use feedforward::gemm::{MatMut, MatRef, multiply, multiply_add};
use feedforward::metrics::{
    ConfusionMatrix, accuracy, average_precision, brier_score, expected_calibration_error,
    gaussian_crps, interval_score, log_loss, mean_absolute_error, mean_absolute_percentage_error,
    mean_squared_error, pinball_loss, psnr, r2, roc_auc, roc_curve, root_mean_squared_error,
};
use feedforward::schedule::{Progress, Schedule};
use feedforward::train::{Batches, LbfgsOptions, minimize_with};
use feedforward::{Error, Position};

use crate::case::{Case, Number, bits, finite, seen};
use crate::data::{length, values};
use crate::pieces;

/// Compares products of matrices with any strides with three plain loops.
pub fn product<T: Number>(case: &mut Case) {
    let random = &mut case.random;
    let mut side = || {
        let usual = [random.between(1, 4), random.between(1, 40)];
        random.count(&usual)
    };
    let (rows, depth, cols) = (side(), side(), side());
    let mut stride = |usual: usize| random.count(&[usual, usual, usual.saturating_add(1), 1]);
    let strides = [
        stride(depth),
        stride(1),
        stride(cols),
        stride(1),
        stride(cols),
    ];
    let extent = |rows: usize, cols: usize, row: usize, col: usize| {
        let down = rows.saturating_sub(1).saturating_mul(row);
        let last = down.saturating_add(cols.saturating_sub(1).saturating_mul(col));
        last.saturating_add(1).min(5000)
    };
    let lengths = [
        length(random, extent(rows, depth, strides[0], strides[1])),
        length(random, extent(depth, cols, strides[2], strides[3])),
        length(random, extent(rows, cols, strides[4], 1)),
    ];
    let whole = |random: &mut crate::random::Random, len| -> Vec<T> {
        (0..len)
            .map(|_| T::from_f64(random.below(9) as f64 - 4.0))
            .collect()
    };
    let [a, b, mut c] = lengths.map(|len| whole(random, len));
    say!(
        case,
        "A {rows} x {depth}, B {depth} x {cols}, strides {strides:?}, lengths {lengths:?}: multiply, multiply_add"
    );
    let a_view = seen(MatRef::with_strides(
        &a, rows, depth, strides[0], strides[1],
    ));
    let b_view = seen(MatRef::with_strides(
        &b, depth, cols, strides[2], strides[3],
    ));
    let (Some(a_view), Some(b_view)) = (a_view, b_view) else {
        return;
    };
    let flipped = a_view.transposed().transposed();
    assert_eq!((flipped.rows(), flipped.cols()), (rows, depth));
    let adds = case.random.percent(50);
    let before = c.clone();
    let Some(c_view) = seen(MatMut::with_stride(&mut c, rows, cols, strides[4])) else {
        return;
    };
    let done = if adds {
        multiply_add(a_view, b_view, c_view)
    } else {
        multiply(flipped, b_view, c_view)
    };
    if seen(done).is_none() || rows.max(cols).max(depth) > 100 {
        return;
    }
    for row in 0..rows {
        for col in 0..cols {
            let at = row * strides[4] + col;
            let terms = (0..depth).map(|k| {
                let a = a[row * strides[0] + k * strides[1]];
                a * b[k * strides[2] + col * strides[3]]
            });
            let sum: T = terms.sum();
            let start = if adds { before[at] } else { T::zero() };
            assert_eq!(c[at], start + sum, "row {row}, column {col}");
        }
    }
}

pub fn metrics<T: Number>(case: &mut Case) {
    let random = &mut case.random;
    let width = random.count(&[1, 2, 3]);
    let rows = random.below(5);
    let [outputs, targets] = [0, 1].map(|_| {
        let len = length(random, rows * width.min(9));
        values::<T>(random, len)
    });
    let peak = random.setting(&[1.0, 255.0]);
    let expected: Vec<_> = (0..length(random, rows))
        .map(|_| random.count(&[0, 1]))
        .collect();
    let score = pieces::score::<T>(case);
    say!(
        case,
        "metrics of {outputs:?}, {targets:?}, width {width}, peak {peak:e}, {expected:?}"
    );
    for metric in [
        mean_absolute_error(&outputs, &targets, width),
        mean_squared_error(&outputs, &targets, width),
        root_mean_squared_error(&outputs, &targets, width),
        pinball_loss(&outputs, &targets, width, 0.9),
        r2(&outputs, &targets, width),
    ] {
        let small = |values: &[T]| values.iter().all(|x| x.abs() < T::from_f64(1e9));
        if let Some(value) = seen(metric) {
            assert!(!value.is_nan() || !small(&outputs) || !small(&targets));
        }
    }
    seen(psnr(&outputs, &targets, peak));
    seen(log_loss(&outputs, &expected, width));
    seen(brier_score(&outputs, &expected, width));
    seen(expected_calibration_error(
        &outputs, &expected, width, width,
    ));
    let yes: Vec<bool> = expected.iter().map(|&class| class == 1).collect();
    seen(roc_auc(&outputs, &yes));
    seen(average_precision(&outputs, &yes));
    seen(roc_curve(&outputs, &yes));
    seen(mean_absolute_percentage_error(&outputs, &targets, width));
    seen(interval_score(&outputs, &targets, &outputs, 0.9));
    seen(gaussian_crps(&outputs, &targets, &outputs));
    let classes: Vec<usize> = targets
        .iter()
        .map(|t| usize::from(*t > T::zero()))
        .collect();
    seen(accuracy(&expected, &classes));
    if let Some(matrix) = seen(ConfusionMatrix::new(&classes, &expected)) {
        let text = matrix.to_string();
        assert!(!text.is_empty() && (0.0..=1.0).contains(&matrix.accuracy()));
        let _ = (
            matrix.per_class(),
            matrix.macro_mean(),
            matrix.weighted_mean(),
            matrix.balanced_accuracy(),
            matrix.matthews_correlation(),
        );
        matrix.count(&0, &usize::MAX);
    }
    score.score(&outputs, &targets, width, None);
    score.score(&outputs, &targets, width, Some(&targets));
}

/// Checks that an epoch contains each row once.
pub fn batches(case: &mut Case) {
    let random = &mut case.random;
    let (rows, size) = (random.count(&[1, 5, 12]), random.count(&[1, 2, 5]));
    let epoch = random.count(&[0, 1]);
    say!(case, "Batches::new({rows}, {size}).epoch({epoch})");
    let Some(mut batches) = seen(Batches::new(rows, size)) else {
        return;
    };
    if random.percent(50) {
        batches = batches.shuffled(random.next());
    }
    assert_eq!(batches.epoch(epoch).count(), batches.count());
    let mut all: Vec<usize> = batches.epoch(epoch).flatten().copied().collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..rows));
}

/// Checks that a split puts each row on exactly one side.
pub fn split(case: &mut Case) {
    let random = &mut case.random;
    let (rows, fraction) = (random.count(&[4, 10, 30]), random.setting(&[0.2, 0.5]));
    let seed = random.next();
    let classes: Vec<usize> = (0..rows.min(30))
        .map(|_| random.count(&[0, 1, 2]))
        .collect();
    say!(
        case,
        "Split::new({rows}, {fraction:e}, {seed}), stratified({classes:?}, ..)"
    );
    let splits = [
        (rows, Split::new(rows, fraction, seed)),
        (classes.len(), Split::stratified(&classes, fraction, seed)),
    ];
    for (rows, split) in splits {
        if let Some(split) = seen(split) {
            let mut all = [split.training, split.held_out].concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..rows));
        }
    }
}

/// Checks that folds hold out each row once, or that both sides are apart.
pub fn folds(case: &mut Case) {
    let random = &mut case.random;
    let (rows, folds) = (random.count(&[4, 10, 30]), random.count(&[2, 3, 5]));
    let (fraction, seed) = (random.setting(&[0.2, 0.5]), random.next());
    let [gap, held_out, most] = [0, 1, 2].map(|_| random.count(&[0, 1, 3]));
    let labels: Vec<usize> = (0..rows.min(30))
        .map(|_| random.count(&[0, 1, 2]))
        .collect();
    let numbers: Vec<f64> = values(random, labels.len());
    say!(
        case,
        "{folds} folds of {rows} rows, labels {labels:?}, numbers {numbers:?}, seed {seed}, \
         fraction {fraction:e}, gap {gap}, held out {held_out}, at most {most}"
    );
    let shuffles = case.random.percent(50);
    let mut all: Vec<(bool, Box<dyn Splitter>)> = Vec::new();
    if let Some(splitter) = seen(KFold::new(rows, folds)) {
        let splitter = if shuffles {
            splitter.shuffled(seed)
        } else {
            splitter
        };
        all.push((true, Box::new(splitter)));
    }
    let by_quantile = StratifiedKFold::by_quantile(&numbers, held_out, folds);
    for splitter in [StratifiedKFold::new(&labels, folds), by_quantile] {
        if let Some(splitter) = seen(splitter) {
            let splitter = if shuffles {
                splitter.shuffled(seed)
            } else {
                splitter
            };
            all.push((true, Box::new(splitter)));
        }
    }
    if let Some(splitter) = seen(GroupKFold::new(&labels, folds)) {
        let splitter = if shuffles {
            splitter.shuffled(seed)
        } else {
            splitter
        };
        all.push((true, Box::new(splitter)));
    }
    if let Some(splitter) = seen(TimeSeriesSplit::new(rows, folds)) {
        let splitter = splitter.gap(gap).held_out(held_out).max_training(most);
        all.push((false, Box::new(splitter)));
    }
    if let Some(splitter) = seen(ShuffleSplit::new(rows, folds, fraction, seed)) {
        all.push((false, Box::new(splitter)));
    }
    for (is_partition, splitter) in all {
        assert!(splitter.fold(splitter.count()).is_err());
        if splitter.rows() > 1000 || splitter.count() > 100 {
            continue;
        }
        let Some(folds) = seen(splitter.folds()) else {
            continue;
        };
        let mut held_out: Vec<usize> = Vec::new();
        for split in folds {
            assert!(!split.training.is_empty() && !split.held_out.is_empty());
            assert!(
                split
                    .training
                    .iter()
                    .all(|row| !split.held_out.contains(row))
            );
            held_out.extend(split.held_out);
        }
        held_out.sort_unstable();
        assert!(!is_partition || held_out.into_iter().eq(0..splitter.rows()));
    }
    seen(select(&numbers, gap, &[rows, folds]));
}

/// Checks that a schedule returns valid learning rates.
pub fn schedule(case: &mut Case) {
    let schedule = pieces::schedule(case);
    if seen(schedule.check()).is_none() {
        return;
    }
    let random = &mut case.random;
    let mut progress = Progress::default();
    progress.step = random.count(&[0, 3, 10]) as u64;
    progress.epoch = random.count(&[0, 1, 9]);
    progress.samples = random.count(&[0, 100]) as u64;
    progress.samples_before_epoch = random.count(&[0, 50]) as u64;
    progress.total_steps = random.count(&[10, 100]) as u64;
    say!(case, "{schedule:?}.rate(0.01, &{progress:?})");
    let rate = schedule.rate(0.01, &progress);
    assert!(!rate.is_nan() && rate >= 0.0, "a rate of {rate}");
}

/// Runs the minimizer on functions, some of which are ill-behaved.
pub fn minimizer<T: Number>(case: &mut Case) {
    let random = &mut case.random;
    let options = LbfgsOptions {
        iterations: random.count(&[1, 5, 20]),
        evaluations: random.count(&[1, 10, 50]),
        history_size: random.count(&[1, 5]),
        gradient_tolerance: random.setting(&[1e-6, 0.0]),
        loss_tolerance: random.setting(&[1e-9, 0.0]),
    };
    let count = random.count(&[1, 2, 5]).min(9);
    let mut params: Vec<T> = values(random, count);
    let kind = random.below(8);
    say!(
        case,
        "minimize({options:?}, {params:?}, function {kind}, at most 30 iterations)"
    );
    let objective = |x: &[T], gradient: &mut [T]| {
        // Some functions are undefined near 0.
        let is_outside = x.first().is_some_and(|x| x.abs() < T::from_f64(0.1));
        for (g, &x) in gradient.iter_mut().zip(x) {
            *g = match kind {
                0 => T::zero(),
                1 => T::one(),
                2 if is_outside => T::nan(),
                3 => x * x * x,
                4 => T::from_f64(1e30) * x,
                _ => x + x,
            };
        }
        let square = |x: &T| x.as_f64() * x.as_f64();
        match kind {
            5 if is_outside => Ok(f64::NAN),
            6 if is_outside => Err(Error::NotFinite {
                what: "function",
                at: Position::Index(0),
                value: f64::NAN,
            }),
            7 if is_outside => Err(Error::Empty { what: "luck" }),
            1 => Ok(x.iter().map(|x| x.as_f64()).sum()),
            _ => Ok(x.iter().map(square).sum()),
        }
    };
    let good = finite(&params);
    let before = bits(&params);
    let mut left = 30;
    let report = minimize_with(&options, &mut params, objective, |_, _| {
        left -= 1;
        if left == 0 { Break(()) } else { Continue(()) }
    });
    assert!(!good || finite(&params), "{params:?}");
    match report {
        Ok(report) => assert!(report.loss.is_finite()),
        Err(error) => {
            let early = matches!(error, Error::InvalidSetting { .. });
            assert!(!early || bits(&params) == before);
            seen(Err::<(), _>(error));
        }
    }
}
