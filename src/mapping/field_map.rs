//! `config/field_map.csv`: which attribute becomes which Salesforce field, and who said so.

use std::collections::BTreeMap;
use std::path::Path;

use super::{DecisionRow, MappingError, ValueMap, decision_rows};

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
        };
        map.ensure_one_source("config/field_map.csv")?;
        Ok(map)
    }

    /// Refuses a field that two attributes of one table are to go to: one of them would be lost.
    fn ensure_one_source(&self, path: &str) -> Result<(), MappingError> {
        let mut seen: BTreeMap<(&str, String, String), &MapRow> = BTreeMap::new();
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
            return Err(MappingError::BadRow {
                path: path.to_owned(),
                line: row.line,
                reason: format!(
                    "{source}.{} goes to {}.{}, and so does {source}.{} of line {}: Salesforce ignores case in names; give one \
                     of them another field",
                    row.source_field,
                    row.target_object,
                    row.target_field,
                    first.source_field,
                    first.line,
                    source = row.source,
                ),
            });
        }
        Ok(())
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

    /// Fails while any row waits for a decision: nothing moves without a confirmed map.
    ///
    /// # Errors
    /// [`MappingError::Unconfirmed`].
    pub fn require_confirmed(&self) -> Result<(), MappingError> {
        let mut rows: Vec<String> = self
            .rows
            .iter()
            .filter_map(|row| {
                let missing = match row.status {
                    Status::Proposed => "no decision",
                    Status::Confirmed if !row.signed => "no confirmed_by or confirmed_at",
                    _ => return None,
                };
                Some(format!(
                    "line {} {}.{} → {}.{} ({missing})",
                    row.line, row.source, row.source_field, row.target_object, row.target_field
                ))
            })
            .collect();
        rows.extend(
            self.confirmed()
                .flat_map(|row| self.values.open(&row.target_object, &row.target_field)),
        );
        if rows.is_empty() {
            Ok(())
        } else {
            Err(MappingError::Unconfirmed { rows })
        }
    }

    /// Fails while an attribute of the export (`source.field`) is not mentioned.
    ///
    /// # Errors
    /// [`MappingError::Unmapped`].
    pub fn require_mentioned<'a>(
        &self,
        attributes: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), MappingError> {
        let attributes: Vec<String> = attributes
            .filter(|(source, field)| {
                !self
                    .rows
                    .iter()
                    .any(|row| row.source == *source && row.source_field == *field)
            })
            .map(|(source, field)| format!("{source}.{field}"))
            .collect();
        if attributes.is_empty() {
            Ok(())
        } else {
            Err(MappingError::Unmapped { attributes })
        }
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
        let error = map.require_confirmed().unwrap_err();
        insta::assert_snapshot!(error, @"1 row(s) of config/field_map.csv are not confirmed: line 2 people.nps → Lead.Nps__c (no confirmed_by or confirmed_at)");
    }

    #[test]
    fn two_attributes_cannot_go_to_one_field() {
        let rows = "people,plan,Lead,Plan__c,Text(80),confirmed,a,b\n\
                    companies,plan,Lead,Plan__c,Text(80),confirmed,a,b\n\
                    people,tariff,Contact,Plan__c,Text(80),confirmed,a,b\n\
                    people,old,Lead,Plan__c,Text(80),ignored,,\n\
                    people,Płan,Lead,plan__c,Text(80),confirmed,a,b\n";
        insta::assert_snapshot!(read(rows).unwrap_err(), @"config/field_map.csv line 6: people.Płan goes to Lead.plan__c, and so does people.plan of line 2: Salesforce ignores case in names; give one of them another field");
    }

    #[test]
    fn ignored_attributes_are_mentioned() {
        let map = map("people,nps,Lead,Nps__c,\"Number(18,0)\",ignored,,\n");
        map.require_confirmed().unwrap();
        map.require_mentioned([("people", "nps")].into_iter())
            .unwrap();
        let error = map
            .require_mentioned([("people", "age")].into_iter())
            .unwrap_err();
        assert!(error.to_string().contains("people.age"), "{error}");
    }
}
