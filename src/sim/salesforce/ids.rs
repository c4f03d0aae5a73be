//! Record ids: 15 case-sensitive characters, or 18 with the checksum that makes them case-safe
//! (`guide/salesforce.md` §8).
//!
//! In: a key prefix, the pod characters of this org and a number, or the text of an id. Out: the other of the two.
//! An id is computed from its row's position, so no table of ids is ever kept.

use std::fmt;

/// The three characters that name the kind of record.
pub(crate) type Prefix = [u8; 3];

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECKSUM: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// A well-formed id, held in its 15-character form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RecordId([u8; 15]);

impl RecordId {
    /// The id of record `number` of the kind `prefix` in the org with these pod characters.
    pub(crate) fn new(prefix: Prefix, pod: Prefix, mut number: u64) -> Self {
        let mut text = [b'0'; 15];
        text[..3].copy_from_slice(&prefix);
        text[3..6].copy_from_slice(&pod);
        for slot in text[6..].iter_mut().rev() {
            *slot = DIGITS[usize::try_from(number % 62).unwrap_or(0)];
            number /= 62;
        }
        Self(text)
    }

    /// Reads 15 characters, or 18 whose checksum fits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if !(bytes.len() == 15 || bytes.len() == 18) || !bytes.iter().all(u8::is_ascii_alphanumeric)
        {
            return None;
        }
        let id = Self(bytes[..15].try_into().ok()?);
        (bytes.len() == 15 || bytes[15..] == id.checksum()).then_some(id)
    }

    /// The kind of record.
    pub(crate) fn prefix(self) -> Prefix {
        [self.0[0], self.0[1], self.0[2]]
    }

    /// The number inside the id, if it was given out by the org with these pod characters.
    pub(crate) fn number(self, pod: Prefix) -> Option<u64> {
        if self.0[3..6] != pod {
            return None;
        }
        self.0[6..].iter().try_fold(0u64, |sum, &c| {
            let digit = match c {
                b'0'..=b'9' => c - b'0',
                b'A'..=b'Z' => c - b'A' + 10,
                b'a'..=b'z' => c - b'a' + 36,
                _ => return None,
            };
            Some(sum * 62 + u64::from(digit))
        })
    }

    /// The 15-character form.
    pub(crate) fn short(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The 18-character form, as bytes.
    pub(crate) fn long_bytes(self) -> [u8; 18] {
        let mut text = [0; 18];
        text[..15].copy_from_slice(&self.0);
        text[15..].copy_from_slice(&self.checksum());
        text
    }

    fn checksum(self) -> [u8; 3] {
        let mut suffix = [0; 3];
        for (slot, block) in suffix.iter_mut().zip(self.0.chunks(5)) {
            let bits = block
                .iter()
                .enumerate()
                .filter(|(_, c)| c.is_ascii_uppercase());
            *slot = CHECKSUM[bits.fold(0, |sum, (k, _)| sum | 1 << k)];
        }
        suffix
    }
}

impl fmt::Display for RecordId {
    /// Writes the 18-character form.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(std::str::from_utf8(&self.long_bytes()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_agrees_with_published_ids() {
        for (short, suffix) in [
            ("750R0000000zlh9", "IAA"),
            ("0018c00002FInbo", "AAD"),
            ("7503F000004rVlu", "QAE"),
            ("0056g000005HQPy", "AAO"),
            ("01gR0000000opRT", "IAY"),
            ("0012S00002GWsZ0", "QAL"),
        ] {
            let id = RecordId::parse(short).unwrap();
            assert_eq!(id.to_string(), format!("{short}{suffix}"));
            assert_eq!(RecordId::parse(&id.to_string()), Some(id));
        }
    }

    #[test]
    fn id_with_changed_case_is_refused() {
        assert_eq!(RecordId::parse("0018C00002FInboAAD"), None);
        assert_eq!(RecordId::parse("0018c00002FInb"), None);
        assert_eq!(RecordId::parse("0018c00002FI-bo"), None);
    }

    #[test]
    fn number_survives_the_round_trip_and_other_orgs_are_told_apart() {
        let id = RecordId::new(*b"00Q", *b"5e1", 123_456_789_012);
        assert_eq!(id.number(*b"5e1"), Some(123_456_789_012));
        assert_eq!(id.number(*b"5e2"), None);
        assert_eq!(&id.prefix(), b"00Q");
    }
}
