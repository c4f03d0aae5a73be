//! One outbox part through one Bulk job.
//!
//! In: a Parquet part. Out: a file of attempts with one answer per row of the part: created, updated, failed or
//! unprocessed. Memory: the keys of one part and a few batches, never the part's rows.

use super::answers::{Answer, Origin, PartRows, Sent, count, refused, setup_code};
use super::outcome::split_error;
use super::part::PartContext;
use super::retry::{locked, transient};
use super::{Event, LoadError};
use crate::rows::{RowOperation, joined_key};
use crate::salesforce::{
    CsvRows, ErrorClass, JobInfo, JobState, Operation, ResultSet, WaitOptions,
};
use crate::staging::DataFile;

/// How often results are read that have fewer rows than their job processed; the pauses in between add up to some minutes.
const RESULT_LOOKS: u32 = 8;

/// How often results whose answer broke off are read again.
const BROKEN_READS: u32 = 5;

/// How often a job is asked for whose creation was not answered.
const LOST_JOBS: u32 = 4;

/// Why rows of a job with useless results have no answer.
pub(super) const UNUSABLE: &str =
    "the results of its job cannot be used, and the org has no record of its key";

/// Whether results that ended so may be whole when they are read again.
fn is_broken(error: &LoadError) -> bool {
    match error {
        LoadError::Salesforce { source, .. } => source.is_broken_answer(),
        other => is_unusable(other),
    }
}

/// Whether the results of a job say nothing that its rows could be told by: they are looked up by their keys.
pub(super) fn is_unusable(error: &LoadError) -> bool {
    match error {
        LoadError::Salesforce { source, .. } => {
            matches!(source.class(), ErrorClass::Protocol | ErrorClass::Refused)
        }
        LoadError::ResultColumn { .. }
        | LoadError::Unexplained { .. }
        | LoadError::MissingResults { .. } => true,
        _ => false,
    }
}

impl PartContext {
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
                at: self.client.server_time(),
            })
            .await?;
        let external_id = (bulk == Operation::Upsert)
            .then(|| self.key.first().map(String::as_str))
            .flatten();
        let ingest = self.client.ingest();
        let job = self.create(bulk, external_id).await?;
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

    /// Creates a job. One whose answer was lost is ended before another one is asked for: nobody will give it data.
    async fn create(
        &self,
        operation: Operation,
        external_id: Option<&str>,
    ) -> Result<JobInfo, LoadError> {
        let fail = self.salesforce(None);
        let ingest = self.client.ingest();
        let mut made = self.made.lock().await;
        let since = self.client.server_time() - chrono::Duration::seconds(2);
        let mut lost = 0;
        loop {
            lost += 1;
            match ingest.create(&self.object, operation, external_id).await {
                Ok(job) => {
                    made.insert(job.id.clone());
                    return Ok(job);
                }
                Err(error) if error.is_ambiguous() && lost < LOST_JOBS => {
                    tracing::info!(load = self.load, %error, "looking for a job whose creation was not answered");
                    self.client.pause(lost + 1).await;
                }
                Err(error) => return Err(fail(error)),
            }
            for job in ingest.list(Some(since)).await.map_err(&fail)? {
                let ours = job.state == JobState::Open
                    && job.object.as_deref() == Some(&self.object)
                    && job.operation.as_deref() == Some(operation.as_str())
                    && job.created_by_id.as_deref() == Some(&self.client.identity().user_id);
                if ours && !made.contains(&job.id) {
                    ingest.abort(&job.id).await.map_err(&fail)?;
                }
            }
        }
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
            setup: setup_code(operation, &answers),
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
        let missing = |answered| LoadError::MissingResults {
            load: self.load.clone(),
            job: job.id.clone(),
            answered,
            processed,
        };
        let (mut last, mut broken) = (missing(0), 0);
        for look in 1..=RESULT_LOOKS {
            let mut answers: Vec<Option<Answer>> = vec![None; rows.len()];
            let mut broken_off = None;
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
                    // A job without data has results without columns.
                    Err(LoadError::ResultColumn { .. }) if processed == 0 => {}
                    // An answer that breaks off, or is none, is read again from its start.
                    Err(error) if is_broken(&error) && broken < BROKEN_READS => {
                        broken += 1;
                        broken_off = Some(error);
                        break;
                    }
                    other => other?,
                }
            }
            let answered = answers.iter().flatten().count();
            if broken_off.is_none() && answered >= processed {
                return Ok(answers);
            }
            last = broken_off.unwrap_or_else(|| missing(answered));
            self.client.pause(look + 1).await;
        }
        Err(last)
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
        while let Some(batch) = csv.next_batch().await.map_err(&fail)? {
            for record in batch {
                let cell = |column: usize| record.get(column).unwrap_or_default();
                let text = joined_key(key.iter().map(|&column| cell(column)));
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
                *slot = Some(if set == ResultSet::Failed {
                    let (code, error) = split_error(cell(detail));
                    refused(operation, code, error, &text)
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
}
