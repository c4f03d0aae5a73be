//! One outbox part through one Bulk job.
//!
//! In: a Parquet part. Out: a file of attempts with one answer per row of the part: created, updated, failed or
//! unprocessed. Memory: the keys of one part and a few batches, never the part's rows.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use chrono::Utc;
use futures::{Stream, StreamExt, TryStreamExt};

use super::answers::{Answer, Origin, PartCounts, PartRows, count};
use super::outcome::split_error;
use super::retry::{locked, transient};
use super::{Blobs, Event, Journal, LoadError};
use crate::encode::RowEncoder;
use crate::rows::{AUDIT_FIELDS, RowOperation};
use crate::salesforce::{
    Client, CsvRows, ErrorClass, JobInfo, JobState, ObjectDescribe, Operation, ResultSet,
    WaitOptions,
};
use crate::staging::{DataFile, Staging};

/// Rows encoded before they go on the wire.
pub(super) const ENCODE_ROWS: usize = 4096;

/// What says that a record is not there any more.
pub(super) const GONE: &str = "ENTITY_IS_DELETED";

/// How often results are read that have fewer rows than their job processed; the pauses in between add up to some minutes.
const RESULT_LOOKS: u32 = 8;

/// How often results whose answer broke off are read again.
const BROKEN_READS: u32 = 3;

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
    /// Schema of the outbox.
    pub outbox: SchemaRef,
    /// Schema of the ledger and its attempts.
    pub schema: SchemaRef,
    /// The object's describe.
    pub describe: Arc<ObjectDescribe>,
    /// Contents of files.
    pub blobs: Option<Arc<dyn Blobs>>,
    /// Whether deleted rows pass the recycle bin.
    pub hard_delete: bool,
}

/// What became of a part.
#[derive(Debug)]
pub(super) struct Sent {
    pub counts: PartCounts,
    /// Files of attempts.
    pub files: Vec<DataFile>,
    /// Places of rows that may land next time.
    pub again: Vec<u32>,
    /// How many of them were never tried.
    pub unprocessed: u64,
    /// Rows whose parent could not be locked.
    pub locked: u64,
    /// Why the job failed without having tried anything.
    pub dead: Option<LoadError>,
}

impl PartContext {
    pub(super) fn salesforce(
        &self,
        job: Option<&str>,
    ) -> impl Fn(crate::salesforce::Error) -> LoadError {
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
    ) -> Result<Sent, LoadError> {
        let bulk = match operation {
            RowOperation::Insert => Operation::Insert,
            RowOperation::Upsert => Operation::Upsert,
            RowOperation::Delete if self.hard_delete => Operation::HardDelete,
            RowOperation::Delete => Operation::Delete,
            _ => Operation::Update,
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
        match ingest.upload(&job.id, None, || self.csv(part, bulk)).await {
            // The answer was lost, and the job takes no second upload: it has the first one. Whatever it should lack has no
            // answer in the end and is sent again.
            Err(error) if error.is_ambiguous() => {
                tracing::info!(job = job.id, %error, "closing a job whose upload was not answered");
            }
            other => other.map_err(&fail)?,
        }
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
    ) -> Result<Sent, LoadError> {
        let rows = self.part_rows(part, operation).await?;
        let mut answers = self.answers(job, operation, &rows).await?;
        self.find_duplicates(&rows, &mut answers).await?;
        // What has no answer was never tried: the unprocessed records of a failed or aborted job.
        let counts = count(&answers);
        let origin = Origin {
            operation,
            attempt,
            job: &job.id,
            unprocessed: job.error_message.as_deref(),
        };
        let files = self.store(&rows, 0, &answers, &origin).await?;
        self.journal
            .record(&Event::Done {
                load: self.load.clone(),
                part: part.path.clone(),
                attempt,
                job: job.id.clone(),
                files: files.clone(),
            })
            .await?;
        let tried = counts.created + counts.updated + counts.failed > 0;
        let dead = (job.state == JobState::Failed && !tried).then(|| LoadError::JobFailed {
            load: self.load.clone(),
            object: self.object.clone(),
            job: job.id.clone(),
            state: job.state.to_string(),
            message: job.error_message.clone().unwrap_or_default(),
        });
        Ok(Sent {
            counts,
            files,
            again: transient(&answers),
            unprocessed: counts.unprocessed,
            locked: locked(&answers),
            dead,
        })
    }

    /// The answers of a finished job, once there is one for every row that it says it processed: results may lag behind the
    /// job's end, and a row taken for one that was never tried would be sent twice.
    async fn answers(
        &self,
        job: &JobInfo,
        operation: RowOperation,
        rows: &PartRows,
    ) -> Result<Vec<Option<Answer>>, LoadError> {
        let processed = usize::try_from(job.number_records_processed).unwrap_or(usize::MAX);
        let processed = processed.min(rows.len());
        let (mut missing, mut broken) = (None, 0);
        for look in 1..=RESULT_LOOKS {
            let mut answers: Vec<Option<Answer>> = vec![None; rows.len()];
            missing = None;
            for set in [ResultSet::Successful, ResultSet::Failed] {
                if set == ResultSet::Failed
                    && job.number_records_failed == 0
                    && job.state == JobState::JobComplete
                {
                    continue;
                }
                match self
                    .read_results(job, set, operation, rows, &mut answers)
                    .await
                {
                    // An answer that breaks off is read again from its start.
                    Err(LoadError::Salesforce { source, .. })
                        if source.class() == ErrorClass::Transient && broken < BROKEN_READS =>
                    {
                        broken += 1;
                        missing = Some(self.salesforce(Some(&job.id))(*source));
                        break;
                    }
                    other => other?,
                }
            }
            let answered = answers.iter().flatten().count();
            if missing.is_none() && answered >= processed {
                return Ok(answers);
            }
            missing.get_or_insert(LoadError::MissingResults {
                load: self.load.clone(),
                job: job.id.clone(),
                answered,
                processed,
            });
            self.client.pause(look + 1).await;
        }
        Err(missing.unwrap_or_else(|| self.encode(&job.id, "its results were not read".to_owned())))
    }

    async fn read_results(
        &self,
        job: &JobInfo,
        set: ResultSet,
        operation: RowOperation,
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
        let columns = self.result_columns(job, set, csv.header(), rows.by_id())?;
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
                    .find(&text)
                    .ok_or_else(|| unexplained("was not sent"))?;
                let slot = &mut answers[position];
                if slot.is_some() {
                    return Err(unexplained("has an answer already"));
                }
                let cell = |column: usize| record.get(column).unwrap_or_default();
                *slot = Some(if set == ResultSet::Failed {
                    let (code, error) = split_error(cell(detail));
                    failed(operation, code, error, &text)
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

    /// Positions of the id, of `sf__Created` or `sf__Error`, and of the columns that name the row.
    fn result_columns(
        &self,
        job: &JobInfo,
        set: ResultSet,
        header: &csv::StringRecord,
        by_id: bool,
    ) -> Result<Vec<usize>, LoadError> {
        let detail = match set {
            ResultSet::Failed => "sf__Error",
            _ => "sf__Created",
        };
        let names: Vec<&str> = if by_id {
            vec!["Id"]
        } else {
            self.key.iter().map(String::as_str).collect()
        };
        ["sf__Id", detail]
            .into_iter()
            .chain(names)
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

    /// Columns that are sent; create-only ones are left out when a row is updated (`rules.md` 24).
    pub(super) fn sent_with(&self, update: bool) -> Vec<String> {
        let changeable = |name: &String| {
            let field = self.describe.field(name);
            !AUDIT_FIELDS.contains(&name.as_str()) && field.is_none_or(|field| field.updateable)
        };
        let mut sent = self.sent.clone();
        sent.retain(|name| !update || changeable(name));
        sent
    }

    /// The part as CSV, encoded while it is read; each call starts from the first row.
    fn csv(
        &self,
        part: &DataFile,
        operation: Operation,
    ) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
        let update = !matches!(operation, Operation::Insert | Operation::Upsert);
        let sent = match operation {
            Operation::Delete | Operation::HardDelete => Vec::new(),
            _ => self.sent_with(update),
        };
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

/// The answer that an error stands for; `id` names the row where it is deleted.
pub(super) fn failed(operation: RowOperation, code: &str, error: &str, id: &str) -> Answer {
    // Its parent took it along, or somebody was faster.
    if operation == RowOperation::Delete && code == GONE {
        return Answer::Landed {
            id: id.to_owned(),
            created: false,
        };
    }
    Answer::Failed {
        code: code.to_owned(),
        error: error.to_owned(),
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
            if sent.is_empty() {
                out.push(b'\n');
                continue;
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
