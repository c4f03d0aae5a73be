//! Rows of a file that have no id and link the same, where each is a row of its own: a deal with a line twice.
//!
//! In: the batches of a file in its order. Out: the same, the second of such rows with an id of its own, made of that of the first and
//! of its number among them, so that it is the same in the next export. Rows of another file that link the same are the same
//! rows: exports are cut into files that overlap.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::error::ArrowError;

use super::latest;
use crate::usercom::cell;

/// How often each such id was met in a file.
#[derive(Debug, Default)]
pub(super) struct Equals(HashMap<i64, u64>);

impl Equals {
    /// Gives each of the rows `linked` an id of its own.
    pub(super) fn told_apart(
        &mut self,
        batch: RecordBatch,
        linked: &[usize],
    ) -> Result<RecordBatch, ArrowError> {
        let mut ids: Option<Vec<i64>> = None;
        for &row in linked {
            let own = latest::ids(&batch)?;
            let id = own.value(row);
            let met = self.0.entry(id).or_default();
            *met += 1;
            if *met > 1 {
                let ids = ids.get_or_insert_with(|| own.values().to_vec());
                ids[row] = cell::text_key(&format!("{id}\n{met}"));
            }
        }
        let Some(ids) = ids else {
            return Ok(batch);
        };
        let mut columns = batch.columns().to_vec();
        let ids: ArrayRef = Arc::new(Int64Array::from(ids));
        columns[0] = ids;
        RecordBatch::try_new(batch.schema(), columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(equals: &mut Equals, ids: &[i64], linked: &[usize]) -> Vec<i64> {
        let column: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
        let batch = RecordBatch::try_from_iter([("id", column)]).unwrap();
        let told = equals.told_apart(batch, linked).unwrap();
        latest::ids(&told).unwrap().values().to_vec()
    }

    #[test]
    fn equal_rows_of_a_file_are_told_apart_and_are_the_same_in_the_next_export() {
        let mut first = Equals::default();
        let of_first = [
            ids(&mut first, &[7, 7, 9, 7], &[0, 1, 3]),
            ids(&mut first, &[7, 9], &[0]),
        ]
        .concat();
        assert_eq!((of_first[0], of_first[2], of_first[5]), (7, 9, 9));
        let mut sevens = vec![of_first[0], of_first[1], of_first[3], of_first[4]];
        sevens.sort_unstable();
        sevens.dedup();
        assert_eq!(sevens.len(), 4, "{of_first:?}");
        // Cut into other blocks.
        let again = ids(&mut Equals::default(), &[7, 7, 9, 7, 7, 9], &[0, 1, 3, 4]);
        assert_eq!(again, of_first);
    }
}
