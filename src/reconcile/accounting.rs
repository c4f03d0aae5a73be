//! The books: every number of a phase's report, counted in SQL over published tables (`guide/design.md` §6).
//!
//! ```text
//! source rows = staged + rejected rows
//! staged      = outbox + held + out of scope + passive + ignored
//! outbox      = created + updated + unchanged + failed + unprocessed
//! ```

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use serde::{Deserialize, Serialize};

use super::names::CHANGED_BY_ORG;
use super::{CONFLICTS, ReconcileError};
use crate::engine::Session;
use crate::rows::{Outcome, for_load, same_key};
use crate::staging::{Manifest, Snapshot};

/// Rows that do not move, by their fate.
const FATES: &str = include_str!("../../queries/internal/fates.sql");

/// A source table's numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport {
    /// Name without schema.
    pub table: String,
    /// Records found in the export's files.
    pub source: u64,
    /// Rows in `usercom.<table>`.
    pub staged: u64,
    /// Whole-row rejects.
    pub rejected: u64,
    /// Cells that could not be read; their rows move without them.
    #[serde(default)]
    pub rejected_cells: u64,
}

/// A phase's numbers, in rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseReport {
    /// Salesforce object.
    pub object: String,
    /// The load.
    pub load: String,
    /// Rows in the outbox.
    pub outbox: u64,
    /// Of these, rows sent in this run.
    pub sent: u64,
    /// Records that came into being.
    pub created: u64,
    /// Records that were changed.
    pub updated: u64,
    /// Rows with the same values as last sent, not sent again.
    pub unchanged: u64,
    /// Rows Salesforce refused.
    pub failed: u64,
    /// Rows Salesforce never tried, or that have no answer.
    pub unprocessed: u64,
    /// Rows kept back until their reason is gone.
    pub held: u64,
    /// Rows outside `[scope]`.
    pub out_of_scope: u64,
    /// Passive people.
    pub passive: u64,
    /// Rows left behind by decision.
    pub ignored: u64,
    /// Rows with at least one flag.
    pub flagged: u64,
    /// Rows with at least one value that had to be changed.
    pub altered: u64,
    /// Rows found in the org.
    pub read_back: u64,
    /// Entries in `recon.differences_<load>`.
    pub differences: u64,
    /// Entries in `recon.changed_by_org_<load>`: fields that somebody changed in the org, which stay.
    #[serde(default)]
    pub changed_by_org: u64,
    /// Fields that both sides changed, which wait for a person.
    #[serde(default)]
    pub conflicts: u64,
    /// Records of ours whose rows the source no longer has.
    #[serde(default)]
    pub gone: u64,
    /// Of these, records that this run flagged.
    #[serde(default)]
    pub gone_flagged: u64,
    /// Of these, records that this run deleted.
    #[serde(default)]
    pub gone_deleted: u64,
    /// Of these, records of which nothing was done, since they are more than may go without a question.
    #[serde(default)]
    pub gone_waiting: u64,
}

impl PhaseReport {
    /// Rows of the grain that have a fate.
    #[must_use]
    pub fn accounted(&self) -> u64 {
        self.outbox + self.held + self.out_of_scope + self.passive + self.ignored
    }

    /// Whether every row of the outbox has an outcome.
    #[must_use]
    pub fn outbox_balances(&self) -> bool {
        self.outbox == self.created + self.updated + self.unchanged + self.failed + self.unprocessed
    }
}

/// Counts a phase. `run` is the run's id: outcomes of earlier runs do not count as this one's.
///
/// # Errors
/// [`ReconcileError::Engine`].
pub async fn count_phase(
    session: &Session,
    snapshot: &Snapshot,
    object: &str,
    load: &str,
    key: &[String],
    run: &str,
) -> Result<PhaseReport, ReconcileError> {
    let mut report = PhaseReport {
        object: object.to_owned(),
        load: load.to_owned(),
        ..PhaseReport::default()
    };
    let name = format!("the books of {load}");
    let outcome = format!(
        "case when o._operation = 'unchanged' then 'unchanged' \
         when l.run_id = '{run}' then coalesce(l.outcome, 'unprocessed') else 'unprocessed' end"
    );
    let outcomes = format!(
        "select {outcome} as name, count(*) as n from outbox.{load} as o left join ledger.{load} as l on {} group by {outcome}",
        same_key("l", "o", key)
    );
    let rows = |schema: &str, table: &str| {
        snapshot
            .get(schema, table)
            .map_or(0, |manifest| manifest.rows)
    };
    // Most loads of most projects are empty: a query that counts nothing takes as long as one that counts little.
    let count = async |table: String, sql: &str| match rows("recon", &table) {
        0 => Ok(BTreeMap::new()),
        _ => counts(session, &name, sql).await,
    };
    let outcomes = match rows("outbox", load) {
        0 => BTreeMap::new(),
        _ => counts(session, &name, &outcomes).await?,
    };
    // Counted apart from the outcomes, which a row that the ledger has twice would have twice.
    report.outbox = rows("outbox", load);
    for (outcome, rows) in outcomes {
        match Outcome::parse(&outcome) {
            Some(Outcome::Created) => report.created = rows,
            Some(Outcome::Updated) => report.updated = rows,
            Some(Outcome::Unchanged) => report.unchanged = rows,
            Some(Outcome::Failed) => report.failed = rows,
            _ => report.unprocessed += rows,
        }
    }
    report.sent = report.outbox.saturating_sub(report.unchanged);
    let fates = for_load(FATES, load);
    for (fate, rows) in count(format!("fates_{load}"), &fates).await? {
        match fate.as_str() {
            "held" => report.held = rows,
            "out_of_scope" => report.out_of_scope = rows,
            "passive" => report.passive = rows,
            _ => report.ignored = rows,
        }
    }
    let distinct = |table: &str| {
        format!(
            "select 'n' as name, count(*) as n from (select distinct t.key from recon.{table}_{load} as t) as d"
        )
    };
    report.flagged = count(format!("flags_{load}"), &distinct("flags"))
        .await?
        .values()
        .sum();
    report.altered = count(format!("altered_{load}"), &distinct("altered"))
        .await?
        .values()
        .sum();
    if rows("org", load) > 0 {
        // Other loads into the same object have rows there too.
        let found = format!(
            "select 'n' as name, count(*) as n from org.{load} as r inner join ledger.{load} as l on {} \
             where l.id is not null",
            same_key("l", "r", key)
        );
        report.read_back = counts(session, &name, &found).await?.values().sum();
    }
    report.differences = rows("recon", &format!("differences_{load}"));
    report.changed_by_org = rows("recon", &format!("{CHANGED_BY_ORG}{load}"));
    let open = format!(
        "select c.state as name, count(*) as n from recon.{CONFLICTS}{load} as c where c.state = 'ask' group by c.state"
    );
    report.conflicts = count(format!("{CONFLICTS}{load}"), &open)
        .await?
        .values()
        .sum();
    Ok(report)
}

/// The numbers of the staged tables that hold source records.
#[must_use]
pub fn count_sources(snapshot: &Snapshot) -> Vec<SourceReport> {
    let staged = snapshot.schema("usercom").map(|table: &Manifest| {
        let rejected = table.count("rejected_rows");
        SourceReport {
            table: table.table.clone(),
            source: table.count("source_rows"),
            staged: table.rows,
            rejected,
            rejected_cells: table.count("rejected_cells"),
        }
    });
    staged.filter(|report| report.source > 0).collect()
}

/// Runs a query of (name, n).
///
/// # Errors
/// [`ReconcileError::Engine`].
pub async fn counts(
    session: &Session,
    query: &str,
    sql: &str,
) -> Result<BTreeMap<String, u64>, ReconcileError> {
    let mut found = BTreeMap::new();
    for batch in session.collect(query, sql).await? {
        let names = batch.column(0).as_string_opt::<i32>();
        let rows = batch.column(1).as_primitive_opt::<Int64Type>();
        let (Some(names), Some(rows)) = (names, rows) else {
            continue;
        };
        for row in 0..batch.num_rows() {
            let name = if names.is_valid(row) {
                names.value(row)
            } else {
                ""
            };
            *found.entry(name.to_owned()).or_default() += rows.value(row).unsigned_abs();
        }
    }
    Ok(found)
}
