//! Which version of a record has the body that we sent, where no query shows the body itself: what the org accepted, for a note.
//!
//! In: rows read back, the outbox, the ledger, the rows of last time. Out: the same rows with [`ACCEPTED`]. Never: a version that
//! somebody else made, however often its record is read: the one we know stays until a body of ours has landed again. What was changed
//! with our own login after the org had answered says what it says: its body is read. Within [`SLACK`] nothing tells the two apart.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, Duration, Utc};

use super::ReconcileError;
use super::body::{Body, body};
use super::names::{ACCEPTED, MODIFIED, is_ours};
use super::request::ReadBack;
use crate::encode::{note_html, visible_text};
use crate::rows::{RowOperation, SAME, is_set, same_key, sent_columns, stands};
use crate::salesforce::ErrorClass;
use crate::staging::{Manifest, Snapshot};

/// How much later than an answer a record was changed that was surely changed after it: the org's clock shows seconds.
const SLACK: Duration = Duration::seconds(2);

/// Longest body that is read.
const MOST_CONTENT: usize = 16 * 1024 * 1024;

/// The versions of a load's records.
pub(super) struct Accepted<'a> {
    request: &'a ReadBack<'a>,
    body: &'static Body,
    schema: SchemaRef,
    /// Place of the body among the sent columns, where the outbox has updates.
    place: Option<usize>,
}

/// The body of a load's records, if only their versions tell it.
pub(super) fn told_by_version(request: &ReadBack<'_>) -> Option<&'static Body> {
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
                let body = self.body.field();
                columns.push_str(&format!(
                    ", case when o.\"{body}\" is not null and {} then o._operation end as _operation, o.{SAME}, \
                     o.\"{body}\" as _sent, l.at as _answered",
                    stands("o", "l")
                ));
                joins.push_str(&format!(
                    " left join outbox.{load} as o on {} left join ledger.{load} as l on {}",
                    same_key("o", "r", key),
                    same_key("l", "r", key)
                ));
            }
            None => columns.push_str(&format!(
                ", {none} as _operation, cast(null as bytea) as {SAME}, {none} as _sent, cast(null as timestamp) as _answered"
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
    ///
    /// # Errors
    /// [`ReconcileError`].
    pub(super) async fn fill(&self, batch: &RecordBatch) -> Result<RecordBatch, ReconcileError> {
        let store = |source| ReconcileError::Store {
            object: self.request.describe.name.clone(),
            source,
        };
        let ours = Ours::of(self, batch).map_err(store)?;
        let rewritten = self.rewritten(&ours).await?;
        ours.versions(&rewritten).map_err(store)
    }

    /// Rows whose record was changed after the org had answered, and says something else than what was sent by now.
    async fn rewritten(&self, ours: &Ours<'_>) -> Result<BTreeSet<usize>, ReconcileError> {
        let client = self.request.client;
        // Answers have this machine's time.
        let ahead = client.server_time() - Utc::now();
        let mut rewritten = BTreeSet::new();
        for (row, id, sent) in ours.changed_after_the_answer(ahead) {
            let (object, field) = (&self.request.describe.name, self.body.field());
            match client.read_blob(object, id, field, MOST_CONTENT).await {
                Ok(bytes) => {
                    let seen = visible_text(&String::from_utf8_lossy(&bytes));
                    if seen != visible_text(&note_html(sent)) {
                        rewritten.insert(row);
                    }
                }
                Err(error) if error.class() == ErrorClass::Refused => {
                    tracing::warn!(load = self.request.file.name, id, %error, "a content cannot be compared: it counts as somebody else's");
                    rewritten.insert(row);
                }
                Err(error) => {
                    return Err(ReconcileError::ReadBack {
                        object: object.clone(),
                        source: Box::new(error),
                    });
                }
            }
        }
        Ok(rewritten)
    }
}

/// Rows of one batch, and which of them may have a version of ours.
struct Ours<'a> {
    accepted: &'a Accepted<'a>,
    batch: &'a RecordBatch,
    told: &'a StringArray,
    before: &'a StringArray,
    /// Whether our login changed the record last, and either what we sent has landed or the record was never read.
    is_ours: Vec<bool>,
    has_landed: Vec<bool>,
}

impl<'a> Ours<'a> {
    fn of(accepted: &'a Accepted<'a>, batch: &'a RecordBatch) -> Result<Self, ArrowError> {
        let text = |name: &str| column(batch, name).map(|column| column.as_string::<i32>());
        let operations = text("_operation")?;
        let (same, known) = (
            column(batch, SAME)?.as_binary::<i32>(),
            column(batch, "_known")?.as_boolean(),
        );
        let request = accepted.request;
        let user = &request.client.identity().user_id;
        let by = text(MODIFIED[0]).ok();
        let rows = 0..batch.num_rows();
        let has_landed: Vec<bool> = rows
            .clone()
            .map(|row| {
                let is_same = |place: usize| same.is_valid(row) && is_set(same.value(row), place);
                request.is_after_sending
                    && operations.is_valid(row)
                    && operations.value(row) != RowOperation::Unchanged.word()
                    && !accepted.place.is_some_and(is_same)
            })
            .collect();
        let is_ours = rows.map(|row| {
            let is_known = known.is_valid(row) && known.value(row);
            by.is_none_or(|by| is_ours(by, row, user)) && (has_landed[row] || !is_known)
        });
        Ok(Self {
            is_ours: is_ours.collect(),
            accepted,
            batch,
            told: text("_told")?,
            before: text(ACCEPTED)?,
            has_landed,
        })
    }

    /// Rows of ours whose record was changed after the org had answered: place, id, what was sent. `ahead` is how far the org's
    /// clock is ahead.
    fn changed_after_the_answer(&self, ahead: Duration) -> Vec<(usize, &str, &str)> {
        let text = |name: &str| Some(self.batch.column_by_name(name)?.as_string::<i32>());
        let answered = self.batch.column_by_name("_answered");
        let answered =
            answered.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        let (Some(ids), Some(sent), Some(changed), Some(answered)) =
            (text("_id"), text("_sent"), text(MODIFIED[1]), answered)
        else {
            return Vec::new();
        };
        let rows = 0..self.batch.num_rows();
        let is_later = |row: usize| {
            let is_known = sent.is_valid(row) && changed.is_valid(row) && answered.is_valid(row);
            if !(is_known && self.is_ours[row] && self.has_landed[row]) {
                return false;
            }
            let changed = DateTime::parse_from_str(changed.value(row), "%Y-%m-%dT%H:%M:%S%.f%z");
            let answered = DateTime::from_timestamp_micros(answered.value(row));
            let times = changed.ok().zip(answered);
            times.is_some_and(|(changed, answered)| changed > answered + ahead + SLACK)
        };
        rows.filter(|&row| is_later(row))
            .map(|row| (row, ids.value(row), sent.value(row)))
            .collect()
    }

    /// The rows with the version that has our text; `rewritten` are those that say something else by now.
    fn versions(&self, rewritten: &BTreeSet<usize>) -> Result<RecordBatch, ArrowError> {
        let versions = (0..self.batch.num_rows()).map(|row| {
            match self.is_ours[row] && !rewritten.contains(&row) {
                true => Some(self.told.value(row)),
                false => self.before.is_valid(row).then(|| self.before.value(row)),
            }
        });
        let versions: StringArray = versions.collect();
        let schema = &self.accepted.schema;
        let mut columns: Vec<ArrayRef> = self.batch.columns()[..schema.fields().len() - 1].to_vec();
        columns.push(Arc::new(versions));
        RecordBatch::try_new(Arc::clone(schema), columns)
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    let column = batch.column_by_name(name);
    column.ok_or_else(|| ArrowError::SchemaError(format!("rows without {name}")))
}
