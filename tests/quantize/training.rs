//! Training with the roundings of integers.

use std::ops::ControlFlow;

use feedforward::activation::{Identity, Parametric, Relu, Tanh};
use feedforward::loss::{SoftmaxCrossEntropy, SquaredError};
use feedforward::metrics::{Accuracy, Score, root_mean_squared_error};
use feedforward::optimizer::{AdamW, Sgd};
use feedforward::quantize::{OutputForm, QuantizedMlp, QuantizedMlpRef, Quantizer};
use feedforward::schedule::{Cosine, FlatCosine};
use feedforward::train::{StopReason, Validation};
use feedforward::{Clip, Error, Mlp, Samples, Scaler, Trainer};

use crate::networks::{data, random};

/// Handwritten digits with one-hot targets: training and test rows.
fn digits() -> [(Vec<f32>, Vec<f32>); 2] {
    data("digits.csv").map(|(inputs, labels)| {
        let mut targets = vec![0.0; labels.len() * 10];
        for (row, label) in targets.chunks_exact_mut(10).zip(labels) {
            row[label as usize] = 1.0;
        }
        (inputs, targets)
    })
}

fn classifier(epochs: usize, rate: f64) -> Trainer<f32> {
    Trainer::new(SoftmaxCrossEntropy, AdamW::new(rate))
        .schedule(Cosine::default())
        .batch_size(32)
        .epochs(epochs)
}

#[test]
fn digits_are_learned_with_few_bits() {
    let [(inputs, targets), (test, test_targets)] = digits();
    let accuracy = |y: Vec<f32>| Accuracy.score(&y, &test_targets, 10, None);
    let seeds = 1..=4_u64;
    // Means of f32, of quantization after training, and of training with roundings.
    let mut sums = [[0.0; 3]; 9];
    for seed in seeds.clone() {
        let builder = Mlp::<f32>::builder(64).hidden(16, Relu).hidden(16, Relu);
        let mut net = builder.output(10, Identity).seed(seed).build().unwrap();
        classifier(30, 3e-3).fit(&mut net, &inputs, &targets).unwrap();
        let before = accuracy(net.predict(&test).unwrap());
        for bits in [8, 4, 3, 2] {
            let quantizer = Quantizer::new().weight_bits(bits);
            let after = quantizer.quantize(&net, &inputs).unwrap();
            let tuner = classifier(20, 1e-3);
            let (trained, _) = quantizer.fit(&tuner, &mut net.clone(), &inputs, &targets).unwrap();
            let [after, trained] = [after, trained].map(|net| accuracy(net.predict(&test).unwrap()));
            for (sum, x) in sums[bits as usize].iter_mut().zip([before, after, trained]) {
                *sum += x / seeds.clone().count() as f64;
            }
        }
    }
    for bits in [8, 4, 3, 2] {
        println!("{bits}: {:.4?}", sums[bits]);
    }
}

#[test]
fn regressions_are_learned_with_few_bits() {
    let x: Vec<f32> = (0..400).map(|i| (i as f32 / 200.0 - 1.0) * 3.0).collect();
    let y: Vec<f32> = x.iter().map(|x| x.sin()).collect();
    let [(inputs, targets), (test, test_targets)] = data("diabetes.csv");
    let scaler = Scaler::standard(&inputs, 10).unwrap();
    let to = Scaler::standard(&targets, 1).unwrap();
    let [inputs, test] = [inputs, test].map(|x| scaler.transform(&x).unwrap());
    let [targets, test_targets] = [targets, test_targets].map(|y| to.transform(&y).unwrap());
    let sets = [
        ("sine", [&x, &y, &x, &y], 1, 200),
        ("diabetes", [&inputs, &targets, &test, &test_targets], 10, 40),
    ];
    for (name, [x, y, test, test_targets], width, epochs) in sets {
        let error = |y: Vec<f32>| root_mean_squared_error(&y, test_targets, 1).unwrap();
        let builder = Mlp::<f32>::builder(width).hidden(16, Tanh).hidden(16, Tanh);
        let mut net = builder.output(1, Identity).seed(1).build().unwrap();
        let trainer = |rate| Trainer::new(SquaredError, AdamW::new(rate))
            .schedule(Cosine::default())
            .batch_size(32)
            .epochs(epochs);
        trainer(1e-2).fit(&mut net, x, y).unwrap();
        let before = error(net.predict(test).unwrap());
        for bits in [8, 4, 3, 2] {
            let quantizer = Quantizer::new().weight_bits(bits);
            let after = error(quantizer.quantize(&net, x).unwrap().predict(test).unwrap());
            for rate in [3e-3, 1e-2] {
            let (trained, _) = quantizer.fit(&trainer(rate), &mut net.clone(), x, y).unwrap();
            let trained = error(trained.predict(test).unwrap());
            println!("{name} {bits} {rate}: {before:.4} {after:.4} {trained:.4}");
            }
        }
    }
}
