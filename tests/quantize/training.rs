//! Training with the roundings of integers.

use std::ops::ControlFlow;

use feedforward::activation::{Identity, Maxout, Parametric, Relu, Sigmoid, Tanh};
use feedforward::loss::{BinaryCrossEntropy, SoftmaxCrossEntropy, SquaredError};
use feedforward::metrics::{Accuracy, Score, root_mean_squared_error};
use feedforward::optimizer::{AdamW, Sgd};
use feedforward::quantize::{OutputForm, Quantizer, RangeRule};
use feedforward::schedule::{Cosine, FlatCosine};
use feedforward::train::{StopReason, Validation};
use feedforward::{Clip, Error, Mlp, Samples, Scaler, Trainer};

use crate::networks::{data, network, random};

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

/// Means over seeds of the accuracy in f32, after quantization, and after training with roundings:
///
/// | bits | f32 | quantized | trained |
/// |---|---|---|---|
/// | 8 | 0.9326 | 0.9326 | 0.9427 |
/// | 4 | 0.9326 | 0.9287 | 0.9404 |
/// | 3 | 0.9326 | 0.8881 | 0.9404 |
/// | 2 | 0.9326 | 0.7082 | 0.9109 |
#[test]
fn digits_are_learned_with_few_bits() {
    const SEEDS: u64 = 4;
    let [(inputs, targets), (test, test_targets)] = digits();
    let accuracy = |y: Vec<f32>| Accuracy.score(&y, &test_targets, 10, None);
    let mut means = [[0.0; 3]; 9];
    for seed in 1..=SEEDS {
        let builder = Mlp::<f32>::builder(64).hidden(16, Relu).hidden(16, Relu);
        let mut net = builder.output(10, Identity).seed(seed).build().unwrap();
        let trainer = classifier(30, 3e-3);
        trainer.fit(&mut net, &inputs, &targets).unwrap();
        let before = accuracy(net.predict(&test).unwrap());
        for bits in [8, 4, 3, 2] {
            let quantizer = Quantizer::new().weight_bits(bits);
            let after = quantizer.quantize(&net, &inputs).unwrap();
            let (trainer, mut net) = (classifier(20, 1e-3), net.clone());
            let trained = quantizer.fit(&trainer, &mut net, &inputs, &targets);
            let all = [after, trained.unwrap().0].map(|net| accuracy(net.predict(&test).unwrap()));
            let all = [before, all[0], all[1]];
            for (mean, x) in means[bits as usize].iter_mut().zip(all) {
                *mean += x / SEEDS as f64;
            }
        }
    }
    // Bits, the least that quantization loses, and the most that training loses.
    // A test sample is 0.0022, and instruction sets may differ in a few.
    for (bits, lost, most) in [
        (8, -0.005, 0.005),
        (4, -0.005, 0.005),
        (3, 0.025, 0.005),
        (2, 0.15, 0.04),
    ] {
        let [before, after, trained] = means[bits];
        println!("{bits} bits: {before:.4} {after:.4} {trained:.4}");
        assert!(before - after > lost, "{bits}: {before} {after}");
        assert!(before - trained < most, "{bits}: {before} {trained}");
    }
}

/// Errors relative to the standard deviation of the targets:
///
/// | data | bits | f32 | quantized | trained |
/// |---|---|---|---|---|
/// | sine | 8 | 0.0108 | 0.0237 | 0.0176 |
/// | sine | 4 | 0.0108 | 0.0457 | 0.0245 |
/// | sine | 3 | 0.0108 | 0.1051 | 0.0350 |
/// | sine | 2 | 0.0108 | 0.3125 | 0.0711 |
/// | diabetes | 4 | 0.6937 | 0.7278 | 0.7181 |
/// | diabetes | 2 | 0.6937 | 0.9532 | 0.6897 |
#[test]
fn regressions_are_learned_with_few_bits() {
    let x: Vec<f32> = (0..400).map(|i| (i as f32 / 200.0 - 1.0) * 3.0).collect();
    let y: Vec<f32> = x.iter().map(|x| x.sin()).collect();
    let [(inputs, targets), (test, test_targets)] = data("diabetes.csv");
    let scaler = Scaler::standard(&inputs, 10).unwrap();
    let to = Scaler::standard(&targets, 1).unwrap();
    let [inputs, test] = [inputs, test].map(|x| scaler.transform(&x).unwrap());
    let [targets, test_targets] = [targets, test_targets].map(|y| to.transform(&y).unwrap());
    let sine = ("sine", [&x, &y, &x, &y], 1, (200, 1e-2));
    let all = [&inputs, &targets, &test, &test_targets];
    let diabetes = ("diabetes", all, 10, (40, 3e-3));
    for (name, [x, y, test, test_targets], width, (epochs, rate)) in [sine, diabetes] {
        let error = |y: Vec<f32>| root_mean_squared_error(&y, test_targets, 1).unwrap();
        let builder = Mlp::<f32>::builder(width).hidden(16, Tanh).hidden(16, Tanh);
        let mut net = builder.output(1, Identity).seed(1).build().unwrap();
        let trainer = |rate| {
            Trainer::new(SquaredError, AdamW::new(rate))
                .schedule(Cosine::default())
                .batch_size(32)
                .epochs(epochs)
        };
        trainer(1e-2).fit(&mut net, x, y).unwrap();
        let before = error(net.predict(test).unwrap());
        for bits in [8, 4, 3, 2] {
            let quantizer = Quantizer::new().weight_bits(bits);
            let after = error(quantizer.quantize(&net, x).unwrap().predict(test).unwrap());
            let trained = quantizer
                .fit(&trainer(rate), &mut net.clone(), x, y)
                .unwrap();
            let trained = error(trained.0.predict(test).unwrap());
            println!("{name}, {bits} bits: {before:.4} {after:.4} {trained:.4}");
            // The error is that of two more bits.
            let is_good = match (name, bits) {
                ("sine", 8) => trained < after,
                ("sine", _) => trained < 0.6 * after,
                (_, 2) => trained < 0.8 * after && trained < before + 0.03,
                _ => trained < before + 0.06,
            };
            assert!(is_good, "{name} {bits}: {before} {after} {trained}");
        }
    }
}

fn bits(net: &Mlp<f32>) -> Vec<u32> {
    net.params().iter().map(|x| x.to_bits()).collect()
}

/// Every setting of a trainer works, and the result is the network of the best epoch.
#[test]
fn settings_of_the_trainer_hold() {
    let (inputs, test) = (random(6 * 400, 1), random(6 * 200, 2));
    let labels = |inputs: &[f32]| -> Vec<f32> {
        let rows = inputs.chunks_exact(6);
        rows.map(|x| f32::from(u8::from(x[0] * x[1] > x[2])))
            .collect()
    };
    let (targets, test_targets) = (labels(&inputs), labels(&test));
    let weights: Vec<f32> = (0..400_u16)
        .map(|i| f32::from(u8::from(i % 3 > 0)))
        .collect();
    let rows: Vec<usize> = (0..399).rev().collect();
    let samples = Samples::new(&inputs, &targets)
        .weights(&weights)
        .rows(&rows);
    let net = || {
        let builder = Mlp::<f32>::builder(6).hidden(20, Tanh).hidden(9, Relu);
        builder.output(1, Identity).seed(3).build().unwrap()
    };
    let trainer = Trainer::new(BinaryCrossEntropy, AdamW::new(2e-2))
        .batch_size(40)
        .epochs(60)
        .schedule(FlatCosine)
        .dropout(0.05)
        .dropout_schedule(FlatCosine)
        .decay_schedule(FlatCosine)
        .l2(1e-3)
        .clip(Clip::Norm(1.0))
        .weight_average(0.9)
        .mean_weight(true)
        .drop_last(true)
        .seed(7);
    let quantizer = Quantizer::new().weight_bits(3);
    let set = || Validation::set(&*test, &*test_targets);
    for trainer in [
        trainer.clone().validation(set()).early_stopping(1e-4, 6),
        trainer.clone().validation(set()).keep_best().epochs(25),
        trainer
            .clone()
            .validation(set().score(Accuracy))
            .keep_best()
            .epochs(10),
    ] {
        let (mut net, mut epochs) = (net(), 0);
        let fitted = quantizer.fit_with(&trainer, &mut net, &samples, |event, _| {
            epochs += usize::from(event.epoch().is_some());
            ControlFlow::Continue(())
        });
        let (quantized, history) = fitted.unwrap();
        assert_eq!(epochs, history.epochs.len());
        let best = history.epochs[history.best_epoch.unwrap() - 1];
        let y = quantized.predict(&test).unwrap();
        let losses = y.iter().zip(&test_targets).map(|(y, t)| {
            let sign = f64::from(1.0 - 2.0 * t);
            (1.0 + (sign * f64::from(*y)).exp()).ln()
        });
        let (loss, expected) = (losses.sum::<f64>() / 200.0, best.validation_loss.unwrap());
        println!("{} of {epochs}: {expected:.4} {loss:.4}", best.number);
        assert!((loss / expected - 1.0).abs() < 0.01, "{loss} {expected}");
    }
    let split = trainer.validation_split(0.2).early_stopping(0.0, 2);
    let (_, history) = quantizer
        .fit_with(&split, &mut net(), &samples, |_, _| {
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(history.best_epoch.is_some());
}

#[test]
fn a_callback_ends_the_run() {
    let (inputs, targets) = (random(6 * 50, 1), random(3 * 50, 2));
    let trainer = Trainer::new(SquaredError, Sgd::new(1e-2)).batch_size(10);
    let mut net = network("relu", "sigmoid");
    let mut updates = 0;
    let samples = Samples::new(&inputs, &targets);
    let fitted = Quantizer::new().fit_with(&trainer, &mut net, &samples, |_, _| {
        updates += 1;
        if updates == 8 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let (quantized, history) = fitted.unwrap();
    assert_eq!(history.stopped_by, StopReason::Callback);
    // 8 bits are near to f32.
    let (y, exact) = (
        quantized.predict(&inputs).unwrap(),
        net.predict(&inputs).unwrap(),
    );
    let error = root_mean_squared_error(&y, &exact, 3).unwrap();
    assert!(error < 0.01, "{error}");
}

#[test]
fn invalid_calls_change_nothing() {
    let (inputs, targets) = (random(6 * 50, 1), random(3 * 50, 2));
    let trainer = Trainer::new(SquaredError, Sgd::new(1e-2)).epochs(3);
    let quantizer = Quantizer::new();
    let refused = |quantizer: &Quantizer,
                   trainer: &Trainer<f32>,
                   net: &Mlp<f32>,
                   x: &[f32],
                   y: &[f32],
                   part: &str| {
        let mut given = net.clone();
        let error = quantizer
            .fit(trainer, &mut given, x, y)
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{part}: {error}");
        assert_eq!(bits(&given), bits(net), "{part}");
    };
    let net = network("tanh", "sigmoid");
    let of =
        |quantizer: Quantizer, part| refused(&quantizer, &trainer, &net, &inputs, &targets, part);
    of(
        quantizer.weight_bits(1),
        "bits of a weight: expected 2 to 8",
    );
    of(quantizer.range(RangeRule::Percentile(0.0)), "percentile");
    of(
        quantizer.outputs(OutputForm::Int32),
        "activation of int32 outputs",
    );
    let with =
        |trainer: Trainer<f32>, part| refused(&quantizer, &trainer, &net, &inputs, &targets, part);
    with(trainer.clone().epochs(0), "epochs");
    with(trainer.clone().keep_best(), "best epoch to keep");
    with(
        trainer.clone().with_loss(BinaryCrossEntropy),
        "output layer",
    );
    with(
        trainer
            .clone()
            .validation(Validation::set([f32::NAN; 6], [0.0; 3])),
        "validation inputs",
    );
    with(
        trainer
            .clone()
            .validation(Validation::set([0.0; 5], [0.0; 3])),
        "validation inputs",
    );
    with(
        trainer.clone().checkpoint("never-written.safetensors", 1),
        "checkpoint file",
    );
    let on = |x: &[f32], y: &[f32], part| refused(&quantizer, &trainer, &net, x, y, part);
    on(&inputs[1..], &targets, "inputs");
    on(&inputs, &targets[1..], "targets");
    on(&[], &[], "inputs");
    on(&[f32::INFINITY; 6], &[0.0; 3], "inputs");
    let of_net = |net: &Mlp<f32>, part| refused(&quantizer, &trainer, net, &inputs, &targets, part);
    let builder = || Mlp::<f32>::builder(6);
    of_net(
        &builder()
            .hidden(4, Maxout::new(2))
            .output(3, Identity)
            .build()
            .unwrap(),
        "function of one number",
    );
    of_net(
        &builder()
            .hidden(4, Parametric(Relu))
            .output(3, Identity)
            .build()
            .unwrap(),
        "function of one number",
    );
    let encoding = feedforward::encoding::Positional::new(6, 1).unwrap();
    of_net(
        &builder()
            .encoding(encoding)
            .output(3, Sigmoid)
            .build()
            .unwrap(),
        "encoding",
    );
    let mut broken = net.clone();
    broken.params_mut()[3] = f32::INFINITY;
    of_net(&broken, "parameters");
}

#[test]
fn divergence_is_an_error() {
    let (inputs, targets) = (random(6 * 50, 1), random(3 * 50, 2));
    let trainer = Trainer::new(SquaredError, Sgd::new(1e20)).epochs(30);
    let mut net = network("relu", "identity");
    let error = Quantizer::new()
        .fit(&trainer, &mut net, &inputs, &targets)
        .unwrap_err();
    assert!(matches!(error, Error::Diverged { .. }), "{error}");
    assert!(net.params().iter().all(|x| x.is_finite()));
}

/// The network grows after its ranges were chosen, and the outputs' range must follow.
#[test]
fn outputs_of_few_bits_cover_what_was_trained() {
    let x: Vec<f32> = (-100..=100).map(|i| i as f32 * 0.03).collect();
    let y: Vec<f32> = x.iter().map(|x| 10.0 * x.sin()).collect();
    let builder = Mlp::<f32>::builder(1).hidden(16, Tanh).output(1, Identity);
    let net = builder.seed(1).build().unwrap();
    let trainer = Trainer::new(SquaredError, AdamW::new(0.05)).epochs(2);
    let largest = |form| {
        let quantizer = Quantizer::new().outputs(form);
        let (quantized, _) = quantizer.fit(&trainer, &mut net.clone(), &x, &y).unwrap();
        let outputs = quantized.predict(&x).unwrap();
        outputs.iter().fold(0.0, |most: f32, y| most.max(y.abs()))
    };
    let expected = largest(OutputForm::Int32);
    for form in [OutputForm::Int8, OutputForm::Int16] {
        let got = largest(form);
        assert!(
            (got / expected - 1.0).abs() < 0.1,
            "{form:?}: {got} {expected}"
        );
    }
}
