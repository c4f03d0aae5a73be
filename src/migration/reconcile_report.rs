//! What a reconciliation found.
//!
//! In: nothing. Out: the report that is printed, written down and turned into an exit code. Never: a question to the org.

use super::hypercare::Hypercare;
use super::side_by_side::SampleSheet;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct ReconcileReport {
    /// Loads in the order of their files.
    pub loads: Vec<LoadComparison>,
    /// The project's reconcile queries, each with the rows it found.
    pub queries: Vec<(String, u64)>,
    /// The sample, field by field.
    pub sample: Option<SampleSheet>,
    /// What people did in the org, if only changes were read.
    pub hypercare: Option<Hypercare>,
    /// Where the list of it was written, if there is anything on it.
    pub list: Option<String>,
}

impl ReconcileReport {
    /// Whether anything is not as it should be.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.loads.iter().any(|load| load.differences > 0)
            || self.queries.iter().any(|(_, rows)| *rows > 0)
            || self.sample.as_ref().is_some_and(|sheet| sheet.odd() > 0)
            || self.hypercare.as_ref().is_some_and(Hypercare::is_urgent)
    }
}

/// One load's comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadComparison {
    /// Object.
    pub object: String,
    /// Load.
    pub load: String,
    /// Records that landed and were not lost.
    pub landed: u64,
    /// Of these, records found in the org.
    pub read_back: u64,
    /// Missing records, changed fields, extra records.
    pub differences: u64,
    /// Fields that somebody changed in the org.
    pub changed_by_org: u64,
}
