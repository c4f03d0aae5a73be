//! `config/value_map.csv`: which value of a picklist stands for a value of the source, and who said so.
//!
//! In: the file. Out: [`ValueMap`], and the SQL that puts the confirmed values in place of those of the source, which are
//! compared without case and blanks around them. A value that is ignored, or that the file does not name, stays as it
//! is. Never: a value that nobody confirmed.

use std::collections::BTreeMap;
use std::path::Path;

use super::{MappingError, Status, decision_rows};
use crate::finding::Finding;

/// The file, without folder and ending.
pub const VALUE_MAP: &str = "value_map";

/// One row.
#[derive(Clone, Debug)]
pub struct ValueRow {
    /// 1-based line in the file.
    pub line: u64,
    /// Salesforce object.
    pub object: String,
    /// Salesforce field, API name.
    pub field: String,
    /// Value of the source.
    pub source_value: String,
    /// Value of the picklist.
    pub target_value: String,
    /// The decision.
    pub status: Status,
    /// Whether both confirmer and date are given.
    pub signed: bool,
}

impl ValueRow {
    /// Whether a person decided it.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.status != Status::Proposed
    }

    /// What it lacks to be applied or left out; none = it is decided.
    fn missing(&self) -> Option<&'static str> {
        match self.status {
            Status::Proposed => Some("no decision"),
            Status::Confirmed if !self.signed => Some("no confirmed_by or confirmed_at"),
            Status::Confirmed if self.target_value.is_empty() => Some("no target_value"),
            _ => None,
        }
    }
}

/// The whole file.
#[derive(Clone, Debug, Default)]
pub struct ValueMap {
    /// By object and field in lower case.
    rows: BTreeMap<(String, String), Vec<ValueRow>>,
}

impl ValueMap {
    /// Reads the project's file; a project without one has none.
    ///
    /// # Errors
    /// [`MappingError`] naming the line.
    pub fn load(project: &Path) -> Result<Self, MappingError> {
        let mut map = Self::default();
        for row in decision_rows(project, VALUE_MAP)? {
            let row = ValueRow {
                line: row.line,
                object: row.get("object").to_owned(),
                field: row.get("field").to_owned(),
                source_value: row.get("source_value").to_owned(),
                target_value: row.get("target_value").to_owned(),
                status: Status::of(row.get("status")),
                signed: !row.get("confirmed_by").is_empty() && !row.get("confirmed_at").is_empty(),
            };
            let key = key(&row.object, &row.field);
            map.rows.entry(key).or_default().push(row);
        }
        Ok(map)
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = &ValueRow> {
        self.rows.values().flatten()
    }

    /// Rows of a field.
    pub fn of(&self, object: &str, field: &str) -> &[ValueRow] {
        self.rows
            .get(&key(object, field))
            .map_or(&[], Vec::as_slice)
    }

    /// What is sent for a value.
    #[must_use]
    pub fn sent<'a>(&'a self, object: &str, field: &str, value: &'a str) -> &'a str {
        let compared = value.trim().to_lowercase();
        let mut rows = self.of(object, field).iter();
        let found = rows.find(|row| {
            row.status == Status::Confirmed
                && row.missing().is_none()
                && row.source_value.to_lowercase() == compared
        });
        found.map_or(value, |row| row.target_value.as_str())
    }

    /// Rows of a field that wait for a decision.
    pub(super) fn open(&self, object: &str, field: &str) -> Vec<Finding> {
        let open = self.of(object, field).iter().filter_map(|row| {
            let missing = row.missing()?;
            let problem = format!(
                "{}.{} `{}` → `{}` is not confirmed ({missing})",
                row.object, row.field, row.source_value, row.target_value
            );
            Some(Finding::new("config/value_map.csv", problem).line(row.line))
        });
        open.collect()
    }

    /// A text in SQL with the confirmed values in place of the source's.
    pub(super) fn applied(&self, object: &str, field: &str, text: String) -> String {
        let confirmed = self
            .of(object, field)
            .iter()
            .filter(|row| row.status == Status::Confirmed && row.missing().is_none());
        let quoted = |value: &str| format!("'{}'", value.replace('\'', "''"));
        let cases: Vec<String> = confirmed
            .map(|row| {
                let value = row.source_value.trim().to_lowercase();
                format!("when {} then {}", quoted(&value), quoted(&row.target_value))
            })
            .collect();
        if cases.is_empty() {
            return text;
        }
        format!(
            "case lower(btrim({text})) {} else {text} end",
            cases.join(" ")
        )
    }
}

fn key(object: &str, field: &str) -> (String, String) {
    (object.to_lowercase(), field.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: &str) -> ValueMap {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("config")).unwrap();
        let header = "object,field,source_value,target_value,status,confirmed_by,confirmed_at\n";
        let path = folder.path().join("config/value_map.csv");
        std::fs::write(path, format!("{header}{rows}")).unwrap();
        ValueMap::load(folder.path()).unwrap()
    }

    #[test]
    fn confirmed_values_are_put_in_place_and_others_stay() {
        let map = map("Lead,Rating,zimny,Cold,confirmed,a,2026-02-20\n\
             Lead,Rating,d'accord,It's on,confirmed,a,2026-02-20\n\
             Lead,Rating,old,,ignored,,\n\
             Lead,Rating,warm?,Warm,proposed,,\n\
             Lead,Rating,hot,Hot,confirmed,,\n");
        assert_eq!(
            map.applied("lead", "RATING", "v".to_owned()),
            "case lower(btrim(v)) when 'zimny' then 'Cold' when 'd''accord' then 'It''s on' else v end"
        );
        assert_eq!(map.applied("Contact", "Rating", "v".to_owned()), "v");
        let open = map.open("Lead", "Rating");
        assert_eq!(open.len(), 2, "{open:?}");
        assert!(
            open[0].to_string()
                == "config/value_map.csv line 5: Lead.Rating `warm?` → `Warm` is not confirmed (no decision)",
            "{open:?}"
        );
    }
}
