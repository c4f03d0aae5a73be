//! What an account can do: found out by the probe, used by extracts, kept in the folder of extracts in between.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How the API tells which people changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangesBy {
    /// `users/search/?search=updated_at`.
    Search,
    /// `users/?updated_at__gte=`.
    Filter,
    /// Not at all.
    #[default]
    Nothing,
}

/// What an account can do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Capabilities {
    /// The account.
    pub source: String,
    /// When it was asked, by its own clock.
    pub probed_at: DateTime<Utc>,
    /// Status by path below the base; `:id` stands for the id of some record.
    pub endpoints: BTreeMap<String, u16>,
    /// Rows on a page of people.
    pub page_size: u64,
    /// Parameters of a `next`.
    pub page_parameters: Vec<String>,
    /// Whether `page_size` has an effect.
    pub page_size_settable: bool,
    /// Whether the page after the last one is promised and not there.
    pub last_next_is_missing: bool,
    /// Version of the API that people are answered in although the second is asked for.
    pub api_version: u8,
    /// How people that changed can be told.
    pub changes: ChangesBy,
    /// Whether both ends of a search by time are in.
    pub changes_inclusive: bool,
    /// Where the file of a bulk export appeared.
    pub exports: Option<String>,
    /// Requests at once after which there were too many; nothing if there never were.
    pub burst: Option<u32>,
    /// What was said then about when to come back.
    pub retry_after: Option<String>,
}
