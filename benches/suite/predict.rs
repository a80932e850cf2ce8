//! One sample at a time.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use feedforward::activation::{LeakyRelu, Relu};
use feedforward::{Float, Predictor};

use crate::jobs::{JOBS, Job};

const PERCEPTRON: Job = Job {
    name: "3-1",
    sizes: &[3, 1],
    samples: 1,
    batch: 1,
};

fn network<T: Float>(criterion: &mut Criterion, suffix: &str, job: Job) {
    let mut group = criterion.benchmark_group("predict");
    let net = match job.sizes.len() {
        2 => job.network::<T>(&LeakyRelu::new(0.1)),
        _ => job.network::<T>(&Relu),
    };
    let (inputs, _) = job.data::<T>();
    let sample = &inputs[..net.inputs()];
    let mut predictor = Predictor::new(&net).expect("a job's network is finite");
    let mut output = vec![T::zero(); net.outputs()];
    group.throughput(Throughput::Elements(2 * net.params().len() as u64));
    group.bench_function(format!("{}_{suffix}", job.name), |bencher| {
        bencher.iter(|| predictor.predict_into(black_box(sample), black_box(&mut output)));
    });
    group.finish();
}

pub(crate) fn benchmark(criterion: &mut Criterion) {
    for job in [PERCEPTRON, JOBS[1], JOBS[0], JOBS[2]] {
        network::<f32>(criterion, "f32", job);
        network::<f64>(criterion, "f64", job);
    }
}
