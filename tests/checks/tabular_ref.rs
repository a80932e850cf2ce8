//! Generated source of tables' models predicts with the bits of the models.

use std::borrow::Cow;

use feedforward::activation::{Activation, Tanh};
use feedforward::simd::InstructionSet;
use feedforward::tabular::{
    Calibration, Column, ColumnSettings, Preset, Scaling, Table, Tabular, TabularModel, Waves,
};
use feedforward::{Error, Position};

/// Includes generated files as modules, as programs do, and lists their texts.
macro_rules! generated {
    ($($name:ident)*) => {
        $(
            mod $name {
                include!(concat!("generated_tables/", stringify!($name), ".rs"));
            }
        )*
        const GENERATED: &[(&str, &str)] = &[$((
            stringify!($name),
            include_str!(concat!("generated_tables/", stringify!($name), ".rs")),
        )),*];
    };
}

generated!(numbers classes labels counts logarithms sides pairs);

/// The model of the program `tabular` for a microcontroller, and rows with their probabilities.
mod homes {
    include!("../../examples/cortex-m/src/homes.rs");
    include!("../../examples/cortex-m/src/cases.rs");
}

/// A row with cells of every kind.
#[derive(Clone, Copy, Default)]
struct Home {
    area: Option<f64>,
    kind: Option<&'static str>,
    garden: Option<bool>,
    state: Option<&'static str>,
    street: Option<&'static str>,
    heating: Option<&'static str>,
    income: Option<f64>,
    second: Option<f64>,
    size: Option<f64>,
    bins: Option<f64>,
    raw: Option<f64>,
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
fn new_homes() -> Vec<Home> {
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

fn table(homes: &[Home]) -> Result<Table<'static>, Error> {
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

/// Converts a home to the row of a generated module.
macro_rules! row {
    ($module:ident, $home:expr) => {{
        let home = $home;
        $module::Row {
            floor_area_m: home.area,
            type_: home.kind,
            garden: home.garden,
            state: home.state,
            street: home.street,
            heating: home.heating,
            med_inc: home.income,
            column_2nd: home.second,
            gr_e: home.size,
            gr_e_2: home.bins,
            raw: home.raw,
        }
    }};
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

fn small(tabular: Tabular<'_>) -> TabularModel {
    tabular.epochs(3).hidden(&[3]).fit().unwrap()
}

fn number_model() -> TabularModel {
    let table = with_targets();
    let regressor = Tabular::regressor_of(&table, ["price", "half"]).folds(2);
    trained(regressor, &["price", "half"])
}

fn class_model() -> TabularModel {
    let table = with_targets();
    trained(Tabular::classifier(&table, "class").folds(1), &["class"])
}

fn label_model() -> TabularModel {
    let table = with_targets();
    let targets = ["is_dear", "is_fair"];
    trained(Tabular::labels(&table, targets).folds(1), &targets)
}

/// Returns numbers alone, which have waves.
fn points(rows: usize) -> Table<'static> {
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

fn count_model() -> TabularModel {
    let table = points(60);
    let counts = Tabular::counts(&table, "count").exposure("years");
    small(counts.ignore(["side"]).folds(1))
}

fn logarithm_model() -> TabularModel {
    let table = points(60);
    let years = Tabular::regressor(&table, "years").logarithm();
    small(years.ignore(["side", "count", "y"]).folds(5))
}

/// Trains with parametric activations, and a quadratic calibration.
fn side_model() -> TabularModel {
    let table = points(60);
    let sides = Tabular::classifier(&table, "side").preset(Preset::Full);
    let sides = sides.calibration(Calibration::Quadratic);
    small(sides.ignore(["years", "count", "y"]).folds(1))
}

/// Trains on two classes, with a temperature.
fn pair_model() -> TabularModel {
    let table = points(60);
    let sides = Tabular::classifier(&table, "side").preset(Preset::Simple);
    small(sides.ignore(["years", "count", "x"]).folds(1))
}

/// Trains the model of the program for a microcontroller.
fn home_model() -> TabularModel {
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

fn assert_bits(expected: &[f64], rows: impl Iterator<Item = Vec<f64>>) {
    let got: Vec<_> = rows.flatten().map(f64::to_bits).collect();
    let expected: Vec<_> = expected.iter().map(|x| x.to_bits()).collect();
    assert_eq!(got, expected);
    assert!(got.windows(2).any(|pair| pair[0] != pair[1]));
}

/// A single test, because the choice of an instruction set applies to the whole process.
#[test]
fn the_bits_are_those_of_the_model() {
    InstructionSet::Portable.activate().unwrap();
    let models = [
        number_model(),
        class_model(),
        label_model(),
        count_model(),
        logarithm_model(),
        side_model(),
        pair_model(),
    ];
    let homes = home_model();
    let text = include_str!("../../examples/cortex-m/src/homes.rs");
    let of_program = [("homes", text)];
    let names = GENERATED.iter().chain(&of_program);
    let written = models.iter().chain([&homes]).zip(names);
    let old: Vec<_> = written
        .filter_map(|(model, (name, text))| old(model, name, text))
        .collect();
    assert!(
        old.is_empty(),
        "these generated files are old, and new ones are written: {old:?}"
    );
    the_program_compares_with_the_bits_of(&homes);
    for set in InstructionSet::available() {
        set.activate().unwrap();
        let [a, b, c, d, e, f, g] = &models;
        let homes = new_homes();
        let table = table(&homes).unwrap();
        let rows = homes.iter();
        assert_bits(
            &a.predict(&table).unwrap(),
            rows.clone()
                .map(|home| numbers::predict(&row!(numbers, home)).unwrap().into()),
        );
        assert_bits(
            &b.predict_probability(&table).unwrap(),
            rows.clone()
                .map(|home| classes::predict(&row!(classes, home)).unwrap().into()),
        );
        assert_bits(
            &c.predict_probability(&table).unwrap(),
            rows.clone()
                .map(|home| labels::predict(&row!(labels, home)).unwrap().into()),
        );

        let table = points(90);
        let [x, y, years] = ["x", "y", "years"].map(|name| {
            let numbers = table.column(name).unwrap().as_numbers().unwrap();
            numbers.iter().copied()
        });
        let (x, y) = (x.map(Some), y.map(Some));
        let all = x.clone().zip(y.clone()).zip(years);
        let rows = all.map(|((x, y), years)| counts::Row { x, y, years });
        assert_bits(
            &d.predict(&table).unwrap(),
            rows.map(|row| counts::predict(&row).unwrap().into()),
        );
        let rows = x.clone().map(|x| logarithms::Row { x });
        assert_bits(
            &e.predict(&table).unwrap(),
            rows.map(|row| logarithms::predict(&row).unwrap().into()),
        );
        let rows = x.map(|x| sides::Row { x });
        assert_bits(
            &f.predict_probability(&table).unwrap(),
            rows.map(|row| sides::predict(&row).unwrap().into()),
        );
        let rows = y.map(|y| pairs::Row { y });
        assert_bits(
            &g.predict_probability(&table).unwrap(),
            rows.map(|row| pairs::predict(&row).unwrap().into()),
        );
    }
    assert_eq!(numbers::TARGETS, ["price", "half"]);
    assert_eq!(classes::CLASSES, ["cheap", "dear", "fair"]);
}

/// Writes a generated file if it is old, and returns its path.
fn old(model: &TabularModel, name: &str, text: &str) -> Option<String> {
    let now = model.to_rust().unwrap();
    let path = format!("{}/{name}.rs", env!("CARGO_TARGET_TMPDIR"));
    (now != text).then(|| {
        std::fs::write(&path, now).unwrap();
        path
    })
}

fn the_program_compares_with_the_bits_of(model: &TabularModel) {
    for (row, expected) in &homes::CASES {
        let cells = [
            ("area", row.area.into()),
            ("street", row.street.into()),
            ("garden", row.garden.into()),
            ("state", row.state.into()),
        ];
        let probabilities = model
            .predict_probability(&Table::row(cells).unwrap())
            .unwrap();
        assert_eq!(probabilities, expected, "{row:?}");
    }
}

#[test]
fn what_cannot_be_predicted_is_an_error() {
    let not_finite = |what, at, value| Error::NotFinite {
        what,
        at: Position::Index(at),
        value,
    };
    let home = Home {
        income: Some(f64::INFINITY),
        ..Home::default()
    };
    assert_eq!(
        numbers::predict(&row!(numbers, home)),
        Err(not_finite("number", 6, f64::INFINITY))
    );
    let home = Home {
        raw: Some(-1e300),
        ..Home::default()
    };
    assert_eq!(
        numbers::predict(&row!(numbers, home)),
        Err(not_finite("scaled number", 10, f64::NEG_INFINITY))
    );
    let row = counts::Row::default();
    assert_eq!(
        counts::predict(&row),
        Err(not_finite(
            "logarithm of the exposure",
            2,
            f64::NEG_INFINITY
        ))
    );
    assert!(counts::predict(&counts::Row { years: -1.0, ..row }).is_err());
}

/// An activation of a program.
#[derive(Debug)]
struct Own;

impl Activation<f32> for Own {
    fn value(&self, x: f32) -> f32 {
        x
    }
    fn derivative(&self, _: f32, _: f32) -> f32 {
        1.0
    }
    fn name(&self) -> Cow<'static, str> {
        "own".into()
    }
}

#[test]
fn an_activation_of_the_program_cannot_be_written() {
    let table = points(60);
    let tabular = || {
        Tabular::regressor(&table, "count")
            .ignore(["side"])
            .folds(1)
    };
    let error = small(tabular().activation(Own)).to_rust().unwrap_err();
    assert!(matches!(error, Error::UnknownName { .. }), "{error}");
    assert!(small(tabular().activation(Tanh)).to_rust().is_ok());
}
