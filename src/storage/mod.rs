//! Named tensors and a description in one file, in the safetensors format.
//!
//! The description is JSON under the only key, `feedforward`, of the format's metadata. It begins
//! with a checksum of its remaining text and of all tensors, which reveals damaged files. Files of
//! other programs have no description, so only their tensors can be read.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::error::{Error, Result, bounded};
use crate::float::{Float, le_bytes};
use crate::fnv;

mod header;
mod reader;

use header::Dtype;
pub use reader::Reader;
#[cfg(feature = "std")]
pub(crate) use reader::load;

/// Metadata key of the description.
const KEY: &str = "feedforward";

/// Version of the description's layout. Later versions are refused.
const VERSION: u64 = 1;

/// Texts before and after the checksum's 16 digits, at the start of the description.
const CHECKSUM: [&str; 2] = ["{\"checksum\":\"", "\","];

/// Number of values and keys that every description may have.
///
/// It may have one more for each [`BYTES_OF_VALUE`] bytes of the file, because a value of two bytes
/// takes more than 50 bytes in memory. Most model files are far below this limit. Others are
/// padded.
const FREE_VALUES: usize = 4096;
const BYTES_OF_VALUE: usize = 16;

/// Name of such a file in error messages.
const WHAT: &str = "model file";

pub(crate) fn malformed(problem: impl Into<String>) -> Error {
    Error::Malformed {
        what: WHAT,
        problem: bounded(problem.into()),
    }
}

/// Creates an error whose text has a known length, so that it needs no shortening.
pub(crate) fn contradicts(problem: String) -> Error {
    Error::Malformed {
        what: WHAT,
        problem,
    }
}

/// A file under construction.
#[derive(Debug)]
pub struct Writer {
    /// The description so far, without its brackets.
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
    /// Creates an empty file of this kind. [`Reader::new`] checks the kind.
    pub(crate) fn new(kind: &str) -> Self {
        let release = env!("CARGO_PKG_VERSION");
        Self {
            description: format!(
                "\"version\":{VERSION},\"crate\":\"{release}\",\"kind\":\"{kind}\""
            ),
            tensors: Vec::new(),
        }
    }

    /// Creates one of several equal parts of a file, for [`parts`](Self::parts).
    #[cfg(feature = "tabular")]
    pub(crate) fn part() -> Self {
        Self {
            description: String::new(),
            tensors: Vec::new(),
        }
    }

    /// Adds parts, each with a description and tensors of its own.
    #[cfg(feature = "tabular")]
    pub(crate) fn parts(&mut self, key: &str, parts: Vec<Self>) {
        self.description.extend([",\"", key, "\":["]);
        for (index, part) in parts.into_iter().enumerate() {
            let separator = if index == 0 { "{" } else { ",{" };
            let description = part.description.strip_prefix(',').unwrap_or_default();
            self.description.extend([separator, description, "}"]);
            self.tensors
                .extend(part.tensors.into_iter().map(|tensor| Tensor {
                    name: format!("{key}.{index}.{}", tensor.name),
                    ..tensor
                }));
        }
        self.description.push(']');
    }

    /// Adds an entry to the description.
    pub(crate) fn describe(&mut self, key: &str, value: &impl Serialize) -> Result<()> {
        let value = serde_json::to_string(value)
            .map_err(|error| malformed(format!("{key} cannot be written: {error}")))?;
        self.description.extend([",\"", key, "\":", &value]);
        Ok(())
    }

    /// Adds a tensor. The shape must match the number of values.
    pub(crate) fn add<T: Float>(&mut self, name: impl Into<String>, shape: &[usize], values: &[T]) {
        self.tensors.push(Tensor {
            name: name.into(),
            dtype: if T::DOUBLE { Dtype::F64 } else { Dtype::F32 },
            shape: shape.to_vec(),
            bytes: le_bytes(values),
        });
    }

    /// Adds a tensor of integers. The shape must match the number of values.
    pub(crate) fn add_integers<I: Integer>(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        values: &[I],
    ) {
        self.tensors.push(Tensor {
            name: name.into(),
            dtype: I::DTYPE,
            shape: shape.to_vec(),
            bytes: values.iter().flat_map(|&value| value.bytes()).collect(),
        });
    }

    /// Adds an entry as a tensor of text, which suits entries that grow with the data, because a
    /// header has a maximum length.
    #[cfg(feature = "tabular")]
    pub(crate) fn describe_apart(&mut self, name: &str, value: &impl Serialize) -> Result<()> {
        let value = serde_json::to_string(value)
            .map_err(|error| malformed(format!("{name} cannot be written: {error}")))?;
        let mut bytes = value.into_bytes();
        let least = least_bytes(values_of(&bytes), 0);
        bytes.resize(bytes.len().max(least), b' ');
        self.tensors.push(Tensor {
            name: name.into(),
            dtype: Dtype::U8,
            shape: [bytes.len()].into(),
            bytes,
        });
        Ok(())
    }

    /// Returns the file's bytes.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        self.tensors.sort_by(|a, b| a.name.cmp(&b.name));
        self.description.push('}');
        let places = self.tensors.iter().map(Tensor::place);
        let data = self.tensors.iter().map(|tensor| &*tensor.bytes);
        let sum = checksum(&self.description, places.zip(data));
        let [before, after] = CHECKSUM;
        let description = format!("{before}{sum}{after}{}", self.description);
        // The format puts wider numbers first, so that all are aligned.
        self.tensors
            .sort_by_key(|tensor| core::cmp::Reverse(tensor.dtype));
        let lengths = self.tensors.iter().map(|tensor| tensor.bytes.len());
        let places = self.tensors.iter().map(Tensor::place);
        let data = lengths.clone().sum::<usize>();
        // Small networks of tables with many columns or words need the padding.
        let least = least_bytes(values_of(description.as_bytes()), FREE_VALUES)
            .saturating_sub(header::PREFIX + data);
        let header = header::text(&description, places.zip(lengths), least)?;
        let len = header::PREFIX + header.len() + data;
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

/// An integer of a tensor.
pub(crate) trait Integer: Copy {
    /// Type of the tensor.
    const DTYPE: Dtype;
    /// Returns the bytes, the least significant first.
    fn bytes(self) -> impl Iterator<Item = u8>;
    /// Returns the integers of these bytes.
    fn all_of(bytes: &[u8]) -> Vec<Self>;
}

macro_rules! integers {
    ($($integer:ident: $dtype:ident),+) => {
        $(impl Integer for $integer {
            const DTYPE: Dtype = Dtype::$dtype;
            fn bytes(self) -> impl Iterator<Item = u8> {
                self.to_le_bytes().into_iter()
            }
            fn all_of(bytes: &[u8]) -> Vec<Self> {
                let (whole, _) = bytes.as_chunks();
                whole.iter().map(|&bytes| Self::from_le_bytes(bytes)).collect()
            }
        })+
    };
}

integers!(i8: I8, i16: I16, i32: I32);

/// Name, type and shape of a tensor.
type Place<'a> = (&'a str, Dtype, &'a [usize]);

/// Returns the number of values and keys of a description.
fn values_of(description: &[u8]) -> usize {
    let (mut values, mut quoted, mut escaped) = (0, false, false);
    for &byte in description {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b',' | b':' => values += usize::from(!quoted),
            _ => {}
        }
    }
    values
}

/// Returns the minimum size of a file, or of a text apart, with this many values and keys, of which
/// some are free. A file has any number of texts apart, so they have none that are free.
fn least_bytes(values: usize, free: usize) -> usize {
    values.saturating_sub(free).saturating_mul(BYTES_OF_VALUE)
}

/// Checks that reading a description takes at most a small multiple of the file's size in memory.
fn check_density(description: &[u8], file: usize, free: usize) -> Result<()> {
    let values = values_of(description);
    let most = free + file / BYTES_OF_VALUE;
    if values <= most {
        return Ok(());
    }
    Err(malformed(format!(
        "the description has {values} values and keys, at most {most} are allowed in {file} bytes"
    )))
}

/// Returns a hash that identifies a sequence of values.
pub(crate) fn hash<'a, T: Float>(values: impl Iterator<Item = &'a T>) -> u64 {
    values.fold(fnv::START, |hash, x| {
        mix(hash, &x.as_f64().to_bits().to_le_bytes())
    })
}

/// Mixes bytes into a hash. Changing a single byte always changes the hash.
fn mix(hash: u64, bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().map(|&byte| byte.into());
    bytes.fold(hash, fnv::mix)
}

/// Returns the checksum of the description's remaining text and of the tensors, sorted by name.
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

/// Adds `save` or `load` to a type that has `to_bytes` and `from_bytes`.
macro_rules! on_disk {
    (save [$($parameters:tt)*] $model:ty) => {
        #[cfg(feature = "std")]
        impl<$($parameters)*> $model {
            /// Writes [`to_bytes`](Self::to_bytes) to a file.
            ///
            /// The file is replaced atomically: at any moment it holds the old contents or the new
            /// ones. Several processes may write one file, and the last one wins. Symbolic links
            /// are followed and kept. An existing file keeps its permissions.
            ///
            /// # Errors
            /// [`Error::Io`](crate::Error::Io) if the file cannot be written or the path leads to
            /// anything but a regular file. Also returns the errors of
            /// [`to_bytes`](Self::to_bytes).
            pub fn save(&self, path: impl AsRef<std::path::Path>) -> $crate::Result<()> {
                $crate::atomic_file::write(path.as_ref(), &self.to_bytes()?)
            }
        }
    };
    (load [$($parameters:tt)*] $model:ty) => {
        #[cfg(feature = "std")]
        impl<$($parameters)*> $model {
            /// Reads a file, and decodes it with [`from_bytes`](Self::from_bytes).
            ///
            /// `from_bytes` knows only activations and encodings of this crate. For your own, read
            /// the bytes of the file, and call [`from_bytes_with`](Self::from_bytes_with) with a
            /// [`Resolver`](crate::Resolver).
            ///
            /// # Errors
            /// [`Error::Io`](crate::Error::Io) if the file cannot be read or is not a regular file.
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
