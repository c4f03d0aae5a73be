//! Who may write to a staging area: one command at a time.
//!
//! In: a staging area. Out: a [`Lease`] that is renewed while it is held, or the name of who holds it. Leases are numbered
//! objects made with create-only puts, so that of two who want the next number one gets it. A lease is stale when its process
//! is gone (on this machine) or has not renewed it for a minute; whoever takes it over makes the next number, and an old holder
//! that wakes up finds it there and stops.

use std::time::Duration;

use chrono::{DateTime, Utc};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Refusal, Staging, StagingError};

/// How long a lease holds without being renewed.
const TTL: Duration = Duration::from_secs(60);

/// How often it is renewed.
const BEAT: Duration = Duration::from_secs(10);

const FOLDER: &str = "lease";

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Command, such as `run`.
    pub command: String,
    /// Machine.
    pub host: String,
    /// Process id there.
    pub pid: u32,
    /// What tells this process from a later one of the same id: start of the machine and of the process.
    pub started: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Tells this asking from any other.
    #[serde(default)]
    token: u64,
}

impl Holder {
    fn this(command: &str) -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let pid = std::process::id();
        Self {
            command: command.to_owned(),
            host: host.trim().to_owned(),
            pid,
            started: started(pid).unwrap_or_default(),
            since: Utc::now(),
            token: rand::random(),
        }
    }

    /// Whether the process is known to be gone: it ran on this machine, and what has its id now is not it.
    fn is_gone(&self) -> bool {
        let here = Self::this("");
        let same_machine = !self.host.is_empty() && self.host == here.host;
        same_machine
            && !self.started.is_empty()
            && started(self.pid).as_ref() != Some(&self.started)
    }
}

/// Boot of the machine and start of the process, where the system tells.
fn started(pid: u32) -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command in parentheses may hold blanks; the start is the 20th field behind it.
    let (_, behind) = stat.rsplit_once(')')?;
    let state = behind.split_whitespace().next()?;
    let start = behind.split_whitespace().nth(19)?;
    (state != "Z").then(|| format!("{} {start}", boot.trim()))
}

/// The right to write to a staging area. Given back by [`Lease::release`]; one that is only dropped ends with its process.
#[derive(Debug)]
pub struct Lease {
    staging: Staging,
    number: u64,
    /// Renews it; ends with it.
    beat: JoinSet<()>,
    lost: CancellationToken,
}

impl Staging {
    /// Takes the lease of this area for a command.
    ///
    /// # Errors
    /// [`StagingError::Held`] names who has it.
    pub async fn lease(&self, command: &str) -> Result<Lease, StagingError> {
        let newest = self.newest_lease().await?;
        if let Some(number) = newest
            && let Some(holder) = self.holder(number).await?
        {
            return Err(StagingError::Held {
                holder: Box::new(holder),
            });
        }
        let number = newest.map_or(1, |number| number + 1);
        let body = serde_json::to_vec(&Holder::this(command)).unwrap_or_default();
        if !self
            .create_object(&self.lease_path(number, "json"), body.into())
            .await?
        {
            let other = self.holder(number).await?;
            return Err(StagingError::Held {
                holder: Box::new(other.unwrap_or_else(|| Holder::this("another command"))),
            });
        }
        self.ensure_create_only(number).await?;
        for path in self.list(&self.absolute(FOLDER)).await? {
            if number_of(&path).is_some_and(|old| old < number) {
                self.delete(&path).await?;
            }
        }
        let lost = CancellationToken::new();
        let (staging, token) = (self.clone(), lost.clone());
        let mut beat = JoinSet::new();
        beat.spawn(async move {
            let mut clock = tokio::time::interval(BEAT);
            loop {
                clock.tick().await;
                let path = staging.lease_path(number, "beat");
                let now = Utc::now().to_rfc3339();
                // A beat that fails is tried again; the lease lasts for several.
                let beaten = staging.write_document(&path, now.into()).await;
                let newest = staging.newest_lease().await;
                if let (Ok(()), Ok(Some(newest))) = (beaten, newest)
                    && newest > number
                {
                    staging.current.set_alone(false);
                    token.cancel();
                    return;
                }
            }
        });
        self.current.set_alone(true);
        Ok(Lease {
            staging: self.clone(),
            number,
            beat,
            lost,
        })
    }

    /// Makes sure that the store does not replace the lease just made by another: one that takes no notice of the condition would
    /// let two commands write at once.
    async fn ensure_create_only(&self, number: u64) -> Result<(), StagingError> {
        if self.is_local() {
            return Ok(());
        }
        let path = self.lease_path(number, "json");
        let own = self.read(&path).await?;
        let body = serde_json::to_vec(&Holder::this("probe")).unwrap_or_default();
        if !self.create_object(&path, body.into()).await? {
            return Ok(());
        }
        // Whoever else was let in has not begun, nor does this command.
        self.write_document(&path, own).await?;
        self.write_document(&self.lease_path(number, "released"), bytes::Bytes::new())
            .await?;
        Err(StagingError::Refused {
            refusal: Refusal::NoCreateOnly,
            place: self.place(&path),
            source: None,
        })
    }

    fn lease_path(&self, number: u64, kind: &str) -> Path {
        self.absolute(&format!("{FOLDER}/{number:08}.{kind}"))
    }

    /// Who is at work on this area, as far as it can be seen without writing anything: a holder on another machine that stopped
    /// renewing its lease is among them.
    ///
    /// # Errors
    /// The area cannot be read.
    pub async fn at_work(&self) -> Result<Option<Holder>, StagingError> {
        let Some(number) = self.newest_lease().await? else {
            return Ok(None);
        };
        self.written_holder(number).await
    }

    async fn newest_lease(&self) -> Result<Option<u64>, StagingError> {
        let paths = self.list(&self.absolute(FOLDER)).await?;
        let leases = paths.iter().filter(|path| path.extension() == Some("json"));
        Ok(leases.filter_map(number_of).max())
    }

    /// Who wrote a lease; none if it was given back or its process is gone.
    async fn written_holder(&self, number: u64) -> Result<Option<Holder>, StagingError> {
        if self.exists(&self.lease_path(number, "released")).await? {
            return Ok(None);
        }
        let holder: Option<Holder> = match self.read(&self.lease_path(number, "json")).await {
            Ok(bytes) => serde_json::from_slice(&bytes).ok(),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        Ok(holder.filter(|holder| !holder.is_gone()))
    }

    /// Who holds a lease; none if it was given back or is stale.
    async fn holder(&self, number: u64) -> Result<Option<Holder>, StagingError> {
        let path = self.lease_path(number, "json");
        let Some(holder) = self.written_holder(number).await? else {
            return Ok(None);
        };
        // The store's clock writes both times.
        let mut renewed = self.modified(&path).await?;
        if let Some(beat) = self.modified(&self.lease_path(number, "beat")).await? {
            renewed = renewed.max(Some(beat));
        }
        let probe = self.absolute(&format!("{FOLDER}/now"));
        self.write_document(&probe, bytes::Bytes::new()).await?;
        let now = self.modified(&probe).await?;
        let fresh = match (renewed, now) {
            (Some(renewed), Some(now)) => {
                (now - renewed).to_std().is_ok_and(|age| age < TTL) || now < renewed
            }
            _ => true,
        };
        Ok(fresh.then_some(holder))
    }

    async fn exists(&self, path: &Path) -> Result<bool, StagingError> {
        Ok(self.modified(path).await?.is_some())
    }

    async fn modified(&self, path: &Path) -> Result<Option<DateTime<Utc>>, StagingError> {
        match self.store().head(path).await {
            Ok(meta) => Ok(Some(meta.last_modified)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(StagingError::read(path, source)),
        }
    }
}

impl Lease {
    /// Cancelled when somebody else has taken the lease over.
    #[must_use]
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// [`StagingError::WriteObject`]; it ends with the process then.
    pub async fn release(mut self) -> Result<(), StagingError> {
        self.beat.shutdown().await;
        self.staging.current.set_alone(false);
        let path = self.staging.lease_path(self.number, "released");
        let payload = PutPayload::default();
        self.staging
            .store()
            .put(&path, payload)
            .await
            .map_err(|source| StagingError::write(&path, source))?;
        Ok(())
    }
}

fn number_of(path: &Path) -> Option<u64> {
    path.filename()?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area() -> (tempfile::TempDir, Staging) {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::open(&folder.path().to_string_lossy()).unwrap();
        (folder, staging)
    }

    #[tokio::test]
    async fn one_command_at_a_time() {
        let (_folder, staging) = area();
        let lease = staging.lease("run").await.unwrap();
        let refused = staging.lease("rollback").await.unwrap_err();
        let StagingError::Held { holder } = refused else {
            panic!("{refused}");
        };
        assert_eq!(
            (holder.command.as_str(), holder.pid),
            ("run", std::process::id())
        );
        lease.release().await.unwrap();
        staging
            .lease("rollback")
            .await
            .unwrap()
            .release()
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn of_many_who_ask_at_once_one_gets_it() {
        let (_folder, staging) = area();
        let asked = (0..8).map(|_| staging.lease("run"));
        let got = futures::future::join_all(asked).await;
        assert_eq!(got.iter().filter(|lease| lease.is_ok()).count(), 1);
    }

    #[tokio::test]
    async fn the_lease_of_a_process_that_is_gone_is_taken_over() {
        let (_folder, staging) = area();
        let dead = Holder {
            started: "another boot 1".to_owned(),
            ..Holder::this("run")
        };
        let body = serde_json::to_vec(&dead).unwrap();
        let path = staging.lease_path(1, "json");
        assert!(staging.create_object(&path, body.into()).await.unwrap());
        let lease = staging.lease("run").await.unwrap();
        assert_eq!(lease.number, 2);
    }

    #[tokio::test]
    async fn the_lease_of_another_machine_holds_while_it_is_renewed() {
        let (_folder, staging) = area();
        let other = Holder {
            host: "another machine".to_owned(),
            ..Holder::this("run")
        };
        let body = serde_json::to_vec(&other).unwrap();
        let path = staging.lease_path(1, "json");
        assert!(staging.create_object(&path, body.into()).await.unwrap());
        assert!(matches!(
            staging.lease("run").await,
            Err(StagingError::Held { .. })
        ));
    }
}
