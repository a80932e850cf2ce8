//! AVX2 with FMA, and AVX-512.

#[allow(clippy::wildcard_imports)] // some forty names, all of one kind
use core::arch::x86_64::*;

use super::{InstructionSet, Op, Simd, Vector};

/// `true` if the CPU has the features; without `std`, if the program was compiled for them.
macro_rules! has {
    ($($feature:tt),+) => {{
        #[cfg(feature = "std")]
        let has = $(std::is_x86_feature_detected!($feature))&&+;
        #[cfg(not(feature = "std"))]
        let has = cfg!(all($(target_feature = $feature),+));
        has
    }};
}

pub(super) fn has_avx2() -> bool {
    has!("avx2", "fma")
}

pub(super) fn has_avx512() -> bool {
    has_avx2() && has!("avx512f", "avx512vl", "avx512dq", "avx512bw")
}

/// Proof that the CPU has AVX2 and FMA.
#[derive(Clone, Copy)]
pub struct Avx2(());

impl Avx2 {
    /// # Safety
    /// The CPU must have AVX2 and FMA ([`has_avx2`]).
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        Self(())
    }
}

impl Simd for Avx2 {
    type F32 = Ymm<__m256>;
    type F64 = Ymm<__m256d>;
    const SET: InstructionSet = InstructionSet::Avx2;
    const REGISTERS: usize = 16;

    #[inline(always)]
    fn vectorize<O: Op>(self, op: O) -> O::Output {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma")]
        fn with_features<O: Op>(simd: Avx2, op: O) -> O::Output {
            op.run(simd)
        }
        // SAFETY: `self` exists only where the CPU has these features.
        unsafe { with_features(self, op) }
    }
}

/// Proof that the CPU has AVX-512 (F, VL, DQ, BW), AVX2 and FMA.
#[derive(Clone, Copy)]
pub struct Avx512(());

impl Avx512 {
    /// # Safety
    /// The CPU must have the features that [`has_avx512`] checks.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        Self(())
    }
}

impl Simd for Avx512 {
    type F32 = Zmm<__m512>;
    type F64 = Zmm<__m512d>;
    const SET: InstructionSet = InstructionSet::Avx512;
    const REGISTERS: usize = 32;

    #[inline(always)]
    fn vectorize<O: Op>(self, op: O) -> O::Output {
        #[inline(never)]
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
        fn with_features<O: Op>(simd: Avx512, op: O) -> O::Output {
            op.run(simd)
        }
        // SAFETY: `self` exists only where the CPU has these features.
        unsafe { with_features(self, op) }
    }
}

/// A register of 256 bits. Only an [`Avx2`] or an [`Avx512`] can create it, so its methods may use
/// AVX2 and FMA.
#[derive(Clone, Copy)]
pub struct Ymm<V>(V);

/// A register of 512 bits. Only an [`Avx512`] can create it, so its methods may use that set.
#[derive(Clone, Copy)]
pub struct Zmm<V>(V);

/// A window into this array is the mask for the first `n` of 8 lanes: all bits set below `n`.
static MASK32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
/// Masks for 4 lanes of 64 bits.
static MASK64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

// SAFETY (of every block below): a vector or token exists only if the CPU has the set (see `Avx2`,
// `Avx512`). Loads and stores touch `LANES` values of a slice whose length was checked, or are
// masked to the slice's length.
macro_rules! vector {
    (
        $vector:ident<$register:ty>, $token:ty, $float:ty, $lanes:literal, half $half:ty,
        $set1:ident, $loadu:ident, $storeu:ident, $fmadd:ident, $add:ident, $mul:ident, $max:ident,
        $first:ident, is_above($x:ident, $low:ident) $is_above:expr,
        mask($n:ident) $mask:expr, $maskload:ident($($load_arg:tt)*), $maskstore:ident
    ) => {
        impl Vector<$token, $float> for $vector<$register> {
            type Half = $half;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(_: $token, x: $float) -> Self {
                // SAFETY: see above.
                Self(unsafe { $set1(x) })
            }
            #[inline(always)]
            fn load(_: $token, from: &[$float]) -> Self {
                let from = &from[..$lanes];
                // SAFETY: see above.
                Self(unsafe { $loadu(from.as_ptr()) })
            }
            #[inline(always)]
            fn load_partial(_: $token, from: &[$float]) -> Self {
                let $n = from.len().min($lanes);
                // SAFETY: see above.
                Self(unsafe {
                    let mask = $mask;
                    vector!(@load $maskload mask, from.as_ptr(), $($load_arg)*)
                })
            }
            #[inline(always)]
            fn store(self, to: &mut [$float]) {
                let to = &mut to[..$lanes];
                // SAFETY: see above.
                unsafe { $storeu(to.as_mut_ptr(), self.0) }
            }
            #[inline(always)]
            fn store_partial(self, to: &mut [$float]) {
                let $n = to.len().min($lanes);
                // SAFETY: see above.
                unsafe {
                    let mask = $mask;
                    $maskstore(to.as_mut_ptr(), mask, self.0)
                }
            }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $fmadd(self.0, a.0, b.0) })
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
                // SAFETY: see above. The instruction returns its second operand unless the first is
                // larger.
                Self(unsafe { $max(low.0, self.0) })
            }
            #[inline(always)]
            fn is_above(self, low: Self) -> Self {
                let ($x, $low) = (self.0, low.0);
                // SAFETY: see above.
                Self(unsafe { $is_above })
            }
            #[inline(always)]
            fn first(self) -> $float {
                // SAFETY: see above.
                unsafe { $first(self.0) }
            }
        }
    };
    (@load $maskload:ident $mask:ident, $from:expr, mask_first) => { $maskload($mask, $from) };
    (@load $maskload:ident $mask:ident, $from:expr, mask_last) => { $maskload($from, $mask) };
}

/// Both sets compute with registers of 256 bits in the same way.
macro_rules! ymm {
    ($($token:ident)*) => {$(
        vector! {
            Ymm<__m256>, $token, f32, 8, half Self,
            _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps, _mm256_add_ps,
            _mm256_mul_ps, _mm256_max_ps, _mm256_cvtss_f32,
            is_above(x, low) _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(x, low), _mm256_set1_ps(1.0)),
            mask(n) _mm256_loadu_si256(MASK32[8 - n..][..8].as_ptr().cast()),
            _mm256_maskload_ps(mask_last), _mm256_maskstore_ps
        }
        vector! {
            Ymm<__m256d>, $token, f64, 4, half Self,
            _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd, _mm256_fmadd_pd, _mm256_add_pd,
            _mm256_mul_pd, _mm256_max_pd, _mm256_cvtsd_f64,
            is_above(x, low) _mm256_and_pd(_mm256_cmp_pd::<_CMP_GT_OQ>(x, low), _mm256_set1_pd(1.0)),
            mask(n) _mm256_loadu_si256(MASK64[4 - n..][..4].as_ptr().cast()),
            _mm256_maskload_pd(mask_last), _mm256_maskstore_pd
        }
    )*};
}

ymm! { Avx2 Avx512 }
vector! {
    Zmm<__m512>, Avx512, f32, 16, half Ymm<__m256>,
    _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_add_ps, _mm512_mul_ps, _mm512_max_ps,
    _mm512_cvtss_f32,
    is_above(x, low)
        _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, low), _mm512_set1_ps(1.0)),
    mask(n) ((1u32 << n) - 1) as __mmask16,
    _mm512_maskz_loadu_ps(mask_first), _mm512_mask_storeu_ps
}
vector! {
    Zmm<__m512d>, Avx512, f64, 8, half Ymm<__m256d>,
    _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd, _mm512_fmadd_pd, _mm512_add_pd, _mm512_mul_pd, _mm512_max_pd,
    _mm512_cvtsd_f64,
    is_above(x, low)
        _mm512_maskz_mov_pd(_mm512_cmp_pd_mask::<_CMP_GT_OQ>(x, low), _mm512_set1_pd(1.0)),
    mask(n) ((1u32 << n) - 1) as __mmask8,
    _mm512_maskz_loadu_pd(mask_first), _mm512_mask_storeu_pd
}

/// Transposes the block of four rows and columns at the start of both matrices. The instructions
/// are those of SSE2, which every CPU of this kind has.
#[inline(always)]
pub(super) fn transpose_4x4<T: Copy>(from: &[T], from_row: usize, to: &mut [T], to_row: usize) {
    const { assert!(matches!(size_of::<T>(), 4 | 8)) };
    // The last row of both. The others end before it. A product that wrapped would pass.
    let _ = &from[from_row.saturating_mul(3)..][..4];
    let _ = &to[to_row.saturating_mul(3)..][..4];
    let (from, to) = (from.as_ptr(), to.as_mut_ptr());
    // SAFETY: the rows of both blocks were checked. Each load and store covers four values of 32
    // bits or two of 64 bits of one row, and the shuffles move whole values.
    unsafe {
        if size_of::<T>() == 4 {
            let mut r0 = _mm_loadu_ps(from.cast());
            let mut r1 = _mm_loadu_ps(from.add(from_row).cast());
            let mut r2 = _mm_loadu_ps(from.add(2 * from_row).cast());
            let mut r3 = _mm_loadu_ps(from.add(3 * from_row).cast());
            _MM_TRANSPOSE4_PS(&mut r0, &mut r1, &mut r2, &mut r3);
            _mm_storeu_ps(to.cast(), r0);
            _mm_storeu_ps(to.add(to_row).cast(), r1);
            _mm_storeu_ps(to.add(2 * to_row).cast(), r2);
            _mm_storeu_ps(to.add(3 * to_row).cast(), r3);
        } else {
            for [r, c] in [[0, 0], [0, 2], [2, 0], [2, 2]] {
                let (from, to) = (from.add(r * from_row + c), to.add(c * to_row + r));
                let r0 = _mm_loadu_pd(from.cast());
                let r1 = _mm_loadu_pd(from.add(from_row).cast());
                _mm_storeu_pd(to.cast(), _mm_unpacklo_pd(r0, r1));
                _mm_storeu_pd(to.add(to_row).cast(), _mm_unpackhi_pd(r0, r1));
            }
        }
    }
}
