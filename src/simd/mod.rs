//! Vector types for each instruction set, and the choice of one at run time.
//!
//! This module holds all `unsafe` code of the crate. Kernels in other modules are generic over
//! [`Simd`] and [`Vector`], and implement [`Op`]. [`dispatch`] compiles them once per instruction
//! set and runs the one for the active set, which is the CPU's best by default.
//!
//! Results are bit-identical on all sets except [`InstructionSet::Portable`]. That set has no fused
//! multiply-add and rounds twice, so its results differ in the last bits.
//!
//! The environment variable `FEEDFORWARD_SIMD` (`portable`, `neon`, `avx2`, `avx512`) selects
//! another set that the CPU has. It is read once. With any other non-empty value, every prediction
//! and every training run returns an error. Without the feature `std`, the set is the best one that
//! the program was compiled for (`-C target-feature=+avx2,+fma`).

#![allow(unsafe_code)]

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::error::{Error, Result, bounded};

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(all(feature = "arm-dsp", target_arch = "arm"))]
pub(crate) mod arm;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

/// Code that is compiled once for each instruction set.
///
/// `run` must be `#[inline(always)]`. Only code that is inlined into the dispatching function uses
/// the set's instructions. Closures are not reliably inlined.
pub trait Op {
    /// Result of the code.
    type Output;
    /// Runs the code with the given instruction set.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// An instruction set, as a token that exists only if the CPU has the set.
pub trait Simd: Copy + Send + Sync + 'static {
    /// A register of f32.
    type F32: Vector<Self, f32>;
    /// A register of f64.
    type F64: Vector<Self, f64>;
    /// The instruction set.
    const SET: InstructionSet;
    /// `true` if a multiply-add rounds once.
    const FUSED: bool = true;
    /// Number of vector registers, which limits the size of a kernel's tile.
    const REGISTERS: usize;

    /// Runs `op` in a separate function, compiled with this set's instructions.
    fn vectorize<O: Op>(self, op: O) -> O::Output;
}

/// A vector register of `T` under the instruction set `S`.
pub trait Vector<S: Simd, T>: Copy {
    /// A register of half as many values if it takes half the time on some CPU, or else this one.
    type Half: Vector<S, T>;
    /// Number of values in the register.
    const LANES: usize;
    /// Returns `x` in every lane.
    fn splat(simd: S, x: T) -> Self;
    /// Loads the first `LANES` values of `from`, which must have at least this many.
    fn load(simd: S, from: &[T]) -> Self;
    /// Loads at most `LANES` values. Lanes beyond the end of `from` are zero.
    fn load_partial(simd: S, from: &[T]) -> Self;
    /// Writes all lanes to the start of `to`, which must have at least `LANES` values.
    fn store(self, to: &mut [T]);
    /// Writes as many lanes as `to` has values.
    fn store_partial(self, to: &mut [T]);
    /// Returns `self * a + b`, rounded once if [`Simd::FUSED`].
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// Returns `self + a`.
    fn add(self, a: Self) -> Self;
    /// Returns `self * a`.
    fn mul(self, a: Self) -> Self;
    /// Replaces lanes below `low` by `low`. Keeps NaN, and keeps -0 for `low` = 0.
    fn at_least(self, low: Self) -> Self;
    /// Returns 1 in lanes above `low`, and 0 in the others.
    fn is_above(self, low: Self) -> Self;
    /// Returns the first lane.
    fn first(self) -> T;
}

/// An instruction set that the crate has kernels for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum InstructionSet {
    /// Plain Rust without fused multiply-add.
    Portable = 1,
    /// 128-bit vectors of AArch64.
    Neon = 2,
    /// 256-bit vectors of x86-64 with fused multiply-add (2013 and later).
    Avx2 = 3,
    /// 512-bit vectors of x86-64.
    Avx512 = 4,
}

impl InstructionSet {
    /// All sets, from the narrowest to the widest.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];

    /// Returns the name of the set in `FEEDFORWARD_SIMD`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Returns `true` if a multiply-add rounds once. All such sets give bit-identical results.
    pub fn is_fused(self) -> bool {
        self != Self::Portable
    }

    /// Returns `true` if this CPU has the set.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => x86::has_avx2(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => x86::has_avx512(),
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// Returns the sets that this CPU has, from the narrowest to the widest.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|set| set.is_available())
    }

    /// Returns the set in use.
    pub fn active() -> Self {
        #[cfg(test)]
        if let Some(set) = testing::set_of_this_thread() {
            return set;
        }
        match ACTIVE.load(Ordering::Relaxed) {
            2 => Self::Neon,
            3 => Self::Avx2,
            4 => Self::Avx512,
            1 => Self::Portable,
            _ => Self::detect(),
        }
    }

    /// Uses this set from now on in the whole process. Intended for tests and measurements.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] if this CPU does not have it.
    pub fn activate(self) -> Result<()> {
        if !self.is_available() {
            let have: Vec<_> = Self::available().map(Self::name).collect();
            return Err(Error::invalid_setting(
                "instruction set",
                have.join(", "),
                self,
            ));
        }
        REFUSED.store(false, Ordering::Relaxed);
        ACTIVE.store(self as u8, Ordering::Release);
        Ok(())
    }

    #[cold]
    fn detect() -> Self {
        let asked = asked();
        let named = Self::available().find(|set| asked.as_deref() == Some(set.name()));
        let best = Self::available().last().unwrap_or(Self::Portable);
        let set = named.unwrap_or(best);
        REFUSED.store(asked.is_some() && named.is_none(), Ordering::Relaxed);
        // `Release`: a thread that sees the set must also see whether the requested one was
        // refused.
        ACTIVE.store(set as u8, Ordering::Release);
        set
    }
}

/// Returns the value of `FEEDFORWARD_SIMD`, unless it is unset or empty.
fn asked() -> Option<String> {
    #[cfg(feature = "std")]
    let name = std::env::var_os("FEEDFORWARD_SIMD");
    #[cfg(not(feature = "std"))]
    let name: Option<&core::ffi::CStr> = None;
    let name = name.filter(|name| !name.is_empty());
    name.map(|name| name.to_string_lossy().into_owned())
}

/// Checks that `FEEDFORWARD_SIMD` is unset, empty, or names a set that this CPU has.
///
/// # Errors
/// [`Error::UnknownName`] otherwise, until a set is [activated](InstructionSet::activate).
#[inline]
pub(crate) fn check() -> Result<()> {
    if ACTIVE.load(Ordering::Acquire) == 0 {
        InstructionSet::detect();
    }
    if REFUSED.load(Ordering::Relaxed) {
        return Err(refusal());
    }
    Ok(())
}

#[cold]
fn refusal() -> Error {
    let known: Vec<_> = InstructionSet::available()
        .map(InstructionSet::name)
        .collect();
    Error::UnknownName {
        what: "FEEDFORWARD_SIMD, an instruction set of this CPU",
        known: known.join(", "),
        got: bounded(asked().unwrap_or_default()),
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The set in use, or 0 before detection.
static ACTIVE: AtomicU8 = AtomicU8::new(0);

/// `true` if the requested set is unknown, or the CPU does not have it.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// Runs `op` with the set in use.
#[inline]
pub fn dispatch<O: Op>(op: O) -> O::Output {
    match InstructionSet::active() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a set becomes active only after `is_available` returned `true` for it.
        InstructionSet::Avx512 => unsafe { x86::Avx512::new() }.vectorize(op),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        InstructionSet::Avx2 => unsafe { x86::Avx2::new() }.vectorize(op),
        #[cfg(target_arch = "aarch64")]
        InstructionSet::Neon => aarch64::Neon.vectorize(op),
        _ => portable::Portable.vectorize(op),
    }
}

/// Transposes the block of four rows and columns at the start of both matrices.
#[inline(always)]
pub(crate) fn transpose_4x4<T: Copy>(from: &[T], from_row: usize, to: &mut [T], to_row: usize) {
    // The compiler does not find these shuffles in plain code.
    #[cfg(target_arch = "x86_64")]
    if const { matches!(size_of::<T>(), 4 | 8) } {
        return x86::transpose_4x4(from, from_row, to, to_row);
    }
    for r in 0..4 {
        for c in 0..4 {
            to[c * to_row + r] = from[r * from_row + c];
        }
    }
}

#[cfg(test)]
pub(crate) use testing::{on_every_set, with_set_of_this_thread};

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests;
