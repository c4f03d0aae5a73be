//! One outbox part through one Bulk job.
//!
//! In: a Parquet part. Out: a file of attempts with one answer per row of the part: created, updated, failed or
//! unprocessed. Memory: the keys of one part and a few batches, never the part's rows.

use chrono::Utc;

use super::answers::{Answer, Origin, PartRows, Sent, count, refused};
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
const BROKEN_READS: u32 = 3;

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
                    // An answer that breaks off is read again from its start.
                    Err(LoadError::Salesforce { source, .. })
                        if source.class() == ErrorClass::Transient && broken < BROKEN_READS =>
                    {
                        broken += 1;
                        broken_off = Some(self.salesforce(Some(&job.id))(*source));
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
