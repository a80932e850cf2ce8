//! Sets of classes of models of tables.

#![cfg(all(feature = "tabular", feature = "safetensors"))]

use feedforward::Error;
use feedforward::conformal::{ClassConformal, SetScore};
use feedforward::folds::{KFold, Splitter};
use feedforward::tabular::{Calibration, Table, Tabular, TabularModel};

#[path = "common/numbers.rs"]
mod numbers;
use numbers::Numbers;

/// Returns rows of three classes, of which the last is rare.
fn table(rows: usize, seed: u64) -> Table<'static> {
    let mut numbers = Numbers(seed);
    let mut columns = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let x = numbers.next();
        let chance = [x, numbers.next()][usize::from(numbers.next() < 0.4)];
        columns.0.push(x);
        columns.1.push(match chance {
            0.0..0.5 => 0.0,
            0.5..0.88 => 1.0,
            _ => 2.0,
        });
    }
    let table = Table::new().with("x", columns.0).unwrap();
    table.with("class", columns.1).unwrap()
}

fn recipe<'t>(table: &'t Table<'_>) -> Tabular<'t> {
    let recipe = Tabular::classifier(table, "class").epochs(20);
    recipe.hidden(&[16]).batch_size(32)
}

fn expected(table: &Table<'_>) -> Vec<usize> {
    let column = table.column("class").unwrap().as_numbers().unwrap();
    column.iter().map(|&class| class as usize).collect()
}

/// Returns the sets for both rules, of all classes together and of each.
fn all(model: &TabularModel, table: &Table<'_>, level: f64) -> [Vec<bool>; 4] {
    let [lac, aps] = [SetScore::Lac, SetScore::Aps];
    [
        model.predict_set(table, level, lac),
        model.predict_set(table, level, aps),
        model.predict_set_per_class(table, level, lac),
        model.predict_set_per_class(table, level, aps),
    ]
    .map(Result::unwrap)
}

#[test]
fn a_single_network_makes_the_sets_of_split_conformal_prediction() {
    let (training, new) = (table(300, 1), table(100, 2));
    let recipe = recipe(&training).folds(1);
    let calibrated = recipe.clone().fit().unwrap();
    let model = recipe.calibration(Calibration::None).fit().unwrap();
    let rows = model.out_of_fold().chunks(3).zip(expected(&training));
    let rows: Vec<_> = rows.filter(|(p, _)| !p[0].is_nan()).collect();
    assert_eq!(rows.len(), 60);
    let held_out: Vec<f64> = rows.iter().flat_map(|(p, _)| p.to_vec()).collect();
    let classes: Vec<usize> = rows.iter().map(|(_, class)| *class).collect();
    let p = model.predict_probability(&new).unwrap();
    for level in [0.3, 0.6, 0.8, 0.95] {
        let by_hand = [SetScore::Lac, SetScore::Aps].map(|score| {
            let pooled = ClassConformal::new(score, &held_out, &classes, 3).unwrap();
            let each = ClassConformal::per_class(score, &held_out, &classes, 3).unwrap();
            [pooled, each].map(|conformal| conformal.sets(&p, level).unwrap())
        });
        let [[lac, lac_each], [aps, aps_each]] = by_hand;
        let sets = all(&model, &new, level);
        assert_eq!(sets, [lac, aps, lac_each, aps_each]);
        assert_eq!(all(&calibrated, &new, level), sets);
        let count = |set: &Vec<bool>| set.iter().filter(|&&is_in| is_in).count();
        assert!(sets.iter().all(|set| (10..300).contains(&count(set))));
    }
}

/// Counts of smaller scores, by each network for the rows that it did not learn.
#[test]
fn several_networks_compare_scores_within_their_folds() {
    let (training, new) = (table(150, 3), table(60, 4));
    let folds = KFold::new(150, 3).unwrap().shuffled(1);
    let recipe = recipe(&training).splitter(folds.clone());
    let model = recipe.calibration(Calibration::None).fit().unwrap();
    let classes = expected(&training);
    let rows: Vec<usize> = (0..new.rows()).collect();
    let networks = model.columns().zip(model.networks());
    let of_networks = networks.map(|(columns, net)| {
        let z = net.predict(&columns.encode(&new, &rows).unwrap()).unwrap();
        let p = z.chunks(3).flat_map(|z| {
            let powers: Vec<f64> = z.iter().map(|&z| f64::from(z).exp()).collect();
            let total: f64 = powers.iter().sum();
            powers.into_iter().map(move |power| power / total)
        });
        p.collect::<Vec<_>>()
    });
    let of_networks: Vec<_> = of_networks.collect();
    for level in [0.5, 0.7, 0.9] {
        let [lac, _, each, aps_each] = all(&model, &new, level);
        for row in 0..new.rows() {
            for class in 0..3 {
                let (mut smaller, mut of_class, mut members) = (0, 0, 0);
                for (fold, p) in folds.folds().unwrap().iter().zip(&of_networks) {
                    for &other in &fold.held_out {
                        let own = model.out_of_fold()[3 * other + classes[other]];
                        let is_smaller = 1.0 - own < 1.0 - p[3 * row + class];
                        smaller += usize::from(is_smaller);
                        let is_class = classes[other] == class;
                        of_class += usize::from(is_smaller && is_class);
                        members += usize::from(is_class);
                    }
                }
                let is_in = |smaller: usize, n: usize| (smaller as f64) < (n + 1) as f64 * level;
                assert_eq!(lac[3 * row + class], is_in(smaller, 150));
                assert_eq!(each[3 * row + class], is_in(of_class, members));
            }
            assert!(aps_each[3 * row..][..3].contains(&true));
        }
    }
}

#[test]
fn a_file_keeps_sets() {
    let (training, new) = (table(200, 5), table(80, 6));
    for folds in [1, 4] {
        let model = recipe(&training).folds(folds).fit().unwrap();
        let again = TabularModel::from_bytes(&model.to_bytes().unwrap()).unwrap();
        for level in [0.2, 0.5, 0.9] {
            assert_eq!(all(&again, &new, level), all(&model, &new, level));
        }
        // Too few rows for the level.
        assert!(all(&again, &new, 0.999).concat().iter().all(|is_in| *is_in));
    }
}

#[test]
fn wrong_levels_and_models_are_errors() {
    let training = table(60, 8);
    let model = recipe(&training).folds(2).fit().unwrap();
    for level in [0.0, 1.0, -0.5, 90.0, f64::NAN] {
        let error = model.predict_set(&training, level, SetScore::Lac);
        let error = error.unwrap_err();
        let is_right = matches!(error, Error::InvalidSetting { what: "level", .. });
        assert!(is_right, "{error}");
    }
    let none = training.select(&[]).unwrap();
    assert_eq!(all(&model, &none, 0.9).concat(), Vec::<bool>::new());
    let regressor = Tabular::regressor(&training, "class").folds(2).epochs(2);
    let regressor = regressor.hidden(&[4]).fit().unwrap();
    let error = regressor.predict_set(&training, 0.9, SetScore::Lac);
    assert!(matches!(error, Err(Error::Incompatible { .. })));
}
