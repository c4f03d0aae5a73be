//! Ingest jobs: what they are, where they stand, and their files.
//!
//! In: the body of a create request and later state changes. Out: [`IngestJob`]. `jobs/<id>.json` holds definition and
//! state, `jobs/<id>.csv` the upload, `jobs/<id>.results` what became of each row; all three go when the job is deleted.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::change::Operation;
use super::super::error::SimError;
use super::super::ids::RecordId;
use super::super::job_faults::Fate;
use super::super::lock::{lock, read, write};
use super::super::options::SalesforceSimOptions;
use super::super::state_file::replace;
use super::super::store::Mark;

/// States of §1.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Open,
    UploadComplete,
    InProgress,
    Aborted,
    JobComplete,
    Failed,
}

impl State {
    /// Nothing more happens to the job.
    pub(crate) fn terminal(self) -> bool {
        matches!(self, Self::Aborted | Self::JobComplete | Self::Failed)
    }
}

/// Column delimiters of §1.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Delimiter {
    Backquote,
    Caret,
    #[default]
    Comma,
    Pipe,
    Semicolon,
    Tab,
}

impl Delimiter {
    /// The character.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Backquote => b'`',
            Self::Caret => b'^',
            Self::Comma => b',',
            Self::Pipe => b'|',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// Line endings of §1.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum LineEnding {
    #[default]
    Lf,
    Crlf,
}

/// What a job does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spec {
    pub(crate) object: String,
    pub(crate) operation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) external_id_field_name: Option<String>,
    #[serde(default)]
    pub(crate) line_ending: LineEnding,
    #[serde(default)]
    pub(crate) column_delimiter: Delimiter,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) assignment_rule_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
}

impl Spec {
    /// The operation, if it is one; case counts.
    pub(crate) fn operation(&self) -> Option<Operation> {
        Some(match self.operation.as_str() {
            "insert" => Operation::Insert,
            "update" => Operation::Update,
            "upsert" => Operation::Upsert,
            "delete" => Operation::Delete,
            "hardDelete" => Operation::HardDelete,
            _ => return None,
        })
    }
}

/// Where a job stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) state: State,
    pub(crate) modified: i64,
    pub(crate) processed: u64,
    pub(crate) failed: u64,
    pub(crate) error: Option<String>,
    pub(crate) total_ms: u64,
    pub(crate) active_ms: u64,
    /// How often batches were tried again.
    #[serde(default)]
    pub(crate) retries: u64,
    /// The upload arrived whole.
    pub(crate) uploaded: bool,
    /// An upload is under way; not for longer than its connection.
    #[serde(skip)]
    pub(crate) uploading: bool,
}

/// One ingest job.
#[derive(Debug)]
pub(crate) struct IngestJob {
    pub(crate) id: RecordId,
    pub(crate) spec: Spec,
    pub(crate) user: u32,
    pub(crate) created: i64,
    /// As in the path: `66.0`.
    pub(crate) version: String,
    pub(crate) status: Mutex<Status>,
    /// What a fault does to the job; lost when the process ends.
    pub(crate) fate: Fate,
    /// From when on the results are there.
    pub(crate) results_from: Mutex<Option<Instant>>,
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    spec: Spec,
    user: u32,
    created: i64,
    version: String,
    status: Status,
}

impl IngestJob {
    /// Number of the job in table logs.
    pub(crate) fn number(&self) -> u64 {
        self.id
            .number([
                self.id.long_bytes()[3],
                self.id.long_bytes()[4],
                self.id.long_bytes()[5],
            ])
            .unwrap_or(0)
    }

    /// A file of the job: `csv`, `results` or `json`.
    pub(crate) fn file(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.id))
    }

    /// Changes the status and saves it.
    pub(crate) fn change(&self, how: impl FnOnce(&mut Status)) -> io::Result<Status> {
        let mut status = lock(&self.status);
        how(&mut status);
        status.modified = Utc::now().timestamp() * 1000;
        let saved = Saved {
            spec: self.spec.clone(),
            user: self.user,
            created: self.created,
            version: self.version.clone(),
            status: status.clone(),
        };
        let bytes = serde_json::to_vec(&saved).map_err(io::Error::other)?;
        replace(&self.file("json"), &bytes)?;
        Ok(status.clone())
    }

    /// Ends the job because the simulator itself could not go on.
    pub(super) fn fail(&self, error: &io::Error) {
        let failed = self.change(|status| {
            status.state = State::Failed;
            status.error =
                Some("InvalidBatch : the simulator could not process the job".to_owned());
        });
        if failed.is_err() {
            tracing::error!(%error, "the state of a simulated job could not be saved");
        }
    }

    /// Whether the results are not there yet although the job has ended.
    pub(crate) fn results_late(&self) -> bool {
        lock(&self.results_from).is_some_and(|from| Instant::now() < from)
    }

    /// A copy of the status.
    pub(crate) fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    /// The fields every answer about the job has (§1.3).
    pub(crate) fn summary(&self, status: &Status, user: RecordId) -> Value {
        let mut info = json!({
            "id": self.id.to_string(),
            "operation": self.spec.operation,
            "object": self.spec.object,
            "createdById": user.to_string(),
            "createdDate": timestamp(self.created),
            "systemModstamp": timestamp(status.modified),
            "state": status.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": self.version.parse::<f64>().unwrap_or(66.0),
        });
        if let Some(field) = &self.spec.external_id_field_name {
            info["externalIdFieldName"] = json!(field);
        }
        if let Some(rule) = &self.spec.assignment_rule_id {
            info["assignmentRuleId"] = json!(rule);
        }
        info
    }

    /// The answer to create and, with the fields added there, to GET.
    pub(crate) fn described(&self, status: &Status, user: RecordId, created_now: bool) -> Value {
        let mut info = self.summary(status, user);
        info["lineEnding"] = json!(self.spec.line_ending);
        info["columnDelimiter"] = json!(self.spec.column_delimiter);
        if status.state == State::Open {
            info["contentUrl"] = json!(format!(
                "services/data/v{}/jobs/ingest/{}/batches",
                self.version, self.id
            ));
        }
        if created_now {
            return info;
        }
        info["jobType"] = json!("V2Ingest");
        info["retries"] = json!(status.retries);
        info["totalProcessingTime"] = json!(status.total_ms);
        info["apiActiveProcessingTime"] = json!(status.active_ms);
        info["apexProcessingTime"] = json!(0);
        if status.state != State::Open {
            info["numberRecordsProcessed"] = json!(status.processed);
            info["numberRecordsFailed"] = json!(status.failed);
        }
        if let Some(error) = &status.error {
            info["errorMessage"] = json!(error);
        }
        info
    }
}

/// `2018-12-18T22:51:36.000+0000`.
pub(crate) fn timestamp(millis: i64) -> String {
    let at = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    at.format("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

/// All ingest jobs of the org.
pub(crate) struct IngestJobs {
    folder: PathBuf,
    jobs: RwLock<BTreeMap<String, Arc<IngestJob>>>,
    /// Marks found in the logs for jobs that were in progress, until the job goes on.
    resumed: Mutex<HashMap<u64, Vec<Mark>>>,
}

impl IngestJobs {
    /// Reads the jobs in the state folder.
    pub(crate) fn open(options: &SalesforceSimOptions) -> Result<Self, SimError> {
        let folder = options.state.join("jobs");
        let state = |source| SimError::State {
            path: folder.clone(),
            source,
        };
        crate::private::folder(&folder).map_err(state)?;
        let mut jobs = BTreeMap::new();
        let mut resumed = HashMap::new();
        for entry in std::fs::read_dir(&folder).map_err(state)? {
            let path = entry.map_err(state)?.path();
            let id = path
                .file_stem()
                .and_then(|stem| RecordId::parse(&stem.to_string_lossy()));
            let Some(id) = id.filter(|_| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            }) else {
                continue;
            };
            let job = load(&folder, &path, id)?;
            let status = job.status();
            if !status.state.terminal() && status.state != State::Open {
                resumed.insert(job.number(), Vec::new());
            }
            jobs.insert(id.short().to_owned(), Arc::new(job));
        }
        Ok(Self {
            folder,
            jobs: RwLock::new(jobs),
            resumed: Mutex::new(resumed),
        })
    }

    /// Takes a mark found in a table's log.
    pub(crate) fn resume(&self, mark: Mark) {
        if let Some(marks) = lock(&self.resumed).get_mut(&mark.job) {
            marks.push(mark);
        }
    }

    /// Marks for a job, once.
    pub(crate) fn marks(&self, job: u64) -> Vec<Mark> {
        let mut marks = lock(&self.resumed).remove(&job).unwrap_or_default();
        marks.sort_by_key(|mark| mark.chunk);
        marks
    }

    /// Jobs that wait for a thread.
    pub(crate) fn unfinished(&self) -> Vec<Arc<IngestJob>> {
        let waits = |job: &&Arc<IngestJob>| {
            matches!(
                job.status().state,
                State::UploadComplete | State::InProgress
            )
        };
        read(&self.jobs).values().filter(waits).cloned().collect()
    }

    /// Makes a job.
    pub(crate) fn create(
        &self,
        id: RecordId,
        spec: Spec,
        user: u32,
        version: &str,
        fate: Fate,
    ) -> io::Result<Arc<IngestJob>> {
        let now = Utc::now().timestamp() * 1000;
        let status = Status {
            state: State::Open,
            modified: now,
            processed: 0,
            failed: 0,
            error: None,
            total_ms: 0,
            active_ms: 0,
            retries: 0,
            uploaded: false,
            uploading: false,
        };
        let job = Arc::new(IngestJob {
            id,
            spec,
            user,
            created: now,
            version: version.to_owned(),
            status: Mutex::new(status),
            fate,
            results_from: Mutex::default(),
            folder: self.folder.clone(),
        });
        job.change(|_| ())?;
        write(&self.jobs).insert(id.short().to_owned(), Arc::clone(&job));
        Ok(job)
    }

    /// Finds a job by its id in either form.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<IngestJob>> {
        let id = RecordId::parse(id)?;
        read(&self.jobs).get(id.short()).cloned()
    }

    /// All jobs, by id.
    pub(crate) fn all(&self) -> Vec<Arc<IngestJob>> {
        read(&self.jobs).values().cloned().collect()
    }

    /// Forgets all jobs that have ended, as the service does after 7 days; returns how many.
    pub(crate) fn expire(&self) -> io::Result<usize> {
        let mut ended = self.all();
        ended.retain(|job| job.status().state.terminal());
        for job in &ended {
            self.remove(job)?;
        }
        Ok(ended.len())
    }

    /// Forgets a job and removes its files.
    pub(crate) fn remove(&self, job: &IngestJob) -> io::Result<()> {
        write(&self.jobs).remove(job.id.short());
        for extension in ["json", "csv", "results"] {
            remove_file(&job.file(extension))?;
        }
        Ok(())
    }
}

/// Removes a file that may not exist.
pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn load(folder: &Path, path: &Path, id: RecordId) -> Result<IngestJob, SimError> {
    let bytes = std::fs::read(path).map_err(|source| SimError::State {
        path: path.to_owned(),
        source,
    })?;
    let saved: Saved = serde_json::from_slice(&bytes).map_err(|source| SimError::Decode {
        path: path.to_owned(),
        source,
    })?;
    Ok(IngestJob {
        id,
        spec: saved.spec,
        user: saved.user,
        created: saved.created,
        version: saved.version,
        status: Mutex::new(saved.status),
        fate: Fate::default(),
        results_from: Mutex::default(),
        folder: folder.to_owned(),
    })
}
