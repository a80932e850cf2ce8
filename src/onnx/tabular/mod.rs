//! Models of tables, with the columns inside.

mod cells;
pub(super) mod names;
mod plan;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use self::cells::{Cells, named, zero_if_finite};
use self::names::Names;
use super::activations::sigmoid;
use super::encodings::column;
use super::graph::{Expr, Graph, int, ints};
use super::sealed::Outline;
use super::{Export, both, facts, layers, model, proto};
use crate::error::{Error, Result};
use crate::model::Scaler;
use crate::tabular::{Calibrator, Columns, Kind, TabularModel, Task};

/// Size of an offset or scale from which its product with an output may overflow.
const LARGE: f64 = 1e200;

impl Export for TabularModel {}

impl Outline for TabularModel {
    fn outline(&self) -> Result<proto::Model> {
        let (task, exposure) = self.task();
        let all = self.columns().flat_map(Columns::columns);
        let exposures = exposure.into_iter().map(|name| (name, Kind::Numbers));
        let names = Names::new(all.chain(exposures))?;
        let (label, values) = match task {
            Task::Classes => (Some(names.unused("label")), "probabilities"),
            Task::Labels => (None, "probabilities"),
            _ => (None, "prediction"),
        };
        let values = names.unused(values);
        let graph = Graph::<f64>::default();
        let singles = graph.with_type();
        let inputs = names.columns().map(|(_, name, _)| name.to_owned());
        graph.reserve(inputs.chain(label.clone()).chain([values.clone()]));

        let columns: Vec<_> = self.columns().collect();
        let cells = Cells::new((&graph, &singles), &names, &columns);
        // NaN for each row that has no predictions in this crate.
        let mut checks: Vec<_> = cells.infinities().into_iter().collect();
        let mut mean: Option<Expr<'_, f64>> = None;
        let mut total = 0.0;
        let members = self.columns().zip(self.networks()).zip(self.scalers());
        let members = members.zip(self.weights()).enumerate();
        for (index, (((columns, net), scaler), weight)) in members {
            graph.within(format!("network{index}."));
            let x = cells.inputs_of(columns)?;
            let outputs = layers(&singles, net, x)?;
            singles.enter("outputs");
            checks.extend([x, outputs].map(|x| zero_if_finite(x).converted(&graph)));
            let outputs = outputs.converted(&graph);
            let outputs = scaler.map_or(outputs, |scaler| restored(outputs, scaler));
            let outputs = predicted(outputs, task);
            let weight = f64::from(weight);
            total += weight;
            let part = total / weight;
            mean = Some(match mean {
                None => outputs,
                Some(mean) => mean + (outputs / part - mean / part),
            });
        }
        let mut mean = mean.ok_or(Error::Empty { what: "networks" })?;
        graph.within("");
        graph.enter("outputs");
        if let Some(name) = exposure {
            let exposure = cells.input(name);
            let is_right = exposure.above(0.0);
            mean = mean * is_right.choose(exposure + exposure * 0.0, f64::NAN);
        }
        if let Some(calibrator) = self.calibrator() {
            graph.enter("calibration");
            mean = calibrated(mean, calibrator, self.classes().len());
            graph.enter("outputs");
        }
        checks.push(zero_if_finite(mean));
        mean = checks.into_iter().fold(mean, |mean, check| mean + check);
        if let Some(label) = label {
            graph.text_output(&label, likeliest(mean, self.classes()));
        }
        let width = match task {
            Task::Classes => self.classes().len(),
            _ => self.targets().len(),
        };
        graph.output(&values, mean, width);
        Ok(finished(self, graph, exposure))
    }
}

/// Returns numbers or logarithms in their own units.
fn restored<'g>(z: Expr<'g, f64>, scaler: &Scaler<f64>) -> Expr<'g, f64> {
    let parts = scaler.scales().iter().zip(scaler.offsets());
    // The sum may be finite although the product is not.
    let units = parts.map(|(scale, offset)| {
        if scale.max(offset.abs()) > LARGE {
            4.0
        } else {
            1.0
        }
    });
    let units: Vec<f64> = units.collect();
    let row = |name, numbers: &[f64]| {
        let numbers = numbers.iter().zip(&units).map(|(x, unit)| x / unit);
        let numbers: Vec<_> = numbers.collect();
        z.graph().tensor(name, &[numbers.len()], &numbers)
    };
    let y = z * row("scales", scaler.scales()) + row("offsets", scaler.offsets());
    if units.iter().all(|&unit| unit == 1.0) {
        return y;
    }
    y * z.graph().tensor("units", &[units.len()], &units)
}

/// Returns predictions from a network's outputs.
fn predicted(y: Expr<'_, f64>, task: Task) -> Expr<'_, f64> {
    match task {
        Task::Numbers => y,
        Task::Logarithms | Task::Counts => y.exp(),
        Task::Labels => sigmoid(y),
        Task::Classes => y.graph().node("Softmax", &[y], vec![int("axis", 1)]),
    }
}

/// Returns calibrated probabilities of classes.
fn calibrated<'g>(p: Expr<'g, f64>, calibrator: &Calibrator, classes: usize) -> Expr<'g, f64> {
    let logarithms = p.max(f64::MIN_POSITIVE).ln();
    let logit = || column(logarithms, 1) - column(logarithms, 0);
    let (p, mixing) = match calibrator {
        Calibrator::Temperature(calibrator) => {
            let temperature = calibrator.temperature();
            let p = if classes == 2 {
                both(logit() / temperature)
            } else {
                // Differences, which a low temperature does not round.
                let settings = vec![ints("axes", &[1])];
                let largest = p.graph().node("ReduceMax", &[logarithms], settings);
                predicted((logarithms - largest) / temperature, Task::Classes)
            };
            (p, calibrator.mixing())
        }
        Calibrator::Quadratic(calibrator) => {
            let ([bias, linear, square], z) = (calibrator.coefficients(), logit());
            let p = both(bias + (linear + square * z) * z);
            (p, calibrator.mixing())
        }
    };
    p * (1.0 - mixing) + mixing / classes as f64
}

/// Returns the likeliest class, or an empty word without probabilities.
fn likeliest<'g>(probabilities: Expr<'g, f64>, classes: &[String]) -> Expr<'g, f64> {
    let graph = probabilities.graph();
    let drop = || vec![int("axis", 1), int("keepdims", 0)];
    let index = graph.node("ArgMax", &[probabilities], drop());
    let total = graph.node(
        "ReduceSum",
        &[probabilities, graph.integers(&[1])],
        vec![int("keepdims", 0)],
    );
    let none = graph.integers(&[-1]);
    named(total.unary("IsNaN").choose(none, index), classes)
}

/// Returns the model of a graph, with its metadata.
fn finished(tabular: &TabularModel, graph: Graph<f64>, exposure: Option<&str>) -> proto::Model {
    let mut all = tabular.networks().next().map(facts).unwrap_or_default();
    all.push(("networks", tabular.folds().to_string()));
    let columns = tabular.columns().next().into_iter();
    let columns = columns.flat_map(Columns::columns);
    let columns: Vec<_> = columns
        .map(|(name, kind)| (name, kind.to_string()))
        .collect();
    all.push(("columns", format!("{columns:?}")));
    all.push(("targets", format!("{:?}", tabular.targets())));
    if !tabular.classes().is_empty() {
        all.push(("classes", format!("{:?}", tabular.classes())));
    }
    all.extend(exposure.map(|name| ("exposure", name.to_owned())));
    model(graph, "tabular", all)
}
