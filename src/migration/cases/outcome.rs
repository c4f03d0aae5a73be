//! What comes out of a case.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::folder::{self, Scratch};
use super::staged::{self, REPORT};
use super::{CaseError, CaseRows, near};
use crate::config::Config;
use crate::engine::Session;
use crate::error::Error;
use crate::load::{ORG_TABLES, org_table};
use crate::mapping::publish_decisions;
use crate::migration::custom_objects;
use crate::migration::org::selected_schema;
use crate::migration::project::Project;
use crate::migration::resolved::ProjectFiles;
use crate::migration::stage::settings;
use crate::migration::trial::Trial;
use crate::progress::NoProgress;
use crate::project::{Queries, QueryKind};
use crate::rows::sent_columns;
use crate::stage::stage;
use crate::staging::Manifest;
use crate::usercom::Export;

/// Schemas of what staging makes.
const STAGED: [&str; 2] = ["usercom", "rejects"];

/// Runs the queries that the expected tables need; the rows of these tables, or, if none is expected, those of every outbox and of
/// the rows that do not move.
pub(super) async fn of(
    scratch: &Scratch,
    case: &str,
    wanted: &BTreeMap<String, CaseRows>,
) -> Result<BTreeMap<String, CaseRows>, Error> {
    let config = Config::load(&scratch.folder, None)?;
    let project = Project::open(config)?;
    let staging = &project.staging;
    publish_decisions(&project.config.project, staging).await?;
    let export = Export::Folder(scratch.folder.join("export"));
    let settings = settings(&project.config)?;
    let report = stage(&settings, &export, staging, &project.engine, &NoProgress).await?;
    let asked = wanted.get(REPORT);
    if let Some(ignored) = report.ignored_files.first()
        && asked.is_none()
    {
        return Err(CaseError::NotStaged {
            case: case.to_owned(),
            file: ignored.name.clone(),
            reason: ignored.reason.to_string(),
        }
        .into());
    }
    custom_objects::write_queries(&project, &NoProgress).await?;
    let queries = Queries::load(&project.config.project)?;
    let mut given = staging.snapshot().await?;
    for file in folder::names(&scratch.folder.join("org")) {
        let table = org_rows(&project, &queries, case, &scratch.folder, &file).await?;
        given.insert(table);
    }
    let mut found = BTreeMap::new();
    if let Some(asked) = asked {
        let rows = staged::report(case, &report, &given, &asked.header)?;
        found.insert(REPORT.to_owned(), rows);
    }
    let tables: BTreeSet<String> = wanted
        .keys()
        .filter(|name| *name != REPORT)
        .cloned()
        .collect();
    // What was staged needs no query.
    let is_staged = |table: &String| {
        let schema = table.split_once('.').map(|(schema, _)| schema);
        schema.is_some_and(|schema| STAGED.contains(&schema))
    };
    let trial = match !wanted.is_empty() && tables.iter().all(is_staged) {
        true => None,
        false => {
            let only = (!tables.is_empty()).then_some(&tables);
            let mut files = ProjectFiles::read(&project)?;
            files.map = files.map.for_columns_of(&given);
            Some(Trial::of(&project, staging, files, given.clone(), only, None).await?)
        }
    };
    let snapshot = trial.as_ref().map_or(&given, |trial| &trial.snapshot);
    let session = project.engine.session(staging, snapshot)?;
    for table in &tables {
        let manifest = table
            .split_once('.')
            .and_then(|(schema, name)| snapshot.get(schema, name));
        let Some(manifest) = manifest else {
            let staged = STAGED.iter().flat_map(|schema| given.schema(schema));
            let made = trial.iter().flat_map(Trial::makes);
            let known = staged.map(|table| table.name()).chain(made);
            return Err(CaseError::UnknownTable {
                case: case.to_owned(),
                table: table.clone(),
                nearest: near(table, &known.collect()),
            }
            .into());
        };
        let header = &wanted[table].header;
        ensure_columns(case, manifest, header)?;
        let key = key_of(trial.as_ref(), table);
        found.insert(table.clone(), rows(&session, table, header, key).await?);
    }
    let Some(trial) = trial else {
        return Ok(found);
    };
    if wanted.is_empty() {
        for file in trial.resolved.loads() {
            let fates = ["key", "fate", "reason", "parent"]
                .map(str::to_owned)
                .to_vec();
            for (schema, name, header) in [
                ("outbox", file.name.clone(), None),
                ("recon", format!("fates_{}", file.name), Some(fates)),
            ] {
                let Some(manifest) = trial.snapshot.get(schema, &name) else {
                    continue;
                };
                if manifest.rows == 0 {
                    continue;
                }
                let table = manifest.name();
                let header = header.unwrap_or_else(|| sent_columns(&manifest.schema));
                let all = rows(&session, &table, &header, file.key.clone()).await?;
                found.insert(table, without_empty(all));
            }
        }
    }
    Ok(found)
}

fn ensure_columns(case: &str, table: &Manifest, header: &[String]) -> Result<(), CaseError> {
    let has = |name: &&String| table.schema.field_with_name(name).is_err();
    let Some(column) = header.iter().find(has) else {
        return Ok(());
    };
    let known: BTreeSet<String> = table
        .schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    Err(CaseError::UnknownColumn {
        case: case.to_owned(),
        table: table.name(),
        column: column.clone(),
        nearest: near(column, &known),
    })
}

/// The columns that tell the rows of a table apart.
fn key_of(trial: Option<&Trial>, table: &str) -> Vec<String> {
    let (schema, name) = table.split_once('.').unwrap_or(("", table));
    let kind = match schema {
        "prepare" => QueryKind::Prepare,
        _ => QueryKind::Load,
    };
    match trial.and_then(|trial| trial.resolved.queries.find(kind, name)) {
        Some(file) if !STAGED.contains(&schema) => file.key.clone(),
        _ if STAGED.contains(&schema) => vec!["id".to_owned()],
        _ => vec!["key".to_owned()],
    }
}

/// The rows of a table, of these columns and ordered by them.
async fn rows(
    session: &Session,
    table: &str,
    header: &[String],
    key: Vec<String>,
) -> Result<CaseRows, Error> {
    let columns: Vec<String> = header
        .iter()
        .map(|name| format!("\"{}\"", name.replace('"', "\"\"")))
        .collect();
    let columns = columns.join(", ");
    let sql = format!("select {columns} from {table} order by {columns}");
    let mut rows = Vec::new();
    let wrong = |error: arrow::error::ArrowError| Error::Defect {
        what: format!("rows of {table} cannot be shown: {error}"),
    };
    for batch in session.collect(table, &sql).await? {
        let options = FormatOptions::default();
        let cells: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<_, _>>()
            .map_err(wrong)?;
        for row in 0..batch.num_rows() {
            rows.push(
                cells
                    .iter()
                    .map(|cell| cell.value(row).to_string())
                    .collect(),
            );
        }
    }
    Ok(CaseRows {
        header: header.to_vec(),
        key,
        rows,
    })
}

/// Columns without a value say nothing that a person has to read.
fn without_empty(rows: CaseRows) -> CaseRows {
    let keep: Vec<usize> = (0..rows.header.len())
        .filter(|&place| rows.rows.iter().any(|row| !row[place].is_empty()))
        .collect();
    let pick = |row: &[String]| {
        keep.iter()
            .map(|&place| row[place].clone())
            .collect::<Vec<_>>()
    };
    CaseRows {
        header: pick(&rows.header),
        rows: rows.rows.iter().map(|row| pick(row)).collect(),
        key: rows.key,
    }
}

/// A table of the org as the case has it; columns that its file lacks are null.
async fn org_rows(
    project: &Project,
    queries: &Queries,
    case: &str,
    folder: &Path,
    file: &str,
) -> Result<Manifest, Error> {
    let shown = format!("org/{file}");
    let wrong = |reason: String| CaseError::OrgTable {
        case: case.to_owned(),
        file: shown.clone(),
        reason,
    };
    let name = file.strip_suffix(".csv").unwrap_or(file);
    let schema: SchemaRef = match queries.find(QueryKind::Org, name) {
        Some(query) => selected_schema(query),
        None if ORG_TABLES.contains(&name) => org_table(name),
        None => {
            let known = queries
                .kind(QueryKind::Org)
                .map(|query| query.name.as_str());
            let known: Vec<&str> = ORG_TABLES.into_iter().chain(known).collect();
            return Err(wrong(format!("known are {}", known.join(", "))).into());
        }
    };
    let rows = folder::csv(&folder.join(&shown))?;
    if let Some(column) = rows
        .header
        .iter()
        .find(|name| schema.field_with_name(name).is_err())
    {
        return Err(wrong(format!("org.{name} has no column {column}")).into());
    }
    let columns = schema.fields().iter().map(|field| {
        let place = rows.header.iter().position(|name| name == field.name());
        let Some(place) = place else {
            return Ok(new_null_array(field.data_type(), rows.rows.len()));
        };
        let texts = rows
            .rows
            .iter()
            .map(|row| Some(row[place].as_str()).filter(|text| !text.is_empty()));
        let texts: ArrayRef = Arc::new(texts.collect::<StringArray>());
        arrow::compute::cast(&texts, field.data_type())
    });
    let columns = columns.collect::<Result<Vec<_>, _>>();
    let batch = columns.and_then(|columns| RecordBatch::try_new(Arc::clone(&schema), columns));
    let batch = batch.map_err(|error| wrong(error.to_string()))?;
    let mut writer = project.staging.create("org", name, schema, &[]).await?;
    writer.write(&batch).await?;
    Ok(writer.finish(BTreeMap::new()).await?)
}
