//! The source rows of records, found through the load's own SQL.
//!
//! In: the plan of a load over models that are views, tables of the run, keys. Out: per key the staged rows that it comes
//! from, as text. Never: a value of an outbox or of the org.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};

use arrow::array::Array;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::ReconcileError;
use crate::engine::{EngineError, Session};
use crate::project::{Grain, QueryFile, provenance};
use crate::rows::joined_key;

/// Columns that name a record of another table, and that table.
const REFERENCES: [(&str, &str); 13] = [
    ("company_id", "companies"),
    ("person_id", "people"),
    ("deal_id", "deals"),
    ("pipeline_id", "pipelines"),
    ("stage_id", "stages"),
    ("product_id", "products"),
    ("segment_id", "segments"),
    ("list_id", "lists"),
    ("conversation_id", "conversations"),
    ("activity_id", "activities"),
    ("event_id", "events"),
    ("assigned_to_id", "agents"),
    ("created_by_id", "agents"),
];

/// A load whose records are looked for in the source.
pub struct SourceRequest<'a> {
    /// Sees the tables of the run.
    pub session: &'a Session,
    /// The load query.
    pub file: &'a QueryFile,
    /// Its plan down to the staged tables.
    pub plan: &'a LogicalPlan,
    /// Tables that are read in place of models, by `schema.table`.
    pub tables: &'a BTreeMap<String, LogicalPlan>,
    /// Staged tables that its fields come from.
    pub wanted: &'a BTreeSet<String>,
}

/// The staged rows of one record.
#[derive(Clone, Debug, Default)]
pub struct SourceRows {
    /// Table and cells of each row; the load's own source first.
    rows: Vec<(String, BTreeMap<String, String>)>,
}

impl SourceRows {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows with these cells, `table` and column → value.
    #[must_use]
    pub fn of(rows: Vec<(String, BTreeMap<String, String>)>) -> Self {
        Self { rows }
    }

    /// The values of `table.column`, one per row that has one.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let (table, column) = name.split_once('.').unwrap_or((name, ""));
        let rows = self.rows.iter().filter(move |row| row.0 == table);
        rows.filter_map(move |row| row.1.get(column).map(String::as_str))
            .filter(|value| !value.is_empty())
    }

    /// The first row: its table and its columns.
    #[must_use]
    pub fn own(&self) -> Option<&(String, BTreeMap<String, String>)> {
        self.rows.first()
    }
}

/// Ids by table, the load's own source first.
type Ids = Vec<(String, String)>;

/// The source rows of the records with these keys, by the text of the key; a record without one is not in it.
///
/// # Errors
/// [`ReconcileError::Engine`].
pub async fn source_rows(
    request: &SourceRequest<'_>,
    keys: &[Vec<String>],
) -> Result<BTreeMap<String, SourceRows>, ReconcileError> {
    let mut ids: BTreeMap<String, Ids> = BTreeMap::new();
    let mut open: Vec<Vec<String>> = keys.to_vec();
    // The key itself says most; what it was looked up by says the rest.
    for lookups in [false, true] {
        if open.is_empty() {
            break;
        }
        ids.extend(ids_of(request, &open, lookups).await?);
        open.retain(|key| !ids.contains_key(&joined_key(key)));
    }
    let mut cells = Cells::default();
    cells.read(request.session, ids.values().flatten()).await?;
    let references: Vec<(String, String)> = ids
        .values()
        .flat_map(|ids| cells.references(ids, request.wanted))
        .collect();
    cells.read(request.session, references.iter()).await?;
    let rows = ids.into_iter().map(|(key, mut ids)| {
        ids.extend(cells.references(&ids, request.wanted));
        let rows = ids.into_iter().filter_map(|id| {
            let row = cells.0.get(&id)?.clone();
            Some((id.0, row))
        });
        (key, SourceRows::of(rows.collect()))
    });
    Ok(rows.filter(|(_, rows)| !rows.is_empty()).collect())
}

/// Runs the load with the ids of its source rows beside the key.
async fn ids_of(
    request: &SourceRequest<'_>,
    keys: &[Vec<String>],
    lookups: bool,
) -> Result<BTreeMap<String, Ids>, ReconcileError> {
    let (file, plan) = (request.file, request.plan);
    let fail = |source| EngineError::Plan {
        query: file.path.clone(),
        source: Box::new(source),
    };
    let names: Vec<_> = plan.schema().columns();
    let places: Vec<usize> = file
        .key
        .iter()
        .filter_map(|key| names.iter().position(|column| column.name == *key))
        .collect();
    let wanted = places.iter().copied().collect();
    let traced = provenance(plan, &wanted, request.tables, lookups).map_err(fail)?;
    let key = |place: &usize| cast(Expr::Column(names[*place].clone()), DataType::Utf8);
    let mut builder = LogicalPlanBuilder::from(traced.plan);
    for (part, place) in places.iter().enumerate() {
        let texts: BTreeSet<&String> = keys.iter().filter_map(|key| key.get(part)).collect();
        let texts = texts.into_iter().map(lit).collect();
        builder = builder
            .filter(key(place).in_list(texts, false))
            .map_err(fail)?;
    }
    let carried: Vec<&String> = traced.carried.keys().collect();
    let columns = places
        .iter()
        .enumerate()
        .map(|(part, place)| key(place).alias(format!("_key_{part}")))
        .chain(carried.iter().map(|name| datafusion::prelude::col(*name)));
    let plan = builder.project(columns).and_then(|builder| builder.build());
    let plan = plan.map_err(fail)?;
    let mut stream = request.session.stream_plan(&file.path, plan, &[]).await?;
    let own = file.source.as_ref().and_then(Grain::staged);
    let mut found: BTreeMap<String, Ids> = BTreeMap::new();
    while let Some(batch) = stream.next_batch().await? {
        for row in 0..batch.num_rows() {
            let cell = |column: usize| display(batch.column(column), row);
            let key = joined_key((0..places.len()).map(cell));
            for (offset, name) in carried.iter().enumerate() {
                let id = cell(places.len() + offset);
                let table = traced.carried[*name].clone();
                if id.is_empty() {
                    continue;
                }
                let ids = found.entry(key.clone()).or_default();
                if !ids.contains(&(table.clone(), id.clone())) {
                    let place = if Some(table.as_str()) == own {
                        0
                    } else {
                        ids.len()
                    };
                    ids.insert(place, (table, id));
                }
            }
        }
    }
    let asked: BTreeSet<String> = keys.iter().map(joined_key).collect();
    found.retain(|key, _| asked.contains(key));
    Ok(found)
}

/// Cells of staged rows, by table and id.
#[derive(Default)]
struct Cells(BTreeMap<(String, String), BTreeMap<String, String>>);

impl Cells {
    async fn read(
        &mut self,
        session: &Session,
        ids: impl Iterator<Item = &(String, String)>,
    ) -> Result<(), ReconcileError> {
        let mut by_table: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (table, id) in ids.filter(|id| !self.0.contains_key(*id)) {
            let id = format!("'{}'", id.replace('\'', "''"));
            by_table.entry(table).or_default().insert(id);
        }
        let known = session.table_names();
        for (table, ids) in by_table {
            let name = format!("usercom.{table}");
            if !known.contains(&name) {
                continue;
            }
            let ids: Vec<String> = ids.into_iter().collect();
            let sql = format!(
                "select s.* from {name} as s where cast(s.id as varchar) in ({})",
                ids.join(", ")
            );
            for batch in session.collect(&name, &sql).await? {
                let schema = batch.schema();
                for row in 0..batch.num_rows() {
                    let cells = schema.fields().iter().zip(batch.columns());
                    let cells: BTreeMap<String, String> = cells
                        .map(|(field, column)| (field.name().clone(), display(column, row)))
                        .collect();
                    let id = cells.get("id").cloned().unwrap_or_default();
                    self.0.insert((table.to_owned(), id), cells);
                }
            }
        }
        Ok(())
    }

    /// Records that these rows refer to, of tables that are wanted and not among them.
    fn references(&self, ids: &Ids, wanted: &BTreeSet<String>) -> Ids {
        let mut found = Vec::new();
        for id in ids {
            let Some(cells) = self.0.get(id) else {
                continue;
            };
            for (column, table) in REFERENCES {
                let there = ids.iter().any(|(other, _)| other == table);
                let value = cells.get(column).filter(|value| !value.is_empty());
                if let Some(value) = value.filter(|_| !there && wanted.contains(table)) {
                    found.push((table.to_owned(), value.clone()));
                }
            }
        }
        found
    }
}

pub(super) fn display(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return String::new();
    }
    let options = FormatOptions::default()
        .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
        .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));
    ArrayFormatter::try_new(column, &options)
        .map(|formatter| formatter.value(row).to_string())
        .unwrap_or_default()
}
