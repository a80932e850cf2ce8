//! Quantized networks as C.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use super::{SAMPLES, Source};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::quantize::range::Integers;
use crate::quantize::{QuantizedMlp, QuantizedTable};
use crate::source::language::{Language, NO_CONTRACTION, guarded, literal, wrapped};

impl QuantizedMlp {
    /// Returns this network as a C99 header, which needs neither this crate nor an allocator.
    ///
    /// For the name `net` and int32 outputs it has these functions and sizes:
    ///
    /// ```c
    /// #define NET_INPUTS 4
    /// #define NET_OUTPUTS 3
    /// #define NET_OUTPUT_SCALE 0.00024414063f
    /// #define NET_OUTPUT_ZERO_POINT (0)
    /// static inline void net_predict_integers(const int8_t x[NET_INPUTS], int32_t y[NET_OUTPUTS]);
    /// static inline void net_quantize(const float x[NET_INPUTS], int8_t q[NET_INPUTS]);
    /// static inline void net_predict(const float x[NET_INPUTS], float y[NET_OUTPUTS]);
    /// ```
    ///
    /// The first needs integers only, and gives the integers of
    /// [`predict_int32`](crate::quantize::QuantizedMlpRef::predict_int32) or
    /// [`predict_int8`](crate::quantize::QuantizedMlpRef::predict_int8). An output is
    /// (q - `NET_OUTPUT_ZERO_POINT`) · `NET_OUTPUT_SCALE`. Each function predicts one sample, with
    /// arrays on the stack alone. The header is also C++11, and includes `stdint.h` alone. It
    /// shifts negative integers to the right, as all known compilers do, with copies of the sign.
    /// With 16-bit activations, inputs are `int16_t`. For the last bit of `net_quantize`,
    /// GCC needs `-ffp-contract=off`, as for [`Mlp::to_c`](crate::Mlp::to_c).
    ///
    /// With `NET_SELF_TEST` defined before, the header also has `int net_self_test(void)`. It
    /// returns 0 if the integers for a few samples are those that this crate computed.
    ///
    /// ```
    /// use feedforward::quantize::Quantizer;
    /// use feedforward::{Mlp, activation::{Identity, Relu}};
    ///
    /// let net = Mlp::<f32>::builder(2).hidden(16, Relu).output(1, Identity).seed(1).build()?;
    /// let samples: Vec<f32> = (0..200).map(|i| (i as f32 * 0.7).sin()).collect();
    /// let header = Quantizer::new().quantize(&net, &samples)?.to_c("net")?;
    /// assert!(header.contains("net_predict_integers(const int8_t x[NET_INPUTS], int32_t y["));
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] unless `name` is a letter, then letters, digits and underscores,
    ///   all in lower case, and no keyword of Rust
    /// - [`Error::Incompatible`] if f32 outputs have an activation
    pub fn to_c(&self, name: &str) -> Result<String> {
        let source = Source::new(self, Language::C, name)?;
        let upper = name.to_ascii_uppercase();
        let mut paragraphs = source.description("to_c");
        paragraphs.push(format!(
            "Integers are equal on every machine. With {upper}_SELF_TEST defined, there is also \
             {name}_self_test. All functions are reentrant."
        ));
        let paragraphs: Vec<_> = paragraphs.iter().map(|text| &**text).collect();
        let comment = Language::C.comment(0, &paragraphs);
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let scale = literal(Language::C, self.scale);
        let zero_point = self.zero_point;
        let arrays = source.arrays();
        let scaled = source.scaled_in_c();
        let interpolated = source.interpolated_in_c();
        let layers = source.layers_in_c();
        let predict = source.predict_in_c();
        let test = source.self_test_in_c()?;
        let body = format!(
            "
#include <stdint.h>

{NO_CONTRACTION}

#define {upper}_INPUTS {inputs}
#define {upper}_OUTPUTS {outputs}
#define {upper}_OUTPUT_SCALE {scale}
#define {upper}_OUTPUT_ZERO_POINT ({zero_point})
{arrays}{scaled}{interpolated}{layers}{predict}{test}"
        );
        Ok(guarded(&comment, name, &body))
    }
}

impl Source<'_> {
    /// Returns the function that multiplies a sum by a real number.
    fn scaled_in_c(&self) -> String {
        let name = self.prefix;
        let body = if self.is_double() {
            "    const int left = shift > 0 ? shift : 0;
    const int right = shift > 0 ? 0 : -shift;
    const int64_t raised = (int64_t)x * ((int64_t)1 << left);
    const int64_t limited =
        raised > INT32_MAX ? INT32_MAX : raised < INT32_MIN ? INT32_MIN : raised;
    const int32_t high = (int32_t)((limited * multiplier + ((int64_t)1 << 30)) >> 31);
    const int32_t mask = (int32_t)(((int64_t)1 << right) - 1);
    const int32_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
    return (high >> right) + ((high & mask) > threshold ? 1 : 0);
"
        } else {
            "    const int64_t product = (int64_t)x * multiplier;
    const int64_t scaled = (product + ((int64_t)1 << (30 - shift))) >> (31 - shift);
    return (int32_t)(scaled > INT32_MAX ? INT32_MAX : scaled < INT32_MIN ? INT32_MIN : scaled);
"
        };
        format!(
            "
/* Returns x * multiplier * 2^(shift - 31), rounded. */
static inline int32_t {name}_scaled(int32_t x, int32_t multiplier, int shift)
{{
{body}}}
"
        )
    }

    /// Returns the function of tables with straight lines, if there is one.
    fn interpolated_in_c(&self) -> String {
        if !self.interpolates() {
            return String::new();
        }
        let name = self.prefix;
        format!(
            "
/* Returns the activation of q from a table, with straight lines between its numbers. */
static inline int16_t {name}_interpolated(const int16_t table[513], int32_t q)
{{
    const int32_t start = table[256 + (q >> 7)];
    const int32_t end = table[257 + (q >> 7)];
    return (int16_t)(start + (((end - start) * (q & 127) + 64) >> 7));
}}
"
        )
    }

    fn layers_in_c(&self) -> String {
        let (name, mut inputs) = (self.prefix, self.net.inputs());
        let mut text = String::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let outputs = layer.outputs();
            let [input, element] = self.types(index);
            let array = |what| self.name(what, index);
            let (weights, biases) = (array("weights"), array("biases"));
            let (multipliers, shifts) = (array("multipliers"), array("shifts"));
            let at = Self::at(layer);
            let head = wrapped(
                0,
                &format!(
                    "static inline void {name}_layer_{index}(const {input} x[{inputs}], \
                     {element} y[{outputs}])"
                ),
            );
            let ([low, high], zero) = Self::limits(layer);
            let product = wrapped(
                8,
                &format!("int32_t q = {name}_scaled(sum, {multipliers}[{at}], {shifts}[{at}]);"),
            );
            let mut limits = String::new();
            for (sign, limit, end) in [("<", low, i32::MIN), (">", high, i32::MAX)] {
                if limit != end {
                    let limit = self.integer(limit);
                    let _ = writeln!(limits, "        q = q {sign} {limit} ? {limit} : q;");
                }
            }
            if !zero.is_empty() {
                let _ = writeln!(limits, "        q = q{zero};");
            }
            let value = match layer.table {
                Some(QuantizedTable::Int8(_)) => format!("{}[q + 128]", array("table")),
                Some(QuantizedTable::Int16(_)) => {
                    format!("{name}_interpolated({}, q)", array("table"))
                }
                None if element == "int32_t" => "q".to_string(),
                None => format!("({element})q"),
            };
            // int may have 16 bits, which hold a product of int8 only.
            let wide = if input == "int8_t" { "" } else { "(int32_t)" };
            let _ = write!(
                text,
                "
/* Layer {index}: {inputs} inputs, {outputs} outputs. */
{head}{{
    for (int j = 0; j < {outputs}; j++) {{
        int32_t sum = {biases}[j];
        for (int i = 0; i < {inputs}; i++) {{
            sum += {wide}x[i] * {weights}[j][i];
        }}
{product}{limits}        y[j] = {value};
    }}
}}
"
            );
            inputs = outputs;
        }
        text
    }

    fn predict_in_c(&self) -> String {
        let (name, upper) = (self.prefix, self.prefix.to_ascii_uppercase());
        let (input, output) = (self.input(), self.output());
        let Integers(min, max) = self.input_integers();
        let mut text = String::from("\n/* Predicts one sample in integers. */\n");
        text += &wrapped(
            0,
            &format!(
                "static inline void {name}_predict_integers(const {input} x[{upper}_INPUTS], \
                 {output} y[{upper}_OUTPUTS])"
            ),
        );
        text += "{\n";
        for (buffer, size) in ["a", "b"].iter().zip(self.buffers()) {
            if size > 0 {
                let _ = writeln!(text, "    {} {buffer}[{size}];", self.type_of(self.hidden));
            }
        }
        let (last, mut from) = (self.layers.len() - 1, "x");
        for index in 0..=last {
            let to = if index == last {
                "y"
            } else {
                ["a", "b"][index % 2]
            };
            let _ = writeln!(text, "    {name}_layer_{index}({from}, {to});");
            from = to;
        }
        let (factors, offsets) = (self.common("factors"), self.common("offsets"));
        let difference = match self.net.output_stage().zero_point {
            0 => "integers[j]".to_string(),
            _ => format!("(integers[j] - {upper}_OUTPUT_ZERO_POINT)"),
        };
        let quantize = wrapped(
            0,
            &format!(
                "static inline void {name}_quantize(const float x[{upper}_INPUTS], \
                 {input} q[{upper}_INPUTS])"
            ),
        );
        let predict = wrapped(
            0,
            &format!(
                "static inline void {name}_predict(const float x[{upper}_INPUTS], \
                 float y[{upper}_OUTPUTS])"
            ),
        );
        let limited = wrapped(
            8,
            &format!(
                "const float limited = !(value > {min}.0f) ? {min}.0f : value > {max}.0f ? \
                 {max}.0f : value;"
            ),
        );
        text + &format!(
            "}}

/* Returns the integers of inputs. NaN becomes the least one. */
{quantize}{{
    for (int i = 0; i < {upper}_INPUTS; i++) {{
        const float value = x[i] * {factors}[i] + {offsets}[i];
{limited}        const int32_t whole = (int32_t)limited;
        const float rest = limited - (float)whole;
        q[i] = ({input})(whole + (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0));
    }}
}}

/* Predicts one sample. */
{predict}{{
    {input} q[{upper}_INPUTS];
    {output} integers[{upper}_OUTPUTS];
    {name}_quantize(x, q);
    {name}_predict_integers(q, integers);
    for (int j = 0; j < {upper}_OUTPUTS; j++) {{
        y[j] = (float){difference} * {upper}_OUTPUT_SCALE;
    }}
}}
"
        )
    }

    fn self_test_in_c(&self) -> Result<String> {
        let (name, upper) = (self.prefix, self.prefix.to_ascii_uppercase());
        let arrays = self.examples(4, ("inputs", "outputs"))?;
        let output = self.output();
        Ok(format!(
            "
#ifdef {upper}_SELF_TEST

/* Returns 0 if some predictions are those of the network. Otherwise it returns the number of the
 * first wrong one, from 1 on. */
static inline int {name}_self_test(void)
{{
{arrays}    {output} y[{upper}_OUTPUTS];
    for (int i = 0; i < {SAMPLES}; i++) {{
        {name}_predict_integers(inputs[i], y);
        for (int j = 0; j < {upper}_OUTPUTS; j++) {{
            if (y[j] != outputs[i][j]) {{
                return i + 1;
            }}
        }}
    }}
    return 0;
}}

#endif
"
        ))
    }
}
