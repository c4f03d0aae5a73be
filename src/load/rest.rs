//! One outbox part over REST, for objects that Bulk API refuses: files and notes (`guide/salesforce.md` §6.2).
//!
//! In: a Parquet part. Out: files of attempts, one per request, each in the journal before the next request goes out, so
//! that a run that was killed goes on with the file behind the last one. Small rows go in sets of up to 200, files over
//! [`LARGE`] by themselves, streamed. Memory: one set, [`SET_BYTES`] at most.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, RecordBatch};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;

use super::answers::{Answer, Origin, PartRows, REST, Sent, count, refused, setup_code};
use super::known;
use super::part::{ENCODE_ROWS, PartContext, Turn};
use super::retry::{locked, transient};
use super::{BlobStream, Event, LoadError, PartError};
use crate::encode::{Cells, note_html};
use crate::rows::{CLEAR, FILE, RowOperation, SAME, is_set, probe};
use crate::salesforce::{
    Atomicity, Blob, ErrorClass, MAX_COLLECTION_ROWS, MAX_CONVERSIONS, Row, RowError, RowResult,
};
use crate::staging::DataFile;

/// Files over this size go by themselves: in a set they would be base64 in JSON.
const LARGE: u64 = 2 * 1024 * 1024;

/// Bytes of the files in one set.
const SET_BYTES: u64 = 8 * 1024 * 1024;

/// Bytes over which a file goes by itself, and bytes of the files in one set.
pub const FILE_LIMITS: (u64, u64) = (LARGE, SET_BYTES);

/// Requests that a part of so many rows without files goes in.
#[must_use]
pub fn rest_requests(rows: u64) -> u64 {
    // A set ends with the rows that are read at once.
    let (read, set) = (ENCODE_ROWS as u64, MAX_COLLECTION_ROWS as u64);
    rows / read * read.div_ceil(set) + (rows % read).div_ceil(set)
}

/// The field that takes a file's bytes; an outbox has their MD5 in it.
pub(super) const CONTENT: &str = "VersionData";

/// Answers of one set that may be lost before the phase breaks off.
const LOST_ANSWERS: u32 = 3;

/// A set with what its answers depend on.
struct Asked<'a> {
    set: &'a Set,
    operation: RowOperation,
    batch: &'a RecordBatch,
    /// The server's time before it went out.
    since: DateTime<Utc>,
    /// Places in the part of rows that an earlier run could not settle.
    doubtful: &'a HashSet<usize>,
}

/// A part that is under way.
struct Sending<'a> {
    part: &'a DataFile,
    operation: RowOperation,
    attempt: u32,
    rows: PartRows,
    /// Places in the part of rows that an earlier run could not settle.
    doubtful: HashSet<usize>,
    /// What became of it so far.
    sent: Sent,
}

impl Sending<'_> {
    /// Counts the answers of a set.
    fn note(&mut self, set: &Set, answers: &[Option<Answer>], stored: Vec<DataFile>) {
        let sent = &mut self.sent;
        sent.counts += count(answers);
        let first = u32::try_from(set.first).unwrap_or(u32::MAX);
        let again = transient(answers);
        sent.again.extend(again.iter().map(|row| row + first));
        sent.locked += locked(answers);
        if sent.setup.is_none() {
            sent.setup = setup_code(self.operation, answers);
        }
        sent.files.extend(stored);
    }
}

/// Rows that go in one request.
struct Set {
    /// Place of the first row in the part.
    first: usize,
    /// Place of the first row in its batch.
    from: usize,
    rows: Vec<Row>,
    /// Path and bytes of each row's file.
    files: Vec<Option<(String, u64)>>,
    /// Whether the bodies of known records are replaced.
    has_bodies: bool,
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
        self.journal
            .record(&Event::Intent {
                load: self.load.clone(),
                part: part.path.clone(),
                attempt,
                object: self.object.clone(),
                operation: format!("{REST} {}", operation.word()),
                at: self.client.server_time(),
            })
            .await?;
        let rows = self.part_rows(part, operation).await?;
        let mut sending = Sending {
            part,
            operation,
            attempt,
            doubtful: self.doubtful(&rows).await?,
            rows,
            sent: Sent::default(),
        };
        // A new version of a file has all fields of a new record.
        let names = self.sent_with(operation.updates() && !self.takes_files());
        let columns = self.columns_read(&names, operation);
        let mut batches = self.staging.read_file(part, &columns, ENCODE_ROWS).await?;
        let mut place = 0;
        while let Some(batch) = batches.try_next().await? {
            let mut next = 0;
            while next < batch.num_rows() {
                let set = self.cut(&batch, &names, next, place, operation).await?;
                next += set.rows.len();
                place += set.rows.len();
                let answered = self.send_set(&mut sending, &set, &batch).await?;
                done.fetch_add(answered, Ordering::Relaxed);
            }
        }
        self.end(sending).await
    }

    /// Columns of a part that are read: those that are sent, and what says which and how.
    fn columns_read<'n>(&'n self, names: &'n [String], operation: RowOperation) -> Vec<&'n str> {
        let mut columns: Vec<&str> = names.iter().map(String::as_str).collect();
        columns.extend(["_id", FILE]);
        columns.extend(self.besides());
        if operation == RowOperation::Update {
            columns.extend([SAME, CLEAR]);
        }
        columns.extend(self.probe());
        columns
    }

    /// Sends a set and keeps its answers; how many there are.
    async fn send_set(
        &self,
        sending: &mut Sending<'_>,
        set: &Set,
        batch: &RecordBatch,
    ) -> Result<u64, LoadError> {
        let Sending {
            part,
            operation,
            attempt,
            ..
        } = *sending;
        // Where records cannot be told by a key, one request at a time is under way.
        let mut turn = match self.has_own_key() {
            true => None,
            false => Some(self.turn.lock().await),
        };
        let since = self.client.server_time();
        if !operation.by_id() || set.has_bodies {
            self.journal
                .record(&Event::Sending {
                    load: self.load.clone(),
                    part: part.path.clone(),
                    attempt,
                    first: set.first as u64,
                    rows: set.rows.len() as u64,
                    since,
                })
                .await?;
        }
        let asked = Asked {
            set,
            operation,
            batch,
            since,
            doubtful: &sending.doubtful,
        };
        let answers = self.answer(&asked, turn.as_deref()).await?;
        let origin = Origin {
            operation,
            attempt,
            job: REST,
            unprocessed: None,
        };
        let stored = self
            .store(&sending.rows, set.first, &answers, &origin)
            .await?;
        self.journal
            .record(&Event::Answered {
                load: self.load.clone(),
                part: part.path.clone(),
                attempt,
                files: stored.clone(),
            })
            .await?;
        if let Some(turn) = &mut turn {
            turn.answered.extend(stored.iter().cloned());
        }
        drop(turn);
        sending.note(set, &answers, stored);
        Ok(answers.len() as u64)
    }

    /// Puts the answers of a part together, so that the journal names one whole.
    async fn end(&self, sending: Sending<'_>) -> Result<Sent, LoadError> {
        let Sending {
            part,
            attempt,
            mut sent,
            ..
        } = sending;
        let small = std::mem::take(&mut sent.files);
        sent.files = self.compact(&small).await?;
        sent.unprocessed = sent.counts.unprocessed;
        self.journal
            .record(&Event::Done {
                load: self.load.clone(),
                part: part.path.clone(),
                attempt,
                job: REST.to_owned(),
                files: sent.files.clone(),
            })
            .await?;
        // The entry names the whole from now on.
        let mut turn = self.turn.lock().await;
        turn.answered.retain(|file| !small.contains(file));
        turn.answered.extend(sent.files.iter().cloned());
        for file in small.iter().filter(|file| !sent.files.contains(file)) {
            self.staging
                .delete(&self.staging.absolute(&file.path))
                .await?;
        }
        Ok(sent)
    }

    /// Cuts the next request out of a batch: as many rows as one set takes.
    async fn cut(
        &self,
        batch: &RecordBatch,
        names: &[String],
        from: usize,
        first: usize,
        operation: RowOperation,
    ) -> Result<Set, LoadError> {
        let most = match operation {
            RowOperation::Convert => MAX_CONVERSIONS,
            _ => MAX_COLLECTION_ROWS,
        };
        let cells = names
            .iter()
            .filter_map(|name| Some((name, batch.column_by_name(name)?)))
            .map(|(name, column)| Ok((name, Cells::new(name, column)?)))
            .collect::<Result<Vec<_>, crate::encode::EncodeError>>()
            .map_err(self.wrong("a set"))?;
        let ids = batch
            .column_by_name("_id")
            .map(|column| column.as_string::<i32>());
        // Which fields an update leaves out, and which it empties.
        let [same, clear] = [SAME, CLEAR].map(|name| {
            let bits = batch.column_by_name(name);
            bits.and_then(|bits| bits.as_binary_opt::<i32>())
        });
        let paths = batch
            .column_by_name(FILE)
            .map(|column| column.as_string::<i32>());
        let new_bodies = self.new_bodies(batch);
        let has_body = |row: usize| new_bodies.as_ref().is_some_and(|rows| rows.value(row));
        let changeable: HashSet<String> = self.sent_with(true).into_iter().collect();
        let is_fixed = |name: &String| operation.updates() && !changeable.contains(name);
        let mut set = Set {
            first,
            from,
            rows: Vec::new(),
            files: Vec::new(),
            has_bodies: false,
        };
        let mut bytes = 0_u64;
        for row in from..batch.num_rows().min(from + most) {
            let mut record = Row::new();
            let has_body = operation == RowOperation::Update && has_body(row);
            let replaces = has_body && paths.is_some();
            if let Some(ids) = ids.filter(|ids| ids.is_valid(row)) {
                record.insert("Id".to_owned(), ids.value(row).into());
            }
            for (name, column) in &cells {
                let place = self.sent.iter().position(|sent| sent == *name);
                let is_in = |bits: Option<&BinaryArray>| {
                    let bits = bits.filter(|bits| bits.is_valid(row));
                    bits.zip(place)
                        .is_some_and(|(bits, place)| is_set(bits.value(row), place))
                };
                if is_in(same) || (is_fixed(name) && !replaces) {
                    continue;
                }
                if let Some(value) = column.json(row) {
                    record.insert((*name).clone(), self.body(name, value));
                } else if is_in(clear) {
                    record.insert((*name).clone(), Value::Null);
                }
            }
            for &name in self.besides() {
                let column = batch.column_by_name(name);
                let column = column.and_then(|column| column.as_string_opt::<i32>());
                if let Some(column) = column.filter(|column| column.is_valid(row)) {
                    record.insert(name.to_owned(), column.value(row).into());
                }
            }
            let path = paths
                .filter(|paths| paths.is_valid(row) && (replaces || !operation.by_id()))
                .map(|paths| paths.value(row).to_owned());
            let file = match path {
                Some(path) => {
                    let (size, _) = self.open(&path).await?;
                    Some((path, size))
                }
                None => None,
            };
            let size = file.as_ref().map_or(0, |(_, size)| *size);
            let alone = size > LARGE || replaces;
            let full = alone || bytes + size > SET_BYTES;
            if full && !set.rows.is_empty() {
                break;
            }
            bytes += size;
            set.has_bodies |= has_body;
            set.rows.push(record);
            set.files.push(file);
            if alone {
                break;
            }
        }
        Ok(set)
    }

    /// Fields that find a record whose answer was lost: its key, or where the object has no field for that, those of
    /// [`probe`].
    pub(super) fn probe(&self) -> Vec<&str> {
        if self.has_own_key() {
            return self.key.iter().map(String::as_str).collect();
        }
        probe(&self.object)
            .iter()
            .copied()
            .filter(|name| self.sent.iter().any(|sent| sent == name))
            .collect()
    }

    /// Whether the key is a field of the object.
    pub(super) fn has_own_key(&self) -> bool {
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

    /// Sends a set and returns an answer per row. After a lost answer the rows are looked up, and what did not arrive is sent
    /// once more.
    async fn answer(
        &self,
        asked: &Asked<'_>,
        turn: Option<&Turn>,
    ) -> Result<Vec<Option<Answer>>, LoadError> {
        let set = asked.set;
        let rows: Vec<usize> = (set.from..set.from + set.rows.len()).collect();
        let mut answers: Vec<Option<Answer>> = vec![None; rows.len()];
        // Rows that an earlier run could not tell from others of the org.
        let doubtful = (0..rows.len()).filter(|at| asked.doubtful.contains(&(set.first + at)));
        let doubtful: Vec<usize> = doubtful.map(|at| rows[at]).collect();
        if !doubtful.is_empty() {
            let settled = self.settle(asked.batch, &doubtful, None, turn).await?;
            settled.put(set.from, &mut answers);
        }
        for lost in 0.. {
            let open: Vec<usize> = (0..rows.len())
                .filter(|&at| answers[at].is_none())
                .collect();
            if open.is_empty() {
                break;
            }
            let now = Set {
                first: set.first,
                from: set.from,
                rows: open.iter().map(|&at| set.rows[at].clone()).collect(),
                files: open.iter().map(|&at| set.files[at].clone()).collect(),
                has_bodies: set.has_bodies,
            };
            match self.request(&now, asked.operation).await {
                Ok(found) => {
                    for (at, answer) in open.into_iter().zip(found) {
                        answers[at] = answer;
                    }
                    break;
                }
                Err(LoadError::Salesforce { source, .. })
                    if source.is_ambiguous() && lost < LOST_ANSWERS =>
                {
                    tracing::info!(load = self.load, error = %source, "looking up a set that was not answered");
                    self.client.pause(lost + 2).await;
                    // Once more is as good as once.
                    if !asked.operation.by_id() {
                        let open: Vec<usize> = open.iter().map(|&at| rows[at]).collect();
                        let settled = self.settle(asked.batch, &open, Some(asked.since), turn);
                        settled.await?.put(set.from, &mut answers);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let taken = known::taken(&answers);
        let asked_for: Vec<usize> = taken.iter().map(|&at| rows[at]).collect();
        let found = self.find(&self.probed(asked.batch), &asked_for, "").await?;
        for at in taken {
            if let Some(id) = found.get(&rows[at]) {
                answers[at] = Some(Answer::Found { id: id.clone() });
            }
        }
        Ok(answers)
    }

    /// The columns of [`Self::probe`].
    pub(super) fn probed(&self, batch: &RecordBatch) -> Vec<(String, ArrayRef)> {
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
        match operation {
            RowOperation::Convert => return self.convert(&set.rows).await,
            RowOperation::Undelete => return self.undelete(&set.rows).await,
            _ => {}
        }
        let fail = self.salesforce(None);
        if let ([row], [Some((path, length))]) = (set.rows.as_slice(), set.files.as_slice()) {
            let answer = match operation.by_id() {
                true => self.replace(row, path, *length).await?,
                false => self.upload(row, path, *length).await?,
            };
            return Ok(vec![Some(answer)]);
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
    pub(super) async fn upload(
        &self,
        row: &Row,
        path: &str,
        length: u64,
    ) -> Result<Answer, LoadError> {
        let mut row = row.clone();
        row.remove(CONTENT);
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
        match self
            .client
            .insert_with_blob(&self.object, &row, &blob)
            .await
        {
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
}

pub(super) fn answer_of(result: RowResult, operation: RowOperation, id: &str) -> Answer {
    let created = !operation.by_id();
    if let (true, Some(told)) = (result.success, result.id) {
        return Answer::Landed {
            // A record that is named by its id keeps it.
            id: if created { told } else { id.to_owned() },
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
