//! Takes back what we created in an org, and nothing else.
//!
//! In: the record of our deployments, the org's rows. Out: a deletion of fields, objects and permission sets that are ours.
//! Never: anything that was there before us; a field with a value in a row that we did not load.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt;

use super::super::connection::Connection;
use super::super::project::Project;
use super::prepare;
use super::record::SchemaRecord;
use crate::error::Error;
use crate::progress::Progress;
use crate::project::{Queries, QueryKind};
use crate::reconcile::counts;
use crate::salesforce::{ObjectDescribe, Row, WaitOptions, field_text};
use crate::schema::{self, ComponentName};

/// What the Metadata API does not delete, and where people do it.
const BY_HAND: [(&str, &str); 3] = [
    (
        "StandardValue",
        "Setup > Object Manager > Opportunity > Fields > Stage: deactivate",
    ),
    (
        "RecordType",
        "Setup > Object Manager > Opportunity > Record Types: deactivate, then delete",
    ),
    (
        "BusinessProcess",
        "Setup > Sales Processes: delete once no record type uses it",
    ),
];

/// Conditions in one query, so that its URL stays short.
const FILTERS: usize = 100;

/// Fields of one object that are ours.
#[derive(Default)]
struct Ours {
    fields: BTreeSet<String>,
    /// Whether the object itself is.
    object: bool,
}

/// Removes what is ours; how many components went.
pub(crate) async fn remove(
    project: &Project,
    connection: &Connection,
    yes: bool,
    progress: &dyn Progress,
) -> Result<usize, Error> {
    let mut record = SchemaRecord::load(connection).await?;
    let components = record.components();
    let mut objects: BTreeMap<String, Ours> = BTreeMap::new();
    for component in &components {
        match (component.kind.as_str(), component.name.split_once('.')) {
            ("CustomObject", _) => objects.entry(component.name.clone()).or_default().object = true,
            ("CustomField", Some((object, field))) => {
                let ours = objects.entry(object.to_owned()).or_default();
                ours.fields.insert(field.to_owned());
            }
            _ => {}
        }
    }
    let queries = Queries::load(&project.config.project)?;
    let mut foreign = Vec::new();
    let mut own = Vec::new();
    for (object, ours) in &objects {
        progress.step(&format!(
            "looking for values in {object} that we did not load"
        ));
        // Fields of Activity are those of Task and Event.
        let described: &[&str] = match object.as_str() {
            "Activity" => &["Task", "Event"],
            object => &[object],
        };
        for name in described {
            let found = match connection.client.describe(name).await {
                Ok(found) => found,
                Err(error) if error.is_not_found() => continue,
                Err(error) => return Err(schema::Error::from(error).into()),
            };
            let known = loaded(project, connection, &queries, name).await?;
            let loaded = known.values().sum();
            foreign.extend(find_others(connection, &found, ours, loaded).await?);
            if let Some(live) = known.get("live") {
                own.push(format!("{live} of {name}"));
            }
        }
    }
    if !foreign.is_empty() {
        return Err(Error::ForeignValues { fields: foreign });
    }
    // An object takes its fields with it.
    let whole = |name: &str| objects.get(name).is_some_and(|ours| ours.object);
    let names: BTreeSet<ComponentName> = components
        .iter()
        .filter(|component| match component.kind.as_str() {
            "CustomField" => !component
                .name
                .split_once('.')
                .is_some_and(|(object, _)| whole(object)),
            "CustomObject" | "PermissionSet" => true,
            _ => false,
        })
        .cloned()
        .collect();
    for (kind, place) in BY_HAND {
        let left = components.iter().filter(|component| component.kind == kind);
        for component in left {
            progress.done(&format!(
                "note: {component} stays, the API does not delete it: {place}"
            ));
        }
    }
    if names.is_empty() {
        return Ok(0);
    }
    if !own.is_empty() {
        progress.done(&format!(
            "note: records that the migration loaded lose their values in these fields, and later runs could no longer tell that they \
             are theirs: {}; `transload rollback` takes the records back first",
            own.join(", ")
        ));
    }
    if !yes && !connection.is_simulator() {
        for name in &names {
            progress.done(&format!("- {name}"));
        }
        return Err(Error::NeedsYes {
            what: format!(
                "deleting {} component(s) from {}",
                names.len(),
                connection.target
            ),
        });
    }
    progress.step(&format!("deleting {} components", names.len()));
    let options = WaitOptions::default();
    schema::remove(&connection.client, &names, options, |state| {
        progress.step(&prepare::shown(state));
    })
    .await?;
    let mut gone = names.clone();
    gone.extend(
        components
            .into_iter()
            .filter(|component| component.kind == "CustomField"),
    );
    record.forget(connection, &gone).await?;
    Ok(names.len())
}

/// Records of an object that the ledgers know: how many are there, and how many are not any more.
async fn loaded(
    project: &Project,
    connection: &Connection,
    queries: &Queries,
    object: &str,
) -> Result<BTreeMap<String, u64>, Error> {
    let staging = &connection.staging;
    let snapshot = staging.snapshot().await?;
    let session = project.engine.session(staging, &snapshot)?;
    let ledgers: Vec<String> = queries
        .kind(QueryKind::Load)
        .filter(|file| file.object() == object && snapshot.get("ledger", &file.name).is_some())
        .map(|file| {
            format!(
                "select id, live from ledger.{} where id is not null",
                file.name
            )
        })
        .collect();
    if ledgers.is_empty() {
        return Ok(BTreeMap::new());
    }
    // Several loads may know the same record.
    let sql = format!(
        "select case when r.is_live then 'live' else 'gone' end as name, count(*) as n \
         from (select l.id, bool_or(l.live = 'live') as is_live from ({}) as l group by l.id) as r \
         group by case when r.is_live then 'live' else 'gone' end",
        ledgers.join(" union all ")
    );
    Ok(counts(&session, "the ledgers", &sql).await?)
}

/// What an object holds that we did not load, in words.
async fn find_others(
    connection: &Connection,
    object: &ObjectDescribe,
    ours: &Ours,
    loaded: u64,
) -> Result<Option<String>, Error> {
    let fields: Vec<_> = object
        .fields
        .iter()
        .filter(|field| ours.fields.contains(&field.name))
        .collect();
    let key = fields
        .iter()
        .find(|field| field.unique && field.external_id);
    let filled = fields
        .iter()
        .filter_map(|field| match field.field_type.as_str() {
            // Long text cannot be filtered.
            "textarea" => None,
            "boolean" => Some(format!("{} = true", field.name)),
            _ => Some(format!("{} != null", field.name)),
        });
    let filled: Vec<String> = filled.collect();
    let name = &object.name;
    let more = |rows: u64| {
        format!("{name} has {rows} rows with values in our fields, {loaded} of them are ours")
    };
    if ours.object {
        let rows = count(connection, name, "").await?;
        return Ok((rows > loaded).then(|| more(rows)));
    }
    for some in filled.chunks(FILTERS) {
        let any = some.join(" OR ");
        match key {
            // Rows without our key are not ours, however many of ours are gone.
            Some(key) => {
                let theirs = format!(" WHERE {} = null AND ({any})", key.name);
                let rows = count(connection, name, &theirs).await?;
                if rows > 0 {
                    return Ok(Some(format!(
                        "{name} has values in our fields in {rows} row(s) that are not ours"
                    )));
                }
            }
            None => {
                let rows = count(connection, name, &format!(" WHERE {any}")).await?;
                if rows > loaded {
                    return Ok(Some(more(rows)));
                }
            }
        }
    }
    if let Some(key) = key {
        let keyed = format!(" WHERE {} != null", key.name);
        let rows = count(connection, name, &keyed).await?;
        if rows > loaded {
            return Ok(Some(more(rows)));
        }
    }
    let texts: Vec<&str> = fields
        .iter()
        .filter(|field| field.field_type == "textarea")
        .map(|field| field.name.as_str())
        .collect();
    let Some(key) = key.filter(|_| !texts.is_empty()) else {
        return Ok(None);
    };
    let soql = format!(
        "SELECT {} FROM {name} WHERE {} = null",
        texts.join(", "),
        key.name
    );
    let mut others = std::pin::pin!(connection.client.query(&soql));
    while let Some(row) = others.try_next().await.map_err(schema::Error::from)? {
        if let Some(text) = texts.iter().find(|text| field_text(&row, text).is_some()) {
            return Ok(Some(format!(
                "{name}.{text} has a value in a row that is not ours"
            )));
        }
    }
    Ok(None)
}

async fn count(connection: &Connection, object: &str, condition: &str) -> Result<u64, Error> {
    let soql = format!("SELECT COUNT(Id) n FROM {object}{condition}");
    let rows: Vec<Row> = connection
        .client
        .query(&soql)
        .try_collect()
        .await
        .map_err(schema::Error::from)?;
    let number = rows.first().and_then(|row| field_text(row, "n"));
    Ok(number.and_then(|text| text.parse().ok()).unwrap_or(0))
}
