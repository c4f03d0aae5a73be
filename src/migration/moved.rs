//! Rows that a load had sent and that went to another load since: leads whose people became contacts.
//!
//! In: the outbox of last time and that of now. Out: `ledger.moved_<load>`, the rows of the former that the latter lacks, with the
//! values that were sent: what the contact that a lead became is compared with (`guide/rules.md` 36). Never: a row of an object
//! that is not converted.

use arrow::datatypes::Field;

use super::context::Context;
use crate::error::Error;
use crate::project::QueryFile;
use crate::reconcile::MOVED;
use crate::rows::{same_key, sent_columns};
use crate::staging::{Manifest, Snapshot};
use crate::transform::write_table;

/// Writes the table; none if no row has gone. `snapshot` has the outbox of now.
pub(crate) async fn keep(
    context: &Context<'_>,
    file: &QueryFile,
    snapshot: &Snapshot,
    last: Option<&Manifest>,
) -> Result<Option<Manifest>, Error> {
    let describe = context.describes.get(file.object());
    let converts = describe.is_some_and(|describe| describe.field("IsConverted").is_some());
    let load = &file.name;
    let (Some(last), true, Some(now)) = (
        last.filter(|last| last.rows > 0),
        converts,
        snapshot.get("outbox", load),
    ) else {
        return Ok(None);
    };
    let staging = context.staging();
    let table = format!("{MOVED}{load}");
    let before = snapshot.get("ledger", &table);
    let mut view = Snapshot::default();
    view.insert(now.clone());
    for known in before.into_iter() {
        view.insert(known.clone());
    }
    let last = Manifest {
        table: format!("{load}_last"),
        ..last.clone()
    };
    let session = context.project.engine.session(staging, &view)?;
    session.register(staging, &last)?;
    let names = sent_columns(&last.schema);
    let fields: Vec<&Field> = names
        .iter()
        .filter_map(|name| last.schema.field_with_name(name).ok())
        .collect();
    let columns = |alias: &str, table: &Manifest| {
        let column = |field: &&Field| {
            let name = field.name();
            let same = |other: &Field| other.data_type() == field.data_type();
            match table.schema.field_with_name(name).is_ok_and(same) {
                true => format!("{alias}.\"{name}\""),
                false => format!("arrow_cast(null, '{}') as \"{name}\"", field.data_type()),
            }
        };
        fields.iter().map(column).collect::<Vec<_>>().join(", ")
    };
    let mut sql = format!(
        "select {} from outbox.{load}_last as l left join outbox.{load} as o on {} where o._fingerprint is null",
        columns("l", &last),
        same_key("o", "l", &file.key),
    );
    if let Some(before) = before.filter(|before| before.rows > 0) {
        sql.push_str(&format!(
            " union all select {} from ledger.{table} as m left join outbox.{load} as o on {} \
             left join outbox.{load}_last as l on {} where o._fingerprint is null and l._fingerprint is null",
            columns("m", before),
            same_key("o", "m", &file.key),
            same_key("l", "m", &file.key),
        ));
    }
    let what = "rows that went to another load";
    let moved = write_table(staging, &session, ("ledger", &table), what, &sql, &[]).await?;
    if moved.rows == 0 && before.is_none_or(|before| before.rows == 0) {
        staging.remove(&moved).await;
        return Ok(None);
    }
    Ok(Some(moved))
}

/// What went from other loads of the same source to this one.
pub(crate) fn into<'a>(
    context: &Context<'_>,
    file: &QueryFile,
    snapshot: &'a Snapshot,
) -> Option<&'a Manifest> {
    let mut others = context.resolved.loads().filter(|other| {
        file.source.is_some() && other.source == file.source && other.name != file.name
    });
    others.find_map(|other| {
        let moved = snapshot.get("ledger", &format!("{MOVED}{}", other.name))?;
        (moved.rows > 0 && other.key == file.key).then_some(moved)
    })
}
