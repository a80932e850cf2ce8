//! Encoding that passes inputs on.

use alloc::borrow::Cow;
use alloc::format;

use super::{Encoding, assert_outputs, check_outputs};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::float::Float;

/// Pass-through: y = x.
///
/// It serves as a member of [`Concat`](super::Concat), for columns that need no encoding. The
/// activation of that name is [`activation::Identity`](crate::activation::Identity).
///
/// ```
/// use feedforward::encoding::{self, Encoding};
///
/// let same = encoding::Identity::new(2)?.encode(&[], &[0.5, -3.0])?;
/// assert_eq!(same, [0.5, -3.0]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    inputs: usize,
}

impl Identity {
    /// Returns the encoding of this many inputs.
    ///
    /// # Errors
    /// Returns [`Error::InvalidSetting`] if `inputs` is 0. Returns [`Error::TooLarge`] if a buffer
    /// cannot hold the outputs.
    pub fn new(inputs: usize) -> Result<Self> {
        check_outputs(inputs, 1)?;
        Ok(Self { inputs })
    }

    /// Returns the encoding of a `static` or `const`. No inputs do not compile.
    ///
    /// ```
    /// use feedforward::encoding::Identity;
    ///
    /// static IDENTITY: Identity = Identity::constant(2);
    /// assert_eq!(IDENTITY, Identity::new(2)?);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Panics
    /// Panics where [`new`](Self::new) returns an error. Call this function in constants only.
    pub const fn constant(inputs: usize) -> Self {
        assert_outputs(inputs, 1);
        Self { inputs }
    }
}

impl<T: Float> Encoding<T> for Identity {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.inputs
    }

    fn name(&self) -> Cow<'static, str> {
        format!("identity(inputs={})", self.inputs).into()
    }

    fn encode_sample(&self, _: &[T], inputs: &[T], outputs: &mut [T]) {
        outputs.copy_from_slice(inputs);
    }

    fn add_input_gradient(&self, _: &[T], _: &[T], dy: &[T], gradient: &mut [T]) {
        super::add(gradient, dy);
    }
}
