//! The steps that `run`, `plan` and `reconcile` share: stage, look at the org, find the columns, bring the
//! destination's fields in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use super::context::{Connection, Project, union_views};
use super::progress::Progress;
use crate::encode::{FieldLimit, Policy, RAW_VALUES, ValuePolicy};
use crate::engine::{Session, View};
use crate::error::Error;
use crate::load::{ORG_TABLES, ledger_schema, snapshot_org};
use crate::mapping::{FieldMap, MapRow, mapped_views, publish_decisions};
use crate::salesforce::ObjectDescribe;
use crate::schema::{FieldType, WantedField};
use crate::stage::{StageError, StageReport, stage};
use crate::staging::{Snapshot, Staging};
use crate::transform::{Columns, Kind, Queries, QueryFile, Step, lineage, outbox_schema};
use crate::usercom::cell::Zones;
use crate::usercom::layout::ATTRIBUTE_METADATA;
use crate::usercom::{Export, OBJECTS};

/// The SQL project with everything that was found out about it.
pub(super) struct Flow {
    /// All query files.
    pub queries: Queries,
    /// The field map.
    pub map: FieldMap,
    /// Columns per load.
    pub columns: BTreeMap<String, Columns>,
}

impl Flow {
    /// The loads in the order of their phases, each with the models it needs before it.
    pub(super) fn steps(&self, snapshot: &Snapshot) -> Result<Vec<Step<'_>>, Error> {
        Ok(crate::transform::order(
            &self.queries,
            &known_tables(snapshot),
        )?)
    }

    /// Columns of a load.
    pub(super) fn columns(&self, load: &QueryFile) -> Result<&Columns, Error> {
        self.columns.get(&load.name).ok_or_else(|| Error::Usage {
            what: format!("{} was not planned", load.path),
            hint: "this is a defect of the program".to_owned(),
        })
    }
}

/// Reads the export into typed tables, and the decisions into `config.*`.
pub(super) async fn stage_all(
    project: &Project,
    progress: &Arc<Progress>,
) -> Result<StageReport, Error> {
    let config = &project.config;
    publish_decisions(&config.project, &project.staging).await?;
    let settings = crate::stage::Settings {
        zones: Zones {
            source: config.source.timezone,
            business: config.business_timezone,
        },
        files: config.source.files.clone(),
        ..crate::stage::Settings::default()
    };
    let export = Export::open(&config.export().to_string_lossy()).map_err(StageError::from)?;
    let report = stage(
        &settings,
        &export,
        &project.staging,
        &project.engine,
        progress.as_ref(),
    )
    .await?;
    Ok(report)
}

/// Tells people what staging met that is no error.
pub(super) fn note_staging(report: &StageReport, progress: &Progress) {
    for file in &report.ignored_files {
        progress.done(&format!(
            "note: {} is not staged: {}",
            file.name, file.reason
        ));
    }
    for warning in report.tables.iter().flat_map(|table| &table.warnings) {
        progress.done(&format!("note: {warning}"));
    }
}

/// Reads the query files and checks options and map against them, before anything is touched.
pub(super) fn read_queries(project: &Project) -> Result<(Queries, FieldMap), Error> {
    let queries = Queries::load(&project.config.project)?;
    let used: BTreeSet<String> = queries
        .iter()
        .flat_map(|file| file.parameters.iter().cloned())
        .collect();
    if let Some((option, nearest)) = project.config.options.unused(&used).next() {
        return Err(Error::UnusedOption {
            option: option.to_owned(),
            nearest,
        });
    }
    let map = FieldMap::load(&project.config.project)?;
    map.require_confirmed()?;
    Ok((queries, map))
}

/// Tables that exist before any query runs.
fn known_tables(snapshot: &Snapshot) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = snapshot
        .iter()
        .filter(|table| matches!(table.schema_name.as_str(), "usercom" | "config" | "rejects"))
        .map(crate::staging::Manifest::name)
        .collect();
    for object in OBJECTS.iter().map(|object| object.name) {
        known.insert(format!("usercom.{object}"));
        known.insert(format!("mapped.{object}"));
    }
    known.extend(ORG_TABLES.map(|table| format!("org.{table}")));
    for view in ["fates", "held", "flagged", "altered", "differences"] {
        known.insert(format!("recon.{view}"));
    }
    known.insert("ledger.attempts".to_owned());
    known
}

/// Plans every load without running anything: models as views, ledgers empty. Finds the columns that will be sent.
pub(super) async fn find_columns(
    project: &Project,
    staging: &Staging,
    queries: Queries,
    map: FieldMap,
) -> Result<Flow, Error> {
    let mut flow = Flow {
        queries,
        map,
        columns: BTreeMap::new(),
    };
    let (_, columns) = virtual_session(project, staging, &flow).await?;
    flow.columns = columns;
    Ok(flow)
}

/// Source columns of each sent column of a load; custom fields by the field map.
pub(super) async fn lineage_of(
    project: &Project,
    staging: &Staging,
    flow: &Flow,
    file: &QueryFile,
) -> Result<BTreeMap<String, BTreeSet<String>>, Error> {
    let (session, _) = virtual_session(project, staging, flow).await?;
    let plan = session.plan(&file.path, &file.sql).await?;
    let mut found: BTreeMap<String, BTreeSet<String>> = plan
        .schema()
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| (field.name().clone(), lineage(&plan, index)))
        .collect();
    for row in flow
        .map
        .confirmed()
        .filter(|row| row.target_object == file.object())
    {
        let sources = found.entry(row.target_field.clone()).or_default();
        sources.insert(format!("{}.{}", row.source, row.source_field));
    }
    Ok(found)
}

/// A session in which nothing is materialised, and the columns of every load.
async fn virtual_session(
    project: &Project,
    staging: &Staging,
    flow: &Flow,
) -> Result<(Session, BTreeMap<String, Columns>), Error> {
    let snapshot = staging.snapshot().await?;
    let mut shared = Snapshot::default();
    for table in snapshot.iter() {
        let org = table.schema_name == "org" && ORG_TABLES.contains(&table.table.as_str());
        if org || matches!(table.schema_name.as_str(), "usercom" | "config" | "rejects") {
            shared.insert(table.clone());
        }
    }
    let session = project
        .engine
        .session(staging, &shared)?
        .with_parameters(project.config.options.parameters());
    for view in mapped_views(&project.config, &flow.map, &shared)? {
        session.add_view(&view).await?;
    }
    let mut columns = BTreeMap::new();
    for step in flow.steps(&shared)? {
        match step {
            Step::Prepare(file) => {
                session
                    .add_view(&View {
                        schema: "prepare".to_owned(),
                        name: file.name.clone(),
                        sql: file.sql.clone(),
                    })
                    .await
                    .map_err(|error| named(error, file))?;
            }
            Step::Load(file) => {
                let found = load_columns(&session, file, &flow.map).await?;
                for (schema, columns) in [
                    ("ledger", ledger_schema(&found)),
                    ("outbox", outbox_schema(&found)),
                    ("org", org_schema(&found)),
                ] {
                    session.add_empty(schema, &file.name, columns)?;
                }
                columns.insert(file.name.clone(), found);
            }
        }
    }
    Ok((session, columns))
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
    map: &FieldMap,
) -> Result<Columns, Error> {
    let plan = session.plan(&file.path, &file.sql).await?;
    let schema = session.schema_of(&file.path, &plan)?;
    let confirmed: Vec<String> = map
        .confirmed()
        .filter(|row| row.target_object == file.object())
        .map(|row| row.target_field.clone())
        .collect();
    Ok(Columns::of(file, &schema, &confirmed)?)
}

fn org_schema(columns: &Columns) -> arrow::datatypes::SchemaRef {
    let mut fields = vec![Field::new("_id", DataType::Utf8, true)];
    fields.extend(columns.key_fields().cloned());
    for field in &columns.sent {
        if !columns.key.contains(field.name()) {
            fields.push(Field::new(field.name(), DataType::Utf8, true));
        }
    }
    Arc::new(Schema::new(fields))
}

/// Objects that are loaded, each once.
pub(super) fn objects(queries: &Queries) -> Vec<String> {
    let objects: BTreeSet<String> = queries
        .kind(Kind::Load)
        .map(|file| file.object().to_owned())
        .collect();
    objects.into_iter().collect()
}

/// Reads the org's users, limits and fields into `org.*`.
pub(super) async fn look_at_org(
    connection: &Connection,
    queries: &Queries,
) -> Result<BTreeMap<String, ObjectDescribe>, Error> {
    let (_, described) =
        snapshot_org(&connection.staging, &connection.client, &objects(queries)).await?;
    Ok(described
        .into_iter()
        .map(|object| (object.name.clone(), object))
        .collect())
}

/// The fields that the loads need, for the comparison with the org. Lists get the choices that the attribute declares
/// and those that occur in the data.
pub(super) async fn wanted_fields(
    project: &Project,
    staging: &Staging,
    flow: &Flow,
) -> Result<Vec<WantedField>, Error> {
    let snapshot = staging.snapshot().await?;
    let session = project.engine.session(staging, &snapshot)?;
    let mut wanted: BTreeMap<(String, String), WantedField> = BTreeMap::new();
    for file in flow.queries.kind(Kind::Load) {
        let columns = flow.columns(file)?;
        let object = file.object().to_owned();
        for field in &columns.sent {
            let row = flow
                .map
                .confirmed()
                .find(|row| row.target_object == object && row.target_field == *field.name());
            let declared = row
                .map(|row| row.field_type.parse::<FieldType>())
                .transpose()
                .map_err(|error| Error::Usage {
                    what: format!(
                        "config/field_map.csv line {}: {error}",
                        row.map_or(0, |row| row.line)
                    ),
                    hint: error.hint(),
                })?;
            let is_key = columns.key.len() == 1 && columns.key.contains(field.name());
            let key = (object.clone(), field.name().clone());
            let is_list = matches!(
                declared,
                Some(FieldType::Picklist | FieldType::MultiselectPicklist)
            );
            let choices = match row {
                Some(row) if is_list => choices(&session, &snapshot, row).await?,
                _ => Vec::new(),
            };
            wanted.entry(key).or_insert_with(|| WantedField {
                object: object.clone(),
                name: field.name().clone(),
                data_type: field.data_type().clone(),
                is_key,
                declared,
                label: None,
                choices,
                max_chars: None,
            });
        }
        let key = (object.clone(), RAW_VALUES.to_owned());
        wanted.entry(key).or_insert_with(|| WantedField {
            object: object.clone(),
            name: RAW_VALUES.to_owned(),
            data_type: DataType::Utf8,
            is_key: false,
            declared: Some(FieldType::LongTextArea { length: 32_768 }),
            label: Some("User.com raw values".to_owned()),
            choices: Vec::new(),
            max_chars: None,
        });
    }
    Ok(wanted.into_values().collect())
}

/// Most choices asked for: one more than the platform's cap, so that passing it shows (`rules.md` 21).
const MAX_CHOICES: usize = 1_001;

/// Choices of a list: declared ones first, then those that occur.
async fn choices(
    session: &Session,
    snapshot: &Snapshot,
    row: &MapRow,
) -> Result<Vec<String>, Error> {
    use arrow::array::AsArray;
    let table = snapshot.get("usercom", &row.source);
    let Some(field) = table.and_then(|table| table.schema.field_with_name(&row.source_field).ok())
    else {
        return Ok(Vec::new());
    };
    let column = format!("t.\"{}\"", row.source_field);
    let values = match field.data_type() {
        DataType::Boolean => return Ok(vec!["Yes".to_owned(), "No".to_owned()]),
        DataType::List(_) => format!(
            "select unnest({column}) as value from usercom.{} as t",
            row.source
        ),
        _ => format!(
            "select cast({column} as varchar) as value from usercom.{} as t",
            row.source
        ),
    };
    let attribute = field
        .metadata()
        .get(ATTRIBUTE_METADATA)
        .map_or("", String::as_str)
        .replace('\'', "''");
    let mut sql = format!(
        "select v.value, 1 as place from ({values}) as v where btrim(v.value) <> '' group by v.value"
    );
    if snapshot.get("usercom", "attributes").is_some() {
        sql = format!(
            "select c.value, min(c.place) as place from (select unnest(a.choices) as value, 0 as place \
             from usercom.attributes as a where a.name = '{attribute}' or a.name_std = '{attribute}' \
             union all {sql}) as c group by c.value"
        );
    }
    let sql =
        format!("select o.value from ({sql}) as o order by o.place, o.value limit {MAX_CHOICES}");
    let name = format!("the choices of {}.{}", row.source, row.source_field);
    let batches = session.collect(&name, &sql).await?;
    Ok(batches
        .iter()
        .flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten())
        .map(|value| value.trim().replace(';', ","))
        .collect())
}

/// What the fields of one object hold, with the customer's policies.
pub(super) async fn value_policy(
    session: &Session,
    describe: Option<&ObjectDescribe>,
    object: &str,
) -> Result<ValuePolicy, Error> {
    use arrow::array::{Array, AsArray};
    let mut policies: BTreeMap<String, Policy> = BTreeMap::new();
    let sql = "select p.object, p.field, p.policy from config.value_policy as p";
    for batch in session.collect("config.value_policy", sql).await? {
        let column = |index: usize| batch.column(index).as_string::<i32>().clone();
        let (objects, fields, words) = (column(0), column(1), column(2));
        for row in 0..batch.num_rows() {
            let word = if words.is_valid(row) {
                words.value(row)
            } else {
                ""
            };
            let policy = Policy::parse(word).ok_or_else(|| Error::Usage {
                what: format!("config/value_policy.csv: the policy `{word}` is unknown"),
                hint: "use reject, blank_and_keep_raw or truncate_and_attach".to_owned(),
            })?;
            if objects.is_valid(row) && objects.value(row) == object && fields.is_valid(row) {
                policies.insert(fields.value(row).to_owned(), policy);
            }
        }
    }
    let Some(describe) = describe else {
        return Ok(ValuePolicy::default());
    };
    let limits = describe.fields.iter().map(|field| {
        let text = !matches!(
            field.field_type.as_str(),
            "reference" | "id" | "boolean" | "date" | "datetime"
        );
        let limit = FieldLimit {
            chars: (text && field.length > 0).then_some(field.length as usize),
            email: field.field_type == "email",
            whole_digits: (field.precision > 0)
                .then(|| field.precision.saturating_sub(field.scale)),
            allowed: field.restricted_picklist.then(|| {
                let active = field.picklist_values.iter().filter(|value| value.active);
                active.map(|value| value.value.clone()).collect()
            }),
            policy: policies.get(&field.name).copied(),
        };
        (field.name.clone(), limit)
    });
    Ok(ValuePolicy::new(limits.collect()))
}

/// A session over the current tables, with the views that queries may read.
pub(super) async fn open_session(
    project: &Project,
    staging: &Staging,
    map: &FieldMap,
    snapshot: &Snapshot,
) -> Result<Session, Error> {
    let session = project
        .engine
        .session(staging, snapshot)?
        .with_parameters(project.config.options.parameters());
    for view in mapped_views(&project.config, map, snapshot)? {
        session.add_view(&view).await?;
    }
    for view in union_views(snapshot) {
        session.add_view(&view).await?;
    }
    Ok(session)
}
