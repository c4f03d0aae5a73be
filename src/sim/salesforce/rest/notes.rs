//! ContentNote: a note is a content document whose version holds HTML (`guide/salesforce.md` §4).
//!
//! In: records with `Title` and `Content`. Out: a content version of the type SNOTE, and with it the document whose id
//! the note has. Markup that could run is taken out; text that is no well-formed HTML is refused, since plain text must
//! be escaped. Over REST and collections only.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::change::{Operation, Outcome, RowError};
use super::super::error::ApiError;
use super::super::ids::RecordId;
use super::files::{decoded, keep, marked};
use super::writing::{Target, Written};

/// Writes notes.
pub(super) fn write(
    target: &Target<'_>,
    records: &[Map<String, Value>],
) -> Result<Vec<Written>, ApiError> {
    match target.operation {
        Operation::Insert => records
            .iter()
            .map(|record| create(target, record))
            .collect(),
        Operation::Update => records
            .iter()
            .map(|record| change(target, record))
            .collect(),
        Operation::Delete | Operation::HardDelete => {
            Target::new(target.call, "ContentDocument", Operation::Delete)?.write(records)
        }
        Operation::Upsert => Err(ApiError::not_found()),
    }
}

fn value<'a>(record: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = record
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

fn create(target: &Target<'_>, record: &Map<String, Value>) -> Result<Written, ApiError> {
    let title = value(record, "Title")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if title.is_empty() {
        return Ok(Written::refused(RowError::required(&["Title"])));
    }
    let content = match content(target, record) {
        Ok(content) => content.unwrap_or_default(),
        Err(error) => return Ok(Written::refused(error)),
    };
    let mut version = record.clone();
    version.retain(|key, _| !key.eq_ignore_ascii_case("Content") && key != "attributes");
    version.insert("PathOnClient".to_owned(), json!(format!("{title}.snote")));
    version.insert("VersionData".to_owned(), marked(&content));
    written(target, &version, Operation::Insert)
}

/// New content makes a new version; a title alone changes the latest one.
fn change(target: &Target<'_>, record: &Map<String, Value>) -> Result<Written, ApiError> {
    let id = value(record, "Id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let object = target.model.schema.object(target.object);
    let row = RecordId::parse(id).filter(|id| id.prefix() == object.prefix);
    let row = row
        .and_then(|id| target.model.row(id))
        .filter(|row| !row.deleted());
    let Some(row) = row else {
        return Ok(Written::refused(RowError::unknown_id(&[])));
    };
    let get = |name: &str| {
        object
            .position(name)
            .and_then(|at| row.get(at))
            .unwrap_or_default()
    };
    let title = value(record, "Title")
        .and_then(Value::as_str)
        .unwrap_or(get("Title"));
    match content(target, record) {
        Err(error) => Ok(Written::refused(error)),
        Ok(Some(content)) => {
            let version = json!({
                "ContentDocumentId": id, "Title": title, "PathOnClient": format!("{title}.snote"),
            });
            let mut version = version.as_object().cloned().unwrap_or_default();
            version.insert("VersionData".to_owned(), marked(&content));
            written(target, &version, Operation::Insert)
        }
        Ok(None) => {
            let latest = get("LatestPublishedVersionId").to_owned();
            let version = json!({"Id": latest, "Title": title});
            let version = version.as_object().cloned().unwrap_or_default();
            written(target, &version, Operation::Update)
        }
    }
}

/// Writes the version of a note; the outcome is told of its document.
fn written(
    target: &Target<'_>,
    version: &Map<String, Value>,
    operation: Operation,
) -> Result<Written, ApiError> {
    let versions = Target::new(target.call, "ContentVersion", operation)?;
    let mut written = versions.write(std::slice::from_ref(version))?;
    let one = written.pop().ok_or_else(ApiError::not_found)?;
    let Outcome::Done { position, .. } = one.outcome else {
        return Ok(one);
    };
    let (object, table) = target.model.at(versions.object);
    let document = object.position("ContentDocumentId").and_then(|at| {
        let rows = table.read();
        RecordId::parse(rows.get(position)?.get(at)?)
    });
    let (documents, position) = document
        .and_then(|id| target.model.locate(id))
        .ok_or_else(ApiError::not_found)?;
    // Told as the document it is, so that taking it back takes its version and links as well.
    let target = Target {
        call: target.call,
        model: Arc::clone(&target.model),
        access: Arc::clone(&target.access),
        object: documents,
        operation: target.operation,
        key: 0,
    };
    Ok(Written {
        outcome: Outcome::Done {
            position,
            created: target.operation == Operation::Insert,
            before: None,
        },
        writer: Some(Arc::new(target.writer(Vec::new()))),
    })
}

/// Stores the cleaned content of a record, if it has one.
fn content(target: &Target<'_>, record: &Map<String, Value>) -> Result<Option<String>, RowError> {
    let Some(text) = value(record, "Content").and_then(Value::as_str) else {
        return Ok(match target.operation {
            Operation::Insert => Some(keep(target.call, b"")?),
            _ => None,
        });
    };
    let bytes = decoded("Content", text)?;
    let html = String::from_utf8(bytes).map_err(|_| broken())?;
    let html = safe(&html)?;
    keep(target.call, html.as_bytes()).map(Some)
}

/// The code and text of this refusal are not in the reference.
fn broken() -> RowError {
    let message = "Note Can't Be Saved: the content is no HTML; escape the characters <, > and & of plain text";
    RowError::on("FIELD_INTEGRITY_EXCEPTION", message, &["Content"])
}

/// The content without elements that could run.
fn safe(html: &str) -> Result<String, RowError> {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if from.starts_with('&') {
            let entity = from.find(';').filter(|end| (2..=10).contains(end));
            let end = entity.ok_or_else(broken)?;
            let named = from.get(1..end).unwrap_or_default();
            if !named.chars().all(|c| c.is_ascii_alphanumeric() || c == '#') {
                return Err(broken());
            }
            out.push('&');
            rest = from.get(1..).unwrap_or_default();
            continue;
        }
        let end = from.find('>').ok_or_else(broken)?;
        let tag = from.get(1..end).unwrap_or_default();
        let name = tag.trim_start_matches('/').to_ascii_lowercase();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!') {
            return Err(broken());
        }
        let name = name
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default();
        rest = from.get(end + 1..).unwrap_or_default();
        if ["script", "style", "iframe", "object"].contains(&name) {
            let close = format!("</{name}");
            let lower = rest.to_ascii_lowercase();
            if !tag.starts_with('/')
                && let Some(end) = lower.find(&close)
            {
                rest = rest.get(end..).unwrap_or_default();
            }
            continue;
        }
        out.push_str(from.get(..=end).unwrap_or_default());
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_go_and_unescaped_text_is_refused() {
        let html = "<p>a &amp; b</p><SCRIPT>alert(1)</script><b>c</b>";
        assert_eq!(safe(html).unwrap(), "<p>a &amp; b</p><b>c</b>");
        assert_eq!(safe("żółw").unwrap(), "żółw");
        for text in ["a < b", "a & b", "a <", "R&D rules;", "1<2>"] {
            assert_eq!(
                safe(text).unwrap_err().code,
                "FIELD_INTEGRITY_EXCEPTION",
                "{text}"
            );
        }
    }
}
