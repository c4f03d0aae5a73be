//! Which records a row holds while it is written (`guide/salesforce.md` §1.9), if the org plays locks at all.
//!
//! In: checked rows and who writes them. Out: the rows whose records another holds are refused, in the words of the real
//! service; the others' records are held. A row holds itself when it is changed or deleted, and the parents it is given;
//! of those it keeps, the ones it goes with. Owners, record types, prices and products are not held, nor is a parent's
//! parent: what the real service does there beyond this is not in the reference.

use super::super::change::{Operation, RowError};
use super::super::ids::RecordId;
use super::super::row_locks::{Holder, Key};
use super::super::schema::{FieldDefinition, FieldType, OnDelete, RECORD_TYPE, SObject};
use super::super::store::{Matches, Row};
use super::prepare::{Prepared, PreparedRow};
use super::writer::Writer;

/// Objects whose rows are shared by so many others that the service does not hold them for a child.
const SHARED: [&str; 9] = [
    "User",
    "Group",
    "Calendar",
    "Profile",
    "PermissionSet",
    "Pricebook2",
    "PricebookEntry",
    "Product2",
    "Topic",
];

/// Takes what the rows of a chunk need and refuses the rows that cannot have it.
pub(super) fn hold(writer: &Writer, holder: &Holder, prepared: &mut Prepared) {
    let object = writer.model.schema.object(writer.object);
    let fields: Vec<(u16, &FieldDefinition)> = (0u16..)
        .zip(&object.fields)
        .filter(|(_, field)| holds(field))
        .collect();
    let deadline = holder.deadline();
    for at in 0..prepared.rows.len() {
        let row = &prepared.rows[at];
        if row.error.is_some() {
            continue;
        }
        let wanted = wanted(writer, object, &fields, prepared, row);
        if let Err(foreign) = holder.take(&wanted, deadline) {
            let ids: Vec<String> = foreign
                .iter()
                .map(|&(object, position)| writer.model.id(object, position).to_string())
                .collect();
            writer.org.statistics.lock_failure(&object.name);
            prepared.rows[at].error = Some(RowError::locked(&ids));
        }
    }
}

/// Whether a lookup holds the row it points to.
fn holds(field: &FieldDefinition) -> bool {
    field.kind == FieldType::Reference
        && field.system.is_none()
        && !field.gone
        && (field.createable || field.updateable)
        && field.name != "OwnerId"
        && field.name != RECORD_TYPE
}

fn wanted(
    writer: &Writer,
    object: &SObject,
    fields: &[(u16, &FieldDefinition)],
    prepared: &Prepared,
    row: &PreparedRow,
) -> Vec<Key> {
    let model = &writer.model;
    let deletes = matches!(writer.operation, Operation::Delete | Operation::HardDelete);
    let mut wanted = Vec::new();
    let own = position(writer, object, prepared, row);
    let old: Option<Row> = own.and_then(|at| model.at(writer.object).1.read().get(at).cloned());
    wanted.extend(own.map(|at| (writer.object, at)));
    let mut parent = |id: &str| {
        let key = RecordId::parse(id).and_then(|id| model.locate(id));
        let shared = |object: usize| SHARED.contains(&model.schema.object(object).name.as_str());
        wanted.extend(key.filter(|(object, _)| !shared(*object)));
    };
    let values = &prepared.values[row.values.clone()];
    for &(at, field) in fields {
        let sent = values.iter().find(|(other, _)| *other == at);
        if let Some((_, Some(range))) = sent.filter(|_| !deletes) {
            parent(&prepared.text[range.clone()]);
        }
        let kept = old.as_ref().and_then(|old| old.get(at));
        if let Some(id) = kept.filter(|_| field.on_delete == OnDelete::Cascade) {
            parent(id);
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// The row that is changed, if there is one.
fn position(
    writer: &Writer,
    object: &SObject,
    prepared: &Prepared,
    row: &PreparedRow,
) -> Option<u32> {
    let key = row.key.clone();
    match key.filter(|_| writer.operation == Operation::Upsert) {
        Some(key) => {
            let case_sensitive = object.field(writer.key).case_sensitive;
            let (_, table) = writer.model.at(writer.object);
            match table.find(writer.key, case_sensitive, &prepared.text[key]) {
                Matches::One(position) => Some(position),
                _ => None,
            }
        }
        None => row.id,
    }
}
