//! Random records, source and org side by side, for people who check them by eye (P5), and what they found.
//!
//! In: ledgers, rows read back, the staged source; a sheet that somebody filled in. Out: a [`SampleSheet`], `recon.samples`,
//! rows of `config/verified.csv`. Never: a verdict that no person gave.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};
use datafusion::logical_expr::LogicalPlan;

use super::columns;
use super::context::{Context, Reads};
use super::first;
use super::found;
use super::open::Migration;
use super::small_table::of_columns;
use crate::config::Destination;
use crate::engine::Session;
use crate::error::Error;
use crate::finding::Finding;
use crate::load::Journal;
use crate::mapping::{DecisionFile, FILLED_IN, MappingError, Sheet, publish_decisions, read_sheet};
use crate::project::{QueryFile, QueryKind, default_text};
use crate::reconcile::{
    Drawn, SAMPLE_HEAD, SampleRequest, SampleRow, SourceRequest, SourceRows, draw, sample,
    source_rows,
};
use crate::report::spreadsheet_cell;
use crate::rows::joined_key;
use crate::staging::Staging;
use crate::transform::{Lineage, Lineages, lineages};

/// Where a row of a sample has the id of its record, and the first of its two links.
const ID: usize = 3;
const LINK: usize = 11;

/// A draw of random records: the same ones for the same seed and ledgers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// How many.
    pub count: usize,
    /// Which.
    pub seed: u64,
}

/// Random records, a row per field: source, sent and found side by side.
#[derive(Clone, Debug)]
pub struct SampleSheet {
    rows: Vec<SampleRow>,
    seed: u64,
    /// Where it was written, if it was.
    pub place: Option<String>,
}

impl SampleSheet {
    /// How many records.
    #[must_use]
    pub fn records(&self) -> usize {
        let records: BTreeSet<(&str, &str)> = self
            .rows
            .iter()
            .map(|row| (row[0].as_str(), row[2].as_str()))
            .collect();
        records.len()
    }

    /// How many fields.
    #[must_use]
    pub fn fields(&self) -> usize {
        self.rows.len()
    }

    /// How many fields differ.
    #[must_use]
    pub fn odd(&self) -> usize {
        self.rows.iter().filter(|row| row[9] == "no").count()
    }

    /// As CSV for people, with columns for those who check it.
    #[must_use]
    pub fn csv(&self) -> Vec<u8> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let head = SAMPLE_HEAD.iter().chain(&FILLED_IN);
        // Writing to memory cannot fail.
        let _ = csv.write_record(head);
        for row in &self.rows {
            let cells = row.iter().map(|cell| spreadsheet_cell(cell));
            let empty = FILLED_IN.iter().map(|_| "".into());
            let cells: Vec<Cow<'_, str>> = cells.chain(empty).collect();
            let _ = csv.write_record(cells.iter().map(|cell| cell.as_bytes()));
        }
        csv.into_inner().unwrap_or_default()
    }
}

/// Writes the sample into the reports of the last run; where it lies then.
pub(super) async fn keep_sample(staging: &Staging, sheet: &SampleSheet) -> Result<String, Error> {
    let run = Journal::last_run(staging).await?;
    let run = run.unwrap_or_else(|| "samples".to_owned());
    let path = staging.org_path(&["reports", &run, &format!("sample-{}.csv", sheet.seed)]);
    staging.write_document(&path, sheet.csv().into()).await?;
    Ok(match staging.local_folder() {
        Some(_) => format!("/{path}"),
        None => path.to_string(),
    })
}

/// Draws records and puts each of their fields beside its source.
pub(super) async fn draw_samples(
    context: &Context<'_>,
    loaded: &[&QueryFile],
    wanted: Sample,
) -> Result<SampleSheet, Error> {
    let config = &context.project.config;
    let (_, destination) = config.target(Some(&context.connection.target))?;
    let links = Links {
        destination,
        source: &config.source.links,
    };
    let (_, session) = context.session(Reads::All).await?;
    let resolved = &context.resolved;
    let loads: Vec<(String, Vec<String>)> = loaded
        .iter()
        .map(|file| (file.name.clone(), file.key.clone()))
        .collect();
    let drawn = draw(&session, &loads, wanted.count, wanted.seed).await?;
    let traceable = columns::traceable(context.project, context.staging(), resolved).await?;
    let tables = made_tables(&session).await?;
    let mut rows = Vec::new();
    for records in drawn.chunk_by(|left, right| left.load == right.load) {
        let Some(file) = resolved.queries.find(QueryKind::Load, &records[0].load) else {
            continue;
        };
        let Some(describe) = context.describes.get(file.object()) else {
            continue;
        };
        let fields = columns::lineage_of(resolved, file);
        let from = fields.values().flat_map(Lineage::all);
        let wanted: BTreeSet<String> = from
            .filter_map(|name| name.strip_prefix("usercom.")?.split_once('.'))
            .map(|(table, _)| table.to_owned())
            .collect();
        let keys: Vec<Vec<String>> = records.iter().map(Drawn::texts).collect();
        let request = SourceRequest {
            session: &session,
            file,
            plan: &traceable.plan(&file.path, &file.sql).await?,
            tables: &tables,
            wanted: &wanted,
        };
        let sources = source_rows(&request, &keys).await?;
        let decided = resolved.map.confirmed();
        let decided = decided.filter(|row| row.is_for(file.object()));
        let request = SampleRequest {
            session: &session,
            file,
            columns: resolved.columns(file)?,
            describe,
            lineage: &fields,
            usual: &usual(&traceable, file).await,
            mapped: &decided.map(|row| row.target_field.clone()).collect(),
        };
        for (record, key) in records.iter().zip(&keys) {
            let source = sources.get(&joined_key(key));
            let found = sample(&request, record, source).await?;
            rows.extend(found.into_iter().map(|row| links.added(row, source)));
        }
    }
    Ok(SampleSheet {
        rows,
        seed: wanted.seed,
        place: None,
    })
}

/// Where people see a record in either system.
struct Links<'a> {
    destination: &'a Destination,
    source: &'a BTreeMap<String, String>,
}

impl Links<'_> {
    /// The row with both links; empty where there is none.
    fn added(&self, mut row: SampleRow, source: Option<&SourceRows>) -> SampleRow {
        row[LINK] = self.destination.page_of(&row[ID]).unwrap_or_default();
        let own = source.and_then(SourceRows::own);
        let link = own.and_then(|(table, cells)| {
            let pattern = self.source.get(table)?;
            Some(pattern.replace("{id}", cells.get("id")?))
        });
        row[LINK + 1] = link.unwrap_or_default();
        row
    }
}

/// Publishes the sample as `recon.samples`: what a sheet may be filled in for, and what a report shows.
pub(super) async fn publish(staging: &Staging, sheet: &SampleSheet) -> Result<(), Error> {
    let texts = (0..SAMPLE_HEAD.len()).map(|at| {
        let cells = sheet.rows.iter().map(|row| row[at].as_str());
        Arc::new(StringArray::from_iter_values(cells)) as ArrayRef
    });
    let seeds = vec![i64::try_from(sheet.seed).unwrap_or(i64::MAX); sheet.rows.len()];
    let seeds: ArrayRef = Arc::new(Int64Array::from(seeds));
    let columns = texts.chain([seeds]).collect();
    let table = of_columns(staging, ("recon", "samples"), found::samples(), columns).await?;
    staging.publish(table).await?;
    Ok(())
}

/// The lineage of the default query's columns where the project has a query of its own.
async fn usual(traceable: &Session, file: &QueryFile) -> Lineages {
    let default = file.path.strip_prefix("queries/").and_then(default_text);
    let Some(sql) = default.filter(|sql| *sql != file.sql) else {
        return Lineages::new();
    };
    // Models of the project's own may have other columns: then there is nothing to compare with.
    let Ok(plan) = traceable.plan(&file.path, sql).await else {
        return Lineages::new();
    };
    lineages(&plan, &BTreeMap::new())
}

/// What the run has made, to be read in place of the models that would make it again.
async fn made_tables(session: &Session) -> Result<BTreeMap<String, LogicalPlan>, Error> {
    let mut tables = BTreeMap::new();
    for name in session.table_names() {
        let schema = name.split('.').next().unwrap_or_default();
        if ["prepare", "ledger", "org", "known"].contains(&schema) {
            let sql = format!("select * from {name}");
            tables.insert(name, session.plan("the sample", &sql).await?);
        }
    }
    Ok(tables)
}

/// What a filled-in sheet brought.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// Records with a verdict.
    pub records: u64,
    /// Fields with a verdict.
    pub fields: u64,
    /// Of these, fields that are wrong.
    pub wrong: u64,
    /// Lines of the sheet that nobody filled in.
    pub open: u64,
}

impl Migration {
    /// Takes the verdicts of a filled-in sheet into `config/verified.csv`; a field that was checked before gets its new one.
    ///
    /// # Errors
    /// The file cannot be read, a line says nothing that can be understood, or is about no record that was drawn.
    pub async fn take_verdicts(
        &self,
        target: Option<&str>,
        file: &Path,
    ) -> Result<Verified, Error> {
        let shown = file.display().to_string();
        let bytes = std::fs::read(file).map_err(|source| Error::File {
            action: "read",
            path: shown.clone(),
            source,
        })?;
        let sheet = read_sheet(&shown, &bytes)?;
        let drawn = self.drawn(target).await?;
        let strangers = sheet.rows.iter().filter(|row| {
            let place = ["load", "key", "record_id", "field"].map(|name| row.get(name));
            !drawn.contains(&place.map(str::to_owned))
        });
        let strangers: Vec<Finding> = strangers
            .map(|row| {
                let problem = "is about no record of the sample that was drawn last: draw it again with the same seed, or take the line out";
                Finding {
                    column: Some("salesforce_id".to_owned()),
                    value: Some(row.get("record_id").to_owned()),
                    ..Finding::new(&shown, problem).line(row.line)
                }
            })
            .collect();
        if !strangers.is_empty() {
            return Err(MappingError::Decisions {
                findings: strangers,
            }
            .into());
        }
        let lease = self.staging().lease("reconcile --verified").await?;
        let kept = async {
            self.keep_verdicts(&sheet)?;
            publish_decisions(&self.config().project, self.staging()).await?;
            Ok(())
        }
        .await;
        let released = lease.release().await.map_err(Error::from);
        first(kept, released)?;
        let records: BTreeSet<&str> = sheet.rows.iter().map(|row| row.get("record_id")).collect();
        let wrong = sheet
            .rows
            .iter()
            .filter(|row| row.get("verdict") == "wrong");
        Ok(Verified {
            records: records.len() as u64,
            fields: sheet.rows.len() as u64,
            wrong: wrong.count() as u64,
            open: sheet.open,
        })
    }

    /// Load, key, id and field of the sample that was drawn last.
    async fn drawn(&self, target: Option<&str>) -> Result<BTreeSet<[String; 4]>, Error> {
        let asked = self.ask(target).await?;
        if asked.snapshot.get("recon", "samples").is_none() {
            return Err(Error::NotYet {
                what: "no sample was drawn so far".to_owned(),
                hint: "`transload reconcile --sample 50` draws one and writes the sheet".to_owned(),
            });
        }
        let sql = "select sample.load, sample.key, sample.salesforce_id, sample.field from recon.samples as sample";
        let mut drawn = BTreeSet::new();
        for batch in asked.session.collect("the sample", sql).await? {
            let columns = batch.columns().iter();
            let columns: Vec<&StringArray> = columns.map(|column| column.as_string()).collect();
            for row in 0..batch.num_rows() {
                drawn.insert([0, 1, 2, 3].map(|at: usize| columns[at].value(row).to_owned()));
            }
        }
        Ok(drawn)
    }

    fn keep_verdicts(&self, sheet: &Sheet) -> Result<(), Error> {
        let mut file = DecisionFile::open(&self.config().project, "verified")?;
        let place = |record: &str, field: &str| (record.to_owned(), field.to_lowercase());
        let new: BTreeSet<(String, String)> = sheet
            .rows
            .iter()
            .map(|row| place(row.get("record_id"), row.get("field")))
            .collect();
        file.retain(|file, row| {
            !new.contains(&place(file.get(row, "record_id"), file.get(row, "field")))
        });
        for row in &sheet.rows {
            let cells = row.cells.iter();
            let cells: Vec<(&str, &str)> = cells
                .map(|(name, cell)| (name.as_str(), cell.as_str()))
                .collect();
            file.add(&cells);
        }
        file.save()?;
        Ok(())
    }
}
