//! Random records, source and org side by side, for people who check them by eye (P5).
//!
//! In: ledgers, rows read back, the staged source. Out: a [`SampleSheet`], `recon.samples`. Never: a verdict.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use datafusion::logical_expr::LogicalPlan;

use super::columns;
use super::context::{Context, Reads};
use super::found;
use super::sheet::keep_text;
use super::small_table::of_columns;
use crate::config::Destination;
use crate::engine::Session;
use crate::error::Error;
use crate::load::Journal;
use crate::mapping::FILLED_IN;
use crate::project::{Lineage, Lineages, QueryFile, QueryKind, default_text, lineages};
use crate::reconcile::{
    Drawn, SAMPLE_HEAD, SampleRequest, SampleRow, SourceRequest, SourceRows, draw, sample,
    source_rows,
};
use crate::report::spreadsheet_cell;
use crate::rows::joined_key;
use crate::staging::Staging;

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
    let name = format!("sample-{}", sheet.seed);
    keep_text(staging, &run, &name, sheet.csv()).await
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
