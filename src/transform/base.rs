//! What the org has from us already: the values that were sent last, as a base for those of now (`guide/rules.md` 19, 32, 34, 36).
//!
//! In: a batch of a load query joined with the ledger and the last outbox, the columns to be sent. Out: the values that the
//! records shall have, and per row which of them are the same as before, so that they need not be sent and an edit in the
//! org stays. A column that the export no longer has says nothing about its fields, a cell that cannot be read neither; a checkbox cannot be empty; an opt-out ends only when
//! the source says so. Never: a value taken from an outbox whose row did not land.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{cast, nullif};
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;

use super::route::Ledger;
use super::unreadable::{Unread, UnreadCells};
use crate::encode::{Cells, EncodeError};
use crate::rows::{Bits, FALLBACKS, LEFT_OUT, TOGETHER, is_set, set};

/// How columns begin that hold the values sent last, by their place among the sent ones of that outbox.
const LAST: &str = "_last_";

/// The column that says which values these are.
pub(super) const LAST_FINGERPRINT: &str = "_last_fingerprint";

/// Fields by which people say that they do not want to hear from us: never weakened by a missing value.
const CONSENT: [&str; 3] = ["HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall"];

/// The flag of a row whose opt-out is kept.
pub(super) const OPT_OUT_KEPT: &str = "opt_out_kept";

/// Fields that columns feed which an earlier export had and this one lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoneFields(
    /// Field → whether nothing else of the source feeds it. A field that has other sources is protected only where these
    /// have no value.
    pub BTreeMap<String, bool>,
);

/// The columns to select of the last outbox (`b`), for a query joined with it.
pub(super) fn selected(last: &[String]) -> String {
    let mut columns = format!(", b.\"_fingerprint\" as {LAST_FINGERPRINT}");
    for (place, name) in last.iter().enumerate() {
        columns.push_str(&format!(", b.\"{name}\" as {LAST}{place}"));
    }
    columns
}

/// The values that records shall have.
pub(super) struct Settled {
    /// The columns to be sent.
    pub sent: RecordBatch,
    /// Per row, columns that keep what they have though they have no value now.
    pub kept: Vec<Option<Bits>>,
    /// Rows whose opt-out is kept.
    pub opted_out: Vec<usize>,
    /// Rows and columns that have what was sent last, since cells of the source could not be read.
    pub unread: BTreeSet<(usize, usize)>,
}

/// What was sent last for the rows of a batch.
pub(super) struct Base {
    /// Per column to be sent, the last values in its type.
    columns: Vec<Option<ArrayRef>>,
    /// Rows whose last values the org has, or was left with another one.
    landed: Vec<bool>,
    /// Those of them whose last values are not the ones that were sent.
    unsent: Vec<bool>,
    /// Per column, the others that go with it.
    together: Vec<Vec<usize>>,
}

impl Base {
    /// Finds the last values in a batch that was joined with the last outbox; `last` are its sent columns.
    pub(super) fn of(
        batch: &RecordBatch,
        sent: &RecordBatch,
        ledger: &Ledger<'_>,
        last: &[String],
    ) -> Self {
        let schema = sent.schema();
        let fields = schema.fields();
        let columns = fields.iter().map(|field| {
            let place = last.iter().position(|name| name == field.name())?;
            let column = batch.column_by_name(&format!("{LAST}{place}"))?;
            cast(column, field.data_type()).ok()
        });
        let fingerprints = batch
            .column_by_name(LAST_FINGERPRINT)
            .and_then(|column| column.as_primitive_opt::<Int64Type>());
        let apart = (0..batch.num_rows()).map(|row| {
            let last = fingerprints.filter(|column| column.is_valid(row))?;
            Some(ledger.fingerprint(row)? ^ last.value(row))
        });
        let apart: Vec<Option<i64>> = apart.collect();
        let is = |what: i64| apart.iter().map(|apart| *apart == Some(what)).collect();
        let (landed, unsent): (Vec<bool>, Vec<bool>) = (is(0), is(LEFT_OUT));
        let place = |name: &&str| fields.iter().position(|field| field.name() == *name);
        let mut together = vec![Vec::new(); fields.len()];
        for group in TOGETHER {
            let places: Vec<usize> = group.iter().filter_map(place).collect();
            for &one in &places {
                together[one].clone_from(&places);
            }
        }
        Self {
            columns: columns.collect(),
            landed: landed.iter().zip(&unsent).map(|(a, b)| a | b).collect(),
            unsent,
            together,
        }
    }

    /// Settles what rows of known records shall have where the source says nothing.
    pub(super) fn settle(
        &self,
        batch: &RecordBatch,
        sent: &RecordBatch,
        ledger: &Ledger<'_>,
        remap: &[Option<usize>],
        gone: &GoneFields,
        unread: &UnreadCells<'_>,
    ) -> Result<Settled, ArrowError> {
        let rows = sent.num_rows();
        let schema = sent.schema();
        let mut columns = sent.columns().to_vec();
        let mut kept: Vec<Option<Bits>> = vec![None; rows];
        let mut opted_out = Vec::new();
        let mut left = BTreeSet::new();
        let fallbacks = batch
            .column_by_name(FALLBACKS)
            .and_then(|column| column.as_string_opt::<i32>());
        for (place, field) in schema.fields().iter().enumerate() {
            let column = &sent.columns()[place];
            let was = |row: usize| was_written(ledger, remap, row, place);
            let gone_whole = gone.0.get(field.name()).copied();
            let checkbox = field.data_type() == &DataType::Boolean;
            let is_unread = unread.feed(field.name());
            if gone_whole.is_none() && !is_unread && (!checkbox || column.null_count() == 0) {
                continue;
            }
            let is_fallback = |row: usize| {
                let names = fallbacks.filter(|names| names.is_valid(row));
                names.is_some_and(|names| {
                    names.value(row).split(';').any(|name| name == field.name())
                })
            };
            let from_last: Vec<bool> = (0..rows)
                .map(|row| {
                    let silent = column.is_null(row) || is_fallback(row);
                    let consent =
                        checkbox && column.is_null(row) && CONSENT.contains(&field.name().as_str());
                    let unread = unread.of_field(row, field.name());
                    let says_nothing = match unread {
                        Some(Unread::All) => true,
                        Some(Unread::Some) => silent,
                        None => gone_whole.is_some_and(|whole| whole || silent),
                    };
                    was(row) && (consent || says_nothing)
                })
                .collect();
            if is_unread {
                let rows = unread.rows().chain(unread.unfit(field.name()));
                left.extend(rows.filter(|&row| from_last[row]).map(|row| (row, place)));
            }
            let unchecked: Vec<bool> = (0..rows)
                .map(|row| checkbox && column.is_null(row) && was(row) && !from_last[row])
                .collect();
            if from_last.contains(&true) {
                columns[place] = self.last(place, &columns[place], &from_last)?;
                for row in (0..rows).filter(|&row| from_last[row]) {
                    if columns[place].is_null(row) {
                        set(kept[row].get_or_insert_with(Vec::new), place);
                    }
                    if checkbox && CONSENT.contains(&field.name().as_str()) && column.is_null(row) {
                        opted_out.push(row);
                    }
                }
            }
            if unchecked.contains(&true) {
                let no: ArrayRef = std::sync::Arc::new(BooleanArray::from(vec![false; rows]));
                columns[place] = zip(&BooleanArray::from(unchecked), &no, &columns[place])?;
            }
        }
        Ok(Settled {
            sent: RecordBatch::try_new(schema, columns)?,
            kept,
            opted_out,
            unread: left,
        })
    }

    /// A column with the last values in these rows: null where none landed.
    fn last(&self, place: usize, now: &ArrayRef, rows: &[bool]) -> Result<ArrayRef, ArrowError> {
        let unknown: BooleanArray = rows
            .iter()
            .zip(&self.landed)
            .map(|(&asked, &landed)| Some(asked && !landed))
            .collect();
        match &self.columns[place] {
            Some(last) => {
                let last = nullif(last, &unknown)?;
                zip(&BooleanArray::from(rows.to_vec()), &last, now)
            }
            None => nullif(now, &BooleanArray::from(rows.to_vec())),
        }
    }

    /// The last values as text cells, to be compared with those of now.
    pub(super) fn cells(&self) -> Result<Vec<Option<Cells>>, EncodeError> {
        let cells = self.columns.iter();
        cells
            .map(|column| {
                column
                    .as_ref()
                    .map(|column| Cells::new("", column))
                    .transpose()
            })
            .collect()
    }

    /// Columns of a row that are as they were sent last; none if nothing is known, or nothing is the same.
    pub(super) fn same(
        &self,
        row: usize,
        last: &[Option<Cells>],
        now: &[Cells],
        never: &[bool],
    ) -> Option<Bits> {
        if !self.landed[row] {
            return None;
        }
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let same: Vec<bool> = now
            .iter()
            .zip(last)
            .map(|(now, last)| {
                let Some(last) = last.as_ref().filter(|_| !now.is_null(row)) else {
                    return false;
                };
                before.clear();
                after.clear();
                last.write(row, &mut before);
                now.write(row, &mut after);
                before == after
            })
            .collect();
        let unchanged = |place: usize| {
            same[place] || (now[place].is_null(row) && self.was_null(place, row, last))
        };
        let mut bits = Vec::new();
        for place in (0..now.len()).filter(|&place| same[place] && !never[place]) {
            if self.together[place].iter().all(|&other| unchanged(other)) {
                set(&mut bits, place);
            }
        }
        (!bits.is_empty()).then_some(bits)
    }

    /// Whether the values of a row were looked at since they were sent, so that it has to be looked at again.
    pub(super) fn is_unsent(&self, row: usize) -> bool {
        self.unsent[row]
    }

    /// Columns in which the source had a value when the row was looked at last.
    pub(super) fn said(&self, row: usize, last: &[Option<Cells>]) -> Bits {
        let mut bits = Bits::new();
        if self.landed[row] {
            for place in (0..last.len()).filter(|&place| !self.was_null(place, row, last)) {
                set(&mut bits, place);
            }
        }
        bits
    }

    fn was_null(&self, place: usize, row: usize, last: &[Option<Cells>]) -> bool {
        last[place].as_ref().is_none_or(|cells| cells.is_null(row))
    }
}

/// Whether a field of a known record has been written by us.
fn was_written(ledger: &Ledger<'_>, remap: &[Option<usize>], row: usize, place: usize) -> bool {
    let before = remap.iter().position(|&now| now == Some(place));
    let bits = before.zip(ledger.written(row));
    bits.is_some_and(|(before, written)| is_set(written, before))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BinaryArray, Int64Array, StringArray};

    use super::*;

    const FIELDS: [&str; 4] = ["Name", "Website", "HasOptedOutOfEmail", "Active__c"];

    fn texts(cells: &[Option<&str>]) -> ArrayRef {
        Arc::new(cells.iter().copied().collect::<StringArray>())
    }

    fn truths(cells: &[Option<bool>]) -> ArrayRef {
        Arc::new(cells.iter().copied().collect::<BooleanArray>())
    }

    /// Three rows: known and landed, known and not landed, new. Everything was written, and nothing of it is there now.
    fn batch() -> (RecordBatch, RecordBatch) {
        let written: BinaryArray = [Some(&[0b1111_u8][..]), Some(&[0b1111]), None]
            .into_iter()
            .collect();
        let batch = RecordBatch::try_from_iter_with_nullable([
            (
                "_known_id",
                texts(&[Some("001A"), Some("001B"), None]),
                true,
            ),
            ("_known_written", Arc::new(written) as ArrayRef, true),
            (
                "_known_fingerprint",
                Arc::new(Int64Array::from(vec![Some(1), Some(2), None])),
                true,
            ),
            (
                LAST_FINGERPRINT,
                Arc::new(Int64Array::from(vec![Some(1), Some(9), None])),
                true,
            ),
            ("_last_0", texts(&[Some("Acme"), Some("Old"), None]), true),
            (
                "_last_1",
                texts(&[Some("acme.example"), Some("old"), None]),
                true,
            ),
            ("_last_2", truths(&[Some(true), Some(false), None]), true),
            ("_last_3", truths(&[Some(true), Some(true), None]), true),
        ]);
        let sent = RecordBatch::try_from_iter_with_nullable([
            (
                FIELDS[0],
                texts(&[Some("Acme"), Some("New"), Some("New")]),
                true,
            ),
            (FIELDS[1], texts(&[None; 3]), true),
            (FIELDS[2], truths(&[None; 3]), true),
            (FIELDS[3], truths(&[None; 3]), true),
        ]);
        (batch.unwrap(), sent.unwrap())
    }

    fn settled(gone: &[(&str, bool)]) -> (Settled, Vec<Option<Bits>>) {
        let (batch, sent) = batch();
        let ledger = Ledger::of(&batch);
        let last = FIELDS.map(str::to_owned);
        let base = Base::of(&batch, &sent, &ledger, &last);
        let remap = [Some(0), Some(1), Some(2), Some(3)];
        let gone = gone
            .iter()
            .map(|(name, whole)| ((*name).to_owned(), *whole));
        let gone = GoneFields(gone.collect());
        let unread = UnreadCells::default();
        let settled = base
            .settle(&batch, &sent, &ledger, &remap, &gone, &unread)
            .unwrap();
        let cells = base.cells().unwrap();
        let now = settled.sent.columns().iter();
        let now: Vec<Cells> = now.map(|column| Cells::new("", column).unwrap()).collect();
        let same = (0..3).map(|row| base.same(row, &cells, &now, &[false; 4]));
        let same = same.collect();
        (settled, same)
    }

    fn column(settled: &Settled, place: usize) -> Vec<String> {
        let cells = Cells::new("", &settled.sent.columns()[place]).unwrap();
        let text = |row| {
            let mut out = Vec::new();
            cells.write(row, &mut out);
            String::from_utf8(out).unwrap()
        };
        (0..3).map(text).collect()
    }

    #[test]
    fn a_checkbox_that_became_empty_is_unchecked_and_an_opt_out_stays() {
        let (settled, _) = settled(&[]);
        assert_eq!(column(&settled, 3), ["false", "false", ""]);
        // What is not known is neither sent nor emptied.
        assert_eq!(column(&settled, 2), ["true", "", ""]);
        assert!(is_set(settled.kept[1].as_ref().unwrap(), 2));
        assert_eq!(settled.opted_out, [0, 1]);
        assert_eq!(column(&settled, 1), ["", "", ""], "an empty cell is empty");
    }

    #[test]
    fn a_field_whose_columns_are_gone_keeps_what_it_has() {
        let (settled, same) = settled(&[("Website", true)]);
        assert_eq!(column(&settled, 1), ["acme.example", "", ""]);
        assert!(is_set(settled.kept[1].as_ref().unwrap(), 1));
        assert_eq!(column(&settled, 0), ["Acme", "New", "New"]);
        // Only the first row landed as it was sent last.
        assert_eq!(same, [Some(vec![0b0111]), None, None]);
    }

    #[test]
    fn a_field_with_another_source_is_kept_only_where_that_says_nothing() {
        let (settled, _) = settled(&[("Name", false), ("Website", false)]);
        assert_eq!(column(&settled, 0), ["Acme", "New", "New"]);
        assert_eq!(column(&settled, 1), ["acme.example", "", ""]);
    }

    #[test]
    fn fields_that_the_org_derives_from_each_other_go_together() {
        let (batch, _) = batch();
        let sent = RecordBatch::try_from_iter_with_nullable([
            ("StageName", texts(&[Some("Won"), None, None]), true),
            (
                "Probability",
                texts(&[Some("acme.example"), None, None]),
                true,
            ),
        ]);
        let sent = sent.unwrap();
        let ledger = Ledger::of(&batch);
        let last = ["StageName", "Probability"].map(str::to_owned);
        let base = Base::of(&batch, &sent, &ledger, &last);
        let cells = base.cells().unwrap();
        let now: Vec<Cells> = sent
            .columns()
            .iter()
            .map(|column| Cells::new("", column).unwrap())
            .collect();
        assert_eq!(base.same(0, &cells, &now, &[false; 2]), None);
    }
}
