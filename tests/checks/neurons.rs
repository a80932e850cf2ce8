//! A network is bit-identical to its neurons, computed one by one.

use feedforward::simd::InstructionSet;
use feedforward::{Error, Float, Mlp, Predictor};
use proptest::prelude::*;

mod random;
use random::{Shape, bits, shapes};

/// Passes every sample through every neuron, one after the other.
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

fn check<T: Float>(shape: &Shape) -> Result<(), TestCaseError> {
    let (net, inputs) = (shape.network::<T>(), shape.inputs::<T>());
    let expected = by_neurons(&net, &inputs);
    // Exponentials of exponentials may overflow, which a prediction must report.
    let compare = |got: Result<(), Error>, outputs: &[T], expected: &[T]| {
        if expected.iter().all(|y| y.is_finite()) {
            prop_assert_eq!(got, Ok(()));
            prop_assert_eq!(bits(outputs), bits(expected));
        } else {
            let overflows = matches!(got, Err(Error::Overflow { .. }));
            prop_assert!(overflows, "{:?}", got);
        }
        Ok(())
    };
    let outputs = net.predict(&inputs);
    let got = outputs.as_ref().map(|_| ()).map_err(Error::clone);
    compare(got, &outputs.unwrap_or_default(), &expected)?;

    let mut predictor = Predictor::new(&net).unwrap();
    let mut one = vec![T::zero(); net.outputs()];
    for (input, expected) in inputs
        .chunks(net.inputs())
        .zip(expected.chunks(net.outputs()))
    {
        let got = predictor.predict_into(input, &mut one);
        compare(got, &one, expected)?;
    }
    Ok(())
}

/// A single test, because the choice of an instruction set applies to the whole process.
#[test]
fn nested_neurons_equal_predictions_on_every_instruction_set() {
    for set in InstructionSet::available() {
        set.activate().unwrap();
        let cases = ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(150)
        };
        proptest!(cases, |(shape in shapes(1..60))| {
            check::<f32>(&shape)?;
            check::<f64>(&shape)?;
        });
    }
}
