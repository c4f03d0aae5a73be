//! Children whose parent goes.
//!
//! In: rows that were just deleted. Out: effects that delete their children likewise or take the reference from them, as
//! its definition says ([`OnDelete`]); other lookups are left as they are. Parents that must not go are found before the
//! deletion. Writes nothing.

use super::change::{Column, Effect, EffectCell, Operation, Outcome};
use super::model::Model;
use super::schema::OnDelete;
use super::store::Matches;

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

/// What becomes of the children by one reference, if there are any; `operation` says whether they can be restored.
pub(crate) fn effect(
    model: &Model,
    child: &Child,
    parent: usize,
    operation: Operation,
    outcomes: &[Outcome],
) -> Option<Effect> {
    if child.restricts() {
        return None;
    }
    let (definition, table) = model.at(child.object);
    let mut found = Vec::new();
    for outcome in outcomes {
        if let Outcome::Done { position, .. } = outcome {
            let id = model.id(parent, *position).to_string();
            match table.find(child.field, true, &id) {
                Matches::None => {}
                Matches::One(position) => found.push(position),
                Matches::Many(positions) => found.extend(positions),
            }
        }
    }
    if found.is_empty() {
        return None;
    }
    tracing::debug!(
        object = definition.name,
        rows = found.len(),
        "children follow their parent"
    );
    let (operation, columns) = match child.on_delete {
        OnDelete::SetNull => (
            Operation::Update,
            vec![Column::Id, Column::Field(child.field)],
        ),
        _ => (operation, vec![Column::Id]),
    };
    // The reference, where it is emptied, is an empty text.
    let row = |position: u32| {
        let id = EffectCell::Text(model.id(child.object, position).to_string());
        let empty = (1..columns.len()).map(|_| EffectCell::from(""));
        std::iter::once(id).chain(empty).collect()
    };
    Some(Effect {
        object: child.object,
        operation,
        rows: found.into_iter().map(row).collect(),
        columns,
        ruled: true,
        user: None,
    })
}
