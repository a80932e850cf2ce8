//! 16-bit numbers, which files of other programs may contain.

/// Decodes an IEEE half (F16): 1 sign, 5 exponent and 10 fraction bits.
pub(crate) fn half(bits: u16) -> f64 {
    let (sign, exponent, fraction) = (u64::from(bits >> 15), bits >> 10 & 31, bits & 1023);
    let wide = match exponent {
        // Subnormal: multiples of 2^-24.
        0 => (f64::from(fraction) / f64::from(1 << 24)).to_bits(),
        31 => f64::INFINITY.to_bits() | u64::from(fraction) << 42,
        _ => (u64::from(exponent) + 1023 - 15) << 52 | u64::from(fraction) << 42,
    };
    f64::from_bits(sign << 63 | wide)
}

/// Decodes a brain float (BF16), the upper half of an f32.
pub(crate) fn bfloat(bits: u16) -> f64 {
    f32::from_bits(u32::from(bits) << 16).into()
}

#[cfg(test)]
mod tests {
    use super::{bfloat, half};

    #[test]
    fn halves_have_their_values() {
        let known = [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x0001, 5.960464477539063e-8),
            (0x03ff, 6.097555160522461e-5),
            (0x0400, 6.103515625e-5),
            (0x3555, 0.333251953125),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
        ];
        for (bits, value) in known {
            assert_eq!(half(bits).to_bits(), f64::to_bits(value), "{bits:x}");
        }
        assert!(half(0x7e00).is_nan() && half(0xfc01).is_nan());
        // The distance between neighbors is constant within an exponent and doubles with the next
        // one.
        for bits in 0..0x7bff_u16 {
            let exponent = u64::from((bits >> 10).max(1));
            let power_of_two = f64::from_bits((exponent + 1023 - 25) << 52);
            assert_eq!(half(bits + 1) - half(bits), power_of_two);
        }
    }

    #[test]
    fn brain_floats_have_their_values() {
        assert_eq!([bfloat(0x3f80), bfloat(0xc2f7)], [1.0, -123.5]);
        assert_eq!(bfloat(0x0001), f64::from(f32::from_bits(1 << 16)));
        assert!(bfloat(0x7fc0).is_nan() && bfloat(0x7f80) == f64::INFINITY);
    }
}
