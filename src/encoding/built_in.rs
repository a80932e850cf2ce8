//! Built-in encodings, recognized behind their trait, for code that writes them in other languages.

use alloc::boxed::Box;
use core::str::FromStr;

use super::{Encoding, Fourier, Grid, GridSettings, parse};
use crate::error::{Error, Result, bounded};
use crate::float::Float;

/// A built-in encoding that [`built_in`] recognizes.
#[derive(Debug)]
pub(crate) enum BuiltIn<T: Float> {
    Fourier(Fourier<T>),
    Positional { inputs: usize, octaves: usize },
    OneBlob { inputs: usize, bins: usize },
    Grid(Box<Grid>),
}

/// Returns the encoding as the built-in one that it is. `what` names its use in the error.
///
/// # Errors
/// [`Error::UnknownName`] if it is another one, even if it has the name of a built-in one.
pub(crate) fn built_in<T: Float>(
    what: &'static str,
    encoding: &dyn Encoding<T>,
) -> Result<BuiltIn<T>> {
    let name = encoding.name();
    recognized(encoding, &name).ok_or_else(|| Error::UnknownName {
        what,
        known: "fourier, positional, one_blob, grid".into(),
        got: bounded(name.into_owned()),
    })
}

fn recognized<T: Float>(encoding: &dyn Encoding<T>, name: &str) -> Option<BuiltIn<T>> {
    let known = parse(name, encoding.constants()).ok()?;
    if alloc::format!("{known:?}") != alloc::format!("{encoding:?}") {
        return None;
    }
    let inputs = known.inputs();
    Some(match name.split('(').next()? {
        "fourier" => BuiltIn::Fourier(Fourier::from_directions(inputs, known.constants()).ok()?),
        "positional" => BuiltIn::Positional {
            inputs,
            octaves: setting(name, "octaves")?,
        },
        "one_blob" => BuiltIn::OneBlob {
            inputs,
            bins: setting(name, "bins")?,
        },
        "grid" => {
            let settings = GridSettings {
                inputs,
                levels: setting(name, "levels")?,
                coarsest: setting(name, "coarsest")?,
                finest: setting(name, "finest")?,
                features: setting(name, "features")?,
                max_entries: setting(name, "max_entries")?,
                interpolation: setting(name, "interpolation")?,
                initial: setting(name, "initial")?,
            };
            BuiltIn::Grid(Box::new(Grid::new(settings).ok()?))
        }
        _ => return None,
    })
}

/// Returns a setting in the name of a built-in encoding.
fn setting<V: FromStr>(name: &str, key: &str) -> Option<V> {
    let mut settings = name.split(['(', ',', ')']);
    let value = settings.find_map(|setting| setting.trim().strip_prefix(key)?.strip_prefix('='));
    value?.parse().ok()
}
