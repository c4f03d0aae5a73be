//! Bulk API 2.0 query: one job takes one SOQL query and gives back pages of CSV. Each page is a stream and can
//! be asked for again by its locator while the job exists (`guide/salesforce.md` §2).

use std::{collections::BTreeSet, sync::Mutex};

use futures::{Stream, StreamExt, stream};
use reqwest::{Method, header::HeaderMap};
use serde::Serialize;

use super::{
    ByteStream, Client, Error, ErrorClass, JobInfo, QueryScope, Result, WaitOptions,
    body::lock,
    call::{self, Call},
    client::data_path,
    ingest::look_at_job,
    net::Safety,
    wait::{self, Work},
};

/// Bulk query of one organisation; from [`Client::bulk_query`].
#[derive(Debug, Clone)]
pub struct BulkQuery {
    client: Client,
}

/// One page of a query's result.
pub struct ResultPage {
    /// Rows on this page, where Salesforce says so.
    pub records: Option<u64>,
    /// Locator of the next page; none on the last.
    pub next: Option<String>,
    /// The page as CSV, with a header of its own.
    pub body: ByteStream,
}

impl std::fmt::Debug for ResultPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResultPage")
            .field("records", &self.records)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Bulk API 2.0 query.
    pub fn bulk_query(&self) -> BulkQuery {
        BulkQuery {
            client: self.clone(),
        }
    }
}

impl BulkQuery {
    /// Starts a query. A start that breaks off is repeated: a second query job only costs quota.
    ///
    /// # Errors
    /// Refused where the SOQL or the object does not suit bulk queries.
    pub async fn create(&self, soql: &str, scope: QueryScope) -> Result<JobInfo> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct NewQuery<'a> {
            operation: &'static str,
            query: &'a str,
            content_type: &'static str,
            column_delimiter: &'static str,
            line_ending: &'static str,
        }
        let job = NewQuery {
            operation: scope.resource(),
            query: soql,
            content_type: "CSV",
            column_delimiter: "COMMA",
            line_ending: "LF",
        };
        let call = Call::new(Method::POST, self.path(&[]), Safety::Repeatable).json(&job)?;
        self.client.json(&call, "a job").await
    }

    /// Reads a query job.
    ///
    /// # Errors
    /// [`Error::is_not_found`] once the job was deleted.
    pub async fn get(&self, job_id: &str) -> Result<JobInfo> {
        self.client
            .json(&Call::get(self.path(&[job_id])), "a job")
            .await
    }

    /// Waits until a query job is finished; `progress` sees every look at it.
    ///
    /// # Errors
    /// [`Error::WaitDeadline`] if `options` has a deadline; the job goes on.
    pub async fn wait(
        &self,
        job_id: &str,
        options: WaitOptions,
        progress: impl FnMut(&JobInfo) + Send,
    ) -> Result<JobInfo> {
        let work = Work {
            what: "job",
            id: job_id,
        };
        let call = Call::get(self.path(&[job_id]));
        let progress = Mutex::new(progress);
        let look = || async {
            let seen = look_at_job(&self.client, &call).await?;
            (lock(&progress))(&seen.value);
            Ok(seen)
        };
        wait::until_done(&self.client, work, options, look, |job| {
            job.state.to_string()
        })
        .await
    }

    /// Stops a query job.
    ///
    /// # Errors
    /// Refused if the job has finished.
    pub async fn abort(&self, job_id: &str) -> Result<JobInfo> {
        let target = self.path(&[job_id]);
        let call = Call::new(Method::PATCH, target, Safety::Repeatable)
            .json(&serde_json::json!({ "state": "Aborted" }))?;
        match self.client.json(&call, "a job").await {
            // The first of two attempts may have stopped it.
            Err(error) if error.is_ambiguous() => self.get(job_id).await,
            other => other,
        }
    }

    /// Deletes a finished query job and its results. A job that is gone already is fine.
    ///
    /// # Errors
    /// Refused while the job is running.
    pub async fn delete(&self, job_id: &str) -> Result<()> {
        let call = Call::new(Method::DELETE, self.path(&[job_id]), Safety::Repeatable);
        match self.client.fetch(&call).await {
            Err(error) if error.is_not_found() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Opens one page: the first, or the one that `locator` names. Asks in the API version that the job was
    /// created with, because Salesforce answers any other with 409.
    ///
    /// # Errors
    /// The page's stream ends with [`Error::ReadBody`] if it breaks off; asking for the page again starts it over.
    pub async fn page(
        &self,
        job: &JobInfo,
        locator: Option<&str>,
        max_records: Option<u64>,
    ) -> Result<ResultPage> {
        let version = job
            .api_version
            .as_deref()
            .unwrap_or(self.client.api_version());
        let target = data_path(version, &["jobs", "query", &job.id, "results"]);
        let mut call = Call::get(target).accept_csv();
        if let Some(locator) = locator {
            call = call.query("locator", locator);
        }
        if let Some(max) = max_records {
            call = call.query("maxRecords", max.to_string());
        }
        let (headers, body) = self.client.open(&call).await?;
        Ok(ResultPage {
            records: text(&headers, "sforce-numberofrecords").and_then(|count| count.parse().ok()),
            next: text(&headers, "sforce-locator").filter(|locator| locator != "null"),
            body: body.boxed(),
        })
    }

    /// All pages, opened one after the other. A locator that leads nowhere or back is asked for once more; ends with an error
    /// where it is no accident.
    pub fn pages(&self, job: &JobInfo) -> impl Stream<Item = Result<ResultPage>> + Send + use<> {
        let walk = Walk {
            query: self.clone(),
            job: job.clone(),
            last: None,
            next: Next::First,
            seen: BTreeSet::new(),
        };
        stream::try_unfold(walk, Walk::step)
    }

    fn path(&self, segments: &[&str]) -> String {
        call::join(&self.client.data_path(&["jobs", "query"]), segments)
    }
}

enum Next {
    First,
    At(String),
    End,
}

/// Where a walk over the pages stands.
struct Walk {
    query: BulkQuery,
    job: JobInfo,
    /// Locator of the page read last.
    last: Option<String>,
    next: Next,
    seen: BTreeSet<String>,
}

impl Walk {
    async fn step(mut self) -> Result<Option<(ResultPage, Self)>> {
        let locator = match std::mem::replace(&mut self.next, Next::End) {
            Next::First => None,
            Next::At(locator) => Some(locator),
            Next::End => return Ok(None),
        };
        let (locator, page) = match locator {
            Some(locator) if self.seen.contains(&locator) => {
                let request = format!("GET {}", self.query.path(&[&self.job.id, "results"]));
                self.ask_again(&locator, Error::PageLoop { request })
                    .await?
            }
            locator => match self.query.page(&self.job, locator.as_deref(), None).await {
                Ok(page) => (locator, page),
                Err(error) => match locator {
                    Some(locator) if error.class() == ErrorClass::Refused => {
                        self.ask_again(&locator, error).await?
                    }
                    _ => return Err(error),
                },
            },
        };
        self.seen.extend(locator.clone());
        self.last = locator;
        if let Some(next) = page.next.clone() {
            self.next = Next::At(next);
        }
        Ok(Some((page, self)))
    }

    /// Asks the page before for the locator behind it once more, and opens that page, if it is another one than `wrong`.
    async fn ask_again(&self, wrong: &str, error: Error) -> Result<(Option<String>, ResultPage)> {
        let before = self
            .query
            .page(&self.job, self.last.as_deref(), None)
            .await?;
        match before.next {
            Some(next) if next != wrong && !self.seen.contains(&next) => {
                let page = self.query.page(&self.job, Some(&next), None).await?;
                Ok((Some(next), page))
            }
            _ => Err(error),
        }
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
#[path = "bulk_query_tests.rs"]
mod tests;
