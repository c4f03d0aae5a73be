//! The parts of a rollback, `outbox.undo_<load>`, and of what the source no longer has, `outbox.gone_<load>`, in the form that
//! every outbox has.
//!
//! In: decisions. Out: files labelled `delete`, `flag`, `restore` and `release`, cut like any part; the key stands in columns of its own,
//! since its field may be what is restored. Values are texts as Salesforce wrote them. Never: a job.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryBuilder, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, StructBuilder, new_null_array,
};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::RollbackError;
use crate::rows::{KEY_APART, RowOperation};
use crate::staging::{Manifest, Staging, TableWriter};

/// How the names of these tables begin.
pub const UNDO: &str = "undo_";

/// Bytes of values in one part, below the 100 MB a Bulk job takes (`guide/salesforce.md` §1.8).
const PART_BYTES: usize = 80_000_000;

/// Rows that are written at once.
const ROWS: usize = 500;

/// The column with what is changed in a record: `field`, `old`, `new`.
pub const CHANGES: &str = "_changes";

/// A value of a field that is put in the place of another; none is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub old: Option<String>,
    pub new: Option<String>,
}

/// A record that gets values back.
#[derive(Clone, Debug)]
pub(super) struct Restored {
    /// Its key, one row.
    pub key: Vec<ArrayRef>,
    pub id: String,
    /// The bits of fields that we have written.
    pub written: Vec<u8>,
    /// By field.
    pub fields: BTreeMap<String, Change>,
}

/// Writes the parts of one load.
pub(super) struct UndoWriter {
    staging: Staging,
    load: String,
    /// Name of the table, without schema.
    table: String,
    schema: SchemaRef,
    /// Fields that may be restored.
    fields: Vec<String>,
    keys: usize,
    part_rows: usize,
    lanes: BTreeMap<RowOperation, Lane>,
    waiting: BTreeMap<RowOperation, Vec<Restored>>,
}

struct Lane {
    table: TableWriter,
    rows: usize,
    bytes: usize,
}

impl UndoWriter {
    /// `key` are the key's columns as the ledger has them, `fields` the names of fields that may be restored.
    pub(super) fn new(
        staging: &Staging,
        (prefix, load): (&str, &str),
        key: &[Field],
        fields: Vec<String>,
        part_rows: usize,
    ) -> Self {
        let apart = key.iter().map(|field| {
            let name = format!("{KEY_APART}{}", field.name());
            Field::new(name, field.data_type().clone(), true)
        });
        let mut columns: Vec<Field> = apart.collect();
        columns.extend(
            fields
                .iter()
                .map(|name| Field::new(name, DataType::Utf8, true)),
        );
        columns.extend([
            Field::new("_operation", DataType::Utf8, false),
            Field::new("_id", DataType::Utf8, true),
            Field::new("_fingerprint", DataType::Int64, true),
            Field::new("_written", DataType::Binary, true),
            Field::new("_clear", DataType::Binary, true),
            Field::new_list(
                CHANGES,
                Field::new_struct("item", change_fields(), true),
                true,
            ),
        ]);
        let metadata = [("sent".to_owned(), fields.join(","))];
        Self {
            staging: staging.clone(),
            load: load.to_owned(),
            table: format!("{prefix}{load}"),
            schema: Arc::new(Schema::new(columns).with_metadata(metadata.into())),
            keys: key.len(),
            fields,
            part_rows: part_rows.max(1),
            lanes: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    fn unstorable(&self, source: ArrowError) -> RollbackError {
        RollbackError::Store {
            load: self.load.clone(),
            source,
        }
    }

    /// Records to be deleted: their key columns and ids.
    pub(super) async fn delete(
        &mut self,
        key: Vec<ArrayRef>,
        ids: StringArray,
    ) -> Result<(), RollbackError> {
        let rows = ids.len();
        if rows == 0 {
            return Ok(());
        }
        let operation: StringArray =
            std::iter::repeat_n(Some(RowOperation::Delete.word()), rows).collect();
        let mut columns = key;
        let nothing = |count: usize| {
            let fields = self.schema.fields().iter().skip(self.keys).take(count);
            fields.map(|field| new_null_array(field.data_type(), rows))
        };
        columns.extend(nothing(self.fields.len()));
        columns.push(Arc::new(operation));
        columns.push(Arc::new(ids));
        columns.push(Arc::new(Int64Array::from(vec![None; rows])));
        let rest = self.schema.fields().iter().skip(columns.len());
        let rest: Vec<ArrayRef> = rest
            .map(|field| new_null_array(field.data_type(), rows))
            .collect();
        columns.extend(rest);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|error| self.unstorable(error))?;
        self.write(RowOperation::Delete, &batch, 0).await
    }

    /// A record that gets values back; `release` if it was the org's own before.
    pub(super) async fn restore(
        &mut self,
        record: Restored,
        release: bool,
    ) -> Result<(), RollbackError> {
        let operation = if release {
            RowOperation::Release
        } else {
            RowOperation::Restore
        };
        self.change(operation, record).await
    }

    /// A record whose fields are set.
    pub(super) async fn change(
        &mut self,
        operation: RowOperation,
        record: Restored,
    ) -> Result<(), RollbackError> {
        let waiting = self.waiting.entry(operation).or_default();
        waiting.push(record);
        if waiting.len() >= ROWS {
            let records = std::mem::take(waiting);
            self.write_restored(operation, &records).await?;
        }
        Ok(())
    }

    async fn write_restored(
        &mut self,
        operation: RowOperation,
        records: &[Restored],
    ) -> Result<(), RollbackError> {
        let batch = self
            .restored(operation, records)
            .map_err(|error| self.unstorable(error))?;
        let values = records.iter().flat_map(|record| record.fields.values());
        let values = values.filter_map(|change| change.new.as_ref());
        let bytes = values.map(String::len).sum();
        self.write(operation, &batch, bytes).await
    }

    fn restored(
        &self,
        operation: RowOperation,
        records: &[Restored],
    ) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<ArrayRef> = Vec::new();
        for key in 0..self.keys {
            let cells: Vec<&dyn Array> = records
                .iter()
                .map(|record| record.key[key].as_ref())
                .collect();
            columns.push(arrow::compute::concat(&cells)?);
        }
        for field in &self.fields {
            let values = records
                .iter()
                .map(|record| record.fields.get(field)?.new.as_deref());
            columns.push(Arc::new(values.collect::<StringArray>()));
        }
        let (mut word, mut id) = (StringBuilder::new(), StringBuilder::new());
        let (mut written, mut clear) = (BinaryBuilder::new(), BinaryBuilder::new());
        let mut changes = ListBuilder::new(StructBuilder::from_fields(change_fields(), 0));
        for record in records {
            word.append_value(operation.word());
            id.append_value(&record.id);
            written.append_value(&record.written);
            let mut bits = vec![0_u8; self.fields.len().div_ceil(8)];
            for (place, field) in self.fields.iter().enumerate() {
                if record
                    .fields
                    .get(field)
                    .is_some_and(|change| change.new.is_none())
                {
                    bits[place / 8] |= 1 << (place % 8);
                }
            }
            clear.append_value(&bits);
            for (field, change) in &record.fields {
                let cells = [Some(field), change.old.as_ref(), change.new.as_ref()];
                for (place, cell) in cells.into_iter().enumerate() {
                    if let Some(texts) = changes.values().field_builder::<StringBuilder>(place) {
                        texts.append_option(cell);
                    }
                }
                changes.values().append(true);
            }
            changes.append(true);
        }
        columns.push(Arc::new(word.finish()));
        columns.push(Arc::new(id.finish()));
        columns.push(Arc::new(Int64Array::from(vec![None; records.len()])));
        columns.push(Arc::new(written.finish()));
        columns.push(Arc::new(clear.finish()));
        columns.push(Arc::new(changes.finish()));
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }

    async fn write(
        &mut self,
        operation: RowOperation,
        batch: &RecordBatch,
        bytes: usize,
    ) -> Result<(), RollbackError> {
        let mut lane = match self.lanes.remove(&operation) {
            Some(lane) => lane,
            None => Lane {
                table: self
                    .staging
                    .create("outbox", &self.table, Arc::clone(&self.schema), &[])
                    .await?
                    .labelled(operation.word()),
                rows: 0,
                bytes: 0,
            },
        };
        let mut start = 0;
        while start < batch.num_rows() {
            if lane.rows >= self.part_rows || lane.bytes >= PART_BYTES {
                lane.table.next_file().await?;
                (lane.rows, lane.bytes) = (0, 0);
            }
            let rows = (self.part_rows - lane.rows).min(batch.num_rows() - start);
            lane.table.write(&batch.slice(start, rows)).await?;
            lane.rows += rows;
            lane.bytes += bytes * rows / batch.num_rows();
            start += rows;
        }
        self.lanes.insert(operation, lane);
        Ok(())
    }

    /// The table, not yet published: values back first, then deletions. None without a row.
    pub(super) async fn finish(mut self) -> Result<Option<Manifest>, RollbackError> {
        for (operation, records) in std::mem::take(&mut self.waiting) {
            if !records.is_empty() {
                self.write_restored(operation, &records).await?;
            }
        }
        let mut whole: Option<Manifest> = None;
        for lane in self.lanes.into_values() {
            let part = lane.table.finish(BTreeMap::new()).await?;
            match &mut whole {
                Some(whole) => {
                    whole.rows += part.rows;
                    whole.files.extend(part.files);
                }
                None => whole = Some(part),
            }
        }
        Ok(whole)
    }
}

fn change_fields() -> Fields {
    ["field", "old", "new"]
        .map(|name| Field::new(name, DataType::Utf8, true))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::bench::{Bench, numbers};

    const ID: &str = "001A00000000001AAA";

    /// A writer for records named by a number, whose name and phone may be restored.
    fn writer(bench: &Bench, part_rows: usize) -> UndoWriter {
        let key = [Field::new("usercom_id__c", DataType::Int64, true)];
        let fields = ["Name", "Phone"].map(str::to_owned).to_vec();
        UndoWriter::new(&bench.staging, (UNDO, "account"), &key, fields, part_rows)
    }

    fn restored(key: i64, fields: &[(&str, Option<&str>)]) -> Restored {
        let fields = fields.iter();
        Restored {
            key: vec![numbers(&[key])],
            id: ID.to_owned(),
            written: vec![3],
            fields: fields
                .map(|(name, value)| {
                    let (old, new) = (Some("ours".to_owned()), value.map(str::to_owned));
                    ((*name).to_owned(), Change { old, new })
                })
                .collect(),
        }
    }

    async fn deleted(writer: &mut UndoWriter, keys: &[i64]) {
        let ids: StringArray = keys.iter().map(|_| Some(ID)).collect();
        writer.delete(vec![numbers(keys)], ids).await.unwrap();
    }

    async fn published(bench: &Bench, writer: UndoWriter) -> Manifest {
        let outbox = writer.finish().await.unwrap().unwrap();
        bench.staging.publish(outbox).await.unwrap()
    }

    fn files(outbox: &Manifest) -> Vec<(&str, u64)> {
        let files = outbox.files.iter();
        files
            .map(|file| (file.label.as_deref().unwrap_or_default(), file.rows))
            .collect()
    }

    #[tokio::test]
    async fn without_a_row_there_is_no_outbox() {
        let bench = Bench::new();
        let mut writer = writer(&bench, 100);
        deleted(&mut writer, &[]).await;
        assert!(writer.finish().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn values_come_back_before_records_go() {
        let bench = Bench::new();
        let mut writer = writer(&bench, 100);
        deleted(&mut writer, &[1, 2]).await;
        let old = restored(3, &[("Name", Some("old"))]);
        writer.restore(old.clone(), true).await.unwrap();
        writer.restore(old, false).await.unwrap();
        let outbox = published(&bench, writer).await;
        assert_eq!(outbox.table, "undo_account");
        assert_eq!(
            files(&outbox),
            [("restore", 1), ("release", 1), ("delete", 2)]
        );
    }

    #[tokio::test]
    async fn a_record_gets_the_values_it_had_and_loses_those_it_did_not_have() {
        let bench = Bench::new();
        let mut writer = writer(&bench, 100);
        let fields = [("Name", Some("old")), ("Phone", None)];
        writer.restore(restored(7, &fields), false).await.unwrap();
        let only_name = [("Name", Some("other"))];
        writer
            .restore(restored(8, &only_name), false)
            .await
            .unwrap();
        published(&bench, writer).await;
        let sql = "select u.\"_key_usercom_id__c\", u.\"Name\", u.\"Phone\", encode(u._clear, 'hex'), u._id \
                   from outbox.undo_account as u order by 1";
        let expected = [format!("7 old - 02 {ID}"), format!("8 other - 00 {ID}")];
        assert_eq!(bench.lines(sql).await, expected);
    }

    #[tokio::test]
    async fn what_is_changed_stands_beside_the_values() {
        let bench = Bench::new();
        let mut writer = writer(&bench, 100);
        let fields = [("Name", Some("old")), ("Phone", None)];
        writer.restore(restored(7, &fields), false).await.unwrap();
        deleted(&mut writer, &[8]).await;
        published(&bench, writer).await;
        let sql = "select c.entry['field'], c.entry['old'], c.entry['new'] from \
                   (select unnest(u._changes) as entry from outbox.undo_account as u) as c order by 1";
        assert_eq!(bench.lines(sql).await, ["Name ours old", "Phone ours -"]);
    }

    #[tokio::test]
    async fn what_a_record_was_written_with_is_kept_and_its_fingerprint_is_not() {
        let bench = Bench::new();
        let mut writer = writer(&bench, 100);
        let old = restored(7, &[("Name", Some("old"))]);
        writer.restore(old, false).await.unwrap();
        published(&bench, writer).await;
        let sql = "select encode(u._written, 'hex'), u._fingerprint from outbox.undo_account as u";
        assert_eq!(bench.lines(sql).await, ["03 -"]);
    }

    #[tokio::test]
    async fn parts_have_no_more_rows_than_they_may() {
        let bench = Bench::new();
        let mut writer = writer(&bench, 2);
        deleted(&mut writer, &[1, 2, 3]).await;
        deleted(&mut writer, &[4, 5]).await;
        let outbox = published(&bench, writer).await;
        assert_eq!(
            files(&outbox),
            [("delete", 2), ("delete", 2), ("delete", 1)]
        );
    }

    #[tokio::test]
    async fn deletions_name_records_and_carry_no_value() {
        let bench = Bench::new();
        let mut writer = writer(&bench, 100);
        deleted(&mut writer, &[1]).await;
        let outbox = published(&bench, writer).await;
        assert_eq!(crate::rows::sent_columns(&outbox.schema), ["Name", "Phone"]);
        let sql = "select u.\"_key_usercom_id__c\", u.\"Name\", u._operation, u._id, u._clear from outbox.undo_account as u";
        assert_eq!(bench.lines(sql).await, [format!("1 - delete {ID} -")]);
    }
}
