//! `config/*.csv` → `config.*` tables, checked like code: every cell is what its column is declared as, in one form, or the
//! run stops with all mistakes at once before anything is read or sent.
//!
//! In: the project's files, as editors and spreadsheets leave them. Out: tables whose columns are texts, empty cells null, with
//! the place of each row; or
//! [`Finding`]s. Files that a project lacks come from the defaults, so that queries always find their tables.

mod check;
mod declare;
mod edit;
mod sheet;
mod text;
mod vocabulary;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};

use self::declare::{CellKind, Column, FILES, declared};
pub use self::edit::DecisionFile;
pub(crate) use self::edit::{save_all, write_whole};
pub use self::sheet::{FILLED_IN, Sheet, read_sheet};
use self::text::Text;
use super::MappingError;
use crate::config::nearest;
use crate::finding::Finding;
use crate::staging::{Manifest, Staging};

/// Names and contents of the decision files a new project gets.
pub fn templates() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().map(|file| (file.name, file.template))
}

/// A decision file as it is declared.
pub struct DeclaredFile {
    /// Its name without ending, and its table's.
    pub name: &'static str,
    /// Its columns.
    pub columns: Vec<DeclaredColumn>,
    /// Columns that no two rows share.
    pub key: Vec<&'static str>,
}

/// A column of a decision file.
pub struct DeclaredColumn {
    /// Its name.
    pub name: &'static str,
    /// What may stand in it.
    pub holds: String,
    /// Whether a row without it says nothing.
    pub needed: bool,
}

/// Every decision file of the product.
pub fn declared_files() -> impl Iterator<Item = DeclaredFile> {
    FILES.iter().map(|file| DeclaredFile {
        name: file.name,
        columns: file
            .columns
            .iter()
            .map(|column| DeclaredColumn {
                name: column.name,
                holds: column.kind.words(),
                needed: column.needed,
            })
            .collect(),
        key: file.key.to_vec(),
    })
}

/// Decision files that proposals are made for, each with the columns that name a row and the column that they fill in.
pub(super) fn proposed_files()
-> impl Iterator<Item = (&'static str, &'static [&'static str], &'static str)> {
    let files = FILES.iter();
    files.filter_map(|file| Some((file.name, file.key, file.proposed?)))
}

/// The column of a decision file that proposals fill in.
#[must_use]
pub fn proposed_column(name: &str) -> Option<&'static str> {
    declared(name)?.proposed
}

/// What is wrong with a value in a column of a decision file, and which allowed one is nearest.
pub(crate) fn value_problem(name: &str, column: &str, value: &str) -> Option<String> {
    let column = declared_column(name, column)?;
    let (problem, nearest) = check::formed(column.kind, value).err()?;
    let nearest = nearest.map(|nearest| format!(": did you mean `{nearest}`?"));
    Some(format!(
        "`{value}` {problem}{}",
        nearest.unwrap_or_default()
    ))
}

/// The only words that a column of a decision file may hold; empty if it holds other things.
pub(super) fn allowed_words(name: &str, column: &str) -> &'static [&'static str] {
    match declared_column(name, column).map(|column| column.kind) {
        Some(CellKind::Word(words)) => words,
        _ => &[],
    }
}

fn declared_column(name: &str, column: &str) -> Option<&'static Column> {
    let mut columns = declared(name)?.columns.iter();
    columns.find(|declared| declared.name == column)
}

/// The default content of one decision file.
#[must_use]
pub fn template(name: &str) -> Option<&'static str> {
    declared(name).map(|file| file.template)
}

/// A decision file that was read and found right.
struct Decisions {
    name: String,
    /// `config/<name>.csv`, or that it is the default.
    shown: String,
    text: Text,
}

/// Endings of files that people edit in place of the `.csv` that is read.
const OTHER_FORMS: [&str; 6] = [".xlsx", ".xls", ".ods", ".numbers", ".tsv", ".txt"];

/// Names of files that the project has for its own queries.
#[must_use]
pub fn further_files(project: &Path) -> Vec<String> {
    let names = names(project).into_iter();
    let stems = names.filter_map(|name| Some(name.strip_suffix(".csv")?.to_owned()));
    let own = stems.filter(|stem| is_table(stem) && declared(stem).is_none());
    own.collect()
}

/// The column of every table of decisions that says where a row stands: `config/rates.csv line 2`.
pub const PLACE: &str = "_place";

/// All mistakes in the decision files of a project, and what is open in them.
#[must_use]
pub fn check_decisions(project: &Path) -> Vec<Finding> {
    read_all(project).1
}

/// One row of a decision file: its line, and its cells by column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRow {
    /// 1-based line of the file.
    pub line: u64,
    /// Cells that are not empty.
    pub cells: BTreeMap<String, String>,
}

impl DecisionRow {
    /// A cell, empty if there is none.
    #[must_use]
    pub fn get(&self, column: &str) -> &str {
        self.cells
            .get(column)
            .map(String::as_str)
            .unwrap_or_default()
    }
}

/// The rows of a decision file, as they are published: the project's own, or the default ones.
///
/// # Errors
/// [`MappingError::Decisions`] with the mistakes in this file.
pub fn decision_rows(project: &Path, name: &str) -> Result<Vec<DecisionRow>, MappingError> {
    let shown = format!("config/{name}.csv");
    let bytes = decision_bytes(project, name)?;
    let mut findings = Vec::new();
    let text = text_of(&shown, name, &bytes, &mut findings);
    let Some(text) = text.filter(|_| !findings.iter().any(Finding::is_error)) else {
        return Err(MappingError::Decisions { findings });
    };
    Ok(text.into_rows())
}

/// The same for whoever asks whether its rows are about something: every row that can be read, since one cell with a mistake says
/// nothing about the others. The mistakes themselves are told by [`check_decisions`].
#[must_use]
pub fn readable_rows(project: &Path, name: &str) -> Vec<DecisionRow> {
    let mut findings = Vec::new();
    let bytes = decision_bytes(project, name).unwrap_or_default();
    let text = text_of(&format!("config/{name}.csv"), name, &bytes, &mut findings);
    text.map(Text::into_rows).unwrap_or_default()
}

/// A decision file as it is: the project's own, or the default one.
fn decision_bytes(project: &Path, name: &str) -> Result<Vec<u8>, MappingError> {
    match std::fs::read(project.join("config").join(format!("{name}.csv"))) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(template(name).unwrap_or_default().as_bytes().to_vec())
        }
        Err(source) => Err(MappingError::ReadFile {
            path: format!("config/{name}.csv"),
            source: source.into(),
        }),
    }
}

/// Reads a file and checks it against its declaration.
fn text_of(shown: &str, name: &str, bytes: &[u8], findings: &mut Vec<Finding>) -> Option<Text> {
    let mut text = text::read(shown, bytes, findings)?;
    if let Some(declared) = declared(name) {
        text::complete(shown, &mut text, declared, findings);
        check::check(shown, declared, &mut text, findings);
    }
    Some(text)
}

/// Publishes every decision file of the project as a `config.*` table.
///
/// # Errors
/// [`MappingError::Decisions`] with every mistake in them.
pub async fn publish_decisions(
    project: &Path,
    staging: &Staging,
) -> Result<Vec<Manifest>, MappingError> {
    let (files, findings) = read_all(project);
    if findings.iter().any(Finding::is_error) {
        return Err(MappingError::Decisions { findings });
    }
    let mut manifests = Vec::new();
    for file in files {
        let batch = batch(&file)?;
        let mut writer = staging
            .create("config", &file.name, batch.schema(), &[])
            .await?;
        writer.write(&batch).await?;
        manifests.push(writer.publish(BTreeMap::new()).await?);
    }
    Ok(manifests)
}

fn read_all(project: &Path) -> (Vec<Decisions>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut sources: BTreeMap<String, (String, Vec<u8>)> = FILES
        .iter()
        .map(|file| {
            let shown = format!("config/{}.csv (default)", file.name);
            (
                file.name.to_owned(),
                (shown, file.template.as_bytes().to_vec()),
            )
        })
        .collect();
    let entries = names(project);
    for name in &entries {
        let lower = name.to_lowercase();
        let shown = format!("config/{name}");
        let Some(stem) = lower.strip_suffix(".csv").map(str::to_owned) else {
            let stem = lower.split('.').next().unwrap_or_default();
            let read = format!("{stem}.csv");
            let is_other = OTHER_FORMS.iter().any(|ending| lower.ends_with(ending));
            if is_other && declared(stem).is_some() {
                let finding = match entries.contains(&read) {
                    true => Finding::new(
                        &shown,
                        format!("is read by nobody, config/{read} is: save it as CSV UTF-8 under that name, or take it out of the folder"),
                    )
                    .warning(),
                    false => Finding::new(&shown, "is read by nobody: save it as CSV UTF-8")
                        .nearest(Some(format!("config/{read}"))),
                };
                findings.push(finding);
            }
            continue;
        };
        if *name != lower || !is_table(&stem) {
            let known = FILES.iter().map(|file| file.name);
            let first: String = stem
                .chars()
                .take_while(|letter| letter.is_ascii_lowercase() || *letter == '_')
                .collect();
            let problem = "is read by nobody: a name has lower-case letters, digits and underscores; take the file out of the folder, or rename it";
            let near = nearest(first.trim_end_matches('_'), known);
            let near = near.map(|name| format!("config/{name}.csv"));
            findings.push(Finding::new(&shown, problem).nearest(near));
            continue;
        }
        match std::fs::read(project.join("config").join(name)) {
            Ok(bytes) => drop(sources.insert(stem, (shown, bytes))),
            Err(error) => {
                findings.push(Finding::new(&shown, format!("cannot be read: {error}")));
            }
        }
    }
    let mut files = Vec::new();
    for (name, (shown, bytes)) in sources {
        let Some(text) = text_of(&shown, &name, &bytes, &mut findings) else {
            continue;
        };
        files.push(Decisions { name, shown, text });
    }
    (files, findings)
}

/// Names of the files of `config/`, in order. What editors and systems leave behind is nobody's decision.
fn names(project: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(project.join("config")).into_iter();
    let names = entries.flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with(['.', '~'])).collect();
    names.sort();
    names
}

/// Whether a table may be called so.
fn is_table(stem: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !stem.is_empty() && stem.bytes().all(fits)
}

fn batch(file: &Decisions) -> Result<RecordBatch, MappingError> {
    let Text { header, rows } = &file.text;
    let names = header.iter().map(String::as_str).chain([PLACE]);
    let fields: Vec<Field> = names
        .map(|name| Field::new(name, DataType::Utf8, true))
        .collect();
    let places = rows
        .iter()
        .map(|row| format!("{} line {}", file.shown, row.line));
    let places: ArrayRef = Arc::new(StringArray::from_iter_values(places));
    let columns = (0..header.len()).map(|at| -> ArrayRef {
        let mut column = StringBuilder::new();
        for row in rows {
            let cell = row.cells[at].as_str();
            column.append_option((!cell.is_empty()).then_some(cell));
        }
        Arc::new(column.finish())
    });
    let columns = columns.chain([places]).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
    batch.map_err(|error| MappingError::BadRow {
        path: format!("config/{}.csv", file.name),
        line: 1,
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests;
