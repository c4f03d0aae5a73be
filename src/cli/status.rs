//! `transload status`: what the journals say about runs, phases, jobs and gates.

use std::io::IsTerminal;
use std::time::Duration;

use super::{Format, Outcome, ProjectArgs, Target, complete, output};
use crate::error::Error;
use crate::migration::{self, RunOverview};
use crate::staging::{Holder, Staging};

/// Arguments of `transload status`.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    /// Show the phases of this run instead of the last one's
    #[arg(long, value_name = "ID", add = complete::runs())]
    run: Option<String>,
    /// Show it again and again while a command is at work
    #[arg(long)]
    watch: bool,
    /// Report on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(super) async fn run(args: StatusArgs) -> Result<Outcome, Error> {
    let config = super::config(&args.project)?;
    if args.target.target.is_some() {
        config.target(args.target.target.as_deref())?;
    }
    let staging = Staging::open(&config.staging)?;
    loop {
        let at_work = staging.at_work().await?;
        let shown = show(&args, &staging, at_work.as_ref()).await;
        if at_work.is_none() || !args.watch {
            return shown;
        }
        shown?;
        tokio::time::sleep(BETWEEN_LOOKS).await;
        if std::io::stdout().is_terminal() {
            // Back to the upper left corner of an empty screen.
            let _ = console::Term::stdout().clear_screen();
        }
    }
}

/// Between two looks at a command at work.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

async fn show(
    args: &StatusArgs,
    staging: &Staging,
    at_work: Option<&Holder>,
) -> Result<Outcome, Error> {
    let runs = migration::runs(staging, args.target.target.as_deref()).await?;
    if let Some(wanted) = &args.run
        && !runs.iter().any(|run| run.run == *wanted)
    {
        return Err(Error::Unknown {
            what: format!("there is no run {wanted}"),
            hint: "`transload status` lists the runs there are".to_owned(),
        });
    }
    let wanted = args.run.as_ref();
    let shown = wanted.and_then(|wanted| runs.iter().find(|run| run.run == *wanted));
    let shown = shown.or(runs.last());
    let summary = match shown {
        Some(run) => migration::summary(staging, run).await?,
        None => None,
    };
    let kept_back = summary.map_or_else(Vec::new, |summary| {
        let mut lines = summary.kept_back();
        lines.extend(summary.stopped_by());
        lines
    });
    print(&runs, shown, &kept_back, args, at_work)?;
    Ok(Outcome::Fine)
}

fn print(
    runs: &[RunOverview],
    shown: Option<&RunOverview>,
    kept_back: &[String],
    args: &StatusArgs,
    at_work: Option<&Holder>,
) -> Result<(), Error> {
    if args.format == Format::Json {
        let document =
            serde_json::json!({ "runs": runs, "kept_back": kept_back, "at_work": at_work });
        return output::data(&format!("{document}\n"));
    }
    if let Some(holder) = at_work {
        output::note(&format!(
            "at work: transload {}, process {} on {}, since {}",
            holder.command,
            holder.pid,
            holder.host,
            holder
                .since
                .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        ));
    }
    let (Some(last), Some(shown)) = (runs.last(), shown) else {
        if at_work.is_some() {
            return Ok(());
        }
        let against = args
            .target
            .target
            .as_ref()
            .map(|name| format!(" against {name}"));
        output::note(&format!(
            "no run{} so far; `transload plan` shows what one would do, `transload run` starts it",
            against.unwrap_or_default()
        ));
        return Ok(());
    };
    output::data(&output::table(
        &RUN_HEAD,
        runs.iter().map(RunOverview::row).collect(),
        // No run is left out for want of open jobs.
        RUN_HEAD.len(),
    ))?;
    if !shown.phases.is_empty() {
        let phases = shown.phases.iter().map(|phase| {
            let mut row = phase.row(shown);
            let is_empty = |cell: &String| cell.is_empty() || cell == "0";
            // Of a phase without rows nobody asks how long it took: it is named below the others.
            if let Some((seconds, counts)) = row[3..].split_last_mut()
                && counts.iter().all(is_empty)
            {
                seconds.clear();
            }
            row
        });
        output::data(&output::table(&PHASE_HEAD, phases.collect(), 3))?;
    }
    for line in kept_back {
        output::data(&format!("{line}\n"))?;
    }
    for phase in &shown.phases {
        for reason in &phase.reasons {
            output::note(&format!("the gate of {} is shut: {reason}", phase.load));
        }
    }
    for job in &shown.open_jobs {
        output::note(&format!(
            "open: {} of {} into {}, attempt {}, {}",
            job.operation,
            job.load,
            job.object,
            job.attempt,
            match &job.job {
                Some(id) => format!("job {id}"),
                None => "no job id known".to_owned(),
            }
        ));
    }
    if last.finished.is_none() && at_work.is_none() {
        output::note(&format!(
            "run {} has not come to its end, and no process is at it: `transload run` settles its open jobs and goes on from there",
            last.run
        ));
    }
    Ok(())
}

const RUN_HEAD: [&str; 7] = [
    "run",
    "target",
    "organisation",
    "started",
    "finished",
    "status",
    "open jobs",
];

const PHASE_HEAD: [&str; 11] = [
    "phase", "object", "gate", "rows", "parts", "done", "jobs", "held", "flagged", "failed",
    "seconds",
];
