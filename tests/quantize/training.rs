//! Training with the roundings of integers.

use std::time::Instant;

use feedforward::activation::{self, Identity, Relu};
use feedforward::loss::SoftmaxCrossEntropy;
use feedforward::metrics::{Accuracy, Score};
use feedforward::optimizer::AdamW;
use feedforward::quantize::Quantizer;
use feedforward::schedule::Cosine;
use feedforward::{Mlp, Trainer};

use crate::networks::data;

fn one_hot(labels: &[f32]) -> Vec<f32> {
    let mut targets = vec![0.0; labels.len() * 10];
    for (row, label) in targets.chunks_exact_mut(10).zip(labels) {
        row[*label as usize] = 1.0;
    }
    targets
}

fn accuracy(y: &[f32], targets: &[f32]) -> f64 {
    Accuracy.score(y, targets, 10, None)
}

#[test]
fn explore() {
    let [(inputs, labels), (test, test_labels)] = data("digits.csv");
    let (targets, test_targets) = (one_hot(&labels), one_hot(&test_labels));
    for name in ["relu", "tanh"] {
        for hidden in [16, 32, 64] {
        for seed in 1..=3 {
            let f = activation::parse::<f32>(name).unwrap();
            let builder = Mlp::<f32>::builder(64).hidden(hidden, f.clone()).hidden(hidden, f).output(10, Identity);
            let mut net = builder.seed(seed).build().unwrap();
            let trainer = Trainer::new(SoftmaxCrossEntropy, AdamW::new(3e-3)).batch_size(32).epochs(30).schedule(Cosine::default());
            let start = Instant::now();
            trainer.fit(&mut net, &inputs, &targets).unwrap();
            let time = start.elapsed();
            let base = accuracy(&net.predict(&test).unwrap(), &test_targets);
            print!("{name} {hidden} {seed}: f32 {base:.4} ({time:.2?})");
            for bits in [8, 4, 3, 2] {
                let quantizer = Quantizer::new().weight_bits(bits);
                let post = quantizer.quantize(&net, &inputs).unwrap();
                let mut tuned = net.clone();
                let fine = Trainer::new(SoftmaxCrossEntropy, AdamW::new(1e-3)).batch_size(32).epochs(20).schedule(Cosine::default());
                let start = Instant::now();
                let (qat, _) = quantizer.fit(&fine, &mut tuned, &inputs, &targets).unwrap();
                let time = start.elapsed();
                let mut fresh = Mlp::<f32>::builder(64).hidden(hidden, activation::parse::<f32>(name).unwrap()).hidden(hidden, activation::parse::<f32>(name).unwrap()).output(10, Identity).seed(seed).build().unwrap();
                let (scratch, _) = quantizer.fit(&trainer, &mut fresh, &inputs, &targets).unwrap();
                let of = |q: &feedforward::quantize::QuantizedMlp| accuracy(&q.predict(&test).unwrap(), &test_targets);
                print!("  {bits}: post {:.4} tuned {:.4} scratch {:.4} ({time:.2?})", of(&post), of(&qat), of(&scratch));
            }
            println!();
        }
        }
    }
    let _ = Relu;
}
