//! All tables as they were at one moment, so that a query never sees two versions of one table.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Manifest;

/// The current manifests, sorted by schema and table name; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    tables: Arc<Vec<Arc<Manifest>>>,
}

impl Snapshot {
    /// Adds or replaces a table; used for versions that are not published, as in `plan`.
    pub fn insert(&mut self, manifest: impl Into<Arc<Manifest>>) {
        let manifest = manifest.into();
        let place = self.place(&manifest.schema_name, &manifest.table);
        let tables = Arc::make_mut(&mut self.tables);
        match place {
            Ok(place) => tables[place] = manifest,
            Err(place) => tables.insert(place, manifest),
        }
    }

    fn place(&self, schema: &str, table: &str) -> Result<usize, usize> {
        self.tables
            .binary_search_by(|other| compared(other, schema, table))
    }

    /// One table.
    #[must_use]
    pub fn get(&self, schema: &str, table: &str) -> Option<&Manifest> {
        self.shared(schema, table).map(Arc::as_ref)
    }

    /// One table's manifest as snapshots share it.
    pub(crate) fn shared(&self, schema: &str, table: &str) -> Option<&Arc<Manifest>> {
        let place = self.place(schema, table).ok()?;
        self.tables.get(place)
    }

    /// The tables that `wanted` holds for.
    pub(crate) fn only(&self, wanted: impl Fn(&Manifest) -> bool) -> Self {
        let tables = self.tables.iter().filter(|table| wanted(table)).cloned();
        Self {
            tables: Arc::new(tables.collect()),
        }
    }

    /// All tables, by schema and name.
    pub fn iter(&self) -> impl Iterator<Item = &Manifest> {
        self.tables.iter().map(Arc::as_ref)
    }

    /// Tables of one schema, by name.
    pub fn schema<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = &'a Manifest> {
        let first = self
            .tables
            .partition_point(|table| table.schema_name.as_str() < schema);
        let tables = self.tables[first..].iter().map(Arc::as_ref);
        tables.take_while(move |table| table.schema_name == schema)
    }
}

fn compared(manifest: &Manifest, schema: &str, table: &str) -> Ordering {
    let by_schema = manifest.schema_name.as_str().cmp(schema);
    by_schema.then_with(|| manifest.table.as_str().cmp(table))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow::datatypes::Schema;

    use super::*;

    fn manifest(schema: &str, table: &str, version: u64) -> Manifest {
        Manifest {
            schema_name: schema.to_owned(),
            table: table.to_owned(),
            version,
            published_at: chrono::DateTime::UNIX_EPOCH,
            rows: 0,
            files: Vec::new(),
            sorted_by: Vec::new(),
            counts: BTreeMap::new(),
            columns: BTreeMap::new(),
            basis: None,
            schema: Arc::new(Schema::empty()),
        }
    }

    #[test]
    fn tables_are_found_by_name_replaced_and_told_by_schema_whatever_came_first() {
        let mut snapshot = Snapshot::default();
        for (schema, table) in [
            ("org", "lead"),
            ("a", "z"),
            ("orgs", "a"),
            ("org", "account"),
        ] {
            snapshot.insert(manifest(schema, table, 1));
        }
        let before = snapshot.clone();
        snapshot.insert(manifest("org", "lead", 2));
        let version = |of: &Snapshot| of.get("org", "lead").map(|table| table.version);
        assert_eq!((version(&before), version(&snapshot)), (Some(1), Some(2)));
        assert!(snapshot.get("org", "z").is_none());
        let names =
            |of: &mut dyn Iterator<Item = &Manifest>| of.map(Manifest::name).collect::<Vec<_>>();
        assert_eq!(
            names(&mut snapshot.schema("org")),
            ["org.account", "org.lead"]
        );
        let all = ["a.z", "org.account", "org.lead", "orgs.a"];
        assert_eq!(names(&mut snapshot.iter()), all);
        let only = snapshot.only(|table| table.version == 2);
        assert_eq!(names(&mut only.iter()), ["org.lead"]);
    }
}
