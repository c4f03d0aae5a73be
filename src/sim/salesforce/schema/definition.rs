//! How a deployed object was defined, as `org.json` keeps it.

use serde::{Deserialize, Serialize};

/// How an object was deployed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CustomObject {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) plural: String,
    /// Three characters: `a00`, `a01`, …
    pub(crate) prefix: String,
    /// Label of the field `Name`.
    pub(crate) name_label: String,
    /// Format of names that the org gives; none = names are texts.
    pub(crate) name_format: Option<String>,
    /// Tasks and events may be about its rows.
    pub(crate) activities: bool,
    pub(crate) bulk: bool,
}
