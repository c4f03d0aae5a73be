//! Decisions about proposed rows: confirmed, ignored, changed, with who and when.
//!
//! In: decisions, each about one row of a file that was read. Out: the file with them, and what the user's history remembers.
//! Never: a decision without a name, and none about a file that changed meanwhile.

use std::collections::BTreeMap;

use super::decisions::save_all;
use super::{DecisionFile, MappingError, Status, UserHistory};

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

/// Decides rows of the field map; the file is not saved. Says what cannot be confirmed.
pub fn decide_fields(
    file: &mut DecisionFile,
    decisions: &[(usize, Action)],
    signature: &Signature,
    staged: &StagedTypes,
    mut history: Option<&mut UserHistory>,
) -> Vec<String> {
    let mut refused = Vec::new();
    for (row, action) in decisions {
        let row = *row;
        if let Action::Change { target, field_type } = action {
            file.set(row, "target_field", target.trim());
            if !field_type.trim().is_empty() {
                file.set(row, "type", field_type.trim());
            }
        }
        let named = |column: &str| file.get(row, column).to_owned();
        let (source, field) = (named("source").to_lowercase(), named("source_field"));
        let target = named("target_field");
        if matches!(action, Action::Confirm | Action::Change { .. }) {
            let lacking = ["target_object", "target_field", "type"]
                .into_iter()
                .find(|column| file.get(row, column).is_empty());
            if let Some(column) = lacking {
                refused.push(format!("{source}.{field}: has no {column}"));
                continue;
            }
            if !target
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                refused.push(format!("{source}.{field}: `{target}` is no API name"));
                continue;
            }
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
        let field_type = file.get(row, "type").to_owned();
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

/// The same for rows of the value map.
pub fn decide_values(
    file: &mut DecisionFile,
    decisions: &[(usize, Action)],
    signature: &Signature,
) -> Vec<String> {
    let mut refused = Vec::new();
    for (row, action) in decisions {
        let row = *row;
        if let Action::Change { target, .. } = action {
            file.set(row, "target_value", target.trim());
        }
        let is_confirmed = matches!(action, Action::Confirm | Action::Change { .. });
        if is_confirmed && file.get(row, "target_value").is_empty() {
            refused.push(format!(
                "{}.{} `{}`: has no target_value",
                file.get(row, "object"),
                file.get(row, "field"),
                file.get(row, "source_value")
            ));
            continue;
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
            &staged,
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
        decide_fields(
            &mut file,
            &[(0, Action::Reopen)],
            &signature(),
            &staged,
            None,
        );
        assert_eq!(file.get(0, "confirmed_by"), "");
    }
}
