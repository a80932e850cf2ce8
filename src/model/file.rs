//! Model files: a model with its input scaler and notes.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Scaler;
use super::parts::check_samples;
use super::written::{LoadModel, Model, read_scaler, readable, write_scaler};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::mlp::Mlp;
use crate::mlp::Resolver;
use crate::mlp::file::SCALER;
use crate::storage::{Reader, Writer, on_disk};

/// Contents of a model file: a model with its input scaler and notes.
///
/// ```
/// use feedforward::{Mlp, ModelFile, Scaler, activation::{Identity, Relu}};
///
/// let scaler = Scaler::min_max(&[0.0, 0.0, 640.0, 480.0], 2, 0.0..=1.0)?;
/// let net = Mlp::<f32>::builder(2).hidden(8, Relu).output(3, Identity).build()?;
/// let file = ModelFile::new(net).scaler(scaler).note("picture", "a logo");
/// let bytes = file.to_bytes()?;
///
/// let read = ModelFile::<f32>::from_bytes(&bytes)?;
/// assert_eq!(read.predict(&[320.0, 64.0])?, file.predict(&[320.0, 64.0])?);
/// assert_eq!(read.notes["picture"], "a logo");
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ModelFile<T, M = Mlp<T>> {
    /// Network, classifier or regressor. Its inputs must be scaled, as
    /// [`predict`](ModelFile::predict) does.
    pub model: M,
    /// Scaler of the inputs. Alternatively, fold it into the network.
    pub scaler: Option<Scaler<T>>,
    /// Free-form texts of the program, by name.
    pub notes: BTreeMap<String, String>,
}

impl<T: Float, M: Model<T>> ModelFile<T, M> {
    /// Creates the contents of a file with the model alone.
    pub fn new(model: M) -> Self {
        Self {
            model,
            scaler: None,
            notes: BTreeMap::new(),
        }
    }

    /// Adds the scaling of the inputs.
    pub fn scaler(mut self, scaler: Scaler<T>) -> Self {
        self.scaler = Some(scaler);
        self
    }

    /// Adds a note.
    pub fn note(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.notes.insert(name.into(), text.into());
        self
    }

    /// Returns the model's predictions for samples, row-major `[samples x inputs]`: numbers, labels
    /// or lists of labels. [`prepare`](Self::prepare) first scales the inputs.
    ///
    /// ```
    /// use feedforward::{Classifier, Mlp, ModelFile, Scaler, activation::Tanh};
    ///
    /// let scaler = Scaler::standard(&[150.0, 60.0, 180.0, 90.0], 2)?;
    /// let model = Classifier::new(Mlp::<f64>::builder(2).hidden(4, Tanh), ["cat", "dog"])?;
    /// let file = ModelFile::new(model).scaler(scaler);
    /// let (sample, scaled) = ([170.0, 70.0], file.prepare(&[170.0, 70.0])?);
    /// assert_eq!(file.predict(&sample)?, file.model.predict(&scaled)?);
    /// let probabilities = file.model.predict_probability(&scaled)?;
    /// assert_eq!(probabilities.len(), 2);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`prepare`](Self::prepare) and of the model's own `predict`.
    pub fn predict(&self, inputs: &[T]) -> Result<M::Predicted> {
        self.model.predict(&self.prepare(inputs)?)
    }

    /// Scales samples for the methods of the model, if the file has a scaler.
    ///
    /// # Errors
    /// - [`Error::Shape`] if scaler and model do not fit each other.
    /// - [`Error::Rows`] unless there are whole samples.
    /// - [`Error::NotFinite`] if a number is not finite, before or after.
    pub fn prepare(&self, inputs: &[T]) -> Result<Vec<T>> {
        self.check()?;
        check_samples("inputs", inputs, self.model.network().inputs())?;
        let mut prepared = inputs.to_vec();
        if let Some(scaler) = &self.scaler {
            scaler.transform_in_place(&mut prepared)?;
        }
        Ok(prepared)
    }

    /// Returns all contents as the bytes of a safetensors file, in the format of [`Mlp::to_bytes`].
    ///
    /// # Errors
    /// [`Error::Shape`] if the scaler does not fit the network.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.check()?;
        let mut file = Writer::new(M::KINDS[0]);
        self.model.network().write(&mut file)?;
        self.model.describe(&mut file)?;
        if let Some(scaler) = &self.scaler {
            write_scaler(&mut file, SCALER, scaler)?;
        }
        file.describe("notes", &self.notes)?;
        file.finish()
    }

    /// Checks that scaler and network fit each other.
    fn check(&self) -> Result<()> {
        let (expected, got) = match &self.scaler {
            None => return Ok(()),
            Some(scaler) => (self.model.network().inputs(), scaler.offsets().len()),
        };
        if expected == got {
            return Ok(());
        }
        Err(Error::shape(
            "columns of the scaler",
            expected.to_string(),
            got,
        ))
    }
}

impl<T: Float, M: LoadModel<T>> ModelFile<T, M> {
    fn read(file: &Reader<'_>, resolver: &dyn Resolver<T>) -> Result<Self> {
        let network = Mlp::read(file, resolver)?;
        let scaler = read_scaler(file, SCALER)?;
        let read = Self {
            model: M::of(network, file)?,
            scaler,
            notes: file.find("notes")?.unwrap_or_default(),
        };
        read.check()?;
        Ok(read)
    }
}

on_disk!(save [T: Float, M: Model<T>] ModelFile<T, M>);
readable! {
    [T: Float, M: LoadModel<T>] ModelFile<T, M>, M::KINDS, "holds another kind of model."
}
