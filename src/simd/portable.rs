//! Plain Rust on arrays of 128 bits, which every compiler back end turns into whatever
//! vectors the target is built for.

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
    const LANES: usize = N;

    #[inline(always)]
    fn splat(_: Portable, x: T) -> Self {
        Self([x; N])
    }
    #[inline(always)]
    fn load(_: Portable, from: &[T]) -> Self {
        Self(core::array::from_fn(|i| from[..N][i]))
    }
    #[inline(always)]
    fn load_partial(_: Portable, from: &[T]) -> Self {
        Self(core::array::from_fn(|i| {
            from.get(i).copied().unwrap_or_else(T::zero)
        }))
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
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        Self(core::array::from_fn(|i| self.0[i] * a.0[i] + b.0[i]))
    }
    #[inline(always)]
    fn add(self, a: Self) -> Self {
        Self(core::array::from_fn(|i| self.0[i] + a.0[i]))
    }
    #[inline(always)]
    fn mul(self, a: Self) -> Self {
        Self(core::array::from_fn(|i| self.0[i] * a.0[i]))
    }
    #[inline(always)]
    fn at_least(self, low: Self) -> Self {
        Self(core::array::from_fn(|i| {
            if self.0[i] < low.0[i] {
                low.0[i]
            } else {
                self.0[i]
            }
        }))
    }
    #[inline(always)]
    fn first(self) -> T {
        self.0[0]
    }
}
