//! The customer's own attributes: what they are called and what they hold (`guide/usercom.md` §4).
//!
//! In: rows of the attributes' files. Out: the definition that belongs to a column. Never: values of records.

use std::collections::BTreeMap;

use super::cell::CellKind;
use super::objects::{ALL, Object, plain};
use super::record::Record;

/// One attribute.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) id: i64,
    pub(super) name: String,
    /// Its key in v2.
    pub(super) name_std: String,
    pub(super) kind: CellKind,
}

/// All attributes by their object.
#[derive(Clone, Debug, Default)]
pub(super) struct Definitions(BTreeMap<Object, Vec<Definition>>);

impl Definitions {
    /// Adds the attribute that a row describes.
    pub(super) fn note(&mut self, row: &Record) {
        let text = |key: &str| row.text(key).unwrap_or_default();
        let content_type = text("content_type").to_lowercase();
        let owner = ALL
            .into_iter()
            .find(|object| object.content_types().contains(&content_type.as_str()));
        let (name, mut name_std) = (text("name"), text("name_std"));
        if name_std.is_empty() {
            name_std = plain(&name);
        }
        let Some(owner) = owner.filter(|_| !name_std.is_empty()) else {
            return;
        };
        let list = self.0.entry(owner).or_default();
        list.retain(|known| known.name_std != name_std);
        list.push(Definition {
            id: row.id("id").unwrap_or(0),
            name,
            name_std,
            kind: kind(&text("value_type")),
        });
    }

    /// The attribute that a column belongs to, found by either name.
    pub(super) fn of(&self, object: Object, column: &str) -> Option<&Definition> {
        self.all(object)
            .iter()
            .find(|known| plain(&known.name_std) == column || plain(&known.name) == column)
    }

    /// The attributes of an object.
    pub(super) fn all(&self, object: Object) -> &[Definition] {
        self.0.get(&object).map_or(&[], Vec::as_slice)
    }
}

/// What an attribute of this type holds; text if nobody has heard of the type.
fn kind(value_type: &str) -> CellKind {
    match value_type.to_lowercase().as_str() {
        "boolean" | "bool" | "1" => CellKind::Boolean,
        "integer" | "int" | "2" => CellKind::Integer,
        "datetime" | "5" => CellKind::Time,
        "fixed" | "choice" | "fixed_choice" | "6" => CellKind::Choices,
        "float" | "7" => CellKind::Float,
        "json" => CellKind::Json,
        _ => CellKind::Text,
    }
}
