//! Coverage of intervals and sets over random splits of real tables.
//!
//! With n calibration rows, the number of m new rows that are covered has a beta-binomial
//! distribution, for any model and any table. Only the order of rows must be random.

#![cfg(all(feature = "tabular", feature = "csv"))]

use feedforward::conformal::SetScore;
use feedforward::folds::{ShuffleSplit, Split};
use feedforward::tabular::{CsvReader, Preset, Table, Tabular, TabularModel};

const SPLITS: u64 = 200;

/// Number of deviations between a mean of 200 splits and its expectation, which one of a thousand
/// tests exceeds.
const BOUND: f64 = 3.3;

fn open(name: &str) -> Table<'static> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/data/");
    let reader = CsvReader::new();
    reader.open(format!("{folder}{name}.csv")).unwrap()
}

/// Returns rows for a model, and new rows.
fn halves(table: &Table<'_>, seed: u64) -> [Table<'static>; 2] {
    let split = Split::new(table.rows(), 0.4, seed).unwrap();
    let [training, new] = [&split.training, &split.held_out];
    [training, new].map(|rows| table.select(rows).unwrap())
}

fn small(recipe: Tabular<'_>, seed: u64) -> TabularModel {
    let recipe = recipe.preset(Preset::Simple).epochs(5).hidden(&[8]);
    let recipe = recipe.batch_size(32).last_epoch();
    // Other shuffles than those of the halves.
    recipe.seed(seed + 10_000).fit().unwrap()
}

fn numbers(table: &Table<'_>, name: &str) -> Vec<f64> {
    table.column(name).unwrap().as_numbers().unwrap().to_vec()
}

/// Covered rows of all splits.
#[derive(Default)]
struct Covered {
    rows: f64,
    count: f64,
    expected: f64,
    variance: f64,
}

impl Covered {
    /// Adds a split with n calibration rows, whose margin has this rank.
    fn add(&mut self, covered: impl Iterator<Item = bool>, n: usize, level: f64) {
        let mut m = 0.0;
        for is_covered in covered {
            m += 1.0;
            self.count += f64::from(u8::from(is_covered));
        }
        // Of the level's decimals, which are exact.
        let rank = ((n + 1) * (level * 100.0).round() as usize).div_ceil(100);
        let (a, b) = (rank as f64, (n + 1) as f64 - rank as f64);
        self.rows += m;
        self.expected += m * a / (a + b);
        self.variance += m * a * b * (a + b + m) / ((a + b) * (a + b) * (a + b + 1.0));
    }

    /// Returns the number of deviations above the expectation.
    fn deviations(&self) -> f64 {
        (self.count - self.expected) / self.variance.sqrt()
    }

    fn print(&self, what: &str) {
        let [count, expected] = [self.count, self.expected].map(|count| count / self.rows);
        let deviations = self.deviations();
        println!("{what}: {count:.4}, expected {expected:.4}, {deviations:+.1} deviations");
    }
}

#[test]
fn intervals_cover_their_level() {
    let table = open("diabetes");
    let [mut single, mut several] = [(); 2].map(|()| Covered::default());
    for seed in 0..SPLITS {
        let [training, new] = halves(&table, seed);
        let y = numbers(&new, "y");
        for (folds, covered) in [(1, &mut single), (5, &mut several)] {
            let model = small(Tabular::regressor(&training, "y").folds(folds), seed);
            let (lower, upper) = model.predict_interval(&new, 0.9).unwrap();
            let ends = lower.iter().zip(&upper).zip(&y);
            let inside = ends.map(|((low, high), y)| (low..=high).contains(&y));
            let n = model.out_of_fold().iter().filter(|y| !y.is_nan());
            covered.add(inside, n.count(), 0.9);
        }
    }
    single.print("one network");
    several.print("five networks");
    assert!(single.deviations().abs() < BOUND);
    // Five networks cover a little more, since their mean is better than each.
    assert!(several.deviations() > -BOUND && several.count < 0.95 * several.rows);
}

#[test]
fn sets_cover_their_level_in_each_class() {
    let table = open("breast_cancer");
    let all = [SetScore::Lac, SetScore::Aps];
    let [mut pooled, mut per_class, mut several] =
        [(); 3].map(|()| [(); 2].map(|()| Covered::default()));
    for seed in 0..SPLITS {
        let [training, new] = halves(&table, seed);
        let of = |table: &Table<'_>| -> Vec<usize> {
            let y = numbers(table, "y").into_iter();
            y.map(|y| y as usize).collect()
        };
        let [expected, learned] = [&new, &training].map(of);
        let recipe = || Tabular::classifier(&training, "y");
        let is_in = |set: &[bool], row: usize| set[2 * row + expected[row]];

        // Folds that are not stratified, for exchangeable rows.
        let splitter = ShuffleSplit::new(training.rows(), 1, 0.2, seed + 10_000).unwrap();
        let model = small(recipe().splitter(splitter), seed);
        let n = model.out_of_fold().iter().filter(|p| !p.is_nan()).count() / 2;
        for (score, covered) in all.into_iter().zip(&mut pooled) {
            let set = model.predict_set(&new, 0.9, score).unwrap();
            covered.add((0..new.rows()).map(|row| is_in(&set, row)), n, 0.9);
        }

        let model = small(recipe().folds(1), seed);
        let held_out = (0..training.rows()).filter(|&row| !model.out_of_fold()[2 * row].is_nan());
        let held_out: Vec<usize> = held_out.map(|row| learned[row]).collect();
        let set = model.predict_set_per_class(&new, 0.9, SetScore::Lac);
        let set = set.unwrap();
        for (class, covered) in per_class.iter_mut().enumerate() {
            let n = held_out.iter().filter(|&&other| other == class).count();
            let rows = (0..new.rows()).filter(|&row| expected[row] == class);
            covered.add(rows.map(|row| is_in(&set, row)), n, 0.9);
        }

        let model = small(recipe().folds(5), seed);
        let set = model.predict_set_per_class(&new, 0.9, SetScore::Lac);
        let set = set.unwrap();
        for (class, covered) in several.iter_mut().enumerate() {
            let n = learned.iter().filter(|&&other| other == class).count();
            let rows = (0..new.rows()).filter(|&row| expected[row] == class);
            covered.add(rows.map(|row| is_in(&set, row)), n, 0.9);
        }
    }
    for (score, covered) in all.into_iter().zip(&pooled) {
        covered.print(&format!("one network, {score:?}"));
    }
    for class in 0..2 {
        per_class[class].print(&format!("one network, class {class}"));
        several[class].print(&format!("five networks, class {class}"));
    }
    let [lac, aps] = &pooled;
    assert!(lac.deviations().abs() < BOUND);
    // Each set has a class, although another one may have the margin.
    assert!(aps.deviations() > -BOUND);
    for class in 0..2 {
        assert!(per_class[class].deviations().abs() < BOUND);
        let several = &several[class];
        assert!(several.deviations() > -BOUND && several.count < 0.94 * several.rows);
    }
}
