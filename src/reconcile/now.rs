//! One record of ours as it is in the org at this moment, beside what was sent last.
//!
//! In: a record's id, the key of its row in the outbox. Out: its values as the org shows them, and where they differ. Never: a
//! table written, or a change to the org.

use arrow::array::AsArray;
use futures::{TryStreamExt, pin_mut};

use super::ReconcileError;
use super::body::body;
use super::coercion::{derived_by, readable};
use super::diff::differs;
use super::names::{MODIFIED, each_entry};
use crate::engine::Session;
use crate::rows::{Columns, asked_by, key_text};
use crate::salesforce::{Client, ObjectDescribe, Row, field_text};

/// What is asked for.
pub struct NowRequest<'a> {
    /// Connected to the org.
    pub client: &'a Client,
    /// Sees the outbox of the load.
    pub session: &'a Session,
    /// The load.
    pub load: &'a str,
    /// Its object.
    pub describe: &'a ObjectDescribe,
    /// Its columns.
    pub columns: &'a Columns,
    /// The row's key, as a text.
    pub key: &'a str,
    /// The record.
    pub id: &'a str,
}

/// A record as it is.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// Field and value, those that are empty left out.
    pub values: Vec<(String, String)>,
    /// Field, value sent, value found.
    pub differences: Vec<(String, String, Option<String>)>,
}

/// Looks at a record; none if it is not there.
///
/// # Errors
/// [`ReconcileError`].
pub async fn look_now(request: &NowRequest<'_>) -> Result<Option<Now>, ReconcileError> {
    let describe = request.describe;
    let sent = request.columns.sent.iter();
    let mut names: Vec<&str> = Vec::new();
    for field in sent.map(|field| field.name().as_str()).chain(MODIFIED) {
        if readable(describe, field).is_some() {
            names.push(field);
            names.extend(derived_by(describe, field));
        }
        names.extend(
            body(describe, field)
                .into_iter()
                .flat_map(|body| body.told_by),
        );
    }
    names.sort_unstable();
    names.dedup();
    let Some(row) = ask(request, &names).await? else {
        return Ok(None);
    };
    let values: Vec<(&str, Option<String>)> = names
        .iter()
        .map(|name| (*name, field_text(&row, name)))
        .collect();
    let mut differences = Vec::new();
    for batch in request
        .session
        .collect("the differences now", &comparison(request, &values))
        .await?
    {
        let [field, sent, found] = [0, 1, 2].map(|at| batch.column(at).as_string::<i32>());
        let rows = field.iter().zip(sent).zip(found);
        differences.extend(rows.map(|((field, sent), found)| {
            (
                field.unwrap_or_default().to_owned(),
                sent.unwrap_or_default().to_owned(),
                found.map(str::to_owned),
            )
        }));
    }
    let values = values.into_iter();
    Ok(Some(Now {
        values: values
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
        differences,
    }))
}

/// The record's row.
async fn ask(request: &NowRequest<'_>, names: &[&str]) -> Result<Option<Row>, ReconcileError> {
    let object = request.describe.name.as_str();
    let mut condition = format!("Id = '{}'", request.id);
    if let Some(field) = asked_by(object) {
        // Such an object can only be asked for by the record that it hangs on, with which its key begins.
        let parent = request.key.split('|').next().unwrap_or_default();
        condition.push_str(&format!(" AND {field} = '{parent}'"));
    }
    let soql = format!(
        "SELECT {} FROM {object} WHERE {condition}",
        names.join(", ")
    );
    let rows = request.client.query(&soql);
    pin_mut!(rows);
    rows.try_next()
        .await
        .map_err(|source| ReconcileError::ReadBack {
            object: object.to_owned(),
            source: Box::new(source),
        })
}

/// SQL that compares the row of the outbox with these values.
fn comparison(request: &NowRequest<'_>, values: &[(&str, Option<String>)]) -> String {
    let cells: Vec<String> = values
        .iter()
        .map(|(name, value)| match value {
            Some(value) => format!("'{}' as \"{name}\"", value.replace('\'', "''")),
            None => format!("cast(null as varchar) as \"{name}\""),
        })
        .collect();
    let key = &request.columns.key;
    let fields = request.columns.sent.iter();
    let entries: Vec<String> = fields
        .filter(|field| !key.contains(field.name()))
        .filter_map(|field| {
            let [differs, sent, found] = differs(request.describe, field, true)?;
            let name = field.name();
            Some(format!(
                "case when {differs} then named_struct('field', '{name}', 'sent', cast({sent} as varchar), 'found', {found}) end"
            ))
        })
        .collect();
    if entries.is_empty() {
        return "select '' as field, '' as sent, '' as found where false".to_owned();
    }
    let row = format!(
        "select make_array({}) as entries from outbox.{} as o cross join (select {}) as r where {} = '{}'",
        entries.join(",\n "),
        request.load,
        cells.join(", "),
        key_text("o", key),
        request.key.replace('\'', "''")
    );
    format!(
        "select d.entry['field'] as field, d.entry['sent'] as sent, d.entry['found'] as found \
         from ({}) as d where d.entry['field'] is not null",
        each_entry(&row)
    )
}
