//! Tensors in files beside a model.

use alloc::format;
use alloc::vec::Vec;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path};

use super::messages::Tensor;
use super::wire::malformed;
use crate::error::{Error, Result};

/// Reads the bytes of a tensor in another file of this folder.
pub(super) fn read(folder: &Path, tensor: &Tensor<'_>) -> Result<Vec<u8>> {
    let entry = |key| tensor.external.iter().find(|(of, _)| *of == key);
    let fault = |problem: &str| malformed(format!("tensor {:?}: {problem}", tensor.name));
    let number = |key| match entry(key) {
        None => Ok(None),
        Some((_, text)) => match text.parse::<u64>() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(fault("expected whole numbers as offset and length")),
        },
    };
    let Some((_, location)) = entry("location") else {
        return Err(fault("external data without a location"));
    };
    let parts = Path::new(location).components();
    if !parts
        .clone()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    {
        return Err(fault("external data outside the model's folder"));
    }
    let path = folder.join(location);
    let io = |error| Error::io(&path, &error);
    let mut file = std::fs::File::open(&path).map_err(io)?;
    let total = file.metadata().map_err(io)?.len();
    let offset = number("offset")?.unwrap_or(0);
    let rest = total.saturating_sub(offset);
    let length = number("length")?.unwrap_or(rest);
    if length > rest {
        return Err(fault("external data beyond the end of its file"));
    }
    file.seek(SeekFrom::Start(offset)).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}
