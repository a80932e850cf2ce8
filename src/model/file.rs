//! Model files: a model with its input scaler, encoding and notes.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Scaler;
use super::parts::check_samples;
use super::written::{LoadModel, Model, read_scaler, readable, write_scaler};
use crate::encoding::{Builtin, Encoding, Fourier, OneBlob, Positional};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::mlp::Mlp;
use crate::mlp::file::{ENCODING, Resolver, SCALER};
use crate::storage::{Reader, Writer, malformed, on_disk};

/// Contents of a model file: a model with its input scaler, encoding and notes.
///
/// ```
/// use feedforward::{Mlp, ModelFile, activation::{Identity, Relu}};
/// use feedforward::encoding::Fourier;
///
/// let encoding = Fourier::new(2, 16, 3.0, 1)?;
/// let net = Mlp::<f32>::builder(32).hidden(8, Relu).output(3, Identity).build()?;
/// let file = ModelFile::new(net).encoding(encoding).note("picture", "a logo");
/// let bytes = file.to_bytes()?;
///
/// let read = ModelFile::<f32>::from_bytes(&bytes)?;
/// assert_eq!(read.predict(&[0.5, 0.25])?, file.predict(&[0.5, 0.25])?); // encoded, then predicted
/// assert_eq!(read.notes["picture"], "a logo");
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ModelFile<T, M = Mlp<T>> {
    /// Network, classifier or regressor. Its inputs must be scaled and encoded, as
    /// [`predict`](ModelFile::predict) does.
    pub model: M,
    /// Encoding of the (scaled) inputs.
    pub encoding: Option<Builtin<T>>,
    /// Scaler of the inputs. Alternatively, fold it into the network.
    pub scaler: Option<Scaler<T>>,
    /// Free-form texts of the program, by name.
    pub notes: BTreeMap<String, String>,
}

/// Encoding in a description. The directions of Fourier features are stored as a tensor.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Encoded {
    Fourier { inputs: usize, frequencies: usize },
    Positional { inputs: usize, octaves: usize },
    OneBlob { inputs: usize, bins: usize },
}

const DIRECTIONS: &str = "encoding.directions";

impl<T: Float, M: Model<T>> ModelFile<T, M> {
    /// Creates the contents of a file with the model alone.
    pub fn new(model: M) -> Self {
        Self {
            model,
            encoding: None,
            scaler: None,
            notes: BTreeMap::new(),
        }
    }

    /// Adds the encoding of the inputs.
    pub fn encoding(mut self, encoding: impl Into<Builtin<T>>) -> Self {
        self.encoding = Some(encoding.into());
        self
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
    /// or lists of labels. [`prepare`](Self::prepare) first scales and encodes the inputs.
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

    /// Scales and encodes samples for the methods of the model, as far as the file has a scaler and
    /// an encoding.
    ///
    /// # Errors
    /// - [`Error::Shape`] if scaler, encoding and model do not fit each other.
    /// - [`Error::Rows`] unless there are whole samples.
    /// - [`Error::NotFinite`] if a number is not finite, before or after.
    pub fn prepare(&self, inputs: &[T]) -> Result<Vec<T>> {
        self.check()?;
        let width = match (&self.scaler, &self.encoding) {
            (Some(scaler), _) => scaler.offsets().len(),
            (None, Some(encoding)) => encoding.inputs(),
            (None, None) => self.model.network().inputs(),
        };
        check_samples("inputs", inputs, width)?;
        let mut prepared = inputs.to_vec();
        if let Some(scaler) = &self.scaler {
            scaler.transform_in_place(&mut prepared)?;
        }
        if let Some(encoding) = &self.encoding {
            prepared = encoding.encode(&prepared)?;
        }
        Ok(prepared)
    }

    /// Returns all contents as the bytes of a safetensors file, in the format of [`Mlp::to_bytes`].
    ///
    /// # Errors
    /// [`Error::Shape`] if encoding or scaler do not fit the network.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.check()?;
        let mut file = Writer::new(M::KINDS[0]);
        self.model.network().write(&mut file)?;
        self.model.describe(&mut file)?;
        if let Some(encoding) = &self.encoding {
            let (inputs, outputs) = (encoding.inputs(), encoding.outputs());
            let encoded = match encoding {
                Builtin::Fourier(fourier) => {
                    let frequencies = outputs / 2;
                    file.add(DIRECTIONS, &[frequencies, inputs], fourier.directions());
                    Encoded::Fourier {
                        inputs,
                        frequencies,
                    }
                }
                Builtin::Positional(_) => {
                    let octaves = outputs / inputs / 2;
                    Encoded::Positional { inputs, octaves }
                }
                Builtin::OneBlob(_) => {
                    let bins = outputs / inputs;
                    Encoded::OneBlob { inputs, bins }
                }
            };
            file.describe(ENCODING, &encoded)?;
        }
        if let Some(scaler) = &self.scaler {
            write_scaler(&mut file, SCALER, scaler)?;
        }
        file.describe("notes", &self.notes)?;
        file.finish()
    }

    /// Checks that scaler, encoding and network fit each other.
    fn check(&self) -> Result<()> {
        let mut inputs = self.model.network().inputs();
        if let Some(encoding) = &self.encoding {
            check_fit("outputs of the encoding", inputs, encoding.outputs())?;
            inputs = encoding.inputs();
        }
        if let Some(scaler) = &self.scaler {
            check_fit("columns of the scaler", inputs, scaler.offsets().len())?;
        }
        Ok(())
    }
}

impl<T: Float, M: LoadModel<T>> ModelFile<T, M> {
    fn read(file: &Reader<'_>, resolver: Resolver<'_, T>) -> Result<Self> {
        let network = Mlp::read(file, resolver)?;
        let width = network.inputs();
        // Check sizes before allocating anything from them.
        let fits = |inputs: usize, each: usize| match inputs.checked_mul(each) {
            Some(outputs) if outputs == width => Ok(()),
            _ => Err(malformed(format!(
                "the encoding does not return {width} numbers"
            ))),
        };
        let encoding = match file.find(ENCODING)? {
            None => None,
            Some(Encoded::Fourier {
                inputs,
                frequencies,
            }) => {
                fits(2, frequencies)?;
                let directions: Vec<T> = file.values(DIRECTIONS, &[frequencies, inputs])?;
                Some(Fourier::from_directions(inputs, directions)?.into())
            }
            Some(Encoded::Positional { inputs, octaves }) => {
                fits(inputs, octaves.saturating_mul(2))?;
                Some(Positional::new(inputs, octaves)?.into())
            }
            Some(Encoded::OneBlob { inputs, bins }) => {
                fits(inputs, bins)?;
                Some(OneBlob::new(inputs, bins)?.into())
            }
        };
        let scaler = read_scaler(file, SCALER)?;
        let read = Self {
            model: M::of(network, file)?,
            encoding,
            scaler,
            notes: file.find("notes")?.unwrap_or_default(),
        };
        read.check()?;
        Ok(read)
    }
}

fn check_fit(what: &'static str, expected: usize, got: usize) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(Error::shape(what, expected.to_string(), got))
}

on_disk!(save [T: Float, M: Model<T>] ModelFile<T, M>);
readable! {
    [T: Float, M: LoadModel<T>] ModelFile<T, M>, M::KINDS, "holds another kind of model."
}
