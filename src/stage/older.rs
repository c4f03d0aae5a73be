//! An export that is older than the one staged last is refused: it would take changes back, and call deleted what is only newer.
//!
//! In: the tables as they were, the tables about to be published. Out: nothing, or both dates. An extract says when it began; of
//! files the newest `updated_at` counts, in tables that had one both times. Never: a date of this machine or of a file.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use chrono::{DateTime, SecondsFormat, Utc};

use super::error::sort_error;
use super::stager::{Finished, Stager};
use super::{Settings, StageError};
use crate::engine::Session;
use crate::staging::{Manifest, Snapshot};

/// The count of `usercom.people` that says when its extract began, in seconds.
const BEGAN: &str = "extract_began";

/// The column that says when a row changed last.
const UPDATED_AT: &str = "updated_at";

/// Notes in the tables when their extract began.
pub(super) fn note_extract(settings: &Settings, finished: &mut [Finished]) {
    let Some(began) = settings.extract_began else {
        return;
    };
    let people = finished.iter_mut().map(|table| &mut table.table);
    for table in people.filter(|table| table.table == "people") {
        let seconds = u64::try_from(began.timestamp()).unwrap_or_default();
        table.counts.insert(BEGAN.to_owned(), seconds);
    }
}

/// Refuses what is older than what was staged last.
pub(super) async fn ensure_not_older(
    stager: &Stager<'_>,
    finished: &[Finished],
) -> Result<(), StageError> {
    if stager.settings.accept_older {
        return Ok(());
    }
    let seconds = |moment: u64| DateTime::from_timestamp(moment.cast_signed(), 0);
    let before = stager.before.get("usercom", "people");
    let began = before.and_then(|people| people.counts.get(BEGAN).copied());
    if let Some(now) = stager.settings.extract_began {
        let before = began.and_then(seconds).filter(|before| now < *before);
        return match before {
            Some(before) => Err(refused(stager, "began", before, now)),
            None => Ok(()),
        };
    }
    let [mut then, mut now] = [None, None];
    for table in finished.iter().map(|table| &table.table) {
        let Some(before) = stager.before.get("usercom", &table.table) else {
            continue;
        };
        let newest = (newest(stager, before).await?, newest(stager, table).await?);
        if let (Some(before), Some(after)) = newest {
            then = then.max(Some(before));
            now = now.max(Some(after));
        }
    }
    let moments = [then, now].map(|micros| micros.and_then(DateTime::from_timestamp_micros));
    match moments {
        [Some(then), Some(now)] if now < then => {
            Err(refused(stager, "has as its newest updated_at", then, now))
        }
        _ => Ok(()),
    }
}

fn refused(
    stager: &Stager<'_>,
    what: &'static str,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> StageError {
    let text = |moment: DateTime<Utc>| moment.to_rfc3339_opts(SecondsFormat::Secs, true);
    StageError::Older {
        location: stager.export.location(),
        what,
        now: text(now),
        before: text(before),
    }
}

/// The newest `updated_at` of a table, in microseconds.
async fn newest(stager: &Stager<'_>, table: &Manifest) -> Result<Option<i64>, StageError> {
    if table.rows == 0 || table.schema.field_with_name(UPDATED_AT).is_err() {
        return Ok(None);
    }
    let fail = sort_error(&table.table);
    let mut view = Snapshot::default();
    view.insert(table.clone());
    let session: Session = stager.engine.session(stager.staging, &view).map_err(fail)?;
    let fail = sort_error(&table.table);
    let sql = format!(
        "select max(t.{UPDATED_AT}) as newest from {} as t",
        table.name()
    );
    let rows = session
        .collect("the newest row", &sql)
        .await
        .map_err(fail)?;
    let Some(row) = rows.iter().find(|batch| batch.num_rows() > 0) else {
        return Ok(None);
    };
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let found = arrow::compute::cast(row.column(0), &micros)
        .and_then(|moments| arrow::compute::cast(&moments, &DataType::Int64));
    let found = found.ok().filter(|found| !found.is_null(0));
    Ok(found.map(|found| Arc::clone(&found).as_primitive::<Int64Type>().value(0)))
}
