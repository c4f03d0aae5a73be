//! Proposals in the project's own files: `config/field_map.csv` and `config/value_map.csv`.
//!
//! In: proposals. Out: rows that nobody has confirmed yet, beside those that people decided. A row is ours as long as it is
//! not decided and has a `class`: it is renewed by the next proposals. A question (a row that names a column and no target)
//! goes once its column has proposals. Never: a change to a decided row, or to one that a person began.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::{DecisionFile, MappingError, Status, VALUE_MAP};

/// The map's file, without folder and ending.
pub const FIELD_MAP: &str = "field_map";

/// A proposed row of the field map.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ProposedField {
    /// Source table.
    pub source: String,
    /// Column of the staged table.
    pub source_field: String,
    /// Salesforce object.
    pub target_object: String,
    /// Salesforce field, API name.
    pub target_field: String,
    /// Its type.
    #[serde(rename = "type")]
    pub field_type: String,
    /// `certain`, `likely` or `guess`.
    pub class: String,
    /// From 0 to 1; more where it was confirmed before.
    pub score: String,
    /// Why, in words.
    pub reasons: String,
    /// Other fields that came into question.
    pub alternatives: String,
    /// Share of rows with a value.
    pub fill: String,
    /// Some values, masked.
    pub samples: String,
    /// Label of a new field; of the org's field where there is one.
    pub label: String,
    /// Whether the org does not have the field yet.
    pub is_new: bool,
    /// What the source's column holds.
    pub source_type: String,
}

/// A proposed row of the value map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProposedValue {
    /// Salesforce object.
    pub object: String,
    /// Salesforce field, API name.
    pub field: String,
    /// Value of the source.
    pub source_value: String,
    /// Value of the picklist; empty if none is like it.
    pub target_value: String,
    /// As for fields.
    pub class: String,
    /// Why.
    pub reasons: String,
    /// Rows with the value.
    pub rows: u64,
}

/// Whether a row may be renewed.
fn is_ours(file: &DecisionFile, row: usize) -> bool {
    Status::of(&file.get(row, "status").to_lowercase()) == Status::Proposed
        && !file.get(row, "class").is_empty()
}

/// Whether a row of the field map only asks what becomes of a column.
fn is_question(file: &DecisionFile, row: usize) -> bool {
    let said = ["target_object", "target_field", "class", "confirmed_by"];
    Status::of(&file.get(row, "status").to_lowercase()) == Status::Proposed
        && said.iter().all(|column| file.get(row, column).is_empty())
}

/// Writes proposals beside what is decided; proposals of before that are not among them go.
///
/// # Errors
/// [`MappingError`] if a file cannot be read or written.
pub fn write_fields(project: &Path, proposed: &[ProposedField]) -> Result<(), MappingError> {
    let mut file = DecisionFile::open(project, FIELD_MAP)?;
    let key = |source: &str, field: &str, object: &str| {
        (
            source.to_lowercase(),
            field.to_owned(),
            object.to_lowercase(),
        )
    };
    let of = |one: &ProposedField| key(&one.source, &one.source_field, &one.target_object);
    let at = |file: &DecisionFile, row: usize| {
        let cell = |column: &str| file.get(row, column);
        key(cell("source"), cell("source_field"), cell("target_object"))
    };
    let wanted: BTreeSet<_> = proposed.iter().map(of).collect();
    let answered: BTreeSet<_> = proposed
        .iter()
        .map(|one| (one.source.to_lowercase(), one.source_field.as_str()))
        .collect();
    file.retain(|file, row| {
        if is_question(file, row) {
            let source = file.get(row, "source").to_lowercase();
            return !answered.contains(&(source, file.get(row, "source_field")));
        }
        !is_ours(file, row) || wanted.contains(&at(file, row))
    });
    let ours = (0..file.len()).filter(|row| is_ours(&file, *row));
    let known: BTreeMap<_, usize> = ours.map(|row| (at(&file, row), row)).collect();
    // Somebody may have decided a row since it was proposed.
    let decided: BTreeSet<_> = (0..file.len())
        .filter(|row| {
            let is_begun = !file.get(*row, "target_field").is_empty();
            let status = Status::of(&file.get(*row, "status").to_lowercase());
            !is_ours(&file, *row) && (is_begun || status != Status::Proposed)
        })
        .map(|row| at(&file, row))
        .collect();
    for one in proposed.iter().filter(|one| !decided.contains(&of(one))) {
        let known = known.get(&of(one)).copied();
        let cells = [
            ("source", one.source.as_str()),
            ("source_field", &one.source_field),
            ("target_object", &one.target_object),
            ("target_field", &one.target_field),
            ("type", &one.field_type),
            ("status", "proposed"),
            ("class", &one.class),
            ("score", &one.score),
            ("reasons", &one.reasons),
            ("alternatives", &one.alternatives),
            ("fill", &one.fill),
            ("samples", &one.samples),
            ("label", &one.label),
            ("source_type", &one.source_type),
        ];
        put(&mut file, known, &cells);
    }
    file.save()?;
    Ok(())
}

/// As [`write_fields`], for values.
///
/// # Errors
/// As [`write_fields`].
pub fn write_values(project: &Path, proposed: &[ProposedValue]) -> Result<(), MappingError> {
    let mut file = DecisionFile::open(project, VALUE_MAP)?;
    let of = |object: &str, field: &str, value: &str| [object, field, value].map(str::to_lowercase);
    let at = |file: &DecisionFile, row: usize| {
        let cell = |column: &str| file.get(row, column);
        of(cell("object"), cell("field"), cell("source_value"))
    };
    let key = |one: &ProposedValue| of(&one.object, &one.field, &one.source_value);
    let wanted: BTreeSet<_> = proposed.iter().map(key).collect();
    file.retain(|file, row| !is_ours(file, row) || wanted.contains(&at(file, row)));
    let known: BTreeMap<_, usize> = (0..file.len()).map(|row| (at(&file, row), row)).collect();
    for one in proposed {
        let known = known.get(&key(one)).copied();
        if known.is_some_and(|row| !is_ours(&file, row)) {
            continue;
        }
        let rows = one.rows.to_string();
        let cells = [
            ("object", one.object.as_str()),
            ("field", &one.field),
            ("source_value", &one.source_value),
            ("target_value", &one.target_value),
            ("status", "proposed"),
            ("class", &one.class),
            ("reasons", &one.reasons),
            ("rows", &rows),
        ];
        put(&mut file, known, &cells);
    }
    if !proposed.is_empty() || !file.is_empty() {
        file.save()?;
    }
    Ok(())
}

fn put(file: &mut DecisionFile, row: Option<usize>, cells: &[(&str, &str)]) {
    match row {
        Some(row) => {
            for (column, value) in cells {
                file.set(row, column, value);
            }
        }
        None => drop(file.add(cells)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(field: &str, target: &str) -> ProposedField {
        ProposedField {
            source: "people".to_owned(),
            source_field: field.to_owned(),
            target_object: "Lead".to_owned(),
            target_field: target.to_owned(),
            field_type: "Text(80)".to_owned(),
            class: "likely".to_owned(),
            ..ProposedField::default()
        }
    }

    #[test]
    fn what_was_decided_since_it_was_proposed_is_not_proposed_again() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("config")).unwrap();
        let path = folder.path().join("config/field_map.csv");
        let decided = "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at,class\n\
                       people,plan,Lead,Plan__c,Text(80),confirmed,anna,2026-02-20,likely\n";
        std::fs::write(&path, decided).unwrap();
        write_fields(folder.path(), &[one("plan", "Tariff__c")]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn a_question_goes_once_its_column_has_proposals() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("config")).unwrap();
        let path = folder.path().join("config/field_map.csv");
        let asked = "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n\
                     people,plan,,,,proposed,,\npeople,other,,,,proposed,,\npeople,plan,,,,ignored,anna,2026-02-20\n";
        std::fs::write(&path, asked).unwrap();
        write_fields(folder.path(), &[one("plan", "Plan__c")]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().skip(1).map(|line| &line[..14]).collect();
        assert_eq!(
            lines,
            ["people,other,,", "people,plan,,,", "people,plan,Le"]
        );
    }

    #[test]
    fn proposals_are_renewed_and_what_people_wrote_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config/field_map.csv");
        std::fs::create_dir_all(folder.path().join("config")).unwrap();
        let people = "people,job,Lead,Title,Text(128),confirmed,anna,2026-02-20,mine\n\
                      people,begun,Lead,Begun__c,Text(80),,,,asked sales\n";
        let header = "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at,our_note\n";
        std::fs::write(&path, format!("{header}{people}")).unwrap();
        write_fields(
            folder.path(),
            &[one("plan", "Plan__c"), one("old", "Old__c")],
        )
        .unwrap();
        write_fields(folder.path(), &[one("plan", "Tariff__c")]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(
            lines[1].starts_with("people,job,Lead,Title,Text(128),confirmed,anna,2026-02-20,mine")
        );
        assert!(lines[2].contains("asked sales"));
        assert!(
            lines[3].starts_with("people,plan,Lead,Tariff__c,Text(80),proposed,,,,likely"),
            "{text}"
        );
    }
}
