//! sObject Tree: records with their children, all or nothing (`guide/salesforce.md` §4).

use std::collections::HashSet;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::super::change::{Operation, Outcome};
use super::super::error::ApiError;
use super::call::{Call, json as answer};
use super::collections::roll_back;
use super::records;
use super::writing::{Target, Written};

const MOST_RECORDS: usize = 200;
const MOST_TYPES: usize = 5;
const MOST_LEVELS: usize = 5;

/// A record of the tree, before its parent has an id.
struct Node {
    reference: String,
    object: String,
    record: Map<String, Value>,
    /// Place of the parent and the field that refers to it.
    parent: Option<(usize, String)>,
}

/// `POST /composite/tree/X`.
pub(super) async fn create(mut call: Call, object: &str) -> Result<Response, ApiError> {
    let body: Value = call.json().await?;
    let mut nodes = Vec::new();
    let records = body["records"].as_array().cloned().unwrap_or_default();
    flatten(&call, object, &records, None, 1, &mut nodes)?;
    let types: HashSet<&str> = nodes.iter().map(|node| node.object.as_str()).collect();
    if nodes.len() > MOST_RECORDS || types.len() > MOST_TYPES {
        return Err(ApiError::bad(
            "LIMIT_EXCEEDED",
            "the tree has too many records or types",
        ));
    }
    let mut written: Vec<Written> = Vec::new();
    for node in &nodes {
        let mut record = node.record.clone();
        if let Some((parent, field)) = &node.parent {
            record.insert(field.clone(), json!(written[*parent].id()));
        }
        let one = records::write(
            &Target::new(&call, &node.object, Operation::Insert)?,
            &[record],
        )?;
        let refused = one
            .iter()
            .any(|one| matches!(one.outcome, Outcome::Failed { .. }));
        written.extend(one);
        if refused {
            break;
        }
    }
    if let Some(Outcome::Failed { error, .. }) = written.last().map(|one| one.outcome.clone()) {
        let reference = nodes[written.len() - 1].reference.clone();
        roll_back(&mut written)?;
        let errors =
            json!([{"statusCode": error.code, "message": error.message, "fields": error.fields}]);
        let body =
            json!({"hasErrors": true, "results": [{"referenceId": reference, "errors": errors}]});
        return Ok(answer(StatusCode::BAD_REQUEST, &body));
    }
    let results = nodes
        .iter()
        .zip(&written)
        .map(|(node, one)| json!({"referenceId": node.reference, "id": one.id()}));
    let results: Vec<Value> = results.collect();
    Ok(answer(
        StatusCode::CREATED,
        &json!({"hasErrors": false, "results": results}),
    ))
}

fn flatten(
    call: &Call,
    object: &str,
    records: &[Value],
    parent: Option<(usize, &str)>,
    level: usize,
    nodes: &mut Vec<Node>,
) -> Result<(), ApiError> {
    if level > MOST_LEVELS {
        return Err(ApiError::bad(
            "LIMIT_EXCEEDED",
            "the tree has too many levels",
        ));
    }
    let model = call.app.org.model();
    for record in records {
        let attributes = &record["attributes"];
        let name = attributes["type"].as_str().unwrap_or(object).to_owned();
        let mut fields = record.as_object().cloned().unwrap_or_default();
        let is_children = |value: &Value| value.get("records").is_some_and(Value::is_array);
        let children: Vec<Value> = fields
            .values()
            .filter(|value| is_children(value))
            .cloned()
            .collect();
        fields.retain(|_, value| !is_children(value));
        let field = parent.and_then(|(at, parent_name)| {
            let child = model
                .schema
                .position(&name)
                .map(|at| model.schema.object(at))?;
            let refers = child
                .fields
                .iter()
                .find(|f| f.createable && f.references.iter().any(|r| r == parent_name))?;
            Some((at, refers.name.clone()))
        });
        let reference = attributes["referenceId"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        nodes.push(Node {
            reference,
            object: name.clone(),
            record: fields,
            parent: field,
        });
        let at = nodes.len() - 1;
        for child in children {
            let list = child["records"].as_array().cloned().unwrap_or_default();
            flatten(call, &name, &list, Some((at, &name)), level + 1, nodes)?;
        }
    }
    Ok(())
}
