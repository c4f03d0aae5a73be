//! What people did in the org since the first run: changed, deleted, merged, converted, made beside ours; and automation storms.
//!
//! In: ledgers, outboxes and the edits that a reconciliation found; the org. Out: `recon.lost`, `recon.beside`, `recon.storms`,
//! published, and counts. Never: a read of more than what people made since, or a change to the org.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use chrono::{DateTime, Duration, Utc};
use futures::{TryStreamExt, pin_mut};

use super::context::{Context, Reads};
use super::found::{self, BESIDE, LOST};
use super::small_table::{form, of_columns};
use crate::error::Error;
use crate::project::{Operation, QueryFile};
use crate::rows::{for_load, key_text, same_key};
use crate::salesforce::field_text;
use crate::staging::Snapshot;
use crate::transform::write_table;

/// Changes of one user by load and ten minutes.
const STORMS: &str = include_str!("../../queries/internal/storms.sql");

/// When the first record of a ledger landed.
const FIRST_LANDED: &str = include_str!("../../queries/internal/first_landed.sql");

/// Our rows with an address of a record that people made, by object: its field and the query.
const LIKE: [(&str, &str, &str); 3] = [
    (
        "Contact",
        "Email",
        include_str!("../../queries/internal/like_by_email.sql"),
    ),
    (
        "Lead",
        "Email",
        include_str!("../../queries/internal/like_by_email.sql"),
    ),
    (
        "Account",
        "Website",
        include_str!("../../queries/internal/like_by_domain.sql"),
    ),
];

/// How far our clock may be behind the org's.
const SLACK: Duration = Duration::hours(2);

/// What became of a record that the org has neither under its key nor in its bin: it was purged, or lost its key.
const NOT_FOUND: &str = "not_found";

/// Fewer records than these are no storm, whatever their share.
const STORM: u64 = 10;

/// What people did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hypercare {
    /// Values that people changed.
    pub changed: u64,
    /// Records that they deleted, purged, merged or converted.
    pub lost: u64,
    /// Records that they made beside ours.
    pub beside: u64,
    /// Of these, records with the e-mail address or domain of one of ours.
    pub duplicates: u64,
    /// Bursts of changes by one user.
    pub storms: u64,
}

impl Hypercare {
    /// Whether somebody should look at it now.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        self.duplicates + self.storms > 0
    }
}

/// A record that somebody made.
struct Made {
    object: &'static str,
    id: String,
    name: String,
    address: String,
    by: String,
    at: String,
}

/// Looks at what people did to the records of these loads, and beside them.
pub(crate) async fn look(context: &Context<'_>, loads: &[&QueryFile]) -> Result<Hypercare, Error> {
    let lost = lost(context, loads).await?;
    let (beside, duplicates) = beside(context, loads).await?;
    let (changed, storms) = storms(context).await?;
    Ok(Hypercare {
        changed,
        lost,
        beside,
        duplicates,
        storms,
    })
}

/// Publishes a table of texts and numbers.
async fn publish(
    context: &Context<'_>,
    name: &str,
    schema: SchemaRef,
    columns: Vec<ArrayRef>,
) -> Result<(), Error> {
    let table = of_columns(context.staging(), ("recon", name), schema, columns).await?;
    context.staging().publish(table).await?;
    Ok(())
}

fn texts<'a>(cells: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(cells.collect::<StringArray>())
}

/// Records of ours that are no longer there.
async fn lost(context: &Context<'_>, loads: &[&QueryFile]) -> Result<u64, Error> {
    let (snapshot, session) = context.session(Reads::Tables).await?;
    let has_rows = |file: &&&QueryFile| {
        let ledger = snapshot.get("ledger", &file.name);
        ledger.is_some_and(|ledger| ledger.rows > 0)
    };
    let ours: Vec<&&QueryFile> = loads.iter().filter(has_rows).collect();
    let converts = |file: &QueryFile| file.operation == Some(Operation::Convert);
    let parts: Vec<String> = ours
        .iter()
        .map(|file| {
            let load = &file.name;
            let cells = [
                format!("'{load}'"),
                key_text("l", &file.key),
                "l.id".to_owned(),
                "l.live".to_owned(),
            ];
            let cells = LOST.iter().zip(cells);
            let cells: Vec<String> = cells
                .map(|(name, cell)| format!("{cell} as {name}"))
                .collect();
            // What a run converted is nothing that people did.
            let converters = ours
                .iter()
                .filter(|other| converts(other) && other.key == file.key && !converts(file));
            let (mut joins, mut unless) = (String::new(), String::new());
            for (place, converter) in converters.enumerate() {
                let alias = format!("c{place}");
                joins.push_str(&format!(
                    " left join ledger.{} as {alias} on {} and {alias}.id is not null",
                    converter.name,
                    same_key(&alias, "l", &file.key)
                ));
                unless.push_str(&format!(
                    " and (l.live <> 'converted' or {alias}.id is null)"
                ));
            }
            let gone = format!(
                "select {} from ledger.{load} as l{joins} where l.id is not null and l.live <> 'live'{unless}",
                cells.join(", ")
            );
            // What is in no bin either, or no longer under its key, is told by nothing but its absence.
            match snapshot.get("recon", &format!("differences_{load}")) {
                Some(found) if found.rows > 0 => format!(
                    "{gone} union all select {} from ledger.{load} as l inner join recon.differences_{load} as d \
                     on d.key = {} and d.kind = 'missing' where l.id is not null and l.live = 'live'",
                    cells.join(", ").replace("l.live as", &format!("'{NOT_FOUND}' as")),
                    key_text("l", &file.key)
                ),
                _ => gone,
            }
        })
        .collect();
    let sql = match parts.is_empty() {
        true => {
            let cells = LOST.map(|name| format!("'' as {name}"));
            format!("select {} where false", cells.join(", "))
        }
        // One record may be that of several loads: of leads, and of those that were promoted.
        false => format!(
            "select g.load, g.key, g.id, g.became from (select g.*, row_number() over (partition by substr(g.id, 1, 15) \
             order by g.place) as number from ({}) as g) as g where g.number = 1",
            parts
                .iter()
                .enumerate()
                .map(|(place, part)| format!("select p.*, {place} as place from ({part}) as p"))
                .collect::<Vec<_>>()
                .join(" union all ")
        ),
    };
    let (staging, name) = (context.staging(), ("recon", "lost"));
    let what = "records that are gone";
    let lost = write_table(staging, &session, name, what, &sql, &[]).await?;
    Ok(staging.publish(lost).await?.rows)
}

/// Records that people made, and how many of them are like one of ours.
async fn beside(context: &Context<'_>, loads: &[&QueryFile]) -> Result<(u64, u64), Error> {
    let (snapshot, session) = context.session(Reads::Tables).await?;
    let mut since: Option<i64> = None;
    for file in loads {
        if snapshot
            .get("ledger", &file.name)
            .is_some_and(|ledger| ledger.rows > 0)
        {
            let sql = for_load(FIRST_LANDED, &file.name);
            for batch in session.collect("the first record", &sql).await? {
                let at = batch.column(0).as_primitive::<Int64Type>();
                since = since.into_iter().chain(at.iter().flatten()).min();
            }
        }
    }
    let mut made = Vec::new();
    if let Some(since) = since.and_then(DateTime::<Utc>::from_timestamp_micros) {
        for (object, field, _) in LIKE {
            made.extend(made_since(context, loads, object, field, since - SLACK).await?);
        }
    }
    let like = like(context, &snapshot, &made).await?;
    let found = |made: &Made| like.get(&(made.object == "Account", made.address.clone()));
    let duplicates = made.iter().filter(|made| found(made).is_some()).count();
    let column = |text: &dyn Fn(&Made) -> Option<String>| -> ArrayRef {
        Arc::new(made.iter().map(text).collect::<StringArray>())
    };
    publish(
        context,
        "beside",
        form(&BESIDE, &[]),
        vec![
            column(&|made| Some(made.object.to_owned())),
            column(&|made| Some(made.id.clone())),
            column(&|made| Some(made.name.clone())),
            column(&|made| Some(made.address.clone())),
            column(&|made| Some(made.by.clone())),
            column(&|made| Some(made.at.clone())),
            column(&|made| found(made).map(|(load, _)| load.clone())),
            column(&|made| found(made).map(|(_, key)| key.clone())),
            column(&|made| {
                found(made)?;
                let what = if made.object == "Account" {
                    "domain"
                } else {
                    "e-mail"
                };
                Some(format!("same {what}"))
            }),
        ],
    )
    .await?;
    Ok((made.len() as u64, duplicates as u64))
}

/// Asks the org for records of an object without our key that others made since.
async fn made_since(
    context: &Context<'_>,
    loads: &[&QueryFile],
    object: &'static str,
    field: &str,
    since: DateTime<Utc>,
) -> Result<Vec<Made>, Error> {
    let mut loads = loads.iter().filter(|file| file.object() == object);
    let (Some(file), Some(describe)) = (loads.next(), context.describes.get(object)) else {
        return Ok(Vec::new());
    };
    let key = &file.key[0];
    let has = |name: &str| describe.field(name).is_some();
    if ![key.as_str(), field, "CreatedById", "CreatedDate"]
        .into_iter()
        .all(has)
    {
        return Ok(Vec::new());
    }
    let client = &context.connection.client;
    let soql = format!(
        "SELECT Id, Name, {field}, CreatedById, CreatedDate FROM {object} WHERE {key} = null AND CreatedById != '{}' \
         AND CreatedDate >= {}",
        client.identity().user_id,
        since.format("%Y-%m-%dT%H:%M:%SZ"),
    );
    let rows = client.query(&soql);
    pin_mut!(rows);
    let mut made = Vec::new();
    let failed = |source| Error::Connect {
        target: context.connection.target.clone(),
        source: Box::new(source),
    };
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        let cell = |name: &str| field_text(&row, name).unwrap_or_default();
        let address = cell(field).trim().to_lowercase();
        made.push(Made {
            object,
            id: cell("Id"),
            name: cell("Name"),
            address: match object {
                "Account" => host(&address).to_owned(),
                _ => address,
            },
            by: cell("CreatedById"),
            at: cell("CreatedDate"),
        });
    }
    Ok(made)
}

/// The host of a web address without `www.`.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.strip_prefix("www.").unwrap_or(rest);
    rest.split(['/', ':', '?', '#']).next().unwrap_or_default()
}

/// Loads and keys of our rows with the addresses of `made`, by whether they are domains.
async fn like(
    context: &Context<'_>,
    snapshot: &Snapshot,
    made: &[Made],
) -> Result<BTreeMap<(bool, String), (String, String)>, Error> {
    let mut found = BTreeMap::new();
    for is_domain in [false, true] {
        let asked: BTreeSet<&str> = made
            .iter()
            .filter(|made| (made.object == "Account") == is_domain && !made.address.is_empty())
            .map(|made| made.address.as_str())
            .collect();
        if asked.is_empty() {
            continue;
        }
        let addresses = vec![texts(asked.into_iter().map(Some))];
        let name = ("recon", "beside_asked");
        let asked = of_columns(context.staging(), name, form(&["address"], &[]), addresses).await?;
        for (object, field, sql) in LIKE {
            let loads = context
                .resolved
                .loads()
                .filter(|file| file.object() == object);
            for file in loads.filter(|_| (object == "Account") == is_domain) {
                let outbox = snapshot.get("outbox", &file.name);
                let Some(outbox) = outbox.filter(|outbox| {
                    outbox.rows > 0
                        && outbox.has_column(field)
                        && file.key == ["usercom_id__c"]
                        && outbox
                            .schema
                            .field_with_name(field)
                            .is_ok_and(|field| field.data_type() == &DataType::Utf8)
                }) else {
                    continue;
                };
                let mut tables = Snapshot::default();
                tables.insert(outbox.clone());
                tables.insert(asked.clone());
                let session = context.project.engine.session(context.staging(), &tables)?;
                let sql = for_load(sql, &file.name);
                for batch in session.collect("possible duplicates", &sql).await? {
                    let [addresses, keys] = [0, 1].map(|at| batch.column(at).as_string::<i32>());
                    for (address, key) in addresses.iter().flatten().zip(keys.iter().flatten()) {
                        found
                            .entry((is_domain, address.to_owned()))
                            .or_insert_with(|| (file.name.clone(), key.to_owned()));
                    }
                }
            }
        }
        context.staging().remove(&asked).await;
    }
    Ok(found)
}

/// Values that people changed, and bursts of changes by one user.
async fn storms(context: &Context<'_>) -> Result<(u64, u64), Error> {
    let view = BTreeSet::from(["recon.changed_by_org".to_owned()]);
    let (snapshot, session) = context.session(Reads::Only(&view)).await?;
    let share = context.project.config.gates.storm_percent;
    let mut rows: Vec<(String, String, String, i64, i64)> = Vec::new();
    for batch in session.collect("storms", STORMS).await? {
        let records = batch.column(3).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let cell = |column: usize| {
                batch
                    .column(column)
                    .as_string::<i32>()
                    .value(row)
                    .to_owned()
            };
            let load = cell(0);
            let all = snapshot
                .get("ledger", &load)
                .map_or(0, |ledger| ledger.rows);
            let changed = records.value(row).unsigned_abs();
            let is_storm = changed >= STORM && changed as f64 * 100.0 > share * all as f64;
            if is_storm {
                let percent = changed * 100 / all.max(1);
                let percent = i64::try_from(percent).unwrap_or(100);
                rows.push((load, cell(1), cell(2), records.value(row), percent));
            }
        }
    }
    rows.sort();
    let numbers = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    publish(
        context,
        "storms",
        found::storms(),
        vec![
            texts(rows.iter().map(|row| Some(row.0.as_str()))),
            texts(rows.iter().map(|row| Some(row.1.as_str()))),
            texts(rows.iter().map(|row| Some(row.2.as_str()))),
            numbers(rows.iter().map(|row| row.3).collect()),
            numbers(rows.iter().map(|row| row.4).collect()),
        ],
    )
    .await?;
    let edits = snapshot.iter().filter(|table| {
        table.schema_name == "recon" && table.table.starts_with(crate::reconcile::CHANGED_BY_ORG)
    });
    Ok((edits.map(|table| table.rows).sum(), rows.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn a_web_address_has_a_host() {
        for address in [
            "https://www.acme.example/a?b",
            "acme.example",
            "www.acme.example:80",
        ] {
            assert_eq!(host(address), "acme.example");
        }
    }
}
