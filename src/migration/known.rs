//! `known.<load>`: the records of a load as its ledger had them before its phase.
//!
//! A query that reads `ledger.<load>` comes after that load. One that has to know whether a row is there already as something else
//! (a Lead that was loaded as a Contact) reads `known.<load>`, which orders nothing. In: a snapshot. Out: views of key (as one text),
//! id and liveness. Never: a record of this run that the load has yet to make.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use crate::engine::{Session, View};
use crate::error::Error;
use crate::project::{Queries, QueryKind};
use crate::rows::key_text;
use crate::staging::Snapshot;

/// The schema's name.
const KNOWN: &str = "known";

/// Names of all of them.
pub(crate) fn tables(queries: &Queries) -> BTreeSet<String> {
    let loads = queries.kind(QueryKind::Load);
    loads.map(|file| format!("{KNOWN}.{}", file.name)).collect()
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
