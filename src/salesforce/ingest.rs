//! Bulk API 2.0 ingest: one job takes one CSV and gives back three result files. Rows go in and come out as
//! streams; nothing here reads them. Steps whose outcome is unclear are settled by reading the job again,
//! except creation, where only the caller can tell whose job it finds (`guide/salesforce.md` §1).

use std::io;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt, future::BoxFuture};
use reqwest::Method;
use serde::Serialize;

use super::{
    ByteStream, Client, Error, ErrorClass, JobInfo, JobState, Operation, Result, WaitOptions,
    call::{self, Body, Call},
    job::JobPage,
    net::{Safety, retry_after},
    wait::{self, Look, Work},
};

/// Bulk ingest of one organisation; from [`Client::ingest`].
#[derive(Debug, Clone)]
pub struct Ingest {
    client: Client,
}

/// Which rows of a finished job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultSet {
    /// `sf__Id`, `sf__Created`, then the columns that were sent.
    Successful,
    /// `sf__Id`, `sf__Error`, then the columns that were sent.
    Failed,
    /// The columns that were sent, of rows that were never tried.
    Unprocessed,
}

impl ResultSet {
    fn resource(self) -> &'static str {
        match self {
            Self::Successful => "successfulResults",
            Self::Failed => "failedResults",
            Self::Unprocessed => "unprocessedrecords",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewJob<'a> {
    object: &'a str,
    operation: Operation,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id_field_name: Option<&'a str>,
    content_type: &'static str,
    line_ending: &'static str,
    column_delimiter: &'static str,
}

#[derive(Serialize)]
struct NewState {
    state: &'static str,
}

impl Client {
    /// Bulk API 2.0 ingest.
    pub fn ingest(&self) -> Ingest {
        Ingest {
            client: self.clone(),
        }
    }
}

impl Ingest {
    /// Creates an open job for CSV with commas and LF line ends. `external_id` names the key of an upsert.
    ///
    /// # Errors
    /// [`Error::is_ambiguous`] says that the job may exist: look for it with [`list`](Self::list).
    pub async fn create(
        &self,
        object: &str,
        operation: Operation,
        external_id: Option<&str>,
    ) -> Result<JobInfo> {
        let job = NewJob {
            object,
            operation,
            external_id_field_name: external_id,
            content_type: "CSV",
            line_ending: "LF",
            column_delimiter: "COMMA",
        };
        let call = Call::new(Method::POST, self.path(&[]), Safety::Once).json(&job)?;
        self.client.json(&call, "a job").await
    }

    /// Uploads a job's CSV. `body` is called once per attempt and starts from the first byte each time;
    /// `length` in bytes, where known, becomes `Content-Length`.
    ///
    /// # Errors
    /// [`Error::is_ambiguous`] says that the data may have arrived although a later attempt was refused:
    /// abort the job and load its rows with a new one.
    pub async fn upload<F, S>(&self, job_id: &str, length: Option<u64>, body: F) -> Result<()>
    where
        F: Fn() -> S + Send + Sync,
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let provider = || body().boxed();
        let target = self.path(&[job_id, "batches"]);
        let call = Call::new(Method::PUT, target, Safety::Repeatable)
            .promised(201)
            .body(Body::Csv {
                length,
                provider: &provider,
            });
        self.client.fetch(&call).await.map(drop)
    }

    /// Says that the upload is complete, which starts processing. Safe to repeat.
    ///
    /// # Errors
    /// Refused if the job was aborted meanwhile.
    pub async fn close(&self, job_id: &str) -> Result<JobInfo> {
        self.change_state(job_id, "UploadComplete", |state| {
            matches!(
                state,
                JobState::UploadComplete
                    | JobState::InProgress
                    | JobState::JobComplete
                    | JobState::Failed
            )
        })
        .await
    }

    /// Stops a job; rows that were processed stay. Safe to repeat.
    ///
    /// # Errors
    /// Refused if the job has finished.
    pub async fn abort(&self, job_id: &str) -> Result<JobInfo> {
        self.change_state(job_id, "Aborted", |state| *state == JobState::Aborted)
            .await
    }

    /// Reads a job.
    ///
    /// # Errors
    /// [`Error::is_not_found`] once the job was deleted.
    pub async fn get(&self, job_id: &str) -> Result<JobInfo> {
        self.client
            .json(&Call::get(self.path(&[job_id])), "a job")
            .await
    }

    /// Deletes a job and its data. A job that is gone already is fine.
    ///
    /// # Errors
    /// Refused while the job is open or in progress.
    pub async fn delete(&self, job_id: &str) -> Result<()> {
        let call =
            Call::new(Method::DELETE, self.path(&[job_id]), Safety::Repeatable).promised(204);
        match self.client.fetch(&call).await {
            Err(error) if error.is_not_found() => Ok(()),
            other => other.map(drop),
        }
    }

    /// All Bulk 2.0 ingest jobs of the organisation that were created at `since` or later, in no order.
    /// A job without a date is included.
    ///
    /// # Errors
    /// Whatever a page meets.
    pub async fn list(&self, since: Option<DateTime<Utc>>) -> Result<Vec<JobInfo>> {
        let first = Call::get(self.path(&[])).query("jobType", "V2Ingest");
        let mut jobs = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let mut call = first;
        loop {
            let page: JobPage = self.client.json(&call, "a page of jobs").await?;
            jobs.extend(page.records.into_iter().filter(|job| {
                let ingest = job
                    .job_type
                    .as_deref()
                    .is_none_or(|kind| kind == "V2Ingest");
                let recent = match (since, job.created_date) {
                    (Some(since), Some(created)) => created >= since,
                    _ => true,
                };
                ingest && recent
            }));
            let Some(next) = page.next_records_url else {
                return Ok(jobs);
            };
            if !seen.insert(next.clone()) {
                return Err(Error::PageLoop {
                    request: call.name(),
                });
            }
            call = Call::get(next);
        }
    }

    /// Opens one of the result files of a job. Rows come in no particular order.
    ///
    /// # Errors
    /// The stream ends with [`Error::ReadBody`] if it breaks off; opening it again starts over.
    pub async fn results(&self, job_id: &str, set: ResultSet) -> Result<ByteStream> {
        let call = Call::get(self.path(&[job_id, set.resource()])).accept_csv();
        let (_, body) = self.client.open(&call).await?;
        Ok(body.boxed())
    }

    /// Waits until a job is finished; `progress` sees every look at it.
    ///
    /// # Errors
    /// [`Error::WaitDeadline`] if `options` has a deadline; the job goes on.
    pub async fn wait(
        &self,
        job_id: &str,
        options: WaitOptions,
        mut progress: impl FnMut(&JobInfo) + Send,
    ) -> Result<JobInfo> {
        let work = Work {
            what: "job",
            id: job_id,
        };
        let call = Call::get(self.path(&[job_id]));
        let progress = std::sync::Mutex::new(&mut progress);
        let look = || async {
            let seen = look_at_job(&self.client, &call).await?;
            (super::body::lock(&progress))(&seen.value);
            Ok(seen)
        };
        wait::until_done(&self.client, work, options, look, |job| {
            job.state.to_string()
        })
        .await
    }

    /// Asks for a state and settles an unclear answer by reading the job.
    async fn change_state(
        &self,
        job_id: &str,
        state: &'static str,
        reached: impl Fn(&JobState) -> bool + Send + Sync,
    ) -> Result<JobInfo> {
        let target = self.path(&[job_id]);
        let call = Call::new(Method::PATCH, target, Safety::Once).json(&NewState { state })?;
        let mut unclear = false;
        for _ in 0..STATE_TRIES {
            let error = match self.client.json::<JobInfo>(&call, "a job").await {
                Ok(job) => return Ok(job),
                Err(error) => error,
            };
            let refused_after = unclear && error.class() == ErrorClass::Refused;
            if !error.is_ambiguous() && !refused_after {
                return Err(error);
            }
            unclear = true;
            let job = self.get(job_id).await?;
            if reached(&job.state) {
                return Ok(job);
            }
            if refused_after || job.state.is_terminal() {
                return Err(error);
            }
        }
        self.client.json(&call, "a job").await
    }

    fn path(&self, segments: &[&str]) -> String {
        call::join(&self.client.data_path(&["jobs", "ingest"]), segments)
    }
}

/// Times that a change of state is asked for before its failure is final.
const STATE_TRIES: u32 = 3;

/// Reads a job once, with the server's wish for a pause.
pub(super) fn look_at_job<'a>(
    client: &'a Client,
    call: &'a Call<'a>,
) -> BoxFuture<'a, Result<Look<JobInfo>>> {
    Box::pin(async move {
        let (headers, job): (_, JobInfo) = client.json_with_headers(call, "a job").await?;
        Ok(Look {
            done: job.state.is_terminal(),
            pause: retry_after(&headers),
            value: job,
        })
    })
}

#[cfg(test)]
#[path = "ingest_tests.rs"]
mod tests;
