//! The micro-kernel. It computes a micro-tile of C, MR x NR, with all sums in registers.

use super::Accumulate;
use crate::float::Float;
use crate::simd::{Op, Simd, Vector};

/// Returns the maximum NR, the width of a micro-panel, in registers.
pub(super) fn widest<S: Simd>() -> usize {
    if S::REGISTERS >= 32 { 4 } else { 2 }
}

/// One micro-tile, at the start of its slices.
pub(super) struct Tile<'a, T> {
    pub(super) k: usize,
    /// Number of columns from the tile's first column to C's right edge.
    pub(super) cols: usize,
    pub(super) a: &'a [T],
    pub(super) a_row: usize,
    pub(super) a_step: usize,
    pub(super) b: &'a [T],
    pub(super) b_row: usize,
    /// Column offset of the micro-panel's last register. In unpadded matrices it overlaps its
    /// neighbor so that it ends with the row.
    pub(super) last: usize,
    pub(super) c: &'a mut [T],
    pub(super) c_row: usize,
    pub(super) accumulate: Accumulate,
    pub(super) bias: Option<&'a [T]>,
}

/// A micro-tile with constant shape: `MR` rows by `NV` registers.
struct Shaped<'a, T, const MR: usize, const NV: usize>(Tile<'a, T>);

impl<T: Float> Tile<'_, T> {
    /// Computes a tile of the best height for at most `rows` rows and a panel of `registers`, and
    /// returns that height.
    ///
    /// The shapes leave registers for one row of B's panel and one number of A. With 32 registers
    /// they nearly reach the limit of the FMA units. Panels are two registers wide on sets with 16,
    /// because a 3x4 tile is much slower there.
    #[inline(always)]
    pub(super) fn run<S: Simd>(self, simd: S, rows: usize, registers: usize) -> usize {
        macro_rules! shapes {
            ($(($nv:literal: $($mr:literal)*))*) => {
                match registers {
                    $($nv => {
                        $(if rows >= $mr {
                            simd.vectorize(Shaped::<T, $mr, $nv>(self));
                            return $mr;
                        })*
                        rows
                    })*
                    _ => unreachable!("panels are one to four registers wide"),
                }
            };
        }
        // A constant block, so that no set compiles the shapes of the other.
        if const { S::REGISTERS >= 32 } {
            shapes! { (4: 6 4 2 1) (3: 8 4 2 1) (2: 12 8 4 2 1) (1: 12 8 4 2 1) }
        } else {
            shapes! { (2: 6 4 2 1) (1: 8 6 4 2 1) }
        }
    }
}

impl<T: Float, const MR: usize, const NV: usize> Op for Shaped<'_, T, MR, NV> {
    type Output = ();

    #[allow(clippy::needless_range_loop)]
    // Every loop over registers has constant bounds, so that it is unrolled. An accumulator that is
    // indexed at run time would live in memory, which is much slower.
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Tile {
            k,
            cols,
            a,
            a_row,
            a_step,
            b,
            b_row,
            last,
            c,
            c_row,
            accumulate,
            bias,
        } = self.0;
        let lanes = T::Vector::<S>::LANES;
        let mut sums = [[T::Vector::<S>::splat(simd, T::zero()); NV]; MR];

        if accumulate == Accumulate::Add {
            for r in 0..MR {
                let row = &c[r * c_row..][..cols];
                for v in 0..NV - 1 {
                    sums[r][v] = T::Vector::<S>::load(simd, &row[v * lanes..]);
                }
                sums[r][NV - 1] = T::Vector::<S>::load_partial(simd, &row[last..]);
            }
        }

        if k > 0 {
            // All slices have one length, so that one bounds check serves all rows.
            let mut rows = [a; MR];
            for r in 0..MR {
                rows[r] = &a[r * a_row..][..=(k - 1) * a_step];
            }
            for p in 0..k {
                let row = &b[p * b_row..];
                let mut panel = [sums[0][0]; NV];
                let whole = &row[..(NV - 1) * lanes];
                for v in 0..NV - 1 {
                    panel[v] = T::Vector::<S>::load(simd, &whole[v * lanes..]);
                }
                panel[NV - 1] = T::Vector::<S>::load(simd, &row[last..]);
                for r in 0..MR {
                    let x = T::Vector::<S>::splat(simd, rows[r][p * a_step]);
                    for v in 0..NV {
                        sums[r][v] = x.mul_add(panel[v], sums[r][v]);
                    }
                }
            }
        }

        if let Some(bias) = bias {
            for v in 0..NV {
                let at = if v + 1 == NV { last } else { v * lanes };
                let bias = T::Vector::<S>::load(simd, &bias[at..]);
                for r in 0..MR {
                    sums[r][v] = sums[r][v].add(bias);
                }
            }
        }

        if accumulate == Accumulate::AddSum {
            for r in 0..MR {
                let row = &c[r * c_row..][..cols];
                for v in 0..NV - 1 {
                    let held = T::Vector::<S>::load(simd, &row[v * lanes..]);
                    sums[r][v] = held.add(sums[r][v]);
                }
                let held = T::Vector::<S>::load_partial(simd, &row[last..]);
                sums[r][NV - 1] = held.add(sums[r][NV - 1]);
            }
        }

        for r in 0..MR {
            let row = &mut c[r * c_row..][..cols];
            for v in 0..NV - 1 {
                sums[r][v].store(&mut row[v * lanes..]);
            }
            if last + lanes <= cols {
                sums[r][NV - 1].store(&mut row[last..]);
            } else {
                sums[r][NV - 1].store_partial(&mut row[last..]);
            }
        }
    }
}
