//! What a row's record is to us now: the column `live` of a ledger.

use std::collections::HashMap;

use super::Identity;

/// Whether the record of a key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Liveness {
    /// It is there.
    Live,
    /// Somebody deleted it.
    Deleted,
    /// Somebody merged it into another record.
    Merged,
    /// It is a Lead that somebody converted.
    Converted,
    /// A rollback took it back: its id is forgotten, the next run creates it anew.
    Undone,
}

/// Records that are not there any more, by what became of them.
pub type Dead = HashMap<Identity, Liveness>;

impl Liveness {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Live,
        Self::Deleted,
        Self::Merged,
        Self::Converted,
        Self::Undone,
    ];

    /// The word used in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Deleted => "deleted",
            Self::Merged => "merged",
            Self::Converted => "converted",
            Self::Undone => "undone",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|liveness| liveness.word() == word)
    }

    /// Whether people or processes in the org took the record away: nothing is sent to it or hung on it.
    #[must_use]
    pub fn is_dead(self) -> bool {
        matches!(self, Self::Deleted | Self::Merged | Self::Converted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_liveness_is_read_as_it_is_written() {
        for liveness in Liveness::ALL {
            assert_eq!(Liveness::parse(liveness.word()), Some(liveness));
        }
        assert_eq!(Liveness::parse("gone"), None);
    }

    #[test]
    fn what_we_took_back_ourselves_is_not_dead() {
        let dead = Liveness::ALL.into_iter().filter(|it| it.is_dead());
        let dead: Vec<_> = dead.map(Liveness::word).collect();
        assert_eq!(dead, ["deleted", "merged", "converted"]);
    }
}
