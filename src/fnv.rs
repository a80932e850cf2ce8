//! FNV-1a (Fowler, Noll and Vo) with 64 bits, a hash that is equal on every machine.

/// Hash of empty input.
pub(crate) const START: u64 = 0xcbf2_9ce4_8422_2325;

/// Adds one value to the hash. The published algorithm adds bytes; values may be longer.
pub(crate) fn mix(hash: u64, value: u64) -> u64 {
    (hash ^ value).wrapping_mul(0x100_0000_01b3)
}
