//! Decisions about proposed rows: confirmed, ignored, changed, with who and when.
//!
//! In: decisions, each about one row of a file that was read. Out: the file with them, and what the user's history remembers.
//! Never: a decision without a name, none about a file that changed meanwhile, and none that is known to be wrong; a row whose
//! decision is refused is not touched.

use std::collections::BTreeMap;

use super::decisions::save_all;
use super::views::can_become;
use super::{DecisionFile, KnownFields, MappingError, Status, UserHistory};
use crate::schema::{FieldType, ReadFieldTypeError};

/// What is decided about a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// As it is proposed.
    Confirm,
    /// It stays behind; a value stays as it is.
    Ignore,
    /// Confirmed with another field and type; of a value, with another value of the picklist.
    Change {
        /// The field, or the value.
        target: String,
        /// The type; empty = as it is.
        field_type: String,
    },
    /// Undecided again.
    Reopen,
}

/// Who decides, and when.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Name or address.
    pub by: String,
    /// `2026-02-20`.
    pub at: String,
    /// The project, for the history.
    pub project: String,
}

/// What staged columns hold, by table and column.
pub type StagedTypes = BTreeMap<(String, String), &'static str>;

/// How a row of the field map stands: `open`, `confirmed`, `ignored`, or `stale` with the reason. A confirmation that
/// nobody signed is open. Nothing is stale while nothing is staged.
#[must_use]
pub fn field_state(file: &DecisionFile, row: usize, staged: &StagedTypes) -> String {
    let state = value_state(file, row);
    let was = file.get(row, "source_type");
    if state != "confirmed" || was.is_empty() || staged.is_empty() {
        return state;
    }
    let name = (
        file.get(row, "source").to_lowercase(),
        file.get(row, "source_field").to_owned(),
    );
    match staged.get(&name) {
        None => "stale: the export has no such column".to_owned(),
        Some(is) if *is != was => format!("stale: held {was}, holds {is}"),
        Some(_) => state,
    }
}

/// The same for a row of the value map, which is never stale.
#[must_use]
pub fn value_state(file: &DecisionFile, row: usize) -> String {
    let signed = ["confirmed_by", "confirmed_at"]
        .iter()
        .all(|column| !file.get(row, column).is_empty());
    match Status::of(&file.get(row, "status").to_lowercase()) {
        Status::Confirmed if signed => "confirmed",
        Status::Ignored => "ignored",
        Status::Confirmed | Status::Proposed => "open",
    }
    .to_owned()
}

/// What decisions are held against.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What the staged columns hold.
    pub staged: &'a StagedTypes,
    /// The fields that there are.
    pub fields: &'a KnownFields,
}

/// Decides rows of the field map; the file is not saved. Says what cannot be confirmed; a row that is refused stays as it was.
pub fn decide_fields(
    file: &mut DecisionFile,
    decisions: &[(usize, Action)],
    signature: &Signature,
    facts: Facts<'_>,
    mut history: Option<&mut UserHistory>,
) -> Vec<String> {
    let mut refused = Vec::new();
    let staged = facts.staged;
    for (row, action) in decisions {
        let row = *row;
        let named = |column: &str| file.get(row, column).to_owned();
        let (source, field) = (named("source").to_lowercase(), named("source_field"));
        let Target { target, field_type } = match said(file, row, action, facts) {
            Ok(target) => target,
            Err(problem) => {
                refused.push(format!("{source}.{field}: {problem}"));
                continue;
            }
        };
        if let Action::Change { .. } = action {
            file.set(row, "target_field", &target);
            file.set(row, "type", &field_type);
        }
        decide(file, row, action, signature);
        if Status::of(file.get(row, "status")) != Status::Confirmed {
            continue;
        }
        // Whoever confirms a column that the export lacks confirms it without a type, so that it is stale no more.
        if !staged.is_empty() {
            let holds = staged.get(&(source.clone(), field.clone()));
            file.set(row, "source_type", holds.copied().unwrap_or_default());
        }
        let Some(history) = history.as_deref_mut() else {
            continue;
        };
        for object in file.get(row, "target_object").split(';') {
            history.remember([
                source.clone(),
                field.clone(),
                object.trim().to_owned(),
                target.clone(),
                field_type.clone(),
                signature.by.clone(),
                signature.at.clone(),
                signature.project.clone(),
            ]);
        }
    }
    refused
}

/// Where a row goes once it is decided.
struct Target {
    target: String,
    field_type: String,
}

/// What a decision says about the field and the type of its row, or why it cannot be confirmed so.
fn said(
    file: &DecisionFile,
    row: usize,
    action: &Action,
    facts: Facts<'_>,
) -> Result<Target, String> {
    let cell = |column: &str| file.get(row, column).to_owned();
    let mut said = Target {
        target: cell("target_field"),
        field_type: cell("type"),
    };
    match action {
        Action::Confirm => {}
        Action::Change { target, field_type } => {
            target.trim().clone_into(&mut said.target);
            if !field_type.trim().is_empty() {
                field_type.trim().clone_into(&mut said.field_type);
            }
        }
        // What stays behind, or open, may say anything.
        Action::Ignore | Action::Reopen => return Ok(said),
    }
    let object = cell("target_object");
    let Target { target, field_type } = &said;
    let all = [
        ("target_object", &object),
        ("target_field", target),
        ("type", field_type),
    ];
    if let Some((column, _)) = all.into_iter().find(|(_, value)| value.is_empty()) {
        return Err(format!("has no {column}"));
    }
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins = target.starts_with(|letter: char| letter.is_ascii_alphabetic());
    if !begins || !target.bytes().all(letters) {
        return Err(format!("`{target}` is no API name"));
    }
    let wanted: FieldType = field_type
        .parse()
        .map_err(|error: ReadFieldTypeError| format!("{error}; {}", error.hint()))?;
    let column = (cell("source").to_lowercase(), cell("source_field"));
    if let Some(holds) = facts.staged.get(&column)
        && !can_become(holds, &wanted.to_string())
    {
        return Err(format!(
            "holds {holds} in the export and cannot become {wanted}"
        ));
    }
    for object in object.split(';').map(str::trim) {
        let found = facts.fields.problem(object, target, field_type);
        if let Some(found) = found.filter(|found| found.is_sure) {
            let nearest = found
                .nearest
                .map(|near| format!("; did you mean `{near}`?"));
            return Err(found.problem + &nearest.unwrap_or_default());
        }
        if let Some(other) = holder(file, row, object, target) {
            return Err(format!(
                "{other} goes to {object}.{target} already: ignore that row, or give it another field first"
            ));
        }
    }
    if let Action::Change { .. } = action {
        // In the one form that everything else compares.
        said.field_type = wanted.to_string();
    }
    Ok(said)
}

/// Another column of the same table that a field has already: one of the two would be lost.
fn holder(file: &DecisionFile, row: usize, object: &str, target: &str) -> Option<String> {
    let same = |other: usize, column: &str, value: &str| {
        file.get(other, column).eq_ignore_ascii_case(value)
    };
    let source = file.get(row, "source");
    let other = (0..file.len()).find(|other| {
        let mut objects = file.get(*other, "target_object").split(';');
        *other != row
            && same(*other, "source", source)
            && same(*other, "target_field", target)
            && objects.any(|one| one.trim().eq_ignore_ascii_case(object))
            && Status::of(&file.get(*other, "status").to_lowercase()) != Status::Ignored
    })?;
    Some(format!(
        "{}.{}",
        source.to_lowercase(),
        file.get(other, "source_field")
    ))
}

/// The same for rows of the value map.
pub fn decide_values(
    file: &mut DecisionFile,
    decisions: &[(usize, Action)],
    signature: &Signature,
) -> Vec<String> {
    let mut refused = Vec::new();
    for (row, action) in decisions {
        let row = *row;
        let value = match action {
            Action::Change { target, .. } => target.trim(),
            _ => file.get(row, "target_value"),
        };
        let is_confirmed = matches!(action, Action::Confirm | Action::Change { .. });
        if is_confirmed && value.is_empty() {
            refused.push(format!(
                "{}.{} `{}`: has no target_value",
                file.get(row, "object"),
                file.get(row, "field"),
                file.get(row, "source_value")
            ));
            continue;
        }
        if let Action::Change { target, .. } = action {
            file.set(row, "target_value", target.trim());
        }
        decide(file, row, action, signature);
    }
    refused
}

fn decide(file: &mut DecisionFile, row: usize, action: &Action, signature: &Signature) {
    let (status, by, at) = match action {
        Action::Confirm | Action::Change { .. } => {
            ("confirmed", signature.by.as_str(), signature.at.as_str())
        }
        Action::Ignore => ("ignored", signature.by.as_str(), signature.at.as_str()),
        Action::Reopen => ("proposed", "", ""),
    };
    file.set(row, "status", status);
    file.set(row, "confirmed_by", by);
    file.set(row, "confirmed_at", at);
}

/// Writes the field map, the value map and the other files that were decided: all of them or, while one cannot be written, none;
/// then the history.
///
/// # Errors
/// [`MappingError::Changed`], [`MappingError::WriteFile`].
pub fn save_decisions(
    fields: &mut DecisionFile,
    values: &mut DecisionFile,
    others: Vec<&mut DecisionFile>,
    history: Option<&UserHistory>,
) -> Result<(), MappingError> {
    let mut files = vec![fields];
    if !values.is_empty() {
        files.push(values);
    }
    files.extend(others);
    save_all(files)?;
    history.map_or(Ok(()), UserHistory::save)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature() -> Signature {
        Signature {
            by: "anna".to_owned(),
            at: "2026-02-20".to_owned(),
            project: "acme".to_owned(),
        }
    }

    #[test]
    fn decisions_are_signed_and_what_says_nothing_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("config")).unwrap();
        let path = folder.path().join("config/field_map.csv");
        std::fs::write(
            &path,
            "source,source_field,target_object,target_field,type,status,class\n\
             people,job,Lead;Contact,Title,Text(128),proposed,certain\n\
             people,plan,Lead,,,proposed,guess\n\
             people,odd,Lead,Odd,Text(80),proposed,guess\n\
             people,old,Lead,Old__c,Text(80),proposed,guess\n",
        )
        .unwrap();
        let mut file = DecisionFile::open(folder.path(), "field_map").unwrap();
        let mut history = UserHistory::open(&folder.path().join("user.csv")).unwrap();
        let staged = StagedTypes::from([(("people".to_owned(), "job".to_owned()), "text")]);
        let change = Action::Change {
            target: "Not a name".to_owned(),
            field_type: String::new(),
        };
        let decisions = [
            (0, Action::Confirm),
            (1, Action::Confirm),
            (2, change),
            (3, Action::Ignore),
        ];
        let refused = decide_fields(
            &mut file,
            &decisions,
            &signature(),
            Facts {
                staged: &staged,
                fields: &KnownFields::standard(),
            },
            Some(&mut history),
        );
        assert_eq!(
            refused,
            [
                "people.plan: has no target_field",
                "people.odd: `Not a name` is no API name"
            ]
        );
        let row = |row: usize| {
            ["status", "confirmed_by", "confirmed_at", "source_type"]
                .map(|column| file.get(row, column).to_owned())
        };
        assert_eq!(row(0), ["confirmed", "anna", "2026-02-20", "text"]);
        assert_eq!(row(1), ["proposed", "", "", ""]);
        assert_eq!(row(3)[0], "ignored");
        let known = history.known();
        assert!(known.get("people", "job", "Contact").is_some());
        assert!(known.get("people", "old", "Lead").is_none());
        let facts = Facts {
            staged: &staged,
            fields: &KnownFields::default(),
        };
        let reopen = [(0, Action::Reopen)];
        decide_fields(&mut file, &reopen, &signature(), facts, None);
        assert_eq!(file.get(0, "confirmed_by"), "");
    }

    fn change(target: &str, field_type: &str) -> Action {
        Action::Change {
            target: target.to_owned(),
            field_type: field_type.to_owned(),
        }
    }

    /// A project with this field map and this value map.
    fn project(fields: &str, values: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config");
        std::fs::create_dir_all(&config).unwrap();
        std::fs::write(config.join("field_map.csv"), fields).unwrap();
        std::fs::write(config.join("value_map.csv"), values).unwrap();
        folder
    }

    const CONFIRMED: &str = "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n\
        people,job,Lead;Contact,Title,Text(128),confirmed,eve,2026-01-02\n\
        people,staff,Lead,Staff__c,\"Number(18,2)\",proposed,,\n\
        people,born,Contact,Born__c,Date,proposed,,\n";

    #[test]
    fn a_decision_that_is_refused_leaves_the_row_as_it_was() {
        let values = "object,field,source_value,target_value,status,confirmed_by,confirmed_at\n\
                      Lead,Rating,zimny,Cold,confirmed,eve,2026-01-02\n";
        let folder = project(CONFIRMED, values);
        let mut fields = DecisionFile::open(folder.path(), "field_map").unwrap();
        let staged = StagedTypes::from([
            (("people".to_owned(), "staff".to_owned()), "decimal"),
            (("people".to_owned(), "born".to_owned()), "text"),
        ]);
        let known = KnownFields::standard();
        let facts = Facts {
            staged: &staged,
            fields: &known,
        };
        let decisions = [
            (0, change("Bad Name!", "")),
            (0, change("", "")),
            (0, change("Titel", "")),
            (0, change("Birthdate", "")),
            (0, change("Title", "Foo")),
            (1, change("title", "Text(80)")),
            (1, change("Staff_Note__c", "Text(80)")),
            (2, Action::Confirm),
            (2, change("title", "Text(80)")),
        ];
        let refused = decide_fields(&mut fields, &decisions, &signature(), facts, None);
        let told = [
            "people.job: `Bad Name!` is no API name",
            "people.job: has no target_field",
            "people.job: Lead has no standard field Titel; did you mean `Title`?",
            "people.job: Contact.Birthdate is of the type date, which takes no Text(128)",
            "people.job: `Foo` is not a field type; ",
            "people.staff: holds decimal in the export and cannot become Text(80)",
            "people.staff: holds decimal in the export and cannot become Text(80)",
            "people.born: holds text in the export and cannot become Date",
            "people.born: people.job goes to Contact.title already: ",
        ];
        let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
        assert_eq!(refused.len(), told.len(), "{refused:#?}");
        for (refused, told) in refused.iter().zip(told) {
            assert!(refused.starts_with(told), "{refused}: {told}");
        }
        assert!(!fields.save().unwrap());

        let mut file = DecisionFile::open(folder.path(), "value_map").unwrap();
        let refused = decide_values(&mut file, &[(0, change(" ", ""))], &signature());
        assert_eq!(refused, ["Lead.Rating `zimny`: has no target_value"]);
        assert!(!file.save().unwrap());

        let decided = [(1, change("NumberOfEmployees", "number(18, 2)"))];
        assert!(decide_fields(&mut fields, &decided, &signature(), facts, None).is_empty());
        assert_eq!(fields.get(1, "type"), "Number(18,2)");
    }
}
