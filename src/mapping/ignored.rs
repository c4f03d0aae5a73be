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

    #[test]
    fn every_default_names_a_declared_column_and_says_why() {
        let default = template(NAME).unwrap();
        let ignored = IgnoredColumns::parse("default", default.as_bytes()).unwrap();
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
        let text = "source,column,reason\npeople,fcm_key,\n";
        let error = IgnoredColumns::parse("config/x.csv", text.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "config/x.csv line 2: people.fcm_key is ignored without a reason"
        );
    }
}
