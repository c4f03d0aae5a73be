//! What becomes of each row of a load query's result.
//!
//! In: a batch of the query joined with the ledger. Out: for rows that move, the columns to be sent and the
//! operation; for all others their fate with its reason. One row has one fate (`guide/design.md` §6).

use arrow::array::{Array, AsArray, BinaryArray, Int64Array, RecordBatch, StringArray};

use crate::project::Operation;
use crate::rows::{Liveness, Outcome, RowOperation};
use crate::salesforce::record_identity;

/// Columns that the engine adds from the ledger.
pub(super) const KNOWN: [&str; 5] = [
    "_known_id",
    "_known_live",
    "_known_fingerprint",
    "_known_written",
    "_known_outcome",
];

/// What the ledger knows about the rows of a batch.
pub(super) struct Ledger<'a> {
    id: Option<&'a StringArray>,
    /// Ids that the query gives itself.
    given: Option<&'a StringArray>,
    live: Option<&'a StringArray>,
    fingerprint: Option<&'a Int64Array>,
    written: Option<&'a BinaryArray>,
    outcome: Option<&'a StringArray>,
    /// Whether the query says which record a row is, as loads do that only update.
    by_query: bool,
}

impl<'a> Ledger<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Self {
        let text = |name: &str| texts(batch, name);
        Self {
            id: text("_known_id"),
            given: text("_id"),
            live: text("_known_live"),
            fingerprint: batch
                .column_by_name("_known_fingerprint")
                .and_then(|column| column.as_primitive_opt()),
            written: batch
                .column_by_name("_known_written")
                .and_then(|column| column.as_binary_opt::<i32>()),
            outcome: text("_known_outcome"),
            by_query: false,
        }
    }

    /// For a load that means records which others made: after one was made anew, the ledger speaks of the old one.
    pub(super) fn of_load(batch: &'a RecordBatch, wanted: Operation) -> Self {
        Self {
            by_query: wanted == Operation::Update,
            ..Self::of(batch)
        }
    }

    pub(super) fn id(&self, row: usize) -> Option<&'a str> {
        text(self.given, row)
            .filter(|_| !self.is_known(row))
            .or_else(|| text(self.id, row))
    }

    /// Whether the ledger speaks of the record that the query means.
    fn is_known(&self, row: usize) -> bool {
        match (text(self.id, row), text(self.given, row)) {
            (Some(known), Some(given)) if self.by_query => {
                record_identity(known) == record_identity(given)
            }
            (known, _) => known.is_some(),
        }
    }

    fn live(&self, row: usize) -> Option<Liveness> {
        let word = text(self.live, row).filter(|_| self.is_known(row))?;
        Liveness::parse(word)
    }

    /// The id of a record that somebody deleted.
    pub(super) fn deleted(&self, row: usize) -> Option<&'a str> {
        self.id(row)
            .filter(|_| self.live(row) == Some(Liveness::Deleted))
    }

    /// The fingerprint of the values that landed last.
    pub(super) fn fingerprint(&self, row: usize) -> Option<i64> {
        self.fingerprint
            .filter(|known| known.is_valid(row) && self.is_known(row))
            .map(|known| known.value(row))
    }

    pub(super) fn written(&self, row: usize) -> Option<&'a [u8]> {
        self.written
            .filter(|written| written.is_valid(row) && self.is_known(row))
            .map(|written| written.value(row))
    }

    /// Whether values of the row have been sent: without them, what was sent last says nothing of it.
    pub(super) fn has_values(&self, row: usize) -> bool {
        self.fingerprint(row).is_some() || self.written(row).is_some()
    }

    /// As [`Self::decide`], where only what failed and what was never sent is sent.
    pub(super) fn decide_failed(
        &self,
        row: usize,
        fingerprint: Option<i64>,
        wanted: Operation,
        insert_only: bool,
        recreates: bool,
    ) -> Result<RowOperation, &'static str> {
        let landed = text(self.outcome, row)
            .is_some_and(|word| !Outcome::parse(word).is_some_and(Outcome::is_not_landed));
        match (landed, self.id(row)) {
            (false, _) => self.decide(row, fingerprint, wanted, insert_only, recreates),
            (true, Some(_)) => Ok(RowOperation::Unchanged),
            (true, None) => Err("was_taken_back"),
        }
    }

    /// The operation for a row, or the reason why it is held. Without a fingerprint the row is looked at whatever its values are.
    pub(super) fn decide(
        &self,
        row: usize,
        fingerprint: Option<i64>,
        wanted: Operation,
        insert_only: bool,
        recreates: bool,
    ) -> Result<RowOperation, &'static str> {
        let same = fingerprint.is_some() && self.fingerprint(row) == fingerprint;
        // Somebody decided against the deletion: the row is as one that was never sent.
        let id = self.id(row).filter(|_| !recreates);
        match (id, self.live(row), wanted) {
            (Some(_), Some(Liveness::Deleted), _) => Err("deleted_in_salesforce"),
            (Some(_), Some(Liveness::Merged), _) => Err("merged_in_salesforce"),
            (Some(_), Some(Liveness::Converted), _) => Err("converted_in_salesforce"),
            (Some(_), _, Operation::Insert | Operation::Convert) => Ok(RowOperation::Unchanged),
            (Some(_), _, _) if same => Ok(RowOperation::Unchanged),
            (Some(_), _, _) => Ok(RowOperation::Update),
            (None, _, Operation::Update) => Err("id_not_known"),
            (None, _, Operation::Convert) => Ok(RowOperation::Convert),
            (None, _, Operation::Upsert) if !insert_only => Ok(RowOperation::Upsert),
            (None, _, _) => Ok(RowOperation::Insert),
        }
    }
}

/// A column of texts, if the query has it.
pub(super) fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a StringArray> {
    batch.column_by_name(name)?.as_string_opt()
}

/// The text of a row.
pub(super) fn text(column: Option<&StringArray>, row: usize) -> Option<&str> {
    column
        .filter(|column| column.is_valid(row))
        .map(|column| column.value(row))
}
