//! Lets rules look at checked rows before their table is locked.
//!
//! In: the rows of a chunk. Out: their values as the rules leave them, or the reason why a row is refused. Rules may read
//! every table here, since none is locked.

use serde_json::Value;

use super::super::cascade::restricted;
use super::super::change::{Operation, RowError, SentValue};
use super::super::edit::{Automation, Trigger};
use super::super::rules::{Amendments, Check, Draft};
use super::super::schema::SObject;
use super::super::storage;
use super::super::store::{Matches, Row};
use super::prepare::{Prepared, PreparedRow};
use super::writer::Writer;

/// Runs the check of an object's rule on the rows of a chunk.
pub(super) fn check(writer: &Writer, prepared: &mut Prepared) {
    restrict(writer, prepared);
    let object = writer.model.schema.object(writer.object);
    limit(writer, object, prepared);
    automate(writer, object, prepared);
    let Some(check) = writer.rule.and_then(|rule| rule.before) else {
        return;
    };
    for at in 0..prepared.rows.len() {
        if prepared.rows[at].error.is_some() {
            continue;
        }
        match checked(writer, object, prepared, at, check) {
            Ok(None) => {}
            Ok(Some(amendments)) => amend(prepared, at, amendments),
            Err(error) => prepared.rows[at].error = Some(error),
        }
    }
}

/// Refuses new rows that the org has no storage for.
fn limit(writer: &Writer, object: &SObject, prepared: &mut Prepared) {
    let creates = matches!(writer.operation, Operation::Insert | Operation::Upsert);
    if writer.trusted || !creates {
        return;
    }
    let Some(mut room) = storage::room(&writer.org, &writer.model, writer.object) else {
        return;
    };
    if room >= prepared.rows.len() as u64 {
        return;
    }
    for at in 0..prepared.rows.len() {
        let row = &prepared.rows[at];
        if row.error.is_some() || existing(writer, object, prepared, row).is_some() {
            continue;
        }
        if room == 0 {
            let error = RowError::new("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded");
            prepared.rows[at].error = Some(error);
        }
        room = room.saturating_sub(1);
    }
}

/// Lets the org's automations set fields of what others write.
fn automate(writer: &Writer, object: &SObject, prepared: &mut Prepared) {
    let deletes = matches!(writer.operation, Operation::Delete | Operation::HardDelete);
    if writer.trusted || deletes {
        return;
    }
    let all = writer.org.automations.all();
    let mine: Vec<&Automation> = all
        .iter()
        .filter(|automation| automation.object.eq_ignore_ascii_case(&object.name))
        .collect();
    if mine.is_empty() {
        return;
    }
    for at in 0..prepared.rows.len() {
        let row = &prepared.rows[at];
        let trigger = match existing(writer, object, prepared, row) {
            Some(_) => Trigger::Update,
            None => Trigger::Insert,
        };
        let fields = mine
            .iter()
            .filter(|automation| automation.on.contains(&trigger))
            .flat_map(|automation| &automation.set);
        let set: Vec<(u16, Option<String>)> = fields
            .filter_map(|(name, value)| {
                let text = match value {
                    Value::Null => None,
                    Value::String(text) => Some(text.clone()),
                    other => Some(other.to_string()),
                };
                Some((object.position(name)?, text))
            })
            .collect();
        if row.error.is_none() && !set.is_empty() {
            let ignored = Vec::new();
            amend(prepared, at, Amendments { set, ignored });
        }
    }
}

/// Refuses to delete rows that others must not lose.
fn restrict(writer: &Writer, prepared: &mut Prepared) {
    if writer.restrictions.is_empty() {
        return;
    }
    for row in &mut prepared.rows {
        let Some(position) = row.id else { continue };
        let by = restricted(&writer.model, &writer.restrictions, writer.object, position);
        if let Some(children) = by {
            let label = &writer.model.schema.object(writer.object).label;
            let message = format!(
                "Your attempt to delete {label} could not be completed because it is associated with the following {children}"
            );
            row.error
                .get_or_insert(RowError::new("DELETE_FAILED", message));
        }
    }
}

fn checked(
    writer: &Writer,
    object: &SObject,
    prepared: &Prepared,
    at: usize,
    check: Check,
) -> Result<Option<Amendments>, RowError> {
    let row = &prepared.rows[at];
    let mut draft = Draft::new(
        writer.context(),
        existing(writer, object, prepared, row),
        &prepared.text,
        &prepared.values[row.values.clone()],
    );
    let changes = matches!(
        writer.operation,
        Operation::Update | Operation::Delete | Operation::HardDelete
    );
    // What is not there is refused under the lock, with the right words.
    if changes && draft.inserting() {
        return Ok(None);
    }
    check(&mut draft)?;
    Ok(draft.amendments())
}

/// The row that will be changed, if it is there.
fn existing(
    writer: &Writer,
    object: &SObject,
    prepared: &Prepared,
    row: &PreparedRow,
) -> Option<Row> {
    if writer.operation == Operation::Insert {
        return None;
    }
    let (_, table) = writer.model.at(writer.object);
    let position = match (&row.key, row.id) {
        (Some(key), _) if writer.operation == Operation::Upsert => {
            let case_sensitive = object.field(writer.key).case_sensitive;
            match table.find(writer.key, case_sensitive, &prepared.text[key.clone()]) {
                Matches::One(position) => position,
                _ => return None,
            }
        }
        (_, id) => id?,
    };
    let row = table.read().get(position).cloned();
    row.filter(|row| !row.deleted())
}

/// Replaces the values of a row by the amended ones, in the order of their fields.
fn amend(prepared: &mut Prepared, at: usize, amendments: Amendments) {
    let Amendments { set, ignored } = amendments;
    let mut values: Vec<SentValue> = prepared.values[prepared.rows[at].values.clone()]
        .iter()
        .filter(|(field, _)| {
            !ignored.contains(field) && !set.iter().any(|(other, _)| other == field)
        })
        .cloned()
        .collect();
    for (field, value) in set {
        let range = value.map(|value| {
            let start = prepared.text.len();
            prepared.text.push_str(&value);
            start..prepared.text.len()
        });
        // A later word of a rule replaces an earlier one.
        values.retain(|(other, _)| *other != field);
        values.push((field, range));
    }
    values.sort_by_key(|(field, _)| *field);
    let start = prepared.values.len();
    prepared.values.extend(values);
    prepared.rows[at].values = start..prepared.values.len();
}
