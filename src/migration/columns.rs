//! Planning without running: which columns each load sends, where they come from, and questions to models that have not
//! run yet.
//!
//! In: the staged tables and the query files. Out: columns, lineage, a session. Never: a table written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::logical_expr::LogicalPlan;

use super::found;
use super::known;
use super::mapped;
use super::mistake::mistake;
use super::org::{org_schema, selected_schema};
use super::project::Project;
use super::resolved::ResolvedProject;
use crate::engine::{Session, View};
use crate::error::Error;
use crate::finding::Finding;
use crate::load::{ORG_TABLES, org_table};
use crate::mapping::mapped_views;
use crate::project::{Lineages, QueryFile, QueryKind, Step, Way, lineages};
use crate::reconcile::empty_tables_of;
use crate::rows::{
    Columns, FATE, HIDDEN, RESERVED, SOURCE, is_custom, ledger_schema, outbox_schema,
};
use crate::staging::{SHARED_SCHEMAS, Snapshot, Staging};

/// The tables that exist before any query runs.
async fn given(staging: &Staging) -> Result<Snapshot, Error> {
    let snapshot = staging.snapshot().await?;
    Ok(snapshot.only(|table| {
        let org = table.schema_name == "org" && ORG_TABLES.contains(&table.table.as_str());
        org || SHARED_SCHEMAS.contains(&table.schema_name.as_str())
    }))
}

async fn session_over(
    project: &Project,
    staging: &Staging,
    resolved: &ResolvedProject,
    given: &Snapshot,
    wanted: impl Fn(&View) -> bool,
) -> Result<Session, Error> {
    let session = project
        .engine
        .session(staging, given)?
        .with_parameters(project.config.options.parameters());
    for view in mapped_views(&project.config, &resolved.map, given)? {
        if wanted(&view) {
            mapped::add(&session, &project.config, &view).await?;
        }
    }
    // An org that was never met has none of these.
    for table in ORG_TABLES {
        if given.get("org", table).is_none() {
            session.add_empty("org", table, org_table(table))?;
        }
    }
    // What a run finds is empty here.
    for (schema, name, columns) in found::of_all() {
        session.add_empty(schema, name, columns)?;
    }
    known::add(&session, given, &resolved.queries, &wanted).await?;
    Ok(session)
}

/// What was found out about the columns of the loads.
#[derive(Default)]
pub(crate) struct Planned {
    /// The columns of every load, those that are left out too.
    pub columns: BTreeMap<String, Columns>,
    /// Where the columns of every load come from, down to the staged tables.
    pub lineage: BTreeMap<String, Lineages>,
    /// What keeps queries from being planned.
    pub findings: Vec<Finding>,
}

/// The columns of every load. Each query is planned over empty tables that have the columns of what it reads, so that no plan
/// holds another. What reads the table of a query with a mistake in it is not planned, and not blamed.
pub(crate) async fn columns(
    project: &Project,
    staging: &Staging,
    resolved: &ResolvedProject,
) -> Result<Planned, Error> {
    let given = given(staging).await?;
    let session = session_over(project, staging, resolved, &given, |_| true).await?;
    let mut planned = Planned::default();
    let mut models: BTreeMap<String, Lineages> = BTreeMap::new();
    let mut broken: BTreeSet<String> = BTreeSet::new();
    for step in resolved.order(&given)? {
        let file = step.file();
        let made = match step {
            Step::Org(_) => vec!["org"],
            Step::Prepare(_) => vec!["prepare"],
            Step::Load(_) => vec!["ledger", "outbox", "org", "known"],
        };
        let tables = made.iter().map(|schema| format!("{schema}.{}", file.name));
        if !file.references.is_disjoint(&broken) {
            broken.extend(tables);
            continue;
        }
        let added = match step {
            Step::Org(file) => session
                .add_empty("org", &file.name, selected_schema(file))
                .map_err(Error::from),
            Step::Prepare(file) => add_empty_model(&session, file).await.map(|plan| {
                let table = format!("prepare.{}", file.name);
                models.insert(table, lineages(&plan, &models));
            }),
            Step::Load(file) => match load_columns(&session, file, resolved).await {
                Ok((plan, found)) => {
                    add_empty_load(&session, file, &found)?;
                    planned.columns.insert(file.name.clone(), found);
                    let lineage = lineages(&plan, &models);
                    planned.lineage.insert(file.name.clone(), lineage);
                    Ok(())
                }
                Err(error) => Err(error),
            },
        };
        if let Err(error) = added {
            match error {
                Error::Mistakes { findings } => planned.findings.extend(findings),
                error => planned.findings.push(mistake(error)?),
            }
            broken.extend(tables);
        }
    }
    plan_others(&session, resolved, &broken, &mut planned).await?;
    Ok(planned)
}

/// Checks and comparisons are planned over what a run will have found by then of each load.
async fn plan_others(
    session: &Session,
    resolved: &ResolvedProject,
    broken: &BTreeSet<String>,
    planned: &mut Planned,
) -> Result<(), Error> {
    for (load, columns) in &planned.columns {
        for (name, columns) in empty_tables_of(load) {
            session.add_empty("recon", &name, columns)?;
        }
        session.add_empty(
            "ledger",
            &format!("attempts_{load}"),
            ledger_schema(columns),
        )?;
    }
    // A comparison makes a table that others may read.
    let mut waiting: Vec<&QueryFile> = resolved.queries.kind(QueryKind::Reconcile).collect();
    waiting.extend(resolved.queries.kind(QueryKind::Check));
    loop {
        let known = session.table_names();
        let is_ready = |file: &&QueryFile| file.references.is_subset(&known);
        let (ready, others): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
        if ready.is_empty() {
            planned.findings.extend(
                others
                    .into_iter()
                    .filter_map(|file| unplanned(file, &known, broken)),
            );
            return Ok(());
        }
        for file in ready {
            if !file.references.is_disjoint(broken) {
                continue;
            }
            let added = add_empty_model(session, file).await;
            if let Err(error) = added {
                planned.findings.push(mistake(error)?);
            }
        }
        waiting = others;
    }
}

/// What keeps a check or a comparison from being planned; one that reads the table of a query with a mistake in it is not blamed.
fn unplanned(
    file: &QueryFile,
    known: &BTreeSet<String>,
    broken: &BTreeSet<String>,
) -> Option<Finding> {
    if !file.references.is_disjoint(broken) {
        return None;
    }
    let own = format!("recon.{}", file.name);
    if file.kind == QueryKind::Reconcile && file.references.contains(&own) {
        let problem =
            format!("reads {own}, which it makes itself; the first run would have nothing to read");
        return Some(Finding::new(&file.path, problem));
    }
    let unknown: Vec<&str> = file
        .references
        .difference(known)
        .map(String::as_str)
        .collect();
    let problem = format!(
        "was not planned: it reads {}, of which nothing is known before a run",
        unknown.join(", ")
    );
    Some(Finding::new(&file.path, problem).warning())
}

/// Plans a query, and adds the table that it makes if it makes one.
async fn add_empty_model(session: &Session, file: &QueryFile) -> Result<LogicalPlan, Error> {
    let plan = session.plan(&file.path, &file.sql).await?;
    let schema = session.schema_of(&file.path, &plan)?;
    let fields = schema.fields().iter().map(|field| {
        let data_type = match field.data_type() {
            DataType::Null => DataType::Utf8,
            other => other.clone(),
        };
        Field::new(field.name(), data_type, true)
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    match file.kind {
        QueryKind::Prepare => session.add_empty("prepare", &file.name, schema)?,
        QueryKind::Reconcile => session.add_empty("recon", &file.name, schema)?,
        _ => {}
    }
    Ok(plan)
}

fn add_empty_load(session: &Session, file: &QueryFile, columns: &Columns) -> Result<(), Error> {
    for (schema, columns) in [
        ("ledger", ledger_schema(columns)),
        ("outbox", outbox_schema(columns)),
        ("org", org_schema(file, columns)),
    ] {
        session.add_empty(schema, &file.name, columns)?;
    }
    Ok(())
}

/// A session that can answer questions to `tables` and what they come from: models are views, ledgers are empty.
pub(crate) async fn whole(
    project: &Project,
    staging: &Staging,
    resolved: &ResolvedProject,
    tables: &BTreeSet<String>,
) -> Result<Session, Error> {
    let given = given(staging).await?;
    let steps = resolved.order(&given)?;
    let mut wanted = tables.clone();
    for step in steps.iter().rev() {
        let file = step.file();
        let model = matches!(step, Step::Prepare(_));
        if model && wanted.contains(&format!("prepare.{}", file.name)) {
            wanted.extend(file.references.iter().cloned());
        }
    }
    let name = |view: &View| format!("{}.{}", view.schema, view.name);
    let session = session_over(project, staging, resolved, &given, |view| {
        wanted.contains(&name(view))
    })
    .await?;
    for step in steps {
        match step {
            Step::Org(file) => session.add_empty("org", &file.name, selected_schema(file))?,
            Step::Load(file) => {
                if let Some(columns) = resolved.columns.get(&file.name) {
                    add_empty_load(&session, file, columns)?;
                }
            }
            Step::Prepare(file) => {
                let view = View {
                    schema: "prepare".to_owned(),
                    name: file.name.clone(),
                    sql: file.sql.clone(),
                };
                if wanted.contains(&name(&view)) {
                    session
                        .add_view(&view)
                        .await
                        .map_err(|error| named(error, file))?;
                }
            }
        }
    }
    Ok(session)
}

/// A session in which every load can be traced down to the staged tables.
pub(crate) async fn traceable(
    project: &Project,
    staging: &Staging,
    resolved: &ResolvedProject,
) -> Result<Session, Error> {
    let loads = resolved.queries.kind(QueryKind::Load);
    let tables = loads
        .flat_map(|file| file.references.iter().cloned())
        .collect();
    whole(project, staging, resolved, &tables).await
}

/// Where each column of a load comes from, those that the destination lacks too; custom fields by the field map.
pub(crate) fn lineage_of(resolved: &ResolvedProject, file: &QueryFile) -> Lineages {
    let mut found = resolved.lineage_of(file).clone();
    // A struct comes from all confirmed attributes, each of its fields from one.
    let mut own = BTreeSet::new();
    found.retain(|name, from| {
        if is_custom(name) {
            own.append(&mut from.values);
        }
        !is_custom(name)
    });
    for row in resolved
        .map
        .confirmed()
        .filter(|row| row.is_for(file.object()))
    {
        let source = format!("usercom.{}.{}", row.source, row.source_field);
        if own.contains(&source) {
            let field = found.entry(row.target_field.clone()).or_default();
            field.carried.insert(source.clone(), Way::Always);
            field.values.insert(source);
        }
    }
    // What is neither sent nor kept in the outbox is no place to arrive at, but a fate may name it.
    found.retain(|name, _| {
        let name = name.as_str();
        let is_kept = HIDDEN.contains(&name) && name != SOURCE;
        !RESERVED.contains(&name) || is_kept || name == FATE
    });
    found
}

/// Errors of a view name its file.
fn named(error: crate::engine::EngineError, file: &QueryFile) -> Error {
    match error {
        crate::engine::EngineError::Plan { source, .. } => crate::engine::EngineError::Plan {
            query: file.path.clone(),
            source,
        }
        .into(),
        other => other.into(),
    }
}

async fn load_columns(
    session: &Session,
    file: &QueryFile,
    resolved: &ResolvedProject,
) -> Result<(LogicalPlan, Columns), Error> {
    let plan = session.plan(&file.path, &file.sql).await?;
    let schema = session.schema_of(&file.path, &plan)?;
    let findings = sent_already(resolved, file, &schema);
    if !findings.is_empty() {
        return Err(Error::Mistakes { findings });
    }
    let dropped = resolved.exclusions.dropped(file);
    let columns = Columns::of(file, &schema, dropped)?;
    Ok((plan, columns))
}

/// Rows of the field map for fields that the query itself sends.
fn sent_already(resolved: &ResolvedProject, file: &QueryFile, schema: &Schema) -> Vec<Finding> {
    let rows = resolved
        .map
        .confirmed()
        .filter(|row| row.is_for(file.object()))
        .filter(|row| file.references.contains(&format!("mapped.{}", row.source)));
    let told = rows.filter_map(|row| {
        let mut fields = schema.fields().iter();
        let sent = fields.find(|field| field.name().eq_ignore_ascii_case(&row.target_field))?;
        let problem = format!(
            "{}.{} goes to {}.{}, which {} fills already: choose another field, set the row to ignored, or change the query",
            row.source,
            row.source_field,
            row.target_object,
            sent.name(),
            file.path
        );
        Some(Finding::new("config/field_map.csv", problem).line(row.line))
    });
    told.collect()
}
