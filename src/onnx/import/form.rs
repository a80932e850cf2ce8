//! Normal forms of formulas, so that equal functions of one value are found however an exporter
//! writes them.
//!
//! A formula is a sum of terms, and a term is a number times factors. Constants are printed with
//! seven digits, because exporters round them to f32.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;

use super::array::is_float;
use super::messages::Node;
use super::source::Source;

/// A number times factors, in order.
#[derive(Clone, Debug, PartialEq)]
struct Term {
    number: f64,
    factors: Vec<String>,
}

/// A sum of terms, ordered by their factors.
#[derive(Clone, Debug)]
pub(super) struct Form {
    terms: Vec<Term>,
}

/// Maximum number of letters of the forms of one formula. GELU in f64 has the most, and a hostile
/// graph could repeat a value in each of many nodes.
const LONGEST: usize = 400_000;

/// Maximum number of nodes between a formula's value and its variable.
const DEEPEST: usize = 128;

/// Maximum number of factors of a term.
const FACTORS: usize = 64;

impl Form {
    pub(super) fn number(number: f64) -> Self {
        let factors = Vec::new();
        Self::sum([Term { number, factors }].into())
    }

    pub(super) fn factor(factor: String) -> Self {
        let factors = [factor].into();
        Self::sum(
            [Term {
                number: 1.0,
                factors,
            }]
            .into(),
        )
    }

    /// Sorts and merges terms.
    fn sum(mut terms: Vec<Term>) -> Self {
        terms.sort_by(|a, b| a.factors.cmp(&b.factors));
        let mut merged: Vec<Term> = Vec::new();
        for term in terms {
            match merged.last_mut() {
                Some(last) if last.factors == term.factors => last.number += term.number,
                _ => merged.push(term),
            }
        }
        merged.retain(|term| term.number != 0.0);
        Self { terms: merged }
    }

    fn as_number(&self) -> Option<f64> {
        match &self.terms[..] {
            [] => Some(0.0),
            [term] if term.factors.is_empty() => Some(term.number),
            _ => None,
        }
    }

    /// Returns `true` for a comparison, whose 0 and 1 are those of all types.
    fn is_truth(&self) -> bool {
        const NAMES: [&str; 4] = ["Greater(", "Less(", "LessOrEqual(", "Or("];
        match &self.terms[..] {
            [Term { number, factors }] if *number == 1.0 => {
                matches!(&factors[..], [of] if NAMES.iter().any(|name| of.starts_with(name)))
            }
            _ => false,
        }
    }

    pub(super) fn scaled(mut self, by: f64) -> Self {
        if by == 0.0 {
            return Self::number(0.0);
        }
        self.terms.iter_mut().for_each(|term| term.number *= by);
        self
    }

    pub(super) fn plus(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        Self::sum(self.terms)
    }

    /// Returns a single term. A sum becomes one factor, without a common number.
    fn term(self) -> Term {
        if let [term] = &self.terms[..] {
            return term.clone();
        }
        let number = self.terms.first().map_or(0.0, |term| term.number);
        if number == 0.0 {
            return Term {
                number,
                factors: Vec::new(),
            };
        }
        let factors = [format!("({})", self.scaled(1.0 / number).print())].into();
        Term { number, factors }
    }

    fn times(self, other: Self) -> Self {
        if let Some(number) = self.as_number() {
            return other.scaled(number);
        }
        if let Some(number) = other.as_number() {
            return self.scaled(number);
        }
        let (a, b) = (self.term(), other.term());
        let number = a.number * b.number;
        let mut factors = a.factors;
        for factor in b.factors {
            // A factor and its reciprocal leave 1.
            let inverse = inverse(&factor);
            match factors.iter().position(|known| *known == inverse) {
                Some(at) => drop(factors.remove(at)),
                None => factors.push(factor),
            }
        }
        factors.sort();
        Self::sum([Term { number, factors }].into())
    }

    fn reciprocal(self) -> Self {
        let term = self.term();
        let number = 1.0 / term.number;
        let mut factors: Vec<_> = term.factors.iter().map(|factor| inverse(factor)).collect();
        factors.sort();
        Self::sum([Term { number, factors }].into())
    }

    /// Returns the text of the form.
    pub(super) fn print(&self) -> String {
        let terms = self.terms.iter().map(|term| {
            let mut text = format!("{:.6e}", term.number);
            for factor in &term.factors {
                text.push('*');
                text += factor;
            }
            text
        });
        let terms: Vec<_> = terms.collect();
        if terms.is_empty() {
            return String::from("0");
        }
        terms.join(" + ")
    }
}

/// Returns the reciprocal of a factor.
fn inverse(factor: &str) -> String {
    match factor.strip_prefix('/') {
        Some(of) => String::from(of),
        None => format!("/{factor}"),
    }
}

pub(super) fn function(name: &str, arguments: &[&Form]) -> Form {
    let arguments: Vec<_> = arguments.iter().map(|form| form.print()).collect();
    Form::factor(format!("{name}({})", arguments.join(", ")))
}

/// The graph between two values, of which the first is the only variable.
pub(super) struct Formula<'s, 'a> {
    source: &'s Source<'a>,
    variable: &'s str,
    /// Forms of the values so far, and the number of their letters.
    known: BTreeMap<&'a str, Form>,
    length: usize,
}

impl<'s, 'a> Formula<'s, 'a> {
    /// Returns `value` as a function of `variable`, or `None` if it depends on others, or on too
    /// many nodes. The letters of all forms are taken from the budget.
    pub(super) fn form(
        source: &'s Source<'a>,
        (variable, value): (&'s str, &'a str),
        budget: &Cell<usize>,
    ) -> Option<Form> {
        let start = LONGEST - LONGEST.min(budget.get());
        let (known, length) = (BTreeMap::new(), start);
        let mut formula = Self {
            source,
            variable,
            known,
            length,
        };
        let form = formula.of(value, 0);
        budget.set(budget.get().saturating_sub(formula.length - start));
        form
    }

    fn of(&mut self, value: &'a str, depth: usize) -> Option<Form> {
        if value == self.variable {
            return Some(Form::factor("x".into()));
        }
        if let Some(form) = self.known.get(value) {
            return Some(form.clone());
        }
        if let Some(constant) = self.source.constant(value) {
            return constant.single().map(Form::number);
        }
        let node = self.source.producer(value).filter(|_| depth < DEEPEST)?;
        let is_standard = matches!(node.domain, "" | "ai.onnx");
        let mut inputs = Vec::new();
        for name in node.inputs.iter().filter(|_| is_standard) {
            // An input that is left out keeps its place.
            inputs.push(match *name {
                "" => None,
                name => Some(self.of(name, depth + 1)?),
            });
        }
        if node.is("CastLike")
            && node
                .input(1)
                .is_some_and(|name| self.source.constant(name).is_some())
        {
            return None;
        }
        let form = apply(node, &inputs)?;
        // The factors of a product are compared with each other.
        if form.terms.iter().any(|term| term.factors.len() > FACTORS) {
            return None;
        }
        self.length += form.print().len();
        self.known.insert(value, form.clone());
        (self.length <= LONGEST).then_some(form)
    }
}

/// Returns the form of a node.
fn apply(node: &Node<'_>, inputs: &[Option<Form>]) -> Option<Form> {
    if node.is("Clip") {
        let x = inputs.first()?.as_ref()?;
        let limit = |name, index: usize| match inputs.get(index) {
            Some(Some(limit)) => limit.as_number().map(Some),
            _ => Some(node.float(name).map(f64::from)),
        };
        return Some(clip(x, limit("min", 1)?, limit("max", 2)?));
    }
    let inputs: Vec<Form> = inputs.iter().cloned().collect::<Option<_>>()?;
    let both = || match &inputs[..] {
        [a, b] => Some((a.clone(), b.clone())),
        _ => None,
    };
    let x = inputs.first()?.clone();
    Some(match node.operator {
        "Cast" if !casts_to_float(node) && !x.is_truth() => return None,
        "Identity" | "Cast" | "CastLike" => x,
        "Add" => both().map(|(a, b)| a.plus(b))?,
        "Sub" => both().map(|(a, b)| a.plus(b.scaled(-1.0)))?,
        "Mul" => both().map(|(a, b)| a.times(b))?,
        "Div" => both().map(|(a, b)| a.times(b.reciprocal()))?,
        "Neg" => x.scaled(-1.0),
        "Reciprocal" => x.reciprocal(),
        "Pow" => {
            let power = inputs.get(1)?.as_number()?;
            match power {
                2.0 => x.clone().times(x),
                3.0 => x.clone().times(x.clone()).times(x),
                0.5 => function("Sqrt", &[&x]),
                _ => return None,
            }
        }
        "Min" | "Max" => {
            let (a, b) = both()?;
            let (is_min, number) = (node.operator == "Min", a.as_number().or(b.as_number()));
            let x = if a.as_number().is_some() { b } else { a };
            match number {
                Some(number) if is_min => clip(&x, None, Some(number)),
                Some(number) => clip(&x, Some(number), None),
                None => return None,
            }
        }
        "Relu" => clip(&x, Some(0.0), None),
        "HardSigmoid" => {
            let setting = |name, default| node.float(name).map_or(default, short);
            let line = x.scaled(setting("alpha", 0.2));
            let line = line.plus(Form::number(setting("beta", 0.5)));
            clip(&line, Some(0.0), Some(1.0))
        }
        "HardSwish" => {
            let line = x.clone().scaled(1.0 / 6.0).plus(Form::number(0.5));
            x.times(clip(&line, Some(0.0), Some(1.0)))
        }
        "Sigmoid" | "Tanh" | "Exp" | "Log" | "Erf" | "Abs" | "Sign" | "Sqrt" | "Sin"
        | "Softplus" | "Softsign" => function(node.operator, &[&x]),
        "Where" | "Less" | "LessOrEqual" | "Greater" | "Or" | "Slice" => {
            let inputs: Vec<_> = inputs.iter().collect();
            function(node.operator, &inputs)
        }
        _ => return None,
    })
}

/// Returns `true` if a cast leaves numbers as they are, up to the digits of a type of fractions.
pub(super) fn casts_to_float(node: &Node<'_>) -> bool {
    let to = node.find("to");
    match to.and_then(|to| to.text) {
        Some(name) => matches!(name, b"FLOAT" | b"FLOAT16" | b"DOUBLE"),
        None => to.and_then(|to| to.integer).is_some_and(is_float),
    }
}

/// Returns the shortest decimal number that rounds to this f32, which the exporter was given.
pub(super) fn short(x: f32) -> f64 {
    format!("{x}").parse().unwrap_or(f64::from(x))
}

/// Returns the form of x limited to a range.
fn clip(x: &Form, low: Option<f64>, high: Option<f64>) -> Form {
    // Exporters write the largest numbers of f32 for limits that are left out.
    let low = low.filter(|&low| low > -3e38 || low.is_nan());
    let high = high.filter(|&high| high < 3e38 || high.is_nan());
    let limit = |limit: Option<f64>| limit.map_or("none".into(), |limit| format!("{limit:.6e}"));
    let (low, high) = (limit(low), limit(high));
    // A limit of a limit.
    if let [
        Term {
            number: 1.0,
            factors,
        },
    ] = &x.terms[..]
        && let [factor] = &factors[..]
        && let Some(inner) = factor.strip_prefix("clip[")
        && let Some((limits, rest)) = inner.split_once(']')
        && let Some((inner_low, inner_high)) = limits.split_once(',')
        && (inner_low == "none" || low == "none")
        && (inner_high == "none" || high == "none")
    {
        let low = if low == "none" { inner_low } else { &low };
        let high = if high == "none" { inner_high } else { &high };
        return Form::factor(format!("clip[{low},{high}]{rest}"));
    }
    Form::factor(format!("clip[{low},{high}]({})", x.print()))
}
