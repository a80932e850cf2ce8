//! Explanations of single predictions.
//!
//! | question | see |
//! |---|---|
//! | how much does each input contribute to a prediction | [`IntegratedGradients`] |
//! | which columns of a table does a model need | `tabular::TabularModel::importance` |
//! | how do predictions depend on a column | `tabular::TabularModel::partial_dependence` |

#![cfg(target_has_atomic = "ptr")]

mod integrated;
mod path;
mod quadrature;

pub use integrated::{Attributions, IntegratedGradients, Quantity};
