//! Matrix products over plain slices: C = A B, with every sum in one fixed order.
//!
//! Each element of C is a sum of fused multiply-adds in order of k. It starts at zero, or at the
//! element's value for [`multiply_add`]. Results are therefore bit-identical for one row or many,
//! and on every instruction set with fused multiply-add.
//!
//! The loops are those of BLIS (Van Zee and van de Geijn, "BLIS: a framework for rapidly
//! instantiating BLAS functionality", 2015). From the outside in, they run over:
//!
//! 1. NC columns of B and C,
//! 2. KC of k; this block of B, KC x NC, is packed,
//! 3. MC rows of A and C; this block of A, MC x KC, is packed,
//! 4. a micro-panel of B: NR columns, which are up to four registers,
//! 5. a micro-tile of C: MR rows by NR columns, whose sums stay in registers.
//!
//! The micro-kernel runs over k, along A's rows and down B's columns. Each step multiplies one row
//! of B's micro-panel by one number of each row of A.
//!
//! The first three loops pack only if that pays (`blocked`). A training step keeps its weights
//! packed, so its products begin with the third loop (`product`). A strip has MC = 24 rows,
//! or more if they are short. It stays in the first-level cache until its epilogue is done.
//!
//! BLIS's micro-kernel needs a packed A. This one reads A one number at a time with any strides,
//! and B along its rows as vectors. A transposed A therefore costs nothing, and one kernel computes
//! all three products of a training step.

use alloc::format;
use alloc::string::ToString;
use core::marker::PhantomData;

use crate::error::{Error, Result};
use crate::float::Float;
use crate::simd::{self, Op, Simd, Vector};

mod blocked;
mod buffer;
mod matrix;
mod product;
mod tile;

pub(crate) use buffer::{Buffer, LINE, padded, transpose};
pub use matrix::{MatMut, MatRef};
pub(crate) use product::{Accumulate, Epilogue, Product, Store, strip_rows};

/// Number of rows in a block of A, and minimum number of rows in a strip of C: a multiple of every
/// micro-tile's height.
pub(crate) const MC: usize = 24;

/// Computes C = A B.
///
/// ```
/// use feedforward::gemm::{MatMut, MatRef, multiply};
///
/// let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; // 2 x 3
/// let b = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]; // 3 x 2
/// let mut c = [0.0; 4];
/// multiply(MatRef::new(&a, 2, 3)?, MatRef::new(&b, 3, 2)?, MatMut::new(&mut c, 2, 2)?)?;
/// assert_eq!(c, [4.0, 5.0, 10.0, 11.0]);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit.
pub fn multiply<T: Float>(a: MatRef<'_, T>, b: MatRef<'_, T>, c: MatMut<'_, T>) -> Result<()> {
    public(a, b, c, Accumulate::Overwrite)
}

/// Computes C = C + A B. Each sum starts at the element's value in C.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit.
pub fn multiply_add<T: Float>(a: MatRef<'_, T>, b: MatRef<'_, T>, c: MatMut<'_, T>) -> Result<()> {
    public(a, b, c, Accumulate::Add)
}

fn public<T: Float>(
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    c: MatMut<'_, T>,
    accumulate: Accumulate,
) -> Result<()> {
    simd::check()?;
    if a.cols != b.rows {
        return Err(Error::shape("rows of B", a.cols.to_string(), b.rows));
    }
    if (c.rows, c.cols) != (a.rows, b.cols) {
        let expected = format!("{} x {}", a.rows, b.cols);
        let got = format!("{} x {}", c.rows, c.cols);
        return Err(Error::shape("shape of C", expected, got));
    }
    if c.rows > 0 && c.cols > 0 {
        blocked::run(a, b, c, accumulate);
    }
    Ok(())
}

/// Returns the number of values in a register of the active instruction set.
fn lanes<T: Float>() -> usize {
    struct Lanes<T>(PhantomData<T>);
    impl<T: Float> Op for Lanes<T> {
        type Output = usize;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> usize {
            T::Vector::<S>::LANES
        }
    }
    simd::dispatch(Lanes::<T>(PhantomData))
}

#[cfg(test)]
mod tests;
