//! Passes that compute derivatives of single samples, divided among threads.

use core::ops::Range;
use core::slice;

use super::super::chunk::{self, Chunk, Derivatives};
use super::super::minibatch::Minibatch;
use super::super::samples::CheckedSamples;
use super::{GradientWorkspace, MOST_ROWS, Mlp};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::loss::Loss;
use crate::memory;

/// Minimum of numbers that a further thread computes. Fewer would take less time than a thread
/// takes to start.
const LEAST_WORK: usize = 1 << 14;

/// Chunk of one thread, for evaluations and derivatives. It holds no sums of a gradient.
#[derive(Clone, Debug)]
pub(super) struct Probe<T> {
    pub(super) chunk: Chunk<T>,
    /// Reason why the last pass ended early.
    failure: Option<Failure>,
}

#[derive(Clone, Debug)]
enum Failure {
    /// A result of these samples is not finite.
    NotFinite(Range<usize>),
    Memory(Error),
}

impl<T: Float> Probe<T> {
    pub(super) fn new(net: &Mlp<T>) -> Self {
        Self {
            chunk: Chunk::new(net),
            failure: None,
        }
    }
}

/// Kind of derivatives that a pass computes.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Jacobian of these outputs by the inputs.
    Inputs(Range<usize>),
    /// Jacobian of all outputs by the parameters, and the outputs.
    Params,
    /// Gradient of the loss by the parameters, and the loss.
    Gradients,
}

impl Kind {
    /// Returns the name of the result, and its numbers for each sample: rows and their width.
    fn shape<T: Float>(&self, net: &Mlp<T>) -> (&'static str, usize, usize) {
        let params = net.layout().len();
        match self {
            Self::Inputs(wanted) => ("Jacobian", wanted.len(), net.inputs()),
            Self::Params => ("Jacobian by the parameters", net.outputs(), params),
            Self::Gradients => ("gradients of the samples", 1, params),
        }
    }
}

/// Minibatch and kind of derivatives, which all threads read.
struct Pass<'a, T> {
    minibatch: Minibatch<'a, T>,
    kind: &'a Kind,
    /// Numbers of the result, of the outputs and of the losses for each sample.
    widths: [usize; 3],
}

/// Consecutive samples, their results, and a probe for each thread.
struct Part<'a, T> {
    probes: &'a mut [Probe<T>],
    samples: Range<usize>,
    values: &'a mut [T],
    outputs: &'a mut [T],
    losses: &'a mut [f64],
}

impl<T: Float> Pass<'_, T> {
    /// Splits the probes in halves, and divides the samples among them.
    fn split<'a>(&self, part: Part<'a, T>) -> (Part<'a, T>, Option<Part<'a, T>>) {
        let count = part.probes.len();
        if count < 2 {
            return (part, None);
        }
        let left = part.samples.len() * (count / 2) / count;
        let middle = part.samples.start + left;
        let [values, outputs, losses] = self.widths.map(|width| left * width);
        let (probes, other_probes) = part.probes.split_at_mut(count / 2);
        let (values, other_values) = part.values.split_at_mut(values);
        let (outputs, other_outputs) = part.outputs.split_at_mut(outputs);
        let (losses, other_losses) = part.losses.split_at_mut(losses);
        let first = Part {
            probes,
            samples: part.samples.start..middle,
            values,
            outputs,
            losses,
        };
        let second = Part {
            probes: other_probes,
            samples: middle..part.samples.end,
            values: other_values,
            outputs: other_outputs,
            losses: other_losses,
        };
        (first, Some(second))
    }

    /// Computes a part with its first probe, until a result is not finite.
    fn run(&self, part: Part<'_, T>) {
        let Some(probe) = part.probes.first_mut() else {
            return;
        };
        probe.failure = None;
        let copies = match self.kind {
            Kind::Inputs(wanted) => wanted.len(),
            Kind::Params => self.minibatch.net.outputs(),
            Kind::Gradients => 1,
        };
        // A step takes several samples with all outputs, or some outputs of one sample. Either way
        // at most `MOST_ROWS` copies exist.
        let step = (MOST_ROWS / copies).max(1);
        let [mut values, mut outputs] = [part.values, part.outputs];
        let mut losses = part.losses;
        for first in part.samples.clone().step_by(step) {
            let samples = first..part.samples.end.min(first + step);
            let [these, y, own] = self.widths.map(|width| samples.len() * width);
            let (these, other_values) = values.split_at_mut(these);
            let (y, other_outputs) = outputs.split_at_mut(y);
            let (own, other_losses) = losses.split_at_mut(own);
            let failure = match self.step(&mut probe.chunk, samples.clone(), these, y, own) {
                Ok(true) => None,
                Ok(false) => Some(Failure::NotFinite(samples)),
                Err(error) => Some(Failure::Memory(error)),
            };
            if failure.is_some() {
                probe.failure = failure;
                return;
            }
            (values, outputs, losses) = (other_values, other_outputs, other_losses);
        }
    }

    /// Computes the results of a few samples. Returns `false` if one is not finite.
    fn step(
        &self,
        chunk: &mut Chunk<T>,
        samples: Range<usize>,
        values: &mut [T],
        y: &mut [T],
        losses: &mut [f64],
    ) -> Result<bool> {
        let (minibatch, net) = (self.minibatch, self.minibatch.net);
        let (wanted, width) = match self.kind {
            Kind::Inputs(wanted) => (wanted.clone(), net.inputs()),
            Kind::Params => (0..net.outputs(), net.layout().len()),
            Kind::Gradients => {
                chunk.assign(net, samples, false, false)?;
                return Ok(chunk::compute_each(chunk, minibatch, losses, values));
            }
        };
        let by_inputs = matches!(self.kind, Kind::Inputs(_));
        let mut rest = values;
        for first in wanted.clone().step_by(MOST_ROWS) {
            let some = first..wanted.end.min(first + MOST_ROWS);
            let rows = samples.len() * some.len();
            let (to, others) = rest.split_at_mut(rows * width);
            chunk.assign(net, 0..rows, false, by_inputs)?;
            let to = if by_inputs {
                Derivatives::Inputs(to)
            } else {
                Derivatives::Params(to, &mut *y)
            };
            if !chunk::jacobian(chunk, minibatch, samples.clone(), some, to) {
                return Ok(false);
            }
            rest = others;
        }
        Ok(true)
    }
}

impl<T: Float> GradientWorkspace<T> {
    /// Computes derivatives of these samples. Afterwards `derivatives`, `outputs` and `losses` hold
    /// the results. The caller has packed the parameters.
    pub(super) fn differentiate(
        &mut self,
        net: &Mlp<T>,
        samples: &CheckedSamples<'_, T>,
        loss: &dyn Loss<T>,
        kind: &Kind,
        range: Range<usize>,
    ) -> Result<()> {
        let (count, (what, rows, width)) = (range.len(), kind.shape(net));
        let y = match kind {
            Kind::Params => net.outputs(),
            Kind::Inputs(_) | Kind::Gradients => 0,
        };
        let own = usize::from(matches!(kind, Kind::Gradients));
        let widths = [rows * width, y, own];
        let len = memory::product(what, &[count, rows, width])?;
        memory::resize(what, &mut self.derivatives, T::zero(), len)?;
        memory::resize("outputs", &mut self.outputs, T::zero(), count * y)?;
        memory::resize("losses", &mut self.losses, 0.0, count * own)?;
        // The backward pass to the inputs reads as many numbers as one to the parameters writes.
        let work = (count * rows).saturating_mul(self.layout.len()) / LEAST_WORK;
        let parts = work.min(count).clamp(1, self.threads.count());
        while self.probes.len() < parts {
            self.probes.push(Probe::new(net));
        }
        let minibatch = Minibatch::new(net, &self.packed, samples, loss);
        let pass = Pass {
            minibatch,
            kind,
            widths,
        };
        let part = Part {
            probes: &mut self.probes[..parts],
            samples: range,
            values: &mut self.derivatives,
            outputs: &mut self.outputs,
            losses: &mut self.losses,
        };
        if parts == 1 {
            pass.run(part);
        } else {
            let threads = &self.threads;
            threads.install(|| {
                threads.divide(part, &|part| pass.split(part), &|part| pass.run(part));
            });
        }
        let mut probes = self.probes[..parts].iter_mut();
        match probes.find_map(|probe| probe.failure.take()) {
            None => Ok(()),
            Some(Failure::Memory(error)) => Err(error),
            Some(Failure::NotFinite(failed)) => {
                Err(self.explain_sample(net, samples, loss, kind, widths, failed))
            }
        }
    }

    /// Returns the error of the first of these samples whose result is not finite. So errors depend
    /// neither on the number of threads nor on the samples of a step.
    #[cold]
    fn explain_sample(
        &mut self,
        net: &Mlp<T>,
        samples: &CheckedSamples<'_, T>,
        loss: &dyn Loss<T>,
        kind: &Kind,
        widths: [usize; 3],
        failed: Range<usize>,
    ) -> Error {
        for sample in failed {
            let minibatch = Minibatch::new(net, &self.packed, samples, loss);
            let pass = Pass {
                minibatch,
                kind,
                widths,
            };
            pass.run(Part {
                probes: &mut self.probes[..1],
                samples: sample..sample + 1,
                values: &mut self.derivatives,
                outputs: &mut self.outputs,
                losses: &mut self.losses,
            });
            match self.probes[0].failure.take() {
                None => {}
                Some(Failure::Memory(error)) => return error,
                Some(Failure::NotFinite(_)) => break,
            }
        }
        let params = self.layout.len();
        let layer = |index| self.layout.layer_of(index % params).unwrap_or(0);
        match (kind, self.losses.first()) {
            (Kind::Inputs(_), _) => self.explain_derivative("derivative", |_| 0),
            (Kind::Params, _) => self.explain_derivative("derivative", layer),
            (Kind::Gradients, Some(&loss)) if !loss.is_finite() => {
                self.explain(slice::from_ref(&self.probes[0].chunk), loss)
            }
            (Kind::Gradients, _) => self.explain_derivative("gradient", layer),
        }
    }
}
