//! `transload diff`: two versions of the rules over the rows staged last.
//!
//! In: the working files, and the rules to compare with. Out: what moves, which fields change and whom it concerns, on stdout, as CSV
//! files on demand. Never: an org.

use std::path::{Path, PathBuf};

use super::{Format, Outcome, ProjectArgs, Target, migration, output};
use crate::error::Error;
use crate::migration::{DiffReport, DiffRequest, Move, SourceDiff};
use crate::report::spreadsheet;

/// Examples of one thing on the terminal; CSV and JSON have all twenty.
const SHOWN: usize = 3;

/// Arguments of `transload diff`.
#[derive(Debug, clap::Args)]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    /// Compare with the rules in this folder or of this git revision of the project, instead of those of the last run
    #[arg(long, value_name = "DIR|REV")]
    against: Option<String>,
    /// Exit code 1 if more than this part of the rows changes
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    fail_over: Option<f64>,
    /// Write moves.csv, fields.csv, segments.csv and examples.csv into this folder
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,
    /// Comparison on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// `1%`, `1 %` or `1`.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim();
    match number.parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("a percentage between 0 and 100, such as 1%".to_owned()),
    }
}

/// Runs the command.
pub(super) async fn run(args: DiffArgs) -> Result<Outcome, Error> {
    let (migration, progress) = migration(&args.project)?;
    let request = DiffRequest {
        against: args.against,
        target: args.target.target,
    };
    let compared = Box::pin(migration.diff(&request)).await;
    progress.finish();
    let report = compared?;
    match args.format {
        Format::Json => {
            let text = serde_json::to_string(&report).unwrap_or_default();
            output::data(&format!("{text}\n"))?;
        }
        Format::Table => output::data(&text(&report))?,
    }
    if let Some(folder) = &args.csv {
        for (name, head, rows) in sheets(&report) {
            write(&folder.join(name), &head, rows)?;
        }
        output::note(&format!("written into {}", folder.display()));
    }
    output::note(&format!(
        "{} of the queries are the same in both and were computed once, {} were computed for the working files",
        report.shared, report.computed
    ));
    match args.fail_over {
        Some(most) if report.percent() > most => {
            output::note(&format!(
                "{:.2} % of the rows change, more than --fail-over {most} %",
                report.percent()
            ));
            Ok(Outcome::Gated)
        }
        _ => Ok(Outcome::Fine),
    }
}

fn text(report: &DiffReport) -> String {
    let mut text = format!(
        "Working files against {}: {} of {} row(s) change ({:.2} %).\n",
        report.against,
        output::number(report.changed),
        output::number(report.rows),
        report.percent()
    );
    for source in &report.sources {
        text.push_str(&of_source(source));
    }
    if !report.storage.is_empty() {
        text.push_str("\nStorage of the records, in kilobytes\n");
        let rows = report.storage.iter().map(|load| {
            vec![
                load.load.clone(),
                output::number(load.before_kb),
                output::number(load.now_kb),
            ]
        });
        text.push_str(&output::table(
            &["load", "before", "now"],
            rows.collect(),
            1,
        ));
    }
    text
}

fn of_source(source: &SourceDiff) -> String {
    let mut text = format!(
        "\n{}: {} of {} row(s) change\n",
        source.source,
        output::number(source.changed),
        output::number(source.rows)
    );
    text.push_str(&matrix(&source.moves));
    for found in source.moves.iter().filter(|found| found.is_move()) {
        text.push_str(&format!("{}\n", found.sentence()));
        let examples: Vec<&str> = found.examples.iter().map(|row| row.key.as_str()).collect();
        let shown = &examples[..examples.len().min(SHOWN)];
        text.push_str(&format!("  such as {}\n", shown.join(", ")));
    }
    if !source.fields.is_empty() {
        let head = ["load", "field", "rows", "such as", "before", "now"];
        let rows = source.fields.iter().map(|field| {
            let first = field.examples.first();
            let cell =
                |value: Option<&Option<String>>| value.cloned().flatten().unwrap_or_default();
            let name = match field.sent {
                "before" => format!("{} (no longer sent)", field.field),
                "now" => format!("{} (new)", field.field),
                _ => field.field.clone(),
            };
            vec![
                field.load.clone(),
                name,
                output::number(field.rows),
                first.map(|row| row.key.clone()).unwrap_or_default(),
                cell(first.map(|row| &row.before)),
                cell(first.map(|row| &row.now)),
            ]
        });
        text.push_str(&output::table(&head, rows.collect(), 2));
    }
    for segment in &source.segments {
        text.push_str(&format!("{}\n", segment.sentence()));
    }
    text
}

/// Where rows were, by line, and where they are, by column.
fn matrix(moves: &[Move]) -> String {
    let mut places: Vec<&str> = moves
        .iter()
        .flat_map(|found| [found.from.as_str(), found.to.as_str()])
        .collect();
    places.sort_unstable();
    places.dedup();
    let head: Vec<&str> = std::iter::once("before \\ now")
        .chain(places.iter().copied())
        .collect();
    let rows = places.iter().map(|from| {
        let cells = places.iter().map(|to| {
            let cell = moves
                .iter()
                .find(|found| found.from == *from && found.to == *to);
            output::number(cell.map_or(0, |found| found.rows))
        });
        std::iter::once((*from).to_owned()).chain(cells).collect()
    });
    output::table(&head, rows.collect(), 1)
}

type Sheet = (&'static str, Vec<&'static str>, Vec<Vec<String>>);

fn sheets(report: &DiffReport) -> Vec<Sheet> {
    let mut moves = Vec::new();
    let mut fields = Vec::new();
    let mut segments = Vec::new();
    let mut examples = Vec::new();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    for source in &report.sources {
        let name = &source.source;
        for found in &source.moves {
            let place = [name, &found.from, &found.to].map(Clone::clone).to_vec();
            let mut row = |reason: &str, rows: u64| {
                moves.push([place.clone(), vec![reason.to_owned(), rows.to_string()]].concat());
            };
            let told: u64 = found.reasons.iter().map(|(_, rows)| rows).sum();
            for (reason, rows) in &found.reasons {
                row(reason, *rows);
            }
            if found.rows > told {
                row("", found.rows - told);
            }
            for example in &found.examples {
                examples.push(vec![
                    name.clone(),
                    example.key.clone(),
                    "place".to_owned(),
                    found.from.clone(),
                    found.to.clone(),
                    text(&example.reason_before),
                    text(&example.reason_now),
                ]);
            }
        }
        for field in &source.fields {
            fields.push(vec![
                name.clone(),
                field.load.clone(),
                field.field.clone(),
                field.sent.to_owned(),
                field.rows.to_string(),
            ]);
            for example in &field.examples {
                examples.push(vec![
                    name.clone(),
                    example.key.clone(),
                    format!("{}.{}", field.load, field.field),
                    text(&example.before),
                    text(&example.now),
                    String::new(),
                    String::new(),
                ]);
            }
        }
        for segment in &source.segments {
            segments.push(vec![
                name.clone(),
                segment.column.clone(),
                text(&segment.value),
                segment.changed.to_string(),
                segment.rows.to_string(),
                format!("{:.1}", segment.percent_of_changed),
                format!("{:.1}", segment.percent_of_all),
                format!("{:.2}", segment.lift),
            ]);
        }
    }
    vec![
        (
            "moves.csv",
            vec!["source", "before", "now", "reason", "rows"],
            moves,
        ),
        (
            "fields.csv",
            vec!["source", "load", "field", "sent", "rows"],
            fields,
        ),
        (
            "segments.csv",
            vec![
                "source",
                "column",
                "value",
                "changed",
                "rows",
                "percent_of_changed",
                "percent_of_all",
                "lift",
            ],
            segments,
        ),
        (
            "examples.csv",
            vec![
                "source",
                "key",
                "what",
                "before",
                "now",
                "reason_before",
                "reason_now",
            ],
            examples,
        ),
    ]
}

fn write(path: &Path, head: &[&str], rows: Vec<Vec<String>>) -> Result<(), Error> {
    let failed = |source: std::io::Error| Error::File {
        action: "write",
        path: path.display().to_string(),
        source,
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    let lines = std::iter::once(head.iter().map(|&name| name.to_owned()).collect()).chain(rows);
    for line in lines {
        writer
            .write_record(&line)
            .map_err(|error| failed(std::io::Error::other(error)))?;
    }
    let text = writer
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    let text = spreadsheet(&text).map_err(|error| failed(std::io::Error::other(error)))?;
    let parent = path.parent().unwrap_or(path);
    std::fs::create_dir_all(parent)
        .and_then(|()| std::fs::write(path, text))
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_may_have_its_sign() {
        assert_eq!(percent("1%"), Ok(1.0));
        assert_eq!(percent(" 0.5 % "), Ok(0.5));
        assert_eq!(percent("2"), Ok(2.0));
        for wrong in ["", "x", "-1", "101%"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }
}
