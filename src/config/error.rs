//! What can be wrong with a project's settings.

use std::path::{Path, PathBuf};

/// A mistake in `migration.toml` or the environment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no `migration.toml`, or it cannot be read.
    #[error("cannot read {}", path.display())]
    ReadFile {
        /// Where it was looked for.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A key nobody knows.
    #[error("{} line {line}: unknown key `{key}`", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// 1-based line.
        line: usize,
        /// The key as written.
        key: String,
        /// The nearest known key.
        nearest: Option<String>,
    },
    /// Not TOML, or a value of the wrong type.
    #[error("{} line {line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// 1-based line.
        line: usize,
        /// The parser's words.
        reason: String,
    },
    /// A value that cannot be used.
    #[error("{}: `{key}` {reason}", path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// Dotted key.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// No destination, or more than one, fits.
    #[error("{}", choose(wanted.as_deref(), known))]
    ChooseTarget {
        /// The name asked for.
        wanted: Option<String>,
        /// Names there are.
        known: Vec<String>,
    },
    /// A setting that a command needs and that is not there, or means nothing.
    #[error("{what}")]
    Setting {
        /// What is wrong.
        what: String,
        /// What to write.
        hint: String,
    },
    /// A secret is not in the environment.
    #[error("the environment variable {name} is not set")]
    MissingSecret {
        /// Its name.
        name: String,
    },
}

impl ConfigError {
    pub(super) fn parse(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let line = error.span().map_or(1, |span| {
            text[..span.start.min(text.len())].matches('\n').count() + 1
        });
        let message = error.message();
        if let Some(rest) = message.strip_prefix("unknown field `")
            && let Some((key, expected)) = rest.split_once('`')
        {
            let known = expected.split('`').skip(1).step_by(2);
            return Self::UnknownKey {
                path: path.to_path_buf(),
                line,
                key: key.to_owned(),
                nearest: nearest(key, known),
            };
        }
        Self::Syntax {
            path: path.to_path_buf(),
            line,
            reason: message.lines().next().unwrap_or_default().to_owned(),
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ReadFile { .. } => Some(
                "give the project folder with --project DIR, or make one with `transload init DIR`"
                    .to_owned(),
            ),
            Self::UnknownKey {
                nearest: Some(nearest),
                ..
            } => Some(format!("did you mean `{nearest}`?")),
            Self::Syntax { reason, .. } if reason.contains("business_timezone") => Some(
                "business_timezone = \"Europe/Warsaw\" says in which zone an instant becomes a date; it has no default"
                    .to_owned(),
            ),
            Self::ChooseTarget { known, .. } if known.is_empty() => {
                Some("add a [destination.<name>] section to migration.toml".to_owned())
            }
            Self::ChooseTarget { known, .. } => {
                Some(format!("choose one with --target: {}", known.join(", ")))
            }
            Self::Setting { hint, .. } => Some(hint.clone()),
            Self::MissingSecret { name } => {
                Some(format!("set {name} in the shell that runs transload; it is never stored"))
            }
            _ => None,
        }
    }
}

fn choose(wanted: Option<&str>, known: &[String]) -> String {
    match wanted {
        Some(name) => format!("there is no destination `{name}` in migration.toml"),
        None if known.is_empty() => "migration.toml names no destination".to_owned(),
        None => "migration.toml names several destinations and no default_target".to_owned(),
    }
}

/// The known name that differs least from `name`, if any is close.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate.to_owned())
}
