//! One chunk of an upload → the table and the results file.
//!
//! In: rows as they are in the upload. Out: those that can be are written, and what became of each is appended to the
//! results. Rows that are not UTF-8, and rows that a fault keeps from being written, fail; the others are not touched by
//! that.

use std::io;

use super::super::change::{Batch, Cell, Column, Outcome, RowError};
use super::super::ids::RecordId;
use super::super::store::Mark;
use super::super::write::{Writer, apply};
use super::job::IngestJob;
use super::results::{Span, encode};
use super::resumed::Resumed;

/// Writes a chunk and returns how many of its rows failed.
pub(super) fn chunk(
    writer: &Writer,
    job: &IngestJob,
    file: &mut Resumed,
    span: Span,
    records: &[csv::ByteRecord],
) -> io::Result<u64> {
    let mut refused: Vec<(usize, Outcome)> = Vec::new();
    let mut cells = Vec::with_capacity(records.len() * writer.columns.len());
    for (row, record) in records.iter().enumerate() {
        let start = cells.len();
        for value in record {
            cells.push(match std::str::from_utf8(value) {
                Ok("") => Cell::Absent,
                Ok("#N/A") => Cell::Null,
                Ok(text) => Cell::Text(text),
                Err(_) => {
                    refused.push((row, unreadable()));
                    break;
                }
            });
        }
        if refused.last().is_none_or(|(other, _)| *other != row)
            && let Some(outcome) = troubled(writer, job, record)
        {
            refused.push((row, outcome));
        }
        if refused.last().is_some_and(|(other, _)| *other == row) {
            cells.truncate(start);
        }
    }
    let mut results = Vec::new();
    let mut failed = 0;
    apply(writer, &Batch { cells: &cells }, |outcomes| {
        let merged;
        let outcomes = if refused.is_empty() {
            outcomes
        } else {
            merged = merge(outcomes, refused, records.len());
            &merged
        };
        failed = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Outcome::Failed { .. }))
            .count() as u64;
        results = encode(span, outcomes);
        Some(Mark {
            job: job.number(),
            chunk: file.chunk,
            results: results.clone(),
        })
    })?;
    file.results.append(&results)?;
    file.chunk += 1;
    Ok(failed)
}

/// The outcomes of all rows, in their order.
fn merge(written: &[Outcome], refused: Vec<(usize, Outcome)>, rows: usize) -> Vec<Outcome> {
    let mut written = written.iter().cloned();
    let mut refused = refused.into_iter().peekable();
    (0..rows)
        .filter_map(|row| match refused.next_if(|(at, _)| *at == row) {
            Some((_, outcome)) => Some(outcome),
            None => written.next(),
        })
        .collect()
}

/// The text of this error is a guess.
fn unreadable() -> Outcome {
    Outcome::Failed {
        position: None,
        error: RowError::new(
            "TEXT_DATA_OUTSIDE_SUPPORTED_CHARSET",
            "invalid UTF-8 sequence",
        ),
    }
}

/// What a fault of the job does to a row: decided by its key, by its id, else by all of it.
fn troubled(writer: &Writer, job: &IngestJob, record: &csv::ByteRecord) -> Option<Outcome> {
    if job.fate.rows.is_empty() {
        return None;
    }
    let definition = writer.model.schema.object(writer.object);
    let column = |fits: &dyn Fn(&Column) -> bool| writer.columns.iter().position(fits);
    let id = column(&|column| *column == Column::Id);
    let upserted = column(&|column| writer.key != 0 && *column == Column::Field(writer.key));
    let external = || {
        column(&|column| match column {
            Column::Field(at) => definition.field(*at).external_id,
            _ => false,
        })
    };
    let key = upserted.or(id).or_else(external);
    let key: Vec<&[u8]> = match key {
        Some(at) => vec![record.get(at).unwrap_or_default()],
        None => record.iter().collect(),
    };
    let mut troubles = job.fate.rows.iter();
    let error = troubles.find_map(|trouble| trouble.strike(key.iter().copied()))?;
    let id = id.and_then(|at| std::str::from_utf8(record.get(at)?).ok());
    let id = id.and_then(|id| RecordId::parse(id.trim()));
    Some(Outcome::Failed {
        position: id.and_then(|id| writer.model.position(writer.object, id)),
        error,
    })
}
