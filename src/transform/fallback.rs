//! Fallback values (a name made from an address, the default owner, an opt-out that is none) belong to records that we make.
//! One that was in the org before us keeps what it had.
//!
//! In: a batch of a load query with its reserved column `_fallbacks`. Out: the columns to be sent, null where a fallback would
//! replace a value that we did not write. Never: a value of the source taken away.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::nullif;
use arrow::error::ArrowError;

use super::route::Ledger;
use crate::rows::FALLBACKS;

/// Takes fallbacks out of rows whose record is known and never had them from us. `remap` gives for each column of the
/// ledger's `written` its place among those of `sent`.
pub(super) fn without_fallbacks(
    batch: &RecordBatch,
    sent: RecordBatch,
    remap: &[Option<usize>],
) -> Result<RecordBatch, ArrowError> {
    let fallbacks = batch
        .column_by_name(FALLBACKS)
        .and_then(|column| column.as_string_opt::<i32>());
    let Some(fallbacks) = fallbacks else {
        return Ok(sent);
    };
    let ledger = Ledger::of(batch);
    let schema = sent.schema();
    let mut removed: BTreeMap<usize, Vec<bool>> = BTreeMap::new();
    let named = (0..batch.num_rows()).filter(|&row| fallbacks.is_valid(row));
    for row in named.filter(|&row| ledger.id(row).is_some()) {
        let names = fallbacks.value(row).split(';');
        for now in names.filter_map(|name| schema.index_of(name).ok()) {
            let before = remap.iter().position(|&place| place == Some(now));
            let ours = before
                .zip(ledger.written(row))
                .and_then(|(before, written)| Some(written.get(before / 8)? & (1 << (before % 8))))
                .is_some_and(|bit| bit != 0);
            if !ours {
                removed
                    .entry(now)
                    .or_insert_with(|| vec![false; batch.num_rows()])[row] = true;
            }
        }
    }
    let mut columns = sent.columns().to_vec();
    for (place, rows) in removed {
        columns[place] = nullif(&columns[place], &BooleanArray::from(rows))?;
    }
    RecordBatch::try_new(schema, columns)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BinaryArray, StringArray};

    use super::*;

    /// Names of four rows: new, in the org before us, ours with a name, ours without one.
    fn names(fallbacks: [Option<&str>; 4], remap: &[Option<usize>]) -> Vec<Option<String>> {
        let texts = |cells: [Option<&str>; 4]| -> ArrayRef {
            Arc::new(cells.into_iter().collect::<StringArray>())
        };
        let written: BinaryArray = [None, None, Some(&[0b10_u8]), Some(&[0b01_u8])]
            .into_iter()
            .collect();
        let batch = RecordBatch::try_from_iter_with_nullable([
            (FALLBACKS, texts(fallbacks), true),
            ("_id", texts([None, Some("001A"), None, None]), true),
            (
                "_known_id",
                texts([None, None, Some("001B"), Some("001C")]),
                true,
            ),
            ("_known_written", Arc::new(written), true),
        ]);
        let sent = RecordBatch::try_from_iter_with_nullable([
            (
                "Name",
                texts([Some("a"), Some("b"), Some("c"), Some("d")]),
                true,
            ),
            ("Phone", texts([Some("1"); 4]), true),
        ]);
        let kept = without_fallbacks(&batch.unwrap(), sent.unwrap(), remap).unwrap();
        assert_eq!(kept.column(1).null_count(), 0, "another column was touched");
        let names = kept.column(0).as_string::<i32>();
        names.iter().map(|name| name.map(str::to_owned)).collect()
    }

    #[test]
    fn a_fallback_is_sent_to_new_records_and_to_those_that_had_it_from_us() {
        // The ledger has the columns in the other order.
        let kept = names([Some("Name;Other"); 4], &[Some(1), Some(0)]);
        assert_eq!(
            kept,
            [Some("a"), None, Some("c"), None].map(|name| name.map(str::to_owned))
        );
    }

    #[test]
    fn values_of_the_source_are_sent_to_every_record() {
        let kept = names([None, Some(""), Some("Other"), None], &[Some(0), Some(1)]);
        assert!(kept.iter().all(Option::is_some), "{kept:?}");
    }
}
