//! Tables: columns of numbers and words as inputs of networks.
//!
//! | task | see |
//! |---|---|
//! | name columns of numbers, words, booleans or ordered levels | [`Table`], [`Column`] |
//! | read CSV text (feature `csv`) | `CsvReader` |
//! | turn a table into inputs, with statistics of the training rows | [`Columns`], [`Scaling`] |
//! | train a model of a table, and predict | [`Tabular`], [`TabularModel`] |
//! | search the settings of a model | [`Tabular::search`], [`SearchSettings`] |
//! | predict in other systems (feature `onnx`) | `onnx::export` of a [`TabularModel`] |
//! | find out which columns matter | [`TabularModel::importance`], [`Importance`] |
//!
//! Cells may be missing, and words may be new: the number of inputs stays.
//!
//! ```
//! use feedforward::activation::Identity;
//! use feedforward::tabular::{Column, ColumnSettings, Columns, Table};
//! use feedforward::{Mlp, Trainer, loss::SquaredError, optimizer::Adam};
//!
//! let table = Table::new()
//!     .with("area", Column::numbers([Some(60.0), Some(80.0), None, Some(120.0)]))?
//!     .with("heating", Column::words(["gas", "oil", "gas", "wood"]))?;
//! let columns = Columns::fit(&table, &[0, 1, 2, 3], &ColumnSettings::default())?;
//! let (x, y) = (columns.encode::<f32>(&table, &[0, 1, 2, 3])?, [1.0, 2.0, 1.5, 3.0]);
//!
//! let mut net = Mlp::builder(columns.inputs()).output(1, Identity).build()?;
//! Trainer::new(SquaredError, Adam::new(0.1)).epochs(100).fit(&mut net, &x, &y)?;
//!
//! let home = Table::row([("area", 90.into()), ("heating", "coal".into())])?;
//! let price = net.predict(&columns.encode(&home, &[0])?)?[0];
//! assert!(price.is_finite());
//! # Ok::<(), feedforward::Error>(())
//! ```

#![cfg(target_has_atomic = "ptr")]

mod budget;
mod calibrate;
mod cell;
mod check;
mod column;
mod columns;
#[cfg(feature = "csv")]
mod csv;
mod explain;
#[cfg(feature = "safetensors")]
mod file;
mod interval;
mod levels;
mod lines;
mod member;
mod model;
mod recipe;
mod scale;
mod scores;
mod search;
mod sets;
mod settings;
mod space;
mod splits;
mod standard;
mod start;
mod table;
mod target;
mod to_rust;
mod trial;

pub use crate::tabular_ref::{Calibrator, Value};
pub use calibrate::Calibration;
pub use cell::{BooleanCell, NumberCell, WordCell};
pub use column::{Column, Kind};
#[cfg(feature = "onnx")]
pub(crate) use columns::Form;
pub use columns::{ColumnSettings, Columns, Waves};
#[cfg(feature = "csv")]
pub use csv::CsvReader;
pub use explain::{Importance, ImportanceSettings};
#[cfg(feature = "onnx")]
pub(crate) use levels::Levels;
pub use model::TabularModel;
pub use recipe::Tabular;
#[cfg(feature = "onnx")]
pub(crate) use scale::Scale;
pub use scale::Scaling;
pub use scores::Scores;
pub use search::{SearchResults, SearchSettings};
pub use settings::{Metric, Preset, Progress};
pub use table::Table;
#[cfg(feature = "onnx")]
pub(crate) use target::Task;
