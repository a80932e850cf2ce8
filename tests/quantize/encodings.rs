//! Networks with an encoding, which stays in f32.

use std::sync::Arc;

use feedforward::activation::{Identity, Tanh};
use feedforward::encoding::{
    self, Concat, Encoding, Grid, GridSettings, OneBlob, Periodic, PeriodicSettings, Positional,
    Scaled,
};
use feedforward::loss::SquaredError;
use feedforward::optimizer::AdamW;
use feedforward::quantize::{QuantizedMlp, QuantizedMlpRef, Quantizer};
use feedforward::{Mlp, MlpBuilder, Trainer};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// Numbers from 0 to 1.
fn unit(len: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..len).map(|_| rng.random()).collect()
}

fn network(encoding: impl Encoding<f32> + 'static) -> Mlp<f32> {
    let builder: MlpBuilder<f32> = Mlp::builder(2).encoding(encoding);
    let builder = builder.hidden(24, Tanh).output(2, Identity);
    let mut net = builder.seed(3).build().unwrap();
    let encoding = net.layout().encoding();
    for (param, x) in net.params_mut()[encoding].iter_mut().zip(unit(10_000, 9)) {
        *param += x - 0.5;
    }
    net
}

fn encodings() -> Vec<Arc<dyn Encoding<f32>>> {
    let grid = Grid::new(GridSettings::new(2)).unwrap();
    let waves = || Periodic::new(PeriodicSettings::new(1)).unwrap();
    let blob = || OneBlob::new(1, 8).unwrap();
    let concat = Concat::new(vec![
        Arc::new(waves()) as Arc<dyn Encoding<f32>>,
        Arc::new(blob()),
    ]);
    let concat = concat.unwrap();
    vec![
        Arc::new(grid),
        Arc::new(Positional::new(2, 3).unwrap()),
        Arc::new(concat.clone()),
        Arc::new(Scaled::new(concat).unwrap()),
        Arc::new(Scaled::new(encoding::Identity::new(2).unwrap()).unwrap()),
    ]
}

#[test]
fn an_encoding_stays_in_f32() {
    let (calibration, fresh) = (unit(2 * 400, 1), unit(2 * 700, 2));
    for encoding in encodings() {
        let net = network(encoding);
        let name = net.encoding().unwrap().name();
        let quantized = Quantizer::new().quantize(&net, &calibration).unwrap();
        assert_eq!(quantized.inputs(), 2);
        let report = quantized.compare(&net, &fresh).unwrap();
        let worst = report.layers.iter().map(|l| l.signal_to_noise);
        let worst = worst.fold(report.inputs.signal_to_noise, f64::min);
        assert!(worst > 30.0, "{name}\n{report}");

        // The view takes encoded inputs.
        let view = QuantizedMlpRef::from(&quantized);
        let encoded = quantized.encode(&fresh).unwrap();
        assert_eq!(encoded.len(), 700 * view.inputs());
        let mut outputs = vec![0.0; 700 * 2];
        let mut scratch = vec![0; view.scratch_len()];
        view.predict_into(&encoded, &mut outputs, &mut scratch)
            .unwrap();
        assert_eq!(quantized.predict(&fresh).unwrap(), outputs, "{name}");

        let same = QuantizedMlp::from_bytes(&quantized.to_bytes().unwrap()).unwrap();
        assert_eq!(same.predict(&fresh).unwrap(), outputs, "{name}");
    }
}

/// A scale of plain inputs becomes a part of the first layer, so the source needs no encoding.
#[test]
fn a_scale_is_folded() {
    let samples = unit(2 * 400, 1);
    let scaled = network(Scaled::new(encoding::Identity::new(2).unwrap()).unwrap());
    let quantized = Quantizer::new().quantize(&scaled, &samples).unwrap();
    let folded = scaled.fold_scale().unwrap();
    let expected = Quantizer::new().quantize(&folded, &samples).unwrap();
    assert_eq!(quantized.to_c("net"), expected.to_c("net"));
    assert!(quantized.to_rust("NET").is_ok() && quantized.to_rust_standalone("net").is_ok());
}

#[test]
fn faults_of_encodings_are_errors() {
    let samples = unit(2 * 50, 1);
    let net = network(Positional::new(2, 3).unwrap());
    let quantized = Quantizer::new().quantize(&net, &samples).unwrap();
    for source in [
        quantized.to_c("net"),
        quantized.to_rust("NET"),
        quantized.to_rust_standalone("net"),
    ] {
        let message = source.unwrap_err().to_string();
        assert!(
            message.contains("positional(inputs=2, octaves=3)"),
            "{message}"
        );
    }
    let trainer = Trainer::new(SquaredError, AdamW::new(0.01));
    let fitted = Quantizer::new().fit(&trainer, &mut net.clone(), &samples, &samples);
    let message = fitted.unwrap_err().to_string();
    assert!(
        message.contains("positional(inputs=2, octaves=3)"),
        "{message}"
    );
    assert!(quantized.encode(&samples[..3]).is_err());
    assert!(quantized.encode(&[0.0, f32::NAN]).is_err());
    let plain = Mlp::<f32>::builder(12).hidden(24, Tanh).output(2, Identity);
    let message = quantized
        .compare(&plain.build().unwrap(), &samples)
        .unwrap_err();
    assert!(message.to_string().contains("12 inputs"), "{message}");
}
