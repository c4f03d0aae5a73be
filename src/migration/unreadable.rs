//! Cells of the export that hold something which could not be read: what they feed, and whether a column is hardly anything else.
//!
//! In: the books of staged columns, `rejects.*`, the lineage of the loads. Out: the rows of a load with such cells, in a table of its
//! session; fields of other tables that are left alone; what the run says of columns at its end (`guide/rules.md` 19, 32, 40).
//! Never: a row held, or a value changed; that is for `transform`.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::DataType;
use datafusion::logical_expr::{LogicalPlanBuilder, cast};
use datafusion::prelude::col;

use super::columns::lineage_of;
use super::context::Context;
use crate::config::Gates;
use crate::engine::{EngineError, Session, View};
use crate::error::Error;
use crate::project::{Lineage, QueryFile};
use crate::staging::{ColumnBook, Snapshot};
use crate::transform::{BETWEEN, CELLS, EMPTY, Unreadable, source_keys};

/// Schema of the rows of a load with such cells, in its session.
const SCHEMA: &str = "unread";

/// Columns of staged tables with such cells, as `usercom.<table>.<column>`.
fn columns(snapshot: &Snapshot) -> BTreeSet<String> {
    let tables = snapshot.schema("usercom");
    let found = tables.flat_map(|table| {
        let books = table.columns.iter();
        let unread = books.filter(|(_, book)| book.unreadable > 0);
        unread.map(|(column, _)| format!("{}.{column}", table.name()))
    });
    found.collect()
}

/// The fields that such columns of tables feed whose rows are not those of the load, so that nobody knows which records are
/// meant.
pub(crate) fn elsewhere<'a>(
    found: &'a BTreeMap<String, Lineage>,
    own: Option<&str>,
    snapshot: &Snapshot,
) -> BTreeSet<&'a String> {
    let own = own.map(|table| format!("usercom.{table}."));
    let mut unread = columns(snapshot);
    unread.retain(|column| own.as_ref().is_none_or(|own| !column.starts_with(own)));
    let fed = found
        .iter()
        .filter(|(_, from)| !from.values.is_disjoint(&unread) || !from.keys.is_disjoint(&unread));
    fed.map(|(field, _)| field).collect()
}

/// Makes the table of the rows of a load with such cells; none if there are none, or nothing says which row is which record.
pub(crate) async fn rows(
    context: &Context<'_>,
    file: &QueryFile,
    (snapshot, session): (&Snapshot, &Session),
) -> Result<Option<Unreadable>, Error> {
    let Some(table) = file.source.as_ref().and_then(|source| source.staged()) else {
        return Ok(None);
    };
    let staged = snapshot.get("usercom", table);
    // What was staged by a program of before does not say whose cells these are.
    let rejects = snapshot.get("rejects", table);
    let rejects = rejects.filter(|rejects| rejects.schema.field_with_name("id").is_ok());
    let (Some(staged), Some(_)) = (staged, rejects) else {
        return Ok(None);
    };
    let own = format!("usercom.{table}.");
    let mut unread = columns(snapshot);
    unread.retain(|column| column.starts_with(&own));
    if unread.is_empty() {
        return Ok(None);
    }
    let mut names: Vec<String> = Vec::new();
    let mut fields: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (field, from) in lineage_of(&context.resolved, file) {
        let feeds = from.values.union(&from.keys);
        let feeds = feeds.filter_map(|column| column.strip_prefix(&own));
        let feeds: BTreeSet<&str> = feeds.filter(|column| *column != "id").collect();
        let is_unread = |column: &&str| unread.contains(&format!("{own}{column}"));
        if file.key.contains(&field) || !feeds.iter().any(is_unread) {
            continue;
        }
        let places = feeds.into_iter().map(|column| {
            let known = names.iter().position(|name| name == column);
            known.unwrap_or_else(|| {
                names.push(column.to_owned());
                names.len() - 1
            })
        });
        fields.insert(field, places.collect());
    }
    let plan = session.plan(&file.path, &file.sql).await?;
    let Some(key) = source_keys(&plan, &file.key, ("usercom", table)) else {
        return Ok(None);
    };
    let is_null = |name: &String| match staged.schema.field_with_name(name) {
        Ok(_) => format!("case when t.\"{name}\" is null then '1' else '0' end"),
        Err(_) => "'1'".to_owned(),
    };
    let [within, between] = BETWEEN;
    let empty: Vec<String> = names.iter().map(is_null).collect();
    let quoted = |name: &String| format!("'{}'", name.replace('\'', "''"));
    let among: Vec<String> = names.iter().map(quoted).collect();
    if among.is_empty() {
        return Ok(None);
    }
    // Of a column that several cells of a row feed, another one may have been read.
    let still = names
        .iter()
        .filter(|name| staged.schema.field_with_name(name).is_ok());
    let still: String = still
        .map(|name| format!(" when {} then t.\"{name}\" is null", quoted(name)))
        .collect();
    let still = match still.as_str() {
        "" => "true".to_owned(),
        cases => format!("case r.\"column\"{cases} else true end"),
    };
    let sql = format!(
        "select t.*, u.cells as {CELLS}, concat({}) as {EMPTY} from usercom.{table} as t \
         inner join (select r.id, string_agg(concat(r.\"column\", '{within}', coalesce(r.value, '')), '{between}') as cells \
         from rejects.{table} as r \
         inner join usercom.{table} as t on t.id = r.id \
         left join (select distinct s.file, s.\"row\" from rejects.{table} as s where s.\"column\" is null) as older \
         on older.file = r.file and older.\"row\" = r.\"row\" \
         where older.file is null and r.reason <> 'conflicting_value' and r.\"column\" in ({}) and {still} \
         group by r.id) as u on u.id = t.id",
        empty.join(", "),
        among.join(", "),
    );
    let what = format!("unreadable cells of {table}");
    let rows = session.plan(&what, &sql).await?;
    let parts = key.into_iter().enumerate();
    let parts = parts.map(|(part, expr)| cast(expr, DataType::Utf8).alias(format!("part_{part}")));
    let kept = [CELLS, EMPTY].map(col);
    let plan = LogicalPlanBuilder::from(rows)
        .project(parts.chain(kept))
        .and_then(LogicalPlanBuilder::build)
        .map_err(|source| EngineError::Plan {
            query: what,
            source: Box::new(source),
        })?;
    let name = format!("keys_{}", file.name);
    session.add_plan(SCHEMA, &name, plan);
    let texts = (0..file.key.len()).map(|part| format!("r.part_{part}"));
    let texts: Vec<String> = texts.collect();
    session
        .add_view(&View {
            schema: SCHEMA.to_owned(),
            name: file.name.clone(),
            sql: format!(
                "select concat_ws('|', {}) as key, r.{CELLS}, r.{EMPTY} from {SCHEMA}.{name} as r",
                texts.join(", ")
            ),
        })
        .await?;
    Ok(Some(Unreadable {
        table: format!("{SCHEMA}.{}", file.name),
        columns: names,
        fields,
    }))
}

/// Lines for the end of a run.
#[derive(Debug, Default)]
pub(crate) struct UnreadColumns {
    /// Every column with such cells.
    pub notes: Vec<String>,
    /// Those of which so many cells are such that the run is no success.
    pub objections: Vec<String>,
}

/// What is to be said of columns with such cells.
pub(crate) fn told(snapshot: &Snapshot, gates: &Gates) -> UnreadColumns {
    let mut told = UnreadColumns::default();
    for table in snapshot.schema("usercom") {
        let mut some = Vec::new();
        for (column, book) in table.columns.iter().filter(|(_, book)| book.unreadable > 0) {
            some.push(format!("{column} {}", book.unreadable));
            if is_beyond(book, gates) {
                told.objections.push(format!(
                    "{} of {} cells of {}.{column} could not be read; see rejects.{}. Mend the column, or raise max_unreadable_percent \
                     under [gates]",
                    book.unreadable,
                    book.unreadable + book.rows_with_value,
                    table.table,
                    table.table,
                ));
            }
        }
        if !some.is_empty() {
            told.notes.push(format!(
                "{}: cells that could not be read say nothing, and what they feed stays as it is in the org: {}; see rejects.{}",
                table.table,
                some.join(", "),
                table.table
            ));
        }
    }
    told
}

/// Whether a column is hardly anything else.
fn is_beyond(book: &ColumnBook, gates: &Gates) -> bool {
    let cells = book.unreadable + book.rows_with_value;
    #[expect(clippy::cast_precision_loss, reason = "a share in percent")]
    let percent = book.unreadable as f64 * 100.0 / cells.max(1) as f64;
    percent > gates.max_unreadable_percent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_is_largely_unreadable_is_no_success() {
        let beyond = |unreadable, rows_with_value| {
            let book = ColumnBook {
                unreadable,
                rows_with_value,
                ..ColumnBook::default()
            };
            is_beyond(&book, &Gates::default())
        };
        for (unreadable, read) in [(1, 0), (2, 1), (9, 1), (9_000, 8_000)] {
            assert!(beyond(unreadable, read), "{unreadable} beside {read}");
        }
        for (unreadable, read) in [(0, 0), (1, 1), (5, 95), (3, 1_000)] {
            assert!(!beyond(unreadable, read), "{unreadable} beside {read}");
        }
    }
}
