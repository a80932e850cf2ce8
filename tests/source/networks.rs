//! Networks of all kinds, with inputs and the outputs of the portable instruction set.

use std::sync::OnceLock;

use feedforward::activation::{self, Activation, Identity, Maxout, Relu, Tanh};
use feedforward::simd::InstructionSet;
use feedforward::{Float, Mlp, MlpRef};

#[path = "../common/numbers.rs"]
pub mod numbers;
use numbers::Numbers;

/// Number of samples of each network.
pub const SAMPLES: usize = 10_000;

/// A network with its samples, and what it predicts for them.
pub struct Case<T> {
    pub net: Mlp<T>,
    pub inputs: Vec<T>,
    /// Empty for a sample that overflows.
    pub outputs: Vec<Vec<T>>,
}

/// Activations by name, in front of those of the output.
type Description<'a> = (usize, &'a [(usize, String)]);

fn build<T: Float>((inputs, layers): Description<'_>, seed: u64) -> Mlp<T> {
    let mut builder = Mlp::<T>::builder(inputs);
    let (last, hidden) = layers.split_last().unwrap();
    for (outputs, activation) in hidden {
        builder = builder.hidden(*outputs, activation::parse::<T>(activation).unwrap());
    }
    let output = activation::parse::<T>(&last.1).unwrap();
    let mut net = builder.output(last.0, output).build().unwrap();
    let mut numbers = Numbers(seed);
    let params = net.params_mut();
    params.fill_with(|| T::from_f64(2.0 * numbers.next() - 1.0));
    net
}

/// Returns a number of any size. Most are near 1, and some are extreme.
fn any<T: Float>(numbers: &mut Numbers, largest: f64) -> T {
    let sign = if numbers.next() < 0.5 { -1.0 } else { 1.0 };
    let kind = numbers.next();
    let size = if kind < 0.7 {
        4.0 * numbers.next()
    } else if kind < 0.8 {
        (60.0 * numbers.next() - 30.0).exp()
    } else if kind < 0.9 {
        0.0
    } else if kind < 0.95 {
        T::min_positive_value().as_f64() * numbers.next()
    } else {
        T::max_value().as_f64() * numbers.next()
    };
    T::from_f64(sign * size.min(largest))
}

fn case<T: Float>(net: Mlp<T>, seed: u64) -> Case<T> {
    // For large arguments, the sine is the platform's.
    let has_sine = net
        .layers()
        .any(|layer| layer.activation().name().contains("sine"));
    let largest = if has_sine { 5.0 } else { f64::MAX };
    let mut numbers = Numbers(seed);
    let inputs = (0..SAMPLES * net.inputs()).map(|_| any(&mut numbers, largest));
    let inputs: Vec<T> = inputs.collect();
    let borrowed = MlpRef::from(&net);
    let mut scratch = vec![T::zero(); borrowed.scratch_len()];
    let outputs = inputs.chunks(net.inputs()).map(|x| {
        let mut y = vec![T::zero(); net.outputs()];
        match borrowed.predict_into(x, &mut y, &mut scratch) {
            Ok(()) => y,
            Err(_) => Vec::new(),
        }
    });
    let outputs: Vec<_> = outputs.collect();
    let finite = outputs.iter().filter(|y| !y.is_empty()).count();
    assert!(
        finite > SAMPLES / 4,
        "{finite} samples of {net:?} do not overflow"
    );
    Case {
        net,
        inputs,
        outputs,
    }
}

/// Returns a network for each built-in activation, alone or between layers, and some of other
/// depths and sizes. What is alone for one type is between layers for the other.
fn all<T: Float>() -> Vec<Case<T>> {
    InstructionSet::Portable.activate().unwrap();
    let mut nets = Vec::new();
    let relu = || Activation::<T>::name(&Relu).into_owned();
    let identity = || Activation::<T>::name(&Identity).into_owned();
    for (index, activation) in activation::all::<T>().iter().enumerate() {
        let (name, index) = (activation.name().into_owned(), index as u64);
        if (index % 2 == 0) == (size_of::<T>() == 4) {
            let layers = [(1 + index as usize % 5, name)];
            nets.push(build((1 + index as usize % 4, &layers), index));
        } else {
            let layers = [(3 + index as usize % 7, name), (2, identity())];
            nets.push(build((2, &layers), index));
        }
    }
    let maxout = |pieces| Activation::<T>::name(&Maxout::new(pieces)).into_owned();
    let tanh = || Activation::<T>::name(&Tanh).into_owned();
    let parametric = |name: &str| format!("parametric({name})");
    let others: [Description<'_>; 8] = [
        (4, &[(16, relu()), (3, identity())]),
        (
            13,
            &[(9, tanh()), (8, relu()), (7, tanh()), (1, identity())],
        ),
        (33, &[(5, maxout(5)), (17, maxout(1)), (2, maxout(2))]),
        (
            7,
            &[(4, parametric("mish")), (3, parametric("leaky_relu(0.3)"))],
        ),
        (
            8,
            &[(31, "elu(-0.5)".into()), (5, "squareplus(0.001)".into())],
        ),
        (
            5,
            &[
                (6, "leaky_relu(-2)".into()),
                (6, "sine(30)".into()),
                (4, "identity".into()),
            ],
        ),
        (1, &[(1, "softplus(10)".into())]),
        (5, &[(12, tanh()), (7, "elu(1.5)".into())]),
    ];
    nets.extend(others.iter().map(|&other| build(other, 7)));
    nets.into_iter()
        .enumerate()
        .map(|(seed, net)| case(net, seed as u64))
        .collect()
}

/// Returns the text of `generated.rs`: the network of a benchmark, and one with every activation.
pub fn generated() -> String {
    let identity = || "identity".to_owned();
    let small = build::<f32>((4, &[(16, "relu".into()), (3, identity())]), 1);
    let every = activation::all::<f32>();
    let every = every
        .iter()
        .map(|activation| (2, activation.name().into_owned()));
    let last = [(2, "parametric(tanh)".into()), (1, identity())];
    let every = build::<f32>((3, &every.chain(last).collect::<Vec<_>>()), 1);
    [
        "//! Modules as they are generated, for lints and for a benchmark.\n".into(),
        small.to_rust_standalone("small").unwrap(),
        every.to_rust_standalone("every_activation").unwrap(),
    ]
    .join("\n")
}

/// Returns the networks in f32, which are computed once.
pub fn single() -> &'static [Case<f32>] {
    static CASES: OnceLock<Vec<Case<f32>>> = OnceLock::new();
    CASES.get_or_init(all)
}

/// Returns the networks in f64.
pub fn double() -> &'static [Case<f64>] {
    static CASES: OnceLock<Vec<Case<f64>>> = OnceLock::new();
    CASES.get_or_init(all)
}

/// Returns the bytes of all inputs.
pub fn input_bytes<T: Float>(cases: &[Case<T>]) -> Vec<u8> {
    let inputs = cases.iter().flat_map(|case| &case.inputs);
    inputs.flat_map(|&x| bytes(x)).collect()
}

fn bytes<T: Float>(x: T) -> Vec<u8> {
    match size_of::<T>() {
        4 => (x.as_f64() as f32).to_ne_bytes().to_vec(),
        _ => x.as_f64().to_ne_bytes().to_vec(),
    }
}

/// Checks that a program's outputs are bit-identical to those of the networks.
pub fn check<T: Float>(cases: &[Case<T>], who: &str, mut outputs: &[u8]) {
    let size = size_of::<T>();
    for case in cases {
        let width = case.net.outputs() * size;
        let samples = case.inputs.chunks(case.net.inputs());
        for (x, expected) in samples.zip(&case.outputs) {
            let (y, rest) = outputs.split_at(width);
            outputs = rest;
            let expected: Vec<_> = expected.iter().flat_map(|&y| bytes(y)).collect();
            if expected.is_empty() {
                let is_finite = |y: &[u8]| match size {
                    4 => f32::from_ne_bytes(y.try_into().unwrap()).is_finite(),
                    _ => f64::from_ne_bytes(y.try_into().unwrap()).is_finite(),
                };
                assert!(
                    !y.chunks(size).all(is_finite),
                    "{who}: {x:?} of {:?}",
                    case.net
                );
            } else {
                assert_eq!(y, expected, "{who}: {x:?} of {:?}", case.net);
            }
        }
    }
    assert!(outputs.is_empty());
}
