//! One neuron: the arithmetic that everything else must reproduce.

use alloc::sync::Arc;
use alloc::vec::Vec;

use rand::{RngExt, SeedableRng};

use crate::activation::{Activation, check_pieces};
use crate::error::{Error, Result, check_length, check_rows};
use crate::float::Float;
use crate::memory;
use crate::random::Rng;
use crate::simd::{self, Op, Simd};

/// One neuron: f(z), where z = (((x0 w0) + x1 w1) + ...) + b.
///
/// This is the executable specification of the crate's arithmetic: a chain of fused
/// multiply-adds in index order from zero, then the bias. A network gives, for one sample
/// or a batch, the bits that its neurons give one by one.
///
/// With an activation of several [pieces](Activation::pieces) it has a row of weights and a bias
/// for each of them, and each gives such a z.
///
/// ```
/// use feedforward::{Neuron, activation::LeakyRelu};
///
/// let neuron = Neuron::new([0.7, 0.6, 1.4], -0.1, LeakyRelu::new(0.1))?;
/// assert_eq!(neuron.pre_activation(&[1.0, 0.5, -1.0])?, -0.4999999999999999);
/// assert_eq!(neuron.output(&[1.0, 0.5, -1.0])?, -0.04999999999999999);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Neuron<T, W = Vec<T>> {
    weights: W,
    /// One for each piece.
    biases: W,
    activation: Arc<dyn Activation<T>>,
}

/// A neuron's parameters in the network that it is part of, to write.
#[derive(Debug)]
pub struct NeuronMut<'a, T> {
    /// One weight for each input; with several pieces row-major `[pieces x inputs]`.
    pub weights: &'a mut [T],
    /// The bias; with several pieces that of the first.
    pub bias: &'a mut T,
    /// The biases of the other pieces.
    pub other_biases: &'a mut [T],
}

impl<T: Float> Neuron<T> {
    /// A neuron from given weights and bias.
    ///
    /// # Errors
    /// [`Error::Rows`] without weights, [`Error::Shape`] if the activation takes several pieces,
    /// [`Error::InvalidSetting`] if a parameter of it is out of range.
    pub fn new(
        weights: impl Into<Vec<T>>,
        bias: T,
        activation: impl Activation<T> + 'static,
    ) -> Result<Self> {
        check_only_piece(activation.pieces())?;
        Self::with_pieces(weights, [bias], activation)
    }

    /// A neuron whose activation takes several [pieces](Activation::pieces): weights row-major
    /// `[pieces x inputs]`, and a bias for each piece.
    ///
    /// ```
    /// use feedforward::{Neuron, activation::Maxout};
    ///
    /// // |x| as the larger one of x and -x.
    /// let neuron = Neuron::with_pieces([1.0, -1.0], [0.0, 0.0], Maxout::new(2))?;
    /// assert_eq!(neuron.pre_activations(&[-3.0])?, [-3.0, 3.0]);
    /// assert_eq!(neuron.output(&[-3.0])?, 3.0);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] unless there is a bias for each piece, [`Error::Rows`] unless there are
    /// one or more weights for each, [`Error::InvalidSetting`] if the activation takes none or a
    /// parameter of it is out of range.
    pub fn with_pieces(
        weights: impl Into<Vec<T>>,
        biases: impl Into<Vec<T>>,
        activation: impl Activation<T> + 'static,
    ) -> Result<Self> {
        let (weights, biases) = (weights.into(), biases.into());
        check_length("biases", &biases, check_pieces(&activation)?)?;
        check_rows("weights", &weights, biases.len())?;
        Ok(Self {
            weights,
            biases,
            activation: Arc::new(activation),
        })
    }

    /// A neuron as the tutorial makes it: weights uniform in [0, 1), bias 0.
    ///
    /// ```
    /// use feedforward::{Neuron, activation::Identity};
    ///
    /// let neuron = Neuron::<f64>::random(3, 42, Identity)?;
    /// assert!(neuron.weights().iter().all(|w| (0.0..1.0).contains(w)));
    /// assert_eq!(neuron.bias(), 0.0);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] without inputs or if the activation takes no pieces or has a
    /// parameter out of range, [`Error::TooLarge`] if there is no memory for the weights.
    pub fn random(
        inputs: usize,
        seed: u64,
        activation: impl Activation<T> + 'static,
    ) -> Result<Self> {
        if inputs == 0 {
            let what = "inputs of a neuron";
            return Err(Error::invalid_setting(what, "at least 1", 0));
        }
        let pieces = check_pieces(&activation)?;
        let (what, mut rng) = ("weights of a neuron", Rng::seed_from_u64(seed));
        let draws = core::iter::repeat_with(|| T::from_f64(rng.random::<f64>()));
        let weights = memory::collected(what, memory::product(what, &[inputs, pieces])?, draws)?;
        let biases = memory::filled("biases of a neuron", T::zero(), pieces)?;
        Self::with_pieces(weights, biases, activation)
    }
}

impl<T: Float, W: AsRef<[T]>> Neuron<T, W> {
    /// Parameters that are known to fit.
    pub(super) fn from_parts(weights: W, biases: W, activation: Arc<dyn Activation<T>>) -> Self {
        Self {
            weights,
            biases,
            activation,
        }
    }

    /// Numbers that go in.
    pub fn inputs(&self) -> usize {
        self.weights().len() / self.biases().len()
    }

    /// One weight for each input; with several pieces row-major `[pieces x inputs]`.
    pub fn weights(&self) -> &[T] {
        self.weights.as_ref()
    }

    /// The bias; with several pieces that of the first.
    pub fn bias(&self) -> T {
        self.biases()[0]
    }

    /// The biases, one for each piece.
    pub fn biases(&self) -> &[T] {
        self.biases.as_ref()
    }

    /// What it does with its pre-activation.
    pub fn activation(&self) -> &dyn Activation<T> {
        &*self.activation
    }

    pub(super) fn shared_activation(&self) -> Arc<dyn Activation<T>> {
        Arc::clone(&self.activation)
    }

    /// z = (((x0 w0) + x1 w1) + ...) + b.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one input for each weight, [`Error::Shape`] if
    /// there are several pieces.
    pub fn pre_activation(&self, inputs: &[T]) -> Result<T> {
        check_only_piece(self.biases().len())?;
        Ok(self.pre_activations(inputs)?[0])
    }

    /// z = (((x0 w0) + x1 w1) + ...) + b for each piece.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one input for each weight of a piece.
    pub fn pre_activations(&self, inputs: &[T]) -> Result<Vec<T>> {
        simd::check()?;
        check_length("inputs of a neuron", inputs, self.inputs())?;
        let pieces = self.weights().chunks_exact(inputs.len()).zip(self.biases());
        let z = pieces.map(|(weights, &bias)| simd::dispatch(Chain { inputs, weights }) + bias);
        Ok(z.collect())
    }

    /// f(z).
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one input for each weight of a piece.
    pub fn output(&self, inputs: &[T]) -> Result<T> {
        let (z, mut output) = (self.pre_activations(inputs)?, [T::zero()]);
        self.activation.apply(&z, &mut output);
        Ok(output[0])
    }
}

impl<T: Float, W: AsRef<[T]> + AsMut<[T]>> Neuron<T, W> {
    /// The weights, to write.
    pub fn weights_mut(&mut self) -> &mut [T] {
        self.weights.as_mut()
    }

    /// The bias, to write; with several pieces that of the first.
    pub fn bias_mut(&mut self) -> &mut T {
        &mut self.biases_mut()[0]
    }

    /// The biases, one for each piece, to write.
    pub fn biases_mut(&mut self) -> &mut [T] {
        self.biases.as_mut()
    }
}

/// Checks that what is asked for one piece is asked of one.
fn check_only_piece(pieces: usize) -> Result<()> {
    match pieces {
        1 => Ok(()),
        _ => Err(Error::shape(
            "pieces of a neuron's activation",
            "1 (for several there are `Neuron::with_pieces` and `pre_activations`)",
            pieces,
        )),
    }
}

/// The sum of products in index order, rounded as the kernel of the same set rounds.
struct Chain<'a, T> {
    inputs: &'a [T],
    weights: &'a [T],
}

impl<T: Float> Op for Chain<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> T {
        let mut sum = T::zero();
        for (&x, &w) in self.inputs.iter().zip(self.weights) {
            sum = if S::FUSED {
                x.mul_add(w, sum)
            } else {
                x * w + sum
            };
        }
        sum
    }
}
