//! The header row of an upload → columns, or the reason why the whole job fails (`guide/salesforce.md` §1.7).
//!
//! In: header names, the object, what the user may see. Out: [`Column`]s in header order. A field hidden by field-level
//! security does not exist here.

use super::super::change::{Column, Operation};
use super::super::model::{Access, Model};

/// Characters a header may have.
const HEADER_LIMIT: usize = 32_000;

/// Resolves a header. The error is the job's `errorMessage`.
pub(super) fn columns(
    model: &Model,
    access: &Access,
    object: usize,
    operation: Operation,
    key: Option<&str>,
    names: &[&str],
) -> Result<Vec<Column>, String> {
    if names
        .iter()
        .map(|name| name.chars().count() + 1)
        .sum::<usize>()
        > HEADER_LIMIT
    {
        return Err(format!(
            "InvalidBatch : CSV header exceeds {HEADER_LIMIT} characters"
        ));
    }
    let columns = names
        .iter()
        .map(|name| column(model, access, object, name))
        .collect::<Result<Vec<_>, _>>()?;
    let deletes = matches!(operation, Operation::Delete | Operation::HardDelete);
    if deletes && columns != [Column::Id] {
        let name = if operation == Operation::Delete {
            "delete"
        } else {
            "hardDelete"
        };
        return Err(format!(
            "InvalidBatch : The '{name}' batch must contain only 'Id'"
        ));
    }
    // The texts for a missing id or key column are not in the reference.
    let needed = match operation {
        Operation::Update => Some("Id"),
        Operation::Upsert => key,
        _ => None,
    };
    if let Some(needed) =
        needed.filter(|needed| !names.iter().any(|name| name.eq_ignore_ascii_case(needed)))
    {
        return Err(format!("InvalidBatch : Field name not found : {needed}"));
    }
    Ok(columns)
}

fn column(model: &Model, access: &Access, object: usize, name: &str) -> Result<Column, String> {
    let not_found = || format!("InvalidBatch : Field name not found : {name}");
    let definition = model.schema.object(object);
    if !name.contains(['.', ':']) {
        let (at, _) = definition
            .find(name)
            .filter(|(at, _)| access.visible(object, *at))
            .ok_or_else(not_found)?;
        return Ok(if at == 0 {
            Column::Id
        } else {
            Column::Field(at)
        });
    }
    let (kind, path) = match name.split_once(':') {
        Some((kind, path)) => (Some(kind), path),
        None => (None, name),
    };
    let (relationship, key) = path.split_once('.').ok_or_else(not_found)?;
    if key.contains(['.', ':']) || relationship.contains(':') {
        return Err(not_found());
    }
    let (field, reference) = definition
        .relationship(relationship)
        .filter(|(at, _)| access.visible(object, *at))
        .ok_or_else(|| format!("InvalidBatch : Unable to find relationship: {relationship}"))?;
    let parent = match (kind, reference.references.as_slice()) {
        (None, [only]) => only,
        (Some(_), [_]) => {
            let rule = "type is not needed for non polymorphic foreign key references";
            return Err(format!("InvalidBatch : {rule}: {relationship}"));
        }
        // That this is an error is documented, its text is not.
        (None, _) => {
            let rule = "type is needed for polymorphic foreign key references";
            return Err(format!("InvalidBatch : {rule}: {relationship}"));
        }
        (Some(kind), several) => several
            .iter()
            .find(|name| name.eq_ignore_ascii_case(kind))
            .ok_or_else(not_found)?,
    };
    let parent = model.schema.position(parent).ok_or_else(not_found)?;
    let (key, _) = model
        .schema
        .object(parent)
        .find(key)
        .filter(|(at, field)| field.is_key() && access.visible(parent, *at))
        .ok_or_else(not_found)?;
    Ok(Column::Parent {
        field,
        object: parent,
        key,
    })
}
