//! A network as Rust source text.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::{Mlp, check_finite};
use crate::activation::{self, Activation};
use crate::error::{Error, Result};
use crate::float::Float;

/// Numbers in a line of the text.
const COLUMNS: usize = 6;

impl<T: Float> Mlp<T> {
    /// This network as the Rust text of a `static` [`MlpRef`](crate::MlpRef), for a program
    /// without files and allocations: its parameters, which give the same bits when compiled, then
    /// lie in flash.
    ///
    /// A build script writes it next to what it builds, and the program includes it:
    /// `include!(concat!(env!("OUT_DIR"), "/net.rs"))`.
    ///
    /// ```
    /// use feedforward::{Mlp, activation::{Identity, LeakyRelu}};
    ///
    /// let mut net = Mlp::<f32>::builder(1).hidden(1, LeakyRelu::new(0.1)).output(1, Identity).build()?;
    /// net.set_params(&[0.5, -1.0, 2.0, 0.25])?;
    /// let text = net.to_rust("NET")?;
    /// assert!(text.contains("pub static NET: feedforward::MlpRef<'static, f32> ="));
    /// assert!(text.contains("LayerSpec::with_pieces(1, 1, &activation::LeakyRelu { slope: 0.1 }),"));
    /// assert!(text.contains("0.5, -1.0, 2.0, 0.25,"));
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] if `name` is none for a static (a letter, then letters, digits and
    /// underscores, all in capitals), [`Error::UnknownName`] if an activation is not one of the
    /// crate's, [`Error::NotFinite`] if a parameter is not finite.
    pub fn to_rust(&self, name: &str) -> Result<String> {
        let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if !(name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(is_part)) {
            let expected = "a letter, then letters, digits and underscores, all in capitals";
            return Err(Error::invalid_setting("name of a static", expected, name));
        }
        check_finite("parameters", &self.params)?;
        let mut layers = String::new();
        for (at, activation) in self.layout.layers().iter().zip(&self.activations) {
            let (outputs, pieces) = (at.outputs, at.pieces);
            let activation = constructor(&**activation)?;
            let _ = writeln!(
                layers,
                "        LayerSpec::with_pieces({outputs}, {pieces}, &{activation}),"
            );
        }
        let mut params = String::new();
        for line in self.params.chunks(COLUMNS) {
            // The shortest text that is read as the same number, with a point or an exponent.
            let line = line.iter().map(|p| format!(" {p:?},"));
            let _ = writeln!(params, "       {}", line.collect::<String>());
        }
        let (float, depth, len) = (T::NAME, self.depth(), self.params.len());
        let inputs = self.inputs();
        Ok(format!(
            "\
/// Written by `Mlp::to_rust`: change the network and write it anew.
#[rustfmt::skip]
#[allow(clippy::approx_constant, clippy::unreadable_literal)]
pub static {name}: feedforward::MlpRef<'static, {float}> = {{
    use feedforward::{{LayerSpec, MlpRef, activation}};
    static LAYERS: [LayerSpec<'static, {float}>; {depth}] = [
{layers}    ];
    static PARAMS: [{float}; {len}] = [
{params}    ];
    MlpRef::constant({inputs}, &LAYERS, &PARAMS)
}};
"
        ))
    }
}

/// The expression that makes a built-in activation: what `Debug` says of it, if the one of its name
/// says the same.
fn constructor<T: Float>(activation: &dyn Activation<T>) -> Result<String> {
    let (name, text) = (activation.name(), format!("{activation:?}"));
    match activation::parse::<T>(&name) {
        Ok(known) if format!("{known:?}") == text => Ok(format!("activation::{text}")),
        _ => Err(Error::UnknownName {
            what: "activation that can be written as Rust",
            known: activation::names().collect::<Vec<_>>().join(", "),
            got: name.into_owned(),
        }),
    }
}
