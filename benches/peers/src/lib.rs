//! The jobs that every library does, and the clock that times them.
//!
//! A network with ReLU in its hidden layers minimizes mean squared error with Adam. The learning
//! rate is 1e-3, and minibatches are reshuffled for each epoch. Everything else is the library's
//! default.

use std::time::Instant;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

pub const LEARNING_RATE: f64 = 1e-3;

/// A training job. The minibatches of an epoch are of equal size.
#[derive(Clone, Copy)]
pub struct Job {
    pub name: &'static str,
    pub sizes: &'static [usize],
    pub samples: usize,
    pub batch: usize,
}

/// The tutorial's network, whose epoch is timed, and networks whose step is timed.
///
/// `peers.py` has an equal table.
pub const JOBS: [Job; 6] = [
    job(
        "tutorial",
        &[2, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 3],
        10_000,
        200,
    ),
    job("4-16-3_b32", &[4, 16, 3], 10_240, 32),
    job("13-64-64-1_b32", &[13, 64, 64, 1], 10_240, 32),
    job("13-64-64-1_b256", &[13, 64, 64, 1], 10_240, 256),
    job("784-128-10_b64", &[784, 128, 10], 5_120, 64),
    job("64-512-512-8_b256", &[64, 512, 512, 8], 5_120, 256),
];

const fn job(name: &'static str, sizes: &'static [usize], samples: usize, batch: usize) -> Job {
    Job {
        name,
        sizes,
        samples,
        batch,
    }
}

impl Job {
    pub const fn inputs(&self) -> usize {
        self.sizes[0]
    }

    pub const fn outputs(&self) -> usize {
        self.sizes[self.sizes.len() - 1]
    }

    /// Mean loss of an epoch, from the sum of its minibatches' losses.
    pub fn mean(&self, sum: f64) -> f64 {
        sum * self.batch as f64 / self.samples as f64
    }

    fn is_tutorial(&self) -> bool {
        self.name == JOBS[0].name
    }
}

pub struct Data<T> {
    pub inputs: Vec<T>,
    pub targets: Vec<T>,
    job: Job,
}

impl<T: Copy + From<f32>> Data<T> {
    pub fn new(job: Job) -> Self {
        let (inputs, targets) = if job.is_tutorial() {
            picture()
        } else {
            waves(job)
        };
        let convert = |values: Vec<f32>| values.into_iter().map(T::from).collect();
        Self {
            inputs: convert(inputs),
            targets: convert(targets),
            job,
        }
    }

    /// Copies the inputs and targets of a minibatch.
    pub fn gather(&self, batch: &[usize]) -> (Vec<T>, Vec<T>) {
        let rows = |values: &[T], width| {
            let row = |&i: &usize| &values[width * i..width * (i + 1)];
            batch.iter().flat_map(row).copied().collect()
        };
        (
            rows(&self.inputs, self.job.inputs()),
            rows(&self.targets, self.job.outputs()),
        )
    }
}

/// The coordinates of each pixel, in [-1, 1), and its colors: a disk, a bar and waves.
fn picture() -> (Vec<f32>, Vec<f32>) {
    const SIDE: usize = 100;
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    let coordinate = |i: usize| i as f32 / (SIDE / 2) as f32 - 1.0;
    for pixel in 0..SIDE * SIDE {
        let (y, x) = (coordinate(pixel / SIDE), coordinate(pixel % SIDE));
        let colors = [y.hypot(x) < 0.7, y.abs() < 0.3, (5.0 * x).sin() > 0.0];
        inputs.extend([y, x]);
        targets.extend(colors.map(|on| f32::from(u8::from(on))));
    }
    (inputs, targets)
}

/// Random inputs in [-1, 1), and smooth targets in [0, 1]: waves along the inputs' sum.
fn waves(job: Job) -> (Vec<f32>, Vec<f32>) {
    let mut rng = StdRng::seed_from_u64(1);
    let inputs = (0..job.samples * job.inputs()).map(|_| rng.random_range(-1.0..1.0));
    let inputs: Vec<f32> = inputs.collect();
    let targets = inputs.chunks(job.inputs()).flat_map(|row| {
        let sum: f32 = row.iter().sum();
        (1..=job.outputs()).map(move |k| 0.5 + 0.5 * (sum * k as f32).sin())
    });
    let targets = targets.collect();
    (inputs, targets)
}

/// All samples, reshuffled for each epoch.
pub struct Order {
    samples: Vec<usize>,
    batch: usize,
}

impl Order {
    pub fn new(job: Job) -> Self {
        Self {
            samples: (0..job.samples).collect(),
            batch: job.batch,
        }
    }

    pub fn shuffled(&mut self) -> impl Iterator<Item = &[usize]> {
        self.samples.shuffle(&mut rand::rng());
        self.samples.chunks(self.batch)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Float {
    F32,
    F64,
}

/// Options of the command line, `[f32|f64] [EPOCHS] [JOB]`.
#[derive(Clone, Copy)]
pub struct Options {
    pub float: Float,
    pub epochs: usize,
    pub job: Job,
    /// Number of cores that this process may use, as pinned by `taskset`.
    pub threads: usize,
}

impl Options {
    pub fn from_args() -> Self {
        let mut args = std::env::args().skip(1);
        let float = match args.next().as_deref() {
            None | Some("f32") => Float::F32,
            Some("f64") => Float::F64,
            Some(other) => panic!("f32 or f64 expected, not {other}"),
        };
        let epochs = args.next().map_or(10, |count| {
            count.parse().expect("EPOCHS is a positive number")
        });
        assert!(epochs > 0, "EPOCHS is a positive number");
        let name = args.next().unwrap_or_else(|| JOBS[0].name.into());
        let job = JOBS.into_iter().find(|job| job.name == name);
        let job = job.unwrap_or_else(|| panic!("{name} is not in {:?}", JOBS.map(|job| job.name)));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            float,
            epochs,
            job,
            threads,
        }
    }
}

/// Seconds of each epoch. The first epoch is warm-up and is not reported.
pub struct Clock {
    started: Instant,
    laps: Vec<f64>,
}

impl Clock {
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            laps: Vec::new(),
        }
    }

    /// Ends an epoch and starts the next.
    pub fn lap(&mut self) {
        let now = Instant::now();
        self.laps.push((now - self.started).as_secs_f64());
        self.started = now;
    }

    /// Prints one line for `run` to read. `loss` is the mean loss of the last epoch.
    pub fn report(mut self, library: &str, options: Options, loss: f64) {
        let Options { job, threads, .. } = options;
        let dtype = match options.float {
            Float::F32 => "f32",
            Float::F64 => "f64",
        };
        let (unit, scale) = if job.is_tutorial() {
            ("ms/epoch", 1e3)
        } else {
            ("us/step", 1e6 * job.batch as f64 / job.samples as f64)
        };
        let laps = &mut self.laps[1..];
        laps.sort_by(f64::total_cmp);
        let [median, min, max] = [laps.len() / 2, 0, laps.len() - 1].map(|i| scale * laps[i]);
        println!(
            "{library} {dtype} threads {threads} {unit}: \
             median {median:.2} min {min:.2} max {max:.2} loss {loss:.5}"
        );
    }
}
