//! Epochs of training.

use std::time::Instant;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use feedforward::activation::{Activation, Relu, Tanh};
use feedforward::loss::ScikitSquaredError;
use feedforward::optimizer::Adam;
use feedforward::{Float, Trainer};

use crate::jobs::{JOBS, Job, TUTORIAL};

fn epoch<T: Float>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: &str,
    job: Job,
    activation: &(impl Activation<T> + Clone + 'static),
    threads: usize,
) {
    let net = job.network::<T>(activation);
    let (inputs, targets) = job.data::<T>();
    let trainer = Trainer::new(ScikitSquaredError, Adam::scikit_learn(1e-3))
        .l2(1e-4)
        .batch_size(job.batch)
        .threads(threads);
    group.throughput(Throughput::Elements(job.flop()));
    group.bench_function(id, |bencher| {
        bencher.iter_custom(|epochs| {
            let (mut net, trainer) = (net.clone(), trainer.clone().epochs(epochs as usize));
            let start = Instant::now();
            trainer
                .fit(&mut net, &inputs, &targets)
                .expect("a job trains");
            start.elapsed()
        });
    });
}

pub(crate) fn benchmark(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("train_epoch");
    group.sample_size(10);
    for job in JOBS {
        for (threads, suffix) in [(1, ""), (2, "_2_threads")] {
            epoch::<f32>(
                &mut group,
                &format!("{}_f32{suffix}", job.name),
                job,
                &Relu,
                threads,
            );
            epoch::<f64>(
                &mut group,
                &format!("{}_f64{suffix}", job.name),
                job,
                &Relu,
                threads,
            );
        }
    }
    epoch::<f32>(&mut group, "tutorial_tanh_f32", TUTORIAL, &Tanh, 1);
    epoch::<f64>(&mut group, "tutorial_tanh_f64", TUTORIAL, &Tanh, 1);
    group.finish();
}
