//! The objects of the org and their fields: what describe shows and what writes are checked against.
//!
//! In: the standard objects compiled in as data ([`standard`]), then fields and objects that were deployed. Out:
//! [`Schema`], an immutable snapshot; a deployment makes a new one. Fields are only ever appended, and a
//! deleted one leaves its place empty, so a field's number stays valid for every row written before. Holds no rows and knows no users.

mod currency;
mod custom;
mod field;
mod standard;

use std::collections::HashMap;
use std::sync::Arc;

pub(crate) use currency::CURRENCIES;
pub(crate) use custom::CustomObject;
pub(crate) use field::{
    FieldDefinition, FieldType, Grant, OnDelete, PicklistValue, RECORD_TYPE, System,
};
pub(crate) use standard::standard;

use super::ids::Prefix;

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

/// All objects of the org at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    objects: Vec<Arc<SObject>>,
    by_name: HashMap<String, usize>,
    by_prefix: HashMap<Prefix, usize>,
    /// Prefixes of deleted objects: ids that still hold them must not come to mean rows of another.
    retired: Vec<Prefix>,
}

impl Schema {
    /// Adds an object, or replaces the one of the same name in its place.
    pub(crate) fn put(&mut self, object: SObject) -> usize {
        let key = object.name.to_ascii_lowercase();
        if let Some(&at) = self.by_name.get(&key) {
            self.objects[at] = Arc::new(object);
            return at;
        }
        let at = self.objects.len();
        self.by_name.insert(key, at);
        // Notes share the ids of content documents.
        self.by_prefix.entry(object.prefix).or_insert(at);
        self.objects.push(Arc::new(object));
        at
    }

    /// Takes a custom object away, and the lookups to it; its place stays empty.
    pub(crate) fn remove(&mut self, name: &str) {
        let Some(at) = self.by_name.remove(&name.to_ascii_lowercase()) else {
            return;
        };
        let prefix = self.objects[at].prefix;
        self.by_prefix.remove(&prefix);
        self.retire(prefix);
        let spelled = self.objects[at].name.clone();
        let mut empty = SObject::new("", "", "", *b"\0\0\0", Verbs::default());
        empty.gone = true;
        self.objects[at] = Arc::new(empty);
        for host in &mut self.objects {
            let refers = |field: &FieldDefinition| field.references.contains(&spelled);
            if !host.fields.iter().any(refers) {
                continue;
            }
            let host = Arc::make_mut(host);
            let lookups: Vec<String> = host
                .fields
                .iter()
                .filter(|field| field.custom && refers(field))
                .map(|field| field.name.clone())
                .collect();
            lookups.iter().for_each(|lookup| host.remove(lookup));
            for field in &mut host.fields {
                field.references.retain(|name| *name != spelled);
            }
        }
    }

    /// Keeps a prefix from being given out again.
    pub(crate) fn retire(&mut self, prefix: Prefix) {
        self.retired.push(prefix);
    }

    /// Prefixes of deleted objects.
    pub(crate) fn retired(&self) -> &[Prefix] {
        &self.retired
    }

    /// The number of an object; names match whatever their case.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(&name.to_ascii_lowercase()).copied()
    }

    /// The number of the object whose ids start with `prefix`.
    pub(crate) fn by_prefix(&self, prefix: Prefix) -> Option<usize> {
        self.by_prefix.get(&prefix).copied()
    }

    /// An object by number.
    pub(crate) fn object(&self, at: usize) -> &Arc<SObject> {
        &self.objects[at]
    }

    /// All objects, in the order of their numbers.
    pub(crate) fn objects(&self) -> &[Arc<SObject>] {
        &self.objects
    }
}
