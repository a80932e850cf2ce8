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
use feedforward::{Mlp, Result, Samples, StopReason, Trainer, TrainerState};

use crate::canvas::Canvas;
use crate::painter::{COLORS, PLACE};

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
    let each = points.len() / PLACE / pixels;
    let mut gradient = trainer.workspace(net)?;
    let mut run = trainer.start_run(net, state, pixels)?;
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    while run.stopped_by().is_none() {
        while let Some(rows) = run.batch() {
            inputs.clear();
            for &row in rows {
                inputs.extend_from_slice(&points[row * each * PLACE..][..each * PLACE]);
            }
            targets.clone_from(&run.network().predict(&inputs)?);
            let means = canvas.means(targets.clone());
            let pixels = targets.chunks_mut(each * COLORS).zip(means.chunks(COLORS));
            for ((targets, mean), &row) in pixels.zip(rows) {
                let color = &colors[row * COLORS..][..COLORS];
                for target in targets.chunks_mut(COLORS) {
                    for ((y, mean), color) in target.iter_mut().zip(mean).zip(color) {
                        *y += color - mean;
                    }
                }
            }
            let samples = Samples::new(&inputs, &targets);
            let loss = gradient.compute_samples(run.network(), &samples, trainer.loss())?;
            let update = run.apply(loss, gradient.values())?;
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
