//! The same bits: for every number of threads, on every fused instruction set, from release to
//! release. The hashes are pinned; a change of one is a change that users must be told of.

use std::ops::Range;

use feedforward::activation::{self, Identity};
use feedforward::loss::{ScikitSquaredError, SoftmaxCrossEntropy};
use feedforward::optimizer::{Adam, Nadam, Sgd};
use feedforward::schedule::Cosine;
use feedforward::simd::InstructionSet;
use feedforward::{Float, Mlp, Trainer};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const INPUTS: usize = 3;
const OUTPUTS: usize = 2;
const SAMPLES: usize = 700;

/// FNV-1a over the bits, in double precision, where both types are exact.
fn hash<T: Float>(values: &[T]) -> u64 {
    values
        .iter()
        .flat_map(|x| x.wide().to_bits().to_le_bytes())
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
        inputs.extend(x.map(T::of));
        targets.extend([share, 1.0 - share].map(T::of));
    }
    (inputs, targets)
}

/// A network with every built-in activation that can be trained, one after the other in three.
fn network<T: Float>(first: usize) -> Mlp<T> {
    let all = activation::all::<T>();
    let mut builder = Mlp::builder(INPUTS).seed(first as u64);
    for (layer, width) in [21, 40, 33].into_iter().enumerate() {
        builder = builder.hidden(width, all[(first + layer) % all.len()].clone());
    }
    builder.output(OUTPUTS, Identity).build().unwrap()
}

/// The activations of one pre-activation, and those of several.
const OF_ONE: Range<usize> = 0..27;
const OF_SEVERAL: Range<usize> = 27..30;

/// What short trainings and their predictions hash to, with these activations, three at a time;
/// minibatches of 420 rows make four chunks.
fn trained<T: Float>(activations: Range<usize>, threads: usize) -> u64 {
    let (inputs, targets) = data::<T>();
    let mut hashes = Vec::new();
    for first in activations.step_by(3) {
        let base = network::<T>(first);
        let mut trainers = vec![
            Trainer::new(ScikitSquaredError, Adam::scikit_learn(1e-3)).l2(1e-3),
            Trainer::new(SoftmaxCrossEntropy, Nadam::new(1e-3)).schedule(Cosine::default()),
        ];
        if first == 0 {
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

fn many_samples_on_all_cores_give_the_bits_of_few() {
    let net = network::<f32>(2);
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
        "not enough to be shared"
    );
    assert!(apart.eq(together.iter().copied()));
}

/// One test, since the choice of an instruction set holds for the whole process.
#[test]
fn the_bits_are_the_same_on_every_set_with_every_number_of_threads() {
    // Else nothing would be compared where this is the only fused set.
    assert!(cfg!(not(target_arch = "aarch64")) || InstructionSet::Neon.is_available());
    for set in InstructionSet::available() {
        set.activate().unwrap();
        many_samples_on_all_cores_give_the_bits_of_few();
        for (activations, pinned) in [(OF_ONE, PINNED), (OF_SEVERAL, PINNED_PIECES)] {
            let hashes = |threads| {
                let single = trained::<f32>(activations.clone(), threads);
                (single, trained::<f64>(activations.clone(), threads))
            };
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

/// For f32 and f64.
const PINNED: (u64, u64) = (0x16c8_1815_b53e_d420, 0xc867_183b_9645_dfb2);
const PINNED_PIECES: (u64, u64) = (0x5777_6b4d_f0d5_2189, 0xc44b_2f09_5f92_f1db);
