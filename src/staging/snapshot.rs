//! All tables as they were at one moment, so that a query never sees two versions of one table.

use std::collections::BTreeMap;

use super::Manifest;

/// The current manifests by schema and table name.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    tables: BTreeMap<(String, String), Manifest>,
}

impl Snapshot {
    /// Adds or replaces a table; used for versions that are not published, as in `plan`.
    pub fn insert(&mut self, manifest: Manifest) {
        self.tables.insert(
            (manifest.schema_name.clone(), manifest.table.clone()),
            manifest,
        );
    }

    /// One table.
    #[must_use]
    pub fn get(&self, schema: &str, table: &str) -> Option<&Manifest> {
        self.tables.get(&(schema.to_owned(), table.to_owned()))
    }

    /// All tables, by schema and name.
    pub fn iter(&self) -> impl Iterator<Item = &Manifest> {
        self.tables.values()
    }

    /// Tables of one schema, by name.
    pub fn schema<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = &'a Manifest> {
        self.iter().filter(move |table| table.schema_name == schema)
    }
}
