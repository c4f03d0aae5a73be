//! What became of records that are not what they were: the org's answer, followed to its end.
//!
//! | records | asked for |
//! |---|---|
//! | with a field for our key | those with a key that were deleted or merged since, and converted ones |
//! | known by ids of others, or by what they say: links, notes, comments, prices | those that were deleted since; the ledger has the ids of ours |
//! | of objects that tell of no deletion, or that want to be asked by their parent | ours that are there; the others are gone |
//!
//! In: a ledger with its object. Out: for each record of ours that was deleted, merged or converted what it is now, and the
//! record that it became; records of others may be among the deleted ones. Never: a successor that is gone itself.

use std::collections::{BTreeSet, HashMap};

use arrow::array::AsArray;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::{TryStreamExt, pin_mut};

use super::LoadError;
use super::liveness::{AllGone, Gone, IDS, LIVE, LedgerRefresh};
use crate::engine::Session;
use crate::rows::{Identity, Liveness, asked_by, identity};
use crate::salesforce::{QueryScope, Row, field_text};

/// What a merged record was merged into.
const MASTER: &str = "MasterRecordId";

/// Says that a record is in the recycle bin.
const DELETED: &str = "IsDeleted";

/// When a record was changed last, by whomever.
const STAMP: &str = "SystemModstamp";

/// What a converted lead became.
const CONTACT: &str = "ConvertedContactId";

impl LedgerRefresh<'_> {
    /// Records that were deleted or merged since, and converted ones, with what they are now.
    pub(super) async fn gone(
        &self,
        session: &Session,
        since: DateTime<Utc>,
    ) -> Result<AllGone, LoadError> {
        let mut gone = AllGone::new();
        let object = self.describe.name.as_str();
        let has = |name: &str| self.describe.field(name).is_some();
        let keyed = match self.key {
            [key] if has(key) => format!(" AND {key} != null"),
            _ => String::new(),
        };
        if !has(DELETED) || !has(STAMP) || asked_by(object).is_some() {
            self.not_there(session, &mut gone).await?;
        } else {
            let master = self.describe.field(MASTER).is_some();
            let soql = format!(
                "SELECT Id{} FROM {object} WHERE {DELETED} = true{keyed} AND {STAMP} >= {}",
                if master { ", MasterRecordId" } else { "" },
                since.to_rfc3339_opts(SecondsFormat::Secs, true),
            );
            let scope = QueryScope::WithDeletedAndArchived;
            let rows = self.client.query_in(&soql, scope);
            pin_mut!(rows);
            while let Some(row) = rows.try_next().await.map_err(self.read())? {
                let successor = named(&row, MASTER);
                let live = match successor {
                    Some(_) => Liveness::Merged,
                    None => Liveness::Deleted,
                };
                if let Some(id) = field_text(&row, "Id").as_deref().and_then(identity) {
                    gone.insert(
                        id,
                        Gone {
                            successor,
                            ..Gone::from(live)
                        },
                    );
                }
            }
            self.follow(object, Liveness::Merged, &mut gone).await?;
        }
        if has("IsConverted") {
            let soql =
                format!("SELECT Id, {CONTACT} FROM {object} WHERE IsConverted = true{keyed}");
            let rows = self.client.query(&soql);
            pin_mut!(rows);
            while let Some(row) = rows.try_next().await.map_err(self.read())? {
                let now = Gone {
                    successor: named(&row, CONTACT),
                    ..Gone::from(Liveness::Converted)
                };
                if let Some(id) = field_text(&row, "Id").as_deref().and_then(identity) {
                    gone.insert(id, now);
                }
            }
            self.convert_merged(object, &mut gone).await?;
            self.follow("Contact", Liveness::Converted, &mut gone)
                .await?;
        }
        Ok(gone)
    }

    /// What was merged into a record that was converted became the same Contact.
    async fn convert_merged(&self, object: &str, gone: &mut AllGone) -> Result<(), LoadError> {
        let is_merged = |gone: &&Gone| gone.live == Liveness::Merged;
        let merged = gone.values().filter(is_merged);
        let masters: BTreeSet<String> = merged.filter_map(|gone| gone.successor.clone()).collect();
        let masters: Vec<String> = masters.iter().map(|id| format!("'{id}'")).collect();
        let mut contacts: HashMap<Identity, Option<String>> = HashMap::new();
        for chunk in masters.chunks(IDS) {
            let soql = format!(
                "SELECT Id, {CONTACT} FROM {object} WHERE IsConverted = true AND Id IN ({})",
                chunk.join(", ")
            );
            let rows = self.client.query(&soql);
            pin_mut!(rows);
            while let Some(row) = rows.try_next().await.map_err(self.read())? {
                if let Some(id) = field_text(&row, "Id").as_deref().and_then(identity) {
                    contacts.insert(id, named(&row, CONTACT));
                }
            }
        }
        for gone in gone
            .values_mut()
            .filter(|gone| gone.live == Liveness::Merged)
        {
            let master = gone.successor.as_deref().and_then(identity);
            if let Some(contact) = master.and_then(|id| contacts.get(&id)) {
                gone.live = Liveness::Converted;
                gone.successor.clone_from(contact);
            }
        }
        Ok(())
    }

    /// What a record of the ledger is asked for by, as SQL: its id, or the parent that its object wants to be named.
    pub(super) fn asked(&self) -> String {
        match asked_by(&self.describe.name) {
            Some(field) => format!("l.\"{field}\""),
            None => "l.id".to_owned(),
        }
    }

    /// Which records can be read of those that are asked for by these ids.
    pub(super) async fn there(
        &self,
        asked: &BTreeSet<String>,
    ) -> Result<BTreeSet<Identity>, LoadError> {
        let object = self.describe.name.as_str();
        let field = asked_by(object).unwrap_or("Id");
        let mut there = BTreeSet::new();
        let ids: Vec<String> = asked.iter().map(|id| format!("'{id}'")).collect();
        for chunk in ids.chunks(IDS) {
            let list = chunk.join(", ");
            let soql = format!("SELECT Id FROM {object} WHERE {field} IN ({list})");
            let rows = self.client.query(&soql);
            pin_mut!(rows);
            while let Some(row) = rows.try_next().await.map_err(self.read())? {
                there.extend(field_text(&row, "Id").as_deref().and_then(identity));
            }
        }
        Ok(there)
    }

    /// Asks for the records that the ledger says are there; those that are not were deleted.
    async fn not_there(&self, session: &Session, gone: &mut AllGone) -> Result<(), LoadError> {
        let sql = format!(
            "select l.id, {} as asked from ledger.{} as l where l.id is not null and l.live = '{LIVE}'",
            self.asked(),
            self.load
        );
        let name = format!("records of {}", self.load);
        let mut rows = session.stream(&name, &sql, &[]).await?;
        while let Some(batch) = rows.next_batch().await? {
            let [ids, asked] = [0, 1].map(|column| batch.column(column).as_string::<i32>());
            let asked = asked.iter().flatten().map(str::to_owned).collect();
            let there = self.there(&asked).await?;
            let ids = ids.iter().flatten().filter_map(identity);
            let missing = ids.filter(|id| !there.contains(id));
            gone.extend(missing.map(|id| (id, Gone::from(Liveness::Deleted))));
        }
        Ok(())
    }

    /// Follows successors that were merged themselves; what came to a deleted record has none.
    async fn follow(
        &self,
        object: &str,
        live: Liveness,
        gone: &mut AllGone,
    ) -> Result<(), LoadError> {
        let wanted = gone.values().filter(|gone| gone.live == live);
        let mut open: BTreeSet<String> = wanted.filter_map(|gone| gone.successor.clone()).collect();
        let mut next: HashMap<Identity, Option<String>> = HashMap::new();
        while !open.is_empty() {
            let mut further = BTreeSet::new();
            for (id, state) in self.states(object, &open).await? {
                if let Some(Some(master)) = &state
                    && identity(master).is_some_and(|id| !next.contains_key(&id))
                {
                    further.insert(master.clone());
                }
                next.extend(state.map(|state| (id, state)));
            }
            open = further;
        }
        for gone in gone.values_mut().filter(|gone| gone.live == live) {
            // A circle of merges cannot be; if the org tells of one, it ends.
            for _ in 0..next.len() {
                let at = gone.successor.as_deref().and_then(identity);
                let Some(now) = at.and_then(|at| next.get(&at)) else {
                    break;
                };
                gone.successor.clone_from(now);
            }
            if gone.successor.is_none() && gone.live == Liveness::Merged {
                gone.live = Liveness::Deleted;
            }
        }
        Ok(())
    }

    /// Of these records, what each that is deleted was merged into, if it was.
    async fn states(
        &self,
        object: &str,
        ids: &BTreeSet<String>,
    ) -> Result<Vec<(Identity, Option<Option<String>>)>, LoadError> {
        let mut states = Vec::new();
        let ids: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
        for chunk in ids.chunks(IDS) {
            let list = chunk.join(", ");
            let soql = format!("SELECT Id, IsDeleted, {MASTER} FROM {object} WHERE Id IN ({list})");
            let scope = QueryScope::WithDeletedAndArchived;
            let rows = self.client.query_in(&soql, scope);
            pin_mut!(rows);
            while let Some(row) = rows.try_next().await.map_err(self.read())? {
                let is_deleted = field_text(&row, "IsDeleted").as_deref() == Some("true");
                if let Some(id) = field_text(&row, "Id").as_deref().and_then(identity) {
                    states.push((id, is_deleted.then(|| named(&row, MASTER))));
                }
            }
        }
        Ok(states)
    }
}

/// The id in a field, if it has one.
fn named(row: &Row, field: &str) -> Option<String> {
    field_text(row, field).filter(|id| !id.is_empty())
}
