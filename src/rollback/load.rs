//! A load to take back, and what its review comes to.
//!
//! In: a load query with its columns. Out: counts, and the words in which `recon.spared_<load>` says why a record is spared.
//! Never: a decision.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::project::QueryFile;
use crate::rows::Columns;
use crate::staging::Manifest;

/// Objects whose records go by deleting another one, named by a field.
const GOES_WITH: [(&str, &str, &str); 1] =
    [("ContentVersion", "ContentDocument", "ContentDocumentId")];

/// The object whose deletion takes records of `object` along, and the field that names it.
pub(super) fn goes_with(object: &str) -> Option<(&'static str, &'static str)> {
    let found = GOES_WITH.iter().find(|(name, ..)| *name == object);
    found.map(|(_, other, field)| (*other, *field))
}

/// A load of the runs to take back.
pub struct Load {
    /// Its query.
    pub file: QueryFile,
    /// Its columns, as they were sent last.
    pub columns: Columns,
    /// Columns that a later load sets anew.
    pub later: BTreeSet<String>,
    /// Other loads into the same object that have a ledger, with their keys.
    pub siblings: Vec<(String, Vec<String>)>,
    /// Whether it is taken back; others only hold their parents.
    pub selected: bool,
}

/// What will become of a load's records.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reviewed {
    /// Salesforce object.
    pub object: String,
    /// The load.
    pub load: String,
    /// Records that we created and that go.
    pub delete: u64,
    /// Records that we created and that are gone already.
    pub gone: u64,
    /// Records that we changed and that get values back.
    pub restore: u64,
    /// Values they get back.
    pub fields: u64,
    /// Records that are spared, wholly or in some fields.
    pub spared: u64,
    /// Contacts that leads became, which stay converted whatever becomes of the contact.
    pub converted: u64,
    /// The parts; none if there is nothing to send.
    #[serde(skip)]
    pub outbox: Option<Manifest>,
}

/// Why a record is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spared {
    /// Somebody else changed it last.
    ByOthers,
    /// Fields that we wrote have other values now.
    Edited,
    /// Its file has a newer version.
    NewerVersion,
    /// Records that stay hang on it.
    Children,
    /// Fields that we changed have other values now; the others get theirs back.
    Fields,
    /// The text of a note or the content of a file that we replaced: the one before is only in the record's versions.
    Body,
    /// A lead became it, which nothing undoes.
    Converted,
}

impl Spared {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ByOthers,
        Self::Edited,
        Self::NewerVersion,
        Self::Children,
        Self::Fields,
        Self::Body,
        Self::Converted,
    ];

    /// The word in `recon.spared`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ByOthers => "changed_by_others",
            Self::Edited => "edited_since",
            Self::NewerVersion => "has_a_newer_version",
            Self::Children => "has_children_that_stay",
            Self::Fields => "fields_edited_since",
            Self::Body => "content_stays",
            Self::Converted => "was_a_lead",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_with_its_document() {
        let found = goes_with("ContentVersion");
        assert_eq!(found, Some(("ContentDocument", "ContentDocumentId")));
        assert_eq!(goes_with("Account"), None);
    }

    #[test]
    fn every_reason_has_a_word_of_its_own() {
        let words = Spared::ALL.map(Spared::word);
        let distinct: BTreeSet<&str> = words.into_iter().collect();
        assert_eq!(distinct.len(), Spared::ALL.len());
    }
}
