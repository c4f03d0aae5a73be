//! `config/*.csv` → `config.*` tables: every column a text, empty cells null.
//!
//! Files that a project lacks come from the defaults below, so that queries always find their tables.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};

use super::MappingError;
use crate::config::nearest;
use crate::staging::{Manifest, Staging};

/// Decision files of the product: name and default content, whose header is what queries rely on.
const TEMPLATES: [(&str, &str); 16] = [
    ("lifecycle", include_str!("defaults/lifecycle.csv")),
    ("stage_matrix", include_str!("defaults/stage_matrix.csv")),
    ("owners", include_str!("defaults/owners.csv")),
    ("defaults", include_str!("defaults/defaults.csv")),
    ("value_policy", include_str!("defaults/value_policy.csv")),
    ("field_map", include_str!("defaults/field_map.csv")),
    (
        "ignored_columns",
        include_str!("defaults/ignored_columns.csv"),
    ),
    ("matches", include_str!("defaults/matches.csv")),
    (
        "activity_types",
        include_str!("defaults/activity_types.csv"),
    ),
    ("countries", include_str!("defaults/countries.csv")),
    ("iso_countries", include_str!("defaults/iso_countries.csv")),
    ("loss_reasons", include_str!("defaults/loss_reasons.csv")),
    ("preflight", include_str!("defaults/preflight.csv")),
    ("rates", include_str!("defaults/rates.csv")),
    ("territories", include_str!("defaults/territories.csv")),
    (
        "user_territories",
        include_str!("defaults/user_territories.csv"),
    ),
];

/// Names and contents of the decision files a new project gets.
#[must_use]
pub fn templates() -> &'static [(&'static str, &'static str)] {
    &TEMPLATES
}

/// The default content of one decision file.
#[must_use]
pub fn template(name: &str) -> Option<&'static str> {
    TEMPLATES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// Publishes every decision file of the project as a `config.*` table.
///
/// # Errors
/// [`MappingError`] naming file, line and column.
pub async fn publish_decisions(
    project: &Path,
    staging: &Staging,
) -> Result<Vec<Manifest>, MappingError> {
    let mut files: BTreeMap<String, (String, Vec<u8>)> = TEMPLATES
        .iter()
        .map(|(name, text)| {
            let shown = format!("config/{name}.csv (default)");
            ((*name).to_owned(), (shown, text.as_bytes().to_vec()))
        })
        .collect();
    let folder = project.join("config");
    let mut entries: Vec<_> = std::fs::read_dir(&folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    entries.sort();
    for path in entries {
        let (Some(stem), Some("csv")) = (
            path.file_stem().and_then(|stem| stem.to_str()),
            path.extension().and_then(|extension| extension.to_str()),
        ) else {
            continue;
        };
        let shown = format!("config/{stem}.csv");
        let bytes = std::fs::read(&path).map_err(|error| MappingError::ReadFile {
            path: shown.clone(),
            source: error.into(),
        })?;
        files.insert(stem.to_lowercase(), (shown, bytes));
    }
    let mut manifests = Vec::new();
    for (name, (shown, bytes)) in files {
        let batch = read_table(&shown, &bytes, template(&name))?;
        let mut writer = staging.create("config", &name, batch.schema(), &[]).await?;
        writer.write(&batch).await?;
        manifests.push(writer.publish(BTreeMap::new()).await?);
    }
    Ok(manifests)
}

fn read_table(
    shown: &str,
    bytes: &[u8],
    template: Option<&str>,
) -> Result<RecordBatch, MappingError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(bytes);
    let read = |source: csv::Error| MappingError::ReadFile {
        path: shown.to_owned(),
        source,
    };
    let header: Vec<String> = reader
        .headers()
        .map_err(read)?
        .iter()
        .map(|name| name.to_lowercase().replace(' ', "_"))
        .collect();
    if let Some(template) = template {
        let needed = template.lines().next().unwrap_or_default().split(',');
        for column in needed {
            if !header.iter().any(|name| name == column) {
                return Err(MappingError::MissingColumn {
                    path: shown.to_owned(),
                    column: column.to_owned(),
                    nearest: nearest(column, header.iter().map(String::as_str)),
                });
            }
        }
    }
    let mut columns: Vec<StringBuilder> = header.iter().map(|_| StringBuilder::new()).collect();
    for record in reader.records() {
        let record = record.map_err(read)?;
        if record.iter().all(str::is_empty) {
            continue;
        }
        if record.len() != header.len() {
            return Err(MappingError::BadRow {
                path: shown.to_owned(),
                line: record.position().map_or(0, csv::Position::line),
                reason: format!(
                    "{} cells, but the header has {}",
                    record.len(),
                    header.len()
                ),
            });
        }
        for (cell, column) in record.iter().zip(&mut columns) {
            column.append_option((!cell.is_empty()).then_some(cell));
        }
    }
    let fields: Vec<Field> = header
        .iter()
        .map(|name| Field::new(name, DataType::Utf8, true))
        .collect();
    let arrays: Vec<ArrayRef> = columns
        .iter_mut()
        .map(|column| Arc::new(column.finish()) as ArrayRef)
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(|error| {
        MappingError::BadRow {
            path: shown.to_owned(),
            line: 1,
            reason: error.to_string(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_a_table() {
        for (name, text) in templates() {
            read_table(name, text.as_bytes(), Some(text)).unwrap();
        }
    }

    #[test]
    fn a_missing_column_names_the_nearest() {
        let error = read_table(
            "config/lifecycle.csv",
            b"lifecycle,target,note\nlead,Lead,\n",
            template("lifecycle"),
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "config/lifecycle.csv has no column `lifecycle_stage`"
        );
        assert_eq!(error.hint().unwrap(), "is it the column `lifecycle`?");
    }

    #[test]
    fn a_ragged_row_names_its_line() {
        let error = read_table("config/x.csv", b"a,b\n1,2\n1,2,3\n", None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "config/x.csv line 3: 3 cells, but the header has 2"
        );
    }
}
