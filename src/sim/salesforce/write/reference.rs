//! Ids that rows carry: are they ids, of the right object, and of a row that is there?
//!
//! In: the text of a reference cell, or a key of the parent. Out: the parent's id, or the error of
//! `guide/salesforce.md` §7. Locks the parent's table for one look only.

use std::collections::HashSet;

use super::super::change::RowError;
use super::super::change::value::canonical;
use super::super::ids::RecordId;
use super::super::model::Model;
use super::super::schema::{FieldDefinition, RECORD_TYPE, SObject};
use super::super::store::{Matches, Row};

/// Checks the id in a reference field.
pub(super) fn by_id(
    model: &Model,
    child: &SObject,
    field: &FieldDefinition,
    text: &str,
    lax_owner: bool,
) -> Result<RecordId, RowError> {
    let incorrect = |code| {
        let message = format!("{}: id value of incorrect type: {text}", field.label);
        RowError::on(code, message, &[&field.name])
    };
    let id = RecordId::parse(text).ok_or_else(|| incorrect("MALFORMED_ID"))?;
    let object = model
        .schema
        .by_prefix(id.prefix())
        .map(|at| model.schema.object(at));
    if object.is_some_and(|object| !field.references.contains(&object.name)) {
        return Err(incorrect("FIELD_INTEGRITY_EXCEPTION"));
    }
    match model.row(id) {
        None if field.name == RECORD_TYPE => Err(not_for_the_user(field, text)),
        None => Err(RowError::unknown_id(&[&field.name])),
        Some(row) if row.deleted() => Err(RowError::unknown_id(&[&field.name])),
        Some(row) => {
            let user = object
                .filter(|object| object.name == "User" && field.name == "OwnerId" && !lax_owner);
            if let Some(user) = user {
                active_owner(user, &row, id, child)?;
            }
            Ok(id)
        }
    }
}

/// Lets through what the user may use for rows of the object.
pub(super) fn record_type(
    usable: &HashSet<RecordId>,
    field: &FieldDefinition,
    id: RecordId,
    text: &str,
) -> Result<RecordId, RowError> {
    if usable.contains(&id) {
        return Ok(id);
    }
    // A name in the file is told as the id it stands for.
    let id = id.to_string();
    let shown = if RecordId::parse(text).is_some() {
        text
    } else {
        &id
    };
    Err(not_for_the_user(field, shown))
}

fn not_for_the_user(field: &FieldDefinition, id: &str) -> RowError {
    let message = format!(
        "{}: this ID value isn't valid for the user: {id}",
        field.label
    );
    RowError::on("INVALID_CROSS_REFERENCE_KEY", message, &[&field.name])
}

/// Text of the refusal: 3P in the reference; the object's name is in lower case there.
fn active_owner(user: &SObject, row: &Row, id: RecordId, child: &SObject) -> Result<(), RowError> {
    let active = user.position("IsActive").and_then(|at| row.get(at)) != Some("false");
    if active {
        return Ok(());
    }
    let object = child.label.to_lowercase();
    let message = format!("operation performed with inactive user [{id}] as owner of {object}");
    Err(RowError::new("INACTIVE_OWNER_OR_USER", message))
}

/// Finds the parent that a relationship column means.
pub(super) fn by_key(
    model: &Model,
    child: &SObject,
    object: usize,
    key: u16,
    text: &str,
) -> Result<RecordId, RowError> {
    let (parent, table) = model.at(object);
    let field = parent.field(key);
    let missing = || {
        let message = format!(
            "Foreign key external ID: {text} not found for field {} in entity {}",
            field.name, parent.name
        );
        RowError::new("INVALID_FIELD", message)
    };
    if key == 0 {
        let id = RecordId::parse(text).ok_or_else(missing)?;
        let known = model.locate(id).is_some_and(|(at, _)| at == object);
        return model
            .row(id)
            .filter(|row| known && !row.deleted())
            .map(|_| id)
            .ok_or_else(missing);
    }
    let mut value = String::new();
    if !canonical(field, text, &mut value)? {
        return Err(missing());
    }
    match table.find(key, field.case_sensitive, &value) {
        Matches::None => Err(missing()),
        Matches::One(position) => Ok(model.id(object, position)),
        Matches::Many(positions) if parent.name == "RecordType" => {
            // Names of record types are unique within an object.
            let mut own = model.record_types();
            own.retain(|one| {
                let position = model.position(object, one.id);
                one.object == child.name && position.is_some_and(|at| positions.contains(&at))
            });
            match own.as_slice() {
                [] => Err(missing()),
                [one] => Ok(one.id),
                _ => Err(ambiguous(model, object, field, &positions)),
            }
        }
        Matches::Many(positions) => Err(ambiguous(model, object, field, &positions)),
    }
}

/// Several rows have the key. The reference has the code only; the text is the one SOAP is known for (unconfirmed).
pub(super) fn ambiguous(
    model: &Model,
    object: usize,
    field: &FieldDefinition,
    positions: &[u32],
) -> RowError {
    let ids: Vec<String> = positions
        .iter()
        .map(|&at| model.id(object, at).to_string())
        .collect();
    let message = format!(
        "{}: more than one record found for external id field: [{}]",
        field.name,
        ids.join(", ")
    );
    RowError::on("DUPLICATE_EXTERNAL_ID", message, &[&field.name])
}
