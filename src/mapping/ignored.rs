//! Staged columns that stay behind by decision, each with a reason: those of the product, and those in the project's
//! `config/ignored_columns.csv`.
//!
//! In: the project's file besides the known ones. Out: [`IgnoredColumns`]. Never: a column of the customer's own, which only
//! the field map can ignore.

use std::collections::BTreeMap;
use std::path::Path;

use super::{MappingError, decision_rows};

/// The files, without folder and ending: what the product ignores, and what the project adds or explains in words of its own.
const NAMES: [&str; 2] = ["known_ignored_columns", "ignored_columns"];

/// Columns that have no place in Salesforce, with the reason.
#[derive(Clone, Debug, Default)]
pub struct IgnoredColumns {
    reasons: BTreeMap<(String, String), String>,
}

impl IgnoredColumns {
    /// Reads both files; the project's line counts where both name a column.
    ///
    /// # Errors
    /// [`MappingError`] with every mistake in it.
    pub fn load(project: &Path) -> Result<Self, MappingError> {
        let mut reasons = BTreeMap::new();
        for name in NAMES {
            reasons.extend(decision_rows(project, name)?.into_iter().map(|row| {
                let [source, column] =
                    ["source", "column"].map(|name| row.get(name).to_lowercase());
                ((source, column), row.get("reason").to_owned())
            }));
        }
        Ok(Self { reasons })
    }

    /// Why a column stays behind; `None` if it does not. `*` names all tables, or all columns of one.
    #[must_use]
    pub fn reason(&self, source: &str, column: &str) -> Option<&str> {
        let of = |source: &str, column: &str| {
            let name = (source.to_owned(), column.to_owned());
            self.reasons.get(&name).map(String::as_str)
        };
        of(source, column)
            .or_else(|| of(source, "*"))
            .or_else(|| of("*", column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usercom::OBJECTS;
    use crate::usercom::schema::Object;

    /// What a project with this file ignores; none = the default.
    fn load(text: Option<&str>) -> Result<IgnoredColumns, MappingError> {
        let folder = tempfile::tempdir().unwrap();
        if let Some(text) = text {
            std::fs::create_dir_all(folder.path().join("config")).unwrap();
            std::fs::write(folder.path().join("config/ignored_columns.csv"), text).unwrap();
        }
        IgnoredColumns::load(folder.path())
    }

    #[test]
    fn every_default_names_a_declared_column_and_says_why() {
        let ignored = load(None).unwrap();
        assert!(!ignored.reasons.is_empty());
        for (source, column) in ignored.reasons.keys() {
            let is_known = |table: &&Object| {
                (source == "*" || *table.name == **source)
                    && (column == "*" || table.column(column).is_some())
            };
            assert!(
                OBJECTS.iter().any(|table| is_known(&table)),
                "{source}.{column}"
            );
        }
    }

    #[test]
    fn a_projects_own_lines_add_to_those_that_are_known() {
        let ignored = load(Some(
            "source,column,reason\npeople,score,ours\nagents,name,not wanted\n",
        ));
        let ignored = ignored.unwrap();
        assert_eq!(ignored.reason("people", "score"), Some("ours"));
        assert_eq!(ignored.reason("agents", "name"), Some("not wanted"));
        let known = ignored.reason("notes", "created_by_id").unwrap();
        assert_eq!(known, "a ContentNote has no field for its author");
    }

    #[test]
    fn a_reason_is_needed() {
        let error = load(Some("source,column,reason\npeople,fcm_key,\n")).unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains("config/ignored_columns.csv line 2, column reason: is empty"),
            "{told}"
        );
    }
}
