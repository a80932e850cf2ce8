//! Built-in encodings, recognized behind their trait, for code that writes them in other languages.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{
    Categories, Encoding, Fourier, Grid, Identity, OneBlob, Periodic, Positional, parse, registry,
};
use crate::error::{Error, Result, bounded};
use crate::float::Float;

/// Defines [`BuiltIn`] with a variant for each of these types.
macro_rules! built_ins {
    ($($name:ident($encoding:ty)),* $(,)?) => {
        /// A built-in encoding without members.
        #[derive(Debug)]
        pub(crate) enum BuiltIn<T: Float> {
            $($name(Arc<$encoding>),)*
        }

        $(impl<T: Float> From<$encoding> for BuiltIn<T> {
            fn from(encoding: $encoding) -> Self {
                Self::$name(Arc::new(encoding))
            }
        })*

        impl<T: Float> From<BuiltIn<T>> for Arc<dyn Encoding<T>> {
            fn from(built_in: BuiltIn<T>) -> Self {
                match built_in {
                    $(BuiltIn::$name(encoding) => encoding,)*
                }
            }
        }

        impl<T: Float> BuiltIn<T> {
            pub(crate) fn encoding(&self) -> &dyn Encoding<T> {
                match self {
                    $(Self::$name(encoding) => &**encoding,)*
                }
            }
        }
    };
}

built_ins! {
    Fourier(Fourier<T>),
    Positional(Positional),
    OneBlob(OneBlob),
    Grid(Grid),
    Categories(Categories),
    Periodic(Periodic),
    Identity(Identity),
}

/// Returns the built-in encodings of which an encoding consists. Those of a
/// [`Concat`](super::Concat) follow each other, also those of nested ones. Each takes the next
/// inputs and parameters. `what` names their use in the error.
///
/// # Errors
/// [`Error::UnknownName`] if the encoding or a member is another one, even if it has the name of a
/// built-in one.
pub(crate) fn built_ins<T: Float>(
    what: &'static str,
    encoding: &dyn Encoding<T>,
) -> Result<Vec<BuiltIn<T>>> {
    let name = encoding.name();
    let mut all = Vec::new();
    // A type of a user's own may have the name of a built-in encoding. Its `Debug` output differs.
    let is_built_in = parse(&name, encoding.constants())
        .is_ok_and(|known| format!("{known:?}") == format!("{encoding:?}"));
    if is_built_in && registry::flatten(name.trim(), encoding.constants(), &mut all).is_ok() {
        return Ok(all);
    }
    Err(Error::UnknownName {
        what,
        known: registry::known(),
        got: bounded(name.into_owned()),
    })
}
