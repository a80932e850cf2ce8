//! Tables: columns of numbers and words as inputs of networks.
//!
//! A [`Table`] has named columns. [`Columns`], fitted on training rows, turns them into inputs.

#![cfg(target_has_atomic = "ptr")]

mod cell;
mod column;
mod columns;
#[cfg(feature = "csv")]
mod csv;
#[cfg(feature = "safetensors")]
mod file;
mod levels;
mod member;
mod model;
mod recipe;
mod scale;
mod scores;
mod settings;
mod table;
mod target;

pub use cell::{BooleanCell, NumberCell, Value, WordCell};
pub use column::{Column, Kind};
pub use columns::{ColumnSettings, Columns};
#[cfg(feature = "csv")]
pub use csv::CsvReader;
pub use model::TabularModel;
pub use recipe::Tabular;
pub use scale::Scaling;
pub use scores::Scores;
pub use settings::{Metric, Preset, Progress};
pub use table::Table;
