//! How an object came into an extract, or why it did not.

use serde::{Deserialize, Serialize};

/// How an object was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All of it.
    #[default]
    Full,
    /// What changed since the extract before.
    Changes,
    /// Not at all: it is that of the extract before.
    Kept,
    /// All of it, as one file that User.com wrote.
    Export,
}

/// An object that was not extracted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its name.
    pub object: String,
    /// Why.
    pub reason: String,
}
