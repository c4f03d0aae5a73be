//! The destination read back and compared with what was sent, any day.
//!
//! In: ledgers and outboxes of what was loaded, the org. Out: `recon.*`, published, rows of `ledger.reconciliations`, and a
//! [`ReconcileReport`]. Never: a change to the org.

use super::books;
use super::comparison::{compare, read_back_request};
use super::connection::Connection;
use super::context::{Context, Reads};
use super::hypercare::{self, Hypercare};
use super::liveness::Liveness;
use super::project::Project;
use super::reconcile_log::keep_reconciliation;
use super::reconcile_report::{LoadComparison, ReconcileReport};
use super::resolved::ProjectFiles;
use super::sheet::keep_sheet;
use super::side_by_side::{Sample, draw_samples, keep_sample, publish};
use crate::error::Error;
use crate::load::Journal;
use crate::progress::Progress;
use crate::project::{QueryFile, QueryKind};
use crate::reconcile::counts;
use crate::rows::same_key;
use crate::transform::write_model;

/// What people did, for people.
const PEOPLE_DID: &str = include_str!("../../queries/internal/hypercare_for_people.sql");

/// What a reconciliation is asked for.
#[derive(Clone, Debug, Default)]
pub struct ReconcileRequest {
    /// Destination, by its name in `migration.toml`; by default the only one, or `default_target`.
    pub target: Option<String>,
    /// Whether only what changed in the org since the last look is read.
    pub only_changes: bool,
    /// How many random records are put side by side, and which.
    pub sample: Option<Sample>,
    /// Whether the sample is written into the reports of the last run.
    pub keep_sample: bool,
}

/// Reads back and compares everything that was loaded.
pub(crate) async fn reconcile(
    project: &Project,
    connection: &Connection,
    request: &ReconcileRequest,
    files: ProjectFiles,
    progress: &dyn Progress,
) -> Result<ReconcileReport, Error> {
    let staging = &connection.staging;
    let snapshot = staging.snapshot().await?;
    let is_loaded = |file: &&QueryFile| {
        snapshot.get("ledger", &file.name).is_some() && snapshot.get("outbox", &file.name).is_some()
    };
    if !files
        .queries
        .kind(QueryKind::Load)
        .any(|file| is_loaded(&file))
    {
        return Err(Error::NotYet {
            what: format!("nothing was loaded into {} yet", connection.target),
            hint: "run `transload run` first".to_owned(),
        });
    }
    let mut context = Context::with(project, connection, progress, files).await?;
    context.whole = !request.only_changes;
    let files = context.resolved.queries.kind(QueryKind::Load);
    let loaded: Vec<&QueryFile> = files.filter(is_loaded).collect();
    let mut report = ReconcileReport::default();
    if request.only_changes {
        let names: Vec<&str> = loaded.iter().map(|file| file.name.as_str()).collect();
        Liveness::default().refresh(&context, &names).await?;
    }
    for file in &loaded {
        let Some(describe) = context.describes.get(file.object()) else {
            continue;
        };
        progress.step(&format!("reading {} back for {}", file.object(), file.name));
        let outbox_rows = snapshot
            .get("outbox", &file.name)
            .map_or(0, |outbox| outbox.rows);
        let request = read_back_request(&context, file, describe, outbox_rows)?;
        let compared = compare(&context, &request, |_| {}).await?;
        let (landed, read_back) = landed(&context, file, compared.found).await?;
        report.loads.push(LoadComparison {
            object: file.object().to_owned(),
            load: file.name.clone(),
            landed,
            read_back,
            differences: compared.differences,
            changed_by_org: compared.changed_by_org,
        });
    }
    books::publish(&context, &books::column_fates(&context).await?).await?;
    report.queries = verify_split(&context).await?;
    if request.only_changes {
        progress.step("what people did in the org");
        let seen = hypercare::look(&context, &loaded).await?;
        if seen != Hypercare::default() {
            report.list = Some(keep_list(&context).await?);
        }
        report.hypercare = Some(seen);
    }
    if let Some(wanted) = request.sample {
        let mut sheet = draw_samples(&context, &loaded, wanted).await?;
        publish(staging, &sheet).await?;
        if request.keep_sample {
            sheet.place = Some(keep_sample(staging, &sheet).await?);
        }
        report.sample = Some(sheet);
    }
    keep_reconciliation(&context, &report).await?;
    Ok(report)
}

/// Writes what people did into the reports of the last run, for people; where it lies then.
async fn keep_list(context: &Context<'_>) -> Result<String, Error> {
    let (_, session) = context.session(Reads::All).await?;
    let rows = session.collect("what people did", PEOPLE_DID).await?;
    let staging = context.staging();
    let run = Journal::last_run(staging).await?;
    let run = run.unwrap_or_else(|| "reconcile".to_owned());
    let wrong = |what| Error::Defect { what };
    let sheet = keep_sheet(staging, &run, "hypercare", &rows, wrong).await?;
    Ok(sheet.place)
}

/// Records of a load that the ledger knows as live, and how many of them were read back.
async fn landed(context: &Context<'_>, file: &QueryFile, found: u64) -> Result<(u64, u64), Error> {
    let (_, session) = context.session(Reads::Tables).await?;
    let load = &file.name;
    let sql = format!(
        "select 'n' as name, count(*) as n from ledger.{load} as l where l.id is not null and l.live = 'live'"
    );
    let landed = counts(&session, "the ledger", &sql).await?.values().sum();
    if found == 0 {
        return Ok((landed, 0));
    }
    // Others may have rows there too.
    let sql = format!(
        "select 'n' as name, count(*) as n from org.{load} as r inner join ledger.{load} as l on {} where l.id is not null",
        same_key("l", "r", &file.key)
    );
    let read_back = counts(&session, "the rows read back", &sql).await?;
    Ok((landed, read_back.values().sum()))
}

/// Runs the project's reconcile queries (the split rule's verification among them): name and rows found.
async fn verify_split(context: &Context<'_>) -> Result<Vec<(String, u64)>, Error> {
    let staging = context.staging();
    let (_, session) = context.session(Reads::All).await?;
    let known = session.table_names();
    let mut found = Vec::new();
    for file in context.resolved.queries.kind(QueryKind::Reconcile) {
        if !file.references.is_subset(&known) {
            continue;
        }
        let manifest = write_model(staging, &session, "recon", file).await?;
        found.push((file.name.clone(), manifest.rows));
        staging.publish(manifest).await?;
    }
    Ok(found)
}
