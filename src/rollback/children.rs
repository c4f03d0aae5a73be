//! Records that must not lose their parent: those that others attached to what we created, and those that are spared.
//!
//! In: the relationships that the org names, asked for rows changed since the first run. Out: for a record's id, what hangs on
//! it: a row that no ledger knows is not ours, whoever made it, unless Salesforce made it along. Objects that answer only to who
//! names the parent (links of files and notes) are asked about each of ours. Memory: one entry per parent that is kept, 15 bytes
//! and a name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::AsArray;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::{TryStreamExt, pin_mut};

use super::RollbackError;
use crate::engine::Session;
use crate::rows::{Identity, asked_by, identity, same_key};
use crate::salesforce::{Client, ErrorClass, ObjectDescribe, field_text};

/// Objects of which Salesforce makes rows along, in the name of whoever writes something else: there only rows that others made
/// count. The first of our own that is forgotten here spares its parent, which is seen; so this list is short and exact.
const MADE_ALONG: [&str; 12] = [
    // With a record that has a team, and with splits of deals.
    "AccountTeamMember",
    "OpportunitySplit",
    "OpportunityTeamMember",
    // With a campaign: the two statuses that each begins with.
    "CampaignMemberStatus",
    // With a version of a file or a note: its document. The link to whoever owns it names no record of ours.
    "ContentDocument",
    "ContentVersion",
    // Where a duplicate rule reports.
    "DuplicateRecordItem",
    // With an e-mail that has addresses, and with an activity that has people.
    "EmailMessageRelation",
    "TaskRelation",
    // With a record in a feed.
    "EntitySubscription",
    "FeedItem",
    "FeedTrackedChange",
];

/// How the names of more of them end: `EventRelation` and `EventWhoRelation`, feeds, fields' histories, shares, change events.
const MADE_ALONG_ENDINGS: [&str; 6] = [
    "ChangeEvent",
    "EventRelation",
    "Feed",
    "History",
    "Share",
    "WhoRelation",
];

/// Objects whose rows tell whether somebody made them or Salesforce did: a contact's own account, an invitee's copy of an event.
const MADE_BY_HAND: [(&str, &str); 2] = [
    ("AccountContactRelation", "IsDirect = false"),
    ("Event", "IsChild = false"),
];

/// Children that are looked up in the ledgers at once; about 100 bytes each.
const AT_ONCE: usize = 200_000;

/// Ids in one query, so that its URL stays short.
const IDS: usize = 200;

/// Records that must stay because others need them, with one of those in words: `Task of others`, `Contact that is kept`.
#[derive(Debug, Default)]
pub(super) struct Guard {
    held: HashMap<Identity, Arc<str>>,
}

impl Guard {
    /// Keeps `parent`, because of `what`.
    pub(super) fn protect(&mut self, parent: &str, what: &Arc<str>) {
        if let Some(parent) = identity(parent) {
            self.held.entry(parent).or_insert_with(|| Arc::clone(what));
        }
    }

    /// How many records are kept.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// What hangs on a record.
    pub(super) fn why(&self, id: &str) -> Option<String> {
        Some(self.held.get(&identity(id)?)?.to_string())
    }
}

/// A child object with the fields that may name one of our records.
fn relationships(described: &BTreeMap<String, ObjectDescribe>) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut fields: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for child in described
        .values()
        .flat_map(|object| &object.child_relationships)
    {
        if !child.deprecated_and_hidden && !child.field.is_empty() {
            fields
                .entry(child.child_object.as_str())
                .or_default()
                .insert(child.field.as_str());
        }
    }
    fields
}

/// Whether Salesforce makes rows of this object when somebody writes another one.
fn is_made_along(object: &str) -> bool {
    MADE_ALONG.contains(&object)
        || MADE_ALONG_ENDINGS
            .iter()
            .any(|ending| object.ends_with(ending))
}

/// What others attached to records of `described` objects since `since`.
pub(super) struct Others<'a> {
    pub client: &'a Client,
    pub described: &'a BTreeMap<String, ObjectDescribe>,
    pub since: DateTime<Utc>,
    /// Users who loaded.
    pub loaders: &'a BTreeSet<String>,
    /// Sees the ledgers.
    pub session: &'a Session,
    /// Ledgers by object.
    pub ledgers: &'a BTreeMap<String, Vec<String>>,
}

impl Others<'_> {
    /// Looks for them. Child objects that cannot be asked are returned by name.
    pub(super) async fn look(&self, guard: &mut Guard) -> Result<Vec<String>, RollbackError> {
        let read = |what: &str| {
            let what = what.to_owned();
            move |source| RollbackError::ReadOrg {
                what: what.clone(),
                source: Box::new(source),
            }
        };
        let objects = self.client.describe_global().await;
        let queryable: BTreeSet<String> = objects
            .map_err(read("its objects"))?
            .into_iter()
            .filter(|object| object.queryable)
            .map(|object| object.name)
            .collect();
        let mut unasked = Vec::new();
        for (object, fields) in relationships(self.described) {
            if !queryable.contains(object) {
                continue;
            }
            match self.children(object, &fields, guard).await {
                Ok(()) => {}
                // History, shares, feeds and the like have no such columns, or want to be asked in ways of their own.
                Err(RollbackError::ReadOrg { source, .. })
                    if source.class() == ErrorClass::Refused =>
                {
                    unasked.push(object.to_owned());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(unasked)
    }

    /// Which rows of a child object count, besides naming a parent: all of them, whoever made them, but those that Salesforce
    /// makes along.
    fn by_hand(&self, object: &str) -> String {
        if let Some((_, condition)) = MADE_BY_HAND.iter().find(|(name, _)| *name == object) {
            return format!(" AND {condition}");
        }
        if !is_made_along(object) {
            return String::new();
        }
        let loaders: Vec<String> = self.loaders.iter().map(|id| format!("'{id}'")).collect();
        format!(" AND CreatedById NOT IN ({})", loaders.join(", "))
    }

    /// Keeps the parents of child rows that no ledger knows.
    async fn children(
        &self,
        object: &str,
        fields: &BTreeSet<&str>,
        guard: &mut Guard,
    ) -> Result<(), RollbackError> {
        if let Some(own_side) = asked_by(object) {
            // The other side is the record of ours on which somebody's document may hang.
            for field in fields.iter().filter(|field| **field != own_side) {
                self.children_of_each(object, field, guard).await?;
            }
            return Ok(());
        }
        let fields: Vec<&str> = fields.iter().copied().collect();
        let any: Vec<String> = fields
            .iter()
            .map(|field| format!("{field} != null"))
            .collect();
        let soql = format!(
            "SELECT Id, {} FROM {object} WHERE SystemModstamp >= {} AND ({}){}",
            fields.join(", "),
            self.since.to_rfc3339_opts(SecondsFormat::Secs, true),
            any.join(" OR "),
            self.by_hand(object),
        );
        let mut children = HashMap::new();
        self.ask(object, &soql, &fields, guard, &mut children)
            .await?;
        self.protect(guard, object, children).await
    }

    /// As [`Self::children`], where only who names the parents gets an answer.
    async fn children_of_each(
        &self,
        object: &str,
        field: &str,
        guard: &mut Guard,
    ) -> Result<(), RollbackError> {
        let is_parent = |described: &&ObjectDescribe| {
            let mut children = described.child_relationships.iter();
            children.any(|child| child.child_object == object && child.field == field)
        };
        let parents = self.described.values().filter(is_parent);
        let loads = parents.filter_map(|parent| self.ledgers.get(&parent.name));
        let loads: Vec<String> = loads.flatten().cloned().collect();
        let mut children = HashMap::new();
        for load in loads {
            let sql = format!("select l.id from ledger.{load} as l where l.id is not null");
            let name = format!("ids of {load}");
            let mut ids = self.session.stream(&name, &sql, &[]).await?;
            while let Some(batch) = ids.next_batch().await? {
                let ids: Vec<&str> = batch
                    .column(0)
                    .as_string::<i32>()
                    .iter()
                    .flatten()
                    .collect();
                for ids in ids.chunks(IDS) {
                    let soql = format!(
                        "SELECT Id, {field} FROM {object} WHERE {field} IN ('{}') AND SystemModstamp >= {}",
                        ids.join("', '"),
                        self.since.to_rfc3339_opts(SecondsFormat::Secs, true),
                    );
                    self.ask(object, &soql, &[field], guard, &mut children)
                        .await?;
                }
            }
        }
        self.protect(guard, object, children).await
    }

    /// Collects child rows with the parents that they name; where there are many, those of others keep their parents already.
    async fn ask(
        &self,
        object: &str,
        soql: &str,
        fields: &[&str],
        guard: &mut Guard,
        children: &mut HashMap<Identity, Vec<String>>,
    ) -> Result<(), RollbackError> {
        let failed = |source| RollbackError::ReadOrg {
            what: format!("rows of {object}"),
            source: Box::new(source),
        };
        let rows = self.client.query(soql);
        pin_mut!(rows);
        while let Some(row) = rows.try_next().await.map_err(&failed)? {
            let parents = fields.iter().filter_map(|field| field_text(&row, field));
            if let Some(id) = field_text(&row, "Id").as_deref().and_then(identity) {
                children.insert(id, parents.collect());
            }
            if children.len() >= AT_ONCE {
                let full = std::mem::take(children);
                self.protect(guard, object, full).await?;
            }
        }
        Ok(())
    }

    /// Keeps the parents of children that no ledger knows: those that it knows are reviewed by themselves.
    async fn protect(
        &self,
        guard: &mut Guard,
        object: &str,
        mut children: HashMap<Identity, Vec<String>>,
    ) -> Result<(), RollbackError> {
        for load in self.ledgers.get(object).into_iter().flatten() {
            if children.is_empty() {
                break;
            }
            let sql = format!("select l.id from ledger.{load} as l where l.id is not null");
            let mut ids = self
                .session
                .stream(&format!("ids of {load}"), &sql, &[])
                .await?;
            while let Some(batch) = ids.next_batch().await? {
                for id in batch.column(0).as_string::<i32>().iter().flatten() {
                    if let Some(id) = identity(id) {
                        children.remove(&id);
                    }
                }
            }
        }
        if object == "Task" && self.ledgers.contains_key("EmailMessage") {
            self.without_tasks_of_mails(&mut children).await?;
        }
        let what: Arc<str> = format!("{object} of others").into();
        for parent in children.values().flatten() {
            guard.protect(parent, &what);
        }
        Ok(())
    }

    /// Takes away the Tasks that Salesforce made for e-mails: they go with those.
    async fn without_tasks_of_mails(
        &self,
        children: &mut HashMap<Identity, Vec<String>>,
    ) -> Result<(), RollbackError> {
        let ids: Vec<String> = children
            .keys()
            .map(|id| format!("'{}'", String::from_utf8_lossy(id)))
            .collect();
        for ids in ids.chunks(IDS) {
            let soql = format!(
                "SELECT ActivityId FROM EmailMessage WHERE ActivityId IN ({})",
                ids.join(", ")
            );
            let rows = self.client.query(&soql);
            pin_mut!(rows);
            loop {
                let row = rows.try_next().await;
                let row = row.map_err(|source| RollbackError::ReadOrg {
                    what: "rows of EmailMessage".to_owned(),
                    source: Box::new(source),
                })?;
                let Some(row) = row else { break };
                let task = field_text(&row, "ActivityId");
                if let Some(task) = task.as_deref().and_then(identity) {
                    children.remove(&task);
                }
            }
        }
        Ok(())
    }
}

/// Keeps the parents of records that `load` created and that are not taken back this time.
pub(super) async fn protect_parents_of(
    session: &Session,
    load: &str,
    key: &[String],
    references: &[String],
    what: &Arc<str>,
    guard: &mut Guard,
) -> Result<(), RollbackError> {
    for field in references {
        let sql = format!(
            "select o.\"{field}\" as parent from outbox.{load} as o inner join ledger.{load} as l on {} \
             where l.id is not null and o.\"{field}\" is not null",
            same_key("l", "o", key)
        );
        let mut rows = session
            .stream(&format!("parents of {load}"), &sql, &[])
            .await?;
        while let Some(batch) = rows.next_batch().await? {
            for parent in batch.column(0).as_string::<i32>().iter().flatten() {
                guard.protect(parent, what);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::bench::{Bench, described, numbers, texts};
    use crate::salesforce::ChildRelationship;

    fn relationship(object: &str, field: &str, deprecated: bool) -> ChildRelationship {
        ChildRelationship {
            child_object: object.to_owned(),
            field: field.to_owned(),
            deprecated_and_hidden: deprecated,
        }
    }

    #[test]
    fn each_child_object_is_asked_once_for_all_fields_that_may_name_our_records() {
        let mut account = described("Account", &[]);
        account.child_relationships = vec![
            relationship("Task", "WhatId", false),
            relationship("Contact", "AccountId", false),
            relationship("Old", "AccountId", true),
            relationship("Nameless", "", false),
        ];
        let mut contact = described("Contact", &[]);
        contact.child_relationships = vec![relationship("Task", "WhoId", false)];
        let objects = [account, contact].map(|object| (object.name.clone(), object));
        let objects = BTreeMap::from(objects);
        let expected = BTreeMap::from([
            ("Contact", BTreeSet::from(["AccountId"])),
            ("Task", BTreeSet::from(["WhatId", "WhoId"])),
        ]);
        assert_eq!(relationships(&objects), expected);
    }

    #[test]
    fn the_first_reason_to_keep_a_record_stays() {
        let mut guard = Guard::default();
        guard.protect("001A00000000001AAA", &"Task of others".into());
        guard.protect("001A00000000001AAA", &"Contact that is kept".into());
        assert_eq!(guard.why("001A00000000001").unwrap(), "Task of others");
        assert_eq!(guard.len(), 1);
    }

    #[tokio::test]
    async fn records_that_stay_keep_the_parents_that_they_were_sent_with() {
        let bench = Bench::new();
        let parents = ["001A00000000001AAA", "001A00000000002AAA", "-"];
        let outbox = vec![("k", numbers(&[1, 2, 3])), ("AccountId", texts(&parents))];
        bench.table("outbox.contact", outbox).await;
        // The second one never landed.
        let ledger = vec![
            ("k", numbers(&[1, 2, 3])),
            ("id", texts(&["0031", "-", "0033"])),
        ];
        bench.table("ledger.contact", ledger).await;
        let mut guard = Guard::default();
        let session = bench.session().await;
        let (key, fields) = (["k".to_owned()], ["AccountId".to_owned()]);
        let what: Arc<str> = "Contact of this migration".into();
        protect_parents_of(&session, "contact", &key, &fields, &what, &mut guard)
            .await
            .unwrap();
        assert_eq!(guard.len(), 1);
        assert_eq!(guard.why(parents[0]).unwrap(), "Contact of this migration");
    }

    #[tokio::test]
    async fn what_others_attached_keeps_its_parent_and_what_we_attached_does_not() {
        let bench = Bench::new();
        let org = bench.org().await;
        let account = serde_json::json!({"Name": "Acme"});
        let ids = org.create("Account", &[account.clone(), account]).await;
        let task = |id: &String| serde_json::json!({"Subject": "Call", "WhatId": id});
        let tasks = org.create("Task", &[task(&ids[0]), task(&ids[1])]).await;
        // Ours is in a ledger; the other one was made with the loader's own login.
        let ledger = vec![("k", numbers(&[1])), ("id", texts(&[tasks[1].as_str()]))];
        bench.table("ledger.task", ledger).await;
        let describe = org.client.describe("Account").await.unwrap();
        let session = bench.session().await;
        let others = Others {
            client: &org.client,
            described: &BTreeMap::from([("Account".to_owned(), describe)]),
            since: Utc::now() - chrono::Duration::minutes(5),
            loaders: &BTreeSet::from([org.client.identity().user_id.clone()]),
            session: &session,
            ledgers: &BTreeMap::from([("Task".to_owned(), vec!["task".to_owned()])]),
        };
        let mut guard = Guard::default();
        others.look(&mut guard).await.unwrap();
        assert_eq!(guard.why(&ids[0]).unwrap(), "Task of others");
        assert!(guard.why(&ids[1]).is_none());
    }

    #[tokio::test]
    async fn a_document_that_somebody_hung_on_a_record_of_ours_keeps_it() {
        let bench = Bench::new();
        let org = bench.org().await;
        let account = serde_json::json!({"Name": "Acme"});
        let accounts = org.create("Account", &[account.clone(), account]).await;
        let note = serde_json::json!({"Title": "Call", "Content": "eA=="});
        let notes = org.create("ContentNote", &[note]).await;
        let link = |id: &String| serde_json::json!({"ContentDocumentId": notes[0], "LinkedEntityId": id, "ShareType": "V"});
        let links = [link(&accounts[0]), link(&accounts[1])];
        let links = org.create("ContentDocumentLink", &links).await;
        // Ours is in a ledger; the other one was made with the loader's own login.
        for (load, ids) in [
            ("account", accounts.iter().map(String::as_str).collect()),
            ("link", vec!["-", links[1].as_str()]),
        ] {
            let ledger = vec![("k", numbers(&[1, 2])), ("id", texts(&ids))];
            bench.table(&format!("ledger.{load}"), ledger).await;
        }
        let describe = org.client.describe("Account").await.unwrap();
        let session = bench.session().await;
        let ledgers = [("Account", "account"), ("ContentDocumentLink", "link")];
        let ledgers = ledgers.map(|(object, load)| (object.to_owned(), vec![load.to_owned()]));
        let others = Others {
            client: &org.client,
            described: &BTreeMap::from([("Account".to_owned(), describe)]),
            since: Utc::now() - chrono::Duration::minutes(5),
            loaders: &BTreeSet::from([org.client.identity().user_id.clone()]),
            session: &session,
            ledgers: &BTreeMap::from(ledgers),
        };
        let mut guard = Guard::default();
        let unasked = others.look(&mut guard).await.unwrap();
        assert!(!unasked.contains(&"ContentDocumentLink".to_owned()));
        assert_eq!(
            guard.why(&accounts[0]).unwrap(),
            "ContentDocumentLink of others"
        );
        assert!(guard.why(&accounts[1]).is_none());
    }

    #[test]
    fn a_parent_is_kept_whichever_way_its_id_is_written() {
        let mut guard = Guard::default();
        let what: Arc<str> = "Task of others".into();
        guard.protect("001A00000000001AAA", &what);
        guard.protect("001A00000000001", &what);
        guard.protect("", &what);
        assert_eq!(guard.why("001A00000000001AAA").unwrap(), "Task of others");
        assert_eq!(guard.len(), 1);
        assert!(guard.why("001A00000000002AAA").is_none());
    }
}
