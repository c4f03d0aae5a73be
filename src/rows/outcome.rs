//! What became of a row: the word in `ledger.*`, and what the books count by.

/// The last thing that happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A record came into being.
    Created,
    /// A record was changed, or found under the row's key.
    Updated,
    /// Same values as last sent: not sent again.
    Unchanged,
    /// Salesforce refused the row.
    Failed,
    /// Salesforce never tried the row.
    Unprocessed,
    /// Undone: the record that we created is gone.
    Deleted,
    /// Undone: the org's own record has its values back and is forgotten.
    Released,
    /// Undone: our record has the values it had.
    Restored,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::Updated,
        Self::Unchanged,
        Self::Failed,
        Self::Unprocessed,
        Self::Deleted,
        Self::Released,
        Self::Restored,
    ];

    /// Outcomes of rows that did not land.
    pub const NOT_LANDED: [Self; 2] = [Self::Failed, Self::Unprocessed];

    /// The word used in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Unprocessed => "unprocessed",
            Self::Deleted => "deleted",
            Self::Released => "released",
            Self::Restored => "restored",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }

    /// Whether the row has to be sent again.
    #[must_use]
    pub fn is_not_landed(self) -> bool {
        Self::NOT_LANDED.contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_is_read_as_it_is_written() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::parse(outcome.word()), Some(outcome));
        }
        assert_eq!(Outcome::parse("landed"), None);
        assert_eq!(Outcome::parse("Created"), None, "words are lower case");
    }

    #[test]
    fn only_what_failed_or_was_never_tried_has_not_landed() {
        let words = Outcome::ALL.into_iter().filter(|it| it.is_not_landed());
        let words: Vec<_> = words.map(Outcome::word).collect();
        assert_eq!(words, ["failed", "unprocessed"]);
    }
}
