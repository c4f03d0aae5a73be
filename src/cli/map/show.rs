//! `transload map show`.

use std::path::Path;

use serde::Serialize;

use super::super::{Format, Outcome, ProjectArgs, config, output};
use crate::error::Error;
use crate::mapping::{DecisionFile, FIELD_MAP, ProposedRows, VALUE_MAP, field_state, value_state};

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

impl ValueLine {
    fn cells(&self) -> [&str; 6] {
        [
            &self.field,
            &self.source_value,
            &self.target_value,
            &self.state,
            &self.class,
            &self.reasons,
        ]
    }
}

impl DecisionLine {
    fn cells(&self) -> [&str; 6] {
        [
            &self.file,
            &self.value,
            &self.becomes,
            self.state,
            &self.class,
            &self.reasons,
        ]
    }
}

/// What was proposed in the decision files besides the map.
fn decisions(project: &Path) -> Result<Vec<DecisionLine>, Error> {
    let mut lines = Vec::new();
    for rows in ProposedRows::of(project)? {
        lines.extend(rows.rows().map(|row| DecisionLine {
            file: rows.file.shown().to_owned(),
            value: rows.value(row),
            becomes: rows.becomes(row).to_owned(),
            state: rows.state(row).unwrap_or_default(),
            class: rows.file.get(row, "class").to_owned(),
            reasons: rows.file.get(row, "reasons").to_owned(),
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
    let mut decisions = decisions(&config.project)?;
    waiting += decisions.iter().filter(|line| line.state == "open").count();
    decisions.retain(|line| is_shown(line.state));
    match args.format {
        Format::Json => {
            let document = serde_json::json!({
                "fields": shown, "values": shown_values, "decisions": decisions, "open": waiting
            });
            output::data(&format!("{document}\n"))?;
        }
        Format::Table => {
            let values: Vec<[&str; 6]> = shown_values.iter().map(ValueLine::cells).collect();
            let decisions: Vec<[&str; 6]> = decisions.iter().map(DecisionLine::cells).collect();
            output::data(&text(&shown, &values, &decisions, waiting))?;
        }
    }
    Ok(Outcome::Fine)
}

fn text(
    fields: &[FieldLine],
    values: &[[&str; 6]],
    decisions: &[[&str; 6]],
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
    for (rows, of) in [(values, "field"), (decisions, "file")] {
        if rows.is_empty() {
            continue;
        }
        let head = [of, "value", "becomes", "state", "class", "why"];
        let rows = rows.iter().map(|line| line.map(str::to_owned).to_vec());
        text.push_str(&output::table(&head, rows.collect(), head.len()));
        text.push('\n');
    }
    text.push_str(&format!("{waiting} row(s) wait for a decision\n"));
    text
}
