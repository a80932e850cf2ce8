//! Training on the mean colors of areas.
//!
//! A camera's pixel has the mean color over its area. A network that learns this color as that of
//! the center paints blurred edges between the pixels. Here the mean of its outputs over several
//! points of each pixel learns the color:
//!
//! ```text
//! loss = mean over pixels of (mean over points of y - color)^2
//! ```
//!
//! The trainer's loss is a sum over single points. Its gradient is equal if each point has the
//! target y + color - mean of y.

use std::ops::ControlFlow;

use feedforward::train::TrainingEvent;
use feedforward::{GradientWorkspace, Mlp, Result, Samples, StopReason, Trainer, TrainerState};

use crate::canvas::Canvas;
use crate::painter::{COLORS, PLACE};
use crate::training::outputs_of_neurons;

/// Maximum number of neurons' outputs to compute at once, over all points.
const MOST_OUTPUTS: usize = 1 << 24;

/// Trains like [`Trainer::resume_with`], on all points of each pixel and on the pixels' colors.
pub fn train(
    trainer: &Trainer<f32>,
    net: &mut Mlp<f32>,
    state: &mut TrainerState<f32>,
    (points, colors): (&[f32], &[f32]),
    canvas: &Canvas,
    mut on_event: impl FnMut(&TrainingEvent, &Mlp<f32>) -> ControlFlow<()>,
) -> Result<StopReason> {
    let pixels = colors.len() / COLORS;
    let mut minibatch = Minibatch {
        points,
        colors,
        each: points.len() / PLACE / pixels,
        canvas,
        workspace: trainer.workspace(net)?,
        without_penalty: trainer.workspace(net)?.l2(0.0)?,
        gradient: Vec::new(),
        inputs: Vec::new(),
        targets: Vec::new(),
    };
    let mut run = trainer.start_run(net, state, pixels)?;
    while run.stopped_by().is_none() {
        while let Some(rows) = run.batch() {
            let loss = minibatch.compute(run.network(), rows, trainer)?;
            let update = run.apply(loss, &minibatch.gradient)?;
            if on_event(&TrainingEvent::Update(update), run.network()).is_break() {
                return run.finish();
            }
        }
        let epoch = run.end_epoch(None)?;
        if on_event(&TrainingEvent::Epoch(epoch), run.network()).is_break() {
            return run.finish();
        }
    }
    run.finish()
}

/// Gradient of a minibatch, computed in parts, since memory grows with the number of points.
struct Minibatch<'a> {
    points: &'a [f32],
    colors: &'a [f32],
    /// Number of points in a pixel.
    each: usize,
    canvas: &'a Canvas,
    workspace: GradientWorkspace<f32>,
    /// Workspace of all parts but the first, since a minibatch has a single penalty.
    without_penalty: GradientWorkspace<f32>,
    gradient: Vec<f32>,
    inputs: Vec<f32>,
    targets: Vec<f32>,
}

impl Minibatch<'_> {
    /// Computes the gradient of these pixels, and returns their loss.
    fn compute(&mut self, net: &Mlp<f32>, rows: &[usize], trainer: &Trainer<f32>) -> Result<f64> {
        let in_part = (MOST_OUTPUTS / outputs_of_neurons(net) / self.each).max(1);
        self.gradient.clear();
        self.gradient.resize(net.params().len(), 0.0);
        let mut loss = 0.0;
        for (index, part) in rows.chunks(in_part).enumerate() {
            self.set_samples(net, part)?;
            let samples = Samples::new(&self.inputs, &self.targets);
            let workspace = match index {
                0 => &mut self.workspace,
                _ => &mut self.without_penalty,
            };
            let of_part = workspace.compute_samples(net, &samples, trainer.loss())?;
            let fraction = part.len() as f64 / rows.len() as f64;
            loss += fraction * of_part;
            for (sum, &value) in self.gradient.iter_mut().zip(workspace.values()) {
                *sum += fraction as f32 * value;
            }
        }
        Ok(loss)
    }

    /// Sets inputs and targets to those of the points in these pixels.
    fn set_samples(&mut self, net: &Mlp<f32>, rows: &[usize]) -> Result<()> {
        let each = self.each;
        self.inputs.clear();
        for &row in rows {
            let points = &self.points[row * each * PLACE..][..each * PLACE];
            self.inputs.extend_from_slice(points);
        }
        self.targets = net.predict(&self.inputs)?;
        let means = self.canvas.means(self.targets.clone());
        let pixels = (self.targets.chunks_mut(each * COLORS)).zip(means.chunks(COLORS));
        for ((targets, mean), &row) in pixels.zip(rows) {
            let color = &self.colors[row * COLORS..][..COLORS];
            for target in targets.chunks_mut(COLORS) {
                for ((y, mean), color) in target.iter_mut().zip(mean).zip(color) {
                    *y += color - mean;
                }
            }
        }
        Ok(())
    }
}
