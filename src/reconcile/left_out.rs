//! Parts of an outbox without the fields that are left to the org.
//!
//! In: a part, what was judged of its rows. Out: its rows in two files: those that are sent, and those of which nothing is left.
//! The bits that say what is left out, cleared and was written once are kept right, and the fingerprint of a row says that the next run has
//! to look at it again. Never: a row lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BinaryArray, BinaryBuilder, BooleanArray, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use futures::TryStreamExt;

use super::ReconcileError;
use super::conflict::{Entry, Known, Told, Verdict};
use super::request::ThreeWay;
use crate::rows::{
    Bits, LEFT_OUT, RowOperation, SAME, TOGETHER, is_set, key_text, key_texts, same_key, set, unset,
};
use crate::staging::{DataFile, Manifest, Snapshot};

/// Rows of a part that are looked at, at a time.
const ROWS: usize = 8_192;

/// Rows of parts that are compared at once; a part with more is alone.
const AT_ONCE: u64 = 10_000;

/// What becomes of one row.
#[derive(Default)]
pub(super) struct Record {
    pub(super) id: String,
    /// When the source changed its row, if it says so.
    pub(super) source_changed_at: Known,
    pub(super) entries: Vec<(Entry, Verdict)>,
    /// Fields that the update leaves out and that go with others.
    pub(super) silent: Vec<Entry>,
}

impl Record {
    pub(super) fn is_changed(&self) -> bool {
        let written_again = |entry: &Entry, verdict: &Verdict| verdict.writes && entry.is_same;
        self.entries
            .iter()
            .any(|(entry, verdict)| !verdict.writes || written_again(entry, verdict))
    }

    /// Leaves fields to the org that go with one that is left to it; writes those that go with one that is put back.
    pub(super) fn keep_together(&mut self) {
        let silent = std::mem::take(&mut self.silent);
        for group in TOGETHER {
            let is_in = |entry: &Entry| group.contains(&entry.field.as_str());
            let is_put_back = |entry: &Entry, verdict: &Verdict| {
                is_in(entry) && verdict.writes && entry.is_same && entry.kept.is_none()
            };
            if self
                .entries
                .iter()
                .any(|(entry, verdict)| is_put_back(entry, verdict))
            {
                let along = silent.iter().filter(|entry| is_in(entry)).cloned();
                self.entries
                    .extend(along.map(|entry| (entry, Verdict::put_back_too())));
            }
        }
        for group in TOGETHER {
            let is_in = |entry: &Entry| group.contains(&entry.field.as_str());
            let is_left = self
                .entries
                .iter()
                .any(|(entry, verdict)| is_in(entry) && !verdict.writes);
            if !is_left {
                continue;
            }
            for (entry, verdict) in &mut self.entries {
                if is_in(entry) && verdict.writes {
                    verdict.writes = false;
                    verdict.told = Some(Told::TOGETHER);
                }
            }
        }
    }
}

/// Parts that are compared at once: each comparison reads all that was sent and read back last.
pub(super) fn together<'a, 'b>(parts: &'a [&'b DataFile]) -> Vec<&'a [&'b DataFile]> {
    let mut groups = Vec::new();
    let (mut start, mut rows) = (0, 0);
    for (place, part) in parts.iter().enumerate() {
        if place > start && rows + part.rows > AT_ONCE {
            groups.push(&parts[start..place]);
            (start, rows) = (place, 0);
        }
        rows += part.rows;
    }
    if start < parts.len() {
        groups.push(&parts[start..]);
    }
    groups
}

/// A part with what stays as it is in the org left out; rows of which nothing is left are no longer sent.
pub(super) async fn rewrite(
    wanted: &ThreeWay<'_>,
    places: &[String],
    outbox: &Manifest,
    file: &DataFile,
    records: &BTreeMap<String, Record>,
) -> Result<Vec<DataFile>, ReconcileError> {
    let staging = wanted.request.staging;
    let load = &wanted.request.file.name;
    let part = of_files(outbox, std::slice::from_ref(file));
    let rewriting = Rewriting {
        key: &wanted.request.columns.key,
        places,
        records,
        landed: landed(wanted, &part).await?,
    };
    let store = |source: ArrowError| ReconcileError::Store {
        object: wanted.request.describe.name.clone(),
        source,
    };
    let mut writers = Vec::new();
    for operation in [RowOperation::Update, RowOperation::Unchanged] {
        let schema = Arc::clone(&outbox.schema);
        let writer = staging.create("outbox", load, schema, &[]).await?;
        writers.push(writer.labelled(operation.word()));
    }
    let mut batches = staging.read_table(&part, ROWS);
    while let Some(batch) = batches.try_next().await? {
        let (batch, idle) = rewriting.left_out(&batch).map_err(store)?;
        let is_sent = arrow::compute::not(&idle).map_err(store)?;
        for (writer, keep) in writers.iter_mut().zip([&is_sent, &idle]) {
            let rows = filter_record_batch(&batch, keep).map_err(store)?;
            writer.write(&rows).await?;
        }
    }
    let mut files = Vec::new();
    for writer in writers {
        let written = writer.finish(BTreeMap::new()).await?;
        files.extend(written.files.into_iter().filter(|file| file.rows > 0));
    }
    Ok(files)
}

/// The fingerprints of what landed last of rows of which a field is as it was.
async fn landed(
    wanted: &ThreeWay<'_>,
    part: &Manifest,
) -> Result<BTreeMap<String, i64>, ReconcileError> {
    let request = wanted.request;
    let load = &request.file.name;
    let mut landed = BTreeMap::new();
    let Some(ledger) = wanted.snapshot.get("ledger", load) else {
        return Ok(landed);
    };
    let mut tables = Snapshot::default();
    tables.insert(part.clone());
    tables.insert(ledger.clone());
    let key = &request.columns.key;
    let sql = format!(
        "select {} as key, l.fingerprint from outbox.{load} as o inner join ledger.{load} as l on {} \
         where l.fingerprint is not null",
        key_text("o", key),
        same_key("o", "l", key),
    );
    let session = request.engine.session(request.staging, &tables)?;
    let mut rows = session
        .stream(&format!("what landed of {load}"), &sql, &[])
        .await?;
    while let Some(batch) = rows.next_batch().await? {
        let keys = batch.column(0).as_string::<i32>().iter().flatten();
        let prints = batch.column(1).as_primitive::<Int64Type>().values().iter();
        landed.extend(keys.map(str::to_owned).zip(prints.copied()));
    }
    Ok(landed)
}

/// What was judged of the rows of a part.
struct Rewriting<'a> {
    key: &'a [String],
    /// Names of the sent columns.
    places: &'a [String],
    records: &'a BTreeMap<String, Record>,
    /// The fingerprints of the values that landed last.
    landed: BTreeMap<String, i64>,
}

impl Rewriting<'_> {
    /// Rows of an outbox without what is left to the org, and which of them have nothing left to be sent.
    fn left_out(&self, batch: &RecordBatch) -> Result<(RecordBatch, BooleanArray), ArrowError> {
        let schema = batch.schema();
        let key = self.key;
        let keys = key_texts(batch, key)
            .map_err(|error| ArrowError::from_external_error(Box::new(error)))?;
        let column = |name: &str| schema.index_of(name);
        let [clear, same, written, fingerprint, operation] =
            ["_clear", SAME, "_written", "_fingerprint", "_operation"].map(column);
        let (clear, same, written) = (clear?, same?, written?);
        let (fingerprint, operation) = (fingerprint?, operation?);
        let bits = |at: usize| batch.column(at).as_binary::<i32>();
        let fingerprints = batch.column(fingerprint).as_primitive::<Int64Type>();
        let operations = batch.column(operation).as_string::<i32>();
        let [mut clears, mut sames, mut writtens] = [(); 3].map(|()| BinaryBuilder::new());
        let (mut prints, mut words, mut idle) = (Vec::new(), Vec::new(), Vec::new());
        for (row, key) in keys.iter().enumerate() {
            let own = |bits: &BinaryArray| bits.is_valid(row).then(|| bits.value(row).to_vec());
            let mut sets = [own(bits(clear)), own(bits(same)), own(bits(written))];
            let own_print = fingerprints.is_valid(row).then(|| fingerprints.value(row));
            let mut print = own_print;
            if let Some(record) = self.records.get(key).filter(|record| record.is_changed()) {
                let [clear, same, written] = &mut sets;
                for (entry, verdict) in &record.entries {
                    let place = entry.place;
                    if verdict.writes {
                        // What the lead had that this contact was, and the source has no more.
                        if entry.ours.is_none() && entry.kept.is_some() {
                            set(clear.get_or_insert_default(), place);
                        }
                        let places = [place].into_iter().chain(self.company(&entry.field));
                        for place in places {
                            same.iter_mut().for_each(|bits| unset(bits, place));
                        }
                        continue;
                    }
                    set(same.get_or_insert_default(), place);
                    if let Some(bits) = clear {
                        unset(bits, place);
                    }
                    // That it was written once is known until it is cleared.
                    if entry.has_been_written || verdict.base.is_some() {
                        set(written.get_or_insert_default(), place);
                    } else if let Some(bits) = written {
                        unset(bits, place);
                    }
                }
                // The next run has to look at the row again.
                if record.entries.iter().any(|(_, verdict)| !verdict.writes) {
                    print = print.map(|print| print ^ LEFT_OUT);
                }
            }
            let [clear, same, written] = sets;
            // Nothing of it is another one, so what its ledger says stays; of other values than these, the next run has to know it.
            let is_idle = self.is_idle(batch, row, same.as_ref(), clear.as_ref());
            if let Some(&landed) = self.landed.get(key).filter(|_| is_idle) {
                print = match own_print == Some(landed) {
                    true => own_print,
                    false => Some(landed ^ LEFT_OUT),
                };
            }
            clears.append_option(clear.filter(|bits| bits.iter().any(|&byte| byte != 0)));
            sames.append_option(same);
            writtens.append_option(written);
            prints.push(print);
            words.push(match is_idle {
                true => RowOperation::Unchanged.word(),
                false => operations.value(row),
            });
            idle.push(is_idle);
        }
        let mut columns = batch.columns().to_vec();
        columns[clear] = Arc::new(clears.finish());
        columns[same] = Arc::new(sames.finish());
        columns[written] = Arc::new(writtens.finish());
        columns[fingerprint] = Arc::new(Int64Array::from(prints));
        columns[operation] = Arc::new(StringArray::from(words));
        Ok((RecordBatch::try_new(schema, columns)?, idle.into()))
    }

    /// Places of the fields that go with this one.
    fn company(&self, field: &str) -> impl Iterator<Item = usize> {
        let groups = TOGETHER.iter().filter(move |group| group.contains(&field));
        groups.flat_map(|group| {
            let places = self.places.iter().enumerate();
            places.filter_map(|(place, name)| group.contains(&name.as_str()).then_some(place))
        })
    }

    /// Whether an update of this row would set nothing.
    fn is_idle(
        &self,
        batch: &RecordBatch,
        row: usize,
        same: Option<&Bits>,
        clear: Option<&Bits>,
    ) -> bool {
        if clear.is_some_and(|bits| bits.iter().any(|&byte| byte != 0)) {
            return false;
        }
        let key = self.key;
        self.places.iter().enumerate().all(|(place, name)| {
            key.contains(name)
                || same.is_some_and(|same| is_set(same, place))
                || batch
                    .column_by_name(name)
                    .is_none_or(|column| column.is_null(row))
        })
    }
}

/// A table of some of another's files.
pub(super) fn of_files(table: &Manifest, files: &[DataFile]) -> Manifest {
    Manifest {
        rows: files.iter().map(|file| file.rows).sum(),
        files: files.to_vec(),
        ..table.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_parts_are_compared_at_once_and_a_large_one_alone() {
        let part = |rows: u64| DataFile {
            path: rows.to_string(),
            rows,
            bytes: 1,
            label: None,
            checksum: String::new(),
            sorted_by: Vec::new(),
            text_bytes: BTreeMap::new(),
        };
        let parts = [200, 800, 9_001, 50_000, 1].map(part);
        let parts: Vec<&DataFile> = parts.iter().collect();
        let groups = together(&parts).into_iter();
        let groups: Vec<Vec<u64>> = groups
            .map(|group| group.iter().map(|part| part.rows).collect())
            .collect();
        assert_eq!(groups, [vec![200, 800], vec![9_001], vec![50_000], vec![1]]);
        assert!(together(&[]).is_empty());
    }
}
