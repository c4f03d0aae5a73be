//! Whether decisions name things that there are: fields of loads, pipelines and stages of the export, and
//! what [`super::reference_check`] knows of.
//!
//! In: the project's decision files, the columns of every load, the staged pipelines. Out: nothing, or every name that there is
//! not, with the nearest. What cannot be known, such as pipelines of an export without them, is not judged.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;

use super::preflight::unknown_finding;
use super::project::Project;
use super::reference_check::{check_references, finding};
use super::resolved::ResolvedProject;
use crate::config::nearest;
use crate::engine::Session;
use crate::error::Error;
use crate::finding::Finding;
use crate::mapping::{DecisionRow, readable_rows};
use crate::project::{QueryFile, QueryKind};
use crate::staging::{Snapshot, Staging};
use crate::usercom::schema::CUSTOM_PREFIX;

/// Names of stages by the name of their pipeline, as queries compare them.
const STAGES: &str = include_str!("../../queries/internal/pipeline_stages.sql");

/// Every object and field that no load sends.
pub(crate) fn check_names(
    project: &Project,
    resolved: &ResolvedProject,
) -> Result<Vec<Finding>, Error> {
    let folder = &project.config.project;
    let mut findings = Vec::new();
    for row in readable_rows(folder, "value_policy") {
        findings.extend(field("value_policy", &row, resolved, |_, _| true));
    }
    for row in readable_rows(folder, "defaults") {
        // A fallback counts where a query asks for it.
        let asked = |object: &str, name: &str| {
            let literal = format!("'{name}'");
            resolved.queries.kind(QueryKind::Load).any(|load| {
                load.object().eq_ignore_ascii_case(object)
                    && load.references.contains("config.defaults")
                    && load.sql.contains(&literal)
            })
        };
        findings.extend(field("defaults", &row, resolved, asked));
    }
    for row in readable_rows(folder, "field_policy") {
        findings.extend(policy("field_policy", &row, resolved));
    }
    for row in readable_rows(folder, "decisions") {
        // What the program wrote down may be about a field that is no longer sent.
        let asked = row.get("changed_at").is_empty();
        let found = policy("decisions", &row, resolved);
        findings.extend(found.map(|found| if asked { found } else { found.warning() }));
    }
    Ok(findings)
}

/// Every name that there is not in the export, in the org as it was met last, or among what a preflight finds.
pub(crate) async fn check_export_names(
    project: &Project,
    staging: &Staging,
    snapshot: &Snapshot,
) -> Result<Vec<Finding>, Error> {
    let folder = &project.config.project;
    let mut findings = Vec::new();
    for row in readable_rows(folder, "preflight") {
        let problem = "is nothing that a preflight finds, so nothing is acknowledged";
        let unknown = unknown_finding(row.get("finding"));
        let told = unknown.map(|near| finding("preflight", &row, "finding", problem, near));
        findings.extend(told);
    }
    for row in readable_rows(folder, "ignored_columns") {
        findings.extend(ignored(&row, snapshot));
    }
    let matrix = readable_rows(folder, "stage_matrix");
    let rows = |table: &str| {
        snapshot
            .get("usercom", table)
            .is_some_and(|table| table.rows > 0)
    };
    let all = ["pipelines", "stages", "deals"]
        .iter()
        .all(|table| snapshot.get("usercom", table).is_some());
    if !matrix.is_empty() && rows("pipelines") && all {
        let session = project.engine.session(staging, snapshot)?;
        let known = stages(&session).await?;
        for row in &matrix {
            findings.extend(stage(row, &known));
        }
    }
    findings.extend(check_references(project, staging, snapshot).await?);
    Ok(findings)
}

/// Fields that the loads in question send; none if a query of theirs has a mistake, since nobody knows then.
fn sent_fields(
    resolved: &ResolvedProject,
    is_meant: impl Fn(&QueryFile) -> bool,
) -> Option<BTreeSet<&str>> {
    let mut fields = BTreeSet::new();
    for load in resolved.queries.kind(QueryKind::Load) {
        if is_meant(load) {
            let columns = resolved.columns.get(&load.name)?;
            fields.extend(columns.sent.iter().map(|field| field.name().as_str()));
        }
    }
    Some(fields)
}

/// What is wrong with the object and the field that a policy or a decision is about, which may be for all objects and for all fields.
fn policy(file: &str, row: &DecisionRow, resolved: &ResolvedProject) -> Option<Finding> {
    let loads = || resolved.queries.kind(QueryKind::Load);
    let wanted = row.get("object");
    let is_meant = |load: &&QueryFile| wanted == ALL || load.object().eq_ignore_ascii_case(wanted);
    if !loads().any(|load| is_meant(&load)) {
        let nearest = nearest(wanted, loads().map(QueryFile::object));
        return Some(finding(
            file,
            row,
            "object",
            "is no object that a load sends to",
            nearest,
        ));
    }
    let name = row.get("field");
    let fields = sent_fields(resolved, |load| is_meant(&load))?;
    let is_known = name == ALL || fields.iter().any(|field| field.eq_ignore_ascii_case(name));
    (!is_known).then(|| {
        let problem = match wanted {
            ALL => "is no field that a load sends".to_owned(),
            object => format!("is no field that a load of {object} sends"),
        };
        finding(
            file,
            row,
            "field",
            &problem,
            nearest(name, fields.into_iter()),
        )
    })
}

/// What is wrong with a column that is ignored: no table of the export is called so, or the table has none that is. A column that
/// an earlier export had may be gone.
fn ignored(row: &DecisionRow, snapshot: &Snapshot) -> Option<Finding> {
    let file = "ignored_columns";
    let (source, column) = (row.get("source"), row.get("column"));
    let tables: Vec<_> = snapshot.schema("usercom").collect();
    if tables.is_empty() || source == ALL || source.starts_with(CUSTOM_PREFIX) {
        return None;
    }
    let Some(table) = tables.iter().find(|table| table.table == source) else {
        let nearest = nearest(source, tables.iter().map(|table| table.table.as_str()));
        return Some(finding(
            file,
            row,
            "source",
            "is no table of the export",
            nearest,
        ));
    };
    let names = || {
        table
            .schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
    };
    if column == ALL || names().any(|name| name == column) {
        return None;
    }
    let near = nearest(column, names());
    // A slip, before the first run.
    let is_mistake = near.is_some() && snapshot.schema("ledger").next().is_none();
    let problem = format!("is no column of {source} in the export");
    let told = finding(file, row, "column", &problem, near);
    Some(if is_mistake { told } else { told.warning() })
}

/// Stands for every object, or every field.
const ALL: &str = "*";

/// What is wrong with the columns `object` and `field` of a row.
fn field(
    file: &str,
    row: &DecisionRow,
    resolved: &ResolvedProject,
    asked: impl Fn(&str, &str) -> bool,
) -> Option<Finding> {
    let (object, name) = (row.get("object"), row.get("field"));
    let objects: BTreeSet<&str> = resolved
        .queries
        .kind(QueryKind::Load)
        .map(|load| load.object())
        .collect();
    if !objects.contains(object) {
        let nearest = nearest(object, objects.into_iter());
        return Some(finding(
            file,
            row,
            "object",
            "is no object that a load sends to",
            nearest,
        ));
    }
    let fields = sent_fields(resolved, |load| load.object() == object)?;
    if !fields.contains(name) {
        let nearest = nearest(name, fields.into_iter());
        let problem = format!("is no field that a load of {object} sends");
        return Some(finding(file, row, "field", &problem, nearest));
    }
    (!asked(object, name)).then(|| {
        let problem =
            format!("has no fallback in the loads of {object}, so nothing would ask for this one");
        finding(file, row, "field", &problem, None)
    })
}

/// Stages by pipeline.
type Stages = BTreeMap<String, BTreeSet<String>>;

async fn stages(session: &Session) -> Result<Stages, Error> {
    let mut known = Stages::new();
    for batch in session.collect("the stages of the export", STAGES).await? {
        let columns = [0, 1].map(|column| batch.column(column).as_string::<i32>().clone());
        for (pipeline, stage) in columns[0].iter().zip(&columns[1]) {
            if let Some(pipeline) = pipeline {
                let stages = known.entry(pipeline.to_owned()).or_default();
                stages.extend(stage.map(str::to_owned));
            }
        }
    }
    Ok(known)
}

/// What is wrong with a row of the stage matrix.
fn stage(row: &DecisionRow, known: &Stages) -> Option<Finding> {
    let (pipeline, stage) = (
        row.get("pipeline").to_lowercase(),
        row.get("stage").to_lowercase(),
    );
    let Some(stages) = known.get(&pipeline) else {
        // One that is like none of the export's may be there for a later export.
        let nearest = nearest(&pipeline, known.keys().map(String::as_str))?;
        let problem = "is no pipeline of the export";
        return Some(finding(
            "stage_matrix",
            row,
            "pipeline",
            problem,
            Some(nearest),
        ));
    };
    (!stages.contains(&stage)).then(|| {
        let nearest = nearest(&stage, stages.iter().map(String::as_str));
        finding(
            "stage_matrix",
            row,
            "stage",
            "is no stage of this pipeline in the export",
            nearest,
        )
    })
}
