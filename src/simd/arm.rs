//! Instructions for two products of 16 bits at once, which Cortex-M4, M7, M33 and others have.
//!
//! Stable Rust cannot ask whether the target has them. Other targets fail to assemble this module.

use core::arch::asm;

/// Number of rows that share their loads of inputs.
const ROWS: usize = 4;

/// Adds the products of four inputs with the weights of each row.
macro_rules! four_inputs {
    () => {
        concat!(
            "ldr {first}, [{x}], #4\n",
            "ldr {odd}, [{x}], #4\n",
            // Inputs 0 and 2, and inputs 1 and 3, as the weights below.
            "pkhbt {even}, {first}, {odd}, lsl #16\n",
            "pkhtb {odd}, {odd}, {first}, asr #16\n",
            "ldr {w}, [{row}, {width}]\n",
            "sxtb16 {first}, {w}\n",
            "smlad {b}, {first}, {even}, {b}\n",
            "sxtb16 {first}, {w}, ror #8\n",
            "smlad {b}, {first}, {odd}, {b}\n",
            "ldr {w}, [{row}, {width}, lsl #1]\n",
            "sxtb16 {first}, {w}\n",
            "smlad {c}, {first}, {even}, {c}\n",
            "sxtb16 {first}, {w}, ror #8\n",
            "smlad {c}, {first}, {odd}, {c}\n",
            "ldr {w}, [{row}, {thrice}]\n",
            "sxtb16 {first}, {w}\n",
            "smlad {d}, {first}, {even}, {d}\n",
            "sxtb16 {first}, {w}, ror #8\n",
            "smlad {d}, {first}, {odd}, {d}\n",
            "ldr {w}, [{row}], #4\n",
            "sxtb16 {first}, {w}\n",
            "smlad {a}, {first}, {even}, {a}\n",
            "sxtb16 {first}, {w}, ror #8\n",
            "smlad {a}, {first}, {odd}, {a}\n",
        )
    };
}

/// Adds the products of four rows with the inputs to their sums.
// Apart from its callers, since it needs all registers.
#[inline(never)]
pub(crate) fn add_products(inputs: &[i16], rows: &[i8], sums: &mut [i32; ROWS]) {
    let width = inputs.len();
    assert!(rows.len() == ROWS * width);
    let done = width / 8 * 8;
    if done > 0 {
        let [mut a, mut b, mut c, mut d] = *sums;
        // SAFETY: the code reads `done` inputs, and as many weights in each of four rows. Row r
        // starts `r * width` bytes after the first, and `done <= width`, so all of them are within
        // both slices. `done` is a positive multiple of eight. The loop takes 16 inputs at a time,
        // and the code behind it the eight that may be left. These targets allow loads from any
        // address. The code writes to registers and flags only.
        unsafe {
            asm!(
                "subs {left}, {left}, #16",
                "blt 3f",
                "2:",
                ".rept 4",
                four_inputs!(),
                ".endr",
                "subs {left}, {left}, #16",
                "bge 2b",
                "3:",
                "adds {left}, {left}, #16",
                "beq 4f",
                ".rept 2",
                four_inputs!(),
                ".endr",
                "4:",
                x = inout(reg) inputs.as_ptr() => _,
                row = inout(reg) rows.as_ptr() => _,
                width = in(reg) width,
                thrice = in(reg) 3 * width,
                left = inout(reg) done => _,
                even = out(reg) _,
                odd = out(reg) _,
                first = out(reg) _,
                w = out(reg) _,
                a = inout(reg) a,
                b = inout(reg) b,
                c = inout(reg) c,
                d = inout(reg) d,
                options(pure, readonly, nostack),
            );
        }
        *sums = [a, b, c, d];
    }
    if done < width {
        for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(width)) {
            for (&x, &w) in inputs[done..].iter().zip(&row[done..]) {
                *sum += i32::from(x) * i32::from(w);
            }
        }
    }
}
