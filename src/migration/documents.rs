//! Documents that a run leaves for the admin beside its reports.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;

use super::context::{Context, Reads};
use crate::error::Error;
use crate::report::{SegmentText, segments_document};

const SEGMENTS: &str = include_str!("../../queries/internal/segments_for_people.sql");

/// Writes `reports/<run>/segments.md`: what each segment and list is and was made of. Nothing if there are none.
pub(crate) async fn write_segments(context: &Context<'_>, run: &str) -> Result<(), Error> {
    let staging = context.staging();
    let snapshot = staging.snapshot().await?;
    let (Some(_), Some(_)) = (
        snapshot.get("prepare", "segment"),
        snapshot.get("prepare", "membership"),
    ) else {
        return Ok(());
    };
    let session = context.session_over(&snapshot, Reads::Tables).await?;
    let mut segments = Vec::new();
    for batch in session
        .collect("the document of segments", SEGMENTS)
        .await?
    {
        let texts = [0, 1, 2, 3].map(|column| batch.column(column).as_string::<i32>().clone());
        let members = batch.column(4).as_primitive::<Int64Type>();
        let text = |column: usize, row: usize| {
            let cells = &texts[column];
            cells.is_valid(row).then(|| cells.value(row).to_owned())
        };
        segments.extend((0..batch.num_rows()).map(|row| SegmentText {
            key: text(0, row).unwrap_or_default(),
            name: text(1, row).unwrap_or_default(),
            description: text(2, row),
            criteria: text(3, row),
            members: members.value(row).unsigned_abs(),
        }));
    }
    if segments.is_empty() {
        return Ok(());
    }
    let path = staging.org_path(&["reports", run, "segments.md"]);
    let document = segments_document(run, &segments);
    staging
        .write_document(&path, document.into_bytes().into())
        .await?;
    Ok(())
}
