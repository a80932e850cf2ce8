use super::*;
use crate::activation::{Glu, Identity, Maxout, Relu};

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

#[test]
fn neurons_of_several_pieces_are_parts_of_their_layer() {
    // The first neuron computes |x + y + 0.5|, the second max(x, y).
    let weights = [1.0, 1.0, -1.0, -1.0, 1.0, 0.0, 0.0, 1.0];
    let mut layer = Layer::new(weights, [0.5, -0.5, 0.0, 0.0], Maxout::new(2)).unwrap();
    assert_eq!((layer.inputs(), layer.outputs()), (2, 2));
    assert_eq!(layer.output(&[-2.0, 1.0]).unwrap(), [0.5, 1.0]);
    let neuron = layer.neuron(0).unwrap();
    assert_eq!(neuron.inputs(), 2);
    assert_eq!(neuron.weights(), [1.0, 1.0, -1.0, -1.0]);
    assert_eq!((neuron.bias(), neuron.biases()), (0.5, &[0.5, -0.5][..]));
    assert_eq!(neuron.pre_activations(&[-2.0, 1.0]).unwrap(), [-0.5, 0.5]);

    let neurons: Vec<_> = layer.neurons().collect();
    let gathered = Layer::from_neurons(&neurons).unwrap();
    assert_eq!(
        (gathered.weights(), gathered.bias()),
        (layer.weights(), layer.bias())
    );
    assert_eq!((gathered.inputs(), gathered.outputs()), (2, 2));

    let second = layer.neuron_mut(1).unwrap();
    second.weights[3] = 7.0;
    *second.bias = 8.0;
    second.other_biases[0] = 9.0;
    assert_eq!(second.other_biases.len(), 1);
    assert_eq!(
        (layer.weights()[7], &layer.bias()[2..]),
        (7.0, &[8.0, 9.0][..])
    );

    let mut own = Neuron::<f64>::random(3, 1, Glu).unwrap();
    assert_eq!((own.weights().len(), own.biases()), (6, &[0.0; 2][..]));
    *own.bias_mut() = 1.0;
    own.biases_mut()[1] = 2.0;
    assert_eq!(own.biases(), [1.0, 2.0]);
}

#[test]
fn pieces_that_do_not_fit_are_errors() {
    let message = |error: Error| error.to_string();
    let many = Neuron::new([1.0, 2.0], 0.0, Glu).unwrap_err();
    assert!(message(many).starts_with("pieces of a neuron's activation: expected 1 "));
    let neuron = Neuron::with_pieces([1.0, 2.0], [0.0, 0.0], Glu).unwrap();
    assert!(neuron.pre_activation(&[1.0]).is_err());
    assert!(neuron.pre_activations(&[1.0, 2.0]).is_err());
    assert_eq!(
        message(Neuron::with_pieces([1.0, 2.0], [0.0], Glu).unwrap_err()),
        "biases: expected 2 values, got 1"
    );
    assert_eq!(
        message(Neuron::with_pieces([1.0, 2.0, 3.0], [0.0, 0.0], Glu).unwrap_err()),
        "weights: expected one or more rows of 2 values, got 3 values"
    );
    assert_eq!(
        message(Layer::new([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], Glu).unwrap_err()),
        "bias: expected one or more rows of 2 values, got 3 values"
    );
    let none = "pieces of maxout: expected a whole number from 1 to 256, got 0";
    let maxout = Maxout::new(0);
    assert_eq!(message(Layer::new([1.0], [0.0], maxout).unwrap_err()), none);
    let neuron = Neuron::with_pieces([1.0], [], maxout);
    assert_eq!(message(neuron.unwrap_err()), none);
    assert!(Neuron::<f32>::random(2, 1, maxout).is_err());
}
