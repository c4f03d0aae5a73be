//! Names of tables and fields that the comparisons share.

use crate::staging::Manifest;

/// How the tables of edits in the org begin.
pub const CHANGED_BY_ORG: &str = "changed_by_org_";

/// How the tables of conflicts begin.
pub const CONFLICTS: &str = "conflicts_";

/// How the tables begin of what was left to the org.
pub const LEFT_TO_ORG: &str = "left_to_org_";

/// Fields that say who changed a record last, and when.
pub(super) const MODIFIED: [&str; 2] = ["LastModifiedById", "LastModifiedDate"];

/// The outbox of last time under a name of its own, to be read beside that of now.
pub(super) fn as_last(outbox: &Manifest, load: &str) -> Manifest {
    Manifest {
        table: format!("{load}_last"),
        ..outbox.clone()
    }
}
