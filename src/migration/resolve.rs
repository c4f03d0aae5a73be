//! Finds out about the SQL project what every step needs to know, before anything runs.
//!
//! In: query files, field map, options, the org's describes. Out: a [`ResolvedProject`], or all that is wrong with it. Never: a
//! table written, or a row sent.

use std::collections::BTreeMap;

use super::columns;
use super::connection::Connection;
use super::context::Context;
use super::exclusions;
use super::fields;
use super::known_fields::{self, check_fields};
use super::map_check::{check_map, check_written};
use super::name_check::{check_export_names, check_names};
use super::open_decisions::slips;
use super::org::inspect_org;
use super::project::Project;
use super::resolved::{Exclusions, ProjectFiles, ResolvedProject};
use crate::error::Error;
use crate::finding::Finding;
use crate::mapping::EditPolicies;
use crate::progress::Progress;
use crate::salesforce::ObjectDescribe;
use crate::schema;
use crate::staging::Staging;

impl<'a> Context<'a> {
    /// Reads the queries and the org's fields, and finds out what each load sends.
    ///
    /// # Errors
    /// Whatever is wrong with the SQL project, or what the org lacks.
    pub(crate) async fn resolve(
        project: &'a Project,
        connection: &'a Connection,
        progress: &'a dyn Progress,
    ) -> Result<Self, Error> {
        let files = ProjectFiles::read(project)?;
        let mut context = Self::with(project, connection, progress, files).await?;
        let snapshot = connection.staging.snapshot().await?;
        let slips = slips(project, &connection.staging, &snapshot).await?;
        context.warnings.extend(slips);
        Ok(context)
    }

    /// The same with files that were read before.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub(crate) async fn with(
        project: &'a Project,
        connection: &'a Connection,
        progress: &'a dyn Progress,
        files: ProjectFiles,
    ) -> Result<Self, Error> {
        let describes = inspect_org(connection, &project.config.project, &files.queries).await?;
        let staging = &connection.staging;
        let (resolved, warnings) = resolve(project, staging, files, &describes).await?;
        Ok(Self {
            project,
            connection,
            resolved,
            describes,
            warnings,
            progress,
            policies: EditPolicies::load(&project.config.project)?,
            whole: false,
            only_failed: false,
        })
    }

    /// The same after the org has changed.
    pub(crate) async fn again(self) -> Result<Self, Error> {
        let ResolvedProject {
            queries,
            map,
            selected,
            ..
        } = self.resolved;
        let files = ProjectFiles { queries, map };
        let mut again = Self::with(self.project, self.connection, self.progress, files).await?;
        again.resolved.selected = selected;
        Ok(Self {
            whole: self.whole,
            only_failed: self.only_failed,
            // A stage that was deployed just now is still likely misspelt.
            warnings: self.warnings,
            ..again
        })
    }
}

/// Plans every query over the staged tables: the columns of the loads and where they come from, and what keeps queries from being
/// planned.
pub(super) async fn planned(
    project: &Project,
    staging: &Staging,
    files: ProjectFiles,
    exclusions: Exclusions,
) -> Result<(ResolvedProject, Vec<Finding>), Error> {
    let ProjectFiles { queries, map } = files;
    let mut resolved = ResolvedProject {
        queries,
        map,
        columns: BTreeMap::new(),
        lineage: BTreeMap::new(),
        exclusions,
        selected: None,
    };
    let planned = columns::columns(project, staging, &resolved).await?;
    resolved.columns = planned.columns;
    resolved.lineage = planned.lineage;
    Ok((resolved, planned.findings))
}

/// The same, with decisions held against the queries and against what the loads send; the latter only where the queries are
/// `all` that the project has.
pub(crate) async fn look(
    project: &Project,
    staging: &Staging,
    files: ProjectFiles,
    exclusions: Exclusions,
    all: bool,
) -> Result<(ResolvedProject, Vec<Finding>), Error> {
    let (resolved, mut findings) = planned(project, staging, files, exclusions).await?;
    let snapshot = staging.snapshot().await?;
    if all {
        findings.extend(check_map(&resolved, &snapshot));
        findings.extend(check_names(project, &resolved)?);
    } else {
        findings.extend(check_written(&resolved.map));
    }
    findings.extend(check_export_names(project, staging, &snapshot).await?);
    Ok((resolved, findings))
}

/// Plans every load without running anything: models as views, ledgers empty. Finds the columns that will be sent, and
/// the loads that options or the destination leave out. With it what looks like a slip and stops nothing.
///
/// # Errors
/// [`Error::Mistakes`] in the queries and decisions.
pub(crate) async fn resolve(
    project: &Project,
    staging: &Staging,
    files: ProjectFiles,
    describes: &BTreeMap<String, ObjectDescribe>,
) -> Result<(ResolvedProject, Vec<Finding>), Error> {
    let exclusions = exclusions::judge(project, staging, &files.queries, Some(describes)).await?;
    let (mut resolved, mut findings) = look(project, staging, files, exclusions, true).await?;
    findings.extend(check_fields(
        &resolved.map,
        &known_fields::of_org(describes),
    ));
    let (findings, warnings): (Vec<_>, Vec<_>) = findings.into_iter().partition(Finding::is_error);
    if !findings.is_empty() {
        return Err(Error::Mistakes { findings });
    }
    let misfits = schema::misfits(&fields::declared_fields(&resolved)?, describes)?;
    if !misfits.is_empty() {
        resolved.exclusions.leave_out(&resolved.queries, &misfits);
        resolved.columns = columns::columns(project, staging, &resolved).await?.columns;
    }
    exclusions::absent(project, staging, &mut resolved, describes).await?;
    let told = exclusions::tell_refused(&resolved, &staging.snapshot().await?);
    resolved.exclusions.notes.extend(told);
    Ok((resolved, warnings))
}
