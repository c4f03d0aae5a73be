//! One object and its fields by name and number.
//!
//! In: fields, as they are declared or deployed. Out: [`SObject`]. Fields are appended only; a deleted one leaves its
//! place empty.

use std::collections::HashMap;

use super::super::ids::Prefix;
use super::definition::CustomObject;
use super::field::FieldDefinition;

/// What may be done with the rows of an object.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Verbs {
    pub(crate) create: bool,
    pub(crate) update: bool,
    pub(crate) delete: bool,
    pub(crate) query: bool,
    /// Supported by Bulk API 2.0.
    pub(crate) bulk: bool,
    /// Audit fields can be set on create (§6.4).
    pub(crate) audit: bool,
    /// Custom fields can be deployed.
    pub(crate) extend: bool,
    /// Rows have a currency where the org has several.
    pub(crate) currency: bool,
    /// Only the Tooling API knows the object.
    pub(crate) tooling: bool,
}

/// One object.
#[derive(Clone, Debug)]
pub(crate) struct SObject {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) plural: String,
    pub(crate) prefix: Prefix,
    pub(crate) custom: bool,
    pub(crate) verbs: Verbs,
    pub(crate) fields: Vec<FieldDefinition>,
    /// How a deployed object was defined.
    pub(crate) definition: Option<CustomObject>,
    /// Deleted: the place is kept so that the numbers of the other objects stay valid.
    pub(crate) gone: bool,
    by_name: HashMap<String, u16>,
}

impl SObject {
    /// An object with the system fields only.
    pub(crate) fn new(name: &str, label: &str, plural: &str, prefix: Prefix, verbs: Verbs) -> Self {
        let mut object = Self {
            name: name.to_owned(),
            label: label.to_owned(),
            plural: plural.to_owned(),
            prefix,
            custom: name.ends_with("__c"),
            verbs,
            fields: Vec::new(),
            definition: None,
            gone: false,
            by_name: HashMap::new(),
        };
        for field in FieldDefinition::system_fields() {
            object.add(field);
        }
        object
    }

    /// Appends a field, or replaces the definition of one of the same name in its place.
    pub(crate) fn add(&mut self, field: FieldDefinition) {
        if field.gone {
            self.fields.push(field);
            return;
        }
        let key = field.name.to_ascii_lowercase();
        if let Some(&at) = self.by_name.get(&key) {
            self.fields[usize::from(at)] = field;
        } else {
            let at = u16::try_from(self.fields.len()).unwrap_or(u16::MAX);
            self.by_name.insert(key, at);
            self.fields.push(field);
        }
    }

    /// Takes a field away; its place stays empty.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(at) = self.by_name.remove(&name.to_ascii_lowercase()) {
            self.fields[usize::from(at)] = FieldDefinition::deleted();
        }
    }

    /// The number of a field; names match whatever their case.
    pub(crate) fn position(&self, name: &str) -> Option<u16> {
        self.by_name.get(&name.to_ascii_lowercase()).copied()
    }

    /// A field by number.
    pub(crate) fn field(&self, position: u16) -> &FieldDefinition {
        &self.fields[usize::from(position)]
    }

    /// A field by name.
    pub(crate) fn find(&self, name: &str) -> Option<(u16, &FieldDefinition)> {
        self.position(name).map(|at| (at, self.field(at)))
    }

    /// The reference field behind a relationship name such as `Owner` or `Parent__r`.
    pub(crate) fn relationship(&self, name: &str) -> Option<(u16, &FieldDefinition)> {
        self.fields.iter().enumerate().find_map(|(at, field)| {
            let matches = field
                .relationship
                .as_deref()
                .is_some_and(|r| r.eq_ignore_ascii_case(name));
            (matches && !field.references.is_empty())
                .then(|| (u16::try_from(at).unwrap_or(u16::MAX), field))
        })
    }
}
