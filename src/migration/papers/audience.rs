//! Two documents beside the scope: what finds the people of each segment, and who owns what.

use std::path::Path;

use super::{Plan, WrittenDocument};
use crate::engine::Session;
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
     This document does not ask the org: transload check and transload run tell owners that no user answers to.",
    "owners/queue",
    false,
)];

impl Migration {
    /// Writes the criteria of segments and the queue of owners.
    pub(super) async fn write_audience(
        &self,
        session: &Session,
        folder: &Path,
    ) -> Result<[WrittenDocument; 2], Error> {
        let title = |what: &str| format!("{what}: {}", self.config().name);
        let none = Vec::new;
        let segments = title("Segments and their criteria");
        let segments = self.write(session, &segments, none(), &SEGMENTS, (folder, "segments"));
        let segments = segments.await?;
        let owners = title("Owners");
        let owners = self.write(session, &owners, none(), &OWNERS, (folder, "owners"));
        Ok([segments, owners.await?])
    }
}
