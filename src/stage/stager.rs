//! What staging a table needs, a table in the making, and one that is finished.
//!
//! In: settings, export, staging area. Out: the state that each step of staging goes by. Never: a row.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::column_books::Filled;
use super::error::write_error;
use super::file_books::FileBook;
use super::input::InputFile;
use super::share::Shares;
use super::{Settings, StageError, TableReport, Warning, altered};
use crate::engine::Engine;
use crate::progress::Progress;
use crate::staging::{Manifest, Snapshot, Staging, TableWriter};
use crate::usercom::attributes::AttributeDefinition;
use crate::usercom::layout::{FilePlan, PairColumns, TableColumn};
use crate::usercom::schema::Object;
use crate::usercom::{Blobs, Export, FileKeys};

/// What staging a table needs.
pub(super) struct Stager<'a> {
    pub(super) settings: &'a Settings,
    pub(super) export: &'a Export,
    pub(super) staging: &'a Staging,
    pub(super) engine: &'a Engine,
    pub(super) progress: &'a dyn Progress,
    /// The tables as they were before.
    pub(super) before: Snapshot,
    /// The files that records of `files` name.
    pub(super) blobs: Arc<Blobs>,
    /// Where cells that were read as something else are listed.
    pub(super) altered: TableWriter,
    /// The keys of JSON files read so far: other tables may have records in them.
    pub(super) keys: BTreeMap<String, FileKeys>,
    /// Digests of the files by name.
    pub(super) inputs: BTreeMap<String, String>,
    /// Digest of what is known of the blobs.
    pub(super) measured: String,
    /// The books of the files staged last, where tables of then may stand.
    pub(super) books: Option<Vec<FileBook>>,
    /// Tables that stand.
    pub(super) stood: usize,
    /// What other processes staged, if this one puts it together.
    pub(super) shares: Option<Shares>,
}

impl<'a> Stager<'a> {
    /// One that stages whatever it is given. `blobs` come with the digest of what is known of them.
    pub(super) async fn open(
        settings: &'a Settings,
        export: &'a Export,
        (staging, engine, before): (&'a Staging, &'a Engine, Snapshot),
        progress: &'a dyn Progress,
        (blobs, measured): (Blobs, String),
    ) -> Result<Self, StageError> {
        let altered = staging
            .create("staged", "altered", altered::schema(), &[])
            .await;
        Ok(Self {
            settings,
            export,
            staging,
            engine,
            progress,
            before,
            blobs: Arc::new(blobs),
            altered: altered.map_err(|source| write_error("altered", source))?,
            keys: BTreeMap::new(),
            inputs: BTreeMap::new(),
            measured,
            books: None,
            stood: 0,
            shares: None,
        })
    }
}

/// A table in the making.
pub(super) struct Work<'a> {
    pub(super) object: &'a Object,
    pub(super) files: Vec<InputFile>,
    pub(super) plans: Vec<FilePlan>,
    pub(super) columns: Arc<Vec<TableColumn>>,
    pub(super) schema: SchemaRef,
    /// The same with each row's place behind it.
    pub(super) placed: SchemaRef,
    pub(super) pair: Option<PairColumns>,
    pub(super) warnings: Vec<Warning>,
    pub(super) books: Vec<FileBook>,
    /// Words for nothing, by column.
    pub(super) nothing: Filled,
    /// Cells that could not be read, by column.
    pub(super) unreadable: Filled,
}

impl Work<'_> {
    /// The table's own columns.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

/// A table that is written and waits to be published.
pub(super) struct Finished {
    pub(super) table: Manifest,
    pub(super) rejects: Manifest,
    pub(super) report: TableReport,
    /// What became of the rows of each file.
    pub(super) files: Vec<FileBook>,
    /// What the table declares, if it is the table of attributes.
    pub(super) definitions: Vec<AttributeDefinition>,
}

/// Each name once: a file may hold records of a table under two keys.
pub(super) fn distinct(mut files: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    files
}
