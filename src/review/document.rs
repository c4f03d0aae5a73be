//! What the page shows: the rows of the map, proposed rows of other decision files, and what both may name, as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::mapping::{DecisionFile, ProposedRows, StagedTypes, field_state, value_state};

/// A field of the org.
#[derive(Clone, Debug, Serialize)]
pub struct ReviewField {
    /// API name.
    pub field: String,
    /// Label.
    pub label: String,
    /// What the org says about it to people.
    pub help: String,
    /// Type as describe names it.
    pub kind: String,
    /// The same in the form of the map; empty for types that the map does not have.
    #[serde(rename = "type")]
    pub field_type: String,
    /// Values of a picklist.
    #[serde(skip)]
    pub picklist: Vec<String>,
}

/// Fields by object.
pub type ReviewTargets = BTreeMap<String, Vec<ReviewField>>;

#[derive(Serialize)]
pub(super) struct Document<'a> {
    version: Vec<String>,
    by: &'a str,
    fields: Vec<FieldLine>,
    values: Vec<ValueLine>,
    /// Proposed rows of the other decision files.
    decisions: Vec<DecisionLine>,
    targets: &'a ReviewTargets,
    /// What a field of the org, or a decision file, may hold.
    picklists: BTreeMap<String, Vec<&'a str>>,
    /// What the last decisions could not confirm.
    refused: Vec<String>,
}

#[derive(Serialize)]
struct FieldLine {
    row: usize,
    source: String,
    source_field: String,
    target_object: String,
    target_field: String,
    #[serde(rename = "type")]
    field_type: String,
    label: String,
    samples: String,
    fill: String,
    class: String,
    reasons: String,
    alternatives: String,
    state: String,
}

#[derive(Serialize)]
struct ValueLine {
    row: usize,
    of: String,
    source_value: String,
    target_value: String,
    class: String,
    reasons: String,
    state: String,
}

#[derive(Serialize)]
struct DecisionLine {
    /// Which of the files.
    file: usize,
    row: usize,
    of: &'static str,
    source_value: String,
    target_value: String,
    class: String,
    reasons: String,
    state: &'static str,
}

/// The files that the page decides, as they are now.
pub(super) struct Files {
    pub(super) fields: DecisionFile,
    pub(super) values: DecisionFile,
    /// The other decision files of the project in which rows are proposed.
    pub(super) proposals: Vec<ProposedRows>,
}

impl Files {
    /// What tells their versions from others.
    pub(super) fn version(&self) -> Vec<String> {
        let proposals = self.proposals.iter().map(|rows| rows.file.version());
        [self.fields.version(), self.values.version()]
            .into_iter()
            .chain(proposals)
            .collect()
    }
}

/// The files as the page shows them.
pub(super) fn document<'a>(
    files: &Files,
    staged: &StagedTypes,
    targets: &'a ReviewTargets,
    by: &'a str,
    refused: Vec<String>,
) -> Document<'a> {
    let (fields, values) = (&files.fields, &files.values);
    let field = |row: usize| {
        let cell = |column: &str| fields.get(row, column).to_owned();
        FieldLine {
            row,
            source: cell("source"),
            source_field: cell("source_field"),
            target_object: cell("target_object"),
            target_field: cell("target_field"),
            field_type: cell("type"),
            label: cell("label"),
            samples: cell("samples"),
            fill: cell("fill"),
            class: cell("class"),
            reasons: cell("reasons"),
            alternatives: cell("alternatives"),
            state: field_state(fields, row, staged),
        }
    };
    let value = |row: usize| {
        let cell = |column: &str| values.get(row, column).to_owned();
        ValueLine {
            row,
            of: format!("{}.{}", cell("object"), cell("field")),
            source_value: cell("source_value"),
            target_value: cell("target_value"),
            class: cell("class"),
            reasons: cell("reasons"),
            state: value_state(values, row),
        }
    };
    let lines: Vec<ValueLine> = (0..values.len()).map(value).collect();
    let picklist = |object: &str, field: &str| {
        let fields = targets.get(object)?;
        let known = fields.iter().find(|known| known.field == field)?;
        Some(known.picklist.iter().map(String::as_str).collect())
    };
    let mut picklists: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for line in &lines {
        let (object, field) = line.of.split_once('.').unwrap_or_default();
        if let Some(values) = picklist(object, field) {
            picklists.insert(line.of.clone(), values);
        }
    }
    let mut decisions = Vec::new();
    for (file, rows) in files.proposals.iter().enumerate() {
        let allowed = match rows.name() {
            "stage_matrix" => picklist("Opportunity", "StageName").unwrap_or_default(),
            _ => rows.allowed().to_vec(),
        };
        if !allowed.is_empty() {
            picklists.insert(rows.name().to_owned(), allowed);
        }
        decisions.extend(rows.rows().map(|row| DecisionLine {
            file,
            row,
            of: rows.name(),
            source_value: rows.value(row),
            target_value: rows.becomes(row).to_owned(),
            class: rows.file.get(row, "class").to_owned(),
            reasons: rows.file.get(row, "reasons").to_owned(),
            state: rows.state(row).unwrap_or_default(),
        }));
    }
    Document {
        version: files.version(),
        by,
        fields: (0..fields.len()).map(field).collect(),
        values: lines,
        decisions,
        targets,
        picklists,
        refused,
    }
}
