//! The rules tried: every model and every outbox over given tables, without an org.
//!
//! In: a project, a snapshot with staged rows, decisions and tables of the org. Out: the same snapshot with models, outboxes and fates,
//! and with ledgers as if every row had landed under an id of its load and key (`account 10`). Nothing counts as loaded before, so that
//! the result follows from rules and data alone. What another trial made from the same SQL over the same tables is taken from there.
//! Never: a table published, a connection.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::DataType;
use xxhash_rust::xxh3::xxh3_128;

use super::exclusions;
use super::fields;
use super::known;
use super::mapped;
use super::org::selected_schema;
use super::project::Project;
use super::resolve::planned;
use super::resolved::{ProjectFiles, ResolvedProject};
use crate::engine::{Session, View};
use crate::error::Error;
use crate::load::{ORG_TABLES, org_table};
use crate::mapping::{EditPolicies, mapped_views};
use crate::project::{QueryFile, QueryKind, Step};
use crate::reconcile::union_views;
use crate::rows::{Columns, Dead, ledger_schema};
use crate::staging::{Manifest, SHARED_SCHEMAS, Snapshot, Staging};
use crate::transform::{GoneFields, OutboxRequest, write_model, write_outbox, write_table};

/// Rows of a part: nothing is sent.
const PART_ROWS: usize = 100_000;

/// What rules make of tables.
pub(crate) struct Trial {
    /// The SQL project, with the columns of each load.
    pub resolved: ResolvedProject,
    /// All tables.
    pub snapshot: Snapshot,
    /// What each step was made from, by its path.
    prints: BTreeMap<String, u128>,
    /// Steps that were taken from the other trial.
    pub reused: usize,
    /// Steps that ran.
    pub ran: usize,
    /// Tables that this trial wrote, for the caller to remove.
    pub written: Vec<Manifest>,
}

impl Trial {
    /// Runs every query that `wanted` tables need, of loads that take part if none are named.
    ///
    /// # Errors
    /// Whatever is wrong with the project's files, a query that fails.
    pub(crate) async fn of(
        project: &Project,
        staging: &Staging,
        files: ProjectFiles,
        given: Snapshot,
        wanted: Option<&BTreeSet<String>>,
        other: Option<&Trial>,
    ) -> Result<Self, Error> {
        let exclusions = exclusions::judge(project, staging, &files.queries, None).await?;
        // Names of an org or of another export are nothing that rules could be blamed for here.
        let (resolved, findings) = planned(project, staging, files, exclusions).await?;
        if !findings.is_empty() {
            return Err(Error::Mistakes { findings });
        }
        let mut trial = Self {
            resolved,
            snapshot: given,
            prints: BTreeMap::new(),
            reused: 0,
            ran: 0,
            written: Vec::new(),
        };
        let tried = trial.run(project, staging, wanted, other).await;
        match tried {
            Ok(()) => Ok(trial),
            Err(error) => {
                trial.remove(staging).await;
                Err(error)
            }
        }
    }

    /// Removes the files of what it wrote.
    pub(crate) async fn remove(&self, staging: &Staging) {
        for manifest in &self.written {
            staging.remove(manifest).await;
        }
    }

    /// Tables that a query of this project makes.
    pub(crate) fn makes(&self) -> BTreeSet<String> {
        let queries = self.resolved.queries.iter();
        queries
            .flat_map(|file| tables_of(file.kind, &file.name))
            .collect()
    }

    async fn run(
        &mut self,
        project: &Project,
        staging: &Staging,
        wanted: Option<&BTreeSet<String>>,
        other: Option<&Trial>,
    ) -> Result<(), Error> {
        let steps: Vec<QueryFile> = {
            let all = self.resolved.order(&self.snapshot)?;
            let mut read: BTreeSet<String> = match wanted {
                Some(wanted) => wanted.clone(),
                None => {
                    let loads = self.resolved.loads();
                    loads.map(|file| format!("outbox.{}", file.name)).collect()
                }
            };
            let mut needed = Vec::new();
            for step in all.into_iter().rev() {
                let file = step.file();
                let makes = tables_of(file.kind, &file.name);
                if makes.iter().any(|table| read.contains(table)) {
                    read.extend(file.references.iter().cloned());
                    if !matches!(step, Step::Org(_)) {
                        needed.push(file.clone());
                    }
                }
            }
            needed.reverse();
            needed
        };
        let views = mapped_views(&project.config, &self.resolved.map, &self.snapshot)?;
        for file in &steps {
            let print = self.print(project, file, &views);
            let same = other.filter(|other| other.prints.get(&file.path) == Some(&print));
            self.prints.insert(file.path.clone(), print);
            if let Some(other) = same {
                let made = tables_of(file.kind, &file.name).into_iter();
                let made = made.filter_map(|name| {
                    let (schema, table) = name.split_once('.')?;
                    other.snapshot.get(schema, table).cloned()
                });
                made.for_each(|manifest| self.snapshot.insert(manifest));
                self.reused += 1;
                continue;
            }
            self.ran += 1;
            let session = self
                .session(project, staging, &views, &file.references)
                .await?;
            match file.kind {
                QueryKind::Load => self.load(project, staging, &session, file).await?,
                _ => {
                    let model = write_model(staging, &session, "prepare", file).await?;
                    self.keep(model);
                }
            }
        }
        Ok(())
    }

    fn keep(&mut self, manifest: Manifest) {
        self.written.push(manifest.clone());
        self.snapshot.insert(manifest);
    }

    /// A session over all tables there are by now, with the views that `references` names.
    pub(crate) async fn session(
        &self,
        project: &Project,
        staging: &Staging,
        views: &[View],
        references: &BTreeSet<String>,
    ) -> Result<Session, Error> {
        let session = project
            .engine
            .session(staging, &self.snapshot)?
            .with_parameters(project.config.options.parameters());
        let wanted = |view: &View| references.contains(&format!("{}.{}", view.schema, view.name));
        for view in views.iter().filter(|view| wanted(view)) {
            mapped::add(&session, &project.config, view).await?;
        }
        // An org that was never met has nothing.
        for table in ORG_TABLES {
            if self.snapshot.get("org", table).is_none() {
                session.add_empty("org", table, org_table(table))?;
            }
        }
        for file in self.resolved.queries.kind(QueryKind::Org) {
            if self.snapshot.get("org", &file.name).is_none() {
                session.add_empty("org", &file.name, selected_schema(file))?;
            }
        }
        // Nothing was loaded before.
        let none = Snapshot::default();
        known::add(&session, &none, &self.resolved.queries, wanted).await?;
        for view in union_views(&self.snapshot)
            .iter()
            .filter(|view| wanted(view))
        {
            session.add_view(view).await?;
        }
        Ok(session)
    }

    /// Writes the outbox of a load and its ledger; of a load that options leave out the ledger is empty.
    async fn load(
        &mut self,
        project: &Project,
        staging: &Staging,
        session: &Session,
        file: &QueryFile,
    ) -> Result<(), Error> {
        let columns = self.resolved.columns(file)?.clone();
        let outbox = Box::pin(write_outbox(&OutboxRequest {
            staging,
            session,
            file,
            columns: &columns,
            ledger: None,
            last: None,
            gone: &GoneFields::default(),
            unreadable: None,
            policy: &fields::value_policy(session, None, file.object()).await?,
            part_rows: PART_ROWS,
            dead: &Dead::new(),
            references: &[],
            only_failed: false,
            decided: &EditPolicies::default(),
        }))
        .await?;
        if let Some(mistake) = outbox.mistake {
            return Err(mistake.into());
        }
        self.keep(outbox.parts);
        for notes in outbox.notes {
            self.keep(notes);
        }
        let session = project.engine.session(staging, &self.snapshot)?;
        let lands = self.resolved.is_active(file);
        for (schema, select) in [
            ("ledger", ledger_of(file, &columns, &self.snapshot)),
            ("org", read_back_of(file)),
        ] {
            let sql = format!("{select} from outbox.{} as o where {lands}", file.name);
            let table = (schema, file.name.as_str());
            let what = "what would have landed";
            let table = write_table(staging, &session, table, what, &sql, &[]).await?;
            self.keep(table);
        }
        Ok(())
    }

    /// What a step is made from: its SQL with the options that it names, and the tables that it reads.
    fn print(&self, project: &Project, file: &QueryFile, views: &[View]) -> u128 {
        let mut parts = vec![file.sql.clone()];
        let spoken = |text: &str, name: &str| text.contains(&format!("${name}"));
        for (name, value) in project.config.options.parameters() {
            if spoken(&file.sql, &name) {
                parts.push(format!("${name} = {value}"));
            }
        }
        let mut tables = file.references.clone();
        if file.kind == QueryKind::Load {
            parts.push(format!("lands: {}", self.resolved.is_active(file)));
            if let Some(columns) = self.resolved.columns.get(&file.name) {
                parts.push(format!("{columns:?}"));
            }
            tables.insert("config.value_policy".to_owned());
        }
        for name in tables {
            let (schema, table) = name.split_once('.').unwrap_or(("", &name));
            let view = views
                .iter()
                .find(|view| view.schema == schema && view.name == table);
            let made = match view {
                // It reads staged tables, which both trials have.
                Some(view) => view.sql.clone(),
                None => match self.maker(schema, table) {
                    Some(path) => format!("{:?}", self.prints.get(path)),
                    None => match self.snapshot.get(schema, table) {
                        Some(manifest) => manifest.digest(),
                        // What all loads made so far.
                        None if matches!(schema, "recon" | "ledger") => {
                            format!("{:?}", self.prints)
                        }
                        None => String::new(),
                    },
                },
            };
            parts.push(format!("{name}: {made}"));
        }
        xxh3_128(parts.join("\n").as_bytes())
    }

    /// The query that makes a table, if one of a trial does.
    fn maker(&self, schema: &str, table: &str) -> Option<&str> {
        let name = format!("{schema}.{table}");
        let mut files = self.resolved.queries.iter();
        let found = files.find(|file| {
            file.kind != QueryKind::Org && tables_of(file.kind, &file.name).contains(&name)
        });
        found.map(|file| file.path.as_str())
    }
}

/// The tables of a staging area that a trial begins with: staged rows, decisions, and what is known of an org.
pub(crate) fn given(snapshot: &Snapshot, project: &Project) -> Result<Snapshot, Error> {
    let queries = crate::project::Queries::load(&project.config.project)?;
    let mut given = Snapshot::default();
    for table in snapshot.iter() {
        let name = table.table.as_str();
        let of_org = table.schema_name == "org"
            && (ORG_TABLES.contains(&name) || queries.find(QueryKind::Org, name).is_some());
        if of_org || SHARED_SCHEMAS.contains(&table.schema_name.as_str()) {
            given.insert(table.clone());
        }
    }
    Ok(given)
}

fn tables_of(kind: QueryKind, name: &str) -> Vec<String> {
    let of = |prefixes: &[&str]| {
        prefixes
            .iter()
            .map(|prefix| format!("{prefix}{name}"))
            .collect()
    };
    match kind {
        QueryKind::Prepare => of(&["prepare."]),
        QueryKind::Org => of(&["org."]),
        QueryKind::Load => of(&[
            "outbox.",
            "ledger.",
            "org.",
            "recon.fates_",
            "recon.flags_",
            "recon.altered_",
        ]),
        _ => Vec::new(),
    }
}

/// SQL for the id of a row of an outbox (`o`) that landed.
fn id_of(file: &QueryFile) -> String {
    let key: Vec<String> = file
        .key
        .iter()
        .map(|name| format!("o.\"{name}\""))
        .collect();
    format!(
        "coalesce(o._id, concat('{} ', concat_ws('|', {})))",
        file.name,
        key.join(", ")
    )
}

fn ledger_of(file: &QueryFile, columns: &Columns, snapshot: &Snapshot) -> String {
    let outbox = snapshot.get("outbox", &file.name);
    let columns = ledger_schema(columns);
    let columns = columns.fields().iter().map(|field| {
        let name = field.name();
        let value = match name.as_str() {
            "id" => id_of(file),
            "live" => "'live'".to_owned(),
            "outcome" => "'created'".to_owned(),
            _ if outbox.is_some_and(|outbox| outbox.schema.field_with_name(name).is_ok()) => {
                format!("o.\"{name}\"")
            }
            _ => null_of(field.data_type()),
        };
        format!("{value} as \"{name}\"")
    });
    format!("select {}", columns.collect::<Vec<_>>().join(", "))
}

fn null_of(data_type: &DataType) -> String {
    format!(
        "arrow_cast(null, '{}')",
        data_type.to_string().replace('\'', "''")
    )
}

fn read_back_of(file: &QueryFile) -> String {
    let id = id_of(file);
    let key = file.key.iter().map(|name| format!(", o.\"{name}\""));
    let read = file
        .read
        .iter()
        .map(|name| format!(", concat({id}, ' {name}') as \"{name}\""));
    let rest: String = key.chain(read).collect();
    format!("select {id} as _id{rest}")
}
