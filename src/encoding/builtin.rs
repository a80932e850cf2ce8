//! One type for all encodings of this crate.

use super::{Encoding, Fourier, OneBlob, Positional};
use crate::float::Float;

/// Any encoding of this crate, as stored in files.
///
/// ```
/// use feedforward::encoding::{Builtin, Encoding, Positional};
///
/// let encoding = Builtin::<f32>::from(Positional::new(2, 4)?);
/// assert_eq!(encoding.outputs(), 16);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Builtin<T> {
    /// Sines and cosines along random directions.
    Fourier(Fourier<T>),
    /// Sines and cosines of octaves.
    Positional(Positional),
    /// A bell around each input, spread over bins.
    OneBlob(OneBlob),
}

impl<T: Float> Builtin<T> {
    fn encoding(&self) -> &dyn Encoding<T> {
        match self {
            Self::Fourier(fourier) => fourier,
            Self::Positional(positional) => positional,
            Self::OneBlob(one_blob) => one_blob,
        }
    }
}

impl<T: Float> Encoding<T> for Builtin<T> {
    fn inputs(&self) -> usize {
        self.encoding().inputs()
    }

    fn outputs(&self) -> usize {
        self.encoding().outputs()
    }

    fn encode_sample(&self, inputs: &[T], outputs: &mut [T]) {
        self.encoding().encode_sample(inputs, outputs);
    }
}

macro_rules! from {
    ($($variant:ident: $encoding:ty),*) => {$(
        impl<T> From<$encoding> for Builtin<T> {
            fn from(encoding: $encoding) -> Self {
                Self::$variant(encoding)
            }
        }
    )*};
}
from! { Fourier: Fourier<T>, Positional: Positional, OneBlob: OneBlob }
