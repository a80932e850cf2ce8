//! ONNX operators that turn the columns of a table into a network's inputs.
//!
//! Each operator works on all columns of one kind, so their number does not grow with the table.
//! Numbers are scaled in f64 as `tabular` does. All inputs of words are computed here, for each
//! word that a column has, and looked up.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::names::Names;
use super::plan::{Bin, Block, OneHot, Plan, Scaled, Tables};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::onnx::activations::ln_1p;
use crate::onnx::encodings::concat;
use crate::onnx::graph::{Expr, Graph, LABEL_ENCODER, int, ints, text, texts};
use crate::onnx::proto;
use crate::tabular::{Column, Columns, Form, Kind, Levels};

/// The graph's inputs, joined to a matrix of numbers and one of words.
#[derive(Debug)]
pub(super) struct Cells<'g, 'c> {
    /// The graph for numbers in double precision, and for those of networks.
    graph: &'g Graph<f64>,
    singles: &'g Graph<f32>,
    /// `[batch x columns]`. NaN is missing.
    numbers: Option<Expr<'g, f64>>,
    is_missing: Option<Expr<'g, f64>>,
    /// Index of each word in its vocabulary, `[batch x columns]`.
    words: Option<Expr<'g, f64>>,
    /// Place of each column in its matrix.
    places: BTreeMap<&'c str, usize>,
    /// Words of each column, of all networks, and a missing cell.
    vocabularies: Vec<Column<'static>>,
    /// Input of each column.
    inputs: BTreeMap<&'c str, Expr<'g, f64>>,
}

impl<'g, 'c> Cells<'g, 'c> {
    /// Adds the inputs for all columns of the networks.
    pub(super) fn new(
        (graph, singles): (&'g Graph<f64>, &'g Graph<f32>),
        names: &Names<'c>,
        all: &[&'c Columns],
    ) -> Self {
        let mut spelled = Vec::new();
        let mut known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, kind, form) in all.iter().flat_map(|columns| columns.forms()) {
            if kind == Kind::Booleans {
                spelled.extend(words(form).map(|word| (name, spellings(word))));
            }
            known.entry(name).or_default().extend(words(form));
        }
        for (name, spellings) in &spelled {
            let words = spellings.iter().map(|word| &**word);
            known.entry(name).or_default().extend(words);
        }
        graph.enter("columns");
        let mut cells = Self {
            graph,
            singles,
            numbers: None,
            is_missing: None,
            words: None,
            places: BTreeMap::new(),
            vocabularies: Vec::new(),
            inputs: BTreeMap::new(),
        };
        let (mut numbers, mut indices) = (Vec::new(), Vec::new());
        for (column, name, has_words) in names.columns() {
            let data_type = if has_words {
                proto::TEXT
            } else {
                proto::DOUBLE
            };
            let input = graph.typed_input(name, data_type, 1);
            cells.inputs.insert(column, input);
            // The exposure is no feature.
            let Some(words) = known.remove(column) else {
                continue;
            };
            let joined = if has_words {
                indices.push(numbered(input, &words));
                let cells_of = words.into_iter().map(Some).chain([None]);
                cells.vocabularies.push(Column::words(cells_of));
                &indices
            } else {
                numbers.push(input);
                &numbers
            };
            cells.places.insert(column, joined.len() - 1);
        }
        let join = |parts: &[Expr<'g, f64>]| match parts {
            [] => None,
            [only] => Some(*only),
            _ => Some(concat(parts, 1)),
        };
        cells.numbers = join(&numbers);
        cells.is_missing = cells.numbers.map(|numbers| numbers.unary("IsNaN"));
        cells.words = join(&indices);
        cells
    }

    /// Returns the input of a column.
    pub(super) fn input(&self, column: &str) -> Expr<'g, f64> {
        self.inputs[column]
    }

    /// Returns 0 for each row, or NaN if it has an infinite number.
    pub(super) fn infinities(&self) -> Option<Expr<'g, f64>> {
        let numbers = self.is_missing?.choose(0.0, self.numbers?);
        Some(zero_if_finite(numbers))
    }

    /// Returns a network's inputs.
    pub(super) fn inputs_of(&self, columns: &Columns) -> Result<Expr<'g, f32>> {
        let mut plan = Plan::default();
        for (name, kind, form) in columns.forms() {
            let place = self.places[name];
            match form {
                Form::Number {
                    levels: None,
                    scale,
                    indicator,
                    ..
                } => plan.number(place, scale, indicator),
                Form::OneHot { levels, scales } if levels.count() != 2 => {
                    let words = &self.vocabularies[place];
                    let found = levels.find(words, kind)?;
                    let levels = (0..words.len()).map(|word| found.get(word));
                    plan.one_hot(place, levels, scales);
                }
                form => plan.table(place, kind, form, &self.vocabularies[place])?,
            }
        }
        self.assembled(&plan)
    }

    /// Returns the inputs of a plan, in their order.
    fn assembled(&self, plan: &Plan) -> Result<Expr<'g, f32>> {
        let blocks = [
            (Block::Linear, self.scaled(plan, Block::Linear)),
            (Block::Clipped, self.scaled(plan, Block::Clipped)),
            (Block::Logarithm, self.scaled(plan, Block::Logarithm)),
            (Block::Bin, self.bins(plan)),
            (Block::Indicator, self.indicators(plan)),
            (Block::Table, self.tables(plan)),
            (Block::OneHot, self.one_hot(plan)),
        ];
        let (mut parts, mut starts, mut start) = (Vec::new(), BTreeMap::new(), 0);
        for (block, part) in blocks {
            starts.insert(block, start);
            if let Some(part) = part {
                parts.push(part);
                start += plan.widths[&block];
            }
        }
        let joined = match &parts[..] {
            [] => return Err(Error::Empty { what: "inputs" }),
            [only] => *only,
            parts => concat(parts, 1),
        };
        let order = plan.inputs.iter().map(|(block, at)| starts[block] + at);
        let order: Vec<_> = order.collect();
        self.singles.enter("columns");
        Ok(picked(joined, "order", &order, start))
    }

    /// Returns the scaled numbers of one block.
    fn scaled(&self, plan: &Plan, block: Block) -> Option<Expr<'g, f32>> {
        let columns = plan.scaled.get(&block)?;
        let scope = match block {
            Block::Linear => "columns.linear",
            Block::Clipped => "columns.clipped",
            _ => "columns.logarithm",
        };
        self.graph.enter(scope);
        let (mut x, is_missing) = self.sources(columns.iter().map(|column| column.place))?;
        if block == Block::Logarithm {
            x = x.unary("Sign") * ln_1p(x.abs());
        }
        let row = |name, number: fn(&Scaled) -> f64| {
            let numbers: Vec<_> = columns.iter().map(number).collect();
            self.graph.tensor(name, &[numbers.len()], &numbers)
        };
        let x = is_missing.choose(row("missing", |c| c.missing), x);
        // Halves, whose difference does not overflow.
        let half = x * 0.5 - row("half_center", |c| 0.5 * c.center);
        let z = half * row("factor", |c| c.factor) * 2.0;
        let z = if block == Block::Linear {
            z
        } else {
            let z = z.clip(-1e100, 1e100); // the square of a larger number could overflow
            let third = z / 3.0;
            z / (1.0 + third * third).unary("Sqrt")
        };
        Some(z.converted(self.singles))
    }

    /// Returns columns of numbers, and the conditions that they are missing.
    fn sources(
        &self,
        places: impl Iterator<Item = usize>,
    ) -> Option<(Expr<'g, f64>, Expr<'g, f64>)> {
        let (numbers, is_missing) = (self.numbers?, self.is_missing?);
        let places: Vec<_> = places.collect();
        let all = self.places.len() - self.vocabularies.len();
        if places.iter().copied().eq(0..all) {
            return Some((numbers, is_missing));
        }
        let places: Vec<_> = places.iter().map(|&place| place as i64).collect();
        let places = self.graph.indices("places", &places);
        let pick = |matrix| {
            self.graph
                .node("Gather", &[matrix, places], vec![int("axis", 1)])
        };
        Some((pick(numbers), pick(is_missing)))
    }

    /// Returns the inputs of piecewise encodings.
    fn bins(&self, plan: &Plan) -> Option<Expr<'g, f32>> {
        if plan.bins.is_empty() {
            return None;
        }
        self.graph.enter("columns.bins");
        let (x, is_missing) = self.sources(plan.bins.iter().map(|bin| bin.place))?;
        let row = |name, number: fn(&Bin) -> f64| {
            let numbers: Vec<_> = plan.bins.iter().map(number).collect();
            self.graph.tensor(name, &[numbers.len()], &numbers)
        };
        let x = is_missing.choose(row("missing", |bin| bin.center), x);
        let span = row("span", |bin| bin.edges[1] - bin.edges[0]);
        let part = (x - row("edge", |bin| bin.edges[0])) / span;
        let (least, most) = (row("least", |bin| bin.least), row("most", |bin| bin.most));
        let part = self.graph.node("Max", &[part, least], Vec::new());
        let part = self.graph.node("Min", &[part, most], Vec::new());
        Some(part.converted(self.singles))
    }

    /// Returns the indicators of missing numbers.
    fn indicators(&self, plan: &Plan) -> Option<Expr<'g, f32>> {
        if plan.indicators.is_empty() {
            return None;
        }
        self.singles.enter("columns.indicators");
        let columns = plan.indicators.iter();
        let (_, is_missing) = self.sources(columns.map(|(place, _)| *place))?;
        let row = |name, which: usize| {
            let numbers = plan.indicators.iter().map(|(_, inputs)| inputs[which]);
            let numbers: Vec<_> = numbers.collect();
            self.singles.tensor(name, &[numbers.len()], &numbers)
        };
        let (missing, present) = (row("missing", 0), row("present", 1));
        Some(is_missing.seen_from(self.singles).choose(missing, present))
    }

    /// Returns inputs that are looked up for each word.
    fn tables(&self, plan: &Plan) -> Option<Expr<'g, f32>> {
        if plan.tables.places.is_empty() {
            return None;
        }
        self.singles.enter("columns.words");
        let values = &plan.tables.values;
        let table = self.singles.tensor("inputs", &[values.len()], values);
        self.looked_up(&plan.tables, table)
    }

    /// Returns one-hot inputs.
    fn one_hot(&self, plan: &Plan) -> Option<Expr<'g, f32>> {
        if plan.levels.places.is_empty() {
            return None;
        }
        self.singles.enter("columns.levels");
        let table = self.singles.indices("of_words", &plan.levels.values);
        let levels = self.looked_up(&plan.levels, table)?;
        let inputs = &plan.one_hot;
        let of_inputs: Vec<_> = inputs.iter().map(|input| input.column as i64).collect();
        let of_inputs = self.singles.indices("of_inputs", &of_inputs);
        let levels = (self.singles).node("Gather", &[levels, of_inputs], vec![int("axis", 1)]);
        let own: Vec<_> = inputs.iter().map(|input| input.level as i64).collect();
        let own = self.singles.indices("own", &own);
        let has_level = self.singles.node("Equal", &[levels, own], Vec::new());
        let row = |name, number: fn(&OneHot) -> f32| {
            let numbers: Vec<_> = inputs.iter().map(number).collect();
            self.singles.tensor(name, &[numbers.len()], &numbers)
        };
        let (yes, no) = (row("yes", |input| input.yes), row("no", |input| input.no));
        Some(has_level.choose(yes, no))
    }

    /// Returns the entries of tables for the words of each row.
    fn looked_up<T>(&self, tables: &Tables<T>, entries: Expr<'g, f32>) -> Option<Expr<'g, f32>> {
        let (graph, words) = (self.singles, self.words?.seen_from(self.singles));
        let places = graph.indices("places", &tables.places);
        let starts = graph.indices("starts", &tables.starts);
        let words = graph.node("Gather", &[words, places], vec![int("axis", 1)]);
        let indices = graph.node("Add", &[words, starts], Vec::new());
        Some(graph.node("Gather", &[entries, indices], vec![int("axis", 0)]))
    }
}

/// Returns the words of a column of words.
fn words(form: &Form) -> impl Iterator<Item = &str> {
    let levels = match form {
        Form::Number { levels, .. } => levels.as_ref(),
        Form::OneHot { levels, .. } | Form::Code { levels, .. } => Some(levels),
    };
    let words = levels.into_iter().flat_map(Levels::all_words);
    words.map(|word| &**word)
}

/// Returns the spellings of a boolean, such as true, True and TRUE.
fn spellings(word: &str) -> [String; 3] {
    let mut title = word.to_ascii_lowercase();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    [word.to_ascii_lowercase(), title, word.to_ascii_uppercase()]
}

/// Returns the index of each word among these. Others count as missing, which comes last.
fn numbered<'g>(input: Expr<'g, f64>, words: &BTreeSet<&str>) -> Expr<'g, f64> {
    let missing = words.len() as i64;
    let mut keys: Vec<_> = words.iter().map(ToString::to_string).collect();
    let mut values: Vec<_> = (0..missing).collect();
    // An operator without words is not valid.
    if keys.is_empty() {
        keys.push(String::new());
        values.push(missing);
    }
    let attributes = vec![
        texts("keys_strings", keys),
        ints("values_int64s", &values),
        int("default_int64", missing),
    ];
    input.graph().node(LABEL_ENCODER, &[input], attributes)
}

/// Returns the class of each index, or an empty word for others.
pub(super) fn named<'g>(index: Expr<'g, f64>, classes: &[String]) -> Expr<'g, f64> {
    let keys: Vec<_> = (0..classes.len() as i64).collect();
    let attributes = vec![
        ints("keys_int64s", &keys),
        texts("values_strings", classes.to_vec()),
        text("default_string", ""),
    ];
    index.graph().node(LABEL_ENCODER, &[index], attributes)
}

/// Returns columns of a matrix in this order.
fn picked<'g>(x: Expr<'g, f32>, name: &str, order: &[usize], width: usize) -> Expr<'g, f32> {
    if order.iter().copied().eq(0..width) {
        return x;
    }
    let order: Vec<_> = order.iter().map(|&at| at as i64).collect();
    let order = x.graph().indices(name, &order);
    x.graph().node("Gather", &[x, order], vec![int("axis", 1)])
}

/// Returns 0 for each row of finite numbers, else NaN.
pub(super) fn zero_if_finite<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
    let axis = x.graph().integers(&[1]);
    x.graph().node("ReduceSum", &[x * 0.0, axis], Vec::new())
}
