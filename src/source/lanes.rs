//! The last layer in Rust if its outputs leave one lane of a register free, such as three colors.
//!
//! Compilers turn loops over three neurons into many operations on single numbers. With one neuron
//! more, whose weights are 0, a loop is one register.

use alloc::format;
use alloc::string::String;

use super::language::{Language, wrapped};
use super::layers::{BLOCK, Names, SourceLayer};
use super::translate::Library;
use crate::float::Float;

/// Number of f32 in a register of x86-64 and AArch64.
const LANES: usize = 4;

impl<T: Float> SourceLayer<T> {
    /// Returns `true` if the layer, as the last one, has a lane to fill.
    pub(super) fn is_padded(&self, language: Language) -> bool {
        let is_plain = self.pieces == 1 && self.alpha.is_empty();
        let is_in_blocks = self.inputs >= 2 * BLOCK && self.inputs.is_multiple_of(BLOCK);
        let has_free_lane = !T::DOUBLE && self.outputs % LANES == LANES - 1;
        language == Language::Rust && is_plain && is_in_blocks && has_free_lane
    }

    /// Returns the lines of `predict` that compute the layer from the hidden outputs `from`.
    pub(super) fn padded_call(index: usize, from: &str) -> String {
        format!(
            "        let mut z = [0.0; LANES];
        layer_{index}({from}.as_chunks::<{BLOCK}>().0, &mut z);
        core::array::from_fn(|j| z[j])
"
        )
    }

    /// Returns the function of the layer.
    pub(super) fn padded_code(
        &self,
        library: &mut Library<T>,
        names: &Names<'_>,
        index: usize,
    ) -> String {
        let (inputs, outputs, activation) = (self.inputs, self.outputs, &self.activation);
        let (float, lanes) = (T::NAME, outputs + 1);
        let start = self.start();
        let indent = names.indent;
        let what = format!("Layer {index}: {inputs} inputs, {outputs} outputs, {activation}.");
        let comment = names.language.comment(indent, &[&what]);
        let sum = wrapped(indent + 12, &Self::sum(BLOCK, "w", &|k| format!("{k}")));
        let output = self.output(library, names, index, &format!("PADDED_BIAS_{index}"));
        let output = wrapped(indent + 8, &format!("y[j] = {output};"));
        format!(
            "
    /// Number of outputs of layer {index}, and one more where a register has {LANES} lanes.
    const LANES: usize = if cfg!(any(target_arch = \"x86_64\", target_arch = \"aarch64\")) {{
        {lanes}
    }} else {{
        {outputs}
    }};

{comment}    #[inline(never)] // Otherwise the free lane is lost.
    fn layer_{index}(x: &[[{float}; {BLOCK}]], y: &mut [{float}; LANES]) {{
        let mut z = [{start}; LANES];
        for (x, w) in x.iter().zip(PADDED_WEIGHTS_{index}.as_chunks::<{BLOCK}>().0) {{
            for j in 0..LANES {{
{sum}            }}
        }}
        for j in 0..LANES {{
{output}        }}
    }}

    /// Returns rows with a 0 in the free lane.
    const fn padded<const ROWS: usize>(
        rows: &[[{float}; {outputs}]; ROWS],
    ) -> [[{float}; LANES]; ROWS] {{
        let mut padded = [[0.0; LANES]; ROWS];
        let mut i = 0;
        while i < {outputs} * ROWS {{
            padded[i / {outputs}][i % {outputs}] = rows[i / {outputs}][i % {outputs}];
            i += 1;
        }}
        padded
    }}

    static PADDED_WEIGHTS_{index}: [[{float}; LANES]; {inputs}] = padded(&WEIGHTS_{index});
    static PADDED_BIAS_{index}: [{float}; LANES] = padded(&[BIAS_{index}])[0];
"
        )
    }
}
