//! Rows of a result as JSON records and as CSV lines.
//!
//! In: a row. Out: what REST shows (typed, parents nested, with `attributes`) or what the Bulk API shows (all texts
//! quoted, decimals as doubles, no compound fields) (`guide/salesforce.md` §2, §4).

use serde_json::{Map, Value, json};

use super::super::change::value::java_double;
use super::super::ids::RecordId;
use super::super::schema::{FieldType, SObject};
use super::super::store::Row;
use super::super::view::View;
use super::filter::evaluate;
use super::plan::{Node, Plan};

impl Plan {
    /// The record of a row.
    pub(crate) fn record(&self, version: &str, position: u32, row: &Row) -> Value {
        let id = self.view.model.id(self.object, position);
        let mut record = Map::new();
        let mut own = attributes(self.view.model.schema.object(self.object), version, id);
        if self.tooling {
            let url = own["url"].as_str().unwrap_or_default();
            own["url"] = json!(url.replacen("/sobjects/", "/tooling/sobjects/", 1));
        }
        record.insert("attributes".to_owned(), own);
        for column in &self.columns {
            let value = value(
                &self.view,
                &column.node,
                version,
                self.object,
                position,
                row,
            );
            let Some((name, rest)) = column.path.split_first() else {
                continue;
            };
            if rest.is_empty() {
                record.insert(name.clone(), value);
            } else if let (Node::Field(_), [last]) = (&column.node, rest) {
                let url = format!("/services/data/v{version}/tooling/sobjects/{name}");
                let parent = json!({"attributes": {"type": name, "url": url}, last: value});
                nest(record.entry(name.clone()).or_insert(Value::Null), parent);
            } else {
                nest(record.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        Value::Object(record)
    }

    /// Names of the columns, as a CSV header without its line end.
    pub(crate) fn csv_header(&self, delimiter: u8, out: &mut Vec<u8>) {
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                out.push(delimiter);
            }
            quoted(out, &column.path.join("."));
        }
    }

    /// A row as CSV without its line end.
    pub(crate) fn csv_row(&self, delimiter: u8, position: u32, row: &Row, out: &mut Vec<u8>) {
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                out.push(delimiter);
            }
            let text =
                evaluate(&self.view, &column.node, self.object, position, row).unwrap_or_default();
            if column.kind.is_decimal() && !text.is_empty() {
                quoted(out, &java_double(&text));
            } else {
                quoted(out, &text);
            }
        }
    }
}

/// `attributes` of a record.
pub(crate) fn attributes(object: &SObject, version: &str, id: RecordId) -> Value {
    let url = format!("/services/data/v{version}/sobjects/{}/{id}", object.name);
    json!({"type": object.name, "url": url})
}

/// Puts the fields of a parent together: two paths through one relationship give one object.
fn nest(slot: &mut Value, value: Value) {
    match (slot, value) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                nest(old.entry(key).or_insert(Value::Null), value);
            }
        }
        (slot, value) if !value.is_null() || slot.is_null() => *slot = value,
        _ => {}
    }
}

fn value(
    view: &View,
    node: &Node,
    version: &str,
    object: usize,
    position: u32,
    row: &Row,
) -> Value {
    match node {
        Node::Field(at) => json_value(view, object, position, row, *at),
        Node::Parent {
            field, candidates, ..
        } => {
            let text = view.text(object, position, row, *field);
            let Some(id) = text.and_then(|id| RecordId::parse(&id)) else {
                return Value::Null;
            };
            let Some((parent, at)) = view.model.locate(id) else {
                return Value::Null;
            };
            let Some((_, node)) = candidates
                .iter()
                .find(|(candidate, _)| *candidate == parent)
            else {
                return Value::Null;
            };
            let Some(row) = view.model.row(id) else {
                return Value::Null;
            };
            let definition = view.model.schema.object(parent);
            let name = match node {
                Node::Field(at) => definition.field(*at).name.clone(),
                Node::Parent { name, .. } => name.clone(),
            };
            let mut record = Map::new();
            record.insert("attributes".to_owned(), attributes(definition, version, id));
            record.insert(name, value(view, node, version, parent, at, &row));
            Value::Object(record)
        }
    }
}

/// A field as JSON.
pub(crate) fn json_value(view: &View, object: usize, position: u32, row: &Row, at: u16) -> Value {
    let definition = view.model.schema.object(object);
    let field = definition.field(at);
    if field.kind == FieldType::Address {
        return address(definition, &field.name, row);
    }
    if field.kind == FieldType::Base64 {
        let id = view.model.id(object, position);
        let root = format!("/services/data/v67.0/sobjects/{}/{id}", definition.name);
        return Value::String(format!("{root}/{}", field.name));
    }
    let Some(text) = view.text(object, position, row, at) else {
        return Value::Null;
    };
    match field.kind {
        FieldType::Boolean => Value::Bool(text == "true"),
        FieldType::Int => text.parse::<i64>().map_or(Value::Null, Value::from),
        kind if kind.is_decimal() => text.parse::<f64>().map_or(Value::Null, Value::from),
        // REST writes date-times with +0000 where CSV has Z.
        FieldType::Datetime => Value::String(text.replace('Z', "+0000")),
        _ => Value::String(text.into_owned()),
    }
}

fn address(object: &SObject, name: &str, row: &Row) -> Value {
    let prefix = name.strip_suffix("Address").unwrap_or_default();
    let part = |name: &str| {
        object
            .position(&format!("{prefix}{name}"))
            .and_then(|at| row.get(at))
    };
    let parts = ["Street", "City", "State", "PostalCode", "Country"].map(part);
    if parts.iter().all(Option::is_none) {
        return Value::Null;
    }
    let [street, city, state, postal_code, country] = parts;
    json!({
        "city": city, "country": country, "geocodeAccuracy": null, "latitude": null, "longitude": null,
        "postalCode": postal_code, "state": state, "street": street,
    })
}

fn quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
