//! Which version of a record has the body that we sent, where no query shows the body itself: what the org accepted, for a note.
//!
//! In: rows read back, the outbox, the ledger, the rows of last time. Out: the same rows with [`ACCEPTED`]. Never: a version that
//! somebody else made, however often its record is read: the one we know stays until a body of ours has landed again.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::ReconcileError;
use super::compared::{Body, body};
use super::edits::is_ours;
use super::names::MODIFIED;
use super::readback::read_back;
use super::request::ReadBack;
use crate::rows::{RowOperation, SAME, is_set, same_key, sent_columns, stands};
use crate::staging::{Manifest, Snapshot};

/// The column of `org.<load>` that names the version; none where somebody else changed the record before it was first read.
pub(super) const ACCEPTED: &str = "_accepted";

/// The versions of a load's records.
pub(super) struct Accepted<'a> {
    request: &'a ReadBack<'a>,
    body: &'static Body,
    schema: SchemaRef,
    /// Place of the body among the sent columns, where the outbox has updates.
    place: Option<usize>,
}

/// Reads back what a run sent that ended before it did so: when another outbox takes the place of the one that was sent, nobody
/// knows any more which versions are ours.
///
/// # Errors
/// [`ReconcileError`].
pub async fn catch_up(request: &ReadBack<'_>, snapshot: &Snapshot) -> Result<(), ReconcileError> {
    let load = &request.file.name;
    let (Some(outbox), Some(read)) = (snapshot.get("outbox", load), snapshot.get("org", load))
    else {
        return Ok(());
    };
    if read.published_at > outbox.published_at || told_by_version(request).is_none() {
        return Ok(());
    }
    let sent = ReadBack {
        outbox_rows: outbox.rows,
        is_after_sending: true,
        ..*request
    };
    read_back(&sent, |_| {}).await?;
    Ok(())
}

/// The body of a load's records, if only their versions tell it.
fn told_by_version(request: &ReadBack<'_>) -> Option<&'static Body> {
    let sent = request.columns.sent.iter();
    let mut bodies = sent.filter_map(|field| body(request.describe, field.name()));
    bodies.find(|body| !body.is_comparable())
}

impl<'a> Accepted<'a> {
    /// None for a load whose bodies, if any, are told by what was sent. `schema` is that of the rows read back.
    pub(super) fn of(
        request: &'a ReadBack<'a>,
        schema: &SchemaRef,
        snapshot: &Snapshot,
    ) -> Option<Self> {
        let body = told_by_version(request)?;
        let outbox = snapshot.get("outbox", &request.file.name);
        let outbox = outbox.filter(|outbox| outbox.schema.field_with_name(SAME).is_ok());
        let names = outbox.map(|outbox| sent_columns(&outbox.schema));
        let accepted = Arc::new(Field::new(ACCEPTED, DataType::Utf8, true));
        let fields = schema.fields().iter().cloned().chain([accepted]);
        Some(Self {
            request,
            body,
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            place: names.and_then(|names| names.iter().position(|name| name == body.field())),
        })
    }

    /// Of the rows with the version.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// SQL for the rows of `found` with what tells their version; takes the tables that it reads into `tables`.
    pub(super) fn sql(
        &self,
        found: &Manifest,
        snapshot: &Snapshot,
        tables: &mut Snapshot,
    ) -> String {
        let (load, key) = (&self.request.file.name, &self.request.columns.key);
        let mut take = |schema: &str, column: &str| {
            let table = snapshot.get(schema, load)?;
            table.schema.field_with_name(column).ok()?;
            tables.insert(table.clone());
            Some(())
        };
        let none = "cast(null as varchar)";
        let (mut columns, mut joins) = (String::new(), String::new());
        let sent = self.place.and_then(|_| take("outbox", SAME));
        match sent.and_then(|()| take("ledger", "fingerprint")) {
            Some(()) => {
                columns.push_str(&format!(
                    ", case when o.\"{}\" is not null and {} then o._operation end as _operation, o.{SAME}",
                    self.body.field(),
                    stands("o", "l")
                ));
                joins.push_str(&format!(
                    " left join outbox.{load} as o on {} left join ledger.{load} as l on {}",
                    same_key("o", "r", key),
                    same_key("l", "r", key)
                ));
            }
            None => columns.push_str(&format!(
                ", {none} as _operation, cast(null as bytea) as {SAME}"
            )),
        }
        match take("org", ACCEPTED) {
            Some(()) => {
                columns.push_str(&format!(", b._id is not null as _known, b.{ACCEPTED}"));
                joins.push_str(&format!(
                    " left join org.{load} as b on substr(b._id, 1, 15) = substr(r._id, 1, 15)"
                ));
            }
            None => columns.push_str(&format!(", false as _known, {none} as {ACCEPTED}")),
        }
        format!(
            "select r.*, {} as _told{columns} from {} as r{joins}",
            self.body.told("r"),
            found.name()
        )
    }

    /// A batch of that SQL's result as rows of `org.<load>`.
    pub(super) fn fill(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let column = |name: &str| {
            let column = batch.column_by_name(name);
            column.ok_or_else(|| ArrowError::SchemaError(format!("rows without {name}")))
        };
        let text = |name: &str| column(name).map(|column| column.as_string::<i32>());
        let (told, operations, before) = (text("_told")?, text("_operation")?, text(ACCEPTED)?);
        let (same, known) = (
            column(SAME)?.as_binary::<i32>(),
            column("_known")?.as_boolean(),
        );
        let user = &self.request.client.identity().user_id;
        let by = column(MODIFIED[0]).ok().map(|by| by.as_string::<i32>());
        let is_by_us = |row: usize| by.is_none_or(|by| is_ours(by, row, user));
        let has_landed = |row: usize| {
            let is_same = |place: usize| same.is_valid(row) && is_set(same.value(row), place);
            self.request.is_after_sending
                && operations.is_valid(row)
                && operations.value(row) != RowOperation::Unchanged.word()
                && !self.place.is_some_and(is_same)
        };
        let versions = (0..batch.num_rows()).map(|row| {
            let is_known = known.is_valid(row) && known.value(row);
            match is_by_us(row) && (has_landed(row) || !is_known) {
                true => Some(told.value(row)),
                false => before.is_valid(row).then(|| before.value(row)),
            }
        });
        let accepted: StringArray = versions.collect();
        let read = self.schema.fields().len() - 1;
        let mut columns: Vec<ArrayRef> = batch.columns()[..read].to_vec();
        columns.push(Arc::new(accepted));
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}
