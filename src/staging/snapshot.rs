//! All tables as they were at one moment, so that a query never sees two versions of one table.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Manifest;

/// The current manifests by schema and table name; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    tables: Arc<BTreeMap<(String, String), Arc<Manifest>>>,
}

impl Snapshot {
    /// Adds or replaces a table; used for versions that are not published, as in `plan`.
    pub fn insert(&mut self, manifest: impl Into<Arc<Manifest>>) {
        let manifest = manifest.into();
        Arc::make_mut(&mut self.tables).insert(
            (manifest.schema_name.clone(), manifest.table.clone()),
            manifest,
        );
    }

    /// One table.
    #[must_use]
    pub fn get(&self, schema: &str, table: &str) -> Option<&Manifest> {
        let name = (schema.to_owned(), table.to_owned());
        self.tables.get(&name).map(Arc::as_ref)
    }

    /// All tables, by schema and name.
    pub fn iter(&self) -> impl Iterator<Item = &Manifest> {
        self.tables.values().map(Arc::as_ref)
    }

    /// Tables of one schema, by name.
    pub fn schema<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = &'a Manifest> {
        let first = (schema.to_owned(), String::new());
        let tables = self.tables.range(first..).map(|(_, table)| table.as_ref());
        tables.take_while(move |table| table.schema_name == schema)
    }
}
