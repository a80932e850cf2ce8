//! Columns as Rust source.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use super::form::Form;
use super::{Columns, Encoded};
use crate::tabular::column::Kind;
use crate::tabular::levels::Levels;
use crate::tabular::scale::Scale;
use crate::tabular::to_rust::number;

impl Columns {
    /// Returns lines of `ColumnSpec`s in the order of inputs. `cell` returns the index of a
    /// column's cell in a row.
    pub(in crate::tabular) fn rust_specs(&self, cell: impl Fn(&str) -> usize) -> String {
        let mut lines = String::new();
        for (_, Encoded { name, kind, form }) in self.in_order() {
            let (cell, form) = (cell(name), form.rust(*kind));
            let _ = writeln!(lines, "    ColumnSpec {{ cell: {cell}, form: {form} }},");
        }
        lines
    }
}

impl Form {
    fn rust(&self, kind: Kind) -> String {
        match self {
            Self::Number {
                levels,
                scale,
                indicator,
                ..
            } => {
                let levels = match levels {
                    None => "None".to_string(),
                    Some(levels) => format!("Some({})", levels.rust(kind)),
                };
                let (scale, indicator) = (scale.rust(), indicator.rust());
                format!(
                    "FormSpec::Number {{
        levels: {levels},
        scale: {scale},
        indicator: {indicator},
    }}"
                )
            }
            Self::OneHot { levels, scales } => {
                let (levels, mut lines) = (levels.rust(kind), String::new());
                for scale in scales {
                    let _ = writeln!(lines, "            {},", scale.rust());
                }
                format!(
                    "FormSpec::OneHot {{
        levels: {levels},
        scales: &[
{lines}        ],
    }}"
                )
            }
            Self::Code { levels, .. } => {
                format!("FormSpec::Code {{ levels: {} }}", levels.rust(kind))
            }
        }
    }
}

impl Levels {
    fn rust(&self, kind: Kind) -> String {
        let (words, rare) = (self.words(), self.rare());
        let is_boolean = kind == Kind::Booleans;
        format!("LevelsSpec {{ words: &{words:?}, rare: &{rare:?}, is_boolean: {is_boolean} }}")
    }
}

impl Scale {
    fn rust(&self) -> String {
        let fields = match self {
            Self::Linear {
                center,
                factor,
                missing,
            } => {
                let [center, factor, missing] = [center, factor, missing].map(|x| number(*x));
                format!("Linear {{ center: {center}, factor: {factor}, missing: {missing} }}")
            }
            Self::Clipped { center, factor } => {
                let [center, factor] = [center, factor].map(|x| number(*x));
                format!("Clipped {{ center: {center}, factor: {factor} }}")
            }
            Self::Log { center, factor } => {
                let [center, factor] = [center, factor].map(|x| number(*x));
                format!("Log {{ center: {center}, factor: {factor} }}")
            }
            Self::Piecewise { center, edges } => {
                let edges: Vec<_> = edges.iter().map(|edge| number(*edge)).collect();
                let (center, edges) = (number(*center), edges.join(", "));
                format!("Piecewise {{ center: {center}, edges: &[{edges}] }}")
            }
        };
        format!("ScaleSpec::{fields}")
    }
}
