//! Formulas with a number of their own, as PyTorch's exporters write them.

use alloc::string::String;
use alloc::sync::Arc;

use super::form::{Form, function};
use crate::activation::{Activation, HardShrink, SoftShrink, Softplus};
use crate::float::Float;

/// Returns the activation whose formula has this normal form, for a number of its graph.
pub(super) fn find<T: Float>(form: &str, number: f64) -> Option<Arc<dyn Activation<T>>> {
    let is = |formula: fn(f64) -> Form| formula(number).print() == form;
    if is(soft_shrink) || is(soft_shrink_parts) {
        return Some(Arc::new(SoftShrink { lambda: number }));
    }
    if is(hard_shrink) || is(hard_shrink_parts) {
        return Some(Arc::new(HardShrink { lambda: number }));
    }
    is(softplus).then(|| -> Arc<dyn Activation<T>> { Arc::new(Softplus::new(number)) })
}

fn x() -> Form {
    Form::factor(String::from("x"))
}

fn choose(condition: &Form, yes: &Form, no: &Form) -> Form {
    function("Where", &[condition, yes, no])
}

fn above(a: &Form, limit: f64) -> Form {
    function("Greater", &[a, &Form::number(limit)])
}

fn below(a: &Form, limit: f64) -> Form {
    function("Less", &[a, &Form::number(limit)])
}

fn abs() -> Form {
    function("Abs", &[&x()])
}

fn soft_shrink(lambda: f64) -> Form {
    let shrunk = x().plus(function("Sign", &[&x()]).scaled(-lambda));
    choose(&above(&abs(), lambda), &shrunk, &Form::number(0.0))
}

fn soft_shrink_parts(lambda: f64) -> Form {
    let zero = Form::number(0.0);
    let (right, left) = (Form::number(-lambda), Form::number(lambda));
    let right = choose(&above(&x(), lambda), &x().plus(right), &zero);
    right.plus(choose(&below(&x(), -lambda), &x().plus(left), &zero))
}

fn hard_shrink(lambda: f64) -> Form {
    let is_near = function("LessOrEqual", &[&abs(), &Form::number(lambda)]);
    choose(&is_near, &Form::number(0.0), &x())
}

fn hard_shrink_parts(lambda: f64) -> Form {
    let is_far = function("Or", &[&above(&x(), lambda), &below(&x(), -lambda)]);
    choose(&is_far, &x(), &Form::number(0.0))
}

/// PyTorch's softplus, which is x where β·x is above 20.
fn softplus(beta: f64) -> Form {
    let scaled = function("Softplus", &[&x().scaled(beta)]).scaled(1.0 / beta);
    choose(&above(&x().scaled(beta), 20.0), &x(), &scaled)
}
