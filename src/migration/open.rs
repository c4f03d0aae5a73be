//! A migration, opened: the one way in for the command line, tests, services and notebooks.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::check;
use super::connection::{Connection, ExpectedOrg};
use super::diff::{DiffReport, DiffRequest, diff};
use super::first_error::first;
use super::kept::Written;
use super::known_fields::known_fields;
use super::plan::plan;
use super::plan_report::{PlanReport, PlanRequest};
use super::project::Project;
use super::propose::{MapFields, ProposeReport, ProposeRequest, map_fields, propose_map};
use super::reconcile::{ReconcileRequest, reconcile};
use super::reconcile_report::ReconcileReport;
use super::resolved::ProjectFiles;
use super::rollback::{RollbackReport, RollbackRequest, Undo};
use super::run::{RunReport, RunRequest, run};
use super::schema::{self, Consent, SchemaComparison};
use super::stage::{Sharded, note_staging, stage_all, stage_share};
use crate::config::{Config, Sample};
use crate::engine::Engine;
use crate::error::Error;
use crate::mapping::KnownFields;
use crate::progress::{NoProgress, Progress};
use crate::stage::{Shard, StageReport};
use crate::staging::Staging;

/// What a comparison of schemas is asked for.
#[derive(Clone, Debug, Default)]
pub struct SchemaRequest {
    /// Destination, by its name in `migration.toml`; by default the only one, or `default_target`.
    pub target: Option<String>,
    /// Whether the tables staged last are used instead of the export.
    pub no_stage: bool,
}

/// A comparison, and what it was made with.
pub struct SchemaPlanned {
    /// The destination's name.
    pub target: String,
    /// The version of the API that packages are written for.
    pub api_version: String,
    /// The comparison.
    pub comparison: SchemaComparison,
}

/// What became of a package.
#[derive(Clone, Debug)]
pub struct SchemaDeployed {
    /// The destination's name.
    pub target: String,
    /// Whether there was anything to validate or to deploy.
    pub any: bool,
    /// What it was, in words.
    pub summary: String,
}

/// How an org is met, and under which name nobody else is at work on the staging area meanwhile: a command that only reads the
/// org writes tables as well.
#[derive(Clone, Copy, Debug)]
enum Access {
    /// The org is only read.
    Reading(&'static str),
    /// The org is changed.
    Writing(&'static str, ExpectedOrg),
}

/// A project, ready to be planned, run, compared and taken back.
pub struct Migration {
    project: Project,
    progress: Arc<dyn Progress>,
    stop: CancellationToken,
}

impl std::fmt::Debug for Migration {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Migration")
            .field("project", &self.project.config.project)
            .finish_non_exhaustive()
    }
}

impl Migration {
    /// Opens the staging area and starts the engine. Nothing is read or written yet.
    ///
    /// # Errors
    /// The staging area or the engine cannot be had.
    pub fn open(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            project: Project::open(config.clone())?,
            progress: Arc::new(NoProgress),
            stop: CancellationToken::new(),
        })
    }

    /// Tells `progress` how far things are.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// Stops after the jobs in flight once `stop` is cancelled; the next run goes on from there.
    #[must_use]
    pub fn with_stop(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    /// Lets only a sample of the people take part, with everything that hangs on them; what else there is is out of scope.
    #[must_use]
    pub fn with_sample(mut self, sample: Option<Sample>) -> Self {
        self.project.config.sample = sample;
        self
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.project.config
    }

    /// Settings, staging area and engine together.
    pub(crate) fn project(&self) -> &Project {
        &self.project
    }

    /// Its staging area, with no organisation in view.
    #[must_use]
    pub fn staging(&self) -> &Staging {
        &self.project.staging
    }

    /// Its query engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.project.engine
    }

    /// Reads the export into typed tables, and the decisions into `config.*`.
    ///
    /// # Errors
    /// Whatever keeps the export from being read; rows and cells that do not fit are in `rejects.*` and no error.
    pub async fn stage(&self) -> Result<StageReport, Error> {
        let lease = self.project.staging.lease("stage").await?;
        let staged = stage_all(&self.project, self.progress.as_ref()).await;
        let released = lease.release().await.map_err(Error::from);
        let (report, ()) = first(staged, released)?;
        note_staging(&report, self.progress.as_ref());
        Ok(report)
    }

    /// Stages one share of the export; whichever process finds that none is missing publishes all. The export is read as by
    /// [`Self::stage`], and the tables are the same.
    ///
    /// # Errors
    /// As [`Self::stage`]; the staging area is held by another command when all could be published.
    pub async fn stage_shard(&self, shard: Shard) -> Result<Sharded, Error> {
        Box::pin(stage_share(&self.project, shard, self.progress.as_ref())).await
    }

    /// Proposes rows of the field map and of the value map, beside those that people decided.
    ///
    /// # Errors
    /// The export, the decision files or a destination that was asked for by name cannot be read.
    pub async fn propose_map(&self, request: &ProposeRequest) -> Result<ProposeReport, Error> {
        Box::pin(propose_map(&self.project, request, self.progress.as_ref())).await
    }

    /// The fields that the map may name, by object.
    ///
    /// # Errors
    /// A destination that was asked for by name cannot be read.
    pub async fn map_fields(&self, request: &ProposeRequest) -> Result<MapFields, Error> {
        Box::pin(map_fields(&self.project, request)).await
    }

    /// The fields that there are, without asking: those of the org that a destination was when it was met last, and the standard ones.
    ///
    /// # Errors
    /// The staging area cannot be read.
    pub async fn known_fields(&self, target: Option<&str>) -> Result<KnownFields, Error> {
        let staging = check::met(&self.project, target).await?;
        known_fields(&self.project, &staging).await
    }

    /// Reaches a destination, or starts its simulator, and logs in.
    ///
    /// # Errors
    /// Among others [`Error::Connect`] and [`Error::OtherOrg`].
    pub async fn connect(
        &self,
        target: Option<&str>,
        expected: ExpectedOrg,
    ) -> Result<Connection, Error> {
        Connection::open(&self.project, target, expected).await
    }

    /// What a run would do, without writing anything to the org.
    ///
    /// # Errors
    /// Whatever would keep a run from beginning. What would keep it from going through is in the report.
    pub async fn plan(&self, request: &PlanRequest) -> Result<PlanReport, Error> {
        check::ensure_right(&self.project)?;
        self.make_all_if(request.fresh);
        let target = request.target.as_deref();
        self.connected(target, Access::Reading("plan"), async |connection, _| {
            let mut written = Written::open(&connection.staging).await?;
            let progress = self.progress.as_ref();
            let report = Box::pin(plan(
                &self.project,
                connection,
                request,
                progress,
                &mut written,
            ))
            .await;
            let settled = written.settle(&connection.staging).await;
            let report = report?;
            settled?;
            Ok(report)
        })
        .await
    }

    /// The main job, phase by phase, going on where it stopped.
    ///
    /// # Errors
    /// Whatever ends a run before its phases are through; rows that fail are in the report and no error.
    pub async fn run(&self, request: &RunRequest) -> Result<RunReport, Error> {
        check::ensure_right(&self.project)?;
        self.make_all_if(request.fresh);
        let access = Access::Writing("run", request.expected());
        let target = request.target.as_deref();
        let ran = self.connected(target, access, async |connection, stop| {
            let run = run(&self.project, connection, request, &self.progress, stop);
            Box::pin(run).await
        });
        let mut report = ran.await?;
        if self.config().report {
            report
                .notes
                .push(self.told_in_a_document(target, &report.summary.run).await);
        }
        Ok(report)
    }

    /// Writes the report of a run that has ended; what is to be said about it. The run is what it is without it.
    async fn told_in_a_document(&self, target: Option<&str>, run: &str) -> String {
        match Box::pin(self.write_report(target, Some(run), None)).await {
            Ok(written) => {
                let page = written.files.first().map(|path| path.display().to_string());
                format!("the report is in {}", page.unwrap_or_default())
            }
            Err(error) => format!("the report of the run could not be written: {error}"),
        }
    }

    /// What the working files make otherwise than other rules, over the tables staged last.
    ///
    /// # Errors
    /// [`super::DiffError`], and whatever is wrong with either version of the rules.
    pub async fn diff(&self, request: &DiffRequest) -> Result<DiffReport, Error> {
        check::ensure_right(&self.project)?;
        let (organisation, _) = self.asked_organisation(request.target.as_deref()).await?;
        let staging = match organisation {
            Some(id) => self.staging().with_org(&id),
            None => self.staging().clone(),
        };
        let lease = self.project.staging.lease("diff").await?;
        let progress = self.progress.as_ref();
        let compared = Box::pin(diff(&self.project, &staging, request, progress)).await;
        let released = lease.release().await.map_err(Error::from);
        Ok(first(compared, released)?.0)
    }

    /// Reads the destination back and compares it with what was sent.
    ///
    /// # Errors
    /// Nothing was loaded yet, or the org cannot be read. Differences are in the report and no error.
    pub async fn reconcile(&self, request: &ReconcileRequest) -> Result<ReconcileReport, Error> {
        let files = ProjectFiles::read(&self.project)?;
        let access = Access::Reading("reconcile");
        let target = request.target.as_deref();
        self.connected(target, access, async |connection, _| {
            let progress = self.progress.as_ref();
            let compared = reconcile(&self.project, connection, request, files, progress);
            Box::pin(compared).await
        })
        .await
    }

    /// Takes a run back; without consent the report says what would be done.
    ///
    /// # Errors
    /// There is no such run, or the org cannot be reached. What is spared or left is in the report and no error.
    pub async fn rollback(&self, request: &RollbackRequest) -> Result<RollbackReport, Error> {
        let files = ProjectFiles::read(&self.project)?;
        let access = Access::Writing("rollback", ExpectedOrg::Known);
        let target = request.target.as_deref();
        self.connected(target, access, async |connection, stop| {
            let undo = Undo {
                project: &self.project,
                queries: &files.queries,
                connection,
                request,
                progress: &self.progress,
                stop,
            };
            Box::pin(undo.run()).await
        })
        .await
    }

    /// What the org lacks, what conflicts, and which rows a field would not take.
    ///
    /// # Errors
    /// The loads cannot be planned, or the org cannot be read.
    pub async fn schema(&self, request: &SchemaRequest) -> Result<SchemaPlanned, Error> {
        self.ensure_readable()?;
        let target = request.target.as_deref();
        self.connected(
            target,
            Access::Reading("schema plan"),
            async |connection, _| {
                Ok(SchemaPlanned {
                    target: connection.target.clone(),
                    api_version: connection.client.api_version().to_owned(),
                    comparison: self.compare(connection, request).await?,
                })
            },
        )
        .await
    }

    /// Lets the org validate the package without taking it over.
    ///
    /// # Errors
    /// As [`Self::schema`], and what the org has against the package.
    pub async fn schema_check(&self, request: &SchemaRequest) -> Result<SchemaDeployed, Error> {
        self.ensure_readable()?;
        let target = request.target.as_deref();
        self.connected(
            target,
            Access::Reading("schema check"),
            async |connection, _| {
                let plan = self.compare(connection, request).await?.prepared.plan;
                let any = schema::check(connection, &plan, self.progress.as_ref()).await?;
                Ok(SchemaDeployed {
                    target: connection.target.clone(),
                    any,
                    summary: plan.summary(),
                })
            },
        )
        .await
    }

    /// Deploys the package.
    ///
    /// # Errors
    /// As [`Self::schema_check`]; [`Error::NeedsYes`] and [`Error::SandboxFirst`] without the consent.
    pub async fn schema_deploy(
        &self,
        request: &SchemaRequest,
        consent: Consent,
    ) -> Result<SchemaDeployed, Error> {
        self.ensure_readable()?;
        let access = Access::Writing("schema deploy", ExpectedOrg::First);
        let target = request.target.as_deref();
        self.connected(target, access, async |connection, _| {
            let plan = self.compare(connection, request).await?.prepared.plan;
            let progress = self.progress.as_ref();
            let any = schema::deploy(connection, &plan, consent, progress).await?;
            Ok(SchemaDeployed {
                target: connection.target.clone(),
                any,
                summary: plan.summary(),
            })
        })
        .await
    }

    /// Deletes the fields, objects and permission sets that we created; the destination's name, and how many went.
    ///
    /// # Errors
    /// Values of others would be lost; [`Error::NeedsYes`] without the consent.
    pub async fn schema_remove(
        &self,
        target: Option<&str>,
        consent: bool,
    ) -> Result<(String, usize), Error> {
        let access = Access::Writing("schema remove", ExpectedOrg::First);
        self.connected(target, access, async |connection, _| {
            let progress = self.progress.as_ref();
            let removed = schema::remove(&self.project, connection, consent, progress);
            Ok((connection.target.clone(), Box::pin(removed).await?))
        })
        .await
    }

    fn make_all_if(&self, fresh: bool) {
        if fresh {
            self.project.engine.make_all();
        }
    }

    /// Fails before anything is reached. Staging may write queries besides, so they are read again after it.
    fn ensure_readable(&self) -> Result<(), Error> {
        ProjectFiles::read(&self.project).map(drop)
    }

    async fn compare(
        &self,
        connection: &Connection,
        request: &SchemaRequest,
    ) -> Result<SchemaComparison, Error> {
        let progress = self.progress.as_ref();
        let compared = schema::compare(&self.project, connection, request.no_stage, progress);
        Box::pin(compared).await
    }

    /// Takes the lease, connects, does the work, closes. Of several
    /// errors the first is told.
    async fn connected<T>(
        &self,
        target: Option<&str>,
        access: Access,
        work: impl AsyncFnOnce(&Connection, &CancellationToken) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.project.config.target(target)?;
        let (command, expected) = match access {
            Access::Reading(command) => (command, ExpectedOrg::Known),
            Access::Writing(command, expected) => (command, expected),
        };
        let lease = self.project.staging.lease(command).await?;
        let stop = self.stop.child_token();
        let mut watching = JoinSet::new();
        let (lost, cancel) = (lease.lost().clone(), stop.clone());
        let progress = Arc::clone(&self.progress);
        watching.spawn(async move {
            lost.cancelled().await;
            progress.done(
                "another process took the staging area over: stopping after the jobs in flight",
            );
            cancel.cancel();
        });
        self.progress.step(match access {
            Access::Reading(_) => "connecting to the destination (reading only)",
            Access::Writing(..) => "connecting to the destination",
        });
        let result = async {
            let connection = self.connect(target, expected).await?;
            let result = work(&connection, &stop).await;
            let (done, ()) = first(result, connection.close().await)?;
            Ok(done)
        }
        .await;
        drop(watching);
        let released = lease.release().await.map_err(Error::from);
        Ok(first(result, released)?.0)
    }
}
