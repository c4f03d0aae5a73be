//! What one of several processes staged: rows that are written, and a document that says so.
//!
//! In: the parts of each table that a process wrote. Out: `shards/<n>/<i>.json` in the staging area, written when all rows of it are, and
//! the same read back by whoever puts them together. Never: a table that somebody reads; a share whose files are not whole.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::column_books::Filled;
use super::error::write_error;
use super::file_books::{DEFINITION_ROWS, FileBook};
use super::rejects;
use super::runs::{Parts, Run};
use super::shard::Shard;
use super::table::{Stager, Work};
use super::{StageError, latest};
use crate::staging::{Manifest, Staging, StagingError, TableWriter, verified, with_checksum};

const FOLDER: &str = "shards";

/// The rows of one table that a process staged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TableShare {
    pub(super) runs: Vec<Run>,
    pub(super) late: Vec<Manifest>,
    pub(super) rejects: Manifest,
    pub(super) filled: Filled,
    pub(super) nothing: Filled,
    /// Cells that could not be read, by column.
    pub(super) unreadable: Filled,
    /// Place of each of its files among the table's, and what became of its rows.
    pub(super) books: Vec<(usize, FileBook)>,
}

impl TableShare {
    fn tables(&self) -> impl Iterator<Item = &Manifest> {
        let runs = self.runs.iter().map(|run| &run.rows);
        runs.chain(&self.late).chain([&self.rejects])
    }
}

/// All that one process staged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Share {
    pub(super) shard: Shard,
    /// What its rows follow from, but for the contents of the files.
    pub(super) plan: String,
    /// Digests of its files.
    pub(super) inputs: BTreeMap<String, String>,
    /// Its cells that were read as something else.
    pub(super) altered: Manifest,
    pub(super) tables: BTreeMap<String, TableShare>,
}

impl Share {
    fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        let tables = self.tables.values().flat_map(TableShare::tables);
        tables.chain([&self.altered])
    }

    /// Whether every file is there as it was written.
    pub(super) async fn is_whole(&self, staging: &Staging) -> Result<bool, StageError> {
        for table in self.manifests() {
            if !staging.is_whole(table).await.map_err(failed)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes the document: from now on this is the share.
    pub(super) async fn write(&self, staging: &Staging) -> Result<(), StageError> {
        let path = path(staging, self.shard);
        let body = with_checksum(self, &place(self.shard)).map_err(|error| {
            failed(StagingError::ReadManifest {
                path: path.to_string(),
                source: error.into(),
            })
        })?;
        let before = read(staging, self.shard).await?;
        staging
            .write_document(&path, body.into())
            .await
            .map_err(failed)?;
        if let Some(before) = before {
            before.remove_files(staging, &[]).await;
        }
        Ok(())
    }

    /// Removes its files but those of `kept` tables. What stays behind has no reader, and is swept later.
    async fn remove_files(&self, staging: &Staging, kept: &[&Manifest]) {
        for table in self.manifests() {
            let mut unused = table.clone();
            unused.files.retain(|file| {
                let mut kept = kept.iter().flat_map(|table| &table.files);
                !kept.any(|other| other.path == file.path)
            });
            staging.remove(&unused).await;
        }
    }
}

/// The share of a shard, if it was written.
pub(super) async fn read(staging: &Staging, shard: Shard) -> Result<Option<Share>, StageError> {
    let path = path(staging, shard);
    let bytes = match staging.read(&path).await {
        Ok(bytes) => bytes,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let share = verified(&bytes, &place(shard)).map_err(|source| {
        failed(StagingError::ReadManifest {
            path: path.to_string(),
            source,
        })
    })?;
    Ok(Some(share))
}

fn place(shard: Shard) -> String {
    format!("{FOLDER}/{}/{}.json", shard.of, shard.number)
}

fn path(staging: &Staging, shard: Shard) -> Path {
    staging.absolute(&place(shard))
}

fn failed(source: StagingError) -> StageError {
    write_error(FOLDER, source)
}

/// The shares of all processes.
#[derive(Debug)]
pub(super) struct Shares(pub(super) Vec<Share>);

impl Shares {
    /// Digests of all files.
    pub(super) fn inputs(&self) -> BTreeMap<String, String> {
        let inputs = self.0.iter().flat_map(|share| share.inputs.clone());
        inputs.collect()
    }

    /// Copies what was said of cells.
    pub(super) async fn copy_altered(
        &self,
        staging: &Staging,
        altered: &mut TableWriter,
    ) -> Result<(), StageError> {
        for share in &self.0 {
            copy(staging, &share.altered, altered).await?;
        }
        Ok(())
    }

    /// The table without the files that a share has: these stay until all is published.
    pub(super) fn without_shared(&self, table: &Manifest) -> Manifest {
        let mut own = table.clone();
        own.files.retain(|file| {
            let shared = self.0.iter().flat_map(Share::manifests);
            let mut files = shared.flat_map(|table| &table.files);
            !files.any(|other| other.path == file.path)
        });
        own
    }

    /// Forgets them once their rows are published as `tables`. Documents go first, so that none names files that are gone.
    pub(super) async fn remove(
        &self,
        staging: &Staging,
        tables: &[&Manifest],
    ) -> Result<(), StageError> {
        for share in &self.0 {
            let path = path(staging, share.shard);
            staging.delete(&path).await.map_err(failed)?;
        }
        for share in &self.0 {
            share.remove_files(staging, tables).await;
        }
        Ok(())
    }
}

impl Stager<'_> {
    /// The parts of a table that other processes wrote.
    pub(super) async fn gather(
        &mut self,
        shares: &Shares,
        work: &mut Work<'_>,
    ) -> Result<Parts, StageError> {
        let name = work.object.name.as_ref();
        let write = |source| write_error(name, source);
        let mut rejects = self
            .staging
            .create("rejects", name, rejects::schema(), &[])
            .await
            .map_err(write)?;
        let mut parts = (Vec::new(), Vec::new(), Filled::default());
        let mut books = BTreeMap::new();
        for share in &shares.0 {
            let Some(table) = share.tables.get(name) else {
                continue;
            };
            let mut written = table.runs.iter().map(|run| &run.rows).chain(&table.late);
            if written.any(|rows| rows.schema != work.placed) {
                rejects.discard().await;
                return Err(StageError::OtherShard {
                    shard: share.shard.to_string(),
                    table: name.to_owned(),
                });
            }
            parts.0.extend(table.runs.iter().cloned());
            parts.1.extend(table.late.iter().cloned());
            parts.2.join(&table.filled);
            work.nothing.join(&table.nothing);
            work.unreadable.join(&table.unreadable);
            books.extend(table.books.iter().cloned());
            copy(self.staging, &table.rejects, &mut rejects).await?;
        }
        if books.len() != work.files.len() {
            rejects.discard().await;
            return Err(StageError::OtherShard {
                shard: "one of them".to_owned(),
                table: name.to_owned(),
            });
        }
        if parts.0.is_empty() {
            let empty = self
                .staging
                .create("usercom", name, latest::with_places(work.schema()), &["id"])
                .await
                .map_err(write)?;
            let rows = empty.finish(BTreeMap::new()).await.map_err(write)?;
            parts.0.push(Run { rows, span: None });
        }
        work.books = books.into_values().collect();
        let (runs, late, filled) = parts;
        Ok(Parts {
            runs,
            late,
            filled,
            rejects,
        })
    }

    /// Removes a table that is not published, but for what shares have.
    pub(super) async fn remove(&self, table: &Manifest) {
        match &self.shares {
            Some(shares) => self.staging.remove(&shares.without_shared(table)).await,
            None => self.staging.remove(table).await,
        }
    }
}

async fn copy(
    staging: &Staging,
    from: &Manifest,
    into: &mut TableWriter,
) -> Result<(), StageError> {
    let failed = |source| write_error(&from.table, source);
    let mut rows = staging.read_table(from, DEFINITION_ROWS);
    while let Some(batch) = rows.try_next().await.map_err(failed)? {
        into.write(&batch).await.map_err(failed)?;
    }
    Ok(())
}
