//! A table in the making as runs of rows whose ids strictly increase, and their merge into one table.
//!
//! In: converted batches, each row with its place. Out: one table sorted by id with the newest version of each row, and
//! the superseded ones as rejects. A run per file suits exports cut into files that are in order but overlap; rows
//! that come late within their file are written apart and sorted outside memory, and so are those that have no id. Memory: the row
//! group being written, and while merging a row group per run.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use super::column_books::Filled;
use super::equals::{self, Equals};
use super::error::{build_error, write_error};
use super::latest::{self, Latest, Order};
use super::{StageError, rejects};
use crate::engine::Engine;
use crate::staging::{Manifest, Snapshot, Staging, TableWriter};

/// Most runs; rows that would need another one count as late.
const MOST_RUNS: usize = 6;

/// Rows of a batch while runs are merged.
const MERGE_ROWS: usize = 2048;

/// Rows of a run that may stay a file of its own beside others: a row group.
const LEAST_ROWS: u64 = 131_072;

/// Where the rows of a table go until they are one table.
pub(super) struct Runs {
    staging: Staging,
    name: String,
    /// The table's columns with each row's place behind them.
    placed: SchemaRef,
    closed: Vec<Run>,
    open: TableWriter,
    order: Order,
    /// Whether the next batch may begin a run.
    at_file_start: bool,
    late: Option<TableWriter>,
    /// Rows of the open file without an id.
    linked: Option<TableWriter>,
    /// Values written so far, late ones included.
    filled: Filled,
    pub(super) rejects: TableWriter,
}

/// Rows whose ids strictly increase.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) rows: Manifest,
    /// Its first and last id; none without rows.
    pub(super) span: Option<(i64, i64)>,
}

/// What became of the rows of some files, all written.
pub(super) struct Parts {
    pub(super) runs: Vec<Run>,
    /// Rows that came late, in no order.
    pub(super) late: Vec<Manifest>,
    pub(super) filled: Filled,
    pub(super) rejects: TableWriter,
}

/// A table made of its runs, not published.
pub(super) struct Merged {
    pub(super) table: Manifest,
    /// Values of its columns.
    pub(super) filled: Filled,
    /// Its rejects, still open.
    pub(super) rejects: TableWriter,
    /// Rows superseded by newer versions.
    pub(super) superseded: u64,
}

impl Runs {
    pub(super) async fn start(
        staging: &Staging,
        name: &str,
        schema: &SchemaRef,
    ) -> Result<Self, StageError> {
        let placed = latest::with_places(schema);
        let rejects = staging
            .create("rejects", name, rejects::schema(), &[])
            .await
            .map_err(|source| write_error(name, source))?;
        Ok(Self {
            staging: staging.clone(),
            name: name.to_owned(),
            open: create(staging, name, name, &placed, &["id"]).await?,
            placed,
            closed: Vec::new(),
            order: Order::default(),
            at_file_start: false,
            late: None,
            linked: None,
            filled: Filled::default(),
            rejects,
        })
    }

    /// Tells that the batches of another file follow.
    pub(super) fn next_file(&mut self) {
        self.at_file_start = true;
    }

    /// Appends a batch with places.
    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<(), StageError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let name = self.name.as_str();
        let build = |source| build_error(name, name, source);
        let write = |source| write_error(name, source);
        let begins = std::mem::take(&mut self.at_file_start)
            && self.closed.len() + 1 < MOST_RUNS
            && self.order.is_late(batch).map_err(build)?;
        if begins {
            let next = create(&self.staging, name, name, &self.placed, &["id"]).await?;
            let run = std::mem::replace(&mut self.open, next);
            let span = std::mem::take(&mut self.order).span();
            let rows = run.finish(BTreeMap::new()).await.map_err(write)?;
            self.closed.push(Run { rows, span });
        }
        self.filled.add(batch);
        let (rows, late) = self.order.split(batch).map_err(build)?;
        self.open.write(&rows).await.map_err(write)?;
        match late {
            Some(late) => self.write_late(&late).await,
            None => Ok(()),
        }
    }

    async fn write_late(&mut self, late: &RecordBatch) -> Result<(), StageError> {
        let of = (&self.staging, self.name.as_str(), "late");
        append(&mut self.late, of, &self.placed, late).await
    }

    /// Keeps rows of the file without an id until its end.
    pub(super) async fn write_linked(&mut self, rows: &RecordBatch) -> Result<(), StageError> {
        let of = (&self.staging, self.name.as_str(), "linked");
        append(&mut self.linked, of, &self.placed, rows).await
    }

    /// Tells that the file has ended: its rows without an id are sorted and told apart.
    pub(super) async fn end_file(&mut self, engine: &Engine) -> Result<(), StageError> {
        let Some(linked) = self.linked.take() else {
            return Ok(());
        };
        let linked = linked.finish(BTreeMap::new()).await;
        let linked = linked.map_err(|source| write_error(&self.name, source))?;
        self.next_file();
        let written = self.write_told_apart(engine, &linked).await;
        self.staging.remove(&linked).await;
        written
    }

    async fn write_told_apart(
        &mut self,
        engine: &Engine,
        linked: &Manifest,
    ) -> Result<(), StageError> {
        let name = self.name.clone();
        let query = equals::query(&linked.name());
        let mut sorted = sorted(&self.staging, engine, &name, linked, &query).await?;
        let mut equals = Equals::default();
        while let Some(batch) = sorted.next().await.transpose()? {
            let told = equals.told_apart(&batch);
            let (first, others) = told.map_err(|source| build_error(&name, &name, source))?;
            self.write(&first).await?;
            if others.num_rows() > 0 {
                self.filled.add(&others);
                self.write_late(&others).await?;
            }
        }
        Ok(())
    }

    /// Closes all runs.
    pub(super) async fn close(self) -> Result<Parts, StageError> {
        let write = |source| write_error(&self.name, source);
        let mut runs = self.closed;
        runs.push(Run {
            rows: self.open.finish(BTreeMap::new()).await.map_err(write)?,
            span: self.order.span(),
        });
        let late = match self.late {
            Some(late) => vec![late.finish(BTreeMap::new()).await.map_err(write)?],
            None => Vec::new(),
        };
        Ok(Parts {
            runs,
            late,
            filled: self.filled,
            rejects: self.rejects,
        })
    }

    /// Removes what was written.
    pub(super) async fn discard(self) {
        for run in &self.closed {
            self.staging.remove(&run.rows).await;
        }
        let writers = [self.open, self.rejects].into_iter();
        for writer in writers.chain(self.late).chain(self.linked) {
            writer.discard().await;
        }
    }
}

/// Appends rows that are in no order to a table of their own, made with the first of them.
async fn append(
    table: &mut Option<TableWriter>,
    (staging, name, suffix): (&Staging, &str, &str),
    placed: &SchemaRef,
    rows: &RecordBatch,
) -> Result<(), StageError> {
    let writer = match table {
        Some(writer) => writer,
        empty => {
            let table = format!("{name}_{suffix}");
            empty.insert(create(staging, name, &table, placed, &[]).await?)
        }
    };
    let written = writer.write(rows).await;
    written.map_err(|source| write_error(name, source))
}

async fn create(
    staging: &Staging,
    name: &str,
    table: &str,
    schema: &SchemaRef,
    sorted_by: &[&str],
) -> Result<TableWriter, StageError> {
    staging
        .create("usercom", table, Arc::clone(schema), sorted_by)
        .await
        .map_err(|source| write_error(name, source))
}

/// Where a table is made of its parts.
pub(super) struct Joining<'a> {
    pub(super) staging: &'a Staging,
    pub(super) engine: &'a Engine,
    pub(super) name: &'a str,
    pub(super) schema: &'a SchemaRef,
    /// Whether the parts stay, whatever comes of it: other processes made them.
    pub(super) keeps_parts: bool,
}

impl Joining<'_> {
    /// Makes one table of its parts. `files` are those that were staged, in order.
    pub(super) async fn join(
        &self,
        parts: Parts,
        files: Vec<String>,
    ) -> Result<Merged, StageError> {
        let write = |source| write_error(self.name, source);
        let Parts {
            runs,
            late,
            filled,
            mut rejects,
        } = parts;
        // Readers go by the manifest: the places behind the table's own columns are not in it.
        if late.is_empty()
            && (self.keeps_parts || runs.len() == 1)
            && let Some(mut table) = in_a_row(&runs)
        {
            table.schema = Arc::clone(self.schema);
            return Ok(Merged {
                table,
                filled,
                rejects,
                superseded: 0,
            });
        }
        let runs: Vec<Manifest> = runs.into_iter().map(|run| run.rows).collect();
        let merge = Merge {
            staging: self.staging,
            engine: self.engine,
            name: self.name,
            schema: self.schema,
        };
        let mut table = create(self.staging, self.name, self.name, self.schema, &["id"]).await?;
        let mut latest = Latest::new(files);
        let merged = merge
            .write(&runs, &late, &mut latest, &mut table, &mut rejects)
            .await;
        if !self.keeps_parts {
            for source in runs.iter().chain(&late) {
                self.staging.remove(source).await;
            }
        }
        let filled = match merged {
            Ok(filled) => filled,
            Err(error) => {
                table.discard().await;
                rejects.discard().await;
                return Err(error);
            }
        };
        Ok(Merged {
            table: table.finish(BTreeMap::new()).await.map_err(write)?,
            filled,
            rejects,
            superseded: latest.superseded(),
        })
    }
}

/// The runs as one table, if each begins behind the one before and fills a row group; those without rows are left out while another
/// has some.
fn in_a_row(runs: &[Run]) -> Option<Manifest> {
    let mut filled: Vec<&Run> = runs.iter().filter(|run| run.span.is_some()).collect();
    filled.sort_by_key(|run| run.span);
    let overlap = filled
        .windows(2)
        .any(|pair| match (pair[0].span, pair[1].span) {
            (Some((_, last)), Some((first, _))) => first <= last,
            _ => true,
        });
    let Some((first, others)) = filled.split_first() else {
        return runs.first().map(|run| run.rows.clone());
    };
    // Many small files make every query over them slow.
    let are_small = filled.len() > 1 && filled.iter().any(|run| run.rows.rows < LEAST_ROWS);
    if overlap || are_small {
        return None;
    }
    let mut table = first.rows.clone();
    for other in others {
        table.rows += other.rows.rows;
        table.files.extend(other.rows.files.iter().cloned());
    }
    Some(table)
}

type Batches = BoxStream<'static, Result<RecordBatch, StageError>>;

struct Merge<'a> {
    staging: &'a Staging,
    engine: &'a Engine,
    name: &'a str,
    schema: &'a SchemaRef,
}

impl Merge<'_> {
    async fn write(
        &self,
        runs: &[Manifest],
        late: &[Manifest],
        latest: &mut Latest,
        table: &mut TableWriter,
        rejects: &mut TableWriter,
    ) -> Result<Filled, StageError> {
        let mut filled = Filled::default();
        let name = self.name;
        let build = |source: ArrowError| build_error(name, name, source);
        let write = |source| write_error(name, source);
        let columns: Vec<usize> = (0..self.schema.fields().len()).collect();
        let mut sources: Vec<Batches> = runs.iter().map(|run| self.run(run)).collect();
        for late in late {
            let query = latest::query(&late.name(), self.schema);
            sources.push(sorted(self.staging, self.engine, name, late, &query).await?);
        }
        let mut heads: Vec<Option<RecordBatch>> = vec![None; sources.len()];
        loop {
            for (index, source) in sources.iter_mut().enumerate() {
                while heads[index].is_none() {
                    let Some(batch) = source.next().await.transpose()? else {
                        break;
                    };
                    // Only late rows can hold several versions of an id.
                    let batch = match index < runs.len() {
                        true => batch,
                        false => latest.first_of_each(&batch).map_err(build)?,
                    };
                    heads[index] = (batch.num_rows() > 0).then_some(batch);
                }
            }
            let parts = latest::cut(&mut heads).map_err(build)?;
            if parts.is_empty() {
                return Ok(filled);
            }
            let merged = latest
                .merge(&parts)
                .and_then(|merged| merged.project(&columns))
                .map_err(build)?;
            filled.add(&merged);
            table.write(&merged).await.map_err(write)?;
            let superseded = latest.rejects().map_err(build)?;
            rejects.write(&superseded).await.map_err(write)?;
        }
    }

    fn run(&self, run: &Manifest) -> Batches {
        let name = self.name.to_owned();
        let batches = self.staging.read_table(run, MERGE_ROWS);
        batches
            .map(move |batch| batch.map_err(|source| write_error(&name, source)))
            .boxed()
    }
}

/// The rows of a table in the order of a query, sorted outside memory.
async fn sorted(
    staging: &Staging,
    engine: &Engine,
    name: &str,
    rows: &Manifest,
    query: &str,
) -> Result<Batches, StageError> {
    let table = format!("usercom.{name}");
    let failed = move |source| StageError::SortTable {
        table: table.clone(),
        source,
    };
    let mut snapshot = Snapshot::default();
    snapshot.insert(rows.clone());
    let session = engine.session(staging, &snapshot).map_err(&failed)?;
    let sorted = session
        .stream(&rows.name(), query, &[])
        .await
        .map_err(&failed)?;
    Ok(sorted.map(move |batch| batch.map_err(&failed)).boxed())
}
