//! The bodies of files and notes: no query shows them, so something else tells which one a record has.
//!
//! In: a field of an object. Out: what tells its body, and SQL for it. Never: a body itself.

use crate::salesforce::ObjectDescribe;

/// The body of a file or a note: written, never read back with the row. What tells which body a record has is read instead.
#[derive(Debug)]
pub(super) struct Body {
    object: &'static str,
    field: &'static str,
    /// The fields that tell it.
    pub(super) told_by: &'static [&'static str],
    is_comparable: bool,
}

const BODIES: [Body; 2] = [
    // Each content of a note is a version with an id of its own.
    Body {
        object: "ContentNote",
        field: "Content",
        told_by: &["LatestPublishedVersionId"],
        is_comparable: false,
    },
    // Sent as the MD5 of the file. Whoever uploads another version has made one that is later than ours.
    Body {
        object: "ContentVersion",
        field: "VersionData",
        told_by: &["Checksum", "IsLatest"],
        is_comparable: true,
    },
];

/// What is told of a file that has a later version than ours: somebody uploaded it, whoever changed ours last.
const LATER_VERSION: &str = "a later version";

impl Body {
    pub(super) fn field(&self) -> &'static str {
        self.field
    }

    /// Whether what was sent and what is told of it are the same for the same body.
    pub(super) fn is_comparable(&self) -> bool {
        self.is_comparable
    }

    /// SQL for what tells the body of a record in `alias`.
    pub(super) fn told(&self, alias: &str) -> String {
        match self.told_by {
            [sum, latest] => format!(
                "case when lower({alias}.\"{latest}\") = 'false' then '{LATER_VERSION}' else lower({alias}.\"{sum}\") end"
            ),
            names => {
                let names = names.iter();
                let names: Vec<String> = names.map(|name| format!("{alias}.\"{name}\"")).collect();
                format!("concat({})", names.join(", "))
            }
        }
    }
}

/// The body that a field is, if the org tells which one a record has.
pub(super) fn body(describe: &ObjectDescribe, name: &str) -> Option<&'static Body> {
    let mut bodies = BODIES.iter();
    let found = bodies.find(|body| body.object == describe.name && body.field == name);
    found.filter(|body| {
        body.told_by
            .iter()
            .all(|name| describe.field(name).is_some())
    })
}

/// Whether what is found of a field says that somebody uploaded a later version than ours.
pub(super) fn is_later_version(field: &str, found: &str) -> bool {
    found == LATER_VERSION && BODIES.iter().any(|body| body.field == field)
}

/// Whether a field is the body of a file or a note, whose former values are not kept.
#[must_use]
pub fn is_body(object: &str, name: &str) -> bool {
    BODIES
        .iter()
        .any(|body| body.object == object && body.field == name)
}
