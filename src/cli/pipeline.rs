//! The steps that `run`, `plan` and `reconcile` share: stage, look at the org, find the columns, bring the
//! destination's fields in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::context::{Connection, Project, union_views};
use super::custom_objects;
use super::demands::{self, AUDIT_OPTION, Demands};
use super::planning;
use super::progress::Progress;
use crate::engine::{Session, View};
use crate::error::Error;
use crate::load::{ORG_TABLES, snapshot_org, snapshot_query};
use crate::mapping::{FieldMap, mapped_views, publish_decisions};
use crate::project::{Operation, Queries, QueryFile, QueryKind, Step};
use crate::rows::ledger_schema;
use crate::rows::{Columns, outbox_schema};
use crate::salesforce::ObjectDescribe;
use crate::stage::{StageError, StageReport, stage};
use crate::staging::{Manifest, Snapshot, Staging};
use crate::usercom::cell::Zones;
use crate::usercom::extract::to_stage;
use crate::usercom::{Export, OBJECTS};

/// The SQL project with everything that was found out about it.
pub(super) struct Flow {
    /// All query files.
    pub queries: Queries,
    /// The field map.
    pub map: FieldMap,
    /// Columns per load, those that are left out too.
    pub columns: BTreeMap<String, Columns>,
    /// What options and destination leave out.
    pub demands: Demands,
}

impl Flow {
    /// Every query in an order in which each comes after what it reads.
    pub(super) fn order(&self, snapshot: &Snapshot) -> Result<Vec<Step<'_>>, Error> {
        Ok(crate::project::order(
            &self.queries,
            &known_tables(snapshot),
        )?)
    }

    /// The loads in the order of their phases, each with the models it needs before it. Loads that are left out are
    /// not among them, nor are models that only those need.
    pub(super) fn steps(&self, snapshot: &Snapshot) -> Result<Vec<Step<'_>>, Error> {
        let all = self.order(snapshot)?;
        let mut read: BTreeSet<&str> = self
            .queries
            .iter()
            .filter(|file| matches!(file.kind, QueryKind::Check | QueryKind::Reconcile))
            .flat_map(|file| file.references.iter().map(String::as_str))
            .collect();
        let mut kept = Vec::new();
        for step in all.into_iter().rev() {
            let file = step.file();
            let needed = match step {
                Step::Load(_) => self.is_active(file),
                _ => read.contains(format!("{}.{}", file.kind.folder(), file.name).as_str()),
            };
            if needed {
                read.extend(file.references.iter().map(String::as_str));
                kept.push(step);
            }
        }
        kept.reverse();
        Ok(kept)
    }

    /// Whether a load takes part in this run.
    pub(super) fn is_active(&self, load: &QueryFile) -> bool {
        !self.demands.left_out.contains_key(&load.name)
    }

    /// Columns of a load that another one sets anew, by updates of the same records: a status that comes last, lookups
    /// that go in a circle.
    pub(super) fn later(&self, load: &QueryFile) -> BTreeSet<String> {
        self.loads()
            .filter(|other| other.name != load.name && other.object() == load.object())
            .filter(|other| other.operation == Some(Operation::Update))
            .filter_map(|other| self.columns.get(&other.name))
            .flat_map(|columns| columns.sent.iter().map(|field| field.name().clone()))
            .collect()
    }

    /// Loads of Leads that have a ledger, for a load of what a converted Lead becomes.
    pub(super) fn leads_before(
        &self,
        load: &QueryFile,
        snapshot: &Snapshot,
    ) -> Vec<(String, Vec<String>)> {
        let becomes = matches!(load.object(), "Account" | "Contact" | "Opportunity");
        self.loads()
            .filter(|other| becomes && other.object() == "Lead" && other.key.len() == 1)
            .filter(|other| snapshot.get("ledger", &other.name).is_some())
            .map(|other| (other.name.clone(), other.key.clone()))
            .collect()
    }

    /// The loads that take part.
    pub(super) fn loads(&self) -> impl Iterator<Item = &QueryFile> {
        self.queries
            .kind(QueryKind::Load)
            .filter(|file| self.is_active(file))
    }

    /// Columns of a load.
    pub(super) fn columns(&self, load: &QueryFile) -> Result<&Columns, Error> {
        self.columns.get(&load.name).ok_or_else(|| Error::Usage {
            what: format!("{} was not planned", load.path),
            hint: "this is a defect of the program".to_owned(),
        })
    }
}

/// The project's export: the newest complete extract where there is a live source, else the folder of export files.
pub(super) fn export(project: &Project) -> Result<Export, Error> {
    let location = match &project.config.source.api {
        Some(api) => to_stage(&project.config.project.join(&api.folder))?,
        None => project.config.export(),
    };
    Ok(Export::open(&location.to_string_lossy()).map_err(StageError::from)?)
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
    let export = export(project)?;
    let report = stage(
        &settings,
        &export,
        &project.staging,
        &project.engine,
        progress.as_ref(),
    )
    .await?;
    custom_objects::write_queries(project, progress).await?;
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
        .chain([AUDIT_OPTION.to_owned()])
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
pub(super) fn known_tables(snapshot: &Snapshot) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = snapshot
        .iter()
        .filter(|table| matches!(table.schema_name.as_str(), "usercom" | "config" | "rejects"))
        .map(crate::staging::Manifest::name)
        .collect();
    let declared = OBJECTS.iter().map(|object| object.name.as_ref());
    // The customer's own objects are known from what was staged.
    let staged = snapshot.schema("usercom").map(|table| table.table.as_str());
    for object in declared.chain(staged) {
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

/// Plans every load without running anything: models as views, ledgers empty. Finds the columns that will be sent, and
/// the loads that options or the destination leave out.
///
/// # Errors
/// Among others [`Error::Unsupported`] when there are rows for objects that the org does not have.
pub(super) async fn find_columns(
    project: &Project,
    staging: &Staging,
    queries: Queries,
    map: FieldMap,
    describes: &BTreeMap<String, ObjectDescribe>,
) -> Result<Flow, Error> {
    let demands = demands::look(project, staging, &queries, describes).await?;
    let mut flow = Flow {
        queries,
        map,
        columns: BTreeMap::new(),
        demands,
    };
    flow.columns = planning::columns(project, staging, &flow).await?;
    let absent = demands::absent(project, staging, &flow, describes).await?;
    flow.demands.left_out.extend(absent);
    Ok(flow)
}

pub(super) fn org_schema(file: &QueryFile, columns: &Columns) -> arrow::datatypes::SchemaRef {
    let mut fields = vec![Field::new("_id", DataType::Utf8, true)];
    fields.extend(columns.key_fields().cloned());
    for field in &columns.sent {
        if !columns.key.contains(field.name()) {
            fields.push(Field::new(field.name(), DataType::Utf8, true));
        }
    }
    for name in &file.read {
        fields.push(Field::new(name, DataType::Utf8, true));
    }
    Arc::new(Schema::new(fields))
}

/// Reads the org's users, limits and fields into `org.*`; objects that the org does not have are not in the answer.
pub(super) async fn look_at_org(
    connection: &Connection,
    queries: &Queries,
) -> Result<BTreeMap<String, ObjectDescribe>, Error> {
    let objects: BTreeSet<String> = queries
        .kind(QueryKind::Load)
        .map(|file| file.object().to_owned())
        .collect();
    let objects: Vec<String> = objects.into_iter().collect();
    let (_, described) = snapshot_org(&connection.staging, &connection.client, &objects).await?;
    Ok(described
        .into_iter()
        .map(|object| (object.name.clone(), object))
        .collect())
}

/// Asks the org what a file in `queries/org` asks, into `org.<stem>`, every column as text.
pub(super) async fn ask_org(connection: &Connection, file: &QueryFile) -> Result<Manifest, Error> {
    Ok(snapshot_query(
        &connection.staging,
        &connection.client,
        &file.name,
        &file.body(),
        &file.selected(),
        selected_schema(file),
    )
    .await?)
}

/// `RelationId` → `relation_id`: columns of `org.<stem>` in the case that SQL is written in.
pub(super) fn selected_schema(file: &QueryFile) -> SchemaRef {
    let selected = file.selected();
    let fields = selected.iter().map(|name| {
        let mut column = String::new();
        for letter in name.chars() {
            if letter.is_ascii_uppercase() && !column.is_empty() && !column.ends_with('_') {
                column.push('_');
            }
            column.push(if letter == '.' {
                '_'
            } else {
                letter.to_ascii_lowercase()
            });
        }
        Field::new(column, DataType::Utf8, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// What a session is for: views are planned one by one, which takes longer than most of the queries over them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reads<'a> {
    /// Published tables alone.
    Tables,
    /// What these names (`schema.table`) need.
    Only(&'a BTreeSet<String>),
    /// Every view.
    All,
}

impl Reads<'_> {
    fn needs(self, view: &View) -> bool {
        match self {
            Self::Tables => false,
            Self::Only(names) => names.contains(&format!("{}.{}", view.schema, view.name)),
            Self::All => true,
        }
    }
}

/// A session over the current tables, with the views that queries may read.
pub(super) async fn open_session(
    project: &Project,
    staging: &Staging,
    flow: &Flow,
    snapshot: &Snapshot,
    reads: Reads<'_>,
) -> Result<Session, Error> {
    let session = project
        .engine
        .session(staging, snapshot)?
        .with_parameters(project.config.options.parameters());
    for view in mapped_views(&project.config, &flow.map, snapshot)? {
        if reads.needs(&view) {
            session.add_view(&view).await?;
        }
    }
    // What is left out has no rows, but others may read it; what was not read back yet neither.
    for (load, columns) in &flow.columns {
        let Some(file) = flow.queries.find(QueryKind::Load, load) else {
            continue;
        };
        let missing = |schema: &str| snapshot.get(schema, load).is_none();
        if missing("org") {
            session.add_empty("org", load, org_schema(file, columns))?;
        }
        if flow.is_active(file) {
            continue;
        }
        if missing("ledger") {
            session.add_empty("ledger", load, ledger_schema(columns))?;
        }
        if missing("outbox") {
            session.add_empty("outbox", load, outbox_schema(columns))?;
        }
    }
    for view in union_views(snapshot) {
        // The second reads the first.
        let is_source = view.schema == "recon" && view.name == "fates";
        if reads.needs(&view) || (is_source && !matches!(reads, Reads::Tables)) {
            session.add_view(&view).await?;
        }
    }
    Ok(session)
}
