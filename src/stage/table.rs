//! One table from its files: keys, layout, rows, and the order of ids.
//!
//! In: the files of one object. Out: a [`Finished`] table and its rejects, written but not published. The table is
//! written as it comes as long as ids strictly increase; at the first that does not, it is begun anew with each
//! row's place kept, sorted once by the engine, and compacted.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use tokio::task::JoinSet;

use super::convert::{Conversion, Counts};
use super::latest::{self, Latest};
use super::{Progress, Settings, StageError, TableReport, Warning, pipeline, rejects};
use crate::engine::Engine;
use crate::staging::{Manifest, Snapshot, Staging, StagingError, TableWriter};
use crate::usercom::attributes::AttributeDefinition;
use crate::usercom::layout::{FilePlan, Layout, TableColumn};
use crate::usercom::schema::{Nested, Object};
use crate::usercom::{Export, ExportError, ExportFile, FileKeys, read_keys};

/// Records below which "nearly all undecodable" is not judged.
const FEW_RECORDS: u64 = 5;

/// What staging a table needs.
pub(super) struct Stager<'a> {
    pub(super) settings: &'a Settings,
    pub(super) export: &'a Export,
    pub(super) staging: &'a Staging,
    pub(super) engine: &'a Engine,
    pub(super) progress: &'a dyn Progress,
}

/// A file that holds records of the table.
#[derive(Clone, Debug)]
pub(super) struct InputFile {
    pub(super) file: ExportFile,
    /// Set if the records are inside those of another object.
    pub(super) nested: Option<Nested>,
}

/// A table that is written and waits to be published.
pub(super) struct Finished {
    pub(super) table: Manifest,
    pub(super) rejects: Manifest,
    pub(super) report: TableReport,
    /// What the table declares, if it is the table of attributes.
    pub(super) definitions: Vec<AttributeDefinition>,
}

/// A table in the making.
struct Work {
    object: &'static Object,
    files: Vec<InputFile>,
    plans: Vec<FilePlan>,
    columns: Arc<Vec<TableColumn>>,
    schema: SchemaRef,
    warnings: Vec<Warning>,
}

/// What came of writing the rows in the order of the files.
enum Pass {
    /// All rows are written.
    Done(Counts),
    /// An id was not greater than the one before.
    OutOfOrder,
}

/// Where rows and rejects go.
struct Sink {
    rows: TableWriter,
    rejects: TableWriter,
    definitions: Option<Vec<AttributeDefinition>>,
}

impl Sink {
    async fn write(
        &mut self,
        rows: &RecordBatch,
        rejects: &RecordBatch,
    ) -> Result<(), StagingError> {
        if let Some(definitions) = &mut self.definitions {
            definitions.extend(AttributeDefinition::from_batch(rows));
        }
        self.rejects.write(rejects).await?;
        self.rows.write(rows).await
    }
}

impl Stager<'_> {
    /// Stages one table up to publication.
    pub(super) async fn stage_table(
        &self,
        object: &'static Object,
        files: Vec<InputFile>,
        definitions: &[AttributeDefinition],
    ) -> Result<Finished, StageError> {
        self.progress
            .begin(object.name, files.iter().map(|input| input.file.size).sum());
        let mut work = self.lay_out(object, files, definitions).await?;
        let mut sink = self.sink(&work, object.name, &work.schema, &["id"]).await?;
        let pass = self.write_rows(&mut work, &mut sink, false).await;
        let (sink, counts, superseded) = match pass {
            Ok(Pass::Done(counts)) => (sink, counts, 0),
            Ok(Pass::OutOfOrder) => {
                discard(sink).await;
                self.sort_and_compact(&mut work).await?
            }
            Err(error) => {
                discard(sink).await;
                return Err(error);
            }
        };
        self.finish(work, sink, counts, superseded).await
    }

    async fn lay_out(
        &self,
        object: &'static Object,
        files: Vec<InputFile>,
        definitions: &[AttributeDefinition],
    ) -> Result<Work, StageError> {
        let mut named = Vec::with_capacity(files.len());
        for input in &files {
            named.push((input.file.name.clone(), self.keys(input).await?));
        }
        let layout = Layout::new(object, definitions, &named)?;
        Ok(Work {
            object,
            files,
            plans: layout.files,
            columns: Arc::new(layout.columns),
            schema: layout.schema,
            warnings: layout.renamed.into_iter().map(Warning::Renamed).collect(),
        })
    }

    async fn keys(&self, input: &InputFile) -> Result<FileKeys, StageError> {
        let (export, input) = (self.export.clone(), input.clone());
        let limits = pipeline::limits(self.settings);
        let table = input.file.object;
        let mut worker = JoinSet::new();
        worker.spawn_blocking(move || read_keys(&export, &input.file, input.nested, limits));
        match worker.join_next().await {
            Some(Ok(keys)) => Ok(keys?),
            Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            _ => Err(StageError::Stopped {
                table: table.to_owned(),
            }),
        }
    }

    async fn sink(
        &self,
        work: &Work,
        table: &str,
        schema: &SchemaRef,
        sorted_by: &[&str],
    ) -> Result<Sink, StageError> {
        let name = work.object.name;
        let rows = self
            .staging
            .create("usercom", table, Arc::clone(schema), sorted_by)
            .await
            .map_err(|source| write_error(name, source))?;
        let rejects = self
            .staging
            .create("rejects", name, rejects::schema(), &[])
            .await
            .map_err(|source| write_error(name, source))?;
        Ok(Sink {
            rows,
            rejects,
            definitions: (name == "attributes" && !sorted_by.is_empty()).then(Vec::new),
        })
    }

    /// Writes all files; stops at the first id out of order unless rows keep their places.
    async fn write_rows(
        &self,
        work: &mut Work,
        sink: &mut Sink,
        places: bool,
    ) -> Result<Pass, StageError> {
        let name = work.object.name;
        let mut total = Counts::default();
        let mut last_id = i64::MIN;
        let mut stored_before = 0;
        work.warnings
            .retain(|warning| !matches!(warning, Warning::EmptyFile { .. }));
        for (index, (input, plan)) in work.files.iter().zip(&work.plans).enumerate() {
            let conversion = Conversion {
                table: name.to_owned(),
                file: input.file.name.clone(),
                file_index: i64::try_from(index).unwrap_or(i64::MAX),
                plan: plan.clone(),
                columns: Arc::clone(&work.columns),
                schema: if places {
                    latest::with_places(&work.schema)
                } else {
                    Arc::clone(&work.schema)
                },
                zones: self.settings.zones,
            };
            let mut counts = Counts::default();
            let mut batches =
                pipeline::convert_file(self.settings, self.export, input, Arc::new(conversion));
            while let Some(converted) = batches.next().await {
                let converted = converted?;
                if !places && converted.batch.num_rows() > 0 {
                    match converted.ascending {
                        Some((first, last)) if first > last_id => last_id = last,
                        _ => return Ok(Pass::OutOfOrder),
                    }
                }
                counts.add(converted.counts);
                sink.write(&converted.batch, &converted.rejects)
                    .await
                    .map_err(|source| write_error(name, source))?;
                self.progress.advance(
                    name,
                    total.source_rows + counts.source_rows,
                    stored_before + converted.stored,
                );
            }
            check_encoding(&input.file.name, counts)?;
            if counts.source_rows == 0 && input.nested.is_none() {
                work.warnings.push(Warning::EmptyFile {
                    file: input.file.name.clone(),
                });
            }
            stored_before += input.file.size;
            total.add(counts);
        }
        Ok(Pass::Done(total))
    }

    /// Writes the rows again with their places, sorts them, and keeps the newest of each id.
    async fn sort_and_compact(&self, work: &mut Work) -> Result<(Sink, Counts, u64), StageError> {
        let name = work.object.name;
        let unsorted = format!("{name}_unsorted");
        let schema = latest::with_places(&work.schema);
        let mut sink = self.sink(work, &unsorted, &schema, &[]).await?;
        let counts = match self.write_rows(work, &mut sink, true).await {
            Ok(Pass::Done(counts)) => counts,
            Ok(Pass::OutOfOrder) => Counts::default(),
            Err(error) => {
                discard(sink).await;
                return Err(error);
            }
        };
        let Sink { rows, rejects, .. } = sink;
        let written = rows
            .finish(BTreeMap::new())
            .await
            .map_err(|source| write_error(name, source))?;
        let mut sink = Sink {
            rows: self
                .staging
                .create("usercom", name, Arc::clone(&work.schema), &["id"])
                .await
                .map_err(|source| write_error(name, source))?,
            rejects,
            definitions: (name == "attributes").then(Vec::new),
        };
        let compacted = self.compact(work, &written, &mut sink).await;
        remove(self.staging, &written).await;
        match compacted {
            Ok(superseded) => Ok((sink, counts, superseded)),
            Err(error) => {
                discard(sink).await;
                Err(error)
            }
        }
    }

    async fn compact(
        &self,
        work: &Work,
        written: &Manifest,
        sink: &mut Sink,
    ) -> Result<u64, StageError> {
        let name = work.object.name;
        let sort_error = |source| StageError::SortTable {
            table: format!("usercom.{name}"),
            source,
        };
        let mut snapshot = Snapshot::default();
        snapshot.insert(written.clone());
        let session = self
            .engine
            .session(self.staging, &snapshot)
            .map_err(sort_error)?;
        let table = written.name();
        let mut sorted = session
            .stream(&table, &latest::query(&table, &work.schema), &[])
            .await
            .map_err(sort_error)?;
        let files = work
            .files
            .iter()
            .map(|input| input.file.name.clone())
            .collect();
        let mut latest = Latest::new(Arc::clone(&work.schema), files);
        let mut superseded = 0;
        while let Some(batch) = sorted.next_batch().await.map_err(sort_error)? {
            let (rows, losers) = latest
                .keep(&batch)
                .map_err(|source| StageError::BuildBatch {
                    table: name.to_owned(),
                    file: table.clone(),
                    source,
                })?;
            superseded += losers.num_rows() as u64;
            sink.write(&rows, &losers)
                .await
                .map_err(|source| write_error(name, source))?;
        }
        Ok(superseded)
    }

    async fn finish(
        &self,
        work: Work,
        sink: Sink,
        counts: Counts,
        superseded: u64,
    ) -> Result<Finished, StageError> {
        let name = work.object.name;
        let report = TableReport {
            table: name.to_owned(),
            files: work
                .files
                .iter()
                .map(|input| input.file.name.clone())
                .collect(),
            source_rows: counts.source_rows,
            staged: sink.rows.rows(),
            rejected_rows: counts.rejected_rows + superseded,
            superseded,
            rejected_cells: counts.rejected_cells,
            warnings: work.warnings,
        };
        if !report.balances() {
            discard(sink).await;
            return Err(StageError::Unbalanced {
                table: report.table,
                source_rows: report.source_rows,
                staged: report.staged,
                rejected: report.rejected_rows,
            });
        }
        let numbers = BTreeMap::from([
            ("source_rows".to_owned(), report.source_rows),
            ("rejected_rows".to_owned(), report.rejected_rows),
            ("superseded".to_owned(), report.superseded),
            ("rejected_cells".to_owned(), report.rejected_cells),
        ]);
        let rejects = sink
            .rejects
            .finish(BTreeMap::new())
            .await
            .map_err(|source| write_error(name, source))?;
        let table = sink
            .rows
            .finish(numbers)
            .await
            .map_err(|source| write_error(name, source))?;
        self.progress.end(name, report.source_rows);
        Ok(Finished {
            table,
            rejects,
            report,
            definitions: sink.definitions.unwrap_or_default(),
        })
    }
}

/// Refuses a file of which nearly every record is not UTF-8: it is in another encoding altogether.
fn check_encoding(file: &str, counts: Counts) -> Result<(), ExportError> {
    let most = counts.undecodable * 10 >= counts.source_rows * 9;
    if most && counts.source_rows >= FEW_RECORDS {
        return Err(ExportError::Undecodable {
            file: file.to_owned(),
            undecodable: counts.undecodable,
            records: counts.source_rows,
        });
    }
    Ok(())
}

fn write_error(table: &str, source: StagingError) -> StageError {
    StageError::WriteTable {
        table: format!("usercom.{table}"),
        source,
    }
}

async fn discard(sink: Sink) {
    sink.rows.discard().await;
    sink.rejects.discard().await;
}

/// Removes the files of a table that will not be published; one that stays behind has no reader.
pub(super) async fn remove(staging: &Staging, table: &Manifest) {
    for file in &table.files {
        if let Err(error) = staging.delete(&staging.absolute(&file.path)).await {
            tracing::debug!(%error, "left an unused file behind");
        }
    }
}
