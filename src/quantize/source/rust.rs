//! Quantized networks as Rust without this crate.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use super::Source;
use crate::error::Result;
use crate::quantize::range::Integers;
use crate::quantize::{QuantizedMlp, QuantizedTable};
use crate::source::language::{Language, literal, wrapped};

impl QuantizedMlp {
    /// Returns this network as a Rust module, which needs neither this crate nor an allocator.
    ///
    /// The module has this name, and needs only `core`. With int32 outputs it contains:
    ///
    /// ```text
    /// pub const INPUTS: usize = 4;
    /// pub const OUTPUTS: usize = 3;
    /// pub const OUTPUT_SCALE: f32 = 0.00024414063;
    /// pub const OUTPUT_ZERO_POINT: i32 = 0;
    /// pub fn predict_integers(x: &[i8; INPUTS]) -> [i32; OUTPUTS]
    /// pub fn quantize(x: &[f32; INPUTS]) -> [i8; INPUTS]
    /// pub fn predict(x: &[f32; INPUTS]) -> [f32; OUTPUTS]
    /// ```
    ///
    /// The functions are those of [`to_c`](Self::to_c). `cargo test` also runs a test of the
    /// module.
    ///
    /// ```
    /// use feedforward::quantize::Quantizer;
    /// use feedforward::{Mlp, activation::{Identity, Relu}};
    ///
    /// let net = Mlp::<f32>::builder(2).hidden(16, Relu).output(1, Identity).seed(1).build()?;
    /// let samples: Vec<f32> = (0..200).map(|i| (i as f32 * 0.7).sin()).collect();
    /// let module = Quantizer::new().quantize(&net, &samples)?.to_rust_standalone("net")?;
    /// assert!(module.contains("pub fn predict_integers(x: &[i8; INPUTS]) -> [i32; OUTPUTS] {"));
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`to_c`](Self::to_c)
    pub fn to_rust_standalone(&self, name: &str) -> Result<String> {
        let source = Source::new(self, Language::Rust, name)?;
        let paragraphs = source.description("to_rust_standalone");
        let paragraphs: Vec<_> = paragraphs.iter().map(|text| &**text).collect();
        let comment = Language::Rust.comment(0, &paragraphs);
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let scale = literal(Language::Rust, self.scale);
        let zero_point = self.zero_point;
        let arrays = source.arrays();
        let (predict, layers) = (source.predict_in_rust(), source.layers_in_rust());
        let scaled = source.scaled_in_rust() + source.interpolated_in_rust();
        let examples = source.examples(8, ("SAMPLES", "EXPECTED"))?;
        Ok(format!(
            "\
{comment}#[rustfmt::skip]
#[allow(dead_code, clippy::all, clippy::pedantic)]
pub mod {name} {{
    /// Number of inputs.
    pub const INPUTS: usize = {inputs};

    /// Number of outputs.
    pub const OUTPUTS: usize = {outputs};

    /// Difference of the numbers of two adjacent integers.
    pub const OUTPUT_SCALE: f32 = {scale};

    /// Integer for the number 0.
    pub const OUTPUT_ZERO_POINT: i32 = {zero_point};
{predict}{layers}{scaled}{arrays}
    #[cfg(test)]
    mod tests {{
{examples}
        #[test]
        fn predictions_are_those_of_the_network() {{
            for (x, expected) in SAMPLES.iter().zip(EXPECTED) {{
                assert_eq!(super::predict_integers(x), expected, \"{{x:?}}\");
            }}
        }}
    }}
}}
"
        ))
    }
}

impl Source<'_> {
    fn predict_in_rust(&self) -> String {
        let output = self.output();
        let last = self.layers.len() - 1;
        let line = |index| {
            let from = if index == 0 { "x" } else { "&y" };
            let (start, end) = if index == last {
                ("", "")
            } else {
                ("let y = ", ";")
            };
            format!("        {start}layer_{index}({from}){end}\n")
        };
        let lines: String = (0..=last).map(line).collect();
        let integer = match self.last {
            Integers::INT8 | Integers::INT16 => "i32::from(q)",
            _ => "q",
        };
        let input = self.input();
        let Integers(min, max) = self.input_integers();
        let difference = match self.net.output_stage().zero_point {
            0 => integer.to_string(),
            _ => format!("({integer} - OUTPUT_ZERO_POINT)"),
        };
        format!(
            "
    /// Returns the outputs for one sample. The arithmetic is that of integers alone.
    #[inline]
    pub fn predict_integers(x: &[{input}; INPUTS]) -> [{output}; OUTPUTS] {{
{lines}    }}

    /// Returns the integers of inputs. NaN becomes the least one.
    #[inline]
    pub fn quantize(x: &[f32; INPUTS]) -> [{input}; INPUTS] {{
        let mut q = [0; INPUTS];
        for i in 0..INPUTS {{
            let value = x[i] * FACTORS[i] + OFFSETS[i];
            let limited = value.max({min}.0).min({max}.0);
            let whole = limited as i32;
            let rest = limited - whole as f32;
            q[i] = (whole + i32::from(rest >= 0.5) - i32::from(rest <= -0.5)) as {input};
        }}
        q
    }}

    /// Returns the outputs for one sample.
    #[inline]
    pub fn predict(x: &[f32; INPUTS]) -> [f32; OUTPUTS] {{
        let number = |q| {difference} as f32 * OUTPUT_SCALE;
        predict_integers(&quantize(x)).map(number)
    }}
"
        )
    }

    fn layers_in_rust(&self) -> String {
        let (mut text, mut inputs) = (String::new(), self.net.inputs());
        for (index, layer) in self.layers.iter().enumerate() {
            let outputs = layer.outputs();
            let [input, element] = self.types(index);
            let array = |what| self.name(what, index);
            let (weights, biases) = (array("weights"), array("biases"));
            let (multipliers, shifts) = (array("multipliers"), array("shifts"));
            let at = Self::at(layer);
            let ([low, high], zero) = Self::limits(layer);
            let q = wrapped(
                12,
                &format!("let q = scaled(sum, {multipliers}[{at}], {shifts}[{at}]);"),
            );
            let limits = match (low, high) {
                (i32::MIN, i32::MAX) => String::new(),
                _ => format!("            let q = q.clamp({low}, {high}){zero};\n"),
            };
            let value = match layer.table {
                Some(QuantizedTable::Int8(_)) => {
                    format!("{}[(q + 128) as usize & 255]", array("table"))
                }
                Some(QuantizedTable::Int16(_)) => format!("interpolated(&{}, q)", array("table")),
                None if element == "i32" => "q".to_string(),
                None => format!("q as {element}"),
            };
            let _ = write!(
                text,
                "
    /// Layer {index}: {inputs} inputs, {outputs} outputs.
    #[inline]
    fn layer_{index}(x: &[{input}; {inputs}]) -> [{element}; {outputs}] {{
        let mut y = [0; {outputs}];
        for j in 0..{outputs} {{
            let mut sum = {biases}[j];
            for (x, w) in x.iter().zip(&{weights}[j]) {{
                sum += i32::from(*x) * i32::from(*w);
            }}
{q}{limits}            y[j] = {value};
        }}
        y
    }}
"
            );
            inputs = outputs;
        }
        text
    }

    /// Returns the function of tables with straight lines, if there is one.
    fn interpolated_in_rust(&self) -> &'static str {
        if !self.interpolates() {
            return "";
        }
        "
    /// Returns the activation of q from a table, with straight lines between its numbers.
    #[inline]
    fn interpolated(table: &[i16; 513], q: i32) -> i16 {
        let at = (256 + (q >> 7)) as usize & 511;
        let (start, end) = (i32::from(table[at]), i32::from(table[at + 1]));
        (start + (((end - start) * (q & 127) + 64) >> 7)) as i16
    }
"
    }

    fn scaled_in_rust(&self) -> String {
        let body = if self.is_double() {
            "        let (left, right) = (shift.max(0), (-shift).max(0));
        let raised = i64::from(x) << left;
        let limited = raised.clamp(i32::MIN.into(), i32::MAX.into());
        let high = ((limited * i64::from(multiplier) + (1 << 30)) >> 31) as i32;
        let mask = ((1_i64 << right) - 1) as i32;
        let threshold = (mask >> 1) + i32::from(high < 0);
        (high >> right) + i32::from(high & mask > threshold)
"
        } else {
            "        let product = i64::from(x) * i64::from(multiplier);
        let scaled = (product + (1 << (30 - shift))) >> (31 - shift);
        scaled.clamp(i32::MIN.into(), i32::MAX.into()) as i32
"
        };
        format!(
            "
    /// Returns x * multiplier * 2^(shift - 31), rounded.
    #[inline]
    fn scaled(x: i32, multiplier: i32, shift: i8) -> i32 {{
{body}    }}
"
        )
    }
}
