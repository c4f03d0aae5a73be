//! One block of records becomes one batch, and a batch of what did not fit.
//!
//! In: a [`Block`] and what is known about its file. Out: [`Converted`]. Pure computation, so blocks are converted in parallel.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::SchemaRef;

use super::StageError;
use super::altered::{self, AlteredCell, AlteredRow};
use super::cells::{BadRecord, CellTable};
use super::columns::{self, CellFault, Feed, Remarks};
use super::input_rules::InputRules;
use super::rejects::{Place, Reject, Rejects};
use crate::usercom::cell::{self, Fault, Zones};
use crate::usercom::layout::{FilePlan, PairColumns, TableColumn};
use crate::usercom::schema::{ColumnKind, pair};
use crate::usercom::{Blobs, Block, RowFault};

/// Everything that the conversion of one file's blocks needs; shared by its converters.
#[derive(Debug)]
pub(super) struct Conversion {
    pub(super) table: String,
    pub(super) file: String,
    /// Place of the file among the table's files.
    pub(super) file_index: i64,
    pub(super) plan: FilePlan,
    pub(super) columns: Arc<Vec<TableColumn>>,
    /// Schema of the batches: the table's, then each row's place ([`super::latest`]).
    pub(super) schema: SchemaRef,
    pub(super) zones: Zones,
    pub(super) rules: InputRules,
    pub(super) missing_opt_out: bool,
    /// Whether ids may be text.
    pub(super) text_keys: bool,
    /// Columns from which a row without an id of its own gets one.
    pub(super) pair: Option<PairColumns>,
    /// The files that rows of `files` name.
    pub(super) blobs: Arc<Blobs>,
}

/// The result for one block.
#[derive(Debug)]
pub(super) struct Converted {
    pub(super) batch: RecordBatch,
    pub(super) rejects: RecordBatch,
    pub(super) altered: RecordBatch,
    pub(super) counts: Counts,
    /// Words for nothing, by column.
    pub(super) nothing: Vec<u64>,
    /// Cells that hold something which could not be read, by column.
    pub(super) unreadable: Vec<u64>,
    /// Rows of the batch that have their id from what they link, where others that link the same are rows of their own.
    pub(super) linked: Vec<usize>,
    /// Bytes of the stored file read so far.
    pub(super) stored: u64,
}

/// Numbers of one block, file or table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) source_rows: u64,
    pub(super) rejected_rows: u64,
    pub(super) rejected_cells: u64,
    pub(super) altered_cells: u64,
    pub(super) undecodable: u64,
    /// Why rows were rejected.
    pub(super) reasons: BTreeMap<&'static str, u64>,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        for (reason, rows) in &other.reasons {
            *self.reasons.entry(reason).or_default() += rows;
        }
        self.altered_cells += other.altered_cells;
        self.source_rows += other.source_rows;
        self.rejected_rows += other.rejected_rows;
        self.rejected_cells += other.rejected_cells;
        self.undecodable += other.undecodable;
    }
}

impl Conversion {
    pub(super) fn convert(&self, block: &Block) -> Result<Converted, StageError> {
        let (mut cells, mut bad, seen) = CellTable::parse(block, &self.plan, &self.rules);
        if seen != block.spans.len() {
            return Err(StageError::LostRecords {
                file: self.file.clone(),
                cut: block.spans.len(),
                parsed: seen,
                row: block.spans.first().map_or(0, |span| span.row),
            });
        }
        let mut remarks = Remarks {
            nothing: vec![0; self.columns.len()],
            ..Remarks::default()
        };
        let mut linked = Vec::new();
        let (ids, rows) = self.keys(&cells, block, &mut bad, &mut remarks.faults, &mut linked);
        let batch = self
            .build(&cells, ids.clone(), &rows, &mut remarks)
            .map_err(|source| self.build_error(source))?;
        let mut altered = std::mem::take(&mut cells.altered);
        altered.append(&mut remarks.altered);
        let mut nothing = remarks.nothing;
        for (input, words) in cells.nothing.iter().enumerate() {
            if let Some(column) = self.rules.column(input) {
                nothing[column] += words;
            }
        }
        let mut unreadable = vec![0; self.columns.len()];
        // Of two cells that disagree one was read.
        let unread = remarks.faults.iter();
        for fault in unread.filter(|fault| fault.fault != Fault::ConflictingValue) {
            unreadable[fault.column] += 1;
        }
        let mut reasons = BTreeMap::new();
        for record in &bad {
            *reasons.entry(record.fault.code()).or_default() += 1;
        }
        let counts = Counts {
            source_rows: block.rows(),
            rejected_rows: bad.len() as u64,
            rejected_cells: remarks.faults.len() as u64,
            altered_cells: altered.len() as u64,
            undecodable: cells.undecodable,
            reasons,
        };
        let altered = self
            .altered(&cells, altered, &ids, &rows)
            .map_err(|source| self.build_error(source))?;
        let rejects = self
            .rejects(&cells, bad, remarks.faults, (&ids, &rows))
            .map_err(|source| self.build_error(source))?;
        Ok(Converted {
            batch,
            rejects,
            altered,
            counts,
            nothing,
            unreadable,
            linked,
            stored: block.stored,
        })
    }

    fn build_error(&self, source: arrow::error::ArrowError) -> StageError {
        StageError::BuildBatch {
            table: self.table.clone(),
            file: self.file.clone(),
            source,
        }
    }

    /// The id of every record that has one, and which records those are; the others are rejected whole.
    fn keys(
        &self,
        cells: &CellTable,
        block: &Block,
        bad: &mut Vec<BadRecord>,
        faults: &mut Vec<CellFault>,
        linked: &mut Vec<usize>,
    ) -> (Vec<i64>, Vec<u32>) {
        let mut ids = Vec::with_capacity(cells.rows());
        let mut rows = Vec::with_capacity(cells.rows());
        let sources = self.plan.sources.first().map_or(&[][..], Vec::as_slice);
        for row in 0..cells.rows() {
            let mut id = Err(RowFault::MissingId);
            for source in sources {
                let text = cells.cell(row, source.input);
                if text.trim_ascii().is_empty() {
                    continue;
                }
                let as_text = cell::reference_key_text(text).filter(|_| self.text_keys);
                let found = match as_text {
                    Some(text) => Ok(cell::text_key(&text)),
                    None => cell::key(text).map_err(|_| RowFault::UnparsableId),
                };
                match (&id, found) {
                    (Err(RowFault::MissingId), found) => id = found,
                    (Ok(kept), Ok(other)) if *kept == other => {}
                    (Ok(_), _) => faults.push(CellFault {
                        row: index(row),
                        input: source.input,
                        column: 0,
                        fault: Fault::ConflictingValue,
                    }),
                    (Err(_), _) => {}
                }
            }
            if let (Err(RowFault::MissingId), Some(columns)) = (&id, &self.pair) {
                let found = self.pair_id(cells, row, columns);
                if columns.repeats && matches!(found, Ok((_, true))) {
                    linked.push(ids.len());
                }
                id = found.map(|(id, _)| id);
            }
            match id {
                Ok(id) => {
                    ids.push(id);
                    rows.push(index(row));
                }
                Err(fault) => bad.push(refused(cells.place(row), fault, block)),
            }
        }
        (ids, rows)
    }

    /// The id of a record that has none of its own: where it stands in the record above it, or what it links that one to; whether it
    /// is the latter.
    fn pair_id(
        &self,
        cells: &CellTable,
        row: usize,
        columns: &PairColumns,
    ) -> Result<(i64, bool), RowFault> {
        let first = self.pair_part(cells, row, columns.first)?;
        let second = match columns.second {
            Some(second) => self.pair_part(cells, row, second),
            None => Err(RowFault::MissingId),
        };
        match second {
            Ok(second) => pair(first, second)
                .map(|id| (id, false))
                .ok_or(RowFault::UnparsableId),
            Err(RowFault::MissingId) => {
                let parts = columns.links.iter();
                let parts: Vec<String> = parts
                    .map(|column| self.link_part(cells, row, *column))
                    .collect();
                if parts.iter().all(String::is_empty) {
                    return Err(RowFault::MissingId);
                }
                let text = format!("{first}\n{}", parts.join("\n"));
                Ok((cell::text_key(&text), true))
            }
            Err(other) => Err(other),
        }
    }

    /// What a record says in one of the columns that tell what it links; empty if nothing.
    fn link_part(&self, cells: &CellTable, row: usize, column: usize) -> String {
        let sources = self.plan.sources.get(column).into_iter().flatten();
        let texts = sources.filter_map(|source| {
            let text = cells.cell(row, source.input).trim_ascii();
            columns::text_of(text, *source)
        });
        texts
            .map(|text| text.trim_ascii().to_owned())
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }

    /// One half of the id of a record that has none of its own.
    fn pair_part(&self, cells: &CellTable, row: usize, column: usize) -> Result<i64, RowFault> {
        let sources = self.plan.sources.get(column);
        for source in sources.into_iter().flatten() {
            let text = cells.cell(row, source.input);
            if text.trim_ascii().is_empty() {
                continue;
            }
            match columns::integer(text, *source) {
                Ok(None) => {}
                Ok(Some(number)) => return Ok(number),
                Err(_) => return Err(RowFault::UnparsableId),
            }
        }
        Err(RowFault::MissingId)
    }

    /// The size, the name or the checksum of the blob that each row's `path` names.
    fn blob(&self, kind: ColumnKind, arrays: &[ArrayRef], rows: usize) -> ArrayRef {
        let paths = self
            .columns
            .iter()
            .position(|column| column.name == "path")
            .and_then(|column| arrays.get(column))
            .and_then(|array| array.as_string_opt::<i32>());
        let Some(paths) = paths else {
            return new_null_array(&kind.data_type(), rows);
        };
        let found = paths.iter().map(|path| self.blobs.find(path?));
        match kind {
            ColumnKind::BlobName => {
                let names = found.map(|blob| blob.map(|blob| blob.name));
                Arc::new(names.collect::<StringArray>())
            }
            ColumnKind::BlobChecksum => {
                Arc::new(found.map(|blob| blob?.md5).collect::<StringArray>())
            }
            _ => {
                let sizes = found.map(|blob| i64::try_from(blob?.size?).ok());
                Arc::new(sizes.collect::<Int64Array>())
            }
        }
    }

    fn build(
        &self,
        cells: &CellTable,
        ids: Vec<i64>,
        rows: &[u32],
        remarks: &mut Remarks,
    ) -> Result<RecordBatch, arrow::error::ArrowError> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        arrays.push(Arc::new(Int64Array::from(ids)));
        for (column, declared) in self.columns.iter().enumerate().skip(1) {
            if declared.kind.is_of_blob() {
                arrays.push(self.blob(declared.kind, &arrays, rows.len()));
                continue;
            }
            let feed = Feed {
                table: cells,
                rows,
                sources: &self.plan.sources[column],
                column,
                zones: self.zones,
                words: &self.rules.words,
                missing_opt_out: self.missing_opt_out,
            };
            arrays.push(columns::build(&feed, declared, remarks)?);
        }
        let places = rows.iter().map(|&row| cells.place(row as usize));
        arrays.push(Arc::new(Int64Array::from_value(
            self.file_index,
            rows.len(),
        )));
        arrays.push(Arc::new(Int64Array::from_iter_values(
            places.clone().map(|place| place.row.cast_signed()),
        )));
        arrays.push(Arc::new(Int64Array::from_iter_values(
            places.map(|place| place.byte.cast_signed()),
        )));
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
    }

    /// What was done to cells, in the order of the records.
    fn altered(
        &self,
        cells: &CellTable,
        mut altered: Vec<AlteredCell>,
        ids: &[i64],
        rows: &[u32],
    ) -> Result<RecordBatch, arrow::error::ArrowError> {
        altered.sort_by_key(|cell| (cell.row, cell.input, cell.alteration));
        let rows = altered.iter().map(|cell| AlteredRow {
            id: rows.binary_search(&cell.row).ok().map(|at| ids[at]),
            place: cells.place(cell.row as usize),
            column: self
                .rules
                .column(cell.input)
                .map(|column| self.columns[column].name.as_str()),
            cell,
        });
        altered::batch(&self.table, &self.file, rows)
    }

    /// Rejects in the order of the records, whole rows and cells alike.
    fn rejects(
        &self,
        cells: &CellTable,
        mut bad: Vec<BadRecord>,
        mut faults: Vec<CellFault>,
        (ids, rows): (&[i64], &[u32]),
    ) -> Result<RecordBatch, arrow::error::ArrowError> {
        bad.sort_by_key(|record| record.place);
        faults.sort_by_key(|fault| (fault.row, fault.column));
        let mut rejects = Rejects::default();
        let mut records = bad.iter().peekable();
        for fault in &faults {
            let place = cells.place(fault.row as usize);
            while let Some(record) = records.next_if(|record| record.place < place) {
                rejects.push(&self.file, &row_reject(record));
            }
            let reject = Reject {
                place,
                column: Some(&self.columns[fault.column].name),
                value: cells.cell(fault.row as usize, fault.input),
                length: 0,
                reason: fault.fault.code(),
                detail: None,
                id: rows.binary_search(&fault.row).ok().map(|at| ids[at]),
            };
            rejects.push(&self.file, &reject);
        }
        for record in records {
            rejects.push(&self.file, &row_reject(record));
        }
        rejects.finish()
    }
}

fn row_reject(record: &BadRecord) -> Reject<'_> {
    Reject {
        place: record.place,
        column: None,
        value: &record.value,
        length: record.length,
        reason: record.fault.code(),
        detail: record.detail.clone(),
        id: None,
    }
}

/// A record that was parsed but has no usable id; its text is taken from the block.
fn refused(place: Place, fault: RowFault, block: &Block) -> BadRecord {
    let span = block
        .spans
        .binary_search_by_key(&place.row, |span| span.row);
    let text = span.ok().map(|at| block.spans[at]).map_or(&[][..], |span| {
        &block.bytes[span.start as usize..span.end as usize]
    });
    BadRecord {
        place,
        fault,
        value: String::from_utf8_lossy(text).into_owned(),
        length: 0,
        detail: None,
    }
}

fn index(row: usize) -> u32 {
    // A block has far fewer rows.
    u32::try_from(row).unwrap_or(u32::MAX)
}
