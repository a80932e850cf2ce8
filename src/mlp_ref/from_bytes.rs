//! Parameters from a file, while the program is compiled.

macro_rules! from_le_bytes {
    ($name:ident, $float:ident, $size:literal) => {
        /// Parameters from a file of little-endian numbers, while the program is compiled.
        ///
        /// ```
        #[doc = concat!("use feedforward::mlp_ref::", stringify!($name), ";")]
        ///
        /// // For a file `include_bytes!("params.bin")`, of whose `params` the bytes are
        /// // `params.iter().flat_map(|p| p.to_le_bytes())`.
        #[doc = concat!("static BYTES: [u8; 2 * ", stringify!($size), "] = {")]
        #[doc = concat!("    let mut bytes = [0; 2 * ", stringify!($size), "];")]
        #[doc = concat!("    bytes[", stringify!($size), " - 1] = 0x40; // the last byte of 2")]
        ///     bytes
        /// };
        #[doc = concat!("static PARAMS: [", stringify!($float), "; 2] = ", stringify!($name), "(&BYTES);")]
        /// assert_eq!(PARAMS, [2.0, 0.0]);
        /// ```
        ///
        /// # Panics
        /// If there are other than `N` numbers, or one is not finite: errors of the compiler, where it
        /// makes a `static` of them.
        pub const fn $name<const N: usize>(bytes: &[u8]) -> [$float; N] {
            let (numbers, rest) = bytes.as_chunks::<$size>();
            assert!(
                numbers.len() == N && rest.is_empty(),
                "the file does not have as many numbers as the array"
            );
            let (mut values, mut index) = ([0.0; N], 0);
            while index < N {
                values[index] = $float::from_le_bytes(numbers[index]);
                assert!(values[index].is_finite(), "a number of the file is not finite");
                index += 1;
            }
            values
        }
    };
}

from_le_bytes! { f32_from_le_bytes, f32, 4 }
from_le_bytes! { f64_from_le_bytes, f64, 8 }
