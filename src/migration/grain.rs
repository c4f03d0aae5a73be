//! The rows that each load has to account for (`guide/design.md` §6): its header `source` says which.
//!
//! In: the headers, the tables they name, the reports of the loads that have run. Out: how many rows a source has against how
//! many have a fate or were sent; for loads that an option leaves out, the fate `ignored` of each of their rows. Never: a row of
//! a source that is in no book.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};

use super::context::{Context, Reads};
use super::resolved::ResolvedProject;
use crate::config::OptionValue;
use crate::engine::{EngineError, Session};
use crate::error::Error;
use crate::project::{Grain, QueryFile};
use crate::reconcile::{PhaseReport, counts};
use crate::rows::{SOURCE, key_text};
use crate::staging::Snapshot;
use crate::transform::{source_keys, write_table};

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
    let rows = match grain.count() {
        Some(sql) if manifest.rows > 0 => counts(session, &file.path, &sql).await?.values().sum(),
        _ => manifest.rows,
    };
    Ok(Some(Books {
        source: grain.text.clone(),
        rows,
        loads,
    }))
}

/// Rows of a source that its books do not have once each.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// Those that are in no outbox and have no fate.
    lost: Named,
    /// What the books have and the source does not.
    invented: Named,
    /// Those that stand in the books more often than in the source.
    doubled: Named,
    /// Loads whose rows do not say which row of the source they are.
    untold: Vec<String>,
}

/// The first of some rows, and how many they are.
#[derive(Debug, Default)]
struct Named {
    names: Vec<String>,
    rows: u64,
}

impl Named {
    fn add(&mut self, name: &str) {
        self.rows += 1;
        if self.names.len() < NAMED {
            self.names.push(name.to_owned());
        }
    }

    fn told(&self, what: &str) -> Option<String> {
        let (rows, names) = (self.rows, self.names.join(", "));
        let more = if rows > self.names.len() as u64 {
            ", …"
        } else {
            ""
        };
        (rows > 0).then(|| format!("{rows} {what} ({names}{more})"))
    }
}

impl Strangers {
    /// What the gate says; nothing if each row is in the books once.
    pub(super) fn reasons(&self, source: &str) -> Vec<String> {
        let parts = [
            (
                &self.lost,
                "row(s) that are neither in an outbox nor have a fate",
            ),
            (&self.invented, "key(s) in the books that no row of it has"),
            (&self.doubled, "row(s) that are in the books more than once"),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter_map(|(named, what)| named.told(what))
            .collect();
        let untold = (!self.untold.is_empty()).then(|| {
            format!(
                "the rows of {} cannot be compared with those of {source}, since their keys are not made of its columns alone: name \
                 the columns that tell its rows apart in the header (`source: … by …`) and select them, joined with `|`, as `{SOURCE}`",
                self.untold.join(", ")
            )
        });
        let unmet = (!parts.is_empty()).then(|| format!("{source} has {}", parts.join(", and ")));
        unmet.into_iter().chain(untold).collect()
    }
}

/// Schema of the keys of a source while they are compared.
const KEYS: &str = "keys";

/// How many keys are named.
const NAMED: usize = 5;

/// How the rows of a load say which row of the source they are.
#[derive(PartialEq)]
enum Told {
    /// By the column for it.
    Said,
    /// By their key, each column of which is made of the source's.
    Traced(Vec<Expr>),
}

impl Told {
    fn of(file: &QueryFile, plan: &LogicalPlan, table: (&str, &str)) -> Option<Self> {
        let mut fields = plan.schema().fields().iter();
        if fields.any(|field| field.name() == SOURCE) {
            return Some(Self::Said);
        }
        source_keys(plan, &file.key, table).map(Self::Traced)
    }

    /// SQL for what the books of a load say.
    fn books(&self, file: &QueryFile) -> String {
        let (sent, fate) = match self {
            Self::Said => (format!("o.\"{SOURCE}\""), "f.source"),
            Self::Traced(_) => (key_text("o", &file.key), "f.key"),
        };
        format!(
            "select {sent} as key, 0 as here, 1 as booked from outbox.{load} as o \
             union all select {fate}, 0, 1 from recon.fates_{load} as f",
            load = file.name
        )
    }

    /// SQL for what the rows of the source are called.
    async fn source(&self, session: &Session, file: &QueryFile) -> Result<String, Error> {
        let grain = file.source.as_ref();
        let parts = match self {
            Self::Said => return Ok(grain.and_then(Grain::names).unwrap_or_default()),
            Self::Traced(parts) => parts,
        };
        let distinct = match grain.is_some_and(|grain| grain.by.is_some()) {
            true => "distinct ",
            false => "",
        };
        let all = grain.map(|grain| Grain {
            by: None,
            ..grain.clone()
        });
        let rows = all.map_or_else(String::new, |grain| grain.rows("*"));
        let rows = session.plan(&file.path, &rows).await?;
        let columns = parts.iter().enumerate().map(|(part, expr)| {
            let text = cast(expr.clone(), DataType::Utf8);
            text.alias(format!("part_{part}"))
        });
        let plan = LogicalPlanBuilder::from(rows).project(columns);
        let plan = plan.and_then(LogicalPlanBuilder::build);
        let plan = plan.map_err(|source| EngineError::Plan {
            query: file.path.clone(),
            source: Box::new(source),
        })?;
        session.add_plan(KEYS, "source", plan);
        // As the text of a key is written: a part that is not there is empty.
        let texts = (0..parts.len()).map(|part| format!("coalesce(s.part_{part}, '')"));
        let texts: Vec<String> = texts.collect();
        Ok(format!(
            "select {distinct}concat_ws('|', {}) as key from {KEYS}.source as s",
            texts.join(", ")
        ))
    }
}

/// Compares the rows of a source with those of its loads' books, one by one, so that a lost row and a doubled one do not balance. They
/// are told apart by what each row says of itself (`_source`), or by a key that is made of the source alone.
pub(super) async fn strangers(
    context: &Context<'_>,
    snapshot: &Snapshot,
    file: &QueryFile,
) -> Result<Strangers, Error> {
    let mut found = Strangers::default();
    let Some((grain, (schema, table))) = file
        .source
        .as_ref()
        .and_then(|grain| Some((grain, grain.table.as_ref()?)))
    else {
        return Ok(found);
    };
    let loads = context.resolved.loads();
    let mut told: Option<Told> = None;
    let mut books = Vec::new();
    for load in loads.filter(|other| other.source.as_ref() == Some(grain)) {
        let session = context.session_over(snapshot, Reads::Only(&load.references));
        let plan = session.await?.plan(&load.path, &load.sql).await?;
        let own = Told::of(load, &plan, (schema, table));
        let Some(own) = own.filter(|own| told.as_ref().is_none_or(|told| told == own)) else {
            found.untold.push(load.name.clone());
            continue;
        };
        books.push(own.books(load));
        told = Some(own);
    }
    let Some(told) = told.filter(|_| found.untold.is_empty()) else {
        return Ok(found);
    };
    let session = context.session_over(snapshot, Reads::Tables).await?;
    let sql = format!(
        "select cast(coalesce(k.key, '') as varchar) as key, sum(k.here) as here, sum(k.booked) as booked from \
         (select s.key, 1 as here, 0 as booked from ({}) as s union all {}) as k \
         group by k.key having sum(k.here) <> sum(k.booked)",
        told.source(&session, file).await?,
        books.join(" union all ")
    );
    let mut stream = session
        .stream(&file.path, &sql, &["key".to_owned()])
        .await?;
    while let Some(batch) = stream.next_batch().await? {
        let keys = batch.column(0).as_string::<i32>();
        let [here, booked] = [1, 2].map(|column| batch.column(column).as_primitive::<Int64Type>());
        for row in 0..batch.num_rows() {
            let name = match keys.value(row) {
                "" => "without a key",
                name => name,
            };
            match (here.value(row), booked.value(row)) {
                (0, _) => found.invented.add(name),
                (here, booked) if booked < here => found.lost.add(name),
                _ => found.doubled.add(name),
            }
        }
    }
    Ok(found)
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
            "select {} as key, 'ignored' as fate, '{}' as reason, cast(null as varchar) as parent, cast(null as varchar) as source \
             from (\n{}\n) as q",
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
