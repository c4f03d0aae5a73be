//! Before a phase: are the records that its rows would hang on still there?
//!
//! In: the ledgers that a load reads. Out: the ledgers in line with the org, and what is dead, for the outbox. Each ledger is
//! looked after at most once a minute.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, StringArray};

use super::context::Context;
use super::small_table::{form, of_columns};
use crate::error::Error;
use crate::load;
use crate::project::QueryKind;
use crate::rows::{Dead, Identity};
use crate::staging::{Manifest, Staging};

/// How long an answer of the org is good.
const FRESH: Duration = Duration::from_secs(60);

/// What is known of records that landed.
#[derive(Debug, Default)]
pub(crate) struct Liveness {
    looked: HashMap<String, Instant>,
    by_load: BTreeMap<String, Dead>,
    dead: Dead,
}

impl Liveness {
    /// Records on which nothing is hung.
    pub(crate) fn dead(&self) -> &Dead {
        &self.dead
    }

    /// A load has just been answered: what it made is there.
    pub(crate) fn landed(&mut self, load: &str) {
        self.looked.insert(load.to_owned(), Instant::now());
    }

    /// Asks the org about the ledgers of these loads, as far as there are some.
    pub(crate) async fn refresh(
        &mut self,
        context: &Context<'_>,
        loads: &[&str],
    ) -> Result<(), Error> {
        let fresh = |looked: &Instant| looked.elapsed() < FRESH;
        let is_due = |load: &&&str| !self.looked.get(**load).is_some_and(fresh);
        let due: Vec<&str> = loads.iter().filter(is_due).copied().collect();
        if due.is_empty() {
            return Ok(());
        }
        let snapshot = context.staging().snapshot().await?;
        let mut changed = false;
        let mut merged = HashMap::new();
        for load in due {
            if snapshot
                .get("ledger", load)
                .is_none_or(|ledger| ledger.rows == 0)
            {
                continue;
            }
            let Some(ledger) = ledger(context, load) else {
                continue;
            };
            let found = ledger.refresh().await?;
            merged.extend(found.merged);
            let dead = found.dead;
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
        if !merged.is_empty() {
            follow_keys(context, &merged).await?;
        }
        Ok(())
    }
}

/// Records that are known by ids of others (a contact's role on a deal) were hung on the record that one of those was merged
/// into: their ledgers say so from now on, so that none of them is made twice.
async fn follow_keys(
    context: &Context<'_>,
    merged: &HashMap<Identity, String>,
) -> Result<(), Error> {
    let staging = context.staging();
    let snapshot = staging.snapshot().await?;
    let name = "merged";
    let mut table = None;
    for file in context.resolved.loads() {
        let Some(ledger) = snapshot
            .get("ledger", &file.name)
            .filter(|ledger| ledger.rows > 0)
        else {
            continue;
        };
        let describe = context.describes.get(file.object());
        let is_reference = |key: &&String| {
            let field = describe.and_then(|describe| describe.field(key));
            field.is_some_and(|field| !field.reference_to.is_empty())
        };
        let names: Vec<String> = file.key.iter().filter(is_reference).cloned().collect();
        if names.is_empty() {
            continue;
        }
        if table.is_none() {
            table = Some(write_merged(staging, name, merged).await?);
        }
        let session = context.project.engine.session(staging, &snapshot)?;
        if let Some(table) = &table {
            session.register(staging, table)?;
        }
        load::move_keys(
            staging,
            &session,
            ledger,
            &file.key,
            &names,
            "ledger.merged",
        )
        .await?;
    }
    if let Some(table) = table {
        staging.remove(&table).await;
    }
    Ok(())
}

/// A table of merged records, never published: identity of the old one, id of the new one.
async fn write_merged(
    staging: &Staging,
    name: &str,
    merged: &HashMap<Identity, String>,
) -> Result<Manifest, Error> {
    let old = merged.keys().map(|id| String::from_utf8_lossy(id));
    let old: StringArray = old.map(Some).collect();
    let new: StringArray = merged.values().map(Some).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(old), Arc::new(new)];
    let schema = form(&["old", "new"], &[]);
    of_columns(staging, ("ledger", name), schema, columns).await
}

/// What the ledgers say, without a question to the org.
pub(crate) async fn known(context: &Context<'_>) -> Result<Dead, Error> {
    let mut dead = Dead::new();
    let snapshot = context.staging().snapshot().await?;
    for file in context.resolved.loads() {
        if snapshot
            .get("ledger", &file.name)
            .is_some_and(|ledger| ledger.rows > 0)
            && let Some(ledger) = ledger(context, &file.name)
        {
            dead.extend(ledger.dead().await?);
        }
    }
    Ok(dead)
}

pub(super) fn ledger<'a>(context: &'a Context<'_>, load: &str) -> Option<load::LedgerRefresh<'a>> {
    let file = context.resolved.queries.find(QueryKind::Load, load)?;
    Some(load::LedgerRefresh {
        staging: context.staging(),
        engine: &context.project.engine,
        client: &context.connection.client,
        load: &file.name,
        key: &file.key,
        describe: context.describes.get(file.object())?,
    })
}
