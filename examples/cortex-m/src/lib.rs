//! Board support for the programs: printing, exit, a panic handler, an allocator without memory,
//! and a counter of instructions.

#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::hint::black_box;
use core::ptr::null_mut;

use cortex_m::Peripherals;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
pub use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{EXIT_FAILURE, EXIT_SUCCESS, exit};
pub use cortex_m_semihosting::hprintln;

/// Ends the program, and the emulator with it.
pub fn end(success: bool) -> ! {
    exit(if success { EXIT_SUCCESS } else { EXIT_FAILURE });
    // Without a debugger, `exit` returns.
    loop {
        cortex_m::asm::wfi();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    end(false)
}

/// Allocator without memory. The crate links `alloc`, which requires an allocator.
pub struct NoMemory;

// SAFETY: no block is ever returned, so none can be invalid or be deallocated.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        null_mut()
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

/// Instructions in one tick of the board's timer. With qemu's option `-icount shift=0`, one
/// instruction takes one nanosecond, and the clock of the board has 25 MHz.
const PER_TICK: u32 = 40;

/// Runs of a measurement.
const RUNS: u32 = 100;

/// Counter of instructions under qemu with `-icount shift=0`.
pub struct Counter;

impl Counter {
    /// Starts the timer. Returns `None` if a counter exists already.
    pub fn new() -> Option<Self> {
        let mut timer = Peripherals::take()?.SYST;
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(0x00ff_ffff);
        timer.clear_current();
        timer.enable_counter();
        Some(Self)
    }

    /// Returns the number of instructions of one run.
    pub fn instructions(&self, mut run: impl FnMut()) -> u32 {
        let before = SYST::get_current();
        for _ in 0..RUNS {
            run();
        }
        // The timer counts down in 24 bits.
        let ticks = before.wrapping_sub(SYST::get_current()) & 0x00ff_ffff;
        ticks * PER_TICK / RUNS
    }
}

/// Compares predictions with the expected ones. Prints the instructions of a prediction, unless the
/// feature `print` is off.
#[inline(always)]
pub fn check<X: Copy, Y: PartialEq>(cases: &[(X, Y)], predict: impl Fn(X) -> Option<Y>) -> bool {
    #[cfg(feature = "print")]
    if let Some(counter) = Counter::new() {
        let count = counter.instructions(|| {
            black_box(predict(black_box(cases[0].0)));
        });
        hprintln!("{} instructions for one prediction", count);
    }
    let mut right = true;
    for (x, y) in cases {
        right &= predict(black_box(*x)).as_ref() == Some(y);
    }
    right
}
