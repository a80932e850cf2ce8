//! The network computes what its neurons compute, to the bit.

use std::sync::Arc;

use feedforward::activation::{self, Activation};
use feedforward::simd::InstructionSet;
use feedforward::{Float, Mlp, Predictor};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// A network of random shape and activations, and some samples for it.
#[derive(Debug, Clone)]
struct Shape {
    sizes: Vec<usize>,
    activations: Vec<usize>,
    samples: usize,
    seed: u64,
}

fn shapes() -> impl Strategy<Value = Shape> {
    let size = prop_oneof![1usize..8, 1usize..40, 60usize..70, 97usize..103];
    let all = activation::all::<f64>().len();
    (
        proptest::collection::vec(size, 2..6),
        1usize..60,
        any::<u64>(),
    )
        .prop_flat_map(move |(sizes, samples, seed)| {
            proptest::collection::vec(0..all, sizes.len() - 1).prop_map(move |activations| Shape {
                sizes: sizes.clone(),
                activations,
                samples,
                seed,
            })
        })
}

fn network<T: Float>(shape: &Shape) -> Mlp<T> {
    let all: Vec<Arc<dyn Activation<T>>> = activation::all();
    let mut builder = Mlp::builder(shape.sizes[0]).seed(shape.seed);
    let (last, hidden) = shape.activations.split_last().unwrap();
    for (&size, &index) in shape.sizes[1..].iter().zip(hidden) {
        builder = builder.hidden(size, all[index].clone());
    }
    let mut net = builder
        .output(*shape.sizes.last().unwrap(), all[*last].clone())
        .build()
        .unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(shape.seed);
    for p in net.params_mut() {
        *p = T::of(rng.random::<f64>() * 0.6 - 0.3);
    }
    net
}

/// Every sample through every neuron, one after the other.
fn by_neurons<T: Float>(net: &Mlp<T>, inputs: &[T]) -> Vec<T> {
    inputs
        .chunks(net.inputs())
        .flat_map(|sample| {
            net.layers().fold(sample.to_vec(), |values, layer| {
                layer
                    .neurons()
                    .map(|neuron| neuron.output(&values).unwrap())
                    .collect()
            })
        })
        .collect()
}

fn bits<T: Float>(values: &[T]) -> Vec<u64> {
    values.iter().map(|x| x.wide().to_bits()).collect()
}

fn check<T: Float>(shape: &Shape) -> Result<(), TestCaseError> {
    let net = network::<T>(shape);
    let mut rng = ChaCha8Rng::seed_from_u64(shape.seed ^ 1);
    let inputs: Vec<T> = (0..shape.samples * net.inputs())
        .map(|_| T::of(rng.random::<f64>() * 2.0 - 1.0))
        .collect();
    let expected = by_neurons(&net, &inputs);
    prop_assert_eq!(bits(&net.predict(&inputs).unwrap()), bits(&expected));

    let mut predictor = Predictor::new(&net).unwrap();
    let mut one = vec![T::zero(); net.outputs()];
    for (input, expected) in inputs
        .chunks(net.inputs())
        .zip(expected.chunks(net.outputs()))
    {
        predictor.predict_into(input, &mut one).unwrap();
        prop_assert_eq!(bits(&one), bits(expected));
    }
    Ok(())
}

/// One test, since the choice of an instruction set holds for the whole process.
#[test]
fn nested_neurons_equal_predictions_on_every_instruction_set() {
    for set in InstructionSet::available() {
        set.activate().unwrap();
        let cases = ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(150)
        };
        proptest!(cases, |(shape in shapes())| {
            check::<f32>(&shape)?;
            check::<f64>(&shape)?;
        });
    }
}
