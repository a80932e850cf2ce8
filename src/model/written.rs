//! Files of networks, classifiers and regressors.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{Debug, Display};
use core::str::FromStr;

use super::{Classifier, MultilabelClassifier, Regressor, Scaler};
use crate::error::Result;
use crate::float::Float;
use crate::mlp::file::{
    CLASSIFIER, MODELS, MULTILABEL, REGRESSOR, TARGET_SCALER, check_alone, check_unscaled,
};
use crate::mlp::{Mlp, Resolver};
use crate::storage::{Reader, Writer, malformed, on_disk};

/// Content of a [`ModelFile`](super::ModelFile): a network, classifier or regressor.
pub trait Model<T> {
    /// Predictions for samples: numbers or labels.
    type Predicted;

    #[doc(hidden)]
    const KINDS: &'static [&'static str];
    #[doc(hidden)]
    fn network(&self) -> &Mlp<T>;
    /// Adds all parts of the model except the network.
    #[doc(hidden)]
    fn describe(&self, file: &mut Writer) -> Result<()>;
    #[doc(hidden)]
    fn predict(&self, inputs: &[T]) -> Result<Self::Predicted>;
}

/// [`Model`] that can be read from a file. Its labels must implement [`FromStr`].
pub trait LoadModel<T>: Model<T> + Sized {
    #[doc(hidden)]
    fn of(network: Mlp<T>, file: &Reader<'_>) -> Result<Self>;
}

impl<T: Float> Model<T> for Mlp<T> {
    type Predicted = Vec<T>;
    const KINDS: &'static [&'static str] = &MODELS;

    fn network(&self) -> &Mlp<T> {
        self
    }

    fn describe(&self, _: &mut Writer) -> Result<()> {
        Ok(())
    }

    fn predict(&self, inputs: &[T]) -> Result<Vec<T>> {
        self.predict(inputs)
    }
}

impl<T: Float> LoadModel<T> for Mlp<T> {
    fn of(network: Mlp<T>, file: &Reader<'_>) -> Result<Self> {
        check_unscaled(file)?;
        Ok(network)
    }
}

macro_rules! labeled {
    ($model:ident, $kind:ident, $predicted:ty) => {
        impl<T: Float, L: Ord + Clone + Debug + Display> Model<T> for $model<T, L> {
            type Predicted = $predicted;
            const KINDS: &'static [&'static str] = &[$kind];

            fn network(&self) -> &Mlp<T> {
                self.network()
            }

            fn describe(&self, file: &mut Writer) -> Result<()> {
                self.check()?;
                file.describe("labels", &written(self.classes())?)
            }

            fn predict(&self, inputs: &[T]) -> Result<$predicted> {
                self.predict(inputs)
            }
        }

        impl<T, L> LoadModel<T> for $model<T, L>
        where
            T: Float,
            L: Ord + Clone + Debug + Display + FromStr,
        {
            fn of(network: Mlp<T>, file: &Reader<'_>) -> Result<Self> {
                let labels: Vec<String> = file.get("labels")?;
                Self::from_network(network, parsed(&labels)?)
            }
        }
    };
}

labeled!(Classifier, CLASSIFIER, Vec<L>);
labeled!(MultilabelClassifier, MULTILABEL, Vec<Vec<L>>);

/// Returns the labels as text. Their texts must be distinct.
fn written<L: Display>(labels: &[L]) -> Result<Vec<String>> {
    let labels: Vec<_> = labels.iter().map(L::to_string).collect();
    let mut ascending: Vec<_> = labels.iter().collect();
    ascending.sort_unstable();
    match ascending.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(malformed(format!(
            "two different labels are both displayed as {:?}",
            pair[0]
        ))),
        None => Ok(labels),
    }
}

/// Parses labels into the caller's type.
fn parsed<L: FromStr>(labels: &[String]) -> Result<Vec<L>> {
    let parse = |label: &String| {
        let problem = || malformed(format!("{label:?} is not a label of the requested type"));
        label.parse().map_err(|_| problem())
    };
    labels.iter().map(parse).collect()
}

impl<T: Float> Model<T> for Regressor<T> {
    type Predicted = Vec<T>;
    const KINDS: &'static [&'static str] = &[REGRESSOR];

    fn network(&self) -> &Mlp<T> {
        self.network()
    }

    fn describe(&self, file: &mut Writer) -> Result<()> {
        self.check()?;
        file.describe("link", &self.link)?;
        file.describe("scale_targets", &self.scale_targets)?;
        if let Some(scaler) = &self.scaler {
            write_scaler(file, TARGET_SCALER, scaler)?;
        }
        Ok(())
    }

    fn predict(&self, inputs: &[T]) -> Result<Vec<T>> {
        self.predict(inputs)
    }
}

impl<T: Float> LoadModel<T> for Regressor<T> {
    fn of(network: Mlp<T>, file: &Reader<'_>) -> Result<Self> {
        let mut model = Regressor::new(network).link(file.get("link")?);
        // Files without this entry hold networks trained on unscaled targets.
        model.scale_targets = file.find("scale_targets")?.unwrap_or(false);
        model.scaler = read_scaler(file, TARGET_SCALER)?;
        model.check()?;
        Ok(model)
    }
}

pub(crate) fn write_scaler<T: Float>(
    file: &mut Writer,
    name: &str,
    scaler: &Scaler<T>,
) -> Result<()> {
    let width = scaler.offsets().len();
    file.describe(name, &width)?;
    file.add(format!("{name}.offsets"), &[width], scaler.offsets());
    file.add(format!("{name}.scales"), &[width], scaler.scales());
    Ok(())
}

pub(crate) fn read_scaler<T: Float>(file: &Reader<'_>, name: &str) -> Result<Option<Scaler<T>>> {
    let Some(width) = file.find::<usize>(name)? else {
        return Ok(None);
    };
    let part = |part| file.values(&format!("{name}.{part}"), &[width]);
    let (offsets, scales): (Vec<T>, Vec<T>) = (part("offsets")?, part("scales")?);
    Scaler::from_parts(offsets, scales).map(Some)
}

/// Implements `from_bytes`, `from_bytes_with` and `load` through `read` of an open file.
macro_rules! readable {
    ([$($parameters:tt)*] $model:ty, $kinds:expr, $malformed:literal) => {
        impl<$($parameters)*> $model {
            /// Reads a model from the bytes of [`to_bytes`](Self::to_bytes), which are not trusted.
            ///
            /// # Errors
            /// The errors of [`Mlp::from_bytes`], and
            /// [`Error::Malformed`](crate::Error::Malformed) if the file
            #[doc = $malformed]
            pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
                Self::from_bytes_with(bytes, $crate::mlp::resolver::BuiltIn)
            }

            /// Reads like [`from_bytes`](Self::from_bytes), with custom activations and encodings
            /// like [`Mlp::from_bytes_with`].
            ///
            /// # Errors
            /// See [`from_bytes`](Self::from_bytes).
            pub fn from_bytes_with(
                bytes: &[u8],
                resolver: impl $crate::mlp::Resolver<T>,
            ) -> Result<Self> {
                Self::read(&Reader::new(bytes, $kinds)?, &resolver)
            }
        }
        on_disk!(load [$($parameters)*] $model);
    };
}
pub(super) use readable;

/// Implements saving and loading of a model alone. The two have different type parameters.
macro_rules! as_files {
    ([$($saved:tt)*] [$($loaded:tt)*] $model:ty) => {
        impl<$($saved)*> $model {
            /// Returns the model as the bytes of a safetensors file. The network has the format of
            /// [`Mlp::to_bytes`].
            ///
            /// Labels are written by their [`Display`] and read by their [`FromStr`], which must be
            /// inverse to each other. Class weights are not stored, since they matter only in
            /// training.
            ///
            /// # Errors
            /// [`Error::Malformed`](crate::Error::Malformed) if the format cannot hold the model,
            /// or if two labels have the same text.
            pub fn to_bytes(&self) -> Result<Vec<u8>> {
                let mut file = Writer::new(<Self as Model<T>>::KINDS[0]);
                self.network().write(&mut file)?;
                Model::describe(self, &mut file)?;
                file.finish()
            }
        }
        on_disk!(save [$($saved)*] $model);

        impl<$($loaded)*> $model {
            fn read(file: &Reader<'_>, resolver: &dyn Resolver<T>) -> Result<Self> {
                check_alone(file)?;
                Self::of(Mlp::read(file, resolver)?, file)
            }
        }
        readable! {
            [$($loaded)*] $model, <Self as Model<T>>::KINDS,
            "holds another kind of model, or a scaler, which needs a \
             [`ModelFile`](crate::ModelFile)."
        }
    };
}

as_files!(
    [T: Float, L: Ord + Clone + Debug + Display]
    [T: Float, L: Ord + Clone + Debug + Display + FromStr]
    Classifier<T, L>
);
as_files!(
    [T: Float, L: Ord + Clone + Debug + Display]
    [T: Float, L: Ord + Clone + Debug + Display + FromStr]
    MultilabelClassifier<T, L>
);
as_files!([T: Float] [T: Float] Regressor<T>);
