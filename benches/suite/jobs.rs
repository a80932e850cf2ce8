//! Networks to measure, and data for them.

use feedforward::activation::{Activation, Identity};
use feedforward::init::ScikitLearn;
use feedforward::{Float, Mlp};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// A training job: layer sizes, samples and minibatch.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) sizes: &'static [usize],
    pub(crate) samples: usize,
    pub(crate) batch: usize,
}

/// The tutorial's network, with 10 hidden layers of 100 neurons.
pub(crate) const TUTORIAL: Job = Job {
    name: "tutorial",
    sizes: &[2, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 3],
    samples: 10_000,
    batch: 200,
};

/// Jobs whose time for one update is measured. The minibatches of an epoch are of equal size.
pub(crate) const STEPS: [Job; 5] = [
    Job {
        name: "4-16-3_b32",
        sizes: &[4, 16, 3],
        samples: 10_240,
        batch: 32,
    },
    Job {
        name: "13-64-64-1_b32",
        sizes: &[13, 64, 64, 1],
        samples: 10_240,
        batch: 32,
    },
    Job {
        name: "13-64-64-1_b256",
        sizes: &[13, 64, 64, 1],
        samples: 10_240,
        batch: 256,
    },
    Job {
        name: "784-128-10_b64",
        sizes: &[784, 128, 10],
        samples: 5_120,
        batch: 64,
    },
    Job {
        name: "64-512-512-8_b256",
        sizes: &[64, 512, 512, 8],
        samples: 5_120,
        batch: 256,
    },
];

impl Job {
    /// Returns the floating-point operations of training on this many samples once.
    ///
    /// Each layer has three products, except that no gradient by the inputs is computed.
    pub(crate) fn flop(&self, samples: usize) -> u64 {
        let weights: usize = self.sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
        (samples * (6 * weights - 2 * self.sizes[0] * self.sizes[1])) as u64
    }

    pub(crate) fn steps_per_epoch(&self) -> usize {
        self.samples / self.batch
    }

    pub(crate) fn network<T: Float>(
        &self,
        activation: &(impl Activation<T> + Clone + 'static),
    ) -> Mlp<T> {
        let (last, hidden) = self.sizes[1..].split_last().expect("a job has layers");
        let mut builder = Mlp::builder(self.sizes[0]).initializer(ScikitLearn);
        for &size in hidden {
            builder = builder.hidden(size, activation.clone());
        }
        builder
            .output(*last, Identity)
            .build()
            .expect("a job's sizes are valid")
    }

    /// Inputs in [-1, 1] and smooth targets in [0, 1].
    pub(crate) fn data<T: Float>(&self) -> (Vec<T>, Vec<T>) {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (width, outputs) = (self.sizes[0], self.sizes[self.sizes.len() - 1]);
        let inputs: Vec<f64> = (0..self.samples * width)
            .map(|_| 2.0 * rng.random::<f64>() - 1.0)
            .collect();
        let targets = inputs.chunks(width).flat_map(|x| {
            let sum: f64 = x.iter().sum();
            (0..outputs).map(move |k| T::from_f64(0.5 + 0.5 * (sum * (k + 1) as f64).sin()))
        });
        let targets = targets.collect();
        (inputs.into_iter().map(T::from_f64).collect(), targets)
    }
}
