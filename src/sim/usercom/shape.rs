//! Rows → what the API answers, as v1 or v2 does (`guide/usercom.md` §1.2, §2).
//!
//! In: a row named as in v2, and the account for what it refers to. Out: a JSON object in the shape of the asked version,
//! with every cell of the row. Never: a value that the row does not have, apart from names of what it refers to.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::account::Account;
use super::cell::CellKind;
use super::error::UsercomSimError;
use super::objects::Object;
use super::options::Bug;
use super::record::{Raw, Record, id_of, raw, text_of};

/// A version of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

impl Version {
    /// The version that an `Accept` header asks for; the first one if it asks for none.
    pub(super) fn of(accept: &str) -> Self {
        let mut parameters = accept.split([';', ',']).map(|part| part.replace(' ', ""));
        match parameters.any(|part| part.eq_ignore_ascii_case("version=2")) {
            true => Self::V2,
            false => Self::V1,
        }
    }
}

/// A row of a list or by itself, with what is inside it.
pub(super) fn shown(
    account: &Account,
    object: Object,
    mut row: Record,
    version: Version,
) -> Result<Record, UsercomSimError> {
    let id = row.id("id").unwrap_or(0);
    match object {
        Object::People => {
            companies(account, &mut row)?;
            if account.has(Bug::MissingNames) {
                for key in ["first_name", "last_name"] {
                    row.take(key);
                }
            }
        }
        Object::Deals => lines(account, &mut row, id)?,
        Object::Conversations => {
            user(account, &mut row)?;
            if row.some("messages").is_none() {
                row.set(
                    "messages",
                    raw(&account.table(Object::Messages).count_of(id)),
                );
            }
        }
        Object::Segments => {
            row.set(
                "users",
                raw(&account.table(Object::SegmentMembers).count_of(id)),
            );
        }
        Object::Attributes
            if version == Version::V1
                && row.text("content_type").as_deref() == Some("clientuser") =>
        {
            row.set("content_type", raw("user"));
        }
        _ => {}
    }
    // What its address says already.
    if matches!(object, Object::Emails | Object::StageChanges)
        && let Some((column, _)) = object.parent()
    {
        row.take(column);
    }
    if account.has(Bug::StringNumbers) && id % 3 == 0 {
        numbers_as_texts(object, &mut row);
    }
    Ok(arranged(account, object, row, version))
}

/// Declared columns in their order, then attributes: in a list (v1) or each under its own key (v2).
fn arranged(account: &Account, object: Object, mut row: Record, version: Version) -> Record {
    let mut out = Record::default();
    for field in object.fields() {
        let value = row.take(field.name);
        if value.is_none() && !field.always {
            continue;
        }
        let name = match version {
            Version::V1 => v1_name(object, field.name),
            Version::V2 => field.name,
        };
        out.push(name, value.unwrap_or_else(null));
    }
    let definitions = account.definitions.all(object);
    if version == Version::V2 || object.content_types().is_empty() {
        for known in definitions {
            let value = row.take(&known.name_std).unwrap_or_else(null);
            out.set(&known.name_std, value);
        }
        for (name, value) in row.into_cells() {
            out.set(&name, value);
        }
        return out;
    }
    let mut attributes = Vec::new();
    for known in definitions {
        let value = row.take(&known.name_std).unwrap_or_else(null);
        attributes.push(attribute(
            Some(known.id),
            &known.name,
            &known.name_std,
            value,
        ));
    }
    let nested: Vec<&str> = object.nested().iter().map(|(key, _)| *key).collect();
    for (name, value) in row.into_cells() {
        if nested.contains(&name.as_str()) {
            out.set(&name, value);
        } else {
            attributes.push(attribute(None, &name, &name, value));
        }
    }
    out.set("attributes", raw(&attributes));
    out
}

fn attribute(id: Option<i64>, name: &str, name_std: &str, value: Raw) -> Record {
    let mut out = Record::default();
    out.push("id", raw(&id));
    out.push("name", raw(name));
    out.push("name_std", raw(name_std));
    out.push("value", value);
    out
}

fn v1_name(object: Object, name: &'static str) -> &'static str {
    let renamed = object.v1_names().iter().find(|(v2, _)| *v2 == name);
    renamed.map_or(name, |(_, v1)| v1)
}

/// Ids of companies → objects with their names, as far as the companies exist.
fn companies(account: &Account, person: &mut Record) -> Result<(), UsercomSimError> {
    let Some(list) = person.some("companies") else {
        person.set("companies", raw(&Vec::<i64>::new()));
        return Ok(());
    };
    let Ok(ids) = serde_json::from_str::<Vec<i64>>(list.get()) else {
        return Ok(());
    };
    let mut objects = Vec::with_capacity(ids.len());
    for id in ids {
        let company = account.row(Object::Companies, id)?;
        let name = company.and_then(|company| company.text("name"));
        objects.push(json!({"id": id, "name": name, "member_since": null}));
    }
    person.set("companies", raw(&objects));
    Ok(())
}

/// A deal's lines, which sit in its record.
fn lines(account: &Account, deal: &mut Record, id: i64) -> Result<(), UsercomSimError> {
    let mut lines = Vec::new();
    let mut rows = account.rows_of(Object::OrderProducts, id)?;
    rows.sort_by_key(|line| line.id("position").unwrap_or(i64::MAX));
    for mut line in rows {
        line.take("deal_id");
        lines.push(arranged(account, Object::OrderProducts, line, Version::V2));
    }
    deal.set("order_products", raw(&lines));
    Ok(())
}

/// The id of a conversation's person → an object about them.
pub(super) fn user(account: &Account, conversation: &mut Record) -> Result<(), UsercomSimError> {
    let Some(id) = conversation
        .some("user")
        .filter(|user| !user.get().starts_with('{'))
        .and_then(id_of)
    else {
        return Ok(());
    };
    let person = account.row(Object::People, id)?.unwrap_or_default();
    let text = |key: &str| person.text(key);
    let user =
        json!({"id": id, "key": text("user_key"), "email": text("email"), "name": text("name")});
    conversation.set("user", raw(&user));
    Ok(())
}

/// A segment's member: the person, and since when they are in it. Persons who do not exist have an id and no more.
pub(super) fn member(
    account: &Account,
    membership: &Record,
    version: Version,
) -> Result<Record, UsercomSimError> {
    let id = membership.id("user_id").unwrap_or(0);
    let mut out = match account.row(Object::People, id)? {
        Some(person) => shown(account, Object::People, person, version)?,
        None => {
            let mut bare = Record::default();
            bare.set("id", raw(&id));
            bare
        }
    };
    if let Some(since) = membership.some("member_since") {
        out.set("member_since", since.to_owned());
    }
    Ok(out)
}

/// Numbers that are no ids of the row become texts, as they do in some answers of the real API.
fn numbers_as_texts(object: Object, row: &mut Record) {
    let fields = object.fields().iter();
    for field in fields.filter(|field| field.kind == CellKind::Integer && field.name != "id") {
        let Some(value) = row.some(field.name) else {
            continue;
        };
        if i64::deserialize(value).is_ok() {
            let text = raw(value.get());
            row.set(field.name, text);
        }
    }
}

fn null() -> Raw {
    RawValue::NULL.to_owned()
}

/// The cell of a bulk export: `t` and `f`, `{a,b}`, texts as they are, objects as JSON.
pub(super) fn csv_cell(value: &RawValue, kind: CellKind) -> String {
    match value.get() {
        "null" => String::new(),
        "true" => "t".to_owned(),
        "false" => "f".to_owned(),
        text if text.starts_with('"') => text_of(value).unwrap_or_default(),
        list if list.starts_with('[') => braces(list, kind),
        other => other.to_owned(),
    }
}

fn braces(list: &str, kind: CellKind) -> String {
    let elements: Vec<Raw> = serde_json::from_str(list).unwrap_or_default();
    let cells = elements.iter().map(|element| {
        let object = Record::parse(element.get()).ok();
        let named = object.and_then(|object| {
            let id = object.id("id").map(|id| id.to_string());
            match kind {
                CellKind::Ids => id,
                _ => object.text("name").or(id),
            }
        });
        let text = named.unwrap_or_else(|| csv_cell(element, kind));
        let plain = text
            .chars()
            .all(|letter| letter.is_alphanumeric() || "-_.+@".contains(letter));
        if plain && !text.is_empty() && !text.eq_ignore_ascii_case("null") {
            text
        } else {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
    });
    format!("{{{}}}", cells.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::super::record::verbatim;
    use super::*;

    #[test]
    fn the_accept_header_chooses_the_version() {
        for (accept, version) in [
            ("*/*; version=2", Version::V2),
            ("application/json;version=2", Version::V2),
            ("*/*", Version::V1),
            ("", Version::V1),
            ("*/*; version=1", Version::V1),
        ] {
            assert_eq!(Version::of(accept), version, "{accept}");
        }
    }

    #[test]
    fn bulk_exports_write_booleans_and_lists_as_postgres_does() {
        for (json, cell) in [
            ("true", "t"),
            ("null", ""),
            ("12.50", "12.50"),
            ("\"a, b\"", "a, b"),
            (r#"["a","b, c","say \"hi\""]"#, r#"{a,"b, c","say \"hi\""}"#),
            (r#"[{"id":1,"name":"VIP"}]"#, "{VIP}"),
            ("[12,15]", "{12,15}"),
            ("[]", "{}"),
        ] {
            assert_eq!(csv_cell(&verbatim(json).unwrap(), CellKind::Texts), cell);
        }
        let companies = verbatim(r#"[{"id":7,"name":"Acme"}]"#).unwrap();
        assert_eq!(csv_cell(&companies, CellKind::Ids), "{7}");
    }
}
