//! Children that go when their parent goes.
//!
//! In: rows that were just deleted. Out: their children deleted likewise, in batches of their own. Only the relationships
//! that describe marks `cascadeDelete` and the simulator holds; other lookups are left as they are.

use std::io;
use std::sync::Arc;

use super::org::Org;
use super::store::Matches;
use super::write::{Batch, Cell, Column, Operation, Outcome, Scope, Writer, apply};

/// (parent, child, reference field of the child).
const CASCADES: [(&str, &str, &str); 2] = [
    ("Account", "Contact", "AccountId"),
    ("Account", "Opportunity", "AccountId"),
];

/// Rows deleted at a time.
const CHUNK: usize = 200;

/// Deletes the children of deleted rows.
pub(crate) fn delete_children(
    org: &Arc<Org>,
    writer: &Writer,
    outcomes: &[Outcome],
) -> io::Result<()> {
    let model = &writer.model;
    let parent = model.schema.object(writer.object);
    for (_, child, field) in CASCADES.iter().filter(|(name, ..)| *name == parent.name) {
        let Some(object) = model.schema.position(child) else {
            continue;
        };
        let (definition, table) = model.at(object);
        let Some(at) = definition.position(field) else {
            continue;
        };
        let mut doomed = Vec::new();
        for outcome in outcomes {
            if let Outcome::Done { position, .. } = outcome {
                match table.find(at, true, &model.id(writer.object, *position).to_string()) {
                    Matches::None => {}
                    Matches::One(position) => doomed.push(position),
                    Matches::Many(positions) => doomed.extend(positions),
                }
            }
        }
        let ids: Vec<String> = doomed
            .iter()
            .map(|&position| model.id(object, position).to_string())
            .collect();
        let operation = match writer.operation {
            Operation::HardDelete => Operation::HardDelete,
            _ => Operation::Delete,
        };
        let child = Writer::new(
            Scope {
                org,
                model: Arc::clone(model),
                access: None,
                user: writer.user,
                trusted: true,
            },
            object,
            operation,
            vec![Column::Id],
        );
        for ids in ids.chunks(CHUNK) {
            let cells: Vec<Cell<'_>> = ids.iter().map(|id| Cell::Text(id)).collect();
            apply(&child, &Batch { cells: &cells }, |_| None)?;
        }
    }
    Ok(())
}
