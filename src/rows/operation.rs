//! What is done with a row: the word in outbox and ledger, and the operation of a Bulk job.

/// What is done with a row that moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowOperation {
    /// Create; the key is unknown.
    Insert,
    /// Create, or update if our key is there already.
    Upsert,
    /// Change a row whose id is known.
    Update,
    /// Convert a Lead: its record becomes a Contact.
    Convert,
    /// Same values as last sent: not sent again.
    Unchanged,
    /// Say of a record that the source no longer has it.
    Flag,
    /// Undo: give a record that stays ours the values it had.
    Restore,
    /// Undo: give a record that was the org's own the values it had, our key among them, and forget it.
    Release,
    /// Delete a record that we created: an undo, or because the source no longer has its row.
    Delete,
    /// Undo: take a record out of the recycle bin.
    Undelete,
}

impl RowOperation {
    /// All, in the order in which they are sent.
    pub const ALL: [Self; 10] = [
        Self::Insert,
        Self::Upsert,
        Self::Update,
        Self::Convert,
        Self::Unchanged,
        Self::Flag,
        Self::Restore,
        Self::Release,
        Self::Delete,
        Self::Undelete,
    ];

    /// Whether rows are named by their record's id.
    #[must_use]
    pub fn by_id(self) -> bool {
        !matches!(self, Self::Insert | Self::Upsert | Self::Convert)
    }

    /// Whether fields of a known record are set.
    #[must_use]
    pub fn updates(self) -> bool {
        matches!(
            self,
            Self::Update | Self::Flag | Self::Restore | Self::Release
        )
    }

    /// The word used in tables and for Bulk jobs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Upsert => "upsert",
            Self::Update => "update",
            Self::Convert => "convert",
            Self::Unchanged => "unchanged",
            Self::Flag => "flag",
            Self::Restore => "restore",
            Self::Release => "release",
            Self::Delete => "delete",
            Self::Undelete => "undelete",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.word() == word)
    }
}
