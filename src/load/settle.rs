//! Requests over REST that were not answered: which of their rows landed, and under which ids.
//!
//! In: rows of a set in flight, the server's time before it went out, what the ledger and the set's predecessors have. Out: an
//! answer for each row that landed or that cannot be told from others. Never: one id for two rows, this machine's clock, a guess.
//!
//! Records without a key of ours are looked up by their [`probe`](PartContext::probe). Those that the ledger has are somebody's
//! already; of the others each goes to a row of the same content. Rows alike in all that was sent may change places.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use chrono::{DateTime, Duration, Utc};
use futures::TryStreamExt;

use super::LoadError;
use super::answers::{Answer, Origin, PartRows, REST};
use super::part::{ENCODE_ROWS, PartContext, Turn};
use super::rest::CONTENT;
use crate::encode::{Cells, note_html, visible_text};
use crate::rows::{Identity, RowOperation, SAME, identity, is_set, key_texts};
use crate::salesforce::{ErrorClass, record_identity};
use crate::staging::DataFile;

/// Objects whose records are told apart by a content that no query can ask for.
const CONTENTS: [(&str, &str); 1] = [("ContentNote", "Content")];

/// Longest content that is compared.
const MOST_CONTENT: usize = 16 * 1024 * 1024;

/// How far a server's answer may lie behind its own clock, proxies and all.
const SLACK: Duration = Duration::seconds(60);

/// The code of a row that may have landed as one of several records.
pub(super) const UNSETTLED: &str = "UNSETTLED";

/// A request that was not answered, as the journal knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    /// Place of its first row in the part.
    pub first: u64,
    pub rows: u64,
    /// The server's time before it went out.
    pub since: DateTime<Utc>,
}

/// What became of rows whose request was not answered; a row that is missing did not land.
#[derive(Debug, Default)]
pub(super) struct Settled(BTreeMap<usize, Answer>);

impl Settled {
    fn landed(&mut self, row: usize, id: String) {
        self.put_one(row, Answer::Landed { id, created: true });
    }

    /// What became of one row.
    pub(super) fn put_one(&mut self, row: usize, answer: Answer) {
        self.0.insert(row, answer);
    }

    /// Fills answers, the first of which is that of row `from`.
    pub(super) fn put(self, from: usize, answers: &mut [Option<Answer>]) {
        for (row, answer) in self.0 {
            answers[row - from] = Some(answer);
        }
    }
}

impl PartContext {
    /// Finds out which rows landed since `since`, or at any time.
    pub(super) async fn settle(
        &self,
        batch: &RecordBatch,
        rows: &[usize],
        since: Option<DateTime<Utc>>,
        turn: Option<&Turn>,
    ) -> Result<Settled, LoadError> {
        if self.converts() {
            return self.converted(batch, rows).await;
        }
        let mut settled = Settled::default();
        let columns = self.probed(batch);
        if self.has_own_key() {
            for (row, id) in self.find(&columns, rows, "").await? {
                settled.landed(row, id);
            }
            return Ok(settled);
        }
        let mut and = format!(
            " AND LastModifiedById = '{}'",
            self.client.identity().user_id
        );
        if let Some(since) = since {
            let since = (since - SLACK).format("%Y-%m-%dT%H:%M:%SZ");
            and.push_str(&format!(" AND LastModifiedDate >= {since}"));
        }
        let mut alike = self.alike(&columns, rows, &and).await?;
        let mut ids: HashSet<Identity> = alike
            .iter()
            .flat_map(|alike| alike.ids.iter().filter_map(|id| identity(id)))
            .collect();
        self.remove_known(&mut ids, turn).await?;
        for alike in &mut alike {
            alike
                .ids
                .retain(|id| identity(id).is_some_and(|id| ids.contains(&id)));
            if alike.ids.is_empty() {
                continue;
            }
            match self.content_of(batch) {
                Some((field, content)) => {
                    self.by_content(
                        field,
                        &content,
                        alike.rows.clone(),
                        &alike.ids,
                        &mut settled,
                    )
                    .await?;
                }
                None => {
                    for (row, id) in alike.rows.iter().zip(&alike.ids) {
                        settled.landed(*row, id.clone());
                    }
                }
            }
        }
        Ok(settled)
    }

    async fn ledger_files(&self) -> Result<Vec<DataFile>, LoadError> {
        let snapshot = self.staging.snapshot().await?;
        let ledger = snapshot.get("ledger", &self.load);
        Ok(ledger
            .map(|ledger| ledger.files.clone())
            .unwrap_or_default())
    }

    /// Takes away the ids that a row has already.
    async fn remove_known(
        &self,
        ids: &mut HashSet<Identity>,
        turn: Option<&Turn>,
    ) -> Result<(), LoadError> {
        let mut files = self.ledger_files().await?;
        files.extend(turn.map(|turn| turn.answered.clone()).unwrap_or_default());
        for file in files {
            if ids.is_empty() {
                return Ok(());
            }
            let mut batches = self.staging.read_file(&file, &["id"], ENCODE_ROWS).await?;
            while let Some(batch) = batches.try_next().await? {
                let known = batch.column(0).as_string::<i32>();
                for id in known.iter().flatten().filter_map(identity) {
                    ids.remove(&id);
                }
            }
        }
        Ok(())
    }

    /// The field that tells records of the object apart, and the rows' values of it.
    fn content_of(&self, batch: &RecordBatch) -> Option<(&'static str, ArrayRef)> {
        let (_, field) = CONTENTS.iter().find(|(object, _)| *object == self.object)?;
        Some((*field, ArrayRef::clone(batch.column_by_name(field)?)))
    }

    /// Gives each record to a row of its content. Where a content cannot be read, the rows left may be that record.
    async fn by_content(
        &self,
        field: &str,
        content: &ArrayRef,
        rows: Vec<usize>,
        ids: &BTreeSet<String>,
        settled: &mut Settled,
    ) -> Result<(), LoadError> {
        let cells = Cells::new(field, content).map_err(self.wrong("a look at contents"))?;
        let mut open: HashMap<String, Vec<usize>> = HashMap::new();
        // The last of a list is taken first.
        for row in rows.into_iter().rev() {
            let mut text = Vec::new();
            cells.write(row, &mut text);
            let seen = visible_text(&note_html(&String::from_utf8_lossy(&text)));
            open.entry(seen).or_default().push(row);
        }
        let mut unread: Vec<&str> = Vec::new();
        for id in ids {
            let read = self.client.read_blob(&self.object, id, field, MOST_CONTENT);
            match read.await {
                Ok(bytes) => {
                    let seen = visible_text(&String::from_utf8_lossy(&bytes));
                    if let Some(row) = open.get_mut(&seen).and_then(Vec::pop) {
                        settled.landed(row, id.clone());
                    }
                }
                Err(error) if error.class() == ErrorClass::Transient => {
                    return Err(self.salesforce(None)(error));
                }
                Err(error) => {
                    tracing::warn!(load = self.load, id, %error, "a content cannot be compared");
                    unread.push(id);
                }
            }
        }
        if unread.is_empty() {
            return Ok(());
        }
        let error = format!(
            "the answer to its request was lost, and it may be {} {}, whose content cannot be read",
            self.object,
            unread.join(" or ")
        );
        for row in open.into_values().flatten() {
            settled.0.insert(
                row,
                Answer::Failed {
                    code: UNSETTLED.to_owned(),
                    error: error.clone(),
                },
            );
        }
        Ok(())
    }

    /// Places of rows that an earlier run left unsettled.
    pub(super) async fn doubtful(&self, rows: &PartRows) -> Result<HashSet<usize>, LoadError> {
        let mut doubtful = HashSet::new();
        if self.has_own_key() || rows.by_id() {
            return Ok(doubtful);
        }
        let mut columns: Vec<&str> = self.key.iter().map(String::as_str).collect();
        columns.push("error_code");
        for file in self.ledger_files().await? {
            let mut batches = self.staging.read_file(&file, &columns, ENCODE_ROWS).await?;
            while let Some(batch) = batches.try_next().await? {
                let Some(codes) = batch.column_by_name("error_code") else {
                    continue;
                };
                let codes = codes.as_string::<i32>();
                if !codes.iter().flatten().any(|code| code == UNSETTLED) {
                    continue;
                }
                let keys = key_texts(&batch, &self.key).map_err(self.wrong(&file.path))?;
                for (row, key) in keys.iter().enumerate() {
                    if codes.is_valid(row) && codes.value(row) == UNSETTLED {
                        doubtful.extend(rows.find(key));
                    }
                }
            }
        }
        Ok(doubtful)
    }

    /// After a crash: the rows of the request that was under way.
    pub(super) async fn recover_over_rest(
        &self,
        part: &DataFile,
        operation: RowOperation,
        attempt: u32,
        flight: Flight,
        turn: &Turn,
    ) -> Result<Vec<DataFile>, LoadError> {
        // Whether a known record has the part's values nobody knows, but for its body: the next run sends them.
        if operation.by_id() {
            return self.recover_bodies(part, operation, attempt, flight).await;
        }
        let rows = self.part_rows(part, operation).await?;
        let place = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
        let (first, end) = (place(flight.first), place(flight.first + flight.rows));
        let mut columns: BTreeSet<&str> = self.probe().into_iter().collect();
        let content = CONTENTS.iter().find(|(object, _)| *object == self.object);
        columns.extend(content.map(|(_, field)| *field));
        columns.extend(self.besides());
        let columns: Vec<&str> = columns.into_iter().collect();
        let mut batches = self.staging.read_file(part, &columns, ENCODE_ROWS).await?;
        let mut start = 0;
        let mut files = Vec::new();
        while let Some(batch) = batches.try_next().await? {
            let range = first.max(start)..end.min(start + batch.num_rows());
            if !range.is_empty() {
                let inside: Vec<usize> = range.map(|row| row - start).collect();
                let settled = self
                    .settle(&batch, &inside, Some(flight.since), Some(turn))
                    .await?;
                files.extend(self.keep(&rows, start, settled, operation, attempt).await?);
            }
            start += batch.num_rows();
        }
        Ok(files)
    }

    /// The rows of an update under way whose record has the part's body by now: sent again, it would look like an edit of the org.
    async fn recover_bodies(
        &self,
        part: &DataFile,
        operation: RowOperation,
        attempt: u32,
        flight: Flight,
    ) -> Result<Vec<DataFile>, LoadError> {
        let Some(body) = self.body_column() else {
            return Ok(Vec::new());
        };
        let rows = self.part_rows(part, operation).await?;
        let place = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
        let (first, end) = (place(flight.first), place(flight.first + flight.rows));
        let mut columns = vec!["_id", body, SAME];
        columns.extend(self.key.iter().map(String::as_str));
        let mut batches = self.staging.read_file(part, &columns, ENCODE_ROWS).await?;
        let (mut start, mut files) = (0, Vec::new());
        while let Some(batch) = batches.try_next().await? {
            let inside = first.max(start)..end.min(start + batch.num_rows());
            let new = self.new_bodies(&batch);
            let inside: Vec<usize> = inside
                .map(|row| row - start)
                .filter(|&row| new.as_ref().is_some_and(|new| new.value(row)))
                .collect();
            let found = match self.takes_files() {
                true => self.succeeded(&batch, &inside).await?,
                false => self.rewritten(&batch, &inside, body).await?,
            };
            let mut settled = Settled::default();
            for (row, id) in found {
                settled.put_one(row, Answer::Landed { id, created: false });
            }
            let kept = self.keep(&rows, start, settled, operation, attempt);
            files.extend(kept.await?);
            start += batch.num_rows();
        }
        Ok(files)
    }

    /// Rows whose key another version has than the one that they mean.
    async fn succeeded(
        &self,
        batch: &RecordBatch,
        rows: &[usize],
    ) -> Result<BTreeMap<usize, String>, LoadError> {
        let ids = batch.column_by_name("_id");
        let ids = ids.map(|ids| ids.as_string::<i32>());
        let mut holders = self.find(&self.probed(batch), rows, "").await?;
        holders.retain(|&row, id| {
            let known = ids.map(|ids| ids.value(row)).unwrap_or_default();
            record_identity(known) != record_identity(id)
        });
        Ok(holders)
    }

    /// Rows whose record says what they say.
    async fn rewritten(
        &self,
        batch: &RecordBatch,
        rows: &[usize],
        body: &str,
    ) -> Result<BTreeMap<usize, String>, LoadError> {
        let column = |name: &str| {
            let column = batch.column_by_name(name);
            column.map(|column| column.as_string::<i32>())
        };
        let (Some(ids), Some(texts)) = (column("_id"), column(body)) else {
            return Ok(BTreeMap::new());
        };
        let mut found = BTreeMap::new();
        for &row in rows {
            let id = ids.value(row);
            let read = self.client.read_blob(&self.object, id, body, MOST_CONTENT);
            match read.await {
                Ok(bytes) => {
                    let seen = visible_text(&String::from_utf8_lossy(&bytes));
                    if seen == visible_text(&note_html(texts.value(row))) {
                        found.insert(row, id.to_owned());
                    }
                }
                Err(error) if error.class() == ErrorClass::Transient => {
                    return Err(self.salesforce(None)(error));
                }
                Err(error) => {
                    tracing::warn!(load = self.load, id, %error, "a content cannot be compared");
                }
            }
        }
        Ok(found)
    }

    /// The column of bodies, of which no query shows what a record has.
    fn body_column(&self) -> Option<&'static str> {
        if self.takes_files() {
            return Some(CONTENT);
        }
        let found = CONTENTS.iter().find(|(object, _)| *object == self.object);
        found.map(|(_, field)| *field)
    }

    /// Rows of an update that have another body than they had; none where records have no bodies.
    pub(super) fn new_bodies(&self, batch: &RecordBatch) -> Option<BooleanArray> {
        let name = self.body_column()?;
        let place = self.sent.iter().position(|sent| sent == name)?;
        let column = batch.column_by_name(name)?;
        let same = batch.column_by_name(SAME)?.as_binary_opt::<i32>()?;
        let is_new = |row: usize| {
            let is_same = same.is_valid(row) && is_set(same.value(row), place);
            Some(column.is_valid(row) && !is_same)
        };
        Some((0..batch.num_rows()).map(is_new).collect())
    }

    async fn keep(
        &self,
        rows: &PartRows,
        start: usize,
        settled: Settled,
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
        for (row, answer) in settled.0 {
            // Rows that follow each other go into one file.
            if row != first + run.len() {
                files.extend(
                    self.store_run(rows, start + first, &mut run, &origin)
                        .await?,
                );
                first = row;
            }
            run.push(Some(answer));
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
