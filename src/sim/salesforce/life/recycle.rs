//! Into the recycle bin and out of it.
//!
//! In: the id of a record. Out: it is deleted as a user would, with all rules and with what goes with it; or it is back,
//! with what went with it. What lost its reference to it does not get it back, as in the real service only some do.

use std::sync::Arc;

use super::super::cascade;
use super::super::change::{Batch, Cell, Column, Operation, Outcome, RowError, api_error};
use super::super::error::ApiError;
use super::super::org::Org;
use super::super::store::{Head, Matches, Row, RowBuilder};
use super::super::write::{Scope, Writer, apply};
use super::record::{live, record};

/// Objects whose records do not come out of the recycle bin: those whose reference names no `undelete()` among the calls, from
/// memory and not from `guide/salesforce.md`.
const GONE_FOR_GOOD: [&str; 11] = [
    "AccountTeamMember",
    "CampaignMember",
    "CampaignMemberStatus",
    "ContentDocumentLink",
    "EventRelation",
    "ObjectTerritory2Association",
    "OpportunityContactRole",
    "OpportunityLineItem",
    "OpportunityTeamMember",
    "TopicAssignment",
    "UserTerritory2Association",
];

/// How many milliseconds a record stays in the recycle bin (`guide/salesforce.md` §2).
const KEPT: i64 = 15 * 24 * 60 * 60 * 1000;

/// What goes with a record is marked within so many milliseconds after it.
const WITHIN: i64 = 2_000;

/// Deletes a record.
pub(crate) fn delete(org: &Arc<Org>, id: &str) -> Result<(), ApiError> {
    let model = org.model();
    let found = live(&model, id)?;
    let scope = Scope {
        org,
        model,
        access: None,
        user: org.user,
        trusted: false,
    };
    let writer = Writer::new(scope, found.object, Operation::Delete, vec![Column::Id]);
    let id = found.id.to_string();
    let cells = [Cell::Text(&id)];
    match apply(&writer, &Batch { cells: &cells }, |_| None)?.first() {
        Some(Outcome::Failed { error, .. }) => Err(api_error(error)),
        _ => Ok(()),
    }
}

/// Takes a record out of the recycle bin for good, as somebody who empties it does.
pub(crate) fn purge(org: &Arc<Org>, id: &str) -> Result<(), ApiError> {
    let model = org.model();
    let found = record(&model, id)?;
    if !found.row.deleted() {
        return Err(not_in_the_bin());
    }
    let mut change = model.at(found.object).1.begin();
    change.set(found.position, None);
    Ok(change.commit(None)?)
}

fn not_in_the_bin() -> ApiError {
    ApiError::bad("UNDELETE_FAILED", "entity is not in the recycle bin")
}

/// Whether records of an object come out of the recycle bin.
pub(crate) fn undeletable(object: &str) -> bool {
    !GONE_FOR_GOOD.contains(&object)
}

/// Takes a record out of the recycle bin; returns how many records are back.
pub(crate) fn undelete(org: &Arc<Org>, id: &str) -> Result<u64, ApiError> {
    let model = org.model();
    // What was purged is as little in the bin as what was never there.
    let found = record(&model, id).map_err(|error| match error.code.as_ref() {
        "NOT_FOUND" => not_in_the_bin(),
        _ => error,
    })?;
    let (object, table) = model.at(found.object);
    let too_late = org.now() - found.row.head().modified > KEPT;
    if !found.row.deleted() || too_late || !undeletable(&object.name) {
        return Err(not_in_the_bin());
    }
    for (at, field) in (0u16..).zip(&object.fields).filter(|(_, f)| f.unique) {
        let taken = |value| table.find(at, field.case_sensitive, value) != Matches::None;
        if found.row.get(at).is_some_and(taken) {
            let message = format!("duplicate value found: {}", field.name);
            return Err(api_error(&RowError::new("DUPLICATE_VALUE", message)));
        }
    }
    let mut waiting = vec![(found.object, found.position, found.row)];
    let mut back = 0;
    while let Some((object, position, row)) = waiting.pop() {
        let id = model.id(object, position).to_string();
        let since = row.head().modified;
        for (child, field) in cascade::going_with(&model, object) {
            let table = model.at(child).1.read();
            let went = |row: &&Row| {
                let after = row.head().modified - since;
                row.head().followed && row.get(field) == Some(&id) && (0..=WITHIN).contains(&after)
            };
            let gone = (0..table.len()).filter_map(|at| {
                let row = table.get(at).filter(went)?;
                Some((child, at, row.clone()))
            });
            waiting.extend(gone);
        }
        let mut change = model.at(object).1.begin();
        change.set(position, Some(restored(&row, org.now())));
        change.commit(None)?;
        back += 1;
    }
    Ok(back)
}

fn restored(row: &Row, now: i64) -> Row {
    let mut builder = RowBuilder::default();
    builder.start(Head {
        deleted: false,
        followed: false,
        modified: now,
        ..row.head()
    });
    row.fields()
        .for_each(|(field, value)| builder.push(field, value));
    builder.finish()
}
