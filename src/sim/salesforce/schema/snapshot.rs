//! All objects of the org at one moment.
//!
//! In: objects. Out: [`Schema`], in which they are found by name, number and prefix. A deleted object leaves its place
//! empty.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::ids::Prefix;
use super::field::FieldDefinition;
use super::object::{SObject, Verbs};

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
