//! Headers of safetensors files, which list the tensors and their positions.
//!
//! The crate `safetensors` (version 0.8) is not used. It takes 14 bytes of memory per byte of a
//! header with many tensors, and 43 per byte of a malicious one. This parser keeps one entry per
//! tensor, and allocates no more entries than the header's length allows.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{KEY, Place, malformed};
use crate::error::Error;

/// Number of bytes before the header. They hold its length.
pub(super) const PREFIX: usize = 8;

/// Maximum number of bytes in a header, which the format defines.
pub(super) const MOST_BYTES: usize = 100_000_000;

/// Maximum number of dimensions, as in PyTorch.
const MOST_DIMENSIONS: usize = 64;

/// Number of bytes in the shortest entry: `"":{"dtype":"U8","shape":[],"data_offsets":[0,1]},`.
const LEAST_ENTRY: usize = 50;

/// Number types of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(non_camel_case_types, clippy::upper_case_acronyms)] // the format's names
pub(crate) enum Dtype {
    BOOL,
    F4,
    F6_E2M3,
    F6_E3M2,
    U8,
    I8,
    F8_E5M2,
    F8_E4M3,
    F8_E8M0,
    F8_E4M3FNUZ,
    F8_E5M2FNUZ,
    I16,
    U16,
    F16,
    BF16,
    I32,
    U32,
    F32,
    C64,
    F64,
    I64,
    U64,
}

impl Dtype {
    fn bits(self) -> usize {
        match self {
            Self::F4 => 4,
            Self::F6_E2M3 | Self::F6_E3M2 => 6,
            Self::I16 | Self::U16 | Self::F16 | Self::BF16 => 16,
            Self::I32 | Self::U32 | Self::F32 => 32,
            Self::C64 | Self::F64 | Self::I64 | Self::U64 => 64,
            _ => 8,
        }
    }
}

/// Description of one tensor.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) dtype: Dtype,
    pub(super) shape: Box<[usize]>,
    /// Range of its bytes, counted from the end of the header.
    pub(super) begin: usize,
    pub(super) end: usize,
    /// `true` once the tensor was read or ignored.
    pub(super) read: Cell<bool>,
}

#[cfg(feature = "tabular")]
impl Entry<'_> {
    /// Returns an unread entry of the same tensor by another name.
    pub(super) fn renamed<'n>(&self, name: &str) -> Entry<'n> {
        Entry {
            name: Cow::Owned(name.into()),
            dtype: self.dtype,
            shape: self.shape.clone(),
            begin: self.begin,
            end: self.end,
            read: Cell::new(false),
        }
    }
}

/// A tensor's entry in a header, without its name.
#[derive(Serialize, Deserialize)]
struct Described<S> {
    dtype: Dtype,
    shape: S,
    data_offsets: (usize, usize),
}

impl Header<'_> {
    /// Checks that the data after the header are exactly the tensors.
    pub(super) fn check_data(&self, got: u64) -> Result<(), Error> {
        let expected = self.data as u64;
        if expected == got {
            return Ok(());
        }
        let kind = if got < expected {
            "cut short"
        } else {
            "too long"
        };
        let problem = format!("{kind}: expected tensors of {expected} bytes, got {got}");
        Err(malformed(problem))
    }
}

impl Entry<'_> {
    pub(super) fn place(&self) -> Place<'_> {
        (&self.name, self.dtype, &self.shape)
    }

    /// Returns the number of bytes of the tensor, or `None` if it is no whole number or overflows.
    fn size(&self) -> Option<usize> {
        let values = self
            .shape
            .iter()
            .try_fold(1_usize, |n, &d| n.checked_mul(d))?;
        let bits = values.checked_mul(self.dtype.bits())?;
        bits.is_multiple_of(8).then_some(bits / 8)
    }
}

/// A parsed header.
#[derive(Debug)]
pub(super) struct Header<'a> {
    /// Sorted by name.
    pub(super) entries: Vec<Entry<'a>>,
    /// The text under this crate's key.
    pub(super) description: Option<Cow<'a, str>>,
    /// Number of bytes of all tensors.
    pub(super) data: usize,
}

/// Returns the length of the header, read from the first bytes of a file with `file` bytes.
pub(super) fn length(first: &[u8], file: u64) -> Result<usize, Error> {
    let Some(prefix) = first.first_chunk::<PREFIX>() else {
        let problem = format!("expected a safetensors file, got {} bytes", first.len());
        return Err(malformed(problem));
    };
    let stated = u64::from_le_bytes(*prefix);
    let is_header = first.get(PREFIX).is_none_or(|&byte| byte == b'{');
    if stated > MOST_BYTES as u64 || stated < 2 || !is_header {
        let begin = &first[..first.len().min(2 * PREFIX)];
        let begin = begin.escape_ascii();
        let problem = format!("expected a safetensors file, got one that begins with \"{begin}\"");
        return Err(malformed(problem));
    }
    let left = file.saturating_sub(PREFIX as u64);
    if stated > left {
        let problem = format!("cut short: expected a header of {stated} bytes, got {left}");
        return Err(malformed(problem));
    }
    Ok(stated as usize)
}

/// Parses a header and checks that its tensors follow each other without gaps.
pub(super) fn parse(bytes: &[u8]) -> Result<Header<'_>, Error> {
    let explain = |error: &dyn fmt::Display| malformed(format!("header: {error}"));
    let text = core::str::from_utf8(bytes).map_err(|error| explain(&error))?;
    let mut parser = serde_json::Deserializer::from_str(text);
    let all = Entries {
        most: text.len() / LEAST_ENTRY + 1,
    };
    let parsed = parser.deserialize_map(all);
    let (mut entries, description) = parsed.map_err(|error| explain(&error))?;
    parser.end().map_err(|error| explain(&error))?;

    entries.sort_unstable_by_key(|entry| (entry.begin, entry.end));
    let mut data = 0;
    for entry in &entries {
        let is_whole = (entry.begin.checked_add(entry.size().unwrap_or(usize::MAX)))
            .is_some_and(|end| end == entry.end);
        if entry.begin != data || !is_whole {
            let problem = format!(
                "tensor {:?}: its place does not follow from its shape and the tensors before",
                entry.name
            );
            return Err(malformed(problem));
        }
        data = entry.end;
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let mut pairs = entries.windows(2);
    if let Some(pair) = pairs.find(|pair| pair[0].name == pair[1].name) {
        return Err(malformed(format!("two tensors {:?}", pair[0].name)));
    }
    Ok(Header {
        entries,
        description,
        data,
    })
}

/// Visits the map of all tensors.
struct Entries {
    most: usize,
}

impl<'a> Visitor<'a> for Entries {
    type Value = (Vec<Entry<'a>>, Option<Cow<'a, str>>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tensors of a safetensors file")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        // A growing vector would take three times as much memory.
        let mut entries = Vec::with_capacity(self.most);
        let mut description = None;
        while let Some(Text(name)) = map.next_key()? {
            if name == "__metadata__" {
                description = map.next_value::<Metadata>()?.0;
                continue;
            }
            if entries.len() == self.most {
                return Err(M::Error::custom("more tensors than its length allows"));
            }
            let place: Described<Shape> = map.next_value()?;
            entries.push(Entry {
                name,
                dtype: place.dtype,
                shape: place.shape.0,
                begin: place.data_offsets.0,
                end: place.data_offsets.1,
                read: Cell::new(false),
            });
        }
        Ok((entries, description))
    }
}

/// A text, borrowed if possible.
struct Text<'a>(Cow<'a, str>);

impl<'a> Deserialize<'a> for Text<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'a> Visitor<'a> for Words {
            type Value = Text<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(text.to_string())))
            }
        }
        deserializer.deserialize_str(Words)
    }
}

/// The text under this crate's key in the metadata.
struct Metadata<'a>(Option<Cow<'a, str>>);

impl<'a> Deserialize<'a> for Metadata<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ours;
        impl<'a> Visitor<'a> for Ours {
            type Value = Metadata<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("metadata")
            }
            fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Metadata<'a>, M::Error> {
                let mut ours = None;
                while let Some(Text(key)) = map.next_key()? {
                    if key == KEY {
                        ours = Some(map.next_value::<Text<'a>>()?.0);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Metadata(ours))
            }
        }
        deserializer.deserialize_map(Ours)
    }
}

/// A shape with a limited number of dimensions, since a file could list any number.
struct Shape(Box<[usize]>);

impl<'a> Deserialize<'a> for Shape {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sizes;
        impl<'a> Visitor<'a> for Sizes {
            type Value = Shape;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MOST_DIMENSIONS} sizes")
            }
            fn visit_seq<S: SeqAccess<'a>>(self, mut seq: S) -> Result<Shape, S::Error> {
                let mut sizes = [0; MOST_DIMENSIONS];
                let mut count = 0;
                while let Some(size) = seq.next_element()? {
                    let Some(place) = sizes.get_mut(count) else {
                        return Err(S::Error::invalid_length(count + 1, &self));
                    };
                    *place = size;
                    count += 1;
                }
                Ok(Shape(sizes[..count].into()))
            }
        }
        deserializer.deserialize_seq(Sizes)
    }
}

/// Returns a header for consecutive tensors in this order, padded with spaces to at least this many
/// bytes, and so that the numbers are aligned.
pub(super) fn text<'t>(
    description: &str,
    tensors: impl Iterator<Item = (Place<'t>, usize)>,
    least: usize,
) -> Result<Vec<u8>, Error> {
    let explain = |error: serde_json::Error| malformed(error.to_string());
    let quoted = |text: &str| serde_json::to_string(text).map_err(explain);
    let mut text = format!("{{\"__metadata__\":{{\"{KEY}\":{}}}", quoted(description)?);
    let mut begin = 0;
    for ((name, dtype, shape), len) in tensors {
        let data_offsets = (begin, begin + len);
        begin += len;
        let place = Described {
            dtype,
            shape,
            data_offsets,
        };
        let place = serde_json::to_string(&place).map_err(explain)?;
        text.extend([",", &quoted(name)?, ":", &place]);
    }
    text.push('}');
    let mut bytes = text.into_bytes();
    let got = bytes.len().max(least).next_multiple_of(PREFIX);
    if got > MOST_BYTES {
        let problem = format!(
            "the description and the tensors' names take {got} bytes, at most {MOST_BYTES} are allowed"
        );
        return Err(malformed(problem));
    }
    bytes.resize(got, b' ');
    Ok(bytes)
}
