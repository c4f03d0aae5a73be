//! Rows of an object as Salesforce returns them, written into a table: `_id`, key columns in their type, everything else as
//! text.
//!
//! In: conditions in SOQL, or ids. Out: an unsorted table, not published. Never: a row in memory for longer than its page.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, StringBuilder,
};
use arrow::compute::{cast, filter_record_batch, is_not_null};
use arrow::datatypes::SchemaRef;
use futures::{TryStreamExt, pin_mut};

use super::ReconcileError;
use crate::engine::Session;
use crate::salesforce::{
    Client, CsvRows, JobState, ObjectDescribe, QueryScope, WaitOptions, field_text, record_identity,
};
use crate::staging::{Manifest, Staging, TableWriter};

/// Ids in one query, so that its URL stays short.
const IDS: usize = 200;

/// Rows of a REST answer that are written at once.
const REST_ROWS: usize = 2_000;

/// How often rows are asked for at most.
const ATTEMPTS: u32 = 4;

/// Asks for rows again where an answer broke off: what was read until then is left to be swept.
pub(super) async fn patiently<T>(
    client: &Client,
    read: impl AsyncFn() -> Result<T, ReconcileError>,
) -> Result<T, ReconcileError> {
    let mut attempt = 1;
    loop {
        match read().await {
            Err(ReconcileError::ReadBack { source, .. })
                if attempt < ATTEMPTS && source.is_broken_answer() =>
            {
                attempt += 1;
                client.pause(attempt).await;
            }
            read => return read,
        }
    }
}

/// A table being filled.
pub(super) struct FoundRows<'a> {
    client: &'a Client,
    describe: &'a ObjectDescribe,
    schema: SchemaRef,
    /// Columns that a row must have a value in.
    required: &'a [String],
    /// Fields asked for, in the schema's order; a key that the object has no field for is not among them.
    names: Vec<String>,
    writer: TableWriter,
    count: u64,
}

impl<'a> FoundRows<'a> {
    /// Starts `org.<table>`; rows without a value in `required` columns are left out.
    pub(super) async fn start(
        staging: &Staging,
        client: &'a Client,
        describe: &'a ObjectDescribe,
        table: &str,
        schema: &SchemaRef,
        required: &'a [String],
    ) -> Result<Self, ReconcileError> {
        let names = schema.fields().iter().skip(1);
        let names = names
            .map(|field| field.name().clone())
            .filter(|name| !name.starts_with('_'));
        Ok(Self {
            client,
            describe,
            schema: Arc::clone(schema),
            required,
            names: std::iter::once("Id".to_owned()).chain(names).collect(),
            writer: staging
                .create("org", table, Arc::clone(schema), &[])
                .await?,
            count: 0,
        })
    }

    /// Rows read so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The table.
    pub(super) async fn finish(self) -> Result<Manifest, ReconcileError> {
        Ok(self.writer.finish(BTreeMap::new()).await?)
    }

    fn failed(&self) -> impl Fn(crate::salesforce::Error) -> ReconcileError + use<> {
        let object = self.describe.name.clone();
        move |source| ReconcileError::ReadBack {
            object: object.clone(),
            source: Box::new(source),
        }
    }

    fn soql(&self, condition: &str) -> String {
        format!(
            "SELECT {} FROM {} WHERE {condition}",
            self.names.join(", "),
            self.describe.name
        )
    }

    /// Rows that meet a condition, by one Bulk query.
    pub(super) async fn in_bulk(
        &mut self,
        condition: &str,
        scope: QueryScope,
        progress: &impl Fn(u64),
    ) -> Result<(), ReconcileError> {
        let fail = self.failed();
        let query = self.client.bulk_query();
        let soql = self.soql(condition);
        let job = query.create(&soql, scope).await.map_err(&fail)?;
        let job = query
            .wait(&job.id, WaitOptions::default(), |_| {})
            .await
            .map_err(&fail)?;
        if job.state != JobState::JobComplete {
            return Err(ReconcileError::QueryFailed {
                object: self.describe.name.clone(),
                state: job.state.to_string(),
            });
        }
        let pages = query.pages(&job);
        pin_mut!(pages);
        let mut found = 0;
        while let Some(page) = pages.try_next().await.map_err(&fail)? {
            let mut csv = CsvRows::open(page.body).await.map_err(&fail)?;
            let positions: Vec<Option<usize>> =
                self.names.iter().map(|name| csv.column(name)).collect();
            while let Some(records) = csv.next_batch().await.map_err(&fail)? {
                found += records.len() as u64;
                self.write(&positions, &records, None).await?;
                progress(self.count);
            }
        }
        let expected = job.number_records_processed;
        if found < expected {
            return Err(fail(crate::salesforce::Error::MissingRows {
                request: format!("the query job {}", job.id),
                expected,
                found,
            }));
        }
        query.delete(&job.id).await.map_err(&fail)?;
        Ok(())
    }

    /// Rows whose `field` is one of those that `sql` returns, with a text that stands for it (`asked`, `key`); `keyed` if that
    /// text is the row's key, which the object has no field for.
    pub(super) async fn by_ids(
        &mut self,
        session: &Session,
        field: &str,
        sql: &str,
        keyed: bool,
        progress: &impl Fn(u64),
    ) -> Result<(), ReconcileError> {
        let name = format!("ids of {}", self.describe.name);
        let mut ids = session.stream(&name, sql, &[]).await?;
        while let Some(batch) = ids.next_batch().await? {
            let asked = batch.column(0).as_string::<i32>();
            let keys = batch.column(1).as_string::<i32>();
            for start in (0..batch.num_rows()).step_by(IDS) {
                let rows = start..(start + IDS).min(batch.num_rows());
                let known: HashMap<&str, &str> = rows
                    .filter(|&row| asked.is_valid(row))
                    .map(|row| (record_identity(asked.value(row)), keys.value(row)))
                    .collect();
                if known.is_empty() {
                    continue;
                }
                let list: Vec<String> = known.keys().map(|id| format!("'{id}'")).collect();
                let condition = format!("{field} IN ({})", list.join(", "));
                let keys = keyed.then_some(&known);
                self.over_rest(&condition, QueryScope::Live, keys).await?;
                progress(self.count);
            }
        }
        Ok(())
    }

    /// Rows that meet a condition, over REST; `keys` gives the key of each id where the object has no field for it.
    pub(super) async fn over_rest(
        &mut self,
        condition: &str,
        scope: QueryScope,
        keys: Option<&HashMap<&str, &str>>,
    ) -> Result<(), ReconcileError> {
        let fail = self.failed();
        let soql = self.soql(condition);
        let rows = self.client.query_in(&soql, scope).try_chunks(REST_ROWS);
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

    async fn write(
        &mut self,
        positions: &[Option<usize>],
        records: &[csv::StringRecord],
        keys: Option<&HashMap<&str, &str>>,
    ) -> Result<(), ReconcileError> {
        self.count += records.len() as u64;
        let batch =
            self.batch(positions, records, keys)
                .map_err(|source| ReconcileError::Store {
                    object: self.describe.name.clone(),
                    source,
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
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        let mut keep = BooleanArray::from(vec![true; batch.num_rows()]);
        for name in self.required {
            if let Some(column) = batch.column_by_name(name) {
                keep = arrow::compute::and(&keep, &is_not_null(column)?)?;
            }
        }
        filter_record_batch(&batch, &keep)
    }
}
