//! Batches of samples in int8 and in f32.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use feedforward::activation::{Identity, Relu};
use feedforward::quantize::{QuantizedMlpRef, Quantizer};
use feedforward::{Mlp, Predictor};

/// So few samples that f32 uses one thread, as int8 does.
const SAMPLES: usize = 256;

pub(crate) fn benchmark(criterion: &mut Criterion) {
    for sizes in [&[4, 16, 3][..], &[64, 64, 10], &[640, 128, 640]] {
        measure(criterion, sizes);
    }
}

fn measure(criterion: &mut Criterion, sizes: &[usize]) {
    let (hidden, outputs) = (&sizes[1..sizes.len() - 1], sizes[sizes.len() - 1]);
    let builder = hidden.iter().fold(Mlp::builder(sizes[0]), |builder, &n| {
        builder.hidden(n, Relu)
    });
    let net = builder.output(outputs, Identity).seed(1).build();
    let net = net.expect("sizes above 0");
    let inputs: Vec<f32> = (0..SAMPLES * sizes[0]).map(|i| (i as f32).sin()).collect();
    let quantized = Quantizer::new().quantize(&net, &inputs).expect("samples");
    let view = QuantizedMlpRef::from(&quantized);
    let mut integers = vec![0_i8; inputs.len()];
    view.quantize_inputs(&inputs, &mut integers)
        .expect("samples");

    let name: Vec<_> = sizes.iter().map(ToString::to_string).collect();
    let name = name.join("-");
    let mut group = criterion.benchmark_group("quantized");
    let products: usize = sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
    group.throughput(Throughput::Elements((SAMPLES * products) as u64));
    let mut results = vec![0; SAMPLES * outputs];
    for (suffix, len) in [
        ("int8", view.scratch_len()),
        ("int8_batch", view.batch_scratch_len()),
    ] {
        let mut scratch = vec![0; len];
        group.bench_function(format!("{name}_{suffix}"), |bencher| {
            bencher.iter(|| {
                let (inputs, outputs) = (black_box(&integers), black_box(&mut results));
                let predicted = view.predict_int32(inputs, outputs, &mut scratch);
                predicted.expect("sizes fit");
            });
        });
    }
    let mut predictor = Predictor::new(&net).expect("finite parameters");
    let mut results = vec![0.0; SAMPLES * outputs];
    group.bench_function(format!("{name}_f32_batch"), |bencher| {
        bencher.iter(|| {
            let (inputs, outputs) = (black_box(&inputs), black_box(&mut results));
            let predicted = predictor.predict_into(inputs, outputs);
            predicted.expect("sizes fit");
        });
    });
    group.finish();
}
