//! `[source]`: where exports are, and the account that they can be extracted from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use url::{Host, Url};

/// What a person is whose record lacks the opt-out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingOptOut {
    /// Opted out, with a flag.
    #[default]
    OptedOut,
    /// One that may be written to: the source leaves the cell empty for those.
    Subscribed,
}

/// The `[source]` section.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// Folder of the export, relative to the project.
    pub export: PathBuf,
    /// Zone of timestamps that carry none; never the machine's.
    pub timezone: chrono_tz::Tz,
    /// File name → object, for names that do not say what they hold.
    pub files: BTreeMap<String, String>,
    /// Words that mean nothing, instead of the usual ones (`N/A`, `null`, `-`, …).
    pub nothing_words: Option<Vec<String>>,
    /// Words for yes, besides the usual ones (`t`, `yes`, `tak`, …).
    pub true_words: Vec<String>,
    /// Words for no, besides the usual ones.
    pub false_words: Vec<String>,
    /// What a person is whose record lacks the opt-out, in a file that has the column.
    pub missing_opt_out: MissingOptOut,
    /// Whether the files are the whole of the source, so that what they lack was deleted there. An extract says so itself.
    pub complete: bool,
    /// Whether an export may be older than the one staged last.
    pub accept_older: bool,
    /// Whether links that lead out of the export are followed. Without it what they lead to stays where it is.
    pub follow_links: bool,
    /// Where people see a record of a source table in User.com, with `{id}` for its id.
    pub links: BTreeMap<String, String>,
    /// People in the database, as the application of User.com shows it.
    pub database_size: Option<u64>,
    /// The live source. With it staging reads the newest complete extract instead of `export`.
    pub api: Option<Api>,
}

impl Default for Source {
    fn default() -> Self {
        Self {
            export: PathBuf::from("export"),
            timezone: chrono_tz::UTC,
            files: BTreeMap::new(),
            nothing_words: None,
            true_words: Vec::new(),
            false_words: Vec::new(),
            missing_opt_out: MissingOptOut::OptedOut,
            complete: false,
            accept_older: false,
            follow_links: false,
            links: BTreeMap::new(),
            database_size: None,
            api: None,
        }
    }
}

/// The `[source.api]` section. The token is in the environment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// The account: `https://acme.user.com`.
    pub url: Url,
    /// Most requests a second; nobody has published the limit.
    #[serde(default = "default_rate")]
    pub requests_per_second: f64,
    /// Most requests under way at once.
    #[serde(default = "default_concurrency")]
    pub concurrency: usize,
    /// How far before the last extract's begin changes are read again.
    #[serde(default = "default_overlap")]
    pub overlap_minutes: u32,
    /// Whether lists of several pages are read twice, so that no row can fall between pages.
    #[serde(default = "yes")]
    pub second_look: bool,
    /// Whether bulk exports are used where the account offers them.
    #[serde(default = "yes")]
    pub exports: bool,
    /// Longest that the file of a bulk export is waited for.
    #[serde(default = "default_export_wait")]
    pub export_wait_seconds: u64,
    /// Objects not to extract.
    #[serde(default)]
    pub leave_out: Vec<String>,
    /// Objects to extract besides the usual ones: `person_events`.
    #[serde(default)]
    pub include: Vec<String>,
    /// Object → path below `/api/public/`, where it differs from the known one.
    #[serde(default)]
    pub endpoints: BTreeMap<String, String>,
    /// Folder of the extracts, relative to the project.
    #[serde(default = "default_folder")]
    pub folder: PathBuf,
    /// Folder of files that people make because no API gives them, relative to the project.
    #[serde(default = "default_manual")]
    pub manual: PathBuf,
}

fn default_rate() -> f64 {
    4.0
}

fn default_concurrency() -> usize {
    4
}

fn default_overlap() -> u32 {
    10
}

fn default_export_wait() -> u64 {
    600
}

fn default_folder() -> PathBuf {
    PathBuf::from("extracts")
}

fn default_manual() -> PathBuf {
    PathBuf::from("manual")
}

fn yes() -> bool {
    true
}

impl Api {
    /// Checks the values and brings the address into its plain form.
    pub(super) fn check(&mut self) -> Result<(), (&'static str, String)> {
        self.url = account(&self.url).map_err(|reason| ("url", reason))?;
        if !(0.01..=10_000.0).contains(&self.requests_per_second) {
            return Err((
                "requests_per_second",
                "must be between 0.01 and 10,000".to_owned(),
            ));
        }
        if self.concurrency == 0 || self.concurrency > 64 {
            return Err(("concurrency", "must be between 1 and 64".to_owned()));
        }
        if self.overlap_minutes > 60 * 24 * 31 {
            return Err(("overlap_minutes", "must be at most a month".to_owned()));
        }
        for (name, path) in &self.endpoints {
            let is_plain = !path.starts_with('/') && !path.contains("://") && !path.contains('?');
            if !is_plain || path.split('/').any(|part| part == "..") {
                return Err((
                    "endpoints",
                    format!("has for {name} no path below /api/public/ such as \"users/\""),
                ));
            }
        }
        Ok(())
    }
}

/// Scheme and host of an account; the base path of the API is taken off, any other path refused.
fn account(url: &Url) -> Result<Url, String> {
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && is_local) {
        return Err("must be https (plain http only to this machine)".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "must not hold a user or a password; the token is in USERCOM_API_TOKEN".to_owned(),
        );
    }
    let host = url.host_str().unwrap_or_default();
    let sub_domain = host.strip_suffix(".user.com").unwrap_or_default();
    if !is_local
        && (sub_domain.is_empty() || matches!(sub_domain, "www" | "docs" | "apidocs" | "help"))
    {
        return Err(format!(
            "must have the account's own sub-domain, as in \"https://acme.user.com\"; {host} is no account"
        ));
    }
    let path = url.path().trim_end_matches('/');
    if !matches!(path, "" | "/api" | "/api/public")
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(format!(
            "must end with the host, as in \"https://{host}\": the paths of the API are known"
        ));
    }
    let mut plain = url.clone();
    plain.set_path("");
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_an_account_and_nothing_more() {
        let account = |text: &str| account(&Url::parse(text).unwrap());
        for text in [
            "https://acme.user.com",
            "https://acme.user.com/",
            "https://acme.user.com/api/public/",
            "https://acme.user.com/api/public",
        ] {
            assert_eq!(
                account(text).unwrap().as_str(),
                "https://acme.user.com/",
                "{text}"
            );
        }
        assert!(account("http://127.0.0.1:8080").is_ok());
        for (text, why) in [
            ("http://acme.user.com", "https"),
            ("https://user.com", "sub-domain"),
            ("https://www.user.com", "sub-domain"),
            ("https://acme.example.com", "sub-domain"),
            ("https://user.com.evil.example", "sub-domain"),
            ("https://acmeuser.com", "sub-domain"),
            ("https://acme.user.com/people", "must end with the host"),
            (
                "https://acme.user.com/api/public/users/",
                "must end with the host",
            ),
            ("https://acme.user.com/?a=1", "must end with the host"),
            ("https://me:secret@acme.user.com", "USERCOM_API_TOKEN"),
            ("ftp://acme.user.com", "https"),
        ] {
            let reason = account(text).unwrap_err();
            assert!(reason.contains(why), "{text}: {reason}");
            assert!(!reason.contains("secret"));
        }
    }
}
