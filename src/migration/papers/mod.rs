//! Documents made of the tables: the scope of a migration, its automations, and what a run came to.
//!
//! In: the tables staged last, and those of the last run against a destination; the queries in `queries/report/`, or the project's own of
//! the same path. Out: one HTML file, Markdown and JSON in a folder of this machine, and a CSV for each list that a page shows
//! in part. Never: a connection; a number of its own.

mod audience;
mod estimate;
mod inventory;
mod run;
mod scope;

pub use self::estimate::EstimateRequest;
pub(super) use self::inventory::steps;
pub(super) use self::scope::distinct_values;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::open::Migration;
use crate::engine::Session;
use crate::error::Error;
use crate::project::own_or_default;
use crate::report::{
    Cell, Column, Document, Part, SHOWN_ROWS, Table, UTF8_MARK, html, markdown_document,
    spreadsheet_rows,
};

/// A part of a document: heading, what it says, its query below `queries/report/`, whether it is drawn.
type Plan = (&'static str, &'static str, &'static str, bool);

/// A document that was written.
#[derive(Clone, Debug)]
pub struct WrittenDocument {
    /// What is in it.
    pub document: Document,
    /// Its files.
    pub files: Vec<PathBuf>,
}

impl Migration {
    fn folder(&self, asked: Option<&Path>, name: &str) -> PathBuf {
        match asked {
            Some(folder) => folder.to_path_buf(),
            None => self.config().project.join("documents").join(name),
        }
    }

    /// Asks every query of a document and writes it.
    async fn write(
        &self,
        session: &Session,
        title: &str,
        facts: Vec<(String, String)>,
        plans: &[Plan],
        place: (&Path, &str),
    ) -> Result<WrittenDocument, Error> {
        let (parts, files) = self.parts(session, plans, place.0).await?;
        self.save(title, facts, parts, files, place)
    }

    /// The parts of a document, and the files of those that are longer than a page shows.
    async fn parts(
        &self,
        session: &Session,
        plans: &[Plan],
        folder: &Path,
    ) -> Result<(Vec<Part>, Vec<PathBuf>), Error> {
        std::fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        let mut files = Vec::new();
        let mut parts = Vec::new();
        for (title, text, query, drawn) in plans {
            let (part, csv) = self
                .part(session, (title, text, query, *drawn), folder)
                .await?;
            files.extend(csv);
            parts.push(part);
        }
        Ok((parts, files))
    }

    /// Writes a document in its three forms.
    fn save(
        &self,
        title: &str,
        mut facts: Vec<(String, String)>,
        parts: Vec<Part>,
        mut files: Vec<PathBuf>,
        (folder, name): (&Path, &str),
    ) -> Result<WrittenDocument, Error> {
        facts.insert(0, ("Customer".to_owned(), self.config().name.clone()));
        facts.extend([
            (
                "Time zone of days".to_owned(),
                self.config().business_timezone.name().to_owned(),
            ),
            (
                "Made".to_owned(),
                format!(
                    "{} by transload {}",
                    chrono::Utc::now().format("%Y-%m-%d %H:%M UTC"),
                    env!("CARGO_PKG_VERSION")
                ),
            ),
        ]);
        let document = Document {
            title: title.to_owned(),
            facts,
            parts,
        };
        let json = serde_json::to_string_pretty(&document).unwrap_or_default();
        let forms = [
            ("html", html(&document)),
            ("md", markdown_document(&document)),
            ("json", json),
        ];
        for (at, (ending, text)) in forms.into_iter().enumerate() {
            let path = folder.join(format!("{name}.{ending}"));
            std::fs::write(&path, text).map_err(|source| failed(&path, source))?;
            files.insert(at, path);
        }
        Ok(WrittenDocument { document, files })
    }

    /// One part, and the file with its rows if it has more than a page shows.
    async fn part(
        &self,
        session: &Session,
        (title, text, query, drawn): Plan,
        folder: &Path,
    ) -> Result<(Part, Option<PathBuf>), Error> {
        let path = format!("queries/report/{query}.sql");
        let project = &self.config().project;
        let sql = own_or_default(project, &path).map_err(|source| Error::File {
            action: "read",
            path: project.join(&path).display().to_string(),
            source,
        })?;
        let sql = sql.unwrap_or_default();
        let csv = folder.join(format!("{}.csv", query.replace('/', "-")));
        let mut part = Part {
            title: title.to_owned(),
            text: text.to_owned(),
            query: path.clone(),
            sql: sql.clone(),
            table: None,
            unknown: None,
        };
        match answer(session, &path, &sql, &csv).await {
            Ok(mut table) => {
                table.drawn = drawn;
                let whole = table.csv.is_some().then_some(csv);
                part.table = Some(table);
                Ok((part, whole))
            }
            // What was never staged or run has no table.
            Err(Error::Engine(error)) if error.is_input() => {
                part.unknown = Some(error.to_string());
                Ok((part, None))
            }
            Err(error) => Err(error),
        }
    }
}

/// Asks a query; a file gets all rows if there are more than a page shows.
async fn answer(session: &Session, path: &str, sql: &str, csv: &Path) -> Result<Table, Error> {
    let mut batches = session.stream(path, sql, &[]).await?;
    let schema = batches.schema();
    let columns = schema.fields().iter().map(|field| Column {
        name: field.name().replace('_', " "),
        numeric: field.data_type().is_numeric(),
    });
    let mut table = Table {
        columns: columns.collect(),
        ..Table::default()
    };
    let mut held: Vec<RecordBatch> = Vec::new();
    let mut file: Option<File> = None;
    while let Some(batch) = batches.next_batch().await? {
        table.total += batch.num_rows() as u64;
        for row in 0..batch.num_rows().min(SHOWN_ROWS - table.rows.len()) {
            table.rows.push(cells(&batch, row));
        }
        held.push(batch);
        if table.total > SHOWN_ROWS as u64 {
            let first = file.is_none();
            let open = match file.take() {
                Some(open) => open,
                None => File::create(csv).map_err(|source| failed(csv, source))?,
            };
            file = Some(append(open, csv, &held, first)?);
            held.clear();
        }
    }
    if file.is_some() {
        table.csv = csv
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
    }
    Ok(table)
}

/// Writes batches behind what a file has; the first ones bring mark and header.
fn append(
    mut file: File,
    path: &Path,
    batches: &[RecordBatch],
    first: bool,
) -> Result<File, Error> {
    let refused = |error: &dyn std::error::Error| Error::Defect {
        what: format!("{} cannot be written as CSV: {error}", path.display()),
    };
    let mut text = Vec::new();
    {
        let mut writer = arrow::csv::WriterBuilder::new()
            .with_header(first)
            .build(&mut text);
        for batch in batches {
            writer.write(batch).map_err(|error| refused(&error))?;
        }
    }
    let text = spreadsheet_rows(&text).map_err(|error| refused(&error))?;
    let mark = if first { UTF8_MARK } else { b"" };
    let written = file.write_all(mark).and_then(|()| file.write_all(&text));
    written.map_err(|source| failed(path, source))?;
    Ok(file)
}

fn cells(batch: &RecordBatch, row: usize) -> Vec<Cell> {
    let options = FormatOptions::default();
    let cell = |column: &arrow::array::ArrayRef| {
        if column.is_null(row) {
            return Cell::Nothing;
        }
        match column.data_type() {
            DataType::Int64 => Cell::Whole(column.as_primitive::<Int64Type>().value(row)),
            DataType::Float64 => Cell::Decimal(column.as_primitive::<Float64Type>().value(row)),
            DataType::Boolean if column.as_boolean().value(row) => Cell::Text("yes".to_owned()),
            DataType::Boolean => Cell::Text("no".to_owned()),
            _ => match ArrayFormatter::try_new(column.as_ref(), &options) {
                Ok(formatter) => Cell::Text(formatter.value(row).to_string()),
                Err(_) => Cell::Nothing,
            },
        }
    };
    batch.columns().iter().map(cell).collect()
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    Error::File {
        action: "write",
        path: path.display().to_string(),
        source,
    }
}
