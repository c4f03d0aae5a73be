//! `transload generate`: a synthetic User.com export of any size.
//!
//! In: a number of people, a seed and an empty folder. Out: the export's files, and on stdout what a reader of them
//! should arrive at.

use std::path::PathBuf;

use super::progress::TerminalProgress;
use super::{Format, Outcome, output};
use crate::error::Error;
use transload_generate::{GenerateOptions, RowTruth, Summary, TableTruth, generate};

/// Arguments of `transload generate`.
#[derive(Debug, clap::Args)]
pub(crate) struct GenerateArgs {
    /// People; companies are a fifth and deals a quarter of that
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    people: u64,
    /// The same number and seed give the same export, byte for byte
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Folder for the files; made if missing, refused unless empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Activities in all, instead of three for every two people
    #[arg(long, value_name = "N")]
    activities: Option<u64>,
    /// Chat messages in all, instead of one for every two people
    #[arg(long, value_name = "N")]
    messages: Option<u64>,
    /// Every row good: none of the mess that real exports have
    #[arg(long)]
    clean: bool,
    /// Summary on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(super) fn run(args: GenerateArgs) -> Result<Outcome, Error> {
    let progress = TerminalProgress::new(output::is_quiet());
    progress.step(&format!(
        "writing an export of {} people to {}",
        output::number(args.people),
        args.out.display()
    ));
    let result = generate(&GenerateOptions {
        people: args.people,
        seed: args.seed,
        out: args.out,
        mess: !args.clean,
        activities: args.activities,
        messages: args.messages,
    });
    if let Ok(summary) = &result {
        progress.done(&format!(
            "{} rows in {} files, {} bytes",
            output::number(summary.rows()),
            summary.files.len(),
            output::number(summary.bytes())
        ));
    }
    progress.finish();
    let summary = result?;
    match args.format {
        Format::Table => output::data(&tables(&summary))?,
        Format::Json => {
            let text = serde_json::to_string(&summary).unwrap_or_default();
            output::data(&format!("{text}\n"))?;
        }
    }
    Ok(Outcome::Fine)
}

fn tables(summary: &Summary) -> String {
    let mut files: Vec<Vec<String>> = summary
        .files
        .iter()
        .map(|file| {
            vec![
                file.file.clone(),
                file.object.to_owned(),
                output::number(file.rows),
                output::number(file.bytes),
            ]
        })
        .collect();
    files.push(vec![
        "total".to_owned(),
        String::new(),
        output::number(summary.rows()),
        output::number(summary.bytes()),
    ]);
    let objects = [
        ("people", &summary.people.rows),
        ("companies", &summary.companies.rows),
        ("deals", &summary.deals.rows),
    ]
    .map(|(object, truth)| object_row(object, truth))
    .to_vec();
    let further = summary.further.tables.iter().map(further_row).collect();
    let mut text = output::table(&["file", "object", "rows", "bytes"], files, 2);
    text.push_str(&output::table(
        &[
            "object",
            "rows",
            "records",
            "superseded",
            "ragged",
            "undecodable",
            "unreadable cells",
        ],
        objects,
        1,
    ));
    text.push_str(&output::table(&["table", "of note", "records"], further, 2));
    text
}

/// Kinds of records that need care, with their number.
fn further_row((table, truth): (&&str, &TableTruth)) -> Vec<String> {
    let kinds = truth.kinds.iter();
    let kinds: Vec<String> = kinds
        .map(|(kind, count)| format!("{kind} {}", output::number(*count)))
        .collect();
    vec![
        (*table).to_owned(),
        kinds.join(", "),
        output::number(truth.rows),
    ]
}

fn object_row(object: &str, truth: &RowTruth) -> Vec<String> {
    let numbers = [
        truth.rows,
        truth.records,
        truth.superseded,
        truth.ragged,
        truth.undecodable,
        truth.unparsable.values().sum(),
    ];
    std::iter::once(object.to_owned())
        .chain(numbers.map(output::number))
        .collect()
}
