//! FNV-1a (Fowler, Noll and Vo) of 64 bits: a hash that is the same on every machine.

/// The hash of nothing.
pub(crate) const START: u64 = 0xcbf2_9ce4_8422_2325;

/// The hash of what came before and one value more: a byte, as published, or more bits.
pub(crate) fn mix(hash: u64, value: u64) -> u64 {
    (hash ^ value).wrapping_mul(0x100_0000_01b3)
}
