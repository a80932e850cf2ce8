//! Tests that results are bit-identical for every number of threads, on every fused instruction
//! set, and from release to release. The hashes are pinned, and any change of them must be
//! announced to users.

use std::ops::ControlFlow;

use feedforward::activation::{self, Identity, Relu};
use feedforward::encoding::{Encoding, Fourier, Grid, GridSettings, Interpolation};
use feedforward::init::Orthogonal;
use feedforward::loss::{ScikitSquaredError, SoftmaxCrossEntropy, SquaredError};
use feedforward::metrics::R2;
use feedforward::optimizer::{Adam, Muon, Nadam, Sgd};
use feedforward::schedule::Cosine;
use feedforward::simd::InstructionSet;
use feedforward::train::{Lbfgs, Validation};
use feedforward::{Clip, Float, Mlp, Samples, Trainer};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const INPUTS: usize = 3;
const OUTPUTS: usize = 2;
const SAMPLES: usize = 700;

/// Returns the FNV-1a hash of the bits in double precision, which represents both types exactly.
fn hash<T: Float>(values: &[T]) -> u64 {
    values
        .iter()
        .flat_map(|x| x.as_f64().to_bits().to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

fn data<T: Float>() -> (Vec<T>, Vec<T>) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut inputs = Vec::new();
    let mut targets = Vec::new();
    for _ in 0..SAMPLES {
        let x: [f64; INPUTS] = std::array::from_fn(|_| rng.random::<f64>() * 2.0 - 1.0);
        let share = 0.5 + 0.25 * (x[0] * x[1] + x[2]);
        inputs.extend(x.map(T::from_f64));
        targets.extend([share, 1.0 - share].map(T::from_f64));
    }
    (inputs, targets)
}

/// A seed, and the activations of three hidden layers.
type Hidden = (u64, [&'static str; 3]);

/// Every built-in activation with one pre-activation. A new one needs another row and pin.
const OF_ONE: [Hidden; 9] = [
    (0, ["identity", "heaviside", "relu"]),
    (3, ["relu6", "leaky_relu", "hard_tanh"]),
    (6, ["hard_sigmoid(0.2)", "sigmoid", "log_sigmoid"]),
    (9, ["tanh", "softsign", "exponential"]),
    (12, ["elu", "celu", "selu"]),
    (15, ["softplus", "squareplus", "gelu"]),
    (18, ["gelu_tanh", "silu", "hard_swish"]),
    (21, ["mish", "tanhshrink", "soft_shrink"]),
    (24, ["hard_shrink", "sine", "gaussian"]),
];

/// Every built-in activation with several pre-activations.
const OF_SEVERAL: [Hidden; 1] = [(27, ["maxout", "glu", "swiglu"])];

#[test]
fn every_activation_is_pinned() {
    let pinned: Vec<_> = (OF_ONE.iter().chain(&OF_SEVERAL))
        .flat_map(|(_, names)| names.map(|name| name.split('(').next().unwrap()))
        .collect();
    let missing: Vec<_> = activation::names()
        .filter(|name| !pinned.contains(name))
        .collect();
    assert!(missing.is_empty(), "not pinned: {missing:?}");
}

fn network<T: Float>((seed, activations): Hidden) -> Mlp<T> {
    let mut builder = Mlp::builder(INPUTS).seed(seed);
    for (name, width) in activations.into_iter().zip([21, 40, 33]) {
        builder = builder.hidden(width, activation::parse::<T>(name).unwrap());
    }
    builder.output(OUTPUTS, Identity).build().unwrap()
}

/// Returns the hash of short training runs of these networks and of their predictions. Minibatches
/// of 420 rows make four chunks.
fn trained<T: Float>(networks: &[Hidden], threads: usize) -> u64 {
    let (inputs, targets) = data::<T>();
    let mut hashes = Vec::new();
    for &hidden in networks {
        let base = network::<T>(hidden);
        let mut trainers = vec![
            Trainer::new(ScikitSquaredError, Adam::scikit_learn(1e-3)).l2(1e-3),
            Trainer::new(SoftmaxCrossEntropy, Nadam::new(1e-3)).schedule(Cosine::default()),
        ];
        if hidden == OF_ONE[0] {
            let sgd = Sgd {
                nesterov: true,
                momentum: 0.9,
                ..Sgd::new(1e-3)
            };
            trainers.push(Trainer::new(ScikitSquaredError, sgd).validation_split(0.2));
        }
        for trainer in trainers {
            let mut net = base.clone();
            let trainer = trainer.batch_size(420).epochs(2).threads(threads);
            let history = trainer.fit(&mut net, &inputs, &targets).unwrap();
            hashes.push(hash(net.params()) as f64);
            hashes.push(hash(&net.predict(&inputs).unwrap()) as f64);
            hashes.push(history.loss());
        }
    }
    hash(&hashes)
}

/// Returns the hash of training runs with normal draws, encodings, Muon, dropout, clipping,
/// averages and weights, and with L-BFGS.
fn trained_by_all_means<T: Float>(threads: usize) -> u64 {
    let (inputs, targets) = data::<T>();
    let encoded = Fourier::new(INPUTS, 20, 0.5, 3)
        .unwrap()
        .encode(&[], &inputs);
    let encoded = encoded.unwrap();
    let weights: Vec<T> = (0..SAMPLES).map(|i| T::from_f64((i % 5) as f64)).collect();
    let mut net = Mlp::builder(40)
        .hidden_layers(3, 33, Relu)
        .output(OUTPUTS, Identity)
        .initializer(Orthogonal::default())
        .build()
        .unwrap();
    let trainer = Trainer::new(SquaredError, Muon::new(0.01))
        .batch_size(420)
        .epochs(3)
        .dropout(0.2)
        .clip(Clip::Norm(0.5))
        .weight_average(0.9)
        .validation(Validation::split(0.2).score(R2::default()))
        .threads(threads);
    let samples = Samples::new(&encoded, &targets).weights(&weights);
    let go_on = |_: &_, _: &_| ControlFlow::Continue(());
    let history = trainer.fit_with(&mut net, &samples, go_on).unwrap();
    let mut hashes = vec![hash(net.params()) as f64, history.loss()];
    hashes.extend(history.best_validation_score());
    let lbfgs = Lbfgs::new(SquaredError).iterations(5).threads(threads);
    lbfgs.fit(&mut net, &encoded, &targets).unwrap();
    hashes.push(hash(net.params()) as f64);
    hash(&hashes)
}

/// Returns the hash of training runs behind grids, dense and hashed, and of their predictions.
fn trained_behind_grids<T: Float>(threads: usize) -> u64 {
    let (mut inputs, targets) = data::<T>();
    let half = T::from_f64(0.5);
    for x in &mut inputs {
        *x = *x * half + half;
    }
    let mut hashes = Vec::new();
    for interpolation in [Interpolation::Linear, Interpolation::Smoothstep] {
        let grid = Grid::new(GridSettings {
            levels: 5,
            coarsest: 2,
            finest: 30,
            max_entries: 1 << 10,
            interpolation,
            ..GridSettings::new(INPUTS)
        });
        let builder = Mlp::builder(INPUTS).encoding(grid.unwrap());
        let builder = builder.hidden(33, Relu).output(OUTPUTS, Identity);
        let mut net = builder.seed(4).build().unwrap();
        let trainer = Trainer::new(SquaredError, Adam::new(0.01)).threads(threads);
        let trainer = trainer.batch_size(420).epochs(3);
        let history = trainer.fit(&mut net, &inputs, &targets).unwrap();
        hashes.push(hash(net.params()) as f64);
        hashes.push(hash(&net.predict(&inputs).unwrap()) as f64);
        hashes.push(history.loss());
    }
    hash(&hashes)
}

fn many_samples_on_all_cores_give_the_bits_of_few() {
    let net = network::<f32>((2, ["relu", "relu6", "leaky_relu"]));
    let inputs: Vec<f32> = data::<f32>()
        .0
        .into_iter()
        .cycle()
        .take(9000 * INPUTS)
        .collect();
    let together = net.predict(&inputs).unwrap();
    let apart = inputs
        .chunks(35 * INPUTS)
        .flat_map(|some| net.predict(some).unwrap());
    assert!(
        together.len() * net.params().len() / OUTPUTS > 1 << 23,
        "too few samples for several threads"
    );
    assert!(apart.eq(together.iter().copied()));
}

/// A single test, because the choice of an instruction set applies to the whole process.
#[test]
fn the_bits_are_the_same_on_every_set_with_every_number_of_threads() {
    // On AArch64, NEON is the only fused set, so without it nothing would be compared.
    assert!(cfg!(not(target_arch = "aarch64")) || InstructionSet::Neon.is_available());
    for set in InstructionSet::available() {
        set.activate().unwrap();
        many_samples_on_all_cores_give_the_bits_of_few();
        let of = |networks: &'static [Hidden]| {
            move |threads| {
                let single = trained::<f32>(networks, threads);
                (single, trained::<f64>(networks, threads))
            }
        };
        let by_all_means = |threads| {
            let single = trained_by_all_means::<f32>(threads);
            (single, trained_by_all_means::<f64>(threads))
        };
        let behind_grids = |threads| {
            let single = trained_behind_grids::<f32>(threads);
            (single, trained_behind_grids::<f64>(threads))
        };
        let cases: [(&dyn Fn(usize) -> Hashes, Hashes); 4] = [
            (&of(&OF_ONE), PINNED),
            (&of(&OF_SEVERAL), PINNED_PIECES),
            (&by_all_means, PINNED_BY_ALL_MEANS),
            (&behind_grids, PINNED_BEHIND_GRIDS),
        ];
        for (hashes, pinned) in cases {
            let got = hashes(1);
            for threads in [2, 3, 8] {
                assert_eq!(hashes(threads), got, "{set}, {threads} threads");
            }
            if set.is_fused() {
                assert_eq!(got, pinned, "{set}: {:#x} {:#x}", got.0, got.1);
            }
        }
    }
}

/// Hashes for f32 and f64.
type Hashes = (u64, u64);

const PINNED: Hashes = (0x696b_4b31_1ba7_0f20, 0x208b_ab7f_9872_6cf6);
const PINNED_PIECES: Hashes = (0x29ed_4225_dd22_a902, 0xc44b_2f09_5f92_f1db);
const PINNED_BY_ALL_MEANS: Hashes = (0x75b2_635e_3cd3_49e7, 0x6480_e121_d8c7_d2e5);
const PINNED_BEHIND_GRIDS: Hashes = (0x20d7_cd73_8893_aaea, 0xb373_ec10_6462_3673);
