//! Protobuf's wire format, read without copies.

use alloc::format;
use alloc::string::String;

use crate::error::{Error, Result};

/// Name of the data in errors.
pub(super) const ONNX: &str = "ONNX model";

/// Returns an error for bytes that no ONNX model has.
pub(super) fn malformed(problem: impl Into<String>) -> Error {
    Error::Malformed {
        what: ONNX,
        problem: problem.into(),
    }
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wire<'a> {
    Varint(u64),
    Eight([u8; 8]),
    Bytes(&'a [u8]),
    Four([u8; 4]),
}

impl<'a> Wire<'a> {
    /// Returns a string, a nested message or packed numbers.
    pub(super) fn bytes(self, field: &str) -> Result<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            other => Err(malformed(format!("{field}: expected bytes, got {other:?}"))),
        }
    }

    pub(super) fn text(self, field: &str) -> Result<&'a str> {
        let text = core::str::from_utf8(self.bytes(field)?);
        text.map_err(|_| malformed(format!("{field}: expected UTF-8")))
    }

    pub(super) fn integer(self, field: &str) -> Result<i64> {
        match self {
            Self::Varint(number) => Ok(number as i64),
            other => Err(malformed(format!(
                "{field}: expected an integer, got {other:?}"
            ))),
        }
    }

    pub(super) fn float(self, field: &str) -> Result<f32> {
        match self {
            Self::Four(bytes) => Ok(f32::from_le_bytes(bytes)),
            other => Err(malformed(format!(
                "{field}: expected a number, got {other:?}"
            ))),
        }
    }
}

/// The fields of a message, in the order of its bytes: numbers and values.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns the next seven-bit groups as a number.
    pub(super) fn varint(&mut self) -> Result<u64> {
        let (mut number, mut shift) = (0, 0);
        while let Some((&byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            // The tenth byte holds the last bit.
            if shift == 63 && byte > 1 {
                return Err(malformed("an integer has more than 64 bits"));
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
        }
        Err(malformed("it ends within an integer"))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((bytes, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(malformed("it ends within a number"));
        };
        self.rest = rest;
        Ok(*bytes)
    }

    fn field(&mut self) -> Result<(u64, Wire<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Eight(self.take()?),
            2 => {
                let len = self.varint()?;
                let len = usize::try_from(len)
                    .ok()
                    .filter(|&len| len <= self.rest.len());
                let Some(len) = len else {
                    return Err(malformed("a field is longer than the bytes that follow"));
                };
                let (bytes, rest) = self.rest.split_at(len);
                self.rest = rest;
                Wire::Bytes(bytes)
            }
            5 => Wire::Four(self.take()?),
            kind => return Err(malformed(format!("no field has the wire type {kind}"))),
        };
        Ok((key >> 3, value))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Wire<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// The examples of protobuf's own page on its encoding.
    #[test]
    fn fields_are_those_of_the_standard() {
        let all = |bytes| Fields::new(bytes).collect::<Result<Vec<_>>>();
        assert_eq!(
            all(&[0x08, 0x96, 0x01]),
            Ok([(1, Wire::Varint(150))].to_vec())
        );
        let testing = [(2, Wire::Bytes(b"testing"))].to_vec();
        assert_eq!(all(b"\x12\x07testing"), Ok(testing));
        let float = [(1, Wire::Four(1.5_f32.to_le_bytes()))].to_vec();
        assert_eq!(all(&[0x0d, 0, 0, 0xc0, 0x3f]), Ok(float));
        for bad in [
            &[0x08][..],
            &[0x08, 0x96],
            b"\x12\x08testing",
            &[0x0d, 0],
            &[0x0b],
            &[0x0c],
        ] {
            assert!(all(bad).is_err(), "{bad:?}");
        }
        let long = [&[0x08][..], &[0xff; 9], &[0x02]].concat();
        assert!(all(&long).is_err());
        let most = [&[0x08][..], &[0xff; 9], &[0x01]].concat();
        assert_eq!(all(&most), Ok([(1, Wire::Varint(u64::MAX))].to_vec()));
    }
}
