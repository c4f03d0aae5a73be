//! What the org had accepted of rows that are not sent for a while: of records that were deleted and may come back, of rows that
//! left the export or wait for something.
//!
//! In: an outbox that was written and not sent, the one of last time, what was read back then. Out: more rows for
//! `ledger.left_to_org_<load>`, a value per field of each record that the new outbox lacks, and those of before that this run does
//! not judge. Never: a value that the org got from somebody else, or one of a row that did not land.

use std::collections::{BTreeMap, BTreeSet};

use super::accounting::counts;
use super::coercion::{TargetField, normal_forms_in, readable};
use super::names::{CHANGED_BY_ORG, LEFT_TO_ORG, as_last, each_entry};
use super::three_way::{LEFT, texts};
use super::{ReadBack, ReconcileError};
use crate::rows::{key_text, same_key, sent_columns, stands};
use crate::staging::{Manifest, Snapshot};

/// Adds to `told`, what is published of a comparison, what stays known of rows that the outbox in `snapshot` does not update.
///
/// # Errors
/// [`ReconcileError`].
pub async fn keep_absent(
    request: &ReadBack<'_>,
    snapshot: &Snapshot,
    last: Option<&Manifest>,
    later: &BTreeSet<String>,
    told: &mut Vec<Manifest>,
) -> Result<(), ReconcileError> {
    let load = &request.file.name;
    let name = format!("{LEFT_TO_ORG}{load}");
    let (mut queries, tables) = queries(request, snapshot, last, later);
    if queries.is_empty() {
        return Ok(());
    }
    let session = request.engine.session(request.staging, &tables)?;
    // Most of the time no row is away, and that is found out quicker than a query of every field is planned.
    if tables.get("outbox", &format!("{load}_last")).is_some() {
        let key = &request.columns.key;
        let what = format!("rows of {load} that are not sent now");
        let sql = format!(
            "select 'away' as name, count(*) as n from outbox.{load}_last as p \
             left join outbox.{load} as o on {} where o._operation is null",
            same_key("o", "p", key)
        );
        let away = counts(&session, &what, &sql).await?;
        if away.values().all(|&rows| rows == 0) {
            queries.pop();
        }
        if queries.is_empty() {
            return Ok(());
        }
    }
    let mut writer = request
        .staging
        .create("ledger", &name, texts(&LEFT), &[])
        .await?;
    for sql in queries {
        let what = format!("what the org accepted of {load}");
        let mut rows = session.stream(&what, &sql, &[]).await?;
        while let Some(batch) = rows.next_batch().await? {
            writer.write(&batch).await?;
        }
    }
    let more = writer.finish(BTreeMap::new()).await?;
    match told
        .iter_mut()
        .find(|table| table.schema_name == "ledger" && table.table == name)
    {
        Some(left) => {
            left.rows += more.rows;
            left.files.extend(more.files);
        }
        None if more.rows > 0 => told.push(more),
        None => request.staging.remove(&more).await,
    }
    Ok(())
}

/// The queries, and the tables that they read.
fn queries(
    request: &ReadBack<'_>,
    snapshot: &Snapshot,
    last: Option<&Manifest>,
    later: &BTreeSet<String>,
) -> (Vec<String>, Snapshot) {
    let (load, key) = (&request.file.name, &request.columns.key);
    let (mut queries, mut tables) = (Vec::new(), Snapshot::default());
    let mut take = |schema: &str, table: &str| {
        let found = snapshot.get(schema, table).filter(|table| table.rows > 0);
        found.inspect(|table| tables.insert((*table).clone()))
    };
    let (Some(ledger), Some(last)) = (take("ledger", load), last.filter(|last| last.rows > 0))
    else {
        return (queries, tables);
    };
    // One without rows is no less an outbox.
    let Some(outbox) = snapshot.get("outbox", load) else {
        return (queries, tables);
    };
    let left = take("ledger", &format!("{LEFT_TO_ORG}{load}"));
    let edited = take("recon", &format!("{CHANGED_BY_ORG}{load}"));
    let read_back = take("org", load);
    tables.insert(outbox.clone());
    if left.is_some() {
        queries.push(format!(
            "select b.key, b.field, b.base from ledger.{LEFT_TO_ORG}{load} as b \
             left join (select {} as key from outbox.{load} as o where o._operation = 'update') as u on u.key = b.key \
             where u.key is null",
            key_text("o", key)
        ));
    }
    let last = as_last(last, load);
    let mut entries = Vec::new();
    for name in sent_columns(&last.schema) {
        let Ok(field) = last.schema.field_with_name(&name) else {
            continue;
        };
        let Some(target) = readable(request.describe, &name)
            .filter(|_| !later.contains(&name) && !key.contains(&name))
            .map(TargetField::of)
        else {
            continue;
        };
        let (sent, found) = normal_forms_in(field, &target, "p", "i");
        let has_found = read_back.is_some_and(|table| table.has_column(&name));
        let base = match has_found {
            // Where nothing was sent, what was found is the org's own.
            true => format!(
                "case when i._id is null or {sent} is null then cast({sent} as varchar) else cast({found} as varchar) end"
            ),
            false => format!("cast({sent} as varchar)"),
        };
        entries.push(format!(
            "named_struct('field', '{name}', 'base', nullif({base}, ''))"
        ));
    }
    if entries.is_empty() || ledger.rows == 0 {
        return (queries, tables);
    }
    let mut joins = String::new();
    if read_back.is_some() {
        joins = format!(" left join org.{load} as i on {}", same_key("i", "p", key));
    }
    let mut sql = format!(
        "select {} as key, make_array({}) as entries from {} as p \
         inner join ledger.{load} as l on {} and {} \
         left join outbox.{load} as o on {}{joins} where o._operation is null and l.id is not null",
        key_text("p", key),
        entries.join(",\n "),
        last.name(),
        same_key("l", "p", key),
        stands("p", "l"),
        same_key("o", "p", key),
    );
    sql = each_entry(&sql);
    tables.insert(last);
    // What the comparison before said of it comes first.
    let mut known = String::new();
    let mut joins = String::new();
    let mut only = String::new();
    if left.is_some() {
        joins.push_str(&format!(
            " left join ledger.{LEFT_TO_ORG}{load} as b on b.key = d.key and b.field = d.entry['field']"
        ));
        only.push_str(" where b.key is null");
    }
    if edited.is_some() {
        known.push_str("when x.key is not null then x.sent ");
        joins.push_str(&format!(
            " left join (select c.key, c.field, max(c.sent) as sent from recon.{CHANGED_BY_ORG}{load} as c \
             group by c.key, c.field) as x on x.key = d.key and x.field = d.entry['field']"
        ));
    }
    let base = match known.as_str() {
        "" => "d.entry['base']".to_owned(),
        known => format!("case {known}else d.entry['base'] end"),
    };
    sql = format!(
        "select d.key as key, d.entry['field'] as field, {base} as base from ({sql}) as d{joins}{only}"
    );
    queries.push(sql);
    (queries, tables)
}
