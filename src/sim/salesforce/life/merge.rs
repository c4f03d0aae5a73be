//! Merging duplicates: one record stays, the others go.
//!
//! In: the master and the losers, of one object. Out: what referred to a loser refers to the master, the losers are in
//! the recycle bin with `MasterRecordId`. The master's own values stay; rows that the master already has (a campaign it
//! is a member of, an account it is related to) go with the loser.

use std::sync::Arc;

use serde::Deserialize;

use super::super::change::Operation;
use super::super::error::ApiError;
use super::super::model::Model;
use super::super::org::Org;
use super::super::schema::FieldType;
use super::record::{By, How, Record, live};

/// Objects whose records can be merged.
const MERGEABLE: [&str; 4] = ["Account", "Contact", "Lead", "Case"];
const MASTER: &str = "MasterRecordId";

/// Which records become one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Merge {
    master: String,
    losers: Vec<String>,
}

/// Merges in the name of a user; nothing happens if one of the records cannot be merged.
pub(crate) fn merge(org: &Arc<Org>, user: u32, wanted: &Merge) -> Result<(), ApiError> {
    let by = By { org, user };
    let model = org.model();
    let master = live(&model, &wanted.master)?;
    let object = model.schema.object(master.object);
    let refused = |message: String| Err(ApiError::bad("MERGE_FAILED", message));
    if !MERGEABLE.contains(&object.name.as_str()) {
        return refused(format!("records of {} cannot be merged", object.name));
    }
    let losers = wanted.losers.iter().map(|id| live(&model, id));
    let losers: Vec<Record> = losers.collect::<Result<_, _>>()?;
    if let Some(other) = losers.iter().find(|loser| loser.object != master.object) {
        return refused(format!("{} is no {}", other.id, object.name));
    }
    if losers.iter().any(|loser| loser.id == master.id) {
        return refused(format!("{} cannot be merged with itself", master.id));
    }
    for loser in &losers {
        for (object, field) in references(&model, &object.name) {
            by.repoint(object, field, loser.id, master.id)?;
        }
        let (id, kept) = (loser.id.to_string(), master.id.to_string());
        let row = [("Id", Some(id.as_str())), (MASTER, Some(kept.as_str()))];
        by.put(&object.name, Operation::Update, &row, How::Plain)?;
        by.put(&object.name, Operation::Delete, &row[..1], How::Plain)?;
    }
    Ok(())
}

/// Fields that can refer to rows of an object.
fn references(model: &Model, name: &str) -> Vec<(usize, u16)> {
    let mut found = Vec::new();
    for (object, definition) in model.schema.objects().iter().enumerate() {
        // Notes share a table with documents, which come before them.
        if definition.gone || definition.name == "ContentNote" {
            continue;
        }
        for (at, field) in (0u16..).zip(&definition.fields) {
            let refers = field.kind == FieldType::Reference
                && !field.gone
                && field.system.is_none()
                && field.references.iter().any(|other| other == name);
            if refers && field.name != MASTER {
                found.push((object, at));
            }
        }
    }
    found
}
