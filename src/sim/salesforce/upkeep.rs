//! Rows that the org itself keeps: set-up, and what follows from deployments.
//!
//! In: an object's name and values by field name. Out: rows, written past field rights. Objects that the org does not
//! have take no rows.

use std::io;
use std::sync::Arc;

use super::change::{Batch, Cell, Column, Operation, Outcome};
use super::ids::RecordId;
use super::org::Org;
use super::write::{Scope, Writer, apply};

/// Rows written at a time.
const CHUNK: usize = 500;

/// Inserts one row past field rights.
pub(crate) fn insert(
    org: &Arc<Org>,
    object: &str,
    values: &[(&str, &str)],
) -> io::Result<Option<Outcome>> {
    let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    let row: Vec<String> = values
        .iter()
        .map(|(_, value)| (*value).to_owned())
        .collect();
    Ok(insert_all(org, object, &names, &[row])?.pop())
}

/// Inserts rows with the same fields.
pub(crate) fn insert_all(
    org: &Arc<Org>,
    object: &str,
    names: &[&str],
    rows: &[Vec<String>],
) -> io::Result<Vec<Outcome>> {
    let model = org.model();
    let Some(at) = model.schema.position(object) else {
        return Ok(Vec::new());
    };
    let definition = model.schema.object(at);
    let columns: Vec<Option<u16>> = names.iter().map(|name| definition.position(name)).collect();
    let mut outcomes = Vec::new();
    for rows in rows.chunks(CHUNK) {
        let cells: Vec<Cell<'_>> = rows
            .iter()
            .flat_map(|row| row.iter().zip(&columns))
            .filter(|(_, column)| column.is_some())
            .map(|(value, _)| Cell::Text(value))
            .collect();
        let fields = columns.iter().flatten().copied().map(Column::Field);
        let writer = Writer::new(Scope::trusted(org), at, Operation::Insert, fields.collect());
        outcomes.extend(apply(&writer, &Batch { cells: &cells }, |_| None)?);
    }
    Ok(outcomes)
}

/// Changes the row that has these keys, or makes it. A row that is as it should be is left alone.
pub(crate) fn put(
    org: &Arc<Org>,
    object: &str,
    keys: &[(&str, &str)],
    values: &[(&str, &str)],
) -> io::Result<()> {
    if !org
        .model()
        .rows_with(object, &[keys, values].concat())
        .is_empty()
    {
        return Ok(());
    }
    let Some(id) = org.model().rows_with(object, keys).first().copied() else {
        insert(org, object, &[keys, values].concat())?;
        return Ok(());
    };
    let model = org.model();
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
    let scope = Scope::trusted(org);
    let writer = Writer::new(scope, at, Operation::Update, columns.collect());
    apply(&writer, &Batch { cells: &cells }, |_| None).map(|_| ())
}

/// Takes rows away for good, and what goes with them.
pub(crate) fn purge(org: &Arc<Org>, object: &str, ids: &[RecordId]) -> io::Result<()> {
    let Some(at) = org.model().schema.position(object) else {
        return Ok(());
    };
    let ids: Vec<String> = ids.iter().map(RecordId::to_string).collect();
    for ids in ids.chunks(CHUNK) {
        let cells: Vec<Cell<'_>> = ids.iter().map(|id| Cell::Text(id)).collect();
        let scope = Scope::trusted(org);
        let writer = Writer::new(scope, at, Operation::HardDelete, vec![Column::Id]);
        apply(&writer, &Batch { cells: &cells }, |_| None)?;
    }
    Ok(())
}
