//! `transload stage`: the export → typed tables and rejects, and nothing else; by one process, or its share by each of several.

use super::{Format, Outcome, ProjectArgs, migration, output};
use crate::error::Error;
use crate::migration::Sharded;
use crate::stage::{Shard, ShardReport, StageReport};

/// Arguments of `transload stage`.
#[derive(Debug, clap::Args)]
pub(crate) struct StageArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Read every file, also those that are as they were
    #[arg(long)]
    fresh: bool,
    /// Stage only this share of the files, as 2/3: the second of three processes; the last one to end publishes all
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Report on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(super) async fn run(args: StageArgs) -> Result<Outcome, Error> {
    let (migration, progress) = migration(&args.project)?;
    if args.fresh {
        migration.engine().make_all();
    }
    if let Some(shard) = args.shard {
        let sharded = migration.stage_shard(shard).await;
        progress.finish();
        return match sharded? {
            Sharded::Published(_, report) => show(args.format, &report),
            Sharded::Waits(report) => waits(args.format, shard, &report),
            Sharded::Elsewhere(report) => waits(args.format, shard, &report),
        };
    }
    let report = migration.stage().await;
    progress.finish();
    show(args.format, &report?)
}

/// Says that a share is staged, and what it waits for.
fn waits(format: Format, shard: Shard, report: &ShardReport) -> Result<Outcome, Error> {
    if format == Format::Json {
        let document = serde_json::json!({
            "shard": shard.to_string(),
            "files": report.files,
            "source": report.rows,
            "missing": report.missing,
        });
        output::data(&format!("{document}\n"))?;
        return Ok(Outcome::Fine);
    }
    let stood = match report.stood {
        true => ", as it was",
        false => "",
    };
    output::data(&format!(
        "share {shard} is staged{stood}: {} file(s), {} row(s)\n",
        output::number(report.files as u64),
        output::number(report.rows)
    ))?;
    output::note(&match report.missing.is_empty() {
        true => "all shares are there; another process publishes them".to_owned(),
        false => format!(
            "nothing is published yet: missing {}; each is staged by `transload stage --shard i/{}`",
            report.missing.join(", "),
            shard.of
        ),
    });
    Ok(Outcome::Fine)
}

fn show(format: Format, report: &StageReport) -> Result<Outcome, Error> {
    if format == Format::Json {
        let tables: Vec<serde_json::Value> = report
            .tables
            .iter()
            .map(|table| {
                serde_json::json!({
                    "table": table.table,
                    "files": table.files,
                    "source": table.source_rows,
                    "staged": table.staged,
                    "rejected": table.rejected_rows,
                    "superseded": table.superseded,
                    "rejected_cells": table.rejected_cells,
                    "altered_cells": table.altered_cells,
                })
            })
            .collect();
        let document = serde_json::json!({ "tables": tables, "objections": report.objections });
        output::data(&format!("{document}\n"))?;
        return Ok(ended(report));
    }
    let rows = report.tables.iter().map(|table| {
        let numbers = [
            table.files.len() as u64,
            table.source_rows,
            table.staged,
            table.rejected_rows,
            table.superseded,
            table.rejected_cells,
        ];
        std::iter::once(table.table.clone())
            .chain(numbers.iter().map(|&number| output::number(number)))
            .collect()
    });
    let head = [
        "table",
        "files",
        "source rows",
        "staged",
        "rejected",
        "of these superseded",
        "rejected cells",
    ];
    output::data(&output::table(&head, rows.collect(), 1))?;
    Ok(ended(report))
}

/// Says what is wrong with the export, if so much is that nothing should be sent.
fn ended(report: &StageReport) -> Outcome {
    for table in &report.tables {
        for remark in table.remarks() {
            output::note(&remark);
        }
    }
    for objection in &report.objections {
        output::note(objection);
    }
    match report.objections.is_empty() {
        true => Outcome::Fine,
        false => Outcome::Gated,
    }
}
