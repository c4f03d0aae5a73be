//! A table's version: which files, how many rows, which schema, in what order.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::checksum::Checksum;

/// One Parquet file of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Path inside the staging area, so that the area can be moved.
    pub path: String,
    /// Rows in the file.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// What the writer says of the file (an outbox part's operation).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Checksum of its bytes.
    pub checksum: String,
}

/// The published description of one version of a table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// First half of the table's name, such as `usercom`.
    pub schema_name: String,
    /// Second half, such as `people`.
    pub table: String,
    /// Counts up from 1; 0 while unpublished.
    pub version: u64,
    /// When it was written.
    pub published_at: DateTime<Utc>,
    /// Rows in all files.
    pub rows: u64,
    /// The files, at least one even for zero rows.
    pub files: Vec<DataFile>,
    /// Columns by which rows are sorted over all files in their order (ascending, nulls first); empty when unsorted.
    pub sorted_by: Vec<String>,
    /// What the writer counted besides (`source_rows`, `rejected_rows`, …).
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
    /// Arrow schema of every file.
    pub schema: SchemaRef,
}

impl Manifest {
    /// `schema.table`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.schema_name, self.table)
    }

    /// The same for the same files, whatever they are called.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut sum = Checksum::default();
        for file in &self.files {
            sum.add(file.checksum.as_bytes());
        }
        sum.text()
    }

    /// A number the writer counted, 0 if it did not.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }
}

/// Splits `<base>/manifests/<schema>/<table>/<version>.json`; `None` for anything else.
pub(super) fn parse_path(base: &Path, path: &Path) -> Option<(String, String, u64)> {
    let mut parts = path.prefix_match(base)?;
    let manifests = parts.next()?;
    let schema = parts.next()?.as_ref().to_owned();
    let table = parts.next()?.as_ref().to_owned();
    let version = parts.next()?.as_ref().strip_suffix(".json")?.parse().ok()?;
    (manifests.as_ref() == "manifests" && parts.next().is_none())
        .then_some((schema, table, version))
}
