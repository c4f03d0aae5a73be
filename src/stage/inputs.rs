//! What the files of an export hold, told by a digest, as `staged.inputs`: so that what was staged from the same bytes can stand.
//!
//! In: the listed files, what was known of them last time. Out: each file's digest. A file of the same size and time of change as last
//! time is not read. Never: a file taken for unchanged that may have been written again within the clock's tick.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use futures::{StreamExt, TryStreamExt, stream};
use xxhash_rust::xxh3::Xxh3;

use super::StageError;
use super::error::{build_error, write_error};
use super::file_books::DEFINITION_ROWS;
use crate::staging::{Manifest, Snapshot, Staging};
use crate::usercom::{Export, ExportError, ExportFile};

const NAME: &str = "inputs";

/// Files that are read at the same time.
const AT_ONCE: usize = 2;

/// Bytes of a read.
const PIECE: usize = 1 << 20;

/// A file that was changed so shortly before it was read may be changed again with the same time, in microseconds.
const TICK: i64 = 2_000_000;

pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("file", DataType::Utf8, false),
        Field::new("size", DataType::Int64, false),
        // Microseconds since 1970; none where the store does not say, or where it says too little.
        Field::new("changed_at", DataType::Int64, true),
        Field::new("digest", DataType::Utf8, false),
    ]))
}

/// Digests by file, and their table, which is not published yet. Files whose digest is `given` are not read.
pub(super) async fn measure(
    export: &Export,
    staging: &Staging,
    before: &Snapshot,
    files: &[ExportFile],
    given: BTreeMap<String, String>,
) -> Result<(BTreeMap<String, String>, Manifest), StageError> {
    let known = known(staging, before).await?;
    let now = chrono::Utc::now().timestamp_micros();
    let mut digests = given;
    let mut unread = Vec::new();
    for file in files {
        if digests.contains_key(&file.name) {
            continue;
        }
        let place = file.changed_at.map(|at| (file.name.clone(), file.size, at));
        match place.and_then(|place| known.get(&place)) {
            Some(digest) => drop(digests.insert(file.name.clone(), digest.clone())),
            None => unread.push(file.name.clone()),
        }
    }
    let mut read = stream::iter(unread)
        .map(|name| async move {
            let digest = digest(export.clone(), name.clone()).await?;
            Ok::<_, StageError>((name, digest))
        })
        .buffer_unordered(AT_ONCE);
    while let Some((name, digest)) = read.try_next().await? {
        digests.insert(name, digest);
    }
    drop(read);
    let table = write(staging, files, &digests, now).await?;
    Ok((digests, table))
}

/// Digests by name, size and time of change.
async fn known(
    staging: &Staging,
    before: &Snapshot,
) -> Result<BTreeMap<(String, u64, i64), String>, StageError> {
    let mut found = BTreeMap::new();
    let Some(table) = before.get("staged", NAME) else {
        return Ok(found);
    };
    let failed = |source| write_error(NAME, source);
    let mut rows = staging.read_table(table, DEFINITION_ROWS);
    while let Some(batch) = rows.try_next().await.map_err(failed)? {
        let text = |at: usize| batch.column(at).as_string::<i32>().iter();
        let number = |at: usize| batch.column(at).as_primitive::<Int64Type>().iter();
        for (((file, size), changed_at), digest) in
            text(0).zip(number(1)).zip(number(2)).zip(text(3))
        {
            if let (Some(file), Some(size), Some(at), Some(digest)) =
                (file, size, changed_at, digest)
            {
                let place = (file.to_owned(), size.unsigned_abs(), at);
                found.insert(place, digest.to_owned());
            }
        }
    }
    Ok(found)
}

async fn digest(export: Export, name: String) -> Result<String, StageError> {
    let file = name.clone();
    let reading = tokio::task::spawn_blocking(move || -> Result<String, ExportError> {
        let mut reader = export.reader(&file)?;
        let (mut digest, mut piece, mut byte) = (Xxh3::new(), vec![0; PIECE], 0);
        loop {
            let failed = |source| ExportError::ReadFile {
                file: file.clone(),
                byte,
                source,
            };
            match reader.read(&mut piece).map_err(failed)? {
                0 => return Ok(format!("{:032x}", digest.digest128())),
                read => {
                    digest.update(&piece[..read]);
                    byte += read as u64;
                }
            }
        }
    });
    match reading.await {
        Ok(digest) => Ok(digest?),
        Err(_) => Err(StageError::Stopped { table: name }),
    }
}

async fn write(
    staging: &Staging,
    files: &[ExportFile],
    digests: &BTreeMap<String, String>,
    now: i64,
) -> Result<Manifest, StageError> {
    let failed = |source| write_error(NAME, source);
    let names = files.iter().map(|file| file.name.as_str());
    let sizes = files
        .iter()
        .map(|file| i64::try_from(file.size).unwrap_or(i64::MAX));
    let changed = files
        .iter()
        .map(|file| file.changed_at.filter(|at| at + TICK < now));
    let sums = names
        .clone()
        .map(|name| digests.get(name).map(String::as_str));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(names)),
        Arc::new(Int64Array::from_iter_values(sizes)),
        Arc::new(changed.collect::<Int64Array>()),
        Arc::new(sums.collect::<StringArray>()),
    ];
    let batch = RecordBatch::try_new(schema(), columns)
        .map_err(|source| build_error(NAME, "staged.inputs", source))?;
    let mut writer = staging
        .create("staged", NAME, schema(), &["file"])
        .await
        .map_err(failed)?;
    writer.write(&batch).await.map_err(failed)?;
    writer.finish(BTreeMap::new()).await.map_err(failed)
}
