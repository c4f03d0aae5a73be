//! A project that checks itself, offline: settings, decisions, queries, and what the export holds against them.
//!
//! In: a project's folder, the tables staged last, what is known of the org since it was last met. Out: a [`CheckReport`] with
//! everything that is wrong at once, and what of the export nobody has decided. Never: a connection, a table written; a
//! decision file only where it is asked to write down what is open.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::exclusions::{self, AUDIT_OPTION};
use super::known_fields::{check_fields, known_fields};
use super::map_check::check_written;
use super::mistake::{mistake, of_project};
use super::open_decisions::{self, OpenDecision};
use super::project::Project;
use super::proposed_decisions::OrgValues;
use super::resolve;
use super::resolved::ProjectFiles;
use crate::config::{Config, Llm, nearest};
use crate::cutover::Checklist;
use crate::error::Error;
use crate::finding::Finding;
use crate::mapping::{
    FieldMap, MappingError, check_decisions, further_files, misfits, stale, templates, unmapped,
};
use crate::project::{Origin, ProjectError, Queries, QueryFile, QueryKind};
use crate::staging::Staging;

/// Files of `config/` that no query asks for and that count all the same.
const READ_OTHERWISE: [&str; 1] = ["synonyms"];

/// What a check is asked for.
#[derive(Clone, Debug, Default)]
pub struct CheckRequest {
    /// Staging area instead of the one in `migration.toml`.
    pub work: Option<String>,
    /// Destination whose users and stages count, as they were when it was last met.
    pub target: Option<String>,
    /// Whether what nobody has decided is written into the decision files.
    pub write_missing: bool,
}

/// What a check found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CheckReport {
    /// Mistakes and warnings, errors first, by file and line.
    pub findings: Vec<Finding>,
    /// Values of the export that no decision names.
    pub open: Vec<OpenDecision>,
    /// What could not be checked, and what would let it be.
    pub not_checked: Vec<String>,
    /// Lines written per decision file.
    pub written: BTreeMap<String, usize>,
}

impl CheckReport {
    /// Whether a run would stop at once.
    #[must_use]
    pub fn stops(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }
}

/// Checks the project in a folder.
///
/// # Errors
/// The staging area cannot be read. Whatever is wrong with the project's files is in the report and no error.
pub async fn check(folder: &Path, request: &CheckRequest) -> Result<CheckReport, Error> {
    let mut report = CheckReport::default();
    let (config, errors) = Config::as_far_as_readable(folder, request.work.as_deref());
    for error in errors {
        report.findings.push(mistake(error.into())?);
    }
    let Some(config) = config else {
        report.findings.extend(check_decisions(folder));
        let (_, errors) = Queries::read(folder);
        report.findings.extend(errors.iter().map(of_project));
        report
            .not_checked
            .push("what needs migration.toml: the export, and what the queries say".to_owned());
        report.in_order();
        return Ok(report);
    };
    if let Err(error) = config.target(request.target.as_deref()) {
        report.findings.push(mistake(error.into())?);
    }
    if let Some(Err(error)) = config.llm.as_ref().map(Llm::key) {
        let finding = mistake(error.into())?;
        report.findings.push(finding.warning());
    }
    let (files, findings) = files(&config)?;
    report.findings.extend(findings);
    let project = Project::open(config)?;
    let staging = met(&project, request.target.as_deref()).await?;
    let snapshot = staging.snapshot().await?;
    let is_staged = snapshot.schema("usercom").next().is_some();
    // What was staged may have been read on another machine.
    let missing = no_export(&project.config);
    let missing = missing.map(|found| if is_staged { found.warning() } else { found });
    report.findings.extend(missing);
    if let Some(Readable { files, .. }) = &files {
        let known = known_fields(&project, &staging).await?;
        report.findings.extend(check_written(&files.map));
        report.findings.extend(check_fields(&files.map, &known));
    }
    if !is_staged {
        report.not_checked.push(
            "queries and decisions against the export: nothing is staged yet, `transload stage` reads it"
                .to_owned(),
        );
        report.in_order();
        return Ok(report);
    }
    let open =
        open_decisions::of_export(&project, &staging, &snapshot, OrgValues::default()).await?;
    report.findings.extend(open.findings);
    report.open = open.decisions;
    if let Some(Readable { files, .. }) = &files {
        let map = &files.map;
        let attributes = open_decisions::attributes(&project, &staging, &snapshot, map).await?;
        report.open.extend(attributes);
    }
    report.not_checked.extend(open.not_checked);
    if request.write_missing {
        let asked: Vec<OpenDecision> = report.open.iter().chain(&open.drafts).cloned().collect();
        report.written = open_decisions::write(&project.config.project, &asked)?;
    }
    match files {
        Some(readable) => {
            let map = &readable.files.map;
            report.findings.extend(unmapped(map, &snapshot));
            report.findings.extend(stale(map, &snapshot));
            for error in misfits(&project.config, map, &snapshot) {
                report.findings.push(mistake(error.into())?);
            }
            plan_what_can_be(project, &staging, readable, &mut report).await?;
            let is_of_a_query = |finding: &Finding| finding.file.starts_with("queries/");
            let mut mistakes = report.findings.iter().filter(|one| one.is_error());
            if mistakes.any(is_of_a_query) {
                report.not_checked.push(
                    "queries that read what a query with a mistake makes, and what is sent by them: known once the mistakes \
                     above are corrected"
                        .to_owned(),
                );
            }
        }
        None => report.not_checked.push(
            "what the queries send: it is known once the mistakes in the field map are corrected"
                .to_owned(),
        ),
    }
    report.in_order();
    Ok(report)
}

/// Plans every query that reads nothing of a query with a mistake, and holds the decisions against what is sent.
async fn plan_what_can_be(
    mut project: Project,
    staging: &Staging,
    readable: Readable,
    report: &mut CheckReport,
) -> Result<(), Error> {
    let ProjectFiles { queries, map } = readable.files;
    let mut broken = readable.broken;
    let map = map.as_far_as_decided(&staging.snapshot().await?);
    loop {
        let files = ProjectFiles {
            queries: queries.without(&broken),
            map: map.clone(),
        };
        let is_known =
            |finding: &Finding| files.queries.iter().any(|file| file.path == finding.file);
        let looked = async {
            let exclusions = exclusions::judge(&project, staging, &files.queries, None).await?;
            resolve::look(
                &project,
                staging,
                files.clone(),
                exclusions,
                broken.is_empty(),
            )
            .await
        };
        let finding = match looked.await {
            Ok((_, findings)) => {
                report.findings.extend(findings);
                return Ok(());
            }
            Err(error) => mistake(error)?,
        };
        // What stands in the way of all others is left out, and the others are planned.
        let rule = finding.column.as_ref();
        let rule = rule.and_then(|column| column.strip_prefix("scope."));
        if rule.is_some_and(|table| project.config.scope.remove(table).is_some()) {
            report.findings.push(finding);
            continue;
        }
        let goes_on = is_known(&finding);
        broken.insert(finding.file.clone());
        report.findings.push(finding);
        if !goes_on {
            return Ok(());
        }
    }
}

impl CheckReport {
    fn in_order(&mut self) {
        self.findings
            .sort_by(|one, other| key(one).cmp(&key(other)));
        // A cell has one mistake at a time: the others may follow from it.
        self.findings.dedup_by(|next, kept| {
            let is_same_cell = kept.is_error()
                && kept.line.is_some()
                && kept.column.is_some()
                && key(next) == key(kept);
            next == kept || is_same_cell
        });
    }
}

fn key(finding: &Finding) -> (bool, &str, Option<u64>, Option<&String>) {
    let Finding { file, line, .. } = finding;
    (!finding.is_error(), file, *line, finding.column.as_ref())
}

/// The staging area with the org in view that a destination was when it was last met; without one, if none was.
pub(super) async fn met(project: &Project, target: Option<&str>) -> Result<Staging, Error> {
    let Ok((name, _)) = project.config.target(target) else {
        return Ok(project.staging.clone());
    };
    let path = project.staging.absolute(&format!("targets/{name}"));
    match project.staging.read(&path).await {
        Ok(bytes) => Ok(project
            .staging
            .with_org(String::from_utf8_lossy(&bytes).trim())),
        Err(error) if error.is_not_found() => Ok(project.staging.clone()),
        Err(error) => Err(error.into()),
    }
}

/// Fails with every mistake that can be known without the export; what sends does this first.
pub(super) fn ensure_right(project: &Project) -> Result<(), Error> {
    let (_, mut findings) = files(&project.config)?;
    findings.retain(Finding::is_error);
    match findings.is_empty() {
        true => Ok(()),
        false => Err(Error::Mistakes { findings }),
    }
}

/// What can be read of a project.
pub(super) struct Readable {
    pub(super) files: ProjectFiles,
    /// Paths of queries that cannot be read.
    pub(super) broken: BTreeSet<String>,
}

/// The queries and the map, if the map can be read; and everything that is wrong with files.
type Files = (Option<Readable>, Vec<Finding>);

/// Settings, decisions and queries as files: everything that can be known without the export. The queries and the map are there
/// if the map can be read.
pub(super) fn files(config: &Config) -> Result<Files, Error> {
    let folder = &config.project;
    let mut findings = check_decisions(folder);
    if let Err(error) = Checklist::load(folder) {
        findings.extend(mistakes(error.into())?);
    }
    let (queries, errors) = Queries::read(folder);
    findings.extend(errors.iter().map(of_project));
    // What a query asks for that cannot be read is not known.
    let is_misplaced = |error: &ProjectError| matches!(error, ProjectError::Misplaced { .. });
    if errors.iter().all(is_misplaced) {
        findings.extend(unread(folder, &queries));
        let used: BTreeSet<String> = queries
            .iter()
            .flat_map(|file| file.parameters.iter().cloned())
            .chain([AUDIT_OPTION.to_owned()])
            .collect();
        findings.extend(config.options.unused(&used).map(|(option, nearest)| {
            let problem = format!("the option `{option}` is used by no query");
            Finding::new("migration.toml", problem).nearest(nearest)
        }));
    }
    findings.extend(twins(folder, &queries));
    let map = match FieldMap::load(folder) {
        Ok(map) => Some(map),
        Err(error) => {
            findings.extend(mistakes(error.into())?);
            None
        }
    };
    findings.extend(map.iter().flat_map(FieldMap::unconfirmed));
    let mut known = Vec::new();
    findings.retain(|finding| {
        let is_new = !known.contains(finding);
        if is_new {
            known.push(finding.clone());
        }
        is_new
    });
    // A file that nothing reads leaves no query out.
    let broken = errors
        .iter()
        .filter(|error| !is_misplaced(error))
        .map(|error| error.place().0.to_owned());
    let readable = map.map(|map| Readable {
        files: ProjectFiles { queries, map },
        broken: broken.collect(),
    });
    Ok((readable, findings))
}

/// The export where it is not there.
fn no_export(config: &Config) -> Option<Finding> {
    let place = config.export();
    let is_there = place.to_string_lossy().contains("://") || place.exists();
    (config.source.api.is_none() && !is_there).then(|| {
        Finding::new("migration.toml", "there is no export")
            .column("source.export")
            .value(config.source.export.to_string_lossy())
    })
}

/// Loads that are the same query under two names: each would send every row.
fn twins(folder: &Path, queries: &Queries) -> Vec<Finding> {
    let loads: Vec<&QueryFile> = queries.kind(QueryKind::Load).collect();
    let statement = |load: &QueryFile| {
        let lines = load.sql.lines().map(str::trim);
        let lines: Vec<&str> = lines.filter(|line| !line.starts_with("--")).collect();
        lines.join("\n")
    };
    let is_same = |one: &QueryFile, other: &QueryFile| {
        one.object() == other.object()
            && one.key == other.key
            && statement(one).trim() == statement(other).trim()
    };
    let told = loads.iter().enumerate().filter_map(|(place, load)| {
        let twin = loads[..place].iter().find(|twin| is_same(twin, load))?;
        // The product's own is the original.
        let is_default = Origin::of(folder, load) == Origin::Default;
        let (copy, original) = match is_default {
            true => (twin, load),
            false => (load, twin),
        };
        let problem = format!(
            "is the same query as {}: every row would be sent by both, so remove one of them",
            original.path
        );
        Some(Finding::new(&copy.path, problem))
    });
    told.collect()
}

/// Decision files of a name that nothing asks for: a mistake where one is almost called so.
fn unread(folder: &Path, queries: &Queries) -> Vec<Finding> {
    let own = further_files(folder).into_iter();
    let unread = own.filter(|name| {
        let table = format!("config.{name}");
        let is_asked = queries.iter().any(|file| file.references.contains(&table));
        !is_asked && !READ_OTHERWISE.contains(&name.as_str())
    });
    let told = unread.map(|name| {
        let near = nearest(&name, templates().map(|(known, _)| known));
        let problem =
            "is read by nothing: no query asks for it, and the program has no such decisions";
        let finding = Finding::new(format!("config/{name}.csv"), problem);
        match near {
            Some(near) => finding.nearest(Some(format!("config/{near}.csv"))),
            None => finding.warning(),
        }
    });
    told.collect()
}

/// An error of a user's as findings; any other is returned as it is.
fn mistakes(error: Error) -> Result<Vec<Finding>, Error> {
    match error {
        Error::Mistakes { findings }
        | Error::Mapping(MappingError::Decisions { findings })
        | Error::Cutover(crate::cutover::CutoverError::Mapping(MappingError::Decisions {
            findings,
        })) => Ok(findings),
        error => Ok(vec![mistake(error)?]),
    }
}
