//! What a row's error means, and what to do about it (`guide/salesforce.md` §7).

use std::collections::BTreeSet;

/// What kind of answer a failed row calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeClass {
    /// Locks, timeouts: the same row may land next time.
    Transient,
    /// The row's own values: they must change.
    Data,
    /// The org: a permission, a quota, a field.
    Setup,
}

/// Splits Salesforce's `CODE:message:Field1 Field2 --` into code and the rest.
#[must_use]
pub(super) fn split_error(error: &str) -> (&str, &str) {
    let (code, rest) = error.split_once(':').unwrap_or((error, ""));
    let rest = rest.trim_end().trim_end_matches("--").trim_end();
    (code, rest.trim_end_matches(':'))
}

/// Errors that pass.
const TRANSIENT: [&str; 7] = [
    "UNABLE_TO_LOCK_ROW",
    "TooManyLockFailure",
    "SERVER_UNAVAILABLE",
    "REQUEST_RUNNING_TOO_LONG",
    "UNKNOWN_EXCEPTION",
    "Timeout",
    "UNPROCESSED",
];

/// Errors that the org's set-up is the cause of.
const SETUP: [&str; 8] = [
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "INVALID_FIELD_FOR_INSERT_UPDATE",
    "STORAGE_LIMIT_EXCEEDED",
    "LIMIT_EXCEEDED",
    "INACTIVE_OWNER_OR_USER",
    "UNAVAILABLE_RECORDTYPE_EXCEPTION",
];

/// The class of an error code.
#[must_use]
pub fn classify(code: &str) -> OutcomeClass {
    if TRANSIENT.contains(&code) {
        OutcomeClass::Transient
    } else if SETUP.contains(&code) {
        OutcomeClass::Setup
    } else {
        OutcomeClass::Data
    }
}

/// Error codes that people can do something about, and what.
const REMEDIES: [(&str, &str); 14] = [
    (
        "REQUIRED_FIELD_MISSING",
        "give the field a value in the load query or in config/defaults.csv",
    ),
    (
        "STRING_TOO_LONG",
        "shorten the value, or let config/value_policy.csv cut it",
    ),
    (
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "add the value to the picklist, or map it to one that is there",
    ),
    (
        "INVALID_EMAIL_ADDRESS",
        "mend the address, or let config/value_policy.csv blank it",
    ),
    (
        "DUPLICATE_VALUE",
        "another record has this key already: decide in config/matches.csv which one it is",
    ),
    (
        "DUPLICATES_DETECTED",
        "a duplicate rule stopped the row: set the rule to allow, or merge the records",
    ),
    (
        "INVALID_CROSS_REFERENCE_KEY",
        "the record referred to is not there: load or map its parent first",
    ),
    (
        "INVALID_FIELD",
        "the record referred to is not there: load or map its parent first",
    ),
    (
        "INACTIVE_OWNER_OR_USER",
        "allow updates with inactive owners in Setup, or map the owner in config/owners.csv",
    ),
    (
        "UNABLE_TO_LOCK_ROW",
        "run again: another process held the parent record",
    ),
    (
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "a validation rule stopped the row: switch it off for the load or meet it",
    ),
    (
        "STORAGE_LIMIT_EXCEEDED",
        "free or buy data storage, then run again",
    ),
    ("UNPROCESSED", "Salesforce never tried the row: run again"),
    (
        "UNSETTLED",
        "the org has records that may be this row: look at those that the message names and delete them if they are, then run again",
    ),
];

/// The next step for an error code, in plain words.
#[must_use]
pub fn remedy(code: &str) -> &'static str {
    let known = REMEDIES.iter().find(|(known, _)| *known == code);
    known.map_or(
        "see the message; after the cause is mended run again, only such rows are sent",
        |(_, remedy)| remedy,
    )
}

/// `recon.remedies` as a query: every code that is known with whom it concerns and what to do, and what holds for any other, whose code
/// is empty.
#[must_use]
pub fn remedies() -> String {
    let known = REMEDIES.iter().map(|(code, _)| *code);
    let codes: BTreeSet<&str> = known.chain(TRANSIENT).chain(SETUP).chain([""]).collect();
    let row = |code: &str| {
        let concerns = match (code, classify(code)) {
            ("FIELD_CUSTOM_VALIDATION_EXCEPTION" | "DUPLICATES_DETECTED", _)
            | (_, OutcomeClass::Setup) => "the admin of the org",
            (_, OutcomeClass::Transient) => "nobody: it passes",
            (_, OutcomeClass::Data) => "whoever knows the data",
        };
        format!("('{code}', '{concerns}', '{}')", remedy(code))
    };
    let rows: Vec<String> = codes.into_iter().map(row).collect();
    format!(
        "select r.error_code, r.concerns, r.what_to_do from (values {}) as r (error_code, concerns, what_to_do)",
        rows.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_split_into_code_and_message() {
        assert_eq!(
            split_error("REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"),
            (
                "REQUIRED_FIELD_MISSING",
                "Required fields are missing: [Name]:Name"
            )
        );
        assert_eq!(
            split_error("ENTITY_IS_DELETED:entity is deleted:--"),
            ("ENTITY_IS_DELETED", "entity is deleted")
        );
    }

    #[test]
    fn an_error_without_a_message_is_its_code() {
        assert_eq!(split_error("UNKNOWN_EXCEPTION"), ("UNKNOWN_EXCEPTION", ""));
        assert_eq!(split_error(""), ("", ""));
    }

    #[test]
    fn only_what_may_pass_by_itself_is_transient() {
        let transient = [
            "UNABLE_TO_LOCK_ROW",
            "TooManyLockFailure",
            "SERVER_UNAVAILABLE",
            "REQUEST_RUNNING_TOO_LONG",
            "UNKNOWN_EXCEPTION",
            "Timeout",
            "UNPROCESSED",
        ];
        for code in transient {
            assert_eq!(classify(code), OutcomeClass::Transient, "{code}");
        }
    }

    #[test]
    fn permissions_and_quotas_are_the_orgs_and_everything_else_is_the_rows() {
        let setup = [
            "INSUFFICIENT_ACCESS_OR_READONLY",
            "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "STORAGE_LIMIT_EXCEEDED",
            "LIMIT_EXCEEDED",
            "INACTIVE_OWNER_OR_USER",
            "UNAVAILABLE_RECORDTYPE_EXCEPTION",
        ];
        for code in setup {
            assert_eq!(classify(code), OutcomeClass::Setup, "{code}");
        }
        for code in [
            "STRING_TOO_LONG",
            "REQUIRED_FIELD_MISSING",
            "DUPLICATE_VALUE",
            "NEW_CODE",
        ] {
            assert_eq!(classify(code), OutcomeClass::Data, "{code}");
        }
    }

    #[test]
    fn a_code_that_people_can_mend_says_how() {
        let unknown = remedy("NEW_CODE");
        for code in [
            "REQUIRED_FIELD_MISSING",
            "STRING_TOO_LONG",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "INVALID_EMAIL_ADDRESS",
            "DUPLICATE_VALUE",
            "DUPLICATES_DETECTED",
            "INVALID_CROSS_REFERENCE_KEY",
            "INACTIVE_OWNER_OR_USER",
            "UNABLE_TO_LOCK_ROW",
            "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "STORAGE_LIMIT_EXCEEDED",
            "UNPROCESSED",
        ] {
            assert_ne!(remedy(code), unknown, "{code}");
        }
        assert!(remedy("STRING_TOO_LONG").contains("config/value_policy.csv"));
        let listed = remedies();
        for row in [
            "('INSUFFICIENT_ACCESS_OR_READONLY', 'the admin of the org', ",
            "('Timeout', 'nobody: it passes', ",
            "('DUPLICATE_VALUE', 'whoever knows the data', ",
            "('', 'whoever knows the data', ",
        ] {
            assert!(listed.contains(row), "{row}: {listed}");
        }
    }
}
