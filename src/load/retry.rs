//! Rows that may land if they are sent again: which ones, in how small jobs, how often.
//!
//! In: parts whose answers were transient (locks, timeouts, rows that were never tried). Out: new, smaller parts of just those
//! rows. Never: a row sent again whose own values were refused, or more than [`ATTEMPTS`] attempts and [`MOST_PARTS`] parts.

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take_record_batch;
use chrono::Utc;
use futures::TryStreamExt;

use super::answers::Answer;
use super::outcome::{OutcomeClass, classify};
use super::part::{ENCODE_ROWS, PartContext};
use super::{Event, LoadError};
use crate::rows::RowOperation;
use crate::staging::DataFile;

/// How often a row is sent at most. Each time its job is a tenth as large, so that a row that takes its batch down with it
/// ends up nearly alone.
pub(super) const ATTEMPTS: u32 = 6;

/// Parts that one round may consist of; more would not be hiccups.
const MOST_PARTS: usize = 200;

/// How much smaller jobs get from one attempt to the next.
const SHRINK: usize = 10;

/// Rows of a part that are worth another attempt.
#[derive(Clone, Debug)]
pub(super) struct Again {
    pub part: DataFile,
    pub operation: RowOperation,
    /// Places in the part, ascending.
    pub rows: Vec<u32>,
    /// How many of them were never tried; the others failed.
    pub unprocessed: u64,
}

/// Places of the rows whose answer may be another one next time.
pub(super) fn transient(answers: &[Option<Answer>]) -> Vec<u32> {
    let passes = |answer: &Option<Answer>| match answer {
        None => true,
        Some(Answer::Failed { code, .. }) => classify(code) == OutcomeClass::Transient,
        Some(_) => false,
    };
    (0_u32..)
        .zip(answers)
        .filter(|(_, answer)| passes(answer))
        .map(|(row, _)| row)
        .collect()
}

/// How many rows could not have their parent locked.
pub(super) fn locked(answers: &[Option<Answer>]) -> u64 {
    let locked = |answer: &&Option<Answer>| matches!(answer, Some(Answer::Failed { code, .. }) if code.contains("LOCK"));
    answers.iter().filter(locked).count() as u64
}

impl PartContext {
    /// Writes the rows of `again` as parts for attempt `attempt`; `part_rows` is the size of first attempts. Empty if they are
    /// too many for another round.
    pub(super) async fn cut_again(
        &self,
        again: &[Again],
        attempt: u32,
        part_rows: usize,
    ) -> Result<Vec<(DataFile, RowOperation)>, LoadError> {
        let shrunk = (1..attempt).fold(part_rows, |rows, _| rows / SHRINK).max(1);
        let rows: usize = again.iter().map(|part| part.rows.len()).sum();
        if rows.div_ceil(shrunk) > MOST_PARTS {
            return Ok(Vec::new());
        }
        let mut parts = Vec::new();
        for operation in RowOperation::ALL {
            let of_this: Vec<&Again> = again
                .iter()
                .filter(|part| part.operation == operation)
                .collect();
            if of_this.is_empty() {
                continue;
            }
            let table = format!("{}_again", self.load);
            let mut writer = self
                .staging
                .create("outbox", &table, std::sync::Arc::clone(&self.outbox), &[])
                .await?
                .labelled(operation.word());
            let names: Vec<&str> = self
                .outbox
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect();
            let mut open = 0;
            for part in of_this {
                let mut batches = self
                    .staging
                    .read_file(&part.part, &names, ENCODE_ROWS)
                    .await?;
                let (mut start, mut wanted) = (0_u32, part.rows.iter().copied().peekable());
                while let Some(batch) = batches.try_next().await? {
                    let end = start + u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
                    let mut rows = Vec::new();
                    while let Some(row) = wanted.next_if(|&row| row < end) {
                        rows.push(row - start);
                    }
                    start = end;
                    for chunk in split(&rows, shrunk, &mut open) {
                        if chunk.first {
                            writer.next_file().await?;
                        }
                        let places: ArrayRef = std::sync::Arc::new(UInt32Array::from(chunk.rows));
                        debug_assert!(places.null_count() == 0, "places are never null");
                        let rows = take_record_batch(&batch, &places)
                            .map_err(self.wrong(&part.part.path))?;
                        writer.write(&rows).await?;
                    }
                }
            }
            let manifest = writer.finish(std::collections::BTreeMap::new()).await?;
            let files = manifest.files.into_iter().filter(|file| file.rows > 0);
            parts.extend(files.map(|file| (file, operation)));
        }
        self.journal
            .record(&Event::Again {
                load: self.load.clone(),
                attempt,
                parts: parts.iter().map(|(part, _)| part.clone()).collect(),
                at: Utc::now(),
            })
            .await?;
        Ok(parts)
    }
}

/// Rows of one batch that go into one file.
struct Chunk {
    rows: Vec<u32>,
    /// Whether they begin a file.
    first: bool,
}

/// Cuts rows into files of `size`; `open` rows are in the file that is being written.
fn split(rows: &[u32], size: usize, open: &mut usize) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut rest = rows;
    while !rest.is_empty() {
        let first = *open >= size;
        if first {
            *open = 0;
        }
        let (now, later) = rest.split_at((size - *open).min(rest.len()));
        *open += now.len();
        chunks.push(Chunk {
            rows: now.to_vec(),
            first,
        });
        rest = later;
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_and_rows_that_were_never_tried_are_sent_again() {
        let failed = |code: &str| {
            Some(Answer::Failed {
                code: code.to_owned(),
                error: String::new(),
            })
        };
        let landed = Some(Answer::Landed {
            id: "001".to_owned(),
            created: true,
        });
        let answers = [
            landed,
            None,
            failed("STRING_TOO_LONG"),
            failed("UNABLE_TO_LOCK_ROW"),
        ];
        assert_eq!(transient(&answers), [1, 3]);
        assert_eq!(locked(&answers), 1);
    }

    #[test]
    fn files_are_full_wherever_batches_end() {
        let mut open = 0;
        let sizes = |rows: &[u32], open: &mut usize| -> Vec<(usize, bool)> {
            let chunks = split(rows, 3, open).into_iter();
            chunks
                .map(|chunk| (chunk.rows.len(), chunk.first))
                .collect()
        };
        assert_eq!(sizes(&[0, 1], &mut open), [(2, false)]);
        assert_eq!(sizes(&[5, 6, 7], &mut open), [(1, false), (2, true)]);
        assert_eq!(sizes(&[], &mut open), []);
        assert_eq!(sizes(&[9, 10], &mut open), [(1, false), (1, true)]);
    }
}
