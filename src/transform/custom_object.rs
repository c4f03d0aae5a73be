//! A custom object as the export shows it, and what its fields become: what its queries are written from.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Schema};

/// Longest API name without `__c` (`guide/salesforce.md` §5.2).
pub(super) const MAX_NAME: usize = 40;

/// A custom object of the export.
#[derive(Clone, Debug)]
pub struct CustomObject {
    /// Staged table without its schema, `co_<name>`.
    pub table: String,
    /// Label of one, if the export gives it.
    pub label: Option<String>,
    /// Label of many.
    pub plural: Option<String>,
    /// Schema of the staged table.
    pub schema: Schema,
    /// What the export's definitions ask of values, by the attribute's name in lower case.
    pub constraints: BTreeMap<String, Constraint>,
}

/// What a definition asks of the values of an attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraint {
    /// A value must be there.
    pub required: bool,
    /// The only values there may be; empty: any.
    pub choices: Vec<String>,
}

/// What a reference points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    People,
    Companies,
    Deals,
    /// A custom object, by its table.
    Custom(String),
    /// A type that the export does not have.
    Unknown(String),
}

/// A field of an object.
pub(super) struct Field<'a> {
    /// Staged column.
    pub(super) column: &'a str,
    /// API name without `__c`.
    pub(super) name: String,
    pub(super) data_type: &'a DataType,
    pub(super) value_type: &'a str,
    pub(super) target: Option<Target>,
    pub(super) constraint: Option<&'a Constraint>,
}
