//! The machine's limit: fused multiply-adds on one core, from registers only.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput};
use feedforward::Float;
use feedforward::simd::{self, Op, Simd, Vector};

/// Independent chains of operations, enough to hide the latency of an FMA on every current CPU.
const CHAINS: usize = 12;
const STEPS: usize = 1 << 12;

struct Peak<T>(T);

impl<T: Float> Op for Peak<T> {
    type Output = (T, usize);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (T, usize) {
        let factor = T::Vector::<S>::splat(simd, self.0);
        let mut chains = [factor; CHAINS];
        for _ in 0..STEPS {
            for chain in &mut chains {
                *chain = chain.mul_add(factor, factor);
            }
        }
        let lanes = T::Vector::<S>::LANES;
        let mut sum = chains[0];
        for chain in &chains[1..] {
            sum = sum.add(*chain);
        }
        let mut out = [T::zero(); 64];
        sum.store(&mut out);
        (out[0], 2 * CHAINS * STEPS * lanes)
    }
}

/// Runs one measurement and returns its number of floating-point operations.
pub(crate) fn run<T: Float>() -> usize {
    let (sum, flop) = simd::dispatch(Peak(black_box(T::from_f64(0.5))));
    black_box(sum);
    flop
}

pub(crate) fn benchmark(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fma_peak");
    group.throughput(Throughput::Elements(run::<f32>() as u64));
    group.bench_function("f32", |bencher| bencher.iter(run::<f32>));
    group.throughput(Throughput::Elements(run::<f64>() as u64));
    group.bench_function("f64", |bencher| bencher.iter(run::<f64>));
    // The maximum gain of a second thread now: two cores of a virtual machine may be two
    // hyperthreads of one physical core.
    group.throughput(Throughput::Elements(2 * run::<f32>() as u64));
    group.bench_function("f32_2_threads", |bencher| {
        bencher.iter_custom(|iterations| {
            let start = Instant::now();
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        for _ in 0..iterations {
                            black_box(run::<f32>());
                        }
                    });
                }
            });
            start.elapsed()
        });
    });
    group.finish();
}
