//! Integrated gradients by column.

use alloc::vec::Vec;

use crate::error::{Error, Result, check_not_empty};
use crate::explain::{Attributions, IntegratedGradients, Quantity};
use crate::memory;
use crate::mlp::Mlp;
use crate::model::Scaler;
use crate::tabular::member::Member;
use crate::tabular::model::TabularModel;
use crate::tabular::table::Table;
use crate::tabular::target::Task;

/// Tolerance relative to the difference, which is finer than any use of attributions needs.
const TOLERANCE: f64 = 1e-4;

/// Maximum number of gradients for each row and network.
const MOST_GRADIENTS: usize = 2000;

impl TabularModel {
    /// Returns how much each column contributes to the difference between a row's prediction and
    /// that for a reference, by [`IntegratedGradients`]. The result is `[rows x columns]`, in the
    /// order of [`Columns::columns`](super::super::Columns::columns). `output` is the index of a
    /// target or class.
    ///
    /// The baseline is the mean of the reference's rows, after words and numbers have become inputs
    /// of the first layer. So the training table makes a center, and a single row stays itself. The
    /// path leads over these inputs, also of learned waves and vectors. A column's attribution is
    /// the sum over its inputs, and the ensemble's the mean over its networks. Predictions of
    /// counts are for an exposure of 1, and probabilities are those before
    /// [calibration](TabularModel::calibrator).
    ///
    /// Sums agree with the difference to about 10^-4 of it. [`Attributions::gaps`] bounds the rest,
    /// which is larger if 2,000 gradients for each row and network do not suffice.
    ///
    /// ```
    /// use feedforward::tabular::{Column, Table, Tabular};
    ///
    /// let table = Table::new()
    ///     .with("area", Column::numbers((0..200).map(|i| 40 + i * 37 % 120)))?
    ///     .with("street", Column::words((0..200).map(|i| ["Elm", "Oak"][i % 2])))?
    ///     .with("price", Column::numbers((0..200).map(|i| 3 * (40 + i * 37 % 120))))?;
    /// let model = Tabular::regressor(&table, "price").folds(2).epochs(20).hidden(&[16]).fit()?;
    ///
    /// let home = Table::row([("area", 150.into()), ("street", "Oak".into())])?;
    /// let attributions = model.attributions(&home, &table, 0)?;
    /// let [area, street] = attributions.values[..] else { return Ok(()) };
    /// println!("{:.0} {area:+.0} for its area {street:+.0}", attributions.baseline);
    /// assert!(area > 10.0 * street.abs());
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::OutOfBounds`] if the model does not have the output.
    /// - [`Error::Empty`] for a table or a reference without rows.
    /// - The errors of [`Columns::encode`](super::super::Columns::encode) for both tables.
    pub fn attributions(
        &self,
        table: &Table<'_>,
        reference: &Table<'_>,
        output: usize,
    ) -> Result<Attributions> {
        let (what, len) = ("outputs", self.target.outputs());
        if output >= len {
            let index = output;
            return Err(Error::OutOfBounds { what, len, index });
        }
        check_not_empty("rows of the table", &rows(table))?;
        check_not_empty("rows of the reference", &rows(reference))?;
        let quantity = match self.target.task {
            Task::Numbers => Quantity::Output(output),
            Task::Logarithms | Task::Counts => Quantity::Exp(output),
            Task::Classes => Quantity::Softmax(output),
            Task::Labels => Quantity::Sigmoid(output),
        };
        let method = IntegratedGradients::new(quantity).tolerance(TOLERANCE)?;
        let method = method.max_gradients(MOST_GRADIENTS)?;
        let columns = self.columns().next().map_or(0, |c| c.columns().count());
        let len = memory::product("attributions", &[table.rows(), columns])?;
        let mut sums = Attributions {
            values: memory::filled("attributions", 0.0, len)?,
            outputs: memory::filled("attributions", 0.0, table.rows())?,
            baseline: 0.0,
            gaps: memory::filled("attributions", 0.0, table.rows())?,
        };
        for member in &self.members {
            let layers = member.layers(self.target.task)?;
            let weight = f64::from(member.weight);
            let (offset, scale) = member.unit_of(self.target.task, output);
            let (offset, scale) = (weight * offset, weight * scale);
            let baseline = mean(&member.encoded(reference)?, layers.inputs());
            let inputs = member.encoded(table)?;
            let sources = member.columns.encoded_sources();
            let all = method.compute(&layers, &inputs, &baseline)?;
            let rows = all.values.chunks(sources.len());
            for (sums, row) in sums.values.chunks_mut(columns).zip(rows) {
                for (&source, value) in sources.iter().zip(row) {
                    sums[source] += scale * value;
                }
            }
            sums.baseline += offset + scale * all.baseline;
            for (sum, z) in sums.outputs.iter_mut().zip(&all.outputs) {
                *sum += offset + scale * z;
            }
            for (sum, gap) in sums.gaps.iter_mut().zip(&all.gaps) {
                *sum += scale * gap;
            }
        }
        let total: f64 = self.weights().map(f64::from).sum();
        sums.baseline /= total;
        for sums in [&mut sums.values, &mut sums.outputs, &mut sums.gaps] {
            for sum in sums {
                *sum /= total;
            }
        }
        Ok(sums)
    }
}

fn rows(table: &Table<'_>) -> Vec<usize> {
    (0..table.rows()).collect()
}

/// Returns the mean row.
fn mean(rows: &[f32], width: usize) -> Vec<f32> {
    let count = (rows.len() / width) as f64;
    let column = |at: usize| rows[at..].iter().step_by(width);
    let mean = |at| column(at).map(|&x| f64::from(x)).sum::<f64>() / count;
    (0..width).map(|at| mean(at) as f32).collect()
}

impl Member {
    /// Returns the inputs of the first layer for all rows.
    fn encoded(&self, table: &Table<'_>) -> Result<Vec<f32>> {
        let inputs = self.columns.encode(table, &rows(table))?;
        match self.net.encoding() {
            None => Ok(inputs),
            Some(encoding) => encoding.encode(self.net.encoding_params(), &inputs),
        }
    }

    /// Returns the network without its encoding. Logarithms are in their unit, because their
    /// exponentials are explained.
    fn layers(&self, task: Task) -> Result<Mlp<f32>> {
        let mut net = Mlp::from_layers(&self.net.layers().collect::<Vec<_>>())?;
        if let Some(scaler) = self.scaler.as_ref().filter(|_| task != Task::Numbers) {
            let single = |numbers: &[f64]| numbers.iter().map(|&x| x as f32).collect::<Vec<_>>();
            let scaler = Scaler::from_parts(single(scaler.offsets()), single(scaler.scales()))?;
            scaler.fold_into_outputs(&mut net)?;
        }
        Ok(net)
    }

    /// Returns offset and scale of an output that is explained in units of the network.
    fn unit_of(&self, task: Task, output: usize) -> (f64, f64) {
        let scaler = self.scaler.as_ref().filter(|_| task == Task::Numbers);
        scaler.map_or((0.0, 1.0), |scaler| {
            (scaler.offsets()[output], scaler.scales()[output])
        })
    }
}
