//! One row as one buffer: a fixed head, then the fields that have a value, in the order of their numbers.
//!
//! In: a [`Head`] and texts in the canonical form of their type. Out: [`Row`], cheap to clone, that gives them back.
//! A field without a value takes no space.

use std::sync::Arc;

const HEAD: usize = 25;
const DELETED: u8 = 1;
const FOLLOWED: u8 = 2;

/// What every row carries besides its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) deleted: bool,
    /// Deleted because its parent was.
    pub(crate) followed: bool,
    /// Milliseconds since 1970, whole seconds.
    pub(crate) created: i64,
    /// Milliseconds since 1970, whole seconds.
    pub(crate) modified: i64,
    /// Position of the user's row.
    pub(crate) created_by: u32,
    /// Position of the user's row.
    pub(crate) modified_by: u32,
}

/// An encoded row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row(Arc<[u8]>);

impl Row {
    /// Takes bytes that [`RowBuilder`] made, from a log; none if they cannot be a row.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (bytes.len() >= HEAD).then(|| Self(Arc::from(bytes)))
    }

    /// The encoded form.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The fixed part.
    pub(crate) fn head(&self) -> Head {
        let long =
            |at: usize| i64::from_le_bytes(self.0[at..at + 8].try_into().unwrap_or_default());
        let short =
            |at: usize| u32::from_le_bytes(self.0[at..at + 4].try_into().unwrap_or_default());
        Head {
            deleted: self.0[0] & DELETED != 0,
            followed: self.0[0] & FOLLOWED != 0,
            created: long(1),
            modified: long(9),
            created_by: short(17),
            modified_by: short(21),
        }
    }

    /// Whether the row is in the recycle bin.
    pub(crate) fn deleted(&self) -> bool {
        self.0[0] & DELETED != 0
    }

    /// The value of a field.
    pub(crate) fn get(&self, field: u16) -> Option<&str> {
        self.raw(field)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// The value of a field as bytes.
    pub(crate) fn raw(&self, field: u16) -> Option<&[u8]> {
        let mut fields = self.fields().skip_while(|(at, _)| *at < field);
        fields
            .next()
            .filter(|(at, _)| *at == field)
            .map(|(_, bytes)| bytes)
    }

    /// All values, by rising field number.
    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields(&self.0[HEAD..])
    }
}

/// Iterator over the values of a row.
#[derive(Clone)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = varint(&mut self.0)?;
        let length = usize::try_from(varint(&mut self.0)?).ok()?;
        let (value, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some((u16::try_from(field).ok()?, value))
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0u32;
    for shift in (0..32).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Makes rows, reusing one buffer.
#[derive(Default)]
pub(crate) struct RowBuilder(Vec<u8>);

impl RowBuilder {
    /// Begins a row.
    pub(crate) fn start(&mut self, head: Head) {
        self.0.clear();
        let deleted = if head.deleted { DELETED } else { 0 };
        let followed = if head.followed { FOLLOWED } else { 0 };
        self.0.push(deleted | followed);
        self.0.extend_from_slice(&head.created.to_le_bytes());
        self.0.extend_from_slice(&head.modified.to_le_bytes());
        self.0.extend_from_slice(&head.created_by.to_le_bytes());
        self.0.extend_from_slice(&head.modified_by.to_le_bytes());
    }

    /// Adds a value; field numbers must rise.
    pub(crate) fn push(&mut self, field: u16, value: &[u8]) {
        self.varint(u32::from(field));
        self.varint(u32::try_from(value.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(value);
    }

    /// The finished row.
    pub(crate) fn finish(&self) -> Row {
        Row(Arc::from(self.0.as_slice()))
    }

    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.0.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
            value >>= 7;
        }
        self.0.push(u8::try_from(value).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_gives_back_what_it_was_built_from() {
        let head = Head {
            deleted: true,
            followed: true,
            created: 1_700_000_000_000,
            modified: -1,
            created_by: 3,
            modified_by: 9,
        };
        let long = "ż".repeat(40_000);
        let mut builder = RowBuilder::default();
        builder.start(head);
        builder.push(2, b"a");
        builder.push(300, long.as_bytes());
        let row = builder.finish();
        assert_eq!(row.head(), head);
        assert_eq!(row.get(2), Some("a"));
        assert_eq!(row.get(300), Some(long.as_str()));
        assert_eq!(row.get(7), None);
        assert_eq!(Row::from_bytes(row.bytes()), Some(row));
    }
}
