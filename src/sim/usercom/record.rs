//! One row: keys in order, each with the JSON text of its value.
//!
//! In: a JSON object, or cells one by one. Out: the same object again, its values byte for byte. Never: a value read and
//! written anew, which would change numbers and the order of keys.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// The JSON text of a value.
pub(super) type Raw = Box<RawValue>;

/// The JSON text of a plain value; null where there is none, which cannot happen with texts, numbers and lists.
pub(super) fn raw(value: &(impl Serialize + ?Sized)) -> Raw {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Text that is JSON already.
pub(super) fn verbatim(json: &str) -> Option<Raw> {
    RawValue::from_string(json.to_owned()).ok()
}

/// A row.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    cells: Vec<(String, Raw)>,
}

impl Record {
    /// Reads a JSON object.
    pub(super) fn parse(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }

    /// The value of a key, null included.
    pub(super) fn get(&self, key: &str) -> Option<&RawValue> {
        let cell = self.cells.iter().find(|(name, _)| name == key);
        cell.map(|(_, value)| value.as_ref())
    }

    /// The value of a key that is not null.
    pub(super) fn some(&self, key: &str) -> Option<&RawValue> {
        self.get(key).filter(|value| !is_null(value))
    }

    /// The text of a value that is one.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.some(key).and_then(text_of)
    }

    /// The number that a value refers to: itself, or the `id` of an object.
    pub(super) fn id(&self, key: &str) -> Option<i64> {
        self.some(key).and_then(id_of)
    }

    /// Sets a value, in the place of the old one if there is one.
    pub(super) fn set(&mut self, key: &str, value: Raw) {
        match self.cells.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.cells.push((key.to_owned(), value)),
        }
    }

    /// Adds a value under a key that is not there yet.
    pub(super) fn push(&mut self, key: &str, value: Raw) {
        self.cells.push((key.to_owned(), value));
    }

    /// Takes a value out.
    pub(super) fn take(&mut self, key: &str) -> Option<Raw> {
        let at = self.cells.iter().position(|(name, _)| name == key)?;
        Some(self.cells.remove(at).1)
    }

    /// All cells.
    pub(super) fn into_cells(self) -> Vec<(String, Raw)> {
        self.cells
    }

    /// The row as a line without its end.
    pub(super) fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(self.cells.len()))?;
        for (name, value) in &self.cells {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Record;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
                let mut record = Record::default();
                while let Some((name, value)) = map.next_entry::<String, Raw>()? {
                    record.cells.push((name, value));
                }
                Ok(record)
            }
        }
        input.deserialize_map(Object)
    }
}

/// Whether a value is null.
pub(super) fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// The text of a value that is one.
pub(super) fn text_of(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// The number that a value is, that its text is, or that its `id` is.
pub(super) fn id_of(value: &RawValue) -> Option<i64> {
    match serde_json::from_str(value.get()).ok()? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => whole_number(&text),
        Value::Object(object) => match object.get("id")? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => whole_number(text),
            _ => None,
        },
        _ => None,
    }
}

/// A whole number as people and programs write it.
pub(super) fn whole_number(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_suffix(".0").unwrap_or(text);
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_their_order_survive_byte_for_byte() {
        let line = r#"{"z":1.50,"a":{"y": 1,"b":[1e3]},"text":"\u0142"}"#;
        assert_eq!(Record::parse(line).unwrap().line(), line);
    }

    #[test]
    fn references_are_numbers_texts_or_objects() {
        for (json, id) in [
            ("17", Some(17)),
            ("\" 17 \"", Some(17)),
            ("\"17.0\"", Some(17)),
            ("{\"id\":17,\"name\":\"x\"}", Some(17)),
            ("{\"id\":\"17\"}", Some(17)),
            ("{\"name\":\"x\"}", None),
            ("\"x\"", None),
            ("1.5", None),
            ("[17]", None),
        ] {
            assert_eq!(id_of(&verbatim(json).unwrap()), id, "{json}");
        }
    }
}
