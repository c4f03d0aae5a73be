//! What is said about rows: the fate of those that do not move, flags, and changed values.
//!
//! In: routed batches. Out: `recon.fates_<load>`, `recon.flags_<load>`, `recon.altered_<load>`, each with the row's
//! key, so that every number of the report can be opened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};

use super::TransformError;
use super::fate::Fate;
use crate::encode::Altered;
use crate::project::{ProjectError, QueryFile};
use crate::staging::{Manifest, Staging, TableWriter};

/// Fates a load query may give a row.
const FATES: [&str; 4] = ["held", "passive", "ignored", "out_of_scope"];

/// The field that the org fills with the user who loads where it is empty.
const OWNER: &str = "OwnerId";

/// Flag of a row for whose record nobody was found.
const LOADER_OWNS: &str = "owned_by_the_loader";

/// Entries buffered before they are written.
const BUFFERED: usize = 8192;

pub(super) struct Notes {
    path: String,
    fates: Table,
    flags: Table,
    altered: Table,
    counts: BTreeMap<String, u64>,
}

struct Table {
    writer: TableWriter,
    columns: Vec<StringBuilder>,
    buffered: usize,
}

impl Table {
    async fn start(
        staging: &Staging,
        name: String,
        columns: &[&str],
    ) -> Result<Self, TransformError> {
        let fields: Vec<Field> = columns
            .iter()
            .map(|&name| Field::new(name, DataType::Utf8, true))
            .collect();
        let writer = staging
            .create("recon", &name, Arc::new(Schema::new(fields)), &[])
            .await?;
        Ok(Self {
            writer,
            columns: columns.iter().map(|_| StringBuilder::new()).collect(),
            buffered: 0,
        })
    }

    fn push(&mut self, cells: &[Option<&str>]) {
        for (cell, column) in cells.iter().zip(&mut self.columns) {
            column.append_option(*cell);
        }
        self.buffered += 1;
    }

    async fn flush(&mut self, at_least: usize) -> Result<(), TransformError> {
        if self.buffered < at_least.max(1) {
            return Ok(());
        }
        self.buffered = 0;
        let columns = self.columns.iter_mut().enumerate().map(|(index, column)| {
            let array: arrow::array::ArrayRef = Arc::new(column.finish());
            (index.to_string(), array)
        });
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.map(|(name, array)| (name, array, true)),
        )
        .map_err(|source| {
            TransformError::Project(ProjectError::Values {
                path: "recon".to_owned(),
                hint: String::new(),
                source: source.into(),
            })
        })?;
        self.writer.write(&batch).await?;
        Ok(())
    }

    async fn finish(mut self) -> Result<Manifest, TransformError> {
        self.flush(1).await?;
        Ok(self.writer.finish(BTreeMap::new()).await?)
    }
}

impl Notes {
    pub(super) async fn start(staging: &Staging, file: &QueryFile) -> Result<Self, TransformError> {
        let name = &file.name;
        Ok(Self {
            path: file.path.clone(),
            fates: Table::start(
                staging,
                format!("fates_{name}"),
                &["key", "fate", "reason", "parent", "source"],
            )
            .await?,
            flags: Table::start(staging, format!("flags_{name}"), &["key", "flag"]).await?,
            altered: Table::start(
                staging,
                format!("altered_{name}"),
                &["key", "field", "why", "done", "original"],
            )
            .await?,
            counts: BTreeMap::new(),
        })
    }

    fn count(&mut self, name: &str, rows: u64) {
        *self.counts.entry(name.to_owned()).or_default() += rows;
    }

    /// Notes what becomes of a row that is not sent, and which row of its source it is, if it says so.
    ///
    /// # Errors
    /// [`TransformError::Fate`].
    pub(super) fn fate(
        &mut self,
        (key, source): (&str, Option<&str>),
        fate: &Fate,
    ) -> Result<(), TransformError> {
        if !FATES.contains(&fate.fate.as_str()) {
            return Err(TransformError::Fate {
                path: self.path.clone(),
                fate: fate.fate.clone(),
            });
        }
        self.count(&fate.fate, 1);
        let (reason, parent) = (fate.reason(), fate.parent());
        self.fates.push(&[
            Some(key),
            Some(&fate.fate),
            reason.as_deref(),
            parent.as_deref(),
            source,
        ]);
        Ok(())
    }

    /// Notes changed values; of a row that waits anyway only those for which it is kept back.
    pub(super) async fn altered(
        &mut self,
        altered: &[Altered],
        keys: &[String],
        held: &[Option<Fate>],
    ) -> Result<(), TransformError> {
        let mut rows = BTreeSet::new();
        for change in altered {
            if held[change.row].is_some() && !rejects(change) {
                continue;
            }
            rows.insert(change.row);
            self.altered.push(&[
                Some(&keys[change.row]),
                Some(&change.field),
                Some(change.why),
                Some(change.done),
                Some(&change.original),
            ]);
        }
        self.count("altered", rows.len() as u64);
        self.altered.flush(BUFFERED).await
    }

    /// Notes the flags (`a;b`) of rows that move, and those that the org will give to the user who loads.
    pub(super) async fn flags(
        &mut self,
        batch: &RecordBatch,
        keys: &[String],
        moves: impl Fn(usize) -> bool,
    ) -> Result<(), TransformError> {
        let flags = batch
            .column_by_name("_flags")
            .and_then(|column| column.as_string_opt::<i32>());
        let owners = batch.column_by_name(OWNER);
        for (row, key) in keys.iter().enumerate().filter(|(row, _)| moves(*row)) {
            let own = cell(flags, row).unwrap_or_default().split(';');
            let ownerless = owners.filter(|owners| owners.is_null(row));
            let flags = own.chain(ownerless.map(|_| LOADER_OWNS));
            let mut any = false;
            for flag in flags.filter(|flag| !flag.is_empty()) {
                any = true;
                self.flags.push(&[Some(key), Some(flag)]);
            }
            self.count("flagged", u64::from(any));
        }
        self.flags.flush(BUFFERED).await
    }

    /// Flags a row beside what its query says of it.
    pub(super) fn flag(&mut self, key: &str, flag: &str) {
        self.count("flagged", 1);
        self.flags.push(&[Some(key), Some(flag)]);
    }

    pub(super) async fn flush(&mut self) -> Result<(), TransformError> {
        self.fates.flush(BUFFERED).await
    }

    pub(super) async fn finish(
        self,
    ) -> Result<(Vec<Manifest>, BTreeMap<String, u64>), TransformError> {
        let manifests = vec![
            self.fates.finish().await?,
            self.flags.finish().await?,
            self.altered.finish().await?,
        ];
        Ok((manifests, self.counts))
    }
}

/// The values for which policy `reject` keeps rows back, by row.
pub(super) fn rejected(altered: &[Altered]) -> BTreeMap<usize, Vec<String>> {
    let mut rejected: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for change in altered.iter().filter(|change| rejects(change)) {
        let why = format!("{} {}", change.field, change.why);
        rejected.entry(change.row).or_default().push(why);
    }
    rejected
}

fn rejects(change: &Altered) -> bool {
    change.done == "rejected"
}

/// A text of a row; an empty one says nothing.
fn cell(column: Option<&StringArray>, row: usize) -> Option<&str> {
    column
        .filter(|column| column.is_valid(row))
        .map(|column| column.value(row))
        .filter(|text| !text.is_empty())
}
