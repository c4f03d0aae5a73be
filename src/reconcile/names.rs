//! Names of tables and fields that the comparisons share, and how a list of entries becomes rows.

use arrow::array::{Array, StringArray};

use crate::salesforce::record_identity;
use crate::staging::Manifest;

/// How the tables of edits in the org begin.
pub const CHANGED_BY_ORG: &str = "changed_by_org_";

/// How the tables of conflicts begin.
pub const CONFLICTS: &str = "conflicts_";

/// How the tables begin of what was left to the org.
pub const LEFT_TO_ORG: &str = "left_to_org_";

/// Fields that say who changed a record last, and when.
pub(super) const MODIFIED: [&str; 2] = ["LastModifiedById", "LastModifiedDate"];

/// The column of `org.<load>` that names the version; none where somebody else changed the record before it was first read.
pub(super) const ACCEPTED: &str = "_accepted";

/// A row for each of the `entries` of each row of `sql`, as its `entry`. The list has a name of its own first: a column without one is
/// called by its whole expression, some kilobytes that the planner carries from step to step, and a comparison took 57 ms to plan.
pub(super) fn each_entry(sql: &str) -> String {
    format!("select m.* except (entries), unnest(m.entries) as entry from ({sql}) as m")
}

/// The outbox of last time under a name of its own, to be read beside that of now.
pub(super) fn as_last(outbox: &Manifest, load: &str) -> Manifest {
    Manifest {
        table: format!("{load}_last"),
        ..outbox.clone()
    }
}

/// Whether we changed a record last, or nobody says who did.
pub(super) fn is_ours(by: &StringArray, row: usize, user: &str) -> bool {
    by.is_null(row) || record_identity(by.value(row)) == record_identity(user)
}
