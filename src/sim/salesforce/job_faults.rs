//! Faults of Bulk ingest jobs: what requests alone cannot break.
//!
//! In: faults from tests or a scenario file, each for the next jobs of an object. Out: for every new job its [`Fate`]. Of
//! the faults that are due, the first strikes; those that concern rows strike besides it, and for ever unless `times`
//! says otherwise. Fates are of this process: a job that goes on after a restart meets none.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::change::RowError;
use super::lock::lock;

/// What a job ends with when it is not said.
const UNEXPECTED: &str = "InternalServerError : unexpected";

/// A fault as it is stated.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    /// Object of the job; none = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    /// Operation of the job; none = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    /// Matching jobs to let pass first.
    #[serde(default)]
    skip: u64,
    /// How often to strike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
    /// The job fails after this share of its rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fail_after: Option<f64>,
    /// The job's `errorMessage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The job is aborted after this share of its rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    abort_after: Option<f64>,
    /// Each batch dies this often before it is carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batch_deaths: Option<u32>,
    /// The job is refused: no batches are left for today.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    quota: bool,
    /// Results are empty for so long after the job's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late_results_ms: Option<u64>,
    /// Some rows fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rows: Option<StatedRows>,
}

/// Rows that fail, as stated.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatedRows {
    /// One row in so many.
    every: u64,
    #[serde(default = "locked_code")]
    code: String,
    #[serde(default = "locked_message")]
    message: String,
    /// How often each of them fails, whatever job it is in; null = always.
    #[serde(default = "first_attempt")]
    attempts: Option<u32>,
}

fn locked_code() -> String {
    "UNABLE_TO_LOCK_ROW".to_owned()
}

fn locked_message() -> String {
    "unable to obtain exclusive access to this record".to_owned()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the default of a field that may be null"
)]
fn first_attempt() -> Option<u32> {
    Some(1)
}

/// One fault, ready to strike.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Stated", into = "Stated")]
pub(crate) struct JobFault {
    stated: Stated,
    trouble: Option<Arc<RowTrouble>>,
}

/// A fault that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Senseless {
    #[error(
        "no effect: one of fail_after, abort_after, batch_deaths, quota, late_results_ms, rows is needed"
    )]
    NoEffect,
    #[error("a share is a number from 0 to 1")]
    Share,
    #[error("fail_after and abort_after exclude each other")]
    TwoEnds,
    #[error("every must be at least 1")]
    Every,
}

impl TryFrom<Stated> for JobFault {
    type Error = Senseless;

    fn try_from(mut stated: Stated) -> Result<Self, Senseless> {
        let shares = [stated.fail_after, stated.abort_after];
        if !shares
            .iter()
            .flatten()
            .all(|share| (0.0..=1.0).contains(share))
        {
            return Err(Senseless::Share);
        }
        if shares.iter().all(Option::is_some) {
            return Err(Senseless::TwoEnds);
        }
        let effect = shares.iter().any(Option::is_some)
            || stated.batch_deaths.is_some()
            || stated.quota
            || stated.late_results_ms.is_some()
            || stated.rows.is_some();
        if !effect {
            return Err(Senseless::NoEffect);
        }
        if stated.rows.as_ref().is_some_and(|rows| rows.every == 0) {
            return Err(Senseless::Every);
        }
        let trouble = stated
            .rows
            .clone()
            .map(|rows| Arc::new(RowTrouble::new(rows)));
        if trouble.is_none() {
            stated.times.get_or_insert(1);
        }
        Ok(Self { stated, trouble })
    }
}

impl From<JobFault> for Stated {
    fn from(fault: JobFault) -> Self {
        fault.stated
    }
}

/// Rows that fail, and how often they did.
pub(crate) struct RowTrouble {
    stated: StatedRows,
    /// Attempts by the hash of the key.
    seen: Mutex<HashMap<u64, u32>>,
}

impl RowTrouble {
    fn new(stated: StatedRows) -> Self {
        Self {
            stated,
            seen: Mutex::default(),
        }
    }

    /// Why this attempt to write the row with this key fails, if it does.
    pub(crate) fn strike<'k>(&self, key: impl IntoIterator<Item = &'k [u8]>) -> Option<RowError> {
        let hash = hash(key);
        if !hash.is_multiple_of(self.stated.every) {
            return None;
        }
        if let Some(attempts) = self.stated.attempts {
            let mut seen = lock(&self.seen);
            let failed = seen.entry(hash).or_default();
            if *failed >= attempts {
                return None;
            }
            *failed += 1;
        }
        Some(RowError::new(
            self.stated.code.clone(),
            self.stated.message.clone(),
        ))
    }
}

impl fmt::Debug for RowTrouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stated.fmt(out)
    }
}

/// FNV-1a, mixed once more so that its low bits are as good as the others. The same in every run.
fn hash<'k>(key: impl IntoIterator<Item = &'k [u8]>) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325u64;
    for part in key {
        for &byte in part.trim_ascii().iter().chain(&[0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    hash ^ (hash >> 33)
}

/// How a job ends early.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ending {
    /// `Failed`, with this `errorMessage`.
    Failed(String),
    /// `Aborted`.
    Aborted,
}

/// What befalls one job.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate {
    /// It cannot be made.
    pub(crate) quota: bool,
    /// It ends after this share of its rows.
    pub(crate) end: Option<(f64, Ending)>,
    /// How often each of its batches dies first.
    pub(crate) batch_deaths: u32,
    /// How long its results are empty.
    pub(crate) late_results: Duration,
    /// Rows that fail.
    pub(crate) rows: Vec<Arc<RowTrouble>>,
}

impl Fate {
    fn add(&mut self, fault: &JobFault) {
        let stated = &fault.stated;
        self.quota |= stated.quota;
        let error = stated
            .error
            .clone()
            .unwrap_or_else(|| UNEXPECTED.to_owned());
        let failed = stated
            .fail_after
            .map(|share| (share, Ending::Failed(error)));
        let aborted = stated.abort_after.map(|share| (share, Ending::Aborted));
        if let Some(end) = failed.or(aborted) {
            self.end = Some(end);
        }
        self.batch_deaths += stated.batch_deaths.unwrap_or(0);
        self.late_results += Duration::from_millis(stated.late_results_ms.unwrap_or(0));
        self.rows.extend(fault.trouble.clone());
    }
}

/// The faults that are due.
#[derive(Debug, Default)]
pub(crate) struct JobFaults(Mutex<Vec<JobFault>>);

impl JobFaults {
    /// Adds faults behind those already due.
    pub(crate) fn add(&self, faults: impl IntoIterator<Item = JobFault>) {
        lock(&self.0).extend(faults);
    }

    /// Takes all faults away; jobs that were made keep their fate.
    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// Faults still due.
    pub(crate) fn due(&self) -> Vec<JobFault> {
        lock(&self.0).clone()
    }

    /// What befalls a job that is made now.
    pub(crate) fn strike(&self, object: &str, operation: &str) -> Fate {
        let mut fate = Fate::default();
        let mut faults = lock(&self.0);
        let mut struck = false;
        for fault in faults.iter_mut() {
            let of_rows = fault.trouble.is_some();
            let stated = &mut fault.stated;
            let fits = |wanted: &Option<String>, name: &str| {
                let wanted = wanted.as_deref().filter(|wanted| *wanted != "*");
                wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(name))
            };
            let due = fits(&stated.object, object) && fits(&stated.operation, operation);
            if !due || (struck && !of_rows) {
                continue;
            }
            if stated.skip > 0 {
                stated.skip -= 1;
                continue;
            }
            match &mut stated.times {
                Some(0) => continue,
                Some(times) => *times -= 1,
                None => {}
            }
            struck |= !of_rows;
            fate.add(fault);
        }
        faults.retain(|fault| fault.stated.times != Some(0));
        fate
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn faults(list: Value) -> JobFaults {
        let faults = JobFaults::default();
        faults.add(serde_json::from_value::<Vec<JobFault>>(list).unwrap());
        faults
    }

    #[test]
    fn faults_strike_one_job_each_in_their_order() {
        let faults = faults(json!([
            {"object": "Lead", "skip": 1, "fail_after": 0.5},
            {"object": "Lead", "operation": "upsert", "abort_after": 1},
        ]));
        assert!(faults.strike("Account", "insert").end.is_none());
        assert!(faults.strike("Lead", "insert").end.is_none());
        let failed = faults.strike("lead", "insert").end;
        let expected = Ending::Failed("InternalServerError : unexpected".to_owned());
        assert_eq!(failed, Some((0.5, expected)));
        assert!(faults.strike("Lead", "insert").end.is_none());
        let aborted = faults.strike("Lead", "upsert").end;
        assert_eq!(aborted, Some((1.0, Ending::Aborted)));
        assert!(faults.due().is_empty());
    }

    #[test]
    fn faults_of_rows_strike_every_job_beside_another_fault() {
        let faults = faults(json!([
            {"rows": {"every": 2}},
            {"batch_deaths": 3},
        ]));
        let fate = faults.strike("Lead", "insert");
        assert_eq!((fate.rows.len(), fate.batch_deaths), (1, 3));
        let fate = faults.strike("Task", "insert");
        assert_eq!((fate.rows.len(), fate.batch_deaths), (1, 0));
    }

    #[test]
    fn the_same_rows_fail_until_their_attempts_are_over() {
        let rows = |attempts: Value| {
            let stated = json!({"every": 7, "code": "X", "message": "m", "attempts": attempts});
            RowTrouble::new(serde_json::from_value(stated).unwrap())
        };
        let keys: Vec<String> = (0..700).map(|n| format!("key-{n}")).collect();
        let failing = |trouble: &RowTrouble| {
            let struck = |key: &&String| trouble.strike([key.as_bytes()]).is_some();
            keys.iter().filter(struck).cloned().collect::<Vec<_>>()
        };
        let (twice, ever) = (rows(json!(2)), rows(Value::Null));
        let first = failing(&twice);
        assert!((70..130).contains(&first.len()), "{}", first.len());
        assert_eq!(failing(&twice), first);
        assert!(failing(&twice).is_empty());
        for _ in 0..3 {
            assert_eq!(failing(&ever), first);
        }
        let error = ever.strike([first[0].as_bytes()]).unwrap();
        assert_eq!(error.to_string(), "X:m:--");
    }

    #[test]
    fn senseless_faults_are_refused() {
        for (fault, problem) in [
            (json!({"object": "Lead"}), "no effect"),
            (json!({"fail_after": 1.5}), "a share is"),
            (json!({"fail_after": 1, "abort_after": 1}), "exclude"),
            (json!({"rows": {"every": 0}}), "at least 1"),
            (json!({"quotas": true}), "unknown field `quotas`"),
        ] {
            let error = serde_json::from_value::<JobFault>(fault).unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
        }
    }
}
