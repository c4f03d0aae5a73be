//! The rows of a load as Salesforce returns them, in whatever way its object allows.
//!
//! | object | way |
//! |---|---|
//! | most | one Bulk query over all rows that have a key like the load's (`reference/salesforce.md §2`) |
//! | loaded over REST | the same query over REST |
//! | without a field for our key | by the ids in the ledger, a set at a time |
//! | `ContentDocumentLink` | by its documents: it can be asked for in no other way (`§4`) |
//!
//! In: a load with its ledger. Out: an unsorted table, not published. Never: a row of the object in memory for longer than its
//! page.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, StringBuilder,
};
use arrow::compute::{cast, filter_record_batch, is_not_null};
use arrow::datatypes::{DataType, Field, SchemaRef};
use futures::{TryStreamExt, pin_mut};

use super::ReconcileError;
use super::readback::{ReadBack, unsorted_name};
use crate::engine::Session;
use crate::salesforce::{CsvRows, JobState, QueryScope, WaitOptions, field_text, record_identity};
use crate::staging::{Manifest, TableWriter};
use crate::transform::Api;

/// Objects whose old rows are archived and vanish from `query` (`rules.md` 28).
const ARCHIVED: [&str; 2] = ["Task", "Event"];

/// Objects that can only be asked for by one of their fields.
const ASKED_BY: [(&str, &str); 1] = [("ContentDocumentLink", "ContentDocumentId")];

/// Ids in one query, so that its URL stays short.
const IDS: usize = 200;

/// Rows of a REST answer that are written at once.
const REST_ROWS: usize = 2_000;

/// A fetch in progress.
struct Fetch<'a> {
    request: &'a ReadBack<'a>,
    schema: &'a SchemaRef,
    /// Fields asked for, in the schema's order; a key that the object has no field for is not among them.
    names: Vec<String>,
    writer: TableWriter,
    rows: u64,
}

/// Fetches the rows; calls `progress` with rows so far.
///
/// # Errors
/// [`ReconcileError`].
pub(super) async fn fetch(
    request: &ReadBack<'_>,
    schema: &SchemaRef,
    progress: impl Fn(u64),
) -> Result<Manifest, ReconcileError> {
    let names = schema
        .fields()
        .iter()
        .skip(1)
        .map(|field| field.name().clone())
        .filter(|name| !name.starts_with('_'));
    let names: Vec<String> = std::iter::once("Id".to_owned()).chain(names).collect();
    let writer = request
        .staging
        .create("org", &unsorted_name(request), Arc::clone(schema), &[])
        .await?;
    let mut fetch = Fetch {
        request,
        schema,
        names,
        writer,
        rows: 0,
    };
    let object = request.describe.name.as_str();
    let hidden = request.columns.key.iter().any(|key| key.starts_with('_'));
    let asked_by = ASKED_BY.iter().find(|(name, _)| *name == object);
    match asked_by {
        Some((_, field)) => fetch.by_ids(field, &progress).await?,
        None if hidden => fetch.by_ids("Id", &progress).await?,
        None if request.file.api == Api::Rest => fetch.over_rest(&progress).await?,
        None => fetch.in_bulk(&progress).await?,
    }
    Ok(fetch.writer.finish(BTreeMap::new()).await?)
}

impl Fetch<'_> {
    fn failed(&self) -> impl Fn(crate::salesforce::Error) -> ReconcileError + use<> {
        let object = self.request.describe.name.clone();
        move |source| ReconcileError::ReadBack {
            object: object.clone(),
            source: Box::new(source),
        }
    }

    fn soql(&self, condition: &str) -> String {
        format!(
            "SELECT {} FROM {} WHERE {condition}",
            self.names.join(", "),
            self.request.describe.name
        )
    }

    /// All rows with our key. Loads that share an object tell their keys apart by how they begin (`message:17`): then only
    /// rows with a key that begins so.
    async fn whole(&self) -> Result<(String, QueryScope), ReconcileError> {
        let key = &self.request.columns.key[0];
        let ours = match self.key_start().await? {
            Some(start) => format!("{key} LIKE '{}%'", escaped(&start)),
            None => format!("{key} != null"),
        };
        if ARCHIVED.contains(&self.request.describe.name.as_str()) {
            let condition = format!("{ours} AND IsDeleted = false");
            return Ok((self.soql(&condition), QueryScope::WithDeletedAndArchived));
        }
        Ok((self.soql(&ours), QueryScope::Live))
    }

    /// How every key in the outbox begins, up to a colon; none where keys are numbers or have nothing in common.
    async fn key_start(&self) -> Result<Option<String>, ReconcileError> {
        let columns = self.request.columns;
        let text = |field: &&Field| field.data_type() == &DataType::Utf8;
        let Some(key) = columns.key_fields().next().filter(text) else {
            return Ok(None);
        };
        let load = &self.request.file.name;
        let sql = format!(
            "select min(\"{key}\") as first, max(\"{key}\") as last from outbox.{load}",
            key = key.name()
        );
        let session = self.session().await?;
        let mut rows = session
            .stream(&format!("keys of {load}"), &sql, &[])
            .await?;
        let Some(row) = rows.next_batch().await? else {
            return Ok(None);
        };
        let [first, last] = [0, 1].map(|column| row.column(column).as_string::<i32>());
        if first.is_null(0) {
            return Ok(None);
        }
        Ok(common_start(first.value(0), last.value(0)).map(str::to_owned))
    }

    async fn session(&self) -> Result<Session, ReconcileError> {
        let snapshot = self.request.staging.snapshot().await?;
        Ok(self
            .request
            .engine
            .session(self.request.staging, &snapshot)?)
    }

    async fn in_bulk(&mut self, progress: &impl Fn(u64)) -> Result<(), ReconcileError> {
        let fail = self.failed();
        let query = self.request.client.bulk_query();
        let (soql, scope) = self.whole().await?;
        let job = query.create(&soql, scope).await.map_err(&fail)?;
        let job = query
            .wait(&job.id, WaitOptions::default(), |_| {})
            .await
            .map_err(&fail)?;
        if job.state != JobState::JobComplete {
            return Err(ReconcileError::QueryFailed {
                object: self.request.describe.name.clone(),
                state: job.state.to_string(),
            });
        }
        let pages = query.pages(&job);
        pin_mut!(pages);
        while let Some(page) = pages.try_next().await.map_err(&fail)? {
            let mut csv = CsvRows::open(page.body).await.map_err(&fail)?;
            let positions: Vec<Option<usize>> =
                self.names.iter().map(|name| csv.column(name)).collect();
            while let Some(records) = csv.next_batch().await.map_err(&fail)? {
                self.write(&positions, &records, None).await?;
                progress(self.rows);
            }
        }
        query.delete(&job.id).await.map_err(&fail)?;
        Ok(())
    }

    async fn over_rest(&mut self, progress: &impl Fn(u64)) -> Result<(), ReconcileError> {
        let (soql, scope) = self.whole().await?;
        self.rest_rows(&soql, scope, None).await?;
        progress(self.rows);
        Ok(())
    }

    /// Rows whose `field` is one of the ledger's ids, or of the parents in its key.
    async fn by_ids(&mut self, field: &str, progress: &impl Fn(u64)) -> Result<(), ReconcileError> {
        let load = &self.request.file.name;
        let session = self.session().await?;
        let key = &self.request.columns.key[0];
        let by_id = field == "Id";
        let asked = if by_id {
            "l.id"
        } else {
            &format!("l.\"{key}\"")
        };
        let sql = format!(
            "select {asked} as asked, max(cast(l.\"{key}\" as varchar)) as key from ledger.{load} as l \
             where l.id is not null group by {asked}"
        );
        let mut ids = session.stream(&format!("ids of {load}"), &sql, &[]).await?;
        while let Some(batch) = ids.next_batch().await? {
            let asked = batch.column(0).as_string::<i32>();
            let keys = batch.column(1).as_string::<i32>();
            for start in (0..batch.num_rows()).step_by(IDS) {
                let rows = start..(start + IDS).min(batch.num_rows());
                let known: HashMap<&str, &str> = rows
                    .filter(|&row| asked.is_valid(row))
                    .map(|row| (record_identity(asked.value(row)), keys.value(row)))
                    .collect();
                let list: Vec<String> = known.keys().map(|id| format!("'{id}'")).collect();
                let soql = self.soql(&format!("{field} IN ({})", list.join(", ")));
                let known = by_id.then_some(&known);
                self.rest_rows(&soql, QueryScope::Live, known).await?;
                progress(self.rows);
            }
        }
        Ok(())
    }

    async fn rest_rows(
        &mut self,
        soql: &str,
        scope: QueryScope,
        keys: Option<&HashMap<&str, &str>>,
    ) -> Result<(), ReconcileError> {
        let fail = self.failed();
        let rows = self
            .request
            .client
            .query_in(soql, scope)
            .try_chunks(REST_ROWS);
        pin_mut!(rows);
        let positions: Vec<Option<usize>> = (0..self.names.len()).map(Some).collect();
        while let Some(rows) = rows.try_next().await.map_err(|error| fail(error.1))? {
            let records: Vec<csv::StringRecord> = rows
                .iter()
                .map(|row| {
                    self.names
                        .iter()
                        .map(|name| field_text(row, name).unwrap_or_default())
                        .collect()
                })
                .collect();
            self.write(&positions, &records, keys).await?;
        }
        Ok(())
    }

    /// Writes rows; `keys` gives the key of each id where the object has no field for it.
    async fn write(
        &mut self,
        positions: &[Option<usize>],
        records: &[csv::StringRecord],
        keys: Option<&HashMap<&str, &str>>,
    ) -> Result<(), ReconcileError> {
        self.rows += records.len() as u64;
        let batch =
            self.batch(positions, records, keys)
                .map_err(|error| ReconcileError::Store {
                    object: self.request.describe.name.clone(),
                    reason: error.to_string(),
                })?;
        self.writer.write(&batch).await?;
        Ok(())
    }

    fn batch(
        &self,
        positions: &[Option<usize>],
        records: &[csv::StringRecord],
        keys: Option<&HashMap<&str, &str>>,
    ) -> Result<RecordBatch, arrow::error::ArrowError> {
        let mut positions = positions.iter();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for (index, field) in self.schema.fields().iter().enumerate() {
            let hidden = index > 0 && field.name().starts_with('_');
            let position = if hidden {
                None
            } else {
                positions.next().copied().flatten()
            };
            let mut builder = StringBuilder::with_capacity(records.len(), records.len() * 16);
            for record in records {
                let cell = match (hidden, keys) {
                    (true, Some(keys)) => record
                        .get(0)
                        .and_then(|id| keys.get(record_identity(id)).copied()),
                    _ => position.and_then(|position| record.get(position)),
                };
                builder.append_option(cell.filter(|cell| !cell.is_empty()));
            }
            let text: StringArray = builder.finish();
            let text: ArrayRef = Arc::new(text);
            // A key of another load into the same object may not parse as ours: it becomes null and drops out.
            columns.push(cast(&text, field.data_type())?);
        }
        let batch = RecordBatch::try_new(Arc::clone(self.schema), columns)?;
        let mut keep = BooleanArray::from(vec![true; batch.num_rows()]);
        for name in &self.request.columns.key {
            if let Some(column) = batch.column_by_name(name) {
                keep = arrow::compute::and(&keep, &is_not_null(column)?)?;
            }
        }
        filter_record_batch(&batch, &keep)
    }
}

/// What texts from `first` to `last` all begin with, up to their last common colon.
fn common_start<'a>(first: &'a str, last: &str) -> Option<&'a str> {
    let pairs = first.bytes().zip(last.bytes());
    let common = pairs.take_while(|(left, right)| left == right).count();
    let colon = first.as_bytes()[..common]
        .iter()
        .rposition(|&b| b == b':')?;
    Some(&first[..=colon])
}

/// A text inside a pattern of `LIKE`, which has wildcards of its own.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if matches!(letter, '\'' | '\\' | '%' | '_') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_load_share_their_start() {
        assert_eq!(common_start("message:1", "message:99"), Some("message:"));
        assert_eq!(common_start("message:1", "message:1"), Some("message:"));
        assert_eq!(common_start("list:1:a", "list:1:b"), Some("list:1:"));
        assert_eq!(common_start("list:1", "segment:1"), None);
        assert_eq!(common_start("placeholder", "placeholder"), None);
        assert_eq!(common_start("żółw:1", "żółw:ń"), Some("żółw:"));
        assert_eq!(common_start("ż1", "ź1"), None);
        assert_eq!(common_start("", "a:"), None);
    }

    #[test]
    fn wildcards_in_a_key_mean_themselves() {
        assert_eq!(escaped("co_deal's:%\\"), "co\\_deal\\'s:\\%\\\\");
    }
}
