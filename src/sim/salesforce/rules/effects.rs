//! A chunk that was written, and the means to write what follows from it.
//!
//! In: outcomes. Out: the rows before and after, and writes in the name of the same user past field rights. Rows of a
//! follow-up that are refused are left out: they are not the caller's rows.

use std::io;
use std::sync::Arc;

use super::super::ids::RecordId;
use super::super::model::Model;
use super::super::schema::SObject;
use super::super::store::{Head, Matches, Row};
use super::super::write::{Batch, Cell, Column, Operation, Outcome, Scope, Writer, apply};

/// Rows written at a time.
const CHUNK: usize = 200;

/// What was written.
pub(crate) struct Effects<'a> {
    writer: &'a Writer,
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

impl<'a> Effects<'a> {
    pub(super) fn new(writer: &'a Writer, outcomes: &'a [Outcome]) -> Self {
        Self { writer, outcomes }
    }

    /// The org at this moment.
    pub(super) fn model(&self) -> &'a Model {
        &self.writer.model
    }

    /// The plan the chunk was written by.
    pub(super) fn writer(&self) -> &'a Writer {
        self.writer
    }

    /// The rows that were written.
    pub(super) fn rows(&self) -> Vec<Changed<'a>> {
        let (object, table) = self.model().at(self.writer.object);
        let rows = table.read();
        let changed = self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Done {
                position,
                created,
                before,
            } => Some(Changed {
                object,
                id: self.model().id(self.writer.object, *position).to_string(),
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

    /// Inserts rows with all rules of their object; returns the ids of those that landed, in order. An empty value is
    /// not sent.
    pub(super) fn insert(
        &self,
        object: &str,
        columns: &[&str],
        rows: &[Vec<String>],
    ) -> io::Result<Vec<Option<String>>> {
        self.write(object, Operation::Insert, columns, rows, false)
    }

    /// Changes rows by id, the first column, past the rules of their object. An empty value is null.
    pub(super) fn update(
        &self,
        object: &str,
        columns: &[&str],
        rows: &[Vec<String>],
    ) -> io::Result<()> {
        self.write(object, Operation::Update, columns, rows, true)
            .map(|_| ())
    }

    /// Deletes rows by id, past the rules of their object.
    pub(super) fn delete(&self, object: &str, ids: &[String]) -> io::Result<()> {
        let rows: Vec<Vec<String>> = ids.iter().map(|id| vec![id.clone()]).collect();
        self.write(object, Operation::Delete, &["Id"], &rows, true)
            .map(|_| ())
    }

    fn write(
        &self,
        object: &str,
        operation: Operation,
        columns: &[&str],
        rows: &[Vec<String>],
        plain: bool,
    ) -> io::Result<Vec<Option<String>>> {
        let model = &self.writer.model;
        let Some(number) = model.schema.position(object) else {
            return Ok(Vec::new());
        };
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let definition = model.schema.object(number);
        let columns = columns.iter().filter_map(|name| {
            let at = definition.position(name)?;
            Some(if at == 0 {
                Column::Id
            } else {
                Column::Field(at)
            })
        });
        let scope = Scope {
            org: &self.writer.org,
            model: Arc::clone(model),
            access: None,
            user: self.writer.user,
            trusted: true,
        };
        let writer = Writer::new(scope, number, operation, columns.collect());
        let writer = if plain { writer.plain() } else { writer };
        let empty = match operation {
            Operation::Insert => Cell::Absent,
            _ => Cell::Null,
        };
        let mut ids = Vec::with_capacity(rows.len());
        for rows in rows.chunks(CHUNK) {
            let cells: Vec<Cell<'_>> = rows
                .iter()
                .flatten()
                .map(|value| {
                    if value.is_empty() {
                        empty
                    } else {
                        Cell::Text(value)
                    }
                })
                .collect();
            for outcome in apply(&writer, &Batch { cells: &cells }, |_| None)? {
                ids.push(match outcome {
                    Outcome::Done { position, .. } => {
                        Some(model.id(number, position).to_string())
                    }
                    Outcome::Failed { error, .. } => {
                        tracing::warn!(object, %error, "a row that follows from another one was refused");
                        None
                    }
                });
            }
        }
        Ok(ids)
    }
}
