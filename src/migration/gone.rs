//! What an earlier export had and this one has no more: columns, and rows.
//!
//! In: the books of staged columns, the ledgers, the outboxes of this run. Out: the fields that are therefore left alone, `recon.gone_<load>` with
//! every record of ours whose row the source no longer has, and lines for the end of the run. Never: a change to the org: absent
//! is not empty (`guide/rules.md` 32); what is done about the records is `deletions`.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{Context, Reads};
use super::unreadable;
use crate::error::Error;
use crate::project::{Operation, QueryFile};
use crate::reconcile::{CHANGED_BY_ORG, counts};
use crate::rows::{GONE, for_load, key_text, same_key};
use crate::staging::{Manifest, Snapshot};
use crate::transform::{GoneFields, write_table};

/// How the tables begin of records that the source no longer has and that somebody edited.
pub(crate) const EDITED: &str = "edited_";

/// Whether an earlier run flagged a record.
const FLAGGED: &str = "l.operation = 'flag' and l.outcome = 'updated'";

/// How many of them were flagged.
const BY_WHAT: &str = include_str!("../../queries/internal/gone_by_what.sql");

/// Columns that an earlier export had and this one lacks, by table.
pub(crate) fn columns_gone(snapshot: &Snapshot) -> BTreeMap<String, BTreeSet<String>> {
    let mut gone: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for table in snapshot.schema("usercom") {
        let books = table.columns.iter().filter(|(_, book)| book.is_gone());
        for (column, _) in books {
            gone.entry(table.table.clone())
                .or_default()
                .insert(column.clone());
        }
    }
    gone
}

/// A line per table that lacks columns it had, and one for all columns that some of the files lack.
pub(crate) fn notes(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    let mut partly: Vec<String> = Vec::new();
    for (name, columns) in columns_gone(snapshot) {
        let Some(table) = snapshot.get("usercom", &name) else {
            continue;
        };
        let here = |column: &String| {
            table
                .columns
                .get(column)
                .is_some_and(|book| book.files_with > 0)
        };
        let (some, none): (Vec<String>, Vec<String>) = columns.into_iter().partition(here);
        partly.extend(some.iter().map(|column| format!("{name}.{column}")));
        if !table.columns.values().any(|book| book.files_with > 0) {
            lines.push(format!(
                "{name}: the export no longer has these records at all; what they feed stays as it is in the org"
            ));
        } else if !none.is_empty() {
            lines.push(format!(
                "{name}: the export no longer has {}; the fields they feed stay as they are in the org",
                none.join(", ")
            ));
        }
    }
    if !partly.is_empty() {
        lines.push(format!(
            "{} column(s) are not in every file of their table, and their empty cells clear nothing: {}",
            partly.len(),
            partly.join(", ")
        ));
    }
    lines
}

/// The fields of a load that columns feed which the export no longer has, or of which it cannot be told whose cells could not be
/// read.
pub(crate) fn fields(context: &Context<'_>, file: &QueryFile, snapshot: &Snapshot) -> GoneFields {
    let gone: BTreeSet<String> = columns_gone(snapshot)
        .into_iter()
        .flat_map(|(table, columns)| {
            let names = columns.into_iter();
            names.map(move |column| format!("usercom.{table}.{column}"))
        })
        .collect();
    let own = file.source.as_ref().and_then(|source| source.staged());
    let lineage = context.resolved.lineage_of(file);
    // A row that was looked up may be found by, or have, what could not be read.
    let unread = unreadable::elsewhere(lineage, own, snapshot).into_iter();
    let unread = unread.filter(|field| !file.key.contains(field));
    let mut fields: BTreeMap<String, bool> = unread.map(|field| (field.clone(), false)).collect();
    if gone.is_empty() {
        return GoneFields(fields);
    }
    let is_here = |source: &String| {
        let name = source.strip_prefix("usercom.").unwrap_or_default();
        let (table, column) = name.split_once('.').unwrap_or((name, ""));
        let table = snapshot.get("usercom", table);
        table.is_some_and(|table| table.has_column(column) && !gone.contains(source))
    };
    for (field, sources) in lineage {
        if file.key.contains(field) {
            continue;
        }
        let looked_up = !sources.keys.is_disjoint(&gone);
        // What many rows were pooled into may lack theirs, too.
        let mut values = sources.values.union(&sources.pooled);
        if looked_up || values.clone().any(|source| gone.contains(source)) {
            // A look-up by what is gone may only help where a value of the row itself is there.
            let whole = !values.any(is_here);
            fields.insert(field.clone(), whole);
        }
    }
    GoneFields(fields)
}

/// Records of a load whose rows the source no longer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GoneRows {
    /// All of them.
    pub all: u64,
    /// Those that an earlier run flagged.
    pub flagged: u64,
}

/// SQL for the records of a load (`l`) of which no outbox and no fate in `snapshot` speaks: what stands behind `from`.
pub(super) fn absent(context: &Context<'_>, file: &QueryFile, snapshot: &Snapshot) -> String {
    let load = &file.name;
    let key = key_text("l", &file.key);
    let mut joins = format!(
        " left join outbox.{load} as o on {on} \
         left join recon.fates_{load} as f on f.key = {key}",
        on = same_key("o", "l", &file.key),
    );
    // The text of a key that is not there is no null.
    let mut absent = "o._fingerprint is null and f.key is null".to_owned();
    // Another load of the same source may have the row now.
    let others = context.resolved.loads().filter(|other| {
        file.source.is_some() && other.source == file.source && other.name != file.name
    });
    for (place, other) in others.enumerate() {
        let name = &other.name;
        let has = |schema: &str, table: &str| snapshot.get(schema, table).is_some();
        if !has("outbox", name) || !has("recon", &format!("fates_{name}")) {
            continue;
        }
        let other_key = key_text(&format!("o{place}"), &other.key);
        joins.push_str(&format!(
            " left join outbox.{name} as o{place} on {other_key} = {key} \
             left join recon.fates_{name} as f{place} on f{place}.key = {key}",
        ));
        absent.push_str(&format!(
            " and o{place}._fingerprint is null and f{place}.key is null"
        ));
    }
    format!("ledger.{load} as l{joins} where l.id is not null and l.live = 'live' and {absent}")
}

/// Writes `recon.gone_<load>` for a load whose outbox this run wrote.
pub(crate) async fn rows(
    context: &Context<'_>,
    file: &QueryFile,
    run: &str,
) -> Result<GoneRows, Error> {
    // What was converted is converted, and its Contact is another load's.
    // What no longer waits is sent by the load that held it back.
    if file.operation == Some(Operation::Convert) || file.instead_of.is_some() {
        return Ok(GoneRows::default());
    }
    let (snapshot, session) = context.session(Reads::Tables).await?;
    let Some(ledger) = snapshot.get("ledger", &file.name) else {
        return Ok(GoneRows::default());
    };
    if ledger.rows == 0 {
        return Ok(GoneRows::default());
    }
    let load = &file.name;
    let sql = format!(
        "select {key} as key, l.id, case when {FLAGGED} then 'flagged' else 'stays' end as what, \
         cast(null as varchar) as why from {absent} and l.run_id <> '{run}'",
        key = key_text("l", &file.key),
        absent = absent(context, file, &snapshot),
    );
    let staging = context.staging();
    let name = format!("{GONE}{load}");
    let what = "the records that the source no longer has";
    let table = write_table(staging, &session, ("recon", &name), what, &sql, &[]).await?;
    let table = staging.publish(table).await?;
    counted(context, load, table).await
}

/// How many records a table of them has.
pub(super) async fn counted(
    context: &Context<'_>,
    load: &str,
    table: Manifest,
) -> Result<GoneRows, Error> {
    if table.rows == 0 {
        return Ok(GoneRows::default());
    }
    let mut view = Snapshot::default();
    let (all, name) = (table.rows, table.table.clone());
    view.insert(table);
    let session = context.project.engine.session(context.staging(), &view)?;
    let found = counts(&session, &name, &for_load(BY_WHAT, load)).await?;
    let flagged = found.get("flagged").copied().unwrap_or_default();
    Ok(GoneRows { all, flagged })
}

/// Remembers which records that the outbox lacks somebody edited, before the comparison speaks of the others only.
pub(crate) async fn keep_edits(context: &Context<'_>, file: &QueryFile) -> Result<(), Error> {
    let snapshot = context.staging().snapshot().await?;
    let load = &file.name;
    let edits = snapshot.get("recon", &format!("{CHANGED_BY_ORG}{load}"));
    if edits.is_none_or(|edits| edits.rows == 0) || snapshot.get("outbox", load).is_none() {
        return Ok(());
    }
    let staging = context.staging();
    let session = context.project.engine.session(staging, &snapshot)?;
    let table = format!("{EDITED}{load}");
    let known = match snapshot.get("ledger", &table) {
        Some(_) => format!(" union all select k.key from ledger.{table} as k"),
        None => String::new(),
    };
    let sql = format!(
        "select e.key from (select c.key from recon.{CHANGED_BY_ORG}{load} as c left join outbox.{load} as o \
         on {key} = c.key where o._fingerprint is null{known}) as e group by e.key",
        key = key_text("o", &file.key),
    );
    let what = "records that somebody edited";
    let table = write_table(staging, &session, ("ledger", &table), what, &sql, &[]).await?;
    staging.publish(table).await?;
    Ok(())
}
