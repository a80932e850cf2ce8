use super::*;
use crate::activation::{Identity, Relu};

#[test]
fn writing_through_a_neuron_changes_its_layer() {
    let mut layer = Layer::new(vec![1.0, 2.0, 3.0, 4.0], vec![0.0, 0.0], Identity).unwrap();
    let neuron = layer.neuron_mut(1).unwrap();
    neuron.weights[0] = 30.0;
    *neuron.bias = 0.5;
    assert_eq!(layer.weights(), [1.0, 2.0, 30.0, 4.0]);
    assert_eq!(layer.output(&[1.0, 1.0]).unwrap(), [3.0, 34.5]);
}

#[test]
fn neurons_gather_into_a_layer() {
    let neurons = [
        Neuron::new([1.0, -2.0], 0.5, Relu).unwrap(),
        Neuron::new([0.0, 1.0], -0.5, Relu).unwrap(),
    ];
    let layer = Layer::from_neurons(&neurons).unwrap();
    assert_eq!(layer.weights(), [1.0, -2.0, 0.0, 1.0]);
    assert_eq!(layer.bias(), [0.5, -0.5]);

    let mixed = [
        neurons[0].clone(),
        Neuron::new([1.0, 1.0], 0.0, Identity).unwrap(),
    ];
    let error = Layer::from_neurons(&mixed).unwrap_err().to_string();
    assert_eq!(
        error,
        "activation of a layer's neuron: expected relu, got identity"
    );
    let ragged = [neurons[0].clone(), Neuron::new([1.0], 0.0, Relu).unwrap()];
    assert!(Layer::from_neurons(&ragged).is_err());
    assert!(Layer::<f32>::from_neurons::<Vec<f32>>(&[]).is_err());
}

#[test]
fn bad_shapes_are_errors() {
    assert!(Neuron::<f64>::new([], 0.0, Relu).is_err());
    assert!(Neuron::<f64>::random(0, 1, Relu).is_err());
    assert!(Layer::<f64>::new([1.0, 2.0, 3.0], [0.0, 0.0], Relu).is_err());
    assert!(Layer::<f64>::new([], [], Relu).is_err());
    let layer = Layer::new([1.0, 2.0], [0.0], Relu).unwrap();
    assert_eq!(
        layer.output(&[1.0]).unwrap_err().to_string(),
        "inputs of a neuron: expected 2 values, got 1"
    );
    assert_eq!(
        layer.neuron(1).unwrap_err().to_string(),
        "neuron index: expected below 1, got 1"
    );
}
