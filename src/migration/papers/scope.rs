//! The scope document: what the export holds, what it asks, what the org needs.

use std::path::Path;

use super::{Plan, WrittenDocument};
use crate::error::Error;
use crate::migration::Migration;

const SCOPE: [Plan; 11] = [
    (
        "What the export holds",
        "Rows as the files have them. Unreadable rows and cells are kept with file, row and reason in rejects.*; nothing of them \
         is guessed.",
        "scope/objects",
        true,
    ),
    (
        "What makes people billable at User.com",
        "Each combination of e-mail, phone, user id, chat, web push and device key, with the people who have it. The size of the \
         database that User.com (now Positive User) shows in the application lags by up to 24 hours, so small differences are to \
         be expected.",
        "scope/billing",
        true,
    ),
    (
        "Passive people",
        "People with neither e-mail nor phone can be addressed by nobody in Salesforce. The recommendation is to leave them behind, which is \
         the default; migrate_passive = true under [options] moves them. The storage is what their records would take.",
        "scope/passive",
        false,
    ),
    (
        "Lifecycle stages and where they lead",
        "A person becomes a Lead or a Contact by its lifecycle stage (config/lifecycle.csv). Stages that nobody decided are held.",
        "scope/lifecycle",
        true,
    ),
    (
        "Deal stages and what they become",
        "Pipeline, stage and status by the stage matrix (config/stage_matrix.csv). Combinations that nobody decided are held.",
        "scope/stages",
        false,
    ),
    (
        "Duplicates",
        "Values that several records share. People who share an e-mail move as they are and are flagged.",
        "scope/duplicates",
        false,
    ),
    (
        "Records that lack what they hang on",
        "Each is told by the run as well: held where Salesforce needs the parent, flagged where it does not.",
        "scope/orphans",
        false,
    ),
    (
        "Fields and how full they are",
        "Every column of the export, the customer's own among them. Columns that are nearly empty are candidates for staying behind.",
        "scope/fields",
        false,
    ),
    (
        "Storage in Salesforce",
        "Two kilobytes a record, as Salesforce counts most objects; files and notes come on top.",
        "scope/storage",
        true,
    ),
    (
        "What the org has to have",
        "Features that the data needs, with the lowest edition that has them (config/editions.csv, with the day on which it was \
         read). Prices and editions change: check with your account executive.",
        "scope/needs",
        false,
    ),
    (
        "Decisions about owners",
        "Users that config/owners.csv names for owners whose address no user of the org has.",
        "scope/owners",
        false,
    ),
];

impl Migration {
    /// Writes the scope document of what was staged last, and beside it those of segments and owners.
    ///
    /// # Errors
    /// The staging area cannot be read, or the folder cannot be written.
    pub async fn write_scope(&self, folder: Option<&Path>) -> Result<WrittenDocument, Error> {
        let asked = self.ask(None).await?;
        let title = format!("Scope of the migration: {}", self.config().name);
        let folder = self.folder(folder, "scope");
        let place = (folder.as_path(), "scope");
        let scope = self.write(&asked.session, &title, Vec::new(), &SCOPE, place);
        let mut scope = scope.await?;
        for other in self.write_audience(&asked.session, &folder).await? {
            scope.files.extend(other.files);
        }
        Ok(scope)
    }
}
