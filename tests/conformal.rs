//! Coverage of conformal intervals and prediction sets by simulation, and CV+ by brute force.

use feedforward::Float;
use feedforward::conformal::{
    ClassConformal, CrossConformal, QuantileConformal, SetScore, SplitConformal,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

struct Simulation(ChaCha8Rng);

impl Simulation {
    fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    /// Returns an input x, and a target x + noise, whose size is 1/4 + x.
    fn row(&mut self) -> (f64, f64) {
        let (x, u) = (self.uniform(), self.uniform());
        let v = self.uniform();
        (x, x + (0.25 + x) * (u + v - 1.0))
    }

    fn rows(&mut self, count: usize) -> (Vec<f64>, Vec<f64>) {
        (0..count).map(|_| self.row()).unzip()
    }
}

/// Number of random splits, and of new rows in each.
const SPLITS: usize = 2000;
const NEW: usize = 20;

/// Returns the fraction of hits among the new rows of all splits. `split` returns a split's hits.
fn simulate(seed: u64, mut split: impl FnMut(&mut Simulation) -> usize) -> f64 {
    let mut simulation = Simulation(ChaCha8Rng::seed_from_u64(seed));
    let hits: usize = (0..SPLITS).map(|_| split(&mut simulation)).sum();
    hits as f64 / (SPLITS * NEW) as f64
}

/// Checks a coverage whose exact probability is known. One split's coverage has a beta
/// distribution, to which the new rows add binomial noise. Five deviations are less than half a
/// rank.
fn check_exact(coverage: f64, rank: usize, scores: usize, label: &str) {
    let n = (scores + 1) as f64;
    let p = rank as f64 / n;
    let variance = p * (1.0 - p) * (1.0 / (n + 1.0) + 1.0 / NEW as f64) / SPLITS as f64;
    let bound = 5.0 * variance.sqrt();
    assert!(
        bound < 0.5 / n,
        "{label}: {bound} does not tell ranks apart"
    );
    assert!(
        (coverage - p).abs() < bound,
        "{label}, {scores} scores: {coverage} instead of {p}"
    );
}

fn inside<T: Float>((lower, upper): &(Vec<T>, Vec<T>), targets: &[T]) -> usize {
    let rows = lower.iter().zip(upper).zip(targets);
    rows.filter(|((l, u), t)| l <= t && t <= u).count()
}

/// Numbers of scores, levels, and ranks ⌈(n + 1) · level⌉ by hand.
const CASES: [(usize, f64, usize); 5] = [
    (9, 0.8, 8),
    (9, 0.9, 9),
    (19, 0.9, 18),
    (20, 0.9, 19),
    (20, 0.5, 11),
];

#[test]
fn split_intervals_cover_as_many_as_they_promise() {
    fn check<T: Float>() {
        let convert = |x: &[f64]| x.iter().map(|&x| T::from_f64(x)).collect::<Vec<_>>();
        for (seed, (scores, level, rank)) in CASES.into_iter().enumerate() {
            let coverage = simulate(seed as u64, |simulation| {
                let (x, t) = simulation.rows(scores);
                let conformal = SplitConformal::new(&convert(&x), &convert(&t)).unwrap();
                let (x, t) = simulation.rows(NEW);
                let intervals = conformal.intervals(&convert(&x), level).unwrap();
                inside(&intervals, &convert(&t))
            });
            check_exact(coverage, rank, scores, "split");
            // Any positive deviations have the guarantee.
            let deviations = |x: &[f64]| convert(&x.iter().map(|x| 0.1 + x).collect::<Vec<_>>());
            let coverage = simulate(seed as u64, |simulation| {
                let (x, t) = simulation.rows(scores);
                let parts = (convert(&x), deviations(&x), convert(&t));
                let conformal = SplitConformal::normalized(&parts.0, &parts.1, &parts.2);
                let conformal = conformal.unwrap();
                let (x, t) = simulation.rows(NEW);
                let (y, deviations) = (convert(&x), deviations(&x));
                let intervals = conformal.normalized_intervals(&y, &deviations, level);
                inside(&intervals.unwrap(), &convert(&t))
            });
            check_exact(coverage, rank, scores, "normalized");
        }
    }
    check::<f32>();
    check::<f64>();
}

/// Quantiles of a bad model, which are too close and not in the middle.
fn quantiles(x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    x.iter().map(|x| (x - 0.2 - 0.1 * x, x + 0.05 * x)).unzip()
}

#[test]
fn conformal_quantiles_cover_as_many_as_they_promise() {
    for (seed, (scores, level, rank)) in CASES.into_iter().enumerate() {
        if level < 0.8 {
            continue; // An interval might become a point, which covers more.
        }
        let coverage = simulate(seed as u64, |simulation| {
            let (x, t) = simulation.rows(scores);
            let (l, u) = quantiles(&x);
            let conformal = QuantileConformal::new(&l, &u, &t).unwrap();
            let (x, t) = simulation.rows(NEW);
            let (l, u) = quantiles(&x);
            inside(&conformal.intervals(&l, &u, level).unwrap(), &t)
        });
        check_exact(coverage, rank, scores, "quantiles");
    }
    // Each side misses a twentieth and a fortieth: 38 of 39 scores and 19 of 19.
    for (scores, level, rank) in [(39, 0.9, 38), (19, 0.9, 19), (20, 0.9, 20), (20, 0.8, 19)] {
        for side in [0, 1] {
            let coverage = simulate(7, |simulation| {
                let (x, t) = simulation.rows(scores);
                let (l, u) = quantiles(&x);
                let conformal = QuantileConformal::asymmetric(&l, &u, &t).unwrap();
                let (x, t) = simulation.rows(NEW);
                let (l, u) = quantiles(&x);
                let ends = conformal.intervals(&l, &u, level).unwrap();
                let is_inside = |row: &usize| match side {
                    0 => ends.0[*row] <= t[*row],
                    _ => t[*row] <= ends.1[*row],
                };
                (0..NEW).filter(is_inside).count()
            });
            check_exact(coverage, rank, scores, "one side");
        }
    }
}

/// Trains a mean on the rows outside each fold. Row i is in fold i mod K.
fn means(targets: &[f64], folds: usize) -> Vec<f64> {
    let mean = |fold| {
        let rows = targets
            .iter()
            .enumerate()
            .filter(|(row, _)| row % folds != fold);
        let rows: Vec<f64> = rows.map(|(_, t)| *t).collect();
        rows.iter().sum::<f64>() / rows.len() as f64
    };
    (0..folds).map(mean).collect()
}

#[test]
fn cross_intervals_cover_about_the_level() {
    // Coverages that this simulation has. One rank makes a difference of about 1 / (n + 1).
    for (scores, folds, level, expected) in [
        (20, 5, 0.9, 0.909),
        (20, 20, 0.9, 0.909),
        (19, 19, 0.9, 0.907),
        (40, 4, 0.8, 0.813),
    ] {
        let mut minmax = 0;
        let plus = simulate(scores as u64, |simulation| {
            let (_, targets) = simulation.rows(scores);
            let models = means(&targets, folds);
            let fold: Vec<_> = (0..scores).map(|row| row % folds).collect();
            let predictions: Vec<_> = fold.iter().map(|&fold| models[fold]).collect();
            let conformal = CrossConformal::new(&predictions, &targets, &fold).unwrap();
            let (_, new) = simulation.rows(NEW);
            let predictions = models.repeat(NEW);
            let plus = conformal.intervals(&predictions, level).unwrap();
            let wide = conformal.minmax_intervals(&predictions, level).unwrap();
            for row in 0..NEW {
                assert!(wide.0[row] <= plus.0[row] && plus.1[row] <= wide.1[row]);
            }
            minmax += inside(&wide, &new);
            inside(&plus, &new)
        });
        let bound = 0.4 / (scores + 1) as f64;
        assert!((plus - expected).abs() < bound, "{scores}, {folds}: {plus}");
        let minmax = minmax as f64 / (SPLITS * NEW) as f64;
        assert!(minmax >= level - 0.005 && minmax >= plus, "{minmax}");
    }
}

/// Sorts all n sums, as the definition says.
fn brute_force<T: Float>(residuals: &[Vec<T>], row: &[T], level: (usize, usize)) -> [T; 2] {
    let sums = |sign: T| {
        let folds = residuals.iter().zip(row);
        let sums = folds.flat_map(|(list, &y)| list.iter().map(move |&r| y + sign * r));
        let mut sums: Vec<T> = sums.collect();
        sums.sort_by(|a, b| a.partial_cmp(b).unwrap());
        sums
    };
    let (below, above) = (sums(-T::one()), sums(T::one()));
    let n = above.len();
    let low = (n + 1) * (level.1 - level.0) / level.1;
    let high = ((n + 1) * level.0).div_ceil(level.1);
    let low = low.checked_sub(1).map_or(-T::infinity(), |low| below[low]);
    [low, above.get(high - 1).copied().unwrap_or(T::infinity())]
}

#[test]
fn cross_intervals_are_those_of_sorting_all_sums() {
    fn check<T: Float>() {
        let mut random = Simulation(ChaCha8Rng::seed_from_u64(1));
        for case in 0..400 {
            let folds = 1 + case % 7;
            // Coarse numbers make ties. Others have any size and sign.
            let mut number = |coarse: bool| {
                let x = random.uniform() * 8.0 - 4.0;
                let power = 10.0_f64.powi((random.uniform() * 60.0) as i32 - 30);
                T::from_f64(if coarse { x.round() } else { x * power })
            };
            let coarse = case % 3 == 0;
            let residuals: Vec<Vec<T>> = (0..folds)
                .map(|fold| {
                    (0..=(case * 7 + fold) % 9)
                        .map(|_| number(coarse).abs())
                        .collect()
                })
                .collect();
            let rows: Vec<T> = (0..3 * folds).map(|_| number(coarse)).collect();
            let conformal = CrossConformal::from_residuals(residuals.clone()).unwrap();
            for level in [(9, 10), (1, 2), (1, 20), (99, 100), (2, 3)] {
                let fraction = level.0 as f64 / level.1 as f64;
                let (lower, upper) = conformal.intervals(&rows, fraction).unwrap();
                for (row, predictions) in rows.chunks(folds).enumerate() {
                    let expected = brute_force(&residuals, predictions, level);
                    assert_eq!([lower[row], upper[row]], expected, "case {case}, {level:?}");
                }
                let (lower, upper) = conformal.minmax_intervals(&rows, fraction).unwrap();
                let flat = [residuals.concat()];
                let [_, margin] = brute_force(&flat, &[T::zero()], level);
                for (row, predictions) in rows.chunks(folds).enumerate() {
                    let first = predictions.iter().fold(T::infinity(), |a, &b| a.min(b));
                    let last = predictions.iter().fold(-T::infinity(), |a, &b| a.max(b));
                    assert_eq!((lower[row], upper[row]), (first - margin, last + margin));
                }
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

const CLASSES: usize = 6;

impl Simulation {
    /// Returns probabilities of a bad model, and a class. It is never the least probable one, whose
    /// sum of probabilities is always 1: ties would raise the coverage.
    fn classified(&mut self) -> ([f64; CLASSES], usize) {
        let powers = [(); CLASSES].map(|()| 1.0 + self.uniform());
        let total: f64 = powers.iter().sum();
        let mut order: Vec<usize> = (0..CLASSES).collect();
        order.sort_by(|&a, &b| powers[b].total_cmp(&powers[a]));
        let rank = (self.uniform() * self.uniform() * (CLASSES - 1) as f64) as usize;
        (powers.map(|p| p / total), order[rank])
    }

    /// Returns rows of this class.
    fn of_class(&mut self, class: usize, count: usize) -> Vec<f64> {
        let mut rows = Vec::new();
        while rows.len() < count * CLASSES {
            let (row, of_row) = self.classified();
            if of_row == class {
                rows.extend(row);
            }
        }
        rows
    }

    fn many_classified(&mut self, count: usize) -> (Vec<f64>, Vec<usize>) {
        let rows: Vec<_> = (0..count).map(|_| self.classified()).collect();
        let probabilities = rows.iter().flat_map(|(row, _)| *row).collect();
        (
            probabilities,
            rows.iter().map(|(_, class)| *class).collect(),
        )
    }
}

fn members(sets: &[bool], expected: &[usize]) -> usize {
    let rows = sets.chunks(CLASSES).zip(expected);
    rows.filter(|(set, class)| set[**class]).count()
}

#[test]
fn prediction_sets_contain_as_many_classes_as_they_promise() {
    for (seed, (scores, level, rank)) in CASES.into_iter().enumerate() {
        for score in [SetScore::Lac, SetScore::Aps] {
            if score == SetScore::Aps && level < 0.8 {
                continue; // The most probable class is in the set, even beyond the margin.
            }
            let mut sizes = 0;
            let coverage = simulate(seed as u64, |simulation| {
                let (p, classes) = simulation.many_classified(scores);
                let conformal = ClassConformal::new(score, &p, &classes, CLASSES).unwrap();
                let (p, classes) = simulation.many_classified(NEW);
                let sets = conformal.sets(&p, level).unwrap();
                sizes += sets.iter().filter(|is_member| **is_member).count();
                let is_empty = |set: &[bool]| !set.contains(&true);
                assert!(score == SetScore::Lac || !sets.chunks(CLASSES).any(is_empty));
                members(&sets, &classes)
            });
            check_exact(coverage, rank, scores, &format!("{score:?}"));
            assert!(sizes < SPLITS * NEW * CLASSES, "{score:?} excludes nothing");
        }
    }
}

#[test]
fn each_class_has_its_own_coverage() {
    // Rows of each class, and ranks for a level of 0.9. Only the first classes are measured.
    let (counts, ranks) = ([9, 19, 39, 2, 0, 1], [9, 18, 36]);
    for class in 0..ranks.len() {
        for score in [SetScore::Lac, SetScore::Aps] {
            let coverage = simulate(class as u64, |simulation| {
                let (mut p, mut classes) = (Vec::new(), Vec::new());
                for (class, count) in counts.into_iter().enumerate() {
                    p.extend(simulation.of_class(class, count));
                    classes.extend([class].repeat(count));
                }
                let conformal = ClassConformal::per_class(score, &p, &classes, CLASSES).unwrap();
                let lens = conformal.scores().iter().map(Vec::len);
                assert!(lens.eq(counts));
                let new = simulation.of_class(class, NEW);
                members(&conformal.sets(&new, 0.9).unwrap(), &[class; NEW])
            });
            check_exact(coverage, ranks[class], counts[class], &format!("{score:?}"));
        }
    }
    // A class without rows is always in the set.
    let p = [0.5, 0.5, 0.0, 0.5, 0.5, 0.0];
    let conformal = ClassConformal::per_class(SetScore::Lac, &p, &[0, 1], 3).unwrap();
    assert_eq!(
        conformal.sets(&[1.0, 0.0, 0.0], 0.5).unwrap(),
        [true, false, true]
    );
}
