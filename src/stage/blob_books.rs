//! What the files of an export hold, told by the MD5 that Salesforce shows of each version (`ContentVersion.Checksum`).
//!
//! In: the listed blobs, what was known of them last time. Out: each blob's checksum, and the table `staged.blobs`. A blob of the same
//! size and time of change as last time is not read again. Never: more of a blob in memory than a piece of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use futures::{StreamExt, TryStreamExt, stream};
use md5::{Digest, Md5};

use super::StageError;
use super::error::{build_error, write_error};
use crate::staging::{Manifest, Snapshot, Staging};
use crate::usercom::{Blobs, Export, ExportError};

const NAME: &str = "blobs";

/// Blobs that are read at the same time.
const AT_ONCE: usize = 8;

/// Rows of a batch.
const ROWS: usize = 8_192;

pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("file", DataType::Utf8, false),
        Field::new("size", DataType::Int64, false),
        // Microseconds since 1970; none where the store does not say.
        Field::new("changed_at", DataType::Int64, true),
        Field::new("md5", DataType::Utf8, false),
    ]))
}

/// Gives every blob its checksum; the table is not published yet.
pub(super) async fn measure(
    export: &Export,
    staging: &Staging,
    before: &Snapshot,
    blobs: &mut Blobs,
) -> Result<Manifest, StageError> {
    if let Some(known) = before.get("staged", NAME) {
        take_known(staging, known, blobs).await?;
    }
    let unread: Vec<String> = blobs.unread().map(str::to_owned).collect();
    let mut read = stream::iter(unread)
        .map(|name| async move {
            let sum = checksum(export, &name).await?;
            Ok::<_, ExportError>((name, sum))
        })
        .buffer_unordered(AT_ONCE);
    while let Some((name, sum)) = read.try_next().await? {
        blobs.put_checksum(&name, sum);
    }
    drop(read);
    write(staging, blobs).await
}

/// The MD5 of a blob, in hexadecimal digits.
async fn checksum(export: &Export, name: &str) -> Result<String, ExportError> {
    let (_, mut bytes) = export.blob(name).await?;
    let mut digest = Md5::new();
    let mut byte = 0;
    while let Some(piece) = bytes.next().await {
        let piece = piece.map_err(|source| ExportError::ReadFile {
            file: name.to_owned(),
            byte,
            source,
        })?;
        byte += piece.len() as u64;
        digest.update(&piece);
    }
    let digits = digest.finalize();
    Ok(digits.iter().map(|digit| format!("{digit:02x}")).collect())
}

/// Takes the checksums of blobs that are as they were.
async fn take_known(
    staging: &Staging,
    known: &Manifest,
    blobs: &mut Blobs,
) -> Result<(), StageError> {
    let mut rows = staging.read_table(known, ROWS);
    let failed = |source| write_error(NAME, source);
    while let Some(batch) = rows.try_next().await.map_err(failed)? {
        let texts = |name| Some(batch.column_by_name(name)?.as_string_opt::<i32>()?.iter());
        let numbers = |name| {
            Some(
                batch
                    .column_by_name(name)?
                    .as_primitive_opt::<Int64Type>()?
                    .iter(),
            )
        };
        let columns = (
            texts("file"),
            numbers("size"),
            numbers("changed_at"),
            texts("md5"),
        );
        let (Some(files), Some(sizes), Some(changed), Some(sums)) = columns else {
            return Ok(());
        };
        for (((file, size), changed_at), sum) in files.zip(sizes).zip(changed).zip(sums) {
            if let (Some(file), Some(size), Some(changed_at), Some(sum)) =
                (file, size, changed_at, sum)
            {
                blobs.put_known(file, size.unsigned_abs(), changed_at, sum);
            }
        }
    }
    Ok(())
}

async fn write(staging: &Staging, blobs: &Blobs) -> Result<Manifest, StageError> {
    let failed = |source| write_error(NAME, source);
    let mut writer = staging
        .create("staged", NAME, schema(), &["file"])
        .await
        .map_err(failed)?;
    let all: Vec<_> = blobs.measured().collect();
    for some in all.chunks(ROWS) {
        let files = some.iter().map(|blob| blob.name);
        let sizes = some
            .iter()
            .map(|blob| i64::try_from(blob.size).unwrap_or(i64::MAX));
        let changed = some.iter().map(|blob| blob.changed_at);
        let sums = some.iter().map(|blob| blob.md5);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(files)),
            Arc::new(Int64Array::from_iter_values(sizes)),
            Arc::new(changed.collect::<Int64Array>()),
            Arc::new(StringArray::from_iter_values(sums)),
        ];
        let batch = RecordBatch::try_new(schema(), columns)
            .map_err(|source| build_error(NAME, "staged.blobs", source))?;
        writer.write(&batch).await.map_err(failed)?;
    }
    writer.finish(BTreeMap::new()).await.map_err(failed)
}
