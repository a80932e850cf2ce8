//! Board support for the programs: printing, exit and a panic handler.

#![no_std]

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
