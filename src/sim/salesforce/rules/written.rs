//! A chunk that was written, as the rule of its object sees it.
//!
//! In: outcomes. Out: the rows before and after, and looks at others. It writes nothing: what follows is told as
//! [`Effects`].

use super::super::change::{Effects, Outcome};
use super::super::ids::RecordId;
use super::super::model::Model;
use super::super::schema::SObject;
use super::super::store::{Head, Matches, Row};
use super::context::WriteContext;

/// What was written.
pub(crate) struct Written<'a> {
    context: WriteContext<'a>,
    outcomes: &'a [Outcome],
}

/// One row that was written.
pub(super) struct Changed<'a> {
    object: &'a SObject,
    pub(super) id: String,
    pub(super) created: bool,
    old: Option<Row>,
    /// None if the row is gone.
    new: Option<Row>,
}

impl Changed<'_> {
    /// The value before; null for a new row.
    pub(super) fn before(&self, name: &str) -> Option<&str> {
        self.old.as_ref()?.get(self.object.position(name)?)
    }

    /// The value now; null for a row that is gone.
    pub(super) fn after(&self, name: &str) -> Option<&str> {
        self.new.as_ref()?.get(self.object.position(name)?)
    }

    /// Whether the row went.
    pub(super) fn gone(&self) -> bool {
        self.new.is_none()
    }

    /// Whether the row is new or a value of it is another one.
    pub(super) fn changed(&self, name: &str) -> bool {
        self.before(name) != self.after(name)
    }

    /// Who made the row, and when.
    pub(super) fn head(&self) -> Option<Head> {
        self.new.as_ref().or(self.old.as_ref()).map(Row::head)
    }
}

/// A live row of some object.
pub(super) struct Found<'a> {
    object: &'a SObject,
    pub(super) id: String,
    row: Row,
}

impl Found<'_> {
    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.row.get(self.object.position(name)?)
    }

    /// Whether a boolean field is set.
    pub(super) fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }
}

impl<'a> Written<'a> {
    /// Rows that were written.
    pub(crate) fn new(context: WriteContext<'a>, outcomes: &'a [Outcome]) -> Self {
        Self { context, outcomes }
    }

    /// No effects yet.
    pub(super) fn effects(&self) -> Effects<'a> {
        Effects::new(self.context.model)
    }

    /// The org at this moment.
    pub(super) fn model(&self) -> &'a Model {
        self.context.model
    }

    /// Who wrote, and where.
    pub(super) fn context(&self) -> WriteContext<'a> {
        self.context
    }

    /// The rows that were written.
    pub(super) fn rows(&self) -> Vec<Changed<'a>> {
        let (object, table) = self.model().at(self.context.object);
        let rows = table.read();
        let changed = self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Done {
                position,
                created,
                before,
            } => Some(Changed {
                object,
                id: self.model().id(self.context.object, *position).to_string(),
                created: *created,
                old: before.clone(),
                new: rows.get(*position).filter(|row| !row.deleted()).cloned(),
            }),
            Outcome::Failed { .. } => None,
        });
        changed.collect()
    }

    /// Live rows of an object that have a value in a field.
    pub(super) fn find(&self, object: &str, field: &str, value: &str) -> Vec<Found<'a>> {
        let model = self.model();
        let Some(number) = model.schema.position(object) else {
            return Vec::new();
        };
        let (object, table) = model.at(number);
        let Some((at, field)) = object.find(field) else {
            return Vec::new();
        };
        let positions = match table.find(at, !field.references.is_empty(), value) {
            Matches::None => Vec::new(),
            Matches::One(position) => vec![position],
            Matches::Many(positions) => positions,
        };
        let rows = table.read();
        let found = positions.into_iter().filter_map(|position| {
            Some(Found {
                object,
                id: model.id(number, position).to_string(),
                row: rows.get(position).cloned()?,
            })
        });
        found.collect()
    }

    /// The live row of an id.
    pub(super) fn row(&self, id: &str) -> Option<Found<'a>> {
        let parsed = RecordId::parse(id)?;
        let (object, _) = self.model().locate(parsed)?;
        let row = self.model().row(parsed).filter(|row| !row.deleted())?;
        Some(Found {
            object: self.model().schema.object(object),
            id: id.to_owned(),
            row,
        })
    }
}
