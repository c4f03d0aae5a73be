//! What people do to an account while somebody reads it: rows that come, go, change and move.
//!
//! In: a change of one row. Out: the account as it is afterwards. Whatever is touched or new comes to the front of its
//! list. Never: written back to the export.

use chrono::SecondsFormat;
use serde::Deserialize;

use super::account::Account;
use super::cell::micros;
use super::error::UsercomSimError;
use super::loading::{pair, row_id};
use super::objects::Object;
use super::options::ChangeKind;
use super::record::{Record, raw};
use super::table::Key;

/// A change.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// The object, as files call it: `people`, `deals`, `segment_members`, …
    pub(super) object: String,
    /// What happens.
    pub(super) action: ChangeKind,
    /// Which row; a new one gets the next free id, if none.
    #[serde(default)]
    pub(super) id: Option<i64>,
    /// Values under their v2 names.
    #[serde(default)]
    pub(super) fields: Option<Record>,
}

/// Carries out a change; the id of the row, or none if there is no such row or object.
pub(super) fn apply(account: &Account, change: Change) -> Result<Option<i64>, UsercomSimError> {
    let Some(object) = Object::of(&change.object) else {
        return Ok(None);
    };
    let now = account.clock().to_rfc3339_opts(SecondsFormat::Micros, true);
    let mut table = account.table_to_change(object);
    let mut record = Record::default();
    let place = change.id.and_then(|id| table.find(id));
    if change.action == ChangeKind::Insert {
        if place.is_some() {
            return Ok(None);
        }
        record.set("id", raw(&change.id.unwrap_or_else(|| table.next_id())));
        if object.has_versions() {
            record.set("created_at", raw(&now));
            record.set("updated_at", raw(&now));
        }
    } else {
        let Some(found) = place else {
            return Ok(None);
        };
        match change.action {
            ChangeKind::Delete => {
                table.delete(found);
                if object == Object::People {
                    leave_segments(account, table.id(found));
                }
            }
            ChangeKind::Move => table.bring_forward(found),
            _ => record = table.read(found)?,
        }
        if change.action != ChangeKind::Touch {
            return Ok(change.id);
        }
        if object.has_versions() {
            record.set("updated_at", raw(&now));
        }
    }
    for (name, value) in change.fields.unwrap_or_default().into_cells() {
        record.set(&name, value);
    }
    if object == Object::SegmentMembers && change.id.is_none() {
        record.take("id");
    }
    let parent = object.parent().and_then(|(column, _)| record.id(column));
    let Some(id) = row_id(object, &record, parent) else {
        return Ok(None);
    };
    let updated = record
        .some("updated_at")
        .and_then(micros)
        .unwrap_or(i64::MIN);
    let key = Key {
        id,
        parent: parent.unwrap_or(0),
        updated,
    };
    table.write(key, &record)?;
    if let Some(place) = place {
        table.bring_forward(place);
    }
    Ok(Some(id))
}

/// A person who is gone is no member of anything.
fn leave_segments(account: &Account, person: i64) {
    let segments: Vec<i64> = {
        let segments = account.table(Object::Segments);
        let all = segments.all();
        all.into_iter().map(|place| segments.id(place)).collect()
    };
    let mut members = account.table_to_change(Object::SegmentMembers);
    for segment in segments {
        if let Some(place) = pair(segment, person).and_then(|id| members.find(id)) {
            members.delete(place);
        }
    }
}
