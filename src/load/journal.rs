//! The job journal: what was about to be done, and what came of it, in numbered entries that nobody overwrites.
//!
//! In: events. Out: `orgs/<org>/journal/<run>/<number>.json`, made with create-only puts, so that after a process
//! crash the next run knows every job that may exist. Safe against a crash of the process, and against loss of power: an entry in a
//! folder is on the disk before it counts (`guide/engine.md` 6).

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::LoadError;
use crate::config::Sample;
use crate::rows::RunStatus;
use crate::staging::{DataFile, Staging, verified, with_checksum};

/// One journal entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run began.
    RunStarted {
        /// When.
        at: DateTime<Utc>,
        /// Destination's name in `migration.toml`.
        target: String,
        /// Version of the program.
        version: String,
        /// Id of the user who loads.
        #[serde(default)]
        user: Option<String>,
        /// Digests of the staged tables that it reads.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        sources: BTreeMap<String, String>,
        /// The runs that this one takes back, if it is a rollback.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        undoes: Vec<String>,
        /// The people that take part, if not all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sample: Option<Sample>,
        /// Name of the rules that it runs by, kept beside the journals.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rules: Option<String>,
    },
    /// A phase's outbox is fixed and its first job may be opened.
    PhaseStarted {
        /// The load.
        load: String,
        /// Salesforce object.
        object: String,
        /// Table with the rows to send, `outbox.<load>` if not named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        table: Option<String>,
        /// Its version.
        outbox: u64,
        /// Key columns.
        key: Vec<String>,
        /// Parts to send.
        parts: usize,
        /// Rows to send.
        #[serde(default)]
        rows: u64,
        /// When.
        #[serde(default)]
        at: DateTime<Utc>,
    },
    /// A job is about to be created.
    Intent {
        /// The load.
        load: String,
        /// Path of the part.
        part: String,
        /// Counts up per part.
        attempt: u32,
        /// Salesforce object.
        object: String,
        /// Bulk operation.
        operation: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// The job exists.
    Created {
        /// The load.
        load: String,
        /// Path of the part.
        part: String,
        /// Counts up per part.
        attempt: u32,
        /// Job id.
        job: String,
    },
    /// A request over REST that creates records is about to go out.
    Sending {
        /// The load.
        load: String,
        /// Path of the part.
        part: String,
        /// Counts up per part.
        attempt: u32,
        /// Place of its first row in the part.
        first: u64,
        /// Its rows.
        rows: u64,
        /// What the server's clock said before.
        since: DateTime<Utc>,
    },
    /// A request over REST was answered; the rows of its file come in the part's order.
    Answered {
        /// The load.
        load: String,
        /// Path of the part.
        part: String,
        /// Counts up per part.
        attempt: u32,
        /// Files of attempts.
        files: Vec<DataFile>,
    },
    /// Every row of the part has an answer, stored in a file of attempts.
    Done {
        /// The load.
        load: String,
        /// Path of the part.
        part: String,
        /// Counts up per part.
        attempt: u32,
        /// Job id.
        job: String,
        /// Files of attempts.
        files: Vec<DataFile>,
    },
    /// Rows that may land next time were cut into new parts.
    Again {
        /// The load.
        load: String,
        /// Attempt that the parts are for.
        attempt: u32,
        /// The new parts.
        parts: Vec<DataFile>,
        /// When.
        at: DateTime<Utc>,
    },
    /// The job will not be read again; its part is sent anew.
    Abandoned {
        /// The load.
        load: String,
        /// Path of the part.
        part: String,
        /// Counts up per part.
        attempt: u32,
    },
    /// The ledger has every answer of the phase.
    PhaseLoaded {
        /// The load.
        load: String,
        /// When.
        #[serde(default)]
        at: DateTime<Utc>,
    },
    /// The phase's report.
    PhaseReported {
        /// The load.
        load: String,
        /// As in the run's summary.
        report: serde_json::Value,
        /// Whether the gate let the next phase begin.
        passed: bool,
        /// Why not; journals of earlier versions do not say.
        #[serde(default)]
        reasons: Vec<String>,
        /// How long its steps took; journals of earlier versions do not say.
        #[serde(default)]
        took: Option<Took>,
    },
    /// Records whose rows the source no longer has were left as they are, since they are more than may go without a question.
    GoneHeld {
        /// The load.
        load: String,
        /// How many of its records wait.
        records: u64,
    },
    /// The run ended.
    RunFinished {
        /// When.
        at: DateTime<Utc>,
        /// How.
        status: RunStatus,
    },
}

/// How long the steps of a phase took, in milliseconds of this machine's clock that never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Took {
    /// Until its rows were written: the transform, what the org says of records that are known.
    pub prepare: u64,
    /// Until every row had its answer.
    pub send: u64,
    /// Until it was read back, compared and reported.
    pub check: u64,
}

impl Took {
    /// Of three steps behind each other.
    #[must_use]
    pub fn new(steps: [std::time::Duration; 3]) -> Self {
        let [prepare, send, check] =
            steps.map(|step| u64::try_from(step.as_millis()).unwrap_or(u64::MAX));
        Self {
            prepare,
            send,
            check,
        }
    }
}

/// Where an entry stands, as its checksum has it.
fn place(run: &str, name: &str) -> String {
    format!("{run}/{name}")
}

/// The journal of one run.
#[derive(Clone, Debug)]
pub struct Journal {
    staging: Staging,
    run: String,
    next: Arc<Mutex<u64>>,
}

/// What a run begins with.
#[derive(Clone, Debug, Default)]
pub struct RunStart<'a> {
    /// Destination's name in `migration.toml`.
    pub target: &'a str,
    /// When it begins, by the server's clock; by default by this machine's.
    pub at: Option<DateTime<Utc>>,
    /// Id of the user who loads.
    pub user: &'a str,
    /// Digests of the staged tables that it reads.
    pub sources: BTreeMap<String, String>,
    /// The runs that a rollback takes back.
    pub undoes: &'a [String],
    /// The people that take part, if not all of them.
    pub sample: Option<Sample>,
    /// Name of the rules that it runs by, if it runs by any.
    pub rules: Option<String>,
}

/// One run as the journal tells it.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// Run id.
    pub run: String,
    /// Its entries in order.
    pub events: Vec<Event>,
}

impl RunRecord {
    /// How the run ended; none if it did not.
    #[must_use]
    pub fn ended(&self) -> Option<RunStatus> {
        self.events.iter().rev().find_map(|event| match event {
            Event::RunFinished { status, .. } => Some(*status),
            _ => None,
        })
    }
}

/// A run whose entries are there, none of them missing, and not read yet.
#[derive(Clone, Debug)]
pub struct RunOutline {
    /// Run id.
    pub run: String,
    entries: u64,
}

impl RunOutline {
    /// The first entry.
    ///
    /// # Errors
    /// [`LoadError::ReadJournal`], [`LoadError::Staging`].
    pub async fn first(&self, staging: &Staging) -> Result<Event, LoadError> {
        entry(staging, &self.run, 0).await
    }

    /// The last entry: [`Event::RunFinished`] where the run came to its end.
    async fn last(&self, staging: &Staging) -> Result<Event, LoadError> {
        entry(staging, &self.run, self.entries - 1).await
    }

    /// How the run ended; none if it did not.
    ///
    /// # Errors
    /// [`LoadError::ReadJournal`], [`LoadError::Staging`].
    pub async fn ended(&self, staging: &Staging) -> Result<Option<RunStatus>, LoadError> {
        match self.last(staging).await? {
            Event::RunFinished { status, .. } => Ok(Some(status)),
            // A process that lost its lease may have written behind the end.
            _ => Ok(self.read(staging).await?.ended()),
        }
    }

    /// All entries.
    ///
    /// # Errors
    /// [`LoadError::ReadJournal`], [`LoadError::Staging`].
    pub async fn read(&self, staging: &Staging) -> Result<RunRecord, LoadError> {
        let mut events = Vec::new();
        for number in 0..self.entries {
            events.push(entry(staging, &self.run, number).await?);
        }
        Ok(RunRecord {
            run: self.run.clone(),
            events,
        })
    }
}

/// How the name of a run begins.
const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// The name of a run that begins at `now`, behind that of the last one: the names' order is that of the runs, also where a clock
/// went back or two runs begin within a second.
fn run_name(now: DateTime<Utc>, last: Option<&str>) -> String {
    let stamp = |name: &str| {
        let (stamp, _) = name.rsplit_once('-')?;
        let parsed = NaiveDateTime::parse_from_str(stamp, STAMP).ok()?;
        Some(parsed.and_utc() + Duration::seconds(1))
    };
    let now = last.and_then(stamp).map_or(now, |next| now.max(next));
    format!("{}-{:04x}", now.format(STAMP), rand::random::<u16>())
}

/// Name of an entry.
fn entry_name(number: u64) -> String {
    format!("{number:08}.json")
}

/// Run and number of an entry; none for any other file.
fn entry_of(folder: &Path, path: &Path) -> Option<(String, u64)> {
    let mut parts = path.prefix_match(folder)?;
    let run = parts.next()?.as_ref().to_owned();
    let name = parts.next()?.as_ref().to_owned();
    let number = name.strip_suffix(".json")?.parse().ok()?;
    (parts.next().is_none() && name == entry_name(number)).then_some((run, number))
}

async fn entry(staging: &Staging, run: &str, number: u64) -> Result<Event, LoadError> {
    let name = entry_name(number);
    let path = staging.org_path(&["journal", run, &name]);
    let bytes = staging.read(&path).await?;
    verified(&bytes, &place(run, &name)).map_err(|source| LoadError::ReadJournal {
        path: path.to_string(),
        source,
    })
}

impl Journal {
    /// Starts the journal of a new run.
    ///
    /// # Errors
    /// [`LoadError::Staging`].
    pub async fn start(staging: &Staging, start: RunStart<'_>) -> Result<Self, LoadError> {
        let now = start.at.unwrap_or_else(Utc::now);
        let last = Self::last_run(staging).await?;
        let run = run_name(now, last.as_deref());
        let journal = Self::open(staging, &run, 0);
        journal
            .record(&Event::RunStarted {
                at: now,
                target: start.target.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                user: Some(start.user.to_owned()),
                sources: start.sources,
                undoes: start.undoes.to_vec(),
                sample: start.sample,
                rules: start.rules,
            })
            .await?;
        Ok(journal)
    }

    /// Goes on writing the journal of `run` behind its first `entries` entries.
    #[must_use]
    pub fn open(staging: &Staging, run: &str, entries: u64) -> Self {
        Self {
            staging: staging.clone(),
            run: run.to_owned(),
            next: Arc::new(Mutex::new(entries)),
        }
    }

    /// Run id.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Writes an entry; returns once the store has it.
    ///
    /// # Errors
    /// [`LoadError::Staging`].
    pub async fn record(&self, event: &Event) -> Result<(), LoadError> {
        let mut next = self.next.lock().await;
        loop {
            let name = entry_name(*next);
            let path = self.staging.org_path(&["journal", &self.run, &name]);
            let body = with_checksum(event, &place(&self.run, &name)).map_err(|error| {
                LoadError::ReadJournal {
                    path: self.run.clone(),
                    source: error.into(),
                }
            })?;
            if self.staging.create_object(&path, body.into()).await? {
                *next += 1;
                return Ok(());
            }
            // What a loss of power left of an entry takes no place.
            if self.staging.is_empty(&path).await? {
                self.staging.delete(&path).await?;
            } else {
                *next += 1;
            }
        }
    }

    /// All runs against the organisation in view, oldest first. A listing tells them, and that no entry is missing inside
    /// one; nothing is read. Files that are no entries are ignored, and so are empty ones behind the last entry.
    ///
    /// # Errors
    /// [`LoadError::JournalGap`], [`LoadError::Staging`].
    pub async fn outlines(staging: &Staging) -> Result<Vec<RunOutline>, LoadError> {
        let mut runs: Vec<(RunOutline, Vec<Path>)> = Vec::new();
        let folder = staging.org_path(&["journal"]);
        for object in staging.objects(&folder).await? {
            let Some((run, number)) = entry_of(&folder, &object.location) else {
                staging.ignore(&object.location);
                continue;
            };
            if runs.last().is_none_or(|(last, _)| last.run != run) {
                let entries = 0;
                runs.push((RunOutline { run, entries }, Vec::new()));
            }
            let Some((run, empty)) = runs.last_mut() else {
                continue;
            };
            if object.size == 0 {
                empty.push(object.location);
                continue;
            }
            // One that is empty between others was written and is lost.
            if number != run.entries || !empty.is_empty() {
                return Err(LoadError::JournalGap {
                    run: run.run.clone(),
                    missing: entry_name(run.entries),
                });
            }
            run.entries += 1;
        }
        let empty = runs.iter().flat_map(|(_, empty)| empty);
        empty.for_each(|path| staging.ignore(path));
        let runs = runs.into_iter().map(|(run, _)| run);
        Ok(runs.filter(|run| run.entries > 0).collect())
    }

    /// Runs that did not come to their end, oldest first. Of all others only the last entry is read.
    ///
    /// # Errors
    /// [`LoadError::ReadJournal`], [`LoadError::JournalGap`], [`LoadError::Staging`].
    pub async fn unfinished(staging: &Staging) -> Result<Vec<RunRecord>, LoadError> {
        let mut open = Vec::new();
        for run in Self::outlines(staging).await? {
            if matches!(run.last(staging).await?, Event::RunFinished { .. }) {
                continue;
            }
            // A process that lost its lease may have written behind the end.
            let record = run.read(staging).await?;
            if record.ended().is_none() {
                open.push(record);
            }
        }
        Ok(open)
    }

    /// All runs against the organisation in view with all their entries, oldest first.
    ///
    /// # Errors
    /// [`LoadError::ReadJournal`], [`LoadError::JournalGap`], [`LoadError::Staging`].
    pub async fn runs(staging: &Staging) -> Result<Vec<RunRecord>, LoadError> {
        let mut runs = Vec::new();
        for run in Self::outlines(staging).await? {
            runs.push(run.read(staging).await?);
        }
        Ok(runs)
    }

    /// Id of the last run.
    ///
    /// # Errors
    /// [`LoadError::JournalGap`], [`LoadError::Staging`].
    pub async fn last_run(staging: &Staging) -> Result<Option<String>, LoadError> {
        Ok(Self::outlines(staging).await?.pop().map(|last| last.run))
    }

    /// The first run that began at `since` or later, and when.
    ///
    /// # Errors
    /// [`LoadError::ReadJournal`], [`LoadError::JournalGap`], [`LoadError::Staging`].
    pub async fn first_since(
        staging: &Staging,
        since: DateTime<Utc>,
    ) -> Result<Option<(String, DateTime<Utc>)>, LoadError> {
        let mut first = None;
        // From the last one on, so that old journals are not read.
        for outline in Self::outlines(staging).await?.into_iter().rev() {
            match outline.first(staging).await? {
                Event::RunStarted { at, .. } if at >= since => first = Some((outline.run, at)),
                _ => break,
            }
        }
        Ok(first)
    }

    /// The first entry of a run.
    ///
    /// # Errors
    /// [`LoadError::ReadJournal`], [`LoadError::Staging`].
    pub async fn first(staging: &Staging, run: &str) -> Result<Event, LoadError> {
        entry(staging, run, 0).await
    }
}
