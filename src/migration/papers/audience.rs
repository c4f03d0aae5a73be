//! Two documents beside the scope: what finds the people of each segment, and who owns what.
//!
//! In: what was staged last, decisions about owners, users of the org where it was met. Out: two documents. Never: a connection.

use std::path::Path;

use super::{Plan, Source, WrittenDocument};
use crate::error::Error;
use crate::migration::Migration;

const SEGMENTS: [Plan; 2] = [
    (
        "Segments and what finds their people",
        "Salesforce gets the people of today and not the rule that finds them. Rebuild the segments that are still needed as reports, list \
         views or campaigns from these criteria, before User.com is switched off.",
        "segments/criteria",
        true,
    ),
    (
        "Lists",
        "People were added to these by hand, so there is no rule to rebuild.",
        "segments/lists",
        true,
    ),
];

const OWNERS: [Plan; 1] = [(
    "Owners and who takes over",
    "Everybody who owns a record of the export. An owner becomes the user with the same address, or the one that config/owners.csv names. \
     Users are those of the last time that the org was met; `transload plan` meets it.",
    "owners/queue",
    false,
)];

impl Migration {
    /// Writes the criteria of segments and the queue of owners.
    pub(super) async fn write_audience(
        &self,
        source: &Source<'_>,
        facts: &[(String, String)],
        folder: &Path,
    ) -> Result<[WrittenDocument; 2], Error> {
        let title = |what: &str| format!("{what}: {}", self.config().name);
        let facts = || facts.to_vec();
        let segments = title("Segments and their criteria");
        let segments = self.write(source, &segments, facts(), &SEGMENTS, (folder, "segments"));
        let segments = segments.await?;
        let owners = title("Owners");
        let owners = self.write(source, &owners, facts(), &OWNERS, (folder, "owners"));
        Ok([segments, owners.await?])
    }
}
