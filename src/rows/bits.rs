//! Sets of columns of one row, as bits: which were written, which are cleared, which are left out.
//!
//! In: places among the sent columns. Out: bytes, lowest bit first. Never: longer than its last member needs.

/// A set of columns.
pub(crate) type Bits = Vec<u8>;

/// Whether a column is in the set.
pub(crate) fn is_set(bits: &[u8], place: usize) -> bool {
    bits.get(place / 8)
        .is_some_and(|byte| byte & (1 << (place % 8)) != 0)
}

/// Adds a column to the set.
pub(crate) fn set(bits: &mut Bits, place: usize) {
    if bits.len() <= place / 8 {
        bits.resize(place / 8 + 1, 0);
    }
    bits[place / 8] |= 1 << (place % 8);
}

/// Takes a column out of the set.
pub(crate) fn unset(bits: &mut Bits, place: usize) {
    if let Some(byte) = bits.get_mut(place / 8) {
        *byte &= !(1 << (place % 8));
    }
}
