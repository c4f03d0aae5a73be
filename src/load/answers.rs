//! What is known of a part's rows before they are sent, and one answer per row afterwards.
//!
//! In: an outbox part; answers by key or by id. Out: a file of attempts with every row of the part: created, updated,
//! failed or unprocessed. Memory: keys and answers of one part, never its values.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, Int64Array, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, Int64Type};
use chrono::Utc;
use futures::TryStreamExt;

use super::outcome::{OutcomeClass, classify};
use super::part::{ENCODE_ROWS, PartContext};
use super::{LoadError, PartError};
use crate::rows::{KEY_APART, Liveness, Outcome, RowOperation, key_texts};
use crate::salesforce::record_identity;
use crate::staging::DataFile;

/// What stands for a Bulk job in the ledger.
pub(super) const REST: &str = "rest";

/// What says that a record is not there any more.
pub(super) const GONE: &str = "ENTITY_IS_DELETED";

/// Rows of a part by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PartCounts {
    pub created: u64,
    pub updated: u64,
    pub failed: u64,
    pub unprocessed: u64,
}

impl std::ops::AddAssign for PartCounts {
    fn add_assign(&mut self, more: Self) {
        self.created += more.created;
        self.updated += more.updated;
        self.failed += more.failed;
        self.unprocessed += more.unprocessed;
    }
}

/// What became of a part.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub counts: PartCounts,
    /// Files of attempts.
    pub files: Vec<DataFile>,
    /// Places of rows that may land next time.
    pub again: Vec<u32>,
    /// How many of them were never tried.
    pub unprocessed: u64,
    /// Rows whose parent could not be locked.
    pub locked: u64,
    /// Why the job failed without having tried anything.
    pub dead: Option<LoadError>,
    /// Code of a row's refusal that comes from the org's set-up.
    pub setup: Option<String>,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was written.
    Landed { id: String, created: bool },
    /// A record with its key was there already and was left as it is; the next run brings its values in line.
    Found { id: String },
    /// It was refused.
    Failed { code: String, error: String },
}

/// The answer that an error stands for; `id` names the row where it is deleted.
pub(super) fn refused(operation: RowOperation, code: &str, error: &str, id: &str) -> Answer {
    // Its parent took it along, or somebody was faster.
    if operation == RowOperation::Delete && code == GONE {
        return Answer::Landed {
            id: id.to_owned(),
            created: false,
        };
    }
    Answer::Failed {
        code: code.to_owned(),
        error: error.to_owned(),
    }
}

/// The code of a refusal that comes from the org's set-up. What is taken back goes on with the rows that can be.
pub(super) fn setup_code(operation: RowOperation, answers: &[Option<Answer>]) -> Option<String> {
    use RowOperation::{Convert, Insert, Update, Upsert};
    if !matches!(operation, Insert | Update | Upsert | Convert) {
        return None;
    }
    answers.iter().flatten().find_map(|answer| match answer {
        Answer::Failed { code, .. } if classify(code) == OutcomeClass::Setup => Some(code.clone()),
        _ => None,
    })
}

/// Counts answers; a row without one was never tried.
pub(super) fn count(answers: &[Option<Answer>]) -> PartCounts {
    let mut counts = PartCounts::default();
    for answer in answers {
        match answer {
            Some(Answer::Landed { created: true, .. }) => counts.created += 1,
            Some(Answer::Landed { .. } | Answer::Found { .. }) => counts.updated += 1,
            Some(Answer::Failed { .. }) => counts.failed += 1,
            None => counts.unprocessed += 1,
        }
    }
    counts
}

/// The rows of a part.
pub(super) struct PartRows {
    /// Key columns.
    pub keys: Vec<ArrayRef>,
    /// Row by the text that its answer carries: its key, or its id if it is updated.
    position: HashMap<Box<str>, u32>,
    by_id: bool,
    fingerprint: Vec<i64>,
    written: Vec<Box<[u8]>>,
}

impl PartRows {
    /// How many.
    pub(super) fn len(&self) -> usize {
        self.fingerprint.len()
    }

    /// Whether answers are matched by id: rows that are updated are named by it, and their key columns may be ones that
    /// cannot be sent again.
    pub(super) fn by_id(&self) -> bool {
        self.by_id
    }

    /// The row that an answer is about.
    pub(super) fn find(&self, text: &str) -> Option<usize> {
        let text = if self.by_id {
            record_identity(text)
        } else {
            text
        };
        self.position.get(text).map(|&row| row as usize)
    }
}

/// Where answers came from.
pub(super) struct Origin<'a> {
    pub operation: RowOperation,
    pub attempt: u32,
    /// The Bulk job, or `rest`.
    pub job: &'a str,
    /// Why rows without an answer have none.
    pub unprocessed: Option<&'a str>,
}

impl Origin<'_> {
    /// Whether the values that the row was sent with are not all that its record has: the next row of its key counts as changed.
    fn undoes(&self) -> bool {
        use RowOperation::{Delete, Flag, Release, Restore, Undelete};
        matches!(self.operation, Delete | Flag | Release | Restore | Undelete)
    }

    /// What a landed row's record is to us from now on.
    fn live(&self) -> Liveness {
        match self.operation {
            RowOperation::Delete | RowOperation::Release => Liveness::Undone,
            _ => Liveness::Live,
        }
    }

    /// The outcome that an answer stands for.
    fn outcome(&self, answer: Option<&Answer>) -> Outcome {
        match (answer, self.operation) {
            (None, _) => Outcome::Unprocessed,
            (Some(Answer::Failed { .. }), _) => Outcome::Failed,
            (Some(Answer::Landed { .. }), RowOperation::Delete) => Outcome::Deleted,
            (Some(Answer::Landed { .. }), RowOperation::Release) => Outcome::Released,
            (Some(Answer::Landed { .. }), RowOperation::Restore | RowOperation::Undelete) => {
                Outcome::Restored
            }
            (Some(Answer::Landed { created: true, .. }), _) => Outcome::Created,
            (Some(Answer::Landed { .. } | Answer::Found { .. }), _) => Outcome::Updated,
        }
    }
}

impl PartContext {
    /// Columns of a part that hold the key. Where a rollback gives the key's own field another value, they stand apart.
    fn key_columns(&self) -> Vec<String> {
        let apart = |name: &String| {
            let apart = format!("{KEY_APART}{name}");
            match self.outbox.field_with_name(&apart) {
                Ok(_) => apart,
                Err(_) => name.clone(),
            }
        };
        self.key.iter().map(apart).collect()
    }

    /// Reads what is known of a part's rows.
    pub(super) async fn part_rows(
        &self,
        part: &DataFile,
        operation: RowOperation,
    ) -> Result<PartRows, LoadError> {
        let key = self.key_columns();
        let mut columns: Vec<&str> = key.iter().map(String::as_str).collect();
        columns.extend(["_id", "_fingerprint", "_written"]);
        let mut batches = Vec::new();
        let mut stream = self.staging.read_file(part, &columns, ENCODE_ROWS).await?;
        while let Some(batch) = stream.try_next().await? {
            batches.push(batch);
        }
        let Some(first) = batches.first() else {
            return Err(self.wrong(&part.path)(PartError::Empty));
        };
        let all = arrow::compute::concat_batches(&first.schema(), &batches)
            .map_err(self.wrong(&part.path))?;
        drop(batches);
        let column = |name: &str| {
            all.column_by_name(name).ok_or_else(|| {
                let name = name.to_owned();
                self.wrong(&part.path)(PartError::NoColumn { name })
            })
        };
        let by_id = operation.by_id();
        let texts = if by_id {
            let ids = column("_id")?.as_string::<i32>();
            ids.iter()
                .map(|id| record_identity(id.unwrap_or_default()).to_owned())
                .collect()
        } else {
            key_texts(&all, &key).map_err(self.wrong(&part.path))?
        };
        let mut position = HashMap::with_capacity(texts.len());
        for (row, text) in (0_u32..).zip(texts) {
            position.insert(text.into_boxed_str(), row);
        }
        let keys = key
            .iter()
            .map(|name| column(name).cloned())
            .collect::<Result<Vec<_>, _>>()?;
        let fingerprint = column("_fingerprint")?
            .as_primitive::<Int64Type>()
            .values()
            .to_vec();
        let written = column("_written")?.as_binary::<i32>();
        let written = (0..written.len())
            .map(|row| written.value(row).into())
            .collect();
        Ok(PartRows {
            keys,
            position,
            by_id,
            fingerprint,
            written,
        })
    }

    /// Stores the answers of rows `first..`, one per row.
    pub(super) async fn store(
        &self,
        rows: &PartRows,
        first: usize,
        answers: &[Option<Answer>],
        origin: &Origin<'_>,
    ) -> Result<Vec<DataFile>, LoadError> {
        let count = answers.len();
        let mut id = StringBuilder::new();
        let mut live = StringBuilder::new();
        let mut fingerprint: Vec<Option<i64>> = Vec::with_capacity(count);
        let mut written = BinaryBuilder::new();
        let mut outcome = StringBuilder::new();
        let mut code = StringBuilder::new();
        let mut error = StringBuilder::new();
        for (row, answer) in (first..).zip(answers) {
            let landed = match answer {
                Some(Answer::Landed { id, .. } | Answer::Found { id }) => Some(id),
                _ => None,
            };
            id.append_option(landed);
            live.append_option(landed.map(|_| origin.live().word()));
            written.append_option(landed.map(|_| &rows.written[row]));
            // Without a fingerprint the row counts as changed, so that the next run writes it.
            let known = matches!(answer, Some(Answer::Landed { .. })) && !origin.undoes();
            fingerprint.push(known.then(|| rows.fingerprint[row]));
            outcome.append_value(origin.outcome(answer.as_ref()).word());
            match answer {
                Some(Answer::Failed {
                    code: known,
                    error: words,
                }) => {
                    code.append_value(known);
                    error.append_value(words);
                }
                None => {
                    code.append_value("UNPROCESSED");
                    error.append_option(origin.unprocessed);
                }
                _ => {
                    code.append_null();
                    error.append_null();
                }
            }
        }
        let same = |text: &str| -> ArrayRef {
            Arc::new(std::iter::repeat_n(Some(text), count).collect::<StringArray>())
        };
        let mut columns: Vec<ArrayRef> = rows
            .keys
            .iter()
            .map(|key| key.slice(first, count))
            .collect();
        columns.extend::<[ArrayRef; 13]>([
            Arc::new(id.finish()),
            Arc::new(live.finish()),
            Arc::new(Int64Array::from(fingerprint)),
            Arc::new(written.finish()),
            new_null_array(&DataType::Utf8, count),
            Arc::new(outcome.finish()),
            Arc::new(code.finish()),
            Arc::new(error.finish()),
            same(origin.operation.word()),
            same(origin.job),
            Arc::new(Int64Array::from(vec![i64::from(origin.attempt); count])),
            same(self.journal.run()),
            Arc::new(
                TimestampMicrosecondArray::from(vec![Utc::now().timestamp_micros(); count])
                    .with_timezone("UTC"),
            ),
        ]);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(self.wrong(origin.job))?;
        let mut writer = self
            .staging
            .create(
                "ledger",
                &format!("attempts_{}", self.load),
                Arc::clone(&self.schema),
                &[],
            )
            .await?;
        writer.write(&batch).await?;
        Ok(writer
            .finish(std::collections::BTreeMap::new())
            .await?
            .files)
    }

    /// The same answers in one file: requests over REST have a small one each, which nobody could open all at once.
    pub(super) async fn compact(&self, files: &[DataFile]) -> Result<Vec<DataFile>, LoadError> {
        if files.len() < 2 {
            return Ok(files.to_vec());
        }
        let table = format!("attempts_{}", self.load);
        let mut writer = self
            .staging
            .create("ledger", &table, Arc::clone(&self.schema), &[])
            .await?;
        let fields = self.schema.fields().iter();
        let columns: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
        for file in files {
            let mut batches = self.staging.read_file(file, &columns, ENCODE_ROWS).await?;
            while let Some(batch) = batches.try_next().await? {
                writer.write(&batch).await?;
            }
        }
        let whole = writer.finish(std::collections::BTreeMap::new()).await?;
        Ok(whole.files)
    }
}
