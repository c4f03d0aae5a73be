//! The probe: what the reference could not find out, asked of a living account (`guide/usercom.md` §9).
//!
//! In: a client. Out: [`Findings`] for people, and [`Capabilities`] that later extracts use, so that what is not offered is not
//! asked for again. Only reading, apart from the wish for one day's bulk export. Never: a value of a record; only
//! names of keys, numbers and statuses are kept.

mod questions;

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::api::{ApiError, Client};
use super::capabilities::Capabilities;
use super::extract::ExtractError;
use crate::staging::private_folder;
use questions::Asking;

/// Name of the file in the folder of extracts.
const CAPABILITIES: &str = "capabilities.json";

/// Name of the report beside it.
const REPORT: &str = "probe.md";

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was asked.
    pub question: &'static str,
    /// What was found.
    pub answer: String,
}

/// Everything found out.
#[derive(Clone, Debug)]
pub struct Findings {
    /// For people.
    pub findings: Vec<Finding>,
    /// For extracts.
    pub capabilities: Capabilities,
}

/// Asks an account every question.
///
/// # Errors
/// [`ApiError`] where not even people can be read.
pub async fn probe(client: &Client, source: &str) -> Result<Findings, ApiError> {
    let mut asking = Asking::new(client, source);
    asking.shape().await?;
    asking.paging().await?;
    asking.endpoints().await?;
    asking.changes().await?;
    asking.attributes().await?;
    asking.conversation().await?;
    asking.export().await?;
    // Last: it uses up whatever limit there is.
    asking.burst().await?;
    Ok(asking.findings)
}

impl Findings {
    /// Writes the report and the capabilities into the folder of extracts.
    ///
    /// # Errors
    /// [`ExtractError::File`].
    pub fn write(&self, folder: &Path) -> Result<(), ExtractError> {
        private_folder(folder).map_err(ExtractError::file("create", folder))?;
        let path = folder.join(CAPABILITIES);
        let text = serde_json::to_string_pretty(&self.capabilities).unwrap_or_default();
        fs::write(&path, text + "\n").map_err(ExtractError::file("write", &path))?;
        let path = folder.join(REPORT);
        fs::write(&path, self.report()).map_err(ExtractError::file("write", &path))
    }

    fn report(&self) -> String {
        let mut text = format!(
            "# What {} can do\n\nProbed at {} by the account's clock.\n",
            self.capabilities.source,
            self.capabilities.probed_at.format("%Y-%m-%dT%H:%M:%SZ")
        );
        for finding in &self.findings {
            text.push_str(&format!(
                "\n## {}\n\n{}\n",
                finding.question, finding.answer
            ));
        }
        text.push_str("\n## Endpoints\n\n| path | status |\n|---|---|\n");
        for (path, status) in &self.capabilities.endpoints {
            text.push_str(&format!("| {path} | {status} |\n"));
        }
        text
    }
}

/// What an earlier probe of the same account found out.
///
/// # Errors
/// [`ExtractError::Damaged`], [`ExtractError::File`].
pub fn known(folder: &Path, source: &str) -> Result<Option<Capabilities>, ExtractError> {
    let path = folder.join(CAPABILITIES);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ExtractError::file("read", &path)(error)),
    };
    let known: Capabilities = serde_json::from_slice(&text).map_err(|_| ExtractError::Damaged {
        path: path.display().to_string(),
    })?;
    Ok((known.source == source).then_some(known))
}

#[cfg(test)]
mod tests;
