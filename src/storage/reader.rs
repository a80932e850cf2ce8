//! Reading of files.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::header::{self, Dtype, Entry, Header};
use super::{
    CHECKSUM, FREE_VALUES, Integer, VERSION, check_density, checksum, contradicts, malformed,
};
use crate::error::{Result, bounded, listed};
use crate::float::Float;
use crate::half::{bfloat, half};

/// Maximum number of entries in a description.
const MOST_FIELDS: usize = 64;

/// A parsed file. Its tensors remain in the file's bytes.
#[derive(Debug)]
pub struct Reader<'a> {
    /// Entries of the description, as unparsed JSON.
    fields: Vec<(String, Box<RawValue>)>,
    entries: Vec<Entry<'a>>,
    data: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Parses an undamaged file that this crate wrote and that has one of these kinds.
    pub(crate) fn new(bytes: &'a [u8], kinds: &[&str]) -> Result<Self> {
        let (header, data) = parse(bytes)?;
        let Some(text) = header.description else {
            let problem = "no description of a feedforward network; if PyTorch wrote it, give the \
                           activations to Mlp::from_state_dict";
            return Err(malformed(problem));
        };
        check_density(text.as_bytes(), bytes.len(), FREE_VALUES)?;
        let reader = Self {
            fields: fields(&text)?,
            entries: header.entries,
            data,
        };
        // The version comes first: other versions may give the remaining entries another meaning.
        if !matches!(reader.find("version"), Ok(Some(1..=VERSION))) {
            let version = reader.field("version").map_or("none", RawValue::get);
            let version = bounded(version.to_string());
            let problem = format!("expected version 1 to {VERSION}, got {version}");
            return Err(malformed(problem));
        }
        reader.check_sum(&text)?;
        let kind: String = reader.get("kind")?;
        if !kinds.contains(&&*kind) {
            let problem = format!("expected a {}, got a {kind}", kinds.join(" or a "));
            return Err(malformed(problem));
        }
        // `scaler.offsets`, for example, belongs to the entry `scaler`.
        let is_told_of = |entry: &Entry<'_>| {
            let part = entry.name.split('.').next().unwrap_or_default();
            reader.field(part).is_some()
        };
        if let Some(entry) = reader.entries.iter().find(|entry| !is_told_of(entry)) {
            let problem = format!("its description does not mention tensor {}", entry.name);
            return Err(malformed(problem));
        }
        Ok(reader)
    }

    /// Parses a file of any program, for its tensors alone.
    pub(crate) fn foreign(bytes: &'a [u8]) -> Result<Self> {
        let (header, data) = parse(bytes)?;
        Ok(Self {
            fields: Vec::new(),
            entries: header.entries,
            data,
        })
    }

    /// Checks the checksum of the remaining description and the tensors.
    fn check_sum(&self, text: &str) -> Result<()> {
        let [before, after] = CHECKSUM;
        let rest = text.strip_prefix(before);
        let (stated, rest) = rest.and_then(|rest| rest.split_once(after)).unzip();
        let places = self.entries.iter().map(Entry::place);
        let data = self.entries.iter().map(|entry| self.bytes(entry));
        let actual = checksum(rest.unwrap_or_default(), places.zip(data));
        // A fuzzer cannot guess checksums, but must reach the code behind this check.
        if cfg!(fuzzing) || stated == Some(&*actual) {
            return Ok(());
        }
        let stated = stated.map_or("none".into(), |stated| bounded(stated.to_string()));
        let problem = format!("damaged: checksum {actual}, expected {stated}");
        Err(malformed(problem))
    }

    fn field(&self, key: &str) -> Option<&RawValue> {
        let found = self.fields.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| &**value)
    }

    /// Returns an optional entry of the description.
    pub(crate) fn find<V: DeserializeOwned>(&self, key: &str) -> Result<Option<V>> {
        let parse = |value: &RawValue| {
            let parsed = serde_json::from_str(value.get());
            parsed.map_err(|error| malformed(format!("{key}: {error}")))
        };
        self.field(key).map(parse).transpose()
    }

    /// Returns a required entry of the description.
    pub(crate) fn get<V: DeserializeOwned>(&self, key: &str) -> Result<V> {
        self.find(key)?
            .ok_or_else(|| malformed(format!("the description has no {key}")))
    }

    /// Returns a required entry from a tensor of text, as
    /// [`Writer::describe_apart`](super::Writer::describe_apart) wrote it.
    #[cfg(feature = "tabular")]
    pub(crate) fn get_apart<V: DeserializeOwned>(&self, name: &str) -> Result<V> {
        let entry = self.entry(name)?;
        if entry.dtype != Dtype::U8 {
            let got = entry.dtype;
            return Err(malformed(format!(
                "tensor {name}: expected U8, got {got:?}"
            )));
        }
        let text = self.bytes(entry);
        check_density(text, text.len(), 0)?;
        entry.read.set(true);
        serde_json::from_slice(text).map_err(|error| malformed(format!("{name}: {error}")))
    }

    /// Returns the parts that [`Writer::parts`](super::Writer::parts) wrote, as files of their own.
    #[cfg(feature = "tabular")]
    pub(crate) fn parts(&self, key: &str) -> Result<Vec<Self>> {
        let texts: Vec<Box<RawValue>> = self.get(key)?;
        let mut parts = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let beginning = format!("{key}.{index}.");
            let own = |entry: &Entry<'a>| {
                let name = entry.name.strip_prefix(&*beginning)?;
                entry.read.set(true);
                Some(entry.renamed(name))
            };
            parts.push(Self {
                fields: fields(text.get())?,
                entries: self.entries.iter().filter_map(own).collect(),
                data: self.data,
            });
        }
        self.check_all_read(key)?;
        Ok(parts)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| &*entry.name)
    }

    /// Returns a tensor's shape, or `None` if there is no tensor of this name.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.entry(name).ok()?.shape)
    }

    /// Returns a tensor's values. Numbers of another precision are converted.
    pub(crate) fn values<T: Float>(&self, name: &str, shape: &[usize]) -> Result<Vec<T>> {
        let len = self.checked(name, shape)?.shape.iter().product();
        let mut values = vec![T::zero(); len];
        self.read(name, shape, &mut values)?;
        Ok(values)
    }

    pub(crate) fn is_double(&self, name: &str) -> Result<bool> {
        Ok(self.entry(name)?.dtype == Dtype::F64)
    }

    /// Checks that the tensor exists, has this shape, and has numbers of a readable type.
    pub(crate) fn check(&self, name: &str, shape: &[usize]) -> Result<()> {
        self.checked(name, shape).map(drop)
    }

    /// Returns the integers of a tensor of this type and shape.
    pub(crate) fn integers<I: Integer>(&self, name: &str, shape: &[usize]) -> Result<Vec<I>> {
        let entry = self.shaped(name, shape)?;
        if entry.dtype != I::DTYPE {
            let (expected, got) = (I::DTYPE, entry.dtype);
            let problem = format!("tensor {name}: expected {expected:?}, got {got:?}");
            return Err(malformed(problem));
        }
        entry.read.set(true);
        Ok(I::all_of(self.bytes(entry)))
    }

    fn shaped(&self, name: &str, shape: &[usize]) -> Result<&Entry<'a>> {
        let entry = self.entry(name)?;
        if *entry.shape != *shape {
            let got = &entry.shape;
            let problem = format!("tensor {name}: expected shape {shape:?}, got {got:?}");
            return Err(malformed(problem));
        }
        Ok(entry)
    }

    fn checked(&self, name: &str, shape: &[usize]) -> Result<&Entry<'a>> {
        let entry = self.shaped(name, shape)?;
        match entry.dtype {
            Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::BF16 => Ok(entry),
            got => Err(malformed(format!(
                "tensor {name}: expected F64, F32, F16 or BF16, got {got:?}"
            ))),
        }
    }

    /// Reads a tensor's values into a slice, whose length must match the shape.
    pub(crate) fn read<T: Float>(&self, name: &str, shape: &[usize], to: &mut [T]) -> Result<()> {
        let entry = self.checked(name, shape)?;
        let bytes = self.bytes(entry);
        match entry.dtype {
            Dtype::F64 => numbers(bytes, f64::from_le_bytes, to),
            Dtype::F16 => numbers(bytes, |bytes| half(u16::from_le_bytes(bytes)), to),
            Dtype::BF16 => numbers(bytes, |bytes| bfloat(u16::from_le_bytes(bytes)), to),
            _ => numbers(bytes, |bytes| f32::from_le_bytes(bytes).into(), to),
        }
        entry.read.set(true);
        Ok(())
    }

    /// Returns the names of unread tensors.
    pub(crate) fn unread_names(&self) -> impl Iterator<Item = &str> {
        let unread = self.entries.iter().filter(|entry| !entry.read.get());
        unread.map(|entry| &*entry.name)
    }

    /// Lists the unread tensors whose names have this beginning, or returns `None` if all were
    /// read.
    pub(crate) fn unread(&self, beginning: &str) -> Option<String> {
        let unread = self.unread_names();
        let unread: Vec<_> = unread.filter(|name| name.starts_with(beginning)).collect();
        (!unread.is_empty()).then(|| bounded(listed(&unread)))
    }

    /// Checks that every tensor whose name has this beginning was read, as the description
    /// requires.
    pub(crate) fn check_all_read(&self, beginning: &str) -> Result<()> {
        self.unread(beginning).map_or(Ok(()), |names| {
            let problem = format!("its description does not mention tensors {names}");
            Err(contradicts(problem))
        })
    }

    /// Marks an existing, unread tensor as read.
    pub(crate) fn ignore(&self, name: &str) -> Result<()> {
        match self.entry(name).map(|entry| entry.read.replace(true)) {
            Ok(false) => Ok(()),
            Ok(true) => Err(malformed(format!(
                "tensor {name}: expected one to ignore, got one that belongs to a layer"
            ))),
            Err(_) => Err(malformed(format!("there is no tensor {name} to ignore"))),
        }
    }

    fn entry(&self, name: &str) -> Result<&Entry<'a>> {
        let found = (self.entries).binary_search_by(|entry| (*entry.name).cmp(name));
        let at = found.map_err(|_| malformed(format!("there is no tensor {name}")))?;
        Ok(&self.entries[at])
    }

    fn bytes(&self, entry: &Entry<'_>) -> &'a [u8] {
        &self.data[entry.begin..entry.end]
    }
}

fn numbers<T: Float, const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64, to: &mut [T]) {
    let (whole, _) = bytes.as_chunks::<N>();
    for (to, &bytes) in to.iter_mut().zip(whole) {
        *to = T::from_f64(number(bytes));
    }
}

/// Returns a file's header, and the bytes of its tensors.
fn parse(bytes: &[u8]) -> Result<(Header<'_>, &[u8])> {
    let length = header::length(bytes, bytes.len() as u64)?;
    let (header, data) = bytes[header::PREFIX..].split_at(length);
    let header = header::parse(header)?;
    header.check_data(data.len() as u64)?;
    Ok((header, data))
}

/// Reads a file if its size matches its header. Otherwise it stops after the header.
#[cfg(feature = "std")]
pub(crate) fn load(path: &std::path::Path) -> Result<Vec<u8>> {
    let mut input = crate::atomic_file::Input::open(path)?;
    let mut bytes = Vec::new();
    let mut load = || {
        // One more byte, which distinguishes a header from other text.
        input.read(&mut bytes, header::PREFIX + 1)?;
        let length = header::length(&bytes, input.len)?;
        input.read(&mut bytes, length - 1)?;
        let end = header::PREFIX + length;
        let header = header::parse(bytes.get(header::PREFIX..end).unwrap_or_default())?;
        header.check_data(input.len.saturating_sub(end as u64))?;
        let data = header.data;
        drop(header);
        input.read(&mut bytes, data)
    };
    load().map_err(|error| error.in_file(path))?;
    Ok(bytes)
}

/// Returns the entries of a description as unparsed JSON.
fn fields(text: &str) -> Result<Vec<(String, Box<RawValue>)>> {
    struct Fields;
    impl<'a> Visitor<'a> for Fields {
        type Value = Vec<(String, Box<RawValue>)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a description of at most {MOST_FIELDS} entries")
        }
        fn visit_map<M: MapAccess<'a>>(
            self,
            mut map: M,
        ) -> core::result::Result<Self::Value, M::Error> {
            let mut fields: Self::Value = Vec::new();
            while let Some((key, value)) = map.next_entry()? {
                let is_twice = fields.iter().any(|(other, _)| *other == key);
                if is_twice || fields.len() == MOST_FIELDS {
                    return Err(M::Error::invalid_length(fields.len() + 1, &self));
                }
                fields.push((key, value));
            }
            Ok(fields)
        }
    }
    let mut parser = serde_json::Deserializer::from_str(text);
    let fields = parser.deserialize_map(Fields);
    let fields = fields.and_then(|fields| parser.end().map(|()| fields));
    fields.map_err(|error| malformed(format!("description: {error}")))
}
