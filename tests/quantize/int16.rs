//! Networks with 16-bit activations.

use feedforward::activation::{Identity, Relu, Tanh};
use feedforward::loss::SquaredError;
use feedforward::optimizer::Adam;
use feedforward::quantize::Quantizer;
use feedforward::schedule::Cosine;
use feedforward::{Activation, Mlp, Trainer, math};

/// Returns a network of 1-16-16-1 for the sine of x in 0..2π, and its training inputs.
pub fn sine(f: impl Activation<f32> + Clone + 'static, seed: u64) -> (Mlp<f32>, Vec<f32>) {
    let inputs: Vec<f32> = (0..=200_u16).map(|i| f32::from(i) * 0.031_415_93).collect();
    let targets: Vec<f32> = inputs.iter().map(|&x| math::sin(x)).collect();
    let mut net = Mlp::<f32>::builder(1)
        .hidden(16, f.clone())
        .hidden(16, f)
        .output(1, Identity)
        .seed(seed)
        .build()
        .unwrap();
    Trainer::new(SquaredError, Adam::new(0.005))
        .batch_size(16)
        .schedule(Cosine::default())
        .epochs(1000)
        .fit(&mut net, &inputs, &targets)
        .unwrap();
    (net, inputs)
}

/// Returns the largest and the root mean squared difference on fresh inputs.
pub fn difference(net: &Mlp<f32>, inputs: &[f32], quantizer: Quantizer) -> [f64; 2] {
    let quantized = quantizer.quantize(net, inputs).unwrap();
    let fresh: Vec<f32> = (0..=1000_u16)
        .map(|i| f32::from(i) * 0.006_283_185)
        .collect();
    let report = quantized.compare(net, &fresh).unwrap();
    if std::env::var("FF_WHERE").is_ok() {
        let (a, b) = (
            net.predict(&fresh).unwrap(),
            quantized.predict(&fresh).unwrap(),
        );
        let mut worst: Vec<_> = a
            .iter()
            .zip(&b)
            .map(|(a, b)| (a - b).abs())
            .zip(&fresh)
            .collect();
        worst.sort_by(|a, b| b.0.total_cmp(&a.0));
        println!("{:?} {report}", &worst[..5]);
    }
    [report.largest_error, report.root_mean_squared_error]
}

#[test]
fn figures() {
    let forms = [(8, false), (8, true), (16, false), (16, true)];
    for (name, is_tanh) in [("tanh", true), ("relu", false)] {
        let mut worst = [[0.0_f64; 2]; 4];
        for seed in 0..5 {
            let (net, inputs) = if is_tanh {
                sine(Tanh, seed)
            } else {
                sine(Relu, seed)
            };
            let fit = net.predict(&inputs).unwrap();
            let fit = fit
                .iter()
                .zip(&inputs)
                .map(|(y, x)| (y - x.sin()).abs())
                .fold(0.0, f32::max);
            print!("{name} {seed} fit {fit:.4}:");
            for (form, worst) in forms.iter().zip(&mut worst) {
                let quantizer = Quantizer::new()
                    .activation_bits(form.0)
                    .compensate_weights(form.1);
                let [largest, rms] = difference(&net, &inputs, quantizer);
                print!("  {largest:.5} {rms:.5}");
                *worst = [worst[0].max(largest), worst[1].max(rms)];
            }
            println!();
        }
        println!("{name} worst: {worst:.5?}");
    }
}

#[test]
fn figures_of_data() {
    use crate::{anomaly, networks};
    use feedforward::metrics::{Accuracy, root_mean_squared_error};
    let forms = [(8, false), (8, true), (16, false), (16, true)];
    let (digits, diabetes) = (networks::digits(), networks::diabetes());
    let net = anomaly::original();
    let [calibration, inputs] = anomaly::samples();
    let frames = 196 * 640;
    for form in forms {
        let quantizer = Quantizer::new()
            .activation_bits(form.0)
            .compensate_weights(form.1);
        let at = &digits;
        let quantized = quantizer.quantize(&at.net, &at.inputs).unwrap();
        let report = quantized
            .compare_with(&at.net, &at.test, &at.targets, &Accuracy)
            .unwrap();
        println!(
            "{form:?} digits {:.4?} rms {:.5} max {:.5}",
            report.score.unwrap().1,
            report.root_mean_squared_error,
            report.largest_error
        );
        let at = &diabetes;
        let quantized = quantizer.quantize(&at.net, &at.inputs).unwrap();
        let report = quantized.compare(&at.net, &at.test).unwrap();
        let error = |y: Vec<f32>| root_mean_squared_error(&y, &at.targets, 1).unwrap();
        println!(
            "{form:?} diabetes {:.4} {:.4} rms {:.5} max {:.5}",
            error(at.net.predict(&at.test).unwrap()),
            error(quantized.predict(&at.test).unwrap()),
            report.root_mean_squared_error,
            report.largest_error
        );
        let start = std::time::Instant::now();
        let quantized = quantizer.quantize(&net, &calibration).unwrap();
        let time = start.elapsed();
        let own = quantized.compare(&net, &inputs).unwrap();
        // Calibrated without the test's inputs.
        let other = quantizer.quantize(&net, &calibration[..frames]).unwrap();
        let other = other.compare(&net, &inputs).unwrap();
        println!(
            "{form:?} anomaly mse {:.5}, not calibrated {:.5}, {time:?}",
            own.root_mean_squared_error.powi(2),
            other.root_mean_squared_error.powi(2)
        );
    }
}
