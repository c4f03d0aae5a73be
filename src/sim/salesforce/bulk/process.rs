//! Processing an ingest job: upload → chunks of 200 rows → table and results file.
//!
//! In: a job whose upload is complete. Out: rows written, the results file, the job in a terminal state. Holds one chunk
//! of the upload in memory. Row errors never fail the job; what concerns the whole file does (reference/salesforce.md
//! §1.4, §1.6, §1.7).

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use super::super::org::Org;
use super::super::store::Mark;
use super::super::write::{Batch, Cell, Operation, Outcome, RowError, Scope, Writer, apply};
use super::header::columns;
use super::job::{IngestJob, LineEnding, State};
use super::results::{ResultsFile, Span, chunks, encode, reader};

/// Rows in a chunk: the unit of duplicate detection and of the log.
const CHUNK: usize = 200;
/// Chunks in a batch: the unit that the daily allocation counts.
const CHUNKS_PER_BATCH: u32 = 50;

/// How a job ends.
enum End {
    Complete,
    Failed(String),
    Aborted,
}

/// Runs a job to its end.
pub(super) fn process(org: &Arc<Org>, job: &IngestJob) -> io::Result<()> {
    if job.status().state.terminal() {
        return Ok(());
    }
    let started = Instant::now();
    let mut begun = false;
    job.change(|status| {
        begun = matches!(status.state, State::UploadComplete | State::InProgress);
        if begun {
            status.state = State::InProgress;
        }
    })?;
    if !begun {
        return Ok(());
    }
    let end = run(org, job)?;
    let millis = u64::try_from(started.elapsed().as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    job.change(|status| {
        status.total_ms += millis;
        status.active_ms += millis;
        match end {
            End::Complete if status.state == State::InProgress => status.state = State::JobComplete,
            End::Failed(message) if status.state == State::InProgress => {
                status.state = State::Failed;
                status.error = Some(message);
            }
            _ => {}
        }
    })?;
    Ok(())
}

fn run(org: &Arc<Org>, job: &IngestJob) -> io::Result<End> {
    let invalid = |text: &str| Ok(End::Failed(format!("InvalidBatch : {text}")));
    let path = job.file("csv");
    let mut first = Vec::new();
    File::open(&path)?.take(64 * 1024).read_to_end(&mut first)?;
    if first.starts_with(b"\xEF\xBB\xBF") {
        return invalid(
            "Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote",
        );
    }
    if first.is_empty() {
        return invalid("Records not found");
    }
    let ending = if first
        .split(|&c| c == b'\n')
        .next()
        .is_some_and(|line| line.ends_with(b"\r"))
    {
        LineEnding::Crlf
    } else {
        LineEnding::Lf
    };
    if ending != job.spec.line_ending && first.contains(&b'\n') {
        // Known from practice, not from the reference.
        let declared = if job.spec.line_ending == LineEnding::Lf {
            "LF"
        } else {
            "CRLF"
        };
        let text =
            format!("LineEnding is invalid on user data. Current LineEnding setting is {declared}");
        return Ok(End::Failed(format!("ClientInputError : {text}")));
    }

    let mut rows = reader(job.spec.column_delimiter.byte())
        .from_path(&path)
        .map_err(io::Error::other)?;
    let mut header = csv::ByteRecord::new();
    rows.read_byte_record(&mut header)
        .map_err(io::Error::other)?;
    let names: Vec<String> = header
        .iter()
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let writer = match writer(org, job, &names) {
        Ok(writer) => writer,
        Err(message) => return Ok(End::Failed(message)),
    };

    let mut file = Resumed::open(org, job)?;
    if let Some(at) = file.position {
        let mut position = csv::Position::new();
        position.set_byte(at);
        rows.seek(position).map_err(io::Error::other)?;
    }
    let mut records: Vec<csv::ByteRecord> = (0..CHUNK).map(|_| csv::ByteRecord::new()).collect();
    loop {
        if job.status().state == State::Aborted {
            return Ok(End::Aborted);
        }
        let start = rows.position().byte();
        let mut count = 0;
        while count < CHUNK
            && rows
                .read_byte_record(&mut records[count])
                .map_err(io::Error::other)?
        {
            // What the service says of a row of another width is not documented; the file as a whole is refused.
            if records[count].len() != names.len() {
                return invalid(
                    "Failed to parse CSV. The number of columns in a row differs from the header",
                );
            }
            count += 1;
        }
        if count == 0 {
            return Ok(if file.chunk == 0 {
                End::Failed("InvalidBatch : Records not found".to_owned())
            } else {
                End::Complete
            });
        }
        if file.chunk.is_multiple_of(CHUNKS_PER_BATCH)
            && !org.statistics.take_batch(org.options.daily_bulk_batches)
        {
            return Ok(End::Failed(
                "ExceededQuota : ApiBatchItems Limit exceeded.".to_owned(),
            ));
        }
        let length = u32::try_from(rows.position().byte() - start).unwrap_or(u32::MAX);
        let span = Span {
            start,
            length,
            rows: u32::try_from(count).unwrap_or(0),
        };
        let failed = chunk(&writer, job, &mut file, span, &records[..count])?;
        let mut status = super::super::lock::lock(&job.status);
        status.processed += count as u64;
        status.failed += failed;
    }
}

fn writer(org: &Arc<Org>, job: &IngestJob, names: &[&str]) -> Result<Writer, String> {
    let model = org.model();
    let access = org.access(job.user);
    let operation = job.spec.operation().unwrap_or(Operation::Insert);
    let unsupported = || {
        format!(
            "InvalidBatch : Entity '{}' is not supported by the Bulk API.",
            job.spec.object
        )
    };
    let object = model
        .schema
        .position(&job.spec.object)
        .ok_or_else(unsupported)?;
    let key = job.spec.external_id_field_name.as_deref();
    let columns = columns(&model, &access, object, operation, key, names)?;
    let key = key
        .and_then(|name| model.schema.object(object).position(name))
        .unwrap_or(0);
    Ok(Writer::new(
        Scope {
            org,
            model,
            access: Some(&access),
            user: job.user,
            trusted: false,
        },
        object,
        operation,
        columns,
    )
    .keyed(key))
}

/// The results file of a job and where to go on.
struct Resumed {
    results: ResultsFile,
    chunk: u32,
    position: Option<u64>,
}

impl Resumed {
    fn open(org: &Org, job: &IngestJob) -> io::Result<Self> {
        let path = job.file("results");
        let known = chunks(&path)?;
        let mut results = ResultsFile::open(&path, &known)?;
        let mut all = known;
        // A chunk that reached the table's log, but whose results were not written any more.
        for mark in org.ingest.marks(job.number()) {
            if usize::try_from(mark.chunk).is_ok_and(|at| at >= all.len()) {
                results.append(&mark.results)?;
                all = chunks(&path)?;
            }
        }
        let mut status = super::super::lock::lock(&job.status);
        status.processed = all.iter().map(|chunk| u64::from(chunk.span.rows)).sum();
        status.failed = all.iter().map(|chunk| u64::from(chunk.failed)).sum();
        Ok(Self {
            results,
            chunk: u32::try_from(all.len()).unwrap_or(u32::MAX),
            position: all
                .last()
                .map(|chunk| chunk.span.start + u64::from(chunk.span.length)),
        })
    }
}

fn chunk(
    writer: &Writer,
    job: &IngestJob,
    file: &mut Resumed,
    span: Span,
    records: &[csv::ByteRecord],
) -> io::Result<u64> {
    let mut unreadable = Vec::new();
    let mut cells = Vec::with_capacity(records.len() * writer.columns.len());
    for (row, record) in records.iter().enumerate() {
        for value in record {
            cells.push(match std::str::from_utf8(value) {
                Ok("") => Cell::Absent,
                Ok("#N/A") => Cell::Null,
                Ok(text) => Cell::Text(text),
                Err(_) => {
                    unreadable.push(row);
                    Cell::Absent
                }
            });
        }
    }
    if !unreadable.is_empty() {
        return unreadable_chunk(writer, job, file, span, records, &unreadable);
    }
    let mut results = Vec::new();
    let outcomes = apply(writer, &Batch { cells: &cells }, |outcomes| {
        results = encode(span, outcomes);
        Some(Mark {
            job: job.number(),
            chunk: file.chunk,
            results: results.clone(),
        })
    })?;
    file.results.append(&results)?;
    file.chunk += 1;
    Ok(outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Outcome::Failed { .. }))
        .count() as u64)
}

/// A chunk with rows that are not UTF-8: those fail, the rest is written. The text of the error is a guess.
fn unreadable_chunk(
    writer: &Writer,
    job: &IngestJob,
    file: &mut Resumed,
    span: Span,
    records: &[csv::ByteRecord],
    unreadable: &[usize],
) -> io::Result<u64> {
    let readable = (0..records.len()).filter(|row| !unreadable.contains(row));
    let cells: Vec<Cell<'_>> = readable
        .flat_map(|row| records[row].iter())
        .map(
            |value| match std::str::from_utf8(value).unwrap_or_default() {
                "" => Cell::Absent,
                "#N/A" => Cell::Null,
                text => Cell::Text(text),
            },
        )
        .collect();
    let mut results = Vec::new();
    apply(writer, &Batch { cells: &cells }, |outcomes| {
        let mut written = outcomes.iter().cloned();
        let error = RowError::new(
            "TEXT_DATA_OUTSIDE_SUPPORTED_CHARSET",
            "invalid UTF-8 sequence",
        );
        let refused = || Outcome::Failed {
            position: None,
            error: error.clone(),
        };
        let all: Vec<Outcome> = (0..records.len())
            .map(|row| {
                if unreadable.contains(&row) {
                    refused()
                } else {
                    written.next().unwrap_or_else(refused)
                }
            })
            .collect();
        results = encode(span, &all);
        Some(Mark {
            job: job.number(),
            chunk: file.chunk,
            results: results.clone(),
        })
    })?;
    file.results.append(&results)?;
    file.chunk += 1;
    let failed = u32::from_le_bytes(results[16..20].try_into().unwrap_or_default());
    Ok(u64::from(failed))
}
