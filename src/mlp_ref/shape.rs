//! A borrowed network without its parameters.

use super::predict::{Computed, Overflow, Scratch, Visit, find};
use super::{EncodingSpec, Front, LayerSpec, Layers};
use crate::activation::Activation;
use crate::encoding::Encoding;
use crate::error::{Error, Result, check_count, check_length, check_not_empty, check_rows};
use crate::float::{Float, check_finite_rows};
use crate::simd;

/// Inputs, encodings and layers. Their sizes fit each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape<'a, T> {
    pub(super) inputs: usize,
    pub(super) front: Front<'a, T>,
    pub(super) layers: Layers<'a, T>,
}

/// Numbers of parameters of all layers, and of the encodings. Their sum fits usize.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) weights: usize,
    /// Rows of weights, each with a bias.
    pub(crate) rows: usize,
    /// Numbers α.
    pub(crate) alphas: usize,
    pub(crate) encodings: usize,
}

impl Counts {
    /// Returns the number of parameters in f32 or f64.
    pub(super) const fn total(&self) -> usize {
        self.weights + self.rows + self.alphas + self.encodings
    }
}

impl<'a, T: Float> Shape<'a, T> {
    /// Creates the shape of layers without encodings.
    ///
    /// # Errors
    /// See [`MlpRef::new`](super::MlpRef::new).
    pub(crate) fn new(inputs: usize, layers: &'a [LayerSpec<'a, T>]) -> Result<Self> {
        Self::checked(inputs, Front::All(&[]), layers)
    }

    /// Creates the shape of layers behind an encoding.
    ///
    /// # Errors
    /// See [`MlpRef::with_encoding`](super::MlpRef::with_encoding).
    pub(crate) fn with_encoding(
        encoding: &'a dyn Encoding<T>,
        layers: &'a [LayerSpec<'a, T>],
    ) -> Result<Self> {
        let encoding = EncodingSpec::of(encoding);
        check_count("inputs of the encoding", encoding.inputs)?;
        check_count("outputs of the encoding", encoding.outputs)?;
        Self::checked(encoding.inputs, Front::One(encoding), layers)
    }

    fn checked(inputs: usize, front: Front<'a, T>, layers: &'a [LayerSpec<'a, T>]) -> Result<Self> {
        check_not_empty("layers", layers)?;
        layers.iter().try_for_each(LayerSpec::check)?;
        let mut activations = layers.iter().map(LayerSpec::activation);
        activations.try_for_each(Activation::check)?;
        let layers = Layers::Specs(layers);
        let shape = Self {
            inputs,
            front,
            layers,
        };
        if shape.count().is_none() {
            let what = "sizes of inputs and layers";
            let expected = "at least 1 each, and a number of parameters that fits usize";
            let width = shape.first_width();
            let got = alloc::format!("{width} inputs, {layers:?}");
            return Err(Error::invalid_setting(what, expected, got));
        }
        Ok(shape)
    }

    /// Creates the shape of layers behind these encodings, or behind this number of inputs.
    ///
    /// # Panics
    /// Panics if a size is zero, or if the number of parameters is too large.
    pub(super) const fn asserted(
        inputs: usize,
        front: Front<'a, T>,
        layers: &'a [LayerSpec<'a, T>],
    ) -> Self {
        let inputs = match front.encodings() {
            [] => inputs,
            _ => front.sizes().0,
        };
        let shape = Self {
            inputs,
            front,
            layers: Layers::Specs(layers),
        };
        assert!(
            shape.count().is_some(),
            "a network needs inputs, layers, and neurons in each layer"
        );
        shape
    }

    /// Creates the shape of a constant network without encodings.
    ///
    /// # Panics
    /// See [`asserted`](Self::asserted).
    pub(crate) const fn constant(inputs: usize, layers: &'a [LayerSpec<'a, T>]) -> Self {
        Self::asserted(inputs, Front::All(&[]), layers)
    }

    /// Creates the shape of a constant network with encodings side by side.
    ///
    /// # Panics
    /// Panics without encodings, if one has no inputs, and as [`asserted`](Self::asserted).
    pub(crate) const fn constant_with_encodings(
        encodings: &'a [EncodingSpec<'a, T>],
        layers: &'a [LayerSpec<'a, T>],
    ) -> Self {
        assert!(
            !encodings.is_empty(),
            "a network with encodings needs at least one"
        );
        Self::asserted(0, Front::All(encodings), layers)
    }

    /// Returns the numbers of parameters, or `None` if a size is zero or a number is too large.
    const fn count(&self) -> Option<Counts> {
        let mut counts = Counts {
            weights: 0,
            rows: 0,
            alphas: 0,
            encodings: self.front.sizes().2,
        };
        let (mut before, mut index) = (self.first_width(), 0);
        let mut total = counts.encodings;
        while index < self.layers.len() {
            let (outputs, rows) = self.layers.sizes(index);
            if rows == 0 || before == 0 {
                return None;
            }
            let weights = rows.saturating_mul(before);
            let alphas = if self.layers.is_parametric(index) {
                rows
            } else {
                0
            };
            total = total.saturating_add(weights);
            total = total.saturating_add(rows).saturating_add(alphas);
            if total == usize::MAX {
                return None;
            }
            counts.weights += weights;
            counts.rows += rows;
            counts.alphas += alphas;
            (before, index) = (outputs, index + 1);
        }
        match index {
            0 => None,
            _ => Some(counts),
        }
    }

    /// Returns the numbers of parameters.
    pub(crate) const fn counts(&self) -> Counts {
        match self.count() {
            Some(counts) => counts,
            None => panic!("the sizes of a shape have been checked"),
        }
    }

    /// Returns the number of inputs of the first layer.
    const fn first_width(&self) -> usize {
        match self.front.encodings() {
            [] => self.inputs,
            _ => self.front.sizes().1,
        }
    }

    /// Returns the number of inputs.
    pub(crate) const fn inputs(&self) -> usize {
        self.inputs
    }

    /// Returns the number of outputs.
    pub(crate) const fn outputs(&self) -> usize {
        self.layers.sizes(self.layers.len() - 1).0
    }

    /// Returns the encodings in order.
    pub(crate) const fn encodings(&self) -> &[EncodingSpec<'a, T>] {
        self.front.encodings()
    }

    /// Returns the layers in order, including the output layer.
    pub(crate) fn layers(&self) -> impl ExactSizeIterator<Item = LayerSpec<'a, T>> + use<'a, T> {
        let layers = self.layers;
        (0..layers.len()).map(move |index| layers.get(index))
    }

    /// Returns the maximum number of inputs of a layer that lie in the scratch array, and of
    /// pre-activations. Predictions need a scratch array of both.
    pub(crate) const fn widths(&self) -> (usize, usize) {
        let (mut values, mut rows, mut index) = (self.front.sizes().1, 0, 0);
        while index < self.layers.len() {
            let (outputs, own_rows) = self.layers.sizes(index);
            if index + 1 < self.layers.len() && outputs > values {
                values = outputs;
            }
            if own_rows > rows {
                rows = own_rows;
            }
            index += 1;
        }
        (values, rows)
    }

    /// Checks everything that a pass over samples reads or writes. Returns as much scratch space as
    /// it needs. `results` has a name, and this many numbers for each sample.
    pub(super) fn checked_scratch<'s>(
        &self,
        inputs: &[T],
        (what, results, width): (&'static str, &[T], usize),
        scratch: &'s mut [T],
        needed: usize,
    ) -> Result<&'s mut [T]> {
        simd::check()?;
        let samples = check_rows("inputs", inputs, self.inputs)?;
        check_length(what, results, samples.saturating_mul(width))?;
        let available = needed.min(scratch.len());
        let scratch = &mut scratch[..available];
        check_length("scratch", scratch, needed)?;
        check_finite_rows("inputs", inputs, self.inputs)?;
        match self.layers {
            Layers::Specs(layers) => layers.iter().try_for_each(LayerSpec::check_pieces)?,
            // An owned network was checked when it was built.
            #[cfg(target_has_atomic = "ptr")]
            Layers::Owned(..) => {}
        }
        let mut encodings = self.encodings().iter();
        encodings.try_for_each(EncodingSpec::check)?;
        Ok(scratch)
    }

    /// Predicts by this function after checking its arguments, and checks the outputs.
    ///
    /// # Errors
    /// See [`MlpRef::predict_into`](super::MlpRef::predict_into).
    pub(crate) fn predict(
        &self,
        inputs: &[T],
        outputs: &mut [T],
        scratch: &mut [T],
        mut run: impl FnMut(&[T], &mut [T], Scratch<'_, T>, Visit<'_, '_, T>),
    ) -> Result<()> {
        let (values, rows) = self.widths();
        let results = ("outputs", &*outputs, self.outputs());
        let scratch = self.checked_scratch(inputs, results, scratch, values + rows)?;
        let (values, z) = scratch.split_at_mut(values);
        run(inputs, outputs, (&mut *values, &mut *z), None);
        let Some(index) = outputs.iter().position(|y| !y.is_finite()) else {
            return Ok(());
        };
        // The sample of this output is evaluated again, to find the first number that overflows.
        let (row, value) = (index / self.outputs(), outputs[index].as_f64());
        let input = &inputs[row * self.inputs..][..self.inputs];
        let output = &mut outputs[row * self.outputs()..][..self.outputs()];
        let mut first: Option<Overflow> = None;
        let mut visit = |computed: Computed<'_, T>| match computed {
            Computed::EncodedInputs(x) => find(&mut first, "encoded input", 0, x),
            // An activation may limit pre-activations that overflow.
            Computed::Layer(index, _, y) => find(&mut first, "output", index, y),
        };
        run(input, output, (values, z), Some(&mut visit));
        let last = ("output", self.layers.len() - 1, value);
        let (what, layer, value) = first.unwrap_or(last);
        Err(Error::Overflow { what, layer, value })
    }
}
