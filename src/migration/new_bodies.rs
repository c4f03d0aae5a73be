//! Records that get another body: notes with another text, files with other bytes, each a new version (`guide/salesforce.md` §4).
//!
//! In: a planned outbox. Out: how many of its updates there are, and their bytes. Never: an update that leaves the body as it is.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;

use crate::engine::Session;
use crate::error::Error;
use crate::project::QueryFile;
use crate::reconcile::is_body;
use crate::rows::{FILE, RowOperation, SAME, is_set, sent_columns};
use crate::staging::Manifest;

/// Updates of one load that carry a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NewBodies {
    pub rows: u64,
    /// Bytes of the files or texts.
    pub bytes: u64,
}

/// SQL for the sizes of the export's files: `stored_path`, `size`.
pub(crate) const FILE_SIZES: &str = include_str!("../../queries/internal/file_sizes.sql");

/// Counts them; the session sees the planned outbox.
pub(crate) async fn new_bodies(
    session: &Session,
    file: &QueryFile,
    outbox: &Manifest,
) -> Result<NewBodies, Error> {
    let mut found = NewBodies::default();
    let names = sent_columns(&outbox.schema);
    let place = names.iter().position(|name| is_body(file.object(), name));
    let has = |name: &str| outbox.schema.field_with_name(name).is_ok();
    let Some(place) = place.filter(|_| has(SAME) && outbox.count(RowOperation::Update.word()) > 0)
    else {
        return Ok(found);
    };
    let body = &names[place];
    let (size, join) = match has(FILE) && session.table_names().contains("usercom.files") {
        true => (
            "f.size".to_owned(),
            format!(" inner join ({FILE_SIZES}) as f on f.stored_path = o.\"{FILE}\""),
        ),
        false => (format!("octet_length(o.\"{body}\")"), String::new()),
    };
    let sql = format!(
        "select o.{SAME}, cast({size} as bigint) as size from outbox.{} as o{join} \
         where o._operation = '{}' and o.\"{body}\" is not null",
        file.name,
        RowOperation::Update.word()
    );
    let mut rows = session.stream("the planned bodies", &sql, &[]).await?;
    while let Some(batch) = rows.next_batch().await? {
        let same = batch.column(0).as_binary::<i32>();
        let sizes = batch.column(1).as_primitive::<Int64Type>();
        for (row, size) in sizes.iter().enumerate() {
            let is_same = same.is_valid(row) && is_set(same.value(row), place);
            if !is_same {
                found.rows += 1;
                found.bytes += size.unwrap_or(0).unsigned_abs();
            }
        }
    }
    Ok(found)
}
