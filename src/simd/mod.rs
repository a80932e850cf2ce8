//! Vector types for each instruction set, and the choice of one at run time.
//!
//! This module holds all `unsafe` code of the crate. What lies above is written once,
//! generically over [`Simd`] and [`Vector`], and handed to [`dispatch`] as an [`Op`],
//! which compiles it once for each instruction set and runs the best that this CPU has.
//!
//! All sets but [`InstructionSet::Portable`] have fused multiply-add and give the same
//! bits; the portable one rounds twice, so its results differ in the last bits.
//!
//! The environment variable `FEEDFORWARD_SIMD` (`portable`, `neon`, `avx2`, `avx512`)
//! chooses a set that the CPU has instead of its best one; it is read once. Any other
//! value but an empty one is an error of every prediction and training run. Without the feature
//! `std` nothing can be asked at run time: the set is the best that the program is compiled for
//! (`-C target-feature=+avx2,+fma`).

#![allow(unsafe_code)]

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::error::{Error, Result, bounded};

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

/// Code that is compiled once for each instruction set.
///
/// `run` must be `#[inline(always)]`: only what is inlined into the dispatching function
/// is compiled with its instructions (closures are not, reliably).
pub trait Op {
    /// What it returns.
    type Output;
    /// The code, generic over the instruction set.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// An instruction set, as a token that exists only where the CPU has it.
pub trait Simd: Copy + Send + Sync + 'static {
    /// A register of f32.
    type F32: Vector<Self, f32>;
    /// A register of f64.
    type F64: Vector<Self, f64>;
    /// Which set this is.
    const SET: InstructionSet;
    /// Whether a multiply-add rounds once.
    const FUSED: bool = true;
    /// Vector registers, which bound the size of a kernel's tile.
    const REGISTERS: usize;

    /// Runs `op`, compiled with this set's instructions, in a function of its own.
    fn vectorize<O: Op>(self, op: O) -> O::Output;
}

/// A vector register of `T` under the instruction set `S`.
pub trait Vector<S: Simd, T>: Copy {
    /// How many values it holds.
    const LANES: usize;
    /// `x` in every lane.
    fn splat(simd: S, x: T) -> Self;
    /// The first `LANES` values of `from`, which must have so many.
    fn load(simd: S, from: &[T]) -> Self;
    /// At most `LANES` values; the lanes beyond `from`'s end are zero.
    fn load_partial(simd: S, from: &[T]) -> Self;
    /// Writes all lanes to the start of `to`, which must have room.
    fn store(self, to: &mut [T]);
    /// Writes as many lanes as `to` has room for.
    fn store_partial(self, to: &mut [T]);
    /// `self * a + b`, rounded once where [`Simd::FUSED`].
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// `self + a`.
    fn add(self, a: Self) -> Self;
    /// `self * a`.
    fn mul(self, a: Self) -> Self;
    /// `low` in the lanes that are below it; NaN stays, and so does -0 for `low` = 0.
    fn at_least(self, low: Self) -> Self;
    /// The first lane.
    fn first(self) -> T;
}

/// The instruction sets that the crate has kernels for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum InstructionSet {
    /// Plain Rust, without fused multiply-add.
    Portable = 1,
    /// AArch64's 128-bit vectors.
    Neon = 2,
    /// x86-64's 256-bit vectors with fused multiply-add (2013 and later).
    Avx2 = 3,
    /// x86-64's 512-bit vectors.
    Avx512 = 4,
}

impl InstructionSet {
    /// Every set, the narrowest first.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];

    /// The name that `FEEDFORWARD_SIMD` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether a multiply-add rounds once, as promised for equal bits between machines.
    pub fn is_fused(self) -> bool {
        self != Self::Portable
    }

    /// Whether this CPU has it.
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

    /// The sets that this CPU has, the narrowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|set| set.is_available())
    }

    /// The set in use.
    pub fn active() -> Self {
        match ACTIVE.load(Ordering::Relaxed) {
            2 => Self::Neon,
            3 => Self::Avx2,
            4 => Self::Avx512,
            1 => Self::Portable,
            _ => Self::detect(),
        }
    }

    /// Uses this set from now on, in the whole process: for tests and measurements.
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
        // Who sees that there is a set also sees whether it is the one that was asked for.
        ACTIVE.store(set as u8, Ordering::Release);
        set
    }
}

/// What `FEEDFORWARD_SIMD` says, if it says something.
fn asked() -> Option<String> {
    #[cfg(feature = "std")]
    let name = std::env::var_os("FEEDFORWARD_SIMD");
    #[cfg(not(feature = "std"))]
    let name: Option<&core::ffi::CStr> = None;
    let name = name.filter(|name| !name.is_empty());
    name.map(|name| name.to_string_lossy().into_owned())
}

/// Checks that `FEEDFORWARD_SIMD` names a set that this CPU has, if it is set at all.
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

/// The set in use; 0 before the first look.
static ACTIVE: AtomicU8 = AtomicU8::new(0);

/// Whether another set was asked for, which this CPU does not have or nobody knows.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// Runs `op` with the set in use.
#[inline]
pub fn dispatch<O: Op>(op: O) -> O::Output {
    match InstructionSet::active() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a set becomes active only after `is_available` said that the CPU has it.
        InstructionSet::Avx512 => unsafe { x86::Avx512::new() }.vectorize(op),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        InstructionSet::Avx2 => unsafe { x86::Avx2::new() }.vectorize(op),
        #[cfg(target_arch = "aarch64")]
        InstructionSet::Neon => aarch64::Neon.vectorize(op),
        _ => portable::Portable.vectorize(op),
    }
}

/// Runs a test once for each set that the CPU has, one such test at a time.
#[cfg(test)]
pub(crate) fn on_every_set(mut test: impl FnMut()) {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _guard = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = InstructionSet::active();
    for set in InstructionSet::available() {
        set.activate().unwrap();
        test();
    }
    before.activate().unwrap();
}

#[cfg(test)]
mod tests;
