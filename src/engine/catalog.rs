//! The tables of one session: those of its snapshot, opened when a query first names them, and those added to it.
//!
//! In: a [`Snapshot`], and tables and views of the session's own, which come first. Out: providers, by name. Never: I/O. A
//! session is opened for every step of a run, and reads few of a hundred tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::Schema;
use async_trait::async_trait;
use datafusion::catalog::information_schema::INFORMATION_SCHEMA;
use datafusion::catalog::{CatalogProvider, SchemaProvider};
use datafusion::common::TableReference;
use datafusion::datasource::TableProvider;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::Result;
use datafusion::logical_expr::TableType;
use datafusion::prelude::col;
use url::Url;

use super::plans::Plans;
use super::version::Version;
use crate::staging::{Manifest, Snapshot, Staging};

/// Schemas that exist in every session, even while empty.
const SCHEMAS: [&str; 11] = [
    "usercom", "rejects", "staged", "config", "mapped", "prepare", "outbox", "ledger", "org",
    "known", "recon",
];

/// The name of the catalog.
pub(super) const CATALOG: &str = "datafusion";

/// Where a name without a schema is looked for; nothing is ever in it.
pub(super) const DEFAULT_SCHEMA: &str = "public";

/// Tables by schema and name.
type Opened = BTreeMap<(String, String), Arc<dyn TableProvider>>;

/// All tables of one session.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    staging: Staging,
    snapshot: Snapshot,
    plans: Arc<Plans>,
    /// What was added, and what of the snapshot was opened.
    opened: Arc<Mutex<Opened>>,
}

impl Tables {
    pub(super) fn new(staging: &Staging, snapshot: &Snapshot, plans: Arc<Plans>) -> Self {
        Self {
            staging: staging.clone(),
            snapshot: snapshot.clone(),
            plans,
            opened: Arc::default(),
        }
    }

    /// Where the tables are.
    #[cfg(feature = "ballista")]
    pub(super) fn staging(&self) -> &Staging {
        &self.staging
    }

    /// Adds a version of a table, published or not.
    ///
    /// # Errors
    /// Paths that are none.
    pub(super) fn add_version(&self, staging: &Staging, manifest: &Manifest) -> Result<()> {
        let table = listing_table(staging, &Arc::new(manifest.clone()))?;
        self.add(&manifest.schema_name, &manifest.table, table);
        Ok(())
    }

    /// Adds a table, or puts it in the place of the one of its name.
    pub(super) fn add(&self, schema: &str, name: &str, table: Arc<dyn TableProvider>) {
        let name = (schema.to_owned(), name.to_owned());
        self.opened().insert(name, table);
    }

    /// Names of all tables, by schema.
    pub(super) fn names(&self) -> BTreeSet<(String, String)> {
        let mut names: BTreeSet<(String, String)> = self.opened().keys().cloned().collect();
        let given = self.snapshot.iter();
        names.extend(given.map(|table| (table.schema_name.clone(), table.table.clone())));
        names
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, schema: &str, name: &str) -> bool {
        let key = (schema.to_owned(), name.to_owned());
        self.opened().contains_key(&key) || self.snapshot.get(schema, name).is_some()
    }

    /// The type, without opening a table of the snapshot.
    fn type_of(&self, schema: &str, name: &str) -> Option<TableType> {
        let key = (schema.to_owned(), name.to_owned());
        if let Some(table) = self.opened().get(&key) {
            return Some(table.table_type());
        }
        self.snapshot.get(schema, name).map(|_| TableType::Base)
    }

    /// The table that a statement means; none where it is not one of these, as those of the information schema.
    pub(super) fn named(&self, reference: &TableReference) -> Option<Arc<dyn TableProvider>> {
        let name = reference.clone().resolve(CATALOG, DEFAULT_SCHEMA);
        if name.catalog.as_ref() != CATALOG || name.schema.as_ref() == INFORMATION_SCHEMA {
            return None;
        }
        self.open(&name.schema, &name.table).ok().flatten()
    }

    fn open(&self, schema: &str, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let key = (schema.to_owned(), name.to_owned());
        let mut opened = self.opened();
        if let Some(table) = opened.get(&key) {
            return Ok(Some(Arc::clone(table)));
        }
        let Some(manifest) = self.snapshot.shared(schema, name) else {
            return Ok(None);
        };
        let table = self
            .plans
            .published(manifest, || listing_table(&self.staging, manifest))?;
        opened.insert(key, Arc::clone(&table));
        Ok(Some(table))
    }
}

impl CatalogProvider for Tables {
    fn schema_names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = SCHEMAS.map(str::to_owned).into();
        names.insert(DEFAULT_SCHEMA.to_owned());
        names.extend(self.names().into_iter().map(|(schema, _)| schema));
        names.into_iter().collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let is_known = SCHEMAS.contains(&name)
            || name == DEFAULT_SCHEMA
            || self.opened().keys().any(|(schema, _)| schema == name)
            || self.snapshot.schema(name).next().is_some();
        is_known.then(|| {
            Arc::new(OneSchema {
                tables: self.clone(),
                name: name.to_owned(),
            }) as Arc<dyn SchemaProvider>
        })
    }
}

/// The tables of one schema.
#[derive(Debug)]
struct OneSchema {
    tables: Tables,
    name: String,
}

#[async_trait]
impl SchemaProvider for OneSchema {
    fn table_names(&self) -> Vec<String> {
        let names = self.tables.names().into_iter();
        names
            .filter(|(schema, _)| *schema == self.name)
            .map(|(_, name)| name)
            .collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.tables.open(&self.name, name)
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.tables.type_of(&self.name, name))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.has(&self.name, name)
    }
}

/// Where a file is. Parsed from a text, a folder's `?`, `#` or `%20` would lead elsewhere, and the table be empty.
pub(super) fn url_of(staging: &Staging, path: &str) -> Url {
    let mut url = staging.store_url().clone();
    let path = staging.absolute(path);
    if let Ok(mut segments) = url.path_segments_mut() {
        let parts: Vec<_> = path.parts().collect();
        segments
            .clear()
            .extend(parts.iter().map(|part| part.as_ref()));
    }
    url
}

/// One table version, as its manifest describes it.
pub(super) fn listing_table(
    staging: &Staging,
    manifest: &Arc<Manifest>,
) -> Result<Arc<dyn TableProvider>> {
    let urls = manifest
        .files
        .iter()
        .map(|file| ListingTableUrl::try_new(url_of(staging, &file.path), None))
        .collect::<Result<Vec<_>, _>>()?;
    let mut options = ListingOptions::new(Arc::new(ParquetFormat::default()));
    if !manifest.sorted_by.is_empty() {
        let order = manifest
            .sorted_by
            .iter()
            .map(|name| col(datafusion::common::Column::from_name(name)).sort(true, true))
            .collect();
        options = options.with_file_sort_order(vec![order]);
    }
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        // Without the schema's own metadata: tables that differ in it alone could not be put together.
        .with_schema(Arc::new(Schema::new(manifest.schema.fields().clone())));
    let files = ListingTable::try_new(config)?;
    Ok(Arc::new(Version::new(files, manifest)))
}
