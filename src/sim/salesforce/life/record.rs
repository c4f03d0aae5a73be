//! Single records: found by id, written, and pointed to another.
//!
//! In: an id, or names and values. Out: the record, or rows written past field rights by the org itself.

use std::sync::Arc;

use super::super::change::{Batch, Cell, Column, Operation, Outcome, RowError, api_error};
use super::super::error::ApiError;
use super::super::ids::RecordId;
use super::super::model::Model;
use super::super::org::Org;
use super::super::store::{Matches, Row};
use super::super::write::{Scope, Writer, apply};

/// Rows written at a time.
const CHUNK: usize = 200;

/// A row by its id.
pub(super) struct Record {
    pub(super) id: RecordId,
    pub(super) object: usize,
    pub(super) position: u32,
    pub(super) row: Row,
}

/// Finds a row, deleted ones included.
pub(super) fn record(model: &Model, id: &str) -> Result<Record, ApiError> {
    let parsed = RecordId::parse(id)
        .ok_or_else(|| ApiError::bad("MALFORMED_ID", format!("malformed id {id}")))?;
    let (object, position) = model.locate(parsed).ok_or_else(ApiError::not_found)?;
    let row = model.row(parsed).ok_or_else(ApiError::not_found)?;
    Ok(Record {
        id: parsed,
        object,
        position,
        row,
    })
}

/// Finds a row that is not deleted.
pub(super) fn live(model: &Model, id: &str) -> Result<Record, ApiError> {
    let found = record(model, id)?;
    if found.row.deleted() {
        return Err(api_error(&RowError::deleted()));
    }
    Ok(found)
}

/// How rows are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// With the rules of their object.
    Ruled,
    /// Past them: values that follow from what was done.
    Plain,
}

/// Who does it, and where.
#[derive(Clone, Copy)]
pub(super) struct By<'a> {
    pub(super) org: &'a Arc<Org>,
    /// Number of the user.
    pub(super) user: u32,
}

impl<'a> By<'a> {
    /// Past field rights, in the user's name.
    fn scope(&self) -> Scope<'a> {
        Scope {
            user: self.user,
            ..Scope::trusted(self.org)
        }
    }

    /// The value of a field as it stands now.
    pub(super) fn field(&self, id: RecordId, name: &str) -> Option<String> {
        let model = self.org.model();
        let (object, _) = model.locate(id)?;
        let at = model.schema.object(object).position(name)?;
        model.row(id)?.get(at).map(str::to_owned)
    }

    /// Writes one row; fields that the object does not have are left out. Returns its id.
    pub(super) fn put(
        &self,
        object: &str,
        operation: Operation,
        values: &[(&str, Option<&str>)],
        how: How,
    ) -> Result<RecordId, ApiError> {
        let model = self.org.model();
        let number = model
            .schema
            .position(object)
            .ok_or_else(ApiError::not_found)?;
        let definition = model.schema.object(number);
        let known = values.iter().filter_map(|(name, value)| {
            let column = match definition.position(name)? {
                0 => Column::Id,
                at => Column::Field(at),
            };
            Some((column, value.map_or(Cell::Null, Cell::Text)))
        });
        let (columns, cells): (Vec<Column>, Vec<Cell<'_>>) = known.unzip();
        let writer = Writer::new(self.scope(), number, operation, columns);
        let writer = match how {
            How::Ruled => writer,
            How::Plain => writer.plain(),
        };
        match apply(&writer, &Batch { cells: &cells }, |_| None)?.first() {
            Some(Outcome::Done { position, .. }) => Ok(model.id(number, *position)),
            Some(Outcome::Failed { error, .. }) => Err(api_error(error)),
            None => Err(ApiError::not_found()),
        }
    }

    /// Points the rows that refer to one row to another, past all rules. Rows that the org would not have twice are left.
    pub(super) fn repoint(
        &self,
        object: usize,
        field: u16,
        from: RecordId,
        to: RecordId,
    ) -> Result<(), ApiError> {
        let model = self.org.model();
        let (from, to) = (from.to_string(), to.to_string());
        let positions = match model.at(object).1.find(field, true, &from) {
            Matches::None => return Ok(()),
            Matches::One(position) => vec![position],
            Matches::Many(positions) => positions,
        };
        let columns = vec![Column::Id, Column::Field(field)];
        let writer = Writer::new(self.scope(), object, Operation::Update, columns).plain();
        let ids: Vec<String> = positions
            .iter()
            .map(|&position| model.id(object, position).to_string())
            .collect();
        for ids in ids.chunks(CHUNK) {
            let cells: Vec<Cell<'_>> = ids
                .iter()
                .flat_map(|id| [Cell::Text(id), Cell::Text(&to)])
                .collect();
            apply(&writer, &Batch { cells: &cells }, |_| None)?;
        }
        Ok(())
    }
}
