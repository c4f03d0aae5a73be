//! The rows that each load has to account for (`guide/design.md` §6): its header `source` says which.
//!
//! In: the headers, the tables they name, the reports of the loads that have run. Out: how many rows a source has against how
//! many have a fate or were sent; for loads that an option leaves out, the fate `ignored` of each of their rows. Never: a row of
//! a source that is in no book.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder, cast};
use datafusion::prelude::col;

use super::context::{Context, Reads};
use super::resolved::ResolvedProject;
use crate::config::OptionValue;
use crate::engine::{EngineError, Session};
use crate::error::Error;
use crate::project::QueryFile;
use crate::reconcile::{PhaseReport, counts};
use crate::rows::{is_key_of, key_parts, key_text};
use crate::staging::Snapshot;
use crate::transform::{source_key, write_table};

/// A source, and what its loads account for.
#[derive(Debug)]
pub(super) struct Books {
    /// The source, as the headers write it.
    pub source: String,
    /// Its rows.
    pub rows: u64,
    /// Its loads, each with the rows that it accounts for.
    pub loads: Vec<(String, u64)>,
}

impl Books {
    /// The rows that all of them account for.
    pub(super) fn accounted(&self) -> u64 {
        self.loads.iter().map(|(_, rows)| rows).sum()
    }

    /// What the gate says where the numbers do not meet.
    pub(super) fn unbalanced(&self) -> Option<String> {
        let (source, rows, accounted) = (&self.source, self.rows, self.accounted());
        let loads: Vec<String> = self
            .loads
            .iter()
            .map(|(name, rows)| format!("{name} {rows}"))
            .collect();
        let why = match (rows.cmp(&accounted), loads.len()) {
            (Ordering::Equal, _) => return None,
            (Ordering::Less, 2..) => {
                "two of them take the same rows (a copy of one under another name?), or a join multiplies them"
            }
            (Ordering::Less, _) => "a join multiplies them",
            (Ordering::Greater, _) => "a `where` or an inner join drops rows",
        };
        Some(format!(
            "{source} has {rows} rows, but its loads account for {accounted} ({}): {why}",
            loads.join(", ")
        ))
    }
}

/// The books of a load's source, once all of its loads have run. `accounted` knows the rows of a load that has.
pub(super) async fn expected(
    context: &Context<'_>,
    session: &Session,
    snapshot: &Snapshot,
    file: &QueryFile,
    accounted: impl Fn(&str) -> Option<u64>,
) -> Result<Option<Books>, Error> {
    let Some(grain) = &file.source else {
        return Ok(None);
    };
    let Some((schema, table)) = &grain.table else {
        return Ok(None);
    };
    let mut loads = Vec::new();
    for load in context.resolved.loads() {
        if load.source.as_ref() == Some(grain) {
            match accounted(&load.name) {
                Some(rows) => loads.push((load.name.clone(), rows)),
                None => return Ok(None),
            }
        }
    }
    let Some(manifest) = snapshot.get(schema, table) else {
        return Ok(None);
    };
    let rows = match &grain.count {
        Some(sql) if manifest.rows > 0 => counts(session, &file.path, sql).await?.values().sum(),
        _ => manifest.rows,
    };
    Ok(Some(Books {
        source: grain.text.clone(),
        rows,
        loads,
    }))
}

/// Keys that do not meet: rows of a source in no outbox and without a fate, and rows of the books that no row of the source is.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// Keys of rows that are in no book, the first of them, and how many.
    pub lost: (Vec<String>, u64),
    /// Keys in the books that the source does not have.
    pub invented: (Vec<String>, u64),
}

impl Strangers {
    /// What the gate says; none if all keys meet.
    pub(super) fn reason(&self, source: &str) -> Option<String> {
        let named = |(keys, rows): &(Vec<String>, u64), what: &str| {
            let more = if *rows > keys.len() as u64 {
                ", …"
            } else {
                ""
            };
            (*rows > 0).then(|| format!("{rows} {what} ({}{more})", keys.join(", ")))
        };
        let lost = named(
            &self.lost,
            "row(s) that are neither in an outbox nor have a fate",
        );
        let invented = named(&self.invented, "key(s) in the books that no row of it has");
        let parts: Vec<String> = lost.into_iter().chain(invented).collect();
        (!parts.is_empty()).then(|| format!("{source} has {}", parts.join(", and ")))
    }
}

/// Schema of the keys of a source while they are compared.
const KEYS: &str = "keys";

/// How many keys are named.
const NAMED: usize = 5;

/// Compares the keys of a source with those of its loads' books, so that a lost row and a doubled one do not balance. Of a key of
/// several columns those are compared that the source has; where all of it are ids of the org, only rows are counted.
pub(super) async fn strangers(
    context: &Context<'_>,
    snapshot: &Snapshot,
    file: &QueryFile,
) -> Result<Strangers, Error> {
    let none = Ok(Strangers::default());
    let Some((grain, (schema, table))) = file
        .source
        .as_ref()
        .and_then(|grain| Some((grain, grain.table.as_ref()?)))
    else {
        return none;
    };
    let loads: Vec<&QueryFile> = context
        .resolved
        .loads()
        .filter(|other| other.source.as_ref() == Some(grain))
        .collect();
    let mut expected: Option<Vec<(usize, Expr)>> = None;
    let mut books = Vec::new();
    for load in &loads {
        let session = context.session_over(snapshot, Reads::Only(&load.references));
        let plan = session.await?.plan(&load.path, &load.sql).await?;
        let found: Vec<(usize, Expr)> = load
            .key
            .iter()
            .enumerate()
            .filter_map(|(part, key)| {
                let mut fields = plan.schema().fields().iter();
                let place = fields.position(|field| field.name() == key)?;
                Some((part, source_key(&plan, place, (schema, table))?))
            })
            .collect();
        if found.is_empty() || expected.as_ref().is_some_and(|other| *other != found) {
            return none;
        }
        let parts: Vec<usize> = found.iter().map(|(part, _)| *part).collect();
        books.push(format!(
            "select {} as key from (select {} as key from outbox.{load} as o union all select f.key from recon.fates_{load} as f) as b \
             where {}",
            key_parts("b.key", load.key.len(), &parts),
            key_text("o", &load.key),
            is_key_of("b.key", load.key.len()),
            load = load.name
        ));
        expected = Some(found);
    }
    let Some(expected) = expected else {
        return none;
    };
    let session = context.session_over(snapshot, Reads::Tables).await?;
    let fail = |source| EngineError::Plan {
        query: file.path.clone(),
        source: Box::new(source),
    };
    let rows = match &grain.condition {
        Some(condition) => format!("select * from {schema}.{table} where {condition}"),
        None => format!("select * from {schema}.{table}"),
    };
    let rows = session.plan(&file.path, &rows).await?;
    let (mut columns, mut names) = (Vec::new(), Vec::new());
    for (part, expr) in expected {
        let name = format!("part_{part}");
        columns.push(cast(expr, DataType::Utf8).alias(&name));
        names.push(name);
    }
    let source = LogicalPlanBuilder::from(rows).project(columns);
    let source = source.and_then(LogicalPlanBuilder::build).map_err(fail)?;
    session.add_plan(KEYS, "source", source);
    let sql = format!(
        "select s.key from (select {} as key from {KEYS}.source as s) as s where {}",
        key_text("s", &names),
        is_key_of("s.key", names.len())
    );
    let source = session.plan(&file.path, &sql).await?;
    let books = session.plan(&file.path, &books.join(" union all ")).await?;
    let only = |left: &LogicalPlan, right: &LogicalPlan| {
        let alias = |plan: &LogicalPlan, name: &str| {
            let keys = [cast(col("key"), DataType::Utf8).alias("key")];
            let plan = LogicalPlanBuilder::from(plan.clone()).project(keys)?;
            plan.alias(name)?.build()
        };
        LogicalPlanBuilder::from(alias(left, "one")?)
            .join(
                alias(right, "other")?,
                JoinType::LeftAnti,
                (vec!["one.key"], vec!["other.key"]),
                None,
            )?
            .distinct()?
            .build()
    };
    let lost = only(&source, &books).map_err(fail)?;
    let invented = only(&books, &source).map_err(fail)?;
    Ok(Strangers {
        lost: named(&session, &file.path, lost).await?,
        invented: named(&session, &file.path, invented).await?,
    })
}

/// The first keys that a plan gives, and how many it gives.
async fn named(
    session: &Session,
    path: &str,
    plan: LogicalPlan,
) -> Result<(Vec<String>, u64), Error> {
    let sorted = ["key".to_owned()];
    let mut stream = session.stream_plan(path, plan, &sorted).await?;
    let (mut keys, mut rows) = (Vec::new(), 0);
    while let Some(batch) = stream.next_batch().await? {
        rows += batch.num_rows() as u64;
        let texts = batch.column(0).as_string::<i32>();
        let left = NAMED - keys.len();
        let texts = texts.iter().take(left);
        keys.extend(texts.map(|text| text.unwrap_or("without a key").to_owned()));
    }
    Ok((keys, rows))
}

/// Sources whose books a selection leaves open, and the loads that would close them.
pub(super) fn left_open(resolved: &ResolvedProject) -> Vec<String> {
    let mut open: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let (some, others): (Vec<&QueryFile>, Vec<&QueryFile>) = resolved
        .loads()
        .partition(|file| resolved.is_selected(file));
    for grain in some.iter().filter_map(|file| file.source.as_ref()) {
        let missing = others
            .iter()
            .filter(|other| other.source.as_ref() == Some(grain));
        let missing: BTreeSet<&str> = missing.map(|other| other.name.as_str()).collect();
        if grain.table.is_some() && !missing.is_empty() {
            open.insert(&grain.text, missing);
        }
    }
    let line = |(source, loads): (&str, BTreeSet<&str>)| {
        let loads: Vec<&str> = loads.into_iter().collect();
        format!(
            "the books of {source} stay open without {}",
            loads.join(", ")
        )
    };
    open.into_iter().map(line).collect()
}

/// Gives the rows of loads that an option leaves out their fate. One report per load with rows.
pub(super) async fn left_out(context: &Context<'_>) -> Result<Vec<PhaseReport>, Error> {
    let mut reports = Vec::new();
    let resolved = &context.resolved;
    for file in resolved
        .excluded()
        .filter(|file| resolved.is_selected(file))
    {
        let (_, session) = context.session(Reads::Only(&file.references)).await?;
        let sql = format!(
            "select {} as key, 'ignored' as fate, '{}' as reason, cast(null as varchar) as parent from (\n{}\n) as q",
            key_text("q", &file.key),
            reason(context, file).replace('\'', "''"),
            file.sql
        );
        let name = format!("fates_{}", file.name);
        let staging = context.staging();
        let manifest =
            write_table(staging, &session, ("recon", &name), &file.path, &sql, &[]).await?;
        let ignored = manifest.rows;
        staging.publish(manifest).await?;
        if ignored > 0 {
            reports.push(PhaseReport {
                object: file.object().to_owned(),
                load: file.name.clone(),
                ignored,
                ..PhaseReport::default()
            });
        }
    }
    Ok(reports)
}

/// The options that leave a load out, as they are set.
fn reason(context: &Context<'_>, file: &QueryFile) -> String {
    let condition = file.when.as_deref().unwrap_or_default();
    let names = crate::project::parameters(condition).unwrap_or_default();
    let options = &context.project.config.options;
    let set: Vec<String> = names
        .iter()
        .filter_map(|name| {
            let value = match options.get(name)? {
                OptionValue::Bool(value) => value.to_string(),
                OptionValue::Int(value) => value.to_string(),
                OptionValue::Float(value) => value.to_string(),
                OptionValue::Text(value) => value.clone(),
            };
            Some(format!("{name} = {value}"))
        })
        .collect();
    set.join(", ")
}
