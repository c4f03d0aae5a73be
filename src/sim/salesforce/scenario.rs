//! Faults that are due from the start.
//!
//! In: a JSON file, `{"requests": […], "jobs": […]}`, with entries as the control endpoint takes them. Out: the faults of
//! an org, or which entry of which file is wrong. Without a file, nothing.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::SimError;
use super::faults::Fault;
use super::job_faults::JobFault;
use super::org::Org;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    #[serde(default)]
    requests: Vec<Value>,
    #[serde(default)]
    jobs: Vec<Value>,
}

/// Reads the file of the options and puts its faults in force.
pub(crate) fn load(org: &Org) -> Result<(), SimError> {
    let Some(path) = &org.options.scenario else {
        return Ok(());
    };
    let bytes = std::fs::read(path).map_err(|source| SimError::ReadScenario {
        path: path.clone(),
        source,
    })?;
    let wrong = |entry: String, source| SimError::Scenario {
        path: path.clone(),
        entry,
        source,
    };
    let scenario: Scenario = serde_json::from_slice(&bytes)
        .map_err(|source| wrong("the document".to_owned(), source))?;
    let requests: Vec<Fault> = entries(scenario.requests)
        .map_err(|(at, source)| wrong(format!("requests[{at}]"), source))?;
    let jobs: Vec<JobFault> =
        entries(scenario.jobs).map_err(|(at, source)| wrong(format!("jobs[{at}]"), source))?;
    requests.into_iter().for_each(|fault| org.faults.add(fault));
    org.job_faults.add(jobs);
    Ok(())
}

/// Reads a list entry by entry; the error says which one is wrong, counted from 0.
pub(crate) fn entries<T: DeserializeOwned>(
    list: Vec<Value>,
) -> Result<Vec<T>, (usize, serde_json::Error)> {
    let list = list.into_iter().enumerate();
    list.map(|(at, entry)| serde_json::from_value(entry).map_err(|error| (at, error)))
        .collect()
}
