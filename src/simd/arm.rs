//! Instructions for two products of 16 bits at once, which Cortex-M4, M7, M33 and others have.
//!
//! Stable Rust cannot ask whether the target has them. Other targets fail to assemble this module.

use core::arch::asm;

/// Number of rows that share their loads of inputs.
const ROWS: usize = 4;

/// Returns the products of four rows with the inputs.
// Apart from its callers, since it needs all registers.
#[inline(never)]
pub(crate) fn products(inputs: &[i16], rows: &[i8]) -> [i32; ROWS] {
    let width = inputs.len();
    let (a, rest) = rows.split_at(width);
    let (b, rest) = rest.split_at(width);
    let (c, d) = rest.split_at(width);
    let (inputs, last_inputs) = inputs.as_chunks::<4>();
    let [(a, last_a), (b, last_b), (c, last_c), (d, last_d)] =
        [a, b, c, d].map(<[i8]>::as_chunks::<4>);
    let mut sums = [0; ROWS];
    for ((((&x, &a), &b), &c), &d) in inputs.iter().zip(a).zip(b).zip(c).zip(d) {
        let x = pairs(x);
        sums[0] = add(x, a, sums[0]);
        sums[1] = add(x, b, sums[1]);
        sums[2] = add(x, c, sums[2]);
        sums[3] = add(x, d, sums[3]);
    }
    for (sum, row) in sums.iter_mut().zip([last_a, last_b, last_c, last_d]) {
        for (&x, &w) in last_inputs.iter().zip(row) {
            *sum += i32::from(x) * i32::from(w);
        }
    }
    sums
}

/// Returns inputs 0 and 2, and inputs 1 and 3.
#[inline(always)]
fn pairs([a, b, c, d]: [i16; 4]) -> [u32; 2] {
    let word = |low: i16, high: i16| u32::from(low as u16) | u32::from(high as u16) << 16;
    let (first, second) = (word(a, b), word(c, d));
    let (even, odd): (u32, u32);
    // SAFETY: both instructions read and write registers only. Any numbers are valid.
    unsafe {
        asm!(
            "pkhbt {even}, {first}, {second}, lsl #16",
            "pkhtb {odd}, {second}, {first}, asr #16",
            first = in(reg) first,
            second = in(reg) second,
            even = out(reg) even,
            odd = lateout(reg) odd,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    [even, odd]
}

/// Returns `sum` and the products of four inputs with four weights. The inputs are [`pairs`].
#[inline(always)]
fn add([even, odd]: [u32; 2], weights: [i8; 4], sum: i32) -> i32 {
    let weights = u32::from_le_bytes(weights.map(|w| w as u8));
    let result;
    // SAFETY: all instructions read and write registers and flags only. Any numbers are valid.
    unsafe {
        asm!(
            "sxtb16 {pair}, {weights}",
            "smlad {sum}, {pair}, {even}, {sum}",
            "sxtb16 {pair}, {weights}, ror #8",
            "smlad {sum}, {pair}, {odd}, {sum}",
            pair = out(reg) _,
            weights = in(reg) weights,
            even = in(reg) even,
            odd = in(reg) odd,
            sum = inout(reg) sum => result,
            options(pure, nomem, nostack),
        );
    }
    result
}
