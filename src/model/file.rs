//! Models, and what belongs around them, as files.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{Debug, Display};
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Classifier, MultilabelClassifier, Regressor, Scaler};
use crate::activation::Activation;
use crate::encoding::{Builtin, Encoding, Fourier, OneBlob, Positional};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::mlp::Mlp;
use crate::mlp::file::{CLASSIFIER, MODELS, MULTILABEL, REGRESSOR, Resolver, built_in};
use crate::storage::{Reader, Writer, malformed, on_disk};

/// What a [`ModelFile`] can hold: a network, or a classifier or regressor around one.
pub trait Model<T>: Sized {
    #[doc(hidden)]
    const KINDS: &'static [&'static str];
    #[doc(hidden)]
    fn network(&self) -> &Mlp<T>;
    /// Adds what is not in the network.
    #[doc(hidden)]
    fn describe(&self, file: &mut Writer) -> Result<()>;
    #[doc(hidden)]
    fn of(network: Mlp<T>, file: &Reader<'_>) -> Result<Self>;
}

impl<T: Float> Model<T> for Mlp<T> {
    const KINDS: &'static [&'static str] = &MODELS;

    fn network(&self) -> &Mlp<T> {
        self
    }

    fn describe(&self, _: &mut Writer) -> Result<()> {
        Ok(())
    }

    fn of(network: Mlp<T>, _: &Reader<'_>) -> Result<Self> {
        Ok(network)
    }
}

macro_rules! labelled {
    ($model:ident, $kind:ident) => {
        impl<T, L> Model<T> for $model<T, L>
        where
            T: Float,
            L: Ord + Clone + Debug + Display + FromStr,
        {
            const KINDS: &'static [&'static str] = &[$kind];

            fn network(&self) -> &Mlp<T> {
                self.network()
            }

            fn describe(&self, file: &mut Writer) -> Result<()> {
                let labels: Vec<_> = self.classes().iter().map(L::to_string).collect();
                file.describe("labels", &labels)
            }

            fn of(network: Mlp<T>, file: &Reader<'_>) -> Result<Self> {
                let labels: Vec<String> = file.get("labels")?;
                Self::from_network(network, parsed(&labels)?)
            }
        }
    };
}

labelled!(Classifier, CLASSIFIER);
labelled!(MultilabelClassifier, MULTILABEL);

/// Labels of the caller's type.
fn parsed<L: FromStr>(labels: &[String]) -> Result<Vec<L>> {
    let parse = |label: &String| {
        let problem = || malformed(format!("{label:?} is no label of the type asked for"));
        label.parse().map_err(|_| problem())
    };
    labels.iter().map(parse).collect()
}

impl<T: Float> Model<T> for Regressor<T> {
    const KINDS: &'static [&'static str] = &[REGRESSOR];

    fn network(&self) -> &Mlp<T> {
        self.network()
    }

    fn describe(&self, file: &mut Writer) -> Result<()> {
        file.describe("link", &self.link)
    }

    fn of(network: Mlp<T>, file: &Reader<'_>) -> Result<Self> {
        Ok(Regressor::new(network).link(file.get("link")?))
    }
}

/// A model and what a program needs around it, as one file holds it.
///
/// ```
/// use feedforward::{Encoding, Mlp, ModelFile, activation::{Identity, Relu}};
/// use feedforward::encoding::Fourier;
///
/// let encoding = Fourier::new(2, 16, 3.0, 1)?;
/// let net = Mlp::<f32>::builder(32).hidden(8, Relu).output(3, Identity).build()?;
/// let file = ModelFile::new(net).encoding(encoding).note("picture", "a logo");
/// let bytes = file.to_bytes()?;
///
/// let read = ModelFile::<f32>::from_bytes(&bytes)?;
/// let encoded = read.encoding.as_ref().unwrap().encode(&[0.5, 0.25])?;
/// assert_eq!(read.model.predict(&encoded)?, file.model.predict(&encoded)?);
/// assert_eq!(read.notes["picture"], "a logo");
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ModelFile<T, M = Mlp<T>> {
    /// The network, or the classifier or regressor around it.
    pub model: M,
    /// What inputs are encoded by before the network takes them.
    pub encoding: Option<Builtin<T>>,
    /// What inputs are scaled by before all else. (Or fold it into the network.)
    pub scaler: Option<Scaler<T>>,
    /// Words of the program's own, by name.
    pub notes: BTreeMap<String, String>,
}

/// An encoding in a description; Fourier's directions are a tensor.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Encoded {
    Fourier { inputs: usize, frequencies: usize },
    Positional { inputs: usize, octaves: usize },
    OneBlob { inputs: usize, bins: usize },
}

const DIRECTIONS: &str = "encoding.directions";
const OFFSETS: &str = "scaler.offsets";
const SCALES: &str = "scaler.scales";

impl<T: Float, M: Model<T>> ModelFile<T, M> {
    /// The model alone.
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

    /// Everything as the bytes of a safetensors file, as [`Mlp::to_bytes`] has it.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if encoding or scaler do not fit the network.
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
                    let shape = [frequencies, inputs];
                    file.add(DIRECTIONS, &shape, fourier.directions());
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
            file.describe("encoding", &encoded)?;
        }
        if let Some(scaler) = &self.scaler {
            let width = scaler.offsets().len();
            file.describe("scaler", &width)?;
            file.add(OFFSETS, &[width], scaler.offsets());
            file.add(SCALES, &[width], scaler.scales());
        }
        file.describe("notes", &self.notes)?;
        file.finish()
    }

    /// Reads [`to_bytes`](Self::to_bytes). Nothing of the bytes is trusted.
    ///
    /// # Errors
    /// As [`Mlp::from_bytes`]; [`Error::Malformed`] also if it holds another kind of model.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_bytes_with(bytes, built_in)
    }

    /// [`from_bytes`](Self::from_bytes), with activations of your own, as
    /// [`Mlp::from_bytes_with`] takes them.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes).
    pub fn from_bytes_with(
        bytes: &[u8],
        resolver: impl Fn(&str) -> Option<Arc<dyn Activation<T>>>,
    ) -> Result<Self> {
        Self::read(&Reader::new(bytes, M::KINDS)?, &resolver)
    }

    fn read(file: &Reader<'_>, resolver: Resolver<'_, T>) -> Result<Self> {
        let network = Mlp::read(file, resolver)?;
        let width = network.inputs();
        // Checked before anything of that size is made.
        let fits = |inputs: usize, each: usize| match inputs.checked_mul(each) {
            Some(outputs) if outputs == width => Ok(()),
            _ => Err(malformed(format!(
                "the encoding does not give {width} numbers"
            ))),
        };
        let encoding = match file.find("encoding")? {
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
        let scaler = match file.find("scaler")? {
            None => None,
            Some(width) => {
                let offsets: Vec<T> = file.values(OFFSETS, &[width])?;
                Some(Scaler::from_parts(offsets, file.values(SCALES, &[width])?)?)
            }
        };
        let read = Self {
            model: M::of(network, file)?,
            encoding,
            scaler,
            notes: file.find("notes")?.unwrap_or_default(),
        };
        read.check()?;
        Ok(read)
    }

    /// Whether inputs go through scaler and encoding into the network.
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

fn check_fit(what: &'static str, expected: usize, got: usize) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(Error::out_of_range(what, expected.to_string(), got))
}

on_disk!([T: Float, M: Model<T>] ModelFile<T, M>);

/// The methods of a model alone.
macro_rules! as_files {
    ([$($parameter:tt)*] $model:ty) => {
        impl<$($parameter)*> $model {
            /// The model as the bytes of a safetensors file: its network as [`Mlp::to_bytes`] has it,
            /// and what is around it. Class weights, which matter in training alone, are not
            /// part of it.
            ///
            /// # Errors
            /// [`Error::Malformed`] if the format cannot hold it.
            pub fn to_bytes(&self) -> Result<Vec<u8>> {
                let mut file = Writer::new(<Self as Model<T>>::KINDS[0]);
                self.network().write(&mut file)?;
                Model::describe(self, &mut file)?;
                file.finish()
            }

            /// Reads [`to_bytes`](Self::to_bytes). Nothing of the bytes is trusted.
            ///
            /// # Errors
            /// As [`Mlp::from_bytes`]; [`Error::Malformed`] also if it is another kind of model.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
                Self::from_bytes_with(bytes, built_in)
            }

            /// [`from_bytes`](Self::from_bytes), with activations of your own, as
            /// [`Mlp::from_bytes_with`] takes them.
            ///
            /// # Errors
            /// As [`from_bytes`](Self::from_bytes).
            pub fn from_bytes_with(
                bytes: &[u8],
                resolver: impl Fn(&str) -> Option<Arc<dyn Activation<T>>>,
            ) -> Result<Self> {
                Ok(ModelFile::from_bytes_with(bytes, resolver)?.model)
            }
        }
        on_disk!([$($parameter)*] $model);
    };
}

as_files!([T: Float, L: Ord + Clone + Debug + Display + FromStr] Classifier<T, L>);
as_files!([T: Float, L: Ord + Clone + Debug + Display + FromStr] MultilabelClassifier<T, L>);
as_files!([T: Float] Regressor<T>);
