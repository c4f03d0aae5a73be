//! `transload reconcile`: reads the destination back and compares, any day; draws random samples (`P5`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Format, Outcome, ProjectArgs, Target, migration, output};
use crate::error::Error;
use crate::migration::{ReconcileReport, ReconcileRequest, Sample, Verified};

/// Arguments of `transload reconcile`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReconcileArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    /// Read only what changed in the org since records were read back last
    #[arg(long, value_enum, value_name = "WHEN")]
    since: Option<Since>,
    /// Also put this many random records side by side, field by field
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Which records are drawn
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Read back a sample's CSV whose columns verdict, checked_by and checked_on somebody filled in
    #[arg(long, value_name = "FILE", conflicts_with_all = ["since", "sample", "seed", "out"])]
    verified: Option<PathBuf>,
    /// Where the sample's CSV goes (default: the reports of the last run)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Report on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// From when on changes are looked for.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Since {
    /// The last run or reconciliation.
    Last,
}

/// Runs the command.
pub(super) async fn run(args: ReconcileArgs) -> Result<Outcome, Error> {
    let (migration, progress) = migration(&args.project)?;
    if let Some(file) = &args.verified {
        let target = args.target.target.as_deref();
        let taken = Box::pin(migration.take_verdicts(target, file)).await;
        progress.finish();
        return tell(&taken?, args.format);
    }
    let request = ReconcileRequest {
        target: args.target.target,
        only_changes: args.since.is_some(),
        sample: args.sample.map(|count| Sample {
            count,
            seed: args.seed,
        }),
        keep_sample: args.out.is_none(),
    };
    let report = migration.reconcile(&request).await;
    progress.finish();
    let report = report?;
    print(&report, args.format)?;
    if let Some(sheet) = &report.sample {
        let place = match &args.out {
            Some(path) => {
                std::fs::write(path, sheet.csv()).map_err(|source| Error::File {
                    action: "write",
                    path: path.display().to_string(),
                    source,
                })?;
                path.display().to_string()
            }
            None => sheet.place.clone().unwrap_or_default(),
        };
        output::note(&format!(
            "{} records, {} fields side by side, {} differ: {place}",
            sheet.records(),
            sheet.fields(),
            sheet.odd()
        ));
    }
    Ok(if report.differs() {
        Outcome::Gated
    } else {
        Outcome::Fine
    })
}

/// Says what a filled-in sheet brought.
fn tell(taken: &Verified, format: Format) -> Result<Outcome, Error> {
    if format == Format::Json {
        let text = serde_json::json!({
            "records": taken.records, "fields": taken.fields, "wrong": taken.wrong, "open": taken.open,
        });
        output::data(&format!("{text}\n"))?;
    }
    output::note(&format!(
        "{} records, {} fields checked, {} of them wrong; {} lines of the sheet were not filled in; config/verified.csv keeps who \
         checked what, and `transload report` shows it",
        output::number(taken.records),
        output::number(taken.fields),
        output::number(taken.wrong),
        output::number(taken.open)
    ));
    Ok(match taken.wrong {
        0 => Outcome::Fine,
        _ => Outcome::Gated,
    })
}

fn print(report: &ReconcileReport, format: Format) -> Result<(), Error> {
    let (compared, wrong_side) = (&report.loads, &report.queries);
    if format == Format::Json {
        let loads: Vec<serde_json::Value> = compared
            .iter()
            .map(|load| {
                serde_json::json!({
                    "object": load.object, "load": load.load, "landed": load.landed,
                    "read_back": load.read_back, "differences": load.differences,
                    "changed_by_org": load.changed_by_org,
                })
            })
            .collect();
        let checks: BTreeMap<&str, u64> = wrong_side
            .iter()
            .map(|(name, rows)| (name.as_str(), *rows))
            .collect();
        let mut text = serde_json::json!({ "objects": loads, "reconcile": checks });
        if let Some(seen) = &report.hypercare {
            text["people"] = serde_json::json!({
                "changed": seen.changed, "lost": seen.lost, "made": seen.beside,
                "possible_duplicates": seen.duplicates, "storms": seen.storms, "list": report.list,
            });
        }
        return output::data(&format!("{text}\n"));
    }
    let rows = compared.iter().map(|load| {
        let numbers = [
            load.landed,
            load.read_back,
            load.differences,
            load.changed_by_org,
        ];
        [load.object.clone(), load.load.clone()]
            .into_iter()
            .chain(numbers.iter().map(|&number| output::number(number)))
            .collect()
    });
    let head = [
        "object",
        "load",
        "landed",
        "read back",
        "differences",
        "changed by org",
    ];
    output::data(&output::table(&head, rows.collect(), 2))?;
    for (name, rows) in wrong_side {
        let verdict = if *rows == 0 {
            "holds".to_owned()
        } else {
            format!("{rows} row(s); see `transload query \"select * from recon.{name}\"`")
        };
        output::data(&format!("{name}: {verdict}\n"))?;
    }
    if let Some(seen) = &report.hypercare {
        for (what, number, table) in [
            ("values that people changed", seen.changed, "changed_by_org"),
            (
                "records that people deleted, merged or converted",
                seen.lost,
                "lost",
            ),
            (
                "records that people made beside ours",
                seen.beside,
                "beside",
            ),
            (
                "of these like one of ours (e-mail, domain)",
                seen.duplicates,
                "beside",
            ),
            ("bursts of changes by one user", seen.storms, "storms"),
        ] {
            let place = match number {
                0 => String::new(),
                _ => format!("; see `transload query \"select * from recon.{table}\"`"),
            };
            output::data(&format!("{what}: {}{place}\n", output::number(number)))?;
        }
    }
    if let Some(list) = &report.list {
        output::note(&format!("what people did is in {list}"));
    }
    Ok(())
}
