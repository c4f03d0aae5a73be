//! Children whose parent goes.
//!
//! In: rows that were just deleted. Out: their children deleted likewise, or without the reference, in batches of their
//! own, as the definition of the reference says ([`OnDelete`]); other lookups are left as they are. Parents that must not
//! go are found before the deletion.

use std::io;
use std::sync::Arc;

use super::model::Model;
use super::org::Org;
use super::schema::OnDelete;
use super::store::Matches;
use super::write::{Batch, Cell, Column, Operation, Outcome, Scope, Writer, apply};

/// Rows deleted at a time.
const CHUNK: usize = 200;

/// A reference of a child object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Child {
    object: usize,
    field: u16,
    on_delete: OnDelete,
}

impl Child {
    /// Whether the reference keeps its parent from being deleted.
    pub(crate) fn restricts(&self) -> bool {
        self.on_delete == OnDelete::Restrict
    }
}

/// References to an object that its deletions must care for.
pub(crate) fn children(model: &Model, parent: usize) -> Vec<Child> {
    let name = &model.schema.object(parent).name;
    let mut children = Vec::new();
    for (object, definition) in model.schema.objects().iter().enumerate() {
        for (field, reference) in (0u16..).zip(&definition.fields) {
            if reference.on_delete != OnDelete::Keep && reference.references.contains(name) {
                children.push(Child {
                    object,
                    field,
                    on_delete: reference.on_delete,
                });
            }
        }
    }
    children
}

/// References by which rows go with a row of an object: the number of their object, and of the field.
pub(crate) fn going_with(model: &Model, parent: usize) -> Vec<(usize, u16)> {
    let all = children(model, parent).into_iter();
    all.filter(|child| child.on_delete == OnDelete::Cascade)
        .map(|child| (child.object, child.field))
        .collect()
}

/// The label of a child object that keeps a row from being deleted.
pub(crate) fn restricted(
    model: &Model,
    children: &[Child],
    parent: usize,
    position: u32,
) -> Option<String> {
    let id = model.id(parent, position).to_string();
    for child in children.iter().filter(|child| child.restricts()) {
        let (object, table) = model.at(child.object);
        if table.find(child.field, true, &id) != Matches::None {
            return Some(object.plural.clone());
        }
    }
    None
}

/// Follows up on deleted rows; `operation` says whether they can be restored.
pub(crate) fn follow(
    org: &Arc<Org>,
    writer: &Writer,
    operation: Operation,
    outcomes: &[Outcome],
) -> io::Result<()> {
    let model = &writer.model;
    for child in children(model, writer.object) {
        let (definition, table) = model.at(child.object);
        let mut found = Vec::new();
        for outcome in outcomes {
            if let Outcome::Done { position, .. } = outcome {
                let id = model.id(writer.object, *position).to_string();
                match table.find(child.field, true, &id) {
                    Matches::None => {}
                    Matches::One(position) => found.push(position),
                    Matches::Many(positions) => found.extend(positions),
                }
            }
        }
        if found.is_empty() || child.restricts() {
            continue;
        }
        tracing::debug!(
            object = definition.name,
            rows = found.len(),
            "children follow their parent"
        );
        let ids: Vec<String> = found
            .iter()
            .map(|&position| model.id(child.object, position).to_string())
            .collect();
        let (operation, columns) = match child.on_delete {
            OnDelete::SetNull => (
                Operation::Update,
                vec![Column::Id, Column::Field(child.field)],
            ),
            _ => (operation, vec![Column::Id]),
        };
        let width = columns.len();
        let scope = Scope {
            org,
            model: Arc::clone(model),
            access: None,
            user: writer.user,
            trusted: true,
        };
        let writer = Writer::new(scope, child.object, operation, columns);
        for ids in ids.chunks(CHUNK) {
            let cells: Vec<Cell<'_>> = ids
                .iter()
                .flat_map(|id| [Cell::Text(id), Cell::Null].into_iter().take(width))
                .collect();
            apply(&writer, &Batch { cells: &cells }, |_| None)?;
        }
    }
    Ok(())
}
