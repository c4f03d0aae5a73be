//! `transload stage`: the export → typed tables and rejects, and nothing else.

use super::{Format, Outcome, ProjectArgs, migration, output};
use crate::error::Error;
use crate::stage::StageReport;

/// Arguments of `transload stage`.
#[derive(Debug, clap::Args)]
pub(crate) struct StageArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Read every file, also those that are as they were
    #[arg(long)]
    fresh: bool,
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
    let report = migration.stage().await;
    progress.finish();
    let report = report?;
    if args.format == Format::Json {
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
        return Ok(ended(&report));
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
    Ok(ended(&report))
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
