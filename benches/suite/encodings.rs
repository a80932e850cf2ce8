//! A grid in front of a network, as `paint_logo` has for a photograph of 512 x 512 pixels.

use std::time::Instant;

use criterion::{Criterion, Throughput};
use feedforward::activation::{Identity, Relu};
use feedforward::encoding::{Encoding, Grid, GridSettings};
use feedforward::loss::ScikitSquaredError;
use feedforward::optimizer::{Adam, State};
use feedforward::{Mlp, Trainer};

/// Number of samples of a minibatch.
const BATCH: usize = 4096;

/// Side of the picture.
const SIDE: usize = 512;

fn network() -> Mlp<f32> {
    let grid = Grid::new(GridSettings::new(2)).expect("settings are in range");
    let builder = Mlp::builder(2).encoding(grid).hidden_layers(2, 48, Relu);
    builder
        .output(3, Identity)
        .build()
        .expect("a small network")
}

/// Returns places in an order without a pattern, and colors.
fn samples(count: usize) -> (Vec<f32>, Vec<f32>) {
    let pixel = |i: usize| i * 40_503 % (SIDE * SIDE);
    let part = |n: usize| (n as f32 + 0.5) / SIDE as f32;
    let places = (0..count).flat_map(|i| [part(pixel(i) % SIDE), part(pixel(i) / SIDE)]);
    let colors = (0..3 * count).map(|i| (pixel(i) % 256) as f32 / 255.0);
    (places.collect(), colors.collect())
}

pub(crate) fn benchmark(criterion: &mut Criterion) {
    let net = network();
    let encoding = net.encoding().expect("the network has a grid");
    let params = &net.params()[net.layout().encoding()];
    let (inputs, _) = samples(BATCH);
    let width = encoding.outputs();
    let mut rows = vec![0.0; BATCH * width];
    let mut group = criterion.benchmark_group("encodings");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("grid encode", |bencher| {
        bencher.iter(|| encoding.encode_samples(params, &inputs, &mut rows, width));
    });
    let mut sums = [vec![0.0; params.len()], vec![0.0; params.len()]];
    let parts: Vec<usize> = (0..).map_while(|part| encoding.part_len(part)).collect();
    group.bench_function("grid gradient", |bencher| {
        bencher.iter(|| {
            let [partial, total] = sums.each_mut();
            let (mut partial, mut total) = (&mut partial[..], &mut total[..]);
            for (part, &len) in parts.iter().enumerate() {
                let (this_partial, rest_partial) = partial.split_at_mut(len);
                let (this_total, rest_total) = total.split_at_mut(len);
                // As many chunks as a minibatch has.
                for (x, dy) in inputs
                    .chunks(BATCH / 8)
                    .zip(rows.chunks(BATCH / 16 * width))
                {
                    encoding.add_gradient(part, params, x, dy, this_partial);
                    encoding.merge_gradient(part, x, this_partial, this_total);
                }
                (partial, total) = (rest_partial, rest_total);
            }
        });
    });
    let adam = Adam::new(1e-3);
    let mut state = State::new(&adam, net.layout()).expect("a state");
    let (mut trained, gradient) = (net.clone(), vec![1e-3; net.params().len()]);
    group.bench_function("grid Adam", |bencher| {
        bencher.iter(|| state.update(&adam, 1e-3, trained.params_mut(), &gradient));
    });
    let (inputs, targets) = samples(SIDE * SIDE);
    group.throughput(Throughput::Elements((SIDE * SIDE) as u64));
    group.sample_size(10);
    for threads in [1, 2] {
        let trainer = Trainer::new(ScikitSquaredError, Adam::new(1e-2));
        let trainer = trainer.batch_size(BATCH).threads(threads);
        group.bench_function(format!("grid epoch, {threads} threads"), |bencher| {
            bencher.iter_custom(|epochs| {
                let (mut net, trainer) = (net.clone(), trainer.clone().epochs(epochs as usize));
                let start = Instant::now();
                trainer
                    .fit(&mut net, &inputs, &targets)
                    .expect("a job trains");
                start.elapsed()
            });
        });
    }
    group.finish();
}
