//! The log of a cutover: what was shown, and who signed what when. Entries are numbered and nobody overwrites one.
//!
//! In: events. Out: `orgs/<org>/cutover/<number>.json`, made with create-only puts, each with the checksum of the one before
//! it, so that an entry that was altered, taken out or put in between is noticed; `head.json` with how many there are and the
//! checksum of the last, so that this is noticed of the newest ones, too. Whoever may write there and puts back an older `head.json`
//! as well, or takes the whole folder, is not noticed: the head is told in the report, to be kept elsewhere.

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
        /// What it had to be; entries of earlier versions do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        threshold: Option<String>,
        /// Digest of the step's text, the threshold, the query and its answer.
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
        /// What it had to be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        threshold: Option<String>,
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
    /// Whether there was a head when it was written; not of entries of earlier versions.
    #[serde(default)]
    pub has_head: bool,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What the log has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// How many entries there are.
    pub entries: u64,
    /// Digest of the last one.
    pub last: String,
}

/// The head's file.
const HEAD: &str = "head.json";

/// All entries, oldest first.
#[derive(Clone, Debug)]
pub struct Log {
    staging: Staging,
    entries: Vec<Entry>,
    last: String,
    has_head: bool,
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
            has_head: false,
        };
        let mut names: Vec<String> = Vec::new();
        for path in staging.list(&folder).await? {
            let name = path.filename().unwrap_or_default().to_owned();
            if name.len() == 13 && name.ends_with(".json") {
                names.push(name);
            } else {
                log.has_head |= name == HEAD;
            }
        }
        let mut digests = Vec::with_capacity(names.len());
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
            digests.push(log.last.clone());
            log.entries.push(entry);
        }
        log.check(&digests).await?;
        Ok(log)
    }

    /// Whether the entries are those of the head. An entry behind it is one whose writer was killed before he wrote the head.
    async fn check(&self, digests: &[String]) -> Result<(), CutoverError> {
        let gone = |number: u64| Err(CutoverError::Log { number });
        let entries = digests.len() as u64;
        if !self.has_head {
            return match self.entries.iter().any(|entry| entry.has_head) {
                true => gone(entries),
                // Empty, or of an earlier version.
                false => Ok(()),
            };
        }
        let bytes = self
            .staging
            .read(&self.staging.org_path(&["cutover", HEAD]))
            .await?;
        let head: Head = verified(&bytes, HEAD).map_err(|_| CutoverError::Head)?;
        if head.entries > entries {
            return gone(entries);
        }
        let place = usize::try_from(head.entries).unwrap_or(usize::MAX);
        let last = place.checked_sub(1).and_then(|place| digests.get(place));
        match last.map_or("", String::as_str) == head.last {
            true => Ok(()),
            false => gone(head.entries.saturating_sub(1)),
        }
    }

    async fn write_head(&mut self) -> Result<(), CutoverError> {
        let head = with_checksum(&self.head(), HEAD).map_err(|_| CutoverError::Head)?;
        let path = self.staging.org_path(&["cutover", HEAD]);
        self.staging.write_document(&path, head.into()).await?;
        self.has_head = true;
        Ok(())
    }

    /// How many entries there are, and the digest of the last.
    #[must_use]
    pub fn head(&self) -> Head {
        Head {
            entries: self.entries.len() as u64,
            last: self.last.clone(),
        }
    }

    /// Its entries.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The digest of a step, its evidence included, when it was shown last.
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
        if !self.has_head {
            self.write_head().await?;
        }
        let entry = Entry {
            at: Utc::now(),
            before: self.last.clone(),
            has_head: true,
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
        self.write_head().await
    }
}

fn file(number: u64) -> String {
    format!("{number:08}.json")
}

fn digest(bytes: &[u8]) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(step: &str) -> Event {
        Event::Signed {
            step: step.to_owned(),
            name: "Ann".to_owned(),
            evidence: None,
            threshold: None,
            digest: None,
        }
    }

    /// A log of three entries; the path of a file of it.
    async fn written() -> (tempfile::TempDir, Staging, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_str().unwrap().to_owned();
        let staging = Staging::open(&place).unwrap().with_org("00D1");
        let mut log = Log::read(&staging).await.unwrap();
        for step in ["freeze", "delta", "go"] {
            log.add(signed(step)).await.unwrap();
        }
        assert_eq!(Log::read(&staging).await.unwrap().head(), log.head());
        let path = folder.path().join("orgs/00D1/cutover");
        (folder, staging, path)
    }

    async fn missing(staging: &Staging) -> u64 {
        match Log::read(staging).await {
            Err(CutoverError::Log { number }) => number,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn an_entry_that_is_gone_is_missed_whichever_it_is() {
        for number in 0..3 {
            let (_folder, staging, path) = written().await;
            std::fs::remove_file(path.join(file(number))).unwrap();
            assert_eq!(missing(&staging).await, number);
        }
        let (_folder, staging, path) = written().await;
        std::fs::remove_file(path.join(file(2))).unwrap();
        std::fs::remove_file(path.join(HEAD)).unwrap();
        assert_eq!(missing(&staging).await, 2, "with the head");
        std::fs::remove_file(path.join(file(1))).unwrap();
        assert_eq!(missing(&staging).await, 1, "all but the first");
    }

    #[tokio::test]
    async fn a_head_that_a_killed_process_did_not_write_is_written_with_the_next_entry() {
        let (_folder, staging, path) = written().await;
        let old = std::fs::read(path.join(HEAD)).unwrap();
        let mut log = Log::read(&staging).await.unwrap();
        log.add(signed("open")).await.unwrap();
        std::fs::write(path.join(HEAD), old).unwrap();
        let mut log = Log::read(&staging).await.unwrap();
        log.add(signed("hypercare")).await.unwrap();
        assert_eq!(Log::read(&staging).await.unwrap().head().entries, 5);
        std::fs::write(path.join(HEAD), "{}").unwrap();
        let error = Log::read(&staging).await.unwrap_err();
        assert!(matches!(error, CutoverError::Head), "{error:?}");
    }
}
