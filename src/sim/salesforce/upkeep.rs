//! Rows that the org itself keeps: set-up, and what follows from deployments.
//!
//! In: an object's name and values by field name. Out: rows, written past field rights. Objects that the org does not
//! have take no rows.

use std::io;
use std::sync::Arc;

use super::ids::RecordId;
use super::org::Org;
use super::write::{Batch, Cell, Column, Operation, Outcome, Scope, Writer, apply};

/// Rows written at a time.
const CHUNK: usize = 500;

impl Org {
    /// Inserts one row past field rights.
    pub(crate) fn insert(
        self: &Arc<Self>,
        object: &str,
        values: &[(&str, &str)],
    ) -> io::Result<Option<Outcome>> {
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        let row: Vec<String> = values
            .iter()
            .map(|(_, value)| (*value).to_owned())
            .collect();
        Ok(self.insert_all(object, &names, &[row])?.pop())
    }

    /// Inserts rows with the same fields.
    pub(crate) fn insert_all(
        self: &Arc<Self>,
        object: &str,
        names: &[&str],
        rows: &[Vec<String>],
    ) -> io::Result<Vec<Outcome>> {
        let model = self.model();
        let Some(at) = model.schema.position(object) else {
            return Ok(Vec::new());
        };
        let definition = model.schema.object(at);
        let columns: Vec<Option<u16>> =
            names.iter().map(|name| definition.position(name)).collect();
        let mut outcomes = Vec::new();
        for rows in rows.chunks(CHUNK) {
            let cells: Vec<Cell<'_>> = rows
                .iter()
                .flat_map(|row| row.iter().zip(&columns))
                .filter(|(_, column)| column.is_some())
                .map(|(value, _)| Cell::Text(value))
                .collect();
            let fields = columns.iter().flatten().copied().map(Column::Field);
            let writer = Writer::new(
                Scope::trusted(self),
                at,
                Operation::Insert,
                fields.collect(),
            );
            outcomes.extend(apply(&writer, &Batch { cells: &cells }, |_| None)?);
        }
        Ok(outcomes)
    }

    /// Live rows of an object that have all of these values.
    pub(crate) fn rows_with(&self, object: &str, keys: &[(&str, &str)]) -> Vec<RecordId> {
        let model = self.model();
        let Some(number) = model.schema.position(object) else {
            return Vec::new();
        };
        let (definition, table) = model.at(number);
        let keys: Vec<(Option<u16>, &str)> = keys
            .iter()
            .map(|(name, value)| (definition.position(name), *value))
            .collect();
        let rows = table.read();
        let fits = |position: &u32| {
            rows.get(*position).is_some_and(|row| {
                !row.deleted()
                    && keys
                        .iter()
                        .all(|(at, value)| at.and_then(|at| row.get(at)) == Some(*value))
            })
        };
        (0..rows.len())
            .filter(fits)
            .map(|position| model.id(number, position))
            .collect()
    }

    /// Changes the row that has these keys, or makes it. A row that is as it should be is left alone.
    pub(crate) fn put(
        self: &Arc<Self>,
        object: &str,
        keys: &[(&str, &str)],
        values: &[(&str, &str)],
    ) -> io::Result<()> {
        if !self.rows_with(object, &[keys, values].concat()).is_empty() {
            return Ok(());
        }
        let Some(id) = self.rows_with(object, keys).first().copied() else {
            self.insert(object, &[keys, values].concat())?;
            return Ok(());
        };
        let model = self.model();
        let Some(at) = model.schema.position(object) else {
            return Ok(());
        };
        let definition = model.schema.object(at);
        let known = values
            .iter()
            .filter_map(|(name, value)| Some((definition.position(name)?, *value)));
        let (fields, texts): (Vec<u16>, Vec<&str>) = known.unzip();
        let id = id.to_string();
        let columns = std::iter::once(Column::Id).chain(fields.into_iter().map(Column::Field));
        let cells: Vec<Cell<'_>> = std::iter::once(id.as_str())
            .chain(texts)
            .map(Cell::Text)
            .collect();
        let scope = Scope::trusted(self);
        let writer = Writer::new(scope, at, Operation::Update, columns.collect());
        apply(&writer, &Batch { cells: &cells }, |_| None).map(|_| ())
    }

    /// Takes rows away for good, and what goes with them.
    pub(crate) fn purge(self: &Arc<Self>, object: &str, ids: &[RecordId]) -> io::Result<()> {
        let Some(at) = self.model().schema.position(object) else {
            return Ok(());
        };
        let ids: Vec<String> = ids.iter().map(RecordId::to_string).collect();
        for ids in ids.chunks(CHUNK) {
            let cells: Vec<Cell<'_>> = ids.iter().map(|id| Cell::Text(id)).collect();
            let scope = Scope::trusted(self);
            let writer = Writer::new(scope, at, Operation::HardDelete, vec![Column::Id]);
            apply(&writer, &Batch { cells: &cells }, |_| None)?;
        }
        Ok(())
    }
}
