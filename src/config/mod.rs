//! `migration.toml` and the environment → validated settings.
//!
//! In: the project folder. Out: a [`Config`] in which every value was checked. This module is the only reader of
//! the environment; secrets come from there alone and are never written, logged or shown.

mod destination;
mod engine;
mod error;
mod gates;
mod llm;
mod options;
mod path;
mod readable;
mod source;

pub use destination::{AuthKind, Destination, DestinationKind, secret};
pub use engine::Cluster;
pub use error::ConfigError;
pub(crate) use error::nearest;
pub use gates::{Gates, gate_table};
pub use llm::{Disclosure, Llm};
pub use options::{OptionValue, QueryOptions, option_table};
pub use path::plain_path;
pub use source::{Api, MissingOptOut, Source};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use engine::EngineSection;

/// A project's settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The project folder.
    pub project: PathBuf,
    /// Name for reports.
    pub name: String,
    /// Folder or URL of the staging area, absolute if a folder.
    pub staging: String,
    /// Target for the resident memory of the process, in bytes.
    pub memory_limit: usize,
    /// The cluster that computes models and outboxes, if this machine does not.
    pub cluster: Option<Cluster>,
    /// Zone in which an instant becomes a date (`guide/rules.md` 13).
    pub business_timezone: chrono_tz::Tz,
    /// Where exports are and how to read them.
    pub source: Source,
    /// Values of `$name` in SQL.
    pub options: QueryOptions,
    /// Boolean SQL expression per source table.
    pub scope: BTreeMap<String, String>,
    /// The people that take part, if not all of them do; of a command, never of a file.
    pub sample: Option<Sample>,
    /// When a phase may be followed by the next.
    pub gates: Gates,
    /// Shell command that is told how a run ended.
    pub notify: Option<String>,
    /// Whether every run ends with its report.
    pub report: bool,
    /// The language model that is asked about proposals, if any.
    pub llm: Option<Llm>,
    /// All destinations by name.
    pub destinations: BTreeMap<String, Destination>,
    default_target: Option<String>,
}

/// Some of the people in scope, with everything that hangs on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// How many.
    pub people: u32,
    /// Which: the same number, the same people.
    pub seed: u32,
}

/// The `[documents]` section.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Documents {
    report: bool,
}

impl Default for Documents {
    fn default() -> Self {
        Self { report: true }
    }
}

/// The `[notify]` section.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Notify {
    command: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    staging: Option<String>,
    memory_limit: Option<String>,
    business_timezone: chrono_tz::Tz,
    default_target: Option<String>,
    #[serde(default)]
    engine: EngineSection,
    #[serde(default)]
    source: Source,
    #[serde(default)]
    options: BTreeMap<String, OptionValue>,
    #[serde(default)]
    scope: BTreeMap<String, String>,
    #[serde(default)]
    gates: Gates,
    #[serde(default)]
    notify: Notify,
    llm: Option<Llm>,
    #[serde(default)]
    documents: Documents,
    #[serde(default)]
    destination: BTreeMap<String, Destination>,
}

impl File {
    /// The first value that cannot be, by its key, and why not.
    fn check(&mut self) -> Result<(), (String, String)> {
        for table in self.scope.keys() {
            if !SCOPED.contains(&table.as_str()) {
                let reason = format!("no such source table; known: {}", SCOPED.join(", "));
                return Err((format!("scope.{table}"), reason));
            }
        }
        for (key, percent) in [
            ("max_failed_percent", self.gates.max_failed_percent),
            ("max_rejected_percent", self.gates.max_rejected_percent),
            ("max_unreadable_percent", self.gates.max_unreadable_percent),
            ("max_held_percent", self.gates.max_held_percent),
            ("max_delete_share", self.gates.max_delete_share),
            ("storm_percent", self.gates.storm_percent),
        ] {
            if !(0.0..=100.0).contains(&percent) {
                let reason = "must be between 0 and 100".to_owned();
                return Err((format!("gates.{key}"), reason));
            }
        }
        for (table, pattern) in &self.source.links {
            let is_web = pattern.starts_with("https://") || pattern.starts_with("http://");
            if !is_web || !pattern.contains("{id}") {
                let reason =
                    "must be an address with {id} in it, such as \"https://acme.user.com/…/{id}/\"";
                return Err((format!("source.links.{table}"), reason.to_owned()));
            }
        }
        if let Some(api) = &mut self.source.api {
            api.check()
                .map_err(|(key, reason)| (format!("source.api.{key}"), reason))?;
        }
        if let Some(llm) = &self.llm {
            llm.check()
                .map_err(|(key, reason)| (format!("llm.{key}"), reason))?;
        }
        for (name, destination) in &self.destination {
            destination
                .check()
                .map_err(|(key, reason)| (format!("destination.{name}.{key}"), reason))?;
        }
        match &self.default_target {
            Some(target) if !self.destination.contains_key(target) => {
                let reason = format!("there is no [destination.{target}]");
                Err(("default_target".to_owned(), reason))
            }
            _ => Ok(()),
        }
    }
}

/// The settings as text: UTF-8 with or without a mark. Other encodings are told by what they look like.
fn text_of<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, ConfigError> {
    let wide = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) || bytes.contains(&0);
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(text) {
        Ok(text) if !wide => Ok(text),
        found => {
            let before = found.map_or_else(|error| error.valid_up_to(), |_| 0);
            let line = 1 + text[..before].iter().filter(|byte| **byte == b'\n').count();
            let what = if wide { "UTF-16" } else { "another code page" };
            Err(ConfigError::Syntax {
                path: path.to_path_buf(),
                line,
                reason: format!("it is not UTF-8 but {what}: save the file as UTF-8"),
            })
        }
    }
}

/// Source tables that may carry a `[scope]` expression.
const SCOPED: [&str; 16] = [
    "people",
    "companies",
    "deals",
    "products",
    "deal_products",
    "stage_changes",
    "activities",
    "events",
    "emails",
    "sms",
    "conversations",
    "messages",
    "notes",
    "files",
    "segments",
    "lists",
];

impl Config {
    /// Reads and checks `migration.toml` of a project; `work` overrides the staging location.
    ///
    /// # Errors
    /// [`ConfigError`]: missing file, syntax, unknown key (with the nearest known one), bad value.
    pub fn load(project: &Path, work: Option<&str>) -> Result<Self, ConfigError> {
        let path = project.join("migration.toml");
        let bytes = read(&path)?;
        let text = text_of(&path, &bytes)?;
        Self::parse(project, &path, text, work)
    }

    fn parse(
        project: &Path,
        path: &Path,
        text: &str,
        work: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let mut file: File =
            toml::from_str(text).map_err(|error| ConfigError::parse(path, text, &error))?;
        let bad = |key: &str, reason: String| ConfigError::BadValue {
            path: path.to_path_buf(),
            key: key.to_owned(),
            reason,
        };
        file.check().map_err(|(key, reason)| bad(&key, reason))?;
        let memory_limit = match &file.memory_limit {
            None => 512 << 20,
            Some(text) => parse_bytes(text).ok_or_else(|| {
                bad(
                    "memory_limit",
                    format!("`{text}` is not a size such as \"512MB\""),
                )
            })?,
        };
        if memory_limit < 128 << 20 {
            return Err(bad("memory_limit", "must be at least 128MB".to_owned()));
        }
        let options = QueryOptions::new(file.options)
            .map_err(|(key, reason)| bad(&format!("options.{key}"), reason))?;
        let cluster = file.engine.cluster();
        let cluster = cluster.map_err(|(key, reason)| bad(&format!("engine.{key}"), reason))?;
        let absolute = plain_path(project).unwrap_or_else(|_| project.to_path_buf());
        let staging = staging_area(&absolute, work, file.staging);
        if let Some(file) = in_the_way(&staging) {
            return Err(bad(
                "staging",
                format!("leads to a file: {}", file.display()),
            ));
        }
        let name = file.name.unwrap_or_else(|| {
            absolute.file_name().map_or_else(
                || "migration".to_owned(),
                |name| name.to_string_lossy().into_owned(),
            )
        });
        Ok(Self {
            project: absolute,
            name,
            staging,
            memory_limit,
            cluster,
            business_timezone: file.business_timezone,
            source: file.source,
            options,
            scope: file.scope,
            sample: None,
            gates: file.gates,
            report: file.documents.report,
            notify: file
                .notify
                .command
                .filter(|command| !command.trim().is_empty()),
            llm: file.llm,
            destinations: file.destination,
            default_target: file.default_target,
        })
    }

    /// The destination to use: `target`, else `default_target`, else the only one.
    ///
    /// # Errors
    /// [`ConfigError::ChooseTarget`].
    pub fn target(&self, target: Option<&str>) -> Result<(&str, &Destination), ConfigError> {
        let wanted = target.or(self.default_target.as_deref());
        let found = match wanted {
            Some(name) => self.destinations.get_key_value(name),
            None if self.destinations.len() == 1 => self.destinations.first_key_value(),
            None => None,
        };
        found
            .map(|(name, destination)| (name.as_str(), destination))
            .ok_or_else(|| ConfigError::ChooseTarget {
                wanted: wanted.map(str::to_owned),
                known: self.destinations.keys().cloned().collect(),
            })
    }

    /// Folder of the export, absolute.
    #[must_use]
    pub fn export(&self) -> PathBuf {
        self.project.join(&self.source.export)
    }
}

/// The staging area: what the command names, what the file names, or a folder of the project.
fn staging_area(project: &Path, work: Option<&str>, file: Option<String>) -> String {
    match (work, file) {
        (Some(work), _) => work.to_owned(),
        (None, Some(staging)) if staging.contains("://") => staging,
        (None, staging) => project
            .join(staging.unwrap_or_else(|| ".transload".to_owned()))
            .to_string_lossy()
            .into_owned(),
    }
}

/// The file that stands where a staging area has a folder.
fn in_the_way(staging: &str) -> Option<&Path> {
    if staging.contains("://") {
        return None;
    }
    let mut folders = Path::new(staging).ancestors();
    let there = folders.find(|folder| folder.exists());
    there.filter(|there| !there.is_dir())
}

fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|source| ConfigError::ReadFile {
        path: path.to_path_buf(),
        source,
    })
}

/// `512MB`, `2 GB`, `700MiB`, `1000000`: a number of bytes (units are powers of 1,024).
fn parse_bytes(text: &str) -> Option<usize> {
    let text = text.trim();
    let split = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}

/// Whether the environment asks for plain output.
#[must_use]
pub fn no_color() -> bool {
    env("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Where what was confirmed in any project is remembered for the next one: `TRANSLOAD_HISTORY`, a file, or `off`; else a
/// file among the user's data. None = nothing is remembered.
#[must_use]
pub fn history_file() -> Option<PathBuf> {
    let set = |name: &str| env(name).filter(|value| !value.trim().is_empty());
    if let Some(asked) = set("TRANSLOAD_HISTORY") {
        return (!asked.eq_ignore_ascii_case("off")).then(|| PathBuf::from(asked));
    }
    let data = set("XDG_DATA_HOME").map(PathBuf::from);
    let home = || set("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    Some(data.or_else(home)?.join("transload/confirmed.csv"))
}

/// Letters in a line of the terminal, where `COLUMNS` says so.
#[must_use]
pub fn columns() -> Option<usize> {
    env("COLUMNS")?.parse().ok()
}

/// The log filter asked for by `TRANSLOAD_LOG`, such as `transload=debug`.
#[must_use]
pub fn log_filter() -> Option<String> {
    env("TRANSLOAD_LOG")
}

/// Settings of an object store from the environment: every `AWS_…` variable, by its lower-case name.
pub fn storage_options() -> impl Iterator<Item = (String, String)> {
    std::env::vars()
        .filter(|(name, _)| name.starts_with("AWS_"))
        .map(|(name, value)| (name.to_lowercase(), value))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this module is the one reader of the environment"
)]
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str =
        "business_timezone = \"Europe/Warsaw\"\n[destination.sim]\nkind = \"simulator\"\n";

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(Path::new("p"), Path::new("p/migration.toml"), text, None)
    }

    #[test]
    fn minimal_file_uses_the_only_destination() {
        let config = parse(MINIMAL).unwrap();
        assert_eq!(config.target(None).unwrap().0, "sim");
        assert_eq!(config.memory_limit, 512 << 20);
    }

    #[test]
    fn misspelt_key_names_line_and_nearest_key() {
        let error = parse(&format!("stagin = \"x\"\n{MINIMAL}")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "p/migration.toml line 1: unknown key `stagin`"
        );
        assert_eq!(error.hint().unwrap(), "did you mean `staging`?");
    }

    #[test]
    fn misspelt_option_names_the_nearest_value() {
        let error = parse(&format!(
            "{MINIMAL}[options]\npeople_on_deals = \"contcat\"\n"
        ))
        .unwrap_err();
        assert!(
            error.to_string().contains("options.people_on_deals"),
            "{error}"
        );
        assert!(error.to_string().contains("contact"), "{error}");
    }

    #[test]
    fn business_timezone_has_no_default() {
        let error = parse("[destination.sim]\nkind = \"simulator\"\n").unwrap_err();
        assert!(error.to_string().contains("business_timezone"), "{error}");
    }

    #[test]
    fn several_destinations_need_a_choice() {
        let config = parse(&format!(
            "{MINIMAL}[destination.other]\nkind = \"simulator\"\n"
        ))
        .unwrap();
        let error = config.target(None).unwrap_err();
        assert!(error.hint().unwrap().contains("--target"), "{error}");
        assert_eq!(config.target(Some("other")).unwrap().0, "other");
    }

    #[test]
    fn sizes_are_read_with_units() {
        assert_eq!(parse_bytes("512MB"), Some(512 << 20));
        assert_eq!(parse_bytes("2 GiB"), Some(2 << 30));
        assert_eq!(parse_bytes("lots"), None);
    }
}
