//! `transload rollback`: takes a run back and proves it.

use std::collections::BTreeMap;

use super::notify::{Ending, notify};
use super::stop::stop_on_request;
use super::{Format, Outcome, ProjectArgs, Target, migration, output};
use crate::error::Error;
use crate::migration::{RollbackReport, RollbackRequest};
use crate::rows::RunStatus;

/// Arguments of `transload rollback`.
#[derive(Debug, clap::Args)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// The run, with all later ones; by default the last, with the broken-off ones that it carried on
    #[arg(value_name = "RUN", add = super::complete::runs())]
    run: Option<String>,
    #[command(flatten)]
    target: Target,
    /// Only records of this object
    #[arg(long, value_name = "OBJECT")]
    object: Option<String>,
    /// Show what would be done; nothing in the org is touched
    #[arg(long)]
    dry_run: bool,
    /// Agree to delete and restore
    #[arg(long)]
    yes: bool,
    /// Delete for good instead of into the recycle bin; needs the permission "Bulk API Hard Delete"
    #[arg(long)]
    hard_delete: bool,
    /// Take back records that somebody edited since, too
    #[arg(long)]
    even_edited: bool,
    /// Delete contacts that leads became, too; the leads stay converted, which nothing undoes
    #[arg(long)]
    even_converted: bool,
    /// Report on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(super) async fn run(args: RollbackArgs) -> Result<Outcome, Error> {
    let (migration, progress) = migration(&args.project)?;
    let request = RollbackRequest {
        target: args.target.target,
        run: args.run,
        object: args.object,
        dry_run: args.dry_run,
        consent: args.yes,
        hard_delete: args.hard_delete,
        even_edited: args.even_edited,
        even_converted: args.even_converted,
    };
    let migration = migration.with_stop(stop_on_request(&progress));
    let report = Box::pin(migration.rollback(&request)).await;
    progress.finish();
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            notify(migration.config(), &Ending::of_error("rollback", &error)).await;
            return Err(error);
        }
    };
    if let Some(run) = &report.run {
        let ending = Ending {
            command: "rollback",
            status: report.status.word(),
            run,
            message: format!("takes back {}", report.undoes.join(", ")),
            reports: "",
        };
        notify(migration.config(), &ending).await;
    }
    if report.status == RunStatus::Planned && !args.dry_run {
        output::note(&report.table(output::width()));
        tell_converted(&report, args.even_converted);
        note_recycled(&report);
        return Err(Error::NeedsYes {
            what: format!("taking back {}", report.undoes.join(", ")),
        });
    }
    print(&report, args.format)?;
    tell_converted(&report, args.even_converted);
    Ok(match report.status {
        RunStatus::Gated => Outcome::Gated,
        _ => Outcome::Fine,
    })
}

/// Says beforehand, and afterwards, what nothing takes back.
fn tell_converted(report: &RollbackReport, even_converted: bool) {
    let converted: u64 = report.objects.iter().map(|line| line.plan.converted).sum();
    if converted > 0 {
        let contacts = match even_converted {
            true => "their contacts are deleted, the leads stay converted",
            false => "their contacts stay; --even-converted deletes those, too",
        };
        output::note(&format!(
            "{converted} lead(s) were converted, which cannot be undone: {contacts}"
        ));
    }
}

/// Says what comes back, or came, of what the runs deleted because the source no longer had it, and what does not.
fn note_recycled(report: &RollbackReport) {
    let listed = |records: &BTreeMap<String, u64>| {
        let loads = records.iter();
        let loads: Vec<String> = loads
            .map(|(load, records)| format!("{load} {records}"))
            .collect();
        loads.join(", ")
    };
    if !report.undeleted.is_empty() {
        output::note(&format!(
            "deleted because the source no longer had them, and {}: {}",
            match report.run {
                Some(_) => "taken out of the recycle bin",
                None => "to be taken out of the recycle bin",
            },
            listed(&report.undeleted)
        ));
    }
    if !report.not_restored.is_empty() {
        output::note(&format!(
            "deleted because the source no longer had them, and not brought back by a rollback: {}; they are not in Salesforce's \
             recycle bin, or do not come out of it; a run over an export that has them makes them anew",
            listed(&report.not_restored)
        ));
    }
}

fn print(report: &RollbackReport, format: Format) -> Result<(), Error> {
    if format == Format::Json {
        let text = serde_json::to_string(report).unwrap_or_default();
        output::data(&format!("{text}\n"))?;
    } else if !report.undoes.is_empty() {
        output::data(&format!(
            "Takes back {}\n{}",
            report.undoes.join(", "),
            report.table(output::width())
        ))?;
    }
    let spared: u64 = report.objects.iter().map(|line| line.plan.spared).sum();
    if spared > 0 {
        output::note(&format!(
            "{spared} record(s) are spared; `transload query \"select * from recon.spared\"` lists them with the reason"
        ));
    }
    note_recycled(report);
    let left: u64 = report.objects.iter().map(|line| line.left).sum();
    if left > 0 {
        output::note(&format!(
            "{left} record(s) could not be taken back; `transload query \"select * from ledger.attempts where run_id = '{}' and \
             outcome = 'failed'\"` says why, and the same command tries again",
            report.run.as_deref().unwrap_or_default()
        ));
    }
    if !report.unasked.is_empty() {
        output::note(&format!(
            "records of others in {} object(s) cannot be asked for and were not looked at: {}",
            report.unasked.len(),
            report.unasked.join(", ")
        ));
    }
    if let Some(run) = &report.run {
        output::note(&format!(
            "rollback {run}: {}",
            match report.status {
                RunStatus::Ok => "the org is as it was",
                RunStatus::Partial => "the records of one object are as they were",
                _ => "the org is as it was, apart from what is spared or left",
            }
        ));
    }
    Ok(())
}
