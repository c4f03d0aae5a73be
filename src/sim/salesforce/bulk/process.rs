//! Processing an ingest job: upload → chunks of 200 rows → table and results file.
//!
//! In: a job whose upload is complete, and its fate. Out: rows written, the results file, the job in a terminal state.
//! Holds one chunk of the upload in memory. Row errors never fail the job; what concerns the whole file does (`guide/salesforce.md`
//! §1.4, §1.6, §1.7).

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use super::super::change::Operation;
use super::super::job_faults::Ending;
use super::super::lock::lock;
use super::super::org::Org;
use super::super::write::{Scope, Writer};
use super::chunk::chunk;
use super::header::columns;
use super::job::{IngestJob, LineEnding, State};
use super::pace::Pace;
use super::results::{Span, reader};
use super::resumed::Resumed;

/// Rows in a chunk: the unit of duplicate detection and of the log.
const CHUNK: usize = 200;
/// Chunks in a batch: the unit that the daily allocation counts.
const CHUNKS_PER_BATCH: u32 = 50;
/// How often a batch is tried again before its job fails (§1.8).
const MOST_RETRIES: u32 = 20;
/// How long a batch is worked on before it is given up (§1.8), in milliseconds.
const BATCH_LIMIT: u64 = 5 * 60 * 1000;

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
    *lock(&job.results_from) = Some(Instant::now() + job.fate.late_results);
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
            End::Aborted if status.state == State::InProgress => status.state = State::Aborted,
            _ => {}
        }
    })?;
    Ok(())
}

/// A file that is refused as a whole.
fn invalid(text: &str) -> End {
    End::Failed(format!("InvalidBatch : {text}"))
}

/// What is wrong with a file, as far as its beginning shows it.
fn refused(job: &IngestJob) -> io::Result<Option<End>> {
    let mut first = Vec::new();
    let file = File::open(job.file("csv"))?;
    file.take(64 * 1024).read_to_end(&mut first)?;
    if first.starts_with(b"\xEF\xBB\xBF") {
        return Ok(Some(invalid(
            "Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote",
        )));
    }
    if first.is_empty() {
        return Ok(Some(invalid("Records not found")));
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
        return Ok(Some(End::Failed(format!("ClientInputError : {text}"))));
    }
    Ok(None)
}

fn run(org: &Arc<Org>, job: &IngestJob) -> io::Result<End> {
    if let Some(end) = refused(job)? {
        return Ok(end);
    }
    let mut rows = reader(job.spec.column_delimiter.byte())
        .from_path(job.file("csv"))
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
    let early = match &job.fate.end {
        Some((share, ending)) => Some((share_of(job, *share)?, ending.clone())),
        None => None,
    };
    let mut pace = Pace::new(org, job);
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
        let mut most = CHUNK;
        if let Some((rows, ending)) = &early {
            let left = rows.saturating_sub(job.status().processed);
            if left == 0 {
                return Ok(match ending {
                    Ending::Failed(message) => End::Failed(message.clone()),
                    Ending::Aborted => End::Aborted,
                });
            }
            most = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        }
        let Some(count) = read(&mut rows, names.len(), &mut records[..most])? else {
            return Ok(invalid(
                "Failed to parse CSV. The number of columns in a row differs from the header",
            ));
        };
        if count == 0 {
            return Ok(match file.chunk {
                0 => invalid("Records not found"),
                _ => End::Complete,
            });
        }
        if file.chunk.is_multiple_of(CHUNKS_PER_BATCH) {
            if let Some(message) = begin_batch(org, job) {
                return Ok(End::Failed(message));
            }
            pace.batch(&writer);
        }
        let length = u32::try_from(rows.position().byte() - start).unwrap_or(u32::MAX);
        let span = Span {
            start,
            length,
            rows: u32::try_from(count).unwrap_or(0),
        };
        let failed = chunk(&writer, job, &mut file, span, &records[..count])?;
        {
            let mut status = lock(&job.status);
            status.processed += count as u64;
            status.failed += failed;
        }
        pace.rows(count);
    }
}

/// Reads as many rows as there is room for; none if one of them has another width. What the service says of such a row is not
/// documented; the file as a whole is refused.
fn read(
    rows: &mut csv::Reader<File>,
    width: usize,
    records: &mut [csv::ByteRecord],
) -> io::Result<Option<usize>> {
    let mut count = 0;
    for record in records {
        if !rows.read_byte_record(record).map_err(io::Error::other)? {
            break;
        }
        if record.len() != width {
            return Ok(None);
        }
        count += 1;
    }
    Ok(Some(count))
}

/// Takes a batch from what the day allows and lets it die as often as it has to; the message of a job that fails by it.
fn begin_batch(org: &Org, job: &IngestJob) -> Option<String> {
    if !org.statistics.take_batch(org.options.daily_bulk_batches) {
        return Some("ExceededQuota : ApiBatchItems Limit exceeded.".to_owned());
    }
    die(job)
}

/// A share of the rows of a job's upload.
fn share_of(job: &IngestJob, share: f64) -> io::Result<u64> {
    let mut rows = reader(job.spec.column_delimiter.byte())
        .from_path(job.file("csv"))
        .map_err(io::Error::other)?;
    let mut record = csv::ByteRecord::new();
    let mut total = 0u64;
    while rows
        .read_byte_record(&mut record)
        .map_err(io::Error::other)?
    {
        total += 1;
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an upload has fewer rows than a double has whole numbers, and a share is at most 1"
    )]
    let rows = (total.saturating_sub(1) as f64 * share).floor() as u64;
    Ok(rows)
}

/// Lets a batch die as often as the job's fate says, none of its rows landed, its time spent without being waited for.
/// The message of a job that is given up is the one known from the Bulk API, with its own number.
fn die(job: &IngestJob) -> Option<String> {
    let deaths = job.fate.batch_deaths;
    if deaths == 0 {
        return None;
    }
    let mut status = lock(&job.status);
    status.retries += u64::from(deaths.min(MOST_RETRIES));
    let spent = BATCH_LIMIT * u64::from(deaths.min(MOST_RETRIES + 1));
    status.total_ms += spent;
    status.active_ms += spent;
    (deaths > MOST_RETRIES)
        .then(|| format!("InternalServerError : Retried more than {MOST_RETRIES} times"))
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
    .keyed(key)
    .held_by(org.options.locks.then(|| Arc::new(org.locks.batch()))))
}
