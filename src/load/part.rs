//! One outbox part through one Bulk job.
//!
//! In: a Parquet part. Out: a file of attempts with one answer per row of the part: created, updated, failed or
//! unprocessed. Memory: the keys of one part and a few batches, never the part's rows.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, Int64Array, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Int64Type, SchemaRef};
use bytes::Bytes;
use chrono::Utc;
use futures::{Stream, StreamExt, TryStreamExt};

use super::outcome::split_error;
use super::{Event, Journal, LoadError};
use crate::encode::RowEncoder;
use crate::salesforce::{Client, CsvRows, JobInfo, JobState, Operation, ResultSet, WaitOptions};
use crate::staging::{DataFile, Staging};
use crate::transform::{RowOperation, key_texts};

/// Create-only columns, left out when a row is updated (`rules.md` 24).
const CREATE_ONLY: [&str; 2] = ["CreatedDate", "CreatedById"];

/// Rows encoded before they go on the wire.
const ENCODE_ROWS: usize = 4096;

/// What all parts of a phase share.
#[derive(Clone)]
pub(super) struct PartContext {
    pub staging: Staging,
    pub client: Client,
    pub journal: Journal,
    pub load: String,
    pub object: String,
    /// Key columns.
    pub key: Vec<String>,
    /// Sent columns.
    pub sent: Vec<String>,
    /// Schema of the ledger and its attempts.
    pub schema: SchemaRef,
}

/// Rows of a part by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PartCounts {
    pub created: u64,
    pub updated: u64,
    pub failed: u64,
    pub unprocessed: u64,
}

/// What is known of each row before it is sent.
struct PartRows {
    keys: Vec<ArrayRef>,
    position: HashMap<Box<str>, u32>,
    fingerprint: Vec<i64>,
    written: Vec<Box<[u8]>>,
}

enum Answer {
    Landed { id: String, created: bool },
    Failed { code: String, error: String },
}

impl PartContext {
    fn salesforce(&self, job: Option<&str>) -> impl Fn(crate::salesforce::Error) -> LoadError {
        let (load, object) = (self.load.clone(), self.object.clone());
        let job = job.map(str::to_owned);
        move |source| LoadError::Salesforce {
            load: load.clone(),
            object: object.clone(),
            job: job.clone(),
            source: Box::new(source),
        }
    }

    /// Sends a part and stores the answers.
    pub(super) async fn send(
        &self,
        part: &DataFile,
        operation: RowOperation,
        attempt: u32,
        progress: &(dyn Fn(&JobInfo) + Send + Sync),
    ) -> Result<(PartCounts, Vec<DataFile>), LoadError> {
        let bulk = match operation {
            RowOperation::Insert => Operation::Insert,
            RowOperation::Upsert => Operation::Upsert,
            RowOperation::Update | RowOperation::Unchanged => Operation::Update,
        };
        self.journal
            .record(&Event::Intent {
                load: self.load.clone(),
                part: part.path.clone(),
                attempt,
                object: self.object.clone(),
                operation: bulk.as_str().to_owned(),
                at: Utc::now(),
            })
            .await?;
        let external_id = (bulk == Operation::Upsert)
            .then(|| self.key.first().map(String::as_str))
            .flatten();
        let ingest = self.client.ingest();
        let job = ingest
            .create(&self.object, bulk, external_id)
            .await
            .map_err(self.salesforce(None))?;
        self.journal
            .record(&Event::Created {
                load: self.load.clone(),
                part: part.path.clone(),
                attempt,
                job: job.id.clone(),
            })
            .await?;
        let fail = self.salesforce(Some(&job.id));
        ingest
            .upload(&job.id, None, || self.csv(part, bulk))
            .await
            .map_err(&fail)?;
        ingest.close(&job.id).await.map_err(&fail)?;
        let finished = ingest
            .wait(&job.id, WaitOptions::default(), progress)
            .await
            .map_err(&fail)?;
        self.collect(part, operation, attempt, &finished).await
    }

    /// Reads a finished job's results and stores one answer per row of the part.
    pub(super) async fn collect(
        &self,
        part: &DataFile,
        operation: RowOperation,
        attempt: u32,
        job: &JobInfo,
    ) -> Result<(PartCounts, Vec<DataFile>), LoadError> {
        let rows = self.part_rows(part).await?;
        let mut answers: Vec<Option<Answer>> = Vec::new();
        answers.resize_with(rows.fingerprint.len(), || None);
        for set in [ResultSet::Successful, ResultSet::Failed] {
            if set == ResultSet::Failed
                && job.number_records_failed == 0
                && job.state == JobState::JobComplete
            {
                continue;
            }
            self.read_results(job, set, &rows, &mut answers).await?;
        }
        // What has no answer was never tried: the unprocessed records of a failed or aborted job.
        let mut counts = PartCounts::default();
        for answer in &answers {
            match answer {
                Some(Answer::Landed { created: true, .. }) => counts.created += 1,
                Some(Answer::Landed { created: false, .. }) => counts.updated += 1,
                Some(Answer::Failed { .. }) => counts.failed += 1,
                None => counts.unprocessed += 1,
            }
        }
        let files = self.store(&rows, &answers, operation, attempt, job).await?;
        self.journal
            .record(&Event::Done {
                load: self.load.clone(),
                part: part.path.clone(),
                attempt,
                job: job.id.clone(),
                files: files.clone(),
            })
            .await?;
        if job.state == JobState::Failed && counts.created + counts.updated + counts.failed == 0 {
            return Err(LoadError::JobFailed {
                load: self.load.clone(),
                object: self.object.clone(),
                job: job.id.clone(),
                state: job.state.to_string(),
                message: job.error_message.clone().unwrap_or_default(),
            });
        }
        Ok((counts, files))
    }

    async fn read_results(
        &self,
        job: &JobInfo,
        set: ResultSet,
        rows: &PartRows,
        answers: &mut [Option<Answer>],
    ) -> Result<(), LoadError> {
        let fail = self.salesforce(Some(&job.id));
        let bytes = self
            .client
            .ingest()
            .results(&job.id, set)
            .await
            .map_err(&fail)?;
        let mut csv = CsvRows::open(bytes).await.map_err(&fail)?;
        if csv.header().is_empty() {
            return Ok(());
        }
        let columns = self.result_columns(job, set, csv.header())?;
        let (id, detail, key) = (columns[0], columns[1], &columns[2..]);
        let mut text = String::new();
        while let Some(batch) = csv.next_batch().await.map_err(&fail)? {
            for record in batch {
                text.clear();
                for (index, &column) in key.iter().enumerate() {
                    if index > 0 {
                        text.push('|');
                    }
                    text.push_str(record.get(column).unwrap_or_default());
                }
                let unexplained = |problem| LoadError::Unexplained {
                    load: self.load.clone(),
                    job: job.id.clone(),
                    problem,
                };
                let position = rows
                    .position
                    .get(text.as_str())
                    .ok_or_else(|| unexplained("was not sent"))?;
                let slot = &mut answers[*position as usize];
                if slot.is_some() {
                    return Err(unexplained("has an answer already"));
                }
                let cell = |column: usize| record.get(column).unwrap_or_default();
                *slot = Some(if set == ResultSet::Failed {
                    let (code, error) = split_error(cell(detail));
                    Answer::Failed {
                        code: code.to_owned(),
                        error: error.to_owned(),
                    }
                } else {
                    Answer::Landed {
                        id: cell(id).to_owned(),
                        created: cell(detail) == "true",
                    }
                });
            }
        }
        Ok(())
    }

    /// Positions of the id, of `sf__Created` or `sf__Error`, and of the key columns.
    fn result_columns(
        &self,
        job: &JobInfo,
        set: ResultSet,
        header: &csv::StringRecord,
    ) -> Result<Vec<usize>, LoadError> {
        let detail = match set {
            ResultSet::Failed => "sf__Error",
            _ => "sf__Created",
        };
        ["sf__Id", detail]
            .into_iter()
            .chain(self.key.iter().map(String::as_str))
            .map(|name| {
                header
                    .iter()
                    .position(|column| column.eq_ignore_ascii_case(name))
                    .ok_or_else(|| LoadError::ResultColumn {
                        job: job.id.clone(),
                        column: name.to_owned(),
                    })
            })
            .collect()
    }

    async fn store(
        &self,
        rows: &PartRows,
        answers: &[Option<Answer>],
        operation: RowOperation,
        attempt: u32,
        job: &JobInfo,
    ) -> Result<Vec<DataFile>, LoadError> {
        let count = answers.len();
        let mut id = StringBuilder::new();
        let mut live = StringBuilder::new();
        let mut fingerprint: Vec<Option<i64>> = Vec::with_capacity(count);
        let mut written = BinaryBuilder::new();
        let mut outcome = StringBuilder::new();
        let mut code = StringBuilder::new();
        let mut error = StringBuilder::new();
        for (row, answer) in answers.iter().enumerate() {
            match answer {
                Some(Answer::Landed {
                    id: landed,
                    created,
                }) => {
                    id.append_value(landed);
                    live.append_value("live");
                    fingerprint.push(Some(rows.fingerprint[row]));
                    written.append_value(&rows.written[row]);
                    outcome.append_value(if *created { "created" } else { "updated" });
                    code.append_null();
                    error.append_null();
                }
                Some(Answer::Failed {
                    code: known,
                    error: words,
                }) => {
                    id.append_null();
                    live.append_null();
                    fingerprint.push(None);
                    written.append_null();
                    outcome.append_value("failed");
                    code.append_value(known);
                    error.append_value(words);
                }
                None => {
                    id.append_null();
                    live.append_null();
                    fingerprint.push(None);
                    written.append_null();
                    outcome.append_value("unprocessed");
                    code.append_value("UNPROCESSED");
                    error.append_option(job.error_message.as_deref());
                }
            }
        }
        let same = |text: &str| -> ArrayRef {
            Arc::new(std::iter::repeat_n(Some(text), count).collect::<StringArray>())
        };
        let mut columns = rows.keys.clone();
        columns.extend::<[ArrayRef; 12]>([
            Arc::new(id.finish()),
            Arc::new(live.finish()),
            Arc::new(Int64Array::from(fingerprint)),
            Arc::new(written.finish()),
            Arc::new(outcome.finish()),
            Arc::new(code.finish()),
            Arc::new(error.finish()),
            same(operation.word()),
            same(&job.id),
            Arc::new(Int64Array::from(vec![i64::from(attempt); count])),
            same(self.journal.run()),
            Arc::new(
                TimestampMicrosecondArray::from(vec![Utc::now().timestamp_micros(); count])
                    .with_timezone("UTC"),
            ),
        ]);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|error| self.encode(&job.id, error.to_string()))?;
        let mut writer = self
            .staging
            .create(
                "ledger",
                &format!("attempts_{}", self.load),
                Arc::clone(&self.schema),
                &[],
            )
            .await?;
        writer.write(&batch).await?;
        Ok(writer
            .finish(std::collections::BTreeMap::new())
            .await?
            .files)
    }

    fn encode(&self, part: &str, reason: String) -> LoadError {
        LoadError::Encode {
            load: self.load.clone(),
            part: part.to_owned(),
            reason,
        }
    }

    async fn part_rows(&self, part: &DataFile) -> Result<PartRows, LoadError> {
        let mut columns: Vec<&str> = self.key.iter().map(String::as_str).collect();
        columns.extend(["_fingerprint", "_written"]);
        let mut batches = Vec::new();
        let mut stream = self.staging.read_file(part, &columns, ENCODE_ROWS).await?;
        while let Some(batch) = stream.try_next().await? {
            batches.push(batch);
        }
        let Some(first) = batches.first() else {
            return Err(self.encode(&part.path, "the part has no rows".to_owned()));
        };
        let all = arrow::compute::concat_batches(&first.schema(), &batches)
            .map_err(|error| self.encode(&part.path, error.to_string()))?;
        drop(batches);
        let texts = key_texts(&all, &self.key).map_err(|reason| self.encode(&part.path, reason))?;
        let mut position = HashMap::with_capacity(texts.len());
        for (row, text) in (0_u32..).zip(texts) {
            position.insert(text.into_boxed_str(), row);
        }
        let column = |name: &str| {
            all.column_by_name(name)
                .ok_or_else(|| self.encode(&part.path, format!("no column {name}")))
        };
        let keys = self
            .key
            .iter()
            .map(|name| column(name).cloned())
            .collect::<Result<Vec<_>, _>>()?;
        let fingerprint = column("_fingerprint")?
            .as_primitive::<Int64Type>()
            .values()
            .to_vec();
        let written = column("_written")?.as_binary::<i32>();
        let written = (0..written.len())
            .map(|row| written.value(row).into())
            .collect();
        Ok(PartRows {
            keys,
            position,
            fingerprint,
            written,
        })
    }

    /// The part as CSV, encoded while it is read; each call starts from the first row.
    fn csv(
        &self,
        part: &DataFile,
        operation: Operation,
    ) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
        let update = operation == Operation::Update;
        let sent: Vec<String> = self
            .sent
            .iter()
            .filter(|name| !update || !CREATE_ONLY.contains(&name.as_str()))
            .cloned()
            .collect();
        let all = self.sent.clone();
        let (staging, part) = (self.staging.clone(), part.clone());
        let start = async move {
            let mut columns: Vec<&str> = sent.iter().map(String::as_str).collect();
            columns.extend(["_id", "_clear"]);
            let batches = staging
                .read_file(&part, &columns, ENCODE_ROWS)
                .await
                .map_err(broken)?;
            let mut header: Vec<&str> = Vec::new();
            if update {
                header.push("Id");
            }
            header.extend(sent.iter().map(String::as_str));
            let header = Bytes::from(RowEncoder::header(header.into_iter()));
            let rows = batches.map(move |batch| {
                let batch = batch.map_err(broken)?;
                encode_batch(&batch, &sent, &all, update).map(Bytes::from)
            });
            Ok::<_, std::io::Error>(futures::stream::iter([Ok(header)]).chain(rows))
        };
        futures::stream::once(start).try_flatten()
    }
}

fn encode_batch(
    batch: &RecordBatch,
    sent: &[String],
    all: &[String],
    update: bool,
) -> std::io::Result<Vec<u8>> {
    let columns: Vec<usize> = sent
        .iter()
        .map(|name| batch.schema().index_of(name))
        .collect::<Result<_, _>>()
        .map_err(std::io::Error::other)?;
    let rows = batch.project(&columns).map_err(std::io::Error::other)?;
    let encoder = RowEncoder::new(&rows, rows.num_columns()).map_err(std::io::Error::other)?;
    let ids = batch
        .column_by_name("_id")
        .map(|column| column.as_string::<i32>());
    let clear = batch
        .column_by_name("_clear")
        .map(|column| column.as_binary::<i32>());
    let mut out = Vec::with_capacity(batch.num_rows() * 256);
    for row in 0..batch.num_rows() {
        if update {
            if let Some(ids) = ids.filter(|ids| ids.is_valid(row)) {
                out.extend_from_slice(ids.value(row).as_bytes());
            }
            out.push(b',');
        }
        let cleared = clear
            .filter(|clear| clear.is_valid(row))
            .map(|clear| kept_bits(clear.value(row), sent, all));
        encoder.write(row, cleared.as_deref(), &mut out);
    }
    Ok(out)
}

/// A bit set over all columns, as one over those that are sent with an update.
fn kept_bits(bits: &[u8], sent: &[String], all: &[String]) -> Vec<u8> {
    let mut kept = vec![0_u8; sent.len().div_ceil(8)];
    for (position, name) in sent.iter().enumerate() {
        let Some(before) = all.iter().position(|other| other == name) else {
            continue;
        };
        if bits
            .get(before / 8)
            .is_some_and(|byte| byte & (1 << (before % 8)) != 0)
        {
            kept[position / 8] |= 1 << (position % 8);
        }
    }
    kept
}

fn broken(error: crate::staging::StagingError) -> std::io::Error {
    std::io::Error::other(error.to_string())
}
