//! Generated source of tables' models predicts with the bits of the models.

use std::borrow::Cow;

use feedforward::activation::{Activation, Tanh};
use feedforward::simd::InstructionSet;
use feedforward::tabular::{Table, Tabular, TabularModel};
use feedforward::{Error, Position};

#[path = "tabular_ref/models.rs"]
mod models;
use models::{Home, new_homes, points, small, table};

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
        models::number_model(),
        models::class_model(),
        models::label_model(),
        models::count_model(),
        models::logarithm_model(),
        models::side_model(),
        models::pair_model(),
    ];
    let homes = models::home_model();
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
        let [x, y, years, count] = ["x", "y", "years", "count"].map(|name| {
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
        let rows = x.clone().zip(count.map(Some));
        let rows = rows.map(|(x, count)| logarithms::Row { x, count });
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
