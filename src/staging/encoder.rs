//! One Parquet file in the making: the columns of each batch are encoded in parallel.
//!
//! In: batches of the file's schema. Out: the file's bytes, a row group at a time. Encoding takes most of the time that
//! a table costs, and a column does not depend on its neighbours; nor does the caller wait for it: a failure shows at the
//! next call. Memory: the encoded pages of one row group, and the batch under way.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use tokio::task::{JoinError, JoinSet};

/// Rows per row group. Twice as many took 140 MB more while the runs of a million people were merged.
const ROW_GROUP_ROWS: usize = 65_536;

/// Fewer columns are encoded by one thread.
const FEW_COLUMNS: usize = 4;

pub(super) struct Encoder {
    file: SerializedFileWriter<Vec<u8>>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    /// At rest between batches, or else at work.
    lanes: Vec<Lane>,
    at_work: JoinSet<Result<Lane>>,
    /// Rows of the row group in the making.
    rows: usize,
    groups: usize,
}

/// Columns that one thread encodes.
#[derive(Default)]
struct Lane {
    columns: Vec<Column>,
}

struct Column {
    /// Place in the schema.
    index: usize,
    field: Arc<Field>,
    /// One per leaf: a struct has several.
    leaves: Vec<ArrowColumnWriter>,
}

impl Encoder {
    pub(super) fn new(schema: &SchemaRef, properties: WriterProperties) -> Result<Self> {
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties))?;
        let (file, factory) = writer.into_serialized_writer()?;
        Ok(Self {
            file,
            factory,
            schema: Arc::clone(schema),
            lanes: Vec::new(),
            at_work: JoinSet::new(),
            rows: 0,
            groups: 0,
        })
    }

    /// Encodes a batch; the bytes of the row groups that it completes.
    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let mut done = Vec::new();
        let mut start = 0;
        while start < batch.num_rows() {
            if self.rows == 0 {
                self.lanes = self.open_group()?;
            }
            let rows = (batch.num_rows() - start).min(ROW_GROUP_ROWS - self.rows);
            self.append(&batch.slice(start, rows)).await?;
            start += rows;
            self.rows += rows;
            if self.rows == ROW_GROUP_ROWS {
                done.append(&mut self.close_group().await?);
            }
        }
        Ok(done)
    }

    /// The rest of the file, and the bytes of each column's texts.
    pub(super) async fn finish(mut self) -> Result<(Vec<u8>, BTreeMap<String, u64>)> {
        let mut rest = self.close_group().await?;
        let written = self.file.finish()?;
        rest.append(self.file.inner_mut());
        let mut texts = BTreeMap::new();
        for group in written.row_groups() {
            for chunk in group.columns() {
                let bytes = chunk.unencoded_byte_array_data_bytes();
                if let (Some(column), Some(bytes)) = (chunk.column_path().parts().first(), bytes) {
                    *texts.entry(column.clone()).or_default() += bytes.unsigned_abs();
                }
            }
        }
        Ok((rest, texts))
    }

    fn open_group(&self) -> Result<Vec<Lane>> {
        let mut writers = self.factory.create_column_writers(self.groups)?.into_iter();
        let fields = self.schema.fields();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let count = if fields.len() <= FEW_COLUMNS {
            1
        } else {
            threads
        };
        let mut lanes: Vec<Lane> = Vec::new();
        lanes.resize_with(count, Lane::default);
        for (index, field) in fields.iter().enumerate() {
            lanes[index % count].columns.push(Column {
                index,
                field: Arc::clone(field),
                leaves: writers.by_ref().take(leaves(field.data_type())).collect(),
            });
        }
        Ok(lanes)
    }

    async fn append(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rest().await?;
        for mut lane in self.lanes.drain(..) {
            let columns = batch.columns().to_vec();
            self.at_work.spawn_blocking(move || {
                lane.encode(&columns)?;
                Ok(lane)
            });
        }
        Ok(())
    }

    /// Waits until every lane is at rest.
    async fn rest(&mut self) -> Result<()> {
        while let Some(lane) = self.at_work.join_next().await {
            self.lanes.push(finished(lane)?);
        }
        Ok(())
    }

    async fn close_group(&mut self) -> Result<Vec<u8>> {
        self.rest().await?;
        if self.rows > 0 {
            let mut closing = JoinSet::new();
            for lane in self.lanes.drain(..) {
                closing.spawn_blocking(|| lane.close());
            }
            let mut chunks = Vec::new();
            while let Some(closed) = closing.join_next().await {
                chunks.append(&mut finished(closed)?);
            }
            chunks.sort_by_key(|(index, _)| *index);
            let mut group = self.file.next_row_group()?;
            for (_, chunk) in chunks {
                chunk.append_to_row_group(&mut group)?;
            }
            group.close()?;
            self.groups += 1;
            self.rows = 0;
        }
        Ok(std::mem::take(self.file.inner_mut()))
    }
}

impl Lane {
    fn encode(&mut self, columns: &[ArrayRef]) -> Result<()> {
        for column in &mut self.columns {
            let leaves = compute_leaves(&column.field, &columns[column.index])?;
            for (leaf, writer) in leaves.iter().zip(&mut column.leaves) {
                writer.write(leaf)?;
            }
        }
        Ok(())
    }

    /// Chunks with the place of their column.
    fn close(self) -> Result<Vec<(usize, ArrowColumnChunk)>> {
        let mut chunks = Vec::new();
        for column in self.columns {
            for writer in column.leaves {
                chunks.push((column.index, writer.close()?));
            }
        }
        Ok(chunks)
    }
}

/// What a lane's thread came to; its panic goes on here.
fn finished<T>(task: std::result::Result<Result<T>, JoinError>) -> Result<T> {
    match task {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(ParquetError::External(Box::new(error))),
    }
}

/// Parquet columns that an Arrow type becomes.
fn leaves(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(children) => children.iter().map(|child| leaves(child.data_type())).sum(),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            leaves(item.data_type())
        }
        DataType::Map(entries, _) => leaves(entries.data_type()),
        _ => 1,
    }
}
