//! Runs that did not finish, brought to their end before the next begins.
//!
//! In: the journal, the server's answers. Out: a ledger that knows what became of every row of theirs. Never: a row sent.

use super::connection::Connection;
use super::project::Project;
use crate::error::Error;
use crate::load::{Journal, RunRecord, recover};
use crate::progress::Progress;

/// Makes sure that the ledger is what was written, and settles every run that did not finish; returns those.
pub(crate) async fn recover_all(
    project: &Project,
    connection: &Connection,
    progress: &dyn Progress,
) -> Result<Vec<RunRecord>, Error> {
    let staging = &connection.staging;
    let snapshot = staging.snapshot().await?;
    if snapshot.schema("ledger").next().is_some() {
        progress.step("checking the ledger");
    }
    staging.verify(snapshot.schema("ledger")).await?;
    let mut broken = Vec::new();
    for record in Journal::unfinished(staging).await? {
        progress.step(&format!(
            "settling run {}, which did not finish",
            record.run
        ));
        for line in recover(staging, &project.engine, &connection.client, &record).await? {
            progress.done(&line);
        }
        broken.push(record);
    }
    Ok(broken)
}
