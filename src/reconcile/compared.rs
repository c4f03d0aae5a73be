//! How a field that is sent is compared with what is found of it: by its own value, or, for the body of a file or a note, by what
//! tells which body a record has.
//!
//! In: a field of an object. Out: SQL for what was sent, what is found, what the org had accepted. Never: a body itself.

use arrow::datatypes::{DataType, Field};

use super::body::{Body, body};
use super::coercion::{TargetField, normal_forms_in, readable};
use super::names::ACCEPTED;
use crate::salesforce::ObjectDescribe;

/// How a field that is sent is compared with what is found of it.
pub(super) enum Compared {
    /// By its own value.
    Value(TargetField),
    /// By what tells which body a record has.
    Body(&'static Body),
}

impl Compared {
    /// None for a field of which nothing can be read.
    pub(super) fn of(describe: &ObjectDescribe, name: &str) -> Option<Self> {
        let value = readable(describe, name).map(|field| Self::Value(TargetField::of(field)));
        value.or_else(|| body(describe, name).map(Self::Body))
    }

    /// SQL for the normal forms of the value sent and of what is found, in these tables.
    pub(super) fn forms(&self, field: &Field, sent: &str, found: &str) -> (String, String) {
        match self {
            Self::Value(target) => normal_forms_in(field, target, sent, found),
            Self::Body(body) => (format!("{sent}.\"{}\"", field.name()), body.told(found)),
        }
    }

    /// SQL with `and` behind it that is false where both are one text already, so that their normal forms are the same, too.
    pub(super) fn unlike(&self, field: &Field, sent: &str, found: &str) -> String {
        let name = field.name();
        let own = match (self, field.data_type()) {
            (Self::Value(_), DataType::Utf8) => format!("{sent}.\"{name}\""),
            (Self::Value(_), data_type) if data_type.is_numeric() => {
                format!("cast({sent}.\"{name}\" as varchar)")
            }
            // Of others the texts are never the same, or say too little.
            _ => return String::new(),
        };
        format!("({own} is distinct from {found}.\"{name}\") and ")
    }

    /// SQL for what is sent, as it is shown.
    pub(super) fn sent(&self, field: &Field, sent: &str) -> String {
        let column = format!("{sent}.\"{}\"", field.name());
        match field.data_type() {
            DataType::List(_) => format!("array_to_string({column}, ';')"),
            _ => format!("cast({column} as varchar)"),
        }
    }

    /// SQL for what is found, as it is shown.
    pub(super) fn shown(&self, field: &Field, found: &str) -> String {
        match self {
            Self::Value(_) => format!("{found}.\"{}\"", field.name()),
            Self::Body(body) => body.told(found),
        }
    }

    /// The columns of `org.<load>` that say what the org accepted, and SQL for it.
    pub(super) fn accepted<'a>(&self, field: &'a Field, found: &str) -> (Vec<&'a str>, String) {
        let form = self.forms(field, found, found).1;
        match self {
            Self::Value(_) => (vec![field.name()], form),
            Self::Body(body) if body.is_comparable() => (body.told_by.to_vec(), form),
            Self::Body(_) => (vec![ACCEPTED], format!("{found}.{ACCEPTED}")),
        }
    }

    /// Whether the same value is the same on both sides.
    pub(super) fn is_comparable(&self) -> bool {
        match self {
            Self::Value(_) => true,
            Self::Body(body) => body.is_comparable(),
        }
    }
}
