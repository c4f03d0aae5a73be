//! Staged columns that stay behind by decision of the product, each with a reason: `config/ignored_columns.csv`.
//!
//! In: the project's file, or the default one. Out: [`IgnoredColumns`]. Never: a column of the customer's own, which only
//! the field map can ignore.

use std::collections::BTreeMap;
use std::path::Path;

use super::{MappingError, decision_rows};

/// The file, without folder and ending.
const NAME: &str = "ignored_columns";

/// Columns that have no place in Salesforce, with the reason.
#[derive(Clone, Debug, Default)]
pub struct IgnoredColumns {
    reasons: BTreeMap<(String, String), String>,
}

impl IgnoredColumns {
    /// Reads the project's file; a project without one has the default.
    ///
    /// # Errors
    /// [`MappingError`] with every mistake in it.
    pub fn load(project: &Path) -> Result<Self, MappingError> {
        let reasons = decision_rows(project, NAME)?.into_iter().map(|row| {
            let [source, column] = ["source", "column"].map(|name| row.get(name).to_lowercase());
            ((source, column), row.get("reason").to_owned())
        });
        Ok(Self {
            reasons: reasons.collect(),
        })
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
    fn a_reason_is_needed() {
        let error = load(Some("source,column,reason\npeople,fcm_key,\n")).unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains("config/ignored_columns.csv line 2, column reason: is empty"),
            "{told}"
        );
    }
}
