//! What the destination looks like now: `org.organization`, `org.users`, `org.fields`, `org.states`, `org.limits`.
//!
//! Reads with GET only; changes nothing in the org.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBuilder, Int64Builder, ListBuilder, RecordBatch, StringArray,
    StringBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::{TryStreamExt, pin_mut};

use super::LoadError;
use crate::salesforce::{Client, ObjectDescribe, Organization, field_text};
use crate::staging::{Manifest, Staging};

/// Tables that [`snapshot_org`] writes.
pub const ORG_TABLES: [&str; 5] = ["organization", "users", "fields", "states", "limits"];

/// Columns of a table that [`snapshot_org`] writes, so that queries can be planned before an org was met.
#[must_use]
pub fn org_table(name: &str) -> SchemaRef {
    use DataType::{Boolean, Int64, Utf8};
    let texts = |names: &[&'static str]| names.iter().map(|name| (*name, Utf8)).collect();
    let mut columns: Vec<(&str, DataType)> = match name {
        "organization" => texts(&["id", "name", "edition"]),
        "users" => texts(&["id", "username", "email", "name", "user_type"]),
        "fields" => texts(&["object", "name", "label", "type"]),
        "states" => texts(&["country", "code", "name"]),
        _ => texts(&["name"]),
    };
    match name {
        "organization" => columns.push(("is_sandbox", Boolean)),
        "users" => columns.push(("is_active", Boolean)),
        "fields" => {
            let numbers = ["length", "precision", "scale"];
            columns.extend(numbers.map(|name| (name, Int64)));
            let flags = [
                "createable",
                "updateable",
                "nillable",
                "defaulted_on_create",
                "restricted_picklist",
                "external_id",
                "unique",
            ];
            columns.extend(flags.map(|name| (name, Boolean)));
            columns.push(("picklist_values", DataType::new_list(Utf8, true)));
        }
        "states" => {}
        _ => columns.extend(["max", "remaining"].map(|name| (name, Int64))),
    }
    let fields = columns.into_iter();
    let fields = fields.map(|(name, data_type)| Field::new(name, data_type, true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Users as the tables have them.
const USERS: &str = include_str!("../../queries/internal/users.soql");

/// Rows of an answer that are kept before they are written.
const SNAPSHOT_ROWS: usize = 4_096;

/// Reads organisation, users, limits and the describes of `objects`, and publishes them as `org.*`.
///
/// # Errors
/// [`LoadError::ReadOrg`], [`LoadError::Staging`].
pub async fn snapshot_org(
    staging: &Staging,
    client: &Client,
    objects: &[String],
) -> Result<(Organization, Vec<ObjectDescribe>), LoadError> {
    let organization = client
        .organization()
        .await
        .map_err(read("the organization"))?;
    let mut row = StringBuilder::new();
    row.append_value(&organization.id);
    let mut name = StringBuilder::new();
    name.append_value(&organization.name);
    let mut edition = StringBuilder::new();
    edition.append_option(organization.organization_type.as_deref());
    let mut sandbox = BooleanBuilder::new();
    sandbox.append_value(organization.is_sandbox);
    publish(
        staging,
        "organization",
        vec![
            Arc::new(row.finish()),
            Arc::new(name.finish()),
            Arc::new(edition.finish()),
            Arc::new(sandbox.finish()),
        ],
    )
    .await?;
    users(staging, client).await?;
    limits(staging, client).await?;
    let mut described = Vec::new();
    for object in objects {
        match client.describe(object).await {
            // Whether the object is needed at all, the loads say.
            Err(error) if error.is_not_found() => {}
            found => described.push(found.map_err(read(&format!("the fields of {object}")))?),
        }
    }
    fields(staging, &described).await?;
    publish(staging, "states", states(&described)).await?;
    Ok((organization, described))
}

/// Asks the org a SOQL query and publishes the answer as `org.<table>`, every field as text. An object or a field that the org
/// does not have gives an empty table if it is one of `optional` or custom, which may not be there yet: what asks for it need
/// not be in use. A custom field that is compared with null is null everywhere until then.
///
/// # Errors
/// [`LoadError::AskOrg`] for another name that the org does not know or show; [`LoadError::ReadOrg`],
/// [`LoadError::Staging`].
pub async fn snapshot_query(
    staging: &Staging,
    client: &Client,
    table: &str,
    soql: &str,
    selected: &[String],
    optional: &[String],
    schema: SchemaRef,
) -> Result<Manifest, LoadError> {
    let mut writer = staging
        .create("org", table, Arc::clone(&schema), &[])
        .await?;
    let mut rows = Box::pin(client.query(soql).try_chunks(SNAPSHOT_ROWS));
    let mut without = without_our_fields(soql);
    loop {
        let chunk = match rows.try_next().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(error) if error.1.code() == Some("INVALID_FIELD") && without.is_some() => {
                let soql = without.take().unwrap_or_default();
                rows.set(client.query(&soql).try_chunks(SNAPSHOT_ROWS));
                continue;
            }
            Err(error) if matches!(error.1.code(), Some("INVALID_TYPE" | "INVALID_FIELD")) => {
                let said = error.1.to_string();
                if may_lack(&said, optional) {
                    break;
                }
                return Err(LoadError::AskOrg {
                    table: table.to_owned(),
                    said,
                });
            }
            Err(error) => return Err(read(&format!("org.{table}"))(error.1)),
        };
        let columns = selected.iter().map(|name| -> ArrayRef {
            let mut column = StringBuilder::new();
            for row in &chunk {
                column.append_option(field_text(row, name));
            }
            Arc::new(column.finish())
        });
        let batch =
            RecordBatch::try_new(Arc::clone(&schema), columns.collect()).map_err(|error| {
                LoadError::Encode {
                    load: "org".to_owned(),
                    part: table.to_owned(),
                    source: error.into(),
                }
            })?;
        writer.write(&batch).await?;
    }
    Ok(writer.publish(BTreeMap::new()).await?)
}

/// Whether the name in an org's answer that it has no such field or object is one that it may lack.
fn may_lack(said: &str, optional: &[String]) -> bool {
    said.split('\'').nth(1).is_some_and(|name| {
        let known = optional
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name));
        known || name.ends_with("__c") || name.ends_with("__r")
    })
}

/// The query with every `Name__c = null` replaced by a condition that always holds; none if there is nothing to replace.
fn without_our_fields(soql: &str) -> Option<String> {
    let words: Vec<&str> = soql.split(' ').collect();
    let mut changed = words.clone();
    for at in 0..words.len().saturating_sub(2) {
        if let [field, "=", "null"] = words[at..at + 3]
            && field.ends_with("__c")
        {
            changed[at..at + 3].copy_from_slice(&["Id", "!=", "null"]);
        }
    }
    (changed != words).then(|| changed.join(" "))
}

fn read(what: &str) -> impl Fn(crate::salesforce::Error) -> LoadError {
    let what = what.to_owned();
    move |source| LoadError::ReadOrg {
        what: what.clone(),
        source: Box::new(source),
    }
}

async fn publish(staging: &Staging, table: &str, columns: Vec<ArrayRef>) -> Result<(), LoadError> {
    let batch =
        RecordBatch::try_new(org_table(table), columns).map_err(|error| LoadError::Encode {
            load: "org".to_owned(),
            part: table.to_owned(),
            source: error.into(),
        })?;
    let mut writer = staging.create("org", table, batch.schema(), &[]).await?;
    writer.write(&batch).await?;
    writer.publish(BTreeMap::new()).await?;
    Ok(())
}

/// A user of the org, as far as owners are looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Record id.
    pub id: Option<String>,
    /// Name to log in with.
    pub username: Option<String>,
    /// Address; a sandbox appends `.invalid`.
    pub email: Option<String>,
    /// Full name.
    pub name: Option<String>,
    /// `Standard`, and what else owns no record.
    pub user_type: Option<String>,
    /// Whether they may log in.
    pub is_active: Option<bool>,
}

/// Asks for the users of the org.
///
/// # Errors
/// [`LoadError::ReadOrg`].
pub async fn org_users(client: &Client) -> Result<Vec<User>, LoadError> {
    let rows = client.query(&without_header(USERS));
    pin_mut!(rows);
    let mut users = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(read("the users"))? {
        let text = |name: &str| {
            let text = row.get(name).and_then(serde_json::Value::as_str);
            text.map(str::to_owned)
        };
        users.push(User {
            id: text("Id"),
            username: text("Username"),
            email: text("Email"),
            name: text("Name"),
            user_type: text("UserType"),
            is_active: row.get("IsActive").and_then(serde_json::Value::as_bool),
        });
    }
    Ok(users)
}

async fn users(staging: &Staging, client: &Client) -> Result<(), LoadError> {
    let users = org_users(client).await?;
    let texts = |text: fn(&User) -> Option<&str>| -> ArrayRef {
        Arc::new(users.iter().map(text).collect::<StringArray>())
    };
    let active: BooleanArray = users.iter().map(|user| user.is_active).collect();
    publish(
        staging,
        "users",
        vec![
            texts(|user| user.id.as_deref()),
            texts(|user| user.username.as_deref()),
            texts(|user| user.email.as_deref()),
            texts(|user| user.name.as_deref()),
            texts(|user| user.user_type.as_deref()),
            Arc::new(active),
        ],
    )
    .await
}

async fn limits(staging: &Staging, client: &Client) -> Result<(), LoadError> {
    let mut name = StringBuilder::new();
    let mut max = Int64Builder::new();
    let mut remaining = Int64Builder::new();
    for (limit, value) in client.limits().await.map_err(read("the limits"))? {
        name.append_value(limit);
        max.append_value(value.max);
        remaining.append_value(value.remaining);
    }
    publish(
        staging,
        "limits",
        vec![
            Arc::new(name.finish()),
            Arc::new(max.finish()),
            Arc::new(remaining.finish()),
        ],
    )
    .await
}

async fn fields(staging: &Staging, described: &[ObjectDescribe]) -> Result<(), LoadError> {
    let mut texts: [StringBuilder; 4] = Default::default();
    let mut numbers: [Int64Builder; 3] = Default::default();
    let mut flags: [BooleanBuilder; 7] = Default::default();
    let mut values = ListBuilder::new(StringBuilder::new());
    for object in described {
        for field in &object.fields {
            let cells = [&object.name, &field.name, &field.label, &field.field_type];
            for (cell, column) in cells.into_iter().zip(&mut texts) {
                column.append_value(cell);
            }
            let cells = [field.length, field.precision, field.scale];
            for (cell, column) in cells.into_iter().zip(&mut numbers) {
                column.append_value(i64::from(cell));
            }
            let cells = [
                field.createable,
                field.updateable,
                field.nillable,
                field.defaulted_on_create,
                field.restricted_picklist,
                field.external_id,
                field.unique,
            ];
            for (cell, column) in cells.into_iter().zip(&mut flags) {
                column.append_value(cell);
            }
            for value in field.picklist_values.iter().filter(|value| value.active) {
                values.values().append_value(&value.value);
            }
            values.append(true);
        }
    }
    let [mut object, mut name, mut label, mut kind] = texts;
    let [mut length, mut precision, mut scale] = numbers;
    let [
        mut create,
        mut update,
        mut nillable,
        mut defaulted,
        mut restricted,
        mut external,
        mut unique,
    ] = flags;
    publish(
        staging,
        "fields",
        vec![
            Arc::new(object.finish()),
            Arc::new(name.finish()),
            Arc::new(label.finish()),
            Arc::new(kind.finish()),
            Arc::new(length.finish()),
            Arc::new(precision.finish()),
            Arc::new(scale.finish()),
            Arc::new(create.finish()),
            Arc::new(update.finish()),
            Arc::new(nillable.finish()),
            Arc::new(defaulted.finish()),
            Arc::new(restricted.finish()),
            Arc::new(external.finish()),
            Arc::new(unique.finish()),
            Arc::new(values.finish()),
        ],
    )
    .await
}

/// States by the code of their country, with code and label; none where the org takes any text. Addresses of all objects share them.
fn states(described: &[ObjectDescribe]) -> Vec<ArrayRef> {
    let mut found: BTreeSet<[&str; 3]> = BTreeSet::new();
    for object in described {
        let coded = object.fields.iter();
        for states in coded.filter(|field| field.name.ends_with("StateCode")) {
            let controller = states.controller_name.as_ref();
            let countries = controller.and_then(|name| object.field(name));
            let countries = countries.iter().flat_map(|field| &field.picklist_values);
            for (at, country) in countries.enumerate() {
                let values = states.picklist_values.iter();
                let values = values.filter(|state| state.active && state.fits(at));
                found.extend(values.map(|state| {
                    let name = state.label.as_ref().unwrap_or(&state.value);
                    [&country.value, &state.value, name].map(String::as_str)
                }));
            }
        }
    }
    let column = |at: usize| -> ArrayRef {
        let cells = found.iter().map(|row| row[at]);
        Arc::new(StringArray::from_iter_values(cells))
    };
    vec![column(0), column(1), column(2)]
}

/// SOQL has no comments: the header of a file is for people.
fn without_header(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("--"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_custom_field_that_is_not_there_yet_is_null_everywhere() {
        let asked = "select Id from Lead where usercom_id__c = null and IsConverted = false";
        assert_eq!(
            without_our_fields(asked).unwrap(),
            "select Id from Lead where Id != null and IsConverted = false"
        );
    }

    #[test]
    fn a_state_belongs_to_the_countries_of_its_bits() {
        // The second bit is France, the ninth the United States; California is neither's neighbour by its code alone.
        let country = |code: &str| format!("{{\"value\":\"{code}\",\"active\":true}}");
        let countries: Vec<String> = ["AT", "FR", "C", "D", "E", "F", "G", "H", "US"]
            .map(country)
            .into();
        let described: ObjectDescribe = serde_json::from_str(&format!(
            "{{\"name\":\"Lead\",\"fields\":[{{\"name\":\"CountryCode\",\"picklistValues\":[{}]}},\
             {{\"name\":\"StateCode\",\"controllerName\":\"CountryCode\",\"picklistValues\":[\
             {{\"value\":\"75\",\"label\":\"Paris\",\"active\":true,\"validFor\":\"QAAA\"}},\
             {{\"value\":\"CA\",\"label\":\"California\",\"active\":true,\"validFor\":\"AIAA\"}},\
             {{\"value\":\"XX\",\"label\":\"Nowhere\",\"active\":true,\"validFor\":null}}]}}]}}",
            countries.join(",")
        ))
        .unwrap();
        let columns = states(&[described.clone(), described]);
        let cells = |at: usize| -> Vec<String> {
            let column = columns[at].as_any().downcast_ref::<StringArray>().unwrap();
            column.iter().flatten().map(str::to_owned).collect()
        };
        assert_eq!(cells(0), ["FR", "US"]);
        assert_eq!(cells(1), ["75", "CA"]);
        assert_eq!(cells(2), ["Paris", "California"]);
    }

    #[test]
    fn other_conditions_are_asked_as_they_are() {
        for asked in [
            "select Id from Lead where Email = null",
            "select Id from Lead where usercom_id__c != null",
            "select Id from Lead",
        ] {
            assert_eq!(without_our_fields(asked), None, "{asked}");
        }
    }
}
