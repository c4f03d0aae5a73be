//! CSV as it arrives: a stream of bytes in, batches of rows out. Cuts the stream at the ends of records, wherever
//! its chunks end, and parses each piece with the `csv` crate. Holds one piece and one record at a time, never
//! a whole file, and never a record longer than Salesforce can send.

use bytes::Bytes;
use csv::StringRecord;
use futures::{Stream, StreamExt, stream};

use super::{Error, Result};

/// Longest record; Salesforce allows 400,000 characters (`guide/salesforce.md` §1.8), each up to 4 bytes
/// and a quote doubled.
const MAX_RECORD: usize = 4 * 1024 * 1024;

/// Rows are handed out in pieces of at least this size, so that small chunks do not make small batches.
const MIN_PIECE: usize = 64 * 1024;

/// Larger chunks are taken in steps of this size, so that batches stay small.
const MAX_STEP: usize = 256 * 1024;

/// Rows of a CSV stream, behind its header.
pub struct CsvRows<S> {
    source: S,
    header: StringRecord,
    /// Rows that were parsed together with the header.
    ready: Vec<StringRecord>,
    /// What was taken from the source and not yet looked at.
    pending: Bytes,
    /// Looked at, not yet parsed.
    buffer: Vec<u8>,
    /// Length of the complete records at the start of `buffer`.
    complete: usize,
    state: State,
    /// Data rows handed out or ready.
    rows: u64,
    ended: bool,
}

/// Where the scanner stands within a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    /// After a quote within a quoted field: its end, or the first half of a doubled quote.
    QuoteSeen,
}

impl<S> std::fmt::Debug for CsvRows<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CsvRows")
            .field("columns", &self.header.len())
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl<S> CsvRows<S>
where
    S: Stream<Item = Result<Bytes>> + Send + Unpin,
{
    /// Reads the header. A stream without a byte has an empty one.
    ///
    /// # Errors
    /// Those of the stream, and those of the CSV.
    pub async fn open(source: S) -> Result<Self> {
        let mut rows = Self {
            source,
            header: StringRecord::new(),
            ready: Vec::new(),
            pending: Bytes::new(),
            buffer: Vec::new(),
            complete: 0,
            state: State::FieldStart,
            rows: 0,
            ended: false,
        };
        while let Some(mut piece) = rows.next_piece().await? {
            if piece.starts_with(b"\xef\xbb\xbf") {
                piece.drain(..3);
            }
            let mut records = parse(&piece, None, 0)?.into_iter();
            if let Some(header) = records.next() {
                rows.header = header;
                rows.ready = records.collect();
                break;
            }
        }
        for (number, record) in (1..).zip(&rows.ready) {
            check_width(record, rows.header.len(), number)?;
        }
        rows.rows = rows.ready.len() as u64;
        Ok(rows)
    }

    /// Column names.
    pub fn header(&self) -> &StringRecord {
        &self.header
    }

    /// Position of a column, ignoring case as Salesforce does.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header
            .iter()
            .position(|column| column.eq_ignore_ascii_case(name))
    }

    /// The next rows, some hundreds to thousands; none at the end.
    ///
    /// # Errors
    /// Those of the stream, and those of the CSV; after one, nothing more comes.
    pub async fn next_batch(&mut self) -> Result<Option<Vec<StringRecord>>> {
        if !self.ready.is_empty() {
            return Ok(Some(std::mem::take(&mut self.ready)));
        }
        while let Some(piece) = self.next_piece().await? {
            let batch = parse(&piece, Some(self.header.len()), self.rows)?;
            self.rows += batch.len() as u64;
            if !batch.is_empty() {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// The batches as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Vec<StringRecord>>> + Send {
        stream::try_unfold(self, |mut rows| async move {
            Ok(rows.next_batch().await?.map(|batch| (batch, rows)))
        })
    }

    /// Complete records; none at the end of the stream.
    async fn next_piece(&mut self) -> Result<Option<Vec<u8>>> {
        while !self.ended && self.complete < MIN_PIECE {
            if self.pending.is_empty() {
                match self.source.next().await {
                    Some(chunk) => self.pending = chunk?,
                    None => {
                        self.ended = true;
                        break;
                    }
                }
            }
            let step = self.pending.len().min(MAX_STEP);
            let taken = self.pending.split_to(step);
            self.scan(&taken);
            if self.buffer.len() - self.complete > MAX_RECORD {
                return Err(self.unfinished());
            }
        }
        if self.ended {
            if self.state == State::Quoted {
                return Err(self.unfinished());
            }
            // The last record may lack its line end.
            self.complete = self.buffer.len();
        }
        if self.complete == 0 {
            return Ok(None);
        }
        let rest = self.buffer.split_off(self.complete);
        self.complete = 0;
        Ok(Some(std::mem::replace(&mut self.buffer, rest)))
    }

    fn scan(&mut self, bytes: &[u8]) {
        let offset = self.buffer.len();
        let mut state = self.state;
        let mut end = None;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            state = match (state, byte) {
                (State::Quoted, b'"') => State::QuoteSeen,
                (State::Quoted, _) => {
                    // Most bytes are inside quotes: skip to the next one.
                    at += bytes[at..]
                        .iter()
                        .position(|&byte| byte == b'"')
                        .unwrap_or(bytes.len() - at);
                    State::Quoted
                }
                (State::FieldStart | State::QuoteSeen, b'"') => State::Quoted,
                (_, b'\n') => {
                    end = Some(at);
                    State::FieldStart
                }
                (_, b',' | b'\r') => State::FieldStart,
                _ => State::Plain,
            };
        }
        self.state = state;
        self.buffer.extend_from_slice(bytes);
        if let Some(end) = end {
            self.complete = offset + end;
        }
    }

    fn unfinished(&self) -> Error {
        let lines = self.buffer[..self.complete]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        Error::UnfinishedCsvRow {
            after: self.rows + lines as u64,
            bytes: self.buffer.len() - self.complete,
        }
    }
}

/// Parses whole records. `rows` data rows came before; without a `width` the first record is the header.
fn parse(piece: &[u8], width: Option<usize>, rows: u64) -> Result<Vec<StringRecord>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(piece);
    let mut records: Vec<StringRecord> = Vec::new();
    loop {
        let number = rows + records.len() as u64 + u64::from(width.is_some());
        // As long as the one before, for most are.
        let bytes = records.last().map_or(0, |last| last.as_slice().len());
        let mut record = StringRecord::with_capacity(bytes, width.unwrap_or(0));
        let more = reader
            .read_record(&mut record)
            .map_err(|source| Error::ParseCsv {
                row: number,
                source: std::sync::Arc::new(source),
            })?;
        if !more {
            return Ok(records);
        }
        if let Some(width) = width {
            check_width(&record, width, number)?;
        }
        records.push(record);
    }
}

fn check_width(record: &StringRecord, expected: usize, row: u64) -> Result<()> {
    if record.len() == expected {
        return Ok(());
    }
    Err(Error::RaggedCsvRow {
        row,
        expected,
        found: record.len(),
    })
}

#[cfg(test)]
#[path = "csv_stream_tests.rs"]
mod tests;
