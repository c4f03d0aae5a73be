//! Rows of the export that name a record which becomes none of its own: an agent, a stage, a conversation.
//!
//! In: a story without loads. Out: a line per staged column that holds its id. Never: the rows themselves.

use super::rows::{Tables, one_of, text};
use super::{NamedBy, Story};
use crate::error::Error;

/// Columns that name a record of a table, besides `<one of it>_id`.
const OTHERWISE: [(&str, &[&str]); 1] =
    [("agents", &["assigned_to_id", "author_id", "created_by_id"])];

/// The lines, by table and column.
pub(super) async fn rows(tables: &Tables, story: &Story) -> Result<Vec<NamedBy>, Error> {
    let own = format!("{}_id", one_of(&story.source));
    let others = OTHERWISE.iter().find(|(source, _)| *source == story.source);
    let others = others.map_or(&[][..], |(_, columns)| columns);
    let is_meant = |name: &str| name == own || others.contains(&name);
    let mut found = Vec::new();
    for table in tables.asked.snapshot.schema("usercom") {
        let names = || table.schema.fields().iter().map(|field| field.name());
        let has_id = names().any(|name| name == "id");
        for column in names().filter(|name| is_meant(name)) {
            let example = match has_id {
                true => "cast(min(r.id) as varchar)",
                false => "cast(null as varchar)",
            };
            let sql = format!(
                "select count(*) as rows, {example} as example from usercom.{} as r where r.\"{column}\" = {}",
                table.table, story.id
            );
            for row in tables.rows(&sql).await? {
                let rows = row.get("rows").and_then(serde_json::Value::as_u64);
                let Some(rows) = rows.filter(|rows| *rows > 0) else {
                    continue;
                };
                found.push(NamedBy {
                    source: table.table.clone(),
                    column: column.clone(),
                    rows,
                    example: text(&row, "example"),
                });
            }
        }
    }
    Ok(found)
}
