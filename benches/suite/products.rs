//! Matrix products on unpadded slices through the public function, beside peer crates.

use criterion::{Criterion, Throughput};
use feedforward::Float;
use feedforward::gemm::{MatMut, MatRef, multiply};
use gemm_common::Parallelism;

/// A product m x k x n. The flags tell which of A and B are given transposed.
struct Shape {
    suffix: &'static str,
    size: [usize; 3],
    transposed: [bool; 2],
}

const fn plain(m: usize, k: usize, n: usize) -> Shape {
    Shape {
        suffix: "",
        size: [m, k, n],
        transposed: [false, false],
    }
}

const SHAPES: [Shape; 11] = [
    plain(200, 100, 100),
    // The gradient of a weight matrix: 100 outputs, 200 samples, 100 inputs.
    Shape {
        suffix: "_dW",
        size: [100, 200, 100],
        transposed: [true, false],
    },
    // The gradient by a layer's inputs: 200 samples, 100 outputs, 100 inputs.
    Shape {
        suffix: "_dX",
        size: [200, 100, 100],
        transposed: [false, true],
    },
    plain(32, 100, 100),
    plain(1, 100, 100),
    plain(200, 2, 100),
    plain(200, 100, 3),
    plain(200, 64, 64),
    plain(200, 128, 128),
    plain(200, 256, 256),
    plain(1024, 1024, 1024),
];

/// Returns the row and column stride of a `rows x cols` matrix, stored plain or transposed.
fn strides(rows: usize, cols: usize, transposed: bool) -> (usize, usize) {
    if transposed { (1, rows) } else { (cols, 1) }
}

trait Peers: Float {
    fn matrixmultiply(
        size: [usize; 3],
        strides: [(usize, usize); 2],
        a: &[Self],
        b: &[Self],
        c: &mut [Self],
    );
    fn gemm(size: [usize; 3], strides: [(usize, usize); 2], a: &[Self], b: &[Self], c: &mut [Self]);
}

macro_rules! peers {
    ($float:ident, $matrixmultiply:ident, $gemm:ident) => {
        impl Peers for $float {
            #[allow(unsafe_code)]
            fn matrixmultiply(
                [m, k, n]: [usize; 3],
                [(ars, acs), (brs, bcs)]: [(usize, usize); 2],
                a: &[Self],
                b: &[Self],
                c: &mut [Self],
            ) {
                assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n);
                let (ars, acs, brs, bcs) = (ars as isize, acs as isize, brs as isize, bcs as isize);
                // SAFETY: the slices hold the matrices that sizes and strides describe.
                unsafe {
                    matrixmultiply::$matrixmultiply(
                        m,
                        k,
                        n,
                        1.0,
                        a.as_ptr(),
                        ars,
                        acs,
                        b.as_ptr(),
                        brs,
                        bcs,
                        0.0,
                        c.as_mut_ptr(),
                        n as isize,
                        1,
                    );
                }
            }

            #[allow(unsafe_code)]
            fn gemm(
                [m, k, n]: [usize; 3],
                [(ars, acs), (brs, bcs)]: [(usize, usize); 2],
                a: &[Self],
                b: &[Self],
                c: &mut [Self],
            ) {
                assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n);
                let (ars, acs, brs, bcs) = (ars as isize, acs as isize, brs as isize, bcs as isize);
                // SAFETY: the slices hold the matrices that sizes and strides describe.
                unsafe {
                    $gemm::gemm::$float::get_gemm_fn()(
                        m,
                        n,
                        k,
                        c.as_mut_ptr(),
                        1,
                        n as isize,
                        false,
                        a.as_ptr(),
                        acs,
                        ars,
                        b.as_ptr(),
                        bcs,
                        brs,
                        0.0,
                        1.0,
                        false,
                        false,
                        false,
                        Parallelism::None,
                    );
                }
            }
        }
    };
}

peers! { f32, sgemm, gemm_f32 }
peers! { f64, dgemm, gemm_f64 }

fn group<T: Peers>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group(name);
    for Shape {
        suffix,
        size,
        transposed,
    } in SHAPES
    {
        let [m, k, n] = size;
        let values = |len| {
            (0..len)
                .map(|i| T::from_f64((i % 17) as f64 / 17.0 - 0.5))
                .collect::<Vec<_>>()
        };
        let (a, b, mut c) = (values(m * k), values(k * n), values(m * n));
        let strides = [strides(m, k, transposed[0]), strides(k, n, transposed[1])];
        let shape = format!("{m}x{k}x{n}{suffix}");
        if m * k * n >= 1 << 26 {
            group.sample_size(10);
        }
        group.throughput(Throughput::Elements(2 * (m * k * n) as u64));
        group.bench_function(format!("feedforward/{shape}"), |bencher| {
            bencher.iter(|| {
                let [(ars, acs), (brs, bcs)] = strides;
                let a = MatRef::with_strides(&a, m, k, ars, acs).expect("A fits");
                let b = MatRef::with_strides(&b, k, n, brs, bcs).expect("B fits");
                multiply(a, b, MatMut::new(&mut c, m, n).expect("C fits")).expect("they fit");
            });
        });
        group.bench_function(format!("matrixmultiply/{shape}"), |bencher| {
            bencher.iter(|| T::matrixmultiply(size, strides, &a, &b, &mut c));
        });
        group.bench_function(format!("gemm/{shape}"), |bencher| {
            bencher.iter(|| T::gemm(size, strides, &a, &b, &mut c));
        });
    }
    group.finish();
}

pub(crate) fn benchmark(criterion: &mut Criterion) {
    group::<f32>(criterion, "gemm_f32");
    group::<f64>(criterion, "gemm_f64");
}
