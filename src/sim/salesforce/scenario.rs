//! Faults that are due from the start.
//!
//! In: a JSON file, `{"requests": […], "jobs": […]}`, with entries as the control endpoint takes them. Out: the faults,
//! or which entry of which file is wrong.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::SimError;
use super::faults::Fault;
use super::job_faults::JobFault;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    requests: Vec<Value>,
    #[serde(default)]
    jobs: Vec<Value>,
}

/// Faults of requests and of jobs.
pub(crate) struct Scenario {
    pub(crate) requests: Vec<Fault>,
    pub(crate) jobs: Vec<JobFault>,
}

impl Scenario {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, SimError> {
        let bytes = std::fs::read(path).map_err(|source| SimError::ReadScenario {
            path: path.to_owned(),
            source,
        })?;
        let wrong = |entry: String, source| SimError::Scenario {
            path: path.to_owned(),
            entry,
            source,
        };
        let document: Document = serde_json::from_slice(&bytes)
            .map_err(|source| wrong("the document".to_owned(), source))?;
        let requests = entries(document.requests)
            .map_err(|(at, source)| wrong(format!("requests[{at}]"), source))?;
        let jobs =
            entries(document.jobs).map_err(|(at, source)| wrong(format!("jobs[{at}]"), source))?;
        Ok(Self { requests, jobs })
    }
}

/// Reads a list entry by entry; the error says which one is wrong, counted from 0.
pub(crate) fn entries<T: DeserializeOwned>(
    list: Vec<Value>,
) -> Result<Vec<T>, (usize, serde_json::Error)> {
    let list = list.into_iter().enumerate();
    list.map(|(at, entry)| serde_json::from_value(entry).map_err(|error| (at, error)))
        .collect()
}
