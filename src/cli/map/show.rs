//! `transload map show`.

use serde::Serialize;

use super::super::{Format, Outcome, ProjectArgs, config, output};
use super::Proposals;
use crate::config::Config;
use crate::error::Error;
use crate::mapping::{
    DecisionFile, FIELD_MAP, VALUE_MAP, decision_state, field_state, value_state,
};

/// Arguments of `transload map show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Only what waits for a decision
    #[arg(long)]
    open: bool,
    /// Map on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Serialize)]
struct FieldLine {
    source: String,
    target: String,
    #[serde(rename = "type")]
    field_type: String,
    state: String,
    class: String,
    fill: String,
    samples: String,
    reasons: String,
    alternatives: String,
    confirmed_by: String,
    confirmed_at: String,
}

#[derive(Serialize)]
struct ValueLine {
    field: String,
    source_value: String,
    target_value: String,
    state: String,
    class: String,
    reasons: String,
}

/// A row of another decision file that was proposed.
#[derive(Serialize)]
struct DecisionLine {
    file: String,
    value: String,
    becomes: String,
    state: &'static str,
    class: String,
    reasons: String,
}

/// What was proposed in the decision files besides the map.
fn decisions(config: &Config) -> Result<Vec<DecisionLine>, Error> {
    let mut lines = Vec::new();
    for Proposals { file, key, column } in super::proposals(config)? {
        lines.extend((0..file.len()).filter_map(|row| {
            let cell = |column: &str| file.get(row, column).to_owned();
            let key = key.iter().map(|column| cell(column));
            let key: Vec<String> = key.filter(|cell| !cell.is_empty()).collect();
            Some(DecisionLine {
                state: decision_state(&file, row)?,
                file: file.shown().to_owned(),
                value: key.join(" / "),
                becomes: cell(column),
                class: cell("class"),
                reasons: cell("reasons"),
            })
        }));
    }
    Ok(lines)
}

pub(super) async fn run(args: &ShowArgs) -> Result<Outcome, Error> {
    let config = config(&args.project)?;
    let staged = super::staged_types(&config).await?;
    let fields = DecisionFile::open(&config.project, FIELD_MAP)?;
    let values = DecisionFile::open(&config.project, VALUE_MAP)?;
    let field_lines = (0..fields.len()).map(|row| {
        let cell = |column: &str| fields.get(row, column).to_owned();
        let state = field_state(&fields, row, &staged);
        FieldLine {
            source: format!("{}.{}", cell("source"), cell("source_field")),
            target: format!("{}.{}", cell("target_object"), cell("target_field")),
            field_type: cell("type"),
            state,
            class: cell("class"),
            fill: cell("fill"),
            samples: cell("samples"),
            reasons: cell("reasons"),
            alternatives: cell("alternatives"),
            confirmed_by: cell("confirmed_by"),
            confirmed_at: cell("confirmed_at"),
        }
    });
    let is_shown = |state: &str| !args.open || !matches!(state, "confirmed" | "ignored");
    let all: Vec<FieldLine> = field_lines.collect();
    let open = all
        .iter()
        .filter(|line| !matches!(line.state.as_str(), "confirmed" | "ignored"));
    let mut waiting = open.count();
    let shown: Vec<FieldLine> = all
        .into_iter()
        .filter(|line| is_shown(&line.state))
        .collect();
    let value_lines = (0..values.len()).map(|row| {
        let cell = |column: &str| values.get(row, column).to_owned();
        ValueLine {
            field: format!("{}.{}", cell("object"), cell("field")),
            source_value: cell("source_value"),
            target_value: cell("target_value"),
            state: value_state(&values, row),
            class: cell("class"),
            reasons: cell("reasons"),
        }
    });
    let all: Vec<ValueLine> = value_lines.collect();
    waiting += all.iter().filter(|line| line.state == "open").count();
    let shown_values: Vec<ValueLine> = all
        .into_iter()
        .filter(|line| is_shown(&line.state))
        .collect();
    let mut decisions = decisions(&config)?;
    waiting += decisions.iter().filter(|line| line.state == "open").count();
    decisions.retain(|line| is_shown(line.state));
    match args.format {
        Format::Json => {
            let document = serde_json::json!({
                "fields": shown, "values": shown_values, "decisions": decisions, "open": waiting
            });
            output::data(&format!("{document}\n"))?;
        }
        Format::Table => output::data(&text(&shown, &shown_values, &decisions, waiting))?,
    }
    Ok(Outcome::Fine)
}

fn text(
    fields: &[FieldLine],
    values: &[ValueLine],
    decisions: &[DecisionLine],
    waiting: usize,
) -> String {
    let mut text = String::new();
    if !fields.is_empty() {
        let head = [
            "column", "field", "type", "state", "class", "fill", "samples", "why",
        ];
        let rows = fields.iter().map(|line| {
            vec![
                line.source.clone(),
                line.target.clone(),
                line.field_type.clone(),
                line.state.clone(),
                line.class.clone(),
                line.fill.clone(),
                line.samples.clone(),
                line.reasons.clone(),
            ]
        });
        text.push_str(&output::table(&head, rows.collect(), head.len()));
        text.push('\n');
    }
    if !values.is_empty() {
        let head = ["field", "value", "becomes", "state", "class", "why"];
        let rows = values.iter().map(|line| {
            vec![
                line.field.clone(),
                line.source_value.clone(),
                line.target_value.clone(),
                line.state.clone(),
                line.class.clone(),
                line.reasons.clone(),
            ]
        });
        text.push_str(&output::table(&head, rows.collect(), head.len()));
        text.push('\n');
    }
    if !decisions.is_empty() {
        let head = ["file", "value", "becomes", "state", "class", "why"];
        let rows = decisions.iter().map(|line| {
            vec![
                line.file.clone(),
                line.value.clone(),
                line.becomes.clone(),
                line.state.to_owned(),
                line.class.clone(),
                line.reasons.clone(),
            ]
        });
        text.push_str(&output::table(&head, rows.collect(), head.len()));
        text.push('\n');
    }
    text.push_str(&format!("{waiting} row(s) wait for a decision\n"));
    text
}
