//! Picklists whose values are rows of their own: stages, statuses, priorities.
//!
//! In: the rows that the org holds when it is opened. Out: the same values in the picklists that describe shows, so that
//! those of an earlier deployment are still there.

use super::model::Model;
use super::schema::{PicklistValue, SObject};

/// The object of the rows, and the field that shows them.
const LISTS: [(&str, &str, &str); 5] = [
    ("OpportunityStage", "Opportunity", "StageName"),
    ("LeadStatus", "Lead", "Status"),
    ("TaskStatus", "Task", "Status"),
    ("TaskPriority", "Task", "Priority"),
    ("CaseStatus", "Case", "Status"),
];

/// Brings the picklists in line with the rows; a list without rows stays as it is.
pub(crate) fn follow_rows(model: &mut Model) {
    for (rows, host, field) in LISTS {
        let values = values(model, rows);
        let Some(at) = model.schema.position(host).filter(|_| !values.is_empty()) else {
            continue;
        };
        let mut object = SObject::clone(model.schema.object(at));
        let Some((_, definition)) = object.find(field) else {
            continue;
        };
        let mut definition = definition.clone();
        for value in &mut definition.picklist {
            value.active = false;
        }
        for (label, active) in values {
            let known = definition.picklist.iter_mut();
            match known.into_iter().find(|known| known.value == label) {
                Some(known) => known.active = active,
                None => definition.picklist.push(PicklistValue {
                    value: label.clone(),
                    label,
                    default: false,
                    active,
                }),
            }
        }
        object.add(definition);
        model.schema.put(object);
    }
}

/// Labels in their order, and whether they can be chosen.
fn values(model: &Model, rows: &str) -> Vec<(String, bool)> {
    let Some((object, table)) = model.table(rows) else {
        return Vec::new();
    };
    let (label, order, active) = (
        object.position("MasterLabel"),
        object.position("SortOrder"),
        object.position("IsActive"),
    );
    let rows = table.read();
    let live = (0..rows.len()).filter_map(|at| rows.get(at));
    let mut values: Vec<(u32, String, bool)> = live
        .filter(|row| !row.deleted())
        .filter_map(|row| {
            let text = |at: Option<u16>| at.and_then(|at| row.get(at));
            let place = text(order).and_then(|order| order.parse().ok());
            Some((
                place.unwrap_or(u32::MAX),
                text(label)?.to_owned(),
                active.is_none() || text(active) == Some("true"),
            ))
        })
        .collect();
    values.sort();
    values
        .into_iter()
        .map(|(_, label, active)| (label, active))
        .collect()
}
