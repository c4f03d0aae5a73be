//! The job journal: what was about to be done, and what came of it, in numbered entries that nobody overwrites.
//!
//! In: events. Out: `orgs/<org>/journal/<run>/<number>.json`, made with create-only puts, so that after a process
//! crash the next run knows every job that may exist. Safe against a crash of the process; against loss of power
//! only where the store is durable (`engine-notes.md` 6).

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::LoadError;
use crate::staging::{DataFile, Manifest, Staging, verified, with_checksum};

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
    },
    /// The run ended.
    RunFinished {
        /// When.
        at: DateTime<Utc>,
        /// `ok`, `gated`, `held`, `failed`.
        status: String,
    },
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
    /// Id of the user who loads.
    pub user: &'a str,
    /// Digests of the staged tables that it reads.
    pub sources: BTreeMap<String, String>,
    /// The runs that a rollback takes back.
    pub undoes: &'a [String],
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
    /// Whether the run came to its end.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.events
            .iter()
            .any(|event| matches!(event, Event::RunFinished { .. }))
    }
}

impl Journal {
    /// Starts the journal of a new run.
    ///
    /// # Errors
    /// [`LoadError::Staging`].
    pub async fn start(staging: &Staging, start: RunStart<'_>) -> Result<Self, LoadError> {
        let now = Utc::now();
        let run = format!(
            "{}-{:04x}",
            now.format("%Y%m%dT%H%M%SZ"),
            rand::random::<u16>()
        );
        let journal = Self::open(staging, &run, 0);
        journal
            .record(&Event::RunStarted {
                at: now,
                target: start.target.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                user: Some(start.user.to_owned()),
                sources: start.sources,
                undoes: start.undoes.to_vec(),
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
            let name = format!("{:08}.json", *next);
            let body = with_checksum(event, &place(&self.run, &name)).map_err(|error| {
                LoadError::ReadJournal {
                    path: self.run.clone(),
                    source: error.into(),
                }
            })?;
            let path = self.staging.org_path(&["journal", &self.run, &name]);
            *next += 1;
            if self.staging.create_object(&path, body.into()).await? {
                return Ok(());
            }
        }
    }

    /// All runs against the organisation in view, oldest first.
    ///
    /// # Errors
    /// [`LoadError::ReadJournal`], [`LoadError::Staging`].
    pub async fn runs(staging: &Staging) -> Result<Vec<RunRecord>, LoadError> {
        let mut runs: Vec<RunRecord> = Vec::new();
        for path in staging.list(&staging.org_path(&["journal"])).await? {
            let parts: Vec<_> = path.parts().collect();
            let [.., run, name] = parts.as_slice() else {
                continue;
            };
            let event = Self::entry(staging, &path, run.as_ref(), name.as_ref()).await?;
            match runs.last_mut() {
                Some(last) if last.run == run.as_ref() => last.events.push(event),
                _ => runs.push(RunRecord {
                    run: run.as_ref().to_owned(),
                    events: vec![event],
                }),
            }
            let known = runs.last().map_or(0, |last| last.events.len());
            let expected = format!("{:08}.json", known - 1);
            if name.as_ref() != expected {
                return Err(LoadError::JournalGap {
                    run: run.as_ref().to_owned(),
                    missing: expected,
                });
            }
        }
        Ok(runs)
    }

    async fn entry(
        staging: &Staging,
        path: &Path,
        run: &str,
        name: &str,
    ) -> Result<Event, LoadError> {
        let bytes = staging.read(path).await?;
        verified(&bytes, &place(run, name)).map_err(|source| LoadError::ReadJournal {
            path: path.to_string(),
            source,
        })
    }

    /// The first entry of a run.
    ///
    /// # Errors
    /// [`LoadError::ReadJournal`], [`LoadError::Staging`].
    pub async fn first(staging: &Staging, run: &str) -> Result<Event, LoadError> {
        let name = "00000000.json";
        let path = staging.org_path(&["journal", run, name]);
        Self::entry(staging, &path, run, name).await
    }
}

/// A manifest over files of attempts that are not published yet.
pub(super) fn attempts_manifest(
    load: &str,
    schema: arrow::datatypes::SchemaRef,
    files: Vec<DataFile>,
) -> Manifest {
    Manifest {
        schema_name: "ledger".to_owned(),
        table: format!("new_{load}"),
        version: 0,
        published_at: Utc::now(),
        rows: files.iter().map(|file| file.rows).sum(),
        files,
        sorted_by: Vec::new(),
        counts: BTreeMap::new(),
        schema,
    }
}
