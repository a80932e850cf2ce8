//! The layers of a network as source.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::language::{GLUE, Language, literal, wrapped};
use super::translate::Library;
use crate::activation::{
    self, Activation, Celu, Elu, HardShrink, HardSigmoid, Identity, LeakyRelu, Maxout, Sine,
    SoftShrink, Softplus, Squareplus,
};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::math;
use crate::mlp::Mlp;

/// Number of inputs that a pass over the neurons adds up. It saves most of the loads and stores of
/// the sums.
pub(super) const BLOCK: usize = 4;

/// A layer as its source computes it.
///
/// Lanes of a register are neurons. So the weights of an input are adjacent, and first come the
/// first pieces of all neurons, then the second ones.
pub(super) struct SourceLayer<T> {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) pieces: usize,
    weights: Vec<T>,
    bias: Vec<T>,
    /// Empty unless the layer is parametric.
    pub(super) alpha: Vec<T>,
    /// Name with its parameter.
    pub(super) activation: String,
    /// Name of the function.
    function: &'static str,
    /// Further arguments of the function.
    parameters: Vec<T>,
}

impl<T: Float> SourceLayer<T> {
    /// Returns the layers of a network.
    ///
    /// # Errors
    /// [`Error::UnknownName`] if an activation is not one of this crate's.
    pub(super) fn all(net: &Mlp<T>, what: &'static str) -> Result<Vec<Self>> {
        let layers = net.layout().layers().iter().zip(net.activations());
        let layers = layers.map(|(at, activation)| {
            let (function, parameters) = function(&**activation, what)?;
            let (inputs, outputs, pieces) = (at.inputs, at.outputs, at.pieces);
            let rows = || (0..pieces).flat_map(|p| (0..outputs).map(move |n| n * pieces + p));
            let params = net.params();
            let (weights, bias) = (&params[at.weights.clone()], &params[at.bias.clone()]);
            let column = |input| rows().map(move |row| weights[row * inputs + input]);
            Ok(Self {
                inputs,
                outputs,
                pieces,
                weights: (0..inputs).flat_map(column).collect(),
                bias: rows().map(|row| bias[row]).collect(),
                alpha: params[at.alpha.clone()].to_vec(),
                activation: activation.name().into_owned(),
                function,
                parameters,
            })
        });
        layers.collect()
    }

    pub(super) fn rows(&self) -> usize {
        self.outputs * self.pieces
    }

    /// Returns the number of parameters.
    pub(super) fn params_len(&self) -> usize {
        self.weights.len() + self.bias.len() + self.alpha.len()
    }

    /// Returns the constant arrays of the layer.
    pub(super) fn arrays(&self, names: &Names<'_>, index: usize) -> String {
        let language = names.language;
        let array = |what, width, numbers: &[T]| {
            let items = numbers.iter().map(|&number| literal(language, number));
            let items: Vec<_> = items.collect();
            let head = (&*names.array(what, index), float::<T>(language));
            language.array(names.indent, head, width, &items)
        };
        let mut text = String::from("\n");
        text += &array("weights", Some(self.rows()), &self.weights);
        text += &array("bias", None, &self.bias);
        if !self.alpha.is_empty() {
            text += &array("alpha", None, &self.alpha);
        }
        text
    }

    /// Returns the number at which the sums of a padded network start.
    ///
    /// -0.0 + x is x, so a compiler drops the first sum. A bias hides the sign of a zero.
    pub(super) fn start(&self) -> &'static str {
        if self.bias.iter().all(|&bias| bias != T::zero()) {
            "-0.0"
        } else {
            "0.0"
        }
    }

    /// Returns the function of the layer. In Rust, its sums start at `start`.
    pub(super) fn code(
        &self,
        library: &mut Library<T>,
        names: &Names<'_>,
        index: usize,
        start: &str,
    ) -> String {
        let Names {
            language, indent, ..
        } = *names;
        let (inputs, outputs, rows) = (self.inputs, self.outputs, self.rows());
        let (float, activation) = (float::<T>(language), &self.activation);
        let (weights, bias) = (names.array("weights", index), names.array("bias", index));
        let name = library.name(&format!("layer_{index}"));
        let (mut code, weights) = match language {
            Language::C => {
                let x = format!("const {float} x[{inputs}]");
                let head = format!("static inline void {name}({x}, {float} y[{outputs}])");
                let z = format!("{float} z[{rows}] = {{0}};");
                (Vec::from([(0, head), (0, "{".into()), (1, z)]), &*weights)
            }
            Language::Rust => {
                let head = format!("fn {name}(x: &[{float}; {inputs}]) -> [{float}; {outputs}] {{");
                // Otherwise the compiler unrolls small layers to operations on single constants.
                let w = format!("let w = black_box(&{weights});");
                let z = format!("let mut z = [{start}; {rows}];");
                (Vec::from([(0, head), (1, w), (1, z)]), "w")
            }
        };
        let end = |depth| (depth, String::from("}"));
        code.extend(self.sums(language, weights));
        if language == Language::Rust {
            code.push((1, format!("let mut y = [0.0; {outputs}];")));
        }
        code.push((1, language.range("j", 0, outputs, 1)));
        code.push((
            2,
            format!("y[j] = {};", self.output(library, names, index, &bias)),
        ));
        code.push(end(1));
        if self.function == Maxout::NAME && self.pieces > 1 {
            let function = library.require(self.function);
            code.push((1, language.range("i", outputs, rows, outputs)));
            code.push((2, language.range("j", 0, outputs, 1)));
            code.push((
                3,
                format!("y[j] = {function}(y[j], z[i + j] + {bias}[i + j]);"),
            ));
            code.extend([end(2), end(1)]);
        }
        if language == Language::Rust {
            code.push((1, "y".into()));
        }
        code.push(end(0));
        let what = format!("Layer {index}: {inputs} inputs, {outputs} outputs, {activation}.");
        let lines = code
            .iter()
            .map(|(depth, code)| wrapped(indent + 4 * depth, code));
        String::from("\n") + &language.comment(indent, &[&what]) + &lines.collect::<String>()
    }

    /// Returns the lines that compute z without the bias, each with its depth.
    fn sums(&self, language: Language, weights: &str) -> Vec<(usize, String)> {
        let sum = |count, input: &dyn Fn(usize) -> String| Self::sum(count, weights, input);
        let neurons = language.range("j", 0, self.rows(), 1);
        let end = |depth| (depth, String::from("}"));
        let in_blocks = match self.inputs {
            inputs if inputs < 2 * BLOCK => 0,
            inputs => inputs - inputs % BLOCK,
        };
        let mut code = Vec::new();
        if in_blocks > 0 {
            let (head, sum) = match language {
                Language::C => (
                    language.range("i", 0, in_blocks, BLOCK),
                    sum(BLOCK, &|k| match k {
                        0 => "i".to_string(),
                        _ => format!("i{GLUE}+{GLUE}{k}"),
                    }),
                ),
                Language::Rust => (
                    format!(
                        "for (x, w) in x.chunks_exact({BLOCK}).zip(w.chunks_exact({BLOCK})) {{"
                    ),
                    sum(BLOCK, &|k| k.to_string()),
                ),
            };
            code.extend([(1, head), (2, neurons.clone()), (3, sum), end(2), end(1)]);
        }
        if in_blocks < self.inputs {
            let sum = sum(self.inputs - in_blocks, &|k| (in_blocks + k).to_string());
            code.extend([(1, neurons), (2, sum), end(1)]);
        }
        code
    }

    /// Returns the line that adds the products of `count` inputs, whose indices `input` returns.
    pub(super) fn sum(count: usize, weights: &str, input: &dyn Fn(usize) -> String) -> String {
        let terms = (0..count).map(|k| {
            let i = input(k);
            format!("x[{i}] * {weights}[{i}][j]")
        });
        let terms = terms.collect::<Vec<_>>().join(" + ");
        match count {
            1 => format!("z[j] += {terms};"),
            _ => format!("z[j] = z[j] + {terms};"),
        }
    }

    /// Returns the expression of neuron j's output. Of `Maxout` it is the first piece.
    pub(super) fn output(
        &self,
        library: &mut Library<T>,
        names: &Names<'_>,
        index: usize,
        bias: &str,
    ) -> String {
        let piece = |piece: usize| match piece * self.outputs {
            0 => format!("z[j] + {bias}[j]"),
            first => format!("z[{first} + j] + {bias}[{first} + j]"),
        };
        let is_first = matches!(self.function, Identity::NAME | Maxout::NAME);
        let y = if is_first {
            piece(0)
        } else {
            let parameters = self.parameters.iter();
            let parameters = parameters.map(|&parameter| literal(names.language, parameter));
            let arguments = (0..self.pieces).map(piece).chain(parameters);
            let arguments = arguments.collect::<Vec<_>>().join(", ");
            format!("{}({arguments})", library.require(self.function))
        };
        if self.alpha.is_empty() {
            return y;
        }
        let (mixed, alpha) = (library.require("mixed"), names.array("alpha", index));
        format!("{mixed}({}, {y}, {alpha}[j])", piece(0))
    }
}

/// Language, names and indent of a source file.
pub(super) struct Names<'a> {
    pub(super) language: Language,
    /// Prefix of names in C.
    pub(super) prefix: &'a str,
    pub(super) indent: usize,
}

impl Names<'_> {
    fn array(&self, what: &str, index: usize) -> String {
        match self.language {
            Language::C => format!("{}_{what}_{index}", self.prefix),
            Language::Rust => format!("{}_{index}", what.to_ascii_uppercase()),
        }
    }
}

/// Returns the type's name in a language.
pub(super) fn float<T: Float>(language: Language) -> &'static str {
    match (language, T::DOUBLE) {
        (Language::C, false) => "float",
        (Language::C, true) => "double",
        (Language::Rust, _) => T::NAME,
    }
}

/// Returns the name of an activation's function, and its arguments after the pieces.
fn function<T: Float>(
    activation: &dyn Activation<T>,
    what: &'static str,
) -> Result<(&'static str, Vec<T>)> {
    let name = activation.name();
    let known = activation::built_in(activation).filter(|_| activation::is_built_in(activation));
    let Some((function, parameter)) = known else {
        return Err(Error::UnknownName {
            what,
            known: activation::names().collect::<Vec<_>>().join(", "),
            got: name.into_owned(),
        });
    };
    let parameter = T::from_f64(parameter);
    let parameters = match function {
        LeakyRelu::NAME
        | HardSigmoid::NAME
        | Elu::NAME
        | Celu::NAME
        | Softplus::NAME
        | SoftShrink::NAME
        | HardShrink::NAME
        | Sine::NAME => vec![parameter],
        Squareplus::NAME => vec![parameter, math::sqrt(parameter)],
        _ => Vec::new(),
    };
    Ok((function, parameters))
}
