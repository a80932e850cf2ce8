//! Parameters from a file, read at compile time.

macro_rules! from_le_bytes {
    ($name:ident, $float:ident, $size:literal) => {
        /// Reads parameters from a file of little-endian numbers at compile time.
        ///
        /// ```
        #[doc = concat!("use feedforward::mlp_ref::", stringify!($name), ";")]
        ///
        /// // Stands for `include_bytes!("params.bin")`. A program that writes this file
        /// // gets the bytes of `params` by `params.iter().flat_map(|p| p.to_le_bytes())`.
        #[doc = concat!("static BYTES: [u8; 2 * ", stringify!($size), "] = {")]
        #[doc = concat!("    let mut bytes = [0; 2 * ", stringify!($size), "];")]
        #[doc = concat!("    bytes[", stringify!($size), " - 1] = 0x40; // the last byte of 2")]
        ///     bytes
        /// };
        #[doc = concat!("static PARAMS: [", stringify!($float), "; 2] = ")]
        #[doc = concat!("    ", stringify!($name), "(&BYTES);")]
        /// assert_eq!(PARAMS, [2.0, 0.0]);
        /// ```
        ///
        /// # Panics
        /// Panics if there are not exactly `N` numbers, or if one is not finite. In a `static` or
        /// `const` that is a compile error.
        pub const fn $name<const N: usize>(bytes: &[u8]) -> [$float; N] {
            let (numbers, rest) = bytes.as_chunks::<$size>();
            assert!(
                numbers.len() == N && rest.is_empty(),
                "the file and the array differ in their number of values"
            );
            let (mut values, mut index) = ([0.0; N], 0);
            while index < N {
                values[index] = $float::from_le_bytes(numbers[index]);
                assert!(
                    values[index].is_finite(),
                    "the file has a number that is not finite"
                );
                index += 1;
            }
            values
        }
    };
}

from_le_bytes! { f32_from_le_bytes, f32, 4 }
from_le_bytes! { f64_from_le_bytes, f64, 8 }
