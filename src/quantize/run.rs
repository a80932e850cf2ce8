//! All layers of a network in integers, for one sample or for several at once.

use super::QuantizedMlpRef;
use super::lanes::{ForwardLanes, HAS_VECTORS, LANES, LanesOutputs};
use super::layer::{Forward, Outputs};
use crate::simd;

impl QuantizedMlpRef<'_> {
    /// Computes all layers for samples.
    pub(super) fn run_all<'y, Y: 'y, Q: Iterator<Item = i16>>(
        &self,
        mut samples: impl ExactSizeIterator<Item = Q>,
        mut outputs: &'y mut [Y],
        to: impl Fn(&'y mut [Y]) -> Outputs<'y>,
        scratch: &mut [i16],
    ) {
        if HAS_VECTORS && scratch.len() >= self.batch_scratch_len() {
            while samples.len() >= LANES {
                let len = LANES * self.outputs();
                let (these, rest) = core::mem::take(&mut outputs).split_at_mut(len);
                self.run_lanes(samples.by_ref().take(LANES), to(these), scratch);
                outputs = rest;
            }
        }
        for (x, y) in samples.zip(outputs.chunks_exact_mut(self.outputs())) {
            self.run(x, to(y), scratch);
        }
    }

    /// Computes all layers for `LANES` samples.
    fn run_lanes<Q: Iterator<Item = i16>>(
        &self,
        samples: impl Iterator<Item = Q>,
        to: Outputs<'_>,
        scratch: &mut [i16],
    ) {
        let (scratch, _) = scratch.as_chunks_mut::<LANES>();
        let (mut from, mut next) = scratch.split_at_mut(self.widths()[0]);
        for (lane, x) in samples.enumerate() {
            for (to, q) in from.iter_mut().zip(x) {
                to[lane] = q;
            }
        }
        let last = self.layers.len() - 1;
        let mut width = self.inputs();
        for index in 0..last {
            let layer = self.layers.get(index);
            simd::dispatch(ForwardLanes {
                layer,
                inputs: &from[..width],
                outputs: LanesOutputs::Hidden(next),
            });
            width = layer.outputs();
            (from, next) = (next, from);
        }
        simd::dispatch(ForwardLanes {
            layer: self.layers.get(last),
            inputs: &from[..width],
            outputs: LanesOutputs::Last(to),
        });
    }

    /// Computes all layers for one sample.
    fn run(&self, inputs: impl Iterator<Item = i16>, to: Outputs<'_>, scratch: &mut [i16]) {
        let last = self.layers.len() - 1;
        let (even, odd) = scratch.split_at_mut(self.widths()[0]);
        let (mut from, mut next) = (even, odd);
        for (to, x) in from.iter_mut().zip(inputs) {
            *to = x;
        }
        let mut width = self.inputs();
        for index in 0..last {
            let layer = self.layers.get(index);
            simd::dispatch(Forward {
                layer,
                inputs: &from[..width],
                outputs: Outputs::Int16(next),
            });
            width = layer.outputs();
            (from, next) = (next, from);
        }
        simd::dispatch(Forward {
            layer: self.layers.get(last),
            inputs: &from[..width],
            outputs: to,
        });
    }
}
