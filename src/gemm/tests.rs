use super::*;
use crate::simd::{InstructionSet, on_every_set};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// Computes the expected result one element at a time, with sums in the kernel's order.
fn reference<T: Float>(
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    c: &[T],
    c_row: usize,
    accumulate: Accumulate,
) -> Vec<T> {
    let fused = InstructionSet::active().is_fused();
    let mut out = c.to_vec();
    for r in 0..a.rows {
        for col in 0..b.cols {
            let held = out[r * c_row + col];
            let mut sum = if accumulate == Accumulate::Add {
                held
            } else {
                T::zero()
            };
            for k in 0..a.cols {
                let x = a.data[r * a.row_stride + k * a.col_stride];
                let y = b.data[k * b.row_stride + col * b.col_stride];
                sum = if fused {
                    x.mul_add(y, sum)
                } else {
                    x * y + sum
                };
            }
            out[r * c_row + col] = sum;
        }
    }
    out
}

fn random<T: Float>(rng: &mut ChaCha8Rng, len: usize) -> Vec<T> {
    (0..len)
        .map(|_| T::from_f64(rng.random::<f64>() * 2.0 - 1.0))
        .collect()
}

fn check<T: Float>(
    rng: &mut ChaCha8Rng,
    [m, k, n]: [usize; 3],
    transposed: [bool; 2],
    gaps: [usize; 3],
) {
    let view = |rows: usize, cols: usize, transposed: bool, gap: usize| {
        if transposed {
            (1, rows + gap)
        } else {
            (cols + gap, 1)
        }
    };
    let (ars, acs) = view(m, k, transposed[0], gaps[0]);
    let (brs, bcs) = view(k, n, transposed[1], gaps[1]);
    let offset = rng.random_range(0..5);
    let a_data = random(rng, m * ars + k * acs + offset);
    let b_data = random(rng, k * brs + n * bcs + offset);
    let a = MatRef::<T>::with_strides(&a_data[offset..], m, k, ars, acs).unwrap();
    let b = MatRef::<T>::with_strides(&b_data[offset..], k, n, brs, bcs).unwrap();
    let c_row = n + gaps[2];
    let before: Vec<T> = random(rng, m * c_row);
    for accumulate in [Accumulate::Overwrite, Accumulate::Add] {
        let expected = reference(a, b, &before, c_row, accumulate);
        let mut got = before.clone();
        let c = MatMut::with_stride(&mut got, m, n, c_row).unwrap();
        match accumulate {
            Accumulate::Overwrite => multiply(a, b, c),
            Accumulate::Add => multiply_add(a, b, c),
            Accumulate::AddSum => unreachable!(),
        }
        .unwrap();
        let set = InstructionSet::active();
        assert_eq!(
            got, expected,
            "{m}x{k}x{n} {transposed:?} {gaps:?} {accumulate:?} on {set}"
        );
    }
}

#[test]
fn every_set_gives_the_reference_on_all_edges() {
    let mut ran = Vec::new();
    on_every_set(|| {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        ran.push(InstructionSet::active());
        let edges = [
            0, 1, 2, 3, 5, 6, 7, 8, 9, 12, 13, 15, 16, 17, 23, 24, 25, 31, 33, 63, 64, 65, 100,
        ];
        // In Miri, all pairs would take hours.
        let edges = if cfg!(miri) { &edges[..7] } else { &edges[..] };
        for &m in edges {
            for &n in edges {
                let k = edges[(m + n) % edges.len()];
                let transposed = [rng.random(), rng.random()];
                let gaps = [0; 3].map(|_: usize| rng.random_range(0..4));
                check::<f32>(&mut rng, [m, k, n], transposed, gaps);
                check::<f64>(&mut rng, [m, k, n], transposed, gaps);
            }
        }
    });
    assert!(
        InstructionSet::available().eq(ran),
        "a set that this CPU has was not run"
    );
}

#[test]
fn every_set_gives_the_reference_on_matrices_that_outgrow_the_caches() {
    on_every_set(|| {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        // These sizes exceed one block of k, of columns, and of both.
        for size in [[25, 600, 270], [49, 257, 513], [26, 513, 1030]] {
            for transposed in [[false, false], [true, true]] {
                check::<f32>(&mut rng, size, transposed, [3, 0, 1]);
                check::<f64>(&mut rng, size, transposed, [0, 2, 0]);
            }
        }
    });
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let x = [0.0; 6];
    let a = MatRef::new(&x, 2, 3).unwrap();
    let mut c = [0.0; 4];
    let wrong = multiply(a, a, MatMut::new(&mut c, 2, 2).unwrap()).unwrap_err();
    assert_eq!(wrong.to_string(), "rows of B: expected 3, got 2");
    let wrong = multiply(a, a.transposed(), MatMut::new(&mut c, 4, 1).unwrap()).unwrap_err();
    assert_eq!(wrong.to_string(), "shape of C: expected 2 x 2, got 4 x 1");
    assert!(MatRef::new(&x, 2, 4).is_err());
    assert!(MatRef::with_strides(&x, 2, 2, usize::MAX, 1).is_err());
    assert!(MatMut::with_stride(&mut c, 2, 2, 1).is_err());
}

/// Sizes whose products, or sums of two products, overflow or exceed the memory.
const SIZES: [usize; 8] = [
    usize::MAX,
    usize::MAX - 1,
    usize::MAX / 2,
    usize::MAX / 2 + 1,
    usize::MAX / 3,
    usize::MAX / 4 + 1,
    usize::MAX / 8,
    usize::MAX / 16 + 1,
];

#[test]
fn matrices_that_cannot_be() {
    let data = [1.0_f32; 12];
    let b = MatRef::new(&data, 3, 4).unwrap();
    for size in SIZES {
        let strided =
            |rows, cols, down, across| MatRef::with_strides(&data, rows, cols, down, across);
        for (rows, cols, down, across) in [
            (size, 1, 1, 1),
            (1, size, 1, 1),
            (size, size, 1, 1),
            (2, 1, size, 1),
            (1, 2, 1, size),
            (2, 2, size, size),
            (size, 2, size, 1),
            (3, size, 1, size),
        ] {
            assert!(strided(rows, cols, down, across).is_err());
            let mut to = data;
            if across == 1 {
                assert!(MatMut::with_stride(&mut to, rows, cols, down).is_err());
            }
        }
        // Strides along a single row or column are unused. A size may also be huge if another is 0.
        let mut c = [0.0; 4];
        let row = strided(1, 3, size, 1).unwrap();
        multiply(row, b, MatMut::new(&mut c, 1, 4).unwrap()).unwrap();
        assert_eq!(c, [3.0; 4]);
        let mut c = [0.0; 3];
        let column = strided(4, 1, 1, size).unwrap();
        multiply(b, column, MatMut::with_stride(&mut c, 3, 1, 1).unwrap()).unwrap();
        assert_eq!(c, [4.0; 3]);
        let lying = column.transposed();
        let mut c = [0.0; 3];
        multiply(
            lying,
            MatRef::new(&data, 4, 3).unwrap(),
            MatMut::new(&mut c, 1, 3).unwrap(),
        )
        .unwrap();
        assert_eq!(c, [4.0; 3]);
        let mut c = [0.0; 4];
        multiply(
            strided(1, 3, size, 1).unwrap(),
            b,
            MatMut::with_stride(&mut c, 1, 4, size).unwrap(),
        )
        .unwrap();
        assert_eq!(c, [3.0; 4]);
        let nothing = strided(size, 0, size, size).unwrap();
        let to = MatMut::<f32>::new(&mut [], size, 0).unwrap();
        multiply(nothing, MatRef::new(&[], 0, 0).unwrap(), to).unwrap();
        let empty = strided(0, size, size, size).unwrap();
        let tall = strided(size, 0, 0, 0).unwrap();
        multiply(empty, tall, MatMut::<f32>::new(&mut [], 0, 0).unwrap()).unwrap();
        multiply(
            tall.transposed(),
            empty.transposed(),
            MatMut::<f32>::new(&mut [], 0, 0).unwrap(),
        )
        .unwrap();
    }
}

/// Strides of 0 allow any size, and the product of such matrices would never end.
#[test]
fn matrices_larger_than_their_numbers() {
    let one = [1.0_f32; 4];
    for size in SIZES {
        for (rows, cols) in [(size, 1), (1, size), (size, size), (2, size)] {
            assert!(MatRef::with_strides(&one, rows, cols, 0, 0).is_err());
        }
    }
    let (a, b) = (
        MatRef::with_strides(&one, 30, 2000, 0, 0).unwrap(),
        MatRef::with_strides(&one, 2000, 300, 0, 0).unwrap(),
    );
    let mut c = vec![0.0; 30 * 300];
    multiply(a, b, MatMut::new(&mut c, 30, 300).unwrap()).unwrap();
    assert!(c.iter().all(|&c| c == 2000.0));
}

/// Matrices without elements may have any strides.
#[test]
fn a_product_over_nothing_is_zero_whatever_the_strides() {
    let data = [1.0_f32; 5];
    let mut c = [7.0; 34 * 3];
    let a = MatRef::with_strides(&data, 34, 0, usize::MAX / 2, usize::MAX).unwrap();
    let b = MatRef::with_strides(&data, 0, 3, usize::MAX, usize::MAX / 3).unwrap();
    multiply(a, b, MatMut::new(&mut c, 34, 3).unwrap()).unwrap();
    assert_eq!(c, [0.0; 34 * 3]);
}

#[test]
fn a_transposition_moves_each_value_and_no_other() {
    fn check<T: Float>(rows: usize, cols: usize) {
        let (from_row, to_row) = (cols + 2, rows + 1);
        let from: Vec<T> = (0..rows * from_row)
            .map(|i| T::from_f64(i as f64))
            .collect();
        let mut to = vec![-T::one(); (cols + 1) * to_row];
        transpose(
            &from[..(rows - 1) * from_row + cols],
            from_row,
            cols,
            &mut to,
            to_row,
        );
        for (c, row) in to.chunks(to_row).enumerate() {
            for (r, &x) in row.iter().enumerate() {
                let is_inside = r < rows && c < cols;
                let expected = if is_inside {
                    from[r * from_row + c]
                } else {
                    -T::one()
                };
                assert_eq!(x, expected, "row {r}, column {c} of {rows} x {cols}");
            }
        }
    }
    for rows in 1..10 {
        for cols in [1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 38] {
            check::<f32>(rows, cols);
            check::<f64>(rows, cols);
        }
    }
}
