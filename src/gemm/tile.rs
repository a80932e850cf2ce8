//! The micro-kernel. It computes a micro-tile of C, MR x NR, with all sums in registers.

use super::MatRef;
use super::product::{Accumulate, Finish};
use crate::float::Float;
use crate::simd::{Op, Simd, Vector};

/// Returns the maximum NR, the width of a micro-panel, in registers.
pub(super) fn widest<S: Simd>() -> usize {
    if S::REGISTERS >= 32 { 4 } else { 2 }
}

/// A micro-panel of B, with the rows of A and the columns of C that it belongs to.
pub(super) struct Panel<'a, T> {
    pub(super) a: MatRef<'a, T>,
    pub(super) b: &'a [T],
    pub(super) b_row: usize,
    /// Number of columns from the panel's first column to C's right edge.
    pub(super) cols: usize,
    /// Column offset of the micro-panel's last register. In unpadded matrices it overlaps its
    /// neighbor so that it ends with the row.
    pub(super) last: usize,
    pub(super) c_row: usize,
    pub(super) accumulate: Accumulate,
    pub(super) bias: Option<&'a [T]>,
    pub(super) finish: Finish<'a, T>,
}

/// A micro-tile with constant shape: `MR` rows by `WHOLE` registers and a last one, which may be
/// [half](Vector::Half) as wide. It begins at this row of the panel, and at the start of this part
/// of C.
struct Tile<'a, T, const MR: usize, const WHOLE: usize, const HALF: bool>(
    &'a Panel<'a, T>,
    usize,
    &'a mut [T],
);

impl<T: Float> Panel<'_, T> {
    /// Computes a tile that begins at this row, and returns its height. The panel is `registers`
    /// wide, and the tile as high as is best for the remaining rows.
    ///
    /// The shapes leave registers for one row of B's panel and one number of A. With 32 registers
    /// they nearly reach the limit of the FMA units. Panels are two registers wide on sets with 16,
    /// because a 3x4 tile is much slower there.
    #[inline(always)]
    pub(super) fn run<S: Simd>(&self, simd: S, row: usize, registers: usize, c: &mut [T]) -> usize {
        let rows = self.a.rows - row;
        macro_rules! shapes {
            ($half:literal $(($whole:literal: $($mr:literal)*))*) => {
                match registers - 1 {
                    $($whole => {
                        $(if rows >= $mr {
                            simd.vectorize(Tile::<T, $mr, $whole, $half>(self, row, c));
                            return $mr;
                        })*
                        rows
                    })*
                    _ => unreachable!("panels are one to four registers wide"),
                }
            };
        }
        // Constant blocks, so that no set compiles the shapes of another.
        if const { S::REGISTERS >= 32 } {
            if const { half_lanes::<S, T>() < T::Vector::<S>::LANES } && self.is_half::<S>() {
                return shapes! { true (3: 6 4 2 1) (2: 8 4 2 1) (1: 12 8 4 2 1) (0: 12 8 4 2 1) };
            }
            shapes! { false (3: 6 4 2 1) (2: 8 4 2 1) (1: 12 8 4 2 1) (0: 12 8 4 2 1) }
        } else {
            shapes! { false (1: 6 4 2 1) (0: 8 6 4 2 1) }
        }
    }

    /// Returns `true` if the last register has values in its lower half only.
    fn is_half<S: Simd>(&self) -> bool {
        self.cols <= self.last + half_lanes::<S, T>()
    }
}

const fn half_lanes<S: Simd, T: Float>() -> usize {
    <T::Vector<S> as Vector<S, T>>::Half::LANES
}

impl<T: Float, const MR: usize, const WHOLE: usize, const HALF: bool> Op
    for Tile<'_, T, MR, WHOLE, HALF>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        if HALF {
            compute::<S, T, <T::Vector<S> as Vector<S, T>>::Half, MR, WHOLE>(
                simd, self.0, self.1, self.2,
            );
        } else {
            compute::<S, T, T::Vector<S>, MR, WHOLE>(simd, self.0, self.1, self.2);
        }
    }
}

/// Computes a micro-tile whose last register is an `L`.
#[allow(clippy::needless_range_loop)]
// Every loop over registers has constant bounds, so that it is unrolled. An accumulator that is
// indexed at run time would live in memory, which is much slower.
#[inline(always)]
fn compute<S: Simd, T: Float, L: Vector<S, T>, const MR: usize, const WHOLE: usize>(
    simd: S,
    panel: &Panel<'_, T>,
    first: usize,
    c: &mut [T],
) {
    let &Panel {
        a,
        b,
        b_row,
        cols,
        last,
        c_row,
        accumulate,
        bias,
        finish,
    } = panel;
    let k = a.cols;
    let lanes = T::Vector::<S>::LANES;
    let mut sums = [[T::Vector::<S>::splat(simd, T::zero()); WHOLE]; MR];
    let mut last_sums = [L::splat(simd, T::zero()); MR];

    if accumulate == Accumulate::Add {
        for r in 0..MR {
            let row = &c[r * c_row..][..cols];
            for v in 0..WHOLE {
                sums[r][v] = T::Vector::<S>::load(simd, &row[v * lanes..]);
            }
            last_sums[r] = L::load_partial(simd, &row[last..]);
        }
    }

    if k > 0 {
        // All slices have one length, so that one bounds check serves all rows.
        let (a_row, a_step) = (a.row_stride, a.col_stride);
        let a = a.rows_from(first);
        let mut rows = [a; MR];
        for r in 0..MR {
            rows[r] = &a[r * a_row..][..=(k - 1) * a_step];
        }
        for p in 0..k {
            let row = &b[p * b_row..];
            let mut panel = sums[0];
            let whole = &row[..WHOLE * lanes];
            for v in 0..WHOLE {
                panel[v] = T::Vector::<S>::load(simd, &whole[v * lanes..]);
            }
            let last = L::load(simd, &row[last..]);
            for r in 0..MR {
                let x = rows[r][p * a_step];
                let wide = T::Vector::<S>::splat(simd, x);
                for v in 0..WHOLE {
                    sums[r][v] = wide.mul_add(panel[v], sums[r][v]);
                }
                last_sums[r] = L::splat(simd, x).mul_add(last, last_sums[r]);
            }
        }
    }

    if let Some(bias) = bias {
        for v in 0..WHOLE {
            let bias = T::Vector::<S>::load(simd, &bias[v * lanes..]);
            for r in 0..MR {
                sums[r][v] = sums[r][v].add(bias);
            }
        }
        let bias = L::load(simd, &bias[last..]);
        for r in 0..MR {
            last_sums[r] = last_sums[r].add(bias);
        }
    }

    if accumulate == Accumulate::AddSum {
        for r in 0..MR {
            let row = &c[r * c_row..][..cols];
            for v in 0..WHOLE {
                let held = T::Vector::<S>::load(simd, &row[v * lanes..]);
                sums[r][v] = held.add(sums[r][v]);
            }
            last_sums[r] = L::load_partial(simd, &row[last..]).add(last_sums[r]);
        }
    }

    finish.apply(simd, first, last, &mut sums, &mut last_sums);

    for r in 0..MR {
        let row = &mut c[r * c_row..][..cols];
        for v in 0..WHOLE {
            sums[r][v].store(&mut row[v * lanes..]);
        }
        if last + L::LANES <= cols {
            last_sums[r].store(&mut row[last..]);
        } else {
            last_sums[r].store_partial(&mut row[last..]);
        }
    }
}

impl<T: Float> Finish<'_, T> {
    /// Applies the operation to the elements of a micro-tile.
    #[allow(clippy::needless_range_loop)] // as in `compute`
    #[inline(always)]
    fn apply<S: Simd, L: Vector<S, T>, const MR: usize, const WHOLE: usize>(
        self,
        simd: S,
        first: usize,
        last: usize,
        sums: &mut [[T::Vector<S>; WHOLE]; MR],
        last_sums: &mut [L; MR],
    ) {
        let lanes = T::Vector::<S>::LANES;
        match self {
            Finish::Store => {}
            Finish::AtLeast(low) => {
                let wide = T::Vector::<S>::splat(simd, low);
                for r in 0..MR {
                    for v in 0..WHOLE {
                        sums[r][v] = sums[r][v].at_least(wide);
                    }
                    last_sums[r] = last_sums[r].at_least(L::splat(simd, low));
                }
            }
            Finish::WhereAbove(low, y, y_row) => {
                let wide = T::Vector::<S>::splat(simd, low);
                let y = &y[first * y_row..];
                for r in 0..MR {
                    let row = &y[r * y_row..];
                    for v in 0..WHOLE {
                        let y = T::Vector::<S>::load(simd, &row[v * lanes..]);
                        sums[r][v] = sums[r][v].mul(y.is_above(wide));
                    }
                    let y = L::load(simd, &row[last..]);
                    last_sums[r] = last_sums[r].mul(y.is_above(L::splat(simd, low)));
                }
            }
        }
    }
}
