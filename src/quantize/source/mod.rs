//! Quantized networks as source code.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::inputs::InputInteger;
use super::range::Integers;
use super::{QuantizedLayer, QuantizedMlp, QuantizedMlpRef, QuantizedTable, Rounding};
use crate::error::{Error, Result};
use crate::memory;
use crate::source::language::{Language, buffers, check_name, literal};

mod c;
mod rust;
mod to_rust;

/// Number of samples of a self-test.
const SAMPLES: usize = 4;

/// The parts of a network's source that languages share.
struct Source<'a> {
    net: QuantizedMlpRef<'a>,
    layers: Vec<QuantizedLayer<'a>>,
    /// Type of the hidden layers' outputs, and of the last layer's.
    hidden: Integers,
    last: Integers,
    language: Language,
    prefix: &'a str,
    indent: usize,
}

/// Checks that the network has no encoding.
fn check_encoding(net: &QuantizedMlp) -> Result<()> {
    let Some((encoding, _)) = &net.encoder else {
        return Ok(());
    };
    let what = "encoding of a quantized network as source code";
    let expected = "none; QuantizedMlp::encode returns the inputs behind an encoding, and the \
                    source of quantize_weights contains one";
    Err(Error::incompatible(what, expected, encoding.name()))
}

impl<'a> Source<'a> {
    fn new(net: &'a QuantizedMlp, language: Language, prefix: &'a str) -> Result<Self> {
        check_name(prefix)?;
        check_encoding(net)?;
        if let Some(activation) = &net.activation {
            let what = "outputs of a quantized network as source code";
            let expected = "OutputForm::Int8 or Int16, or an identity as the last activation";
            return Err(Error::incompatible(what, expected, activation.name()));
        }
        let mut hidden = Integers::INT8;
        let mut last = Integers::INT8;
        for (index, layer) in net.layers.iter().enumerate() {
            last = layer.outputs.integers;
            if index + 1 < net.layers.len() && last != Integers::INT8 {
                hidden = Integers::INT16;
            }
        }
        let net = QuantizedMlpRef::from(net);
        Ok(Self {
            hidden,
            last,
            layers: net.layers().collect(),
            net,
            language,
            prefix,
            indent: if language == Language::C { 0 } else { 4 },
        })
    }

    /// Returns the name of a type.
    fn type_of(&self, integers: Integers) -> &'static str {
        let names = match integers {
            Integers::INT8 => ["int8_t", "i8"],
            Integers::INT16 => ["int16_t", "i16"],
            _ => ["int32_t", "i32"],
        };
        names[usize::from(self.language == Language::Rust)]
    }

    /// Returns the integers of inputs.
    fn input_integers(&self) -> Integers {
        Integers::of_bits(self.net.input_stage().bits)
    }

    /// Returns the type of inputs.
    fn input(&self) -> &'static str {
        self.type_of(self.input_integers())
    }

    /// Returns the type of outputs.
    fn output(&self) -> &'static str {
        self.type_of(self.last)
    }

    /// Returns the types of a layer's inputs and outputs.
    fn types(&self, index: usize) -> [&'static str; 2] {
        let hidden = self.type_of(self.hidden);
        let is_last = index + 1 == self.layers.len();
        [
            if index == 0 { self.input() } else { hidden },
            if is_last { self.output() } else { hidden },
        ]
    }

    /// Returns `true` if a layer has an interpolated table.
    fn interpolates(&self) -> bool {
        let is_int16 =
            |layer: &QuantizedLayer<'_>| matches!(layer.table, Some(QuantizedTable::Int16(_)));
        self.layers.iter().any(is_int16)
    }

    fn name(&self, what: &str, index: usize) -> String {
        match self.language {
            Language::C => format!("{}_{what}_{index}", self.prefix),
            Language::Rust => format!("{}_{index}", what.to_ascii_uppercase()),
        }
    }

    /// Returns the name of an array that belongs to no layer.
    fn common(&self, what: &str) -> String {
        match self.language {
            Language::C => format!("{}_{what}", self.prefix),
            Language::Rust => what.to_ascii_uppercase(),
        }
    }

    /// Returns the paragraphs of the comment at the top.
    fn description(&self, function: &str) -> Vec<String> {
        let inputs = format!("{} inputs", self.net.inputs());
        let sizes = self.layers.iter().map(|layer| {
            let table = if layer.table.is_some() {
                " with a table"
            } else {
                ""
            };
            format!("{}{table}", layer.outputs())
        });
        let sizes = core::iter::once(inputs)
            .chain(sizes)
            .collect::<Vec<_>>()
            .join(", ");
        let weights: usize = self.layers.iter().map(|layer| layer.weights.len()).sum();
        let integers: usize = self.layers.iter().map(layer_bytes).sum();
        let stage = 8 * self.net.inputs();
        let hidden_bytes = if self.hidden == Integers::INT8 { 1 } else { 2 };
        Vec::from([
            format!(
                "Generated by feedforward {}, `QuantizedMlp::{function}`. Do not edit it; quantize \
                 the network and generate it again.",
                env!("CARGO_PKG_VERSION")
            ),
            format!(
                "Layers: {sizes}. {weights} weights in int8. Constants: {integers} bytes, and \
                 {stage} for inputs in float. Arrays on the stack: {} bytes.",
                self.buffers().iter().sum::<usize>() * hidden_bytes
            ),
        ])
    }

    /// Returns the sizes of the buffers for outputs of hidden layers.
    fn buffers(&self) -> [usize; 2] {
        let hidden = &self.layers[..self.layers.len() - 1];
        buffers(hidden.iter().map(QuantizedLayer::outputs))
    }

    /// Returns the definition of an array of numbers.
    fn array<N: ToString>(
        &self,
        (name, element): (&str, [&str; 2]),
        width: Option<usize>,
        items: impl IntoIterator<Item = N>,
    ) -> String {
        let element = element[usize::from(self.language == Language::Rust)];
        let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
        self.language
            .array(self.indent, (name, element), width, &items)
    }

    /// Returns the arrays of all layers and of the input stage.
    fn arrays(&self) -> String {
        let mut text = String::new();
        let mut width = self.net.inputs();
        for (index, layer) in self.layers.iter().enumerate() {
            let name = |what| self.name(what, index);
            text.push('\n');
            let weights = (&*name("weights"), ["int8_t", "i8"]);
            text += &self.array(weights, Some(width), layer.weights);
            text += &self.array((&name("biases"), ["int32_t", "i32"]), None, layer.biases);
            let multipliers = (&*name("multipliers"), ["int32_t", "i32"]);
            text += &self.array(multipliers, None, layer.multipliers);
            text += &self.array((&name("shifts"), ["int8_t", "i8"]), None, layer.shifts);
            let table = &*name("table");
            match layer.table {
                None => {}
                Some(QuantizedTable::Int8(items)) => {
                    text += &self.array((table, ["int8_t", "i8"]), None, items);
                }
                Some(QuantizedTable::Int16(items)) => {
                    text += &self.array((table, ["int16_t", "i16"]), None, items);
                }
            }
            width = layer.outputs();
        }
        let stage = self.net.input_stage();
        let floats = |numbers: &[f32]| -> Vec<String> {
            numbers.iter().map(|&x| literal(self.language, x)).collect()
        };
        let element = ["float", "f32"];
        text.push('\n');
        text += &self.array(
            (&self.common("factors"), element),
            None,
            floats(stage.factors),
        );
        text += &self.array(
            (&self.common("offsets"), element),
            None,
            floats(stage.offsets),
        );
        text
    }

    /// Returns the limits of a scaled sum, and the addition of the zero point behind it. In this
    /// order, the sum cannot overflow.
    fn limits(layer: &QuantizedLayer<'_>) -> ([i32; 2], String) {
        let limits = [layer.min, layer.max].map(|limit| limit.saturating_sub(layer.zero_point));
        let sum = match layer.zero_point {
            0 => String::new(),
            zero if zero < 0 => format!(" - {}", -i64::from(zero)),
            zero => format!(" + {zero}"),
        };
        (limits, sum)
    }

    /// Returns the index of a layer's multiplier.
    fn at(layer: &QuantizedLayer<'_>) -> &'static str {
        if layer.multipliers.len() == 1 {
            "0"
        } else {
            "j"
        }
    }

    fn is_double(&self) -> bool {
        self.layers[0].rounding == Rounding::Double
    }

    /// Returns the arrays of a self-test: integer inputs and their outputs.
    fn examples(&self, indent: usize, names: (&str, &str)) -> Result<String> {
        let value = |sample: usize, i: usize| match sample {
            0 => 0,
            _ => sample * (7 * i + 5) * (i + 3) * 29,
        };
        if self.input_integers() == Integers::INT8 {
            self.examples_of(indent, names, |sample, i| {
                (value(sample, i) % 256) as u8 as i8
            })
        } else {
            let spread = |sample, i| (211 * value(sample, i) % 65536) as u16 as i16;
            self.examples_of(indent, names, spread)
        }
    }

    fn examples_of<I: InputInteger + ToString>(
        &self,
        indent: usize,
        names: (&str, &str),
        value: impl Fn(usize, usize) -> I,
    ) -> Result<String> {
        let (inputs, outputs) = (self.net.inputs(), self.net.outputs());
        let value = &value;
        let samples = (0..SAMPLES).flat_map(|sample| (0..inputs).map(move |i| value(sample, i)));
        let x: Vec<_> = samples.collect();
        let mut y = memory::filled("outputs", 0, SAMPLES * outputs)?;
        let mut scratch = memory::filled("scratch", 0, self.net.scratch_len())?;
        self.net.predict_int32(&x, &mut y, &mut scratch)?;
        let array = |name, element, width, items: Vec<String>| {
            self.language
                .array(indent, (name, element), Some(width), &items)
        };
        let x = x.iter().map(ToString::to_string).collect();
        let y = y.iter().map(|&y| self.integer(y)).collect();
        Ok(array(names.0, self.input(), inputs, x) + &array(names.1, self.output(), outputs, y))
    }

    /// Returns an integer of int32. The least one is no literal in C.
    fn integer(&self, x: i32) -> String {
        if x == i32::MIN && self.language == Language::C {
            return String::from("INT32_MIN");
        }
        x.to_string()
    }
}

/// Returns the number of bytes of a layer's integers.
fn layer_bytes(layer: &QuantizedLayer<'_>) -> usize {
    let table = layer.table.map_or(0, |table| table.bytes());
    layer.weights.len() + 4 * layer.biases.len() + 5 * layer.multipliers.len() + table
}
