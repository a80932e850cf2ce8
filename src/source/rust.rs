//! Networks as Rust without this crate.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::language::Language;
use super::layers::{Names, SourceLayer};
use super::{Source, is_padded};
use crate::error::Result;
use crate::float::Float;
use crate::mlp::Mlp;

impl<T: Float> Mlp<T> {
    /// Returns this network as a Rust module, which needs neither this crate nor an allocator.
    ///
    /// The module has this name, and needs only `core`. For f32 it contains:
    ///
    /// ```text
    /// pub const INPUTS: usize = 4;
    /// pub const OUTPUTS: usize = 3;
    /// pub fn predict(x: &[f32; INPUTS]) -> [f32; OUTPUTS]
    /// ```
    ///
    /// The function predicts one sample, with arrays on the stack alone. `cargo test` also runs a
    /// test of the module, which compares a few predictions with those that this crate computed.
    /// The module compiles with Rust 1.88 or later.
    ///
    /// The arithmetic and its limits are those of [`to_c`](Self::to_c), and results are
    /// bit-identical. Rust never fuses a product and a sum. [`to_rust`](Self::to_rust) in contrast
    /// returns a `static` for this crate's [`MlpRef`](crate::MlpRef), which checks sizes and values
    /// and has every encoding.
    ///
    /// ```
    /// use feedforward::{Mlp, activation::{Identity, Relu}};
    ///
    /// let net = Mlp::<f32>::builder(4).hidden(16, Relu).output(3, Identity).build()?;
    /// let module = net.to_rust_standalone("net")?;
    /// assert!(module.contains("pub fn predict(x: &[f32; INPUTS]) -> [f32; OUTPUTS] {"));
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// See [`to_c`](Self::to_c).
    pub fn to_rust_standalone(&self, name: &str) -> Result<String> {
        let names = Names {
            language: Language::Rust,
            prefix: name,
            indent: 4,
        };
        let source = Source::new(self, names, "activation that can be written as Rust")?;
        let (inputs, outputs, float) = (self.inputs(), self.outputs(), T::NAME);
        let paragraphs = source.description("to_rust_standalone");
        let paragraphs: Vec<_> = paragraphs.iter().map(|text| &**text).collect();
        let comment = Language::Rust.comment(0, &paragraphs);
        let (predict, test) = (source.predict_in_rust(), source.self_test_in_rust());
        let Source {
            arrays,
            functions,
            code,
            ..
        } = &source;
        Ok(format!(
            "\
{comment}#[rustfmt::skip]
#[allow(
    clippy::approx_constant, clippy::needless_range_loop, clippy::trivially_copy_pass_by_ref,
    clippy::unreadable_literal
)]
pub mod {name} {{
    use core::hint::black_box;

    /// Number of inputs.
    pub const INPUTS: usize = {inputs};

    /// Number of outputs.
    pub const OUTPUTS: usize = {outputs};

    /// Returns the outputs for one sample. They are bit-identical to those of the crate's portable
    /// instruction set.
    #[inline]
    pub fn predict(x: &[{float}; INPUTS]) -> [{float}; OUTPUTS] {{
{predict}    }}
{code}{functions}{arrays}{test}}}
"
        ))
    }
}

impl<T: Float> Source<'_, T> {
    fn predict_in_rust(&self) -> String {
        let last = self.layers.len() - 1;
        let line = |index| {
            let from = if index == 0 { "x" } else { "&y" };
            if is_padded(&self.layers, index, Language::Rust) {
                return SourceLayer::<T>::padded_call(index, from.trim_start_matches('&'));
            }
            let start = if index == last { "" } else { "let y = " };
            let end = if index == last { "" } else { ";" };
            format!("        {start}layer_{index}({from}){end}\n")
        };
        (0..=last).map(line).collect()
    }

    fn self_test_in_rust(&self) -> String {
        if self.examples.len() == 0 {
            return String::new();
        }
        let arrays = self
            .examples
            .arrays(Language::Rust, 8, ("SAMPLES", "EXPECTED"));
        let float = T::NAME;
        format!(
            "
    #[cfg(test)]
    mod tests {{
{arrays}
        #[test]
        fn predictions_are_those_of_the_network() {{
            for (x, expected) in SAMPLES.iter().zip(EXPECTED) {{
                let y = super::predict(x);
                assert_eq!(y.map({float}::to_bits), expected.map({float}::to_bits), \"{{x:?}}\");
            }}
        }}
    }}
"
        )
    }
}
