//! What the page shows: the rows of both files and the fields that they may name, as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::mapping::{DecisionFile, StagedTypes, field_state, value_state};

/// A field of the org.
#[derive(Clone, Debug, Serialize)]
pub struct ReviewField {
    /// API name.
    pub field: String,
    /// Label.
    pub label: String,
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
    version: [String; 2],
    by: &'a str,
    fields: Vec<FieldLine>,
    values: Vec<ValueLine>,
    targets: &'a ReviewTargets,
    picklists: BTreeMap<String, &'a [String]>,
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

/// What tells the versions of both files from others.
pub(super) fn version(fields: &DecisionFile, values: &DecisionFile) -> [String; 2] {
    [fields.version(), values.version()]
}

/// Both files as the page shows them.
pub(super) fn document<'a>(
    fields: &DecisionFile,
    values: &DecisionFile,
    staged: &StagedTypes,
    targets: &'a ReviewTargets,
    by: &'a str,
    refused: Vec<String>,
) -> Document<'a> {
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
    let picklist = |of: &str| {
        let (object, field) = of.split_once('.')?;
        let fields = targets.get(object)?;
        let known = fields.iter().find(|known| known.field == field)?;
        Some(known.picklist.as_slice())
    };
    Document {
        version: version(fields, values),
        by,
        fields: (0..fields.len()).map(field).collect(),
        picklists: lines
            .iter()
            .filter_map(|line| Some((line.of.clone(), picklist(&line.of)?)))
            .collect(),
        values: lines,
        targets,
        refused,
    }
}
