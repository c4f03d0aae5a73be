//! The export → typed tables, and the decisions → `config.*`.
//!
//! In: export files, decision files. Out: published tables of the schemas `usercom`, `rejects` and `config`, and the queries of
//! custom objects. Never: a request to an org.

use std::sync::Arc;

use super::connection::Connection;
use super::custom_objects;
use super::project::Project;
use crate::config::{Config, Gates, MissingOptOut};
use crate::error::Error;
use crate::mapping::publish_decisions;
use crate::progress::Progress;
use crate::stage::{
    FileBook, Shard, ShardReport, StageError, StageReport, TableReport, stage, stage_shard,
    stage_shares,
};
use crate::staging::{Staging, StagingError};
use crate::usercom::Export;
use crate::usercom::cell::{Words, Zones};
use crate::usercom::extract::{newest, to_stage};

/// The project's export: the newest complete extract where there is a live source, else the folder of export files.
pub(crate) fn export(project: &Project) -> Result<Export, Error> {
    let location = match &project.config.source.api {
        Some(api) => to_stage(&project.config.project.join(&api.folder))?,
        None => project.config.export(),
    };
    let export = Export::open(&location.to_string_lossy()).map_err(StageError::from)?;
    Ok(match project.config.source.follow_links {
        true => export.following_links(),
        false => export,
    })
}

/// How the export is read.
pub(crate) fn settings(config: &Config) -> Result<crate::stage::Settings, Error> {
    Ok(crate::stage::Settings {
        zones: Zones {
            source: config.source.timezone,
            business: config.business_timezone,
        },
        files: config.source.files.clone(),
        words: Arc::new(Words::new(
            config.source.nothing_words.as_deref(),
            &config.source.true_words,
            &config.source.false_words,
        )),
        missing_opt_out: config.source.missing_opt_out == MissingOptOut::OptedOut,
        extract_began: match &config.source.api {
            Some(api) => {
                newest(&config.project.join(&api.folder))?.map(|(_, manifest)| manifest.started_at)
            }
            None => None,
        },
        accept_older: config.source.accept_older,
        ..crate::stage::Settings::default()
    })
}

/// What became of one share of an export.
#[derive(Debug)]
pub enum Sharded {
    /// It is staged; others are missing, so nothing is published.
    Waits(ShardReport),
    /// All are staged, and another process publishes them, or has just done so.
    Elsewhere(ShardReport),
    /// All are staged, and were published.
    Published(ShardReport, Box<StageReport>),
}

/// The lease under which shares are put together.
const PUBLISHING: &str = "stage --shard";

/// Stages one share of the export, and publishes all once none is missing. Many processes may do so at once.
pub(crate) async fn stage_share(
    project: &Project,
    shard: Shard,
    progress: &dyn Progress,
) -> Result<Sharded, Error> {
    let settings = settings(&project.config)?;
    let export = export(project)?;
    let area = (&project.staging, &*project.engine);
    let report = Box::pin(stage_shard(&settings, &export, area, progress, shard)).await?;
    if !report.missing.is_empty() {
        return Ok(Sharded::Waits(report));
    }
    let lease = match project.staging.lease(PUBLISHING).await {
        Ok(lease) => lease,
        Err(StagingError::Held { holder }) if holder.command == PUBLISHING => {
            return Ok(Sharded::Elsewhere(report));
        }
        Err(error) => return Err(error.into()),
    };
    let staged = stage_from(project, Some(shard.of), progress).await;
    let released = lease.release().await;
    match staged {
        // They were all there: somebody was quicker, and removed them once they were published.
        Err(Error::Stage(StageError::MissingShards { .. })) => Ok(Sharded::Elsewhere(report)),
        Err(error) => Err(error),
        Ok(staged) => {
            released?;
            note_staging(&staged, progress);
            Ok(Sharded::Published(report, Box::new(staged)))
        }
    }
}

/// Reads the export into typed tables, and the decisions into `config.*`.
pub(crate) async fn stage_all(
    project: &Project,
    progress: &dyn Progress,
) -> Result<StageReport, Error> {
    stage_from(project, None, progress).await
}

/// The same from the shares of so many processes.
async fn stage_from(
    project: &Project,
    shares: Option<u32>,
    progress: &dyn Progress,
) -> Result<StageReport, Error> {
    let config = &project.config;
    publish_decisions(&config.project, &project.staging).await?;
    let settings = settings(config)?;
    let export = export(project)?;
    let area = (&project.staging, &*project.engine);
    let mut report = match shares {
        None => stage(&settings, &export, area.0, area.1, progress).await?,
        Some(of) => Box::pin(stage_shares(&settings, &export, area, progress, of)).await?,
    };
    report.objections = objections(&report.files, &config.gates);
    custom_objects::write_queries(project, progress).await?;
    Ok(report)
}

/// Reads the export, unless the tables staged last are asked for, of which the decisions are made right; why nothing of it may be
/// sent, a sentence per file.
pub(super) async fn read_export(
    project: &Project,
    connection: &Connection,
    no_stage: bool,
    progress: &dyn Progress,
) -> Result<Vec<String>, Error> {
    if no_stage {
        // Decisions are corrected without a new export.
        publish_decisions(&project.config.project, &project.staging).await?;
    } else {
        let staged = stage_all(project, progress).await?;
        note_staging(&staged, progress);
    }
    staged_objections(&connection.staging, &project.config.gates).await
}

/// Why nothing may be sent of what was staged last, a sentence per file.
pub(crate) async fn staged_objections(
    staging: &Staging,
    gates: &Gates,
) -> Result<Vec<String>, Error> {
    let snapshot = staging.snapshot().await?;
    let books = crate::stage::file_books(staging, &snapshot).await?;
    Ok(objections(&books, gates))
}

fn objections(books: &[FileBook], gates: &Gates) -> Vec<String> {
    books
        .iter()
        .filter_map(|book| book.objection(gates))
        .collect()
}

/// Tells people what staging met that is no error.
pub(crate) fn note_staging(report: &StageReport, progress: &dyn Progress) {
    for file in &report.ignored_files {
        progress.done(&format!(
            "note: {} is not staged: {}",
            file.name, file.reason
        ));
    }
    for remark in report.tables.iter().flat_map(TableReport::remarks) {
        progress.done(&format!("note: {remark}"));
    }
    for warning in report.tables.iter().flat_map(|table| &table.warnings) {
        progress.done(&format!("note: {warning}"));
    }
}
