//! `known.<load>`: the records of a load as its ledger had them before its phase; `known.created_<load>`: those that we made ourselves.
//!
//! A query that reads `ledger.<load>` comes after that load. One that has to know whether a row is there already as something else
//! (a Lead that was loaded as a Contact) reads `known.<load>`, which orders nothing. In: a snapshot. Out: views of key (as one text),
//! id and liveness, and views of the keys whose records no one else made. Never: a record of this run that the load has yet to make.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use crate::engine::{Session, View};
use crate::error::Error;
use crate::project::{Queries, QueryKind};
use crate::rows::{key_text, same_key};
use crate::staging::Snapshot;

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
        let view = View {
            schema: KNOWN.to_owned(),
            name: file.name.clone(),
            sql: format!(
                "select {} as key, l.id, l.live, {successor} as successor from ledger.{} as l where l.id is not null",
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
            let fields = ["key", "id", "live", "successor"]
                .map(|name| Field::new(name, DataType::Utf8, true));
            session.add_empty(KNOWN, &file.name, Arc::new(Schema::new(fields.to_vec())))?;
        }
    }
    Ok(())
}
