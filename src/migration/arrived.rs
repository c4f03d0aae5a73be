//! Of how many rows the value of a column arrived: rows of the export that have one, whose record has one in the field.
//!
//! In: the columns with the fields that they reach, the staged tables, the org as it was read back. Out: a number per column and
//! field, or why there is none: of a value that is one of several, or that stands in for a value of another table, or that was looked
//! up for records of another table, nobody can tell afterwards where it arrived. Never: a record that has its value from another
//! column, and never more rows than have a value.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlanBuilder, cast, ident};

use super::column_fate::ColumnFate;
use super::context::{Context, Reads};
use crate::engine::{EngineError, Session};
use crate::error::Error;
use crate::project::{Grain, QueryFile, Way};
use crate::rows::same_key;
use crate::staging::Snapshot;
use crate::transform::source_keys;

/// Schema of the rows of a source while they are compared.
const ROWS: &str = "arrived";

/// How many rows of a column arrived in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// So many.
    Rows(i64),
    /// Nobody can tell, and why.
    Untold(&'static str),
}

const ONE_OF: Arrived = Arrived::Untold("one of several values; for how many rows is not told");
const STANDS_IN: Arrived =
    Arrived::Untold("stands in where another table has no value; for how many rows is not told");
const LOOKED_UP: Arrived =
    Arrived::Untold("looked up for other records; of how many rows is not told");

/// A column and the load and field that it reaches.
pub(super) type Route<'a> = (&'a str, &'a str, &'a str, &'a str);

/// What arrived, by route; nothing of loads that were never read back.
pub(super) async fn arrived<'a>(
    context: &Context<'_>,
    fates: &'a [ColumnFate],
) -> Result<BTreeMap<Route<'a>, Arrived>, Error> {
    let (snapshot, tables) = context.session(Reads::Tables).await?;
    let mut found = BTreeMap::new();
    for file in context.resolved.loads() {
        let load = file.name.as_str();
        let (Some(org), Some(_)) = (snapshot.get("org", load), snapshot.get("ledger", load)) else {
            continue;
        };
        let has = |field: &str| org.schema.field_with_name(field).is_ok();
        let home = file.source.as_ref().and_then(Grain::staged);
        let mut asked: Vec<(Route<'a>, Vec<String>)> = Vec::new();
        for fate in fates {
            let reached = fate.fields.iter();
            for ((to, field), way) in reached.filter(|((to, field), _)| to == load && has(field)) {
                let route = (&*fate.source, &*fate.column, &**to, &**field);
                match (home == Some(fate.source.as_str()), way) {
                    (_, Way::OneOf) => {
                        found.insert(route, ONE_OF);
                    }
                    (false, _) => {
                        found.insert(route, LOOKED_UP);
                    }
                    (true, way) => match empty_first(way, &fate.source) {
                        Some(before) => asked.push((route, before)),
                        None => {
                            found.insert(route, STANDS_IN);
                        }
                    },
                }
            }
        }
        let Some(table) = home.filter(|_| !asked.is_empty()) else {
            continue;
        };
        match count(context, (&snapshot, &tables), file, table, &asked).await? {
            Some(counts) => {
                let routes = asked.into_iter().map(|(route, _)| route);
                found.extend(routes.zip(counts.into_iter().map(Arrived::Rows)));
            }
            None => found.extend(asked.into_iter().map(|(route, _)| (route, LOOKED_UP))),
        }
    }
    Ok(found)
}

/// Columns of the source that have to be empty where a value arrives; none if those of other tables have to be, too.
fn empty_first(way: &Way, source: &str) -> Option<Vec<String>> {
    let Way::Behind(before) = way else {
        return Some(Vec::new());
    };
    let own = format!("usercom.{source}.");
    before
        .iter()
        .map(|name| name.strip_prefix(&own).map(str::to_owned))
        .collect()
}

/// Rows of `table` whose value is in the org, for each route; none if the keys of the load's records are not made of it alone.
async fn count(
    context: &Context<'_>,
    (snapshot, session): (&Snapshot, &Session),
    file: &QueryFile,
    table: &str,
    asked: &[(Route<'_>, Vec<String>)],
) -> Result<Option<Vec<i64>>, Error> {
    let load = &file.name;
    let over = context.session_over(snapshot, Reads::Only(&file.references));
    let plan = over.await?.plan(&file.path, &file.sql).await?;
    let Some(key) = source_keys(&plan, &file.key, ("usercom", table)) else {
        return Ok(None);
    };
    let columns: BTreeSet<&str> = asked
        .iter()
        .flat_map(|((_, column, ..), before)| {
            std::iter::once(*column).chain(before.iter().map(String::as_str))
        })
        .collect();
    let texts = add_rows(session, snapshot, file, (table, &key), &columns).await?;
    let counts: Vec<String> = asked
        .iter()
        .map(|((_, column, _, field), before)| {
            let empty = before.iter().map(|name| format!(" and s.\"{name}\" = 0"));
            format!(
                "count(*) filter (where s.\"{column}\" = 1 and r.\"_has_{field}\" = 1{})",
                empty.collect::<String>()
            )
        })
        .collect();
    let on: Vec<String> = file
        .key
        .iter()
        .enumerate()
        .map(|(part, name)| match texts[part] {
            true => format!("s._part_{part} = cast(r.\"{name}\" as varchar)"),
            false => format!("s._part_{part} = r.\"{name}\""),
        })
        .collect();
    // Whether there is a value, and not the value: what is joined, and may have to be sorted for it, stays narrow. As a number:
    // sorts gather booleans one by one, which took five times as long.
    let fields: BTreeSet<&str> = asked.iter().map(|((_, _, _, field), _)| *field).collect();
    let has = fields
        .iter()
        .map(|field| format!("cast(o.\"{field}\" is not null as tinyint) as \"_has_{field}\""));
    let there: Vec<String> = file
        .key
        .iter()
        .map(|name| format!("o.\"{name}\""))
        .chain(has)
        .collect();
    let sql = format!(
        "select {} from {ROWS}.source as s inner join (select {} from org.{load} as o) as r on {} \
         inner join ledger.{load} as l on {} where l.id is not null",
        counts.join(", "),
        there.join(", "),
        on.join(" and "),
        same_key("l", "r", &file.key)
    );
    let name = format!("the columns of {load}");
    let batches = session.collect(&name, &sql).await?;
    let counts = batches.iter().filter(|batch| batch.num_rows() > 0);
    let counts = counts.flat_map(|batch| batch.columns());
    let counts = counts.map(|column| column.as_primitive::<Int64Type>().value(0));
    Ok(Some(counts.collect()))
}

/// The rows of a staged table with the keys of their records and, for each column, whether it has a value (1 or 0), as a view. Says
/// of each part of the keys whether it is a text: where it has the type of the org's column it stays as it is, so that tables in the
/// order of their keys are joined as they lie.
async fn add_rows(
    session: &Session,
    snapshot: &Snapshot,
    file: &QueryFile,
    (table, key): (&str, &[Expr]),
    columns: &BTreeSet<&str>,
) -> Result<Vec<bool>, Error> {
    let sql = format!("select * from usercom.{table}");
    let rows = session.plan(&file.path, &sql).await?;
    let org = snapshot.get("org", &file.name);
    let is_same = |part: usize, expr: &Expr| {
        let there = org.and_then(|org| org.schema.field_with_name(&file.key[part]).ok());
        let own = expr.get_type(rows.schema()).ok();
        there.is_some_and(|there| Some(there.data_type()) == own.as_ref())
    };
    let texts: Vec<bool> = key
        .iter()
        .enumerate()
        .map(|(part, expr)| !is_same(part, expr))
        .collect();
    let parts = key.iter().enumerate().map(|(part, expr)| {
        let expr = match texts[part] {
            true => cast(expr.clone(), DataType::Utf8),
            false => expr.clone(),
        };
        expr.alias(format!("_part_{part}"))
    });
    let columns = columns
        .iter()
        .map(|name| cast(ident(*name).is_not_null(), DataType::Int8).alias(*name));
    let plan = LogicalPlanBuilder::from(rows)
        .project(parts.chain(columns))
        .and_then(LogicalPlanBuilder::build)
        .map_err(|source| EngineError::Plan {
            query: file.path.clone(),
            source: Box::new(source),
        })?;
    session.add_plan(ROWS, "source", plan);
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fallback_can_be_counted_where_what_it_stands_in_for_is_of_the_same_row() {
        let behind =
            |names: &[&str]| Way::Behind(names.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!(empty_first(&Way::Always, "emails"), Some(Vec::new()));
        let own = behind(&["usercom.emails.sent_at"]);
        assert_eq!(
            empty_first(&own, "emails"),
            Some(vec!["sent_at".to_owned()])
        );
        let of_another = behind(&["usercom.emails.sent_at", "usercom.people.email"]);
        assert_eq!(empty_first(&of_another, "emails"), None);
    }
}
