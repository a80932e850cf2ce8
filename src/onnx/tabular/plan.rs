//! Constants of a network's inputs, for operators that work on many columns.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::error::Result;
use crate::memory;
use crate::tabular::{Column, Form, Kind, Scale};

/// A part of the inputs that the same operators compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Block {
    Linear,
    Clipped,
    Logarithm,
    Bin,
    Indicator,
    Table,
    OneHot,
}

/// Constants of a network's inputs, by block.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Block of each input, and index in the block.
    pub(super) inputs: Vec<(Block, usize)>,
    pub(super) widths: BTreeMap<Block, usize>,
    pub(super) scaled: BTreeMap<Block, Vec<Scaled>>,
    pub(super) bins: Vec<Bin>,
    /// Place of a column, and the inputs for missing and present cells.
    pub(super) indicators: Vec<(usize, [f32; 2])>,
    /// Inputs by word.
    pub(super) tables: Tables<f32>,
    /// Levels by word. -1 is none.
    pub(super) levels: Tables<i64>,
    pub(super) one_hot: Vec<OneHot>,
}

/// Tables of several columns of words, one after another.
#[derive(Debug, Default)]
pub(super) struct Tables<T> {
    pub(super) places: Vec<i64>,
    pub(super) starts: Vec<i64>,
    pub(super) values: Vec<T>,
}

impl<T> Tables<T> {
    fn add(&mut self, place: usize, values: impl Iterator<Item = T>) {
        self.places.push(place as i64);
        self.starts.push(self.values.len() as i64);
        self.values.extend(values);
    }
}

#[derive(Debug)]
pub(super) struct Scaled {
    pub(super) place: usize,
    pub(super) center: f64,
    pub(super) factor: f64,
    pub(super) missing: f64,
}

#[derive(Debug)]
pub(super) struct Bin {
    pub(super) place: usize,
    pub(super) center: f64,
    pub(super) edges: [f64; 2],
    pub(super) least: f64,
    pub(super) most: f64,
}

/// A one-hot input.
#[derive(Debug)]
pub(super) struct OneHot {
    /// Index of the column among those of one-hot inputs.
    pub(super) column: usize,
    pub(super) level: usize,
    pub(super) yes: f32,
    pub(super) no: f32,
}

impl Plan {
    fn input(&mut self, block: Block) {
        let width = self.widths.entry(block).or_default();
        self.inputs.push((block, *width));
        *width += 1;
    }

    pub(super) fn number(&mut self, place: usize, scale: &Scale, indicator: &Scale) {
        match scale {
            Scale::Linear {
                center,
                factor,
                missing,
            } => self.scale(Block::Linear, (place, *center, *factor, *missing)),
            Scale::Clipped { center, factor } => {
                self.scale(Block::Clipped, (place, *center, *factor, *center));
            }
            Scale::Log { center, factor } => {
                self.scale(Block::Logarithm, (place, *center, *factor, *center));
            }
            Scale::Piecewise { center, edges } => {
                let last = edges.len().saturating_sub(2);
                for (bin, edges) in edges.windows(2).enumerate() {
                    self.bins.push(Bin {
                        place,
                        center: *center,
                        edges: [edges[0], edges[1]],
                        least: if bin > 0 { 0.0 } else { f64::NEG_INFINITY },
                        most: if bin < last { 1.0 } else { f64::INFINITY },
                    });
                    self.input(Block::Bin);
                }
            }
        }
        let inputs = [1.0, -1.0].map(|x| indicator.spec().apply(x) as f32);
        self.indicators.push((place, inputs));
        self.input(Block::Indicator);
    }

    fn scale(&mut self, block: Block, (place, center, factor, missing): (usize, f64, f64, f64)) {
        self.scaled.entry(block).or_default().push(Scaled {
            place,
            center,
            factor,
            missing,
        });
        self.input(block);
    }

    /// Adds the inputs of a column, of which there are few for each word.
    pub(super) fn table(
        &mut self,
        place: usize,
        kind: Kind,
        form: &Form,
        words: &Column<'_>,
    ) -> Result<()> {
        let (width, rows) = (form.inputs(), 0..words.len());
        let len = memory::product("inputs of words", &[width, rows.len()])?;
        let mut inputs = memory::filled("inputs of words", 0.0_f32, len)?;
        let rows: Vec<_> = rows.collect();
        form.fill(words, kind, &rows, &mut inputs, (width, 0))?;
        for input in 0..width {
            let values = inputs.iter().skip(input).step_by(width);
            self.tables.add(place, values.copied());
            self.input(Block::Table);
        }
        Ok(())
    }

    /// Adds an input for each level of a column.
    pub(super) fn one_hot(
        &mut self,
        place: usize,
        levels: impl Iterator<Item = Option<usize>>,
        scales: &[Scale],
    ) {
        let column = self.levels.places.len();
        if scales.is_empty() {
            return;
        }
        let levels = levels.map(|level| level.map_or(-1, |level| level as i64));
        self.levels.add(place, levels);
        for (level, scale) in scales.iter().enumerate() {
            self.one_hot.push(OneHot {
                column,
                level,
                yes: scale.spec().apply(1.0) as f32,
                no: scale.spec().apply(0.0) as f32,
            });
            self.input(Block::OneHot);
        }
    }
}
