//! What a run took: calls, the org's count of calls, answers that were worth another attempt.

use std::collections::BTreeSet;

use super::context::Context;
use crate::error::Error;
use crate::load::{OutcomeClass, classify};
use crate::reconcile::counts;
use crate::report::Effort;
use crate::staging::Snapshot;

/// Calls of this run, and answers that were worth another attempt. Of `idle` loads the run sent nothing.
pub(crate) async fn effort(
    context: &Context<'_>,
    snapshot: &Snapshot,
    run: &str,
    idle: &BTreeSet<&str>,
) -> Result<Effort, Error> {
    let usage = context.connection.client.usage();
    let mut effort = Effort {
        requests: usage.requests,
        org_requests: usage.organization.map(|usage| (usage.used, usage.max)),
        ..Effort::default()
    };
    let session = context
        .project
        .engine
        .session(context.staging(), snapshot)?;
    for table in snapshot.schema("ledger") {
        let load = table.table.strip_prefix("attempts_");
        let Some(load) = load.filter(|load| !idle.contains(load)) else {
            continue;
        };
        let failed = |table: &str| {
            format!(
                "select t.error_code as name, count(*) as n from ledger.{table} as t \
                 where t.run_id = '{run}' and t.outcome in ('failed', 'unprocessed') group by t.error_code"
            )
        };
        let all = failed(&format!("attempts_{load}"));
        let mut again = counts(&session, "the attempts", &all).await?;
        again.retain(|code, _| classify(code) == OutcomeClass::Transient);
        if again.is_empty() {
            continue;
        }
        // The last answer of a row that was given up was followed by no other.
        let last = counts(&session, "the ledger", &failed(load)).await?;
        for (code, rows) in again {
            let rows = rows.saturating_sub(last.get(&code).copied().unwrap_or_default());
            if rows > 0 {
                *effort.sent_again.entry(code).or_default() += rows;
            }
        }
    }
    Ok(effort)
}
