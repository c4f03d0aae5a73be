//! One table from its files: keys, layout, rows, and the order of ids.
//!
//! In: the files of one object. Out: a [`Finished`] table and its rejects, written but not published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::Schema;
use futures::StreamExt;
use tokio::task::JoinSet;

use super::column_books::Filled;
use super::convert::{Conversion, Counts};
use super::error::{build_error, write_error};
use super::file_books::{DEFINITION_ROWS, FileBook};
use super::input::InputFile;
use super::input_rules::InputRules;
use super::runs::{Joining, Merged, Parts, Runs};
use super::share::is_common;
use super::stager::{Finished, Stager, Work, distinct};
use super::standing::WARNINGS;
use super::{StageError, TableReport, Warning, column_books, equals, latest, pipeline};
use crate::staging::Manifest;
use crate::usercom::attributes::AttributeDefinition;
use crate::usercom::layout::{Layout, TableColumn};
use crate::usercom::schema::Object;
use crate::usercom::{ExportError, FileKeys, Format, read_keys};

/// Records below which "nearly all undecodable" is not judged.
const FEW_RECORDS: u64 = 5;

impl Stager<'_> {
    /// Stages one table up to publication.
    pub(super) async fn stage_table(
        &mut self,
        object: &Object,
        files: Vec<InputFile>,
        definitions: &[AttributeDefinition],
    ) -> Result<Finished, StageError> {
        if let Some(stands) = self.standing(object, &files, definitions).await? {
            self.stood += 1;
            return Ok(stands);
        }
        let all = files.clone();
        let files = self.files_with_records(files).await?;
        let mut work = self.lay_out(object, files, definitions).await?;
        let parts = match self.shares.take() {
            Some(shares) if !is_common(object) => {
                let gathered = self.gather(&shares, &mut work).await;
                self.shares = Some(shares);
                gathered?
            }
            shares => {
                self.shares = shares;
                self.write_parts(&mut work, &|_| true).await?
            }
        };
        let mut finished = self.finish(work, parts).await?;
        // The names that attributes have now are those that the next staging gives them.
        let basis = self.basis(object, &all, definitions, Some(&finished.table));
        finished.rejects.basis.clone_from(&basis);
        finished.table.basis = basis;
        Ok(finished)
    }

    /// Writes the rows of the files that are `own`.
    pub(super) async fn write_parts(
        &mut self,
        work: &mut Work<'_>,
        own: &(dyn Fn(&InputFile) -> bool + Sync),
    ) -> Result<Parts, StageError> {
        let name = &work.object.name;
        let files = work.files.iter().filter(|input| own(input));
        self.progress
            .begin(name, files.map(|input| input.file.size).sum());
        let mut runs = Runs::start(self.staging, name, &work.schema).await?;
        match self.write_rows(work, &mut runs, own).await {
            Ok(()) => runs.close().await,
            Err(error) => {
                runs.discard().await;
                Err(error)
            }
        }
    }

    /// The files without those of other objects whose records hold none of the table's: these are not read again.
    pub(super) async fn files_with_records(
        &mut self,
        files: Vec<InputFile>,
    ) -> Result<Vec<InputFile>, StageError> {
        let mut kept = Vec::with_capacity(files.len());
        for input in files {
            let Some(nested) = input.nested else {
                kept.push(input);
                continue;
            };
            let parent = InputFile {
                file: input.file.clone(),
                nested: None,
            };
            if self.keys(&parent).await?.may_nest(nested.key()) {
                kept.push(input);
            }
        }
        Ok(kept)
    }

    pub(super) async fn lay_out<'o>(
        &mut self,
        object: &'o Object,
        files: Vec<InputFile>,
        definitions: &[AttributeDefinition],
    ) -> Result<Work<'o>, StageError> {
        let mut named = Vec::with_capacity(files.len());
        for input in &files {
            named.push((input.file.name.clone(), self.keys(input).await?));
        }
        let before = self.before.get("usercom", &object.name);
        let known = column_books::known_attributes(before);
        let layout = Layout::new(object, definitions, &named, &known)?;
        Ok(Work {
            object,
            files,
            plans: layout.files,
            columns: Arc::new(layout.columns),
            placed: latest::with_places(&layout.schema),
            schema: layout.schema,
            pair: layout.pair.clone(),
            warnings: layout.renamed.into_iter().map(Warning::Renamed).collect(),
            books: Vec::new(),
            nothing: Filled::default(),
            unreadable: Filled::default(),
        })
    }

    /// The keys of a file's records; those of whole JSON files are kept.
    async fn keys(&mut self, input: &InputFile) -> Result<FileKeys, StageError> {
        let is_kept = input.nested.is_none() && input.file.format == Format::JsonLines;
        if is_kept && let Some(known) = self.keys.get(&input.file.name) {
            return Ok(known.clone());
        }
        let keys = self.read_keys(input).await?;
        if is_kept {
            self.keys.insert(input.file.name.clone(), keys.clone());
        }
        Ok(keys)
    }

    async fn read_keys(&self, input: &InputFile) -> Result<FileKeys, StageError> {
        let (export, input) = (self.export.clone(), input.clone());
        let limits = pipeline::limits(self.settings);
        let table = input.file.object.clone();
        let mut worker = JoinSet::new();
        worker.spawn_blocking(move || read_keys(&export, &input.file, input.nested, limits));
        match worker.join_next().await {
            Some(Ok(keys)) => Ok(keys?),
            Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            _ => Err(StageError::Stopped {
                table: table.into_owned(),
            }),
        }
    }

    /// Writes the rows of all files.
    async fn write_rows(
        &mut self,
        work: &mut Work<'_>,
        runs: &mut Runs,
        own: &(dyn Fn(&InputFile) -> bool + Sync),
    ) -> Result<(), StageError> {
        let name = work.object.name.as_ref();
        let (mut rows_before, mut stored_before) = (0, 0);
        for (index, (input, plan)) in work.files.iter().zip(&work.plans).enumerate() {
            if !own(input) {
                continue;
            }
            let conversion = Conversion {
                table: name.to_owned(),
                file: input.file.name.clone(),
                file_index: i64::try_from(index).unwrap_or(i64::MAX),
                rules: InputRules::new(plan, &work.columns, &self.settings.words),
                missing_opt_out: self.settings.missing_opt_out,
                text_keys: work.object.is_custom(),
                plan: plan.clone(),
                columns: Arc::clone(&work.columns),
                schema: Arc::clone(&work.placed),
                zones: self.settings.zones,
                pair: work.pair.clone(),
                blobs: Arc::clone(&self.blobs),
            };
            let mut counts = Counts::default();
            runs.next_file();
            let mut batches =
                pipeline::convert_file(self.settings, self.export, input, Arc::new(conversion));
            while let Some(converted) = batches.next().await {
                let converted = converted?;
                counts.add(&converted.counts);
                work.nothing.add_counts(&converted.nothing);
                work.unreadable.add_counts(&converted.unreadable);
                self.altered
                    .write(&converted.altered)
                    .await
                    .map_err(|source| write_error("altered", source))?;
                runs.rejects
                    .write(&converted.rejects)
                    .await
                    .map_err(|source| write_error(name, source))?;
                if converted.linked.is_empty() {
                    runs.write(&converted.batch).await?;
                } else {
                    let (linked, own) = equals::split(&converted.batch, &converted.linked)
                        .map_err(|source| build_error(name, &input.file.name, source))?;
                    runs.write_linked(&linked).await?;
                    runs.write(&own).await?;
                }
                self.progress.advance(
                    name,
                    rows_before + counts.source_rows,
                    stored_before + converted.stored,
                );
            }
            runs.end_file(self.engine).await?;
            check_encoding(&input.file.name, &counts)?;
            stored_before += input.file.size;
            rows_before += counts.source_rows;
            work.books.push(file_book(name, &input.file.name, &counts));
        }
        Ok(())
    }

    /// Makes one table of the rows and closes it.
    async fn finish(&self, mut work: Work<'_>, parts: Parts) -> Result<Finished, StageError> {
        let name = work.object.name.as_ref();
        let write = |source| write_error(name, source);
        let sum = |count: fn(&FileBook) -> u64| work.books.iter().map(count).sum::<u64>();
        let (source_rows, unread) = (sum(|book| book.rows), sum(|book| book.rejected_rows));
        let (bad_cells, altered) = (
            sum(|book| book.rejected_cells),
            sum(|book| book.altered_cells),
        );
        for (input, book) in work.files.iter().zip(&work.books) {
            if book.rows == 0 && input.nested.is_none() {
                let file = book.file.clone();
                work.warnings.push(Warning::EmptyFile { file });
            }
        }
        let files: Vec<String> = work
            .files
            .iter()
            .map(|input| input.file.name.clone())
            .collect();
        let joining = Joining {
            staging: self.staging,
            engine: self.engine,
            name,
            schema: &work.schema,
            keeps_parts: self.shares.is_some() && !is_common(work.object),
        };
        let Merged {
            mut table,
            filled,
            rejects,
            superseded,
        } = joining.join(parts, files.clone()).await?;
        let report = TableReport {
            table: name.to_owned(),
            files: distinct(files),
            source_rows,
            staged: table.rows,
            rejected_rows: unread + superseded,
            superseded,
            rejected_cells: bad_cells,
            altered_cells: altered,
            nothing_words: nothing_words(&work),
            warnings: work.warnings.clone(),
        };
        if !report.balances() {
            self.remove(&table).await;
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
            ("altered_cells".to_owned(), report.altered_cells),
            (WARNINGS.to_owned(), report.warnings.len() as u64),
        ]);
        let before = self.before.get("usercom", name);
        table.columns = column_books::books(
            &work.columns,
            &work.plans,
            [&filled, &work.nothing, &work.unreadable],
            &table.schema,
            before,
        );
        leave_out_unused(&mut table, &work.columns);
        let rejects = rejects.finish(BTreeMap::new()).await.map_err(write)?;
        let definitions = self.definitions(&table).await?;
        self.progress.end(name, report.source_rows);
        Ok(Finished {
            table,
            rejects,
            report,
            files: work.books,
            definitions,
        })
    }

    /// What the table declares, if it is the table of attributes.
    pub(super) async fn definitions(
        &self,
        table: &Manifest,
    ) -> Result<Vec<AttributeDefinition>, StageError> {
        let mut definitions = Vec::new();
        if table.table == "attributes" {
            let read = |source| write_error(&table.table, source);
            let mut batches = self.staging.read_table(table, DEFINITION_ROWS);
            while let Some(batch) = batches.next().await {
                definitions.extend(AttributeDefinition::from_batch(&batch.map_err(read)?));
            }
        }
        Ok(definitions)
    }
}

/// Words for nothing, by column.
fn nothing_words(work: &Work<'_>) -> Vec<(String, u64)> {
    let columns = work.columns.iter().enumerate();
    columns
        .map(|(index, column)| (column.name.clone(), work.nothing.of(index)))
        .filter(|(_, words)| *words > 0)
        .collect()
}

/// Takes optional columns without any value out of the manifest; readers go by it, and the files need not change.
fn leave_out_unused(table: &mut Manifest, columns: &[TableColumn]) {
    let unused: BTreeSet<&str> = columns
        .iter()
        .filter(|column| column.optional)
        .map(|column| column.name.as_str())
        .filter(|name| {
            let book = table.columns.get(*name);
            book.is_none_or(|book| book.rows_with_value + book.unreadable == 0)
        })
        .collect();
    if unused.is_empty() {
        return;
    }
    let fields = table.schema.fields().iter();
    let used = fields.filter(|field| !unused.contains(field.name().as_str()));
    table.schema = Arc::new(Schema::new(used.cloned().collect::<Vec<_>>()));
    table
        .columns
        .retain(|name, book| book.seen_before || !unused.contains(name.as_str()));
}

fn file_book(table: &str, file: &str, counts: &Counts) -> FileBook {
    let commonest = counts.reasons.iter().max_by_key(|(_, rows)| **rows);
    FileBook {
        table: table.to_owned(),
        file: file.to_owned(),
        rows: counts.source_rows,
        rejected_rows: counts.rejected_rows,
        rejected_cells: counts.rejected_cells,
        altered_cells: counts.altered_cells,
        reason: commonest.map(|(reason, _)| (*reason).to_owned()),
    }
}

/// Refuses a file of which nearly every record is not UTF-8: it is in another encoding altogether.
fn check_encoding(file: &str, counts: &Counts) -> Result<(), ExportError> {
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
