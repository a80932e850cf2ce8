//! Networks as C.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use super::Source;
use super::language::{Language, NO_CONTRACTION, guarded, wrapped};
use super::layers::{Names, float};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::float::Float;
use crate::mlp::Mlp;
#[cfg(doc)]
use crate::simd::InstructionSet;

impl<T: Float> Mlp<T> {
    /// Returns this network as a C99 header, which needs neither this crate nor an allocator.
    ///
    /// The header has one function beside its helpers, and a size for each of its arrays. For the
    /// name `net` and f32 these are:
    ///
    /// ```c
    /// #define NET_INPUTS 4
    /// #define NET_OUTPUTS 3
    /// static inline void net_predict(const float x[NET_INPUTS], float y[NET_OUTPUTS]);
    /// ```
    ///
    /// The function predicts one sample, with arrays on the stack alone. It needs no library but
    /// `memcpy`, which compilers replace by a move. A network in f64 takes `double`. The header is
    /// also C++11. Include it in one source file, because each has its own copy of the weights.
    ///
    /// With `NET_SELF_TEST` defined before, the header also has `int net_self_test(void)`. It
    /// returns 0 if the predictions for a few samples have the bits that this crate computed.
    ///
    /// The arithmetic is that of [`InstructionSet::Portable`], so results are bit-identical to
    /// those of `FEEDFORWARD_SIMD=portable`:
    ///
    /// ```text
    /// z = (((x0 · w0) + x1 · w1) + ...) + b,   y = f(z)
    /// ```
    ///
    /// A compiler that fuses a product and a sum changes the last bits. GCC does so for CPUs with
    /// such an instruction, unless it has `-ffp-contract=off`, or in C `-std=c99`. The header tells
    /// Clang and MSVC. [`Sine`](crate::activation::Sine) is bit-identical for |ω·z| up to 10,000.
    /// Beyond, it loses digits, and beyond 10^9 it is NaN.
    ///
    /// Nothing is checked at run time: an overflow is an infinity or NaN in the outputs.
    ///
    /// ```
    /// use feedforward::{Mlp, activation::{Identity, Relu}};
    ///
    /// let net = Mlp::<f32>::builder(4).hidden(16, Relu).output(3, Identity).build()?;
    /// let header = net.to_c("net")?;
    /// assert!(header.contains("static inline void net_predict(const float x[NET_INPUTS], "));
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] unless `name` is a letter, then letters, digits and underscores,
    ///   all in lower case, and no keyword of Rust.
    /// - [`Error::UnknownName`] if an activation is not one of this crate's.
    /// - [`Error::Incompatible`] if the network has an encoding.
    /// - [`Error::NotFinite`] if a parameter is not finite.
    pub fn to_c(&self, name: &str) -> Result<String> {
        let names = Names {
            language: Language::C,
            prefix: name,
            indent: 0,
        };
        let source = Source::new(self, names, "activation that can be written as C")?;
        let upper = name.to_ascii_uppercase();
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let (includes, arrays, functions) = (source.includes(), &source.arrays, &source.functions);
        let (code, predict, test) = (&source.code, source.predict_in_c(), source.self_test_in_c());
        let body = format!(
            "{includes}
#ifdef __FAST_MATH__
#error \"{name}.h depends on the order of operations, which -ffast-math changes\"
#endif
{NO_CONTRACTION}

#define {upper}_INPUTS {inputs}
#define {upper}_OUTPUTS {outputs}
{arrays}{functions}{code}{predict}{test}"
        );
        Ok(guarded(&source.comment_in_c(), name, &body))
    }
}

impl<T: Float> Source<'_, T> {
    fn comment_in_c(&self) -> String {
        let (name, upper) = (self.names.prefix, self.names.prefix.to_ascii_uppercase());
        let mut paragraphs = self.description("to_c");
        paragraphs.push(
            "Results are bit-identical to those of the crate's portable instruction set, \
             unless the compiler fuses products and sums. For GCC, -ffp-contract=off prevents \
             that, and in C also -std=c99. All functions are reentrant."
                .to_string(),
        );
        if self.examples.len() > 0 {
            paragraphs.push(format!(
                "With {upper}_SELF_TEST defined, there is also {name}_self_test."
            ));
        }
        let paragraphs: Vec<_> = paragraphs.iter().map(|text| &**text).collect();
        Language::C.comment(0, &paragraphs)
    }

    /// Returns the headers that the functions need.
    fn includes(&self) -> String {
        let headers = [("uint", "stdint.h"), ("memcpy", "string.h")];
        let needed = headers
            .iter()
            .filter(|(word, _)| self.functions.contains(word));
        let lines = needed.map(|(_, header)| format!("#include <{header}>\n"));
        match lines.collect::<String>() {
            none if none.is_empty() => none,
            lines => format!("\n{lines}"),
        }
    }

    fn predict_in_c(&self) -> String {
        let (name, upper) = (self.names.prefix, self.names.prefix.to_ascii_uppercase());
        let float = float::<T>(Language::C);
        let mut text = String::from("\n");
        text += &Language::C.comment(0, &["Predicts one sample. y may be x."]);
        text += &wrapped(
            0,
            &format!(
                "static inline void {name}_predict(const {float} x[{upper}_INPUTS], \
                 {float} y[{upper}_OUTPUTS])"
            ),
        );
        text += "{\n";
        let names = ["a", "b"];
        for (buffer, size) in names
            .iter()
            .zip(self.buffers())
            .filter(|(_, size)| *size > 0)
        {
            let _ = writeln!(text, "    {float} {buffer}[{size}];");
        }
        let last = self.layers.len() - 1;
        let mut from = "x";
        for index in 0..=last {
            let to = if index == last { "y" } else { names[index % 2] };
            let _ = writeln!(text, "    {name}_layer_{index}({from}, {to});");
            from = to;
        }
        text + "}\n"
    }

    fn self_test_in_c(&self) -> String {
        let samples = self.examples.len();
        if samples == 0 {
            return String::new();
        }
        let (name, upper) = (self.names.prefix, self.names.prefix.to_ascii_uppercase());
        let arrays = self.examples.arrays(Language::C, 4, ("inputs", "outputs"));
        let float = float::<T>(Language::C);
        format!(
            "
#ifdef {upper}_SELF_TEST

#include <string.h>

/* Returns 0 if some predictions are those of the network, bit for bit. Otherwise it returns the
 * number of the first wrong one, from 1 on. */
static inline int {name}_self_test(void)
{{
{arrays}    {float} y[{upper}_OUTPUTS];
    for (int i = 0; i < {samples}; i++) {{
        {name}_predict(inputs[i], y);
        if (memcmp(y, outputs[i], sizeof y) != 0) {{
            return i + 1;
        }}
    }}
    return 0;
}}

#endif
"
        )
    }
}
