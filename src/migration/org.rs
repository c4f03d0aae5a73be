//! The org as tables: users, limits, fields, and what files in `queries/org` ask.
//!
//! In: a connection, query files. Out: tables of the schema `org`, describes by object. Never: a change to the org.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::connection::Connection;
use super::reference_check::is_any;
use crate::error::Error;
use crate::load::{snapshot_org, snapshot_query};
use crate::project::{Queries, QueryFile, QueryKind};
use crate::rows::Columns;
use crate::salesforce::ObjectDescribe;
use crate::staging::Manifest;

/// Objects that an org with Sales Territories has.
const TERRITORY_LINKS: [&str; 2] = ["ObjectTerritory2Association", "UserTerritory2Association"];

/// Schema of `org.<load>`: what is read back of a load's records.
pub(crate) fn org_schema(file: &QueryFile, columns: &Columns) -> SchemaRef {
    let mut fields = vec![Field::new("_id", DataType::Utf8, true)];
    fields.extend(columns.key_fields().cloned());
    for field in &columns.sent {
        if !columns.key.contains(field.name()) {
            fields.push(Field::new(field.name(), DataType::Utf8, true));
        }
    }
    for name in &file.read {
        fields.push(Field::new(name, DataType::Utf8, true));
    }
    Arc::new(Schema::new(fields))
}

/// Reads the org's users, limits and fields into `org.*`; objects that the org does not have are not in the answer.
pub(crate) async fn inspect_org(
    connection: &Connection,
    folder: &Path,
    queries: &Queries,
) -> Result<BTreeMap<String, ObjectDescribe>, Error> {
    let objects: BTreeSet<String> = queries
        .kind(QueryKind::Load)
        .map(|file| file.object().to_owned())
        .collect();
    let objects: Vec<String> = objects.into_iter().collect();
    let (_, described) = snapshot_org(&connection.staging, &connection.client, &objects).await?;
    // Decisions about territories are checked before anything is sent.
    let has_territories = described
        .iter()
        .any(|object| TERRITORY_LINKS.contains(&object.name.as_str()));
    if has_territories
        && is_any(folder, &["territories", "user_territories"])
        && let Some(file) = queries.find(QueryKind::Org, "territories")
    {
        ask_org(connection, file).await?;
    }
    Ok(described
        .into_iter()
        .map(|object| (object.name.clone(), object))
        .collect())
}

/// Asks the org what a file in `queries/org` asks, into `org.<stem>`, every column as text.
pub(crate) async fn ask_org(connection: &Connection, file: &QueryFile) -> Result<Manifest, Error> {
    Ok(snapshot_query(
        &connection.staging,
        &connection.client,
        &file.name,
        &file.body(),
        &file.selected(),
        &file.optional,
        selected_schema(file),
    )
    .await?)
}

/// `RelationId` → `relation_id`: columns of `org.<stem>` in the case that SQL is written in.
pub(crate) fn selected_schema(file: &QueryFile) -> SchemaRef {
    let selected = file.selected();
    let fields = selected.iter().map(|name| {
        let mut column = String::new();
        for letter in name.chars() {
            if letter.is_ascii_uppercase() && !column.is_empty() && !column.ends_with('_') {
                column.push('_');
            }
            column.push(if letter == '.' {
                '_'
            } else {
                letter.to_ascii_lowercase()
            });
        }
        Field::new(column, DataType::Utf8, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
