//! As much of `migration.toml` as can be read, with everything that is wrong with it: for a check that tells all mistakes at once.
//!
//! In: a project's folder. Out: the settings without the keys that are mistakes, and the mistakes in the order in which they were
//! met. Never: settings for a run, which stops at the first.

use std::path::Path;

use super::{Config, ConfigError, read, text_of};

impl Config {
    /// Settings without what is wrong with them, and what that is; no settings where too little is left of them.
    #[must_use]
    pub(crate) fn as_far_as_readable(
        project: &Path,
        work: Option<&str>,
    ) -> (Option<Self>, Vec<ConfigError>) {
        let path = project.join("migration.toml");
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(error) => return (None, vec![error]),
        };
        let mut text = match text_of(&path, &bytes) {
            Ok(text) => text.to_owned(),
            Err(error) => return (None, vec![error]),
        };
        let mut errors = Vec::new();
        loop {
            let error = match Self::parse(project, &path, &text, work) {
                Ok(config) => return (Some(config), errors),
                Err(error) => error,
            };
            // What is missing may have been cut away just now.
            if errors.is_empty() || !is_missing(&error) {
                let rest = without(&text, &error);
                errors.push(error);
                if let Some(rest) = rest {
                    text = rest;
                    continue;
                }
            }
            return (None, errors);
        }
    }
}

fn is_missing(error: &ConfigError) -> bool {
    matches!(error, ConfigError::Syntax { reason, .. } if reason.starts_with("missing field"))
}

/// The text without what the error is about, where that is a key or a section and the rest is TOML; lines keep their numbers.
fn without(text: &str, error: &ConfigError) -> Option<String> {
    let rest = match error {
        ConfigError::UnknownKey { line, .. } | ConfigError::Syntax { line, .. } => {
            without_line(text, *line)
        }
        ConfigError::BadValue { key, .. } => without_key(text, key)?,
        _ => return None,
    };
    (rest != text && rest.parse::<toml::Table>().is_ok()).then_some(rest)
}

/// Without a line; where it begins a section, without all lines of it.
fn without_line(text: &str, line: usize) -> String {
    let begins = |line: &str| line.trim_start().starts_with('[');
    let mut cut = false;
    let lines = text.lines().enumerate().map(|(at, content)| {
        if at + 1 == line {
            cut = begins(content);
            return "";
        }
        cut = cut && !begins(content);
        if cut { "" } else { content }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Without a dotted key, which the file may write in several ways.
fn without_key(text: &str, key: &str) -> Option<String> {
    let mut file: toml::Table = text.parse().ok()?;
    let (parents, last) = key
        .rsplit_once('.')
        .map_or((None, key), |(parents, last)| (Some(parents), last));
    let mut table = &mut file;
    for parent in parents.into_iter().flat_map(|parents| parents.split('.')) {
        table = table.get_mut(parent)?.as_table_mut()?;
    }
    table.remove(last)?;
    Some(file.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (bool, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("migration.toml"), text).unwrap();
        let (config, errors) = Config::as_far_as_readable(folder.path(), None);
        let place = format!("{}/", folder.path().display());
        let errors = errors
            .iter()
            .map(|error| error.to_string().replace(&place, ""));
        (config.is_some(), errors.collect())
    }

    const ZONE: &str = "business_timezone = \"Europe/Warsaw\"\n";

    #[test]
    fn every_mistake_is_told_and_the_rest_is_read() {
        let (read, errors) = told(&format!(
            "{ZONE}colour = 1\n[gattes]\nmax_failed_percent = 1\n[gates]\nmax_failed_percent = 200\nmax_held_percent = \"few\"\n\
             [options]\nproducts = true\n"
        ));
        assert!(read, "{errors:?}");
        assert_eq!(errors.len(), 4, "{errors:?}");
        for told in [
            "line 2: unknown key `colour`",
            "line 3: unknown key `gattes`",
            "line 7",
            "gates.max_failed_percent",
        ] {
            let is_told = errors.iter().any(|error| error.contains(told));
            assert!(is_told, "{told}: {errors:?}");
        }
    }

    #[test]
    fn what_a_cut_brings_about_is_no_mistake_of_the_file() {
        let (read, errors) = told("bussiness_timezone = \"Europe/Warsaw\"\n");
        assert!(!read);
        assert_eq!(errors.len(), 1, "{errors:?}");
        let (read, errors) = told(&format!("{ZONE}[destination.sim]\nkind = 3\n"));
        assert!(!read);
        assert_eq!(errors.len(), 1, "{errors:?}");
        let (read, errors) = told("business_timezone = \n");
        assert!(!read);
        assert_eq!(errors.len(), 1, "{errors:?}");
        let (read, errors) = told(&format!("{ZONE}colours = [\n  1,\n]\n"));
        assert!(!read);
        assert_eq!(errors.len(), 1, "{errors:?}");
    }
}
