//! The result of the three-way comparison's query, row by row.
//!
//! In: a batch of it. Out: [`Entry`]s to be judged. Never: a judgement.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;

use super::conflict::{Entry, Known, Shown};
use crate::mapping::Alike;
use crate::rows::is_set;

/// The result of the comparison's query.
pub(super) struct SettledRows<'a> {
    batch: &'a RecordBatch,
    entry: &'a StructArray,
}

impl<'a> SettledRows<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Result<Self, ArrowError> {
        let entry = batch
            .column_by_name("entry")
            .and_then(|column| column.as_struct_opt())
            .ok_or_else(|| ArrowError::SchemaError("no entries".to_owned()))?;
        Ok(Self { batch, entry })
    }

    pub(super) fn text(&self, name: &str, row: usize) -> Known {
        text(self.batch.column_by_name(name), row)
    }

    fn landed(&self, row: usize) -> Option<i64> {
        let column = self.batch.column_by_name("landed")?;
        let column = column.as_primitive_opt::<Int64Type>()?;
        column.is_valid(row).then(|| column.value(row))
    }

    fn has(&self, name: &str, row: usize) -> bool {
        let column = self.batch.column_by_name(name);
        column.is_some_and(|column| {
            column.as_boolean().is_valid(row) && column.as_boolean().value(row)
        })
    }

    pub(super) fn entry(&self, row: usize, written: &[String]) -> Entry {
        let place = self
            .entry
            .column_by_name("place")
            .and_then(|column| column.as_primitive_opt::<Int64Type>())
            .map_or(0, |column| {
                usize::try_from(column.value(row)).unwrap_or_default()
            });
        let part = |name: &str| text(self.entry.column_by_name(name), row);
        let known = |name: &str, which: &str| -> Option<Known> {
            let known = self.entry.column_by_name(name)?.as_struct_opt()?;
            known
                .is_valid(row)
                .then(|| text(known.column_by_name(which), row))
        };
        let shown = |known: Known| known.filter(|text| !text.is_empty());
        let field = part("field").unwrap_or_default();
        let is_in = |name: &str, place: usize| {
            let bits = self.batch.column_by_name(name);
            let bits = bits.and_then(|column| column.as_binary_opt::<i32>());
            bits.is_some_and(|bits| bits.is_valid(row) && is_set(bits.value(row), place))
        };
        let ours = part("ours").filter(|text| !text.is_empty());
        let was_written = written.iter().position(|name| *name == field);
        Entry {
            place,
            // An empty cell that clears nothing is not sent.
            is_same: is_in("same", place) || (ours.is_none() && !is_in("clear", place)),
            has_been_written: was_written.is_some_and(|place| is_in("written", place)),
            field,
            ours,
            theirs: part("theirs").filter(|text| !text.is_empty()),
            is_written: self.landed(row).is_some() || self.has("is_moved", row),
            kept: match self.has("is_left", row) {
                true => Some(self.text("base", row)),
                // What the lead had that this record was.
                false => (self.has("was_sent", row) && self.landed(row).is_none())
                    .then(|| self.text("moved_base", row)),
            },
            edited: self.has("is_edited", row).then(|| self.text("edited", row)),
            sent: known("sent", "value"),
            // What was read of a record that we had not written is nobody's answer to us.
            read_back: known("read_back", "value").filter(|_| self.landed(row).is_some()),
            alike: Alike::default(),
            shown: Shown {
                ours: shown(part("source")),
                theirs: shown(part("org")),
                sent: known("sent", "shown").flatten(),
                read_back: known("read_back", "shown").flatten(),
                base: self.text("told_base", row),
                changed_by: None,
                changed_at: None,
            },
        }
    }
}

fn text(column: Option<&ArrayRef>, row: usize) -> Known {
    let column = column?.as_string_opt::<i32>()?;
    column.is_valid(row).then(|| column.value(row).to_owned())
}
