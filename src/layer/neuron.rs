//! Neurons, whose arithmetic all other code of the crate must reproduce.

use alloc::sync::Arc;
use alloc::vec::Vec;

use rand::{RngExt, SeedableRng};

use crate::activation::{Activation, check_pieces, mix};
use crate::error::{Error, Result, check_length, check_rows};
use crate::float::Float;
use crate::memory;
use crate::random::Rng;
use crate::simd::{self, Op, Simd};

/// A neuron, whose output is f(z).
///
/// ```text
/// z = (((x₀ · w₀) + x₁ · w₁) + ...) + b
/// ```
///
/// It is the executable specification of the crate's arithmetic: a chain of fused multiply-adds
/// from zero in index order, then the bias. For one sample or a batch, the outputs of a network are
/// bit-identical to those of its neurons, evaluated one by one.
///
/// With an activation of several [pieces](Activation::pieces), the neuron has a row of weights, a
/// bias and a z for each piece. With a [`Parametric`](crate::activation::Parametric) activation it
/// has a number α, and its output is z + α · (f(z) - z), without fused multiply-adds.
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
    /// One bias for each piece.
    biases: W,
    /// The α of a parametric activation, or nothing.
    alpha: W,
    activation: Arc<dyn Activation<T>>,
}

/// Mutable parameters of a neuron in its layer or network.
#[derive(Debug)]
pub struct NeuronMut<'a, T> {
    /// One weight for each input. With several pieces, row-major `[pieces x inputs]`.
    pub weights: &'a mut [T],
    /// The bias. With several pieces, the bias of the first.
    pub bias: &'a mut T,
    /// The biases of the other pieces.
    pub other_biases: &'a mut [T],
    /// The number α of a [`Parametric`](crate::activation::Parametric) activation.
    pub alpha: Option<&'a mut T>,
}

impl<T: Float> Neuron<T> {
    /// Creates a neuron from weights and bias. If the activation is
    /// [`Parametric`](crate::activation::Parametric), α is 1.
    ///
    /// # Errors
    /// [`Error::Rows`] without weights, [`Error::Shape`] if the activation takes several pieces,
    /// [`Error::InvalidSetting`] if one of its parameters is out of range.
    pub fn new(
        weights: impl Into<Vec<T>>,
        bias: T,
        activation: impl Activation<T> + 'static,
    ) -> Result<Self> {
        check_only_piece(activation.pieces())?;
        Self::with_pieces(weights, [bias], activation)
    }

    /// Creates a neuron whose activation takes several [pieces](Activation::pieces). Weights are
    /// row-major `[pieces x inputs]`, and each piece has a bias.
    ///
    /// ```
    /// use feedforward::{Neuron, activation::Maxout};
    ///
    /// // |x| = max(x, -x)
    /// let neuron = Neuron::with_pieces([1.0, -1.0], [0.0, 0.0], Maxout::new(2))?;
    /// assert_eq!(neuron.pre_activations(&[-3.0])?, [-3.0, 3.0]);
    /// assert_eq!(neuron.output(&[-3.0])?, 3.0);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Length`] unless there is one bias for each piece.
    /// - [`Error::Rows`] unless all pieces have the same number of weights, at least one.
    /// - [`Error::InvalidSetting`] if the activation takes no pieces, or if one of its parameters
    ///   is out of range.
    pub fn with_pieces(
        weights: impl Into<Vec<T>>,
        biases: impl Into<Vec<T>>,
        activation: impl Activation<T> + 'static,
    ) -> Result<Self> {
        let (weights, biases) = (weights.into(), biases.into());
        check_length("biases", &biases, check_pieces(&activation)?)?;
        check_rows("weights", &weights, biases.len())?;
        let alphas = usize::from(activation.is_parametric());
        Ok(Self {
            weights,
            biases,
            alpha: alloc::vec![T::one(); alphas],
            activation: Arc::new(activation),
        })
    }

    /// Creates a neuron as in the tutorial: weights uniform in [0, 1), bias 0.
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
    /// - [`Error::InvalidSetting`] without inputs, if the activation takes no pieces, or if one of
    ///   its parameters is out of range.
    /// - [`Error::TooLarge`] if there is no memory for the weights.
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
    /// Creates a neuron from parameters that are known to fit the activation.
    pub(super) fn from_parts(
        weights: W,
        biases: W,
        alpha: W,
        activation: Arc<dyn Activation<T>>,
    ) -> Self {
        Self {
            weights,
            biases,
            alpha,
            activation,
        }
    }

    /// Returns the number of inputs.
    pub fn inputs(&self) -> usize {
        self.weights().len() / self.biases().len()
    }

    /// Returns the weights, one for each input. With several pieces, they are row-major
    /// `[pieces x inputs]`.
    pub fn weights(&self) -> &[T] {
        self.weights.as_ref()
    }

    /// Returns the bias. With several pieces, it is the bias of the first.
    pub fn bias(&self) -> T {
        self.biases()[0]
    }

    /// Returns the biases, one for each piece.
    pub fn biases(&self) -> &[T] {
        self.biases.as_ref()
    }

    /// Returns the number α, if the activation is [`Parametric`](crate::activation::Parametric).
    pub fn alpha(&self) -> Option<T> {
        self.alpha.as_ref().first().copied()
    }

    /// Returns the activation.
    pub fn activation(&self) -> &dyn Activation<T> {
        &*self.activation
    }

    pub(super) fn shared_activation(&self) -> Arc<dyn Activation<T>> {
        Arc::clone(&self.activation)
    }

    /// Returns the pre-activation z = (((x₀ · w₀) + x₁ · w₁) + ...) + b.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one input for each weight, [`Error::Shape`] if there are
    /// several pieces.
    pub fn pre_activation(&self, inputs: &[T]) -> Result<T> {
        check_only_piece(self.biases().len())?;
        Ok(self.pre_activations(inputs)?[0])
    }

    /// Returns the [pre-activation](Self::pre_activation) z of each piece.
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

    /// Returns the output f(z), or z + α · (f(z) - z) if the activation is parametric.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one input for each weight of a piece.
    pub fn output(&self, inputs: &[T]) -> Result<T> {
        let (z, mut output) = (self.pre_activations(inputs)?, [T::zero()]);
        self.activation.apply(&z, &mut output);
        if let Some(alpha) = self.alpha() {
            mix(&[alpha], &z, &mut output);
        }
        Ok(output[0])
    }
}

impl<T: Float, W: AsRef<[T]> + AsMut<[T]>> Neuron<T, W> {
    /// Returns the weights mutably, in the order of [`weights`](Self::weights).
    pub fn weights_mut(&mut self) -> &mut [T] {
        self.weights.as_mut()
    }

    /// Returns the bias mutably. With several pieces, it is the bias of the first.
    pub fn bias_mut(&mut self) -> &mut T {
        &mut self.biases_mut()[0]
    }

    /// Returns the biases mutably, one for each piece.
    pub fn biases_mut(&mut self) -> &mut [T] {
        self.biases.as_mut()
    }

    /// Returns the number α mutably, if the activation is
    /// [`Parametric`](crate::activation::Parametric).
    pub fn alpha_mut(&mut self) -> Option<&mut T> {
        self.alpha.as_mut().first_mut()
    }
}

/// Checks that an activation has a single piece.
fn check_only_piece(pieces: usize) -> Result<()> {
    match pieces {
        1 => Ok(()),
        _ => Err(Error::shape(
            "pieces of a neuron's activation",
            "1 (for several, use `Neuron::with_pieces` and `pre_activations`)",
            pieces,
        )),
    }
}

/// Sum of products in index order, rounded as in the kernel of the same instruction set.
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
