//! Tables and their columns as inputs. Compares scalings with NumPy and scikit-learn.

#[path = "common/json.rs"]
#[allow(dead_code)]
mod json;
#[path = "common/tables.rs"]
mod tables;

use feedforward::tabular::{Column, ColumnSettings, Kind, Scaling, Table, Value};
use feedforward::{Encoding, Mlp, activation};
use json::{list, number, text};
use tables::{encode, fit, inputs, settings};

fn assert_close(got: &[f64], expected: &[f64], case: &str) {
    assert_eq!(got.len(), expected.len(), "{case}");
    for (got, expected) in got.iter().zip(expected) {
        let d = (got - expected).abs() / (1e-3 + expected.abs());
        // 1e9 has seven decimal places, and its mean fewer.
        assert!(d < 1e-5, "{case}: {got}, not {expected}");
        if !case.starts_with("large") {
            assert!(d < 1e-12, "{case}: {got}, not {expected}");
        }
    }
}

fn fixture() -> serde_json::Value {
    serde_json::from_str(include_str!("fixtures/tabular/tabular.json")).unwrap()
}

#[test]
fn scalings_of_numpy_and_scikit_learn() {
    let scaling = |name: &str| match name {
        "robust" => Scaling::Robust,
        "standard" => Scaling::Standard,
        "min_max" => Scaling::MinMax,
        "log" => Scaling::Log,
        "none" => Scaling::None,
        name => Scaling::Piecewise(name.strip_prefix("piecewise_").unwrap().parse().unwrap()),
    };
    let fixture = fixture();
    let cases = list(&fixture["numbers"]);
    assert!(cases.len() > 100);
    for case in cases {
        let numbers = |key: &str| -> Vec<f64> { list(&case[key]).iter().map(number).collect() };
        let name = format!("{} {}", text(&case["name"]), text(&case["scaling"]));
        let (training, new) = (numbers("training"), numbers("new"));
        let got = inputs(
            (&training).into(),
            (&new).into(),
            &settings(scaling(text(&case["scaling"]))),
        );
        assert_close(&got, &numbers("inputs"), &name);
    }
}

#[test]
fn words_of_numpy_and_scikit_learn() {
    let fixture = fixture();
    let cases = list(&fixture["words"]);
    assert!(cases.len() > 15);
    for case in cases {
        let words = |key: &str| Column::words(list(&case[key]).iter().map(|word| word.as_str()));
        let name = format!("{} {}", text(&case["name"]), text(&case["scaling"]));
        let scaling = match text(&case["scaling"]) {
            "robust" => Scaling::Robust,
            _ => Scaling::Standard,
        };
        let got = inputs(words("training"), words("new"), &settings(scaling));
        let expected: Vec<_> = list(&case["inputs"]).iter().map(number).collect();
        assert_close(&got, &expected, &name);
    }
}

fn homes() -> Table<'static> {
    let levels = ["poor", "fair", "good"];
    Table::new()
        .with("area", Column::numbers([60.0, 80.0, f64::NAN, 100.0]))
        .and_then(|table| {
            table.with(
                "heating",
                Column::words([Some("gas"), Some("oil"), None, Some("wood")]),
            )
        })
        .and_then(|table| table.with("lift", Column::words(["yes", "no", "yes", "yes"])))
        .and_then(|table| table.with("garden", Column::booleans([true, false, true, true])))
        .and_then(|table| {
            let state = Column::levels(["fair", "good", "poor", "fair"], levels)?;
            table.with("state", state)
        })
        .unwrap()
}

#[test]
fn names_and_sources_of_inputs() {
    let columns = fit(&homes(), &ColumnSettings::default());
    let names = [
        "area",
        "area is missing",
        "heating=gas",
        "heating=oil",
        "heating=wood",
        "lift=yes",
        "garden=true",
        "state",
        "state is missing",
    ];
    assert_eq!(columns.names(), names);
    assert_eq!(columns.sources(), [0, 0, 1, 1, 1, 2, 3, 4, 4]);
    assert_eq!(columns.inputs(), names.len());
    let kinds: Vec<_> = columns.columns().collect();
    assert_eq!(kinds[0], ("area", Kind::Numbers));
    assert_eq!(kinds[1], ("heating", Kind::Words));
    assert_eq!(kinds[3], ("garden", Kind::Booleans));
    assert_eq!(kinds[4], ("state", Kind::Levels));
    let encoding = columns.encoding::<f32>().unwrap().unwrap();
    // Three waves of each of two numbers.
    assert_eq!(encoding.outputs(), names.len() + 2 * 3);

    // Codes come last, so that one encoding can look them up.
    let settings = ColumnSettings {
        one_hot: 2,
        scalings: vec![
            ("area".into(), Scaling::None),
            ("area".into(), Scaling::Piecewise(2)),
        ],
        ..ColumnSettings::default()
    };
    let columns = fit(&homes(), &settings);
    let names = [
        "area from 60 to 80",
        "area from 80 to 100",
        "area is missing",
        "lift=yes",
        "garden=true",
        "state",
        "state is missing",
        "heating",
    ];
    assert_eq!(columns.names(), names);
    assert_eq!(columns.sources(), [0, 0, 0, 2, 3, 4, 4, 1]);
    let inputs = encode(&columns, &homes());
    let codes: Vec<_> = inputs.iter().skip(7).step_by(8).copied().collect();
    assert_eq!(codes, [0.0, 1.0, -1.0, 2.0]);
    let encoding = columns.encoding::<f32>().unwrap().unwrap();
    assert_eq!((encoding.inputs(), encoding.outputs()), (8, 7 + 3 + 8));
    let net = Mlp::builder(8).encoding(encoding);
    let net = net.output(1, activation::Identity).build().unwrap();
    let inputs = columns.encode::<f32>(&homes(), &[0, 1, 2, 3]).unwrap();
    assert!(net.predict(&inputs).unwrap().iter().all(|y| y.is_finite()));
}

#[test]
fn width_does_not_depend_on_the_rows_to_predict() {
    for one_hot in [1, usize::MAX] {
        let columns = fit(
            &homes(),
            &ColumnSettings {
                one_hot,
                ..ColumnSettings::default()
            },
        );
        let width = columns.inputs();
        let words = [Value::Missing, "gas".into(), "coal".into(), "".into()];
        let numbers = [Value::Missing, 1.into(), (-1e9).into()];
        for heating in words {
            for area in numbers {
                let row = Table::row([
                    ("state", Value::Missing),
                    ("extra", 1.5.into()),
                    ("garden", Value::Missing),
                    ("lift", heating),
                    ("heating", heating),
                    ("area", area),
                ])
                .unwrap();
                let inputs = encode(&columns, &row);
                assert_eq!(inputs.len(), width);
                assert!(inputs.iter().all(|input| input.is_finite()));
            }
        }
    }
    // No cell was missing, and yet there is an indicator. It was constant, so it is 0.
    let table = Table::new().with("x", Column::numbers([1, 2, 3])).unwrap();
    for scaling in [Scaling::Robust, Scaling::Standard, Scaling::Piecewise(2)] {
        let columns = fit(&table, &settings(scaling));
        let row = Table::row([("x", Value::Missing)]).unwrap();
        assert_eq!(encode(&columns, &row).last(), Some(&0.0));
        assert_eq!(columns.names().last().unwrap(), "x is missing");
    }
}

#[test]
fn rare_words_share_a_level() {
    let table = Table::new()
        .with(
            "x",
            Column::words("aaaabbbccd".split("").filter(|w| !w.is_empty())),
        )
        .unwrap();
    let names = |min_count| {
        let settings = ColumnSettings {
            min_count,
            ..ColumnSettings::default()
        };
        fit(&table, &settings).names()
    };
    assert_eq!(names(0), ["x=a", "x=b", "x=c", "x=d"]);
    assert_eq!(names(1), names(0));
    assert_eq!(names(3), ["x=a", "x=b", "x=(rare)"]);
    assert_eq!(names(4), ["x=(rare)"]); // of the two levels a and (rare)
    assert_eq!(names(5), ["x=(rare)"]);

    let settings = ColumnSettings {
        min_count: 3,
        ..settings(Scaling::Standard)
    };
    let new = Table::new()
        .with("x", Column::words(["c", "d", "e", "a"]))
        .unwrap();
    let rows = encode(&fit(&table, &settings), &new);
    // Unseen words are not rare ones.
    assert_eq!(rows, [0., 0., 1., 0., 0., 1., 0., 0., 0., 1., 0., 0.]);
}

#[test]
fn levels_are_numbers_in_their_order() {
    let order = ["low", "mid", "high"];
    let column = |cells: &[&str]| Column::levels(cells, order).unwrap();
    let training = column(&["high", "low", "low", "high"]);
    let columns = fit(
        &Table::new().with("x", training).unwrap(),
        &settings(Scaling::None),
    );
    // A file has the words without their order, and perhaps others.
    let new = Column::words([Some("mid"), Some("low"), Some("high"), Some("?"), None]);
    let inputs = encode(&columns, &Table::new().with("x", new).unwrap());
    let (values, missing): (Vec<_>, Vec<_>) = inputs.chunks(2).map(|x| (x[0], x[1])).unzip();
    assert_eq!(values, [1.0, 0.0, 2.0, 1.0, 1.0]); // the median is 1
    assert_eq!(missing, [0.0; 5]);
}

#[test]
fn settings_come_back_from_json() {
    let settings = ColumnSettings {
        scalings: vec![("x".into(), Scaling::Piecewise(3))],
        one_hot: 8,
        ..settings(Scaling::MinMax)
    };
    let text = serde_json::to_string(&settings).unwrap();
    assert!(text.contains(r#""scaling":"min_max","scalings":[["x",{"piecewise":3}]]"#));
    let read: ColumnSettings = serde_json::from_str(&text).unwrap();
    assert_eq!(read, settings);
}
