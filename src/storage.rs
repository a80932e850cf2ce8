//! Named tensors and a description in one file, in the safetensors format.
//!
//! The description is JSON under the one key `feedforward` of the format's metadata. It carries a
//! checksum of itself and of all tensors, so that a file that was damaged is told from one that was
//! not. What others wrote has no description, and only its tensors can be read.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Result, bounded};
use crate::float::Float;

/// The key of the description.
const KEY: &str = "feedforward";

/// The layout of descriptions; files of a later one are refused.
const VERSION: u64 = 1;

const CHECKSUM: &str = "checksum";

/// What is read, in error messages.
const WHAT: &str = "model file";

pub(crate) fn malformed(problem: impl Into<String>) -> Error {
    Error::Malformed {
        what: WHAT,
        problem: bounded(problem.into()),
    }
}

/// A file in the making.
#[derive(Debug)]
pub struct Writer {
    description: Map<String, Value>,
    tensors: Vec<Tensor>,
}

#[derive(Debug)]
struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty one, of this kind: what a reader will ask for.
    pub(crate) fn new(kind: &str) -> Self {
        let mut description = Map::new();
        description.insert("version".into(), VERSION.into());
        description.insert("crate".into(), env!("CARGO_PKG_VERSION").into());
        description.insert("kind".into(), kind.into());
        Self {
            description,
            tensors: Vec::new(),
        }
    }

    /// Adds to the description.
    pub(crate) fn describe(&mut self, key: &str, value: &impl Serialize) -> Result<()> {
        let value = serde_json::to_value(value)
            .map_err(|error| malformed(format!("{key} cannot be written: {error}")))?;
        self.description.insert(key.into(), value);
        Ok(())
    }

    /// Adds a tensor of this shape, which must have as many values.
    pub(crate) fn add<T: Float>(&mut self, name: impl Into<String>, shape: &[usize], values: &[T]) {
        let bytes = if T::DOUBLE {
            values.iter().flat_map(|x| x.wide().to_le_bytes()).collect()
        } else {
            let single = values.iter().map(|x| x.wide() as f32);
            single.flat_map(f32::to_le_bytes).collect()
        };
        self.tensors.push(Tensor {
            name: name.into(),
            dtype: dtype::<T>(),
            shape: shape.to_vec(),
            bytes,
        });
    }

    /// The file's bytes.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        let explain = |error: &dyn core::fmt::Display| malformed(error.to_string());
        self.tensors.sort_by(|a, b| a.name.cmp(&b.name));
        let views = self.tensors.iter().map(|tensor| {
            let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes);
            Ok((&*tensor.name, view.map_err(|error| explain(&error))?))
        });
        let views = views.collect::<Result<Vec<_>>>()?;
        let sum = checksum(&self.description, views.iter().cloned());
        self.description.insert(CHECKSUM.into(), sum.into());
        let text = Value::from(self.description).to_string();
        let metadata = [(KEY.to_string(), text)].into_iter().collect();
        serialize(views, Some(metadata)).map_err(|error| explain(&error))
    }
}

fn dtype<T: Float>() -> Dtype {
    if T::DOUBLE { Dtype::F64 } else { Dtype::F32 }
}

/// A file that was read, its tensors still where they were.
#[derive(Debug)]
pub struct Reader<'a> {
    description: Map<String, Value>,
    tensors: SafeTensors<'a>,
}

impl<'a> Reader<'a> {
    /// A file of ours of one of these kinds, undamaged.
    pub(crate) fn new(bytes: &'a [u8], kinds: &[&str]) -> Result<Self> {
        let (tensors, description) = parse(bytes)?;
        let Some(Value::Object(mut description)) = description else {
            let problem = "no description of a feedforward network; if PyTorch wrote it, give the \
                           activations to Mlp::from_state_dict";
            return Err(malformed(problem));
        };
        match description.get("version").and_then(Value::as_u64) {
            Some(1..=VERSION) => {}
            got => {
                let got = got.map_or("none".into(), |version| version.to_string());
                let problem = format!("expected version 1 to {VERSION}, got {got}");
                return Err(malformed(problem));
            }
        }
        let stated = description.remove(CHECKSUM);
        let mut named = tensors.tensors();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        let named = named.iter().map(|(name, view)| (&**name, view.clone()));
        let actual = checksum(&description, named);
        // A fuzzer does not guess checksums, and is to see what lies behind.
        let is_right = cfg!(fuzzing) || stated.as_ref().and_then(Value::as_str) == Some(&*actual);
        if !is_right {
            let stated = stated.unwrap_or_default();
            let problem = format!("damaged: checksum {actual}, expected {stated}");
            return Err(malformed(problem));
        }
        let reader = Self {
            description,
            tensors,
        };
        let kind: String = reader.get("kind")?;
        if !kinds.contains(&&*kind) {
            let problem = format!("expected a {}, got a {kind}", kinds.join(" or a "));
            return Err(malformed(problem));
        }
        Ok(reader)
    }

    /// A file of anybody's: tensors alone.
    pub(crate) fn foreign(bytes: &'a [u8]) -> Result<Self> {
        let (tensors, _) = parse(bytes)?;
        Ok(Self {
            description: Map::new(),
            tensors,
        })
    }

    /// What the description says, if it does.
    pub(crate) fn find<V: DeserializeOwned>(&self, key: &str) -> Result<Option<V>> {
        let parse = |value: &Value| {
            let parsed = serde_json::from_value(value.clone());
            parsed.map_err(|error| malformed(format!("{key}: {error}")))
        };
        self.description.get(key).map(parse).transpose()
    }

    /// What the description must say.
    pub(crate) fn get<V: DeserializeOwned>(&self, key: &str) -> Result<V> {
        self.find(key)?
            .ok_or_else(|| malformed(format!("the description has no {key}")))
    }

    /// The names of all tensors.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.tensors.names()
    }

    /// A tensor's shape, if there is one of that name.
    pub(crate) fn shape(&self, name: &str) -> Option<Vec<usize>> {
        Some(self.tensors.tensor(name).ok()?.shape().to_vec())
    }

    /// A tensor's values; numbers of the other precision are converted.
    pub(crate) fn values<T: Float>(&self, name: &str, shape: &[usize]) -> Result<Vec<T>> {
        let view = self
            .tensors
            .tensor(name)
            .map_err(|_| malformed(format!("there is no tensor {name}")))?;
        if view.shape() != shape {
            let (expected, got) = (shape, view.shape());
            let problem = format!("tensor {name}: expected shape {expected:?}, got {got:?}");
            return Err(malformed(problem));
        }
        match view.dtype() {
            Dtype::F32 => Ok(numbers(view.data(), |bytes| {
                f32::from_le_bytes(bytes).into()
            })),
            Dtype::F64 => Ok(numbers(view.data(), f64::from_le_bytes)),
            got => Err(malformed(format!(
                "tensor {name}: expected F32 or F64, got {got}"
            ))),
        }
    }
}

fn numbers<T: Float, const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<T> {
    let (whole, _) = bytes.as_chunks::<N>();
    whole.iter().map(|&bytes| T::of(number(bytes))).collect()
}

fn parse(bytes: &[u8]) -> Result<(SafeTensors<'_>, Option<Value>)> {
    let explain = |error: &dyn core::fmt::Display| malformed(error.to_string());
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| explain(&error))?;
    let text = metadata.metadata().as_ref().and_then(|map| map.get(KEY));
    let description = text.map(|text| serde_json::from_str(text)).transpose();
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| explain(&error))?;
    Ok((tensors, description.map_err(|error| explain(&error))?))
}

/// A number that tells one sequence of values from another.
pub(crate) fn hash<'a, T: Float>(values: impl Iterator<Item = &'a T>) -> u64 {
    values.fold(START, |hash, x| {
        x.wide().to_bits().to_le_bytes().into_iter().fold(hash, mix)
    })
}

/// FNV-1a (Fowler, Noll and Vo) of 64 bits, which any change of a single byte changes.
fn mix(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
}

const START: u64 = 0xcbf2_9ce4_8422_2325;

fn checksum<'a>(
    description: &Map<String, Value>,
    tensors: impl Iterator<Item = (&'a str, TensorView<'a>)>,
) -> String {
    let mut hash = START;
    let mut add = |bytes: &[u8]| hash = bytes.iter().copied().fold(hash, mix);
    add(Value::Object(description.clone()).to_string().as_bytes());
    for (name, view) in tensors {
        add(format!("{name}{:?}{}", view.shape(), view.dtype()).as_bytes());
        add(view.data());
    }
    format!("{hash:016x}")
}

/// `save` and `load` for something that has `to_bytes` and `from_bytes`.
macro_rules! on_disk {
    ([$($parameters:tt)*] $model:ty) => {
        $crate::storage::on_disk!(save [$($parameters)*] $model);
        $crate::storage::on_disk!(load [$($parameters)*] $model);
    };
    (save [$($parameters:tt)*] $model:ty) => {
        #[cfg(feature = "std")]
        impl<$($parameters)*> $model {
            /// Writes [`to_bytes`](Self::to_bytes) to a file, which is whole at any moment: the
            /// old one, or the new one.
            ///
            /// # Errors
            /// [`Error::Io`](crate::Error::Io) if it cannot be written, and as
            /// [`to_bytes`](Self::to_bytes).
            pub fn save(&self, path: impl AsRef<std::path::Path>) -> $crate::Result<()> {
                $crate::disk::write(path.as_ref(), &self.to_bytes()?)
            }
        }
    };
    (load [$($parameters:tt)*] $model:ty) => {
        #[cfg(feature = "std")]
        impl<$($parameters)*> $model {
            /// Reads it from a file, as [`from_bytes`](Self::from_bytes) does.
            ///
            /// # Errors
            /// [`Error::Io`](crate::Error::Io) if it cannot be read, and
            /// [`Error::File`](crate::Error::File) with the path and the error of
            /// [`from_bytes`](Self::from_bytes).
            pub fn load(path: impl AsRef<std::path::Path>) -> $crate::Result<Self> {
                let path = path.as_ref();
                let read = Self::from_bytes(&$crate::disk::read(path)?);
                read.map_err(|error| error.in_file(path))
            }
        }
    };
}
pub(crate) use on_disk;
