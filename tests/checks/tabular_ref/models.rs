//! Homes and points, and small models of them.

use feedforward::Error;
use feedforward::search::Space;
use feedforward::tabular::{
    Calibration, Column, ColumnSettings, Preset, Scaling, SearchSettings, Table, Tabular,
    TabularModel, Waves,
};

/// A row with cells of every kind.
#[derive(Clone, Copy, Default)]
pub struct Home {
    pub area: Option<f64>,
    pub kind: Option<&'static str>,
    pub garden: Option<bool>,
    pub state: Option<&'static str>,
    pub street: Option<&'static str>,
    pub heating: Option<&'static str>,
    pub income: Option<f64>,
    pub second: Option<f64>,
    pub size: Option<f64>,
    pub bins: Option<f64>,
    pub raw: Option<f64>,
}

/// Returns a number in [0, 1) that depends on the arguments only.
fn noise(row: usize, column: usize) -> f64 {
    let mixed = (row * 7919 + column * 104_729).wrapping_mul(2_654_435_761) >> 7;
    (mixed % 10_007) as f64 / 10_007.0
}

fn pick<T: Copy>(row: usize, column: usize, of: &[T]) -> T {
    of[(noise(row, column) * of.len() as f64) as usize]
}

const STATES: [&str; 3] = ["poor", "fair", "good"];

/// Returns homes with gaps, of which some streets are rare.
fn homes(rows: usize) -> Vec<Home> {
    let streets = [
        "Elm", "Oak", "Ash", "Fir", "Yew", "Box", "Elm", "Oak", "Ash", "Fir",
    ];
    let home = |row| {
        let number =
            |column, scale| (noise(row, column + 20) > 0.1).then(|| scale * noise(row, column));
        let gap = noise(row, 30) < 0.1;
        Home {
            area: number(0, 100.0),
            kind: (!gap).then(|| pick(row, 1, &["flat", "house", "\"loft\"\n"])),
            garden: (row % 7 > 0).then(|| noise(row, 2) < 0.4),
            state: (row % 9 > 0).then(|| pick(row, 3, &STATES)),
            street: (row % 8 > 0).then(|| pick(row, 4, &streets)),
            heating: (row % 6 > 0).then(|| pick(row, 10, &["gas", "oil"])),
            income: number(5, 1e5),
            second: number(6, 3.0),
            size: number(7, -1e-3),
            bins: number(8, 5.0),
            raw: number(9, 2.0),
        }
    };
    (0..rows).map(home).collect()
}

/// Returns new homes, some of which have unseen words, and numbers of any size.
pub fn new_homes() -> Vec<Home> {
    let mut all = homes(40);
    all.push(Home::default());
    for (size, word) in [(1e30, "none"), (-1e30, "flat"), (1e-300, "ELM"), (-0.0, "")] {
        all.push(Home {
            area: Some(size),
            kind: Some(word),
            street: Some(word),
            heating: Some(word),
            income: Some(size),
            second: Some(size),
            size: Some(size),
            bins: Some(size),
            raw: Some(size),
            ..all[5]
        });
    }
    all
}

/// Names of columns that are no names of fields.
const AREA: &str = "Floor area (m²)";
const RAW: &str = "\"raw`\u{202e}\n";

pub fn table(homes: &[Home]) -> Result<Table<'static>, Error> {
    let all = homes.iter();
    Table::new()
        .with(AREA, Column::numbers(all.clone().map(|home| home.area)))?
        .with("type", Column::words(all.clone().map(|home| home.kind)))?
        .with(
            "garden",
            Column::booleans(all.clone().map(|home| home.garden)),
        )?
        .with(
            "state",
            Column::levels(all.clone().map(|home| home.state), STATES)?,
        )?
        .with("street", Column::words(all.clone().map(|home| home.street)))?
        .with(
            "heating",
            Column::words(all.clone().map(|home| home.heating)),
        )?
        .with(
            "MedInc",
            Column::numbers(all.clone().map(|home| home.income)),
        )?
        .with("2nd", Column::numbers(all.clone().map(|home| home.second)))?
        .with("größe", Column::numbers(all.clone().map(|home| home.size)))?
        .with("gr e", Column::numbers(all.clone().map(|home| home.bins)))?
        .with(RAW, Column::numbers(all.map(|home| home.raw)))
}

const ROWS: usize = 120;

/// Returns homes and targets of every kind.
fn with_targets() -> Table<'static> {
    let homes = homes(ROWS);
    let price = |home: &Home| {
        let is_house = home.kind == Some("house");
        2.0 + home.area.unwrap_or(50.0) / 40.0 + if is_house { 2.0 } else { 0.0 }
    };
    let prices: Vec<f64> = homes.iter().map(price).collect();
    let class = |price: &f64| ["cheap", "fair", "dear"][(*price / 2.5) as usize];
    let all = prices.iter();
    let targets = || {
        table(&homes)?
            .with("price", Column::numbers(all.clone()))?
            .with("half", Column::numbers(all.clone().map(|y| y / 2.0 - 9.0)))?
            .with("class", Column::words(all.clone().map(class)))?
            .with("is_dear", Column::booleans(all.clone().map(|&y| y > 4.0)))?
            .with("is_fair", Column::booleans(all.clone().map(|&y| y > 3.0)))
    };
    targets().unwrap()
}

const TARGETS: [&str; 5] = ["price", "half", "class", "is_dear", "is_fair"];

/// Trains a small model of homes. Columns have every scaling, and streets have learned vectors.
fn trained(tabular: Tabular<'_>, targets: &[&str]) -> TabularModel {
    let scalings = [
        ("MedInc", Scaling::Log),
        ("2nd", Scaling::MinMax),
        ("größe", Scaling::Standard),
        ("gr e", Scaling::Piecewise(3)),
        (RAW, Scaling::None),
    ];
    let settings = ColumnSettings {
        scalings: scalings.map(|(name, s)| (name.into(), s)).into(),
        one_hot: 3,
        width: 2,
        min_count: 8,
        waves: Waves::Off,
        ..ColumnSettings::default()
    };
    let ignored = TARGETS.iter().filter(|name| !targets.contains(name));
    let tabular = tabular.ignore(ignored.copied()).columns(settings);
    small(tabular)
}

pub fn small(tabular: Tabular<'_>) -> TabularModel {
    tabular.epochs(3).hidden(&[3]).fit().unwrap()
}

pub fn number_model() -> TabularModel {
    let table = with_targets();
    let regressor = Tabular::regressor_of(&table, ["price", "half"]).folds(2);
    trained(regressor, &["price", "half"])
}

pub fn class_model() -> TabularModel {
    let table = with_targets();
    trained(Tabular::classifier(&table, "class").folds(1), &["class"])
}

pub fn label_model() -> TabularModel {
    let table = with_targets();
    let targets = ["is_dear", "is_fair"];
    trained(Tabular::labels(&table, targets).folds(1), &targets)
}

/// Returns numbers alone, which have waves.
pub fn points(rows: usize) -> Table<'static> {
    let numbers = |column| Column::numbers((0..rows).map(move |row| noise(row, column)));
    let side = (0..rows).map(|row| {
        if noise(row, 0) > noise(row, 1) {
            "left"
        } else {
            "right"
        }
    });
    let count = (0..rows).map(|row| (4.0 * noise(row, 0) + noise(row, 2)).round());
    let columns = || {
        Table::new()
            .with("x", numbers(0))?
            .with("y", numbers(1))?
            .with(
                "years",
                Column::numbers((0..rows).map(|row| 0.5 + noise(row, 2))),
            )?
            .with("side", Column::words(side))?
            .with("count", Column::numbers(count))
    };
    columns().unwrap()
}

pub fn count_model() -> TabularModel {
    let table = points(60);
    let counts = Tabular::counts(&table, "count").exposure("years");
    small(counts.ignore(["side"]).folds(1))
}

/// Searches networks, which have different weights in the mean.
pub fn logarithm_model() -> TabularModel {
    let table = points(60);
    let years = Tabular::regressor(&table, "years").logarithm().folds(1);
    let years = years
        .ignore(["side", "y"])
        .preset(Preset::Simple)
        .epochs(20)
        .hidden(&[3]);
    let settings = SearchSettings {
        trials: 10,
        space: Some(Space::new().uniform("learning_rate", 0.02, 0.1).unwrap()),
        factor: 1.0,
        ..SearchSettings::default()
    };
    let found = years.search(&settings).unwrap();
    let weights = &found.weights;
    assert!(
        weights.windows(2).any(|two| two[0].1 != two[1].1),
        "{weights:?}"
    );
    found.ensemble
}

/// Trains with parametric activations, and a quadratic calibration.
pub fn side_model() -> TabularModel {
    let table = points(60);
    let sides = Tabular::classifier(&table, "side").preset(Preset::Full);
    let sides = sides.calibration(Calibration::Quadratic);
    small(sides.ignore(["years", "count", "y"]).folds(1))
}

/// Trains on two classes, with a temperature.
pub fn pair_model() -> TabularModel {
    let table = points(60);
    let sides = Tabular::classifier(&table, "side").preset(Preset::Simple);
    small(sides.ignore(["years", "count", "x"]).folds(1))
}

/// Trains the model of the program for a microcontroller.
pub fn home_model() -> TabularModel {
    let homes = homes(ROWS);
    let all = homes.iter();
    let worth = |home: &Home| {
        let state = STATES.iter().position(|state| home.state == Some(*state));
        let garden = if home.garden == Some(true) { 30.0 } else { 0.0 };
        home.area.unwrap_or(50.0) + garden + 15.0 * state.unwrap_or(1) as f64
    };
    let price = |home: &Home| ["cheap", "fair", "dear"][(worth(home) / 50.0) as usize];
    let table = || {
        Table::new()
            .with("area", Column::numbers(all.clone().map(|home| home.area)))?
            .with("street", Column::words(all.clone().map(|home| home.street)))?
            .with(
                "garden",
                Column::booleans(all.clone().map(|home| home.garden)),
            )?
            .with(
                "state",
                Column::levels(all.clone().map(|home| home.state), STATES)?,
            )?
            .with("price", Column::words(all.clone().map(price)))
    };
    let table = table().unwrap();
    let settings = ColumnSettings {
        one_hot: 3,
        width: 2,
        ..ColumnSettings::default()
    };
    let homes = Tabular::classifier(&table, "price").columns(settings);
    homes.folds(2).epochs(100).hidden(&[4]).fit().unwrap()
}
