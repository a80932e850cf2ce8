//! Numbers of a network on calibration samples.

use alloc::vec::Vec;

use super::range::Histogram;
use super::walk::Walk;
use crate::error::Result;
use crate::memory;
use crate::mlp::Mlp;

/// Number of bins for the numbers of a layer.
const BINS: usize = 2048;

/// Numbers of a layer on the calibration samples.
pub(super) struct Statistics {
    pub(super) z: Histogram,
    pub(super) y: Histogram,
    /// Mean pre-activation of each row.
    pub(super) means: Vec<f64>,
    /// Largest magnitude of each output.
    pub(super) largest: Vec<f64>,
}

impl Statistics {
    /// Walks through the network with encoded inputs.
    pub(super) fn new(net: &Mlp<f32>, walk: &mut Walk, inputs: &[f32]) -> Result<Vec<Self>> {
        let layers = net.layers().map(|layer| {
            Ok(Self {
                z: Histogram::new(BINS)?,
                y: Histogram::new(BINS)?,
                means: memory::filled("means", 0.0, layer.outputs())?,
                largest: memory::filled("largest outputs", 0.0, layer.outputs())?,
            })
        });
        let mut all = layers.collect::<Result<Vec<_>>>()?;
        let samples = (inputs.len() / net.layout().layers()[0].inputs) as f64;
        walk.for_each_block(inputs, |index, z, y| {
            let at = &mut all[index];
            at.z.widen(z.iter().copied());
            at.y.widen(y.iter().copied());
            for row in z.chunks_exact(at.means.len()) {
                for (mean, z) in at.means.iter_mut().zip(row) {
                    *mean += f64::from(*z);
                }
            }
            for row in y.chunks_exact(at.largest.len()) {
                for (largest, y) in at.largest.iter_mut().zip(row) {
                    *largest = largest.max(f64::from(y.abs()));
                }
            }
            Ok(())
        })?;
        for at in &mut all {
            at.means.iter_mut().for_each(|mean| *mean /= samples);
        }
        walk.for_each_block(inputs, |index, z, y| {
            all[index].z.count(z.iter().copied());
            all[index].y.count(y.iter().copied());
            Ok(())
        })?;
        Ok(all)
    }
}
