//! The export → typed tables, and the decisions → `config.*`.
//!
//! In: export files, decision files. Out: published tables of the schemas `usercom`, `rejects` and `config`, and the queries of
//! custom objects. Never: a request to an org.

use super::custom_objects;
use super::project::Project;
use crate::error::Error;
use crate::mapping::publish_decisions;
use crate::progress::Progress;
use crate::stage::{StageError, StageReport, stage};
use crate::usercom::Export;
use crate::usercom::cell::Zones;
use crate::usercom::extract::to_stage;

/// The project's export: the newest complete extract where there is a live source, else the folder of export files.
pub(crate) fn export(project: &Project) -> Result<Export, Error> {
    let location = match &project.config.source.api {
        Some(api) => to_stage(&project.config.project.join(&api.folder))?,
        None => project.config.export(),
    };
    Ok(Export::open(&location.to_string_lossy()).map_err(StageError::from)?)
}

/// Reads the export into typed tables, and the decisions into `config.*`.
pub(crate) async fn stage_all(
    project: &Project,
    progress: &dyn Progress,
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
        progress,
    )
    .await?;
    custom_objects::write_queries(project, progress).await?;
    Ok(report)
}

/// Tells people what staging met that is no error.
pub(crate) fn note_staging(report: &StageReport, progress: &dyn Progress) {
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
