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
mod unknown;

pub use self::estimate::{EstimateRequest, WrittenEstimate};
pub(super) use self::inventory::steps;
pub(super) use self::scope::views;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use self::unknown::because;
use super::asked::Asked;
use super::open::Migration;
use super::status::organisations;
use crate::engine::Session;
use crate::error::Error;
use crate::project::own_or_default;
use crate::report::{
    Cell, Column, Document, Part, SHOWN_ROWS, Table, UTF8_MARK, html, markdown_document,
    spreadsheet_rows,
};
use crate::staging::Snapshot;

/// A part of a document: heading, what it says, its query below `queries/report/`, whether it is drawn.
type Plan = (&'static str, &'static str, &'static str, bool);

/// Whom the queries of a document ask.
struct Source<'a> {
    session: &'a Session,
    snapshot: &'a Snapshot,
    /// The run that `$run` stands for, where the document is about one.
    run: Option<&'a str>,
}

impl<'a> Source<'a> {
    /// The tables of an organisation, or those that none has a part in.
    fn of(asked: &'a Asked) -> Self {
        Self {
            session: &asked.session,
            snapshot: &asked.snapshot,
            run: None,
        }
    }

    /// A query with the run in it, so that it can be asked again as it stands.
    fn sql(&self, text: &str) -> String {
        let Some(run) = self.run else {
            return text.to_owned();
        };
        let mut parts = text.split("$run");
        let mut sql = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let is_longer = part.starts_with(|next: char| next.is_alphanumeric() || next == '_');
            match is_longer {
                true => sql.push_str("$run"),
                false => sql.push_str(&format!("'{}'", run.replace('\'', "''"))),
            }
            sql.push_str(part);
        }
        sql
    }
}

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

    /// What every document that is about no single run says of the last one and its org.
    pub(super) async fn standing_facts(
        &self,
        organisation: Option<&str>,
    ) -> Result<Vec<(String, String)>, Error> {
        let known = organisations(self.staging()).await?;
        let met = known
            .iter()
            .find(|known| Some(known.id.as_str()) == organisation);
        let run = met.and_then(|met| Some((met.last_run.as_deref()?, met.target.as_deref()?)));
        let run = match run {
            Some((run, target)) => format!("{run} against {target}"),
            None => "none so far".to_owned(),
        };
        let organisation = organisation.unwrap_or("none was met so far");
        Ok(vec![
            ("Organisation".to_owned(), organisation.to_owned()),
            ("Last run".to_owned(), run),
        ])
    }

    /// What the head of the project's page says.
    ///
    /// # Errors
    /// The staging area cannot be read.
    pub async fn site_facts(&self) -> Result<Vec<(String, String)>, Error> {
        let (organisation, _) = self.asked_organisation(None).await?;
        let mut facts = self.standing_facts(organisation.as_deref()).await?;
        self.add_own(&mut facts);
        Ok(facts)
    }

    /// What every document says of the project and of itself.
    fn add_own(&self, facts: &mut Vec<(String, String)>) {
        facts.insert(0, ("Customer".to_owned(), self.config().name.clone()));
        let zone = self.config().business_timezone.name().to_owned();
        let made = chrono::Utc::now().format("%Y-%m-%d %H:%M UTC");
        let made = format!("{made} by transload {}", env!("CARGO_PKG_VERSION"));
        facts.extend([
            ("Time zone of days".to_owned(), zone),
            ("Made".to_owned(), made),
        ]);
    }

    /// Asks every query of a document and writes it.
    async fn write(
        &self,
        source: &Source<'_>,
        title: &str,
        facts: Vec<(String, String)>,
        plans: &[Plan],
        place: (&Path, &str),
    ) -> Result<WrittenDocument, Error> {
        let (parts, files) = self.parts(source, plans, place.0).await?;
        self.save(title, facts, parts, files, place)
    }

    /// The parts of a document, and the files of those that a page shows in part.
    async fn parts(
        &self,
        source: &Source<'_>,
        plans: &[Plan],
        folder: &Path,
    ) -> Result<(Vec<Part>, Vec<PathBuf>), Error> {
        std::fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        let mut files = Vec::new();
        let mut parts = Vec::new();
        for (title, text, query, drawn) in plans {
            let (part, csv) = self
                .part(source, (title, text, query, *drawn), folder)
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
        self.add_own(&mut facts);
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

    /// One part, and the file with its rows if a page shows them in part.
    async fn part(
        &self,
        source: &Source<'_>,
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
        let sql = source.sql(&sql.unwrap_or_default());
        let csv = folder.join(format!("{}.csv", query.replace('/', "-")));
        let mut part = Part {
            title: title.to_owned(),
            text: text.to_owned(),
            query: path.clone(),
            sql: sql.clone(),
            table: None,
            unknown: None,
        };
        match answer(source.session, &path, &sql, &csv).await {
            Ok(mut table) => {
                table.drawn = drawn;
                let whole = table.csv.is_some().then_some(csv);
                part.table = Some(table);
                Ok((part, whole))
            }
            // What was never staged or run has no table.
            Err(Error::Engine(error)) if error.is_input() => {
                part.unknown = Some(because(&error, source.snapshot, source.run.is_some()));
                Ok((part, None))
            }
            Err(error) => Err(error),
        }
    }
}

/// Asks a query; a file gets all rows if there are more than a page shows, or longer texts. One of an earlier time is removed.
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
    let mut whole = true;
    while let Some(batch) = batches.next_batch().await? {
        table.total += batch.num_rows() as u64;
        for row in 0..batch.num_rows().min(SHOWN_ROWS - table.rows.len()) {
            let row = cells(&batch, row);
            whole &= !row.iter().any(Cell::is_long);
            table.rows.push(row);
        }
        held.push(batch);
        if table.total > SHOWN_ROWS as u64 || !whole {
            let first = file.is_none();
            let open = match file.take() {
                Some(open) => open,
                None => File::create(csv).map_err(|source| failed(csv, source))?,
            };
            file = Some(append(open, csv, &held, first)?);
            held.clear();
        }
    }
    match file {
        Some(_) => {
            let name = csv.file_name();
            table.csv = name.map(|name| name.to_string_lossy().into_owned());
        }
        None => match std::fs::remove_file(csv) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(csv, error));
            }
            _ => {}
        },
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
