//! Compares every built-in activation with mpmath's values and with differences of its own values,
//! and tests the edges of the number line.

#![allow(clippy::float_cmp)] // exact equality is tested, and infinities have no distance

use std::sync::Arc;

use feedforward::activation::{self, Elu, HardSigmoid, LeakyRelu, Sine};
use feedforward::simd::InstructionSet;
use feedforward::{Activation, Error, Float};

type Shared<T> = Arc<dyn Activation<T>>;

/// Every built-in with its default parameter, and some with other parameters.
fn everything<T: Float>() -> Vec<Shared<T>> {
    let mut list = activation::all();
    let others = [
        "leaky_relu(0)",
        "leaky_relu(0.1)",
        "hard_sigmoid(0.16666666666666666)",
        "elu(0)",
        "elu(0.3)",
        "celu(2.5)",
        "softplus(5)",
        "softplus(0.25)",
        "squareplus(0.1)",
        "squareplus(100)",
        "soft_shrink(1.25)",
        "hard_shrink(1.25)",
        "sine(30)",
        "maxout(3)",
        "hard_sigmoid(-0.2)",
        "elu(-0.5)",
    ];
    list.extend(others.map(|name| activation::parse(name).unwrap()));
    list.push(Arc::new(LeakyRelu::new(-0.5)));
    list.push(Arc::new(Elu::new(-1.5)));
    list
}

fn by_name<T: Float>(name: &str) -> Shared<T> {
    activation::parse(name).unwrap()
}

/// The derivative as a network computes it: with NaN for x if the network does not keep x.
fn slope<T: Float>(f: &Shared<T>, x: T) -> T {
    let seen = if f.needs_pre_activation() {
        x
    } else {
        T::nan()
    };
    f.derivative(seen, f.value(x))
}

/// Points where f' or f'' jumps, so that differences across them are meaningless.
fn kinks(name: &str) -> Vec<f64> {
    let (family, parameter) = name.split_once('(').unwrap_or((name, ""));
    let parameter: f64 = parameter.trim_end_matches(')').parse().unwrap_or(0.0);
    match family {
        "heaviside" | "relu" | "leaky_relu" | "elu" | "celu" | "selu" | "softsign" => vec![0.0],
        "relu6" => vec![0.0, 6.0],
        "hard_tanh" => vec![-1.0, 1.0],
        "hard_sigmoid" => vec![-0.5 / parameter, 0.5 / parameter],
        "hard_swish" => vec![-3.0, 3.0],
        "soft_shrink" | "hard_shrink" => vec![-parameter, parameter],
        _ => vec![],
    }
}

#[test]
fn derivatives_are_those_of_the_values() {
    for f in everything::<f64>() {
        let name = f.name();
        let kinks = kinks(&name);
        // Differences of order 4. The step depends on the activation's shortest wavelength.
        let h = if name == "sine(30)" { 5e-5 } else { 5e-4 };
        for i in 0..=1600 {
            let x = -8.0 + 0.01 * f64::from(i) + 0.001_234;
            if kinks.iter().any(|kink| (x - kink).abs() < 3.0 * h) {
                continue;
            }
            let near = f.value(x + h) - f.value(x - h);
            let far = f.value(x + 2.0 * h) - f.value(x - 2.0 * h);
            let expected = (8.0 * near - far) / (12.0 * h);
            let got = slope(&f, x);
            let error = (got - expected).abs() / (1.0 + expected.abs());
            assert!(
                error < 1e-10,
                "{name} at {x}: expected {expected}, got {got}"
            );
        }
    }
}

/// Checks `f(x)` and `f'(x)` in both precisions. The expected values must be exact in f32 too.
#[track_caller]
fn check(name: &str, x: f64, value: f64, derivative: f64) {
    let same = |a: f64, b: f64| a == b || (a - b).abs() < 1e-15;
    let f = by_name::<f64>(name);
    let (y, dy) = (f.value(x), slope(&f, x));
    assert!(same(y, value), "{name}({x}): expected {value}, got {y}");
    assert!(
        same(dy, derivative),
        "{name}'({x}): expected {derivative}, got {dy}"
    );
    let f = by_name::<f32>(name);
    let x = x as f32;
    let (y, dy) = (f.value(x), slope(&f, x));
    let same = |a: f32, b: f64| f64::from(a) == b || (f64::from(a) - b).abs() < 5e-7;
    assert!(same(y, value), "{name}({x}): expected {value}, got {y}");
    assert!(
        same(dy, derivative),
        "{name}'({x}): expected {derivative}, got {dy}"
    );
}

#[test]
fn kinks_have_the_fields_slopes() {
    check("heaviside", 0.0, 1.0, 0.0);
    check("heaviside", -0.0, 1.0, 0.0);
    check("relu", 0.0, 0.0, 0.0);
    check("relu6", 0.0, 0.0, 0.0);
    check("relu6", 6.0, 6.0, 0.0);
    check("leaky_relu(0.25)", 0.0, 0.0, 0.25);
    check("leaky_relu(-0.25)", 0.0, 0.0, -0.25);
    check("hard_tanh", 1.0, 1.0, 0.0);
    check("hard_tanh", -1.0, -1.0, 0.0);
    check("hard_sigmoid(0.5)", 1.0, 1.0, 0.0);
    check("hard_sigmoid(0.5)", -1.0, 0.0, 0.0);
    check("elu(0.5)", 0.0, 0.0, 0.5);
    check("hard_swish", -3.0, 0.0, -0.5);
    check("hard_swish", 3.0, 3.0, 1.5);
    check("soft_shrink(0.5)", 0.5, 0.0, 0.0);
    check("soft_shrink(0.5)", -0.5, 0.0, 0.0);
    check("hard_shrink(0.5)", 0.5, 0.0, 0.0);
    check("hard_shrink(0.5)", -0.5, 0.0, 0.0);
}

#[test]
fn special_values() {
    use std::f64::consts::LN_2;
    check("heaviside", -1e-30, 0.0, 0.0);
    check("hard_sigmoid(0.2)", 1.0, 0.7, 0.2);
    check("hard_sigmoid(0.2)", -3.0, 0.0, 0.0);
    check("celu(2)", -2.0, 2.0 * (-1.0_f64).exp_m1(), (-1.0_f64).exp());
    check(
        "elu(2)",
        -1.0,
        2.0 * (-1.0_f64).exp_m1(),
        2.0 * (-1.0_f64).exp(),
    );
    check("softplus(2)", 0.0, LN_2 / 2.0, 0.5);
    check("log_sigmoid", 0.0, -LN_2, 0.5);
    check("log_sigmoid", -1000.0, -1000.0, 1.0);
    check("squareplus(4)", 0.0, 1.0, 0.5);
    check("squareplus(9)", 4.0, 4.5, 0.9);
    check("squareplus(9)", -4.0, 0.5, 0.1);
    check("tanhshrink", 20.0, 19.0, 1.0);
    check("soft_shrink", 2.0, 1.5, 1.0);
    check("soft_shrink", -2.0, -1.5, 1.0);
    check("soft_shrink", 0.25, 0.0, 0.0);
    check("hard_shrink", -2.0, -2.0, 1.0);
    check("hard_shrink", 0.25, 0.0, 0.0);
    check("gaussian", 0.0, 1.0, 0.0);
    check("gaussian", 1.0, (-1.0_f64).exp(), -2.0 * (-1.0_f64).exp());
    check("sine(2)", 0.0, 0.0, 2.0);
    check("identity", -7.0, -7.0, 1.0);
}

#[test]
fn infinities_give_the_limit() {
    const INF: f64 = f64::INFINITY;
    const LAMBDA: f64 = 1.050_700_987_355_480_5;
    // Each row holds f(-inf), f'(-inf), f(inf) and f'(inf).
    let limits = [
        ("identity", -INF, 1.0, INF, 1.0),
        ("heaviside", 0.0, 0.0, 1.0, 0.0),
        ("relu", 0.0, 0.0, INF, 1.0),
        ("relu6", 0.0, 0.0, 6.0, 0.0),
        ("leaky_relu(0.1)", -INF, 0.1, INF, 1.0),
        ("hard_tanh", -1.0, 0.0, 1.0, 0.0),
        ("hard_sigmoid(0.2)", 0.0, 0.0, 1.0, 0.0),
        ("sigmoid", 0.0, 0.0, 1.0, 0.0),
        ("log_sigmoid", -INF, 1.0, 0.0, 0.0),
        ("tanh", -1.0, 0.0, 1.0, 0.0),
        ("softsign", -1.0, 0.0, 1.0, 0.0),
        ("exponential", 0.0, 0.0, INF, INF),
        ("elu(1.5)", -1.5, 0.0, INF, 1.0),
        ("celu(1.5)", -1.5, 0.0, INF, 1.0),
        ("selu", -1.758_099_340_847_376_8, 0.0, INF, LAMBDA),
        ("softplus(2)", 0.0, 0.0, INF, 1.0),
        ("squareplus", 0.0, 0.0, INF, 1.0),
        ("gelu", 0.0, 0.0, INF, 1.0),
        ("gelu_tanh", 0.0, 0.0, INF, 1.0),
        ("silu", 0.0, 0.0, INF, 1.0),
        ("hard_swish", 0.0, 0.0, INF, 1.0),
        ("mish", 0.0, 0.0, INF, 1.0),
        ("tanhshrink", -INF, 1.0, INF, 1.0),
        ("soft_shrink", -INF, 1.0, INF, 1.0),
        ("hard_shrink", -INF, 1.0, INF, 1.0),
        ("gaussian", 0.0, 0.0, 0.0, 0.0),
        ("maxout", -INF, 1.0, INF, 1.0),
        ("glu", 0.0, 0.0, INF, 1.0),
        ("swiglu", 0.0, 0.0, INF, INF),
    ];
    let has_limits = |name: &&str| limits.iter().any(|limit| limit.0.starts_with(name));
    let missing: Vec<_> = activation::names()
        .filter(|name| !has_limits(name))
        .collect();
    assert_eq!(missing, ["sine"]);
    for (name, left, left_slope, right, right_slope) in limits {
        check(name, -INF, left, left_slope);
        check(name, INF, right, right_slope);
    }
}

/// Numbers of every sign and exponent, with the lowest, highest and some middle significands.
fn every_class_f32() -> impl Iterator<Item = f32> {
    let fractions = [0, 1, 0x2a_aaaa, 0x40_0000, 0x7f_ffff];
    (0..512_u32).flat_map(move |top| fractions.map(|low| f32::from_bits(top << 23 | low)))
}

fn every_class_f64() -> impl Iterator<Item = f64> {
    let fractions = [0, 1, 0x5_5555_5555_5555, 1 << 51, (1 << 52) - 1];
    (0..4096_u64).flat_map(move |top| fractions.map(|low| f64::from_bits(top << 52 | low)))
}

fn check_classes<T: Float>(numbers: impl Iterator<Item = T>) {
    let list = everything::<T>();
    for x in numbers {
        for f in &list {
            let name = f.name();
            let y = f.value(x);
            if x.is_nan() {
                assert!(y.is_nan(), "{name}({x}): expected NaN, got {y}");
                let _ = slope(f, x); // must not panic; the gradient is NaN anyway
                continue;
            }
            // A sine has no limit, and ωx may overflow.
            if name.starts_with("sine") && !(x * T::from_f64(30.0)).is_finite() {
                continue;
            }
            // 0 * infinity is NaN. A parameter of 0 is too rare to pay for a select.
            if name == "leaky_relu(0)" && x.is_infinite() {
                continue;
            }
            let dy = slope(f, x);
            assert!(
                !y.is_nan() && !dy.is_nan(),
                "{name}({x}): got {y}, slope {dy}"
            );
            let grows = name == "exponential" || name == "swiglu";
            assert!(dy.is_finite() || grows, "{name}'({x}): got {dy}");
            let grows = grows || x.is_infinite() || name == "selu";
            assert!(y.is_finite() || grows, "{name}({x}): got {y}");
        }
    }
}

#[test]
fn only_nan_gives_nan() {
    check_classes(every_class_f32());
    check_classes(every_class_f64());
}

/// Single samples are clamped instead of calling the activation, so all bits must agree, including
/// the sign of zero.
#[test]
fn a_floor_is_all_there_is() {
    let mut floors = Vec::new();
    for f in everything::<f32>() {
        let Some(low) = f.lower_clamp() else { continue };
        floors.push((f.name().into_owned(), low));
        for x in every_class_f32().filter(|x| !x.is_nan()) {
            let expected = if x < low { low } else { x };
            assert_eq!(f.value(x).to_bits(), expected.to_bits(), "{f:?}({x})");
        }
    }
    let expected = [("identity", f32::NEG_INFINITY), ("relu", 0.0)];
    assert_eq!(floors, expected.map(|(name, low)| (name.to_owned(), low)));
}

#[test]
fn names_are_read_back() {
    for f in everything::<f64>() {
        let again = by_name::<f64>(&f.name());
        assert_eq!(again.name(), f.name());
        assert_eq!(again.value(-0.7).to_bits(), f.value(-0.7).to_bits());
    }
    for (f, name) in activation::all::<f32>().iter().zip(activation::names()) {
        assert_eq!(f.name().split('(').next(), Some(name));
    }
    for (alias, name) in [
        ("linear", "identity"),
        ("step", "heaviside"),
        ("logistic", "sigmoid"),
        ("exp", "exponential"),
        ("swish", "silu"),
        ("hard_silu", "hard_swish"),
        ("gelu_erf", "gelu"),
        ("leaky_relu", "leaky_relu(0.01)"),
        (" elu ( 1.0 ) ", "elu(1)"),
        ("celu", "celu(1)"),
        ("sine", "sine(1)"),
        ("softplus", "softplus(1)"),
        ("squareplus", "squareplus(4)"),
        ("soft_shrink", "soft_shrink(0.5)"),
        ("hard_shrink", "hard_shrink(0.5)"),
        ("maxout", "maxout(2)"),
    ] {
        assert_eq!(by_name::<f32>(alias).name(), name);
    }
    // The name holds the number exactly, in the shortest form, even if it is tiny.
    let f: Shared<f64> = Arc::new(Sine::new(1e-7 / 3.0));
    assert_eq!(by_name::<f64>(&f.name()).name(), f.name());
}

/// The module's documentation must list every built-in.
#[test]
fn the_list_of_the_docs_has_every_type() {
    let docs = include_str!("../src/activation/mod.rs");
    let list = docs.lines().skip_while(|line| !line.starts_with("//! - "));
    let list: Vec<_> = list.take_while(|line| *line != "//!").collect();
    for f in activation::all::<f32>() {
        let text = format!("{f:?}");
        let link = format!("[`{}`]", text.split(' ').next().unwrap());
        assert!(
            list.iter().any(|line| line.contains(&link)),
            "{link} is missing"
        );
    }
}

#[test]
fn bad_names_are_errors() {
    let unknown = activation::parse::<f32>("rleu").unwrap_err();
    assert!(matches!(unknown, Error::UnknownName { .. }));
    for part in [
        "activation",
        "rleu",
        "relu, ",
        "leaky_relu(slope)",
        "gaussian",
    ] {
        assert!(unknown.to_string().contains(part), "{unknown}");
    }
    for name in ["", "(1)", "Relu", "relu relu", "elu,1"] {
        let error = activation::parse::<f64>(name).unwrap_err();
        assert!(matches!(error, Error::UnknownName { .. }), "{name}");
    }
    for name in [
        "hard_sigmoid",
        "relu(1)",
        "relu()",
        "relu(",
        "leaky_relu()",
        "leaky_relu(",
        "leaky_relu(0.1",
        "leaky_relu(0.1))",
        "leaky_relu(0.1, 0.2)",
        "leaky_relu(NaN)",
        "leaky_relu(inf)",
        "leaky_relu(-infinity)",
        "leaky_relu(1e999)",
        "leaky_relu(a tenth)",
        "celu(0)",
        "celu(-1)",
        "softplus(0)",
        "softplus(-1)",
        "squareplus(0)",
        "soft_shrink(-0.1)",
        "hard_shrink(-0.1)",
        "sine(0)",
        "hard_sigmoid(0)",
        "maxout(0)",
        "maxout(-1)",
        "maxout(2.5)",
        "maxout(257)",
        "maxout(inf)",
        "glu(2)",
    ] {
        let error = activation::parse::<f64>(name).unwrap_err();
        assert!(
            matches!(error, Error::InvalidSetting { .. }),
            "{name}: {error}"
        );
        assert!(error.to_string().contains(name), "{error}");
    }
    // These are finite and above 0 in f64, but not in f32.
    let vanishing = ["softplus(1e-60)", "leaky_relu(1e-60)", "soft_shrink(1e-60)"];
    let subnormal = ["sine(1e-40)", "softplus(1e-40)"];
    let overflowing = ["sine(1e39)", "elu(-1e39)", "hard_shrink(4e38)"];
    for name in vanishing.into_iter().chain(subnormal).chain(overflowing) {
        assert!(activation::parse::<f64>(name).is_ok());
        assert!(activation::parse::<f32>(name).is_err());
    }
}

/// Output and gradient of one neuron, computed without slices if the trait has such methods.
fn one_neuron<T: Float>(f: &Shared<T>, z: &[T], dy: T) -> (T, Vec<T>) {
    if let &[z] = z {
        let value = f.value(z);
        return (value, vec![dy * f.derivative(z, value)]);
    }
    let (mut y, mut dz) = ([T::zero()], vec![T::zero(); z.len()]);
    f.apply(z, &mut y);
    f.backprop(z, &y, &[dy], &mut dz);
    (y[0], dz)
}

fn check_slices<T: Float>() {
    // The sine uses another algorithm beyond 1e4.
    let wave = activation::parse::<T>("sine(30)").unwrap();
    let z = [1.0, -333.0, 334.0, 1e6, -0.0].map(T::from_f64);
    for z in [&z[..], &z[..2], &z[2..]] {
        let (mut y, mut dz) = (z.to_vec(), z.to_vec());
        wave.apply(z, &mut y);
        wave.backprop(z, &y, z, &mut dz);
        assert!(y.iter().zip(z).all(|(&y, &z)| y == wave.value(z)));
        let gradient = |z| z * wave.derivative(z, T::nan());
        assert!(dz.iter().zip(z).all(|(&dz, &z)| dz == gradient(z)));
    }

    let bits = |x: T| {
        if x.is_nan() {
            None
        } else {
            Some(x.integer_decode())
        }
    };
    for f in everything::<T>() {
        let pieces = f.pieces();
        for length in (0..=17).chain([31, 64, 101]) {
            let at = |i: usize, step: f64| T::from_f64((i as f64 - length as f64 / 2.0) * step);
            // Each of several pieces is the maximum somewhere.
            let wave = |i: usize| at(i / pieces, 0.37) + T::from_f64(0.3 * (i as f64).sin());
            let mut z: Vec<T> = match pieces {
                1 => (0..length).map(|i| at(i, 0.37)).collect(),
                _ => (0..length * pieces).map(wave).collect(),
            };
            if let [first, second, .., last] = z.as_mut_slice() {
                (*first, *second, *last) = (T::nan(), T::infinity(), T::neg_infinity());
            }
            let dy: Vec<T> = (0..length).map(|i| at(i, 0.11)).collect();
            let (mut y, mut dz) = (vec![T::one(); length], vec![T::one(); z.len()]);
            f.apply(&z, &mut y);
            f.backprop(&z, &y, &dy, &mut dz);
            let neurons = z.chunks(pieces).zip(dz.chunks(pieces));
            for (i, (z, dz)) in neurons.enumerate() {
                let (value, gradient) = one_neuron(&f, z, dy[i]);
                assert_eq!(bits(y[i]), bits(value), "{} at {z:?}", f.name());
                for (&got, &expected) in dz.iter().zip(&gradient) {
                    assert_eq!(bits(got), bits(expected), "{}' at {z:?}", f.name());
                }
            }
        }
    }
}

#[test]
fn slices_have_the_bits_of_single_values() {
    let before = InstructionSet::active();
    for set in InstructionSet::available() {
        set.activate().unwrap();
        check_slices::<f32>();
        check_slices::<f64>();
    }
    before.activate().unwrap();
}

#[test]
fn gains_are_those_of_pytorch_or_keep_the_moment() {
    let gain = |name: &str| by_name::<f32>(name).gain();
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} is not {b}");
    close(gain("identity"), 1.0);
    close(gain("sigmoid"), 1.0);
    close(gain("tanh"), 5.0 / 3.0);
    close(gain("relu"), 2.0_f64.sqrt());
    close(gain("leaky_relu(0.1)"), (2.0_f64 / 1.01).sqrt());
    close(gain("selu"), 1.0);
    // 1 / sqrt(E[f(Z)²]), computed with another quadrature.
    close(gain("gelu"), 1.533_530_441);
    close(gain("gelu_tanh"), 1.533_580_522);
    close(gain("silu"), 1.676_532_470);
    close(gain("mish"), 1.486_847_581);
    // The closed form: E = 1/2 + α² (e² Φ(-2) - 2 √e Φ(-1) + 1/2).
    close(
        gain("elu(0.5)"),
        1.0 / (0.5 + 0.25 * 0.144_945_417_f64).sqrt(),
    );
    close(gain("celu"), gain("elu"));
    // SIREN's bound for hidden layers, √(6/n)/ω, corresponds to a variance of gain²/n.
    close(gain("sine(30)"), 2.0_f64.sqrt() / 30.0);
    // Second moments of the maximum of 1 to 4 normal numbers: 1, 1, 1 + √3/(2π), 1 + √3/π.
    let root = 3.0_f64.sqrt() / std::f64::consts::TAU;
    close(gain("maxout"), 1.0);
    close(gain("maxout(3)"), 1.0 / (1.0 + root).sqrt());
    close(gain("maxout(4)"), 1.0 / (1.0 + 2.0 * root).sqrt());
    close(gain("glu"), 1.846_228_545);
    close(gain("swiglu"), gain("silu"));
}

#[test]
fn types_can_be_used_directly() {
    assert_eq!(LeakyRelu::new(0.1).value(-5.0_f32), -0.5);
    assert_eq!(HardSigmoid { slope: 0.25 }.value(0.0_f64), 0.5);
    assert_eq!(
        Activation::<f32>::name(&LeakyRelu::default()),
        "leaky_relu(0.01)"
    );
    for f in [LeakyRelu::new(0.1), LeakyRelu::new(-0.1)] {
        let needs_pre_activation = Activation::<f32>::needs_pre_activation(&f);
        assert_eq!(needs_pre_activation, f.slope < 0.0); // y loses the sign of x
    }
}
