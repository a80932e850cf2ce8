//! Named tensors and a description in one file, in the safetensors format.
//!
//! The description is JSON under the one key `feedforward` of the format's metadata. It begins with a
//! checksum of the rest of its text and of all tensors, so that a file that was damaged is told from
//! one that was not. What others wrote has no description, and only its tensors can be read.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::error::{Error, Result, bounded};
use crate::float::{Float, le_bytes};
use crate::fnv;

mod half;
mod header;
mod reader;

use header::Dtype;
pub use reader::Reader;
#[cfg(feature = "std")]
pub(crate) use reader::load;

/// The key of the description.
const KEY: &str = "feedforward";

/// The layout of descriptions; files of a later one are refused.
const VERSION: u64 = 1;

/// What stands before and after the checksum's 16 digits, at the beginning of the description.
const CHECKSUM: [&str; 2] = ["{\"checksum\":\"", "\","];

/// A description may have this many values and keys, and one more for each [`BYTES_OF_VALUE`] of
/// the file: a value of two bytes takes more than 50 in memory. Files of models are far from it.
const FREE_VALUES: usize = 4096;
const BYTES_OF_VALUE: usize = 16;

/// What is read, in error messages.
const WHAT: &str = "model file";

pub(crate) fn malformed(problem: impl Into<String>) -> Error {
    Error::Malformed {
        what: WHAT,
        problem: bounded(problem.into()),
    }
}

/// An error whose text quotes nothing of unknown length, and may be longer than a quote.
pub(crate) fn contradicts(problem: String) -> Error {
    Error::Malformed {
        what: WHAT,
        problem,
    }
}

/// A file in the making.
#[derive(Debug)]
pub struct Writer {
    /// The description as far as it goes, without the bracket that ends it.
    description: String,
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
        let release = env!("CARGO_PKG_VERSION");
        Self {
            description: format!(
                "\"version\":{VERSION},\"crate\":\"{release}\",\"kind\":\"{kind}\""
            ),
            tensors: Vec::new(),
        }
    }

    /// Adds to the description.
    pub(crate) fn describe(&mut self, key: &str, value: &impl Serialize) -> Result<()> {
        let value = serde_json::to_string(value)
            .map_err(|error| malformed(format!("{key} cannot be written: {error}")))?;
        self.description.extend([",\"", key, "\":", &value]);
        Ok(())
    }

    /// Adds a tensor of this shape, which must have as many values.
    pub(crate) fn add<T: Float>(&mut self, name: impl Into<String>, shape: &[usize], values: &[T]) {
        self.tensors.push(Tensor {
            name: name.into(),
            dtype: if T::DOUBLE { Dtype::F64 } else { Dtype::F32 },
            shape: shape.to_vec(),
            bytes: le_bytes(values),
        });
    }

    /// The file's bytes.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        self.tensors.sort_by(|a, b| a.name.cmp(&b.name));
        self.description.push('}');
        let places = self.tensors.iter().map(Tensor::place);
        let data = self.tensors.iter().map(|tensor| &*tensor.bytes);
        let sum = checksum(&self.description, places.zip(data));
        let [before, after] = CHECKSUM;
        let description = format!("{before}{sum}{after}{}", self.description);
        // As the format wants it: wider numbers first, so that all are aligned.
        self.tensors
            .sort_by_key(|tensor| core::cmp::Reverse(tensor.dtype));
        let lengths = self.tensors.iter().map(|tensor| tensor.bytes.len());
        let places = self.tensors.iter().map(Tensor::place);
        let header = header::text(&description, places.zip(lengths.clone()))?;
        let len = header::PREFIX + header.len() + lengths.sum::<usize>();
        check_density(&description, len)?;
        let mut bytes = Vec::with_capacity(len);
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header);
        for tensor in self.tensors {
            bytes.extend(tensor.bytes);
        }
        Ok(bytes)
    }
}

impl Tensor {
    fn place(&self) -> Place<'_> {
        (&self.name, self.dtype, &self.shape)
    }
}

/// A tensor's name, type and shape.
type Place<'a> = (&'a str, Dtype, &'a [usize]);

/// Checks that reading a description takes no more memory than a small multiple of the file's size.
fn check_density(description: &str, file: usize) -> Result<()> {
    let (mut values, mut quoted, mut escaped) = (0, false, false);
    for byte in description.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b',' | b':' => values += usize::from(!quoted),
            _ => {}
        }
    }
    let most = FREE_VALUES + file / BYTES_OF_VALUE;
    if values <= most {
        return Ok(());
    }
    Err(malformed(format!(
        "the description has {values} values and keys, at most {most} are allowed in {file} bytes"
    )))
}

/// A number that tells one sequence of values from another.
pub(crate) fn hash<'a, T: Float>(values: impl Iterator<Item = &'a T>) -> u64 {
    values.fold(fnv::START, |hash, x| {
        mix(hash, &x.as_f64().to_bits().to_le_bytes())
    })
}

/// Any change of a single byte changes it.
fn mix(hash: u64, bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().map(|&byte| byte.into());
    bytes.fold(hash, fnv::mix)
}

/// The checksum of the description after its own checksum, and of the tensors sorted by name.
fn checksum<'a>(description: &str, tensors: impl Iterator<Item = (Place<'a>, &'a [u8])>) -> String {
    let mut hash = fnv::START;
    let mut add = |bytes: &[u8]| hash = mix(hash, bytes);
    add(description.as_bytes());
    for ((name, dtype, shape), data) in tensors {
        add(name.as_bytes());
        add(format!("{shape:?}{dtype:?}").as_bytes());
        add(data);
    }
    format!("{hash:016x}")
}

/// `save` and `load` for something that has `to_bytes` and `from_bytes`.
macro_rules! on_disk {
    (save [$($parameters:tt)*] $model:ty) => {
        #[cfg(feature = "std")]
        impl<$($parameters)*> $model {
            /// Writes [`to_bytes`](Self::to_bytes) to a file, which is whole at any moment: the
            /// old one, or the new one. Several processes may write one file; the last one wins.
            ///
            /// Symbolic links are followed and stay, and so do the permissions of a file that is
            /// there.
            ///
            /// # Errors
            /// [`Error::Io`](crate::Error::Io) if it cannot be written or there is something else
            /// than a regular file, and as [`to_bytes`](Self::to_bytes).
            pub fn save(&self, path: impl AsRef<std::path::Path>) -> $crate::Result<()> {
                $crate::atomic_file::write(path.as_ref(), &self.to_bytes()?)
            }
        }
    };
    (load [$($parameters:tt)*] $model:ty) => {
        #[cfg(feature = "std")]
        impl<$($parameters)*> $model {
            /// Reads it from a file, as [`from_bytes`](Self::from_bytes) does.
            ///
            /// # Errors
            /// [`Error::Io`](crate::Error::Io) if it cannot be read or is no regular file, and
            /// [`Error::File`](crate::Error::File) with the path and the error of
            /// [`from_bytes`](Self::from_bytes).
            pub fn load(path: impl AsRef<std::path::Path>) -> $crate::Result<Self> {
                let path = path.as_ref();
                let read = Self::from_bytes(&$crate::storage::load(path)?);
                read.map_err(|error| error.in_file(path))
            }
        }
    };
}
pub(crate) use on_disk;
