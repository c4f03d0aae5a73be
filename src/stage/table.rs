//! One table from its files: keys, layout, rows, and the order of ids.
//!
//! In: the files of one object. Out: a [`Finished`] table and its rejects, written but not published. Rows are
//! written as they come as long as ids strictly increase; those that come late are written apart, sorted by the engine, and
//! merged in.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use futures::StreamExt;
use tokio::task::JoinSet;

use super::convert::{Conversion, Counts};
use super::latest::{self, Latest, Order};
use super::{Progress, Settings, StageError, TableReport, Warning, pipeline, rejects};
use crate::engine::Engine;
use crate::staging::{Manifest, Snapshot, Staging, StagingError, TableWriter};
use crate::usercom::attributes::AttributeDefinition;
use crate::usercom::layout::{FilePlan, Layout, TableColumn};
use crate::usercom::schema::{Nested, Object};
use crate::usercom::{Export, ExportError, ExportFile, FileKeys, read_keys};

/// Records below which "nearly all undecodable" is not judged.
const FEW_RECORDS: u64 = 5;

/// Rows of a batch while late rows are merged in.
const MERGE_ROWS: usize = 8192;

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
    /// The same with each row's place behind it.
    placed: SchemaRef,
    warnings: Vec<Warning>,
}

/// Where rows and rejects go.
struct Sink {
    /// Rows whose ids strictly increase.
    rows: TableWriter,
    /// Rows that came after a greater id, once there is one.
    late: Option<TableWriter>,
    rejects: TableWriter,
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
        let mut sink = self.sink(&work).await?;
        let counts = match self.write_rows(&mut work, &mut sink).await {
            Ok(counts) => counts,
            Err(error) => {
                discard(sink).await;
                return Err(error);
            }
        };
        self.finish(work, sink, counts).await
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
            placed: latest::with_places(&layout.schema),
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

    async fn sink(&self, work: &Work) -> Result<Sink, StageError> {
        let name = work.object.name;
        let rejects = self
            .staging
            .create("rejects", name, rejects::schema(), &[])
            .await
            .map_err(|source| write_error(name, source))?;
        Ok(Sink {
            rows: self.writer(name, name, &work.placed, &["id"]).await?,
            late: None,
            rejects,
        })
    }

    async fn writer(
        &self,
        name: &str,
        table: &str,
        schema: &SchemaRef,
        sorted_by: &[&str],
    ) -> Result<TableWriter, StageError> {
        self.staging
            .create("usercom", table, Arc::clone(schema), sorted_by)
            .await
            .map_err(|source| write_error(name, source))
    }

    /// Writes the rows of all files, those that come late apart.
    async fn write_rows(&self, work: &mut Work, sink: &mut Sink) -> Result<Counts, StageError> {
        let name = work.object.name;
        let mut total = Counts::default();
        let mut order = Order::default();
        let mut stored_before = 0;
        for (index, (input, plan)) in work.files.iter().zip(&work.plans).enumerate() {
            let conversion = Conversion {
                table: name.to_owned(),
                file: input.file.name.clone(),
                file_index: i64::try_from(index).unwrap_or(i64::MAX),
                plan: plan.clone(),
                columns: Arc::clone(&work.columns),
                schema: Arc::clone(&work.placed),
                zones: self.settings.zones,
            };
            let mut counts = Counts::default();
            let mut batches =
                pipeline::convert_file(self.settings, self.export, input, Arc::new(conversion));
            while let Some(converted) = batches.next().await {
                let converted = converted?;
                counts.add(converted.counts);
                let (rows, late) = order
                    .split(&converted.batch)
                    .map_err(|source| build_error(name, &input.file.name, source))?;
                let write = |source| write_error(name, source);
                sink.rejects
                    .write(&converted.rejects)
                    .await
                    .map_err(write)?;
                sink.rows.write(&rows).await.map_err(write)?;
                if let Some(late) = late {
                    let writer = match &mut sink.late {
                        Some(writer) => writer,
                        empty => {
                            let table = format!("{name}_late");
                            empty.insert(self.writer(name, &table, &work.placed, &[]).await?)
                        }
                    };
                    writer.write(&late).await.map_err(write)?;
                }
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
        Ok(total)
    }

    /// Merges the rows in order with those that came late into the table; the number superseded.
    async fn merge(
        &self,
        work: &Work,
        rows: &Manifest,
        late: &Manifest,
        table: &mut TableWriter,
        rejects: &mut TableWriter,
    ) -> Result<u64, StageError> {
        let name = work.object.name;
        let sort_error = |source| StageError::SortTable {
            table: format!("usercom.{name}"),
            source,
        };
        let mut snapshot = Snapshot::default();
        snapshot.insert(late.clone());
        let session = self
            .engine
            .session(self.staging, &snapshot)
            .map_err(sort_error)?;
        let query = latest::query(&late.name(), &work.schema);
        let mut late = session
            .stream(&late.name(), &query, &[])
            .await
            .map_err(sort_error)?;
        let mut in_order = self.staging.read_table(rows, MERGE_ROWS);
        let files = work.files.iter().map(|input| input.file.name.clone());
        let mut latest = Latest::new(files.collect());
        let build = |source| build_error(name, name, source);
        let (mut left, mut right) = (None, None);
        loop {
            if left.is_none() {
                left = match in_order.next().await {
                    Some(batch) => Some(batch.map_err(|source| write_error(name, source))?),
                    None => None,
                };
            }
            while right
                .as_ref()
                .is_none_or(|batch: &RecordBatch| batch.num_rows() == 0)
            {
                let Some(batch) = late.next_batch().await.map_err(sort_error)? else {
                    right = None;
                    break;
                };
                right = Some(latest.first_of_each(&batch).map_err(build)?);
            }
            let merged = match (left.take(), right.take()) {
                (None, None) => break,
                (Some(rows), None) | (None, Some(rows)) => rows,
                (Some(one), Some(other)) => {
                    let (now, later) = latest::cut(&one, &other).map_err(build)?;
                    (left, right) = later;
                    latest.merge(&now.0, &now.1).map_err(build)?
                }
            };
            let columns: Vec<usize> = (0..work.schema.fields().len()).collect();
            let merged = merged.project(&columns).map_err(build)?;
            let write = |source| write_error(name, source);
            table.write(&merged).await.map_err(write)?;
            let superseded = latest.rejects().map_err(build)?;
            rejects.write(&superseded).await.map_err(write)?;
        }
        Ok(latest.superseded())
    }

    /// Brings the rows into their final form and closes the tables.
    async fn finish(&self, work: Work, sink: Sink, counts: Counts) -> Result<Finished, StageError> {
        let name = work.object.name;
        let write = |source| write_error(name, source);
        let Sink {
            rows,
            late,
            mut rejects,
        } = sink;
        // Readers go by the manifest: the places behind the table's own columns are not in it.
        let mut rows = rows.finish(BTreeMap::new()).await.map_err(write)?;
        rows.schema = Arc::clone(&work.placed);
        let mut superseded = 0;
        let mut table = match late {
            None => rows,
            Some(late) => {
                let late = late.finish(BTreeMap::new()).await.map_err(write)?;
                let mut table = self.writer(name, name, &work.schema, &["id"]).await?;
                let merged = self
                    .merge(&work, &rows, &late, &mut table, &mut rejects)
                    .await;
                self.staging.remove(&rows).await;
                self.staging.remove(&late).await;
                match merged {
                    Ok(losers) => superseded = losers,
                    Err(error) => {
                        table.discard().await;
                        rejects.discard().await;
                        return Err(error);
                    }
                }
                table.finish(BTreeMap::new()).await.map_err(write)?
            }
        };
        table.schema = Arc::clone(&work.schema);
        let report = TableReport {
            table: name.to_owned(),
            files: work
                .files
                .iter()
                .map(|input| input.file.name.clone())
                .collect(),
            source_rows: counts.source_rows,
            staged: table.rows,
            rejected_rows: counts.rejected_rows + superseded,
            superseded,
            rejected_cells: counts.rejected_cells,
            warnings: work.warnings,
        };
        if !report.balances() {
            self.staging.remove(&table).await;
            rejects.discard().await;
            return Err(StageError::Unbalanced {
                table: report.table,
                source_rows: report.source_rows,
                staged: report.staged,
                rejected: report.rejected_rows,
            });
        }
        table.counts = BTreeMap::from([
            ("source_rows".to_owned(), report.source_rows),
            ("rejected_rows".to_owned(), report.rejected_rows),
            ("superseded".to_owned(), report.superseded),
            ("rejected_cells".to_owned(), report.rejected_cells),
        ]);
        let rejects = rejects.finish(BTreeMap::new()).await.map_err(write)?;
        let definitions = self.definitions(&table).await?;
        self.progress.end(name, report.source_rows);
        Ok(Finished {
            table,
            rejects,
            report,
            definitions,
        })
    }

    /// What the table declares, if it is the table of attributes.
    async fn definitions(&self, table: &Manifest) -> Result<Vec<AttributeDefinition>, StageError> {
        let mut definitions = Vec::new();
        if table.table == "attributes" {
            let read = |source| write_error(&table.table, source);
            let mut batches = self.staging.read_table(table, MERGE_ROWS);
            while let Some(batch) = batches.next().await {
                definitions.extend(AttributeDefinition::from_batch(&batch.map_err(read)?));
            }
        }
        Ok(definitions)
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

fn build_error(table: &str, file: &str, source: ArrowError) -> StageError {
    StageError::BuildBatch {
        table: table.to_owned(),
        file: file.to_owned(),
        source,
    }
}

fn write_error(table: &str, source: StagingError) -> StageError {
    StageError::WriteTable {
        table: format!("usercom.{table}"),
        source,
    }
}

async fn discard(sink: Sink) {
    sink.rows.discard().await;
    if let Some(late) = sink.late {
        late.discard().await;
    }
    sink.rejects.discard().await;
}
