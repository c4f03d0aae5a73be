//! How a run ended: the word in the journal, in summaries and in `transload status`.

use serde::{Deserialize, Serialize};

/// How a run or a rollback ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Every phase passed its gate; a rollback left nothing.
    Ok,
    /// A gate did not hold; a rollback left or spared something.
    Gated,
    /// Rows wait for a decision, or all that was to follow does.
    Held,
    /// It broke off with an error.
    Failed,
    /// A person stopped it after the jobs in flight.
    Stopped,
    /// It broke off without a word; a later run found out what it had done.
    Interrupted,
    /// Every phase of the loads that were selected passed its gate, and others were not selected; a rollback took back one object of
    /// several.
    Partial,
    /// A rollback was only shown.
    Planned,
}

impl RunStatus {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::Gated,
        Self::Held,
        Self::Failed,
        Self::Stopped,
        Self::Interrupted,
        Self::Partial,
        Self::Planned,
    ];

    /// The word used in journals, tables and documents.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Gated => "gated",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
            Self::Partial => "partial",
            Self::Planned => "planned",
        }
    }

    /// Whether all that was to be done was done.
    #[must_use]
    pub const fn is_complete(self) -> bool {
        matches!(self, Self::Ok | Self::Gated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_written_as_its_word_and_read_back() {
        for status in RunStatus::ALL {
            let text = serde_json::to_string(&status).unwrap();
            assert_eq!(text, format!("\"{}\"", status.word()));
            assert_eq!(serde_json::from_str::<RunStatus>(&text).unwrap(), status);
        }
        assert!(serde_json::from_str::<RunStatus>("\"done\"").is_err());
    }

    #[test]
    fn only_runs_that_did_all_they_had_to_are_complete() {
        let complete = RunStatus::ALL.into_iter().filter(|it| it.is_complete());
        let words: Vec<_> = complete.map(RunStatus::word).collect();
        assert_eq!(words, ["ok", "gated"]);
    }
}
