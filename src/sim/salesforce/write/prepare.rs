//! Everything that can be decided about rows before their table is locked.
//!
//! In: the cells of a chunk. Out: [`Prepared`]: canonical values by rising field number in one text buffer, the row's id
//! or key, or the first error. Reads parents' tables, never writes.

use std::collections::HashMap;
use std::ops::Range;

use super::super::change::value::canonical;
use super::super::change::{Batch, Cell, Column, Operation, RowError, SentValue};
use super::super::ids::RecordId;
use super::super::record_types::is_master;
use super::super::schema::{FieldType, RECORD_TYPE};
use super::reference::{by_id, by_key, record_type};
use super::writer::Writer;

/// The rows of a chunk, checked.
#[derive(Default)]
pub(super) struct Prepared {
    pub(super) text: String,
    pub(super) values: Vec<SentValue>,
    pub(super) rows: Vec<PreparedRow>,
}

/// One row, checked.
pub(super) struct PreparedRow {
    pub(super) values: Range<usize>,
    /// Position of the row that the `Id` column names.
    pub(super) id: Option<u32>,
    /// Text of the upsert key.
    pub(super) key: Option<Range<usize>>,
    pub(super) error: Option<RowError>,
}

/// The last reference looked up in a column: owners and parents repeat from row to row.
type Seen = Option<(String, Result<RecordId, RowError>)>;

/// Checks the rows of a chunk.
pub(super) fn prepare(writer: &Writer, batch: &Batch<'_>) -> Prepared {
    let width = writer.columns.len().max(1);
    let mut prepared = Prepared::default();
    let mut seen: Vec<Seen> = vec![None; writer.columns.len()];
    for cells in batch.cells.chunks(width) {
        let start = prepared.values.len();
        let mut row = PreparedRow {
            values: start..start,
            id: None,
            key: None,
            error: None,
        };
        for &at in &writer.order {
            if let Err(error) = cell(
                writer,
                &mut prepared,
                &mut row,
                &mut seen[at],
                at,
                cells[at],
            ) {
                row.error.get_or_insert(error);
            }
        }
        row.values = start..prepared.values.len();
        prepared.rows.push(row);
    }
    if writer.operation == Operation::Upsert && writer.key != 0 {
        refuse_repeated_keys(&mut prepared);
    }
    prepared
}

fn cell(
    writer: &Writer,
    prepared: &mut Prepared,
    row: &mut PreparedRow,
    seen: &mut Seen,
    at: usize,
    cell: Cell<'_>,
) -> Result<(), RowError> {
    let object = writer.model.schema.object(writer.object);
    let target = match &writer.columns[at] {
        Column::Id => {
            if let Cell::Text(text) = cell {
                row.id = own_id(writer, text)?;
            }
            return Ok(());
        }
        Column::Field(field) | Column::Parent { field, .. } => *field,
    };
    let field = object.field(target);
    let right = writer.rights[at];
    let allowed = match writer.operation {
        Operation::Insert => right.insert,
        Operation::Update => right.update,
        _ => right.insert || right.update,
    };
    let text = match cell {
        Cell::Absent => return Ok(()),
        _ if !allowed => return Err(RowError::not_writable(&field.name)),
        Cell::Null => {
            prepared.values.push((target, None));
            return Ok(());
        }
        Cell::Text(text) => text,
    };
    let start = prepared.text.len();
    match &writer.columns[at] {
        Column::Field(_) if field.kind != FieldType::Reference => {
            if !canonical(field, text, &mut prepared.text)? {
                prepared.values.push((target, None));
                return Ok(());
            }
        }
        column => {
            let text = text.trim();
            let typed = field.name == RECORD_TYPE;
            if text.is_empty() || (typed && is_master(text)) {
                prepared.values.push((target, None));
                return Ok(());
            }
            let known = seen.as_ref().filter(|(value, _)| value == text);
            let id = match known {
                Some((_, result)) => result.clone(),
                None => {
                    let result = match column {
                        Column::Parent {
                            object: parent,
                            key,
                            ..
                        } => by_key(&writer.model, object, *parent, *key, text),
                        _ => by_id(
                            &writer.model,
                            object,
                            field,
                            text,
                            writer.org.options.inactive_owners,
                        ),
                    };
                    let result = match &writer.record_types {
                        Some(usable) if typed => {
                            result.and_then(|id| record_type(usable, field, id, text))
                        }
                        _ => result,
                    };
                    *seen = Some((text.to_owned(), result.clone()));
                    result
                }
            }?;
            prepared
                .text
                .push_str(std::str::from_utf8(&id.long_bytes()).unwrap_or_default());
        }
    }
    let range = start..prepared.text.len();
    if target == writer.key && writer.key != 0 {
        row.key = Some(range.clone());
    }
    prepared.values.push((target, Some(range)));
    Ok(())
}

fn own_id(writer: &Writer, text: &str) -> Result<Option<u32>, RowError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let id = RecordId::parse(text)
        .ok_or_else(|| RowError::new("MALFORMED_ID", format!("malformed id {text}")))?;
    let object = writer.model.schema.object(writer.object);
    if id.prefix() != object.prefix {
        let message = format!("{} ID: id value of incorrect type: {text}", object.label);
        return Err(RowError::on("MALFORMED_ID", message, &["Id"]));
    }
    match writer.model.locate(id) {
        Some((_, position)) => Ok(Some(position)),
        None => Err(RowError::unknown_id(&[])),
    }
}

/// A key that occurs twice in a chunk fails in every place (§7; that all of them fail is the plausible reading).
fn refuse_repeated_keys(prepared: &mut Prepared) {
    let mut count: HashMap<&str, u32> = HashMap::with_capacity(prepared.rows.len());
    for row in &prepared.rows {
        if let Some(key) = row.key.clone() {
            *count.entry(&prepared.text[key]).or_default() += 1;
        }
    }
    if count.len() == prepared.rows.len() || count.values().all(|&times| times == 1) {
        return;
    }
    for row in &mut prepared.rows {
        if let Some(key) = row.key.clone() {
            let key = &prepared.text[key];
            if count.get(key).is_some_and(|&times| times > 1) && row.error.is_none() {
                let message = format!("Duplicate external id specified: {key}");
                row.error = Some(RowError::new("DUPLICATE_EXTERNAL_ID", message));
            }
        }
    }
}
