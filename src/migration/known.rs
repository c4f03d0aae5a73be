//! `known.<load>`: the records of a load as its ledger had them before its phase; `known.created_<load>`: those that we made ourselves.
//!
//! A query that reads `ledger.<load>` comes after that load. One that has to know whether a row is there already as something else
//! (a Lead that was loaded as a Contact) reads `known.<load>`, which orders nothing. In: a snapshot. Out: views of key (as one text, and
//! as a number where it is one), id and liveness, and views of the keys whose records no one else made. Never: a record of this run that the load has yet to make.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use crate::engine::{Session, View};
use crate::error::Error;
use crate::project::{Queries, QueryKind};
use crate::rows::{key_text, same_key};
use crate::staging::{Manifest, Snapshot};

/// The schema's name.
const KNOWN: &str = "known";

/// Names of all of them.
pub(crate) fn tables(queries: &Queries) -> BTreeSet<String> {
    let loads = queries.kind(QueryKind::Load);
    let names = loads.flat_map(|file| [file.name.clone(), created(&file.name)]);
    names.map(|name| format!("{KNOWN}.{name}")).collect()
}

/// Name of the table of those that we made ourselves.
fn created(load: &str) -> String {
    format!("created_{load}")
}

/// Adds those that `wanted` names.
pub(crate) async fn add(
    session: &Session,
    snapshot: &Snapshot,
    queries: &Queries,
    wanted: impl Fn(&View) -> bool,
) -> Result<(), Error> {
    for file in queries.kind(QueryKind::Load) {
        let ledger = snapshot.get("ledger", &file.name);
        // A ledger of an older version has no such column.
        let successor = match ledger.map(|ledger| ledger.schema.field_with_name("successor")) {
            Some(Ok(_)) => "l.successor",
            _ => "cast(null as varchar)",
        };
        let number = number(ledger, &file.key);
        let view = View {
            schema: KNOWN.to_owned(),
            name: file.name.clone(),
            sql: format!(
                "select {} as key, {number} as number, l.id, l.live, {successor} as successor from ledger.{} as l where l.id is not null",
                key_text("l", &file.key),
                file.name
            ),
        };
        let attempts = snapshot.get("ledger", &format!("attempts_{}", file.name));
        let made = View {
            schema: KNOWN.to_owned(),
            name: created(&file.name),
            sql: format!(
                "select distinct {} as key from ledger.attempts_{load} as a inner join ledger.{load} as l on {} \
                 where a.outcome = 'created' and l.id is not null",
                key_text("a", &file.key),
                same_key("l", "a", &file.key),
                load = file.name
            ),
        };
        if wanted(&made) {
            match ledger.and(attempts) {
                Some(_) => session.add_view(&made).await?,
                None => {
                    let key = Field::new("key", DataType::Utf8, true);
                    session.add_empty(KNOWN, &made.name, Arc::new(Schema::new(vec![key])))?;
                }
            }
        }
        if !wanted(&view) {
            continue;
        }
        if ledger.is_some() {
            session.add_view(&view).await?;
        } else {
            let fields = ["key", "number", "id", "live", "successor"].map(|name| {
                let data_type = match name {
                    "number" => DataType::Int64,
                    _ => DataType::Utf8,
                };
                Field::new(name, data_type, true)
            });
            session.add_empty(KNOWN, &file.name, Arc::new(Schema::new(fields.to_vec())))?;
        }
    }
    Ok(())
}

/// SQL for the key of a row of a ledger as a whole number, where it is one. Joined by texts, two tables in the order of such keys would
/// have to be sorted anew.
fn number(ledger: Option<&Manifest>, key: &[String]) -> String {
    let is_number = |column: &String| {
        let field = ledger.and_then(|ledger| ledger.schema.field_with_name(column).ok());
        field.is_some_and(|field| field.data_type() == &DataType::Int64)
    };
    match key {
        [column] if is_number(column) => format!("l.\"{column}\""),
        // `007` is no number: a join by numbers finds what one by texts does.
        _ => {
            let key = key_text("l", key);
            let number = format!("try_cast({key} as bigint)");
            format!("case when cast({number} as varchar) = {key} then {number} end")
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;
    use crate::rows::bench::Bench;

    #[tokio::test]
    async fn a_key_is_a_number_where_its_text_is_that_of_one() {
        let bench = Bench::new();
        let texts = ["7", "007", "x", "9223372036854775808", "-3"];
        let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5]));
        let columns = vec![("code", texts), ("id", numbers)];
        let ledger = bench.table("ledger.item", columns).await;
        for (key, expected) in [
            (vec!["code"], ["7", "-", "-", "-", "-3"]),
            (vec!["id"], ["1", "2", "3", "4", "5"]),
            (vec!["id", "code"], ["-"; 5]),
        ] {
            let key: Vec<String> = key.into_iter().map(str::to_owned).collect();
            let number = number(Some(&ledger), &key);
            let sql = format!("select {number} as n from ledger.item as l order by l.id");
            let rows: Vec<String> = bench.rows(&sql).await.concat();
            assert_eq!(rows, expected, "{key:?}");
        }
    }
}
