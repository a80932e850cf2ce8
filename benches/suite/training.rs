//! Training epochs of the tutorial's network, and training steps of smaller ones.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use feedforward::activation::{Activation, Relu, Tanh};
use feedforward::loss::ScikitSquaredError;
use feedforward::optimizer::{Adam, State};
use feedforward::train::{Batches, TrainingEvent};
use feedforward::{Float, GradientWorkspace, Mlp, Samples, Trainer};

use crate::jobs::{Job, STEPS, TUTORIAL};

/// Work of one iteration of a benchmark.
#[derive(Clone, Copy)]
enum Unit {
    Epoch,
    Step,
}

fn train<T: Float>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: &str,
    (job, unit): (Job, Unit),
    activation: &(impl Activation<T> + Clone + 'static),
    threads: usize,
) {
    let net = job.network::<T>(activation);
    let (inputs, targets) = job.data::<T>();
    let trainer = Trainer::new(ScikitSquaredError, Adam::scikit_learn(1e-3))
        .l2(1e-4)
        .batch_size(job.batch)
        .threads(threads);
    let (samples, units_per_epoch) = match unit {
        Unit::Epoch => (job.samples, 1),
        Unit::Step => (job.batch, job.steps_per_epoch() as u64),
    };
    group.throughput(Throughput::Elements(job.flop(samples)));
    group.bench_function(id, |bencher| {
        bencher.iter_custom(|units| {
            // The checks before a training run, and its first epoch, are not measured.
            let epochs = units.div_ceil(units_per_epoch) + 1;
            let (mut net, trainer) = (net.clone(), trainer.clone().epochs(epochs as usize));
            let (mut start, mut end, mut ended) = (None, Duration::ZERO, 0);
            let samples = Samples::new(&inputs, &targets);
            let on_event = |event: &TrainingEvent, _: &Mlp<T>| {
                if let TrainingEvent::Epoch(epoch) = event {
                    let start = *start.get_or_insert_with(Instant::now);
                    (end, ended) = (start.elapsed(), epoch.number - 1);
                }
                ControlFlow::Continue(())
            };
            let trained = trainer.fit_with(&mut net, &samples, on_event);
            trained.expect("a job trains");
            let measured = ended as u64 * units_per_epoch;
            end.mul_f64(units as f64 / measured as f64)
        });
    });
}

fn train_all(group: &mut BenchmarkGroup<'_, WallTime>, job: (Job, Unit)) {
    for (threads, suffix) in [(1, ""), (2, "_2_threads")] {
        let id = |float| format!("{}_{float}{suffix}", job.0.name);
        train::<f32>(group, &id("f32"), job, &Relu, threads);
        train::<f64>(group, &id("f64"), job, &Relu, threads);
    }
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
    let tutorial = (TUTORIAL, Unit::Epoch);
    train_all(&mut group, tutorial);
    train::<f32>(&mut group, "tutorial_tanh_f32", tutorial, &Tanh, 1);
    train::<f64>(&mut group, "tutorial_tanh_f64", tutorial, &Tanh, 1);
    group.finish();
    let mut group = criterion.benchmark_group("train_step");
    group.sample_size(20);
    for job in STEPS {
        train_all(&mut group, (job, Unit::Step));
    }
    group.finish();
    ensembles(criterion);
    long_run(criterion);
}

/// Measures some epochs of several networks: side by side, and one after another.
fn ensembles(criterion: &mut Criterion) {
    const COUNT: usize = 8;
    const EPOCHS: usize = 4;
    const NAME: &str = "8_of_13-64-64-1_f32";
    let job = Job {
        name: NAME,
        sizes: &[13, 64, 64, 1],
        samples: 1024,
        batch: 32,
    };
    let mut group = criterion.benchmark_group("train_ensemble");
    group.sample_size(20);
    group.throughput(Throughput::Elements(
        (COUNT * EPOCHS) as u64 * job.flop(job.samples),
    ));
    let nets = vec![job.network::<f32>(&Relu); COUNT];
    let (inputs, targets) = job.data::<f32>();
    let trainer = Trainer::new(ScikitSquaredError, Adam::scikit_learn(1e-3))
        .batch_size(job.batch)
        .epochs(EPOCHS);
    let samples = [Samples::new(&inputs, &targets)];
    for (threads, suffix) in [(1, ""), (2, "_2_threads")] {
        let trainer = trainer.clone().threads(threads);
        group.bench_function(format!("{NAME}{suffix}"), |bencher| {
            bencher.iter(|| {
                let trained = trainer.fit_ensemble(&mut nets.clone(), &samples);
                trained.expect("a job trains")
            });
        });
    }
    group.bench_function(format!("{NAME}_single"), |bencher| {
        bencher.iter(|| {
            for (index, net) in nets.clone().iter_mut().enumerate() {
                let trainer = trainer.clone().threads(1).seed(index as u64);
                let trained = trainer.fit(net, &inputs, &targets);
                trained.expect("a job trains");
            }
        });
    });
    group.finish();
}
