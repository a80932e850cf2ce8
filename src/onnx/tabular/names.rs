//! Names of the inputs for the columns of a table.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{Error, Result};
use crate::tabular::Kind;

/// Name of the input for a column whose name is empty, which ONNX does not allow.
const UNNAMED: &str = "unnamed";

/// Names of the graph's inputs.
#[derive(Debug, Default)]
pub(in crate::onnx) struct Names<'c> {
    /// Name of each column's input, and `true` for words.
    names: BTreeMap<&'c str, (String, bool)>,
    /// Columns in the order of the inputs.
    columns: Vec<&'c str>,
}

impl<'c> Names<'c> {
    /// Names the inputs of these columns.
    pub(in crate::onnx) fn new(columns: impl Iterator<Item = (&'c str, Kind)>) -> Result<Self> {
        let mut names = Self::default();
        for (column, kind) in columns {
            let has_words = kind != Kind::Numbers;
            match names.names.get(column) {
                None => {
                    names.names.insert(column, (column.to_owned(), has_words));
                    names.columns.push(column);
                }
                Some((_, known)) if *known == has_words => {}
                Some(_) => {
                    let (expected, got) = ("words or numbers in all networks", "both");
                    let error = Error::invalid_setting("kind", expected, got);
                    return Err(error.in_column(column));
                }
            }
        }
        let unnamed = names.unused(UNNAMED);
        names
            .names
            .entry("")
            .and_modify(|(name, _)| *name = unnamed);
        Ok(names)
    }

    /// Returns this name, with a number if a column has it.
    pub(super) fn unused(&self, name: &str) -> String {
        let numbered = (2..).map(|number: usize| format!("{name} ({number})"));
        let mut all = core::iter::once(name.to_owned()).chain(numbered);
        let unused = all.find(|name| !self.names.contains_key(&**name));
        unused.unwrap_or_default()
    }

    /// Returns the columns in the order of their inputs, with the name of the input, and `true` for
    /// words.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&'c str, &str, bool)> {
        self.columns.iter().map(|&column| {
            let (name, has_words) = &self.names[column];
            (column, &**name, *has_words)
        })
    }
}
