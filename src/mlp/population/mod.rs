//! Prediction of many small networks of one shape.

use alloc::vec::Vec;

use self::predict::{Part, Scratch, predict};
use super::Mlp;
use super::predictor::overflow;
use crate::error::{Error, Result, check_length};
use crate::float::{Float, check_finite, check_finite_rows};
use crate::gemm::{Buffer, transpose};
use crate::memory;
use crate::parallel::Threads;
use crate::simd;

mod predict;
#[cfg(test)]
mod tests;

/// Number of networks in a block. It is a multiple of the lanes of two registers, of any
/// instruction set and float type.
const LANES: usize = 32;

/// Population: many networks of one shape, each with its own parameters, which predict together.
///
/// Network i predicts from row i of the inputs. That is the work of a game with many agents, of
/// neuroevolution, and of reinforcement learning with a population. For small networks it is
/// several times as fast as a [`Predictor`](crate::Predictor) for each, because each lane of a
/// register computes another network. Outputs are bit-identical to those of [`Mlp::predict`].
///
/// Parameters are stored in blocks of 32 networks, so a population of fewer takes memory for 32.
/// Only construction allocates.
///
/// ```
/// use feedforward::{Mlp, Population, activation::{Identity, Tanh}};
///
/// let net = Mlp::<f32>::builder(6).hidden(16, Tanh).output(4, Identity).build()?;
/// let mut agents = Population::new(&net, 1000)?;
/// let mutant: Vec<f32> = net.params().iter().map(|p| 0.9 * p).collect();
/// agents.set_params(7, &mutant)?;
///
/// // Each frame: what the agents see, row by row, and what they do.
/// let seen = vec![0.5; 1000 * 6];
/// let mut actions = vec![0.0; 1000 * 4];
/// agents.predict_into(&seen, &mut actions)?;
/// assert_eq!(actions[..4], net.predict(&seen[..6])?);
/// assert_eq!(actions[7 * 4..][..4], agents.network(7)?.predict(&seen[..6])?);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Population<T> {
    /// The shape, with the parameters that all networks had at first.
    net: Mlp<T>,
    len: usize,
    /// Parameters of the layers, `[block][parameter][lane]`.
    params: Buffer<T>,
    /// Parameters of the encoding, `[network][parameter]`.
    encoding_params: Vec<T>,
    threads: Threads,
    /// Scratch space of each thread.
    scratch: Vec<Scratch<T>>,
}

impl<T: Float> Population<T> {
    /// Creates this many networks of a network's shape, all with its parameters.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if a parameter is not finite, [`Error::TooLarge`] if there is no memory
    /// for all parameters.
    pub fn new(net: &Mlp<T>, len: usize) -> Result<Self> {
        simd::check()?;
        check_finite("parameters", net.params())?;
        let what = "parameters of the population";
        let encoding = net.layout().encoding();
        let blocks = len.div_ceil(LANES);
        let values = memory::product(what, &[blocks, LANES, encoding.start])?;
        let mut params = Buffer::try_zeros(what, values)?;
        for block in params.chunks_exact_mut(LANES * encoding.start) {
            for (lanes, &param) in block.chunks_exact_mut(LANES).zip(net.params()) {
                lanes.fill(param);
            }
        }
        let values = memory::product(what, &[len, encoding.len()])?;
        let own = net.encoding_params().iter().copied().cycle();
        Ok(Self {
            net: net.clone(),
            len,
            params,
            encoding_params: memory::collected(what, values, own)?,
            threads: Threads::one(),
            scratch: [Scratch::new(net)?].into(),
        })
    }

    /// Sets the number of threads, among which blocks of 32 networks are divided. Default: 1.
    /// Results are bit-identical.
    ///
    /// Waking a thread takes some microseconds. For a thousand networks of 6-16-4 a second thread
    /// costs more than it saves. Without the feature `rayon` there is one thread.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for 0, [`Error::TooLarge`] for more than the system can start.
    pub fn threads(mut self, count: usize) -> Result<Self> {
        self.threads = Threads::exactly(count)?;
        let count = self.threads.count();
        let scratch = (0..count).map(|_| Scratch::new(&self.net));
        self.scratch = scratch.collect::<Result<_>>()?;
        Ok(self)
    }

    /// Returns the number of networks.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if there are no networks.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns a copy of one network with its parameters, for example to save the best.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if there is no such network.
    pub fn network(&self, index: usize) -> Result<Mlp<T>> {
        self.check_index(index)?;
        let encoding = self.net.layout().encoding();
        let block = &self.params[index / LANES * LANES * encoding.start..];
        let lane = block.iter().skip(index % LANES).step_by(LANES);
        let encoded = &self.encoding_params[index * encoding.len()..];
        let mut net = self.net.clone();
        let params = lane.take(encoding.start).chain(encoded);
        for (to, &from) in net.params_mut().iter_mut().zip(params) {
            *to = from;
        }
        Ok(net)
    }

    /// Replaces the parameters of one network, in the order of [`Mlp::params`], without allocation.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if there is no such network, [`Error::Length`] for another number of
    /// parameters, [`Error::NotFinite`] if one is not finite. Nothing changes in case of an error.
    pub fn set_params(&mut self, index: usize, params: &[T]) -> Result<()> {
        self.check_index(index)?;
        check_length("parameters", params, self.net.params().len())?;
        check_finite("parameters", params)?;
        let encoding = self.net.layout().encoding();
        let (layers, encoded) = params.split_at(encoding.start);
        let block = &mut self.params[index / LANES * LANES * encoding.start..];
        let lane = block.iter_mut().skip(index % LANES).step_by(LANES);
        for (to, &from) in lane.zip(layers) {
            *to = from;
        }
        self.encoding_params[index * encoding.len()..][..encoding.len()].copy_from_slice(encoded);
        Ok(())
    }

    /// Replaces the parameters of all networks, row-major `[networks x parameters]`, without
    /// allocation.
    ///
    /// For all networks it is faster than [`set_params`](Self::set_params) for each.
    ///
    /// ```
    /// use feedforward::{Mlp, Population, activation::Identity};
    ///
    /// let net = Mlp::<f64>::builder(1).output(1, Identity).build()?;
    /// let mut population = Population::new(&net, 2)?;
    /// population.set_all_params(&[2.0, 0.0, /* second network: */ 0.5, 1.0])?;
    /// assert_eq!(population.predict(&[3.0, 4.0])?, [6.0, 3.0]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] for another number of parameters, [`Error::NotFinite`] if one is not
    /// finite. Its row is the network. Nothing changes in case of an error.
    pub fn set_all_params(&mut self, params: &[T]) -> Result<()> {
        let each = self.net.params().len();
        check_length("parameters", params, self.len.saturating_mul(each))?;
        check_finite_rows("parameters", params, each)?;
        let encoding = self.net.layout().encoding();
        let blocks = self.params.chunks_exact_mut(LANES * encoding.start);
        for (block, params) in blocks.zip(params.chunks(LANES * each)) {
            transpose(params, each, encoding.start, block, LANES);
        }
        if !encoding.is_empty() {
            let rows = self.encoding_params.chunks_exact_mut(encoding.len());
            for (to, from) in rows.zip(params.chunks_exact(each)) {
                to.copy_from_slice(&from[encoding.start..]);
            }
        }
        Ok(())
    }

    /// Writes the outputs of each network for its own sample, without allocation. `inputs` is
    /// row-major `[networks x inputs]`, and `outputs` is `[networks x outputs]`.
    ///
    /// # Errors
    /// - [`Error::Length`] unless `inputs` and `outputs` have a row for each network.
    /// - [`Error::NotFinite`] if an input is not finite.
    /// - [`Error::Network`] with an [`Error::Overflow`] for the first network with an output that
    ///   is not finite. All outputs are written, and those of the other networks are valid.
    pub fn predict_into(&mut self, inputs: &[T], outputs: &mut [T]) -> Result<()> {
        let (net, len) = (&self.net, self.len);
        check_length("inputs", inputs, len.saturating_mul(net.inputs()))?;
        check_length("outputs", outputs, len.saturating_mul(net.outputs()))?;
        check_finite_rows("inputs", inputs, net.inputs())?;
        let part = Part {
            net,
            params: &self.params,
            encoding_params: &self.encoding_params,
            inputs,
            outputs: &mut *outputs,
            scratch: &mut self.scratch,
        };
        let threads = &self.threads;
        threads.install(|| threads.divide(part, &Part::split, &predict));
        check_finite_rows("outputs", outputs, net.outputs())
            .map_err(|error| self.overflow(inputs, outputs, error))
    }

    /// Returns the outputs of each network for its own sample, row-major `[networks x outputs]`.
    ///
    /// # Errors
    /// The errors of [`predict_into`](Self::predict_into), and [`Error::TooLarge`] if there is no
    /// memory for the outputs.
    pub fn predict(&mut self, inputs: &[T]) -> Result<Vec<T>> {
        let len = memory::product("outputs", &[self.len, self.net.outputs()])?;
        let mut outputs = memory::filled("outputs", T::zero(), len)?;
        self.predict_into(inputs, &mut outputs)?;
        Ok(outputs)
    }

    /// Explains the first output that is not finite.
    #[cold]
    fn overflow(&self, inputs: &[T], outputs: &[T], error: Error) -> Error {
        let at = outputs.iter().position(|y| !y.is_finite()).unwrap_or(0);
        let (index, width) = (at / self.net.outputs(), self.net.inputs());
        let net = self.network(index);
        let explained = net.map(|net| overflow(&net, &inputs[index * width..][..width]));
        explained.ok().flatten().unwrap_or(error).in_network(index)
    }

    fn check_index(&self, index: usize) -> Result<()> {
        let (what, len) = ("network index", self.len);
        if index < len {
            return Ok(());
        }
        Err(Error::OutOfBounds { what, len, index })
    }
}
