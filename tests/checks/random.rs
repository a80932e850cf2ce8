//! Random networks with all activations, and samples for them.

use std::ops::Range;
use std::sync::Arc;

use feedforward::activation::{self, Activation};
use feedforward::{Float, Mlp};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// Layer sizes, starting with the inputs, and activations out of `activation::all`.
#[derive(Debug, Clone)]
pub struct Shape {
    pub sizes: Vec<usize>,
    pub activations: Vec<usize>,
    pub samples: usize,
    pub seed: u64,
}

/// Narrow layers, and layers near the widths at which the kernel changes its tiles.
pub fn shapes(samples: Range<usize>) -> impl Strategy<Value = Shape> {
    let size = prop_oneof![1usize..8, 1usize..40, 60usize..70, 97usize..103];
    let all = activation::all::<f64>().len();
    (proptest::collection::vec(size, 2..6), samples, any::<u64>()).prop_flat_map(
        move |(sizes, samples, seed)| {
            proptest::collection::vec(0..all, sizes.len() - 1).prop_map(move |activations| Shape {
                sizes: sizes.clone(),
                activations,
                samples,
                seed,
            })
        },
    )
}

impl Shape {
    pub fn network<T: Float>(&self) -> Mlp<T> {
        let all: Vec<Arc<dyn Activation<T>>> = activation::all();
        let (last, hidden) = self.activations.split_last().unwrap();
        let mut builder = Mlp::builder(self.sizes[0]);
        for (&size, &index) in self.sizes[1..].iter().zip(hidden) {
            builder = builder.hidden(size, all[index].clone());
        }
        let outputs = *self.sizes.last().unwrap();
        let mut net = builder.output(outputs, all[*last].clone()).build().unwrap();
        let params = numbers(self.seed, net.params().len(), 0.3);
        net.set_params(&params).unwrap();
        net
    }

    pub fn inputs<T: Float>(&self) -> Vec<T> {
        numbers(self.seed ^ 1, self.samples * self.sizes[0], 1.0)
    }
}

/// Returns numbers between `-largest` and `largest`.
pub fn numbers<T: Float>(seed: u64, count: usize, largest: f64) -> Vec<T> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let number = |_| T::from_f64((rng.random::<f64>() * 2.0 - 1.0) * largest);
    (0..count).map(number).collect()
}

pub fn bits<T: Float>(values: &[T]) -> Vec<u64> {
    values.iter().map(|x| x.as_f64().to_bits()).collect()
}
