//! Training epochs of several networks.

use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use feedforward::activation::{Activation, Relu, Tanh};
use feedforward::loss::ScikitSquaredError;
use feedforward::optimizer::{Adam, State};
use feedforward::train::Batches;
use feedforward::{Float, GradientWorkspace, Mlp, Samples, Trainer};

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

/// A training run that continues epoch by epoch.
struct Run {
    net: Mlp<f32>,
    inputs: Vec<f32>,
    targets: Vec<f32>,
    optimizer: Adam,
    gradient: GradientWorkspace<f32>,
    state: State<f32>,
    batches: Batches,
    epochs: usize,
}

impl Run {
    fn after(epochs: usize) -> Self {
        let net = TUTORIAL.network(&Relu);
        let (inputs, targets) = TUTORIAL.data();
        let optimizer = Adam::scikit_learn(1e-3);
        let mut run = Self {
            gradient: GradientWorkspace::new(&net)
                .l2(1e-4)
                .expect("the penalty is valid"),
            state: State::new(&optimizer, net.layout()).expect("there is memory"),
            batches: Batches::new(TUTORIAL.samples, TUTORIAL.batch)
                .expect("it is valid")
                .shuffled(0),
            net,
            inputs,
            targets,
            optimizer,
            epochs: 0,
        };
        (0..epochs).for_each(|_| run.epoch());
        run
    }

    fn epoch(&mut self) {
        let Self {
            net,
            inputs,
            targets,
            optimizer,
            gradient,
            state,
            ..
        } = self;
        for rows in self.batches.epoch(self.epochs) {
            let loss = gradient.compute_samples(
                net,
                &Samples::new(inputs, targets).rows(rows),
                &ScikitSquaredError,
            );
            loss.expect("a job trains");
            let update = state.update(optimizer, 1e-3, net.params_mut(), gradient.values());
            update.expect("the state fits");
        }
        self.epochs += 1;
    }
}

/// Measures epochs at the beginning of a training run and late in it. By then, the moments of dead
/// neurons have decayed as far as they ever will.
fn long_run(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("long_run");
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(100));
    group.measurement_time(Duration::from_millis(700));
    for (id, epochs) in [
        ("tutorial_f32_first_epochs", 0),
        ("tutorial_f32_after_290_epochs", 290),
    ] {
        let mut run = None;
        group.bench_function(id, |bencher| {
            let run = run.get_or_insert_with(|| Run::after(epochs));
            bencher.iter(|| run.epoch());
        });
    }
    group.finish();
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
    long_run(criterion);
}
