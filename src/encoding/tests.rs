//! Formulas of encodings, and their names, which files may hold in any form.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::f64::consts::{PI, TAU};

use super::registry::parse_with;
use rand::SeedableRng;

use super::{
    Categories, Concat, Encoding, Fourier, Grid, GridSettings, Identity, Periodic,
    PeriodicSettings, parse,
};
use crate::error::Error;
use crate::float::Float;
use crate::random::Rng;

/// An encoding with a name and constants of the caller's choice.
#[derive(Clone, Debug, PartialEq)]
struct Custom(String, Vec<f32>);

impl Encoding<f32> for Custom {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn name(&self) -> Cow<'static, str> {
        self.0.clone().into()
    }
    fn constants(&self) -> &[f32] {
        &self.1
    }
    fn encode_sample(&self, _: &[f32], x: &[f32], y: &mut [f32]) {
        y.copy_from_slice(x);
    }
    fn add_input_gradient(&self, _: &[f32], _: &[f32], _: &[f32], _: &mut [f32]) {}
}

fn custom(name: &str, constants: &[f32]) -> Arc<dyn Encoding<f32>> {
    Arc::new(Custom(name.to_string(), constants.to_vec()))
}

fn fourier(seed: u64) -> Arc<dyn Encoding<f32>> {
    Arc::new(Fourier::new(1, 2, 1.0, seed).unwrap())
}

#[test]
fn names_are_read_back() {
    let settings = PeriodicSettings {
        sigma: 1e-5,
        ..PeriodicSettings::new(2)
    };
    let categories = Categories::new(&[(7, 3), (1 << 24, 1)]).unwrap();
    let categories = categories.initial(0.05).unwrap();
    let all: [(Arc<dyn Encoding<f32>>, &str); 3] = [
        (
            Arc::new(categories),
            "categories(categories=7 16777216, widths=3 1, initial=0.05)",
        ),
        (
            Arc::new(Periodic::new(settings).unwrap()),
            "periodic(inputs=2, frequencies=16, width=4, sigma=1e-5)",
        ),
        (Arc::new(Identity::new(3).unwrap()), "identity(inputs=3)"),
    ];
    for (encoding, name) in &all {
        assert_eq!(encoding.name(), *name);
        let parsed = parse::<f32>(name, &[]).unwrap();
        assert_eq!(format!("{parsed:?}"), format!("{encoding:?}"));
        assert!(parse::<f32>(name, &[1.0]).is_err(), "{name}");
    }

    let find = |name: &str, constants: &[f32]| {
        let is_own = name.starts_with("own");
        is_own.then(|| custom(name, constants))
    };
    let inner = vec![custom("own (2, 3)", &[0.5]), fourier(2), custom("own", &[])];
    let members = vec![
        fourier(1),
        Arc::new(Concat::new(inner).unwrap()),
        custom("own", &[0.25]),
    ];
    let concat = Concat::new(members).unwrap();
    let name = "concat(fourier(inputs=1, frequencies=2), concat(own (2, 3), \
        fourier(inputs=1, frequencies=2), own, constants=1 2 0), own, constants=2 3 1)";
    assert_eq!(concat.name(), name);
    assert_eq!(concat.constants().len(), 6);
    let parsed = parse_with(name, concat.constants(), &find).unwrap();
    assert_eq!(format!("{parsed:?}"), format!("{concat:?}"));
    assert_eq!(parsed.constants(), concat.constants());
    let error = parse(name, concat.constants()).unwrap_err();
    assert!(
        matches!(&error, Error::UnknownName { got, .. } if got == "own (2, 3)"),
        "{error}"
    );
    // The resolver is asked for the whole first.
    let whole = parse_with(name, &[1.5], &|name, all| Some(custom(name, all))).unwrap();
    assert_eq!(whole.constants(), [1.5]);
}

#[test]
fn hostile_names_are_errors() {
    let good = "concat(identity(inputs=1), fourier(inputs=1, frequencies=2), constants=0 2)";
    assert!(parse(good, &[1.0_f32, 2.0]).is_ok());
    for constants in [&[][..], &[1.0], &[1.0, 2.0, 3.0], &[1.0, f32::NAN]] {
        assert!(parse(good, constants).is_err(), "{constants:?}");
    }
    let constants = |counts: &str| good.replace("0 2", counts);
    for counts in [
        "",
        "0",
        "2",
        "0 2 0",
        "1 1",
        "2 0",
        "0 1",
        "-1 3",
        "0 18446744073709551615",
        "18446744073709551615 3",
        "0 2)",
        "(0 2",
        "0, 2",
        "0 2, constants=0 2",
    ] {
        let name = constants(counts);
        assert!(parse(&name, &[1.0_f32, 2.0]).is_err(), "{name}");
    }
    let nested = |depth: usize| {
        let (before, after) = ("concat(".repeat(depth), ", constants=0)".repeat(depth));
        format!("{before}identity(inputs=1){after}")
    };
    let wide = |count: usize| {
        let members = "identity(inputs=1), ".repeat(count);
        format!("concat({members}constants={})", "0 ".repeat(count))
    };
    for good in [nested(15), wide(2900)] {
        assert!(parse::<f32>(&good, &[]).is_ok(), "{good}");
    }
    for bad in [
        nested(16),
        nested(100_000),
        wide(3200),
        wide(1 << 20),
        "concat(".repeat(1 << 20),
        format!("concat({}", ")".repeat(1 << 20)),
        "concat()".to_string(),
        "concat(constants=)".to_string(),
        "concat(, constants=0)".to_string(),
        "concat(identity(inputs=1))".to_string(),
        "concat(identity(inputs=1), constants=0".to_string(),
        "concat(identity(inputs=1), constants=0) ".repeat(2),
        "concat(identity(inputs=0), constants=0)".to_string(),
        "concat".to_string(),
        "identity".to_string(),
        "identity(inputs=68719476737)".to_string(),
        "concat(identity(inputs=68719476736), identity(inputs=1), constants=0 0)".to_string(),
        "categories(categories=, widths=, initial=1.0)".to_string(),
        "categories(categories=1 2, widths=1, initial=1.0)".to_string(),
        "categories(categories=0, widths=1, initial=1.0)".to_string(),
        "categories(categories=1, widths=1, initial=NaN)".to_string(),
        "categories(categories=1, widths=1)".to_string(),
        format!(
            "categories(categories={0}, widths={0}, initial=1.0)",
            "1 ".repeat(4097)
        ),
        "periodic(inputs=1, frequencies=1, width=2, sigma=inf)".to_string(),
        "periodic(inputs=68719476736, frequencies=16, width=4, sigma=1.0)".to_string(),
    ] {
        let error = parse::<f32>(&bad, &[]).unwrap_err().to_string();
        assert!(error.len() < 2_000, "{error}");
    }
    // The search for the number of parts is fast.
    let many = "periodic(inputs=10000000, frequencies=1, width=2, sigma=1.0), ".repeat(500);
    let name = format!("concat({many}constants={})", "0 ".repeat(500));
    let encoding = parse::<f32>(&name, &[]).unwrap();
    assert!(encoding.part_len(5_000_000_000 - 1).is_some());
    assert!(encoding.part_len(5_000_000_000).is_none());
}

#[test]
fn members_that_files_cannot_hold_are_refused() {
    for name in ["", " own", "a, b", "a(", "a)", ")(", ":)"] {
        let members = vec![fourier(1), custom(name, &[])];
        let error = Concat::new(members).unwrap_err().to_string();
        assert!(
            error.starts_with("name of an encoding: expected"),
            "{error}"
        );
    }
    assert!(Concat::new(vec![custom("a (b, c)", &[])]).is_ok());
    assert!(Concat::new(vec![custom(&"a".repeat(70_000), &[])]).is_err());
    assert!(Concat::new(vec![custom(&"a".repeat(600), &[]); 120]).is_err());
    assert!(Concat::<f32>::new(vec![]).is_err());
    let mut deep = fourier(1);
    for _ in 0..15 {
        deep = Arc::new(Concat::new(vec![deep]).unwrap());
    }
    assert!(Concat::new(vec![deep]).is_err());
}

/// Parts, of which some encodings have none, are found among all members.
#[test]
fn parts_of_members_are_consecutive() {
    fn check<T: Float>(members: Vec<Arc<dyn Encoding<T>>>) {
        let expected: Vec<usize> = members
            .iter()
            .flat_map(|member| (0..).map_while(|part| member.part_len(part)))
            .collect();
        let concat = Concat::new(members).unwrap();
        let parts: Vec<usize> = (0..).map_while(|part| concat.part_len(part)).collect();
        assert_eq!(parts, expected);
        assert_eq!(concat.params_len(), expected.iter().sum::<usize>());
        assert!(concat.part_len(usize::MAX).is_none());
    }
    let none = || Arc::new(Identity::new(1).unwrap());
    let periodic = |inputs| Arc::new(Periodic::new(PeriodicSettings::new(inputs)).unwrap());
    let categories = Arc::new(Categories::new(&[(2, 3), (1, 1), (4, 2)]).unwrap());
    check::<f32>(vec![none(), none()]);
    for inputs in 1..10 {
        check::<f32>(vec![
            none(),
            periodic(inputs),
            none(),
            none(),
            categories.clone(),
            periodic(1),
            none(),
        ]);
        check::<f64>(vec![periodic(inputs)]);
    }
}

/// Returns numbers in [0, 1).
fn data<T: Float>(len: usize) -> Vec<T> {
    use rand::RngExt;
    let mut rng = Rng::seed_from_u64(7);
    let draw = || T::from_f64(rng.random::<f64>());
    core::iter::repeat_with(draw).take(len).collect()
}

#[test]
fn categories_are_rows_of_tables() {
    let encoding = Categories::new(&[(3, 2), (1, 1), (2, 3)]).unwrap();
    let params = data::<f32>(Encoding::<f32>::params_len(&encoding));
    assert_eq!(params.len(), 4 * 2 + 2 + 3 * 3);
    let encode = |x: &[f32]| encoding.encode(&params, x).unwrap();
    let by_rows = |[a, b, c]: [usize; 3]| {
        let (a, b, c) = (&params[2 * a..], params[8 + b], &params[10 + 3 * c..]);
        [a[0], a[1], b, c[0], c[1], c[2]]
    };
    for a in 0..3 {
        assert_eq!(encode(&[a as f32, 0.0, 1.0]), by_rows([a, 0, 1]));
    }
    assert_eq!(encode(&[-0.0, -0.0, -0.0]), by_rows([0, 0, 0]));
    // Numbers that are negative, not integers, or beyond the last category.
    for x in [-1.0, -1e30, 0.5, 1e-30, 2.000_001, 3.0, 4e9, 1e30] {
        assert_eq!(encode(&[x, x, x]), by_rows([3, 1, 2]), "{x}");
    }
    let most = Categories::new(&[(1 << 24, 1)]).unwrap();
    let params: Vec<f32> = (0..=1 << 24).map(|row| row as f32).collect();
    for x in [0.0, 9_999_999.0, 16_777_214.0, 16_777_215.0] {
        assert_eq!(most.encode(&params, &[x]).unwrap(), [x]);
    }
    for x in [16_777_216.0, 16_777_218.0, -1.0] {
        assert_eq!(most.encode(&params, &[x]).unwrap(), [16_777_216.0]);
    }
}

#[test]
fn initial_parameters_have_their_distributions() {
    let deviation = |values: &[f64]| {
        let squares = values.iter().map(|x| x * x);
        (squares.sum::<f64>() / values.len() as f64).sqrt()
    };
    let encoding = Categories::new(&[(400, 5), (1, 1)]).unwrap();
    let encoding = encoding.initial(0.25).unwrap();
    let mut params = vec![0.0; 401 * 5 + 2];
    Encoding::<f64>::initialize(&encoding, &mut Rng::seed_from_u64(1), &mut params);
    assert!((deviation(&params[..2000]) - 0.25).abs() < 0.02);
    assert_eq!(params[2000..2005], [0.0; 5]);
    assert!(params[2005] != 0.0 && params[2006] == 0.0);

    let settings = PeriodicSettings {
        sigma: 0.7,
        ..PeriodicSettings::new(200)
    };
    let encoding = Periodic::new(settings).unwrap();
    let mut params = vec![0.0; Encoding::<f64>::params_len(&encoding)];
    Encoding::<f64>::initialize(&encoding, &mut Rng::seed_from_u64(1), &mut params);
    let root = 3.0_f64.sqrt();
    for (range, expected) in [(0..16, 0.7), (16..32, PI / root), (32..83, 0.25 / root)] {
        let parts = params.chunks(83).flat_map(|part| &part[range.clone()]);
        let values: Vec<f64> = parts.copied().collect();
        let got = deviation(&values);
        assert!((got / expected - 1.0).abs() < 0.05, "{got} {expected}");
        let widest = values
            .iter()
            .fold(0.0, |widest: f64, x| widest.max(x.abs()));
        assert!(range.start == 0 || widest <= expected * root, "{widest}");
    }
}

#[test]
fn waves_are_their_formula() {
    for (inputs, frequencies, width) in [(1, 1, 2), (2, 16, 4), (3, 17, 3), (1, 40, 9)] {
        let sigma = 1.0;
        let settings = PeriodicSettings {
            inputs,
            frequencies,
            width,
            sigma,
        };
        let encoding = Periodic::new(settings).unwrap();
        let len = Encoding::<f64>::params_len(&encoding);
        let (params, mut x) = (data::<f64>(len), data::<f64>(40 * inputs));
        // Angles that the vectorized cosine does not reach.
        x.extend(vec![1e5; inputs]);
        let got = encoding.encode(&params, &x).unwrap();
        for (index, (&x, got)) in x.iter().zip(got.chunks(width)).enumerate() {
            let part = &params[len / inputs * (index % inputs)..][..len / inputs];
            let (rates, rest) = part.split_at(frequencies);
            let (phases, rest) = rest.split_at(frequencies);
            let (weights, bias) = rest.split_at(frequencies * (width - 1));
            for (k, bias) in bias.iter().enumerate() {
                let mut y = *bias;
                for j in 0..frequencies {
                    let angle = TAU * rates[j] * x + phases[j];
                    y += weights[k * frequencies + j] * angle.cos();
                }
                let tolerance = 1e-12 * (1.0 + x);
                assert!((got[k] - y).abs() < tolerance, "{y} {}", got[k]);
            }
            assert_eq!(got[width - 1], x);
        }
    }
}

#[test]
fn members_encode_their_own_columns() {
    let members = |wide| -> Vec<Arc<dyn Encoding<f32>>> {
        let grid = Grid::new(GridSettings {
            initial: 1.0,
            ..GridSettings::new(2)
        });
        let inner = Concat::new(vec![fourier(3), Arc::new(Identity::new(1).unwrap())]);
        vec![
            Arc::new(Identity::new(wide).unwrap()),
            Arc::new(grid.unwrap()),
            Arc::new(Categories::new(&[(9, 2)]).unwrap()),
            Arc::new(inner.unwrap()),
        ]
    };
    // Wide members are not copied, or in small groups.
    for wide in [1, 100, 200, 300] {
        let whole = Concat::new(members(wide)).unwrap();
        let x = data::<f32>(130 * whole.inputs());
        let params = data::<f32>(whole.params_len());
        let got = whole.encode(&params, &x).unwrap();
        for (x, got) in x.chunks(whole.inputs()).zip(got.chunks(whole.outputs())) {
            let (mut x, mut params, mut expected) = (x, &params[..], Vec::new());
            for member in members(wide) {
                let (these, rest) = x.split_at(member.inputs());
                let (own, others) = params.split_at(member.params_len());
                expected.extend(member.encode(own, these).unwrap());
                (x, params) = (rest, others);
            }
            assert_eq!(got, expected);
        }
    }
}
