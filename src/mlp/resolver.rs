//! Custom activations and encodings of files.

use alloc::sync::Arc;

use crate::activation::Activation;
use crate::encoding::Encoding;
use crate::float::Float;
#[cfg(doc)]
use crate::mlp::Mlp;

/// Finds custom activations and encodings by the names in a file.
///
/// A closure from names to activations is a resolver, and finds no encodings. Names that a resolver
/// does not find are those of this crate.
///
/// ```
/// use std::{borrow::Cow, sync::Arc};
/// use feedforward::{Encoding, Float, Mlp, Resolver, activation::Identity};
///
/// /// Encodes a time of day, in hours, as a point on a circle.
/// #[derive(Debug)]
/// struct Clock;
///
/// impl<T: Float> Encoding<T> for Clock {
///     fn inputs(&self) -> usize {
///         1
///     }
///     fn outputs(&self) -> usize {
///         2
///     }
///     fn name(&self) -> Cow<'static, str> {
///         "clock".into()
///     }
///     fn encode_sample(&self, _: &[T], hours: &[T], outputs: &mut [T]) {
///         let angle = hours[0] * T::from_f64(std::f64::consts::TAU / 24.0);
///         outputs.copy_from_slice(&[angle.cos(), angle.sin()]);
///     }
///     fn add_input_gradient(&self, _: &[T], hours: &[T], dy: &[T], gradient: &mut [T]) {
///         let rate = T::from_f64(std::f64::consts::TAU / 24.0);
///         for ((&x, dy), gradient) in hours.iter().zip(dy.chunks(2)).zip(gradient) {
///             let angle = x * rate;
///             *gradient += rate * (dy[1] * angle.cos() - dy[0] * angle.sin());
///         }
///     }
/// }
///
/// struct Own;
///
/// impl<T: Float> Resolver<T> for Own {
///     fn encoding(&self, name: &str, _: &[T]) -> Option<Arc<dyn Encoding<T>>> {
///         (name == "clock").then(|| Arc::new(Clock) as _)
///     }
/// }
///
/// let net = Mlp::<f32>::builder(1).encoding(Clock).output(1, Identity).build()?;
/// let same = Mlp::from_bytes_with(&net.to_bytes()?, Own)?;
/// assert_eq!(same.predict(&[18.5])?, net.predict(&[18.5])?);
/// # Ok::<(), feedforward::Error>(())
/// ```
pub trait Resolver<T: Float> {
    /// Returns the custom activation of this name. Default: none.
    ///
    /// If it finds none for a name such as `parametric(own)`, it is asked for `own`.
    fn activation(&self, _name: &str) -> Option<Arc<dyn Activation<T>>> {
        None
    }

    /// Returns the custom encoding with this name and these
    /// [`constants`](Encoding::constants). Default: none.
    ///
    /// It is also asked for members of [`Concat`](crate::encoding::Concat). Reading fails if the
    /// encoding has another number of constants.
    fn encoding(&self, _name: &str, _constants: &[T]) -> Option<Arc<dyn Encoding<T>>> {
        None
    }
}

/// Finds activations.
impl<T, F> Resolver<T> for F
where
    T: Float,
    F: Fn(&str) -> Option<Arc<dyn Activation<T>>>,
{
    fn activation(&self, name: &str) -> Option<Arc<dyn Activation<T>>> {
        self(name)
    }
}

/// Finds nothing, so that names are those of this crate.
pub(crate) struct BuiltIn;

impl<T: Float> Resolver<T> for BuiltIn {}

/// Finds the activations and the encoding of a network, whose custom ones a checkpoint needs.
pub(crate) struct Own<'a, T>(pub(crate) &'a super::Mlp<T>);

impl<T: Float> Resolver<T> for Own<'_, T> {
    fn activation(&self, name: &str) -> Option<Arc<dyn Activation<T>>> {
        let own = self.0.activations();
        own.iter().find(|f| f.name() == name).cloned()
    }

    fn encoding(&self, name: &str, constants: &[T]) -> Option<Arc<dyn Encoding<T>>> {
        let own = self.0.encoding();
        let is_same =
            |own: &&Arc<dyn Encoding<T>>| own.name() == name && own.constants() == constants;
        own.filter(is_same).cloned()
    }
}
