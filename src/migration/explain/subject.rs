//! Which record is meant.
//!
//! In: what a person typed. Out: one [`Subject`], or an error that names all that may be meant.

use arrow::datatypes::DataType;

use super::ExplainRequest;
use super::rows::{Tables, literal, one_of, text};
use crate::config::nearest;
use crate::error::Error;
use crate::project::QueryFile;
use crate::rows::key_text;

/// What is explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A record of the source.
    Record {
        /// Table without its schema.
        source: String,
        /// Its id.
        id: i64,
    },
    /// A row of a load that stands for no single record of the source.
    Row {
        /// The load.
        load: String,
        /// The row's key.
        key: String,
    },
}

impl Subject {
    fn words(&self) -> String {
        match self {
            Self::Record { source, id } => format!("{source} {id}"),
            Self::Row { load, key } => format!("{load} \"{key}\""),
        }
    }
}

/// The one record that a request means.
pub(super) async fn find(tables: &Tables, request: &ExplainRequest) -> Result<Subject, Error> {
    let wanted = request.id.trim();
    if tables.asked.snapshot.schema("usercom").next().is_none() {
        return Err(Error::NotYet {
            what: "nothing is staged yet, so there is nothing to explain".to_owned(),
            hint: "`transload stage` reads the export, `transload run` does everything".to_owned(),
        });
    }
    let mut found: Vec<Subject> = Vec::new();
    let mut add = |subjects: Vec<Subject>| {
        for subject in subjects {
            if !found.contains(&subject) {
                found.push(subject);
            }
        }
    };
    match request.source.as_deref().map(|name| place(tables, name)) {
        None => {
            let sources = tables.asked.snapshot.schema("usercom");
            for source in sources.map(|table| table.table.clone()) {
                add(of_source(tables, &source, wanted).await?);
            }
            for file in tables.loads() {
                add(of_load(tables, file, wanted).await?);
            }
        }
        Some(Ok(Place::Source(source))) => {
            add(of_source(tables, &source, wanted).await?);
            for file in tables.loads_of(&source) {
                add(of_load(tables, file, wanted).await?);
            }
        }
        Some(Ok(Place::Load(load))) => {
            for file in tables.loads().filter(|file| file.name == load) {
                add(of_load(tables, file, wanted).await?);
            }
        }
        Some(Err(error)) => return Err(error),
    }
    match found.as_slice() {
        [subject] => Ok(subject.clone()),
        [] => Err(Error::Unknown {
            what: match &request.source {
                Some(source) => format!("there is no `{wanted}` among {source}"),
                None => format!("nothing is known under `{wanted}`"),
            },
            hint: "give a source id, a key, an e-mail address or a record id, as in `transload explain people 100370`; rows \
                   without a readable id are whole in rejects.*"
                .to_owned(),
        }),
        several => Err(Error::Ambiguous {
            what: format!("`{wanted}` means {} things", several.len()),
            hint: format!(
                "say which: {}",
                several
                    .iter()
                    .map(|subject| format!("`transload explain {}`", subject.words()))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        }),
    }
}

/// Where to look.
enum Place {
    Source(String),
    Load(String),
}

fn place(tables: &Tables, name: &str) -> Result<Place, Error> {
    let name = name.trim().to_lowercase();
    let name = name.strip_prefix("usercom.").unwrap_or(&name);
    let sources: Vec<String> = tables
        .asked
        .snapshot
        .schema("usercom")
        .map(|table| table.table.clone())
        .collect();
    let is_meant = |source: &&String| *source == name || one_of(source) == name;
    if let Some(source) = sources.iter().find(is_meant) {
        return Ok(Place::Source(source.clone()));
    }
    let loads: Vec<&str> = tables.loads().map(|file| file.name.as_str()).collect();
    if loads.contains(&name) {
        return Ok(Place::Load(name.to_owned()));
    }
    let known = sources.iter().map(String::as_str).chain(loads);
    let otherwise = format!("source tables are {}", sources.join(", "));
    Err(Error::unknown(
        "source table or load",
        name,
        nearest(name, known),
        &otherwise,
    ))
}

/// Records of a source with this id, e-mail address or other identity.
async fn of_source(tables: &Tables, source: &str, wanted: &str) -> Result<Vec<Subject>, Error> {
    let Some(table) = tables.asked.snapshot.get("usercom", source) else {
        return Ok(Vec::new());
    };
    let is_text = |name: &str| {
        let field = table.schema.field_with_name(name);
        field.is_ok_and(|field| *field.data_type() == DataType::Utf8)
    };
    let mut conditions: Vec<String> = ["email", "custom_id", "user_key", "text_id"]
        .into_iter()
        .filter(|name| is_text(name))
        .map(|name| {
            let wanted = literal(&wanted.to_lowercase());
            format!("lower(trim(r.\"{name}\")) = {wanted}")
        })
        .collect();
    if let Ok(id) = wanted.parse::<i64>() {
        conditions.push(format!("r.id = {id}"));
    }
    if conditions.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select r.id as id from usercom.{source} as r where {} order by r.id limit 20",
        conditions.join(" or ")
    );
    let rows = tables.rows(&sql).await?;
    let ids = rows.iter().filter_map(|row| row.get("id")?.as_i64());
    Ok(ids
        .map(|id| Subject::Record {
            source: source.to_owned(),
            id,
        })
        .collect())
}

/// Rows of a load with this key or record id.
async fn of_load(tables: &Tables, file: &QueryFile, wanted: &str) -> Result<Vec<Subject>, Error> {
    let mut keys = Vec::new();
    let key = key_text("l", &file.key);
    let by_id = is_record_id(wanted).then(|| {
        let id = literal(wanted);
        format!(" or l.id = {id} or left(l.id, 15) = {id}")
    });
    let ledger = format!(
        "select {key} as key from ledger.{} as l where {key} = {}{} limit 20",
        file.name,
        literal(wanted),
        by_id.unwrap_or_default()
    );
    keys.extend(tables.rows(&ledger).await?);
    if tables.has(&format!("recon.fates_{}", file.name)) {
        let fates = format!(
            "select f.key as key from recon.fates_{} as f where f.key = {} limit 20",
            file.name,
            literal(wanted)
        );
        keys.extend(tables.rows(&fates).await?);
    }
    let mut found = Vec::new();
    for key in keys.iter().filter_map(|row| text(row, "key")) {
        found.push(of_key(tables, file, &key).await?);
    }
    Ok(found)
}

/// The record of the source that a load's row stands for, if it is one.
async fn of_key(tables: &Tables, file: &QueryFile, key: &str) -> Result<Subject, Error> {
    let id = key.rsplit([':', ' ']).next().unwrap_or(key).parse::<i64>();
    if let (Some(source), Ok(id)) = (file.source.as_ref().and_then(|grain| grain.staged()), id) {
        let there = format!("select r.id as id from usercom.{source} as r where r.id = {id}");
        if !tables.rows(&there).await?.is_empty() {
            return Ok(Subject::Record {
                source: source.to_owned(),
                id,
            });
        }
    }
    Ok(Subject::Row {
        load: file.name.clone(),
        key: key.to_owned(),
    })
}

/// Whether a text looks like the id of a record in the org, in its short or its long form.
fn is_record_id(text: &str) -> bool {
    matches!(text.len(), 15 | 18)
        && text.bytes().all(|letter| letter.is_ascii_alphanumeric())
        && text.bytes().any(|letter| letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_records_are_told_from_numbers_and_words() {
        for (text, expected) in [
            ("003HYJ00000004HYBQ", true),
            ("003HYJ00000004H", true),
            ("100370", false),
            ("123456789012345", false),
            ("message:601834", false),
        ] {
            assert_eq!(is_record_id(text), expected, "{text}");
        }
    }
}
