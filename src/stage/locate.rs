//! Where the versions of one record stand in the export.
//!
//! In: an object, an id, the files. Out: file, record, line and byte of every version, read anew: staged tables keep no places.
//! Never: anything written, or a record without a readable id, which `rejects.*` has whole.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use futures::StreamExt;
use serde::Serialize;
use tokio::task::JoinSet;

use super::convert::Conversion;
use super::input::{InputFile, input_files};
use super::input_rules::InputRules;
use super::{Settings, StageError, latest, pipeline};
use crate::usercom::layout::Layout;
use crate::usercom::schema::Object;
use crate::usercom::{DecodedReader, Export, ExportError, custom, object, read_keys};

/// Bytes read at a time while lines are counted.
const CHUNK: u64 = 256 * 1024;

/// A version of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Located {
    /// Name inside the export.
    pub file: String,
    /// Number of the record in its file, from 1.
    pub row: u64,
    /// Line on which it begins, from 1; a CSV header is a line too.
    pub line: u64,
    /// Position of its first byte in the file's text.
    pub byte: u64,
}

/// Every version of the record `id` of the table `usercom.<table>`, in the order of the files.
///
/// # Errors
/// [`StageError`] when the export cannot be read as it was when it was staged.
pub async fn locate(
    settings: &Settings,
    export: &Export,
    table: &str,
    id: i64,
) -> Result<Vec<Located>, StageError> {
    let own;
    let object = match object(table) {
        Some(object) => object,
        None => {
            own = custom::custom_object(table.to_owned());
            &own
        }
    };
    let listing = export.list(&settings.files).await?;
    let mut found = Vec::new();
    for input in input_files(object, &listing.files) {
        for (row, byte) in places(settings, export, object, &input, id).await? {
            let (export, file) = (export.clone(), input.file.name.clone());
            let line = blocking(table, move || line_at(&export, &file, byte)).await??;
            found.push(Located {
                file: input.file.name.clone(),
                row,
                line,
                byte,
            });
        }
    }
    Ok(found)
}

/// Number and first byte of each record with this id in one file.
async fn places(
    settings: &Settings,
    export: &Export,
    object: &Object,
    input: &InputFile,
    id: i64,
) -> Result<Vec<(u64, u64)>, StageError> {
    let (reader, file) = (export.clone(), input.clone());
    let limits = pipeline::limits(settings);
    let keys = blocking(&object.name, move || {
        read_keys(&reader, &file.file, file.nested, limits)
    })
    .await??;
    // Types do not matter for ids, so neither do the definitions of attributes.
    let named = [(input.file.name.clone(), keys)];
    let layout = Layout::new(object, &[], &named, &Default::default())?;
    let Some(plan) = layout.files.into_iter().next() else {
        return Ok(Vec::new());
    };
    let columns = Arc::new(layout.columns);
    let conversion = Conversion {
        table: object.name.to_string(),
        file: input.file.name.clone(),
        file_index: 0,
        rules: InputRules::new(&plan, &columns, &settings.words),
        missing_opt_out: settings.missing_opt_out,
        text_keys: object.is_custom(),
        plan,
        columns,
        schema: latest::with_places(&layout.schema),
        zones: settings.zones,
        pair: layout.pair,
        blobs: Arc::default(),
    };
    let mut found = Vec::new();
    let mut batches = pipeline::convert_file(settings, export, input, Arc::new(conversion));
    while let Some(converted) = batches.next().await {
        let batch = converted?.batch;
        let number = |column: usize, row: usize| {
            let numbers = batch.column(column).as_primitive_opt::<Int64Type>();
            numbers.map_or(0, |numbers| numbers.value(row))
        };
        let (row, byte) = (batch.num_columns() - 2, batch.num_columns() - 1);
        let here = (0..batch.num_rows()).filter(|at| number(0, *at) == id);
        found.extend(here.map(|at| {
            let place = (number(row, at), number(byte, at));
            (place.0.unsigned_abs(), place.1.unsigned_abs())
        }));
    }
    Ok(found)
}

/// The line that the byte at this position of a file's text is on.
fn line_at(export: &Export, file: &str, byte: u64) -> Result<u64, ExportError> {
    let mut reader = DecodedReader::new(file, export.reader(file)?, Arc::default())?;
    let mut line = 1;
    let mut text = Vec::new();
    loop {
        let position = reader.position();
        text.clear();
        if position >= byte || reader.read_some(CHUNK.min(byte - position), &mut text)? == 0 {
            return Ok(line);
        }
        line += text.iter().filter(|letter| **letter == b'\n').count() as u64;
    }
}

/// Does work that blocks on a thread where it may.
async fn blocking<T: Send + 'static>(
    table: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StageError> {
    let mut worker = JoinSet::new();
    worker.spawn_blocking(work);
    match worker.join_next().await {
        Some(Ok(done)) => Ok(done),
        Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        _ => Err(StageError::Stopped {
            table: table.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_version_is_found_with_its_line_though_values_have_line_ends() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "people-1.csv",
            "id,name,email\n7,\"Ada\nNowak\",a@example.com\n8,Ben,b@example.com\n",
        );
        write(
            "people-2.jsonl",
            "{\"id\": 9, \"name\": \"Cy\"}\n{\"id\": 8, \"name\": \"Benno\"}\n",
        );
        let export = Export::Folder(folder.path().to_owned());
        let found = locate(&Settings::default(), &export, "people", 8).await;
        let found: Vec<_> = found
            .unwrap()
            .into_iter()
            .map(|at| (at.file, at.row, at.line))
            .collect();
        assert_eq!(
            found,
            [
                ("people-1.csv".to_owned(), 2, 4),
                ("people-2.jsonl".to_owned(), 2, 2)
            ]
        );
        let nobody = locate(&Settings::default(), &export, "people", 70).await;
        assert_eq!(nobody.unwrap(), []);
    }
}
