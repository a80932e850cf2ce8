//! The job that every library does, and the clock that times it.
//!
//! The tutorial's network, 2-100x10-3 with ReLU, learns 10,000 points of a picture. It minimizes
//! mean squared error with Adam, at a learning rate of 1e-3, in minibatches of 200 that are
//! reshuffled for each epoch. Everything else is the library's default.

use std::time::Instant;

use rand::seq::SliceRandom;

pub const SIZES: [usize; 12] = [2, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 3];
pub const INPUTS: usize = SIZES[0];
pub const OUTPUTS: usize = SIZES[SIZES.len() - 1];
pub const BATCH: usize = 200;
pub const LEARNING_RATE: f64 = 1e-3;

const SIDE: usize = 100;
pub const SAMPLES: usize = SIDE * SIDE;

/// The coordinates of each pixel, in [-1, 1), and its colors: a disk, a bar and waves.
pub struct Data<T> {
    pub inputs: Vec<T>,
    pub targets: Vec<T>,
}

impl<T: Copy + From<f32>> Data<T> {
    pub fn new() -> Self {
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        let coordinate = |i: usize| i as f32 / (SIDE / 2) as f32 - 1.0;
        for pixel in 0..SAMPLES {
            let (y, x) = (coordinate(pixel / SIDE), coordinate(pixel % SIDE));
            let colors = [y.hypot(x) < 0.7, y.abs() < 0.3, (5.0 * x).sin() > 0.0];
            inputs.extend([y, x].map(T::from));
            targets.extend(colors.map(|on| T::from(f32::from(u8::from(on)))));
        }
        Self { inputs, targets }
    }

    /// Copies the inputs and targets of a minibatch.
    pub fn gather(&self, batch: &[usize]) -> (Vec<T>, Vec<T>) {
        let rows = |values: &[T], width| {
            let row = |&i: &usize| &values[width * i..width * (i + 1)];
            batch.iter().flat_map(row).copied().collect()
        };
        (rows(&self.inputs, INPUTS), rows(&self.targets, OUTPUTS))
    }
}

impl<T: Copy + From<f32>> Default for Data<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// All samples, reshuffled for each epoch.
pub struct Order(Vec<usize>);

impl Order {
    pub fn new() -> Self {
        Self((0..SAMPLES).collect())
    }

    pub fn shuffled(&mut self) -> impl Iterator<Item = &[usize]> {
        self.0.shuffle(&mut rand::rng());
        self.0.chunks(BATCH)
    }
}

impl Default for Order {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Float {
    F32,
    F64,
}

/// Options of the command line, `[f32|f64] [EPOCHS]`.
#[derive(Clone, Copy)]
pub struct Options {
    pub float: Float,
    pub epochs: usize,
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
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            float,
            epochs,
            threads,
        }
    }
}

/// Milliseconds of each epoch. The first epoch is warm-up and is not reported.
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
        self.laps.push((now - self.started).as_secs_f64() * 1e3);
        self.started = now;
    }

    /// Prints one line for `run` to read. `loss` is the mean loss of the last epoch.
    pub fn report(mut self, library: &str, options: Options, loss: f64) {
        let dtype = match options.float {
            Float::F32 => "f32",
            Float::F64 => "f64",
        };
        let threads = options.threads;
        let laps = &mut self.laps[1..];
        laps.sort_by(f64::total_cmp);
        let (median, min, max) = (laps[laps.len() / 2], laps[0], laps[laps.len() - 1]);
        println!(
            "{library} {dtype} threads {threads} ms/epoch: \
             median {median:.1} min {min:.1} max {max:.1} loss {loss:.5}"
        );
    }
}
