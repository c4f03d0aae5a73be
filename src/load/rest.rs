//! One outbox part over REST, for objects that Bulk API refuses: files and notes (`guide/salesforce.md` §6.2).
//!
//! In: a Parquet part. Out: files of attempts, one per request, each in the journal before the next request goes out, so
//! that a run that was killed goes on with the file behind the last one. Small rows go in sets of up to 200, files over
//! [`LARGE`] by themselves, streamed. Memory: one set, [`SET_BYTES`] at most.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;

use super::answers::{Answer, Origin, PartCounts, PartRows, Sent, count, refused};
use super::known;
use super::part::{ENCODE_ROWS, PartContext};
use super::retry::{locked, transient};
use super::{BlobStream, Event, LoadError, PartError};
use crate::encode::{Cells, note_html};
use crate::rows::{FILE, RowOperation};
use crate::salesforce::{
    Atomicity, Blob, ErrorClass, MAX_COLLECTION_ROWS, Row, RowError, RowResult,
};
use crate::staging::DataFile;

/// Files over this size go by themselves: in a set they would be base64 in JSON.
const LARGE: u64 = 2 * 1024 * 1024;

/// Bytes of the files in one set.
const SET_BYTES: u64 = 8 * 1024 * 1024;

/// The field that takes a file's bytes.
const CONTENT: &str = "VersionData";

/// Objects without a field for our key, and the fields that tell one of their records from another.
const PROBES: [(&str, &[&str]); 3] = [
    ("CaseComment", &["ParentId", "CommentBody"]),
    ("ContentNote", &["Title", "CreatedDate"]),
    (
        "PricebookEntry",
        &["Pricebook2Id", "Product2Id", "CurrencyIsoCode"],
    ),
];

/// What stands for a Bulk job in the ledger.
const REST: &str = "rest";

/// Rows that go in one request.
struct Set {
    /// Place of the first row in the part.
    first: usize,
    /// Place of the first row in its batch.
    from: usize,
    rows: Vec<Row>,
    /// Path and bytes of each row's file.
    files: Vec<Option<(String, u64)>>,
}

impl PartContext {
    /// Sends a part, set by set; `done` counts the rows answered.
    pub(super) async fn send_rest(
        &self,
        part: &DataFile,
        operation: RowOperation,
        attempt: u32,
        done: &AtomicU64,
    ) -> Result<Sent, LoadError> {
        let started = Utc::now();
        self.journal
            .record(&Event::Intent {
                load: self.load.clone(),
                part: part.path.clone(),
                attempt,
                object: self.object.clone(),
                operation: format!("{REST} {}", operation.word()),
                at: started,
            })
            .await?;
        let rows = self.part_rows(part, operation).await?;
        let (mut counts, mut files) = (PartCounts::default(), Vec::new());
        let (mut again, mut busy) = (Vec::new(), 0);
        let mut sent = 0;
        let names = self.sent_with(operation.updates());
        let mut columns: Vec<&str> = names.iter().map(String::as_str).collect();
        columns.extend(["_id", FILE]);
        columns.extend(self.probe());
        let mut batches = self.staging.read_file(part, &columns, ENCODE_ROWS).await?;
        while let Some(batch) = batches.try_next().await? {
            let mut next = 0;
            while next < batch.num_rows() {
                let set = self.cut(&batch, &names, next, sent).await?;
                next += set.rows.len();
                sent += set.rows.len();
                let answers = self.answer(&set, operation, &batch, started).await?;
                let part_counts = count(&answers);
                counts.created += part_counts.created;
                counts.updated += part_counts.updated;
                counts.failed += part_counts.failed;
                counts.unprocessed += part_counts.unprocessed;
                let first = u32::try_from(set.first).unwrap_or(u32::MAX);
                again.extend(transient(&answers).iter().map(|row| row + first));
                busy += locked(&answers);
                let origin = Origin {
                    operation,
                    attempt,
                    job: REST,
                    unprocessed: None,
                };
                let stored = self.store(&rows, set.first, &answers, &origin).await?;
                self.journal
                    .record(&Event::Answered {
                        load: self.load.clone(),
                        part: part.path.clone(),
                        attempt,
                        files: stored.clone(),
                    })
                    .await?;
                files.extend(stored);
                done.fetch_add(answers.len() as u64, Ordering::Relaxed);
            }
        }
        let small = std::mem::take(&mut files);
        files = self.compact(&small).await?;
        self.journal
            .record(&Event::Done {
                load: self.load.clone(),
                part: part.path.clone(),
                attempt,
                job: REST.to_owned(),
                files: files.clone(),
            })
            .await?;
        // The entry names the whole from now on.
        for file in small.iter().filter(|file| !files.contains(file)) {
            self.staging
                .delete(&self.staging.absolute(&file.path))
                .await?;
        }
        Ok(Sent {
            counts,
            files,
            again,
            unprocessed: counts.unprocessed,
            locked: busy,
            dead: None,
        })
    }

    /// Cuts the next request out of a batch: as many rows as one set takes, no two of them alike in what a lost answer
    /// would be looked up by.
    async fn cut(
        &self,
        batch: &RecordBatch,
        names: &[String],
        from: usize,
        first: usize,
    ) -> Result<Set, LoadError> {
        let cells = names
            .iter()
            .filter_map(|name| Some((name, batch.column_by_name(name)?)))
            .map(|(name, column)| Ok((name, Cells::new(name, column)?)))
            .collect::<Result<Vec<_>, crate::encode::EncodeError>>()
            .map_err(self.wrong("a set"))?;
        let ids = batch
            .column_by_name("_id")
            .map(|column| column.as_string::<i32>());
        let paths = batch
            .column_by_name(FILE)
            .map(|column| column.as_string::<i32>());
        let probe = self.probe();
        let mut set = Set {
            first,
            from,
            rows: Vec::new(),
            files: Vec::new(),
        };
        let (mut bytes, mut seen) = (0_u64, BTreeSet::new());
        for row in from..batch.num_rows().min(from + MAX_COLLECTION_ROWS) {
            let mut record = Row::new();
            if let Some(ids) = ids.filter(|ids| ids.is_valid(row)) {
                record.insert("Id".to_owned(), ids.value(row).into());
            }
            for (name, column) in &cells {
                if let Some(value) = column.json(row) {
                    record.insert((*name).clone(), self.body(name, value));
                }
            }
            let looked_up: Vec<String> = probe
                .iter()
                .map(|name| {
                    record
                        .get(*name)
                        .map(ToString::to_string)
                        .unwrap_or_default()
                })
                .collect();
            let path = paths
                .filter(|paths| paths.is_valid(row))
                .map(|paths| paths.value(row).to_owned());
            let file = match path {
                Some(path) => {
                    let (size, _) = self.open(&path).await?;
                    Some((path, size))
                }
                None => None,
            };
            let size = file.as_ref().map_or(0, |(_, size)| *size);
            let alone = size > LARGE;
            let full = alone || bytes + size > SET_BYTES || seen.contains(&looked_up);
            if full && !set.rows.is_empty() {
                break;
            }
            bytes += size;
            seen.insert(looked_up);
            set.rows.push(record);
            set.files.push(file);
            if alone {
                break;
            }
        }
        Ok(set)
    }

    /// Fields that find a record whose answer was lost: its key, or where the object has no field for that, those of
    /// [`PROBES`].
    fn probe(&self) -> Vec<&str> {
        if self.has_own_key() {
            return self.key.iter().map(String::as_str).collect();
        }
        PROBES
            .iter()
            .filter(|(object, _)| *object == self.object)
            .flat_map(|(_, fields)| fields.iter().copied())
            .filter(|name| self.sent.iter().any(|sent| sent == name))
            .collect()
    }

    /// Whether the key is a field of the object.
    fn has_own_key(&self) -> bool {
        self.key.iter().all(|key| self.sent.contains(key))
    }

    /// A field as REST takes it: the body of a note is HTML in base64, and what a rollback has as text has its type.
    fn body(&self, name: &str, value: Value) -> Value {
        let Value::String(text) = &value else {
            return value;
        };
        if (self.object.as_str(), name) == ("ContentNote", "Content") {
            return STANDARD.encode(note_html(text)).into();
        }
        let field = self.describe.field(name);
        match field.map(|field| field.field_type.as_str()) {
            Some("boolean") => (text == "true").into(),
            Some("int" | "double" | "currency" | "percent") => {
                serde_json::from_str(text).unwrap_or(value)
            }
            _ => value,
        }
    }

    /// Sends a set and returns an answer per row. A lost answer is looked up; what did not arrive is sent once more.
    async fn answer(
        &self,
        set: &Set,
        operation: RowOperation,
        batch: &RecordBatch,
        started: DateTime<Utc>,
    ) -> Result<Vec<Option<Answer>>, LoadError> {
        let rows: Vec<usize> = (set.from..set.from + set.rows.len()).collect();
        match self.request(set, operation).await {
            Ok(mut answers) => {
                let taken = known::taken(&answers);
                let asked: Vec<usize> = taken.iter().map(|&at| rows[at]).collect();
                let found = self.find(&self.probed(batch), &asked, "").await?;
                for at in taken {
                    if let Some(id) = found.get(&rows[at]) {
                        answers[at] = Some(Answer::Found { id: id.clone() });
                    }
                }
                return Ok(answers);
            }
            // Once more is as good as once.
            Err(LoadError::Salesforce { source, .. })
                if source.is_ambiguous() && operation.by_id() =>
            {
                return self.request(set, operation).await;
            }
            Err(LoadError::Salesforce { source, .. }) if source.is_ambiguous() => {}
            Err(error) => return Err(error),
        }
        let landed = self.look_up(batch, &rows, started).await?;
        let mut answers: Vec<Option<Answer>> = rows
            .iter()
            .map(|row| {
                landed.get(row).map(|id| Answer::Landed {
                    id: id.clone(),
                    created: true,
                })
            })
            .collect();
        let missing: Vec<usize> = (0..answers.len())
            .filter(|&at| answers[at].is_none())
            .collect();
        let again = Set {
            first: set.first,
            from: set.from,
            rows: missing.iter().map(|&at| set.rows[at].clone()).collect(),
            files: missing.iter().map(|&at| set.files[at].clone()).collect(),
        };
        if again.rows.is_empty() {
            return Ok(answers);
        }
        for (at, answer) in missing
            .into_iter()
            .zip(self.request(&again, operation).await?)
        {
            answers[at] = answer;
        }
        Ok(answers)
    }

    /// Ids of records that this user made of these rows since `started`.
    pub(super) async fn look_up(
        &self,
        batch: &RecordBatch,
        rows: &[usize],
        started: DateTime<Utc>,
    ) -> Result<std::collections::BTreeMap<usize, String>, LoadError> {
        let and = if self.has_own_key() {
            String::new()
        } else {
            format!(
                " AND LastModifiedById = '{}' AND LastModifiedDate >= {}",
                self.client.identity().user_id,
                // Clocks differ a little.
                (started - chrono::Duration::minutes(5)).format("%Y-%m-%dT%H:%M:%SZ")
            )
        };
        self.find(&self.probed(batch), rows, &and).await
    }

    /// The columns of [`Self::probe`].
    fn probed(&self, batch: &RecordBatch) -> Vec<(String, ArrayRef)> {
        self.probe()
            .into_iter()
            .filter_map(|name| {
                Some((
                    name.to_owned(),
                    ArrayRef::clone(batch.column_by_name(name)?),
                ))
            })
            .collect()
    }

    async fn request(
        &self,
        set: &Set,
        operation: RowOperation,
    ) -> Result<Vec<Option<Answer>>, LoadError> {
        let fail = self.salesforce(None);
        if let ([row], [Some((path, length))]) = (set.rows.as_slice(), set.files.as_slice())
            && !operation.by_id()
        {
            return Ok(vec![Some(self.upload(row, path, *length).await?)]);
        }
        let mut rows = set.rows.clone();
        for (row, file) in rows.iter_mut().zip(&set.files) {
            if let (Some((path, _)), false) = (file, operation.by_id()) {
                let content = self.content(path).await?;
                row.insert(CONTENT.to_owned(), STANDARD.encode(content).into());
            }
        }
        let each = Atomicity::RowByRow;
        let ids: Vec<&str> = rows
            .iter()
            .filter_map(|row| row.get("Id")?.as_str())
            .collect();
        let results = match (operation, self.key.first()) {
            (RowOperation::Delete, _) => self.client.delete_rows(&ids, each).await,
            (operation, _) if operation.updates() => {
                self.client.update_rows(&self.object, &rows, each).await
            }
            (RowOperation::Upsert, Some(key)) => {
                self.client
                    .upsert_rows(&self.object, key, &rows, each)
                    .await
            }
            _ => self.client.insert_rows(&self.object, &rows, each).await,
        };
        let results = results.map_err(fail)?;
        Ok(results
            .into_iter()
            .zip(&rows)
            .map(|(result, row)| {
                let id = row.get("Id").and_then(Value::as_str).unwrap_or_default();
                Some(answer_of(result, operation, id))
            })
            .collect())
    }

    /// Sends one file by itself, streamed.
    async fn upload(&self, row: &Row, path: &str, length: u64) -> Result<Answer, LoadError> {
        let Some(blobs) = self.blobs.clone() else {
            return Err(self.wrong(path)(PartError::NoFiles));
        };
        let opened = path.to_owned();
        let content = move || -> BoxStream<'static, std::io::Result<Bytes>> {
            let opening = Arc::clone(&blobs).open(&opened);
            futures::stream::once(async move { opening.await.map(|(_, bytes)| bytes) })
                .try_flatten()
                .boxed()
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        let blob = Blob {
            field: CONTENT,
            file_name: name,
            length,
            content: &content,
        };
        match self.client.insert_with_blob(&self.object, row, &blob).await {
            Ok(id) => Ok(Answer::Landed { id, created: true }),
            Err(error) if error.class() == ErrorClass::Refused => Ok(Answer::Failed {
                code: error.code().unwrap_or("UNKNOWN").to_owned(),
                error: error.to_string(),
            }),
            Err(error) => Err(self.salesforce(None)(error)),
        }
    }

    async fn open(&self, path: &str) -> Result<BlobStream, LoadError> {
        let Some(blobs) = &self.blobs else {
            return Err(self.wrong(path)(PartError::NoFiles));
        };
        blobs.open(path).await.map_err(self.wrong(path))
    }

    async fn content(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let (size, mut bytes) = self.open(path).await?;
        let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        while let Some(chunk) = bytes.try_next().await.map_err(self.wrong(path))? {
            content.extend_from_slice(&chunk);
        }
        Ok(content)
    }

    /// After a crash: the rows behind the last journaled answer that a request in flight may have written.
    pub(super) async fn recover_over_rest(
        &self,
        part: &DataFile,
        operation: RowOperation,
        attempt: u32,
        answered: u64,
        started: DateTime<Utc>,
    ) -> Result<Vec<DataFile>, LoadError> {
        // Whether a known record has the part's values nobody knows: the next run sends them.
        if operation.by_id() {
            return Ok(Vec::new());
        }
        let rows = self.part_rows(part, operation).await?;
        let first = usize::try_from(answered).unwrap_or(usize::MAX);
        let probe = self.probe();
        let mut batches = self.staging.read_file(part, &probe, ENCODE_ROWS).await?;
        let mut start = 0;
        let mut files = Vec::new();
        while let Some(batch) = batches.try_next().await? {
            let range =
                first.max(start)..(first + MAX_COLLECTION_ROWS).min(start + batch.num_rows());
            if !range.is_empty() {
                let inside: Vec<usize> = range.clone().map(|row| row - start).collect();
                let found = self.look_up(&batch, &inside, started).await?;
                files.extend(self.keep(&rows, start, &found, operation, attempt).await?);
            }
            start += batch.num_rows();
        }
        Ok(files)
    }

    async fn keep(
        &self,
        rows: &PartRows,
        start: usize,
        found: &std::collections::BTreeMap<usize, String>,
        operation: RowOperation,
        attempt: u32,
    ) -> Result<Vec<DataFile>, LoadError> {
        let origin = Origin {
            operation,
            attempt,
            job: REST,
            unprocessed: None,
        };
        let (mut files, mut run) = (Vec::new(), Vec::new());
        let mut first = 0;
        for (&row, id) in found {
            // Rows that follow each other go into one file.
            if row != first + run.len() {
                files.extend(
                    self.store_run(rows, start + first, &mut run, &origin)
                        .await?,
                );
                first = row;
            }
            run.push(Some(Answer::Landed {
                id: id.clone(),
                created: true,
            }));
        }
        files.extend(
            self.store_run(rows, start + first, &mut run, &origin)
                .await?,
        );
        Ok(files)
    }

    async fn store_run(
        &self,
        rows: &PartRows,
        first: usize,
        run: &mut Vec<Option<Answer>>,
        origin: &Origin<'_>,
    ) -> Result<Vec<DataFile>, LoadError> {
        let answers = std::mem::take(run);
        if answers.is_empty() {
            return Ok(Vec::new());
        }
        self.store(rows, first, &answers, origin).await
    }
}

fn answer_of(result: RowResult, operation: RowOperation, id: &str) -> Answer {
    let created = !operation.by_id();
    if let (true, Some(id)) = (result.success, result.id) {
        return Answer::Landed {
            id,
            created: result.created.unwrap_or(created),
        };
    }
    let error = result.errors.into_iter().next().unwrap_or(RowError {
        status_code: "UNKNOWN".to_owned(),
        message: "no reason given".to_owned(),
        fields: Vec::new(),
    });
    refused(operation, &error.status_code, &error.message, id)
}
