//! An error as the line of a list of mistakes.
//!
//! In: the error of one step. Out: file, line, column, value and nearest name, where it is the user's to correct; any other
//! error as it is.

use crate::config::ConfigError;
use crate::engine::{EngineError, brief};
use crate::error::{Class, Error};
use crate::finding::Finding;
use crate::mapping::{MappingError, scope_table};
use crate::project::ProjectError;

/// An error that is one mistake of a user as a finding; any other is returned as it is.
pub(super) fn mistake(error: Error) -> Result<Finding, Error> {
    if error.class() != Class::Input {
        return Err(error);
    }
    Ok(match &error {
        Error::Project(error) => of_project(error),
        // The place within the query that the rule became is no place of the file.
        Error::Engine(EngineError::Plan { query, source }) if scope_table(query).is_some() => {
            let key = scope_table(query).map(|table| format!("scope.{table}"));
            let problem = format!("cannot be planned: {}", brief(source));
            Finding::new("migration.toml", problem).column(key.unwrap_or_default())
        }
        Error::Engine(EngineError::Plan { query, source }) => {
            let finding = Finding::new(query, format!("cannot be planned: {}", brief(source)));
            let span = source.diagnostic().and_then(|found| found.span);
            match span {
                Some(span) => finding
                    .line(span.start.line)
                    .column(span.start.column.to_string()),
                None => finding,
            }
        }
        Error::Config(error) => of_config(error),
        Error::Mapping(error @ MappingError::Type { line, .. }) => {
            let hint = error.hint().map(|hint| format!("; {hint}"));
            let text = error.to_string();
            let place = format!("config/field_map.csv line {line}: ");
            let text = text.strip_prefix(&place).unwrap_or(&text);
            let problem = format!("{text}{}", hint.unwrap_or_default());
            Finding::new("config/field_map.csv", problem).line(*line)
        }
        Error::Mapping(MappingError::BadRow { path, line, reason }) => {
            Finding::new(path, reason).line(*line)
        }
        other => {
            let hint = other.hint().map(|hint| format!("; {hint}"));
            Finding::new(
                "migration.toml",
                format!("{other}{}", hint.unwrap_or_default()),
            )
        }
    })
}

/// The same for what is wrong with the SQL project.
pub(super) fn of_project(error: &ProjectError) -> Finding {
    let (path, line) = error.place();
    let text = error.to_string();
    let text = text.strip_prefix(path).unwrap_or(&text);
    let place = line.map(|line| format!(" line {line}"));
    let text = text
        .strip_prefix(place.as_deref().unwrap_or_default())
        .unwrap_or(text);
    let text = text.trim_start_matches([':', ' ']);
    let hint = error.hint().map(|hint| format!("; {hint}"));
    let finding = Finding::new(path, format!("{text}{}", hint.unwrap_or_default()));
    let finding = match line {
        Some(line) => finding.line(line as u64),
        None => finding,
    };
    match error.column() {
        Some(column) => finding.column(column.to_string()),
        None => finding,
    }
}

fn of_config(error: &ConfigError) -> Finding {
    const FILE: &str = "migration.toml";
    match error {
        ConfigError::UnknownKey {
            line, key, nearest, ..
        } => Finding::new(FILE, "is no key")
            .line(*line as u64)
            .value(key)
            .nearest(nearest.clone()),
        ConfigError::Syntax { line, reason, .. } => Finding::new(FILE, reason).line(*line as u64),
        ConfigError::BadValue { key, reason, .. } => Finding::new(FILE, reason).column(key),
        other => {
            let hint = other.hint().map(|hint| format!("; {hint}"));
            Finding::new(FILE, format!("{other}{}", hint.unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_cannot_hold_the_values_is_told_where_it_stands() {
        let error = MappingError::Type {
            line: 4,
            field: "people.mood".to_owned(),
            source_type: "text",
            target_type: "Date".to_owned(),
        };
        let told = mistake(error.into()).unwrap().to_string();
        assert!(
            told.starts_with("config/field_map.csv line 4: people.mood holds text in the export"),
            "{told}"
        );
    }

    #[test]
    fn a_rule_of_the_scope_is_told_by_its_key() {
        let error = EngineError::Plan {
            query: "the rule for people under [scope] in migration.toml".to_owned(),
            source: Box::new(datafusion::error::DataFusionError::Plan("no".to_owned())),
        };
        let told = mistake(error.into()).unwrap();
        assert_eq!(
            (told.file.as_str(), told.column.as_deref(), told.line),
            ("migration.toml", Some("scope.people"), None)
        );
    }
}
