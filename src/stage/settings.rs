//! What a project may set about staging.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::usercom::cell::{Words, Zones};

/// Settings of staging; the defaults suit any machine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Zone of timestamps that name none (default UTC, never the machine's), and the zone in which an instant becomes a date.
    pub zones: Zones,
    /// Objects of files whose names do not say it (`[source.files]`): file name → object.
    pub files: BTreeMap<String, String>,
    /// Words for nothing, for yes and for no.
    pub words: Arc<Words>,
    /// Whether a person whose record lacks the opt-out counts as opted out (`guide/rules.md` 34).
    pub missing_opt_out: bool,
    /// When the extract began that is staged; none for files that people exported.
    pub extract_began: Option<DateTime<Utc>>,
    /// Whether an export may be older than the one staged last.
    pub accept_older: bool,
    /// Rows per batch.
    pub batch_rows: usize,
    /// Longest record in bytes.
    pub record_bytes: usize,
    /// Batches that are converted at the same time.
    pub threads: usize,
}

impl Settings {
    /// All that has a say in what a cell becomes.
    pub(super) fn told(&self) -> String {
        format!(
            "{:?} {:?} {} {}",
            self.zones, self.words, self.missing_opt_out, self.record_bytes
        )
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            zones: Zones::default(),
            files: BTreeMap::new(),
            words: Arc::default(),
            missing_opt_out: true,
            extract_began: None,
            accept_older: false,
            batch_rows: 1024,
            record_bytes: 4 << 20,
            threads: std::thread::available_parallelism().map_or(2, usize::from),
        }
    }
}
