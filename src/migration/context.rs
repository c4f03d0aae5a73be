//! What the steps of one command share once the org is known: project, connection, the resolved SQL project, describes.
//!
//! A [`Context`] opens sessions: each sees one snapshot of the tables and the views that its queries read, never a version
//! published later.

use std::collections::{BTreeMap, BTreeSet};

use super::connection::Connection;
use super::known;
use super::mapped;
use super::org::org_schema;
use super::project::Project;
use super::resolved::ResolvedProject;
use crate::engine::{Session, View};
use crate::error::Error;
use crate::finding::Finding;
use crate::load::FOLLOWED;
use crate::mapping::{EditPolicies, mapped_views};
use crate::progress::Progress;
use crate::project::QueryKind;
use crate::reconcile::union_views;
use crate::rows::{ledger_schema, outbox_schema};
use crate::salesforce::ObjectDescribe;
use crate::staging::{Snapshot, Staging};

/// A project connected to an org, with what was found out about both.
pub(crate) struct Context<'a> {
    /// Settings, staging area, engine.
    pub project: &'a Project,
    /// The org, and the staging area with it in view.
    pub connection: &'a Connection,
    /// The queries, the field map, the columns of each load.
    pub resolved: ResolvedProject,
    /// The org's objects by name.
    pub describes: BTreeMap<String, ObjectDescribe>,
    /// What looks like a slip in the project's files and stops nothing.
    pub warnings: Vec<Finding>,
    /// Hears how far things are.
    pub progress: &'a dyn Progress,
    /// Whose values count where both sides have one.
    pub policies: EditPolicies,
    /// Whether records are read back whole, not only those that changed since the last look.
    pub whole: bool,
    /// Whether a dry run leaves out what landed, however it has changed since.
    pub only_failed: bool,
}

impl<'a> Context<'a> {
    /// What looks like a slip, for a summary or a plan.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        self.warnings
            .iter()
            .map(|found| format!("warning: {found}"))
    }

    /// Tells what options and destination leave out, and what looks like a slip.
    pub(crate) fn tell(&self) {
        let exclusions = &self.resolved.exclusions;
        for note in exclusions.notes.iter().chain(&exclusions.misfits) {
            self.progress.done(&format!("note: {note}"));
        }
        for warning in self.warnings() {
            self.progress.done(&warning);
        }
        let others = self.resolved.not_selected();
        if !others.is_empty() {
            self.progress
                .done(&format!("note: not selected: {}", others.join(", ")));
        }
    }

    /// The staging area with the organisation in view.
    pub(crate) fn staging(&self) -> &'a Staging {
        &self.connection.staging
    }

    /// The current tables and a session over them.
    pub(crate) async fn session(&self, reads: Reads<'_>) -> Result<(Snapshot, Session), Error> {
        let snapshot = self.staging().snapshot().await?;
        let session = self.session_over(&snapshot, reads).await?;
        Ok((snapshot, session))
    }

    /// A session over these tables, with the views that queries may read.
    pub(crate) async fn session_over(
        &self,
        snapshot: &Snapshot,
        reads: Reads<'_>,
    ) -> Result<Session, Error> {
        let (project, resolved) = (self.project, &self.resolved);
        let session = project
            .engine
            .session(self.staging(), snapshot)?
            .with_parameters(project.config.options.parameters());
        for view in mapped_views(&project.config, &resolved.map, snapshot)? {
            if reads.needs(&view) {
                mapped::add(&session, &project.config, &view).await?;
            }
        }
        // What is left out has no rows, but others may read it; what was not read back yet neither.
        for (load, columns) in &resolved.columns {
            let Some(file) = resolved.queries.find(QueryKind::Load, load) else {
                continue;
            };
            let missing = |schema: &str| snapshot.get(schema, load).is_none();
            if missing("org") {
                session.add_empty("org", load, org_schema(file, columns))?;
            }
            if resolved.takes_part(file) {
                continue;
            }
            if missing("ledger") {
                session.add_empty("ledger", load, ledger_schema(columns))?;
            }
            if missing("outbox") {
                session.add_empty("outbox", load, outbox_schema(columns))?;
            }
        }
        if !matches!(reads, Reads::Tables) {
            self.follow_successors(&session, snapshot, reads).await?;
        }
        known::add(&session, snapshot, &resolved.queries, |view| {
            reads.needs(view)
        })
        .await?;
        for view in union_views(snapshot) {
            // `recon.held` reads it.
            let is_source = view.schema == "recon" && view.name == "fates";
            if reads.needs(&view) || (is_source && reads.names("recon.held")) {
                session.add_view(&view).await?;
            }
        }
        Ok(session)
    }

    /// Queries see a merged record under the id of the one that it was merged into: what hangs on it goes there.
    async fn follow_successors(
        &self,
        session: &Session,
        snapshot: &Snapshot,
        reads: Reads<'_>,
    ) -> Result<(), Error> {
        for ledger in snapshot.schema("ledger") {
            if ledger.count(FOLLOWED) == 0 {
                continue;
            }
            let fields = ledger.schema.fields().iter();
            let columns = fields.map(|field| match field.name().as_str() {
                "id" => {
                    "case when l.live = 'merged' then coalesce(l.successor, l.id) else l.id end \
                         as \"id\""
                        .to_owned()
                }
                name => format!("l.\"{name}\""),
            });
            let view = View {
                schema: ledger.schema_name.clone(),
                name: ledger.table.clone(),
                sql: format!(
                    "select {} from {} as l",
                    columns.collect::<Vec<_>>().join(", "),
                    ledger.name()
                ),
            };
            let known = format!("known.{}", ledger.table);
            if reads.needs(&view) || matches!(reads, Reads::Only(names) if names.contains(&known)) {
                session.add_view(&view).await?;
            }
        }
        Ok(())
    }
}

/// What a session is for: views are planned one by one, which takes longer than most of the queries over them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reads<'a> {
    /// Published tables alone.
    Tables,
    /// What these names (`schema.table`) need.
    Only(&'a BTreeSet<String>),
    /// Every view.
    All,
}

impl Reads<'_> {
    fn needs(self, view: &View) -> bool {
        self.names(&format!("{}.{}", view.schema, view.name))
    }

    fn names(self, table: &str) -> bool {
        match self {
            Self::Tables => false,
            Self::Only(names) => names.contains(table),
            Self::All => true,
        }
    }
}
