//! Advanced SIMD (NEON), which every AArch64 CPU has.

#[allow(clippy::wildcard_imports)] // all of one kind
use core::arch::aarch64::*;

use super::{InstructionSet, Op, Simd, Vector};

#[derive(Clone, Copy)]
pub struct Neon;

impl Simd for Neon {
    type F32 = Q<float32x4_t>;
    type F64 = Q<float64x2_t>;
    const SET: InstructionSet = InstructionSet::Neon;
    const REGISTERS: usize = 32;

    #[inline(never)]
    fn vectorize<O: Op>(self, op: O) -> O::Output {
        op.run(self)
    }
}

/// A register of 128 bits.
#[derive(Clone, Copy)]
pub struct Q<V>(V);

// SAFETY (of every block below): NEON is part of the target. Loads and stores touch `LANES` values
// of a slice or array whose length was checked.
macro_rules! vector {
    (
        $register:ty, $float:ty, $lanes:literal,
        $dup:ident, $load:ident, $store:ident, $fma:ident, $add:ident, $mul:ident,
        $less:ident, $select:ident, $lane:ident
    ) => {
        impl Vector<Neon, $float> for Q<$register> {
            type Half = Self;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(_: Neon, x: $float) -> Self {
                // SAFETY: see above.
                Self(unsafe { $dup(x) })
            }
            #[inline(always)]
            fn load(_: Neon, from: &[$float]) -> Self {
                let from = &from[..$lanes];
                // SAFETY: see above.
                Self(unsafe { $load(from.as_ptr()) })
            }
            #[inline(always)]
            fn load_partial(simd: Neon, from: &[$float]) -> Self {
                let mut lanes = [0.0; $lanes];
                for (lane, x) in lanes.iter_mut().zip(from) {
                    *lane = *x;
                }
                Self::load(simd, &lanes)
            }
            #[inline(always)]
            fn store(self, to: &mut [$float]) {
                let to = &mut to[..$lanes];
                // SAFETY: see above.
                unsafe { $store(to.as_mut_ptr(), self.0) }
            }
            #[inline(always)]
            fn store_partial(self, to: &mut [$float]) {
                let mut lanes = [0.0; $lanes];
                self.store(&mut lanes);
                for (to, lane) in to.iter_mut().zip(lanes) {
                    *to = lane;
                }
            }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                // SAFETY: see above. `vfmaq` takes the addend first.
                Self(unsafe { $fma(b.0, self.0, a.0) })
            }
            #[inline(always)]
            fn add(self, a: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $add(self.0, a.0) })
            }
            #[inline(always)]
            fn mul(self, a: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $mul(self.0, a.0) })
            }
            #[inline(always)]
            fn at_least(self, low: Self) -> Self {
                // SAFETY: see above. The maximum instruction would turn -0 into 0.
                Self(unsafe { $select($less(self.0, low.0), low.0, self.0) })
            }
            #[inline(always)]
            fn is_above(self, low: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $select($less(low.0, self.0), $dup(1.0), $dup(0.0)) })
            }
            #[inline(always)]
            fn first(self) -> $float {
                // SAFETY: see above.
                unsafe { $lane::<0>(self.0) }
            }
        }
    };
}

vector! {
    float32x4_t, f32, 4, vdupq_n_f32, vld1q_f32, vst1q_f32, vfmaq_f32, vaddq_f32, vmulq_f32,
    vcltq_f32, vbslq_f32, vgetq_lane_f32
}
vector! {
    float64x2_t, f64, 2, vdupq_n_f64, vld1q_f64, vst1q_f64, vfmaq_f64, vaddq_f64, vmulq_f64,
    vcltq_f64, vbslq_f64, vgetq_lane_f64
}
