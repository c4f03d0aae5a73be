//! Rows of a file that have no id and link the same, where each is a row of its own: a deal with a line twice.
//!
//! In: such rows of one file, sorted by what they link and by their place. Out: the first of each, and the others with an id of their
//! own, made of that of the first and of its number among them, so that it is the same in the next export. Rows of another file that
//! link the same are the same rows: exports are cut into files that overlap. Memory: one id.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::{filter_record_batch, not};
use arrow::error::ArrowError;

use super::latest;
use crate::usercom::cell;

/// The rows `linked` of a batch, and the others.
pub(super) fn split(
    batch: &RecordBatch,
    linked: &[usize],
) -> Result<(RecordBatch, RecordBatch), ArrowError> {
    let mut mask = vec![false; batch.num_rows()];
    for &row in linked {
        mask[row] = true;
    }
    parted(batch, &BooleanArray::from(mask))
}

/// The query that puts equal rows of one file beside each other, in the order of the file.
pub(super) fn query(table: &str) -> String {
    format!("select * from {table} order by id asc, _row asc")
}

/// The row that was met last, and how often in a row.
#[derive(Debug, Default)]
pub(super) struct Equals {
    id: Option<i64>,
    met: u64,
}

impl Equals {
    /// Of rows as [`query`] sorts them the first of each id, over all batches, and the others with ids of their own.
    pub(super) fn told_apart(
        &mut self,
        batch: &RecordBatch,
    ) -> Result<(RecordBatch, RecordBatch), ArrowError> {
        let ids = latest::ids(batch)?;
        let mut first = Vec::with_capacity(ids.len());
        let mut own = Vec::with_capacity(ids.len());
        for &id in ids.values() {
            let is_first = self.id != Some(id);
            self.met = if is_first { 1 } else { self.met + 1 };
            self.id = Some(id);
            first.push(is_first);
            own.push(match self.met {
                1 => id,
                met => cell::text_key(&format!("{id}\n{met}")),
            });
        }
        let mut columns = batch.columns().to_vec();
        let own: ArrayRef = Arc::new(Int64Array::from(own));
        columns[0] = own;
        let batch = RecordBatch::try_new(batch.schema(), columns)?;
        parted(&batch, &BooleanArray::from(first))
    }
}

fn parted(
    batch: &RecordBatch,
    mask: &BooleanArray,
) -> Result<(RecordBatch, RecordBatch), ArrowError> {
    Ok((
        filter_record_batch(batch, mask)?,
        filter_record_batch(batch, &not(mask)?)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(ids: &[i64]) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
        RecordBatch::try_from_iter([("id", column)]).unwrap()
    }

    fn ids((first, others): (RecordBatch, RecordBatch)) -> (Vec<i64>, Vec<i64>) {
        let of = |batch: &RecordBatch| latest::ids(batch).unwrap().values().to_vec();
        (of(&first), of(&others))
    }

    #[test]
    fn equal_rows_of_a_file_are_told_apart_and_are_the_same_in_the_next_export() {
        let mut equals = Equals::default();
        let (first, mut others) = ids(equals.told_apart(&batch(&[7, 7])).unwrap());
        let (more, rest) = ids(equals.told_apart(&batch(&[7, 7, 9])).unwrap());
        others.extend(rest);
        assert_eq!((&first[..], &more[..]), (&[7][..], &[9][..]));
        let mut sevens = [&first[..], &others].concat();
        sevens.sort_unstable();
        sevens.dedup();
        assert_eq!(sevens.len(), 4, "{others:?}");
        // Cut into other blocks.
        let again = Equals::default().told_apart(&batch(&[7, 7, 7, 7, 9]));
        assert_eq!(ids(again.unwrap()), (vec![7, 9], others));
    }

    #[test]
    fn rows_that_have_an_id_are_parted_from_those_that_link() {
        let (linked, own) = ids(split(&batch(&[7, 1, 7, 2]), &[0, 2]).unwrap());
        assert_eq!((linked, own), (vec![7, 7], vec![1, 2]));
    }
}
