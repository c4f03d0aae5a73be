//! What one of several processes staged: rows that are written, and a document that says so.
//!
//! In: the parts of each table that a process wrote. Out: `shards/<n>/<i>.json` in the staging area, written when all rows of it are, and
//! the same read back by whoever puts them together. Never: a table that somebody reads; a share whose files are not whole.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use futures::TryStreamExt;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::StageError;
use super::column_books::Filled;
use super::error::write_error;
use super::file_books::{DEFINITION_ROWS, FileBook};
use super::runs::Run;
use crate::staging::{Manifest, Staging, StagingError, TableWriter, verified, with_checksum};
use crate::usercom::schema::Object;

const FOLDER: &str = "shards";

/// Most processes that may share an export.
const MOST: u32 = 64;

/// Tables that say what others hold: every process reads them.
pub(super) const COMMON: [&str; 3] = ["attributes", "custom_objects", "custom_object_fields"];

/// Whether every process reads a table's files.
pub(super) fn is_common(object: &Object) -> bool {
    COMMON.contains(&object.name.as_ref())
}

/// One of several shares of an export, written `2/3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// Which, from 1.
    pub number: u32,
    /// Of how many.
    pub of: u32,
}

impl Display for Shard {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text
            .split_once('/')
            .and_then(|(number, of)| Some((number.trim().parse().ok()?, of.trim().parse().ok()?)));
        match parsed {
            Some((number, of)) if number >= 1 && number <= of && of <= MOST => {
                Ok(Self { number, of })
            }
            _ => Err(format!(
                "a share is i/n with 1 <= i <= n <= {MOST}, such as 2/3: the second of three processes"
            )),
        }
    }
}

impl Shard {
    /// All of the same number of shares.
    pub(super) fn all(self) -> impl Iterator<Item = Self> {
        (1..=self.of).map(move |number| Self { number, ..self })
    }
}

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

pub(super) async fn copy(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_one_of_some() {
        assert_eq!("2/3".parse(), Ok(Shard { number: 2, of: 3 }));
        for text in ["0/3", "4/3", "1", "a/b", "1/65", "-1/2"] {
            let error = text.parse::<Shard>().unwrap_err();
            assert!(error.contains("such as 2/3"), "{text}: {error}");
        }
    }
}
