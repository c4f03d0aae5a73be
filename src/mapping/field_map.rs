//! `config/field_map.csv`: which attribute becomes which Salesforce field, and who said so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{DecisionRow, MappingError, ValueMap, decision_rows, stale};
use crate::finding::Finding;
use crate::staging::Snapshot;

/// The file.
pub(super) const FILE: &str = "config/field_map.csv";

/// What a person has decided about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It moves.
    Confirmed,
    /// It stays behind, by decision.
    Ignored,
    /// Nobody has decided yet.
    Proposed,
}

impl Status {
    /// What a cell says; anything else is no decision.
    #[must_use]
    pub fn of(cell: &str) -> Self {
        match cell {
            "confirmed" => Self::Confirmed,
            "ignored" => Self::Ignored,
            _ => Self::Proposed,
        }
    }
}

/// One row of the map.
#[derive(Clone, Debug)]
pub struct MapRow {
    /// 1-based line in the file.
    pub line: u64,
    /// Source table: `people`, `companies`, `deals`.
    pub source: String,
    /// Column of the staged table.
    pub source_field: String,
    /// Salesforce object.
    pub target_object: String,
    /// Salesforce field, API name.
    pub target_field: String,
    /// Salesforce type, such as `Text(255)`.
    pub field_type: String,
    /// Label of a new field; empty if nobody gave one.
    pub label: String,
    /// What the source's column held when it was decided, such as `text`; empty if nobody wrote it down.
    pub source_type: String,
    /// Whether it was proposed by the program, and not begun by a person.
    pub is_proposal: bool,
    /// The decision.
    pub status: Status,
    /// Whether both confirmer and date are given.
    pub signed: bool,
}

impl MapRow {
    /// What the field is called among the customer's own: two objects may have fields of one name.
    #[must_use]
    pub fn child(&self) -> String {
        format!("{}.{}", self.target_object, self.target_field)
    }

    /// Whether it goes to this object; Salesforce ignores case in names.
    #[must_use]
    pub fn is_for(&self, object: &str) -> bool {
        self.target_object.eq_ignore_ascii_case(object)
    }
}

/// The whole map.
#[derive(Clone, Debug, Default)]
pub struct FieldMap {
    rows: Vec<MapRow>,
    values: ValueMap,
    /// Whether what nobody has decided keeps no query from being planned.
    pub(super) is_partial: bool,
}

impl FieldMap {
    /// Reads the project's map; a project without one has an empty map.
    ///
    /// # Errors
    /// [`MappingError`] naming the line.
    pub fn load(project: &Path) -> Result<Self, MappingError> {
        let mut map = Self::of(&decision_rows(project, "field_map")?)?;
        map.values = ValueMap::load(project)?;
        Ok(map)
    }

    fn of(rows: &[DecisionRow]) -> Result<Self, MappingError> {
        // One row may stand for several objects: `Lead;Contact`.
        let objects = |row: &DecisionRow| -> Vec<String> {
            let objects = row.get("target_object").split(';');
            objects.map(|object| object.trim().to_owned()).collect()
        };
        let row = |row: &DecisionRow, target_object: String| MapRow {
            line: row.line,
            source: row.get("source").to_lowercase(),
            source_field: row.get("source_field").to_owned(),
            target_object,
            target_field: row.get("target_field").to_owned(),
            field_type: row.get("type").to_owned(),
            label: row.get("label").to_owned(),
            source_type: row.get("source_type").to_owned(),
            is_proposal: !row.get("class").is_empty(),
            status: Status::of(row.get("status")),
            signed: !row.get("confirmed_by").is_empty() && !row.get("confirmed_at").is_empty(),
        };
        let map = Self {
            rows: rows
                .iter()
                .flat_map(|one| objects(one).into_iter().map(|object| row(one, object)))
                .collect(),
            values: ValueMap::default(),
            is_partial: false,
        };
        none_of(map.shared_targets())?;
        Ok(map)
    }

    /// Fields that two attributes of one table are to go to: one of them would be lost.
    fn shared_targets(&self) -> Vec<Finding> {
        let mut seen: BTreeMap<(&str, String, String), &MapRow> = BTreeMap::new();
        let mut findings = Vec::new();
        for row in self.rows.iter().filter(|row| row.status != Status::Ignored) {
            let target = (
                row.source.as_str(),
                row.target_object.to_lowercase(),
                row.target_field.to_lowercase(),
            );
            let Some(first) = seen.insert(target, row) else {
                continue;
            };
            if row.target_field.is_empty() {
                continue;
            }
            let problem = format!(
                "{source}.{} goes to {}.{}, and so does {source}.{} of line {}: Salesforce ignores case in names; give one of \
                 them another field",
                row.source_field,
                row.target_object,
                row.target_field,
                first.source_field,
                first.line,
                source = row.source,
            );
            findings.push(Finding::new(FILE, problem).line(row.line));
        }
        findings
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = &MapRow> {
        self.rows.iter()
    }

    /// Which values of picklists stand for values of the source.
    #[must_use]
    pub fn values(&self) -> &ValueMap {
        &self.values
    }

    /// Rows that move.
    pub fn confirmed(&self) -> impl Iterator<Item = &MapRow> {
        self.rows
            .iter()
            .filter(|row| row.status == Status::Confirmed && row.signed)
    }

    /// Rows that wait for a decision, of the value map too: nothing moves without a confirmed map.
    #[must_use]
    pub fn unconfirmed(&self) -> Vec<Finding> {
        self.waiting().collect()
    }

    fn waiting(&self) -> impl Iterator<Item = Finding> {
        let rows = self.rows.iter().filter_map(|row| {
            let missing = match row.status {
                Status::Proposed => "no decision",
                Status::Confirmed if !row.signed => "no confirmed_by or confirmed_at",
                _ => return None,
            };
            let column = format!("{}.{}", row.source, row.source_field);
            let problem = match row.target_object.is_empty() && row.target_field.is_empty() {
                true => format!(
                    "nobody has decided what becomes of {column}; `transload map propose` proposes a field, status `ignored` leaves it out"
                ),
                false => format!(
                    "{column} → {}.{} is not confirmed ({missing}); `transload map review` and `transload map confirm` do it",
                    row.target_object, row.target_field
                ),
            };
            Some(Finding::new(FILE, problem).line(row.line))
        });
        let values = self
            .confirmed()
            .flat_map(|row| self.values.open(&row.target_object, &row.target_field));
        rows.chain(values)
    }

    /// The map as far as it is decided: what else is wrong can be found with it, and nothing can be sent.
    #[must_use]
    pub fn as_far_as_decided(mut self, snapshot: &Snapshot) -> Self {
        let lines: BTreeSet<u64> = stale(&self, snapshot).filter_map(|row| row.line).collect();
        self.rows.retain(|row| !lines.contains(&row.line));
        self.is_partial = true;
        self
    }

    /// The map without columns that this export lacks, such as that of a case, which has a few columns only.
    #[must_use]
    pub fn for_columns_of(mut self, snapshot: &Snapshot) -> Self {
        self.rows.retain(|row| {
            let table = snapshot.get("usercom", &row.source);
            table.is_none_or(|table| table.schema.field_with_name(&row.source_field).is_ok())
        });
        self
    }

    /// Whether a row is about this column of this table.
    #[must_use]
    pub fn mentions(&self, source: &str, field: &str) -> bool {
        let is_meant = |row: &MapRow| row.source == source && row.source_field == field;
        self.rows.iter().any(is_meant)
    }
}

/// No findings, or an error with all of them.
pub(super) fn none_of(findings: Vec<Finding>) -> Result<(), MappingError> {
    match findings.is_empty() {
        true => Ok(()),
        false => Err(MappingError::Decisions { findings }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n";

    fn map(rows: &str) -> FieldMap {
        read(rows).unwrap()
    }

    fn read(rows: &str) -> Result<FieldMap, MappingError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("config")).unwrap();
        let path = folder.path().join("config/field_map.csv");
        std::fs::write(path, format!("{HEADER}{rows}")).unwrap();
        FieldMap::load(folder.path())
    }

    #[test]
    fn an_unsigned_confirmation_does_not_count() {
        let map = map("people,nps,Lead,Nps__c,\"Number(18,0)\",confirmed,,\n");
        let found = map.unconfirmed();
        insta::assert_snapshot!(found[0], @"config/field_map.csv line 2: people.nps → Lead.Nps__c is not confirmed (no confirmed_by or confirmed_at); `transload map review` and `transload map confirm` do it");
    }

    #[test]
    fn two_attributes_cannot_go_to_one_field() {
        let rows = "people,plan,Lead,Plan__c,Text(80),confirmed,a,2026-02-20\n\
                    companies,plan,Lead,Plan__c,Text(80),confirmed,a,2026-02-20\n\
                    people,tariff,Contact,Plan__c,Text(80),confirmed,a,2026-02-20\n\
                    people,old,Lead,Plan__c,Text(80),ignored,,\n\
                    people,Płan,Lead,plan__c,Text(80),confirmed,a,2026-02-20\n";
        insta::assert_snapshot!(read(rows).unwrap_err(), @"
        1 mistake(s) in the project's files
          config/field_map.csv line 6: people.Płan goes to Lead.plan__c, and so does people.plan of line 2: Salesforce ignores case in names; give one of them another field
        ");
    }

    #[test]
    fn ignored_attributes_are_mentioned() {
        let map = map("people,nps,Lead,Nps__c,\"Number(18,0)\",ignored,,\n");
        assert_eq!(map.unconfirmed(), []);
        assert!(map.mentions("people", "nps"));
        assert!(!map.mentions("people", "age"));
    }
}
