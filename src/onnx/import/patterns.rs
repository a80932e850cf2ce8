//! Activations as exporters write them: one operator, or several.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

use super::form::{Formula, short};
use super::messages::{Model, Node};
use super::parameters;
use super::source::Source;
use crate::activation::{
    self, Activation, Celu, Elu, Gelu, GeluTanh, HardSigmoid, HardSwish, LeakyRelu, LogSigmoid,
    Maxout, Mish, Relu, Relu6, Selu, Sigmoid, Silu, Sine, Softplus, Softsign, Tanh, Tanhshrink,
    without_alpha,
};
use crate::float::Float;
use crate::onnx::activations::apply;
use crate::onnx::graph::{Expr, Graph};
use crate::onnx::{model, proto};

type Shared<T> = Arc<dyn Activation<T>>;

/// Activations by the normal form of their formula.
pub(super) struct Patterns<T> {
    known: BTreeMap<String, Shared<T>>,
    /// Number of letters that may still be compared.
    budget: Cell<usize>,
}

/// Maximum number of values in front of one that may be its argument.
const ANCESTORS: usize = 128;

/// Maximum number of different numbers in a formula of which one may be that of an activation.
const NUMBERS: usize = 8;

/// Letters of all formulas of a model. A chain of layers needs far fewer, and a hostile graph could
/// need hours.
const LETTERS: usize = 100_000_000;

impl<T: Float> Patterns<T> {
    /// Returns the patterns of other exporters, and those of this crate for all built-in
    /// activations and for activations of these names.
    pub(super) fn new(names: &[&str]) -> Self {
        let mut patterns = Self {
            known: BTreeMap::new(),
            budget: Cell::new(LETTERS),
        };
        let all = activation::all::<T>();
        let all: Vec<_> = all.iter().map(Activation::name).collect();
        for name in names.iter().copied().chain(all.iter().map(|name| &**name)) {
            // Numbers α are nodes of their own.
            let name = without_alpha(name);
            if let Ok(activation) = activation::parse::<T>(name) {
                let exported = [exported::<f32>(name), exported::<f64>(name)];
                for form in exported.into_iter().flatten() {
                    patterns
                        .known
                        .entry(form)
                        .or_insert_with(|| activation.clone());
                }
            }
        }
        for (activation, formula) in foreign::<T>() {
            if let Some(form) = form(|x| Some(formula(x))) {
                patterns.known.entry(form).or_insert(activation);
            }
        }
        patterns
    }

    /// Returns the activation that makes this value, and its argument.
    pub(super) fn find<'a>(
        &self,
        source: &Source<'a>,
        value: &'a str,
    ) -> Option<(Shared<T>, &'a str)> {
        let mut ancestors = Vec::from([value]);
        let (mut next, mut numbers) = (0, Vec::new());
        while let Some(&value) = ancestors.get(next) {
            next += 1;
            let Some(node) = source.producer(value) else {
                continue;
            };
            if node.is("Gemm") || node.is("MatMul") {
                continue;
            }
            let constants = node
                .inputs
                .iter()
                .filter_map(|name| source.constant(name)?.single());
            for number in constants.filter(|number| (1e-9..1e9).contains(number)) {
                if !numbers.contains(&number) && numbers.len() < NUMBERS {
                    numbers.push(number);
                }
            }
            for input in source.variables(node) {
                if !ancestors.contains(&input) && ancestors.len() < ANCESTORS {
                    ancestors.push(input);
                }
            }
        }
        // The farthest argument gives the whole formula.
        ancestors.iter().skip(1).rev().find_map(|&argument| {
            let form = Formula::form(source, (argument, value), &self.budget)?.print();
            let activation = self.known.get(&form).cloned();
            let own = if form.contains("Where(") {
                &numbers[..]
            } else {
                &[]
            };
            let find = || own.iter().find_map(|&own| parameters::find(&form, own));
            Some((activation.or_else(find)?, argument))
        })
    }
}

/// Returns the normal form of a formula.
fn form<T: Float>(
    formula: impl for<'g> FnOnce(Expr<'g, T>) -> Option<Expr<'g, T>>,
) -> Option<String> {
    let graph = Graph::<T>::default();
    graph.enter("f");
    let x = graph.input("x", 1);
    graph.output("y", formula(x)?, 1);
    let bytes = proto::encode(&model(graph, "f", Vec::new()));
    let model = Model::read(&bytes).ok()?;
    let source = Source::new(&model.graph, model.opset(""), bytes.len(), |_| {
        Ok(Vec::new())
    })
    .ok()?;
    // The identity has no node.
    source.producer("y")?;
    Some(Formula::form(&source, ("x", "y"), &Cell::new(LETTERS))?.print())
}

/// Returns the normal form of an activation that this crate exports in a number type.
fn exported<F: Float>(name: &str) -> Option<String> {
    let activation = activation::parse::<F>(name).ok()?;
    form::<F>(|x| apply(&*activation, x, 1).ok())
}

type Pattern<T> = (Shared<T>, for<'g> fn(Expr<'g, T>) -> Expr<'g, T>);

/// Returns the formulas of other exporters.
fn foreign<T: Float>() -> [Pattern<T>; 22] {
    fn gelu<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
        0.5 * x * ((x / SQRT_2).unary("Erf") + 1.0)
    }
    fn gelu_times<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
        0.5 * x * ((x * FRAC_1_SQRT_2).unary("Erf") + 1.0)
    }
    fn gelu_tanh<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
        let scale = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
        0.5 * x * ((scale * (x + GeluTanh::CUBIC * (x * x * x))).tanh() + 1.0)
    }
    fn gelu_tanh_factored<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
        let scale = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
        0.5 * x * ((scale * x * (GeluTanh::CUBIC * (x * x) + 1.0)).tanh() + 1.0)
    }
    fn softplus<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
        x.above(20.0).choose(x, x.unary("Softplus"))
    }
    fn mish<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
        x * x.unary("Softplus").tanh()
    }
    fn mish_where<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
        x * softplus(x).tanh()
    }
    [
        (Arc::new(Gelu), gelu),
        (Arc::new(Gelu), gelu_times),
        (Arc::new(GeluTanh), gelu_tanh),
        (Arc::new(GeluTanh), gelu_tanh_factored),
        (Arc::new(Silu), |x| x * x.unary("Sigmoid")),
        (Arc::new(Mish), mish),
        (Arc::new(Mish), mish_where),
        (Arc::new(Softplus::new(1.0)), softplus),
        (Arc::new(Softplus::new(1.0)), |x| (x.exp() + 1.0).ln()),
        (Arc::new(HardSwish), |x| x * (x + 3.0).clip(0.0, 6.0) / 6.0),
        (Arc::new(HardSwish), |x| x.unary("HardSwish")),
        (Arc::new(Softsign), |x| x / (x.abs() + 1.0)),
        (Arc::new(LogSigmoid), |x| x.unary("Sigmoid").ln()),
        (Arc::new(LogSigmoid), |x| -((-x).unary("Softplus"))),
        (Arc::new(Tanhshrink), |x| x - x.tanh()),
        (Arc::new(Relu6), |x| x.unary("Relu").min(6.0)),
        (Arc::new(Sigmoid), |x| 1.0 / ((-x).exp() + 1.0)),
        (Arc::new(Sigmoid), |x| x.unary("Sigmoid")),
        (Arc::new(Softplus::new(1.0)), |x| x.unary("Softplus")),
        (Arc::new(Softsign), |x| x.unary("Softsign")),
        (Arc::new(Tanh), |x| x.tanh()),
        (Arc::new(Relu), |x| x.max(0.0)),
    ]
}

/// Returns the activation of an operator with settings of its own, or why there is none.
pub(super) fn operator<T: Float>(
    node: &Node<'_>,
) -> Option<core::result::Result<Shared<T>, &'static str>> {
    let setting = |name, default: f64| node.float(name).map_or(default, short);
    let alpha = |default| setting("alpha", default);
    if !matches!(node.domain, "" | "ai.onnx") {
        return None;
    }
    let activation: Shared<T> = match node.operator {
        "LeakyRelu" => Arc::new(LeakyRelu::new(alpha(0.01))),
        "Elu" => Arc::new(Elu { alpha: alpha(1.0) }),
        "Celu" => Arc::new(Celu { alpha: alpha(1.0) }),
        "Selu" => {
            let (a, gamma) = (alpha(1.673_263_2), setting("gamma", 1.050_701));
            if (a - 1.673_263_2).abs() > 1e-6 || (gamma - 1.050_701).abs() > 1e-6 {
                return Some(Err(
                    "other numbers than those of SELU; export it as Elu and Mul",
                ));
            }
            Arc::new(Selu)
        }
        "HardSigmoid" => {
            if setting("beta", 0.5) != 0.5 {
                return Some(Err("an offset other than 0.5"));
            }
            Arc::new(HardSigmoid { slope: alpha(0.2) })
        }
        "Gelu" => match node.find("approximate").and_then(|a| a.text) {
            None | Some(b"none") => Arc::new(Gelu),
            Some(b"tanh") => Arc::new(GeluTanh),
            Some(_) => return Some(Err("an unknown approximation")),
        },
        "Mish" => Arc::new(Mish),
        "Swish" if alpha(1.0) == 1.0 => Arc::new(Silu),
        "Swish" => return Some(Err("a factor alpha other than 1")),
        "Sin" => Arc::new(Sine { omega: 1.0 }),
        _ => return None,
    };
    Some(Ok(activation))
}

/// Returns the activation with this number of pieces of each neuron.
pub(super) fn maxout<T: Float>(pieces: usize) -> Shared<T> {
    Arc::new(Maxout::new(pieces))
}
