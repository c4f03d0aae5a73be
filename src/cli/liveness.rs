//! Before a phase: are the records that its rows would hang on still there?
//!
//! In: the ledgers that a load reads. Out: the ledgers in line with the org, and what is dead, for the outbox. Each ledger is
//! looked after at most once a minute.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::context::{Connection, Project};
use super::pipeline::Flow;
use crate::error::Error;
use crate::load;
use crate::project::Kind;
use crate::rows::Dead;
use crate::salesforce::ObjectDescribe;

/// How long an answer of the org is good.
const FRESH: Duration = Duration::from_secs(60);

/// What is known of records that landed.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    looked: HashMap<String, Instant>,
    by_load: BTreeMap<String, Dead>,
    dead: Dead,
}

impl Liveness {
    /// Records on which nothing is hung.
    pub(super) fn dead(&self) -> &Dead {
        &self.dead
    }

    /// A load has just been answered: what it made is there.
    pub(super) fn landed(&mut self, load: &str) {
        self.looked.insert(load.to_owned(), Instant::now());
    }

    /// Asks the org about the ledgers of these loads, as far as there are some.
    pub(super) async fn look(
        &mut self,
        project: &Project,
        connection: &Connection,
        flow: &Flow,
        describes: &BTreeMap<String, ObjectDescribe>,
        loads: &[&str],
    ) -> Result<(), Error> {
        let fresh = |looked: &Instant| looked.elapsed() < FRESH;
        let is_due = |load: &&&str| !self.looked.get(**load).is_some_and(fresh);
        let due: Vec<&str> = loads.iter().filter(is_due).copied().collect();
        if due.is_empty() {
            return Ok(());
        }
        let snapshot = connection.staging.snapshot().await?;
        let mut changed = false;
        for load in due {
            if snapshot
                .get("ledger", load)
                .is_none_or(|ledger| ledger.rows == 0)
            {
                continue;
            }
            let Some(ledger) = ledger(project, connection, flow, describes, load) else {
                continue;
            };
            let dead = ledger.refresh().await?;
            self.looked.insert(load.to_owned(), Instant::now());
            let any = !dead.is_empty();
            let had = self.by_load.insert(load.to_owned(), dead);
            changed |= any || had.is_some_and(|had| !had.is_empty());
        }
        if changed {
            self.dead = self
                .by_load
                .values()
                .flatten()
                .map(|(&id, &word)| (id, word))
                .collect();
        }
        Ok(())
    }
}

/// What the ledgers say, without a question to the org.
pub(super) async fn known(
    project: &Project,
    connection: &Connection,
    flow: &Flow,
    describes: &BTreeMap<String, ObjectDescribe>,
) -> Result<Dead, Error> {
    let mut dead = Dead::new();
    let snapshot = connection.staging.snapshot().await?;
    for file in flow.loads() {
        if snapshot
            .get("ledger", &file.name)
            .is_some_and(|ledger| ledger.rows > 0)
            && let Some(ledger) = ledger(project, connection, flow, describes, &file.name)
        {
            dead.extend(ledger.dead().await?);
        }
    }
    Ok(dead)
}

fn ledger<'a>(
    project: &'a Project,
    connection: &'a Connection,
    flow: &'a Flow,
    describes: &'a BTreeMap<String, ObjectDescribe>,
    load: &str,
) -> Option<load::LedgerRefresh<'a>> {
    let file = flow.queries.find(Kind::Load, load)?;
    Some(load::LedgerRefresh {
        staging: &connection.staging,
        engine: &project.engine,
        client: &connection.client,
        load: &file.name,
        key: &file.key,
        describe: describes.get(file.object())?,
    })
}
