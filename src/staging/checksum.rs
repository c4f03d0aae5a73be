//! Documents that nobody may have touched: JSON with a checksum over its content and its place.
//!
//! In: a value and where it stands. Out: its bytes, or the value again. A checksum finds truncation, edits and files put in each
//! other's place; it is no protection against somebody who means it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

/// The field that holds the checksum.
const CHECKSUM: &str = "checksum";

/// Why a document cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ChecksumError {
    /// It is no JSON, or not of this shape.
    #[error("it is cut off, or no document of this kind")]
    Decode(#[from] serde_json::Error),
    /// It is not what was written.
    #[error("its checksum does not fit: it was edited, or belongs elsewhere")]
    Altered,
}

/// A running checksum as text.
#[derive(Default)]
pub(super) struct Checksum(Xxh3);

impl Checksum {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn text(&self) -> String {
        format!("{:032x}", self.0.digest128())
    }
}

/// Over keys in their order, whatever the layout of the text.
fn checksum(value: &Value, place: &str) -> Result<String, serde_json::Error> {
    let mut sum = Checksum::default();
    sum.add(place.as_bytes());
    sum.add(&serde_json::to_vec(value)?);
    Ok(sum.text())
}

/// A document for `place`; the value must be a struct or a map.
///
/// # Errors
/// Whatever the value's serializer says.
pub fn with_checksum(value: &impl Serialize, place: &str) -> Result<Vec<u8>, serde_json::Error> {
    let mut value = serde_json::to_value(value)?;
    let sum = checksum(&value, place)?;
    if let Value::Object(fields) = &mut value {
        fields.insert(CHECKSUM.to_owned(), sum.into());
    }
    serde_json::to_vec_pretty(&value)
}

/// The value of a document that was written for `place`.
///
/// # Errors
/// [`ChecksumError`].
pub fn verified<T: DeserializeOwned>(bytes: &[u8], place: &str) -> Result<T, ChecksumError> {
    let mut value: Value = serde_json::from_slice(bytes)?;
    let found = match &mut value {
        Value::Object(fields) => fields.remove(CHECKSUM),
        _ => None,
    };
    let expected = checksum(&value, place)?;
    if found.as_ref().and_then(Value::as_str) != Some(&expected) {
        return Err(ChecksumError::Altered);
    }
    Ok(serde_json::from_value(value)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn document() -> Vec<u8> {
        with_checksum(&BTreeMap::from([("rows", 7), ("version", 2)]), "a/1").unwrap()
    }

    #[test]
    fn a_document_comes_back_whatever_its_layout() {
        let value: Value = serde_json::from_slice(&document()).unwrap();
        let compact = serde_json::to_vec(&value).unwrap();
        for bytes in [document(), compact] {
            let back: BTreeMap<String, u64> = verified(&bytes, "a/1").unwrap();
            assert_eq!(back["rows"], 7);
        }
    }

    #[test]
    fn edits_truncation_and_another_place_are_found() {
        let text = String::from_utf8(document()).unwrap();
        let edited = text.replace('7', "8");
        assert!(matches!(
            verified::<Value>(edited.as_bytes(), "a/1"),
            Err(ChecksumError::Altered)
        ));
        assert!(matches!(
            verified::<Value>(text.as_bytes(), "a/2"),
            Err(ChecksumError::Altered)
        ));
        assert!(matches!(
            verified::<Value>(b"{\"rows\": 7}", "a/1"),
            Err(ChecksumError::Altered)
        ));
        let cut = &text.as_bytes()[..text.len() / 2];
        assert!(matches!(
            verified::<Value>(cut, "a/1"),
            Err(ChecksumError::Decode(_))
        ));
    }
}
