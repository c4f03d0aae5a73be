//! `[destination.<name>]`: which org, and how to log in to it.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::ConfigError;

/// What stands behind a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationKind {
    /// The embedded simulator, started in process.
    Simulator,
    /// An org reached over HTTPS (or any server that speaks its API on loopback).
    Salesforce,
}

/// An OAuth flow (`guide/salesforce.md` §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// Client credentials; needs the org's My Domain as `login_url`.
    #[default]
    ClientCredentials,
    /// JWT bearer.
    Jwt,
    /// A refresh token.
    RefreshToken,
}

/// One destination.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Simulator or Salesforce.
    pub kind: DestinationKind,
    /// Where to log in; required for `salesforce`.
    pub login_url: Option<Url>,
    /// REST API version.
    #[serde(default = "default_version")]
    pub api_version: String,
    /// OAuth flow.
    #[serde(default)]
    pub auth: AuthKind,
    /// Simulator only: folder with `<Object>.csv` of rows that exist from the start, relative to the project.
    pub seed: Option<PathBuf>,
    /// Simulator only: features that the org lacks, such as `topics`.
    #[serde(default)]
    pub without: Vec<String>,
    /// Simulator only: the user may set audit fields.
    #[serde(default)]
    pub audit_fields: bool,
    /// Simulator only: the org has several currencies.
    #[serde(default)]
    pub multi_currency: bool,
    /// Most rows in one Bulk job.
    #[serde(default = "default_part_rows")]
    pub part_rows: usize,
    /// Bulk jobs in flight at once.
    #[serde(default = "default_jobs")]
    pub concurrent_jobs: usize,
    /// Share of the org's daily calls and batches in percent that is left to others.
    #[serde(default = "default_reserve")]
    pub reserve_percent: u8,
}

fn default_version() -> String {
    "66.0".to_owned()
}

fn default_part_rows() -> usize {
    100_000
}

fn default_reserve() -> u8 {
    20
}

fn default_jobs() -> usize {
    4
}

impl Destination {
    /// Where people see a record; none in a simulator within this program.
    #[must_use]
    pub fn page_of(&self, id: &str) -> Option<String> {
        let address = self.login_url.as_ref().filter(|_| !id.is_empty())?;
        Some(address.join(&format!("/{id}")).ok()?.to_string())
    }

    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let is_version = |text: &&str| {
            let (whole, part) = text.split_once('.').unwrap_or_default();
            (1..=3).contains(&whole.len())
                && whole.bytes().all(|digit| digit.is_ascii_digit())
                && part == "0"
        };
        let version: f64 = Some(self.api_version.as_str())
            .filter(is_version)
            .and_then(|version| version.parse().ok())
            .ok_or_else(|| ("api_version", "must look like \"66.0\"".to_owned()))?;
        if version < 53.0 {
            return Err((
                "api_version",
                "must be 53.0 or later: older results carry no id for failed rows".to_owned(),
            ));
        }
        if self.part_rows == 0 || self.part_rows > 10_000_000 {
            return Err(("part_rows", "must be between 1 and 10,000,000".to_owned()));
        }
        if self.concurrent_jobs == 0 || self.concurrent_jobs > 64 {
            return Err(("concurrent_jobs", "must be between 1 and 64".to_owned()));
        }
        if self.reserve_percent > 95 {
            return Err(("reserve_percent", "must be between 0 and 95".to_owned()));
        }
        if self.kind == DestinationKind::Simulator {
            return Ok(());
        }
        let url = self.login_url.as_ref().ok_or((
            "login_url",
            "is required for kind = \"salesforce\"".to_owned(),
        ))?;
        let loopback = matches!(url.host(), Some(url::Host::Domain("localhost")))
            || matches!(url.host(), Some(url::Host::Ipv4(ip)) if ip.is_loopback())
            || matches!(url.host(), Some(url::Host::Ipv6(ip)) if ip.is_loopback());
        if url.scheme() == "https" || (url.scheme() == "http" && loopback) {
            Ok(())
        } else {
            Err((
                "login_url",
                "must be https (plain http only to this machine)".to_owned(),
            ))
        }
    }
}

/// Reads a secret from the environment.
///
/// # Errors
/// [`ConfigError::MissingSecret`].
pub fn secret(name: &str) -> Result<String, ConfigError> {
    super::env(name)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| ConfigError::MissingSecret {
            name: name.to_owned(),
        })
}
