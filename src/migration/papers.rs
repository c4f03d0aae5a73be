//! Documents made of the tables: the scope of a migration, and what a run came to.
//!
//! In: the tables staged last, and those of the last run against a destination; the queries in `queries/report/`, or the project's own of
//! the same path. Out: one HTML file, Markdown and JSON in a folder of this machine, and a CSV for each list that a page shows
//! in part. Never: a connection; a number of its own.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;

use super::open::Migration;
use crate::engine::Session;
use crate::error::Error;
use crate::project::default_text;
use crate::report::{
    Cell, Column, Document, Part, SHOWN_ROWS, Table, UTF8_MARK, html, markdown_document,
    spreadsheet_rows,
};

/// A part of a document: heading, what it says, its query below `queries/report/`, whether it is drawn.
type Plan = (&'static str, &'static str, &'static str, bool);

const SCOPE: [Plan; 11] = [
    (
        "What the export holds",
        "Rows as the files have them. Unreadable rows and cells are kept with file, row and reason in rejects.*; nothing of them \
         is guessed.",
        "scope/objects",
        true,
    ),
    (
        "What makes people billable at User.com",
        "Each combination of e-mail, phone, user id, chat, web push and device key, with the people who have it. The size of the \
         database that User.com (now Positive User) shows in the application lags by up to 24 hours, so small differences are to \
         be expected.",
        "scope/billing",
        true,
    ),
    (
        "Passive people",
        "People with neither e-mail nor phone can be addressed by nobody in Salesforce. The recommendation is to leave them behind, which is \
         the default; migrate_passive = true under [options] moves them. The storage is what their records would take.",
        "scope/passive",
        false,
    ),
    (
        "Lifecycle stages and where they lead",
        "A person becomes a Lead or a Contact by its lifecycle stage (config/lifecycle.csv). Stages that nobody decided are held.",
        "scope/lifecycle",
        true,
    ),
    (
        "Deal stages and what they become",
        "Pipeline, stage and status by the stage matrix (config/stage_matrix.csv). Combinations that nobody decided are held.",
        "scope/stages",
        false,
    ),
    (
        "Duplicates",
        "Values that several records share. People who share an e-mail move as they are and are flagged.",
        "scope/duplicates",
        false,
    ),
    (
        "Records that lack what they hang on",
        "Each is told by the run as well: held where Salesforce needs the parent, flagged where it does not.",
        "scope/orphans",
        false,
    ),
    (
        "Fields and how full they are",
        "Every column of the export, the customer's own among them. Columns that are nearly empty are candidates for staying behind.",
        "scope/fields",
        false,
    ),
    (
        "Storage in Salesforce",
        "Two kilobytes a record, as Salesforce counts most objects; files and notes come on top.",
        "scope/storage",
        true,
    ),
    (
        "What the org has to have",
        "Features that the data needs, with the lowest edition that has them (config/editions.csv, with the day on which it was \
         read). Prices and editions change: check with your account executive.",
        "scope/needs",
        false,
    ),
    (
        "Decisions about owners",
        "Users that config/owners.csv names for owners whose address no user of the org has.",
        "scope/owners",
        false,
    ),
];

const RUN: [Plan; 11] = [
    ("How it ended", "", "run/verdict", false),
    (
        "What became of the source's rows",
        "Every row has exactly one fate.",
        "run/fates",
        true,
    ),
    (
        "The books of each load",
        "Outbox = created + updated + unchanged + failed + unprocessed; the column `unaccounted` has to be 0. A gate that is shut kept the \
         next phase from beginning.",
        "run/accounting",
        false,
    ),
    (
        "Read back and compared",
        "Records that were read back from the org, and how many of them differ from what was sent in any field.",
        "run/match",
        false,
    ),
    (
        "Rows that did not land",
        "By the error that Salesforce gave. `transload load --failed` sends them again once the cause is gone.",
        "run/failed",
        false,
    ),
    (
        "Rows that are held",
        "Kept back with a reason, as things stand now; a later run takes them up when the reason is gone. `transload docs reasons` says \
         what each means and what to do.",
        "run/held",
        false,
    ),
    (
        "Differences now",
        "Fields that the org has otherwise than they were sent.",
        "run/differences",
        false,
    ),
    (
        "What the org changed itself",
        "Values that people or automation of the org set after we did; they stay.",
        "run/changed_by_org",
        false,
    ),
    (
        "Values that did not fit",
        "Cut, blanked or replaced, with the original kept in recon.altered.",
        "run/altered",
        false,
    ),
    (
        "Rows to look at",
        "They moved; a flag says what was assumed or is odd.",
        "run/flagged",
        false,
    ),
    (
        "From column to field",
        "Which column of the export reaches which field, and how many of its values arrived.",
        "run/columns",
        false,
    ),
];

/// A document that was written.
#[derive(Clone, Debug)]
pub struct WrittenDocument {
    /// What is in it.
    pub document: Document,
    /// Its files.
    pub files: Vec<PathBuf>,
}

impl Migration {
    /// Writes the scope document of what was staged last.
    ///
    /// # Errors
    /// The staging area cannot be read, or the folder cannot be written.
    pub async fn write_scope(&self, folder: Option<&Path>) -> Result<WrittenDocument, Error> {
        let asked = self.ask(None).await?;
        let title = format!("Scope of the migration: {}", self.config().name);
        let folder = self.folder(folder, "scope");
        self.write(
            &asked.session,
            &title,
            Vec::new(),
            &SCOPE,
            (&folder, "scope"),
        )
        .await
    }

    /// Writes the report of a run, by default the last one.
    ///
    /// # Errors
    /// There is no such run, or as [`Self::write_scope`].
    pub async fn write_report(
        &self,
        target: Option<&str>,
        run: Option<&str>,
        folder: Option<&Path>,
    ) -> Result<WrittenDocument, Error> {
        let asked = self.ask(target).await?;
        let known = super::status::runs(self.staging(), target).await?;
        let found = match run {
            Some(wanted) => known.iter().find(|known| known.run == wanted),
            None => known.iter().rev().find(|known| known.undoes.is_empty()),
        };
        let Some(found) = found else {
            return Err(Error::Usage {
                what: match run {
                    Some(run) => format!("there is no run {run}"),
                    None => "there is no run so far".to_owned(),
                },
                hint: "`transload status` lists the runs there are".to_owned(),
            });
        };
        let mut parameters = self.config().options.parameters();
        let run = ScalarValue::Utf8(Some(found.run.clone()));
        parameters.insert("run".to_owned(), run);
        let session = asked.session.with_parameters(parameters);
        let mut facts = vec![
            ("Run".to_owned(), found.run.clone()),
            ("Destination".to_owned(), found.target.clone()),
            ("Organisation".to_owned(), found.organisation.clone()),
            ("Status".to_owned(), found.status.clone()),
        ];
        if found.finished.is_none() {
            facts.push((
                "Note".to_owned(),
                "the run has not come to its end; what is known of it so far is below".to_owned(),
            ));
        }
        let title = format!("Reconciliation: {}", self.config().name);
        let folder = self.folder(folder, &found.run);
        self.write(&session, &title, facts, &RUN, (&folder, "report"))
            .await
    }

    fn folder(&self, asked: Option<&Path>, name: &str) -> PathBuf {
        match asked {
            Some(folder) => folder.to_path_buf(),
            None => self.config().project.join("documents").join(name),
        }
    }

    async fn write(
        &self,
        session: &Session,
        title: &str,
        mut facts: Vec<(String, String)>,
        plans: &[Plan],
        (folder, name): (&Path, &str),
    ) -> Result<WrittenDocument, Error> {
        std::fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
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
        let mut files = Vec::new();
        let mut parts = Vec::new();
        for (title, text, query, drawn) in plans {
            let (part, csv) = self
                .part(session, (title, text, query, *drawn), folder)
                .await?;
            files.extend(csv);
            parts.push(part);
        }
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
        let own = self.config().project.join(&path);
        let sql = match std::fs::read_to_string(&own) {
            Ok(sql) => sql,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let default = path.strip_prefix("queries/").and_then(default_text);
                default.unwrap_or_default().to_owned()
            }
            Err(source) => return Err(failed(&own, source)),
        };
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
                if query == "run/verdict" {
                    part.text = verdict(&table);
                }
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

/// How a run ended, in one line.
fn verdict(table: &Table) -> String {
    let at = |name: &str| {
        let column = table.columns.iter().position(|column| column.name == name);
        column.and_then(|column| table.rows.first()?.get(column))
    };
    let text = |name: &str| at(name).map_or_else(String::new, Cell::text);
    let (lost, different) = (text("not landed"), text("differences"));
    let ended = match text("status").as_str() {
        "ok" => "Every phase passed its gate",
        "gated" => "A gate is shut, so later phases did not begin",
        "held" => "Everything else was sent; rows wait for decisions",
        "stopped" => "A person stopped it in the middle",
        "partial" => "A part was run, as asked",
        "" => "It has not come to its end",
        _ => "It broke off in the middle",
    };
    format!(
        "{ended}: {} records created, {} changed, {lost} rows did not land, {} rows are held, {different} differences were found on reading back.",
        text("created"),
        text("updated"),
        text("held"),
    )
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    Error::File {
        action: "write",
        path: path.display().to_string(),
        source,
    }
}
