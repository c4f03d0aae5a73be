//! The records of a story as they are in the org at this moment.
//!
//! In: a story, a connection. Out: what the org shows of each of its records, and where that differs from what was sent. Never: a
//! change to the org, or a table written.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::{Tables, text};
use super::{Cell, Difference, LoadStory, RecordNow, Story};
use crate::error::Error;
use crate::migration::connection::Connection;
use crate::project::{QueryFile, QueryKind};
use crate::reconcile::{NowRequest, look_now};
use crate::rows::{columns_of, sent_columns};
use crate::salesforce::ObjectDescribe;

/// Looks at every record of a story.
pub(super) async fn add(
    connection: &Connection,
    tables: &Tables,
    story: &mut Story,
) -> Result<(), Error> {
    let mut described: BTreeMap<String, Option<ObjectDescribe>> = BTreeMap::new();
    for load in &mut story.loads {
        let id = load.record.as_ref().and_then(|record| text(record, "id"));
        let (Some(id), Some(file)) = (id, tables.queries.find(QueryKind::Load, &load.load)) else {
            continue;
        };
        if !described.contains_key(&load.object) {
            let found = match connection.client.describe(&load.object).await {
                Ok(found) => Some(found),
                Err(error) if error.is_not_found() => None,
                Err(source) => {
                    return Err(Error::Connect {
                        target: connection.target.clone(),
                        source: Box::new(source),
                    });
                }
            };
            described.insert(load.object.clone(), found);
        }
        load.now = match &described[&load.object] {
            Some(describe) => Some(look(connection, tables, file, describe, load, &id).await?),
            None => Some(RecordNow::default()),
        };
    }
    Ok(())
}

async fn look(
    connection: &Connection,
    tables: &Tables,
    file: &QueryFile,
    describe: &ObjectDescribe,
    load: &LoadStory,
    id: &str,
) -> Result<RecordNow, Error> {
    let Some(outbox) = tables.asked.snapshot.get("outbox", &file.name) else {
        return Ok(RecordNow::default());
    };
    let mut columns = columns_of(outbox, &file.key);
    let later = later(tables, file);
    columns.sent.retain(|field| !later.contains(field.name()));
    let now = look_now(&NowRequest {
        client: &connection.client,
        session: &tables.asked.session,
        load: &file.name,
        describe,
        columns: &columns,
        key: &load.key,
        id,
    })
    .await?;
    let Some(now) = now else {
        return Ok(RecordNow::default());
    };
    let cell = |(column, value): (String, String)| Cell {
        column,
        value: value.into(),
    };
    let difference = |(field, sent, found)| Difference { field, sent, found };
    Ok(RecordNow {
        is_there: true,
        values: now.values.into_iter().map(cell).collect(),
        differences: now.differences.into_iter().map(difference).collect(),
    })
}

/// Fields that another load sets anew by updates of the same records: theirs to compare.
fn later(tables: &Tables, file: &QueryFile) -> BTreeSet<String> {
    tables
        .loads()
        .filter(|other| other.name != file.name && other.object() == file.object())
        .filter(|other| other.sets_anew(&file.name))
        .filter_map(|other| tables.asked.snapshot.get("outbox", &other.name))
        .flat_map(|outbox| sent_columns(&outbox.schema))
        .collect()
}
