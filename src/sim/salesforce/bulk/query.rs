//! Query jobs: what they are, where they stand, and their results, given out in sets (`guide/salesforce.md` §2).
//!
//! In: a query, and what [`super::query_run`] made of it: `jobs/<id>.query.csv`, written once, so that locators stay valid while the job exists; a locator is
//! an offset into it and the number of rows before it. Memory does not grow with the result.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::Utc;
use memchr::memchr2_iter;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::error::SimError;
use super::super::ids::RecordId;
use super::super::lock::{lock, read, write};
use super::super::options::SalesforceSimOptions;
use super::super::state_file::replace;
use super::job::{Delimiter, LineEnding, State, remove_file, timestamp};

/// What a query job does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuerySpec {
    pub(crate) operation: String,
    pub(crate) query: String,
    #[serde(default)]
    pub(crate) line_ending: LineEnding,
    #[serde(default)]
    pub(crate) column_delimiter: Delimiter,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct QueryStatus {
    pub(crate) state: State,
    pub(crate) modified: i64,
    pub(crate) rows: u64,
    pub(crate) error: Option<String>,
    pub(crate) total_ms: u64,
    object: String,
    /// Offsets of the rows with which sets begin.
    pub(super) sets: Vec<u64>,
    /// Length of the result file.
    pub(super) end: u64,
}

/// One query job.
#[derive(Debug)]
pub(crate) struct QueryJob {
    pub(crate) id: RecordId,
    pub(crate) spec: QuerySpec,
    pub(crate) user: u32,
    pub(crate) created: i64,
    pub(crate) version: String,
    status: Mutex<QueryStatus>,
    folder: PathBuf,
    /// Rows in a set.
    pub(super) set_rows: u64,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    spec: QuerySpec,
    user: u32,
    created: i64,
    version: String,
    status: QueryStatus,
}

/// A part of the result file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) rows: u64,
    /// Locator of what follows.
    pub(crate) next: Option<String>,
}

impl QueryJob {
    /// Number of the job.
    pub(super) fn number(&self) -> u64 {
        let text = self.id.long_bytes();
        self.id.number([text[3], text[4], text[5]]).unwrap_or(0)
    }

    fn file(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.query.{extension}", self.id))
    }

    /// The result file.
    pub(crate) fn results(&self) -> PathBuf {
        self.file("csv")
    }

    /// A copy of the status.
    pub(crate) fn status(&self) -> QueryStatus {
        lock(&self.status).clone()
    }

    /// Changes the status and saves it.
    pub(crate) fn change(&self, how: impl FnOnce(&mut QueryStatus)) -> io::Result<QueryStatus> {
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
        replace(
            &self.file("json"),
            &serde_json::to_vec(&saved).map_err(io::Error::other)?,
        )?;
        Ok(status.clone())
    }

    /// What create (`created_now`) and GET answer.
    pub(crate) fn described(&self, user: RecordId, created_now: bool) -> Value {
        let status = self.status();
        let mut info = json!({
            "id": self.id.to_string(),
            "operation": self.spec.operation,
            "object": status.object,
            "createdById": user.to_string(),
            "createdDate": timestamp(self.created),
            "systemModstamp": timestamp(status.modified),
            "state": status.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": self.version.parse::<f64>().unwrap_or(66.0),
            "lineEnding": self.spec.line_ending,
            "columnDelimiter": self.spec.column_delimiter,
        });
        if !created_now {
            info["jobType"] = json!("V2Query");
            info["numberRecordsProcessed"] = json!(status.rows);
            info["retries"] = json!(0);
            info["totalProcessingTime"] = json!(status.total_ms);
            info["isPkChunkingSupported"] = json!(true);
            if let Some(error) = status.error {
                info["errorMessage"] = json!(error);
            }
        }
        info
    }

    /// The set at a locator, of at most `most` rows; none if the locator means nothing.
    pub(crate) fn slice(
        &self,
        locator: Option<&str>,
        most: Option<u64>,
    ) -> io::Result<Option<Slice>> {
        let status = self.status();
        let first = status.sets.first().copied().unwrap_or(status.end);
        let Some((start, before)) = locator.map_or(Some((first, 0)), decode) else {
            return Ok(None);
        };
        if start > status.end || before > status.rows {
            return Ok(None);
        }
        let rows = most
            .unwrap_or(self.set_rows)
            .clamp(1, status.rows.max(1))
            .min(status.rows - before);
        let end = if before + rows == status.rows {
            status.end
        } else if rows == self.set_rows && before % self.set_rows == 0 {
            let set = usize::try_from(before / self.set_rows + 1).unwrap_or(usize::MAX);
            status.sets.get(set).copied().unwrap_or(status.end)
        } else {
            self.end_of(start, rows)?
        };
        let next = (before + rows < status.rows).then(|| encode(end, before + rows));
        Ok(Some(Slice {
            start,
            end,
            rows,
            next,
        }))
    }

    /// Where the row after `rows` rows begins.
    fn end_of(&self, start: u64, rows: u64) -> io::Result<u64> {
        let mut file = File::open(self.results())?;
        file.seek(SeekFrom::Start(start))?;
        let mut block = vec![0u8; 1 << 16];
        let (mut at, mut left, mut inside) = (start, rows, false);
        while left > 0 {
            let taken = file.read(&mut block)?;
            if taken == 0 {
                break;
            }
            for found in memchr2_iter(b'"', b'\n', &block[..taken]) {
                if block[found] == b'"' {
                    inside = !inside;
                } else if !inside {
                    left -= 1;
                    if left == 0 {
                        return Ok(at + found as u64 + 1);
                    }
                }
            }
            at += taken as u64;
        }
        Ok(at)
    }
}

fn encode(offset: u64, rows: u64) -> String {
    STANDARD_NO_PAD.encode(format!("{offset}:{rows}"))
}

fn decode(locator: &str) -> Option<(u64, u64)> {
    let text =
        String::from_utf8(STANDARD_NO_PAD.decode(locator.trim_end_matches('=')).ok()?).ok()?;
    let (offset, rows) = text.split_once(':')?;
    Some((offset.parse().ok()?, rows.parse().ok()?))
}

/// All query jobs of the org.
pub(crate) struct QueryJobs {
    folder: PathBuf,
    jobs: RwLock<BTreeMap<String, Arc<QueryJob>>>,
    set_rows: u64,
}

impl QueryJobs {
    /// Reads the jobs in the state folder.
    pub(crate) fn open(options: &SalesforceSimOptions) -> Result<Self, SimError> {
        let folder = options.state.join("jobs");
        let state = |source| SimError::State {
            path: folder.clone(),
            source,
        };
        let mut jobs = BTreeMap::new();
        for entry in std::fs::read_dir(&folder).map_err(state)? {
            let path = entry.map_err(state)?.path();
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let Some(id) = name.strip_suffix(".query.json").and_then(RecordId::parse) else {
                continue;
            };
            let bytes = std::fs::read(&path).map_err(|source| SimError::State {
                path: path.clone(),
                source,
            })?;
            let saved: Saved =
                serde_json::from_slice(&bytes).map_err(|source| SimError::Decode {
                    path: path.clone(),
                    source,
                })?;
            let job = QueryJob {
                id,
                spec: saved.spec,
                user: saved.user,
                created: saved.created,
                version: saved.version,
                status: Mutex::new(saved.status),
                folder: folder.clone(),
                set_rows: options.query_result_rows.max(1),
            };
            jobs.insert(id.short().to_owned(), Arc::new(job));
        }
        Ok(Self {
            folder,
            jobs: RwLock::new(jobs),
            set_rows: options.query_result_rows.max(1),
        })
    }

    /// Jobs that wait for a thread.
    pub(crate) fn unfinished(&self) -> Vec<Arc<QueryJob>> {
        read(&self.jobs)
            .values()
            .filter(|job| !job.status().state.terminal())
            .cloned()
            .collect()
    }

    /// Makes a job; it is ready to be processed.
    pub(crate) fn create(
        &self,
        id: RecordId,
        spec: QuerySpec,
        object: &str,
        user: u32,
        version: &str,
    ) -> io::Result<Arc<QueryJob>> {
        let now = Utc::now().timestamp() * 1000;
        let status = QueryStatus {
            state: State::UploadComplete,
            modified: now,
            rows: 0,
            error: None,
            total_ms: 0,
            object: object.to_owned(),
            sets: Vec::new(),
            end: 0,
        };
        let job = Arc::new(QueryJob {
            id,
            spec,
            user,
            created: now,
            version: version.to_owned(),
            status: Mutex::new(status),
            folder: self.folder.clone(),
            set_rows: self.set_rows,
        });
        job.change(|_| ())?;
        write(&self.jobs).insert(id.short().to_owned(), Arc::clone(&job));
        Ok(job)
    }

    /// Finds a job by its id in either form.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<QueryJob>> {
        let id = RecordId::parse(id)?;
        read(&self.jobs).get(id.short()).cloned()
    }

    /// All jobs, by id.
    pub(crate) fn all(&self) -> Vec<Arc<QueryJob>> {
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
    pub(crate) fn remove(&self, job: &QueryJob) -> io::Result<()> {
        write(&self.jobs).remove(job.id.short());
        remove_file(&job.file("json"))?;
        remove_file(&job.file("csv"))
    }
}
