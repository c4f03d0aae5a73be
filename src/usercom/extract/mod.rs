//! Extract: User.com's API → files that `stage` reads like any other export.
//!
//! In: a client, [`ExtractSettings`], what was asked for ([`Choices`]). Out: one folder per run with JSON Lines, gzip, and
//! `manifest.json` written last. An extract that was interrupted goes on at the page where it was; a second one reads what
//! changed and is still whole by itself ([`manifest`]). Never: a row in memory for longer than its page, a token or a
//! record's value in a file name, a log or an error; anything written to User.com.
//!
//! ```text
//! survey ─▶ lists, side by side ──▶ children, parent by parent ──▶ manual files ──▶ manifest.json
//!             walk: pages, passes      children: answers in order      copied
//!                    └── work: files (part), ids, state: counted after every page ──┘
//! ```

mod children;
mod error;
pub(super) mod export;
mod ids;
pub mod manifest;
pub mod manual;
mod mode;
mod objects;
mod part;
mod prepared;
mod run;
mod state;
mod survey;
mod walk;
mod work;

#[cfg(test)]
mod tests;

pub use error::ExtractError;
pub use manifest::{Manifest, newest, to_stage};
pub use objects::OBJECTS;
pub use prepared::{Prepared, prepare};
pub use survey::Estimate;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::capabilities::Capabilities;

/// How to extract.
#[derive(Clone, Debug)]
pub struct ExtractSettings {
    /// The account, as written.
    pub url: String,
    /// Folder of all extracts.
    pub folder: PathBuf,
    /// Folder of files that people make.
    pub manual: PathBuf,
    /// How far before the last extract's end changes are read again.
    pub overlap: chrono::Duration,
    /// Whether lists of several pages are read a second time even if nothing seems to have moved.
    pub second_look: bool,
    /// Whether bulk exports are asked for.
    pub exports: bool,
    /// Where to ask for them.
    pub export_path: String,
    /// Longest that the file of a bulk export is waited for.
    pub export_wait: Duration,
    /// Objects not to read.
    pub leave_out: Vec<String>,
    /// Objects to read besides the usual ones.
    pub include: Vec<String>,
    /// Paths that differ from the known ones.
    pub endpoints: BTreeMap<String, String>,
    /// What a probe found out, if there was one.
    pub capabilities: Option<Capabilities>,
}

/// What one command asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// Only these objects, and their parents; none: all.
    pub objects: Vec<String>,
    /// Whether everything is read, whatever earlier extracts have.
    pub full: bool,
    /// Changes since then, instead of since the last extract.
    pub since: Option<DateTime<Utc>>,
}

/// A finished extract.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its folder.
    pub folder: PathBuf,
    /// What it holds.
    pub manifest: Manifest,
}
