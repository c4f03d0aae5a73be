//! What is read back of a load and compared, and what is asked of each record.
//!
//! In: a load, its object as this login sees it. Out: the names and types of what is read. Never: a request.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::body::body;
use super::coercion::{derived_by, readable};
use super::names::MODIFIED;
use crate::encode::RAW_VALUES;
use crate::engine::{Engine, Session};
use crate::mapping::EditPolicies;
use crate::project::QueryFile;
use crate::rows::Columns;
use crate::salesforce::{Client, ObjectDescribe};
use crate::staging::{Manifest, Snapshot, Staging};

/// When a row was touched last, by anybody or anything; nobody can set it.
pub(super) const STAMP: &str = "SystemModstamp";

/// What tells edits apart.
pub struct EditsRequest<'a> {
    /// The user we load as.
    pub user: &'a str,
    /// Whether rows that were read back say who changed them.
    pub modified: bool,
    /// Whether the outbox says which fields were left out of an update.
    pub same: bool,
    /// Whether the session has what an earlier comparison found: its differences, its edits.
    pub before: [bool; 2],
    /// Whether the session has what was left to the org.
    pub left: bool,
    /// Fields of which the org's automation makes something else, by decision.
    pub automation: &'a BTreeSet<String>,
}

/// What to compare.
pub struct DiffRequest<'a> {
    /// Where the table goes.
    pub staging: &'a Staging,
    /// Sees outbox, ledger and rows read back.
    pub session: &'a Session,
    /// The load.
    pub load: &'a str,
    /// Rows in its outbox; without any, there is nothing to compare.
    pub rows: u64,
    /// Its columns.
    pub columns: &'a Columns,
    /// Its object's describe.
    pub describe: &'a ObjectDescribe,
    /// Other loads into the same object that have a ledger, with their key columns.
    pub siblings: &'a [(String, Vec<String>)],
    /// Loads of Leads, with their key columns: a converted one hands our key on to the record it became.
    pub leads: &'a [(String, Vec<String>)],
    /// Columns that a later load sets anew: theirs to compare.
    pub later: &'a BTreeSet<String>,
    /// Records like ours that no ledger knows: key and id.
    pub strays: &'a [(String, String)],
    /// What tells an edit in the org from a value that did not land; without it all are differences.
    pub edits: Option<EditsRequest<'a>>,
}

/// What to compare.
pub struct ThreeWay<'a> {
    /// The load.
    pub request: &'a ReadBack<'a>,
    /// Its outbox, its ledger, what was read back of it last time and what was found then.
    pub snapshot: &'a Snapshot,
    /// Its outbox of last time.
    pub last: Option<&'a Manifest>,
    /// The records as they are now.
    pub now: &'a Manifest,
    /// Columns that a later load sets anew.
    pub later: &'a BTreeSet<String>,
    /// What the org had accepted of rows that another load had sent before they came here: of leads that became contacts.
    pub moved: Option<&'a Manifest>,
    /// Fields that say nothing by being empty, since the export has no column for them any more.
    pub silent: &'a BTreeSet<String>,
    /// Whose values count.
    pub policies: &'a EditPolicies,
}

/// What to read back.
pub struct ReadBack<'a> {
    /// Where the table goes.
    pub staging: &'a Staging,
    /// Sorts the rows.
    pub engine: &'a Engine,
    /// Connected to the destination.
    pub client: &'a Client,
    /// The load.
    pub file: &'a QueryFile,
    /// Its object's describe, as this login sees it.
    pub describe: &'a ObjectDescribe,
    /// Its columns.
    pub columns: &'a Columns,
    /// Rows in its outbox; without any, nothing is asked for.
    pub outbox_rows: u64,
    /// Whether every row is read, not only what changed since the last look.
    pub whole: bool,
    /// Whether the outbox was sent just now: afterwards, what a record has may be anybody's.
    pub is_after_sending: bool,
}

impl ReadBack<'_> {
    /// The table of rows in the order in which they came.
    pub(super) fn unsorted_name(&self) -> String {
        format!("{}_unsorted", self.file.name)
    }

    /// `_id`, the key columns, then every sent field that this login can read, and who changed the record last and when.
    pub(super) fn schema(&self) -> SchemaRef {
        let mut fields = vec![Field::new("_id", DataType::Utf8, true)];
        fields.extend(self.columns.key_fields().cloned());
        let sent = self.columns.sent.iter().map(|field| field.name().as_str());
        let further = self.file.read.iter().map(String::as_str);
        let derived = sent
            .clone()
            .filter_map(|name| derived_by(self.describe, name));
        let bodies = sent.clone().filter_map(|name| body(self.describe, name));
        for name in sent
            .clone()
            .chain(further)
            .chain([RAW_VALUES])
            .chain(MODIFIED)
            .chain([STAMP])
            .chain(derived)
            .chain(bodies.flat_map(|body| body.told_by.iter().copied()))
        {
            let known = fields.iter().any(|field| field.name() == name);
            if !known && readable(self.describe, name).is_some() {
                fields.push(Field::new(name, DataType::Utf8, true));
            }
        }
        Arc::new(Schema::new(fields))
    }

    /// Whether the object has no field for the key, so that its records are told by their ids.
    pub(super) fn has_hidden_key(&self) -> bool {
        self.columns.key.iter().any(|key| key.starts_with('_'))
    }
}
