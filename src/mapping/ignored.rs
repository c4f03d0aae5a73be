//! Staged columns that stay behind by decision of the product, each with a reason: `config/ignored_columns.csv`.
//!
//! In: the project's file, or the default one. Out: [`IgnoredColumns`]. Never: a column of the customer's own, which only
//! the field map can ignore.

use std::collections::BTreeMap;
use std::path::Path;

use super::{MappingError, template};

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
    /// [`MappingError`] naming the line.
    pub fn load(project: &Path) -> Result<Self, MappingError> {
        let path = format!("config/{NAME}.csv");
        let bytes = std::fs::read(project.join(&path));
        let default = template(NAME).unwrap_or_default();
        Self::parse(&path, bytes.as_deref().unwrap_or(default.as_bytes()))
    }

    fn parse(path: &str, bytes: &[u8]) -> Result<Self, MappingError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(bytes);
        let mut reasons = BTreeMap::new();
        for record in reader.records() {
            let record = record.map_err(|source| MappingError::ReadFile {
                path: path.to_owned(),
                source,
            })?;
            let line = record.position().map_or(0, csv::Position::line);
            let mut cells = record.iter().map(str::to_owned);
            let (Some(source), Some(column), Some(reason)) =
                (cells.next(), cells.next(), cells.next())
            else {
                continue;
            };
            if reason.is_empty() {
                return Err(MappingError::BadRow {
                    path: path.to_owned(),
                    line,
                    reason: format!("{source}.{column} is ignored without a reason"),
                });
            }
            reasons.insert((source.to_lowercase(), column.to_lowercase()), reason);
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
