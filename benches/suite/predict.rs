//! Prediction of one sample at a time: the median, the worst of many calls, and the machine's
//! bound.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput};
use feedforward::activation::{LeakyRelu, Relu, Tanh};
use feedforward::init::ScikitLearn;
use feedforward::simd::{self, Op, Simd, Vector};
use feedforward::{Float, LayerSpec, Mlp, MlpRef, Population, Predictor};

use crate::generated::small;
use crate::jobs::{Job, TUTORIAL};

const fn one_sample(name: &'static str, sizes: &'static [usize]) -> Job {
    Job {
        name,
        sizes,
        samples: 1,
        batch: 1,
    }
}

/// Networks from one neuron to one that fills a second-level cache.
pub(crate) const NETWORKS: [Job; 5] = [
    one_sample("3-1", &[3, 1]),
    one_sample("4-16-3", &[4, 16, 3]),
    one_sample("16-64-64-4", &[16, 64, 64, 4]),
    one_sample("784-128-10", &[784, 128, 10]),
    TUTORIAL,
];

/// Suffixes of the benchmarks that are measured beside a predictor.
pub(crate) const BORROWED: &str = "_borrowed";
pub(crate) const LOOPS: &str = "_loops";
pub(crate) const BOUND: &str = "_bound";

fn network<T: Float>(job: &Job) -> Mlp<T> {
    match job.sizes {
        // The single neuron of the tutorial.
        [inputs, outputs] => Mlp::builder(*inputs)
            .initializer(ScikitLearn)
            .output(*outputs, LeakyRelu::new(0.1))
            .build()
            .expect("a job's sizes are valid"),
        _ => job.network(&Relu),
    }
}

/// A network as people write it by hand, with nested vectors and a loop for each sum.
struct Nested<T> {
    layers: Vec<(Vec<Vec<T>>, Vec<T>)>,
    slope: T,
}

impl<T: Float> Nested<T> {
    fn new(net: &Mlp<T>) -> Self {
        let layers = net.layers().map(|layer| {
            let rows = layer.weights().chunks(layer.inputs()).map(<[T]>::to_vec);
            (rows.collect(), layer.bias().to_vec())
        });
        let slope = T::from_f64(if net.depth() == 1 { 0.1 } else { 0.0 });
        Self {
            layers: layers.collect(),
            slope,
        }
    }

    fn predict(&self, input: &[T]) -> Vec<T> {
        let mut x = input.to_vec();
        for (index, (weights, bias)) in self.layers.iter().enumerate() {
            let hidden = index + 1 < self.layers.len() || self.layers.len() == 1;
            let mut y = Vec::with_capacity(bias.len());
            for (row, b) in weights.iter().zip(bias) {
                let mut z = *b;
                for (w, x) in row.iter().zip(&x) {
                    z += *w * *x;
                }
                y.push(if hidden && z < T::zero() {
                    z * self.slope
                } else {
                    z
                });
            }
            x = y;
        }
        x
    }
}

/// Reads every parameter once, which is a lower bound for any prediction.
struct Stream<'a, T>(&'a [T]);

impl<T: Float> Op for Stream<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> T {
        const CHAINS: usize = 8;
        let lanes = T::Vector::<S>::LANES;
        let mut sums = [T::Vector::<S>::splat(simd, T::zero()); CHAINS];
        for block in self.0.chunks_exact(CHAINS * lanes) {
            for v in 0..CHAINS {
                sums[v] = sums[v].add(T::Vector::<S>::load(simd, &block[v * lanes..]));
            }
        }
        let mut sum = sums[0];
        for other in &sums[1..] {
            sum = sum.add(*other);
        }
        let mut out = [T::zero(); 64];
        sum.store(&mut out);
        out[0]
    }
}

/// Returns a sample for a network, and a buffer for its prediction.
fn sample<T: Float>(job: &Job) -> (Vec<T>, Vec<T>) {
    let one = Job { samples: 1, ..*job };
    (
        one.data().0,
        vec![T::zero(); job.sizes[job.sizes.len() - 1]],
    )
}

fn measure<T: Float>(criterion: &mut Criterion, suffix: &str, job: &Job) {
    let mut group = criterion.benchmark_group("predict");
    let net = network::<T>(job);
    let (input, mut output) = sample(job);
    let mut predictor = Predictor::new(&net).expect("a job's network is finite");
    let nested = Nested::new(&net);
    // The hand-written loop must compute the same function.
    predictor
        .predict_into(&input, &mut output)
        .expect("sizes fit");
    for (ours, theirs) in output.iter().zip(nested.predict(&input)) {
        assert!(
            (*ours - theirs).abs() < T::from_f64(1e-4),
            "{ours} {theirs}"
        );
    }
    // The kernel's copies of the weights start on a cache line, and so must those of the bound.
    let slack = 64 / size_of::<T>();
    let mut copy = vec![T::zero(); net.params().len() + slack];
    let start = copy.as_ptr().align_offset(64).min(slack);
    copy[start..][..net.params().len()].copy_from_slice(net.params());
    let params = &copy[start..][..net.params().len()];

    group.throughput(Throughput::Elements(2 * net.params().len() as u64));
    let id = format!("{}_{suffix}", job.name);
    group.bench_function(&id, |bencher| {
        bencher.iter(|| {
            // As in a program, the code after the call counts too: a check of the result.
            let predicted = predictor.predict_into(black_box(&input), black_box(&mut output));
            predicted.expect("sizes fit");
        });
    });
    let layers: Vec<_> = net.layers().collect();
    let specs = layers
        .iter()
        .map(|layer| LayerSpec::new(layer.outputs(), layer.activation()));
    let specs: Vec<_> = specs.collect();
    let borrowed = MlpRef::new(net.inputs(), &specs, net.params()).expect("the network's parts");
    let mut scratch = vec![T::zero(); borrowed.scratch_len()];
    group.bench_function(format!("{id}{BORROWED}"), |bencher| {
        bencher.iter(|| {
            let (input, output) = (black_box(&input), black_box(&mut output));
            let predicted = borrowed.predict_into(input, output, &mut scratch);
            predicted.expect("sizes fit");
        });
    });
    group.bench_function(format!("{id}{LOOPS}"), |bencher| {
        bencher.iter(|| nested.predict(black_box(&input)));
    });
    group.bench_function(format!("{id}{BOUND}"), |bencher| {
        bencher.iter(|| simd::dispatch(Stream(black_box(params))));
    });
    group.finish();
}

/// Measures the Rust source of a network 4-16-3, which needs no crate.
fn generated(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("predict");
    group.bench_function("4-16-3_f32_generated", |bencher| {
        bencher.iter(|| small::predict(black_box(&[0.1, 0.2, 0.3, 0.4])));
    });
    group.finish();
}

pub(crate) fn benchmark(criterion: &mut Criterion) {
    generated(criterion);
    for job in &NETWORKS {
        measure::<f32>(criterion, "f32", job);
        measure::<f64>(criterion, "f64", job);
    }
    populations(criterion);
}

/// Measures many networks, each with its own parameters and its own sample: together, and as one
/// predictor for each.
fn populations(criterion: &mut Criterion) {
    const COUNT: usize = 1000;
    const NAME: &str = "population_1000_of_6-16-4";
    let mut group = criterion.benchmark_group("predict");
    group.throughput(Throughput::Elements(COUNT as u64));
    let job = one_sample(NAME, &[6, 16, 4]);
    let inputs = Job {
        samples: COUNT,
        ..job
    }
    .data::<f32>()
    .0;
    let mut outputs = vec![0.0; COUNT * 4];
    for (activation, net) in [("", job.network(&Relu)), ("_tanh", job.network(&Tanh))] {
        let population = Population::new(&net, COUNT).expect("a job's network is finite");
        for (threads, suffix) in [(1, ""), (2, "_2_threads")] {
            let population = population.clone().threads(threads);
            let mut population = population.expect("the system starts two threads");
            group.bench_function(format!("{NAME}_f32{activation}{suffix}"), |bencher| {
                bencher.iter(|| {
                    let (inputs, outputs) = (black_box(&inputs), black_box(&mut outputs));
                    let predicted = population.predict_into(inputs, outputs);
                    predicted.expect("sizes fit");
                });
            });
        }
        let predictor = Predictor::new(net).expect("a job's network is finite");
        let mut predictors = vec![predictor; COUNT];
        group.bench_function(format!("{NAME}_f32{activation}_predictors"), |bencher| {
            bencher.iter(|| {
                let rows = black_box(&inputs).chunks_exact(6);
                let rows = rows.zip(black_box(&mut outputs).chunks_exact_mut(4));
                for (predictor, (input, output)) in predictors.iter_mut().zip(rows) {
                    let predicted = predictor.predict_into(input, output);
                    predicted.expect("sizes fit");
                }
            });
        });
    }
    group.finish();
}

/// Sorted nanoseconds of single calls, and the cost of reading the clock.
pub(crate) struct Calls {
    pub(crate) sorted: Vec<u64>,
    pub(crate) clock: u64,
}

impl Calls {
    pub(crate) fn quantile(&self, part: f64) -> u64 {
        let last = self.sorted.len() - 1;
        self.sorted[(part * last as f64) as usize]
    }
}

/// Times `count` calls one by one.
pub(crate) fn calls<T: Float>(job: &Job, count: usize) -> Calls {
    let net = network::<T>(job);
    let (input, mut output) = sample(job);
    let mut predictor = Predictor::new(&net).expect("a job's network is finite");
    let time = |f: &mut dyn FnMut()| -> Vec<u64> {
        let mut times: Vec<u64> = (0..count)
            .map(|_| {
                let start = Instant::now();
                f();
                start.elapsed().as_nanos() as u64
            })
            .collect();
        times.sort_unstable();
        times
    };
    let clock = time(&mut || {})[count / 2];
    let sorted = time(&mut || {
        let predicted = predictor.predict_into(black_box(&input), black_box(&mut output));
        predicted.expect("sizes fit");
    });
    Calls { sorted, clock }
}
