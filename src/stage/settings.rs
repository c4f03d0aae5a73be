//! What a project may set about staging.

use std::collections::BTreeMap;

use crate::usercom::cell::Zones;

/// Settings of staging; the defaults suit any machine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Zone of timestamps that name none (default UTC, never the machine's), and the zone in which an instant becomes a date.
    pub zones: Zones,
    /// Objects of files whose names do not say it (`[source.files]`): file name → object.
    pub files: BTreeMap<String, String>,
    /// Rows per batch.
    pub batch_rows: usize,
    /// Longest record in bytes.
    pub record_bytes: usize,
    /// Batches that are converted at the same time.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            zones: Zones::default(),
            files: BTreeMap::new(),
            batch_rows: 1024,
            record_bytes: 4 << 20,
            threads: std::thread::available_parallelism().map_or(2, usize::from),
        }
    }
}
