//! Plain Rust on arrays of 128 bits, which every compiler back end turns into the target's vectors.

use super::{InstructionSet, Op, Simd, Vector};

#[derive(Clone, Copy)]
pub struct Portable;

impl Simd for Portable {
    type F32 = Array<f32, 4>;
    type F64 = Array<f64, 2>;
    const SET: InstructionSet = InstructionSet::Portable;
    const FUSED: bool = false;
    const REGISTERS: usize = 16;

    #[inline(never)]
    fn vectorize<O: Op>(self, op: O) -> O::Output {
        op.run(self)
    }
}

#[derive(Clone, Copy)]
pub struct Array<T, const N: usize>([T; N]);

impl<T: num_traits::Float, const N: usize> Vector<Portable, T> for Array<T, N> {
    type Half = Self;
    const LANES: usize = N;

    #[inline(always)]
    fn splat(_: Portable, x: T) -> Self {
        Self([x; N])
    }
    #[inline(always)]
    fn load(simd: Portable, from: &[T]) -> Self {
        let mut to = Self::splat(simd, T::zero());
        to.0.copy_from_slice(&from[..N]);
        to
    }
    #[inline(always)]
    fn load_partial(simd: Portable, from: &[T]) -> Self {
        let mut to = Self::splat(simd, T::zero());
        for (to, &x) in to.0.iter_mut().zip(from) {
            *to = x;
        }
        to
    }
    #[inline(always)]
    fn store(self, to: &mut [T]) {
        to[..N].copy_from_slice(&self.0);
    }
    #[inline(always)]
    fn store_partial(self, to: &mut [T]) {
        for (to, x) in to.iter_mut().zip(self.0) {
            *to = x;
        }
    }
    // These loops use an index, because closures would slow down the compilation of every kernel.
    #[inline(always)]
    fn mul_add(mut self, a: Self, b: Self) -> Self {
        for i in 0..N {
            self.0[i] = self.0[i] * a.0[i] + b.0[i];
        }
        self
    }
    #[inline(always)]
    fn add(mut self, a: Self) -> Self {
        for i in 0..N {
            self.0[i] = self.0[i] + a.0[i];
        }
        self
    }
    #[inline(always)]
    fn mul(mut self, a: Self) -> Self {
        for i in 0..N {
            self.0[i] = self.0[i] * a.0[i];
        }
        self
    }
    #[inline(always)]
    fn at_least(mut self, low: Self) -> Self {
        for i in 0..N {
            if self.0[i] < low.0[i] {
                self.0[i] = low.0[i];
            }
        }
        self
    }
    #[inline(always)]
    fn is_above(mut self, low: Self) -> Self {
        for i in 0..N {
            self.0[i] = if self.0[i] > low.0[i] {
                T::one()
            } else {
                T::zero()
            };
        }
        self
    }
    #[inline(always)]
    fn first(self) -> T {
        self.0[0]
    }
}
