//! Two versions of the rules over the same staged rows: what moves, which fields change, whom it concerns.
//!
//! In: the working files of a project, and the rules of its last run, of another folder or of a revision; the tables staged last and
//! what is known of the org. Out: a [`DiffReport`]. Both versions are tried as if nothing had been loaded; what the second has in common
//! with the first is not computed again. Never: a connection, a table of either version published.

pub(super) mod error;
mod fields;
mod moves;
mod segments;
mod sides;

pub use error::DiffError;
pub use fields::{FieldDiff, ValueExample};
pub use moves::{Move, MoveExample};
pub use segments::Segment;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use self::sides::{Group, Sides};
use super::dry_run::DryRun;
use super::project::Project;
use super::resolved::ProjectFiles;
use super::rules::Rules;
use super::trial::{self, Trial};
use super::{custom_objects, storage};
use crate::config::Config;
use crate::error::Error;
use crate::load::{Event, Journal};
use crate::mapping::publish_decisions;
use crate::progress::{NoProgress, Progress};
use crate::staging::Staging;

/// What is compared with the working files.
#[derive(Clone, Debug, Default)]
pub struct DiffRequest {
    /// A folder or a revision; the rules of the last run by default.
    pub against: Option<String>,
    /// The destination whose organisation is meant; that of the last run by default.
    pub target: Option<String>,
}

/// What the working files make otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct DiffReport {
    /// The rules that the working files are compared with.
    pub against: String,
    /// Rows that either version places.
    pub rows: u64,
    /// Rows that move or have another value in a field.
    pub changed: u64,
    /// Sources of which rows change.
    pub sources: Vec<SourceDiff>,
    /// Loads whose records would take other storage, in kilobytes.
    pub storage: Vec<StorageDiff>,
    /// Queries whose result both versions share.
    pub shared: usize,
    /// Queries that were computed for the working files.
    pub computed: usize,
}

/// What changes of one source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceDiff {
    /// Its name, such as `usercom.people`.
    pub source: String,
    /// Rows that either version places.
    pub rows: u64,
    /// Rows that move or have another value in a field.
    pub changed: u64,
    /// From where to where, rows that stay included.
    pub moves: Vec<Move>,
    /// Fields with other values.
    pub fields: Vec<FieldDiff>,
    /// What the changed rows have in common.
    pub segments: Vec<Segment>,
}

/// The storage of one load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StorageDiff {
    /// Load.
    pub load: String,
    /// Data and files before.
    pub before_kb: u64,
    /// Data and files now.
    pub now_kb: u64,
}

impl DiffReport {
    /// Changed rows in percent of all.
    #[must_use]
    pub fn percent(&self) -> f64 {
        // Counts are far below what a double holds exactly.
        #[allow(clippy::cast_precision_loss, reason = "a share for people")]
        match self.rows {
            0 => 0.0,
            rows => self.changed as f64 * 100.0 / rows as f64,
        }
    }
}

/// Tries both versions and compares.
pub(crate) async fn diff(
    project: &Project,
    staging: &Staging,
    request: &DiffRequest,
    progress: &dyn Progress,
) -> Result<DiffReport, Error> {
    let snapshot = staging.snapshot().await?;
    if snapshot.get("usercom", "people").is_none() {
        return Err(DiffError::NothingStaged.into());
    }
    let (rules, label) = earlier(project, staging, request.against.as_deref()).await?;
    let scratch = Scratch(project.config.project.join(".transload/diff"));
    rules.write(&scratch.0)?;
    // What is wrong with the working files is told first.
    publish_decisions(&project.config.project, &project.staging).await?;
    progress.step(&format!("trying {label}"));
    let before = Box::pin(try_before(project, staging, &scratch.0)).await;
    publish_decisions(&project.config.project, &project.staging).await?;
    let before = before.map_err(|source| DiffError::Before {
        label: label.clone(),
        source: Box::new(source),
    })?;
    progress.step("trying the working files");
    let now = async {
        let given = trial::given(&staging.snapshot().await?, project)?;
        let files = ProjectFiles::read(project)?;
        Trial::of(project, staging, files, given, None, Some(&before)).await
    };
    let report = match Box::pin(now).await {
        Ok(now) => {
            progress.step("comparing");
            let report = Box::pin(compare(project, staging, label, &before, &now)).await;
            now.remove(staging).await;
            report
        }
        Err(error) => Err(error),
    };
    before.remove(staging).await;
    report
}

/// The rules to compare with, and what to call them.
async fn earlier(
    project: &Project,
    staging: &Staging,
    against: Option<&str>,
) -> Result<(Rules, String), Error> {
    let Some(name) = against else {
        for outline in Journal::outlines(staging).await?.into_iter().rev() {
            if let Event::RunStarted {
                rules: Some(name), ..
            } = outline.first(staging).await?
            {
                let label = format!("the rules of run {}", outline.run);
                return Ok((Rules::kept(staging, &name).await?, label));
            }
        }
        return Err(DiffError::NoRun.into());
    };
    if !Path::new(name).is_dir() {
        let rules = Rules::of_revision(&project.config.project, name)?;
        return Ok((rules, format!("the rules of {name}")));
    }
    let label = format!("the rules in {name}");
    match Rules::of_folder(Path::new(name)) {
        Ok(rules) => Ok((rules, label)),
        Err(source) => Err(DiffError::Before {
            label,
            source: Box::new(source),
        }
        .into()),
    }
}

/// A folder that is removed in the end.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing reads it any more.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn try_before(project: &Project, staging: &Staging, folder: &Path) -> Result<Trial, Error> {
    let before = Project {
        config: Config::load(folder, Some(&project.config.staging))?,
        staging: project.staging.clone(),
        engine: Arc::clone(&project.engine),
    };
    publish_decisions(folder, &before.staging).await?;
    custom_objects::write_queries(&before, &NoProgress).await?;
    let given = trial::given(&staging.snapshot().await?, &before)?;
    let files = ProjectFiles::read(&before)?;
    Trial::of(&before, staging, files, given, None, None).await
}

async fn compare(
    project: &Project,
    staging: &Staging,
    against: String,
    before: &Trial,
    now: &Trial,
) -> Result<DiffReport, Error> {
    let mut report = DiffReport {
        against,
        rows: 0,
        changed: 0,
        sources: Vec::new(),
        storage: Vec::new(),
        shared: now.reused,
        computed: now.ran,
    };
    for group in sides::groups(before, now) {
        let sides = Sides::of(project, staging, before, now, &group)?;
        if sides.is_same() {
            report.rows += sides.rows();
            continue;
        }
        let source = Box::pin(compare_group(&sides, &group)).await?;
        report.rows += source.rows;
        report.changed += source.changed;
        if source.changed > 0 {
            report.sources.push(source);
        }
    }
    let [was, is] = [
        storage_of(project, staging, before).await?,
        storage_of(project, staging, now).await?,
    ];
    let loads: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    for load in loads {
        let of =
            |side: &std::collections::BTreeMap<String, u64>| side.get(load).copied().unwrap_or(0);
        let (before_kb, now_kb) = (of(&was), of(&is));
        if before_kb != now_kb {
            report.storage.push(StorageDiff {
                load: load.clone(),
                before_kb,
                now_kb,
            });
        }
    }
    Ok(report)
}

async fn compare_group(sides: &Sides<'_>, group: &Group) -> Result<SourceDiff, Error> {
    let (session, pairs) = sides.pairs().await?;
    let result = async {
        let fields = fields::compare(sides, &session).await?;
        let changed = segments::changed(sides, &session).await?;
        let result = async {
            Ok(SourceDiff {
                source: group.source.clone(),
                rows: pairs.rows,
                changed: changed.rows,
                moves: moves::count(&session).await?,
                fields,
                segments: segments::find(sides, &session, group, &changed).await?,
            })
        };
        let found = result.await;
        sides.staging.remove(&changed).await;
        found
    };
    let found = result.await;
    sides.staging.remove(&pairs).await;
    found
}

/// Kilobytes by load.
async fn storage_of(
    project: &Project,
    staging: &Staging,
    trial: &Trial,
) -> Result<std::collections::BTreeMap<String, u64>, Error> {
    let outboxes = trial.resolved.loads().filter_map(|file| {
        let outbox = trial.snapshot.get("outbox", &file.name)?;
        Some((file.name.clone(), outbox.clone()))
    });
    let dry_run = DryRun {
        snapshot: trial.snapshot.clone(),
        outboxes: outboxes.collect(),
        mistakes: Vec::new(),
    };
    let session = project.engine.session(staging, &trial.snapshot)?;
    let estimate = storage::estimate(&session, &trial.resolved, &dry_run).await?;
    let sums = estimate.into_iter();
    Ok(sums
        .map(|(load, storage)| (load, storage.data_kb + storage.file_kb))
        .collect())
}
