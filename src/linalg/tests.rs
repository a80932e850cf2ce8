use alloc::vec::Vec;

use super::*;
use crate::parallel::Threads;
use crate::simd::{InstructionSet, on_every_set};

/// Numbers without a pattern, between -0.5 and 0.5.
fn numbers(len: usize) -> Vec<f64> {
    let golden = 0.618_033_988_749_894_9;
    (1..=len)
        .map(|i| (i * i) as f64 * golden % 1.0 - 0.5)
        .collect()
}

/// Returns V Vᵀ of `n` vectors, with additions to the diagonal.
fn products(vectors: &[f64], n: usize, diagonal: f64) -> Cholesky {
    let len = vectors.len() / n;
    let mut matrix = Cholesky::new(n).unwrap();
    matrix
        .add_products(vectors, len, (len, 1), &Threads::one())
        .unwrap();
    let stride = matrix.stride();
    for i in 0..n {
        matrix.matrix_mut()[i * stride + i] += diagonal;
    }
    matrix
}

#[test]
fn cholesky_factors_the_matrix_in_blocks() {
    on_every_set(|| {
        for n in [1, 2, 7, 63, 64, 65, 130, 200] {
            let matrix = products(&numbers(n * (n + 3)), n, 0.1);
            let mut factor = matrix.clone();
            assert!(factor.factor(), "{n}");
            let stride = factor.stride();
            let l = factor.matrix();
            let mut largest = 0.0_f64;
            for i in 0..n {
                for j in 0..=i {
                    let pairs = (0..=j).map(|k| l[i * stride + k] * l[j * stride + k]);
                    let error = pairs.sum::<f64>() - matrix.matrix()[i * stride + j];
                    largest = largest.max(error.abs());
                }
            }
            assert!(largest < 1e-12, "{n}: {largest}");

            let solution = numbers(n);
            let mut x = vec![0.0; n];
            for (i, x) in x.iter_mut().enumerate() {
                for (j, y) in solution.iter().enumerate() {
                    let (row, column) = (i.max(j), i.min(j));
                    *x += matrix.matrix()[row * stride + column] * y;
                }
            }
            factor.solve(&mut x);
            let errors = x.iter().zip(&solution).map(|(x, y)| (x - y).abs());
            assert!(errors.fold(0.0, f64::max) < 1e-9, "{n}");
        }
    });
}

#[test]
fn vectors_by_columns_have_the_products_of_their_rows() {
    let (n, len) = (70, 33);
    let vectors = numbers(n * len);
    let mut transposed = vec![0.0; n * len];
    for i in 0..n {
        for k in 0..len {
            transposed[k * n + i] = vectors[i * len + k];
        }
    }
    let by_rows = products(&vectors, n, 0.0);
    let mut by_columns = Cholesky::new(n).unwrap();
    by_columns
        .add_products(&transposed, len, (1, n), &Threads::one())
        .unwrap();
    assert_eq!(by_rows.matrix(), by_columns.matrix());
}

#[test]
fn a_matrix_that_is_not_positive_definite_has_no_factor() {
    for n in [1, 3, 64, 100] {
        // Fewer numbers in each vector than vectors.
        let vectors = numbers(n * (n / 2));
        assert!(!products(&vectors, n, -0.01).factor(), "{n}");
        for bad in [f64::NAN, f64::INFINITY] {
            let mut matrix = products(&numbers(n * n), n, 10.0);
            let last = (n - 1) * matrix.stride();
            matrix.matrix_mut()[last] = bad;
            assert!(!matrix.factor(), "{n}");
        }
    }
}

#[test]
fn rows_in_any_blocks_have_the_least_squares_solution() {
    for (rows, n) in [(1, 1), (5, 3), (40, 7), (100, 30)] {
        let stride = n + 1;
        let data = numbers(rows * stride);
        for block in [1, 3, rows] {
            let mut triangle = Triangle::new(n).unwrap();
            for rows in data.chunks(block * stride) {
                triangle.fold(&mut rows.to_vec());
            }
            let mut x = vec![0.0; n];
            triangle.solve(&mut x);
            // The remaining error is orthogonal to each column.
            for j in 0..n {
                let mut sum = 0.0;
                for row in data.chunks_exact(stride) {
                    let fitted: f64 = row.iter().zip(&x).map(|(a, x)| a * x).sum();
                    sum += row[j] * (fitted - row[n]);
                }
                assert!(sum.abs() < 1e-11, "{rows} x {n}: {sum}");
            }
        }
    }
}

#[test]
fn the_inverse_of_a_triangle_is_exact() {
    let r = [2.0, 4.0, -6.0, 0.0, 4.0, 8.0, 0.0, 0.0, -0.5];
    let mut inverse = [9.0; 9];
    invert_upper(&r, 3, 3, &mut inverse);
    assert_eq!(inverse, [0.5, -0.5, -14.0, 0.0, 0.25, 4.0, 0.0, 0.0, -2.0]);
}

#[test]
fn fused_sets_are_bit_identical() {
    let mut expected: Option<(Vec<f64>, Vec<f64>)> = None;
    on_every_set(|| {
        if !InstructionSet::active().is_fused() {
            return;
        }
        let n = 150;
        let mut factor = products(&numbers(n * 170), n, 0.1);
        assert!(factor.factor());
        let mut triangle = Triangle::new(30).unwrap();
        triangle.fold(&mut numbers(31 * 100));
        let got = (factor.matrix().to_vec(), triangle.rows().to_vec());
        assert_eq!(&got, expected.get_or_insert_with(|| got.clone()));
    });
}
