//! Training of networks with the roundings of their integers.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::shadow::QuantizedShadow;
use super::walk::Walk;
use super::{QuantizedMlp, Quantizer};
use crate::error::Result;
use crate::mlp::{Mlp, Samples};
use crate::train::{History, Trainer, TrainingEvent};

impl Quantizer {
    /// Trains the network
    pub fn fit(
        &self,
        trainer: &Trainer<f32>,
        net: &mut Mlp<f32>,
        inputs: &[f32],
        targets: &[f32],
    ) -> Result<(QuantizedMlp, History)> {
        let never = |_: &TrainingEvent, _: &Mlp<f32>| ControlFlow::Continue(());
        self.fit_with(trainer, net, &Samples::new(inputs, targets), never)
    }

    /// Trains
    pub fn fit_with(
        &self,
        trainer: &Trainer<f32>,
        net: &mut Mlp<f32>,
        samples: &Samples<'_, f32>,
        on_event: impl FnMut(&TrainingEvent, &Mlp<f32>) -> ControlFlow<()> + Send,
    ) -> Result<(QuantizedMlp, History)> {
        self.check()?;
        Walk::new(net)?;
        trainer.check_no_checkpoints("a run with rounded numbers cannot be resumed")?;
        trainer.check_fit(net, samples)?;
        let checked = samples.check(net, trainer.loss())?;
        let rows = (0..checked.len()).flat_map(|sample| checked.input(sample));
        let calibration: Vec<f32> = rows.copied().collect();
        let mut shadow = QuantizedShadow::new(self, net, &calibration)?;
        drop(calibration);
        // Settings and sizes that integers exclude are errors before the first update.
        shadow.finish(net)?;

        let mut inputs = samples.inputs().to_vec();
        shadow.round_inputs(&mut inputs);
        let mut trainer = trainer.clone();
        if let Some(inputs) = trainer.validation_inputs_mut() {
            shadow.round_inputs(inputs);
        }
        let samples = samples.with_inputs(&inputs);
        let history = trainer.fit_shadow(net, &samples, &mut shadow, on_event)?;
        Ok((shadow.finish(net)?, history))
    }
}
