//! Allocation of sizes that a caller chooses. Failure is an error, never an abort.

use alloc::format;
use alloc::vec::Vec;

use crate::error::{Error, Result};

/// Maximum number of values in one buffer, which exceeds any machine's memory.
///
/// With 32-bit addresses, [`reserve`] finds the limit.
pub(crate) const MOST: usize = if usize::BITS >= 64 {
    1 << 36
} else {
    usize::MAX
};

/// Returns the product of these sizes if a buffer can hold that many values.
pub(crate) fn product(what: &'static str, sizes: &[usize]) -> Result<usize> {
    let product = sizes
        .iter()
        .try_fold(1, |product: usize, &size| product.checked_mul(size));
    product.filter(|&len| len <= MOST).ok_or_else(|| {
        let sizes: Vec<_> = sizes.iter().map(|size| format!("{size}")).collect();
        Error::too_large(what, format!("at most {MOST} values"), sizes.join(" x "))
    })
}

/// Reserves capacity for `len` values in total.
pub(crate) fn reserve<T>(what: &'static str, values: &mut Vec<T>, len: usize) -> Result<()> {
    product(what, &[len])?;
    let more = len.saturating_sub(values.len());
    values.try_reserve_exact(more).map_err(|_| {
        let bytes = len as u128 * size_of::<T>() as u128;
        let got = format!("{len} values, which take {bytes} bytes");
        Error::too_large(what, "as much as there is memory for", got)
    })
}

/// Changes the number of values. New ones are copies of `value`.
pub(crate) fn resize<T: Clone>(
    what: &'static str,
    values: &mut Vec<T>,
    value: T,
    len: usize,
) -> Result<()> {
    reserve(what, values, len)?;
    values.resize(len, value);
    Ok(())
}

/// Returns a vector of `len` copies of `value`.
pub(crate) fn filled<T: Clone>(what: &'static str, value: T, len: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    reserve(what, &mut values, len)?;
    values.resize(len, value);
    Ok(values)
}

/// Collects the first `len` values of an iterator.
pub(crate) fn collected<T>(
    what: &'static str,
    len: usize,
    from: impl Iterator<Item = T>,
) -> Result<Vec<T>> {
    let mut values = Vec::new();
    reserve(what, &mut values, len)?;
    values.extend(from.take(len));
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_machine_has_is_an_error() {
        for len in [MOST.saturating_add(1), usize::MAX / 8, usize::MAX] {
            assert!(filled("numbers", 0.0_f64, len).is_err(), "{len}");
            assert!(filled("numbers", 0_u8, len).is_err(), "{len}");
            assert!(collected("numbers", len, 0..len).is_err(), "{len}");
        }
        let error = product("numbers", &[1 << 20, 1 << 20]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "numbers: expected at most 68719476736 values, got 1048576 x 1048576"
        );
        assert!(product("numbers", &[usize::MAX, 3]).is_err());
        assert_eq!(filled("numbers", 1.5, 3).unwrap(), [1.5; 3]);
        assert_eq!(collected("numbers", 3, 5..).unwrap(), [5, 6, 7]);
    }
}
