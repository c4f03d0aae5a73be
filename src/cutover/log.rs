//! The log of a cutover: what was shown, and who signed what when. Entries are numbered and nobody overwrites one.
//!
//! In: events. Out: `orgs/<org>/cutover/<number>.json`, made with create-only puts, each with the checksum of the one before
//! it, so that an entry that was altered, taken out or put in between is noticed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::CutoverError;
use crate::staging::{Staging, verified, with_checksum};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A step's evidence was shown to somebody.
    Shown {
        /// The step.
        step: String,
        /// What the evidence said.
        evidence: String,
        /// Its digest.
        digest: String,
    },
    /// A step was signed.
    Signed {
        /// The step.
        step: String,
        /// By whom.
        name: String,
        /// What the evidence said; none = a person's word.
        evidence: Option<String>,
        /// Its digest.
        digest: Option<String>,
    },
}

impl Event {
    /// The step that it is about.
    #[must_use]
    pub fn step(&self) -> &str {
        match self {
            Self::Shown { step, .. } | Self::Signed { step, .. } => step,
        }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// Digest of the entry before; empty for the first.
    pub before: String,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// All entries, oldest first.
#[derive(Clone, Debug)]
pub struct Log {
    staging: Staging,
    entries: Vec<Entry>,
    last: String,
}

impl Log {
    /// Reads the log of the organisation in view.
    ///
    /// # Errors
    /// [`CutoverError::Log`] where an entry is missing or was altered.
    pub async fn read(staging: &Staging) -> Result<Self, CutoverError> {
        let folder = staging.org_path(&["cutover"]);
        let mut log = Self {
            staging: staging.clone(),
            entries: Vec::new(),
            last: String::new(),
        };
        let mut names: Vec<String> = Vec::new();
        for path in staging.list(&folder).await? {
            let name = path.filename().unwrap_or_default().to_owned();
            if name.len() == 13 && name.ends_with(".json") {
                names.push(name);
            }
        }
        for (number, name) in (0..).zip(names) {
            let altered = || CutoverError::Log { number };
            if name != file(number) {
                return Err(altered());
            }
            let bytes = staging.read(&staging.org_path(&["cutover", &name])).await?;
            let entry: Entry = verified(&bytes, &name).map_err(|_| altered())?;
            if entry.before != log.last {
                return Err(altered());
            }
            log.last = digest(&bytes);
            log.entries.push(entry);
        }
        Ok(log)
    }

    /// Its entries.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The digest of a step's evidence when it was shown last.
    #[must_use]
    pub fn shown(&self, step: &str) -> Option<(&Entry, &str)> {
        self.entries
            .iter()
            .rev()
            .find_map(|entry| match &entry.event {
                Event::Shown {
                    step: other,
                    digest,
                    ..
                } if other == step => Some((entry, digest.as_str())),
                _ => None,
            })
    }

    /// Who signed a step last.
    #[must_use]
    pub fn signed(&self, step: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| {
            matches!(&entry.event, Event::Signed { .. }) && entry.event.step() == step
        })
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// [`CutoverError::Busy`] if somebody else was quicker.
    pub async fn add(&mut self, event: Event) -> Result<(), CutoverError> {
        let entry = Entry {
            at: Utc::now(),
            before: self.last.clone(),
            event,
        };
        let number = self.entries.len() as u64;
        let name = file(number);
        let bytes = with_checksum(&entry, &name).map_err(|_| CutoverError::Log { number })?;
        let path = self.staging.org_path(&["cutover", &name]);
        let last = digest(&bytes);
        if !self.staging.create_object(&path, bytes.into()).await? {
            return Err(CutoverError::Busy);
        }
        self.last = last;
        self.entries.push(entry);
        Ok(())
    }
}

fn file(number: u64) -> String {
    format!("{number:08}.json")
}

fn digest(bytes: &[u8]) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(bytes))
}
