use alloc::vec::Vec;

use super::system::System;
use super::*;
use crate::error::Error;
use crate::math;
use crate::simd::{InstructionSet, on_every_set};

mod checks;
mod failures;
mod fits;

/// Numbers without a pattern, between -0.5 and 0.5.
fn numbers(len: usize) -> Vec<f64> {
    let golden = 0.618_033_988_749_894_9;
    (1..=len)
        .map(|i| (i * i) as f64 * golden % 1.0 - 0.5)
        .collect()
}

/// Every form of the system solves the damped normal equations.
#[test]
fn steps_solve_the_normal_equations() {
    for (rows, n) in [(1, 1), (3, 7), (7, 7), (40, 6), (90, 80), (70, 75)] {
        let (j, r) = (numbers(rows * n), numbers(rows));
        for factorization in [Factorization::Qr, Factorization::Cholesky] {
            for damping in [1e-3, 10.0] {
                let mut system = System::new(factorization, rows, n).unwrap();
                let first = rows / 3;
                system.add(&j[..first * n], &r[..first]).unwrap();
                system.add(&j[first * n..], &r[first..]).unwrap();
                system.check().unwrap();
                system.rescale(|norm, _| 1.0 + norm).unwrap();
                let (mut v, mut a) = (vec![0.0; n], vec![0.0; n]);
                assert!(system.solve(damping, &mut v));
                let c = numbers(rows + 5).split_off(5);
                let mut jt_c = vec![0.0; n];
                for (row, c) in j.chunks_exact(n).zip(&c) {
                    jt_c.iter_mut().zip(row).for_each(|(to, x)| *to += x * c);
                }
                assert!(system.solve_again(&c, &jt_c, &mut a));
                for (v, r) in [(&v, &r), (&a, &c)] {
                    let d = system.scale();
                    let mut left: Vec<f64> =
                        v.iter().zip(d).map(|(v, d)| damping * d * d * v).collect();
                    for (row, r) in j.chunks_exact(n).zip(r) {
                        let model = r + row.iter().zip(v).map(|(x, v)| x * v).sum::<f64>();
                        left.iter_mut()
                            .zip(row)
                            .for_each(|(to, x)| *to += x * model);
                    }
                    let largest = left.iter().fold(0.0, |l: f64, x| l.max(x.abs()));
                    assert!(largest < 1e-9, "{rows} x {n}, {factorization:?}: {largest}");
                }
            }
        }
    }
}

#[test]
fn both_factorizations_have_the_inverse() {
    let (rows, n) = (30, 5);
    let (j, r) = (numbers(rows * n), numbers(rows));
    let mut inverses = Vec::new();
    for factorization in [Factorization::Qr, Factorization::Cholesky] {
        let mut system = System::new(factorization, rows, n).unwrap();
        system.add(&j, &r).unwrap();
        system.rescale(|norm, _| norm).unwrap();
        let w = system.inverse(f64::EPSILON).unwrap().unwrap();
        // (JᵀJ) W Wᵀ = I
        for a in 0..n {
            for b in 0..n {
                let mut sum = 0.0;
                for k in 0..n {
                    let product: f64 = j.chunks_exact(n).map(|row| row[a] * row[k]).sum();
                    let pairs = w[k * n..][..n].iter().zip(&w[b * n..][..n]);
                    sum += product * pairs.map(|(x, y)| x * y).sum::<f64>();
                }
                let identity = if a == b { 1.0 } else { 0.0 };
                assert!((sum - identity).abs() < 1e-10);
            }
        }
        inverses.push(w);
    }
}
