//! What hangs on a record: rows that hold its id, and rows that wait for it.
//!
//! In: a story with its records. Out: the same with a line per load, field and fate. Never: a row of its own among them.

use arrow::datatypes::DataType;

use super::rows::{Tables, literal, one_of, text};
use super::{Child, Story};
use crate::error::Error;
use crate::project::QueryFile;
use crate::rows::{key_text, sent_columns};

/// Adds the children.
pub(super) async fn add(tables: &Tables, story: &mut Story) -> Result<(), Error> {
    let records = story.loads.iter().filter_map(|load| load.record.as_ref());
    let ids: Vec<String> = records.filter_map(|record| text(record, "id")).collect();
    let mut children = Vec::new();
    for file in tables.loads() {
        let own = story.loads.iter().filter(|load| load.load == file.name);
        let own: Vec<String> = own.map(|load| literal(&load.key)).collect();
        let own = match own.as_slice() {
            [] => "true".to_owned(),
            keys => format!("h.key not in ({})", keys.join(", ")),
        };
        if !ids.is_empty() {
            children.extend(hanging(tables, file, &ids, &own).await?);
        }
        if !story.source.is_empty() {
            children.extend(waiting(tables, file, story, &own).await?);
        }
    }
    story.children = children;
    Ok(())
}

/// Rows of the last outbox that hold one of the ids.
async fn hanging(
    tables: &Tables,
    file: &QueryFile,
    ids: &[String],
    own: &str,
) -> Result<Vec<Child>, Error> {
    let load = &file.name;
    let Some(outbox) = tables
        .asked
        .snapshot
        .get("outbox", load)
        .filter(|table| table.rows > 0)
    else {
        return Ok(Vec::new());
    };
    let is_text = |name: &String| {
        let field = outbox.schema.field_with_name(name);
        field.is_ok_and(|field| *field.data_type() == DataType::Utf8)
    };
    let columns = sent_columns(&outbox.schema).into_iter().filter(is_text);
    let columns: Vec<String> = columns.collect();
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = ids.iter().map(|id| literal(id)).collect();
    let ids = ids.join(", ");
    let cases = columns
        .iter()
        .map(|name| format!("when o.\"{name}\" in ({ids}) then {}", literal(name)));
    let cases: Vec<String> = cases.collect();
    let any = columns
        .iter()
        .map(|name| format!("o.\"{name}\" in ({ids})"));
    let any: Vec<String> = any.collect();
    let sql = format!(
        "with h as (select case {cases} end as through, {key} as key from outbox.{load} as o where {any}), \
         l as (select {ledger_key} as key, l.outcome, l.error_code from ledger.{load} as l) \
         select h.through as through, l.outcome as fate, l.error_code as reason, count(*) as rows, min(h.key) as example \
         from h left join l on l.key = h.key where {own} group by h.through, l.outcome, l.error_code \
         order by h.through, l.outcome, l.error_code",
        cases = cases.join(" "),
        key = key_text("o", &file.key),
        ledger_key = key_text("l", &file.key),
        any = any.join(" or "),
    );
    let rows = tables.rows(&sql).await?;
    Ok(rows.iter().map(|row| child(file, row)).collect())
}

/// Rows that were not sent because of the record.
async fn waiting(
    tables: &Tables,
    file: &QueryFile,
    story: &Story,
    own: &str,
) -> Result<Vec<Child>, Error> {
    let fates = format!("recon.fates_{}", file.name);
    if !tables.has(&fates) {
        return Ok(Vec::new());
    }
    let name = format!("{} {}", one_of(&story.source), story.id);
    let sql = format!(
        "select h.fate as fate, h.reason as reason, count(*) as rows, min(h.key) as example from {fates} as h \
         where (h.parent = {parent} or strpos(concat('|', h.key, '|'), {part}) > 0) and {own} \
         group by h.fate, h.reason order by h.fate, h.reason",
        parent = literal(&name),
        part = literal(&format!("|{name}|")),
    );
    let rows = tables.rows(&sql).await?;
    Ok(rows.iter().map(|row| child(file, row)).collect())
}

fn child(file: &QueryFile, row: &super::Row) -> Child {
    Child {
        load: file.name.clone(),
        object: file.object().to_owned(),
        through: text(row, "through"),
        fate: text(row, "fate").unwrap_or_else(|| "not sent yet".to_owned()),
        reason: text(row, "reason"),
        rows: row
            .get("rows")
            .and_then(serde_json::Value::as_u64)
            .unwrap_or_default(),
        example: text(row, "example").unwrap_or_default(),
    }
}
