//! `transload map propose`.

use std::collections::BTreeMap;

use super::super::{Format, Outcome, ProjectArgs, Target, migration, output};
use crate::error::Error;
use crate::migration::{ProposeReport, ProposeRequest, ProposedDecision};

/// Arguments of `transload map propose`.
#[derive(Debug, clap::Args)]
pub(crate) struct ProposeArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    /// Use the tables staged last instead of reading the export again
    #[arg(long)]
    no_stage: bool,
    /// Ask no org: only its standard fields are known then
    #[arg(long, conflicts_with = "target")]
    offline: bool,
    /// Ask no language model, whatever migration.toml says
    #[arg(long)]
    no_llm: bool,
    /// Send what is listed to the language model of migration.toml, which is not on this machine
    #[arg(long, conflicts_with = "no_llm")]
    yes: bool,
    /// Report on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) async fn run(args: &ProposeArgs) -> Result<Outcome, Error> {
    let (migration, progress) = migration(&args.project)?;
    let request = ProposeRequest {
        target: args.target.target.clone(),
        no_stage: args.no_stage,
        offline: args.offline,
        no_llm: args.no_llm,
        yes: args.yes,
    };
    let proposed = Box::pin(migration.propose_map(&request)).await;
    progress.finish();
    let report = proposed?;
    let said = report.llm.iter().flat_map(|llm| llm.lines());
    for note in report.notes.iter().cloned().chain(said) {
        output::note(&format!("note: {note}"));
    }
    match args.format {
        Format::Json => {
            let document = serde_json::to_value(&report).map_err(|source| Error::Defect {
                what: format!("the report is no JSON: {source}"),
            })?;
            output::data(&format!("{document}\n"))?;
        }
        Format::Table => output::data(&text(&report))?,
    }
    output::note(
        "nothing is decided: `transload map show` prints why, `transload map review` and `transload map confirm` decide",
    );
    Ok(Outcome::Fine)
}

const DECISION_HEAD: [&str; 6] = ["file", "value", "becomes", "class", "in", "why"];

const FIELD_HEAD: [&str; 6] = ["column", "field", "type", "class", "fill", "why"];

fn text(report: &ProposeReport) -> String {
    let mut text = String::new();
    if !report.fields.is_empty() {
        let rows = report.fields.iter().map(|row| {
            vec![
                format!("{}.{}", row.source, row.source_field),
                format!("{}.{}", row.target_object, row.target_field),
                row.field_type.clone(),
                row.class.clone(),
                row.fill.clone(),
                row.reasons.clone(),
            ]
        });
        text.push_str(&output::table(
            &FIELD_HEAD,
            rows.collect(),
            FIELD_HEAD.len(),
        ));
    }
    if !report.decisions.is_empty() {
        text.push('\n');
        let rows = report.decisions.iter().map(|row| {
            let cells: Vec<&str> = row.cells.values().map(String::as_str).collect();
            let of = |part: fn(&ProposedDecision) -> &String| {
                row.proposed.as_ref().map(part).cloned().unwrap_or_default()
            };
            vec![
                format!("config/{}.csv", row.file),
                cells.join(" / "),
                of(|proposed| &proposed.value),
                of(|proposed| &proposed.class),
                format!("{} {}", output::number(row.rows), row.what),
                of(|proposed| &proposed.reasons),
            ]
        });
        text.push_str(&output::table(
            &DECISION_HEAD,
            rows.collect(),
            DECISION_HEAD.len(),
        ));
    }
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    let fields = report.fields.iter().map(|row| row.class.as_str());
    let values = report.values.iter().map(|row| row.class.as_str());
    let proposed = || {
        report
            .decisions
            .iter()
            .filter_map(|row| row.proposed.as_ref())
    };
    let decisions = proposed().map(|proposed| proposed.class.as_str());
    for class in fields.chain(values).chain(decisions) {
        *classes.entry(class).or_default() += 1;
    }
    let counts: Vec<String> = ["certain", "likely", "guess"]
        .iter()
        .map(|class| format!("{} {class}", classes.get(class).copied().unwrap_or(0)))
        .collect();
    text.push_str(&format!(
        "{} field(s), {} value(s) and {} decision(s) proposed: {}; {} decided before were left as they are",
        report.fields.len(),
        report.values.len(),
        proposed().count(),
        counts.join(", "),
        report.kept
    ));
    if report.values_as_they_are > 0 {
        text.push_str(&format!(
            "; {} value(s) are in no picklist and stay as they are",
            report.values_as_they_are
        ));
    }
    text.push('\n');
    text
}
