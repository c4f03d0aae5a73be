//! A table's version: which files, how many rows, which schema, in what order.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::basis::Basis;
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
    /// Columns by which the rows of this file are sorted, as those of its table are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sorted_by: Vec<String>,
    /// Bytes of the texts of each column that has some, every time they are there: how wide rows are in memory follows from it. Empty
    /// where another program wrote the file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub text_bytes: BTreeMap<String, u64>,
}

/// What the files of an export hold of one column of a staged table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnBook {
    /// Files that have the column.
    pub files_with: u64,
    /// Files of the table that lack it.
    pub files_without: u64,
    /// Staged rows with a value in it.
    pub rows_with_value: u64,
    /// Whether an export that was staged before had it.
    pub seen_before: bool,
    /// Cells that held a word for nothing, such as `N/A`.
    #[serde(default)]
    pub nothing_words: u64,
    /// Cells that hold something which could not be read.
    #[serde(default)]
    pub unreadable: u64,
    /// The attribute's own name, if it is one of the customer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
}

impl ColumnBook {
    /// Whether every file of the table has the column, so that a row without a value says "empty" and not "unknown"
    /// (`guide/rules.md` 32).
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.files_with > 0 && self.files_without == 0
    }

    /// Whether an earlier export had the column and this one lacks it.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.seen_before && !self.is_present()
    }
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
    /// Of a staged table: what the export holds of each column, those that only an earlier export had among them. Empty for
    /// every other table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnBook>,
    /// What its rows follow from, where that is known (`engine`): a table with the same basis has the same rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// Arrow schema of every file.
    pub schema: SchemaRef,
}

impl Manifest {
    /// `schema.table`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.schema_name, self.table)
    }

    /// The table in two, if some of its files are sorted in themselves: a join of these needs no sort.
    #[must_use]
    pub fn by_order(&self) -> Vec<Self> {
        let (sorted, others): (Vec<_>, Vec<_>) = self
            .files
            .iter()
            .cloned()
            .partition(|file| !file.sorted_by.is_empty());
        if sorted.is_empty() || others.is_empty() {
            return vec![self.clone()];
        }
        let part = |files: Vec<DataFile>| Self {
            rows: files.iter().map(|file| file.rows).sum(),
            sorted_by: files[0].sorted_by.clone(),
            files,
            ..self.clone()
        };
        vec![part(sorted), part(others)]
    }

    /// Bytes that the texts of a column take in a row, on an average; none where that is not known of every file.
    #[must_use]
    pub fn text_bytes(&self, column: &str) -> Option<u64> {
        let files = self.files.iter().filter(|file| file.rows > 0);
        let bytes: Option<u64> = files.map(|file| file.text_bytes.get(column).copied()).sum();
        Some(bytes?.div_ceil(self.rows.max(1)))
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

    /// Whether both are the same version with the same numbers.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.version == other.version
            && self.files == other.files
            && self.counts == other.counts
            && self.columns == other.columns
            && self.basis == other.basis
    }

    /// A number the writer counted, 0 if it did not.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// Whether the export holds this column, so that a row without a value has none. True for tables that do not come from
    /// an export.
    #[must_use]
    pub fn has_column(&self, name: &str) -> bool {
        self.columns.is_empty() || self.columns.get(name).is_some_and(ColumnBook::is_present)
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
