//! What became of each row of a job, and the three result CSVs made from it (`guide/salesforce.md` §1.5).
//!
//! In: the outcomes of a chunk and where its rows are in the upload. Out: a record of about 5 bytes a row, appended to
//! the results file; later, rows of CSV in blocks, read back from record and upload. Nothing else is kept: results cost
//! no memory until somebody reads them. The order of rows is shuffled (by the job's id, so it is the same at each
//! reading), values are those of the upload as the service echoes them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::super::change::Outcome;
use super::super::change::value::{datetime, java_double};
use super::super::ids::{Prefix, RecordId};
use super::super::schema::FieldType;
use super::job::{Delimiter, IngestJob, LineEnding};

/// Upload bytes of a chunk, then its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) length: u32,
    pub(super) rows: u32,
}

const SPAN: usize = 20;
const UPDATED: u8 = 0;
const CREATED: u8 = 1;
const FAILED: u8 = 2;
const FAILED_WITH_ID: u8 = 3;

/// Encodes the results of a chunk.
pub(super) fn encode(span: Span, outcomes: &[Outcome]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SPAN + outcomes.len() * 5);
    bytes.extend_from_slice(&span.start.to_le_bytes());
    bytes.extend_from_slice(&span.length.to_le_bytes());
    bytes.extend_from_slice(&span.rows.to_le_bytes());
    let failed = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Outcome::Failed { .. }))
        .count();
    bytes.extend_from_slice(&u32::try_from(failed).unwrap_or(0).to_le_bytes());
    for outcome in outcomes {
        match outcome {
            Outcome::Done {
                position, created, ..
            } => {
                bytes.push(if *created { CREATED } else { UPDATED });
                bytes.extend_from_slice(&position.to_le_bytes());
            }
            Outcome::Failed { position, error } => {
                bytes.push(if position.is_some() {
                    FAILED_WITH_ID
                } else {
                    FAILED
                });
                if let Some(position) = position {
                    bytes.extend_from_slice(&position.to_le_bytes());
                }
                let text = error.to_string();
                bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
                bytes.extend_from_slice(text.as_bytes());
            }
        }
    }
    bytes
}

fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    match bytes.split_first_chunk::<N>() {
        Some((head, rest)) => {
            *bytes = rest;
            *head
        }
        None => [0; N],
    }
}

fn span(bytes: &mut &[u8]) -> (Span, u32) {
    let start = u64::from_le_bytes(take(bytes));
    let length = u32::from_le_bytes(take(bytes));
    let rows = u32::from_le_bytes(take(bytes));
    (
        Span {
            start,
            length,
            rows,
        },
        u32::from_le_bytes(take(bytes)),
    )
}

/// The open results file of a job in progress.
pub(super) struct ResultsFile(File);

impl ResultsFile {
    /// Opens it and adds the chunks that reached the log but not the file.
    pub(super) fn open(path: &Path, chunks: &[Chunk]) -> io::Result<Self> {
        let good = chunks
            .last()
            .map_or(0, |chunk| chunk.offset + u64::from(chunk.length));
        let file = crate::private::options()
            .create(true)
            .append(true)
            .open(path)?;
        file.set_len(good)?;
        Ok(Self(file))
    }

    pub(super) fn append(&mut self, results: &[u8]) -> io::Result<()> {
        let mut record = Vec::with_capacity(results.len() + 4);
        record.extend_from_slice(&u32::try_from(results.len()).unwrap_or(0).to_le_bytes());
        record.extend_from_slice(results);
        self.0.write_all(&record)
    }
}

/// Where a chunk's results are in the results file, and where its rows are in the upload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    offset: u64,
    length: u32,
    pub(super) span: Span,
    pub(super) failed: u32,
}

/// The chunks in a results file; a missing file has none.
pub(super) fn chunks(path: &Path) -> io::Result<Vec<Chunk>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let size = file.metadata()?.len();
    let (mut chunks, mut at) = (Vec::new(), 0u64);
    let mut head = [0u8; 4 + SPAN];
    while size - at >= head.len() as u64 {
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut head)?;
        let mut bytes = &head[..];
        let length = u32::from_le_bytes(take(&mut bytes));
        if size - at - 4 < u64::from(length) {
            break;
        }
        let (span, failed) = span(&mut bytes);
        chunks.push(Chunk {
            offset: at,
            length: length + 4,
            span,
            failed,
        });
        at += 4 + u64::from(length);
    }
    Ok(chunks)
}

/// Which of the three results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResultKind {
    Successful,
    Failed,
    Unprocessed,
}

/// How values of a column are echoed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    AsSent,
    Double,
    DateTime,
}

impl Echo {
    pub(super) fn of(kind: FieldType) -> Self {
        match kind {
            FieldType::Datetime => Self::DateTime,
            kind if kind.is_decimal() => Self::Double,
            _ => Self::AsSent,
        }
    }
}

/// Rows of one result, in blocks.
pub(crate) struct ResultStream {
    upload: File,
    results: Option<File>,
    kind: ResultKind,
    chunks: Vec<Chunk>,
    next: usize,
    header: Option<Vec<u8>>,
    echo: Vec<Echo>,
    delimiter: u8,
    newline: &'static [u8],
    prefix: Prefix,
    pod: Prefix,
    seed: u64,
    unprocessed_from: u64,
}

/// A block is made of chunks until it has this many bytes.
const BLOCK: usize = 256 * 1024;

impl ResultStream {
    /// Opens one of the results of a job. `echo` looks up how a column is echoed.
    pub(crate) fn open(
        job: &IngestJob,
        kind: ResultKind,
        prefix: Prefix,
        pod: Prefix,
        kind_of: impl Fn(&str) -> Option<FieldType>,
    ) -> io::Result<Self> {
        let delimiter = job.spec.column_delimiter;
        let newline: &'static [u8] = if job.spec.line_ending == LineEnding::Crlf {
            b"\r\n"
        } else {
            b"\n"
        };
        let path = job.file("csv");
        if !path.exists() {
            crate::private::write(&path, b"")?;
        }
        let (names, body) = header_of(&path, delimiter)?;
        let seed = job.number().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut chunks = chunks(&job.file("results"))?;
        let processed = chunks
            .iter()
            .map(|chunk| chunk.span.start + u64::from(chunk.span.length))
            .max();
        match kind {
            ResultKind::Unprocessed => chunks.clear(),
            ResultKind::Failed => chunks.retain(|chunk| chunk.failed > 0),
            ResultKind::Successful => chunks.retain(|chunk| chunk.failed < chunk.span.rows),
        }
        shuffle(&mut chunks, seed);
        let results = if chunks.is_empty() {
            None
        } else {
            Some(File::open(job.file("results"))?)
        };
        let mut header = Vec::new();
        let own: &[&str] = match kind {
            ResultKind::Successful => &["\"sf__Id\"", "\"sf__Created\""],
            ResultKind::Failed => &["\"sf__Id\"", "\"sf__Error\""],
            ResultKind::Unprocessed => &[],
        };
        let all = own.iter().copied().chain(names.iter().map(String::as_str));
        for (at, name) in all.enumerate() {
            if at > 0 {
                header.push(delimiter.byte());
            }
            header.extend_from_slice(name.as_bytes());
        }
        header.extend_from_slice(newline);
        Ok(Self {
            upload: File::open(&path)?,
            results,
            kind,
            chunks,
            next: 0,
            header: Some(header),
            echo: names
                .iter()
                .map(|name| kind_of(name).map_or(Echo::AsSent, Echo::of))
                .collect(),
            delimiter: delimiter.byte(),
            newline,
            prefix,
            pod,
            seed,
            unprocessed_from: processed.unwrap_or(body),
        })
    }

    /// Leaves the header only.
    pub(crate) fn without_rows(mut self) -> Self {
        self.chunks.clear();
        self.kind = ResultKind::Successful;
        self
    }

    /// The next block of CSV; none at the end.
    pub(crate) fn block(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut block = self.header.take().unwrap_or_default();
        if self.kind == ResultKind::Unprocessed {
            self.rest_of_upload(&mut block)?;
        }
        while block.len() < BLOCK && self.next < self.chunks.len() {
            let chunk = self.chunks[self.next];
            self.next += 1;
            self.rows(chunk, &mut block)?;
        }
        Ok((!block.is_empty()).then_some(block))
    }

    fn rest_of_upload(&mut self, block: &mut Vec<u8>) -> io::Result<()> {
        self.upload.seek(SeekFrom::Start(self.unprocessed_from))?;
        let taken = Read::by_ref(&mut self.upload)
            .take(BLOCK as u64)
            .read_to_end(block)?;
        self.unprocessed_from += taken as u64;
        Ok(())
    }

    fn rows(&mut self, chunk: Chunk, block: &mut Vec<u8>) -> io::Result<()> {
        let Some(results) = &mut self.results else {
            return Ok(());
        };
        let mut record = vec![0; usize::try_from(chunk.length).unwrap_or(0)];
        results.seek(SeekFrom::Start(chunk.offset))?;
        results.read_exact(&mut record)?;
        let mut upload = vec![0; usize::try_from(chunk.span.length).unwrap_or(0)];
        self.upload.seek(SeekFrom::Start(chunk.span.start))?;
        self.upload.read_exact(&mut upload)?;

        let mut bytes = &record[4 + SPAN..];
        let mut reader = reader(self.delimiter).from_reader(upload.as_slice());
        let mut row = csv::ByteRecord::new();
        let mut lines: Vec<Vec<u8>> = Vec::new();
        while reader
            .read_byte_record(&mut row)
            .map_err(io::Error::other)?
        {
            let [tag] = take::<1>(&mut bytes);
            let position = (tag != FAILED).then(|| u32::from_le_bytes(take(&mut bytes)));
            let error = if tag >= FAILED {
                let length = usize::try_from(u32::from_le_bytes(take(&mut bytes))).unwrap_or(0);
                let (error, rest) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
                bytes = rest;
                Some(error)
            } else {
                None
            };
            if error.is_some() != (self.kind == ResultKind::Failed) {
                continue;
            }
            let mut line = Vec::with_capacity(row.as_slice().len() + 64);
            match position {
                Some(at) => {
                    let id = RecordId::new(self.prefix, self.pod, u64::from(at) + 1).long_bytes();
                    quoted(&mut line, &id);
                }
                None => quoted(&mut line, b""),
            }
            line.push(self.delimiter);
            match error {
                Some(error) => quoted(&mut line, error),
                None => quoted(&mut line, if tag == CREATED { b"true" } else { b"false" }),
            }
            for (at, value) in row.iter().enumerate() {
                line.push(self.delimiter);
                echo(
                    &mut line,
                    value,
                    self.echo.get(at).copied().unwrap_or(Echo::AsSent),
                );
            }
            line.extend_from_slice(self.newline);
            lines.push(line);
        }
        shuffle(&mut lines, self.seed ^ chunk.span.start);
        lines.iter().for_each(|line| block.extend_from_slice(line));
        Ok(())
    }
}

/// A reader for uploads: no header handling, rows of any width.
pub(super) fn reader(delimiter: u8) -> csv::ReaderBuilder {
    let mut builder = csv::ReaderBuilder::new();
    builder
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(1 << 18);
    builder
}

/// Header names of an upload and the offset of its first row.
fn header_of(path: &Path, delimiter: Delimiter) -> io::Result<(Vec<String>, u64)> {
    let mut reader = reader(delimiter.byte())
        .from_path(path)
        .map_err(io::Error::other)?;
    let mut row = csv::ByteRecord::new();
    reader
        .read_byte_record(&mut row)
        .map_err(io::Error::other)?;
    let names = row
        .iter()
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    Ok((names, reader.position().byte()))
}

fn quoted(line: &mut Vec<u8>, value: &[u8]) {
    line.push(b'"');
    if value.contains(&b'"') {
        for &byte in value {
            if byte == b'"' {
                line.push(b'"');
            }
            line.push(byte);
        }
    } else {
        line.extend_from_slice(value);
    }
    line.push(b'"');
}

fn echo(line: &mut Vec<u8>, value: &[u8], how: Echo) {
    let text = std::str::from_utf8(value).unwrap_or_default();
    match how {
        Echo::Double if !text.is_empty() && text.parse::<f64>().is_ok() => {
            quoted(line, java_double(text).as_bytes())
        }
        Echo::DateTime => match datetime(text.trim()) {
            Some(utc) => quoted(line, utc.as_bytes()),
            None => quoted(line, value),
        },
        _ => quoted(line, value),
    }
}

fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed | 1;
    for at in (1..items.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = usize::try_from(state % (at as u64 + 1)).unwrap_or(0);
        items.swap(at, other);
    }
}
