//! What becomes of one record that the runs created, and of one field that they changed.
//!
//! In: what the ledger, the attempts and the org say of it. Out: a decision. Never: a query or a request; whatever is decided
//! here can be read here.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use super::children::Guard;
use super::load::Spared;
use crate::salesforce::record_identity;

/// How far the clocks of the org and of the machines that loaded may be apart.
const CLOCKS: Duration = Duration::minutes(5);

/// What decisions depend on beside the record.
pub(super) struct Rules<'a> {
    /// The user who takes back.
    pub user: &'a str,
    /// Users who loaded.
    pub loaders: &'a BTreeSet<String>,
    /// When the first run began.
    pub started: DateTime<Utc>,
    /// Whether records that were edited since are taken back all the same.
    pub even_edited: bool,
}

/// A record that the runs created, or found under its key when they meant to create it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CreatedRecord<'a> {
    pub id: &'a str,
    /// The record that is deleted for it.
    pub target: &'a str,
    /// Whether it was only found.
    pub only_found: bool,
    /// Whether it is in the org.
    pub is_there: bool,
    pub created_by: Option<&'a str>,
    pub created_at: Option<&'a str>,
    pub changed_by: Option<&'a str>,
    /// Whether its file has no newer version, as text.
    pub is_latest: Option<&'a str>,
    /// Names of fields that have other values than we wrote.
    pub edited: Option<&'a str>,
}

/// What is done with a record that we created.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It may never have been ours.
    NotOurs,
    /// It is gone already: only the ledger forgets it.
    Gone,
    Delete,
    /// It stays, with why in one word and in detail.
    Spare(Spared, Option<String>),
}

/// A field that the runs changed, in normal forms.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ChangedField<'a> {
    /// Whether its record is in the org.
    pub is_there: bool,
    /// Whether it can be written again.
    pub is_writable: bool,
    /// Its value in the org.
    pub now: Option<&'a str>,
    /// Its value before the runs.
    pub was: Option<&'a str>,
    /// The value that the runs wrote last.
    pub wrote: Option<&'a str>,
}

/// What is done with a field that we changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FieldDecision {
    /// It is as it was, or its record is gone.
    Leave,
    Restore,
    /// Somebody gave it another value.
    Spare,
}

impl Rules<'_> {
    /// What becomes of a record.
    pub(super) fn decide(&self, record: &CreatedRecord<'_>, guard: &Guard) -> Decision {
        if !record.is_there {
            // A record that was only found may never have been ours.
            return if record.only_found {
                Decision::NotOurs
            } else {
                Decision::Gone
            };
        }
        if record.only_found
            && !(self.is_loader(record.created_by) && self.is_new(record.created_at))
        {
            return Decision::NotOurs;
        }
        if !self.even_edited {
            if record.is_latest == Some("false") {
                return Decision::Spare(Spared::NewerVersion, None);
            }
            if !self.is_loader(record.changed_by) {
                let by = record.changed_by.map(|by| format!("by user {by}"));
                return Decision::Spare(Spared::ByOthers, by);
            }
            if let Some(fields) = record.edited {
                return Decision::Spare(Spared::Edited, Some(fields.to_owned()));
            }
        }
        let held = guard.why(record.id).or_else(|| guard.why(record.target));
        match held {
            Some(why) => Decision::Spare(Spared::Children, Some(why)),
            None => Decision::Delete,
        }
    }

    /// What becomes of a field.
    pub(super) fn decide_field(&self, field: &ChangedField<'_>) -> FieldDecision {
        if !field.is_there || field.now == field.was {
            return FieldDecision::Leave;
        }
        let is_ours = field.now == field.wrote.filter(|wrote| !wrote.is_empty());
        if field.is_writable && (is_ours || self.even_edited) {
            FieldDecision::Restore
        } else {
            FieldDecision::Spare
        }
    }

    /// Whether a user is one of those who loaded; one that cannot be read may be.
    fn is_loader(&self, id: Option<&str>) -> bool {
        let is_same = |user: &str| id.is_none_or(|id| record_identity(id) == record_identity(user));
        is_same(self.user) || self.loaders.iter().any(|user| is_same(user))
    }

    /// Whether a record was made since the runs began.
    fn is_new(&self, made: Option<&str>) -> bool {
        let made = made.and_then(|made| {
            DateTime::parse_from_rfc3339(made)
                .or_else(|_| DateTime::parse_from_str(made, "%Y-%m-%dT%H:%M:%S%.f%z"))
                .ok()
        });
        made.is_some_and(|made| made >= self.started - CLOCKS)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const ME: &str = "005A00000000001AAA";
    const OTHER: &str = "005A00000000009AAA";

    fn decided(record: &CreatedRecord<'_>, even_edited: bool, guard: &Guard) -> Decision {
        rules(
            &BTreeSet::from(["005A00000000002AAA".to_owned()]),
            even_edited,
        )
        .decide(record, guard)
    }

    fn rules(loaders: &BTreeSet<String>, even_edited: bool) -> Rules<'_> {
        Rules {
            user: ME,
            loaders,
            started: DateTime::parse_from_rfc3339("2026-03-01T10:00:00Z")
                .unwrap()
                .to_utc(),
            even_edited,
        }
    }

    fn ours() -> CreatedRecord<'static> {
        CreatedRecord {
            id: "001A00000000001AAA",
            target: "001A00000000001AAA",
            is_there: true,
            created_by: Some(ME),
            created_at: Some("2026-03-01T10:01:00.000+0000"),
            changed_by: Some(ME),
            ..CreatedRecord::default()
        }
    }

    #[test]
    fn what_we_created_and_nobody_touched_goes() {
        assert_eq!(decided(&ours(), false, &Guard::default()), Decision::Delete);
    }

    #[test]
    fn what_another_loader_of_the_runs_changed_goes_too() {
        let record = CreatedRecord {
            changed_by: Some("005A00000000002"),
            ..ours()
        };
        assert_eq!(decided(&record, false, &Guard::default()), Decision::Delete);
    }

    #[test]
    fn what_is_gone_already_is_forgotten_and_what_was_only_found_is_not_ours() {
        let gone = CreatedRecord {
            is_there: false,
            ..ours()
        };
        assert_eq!(decided(&gone, false, &Guard::default()), Decision::Gone);
        let found = CreatedRecord {
            only_found: true,
            ..gone
        };
        assert_eq!(decided(&found, false, &Guard::default()), Decision::NotOurs);
    }

    #[test]
    fn a_record_that_was_only_found_goes_if_a_loader_made_it_since_the_runs_began() {
        let found = CreatedRecord {
            only_found: true,
            ..ours()
        };
        assert_eq!(decided(&found, false, &Guard::default()), Decision::Delete);
        let old = CreatedRecord {
            created_at: Some("2026-03-01T09:54:59Z"),
            ..found
        };
        assert_eq!(decided(&old, false, &Guard::default()), Decision::NotOurs);
        let by_other = CreatedRecord {
            created_by: Some(OTHER),
            ..found
        };
        assert_eq!(
            decided(&by_other, true, &Guard::default()),
            Decision::NotOurs,
            "not even when edited ones are taken back"
        );
        let unreadable = CreatedRecord {
            created_at: None,
            ..found
        };
        assert_eq!(
            decided(&unreadable, false, &Guard::default()),
            Decision::NotOurs
        );
    }

    #[test]
    fn clocks_may_be_five_minutes_apart() {
        let found = |created_at| CreatedRecord {
            only_found: true,
            created_at: Some(created_at),
            ..ours()
        };
        let guard = Guard::default();
        let edge = found("2026-03-01T09:55:00Z");
        assert_eq!(decided(&edge, false, &guard), Decision::Delete);
        let before = found("2026-03-01T09:54:59.999Z");
        assert_eq!(decided(&before, false, &guard), Decision::NotOurs);
    }

    #[test]
    fn what_others_changed_is_spared_with_who_it_was() {
        let record = CreatedRecord {
            changed_by: Some(OTHER),
            ..ours()
        };
        assert_eq!(
            decided(&record, false, &Guard::default()),
            Decision::Spare(Spared::ByOthers, Some(format!("by user {OTHER}")))
        );
        assert_eq!(decided(&record, true, &Guard::default()), Decision::Delete);
    }

    #[test]
    fn edited_fields_spare_a_record_even_if_a_loader_edited_them() {
        let record = CreatedRecord {
            edited: Some("Name, Phone"),
            ..ours()
        };
        assert_eq!(
            decided(&record, false, &Guard::default()),
            Decision::Spare(Spared::Edited, Some("Name, Phone".to_owned()))
        );
        assert_eq!(decided(&record, true, &Guard::default()), Decision::Delete);
    }

    #[test]
    fn a_file_with_a_newer_version_is_spared() {
        let version = |is_latest| CreatedRecord {
            is_latest: Some(is_latest),
            ..ours()
        };
        let guard = Guard::default();
        assert_eq!(
            decided(&version("false"), false, &guard),
            Decision::Spare(Spared::NewerVersion, None)
        );
        assert_eq!(decided(&version("true"), false, &guard), Decision::Delete);
    }

    #[test]
    fn children_keep_a_record_whatever_was_agreed_to() {
        let mut guard = Guard::default();
        let what: Arc<str> = "Task of others".into();
        guard.protect("001A00000000001", &what);
        let kept = Decision::Spare(Spared::Children, Some("Task of others".to_owned()));
        assert_eq!(decided(&ours(), false, &guard), kept);
        assert_eq!(decided(&ours(), true, &guard), kept);
        let version = CreatedRecord {
            id: "068A00000000001AAA",
            ..ours()
        };
        assert_eq!(decided(&version, false, &guard), kept, "by its document");
    }

    fn field<'a>(
        was: Option<&'a str>,
        wrote: Option<&'a str>,
        now: Option<&'a str>,
    ) -> ChangedField<'a> {
        ChangedField {
            is_there: true,
            is_writable: true,
            now,
            was,
            wrote,
        }
    }

    fn field_decided(field: &ChangedField<'_>, even_edited: bool) -> FieldDecision {
        rules(&BTreeSet::new(), even_edited).decide_field(field)
    }

    #[test]
    fn a_field_that_has_our_value_gets_the_one_it_had() {
        let written = field(Some("old"), Some("new"), Some("new"));
        assert_eq!(field_decided(&written, false), FieldDecision::Restore);
        let was_empty = field(None, Some("new"), Some("new"));
        assert_eq!(field_decided(&was_empty, false), FieldDecision::Restore);
        let cleared = field(Some("old"), Some(""), None);
        assert_eq!(
            field_decided(&cleared, false),
            FieldDecision::Restore,
            "we emptied it, and it is empty"
        );
    }

    #[test]
    fn a_field_that_is_as_it_was_is_left_alone() {
        let as_it_was = field(Some("old"), Some("new"), Some("old"));
        assert_eq!(field_decided(&as_it_was, true), FieldDecision::Leave);
        let gone = ChangedField {
            is_there: false,
            ..field(Some("old"), Some("new"), None)
        };
        assert_eq!(field_decided(&gone, true), FieldDecision::Leave);
    }

    #[test]
    fn a_field_that_somebody_edited_is_spared_unless_that_is_agreed_to() {
        let edited = field(Some("old"), Some("new"), Some("theirs"));
        assert_eq!(field_decided(&edited, false), FieldDecision::Spare);
        assert_eq!(field_decided(&edited, true), FieldDecision::Restore);
    }

    #[test]
    fn a_field_that_cannot_be_written_is_spared() {
        let locked = ChangedField {
            is_writable: false,
            ..field(Some("old"), Some("new"), Some("new"))
        };
        assert_eq!(field_decided(&locked, true), FieldDecision::Spare);
    }
}
