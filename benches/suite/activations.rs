//! Activations over a slice that fits in the first-level cache.
//!
//! For comparison, the standard library's functions run one element at a time.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use feedforward::{Float, activation};

const ELEMENTS: usize = 2048;

fn builtin<T: Float>(group: &mut BenchmarkGroup<'_, WallTime>, suffix: &str) {
    let z: Vec<T> = (0..ELEMENTS)
        .map(|i| T::from_f64(i as f64 / 128.0 - 8.0))
        .collect();
    let mut y = z.clone();
    for activation in activation::all::<T>() {
        let neurons = ELEMENTS / activation.pieces();
        let (z, y) = (&z[..neurons * activation.pieces()], &mut y[..neurons]);
        let name = activation.name();
        let name = name.split('(').next().unwrap_or(&name);
        group.bench_function(format!("{name}_{suffix}"), |bencher| {
            bencher.iter(|| activation.apply(black_box(z), black_box(y)));
        });
    }
}

fn standard(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, f: fn(f32) -> f32) {
    let z: Vec<f32> = (0..ELEMENTS).map(|i| i as f32 / 128.0 - 8.0).collect();
    let mut y = z.clone();
    group.bench_function(format!("{name}_f32_std"), |bencher| {
        bencher.iter(|| {
            for (y, &z) in black_box(&mut y).iter_mut().zip(black_box(&z)) {
                *y = f(z);
            }
        });
    });
}

pub(crate) fn benchmark(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("activation");
    group.throughput(Throughput::Elements(ELEMENTS as u64));
    group.warm_up_time(std::time::Duration::from_millis(300));
    group.measurement_time(std::time::Duration::from_millis(700));
    builtin::<f32>(&mut group, "f32");
    builtin::<f64>(&mut group, "f64");
    standard(&mut group, "exponential", f32::exp);
    standard(&mut group, "tanh", f32::tanh);
    standard(&mut group, "sigmoid", |x| 1.0 / (1.0 + (-x).exp()));
    standard(&mut group, "softplus", |x| x.exp().ln_1p());
    standard(&mut group, "sine", f32::sin);
    group.finish();
}
