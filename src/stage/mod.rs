//! Stage: the export's rows become typed Parquet, and what does not fit becomes rows of `rejects`.
//!
//! In: an [`Export`] and [`Settings`]. Out: one table `usercom.<object>` per declared object and per object of the
//! customer's own, sorted by id, one row per id, the newest version; beside it `rejects.<object>` with every cell and row that did not fit, verbatim, with
//! file, record, position and reason; and `staged.columns`, what
//! the export holds of each column, `staged.files`, what became of each file's rows, and `staged.altered`, every cell that was read
//! as something else than it says. Nothing is published before every file has been read to its end. Never: a
//! guess at a value, or a row that is neither staged nor rejected:
//!
//! ```text
//! source rows = staged + rejected rows (superseded versions among them); rejected cells are counted apart
//!
//! file ─▶ reader thread: decode, split ─▶ blocks ─▶ converters, in parallel: parse, build columns ─▶ Parquet
//!                                                       └────▶ rejects
//! ids increase over all files: published as written
//! else: a run per file, rows that come late within it apart and sorted outside memory; all merged by id, the newest
//!       of each id is kept, the others are superseded
//! ```
//!
//! Memory is bounded by the blocks in flight and one Parquet row group, whatever the size of the export.

mod altered;
mod blob_books;
mod cells;
mod column_books;
mod columns;
mod convert;
mod custom;
mod equals;
mod error;
mod file_books;
mod gather;
mod input;
mod input_rules;
mod inputs;
mod latest;
mod locate;
mod older;
mod pipeline;
mod rejects;
mod report;
mod runs;
mod settings;
mod shard;
mod share;
mod stager;
mod standing;
mod table;

#[cfg(test)]
mod tests;

pub use error::StageError;
pub use file_books::{FileBook, file_books};
pub use locate::{Located, locate};
pub use report::{StageReport, TableReport, Warning};
pub use settings::Settings;
pub use shard::{ShardReport, stage_shard};
pub use share::Shard;

use std::collections::BTreeMap;

use crate::engine::Engine;
use crate::progress::Progress;
use crate::staging::{Manifest, Snapshot, Staging, TableWriter};
use crate::usercom::attributes::AttributeDefinition;
use crate::usercom::{Blobs, Export, Listing, OBJECTS};
use custom::Custom;
use input::input_files;
use share::Shares;
use stager::{Finished, Stager};

/// Tables that staging writes beside those of the objects: name, what one row is, schema.
#[must_use]
pub fn fixed_tables() -> Vec<(&'static str, &'static str, arrow::datatypes::SchemaRef)> {
    vec![
        (
            "rejects.<source>",
            "one row per row or cell of the source that did not fit",
            rejects::schema(),
        ),
        (
            "staged.altered",
            "one row per cell that was read as something else than it says",
            altered::schema(),
        ),
        (
            "staged.blobs",
            "one row per file in the folder blobs/ of the export: what it holds",
            blob_books::schema(),
        ),
        (
            "staged.columns",
            "one row per column of a source: which files have it, how often it holds something",
            column_books::schema(),
        ),
        (
            "staged.inputs",
            "one row per file of the export: size, time of change and digest when it was staged",
            inputs::schema(),
        ),
        (
            "staged.files",
            "one row per file and source: rows, rejects",
            file_books::schema(),
        ),
    ]
}

/// Stages the whole export and publishes every table, the empty ones too.
///
/// Running it again replaces the tables by new versions. Dropping the future stops it and publishes nothing.
///
/// # Errors
/// [`StageError`]; nothing is published then, and what was written is removed.
pub async fn stage(
    settings: &Settings,
    export: &Export,
    staging: &Staging,
    engine: &Engine,
    progress: &dyn Progress,
) -> Result<StageReport, StageError> {
    let listing = listed(settings, export).await?;
    stage_listed(settings, export, (staging, engine), progress, listing, None).await
}

/// Puts together what `of` processes staged with [`stage_shard`], and publishes it as [`stage`] would have.
///
/// # Errors
/// [`StageError::MissingShards`]; as [`stage`]. The shares stay then.
pub async fn stage_shares(
    settings: &Settings,
    export: &Export,
    (staging, engine): (&Staging, &Engine),
    progress: &dyn Progress,
    of: u32,
) -> Result<StageReport, StageError> {
    let listing = listed(settings, export).await?;
    let shares = shard::shares(settings, staging, &listing, of).await?;
    let area = (staging, engine);
    stage_listed(settings, export, area, progress, listing, Some(shares)).await
}

/// The files of an export that has people.
async fn listed(settings: &Settings, export: &Export) -> Result<Listing, StageError> {
    let listing = export.list(&settings.files).await?;
    match listing.files.iter().any(|file| file.object == "people") {
        true => Ok(listing),
        false => Err(StageError::NoPeople {
            location: export.location(),
        }),
    }
}

async fn stage_listed(
    settings: &Settings,
    export: &Export,
    (staging, engine): (&Staging, &Engine),
    progress: &dyn Progress,
    listing: Listing,
    shares: Option<Shares>,
) -> Result<StageReport, StageError> {
    let before = staging
        .snapshot()
        .await
        .map_err(|source| error::write_error("people", source))?;
    let mut blobs = Blobs::clone(&listing.blobs);
    let measured = blob_books::measure(export, staging, &before, &mut blobs).await?;
    let given = shares.as_ref().map(Shares::inputs).unwrap_or_default();
    let files = &listing.files;
    let (digests, inputs) = match inputs::measure(export, staging, &before, files, given).await {
        Ok(measured) => measured,
        Err(error) => {
            staging.remove(&measured).await;
            return Err(error);
        }
    };
    let books = match engine.is_fresh() || shares.is_some() {
        true => None,
        false => standing::last_books(staging, &before).await?,
    };
    let area = (staging, engine, before);
    let blobs = (blobs, measured.digest());
    let mut stager = Stager::open(settings, export, area, progress, blobs).await?;
    (stager.inputs, stager.books, stager.shares) = (digests, books, shares);
    let mut finished = Vec::with_capacity(OBJECTS.len());
    let mut staged = match &stager.shares {
        Some(shares) => shares.copy_altered(staging, &mut stager.altered).await,
        None => Ok(()),
    };
    if staged.is_ok() {
        staged = Box::pin(stage_tables(&mut stager, &listing, &mut finished)).await;
    }
    if staged.is_ok() {
        staged = older::ensure_not_older(&stager, &finished).await;
        older::note_extract(settings, &mut finished);
    }
    match staged {
        Ok(()) => {
            if stager.stood > 0 {
                progress.done(&format!(
                    "{} of {} source tables stand: their files are as they were (--fresh reads them again)",
                    stager.stood,
                    finished.len()
                ));
            }
            let books = [measured, inputs];
            let published = publish(staging, finished, listing, stager.altered, books).await;
            let (report, tables) = published?;
            if let Some(shares) = &stager.shares {
                let tables: Vec<&Manifest> = tables.iter().collect();
                shares.remove(staging, &tables).await?;
            }
            Ok(report)
        }
        Err(error) => {
            for table in &finished {
                stager.remove(&table.table).await;
                stager.remove(&table.rejects).await;
            }
            stager.altered.discard().await;
            for table in [&measured, &inputs] {
                staging.remove(table).await;
            }
            Err(error)
        }
    }
}

async fn stage_tables(
    stager: &mut Stager<'_>,
    listing: &Listing,
    finished: &mut Vec<Finished>,
) -> Result<(), StageError> {
    let mut definitions: Vec<AttributeDefinition> = Vec::new();
    for object in OBJECTS {
        let files = input_files(object, &listing.files);
        let table = stager.stage_table(object, files, &definitions).await?;
        if object.name == "attributes" {
            definitions.clone_from(&table.definitions);
        }
        let is_empty_people = object.name == "people" && table.report.source_rows == 0;
        finished.push(table);
        if is_empty_people {
            return Err(StageError::EmptyPeople {
                location: stager.export.location(),
            });
        }
    }
    let custom = Custom::find(stager.staging, &stager.before, finished, listing).await?;
    definitions.extend(custom.definitions);
    for object in &custom.objects {
        let files = input_files(object, &listing.files);
        finished.push(stager.stage_table(object, files, &definitions).await?);
    }
    Ok(())
}

async fn publish(
    staging: &Staging,
    finished: Vec<Finished>,
    listing: Listing,
    altered: TableWriter,
    measured: [Manifest; 2],
) -> Result<(StageReport, Snapshot), StageError> {
    let mut tables = Vec::with_capacity(finished.len());
    let mut staged = Snapshot::default();
    let mut files = Vec::new();
    let write = |source| error::write_error("altered", source);
    // By it the next staging knows that this one was published whole.
    let number = BTreeMap::from([(standing::STAGING.to_owned(), rand::random::<u64>() >> 12)]);
    altered.publish(number.clone()).await.map_err(write)?;
    for table in measured {
        let name = table.table.clone();
        let failed = |source| error::write_error(&name, source);
        staging.publish(table).await.map_err(failed)?;
    }
    for table in finished {
        let publish = |manifest: Manifest| async {
            let name = manifest.name();
            staging
                .publish(manifest)
                .await
                .map_err(|source| StageError::WriteTable {
                    table: name,
                    source,
                })
        };
        publish(table.rejects).await?;
        staged.insert(publish(table.table).await?);
        tables.push(table.report);
        files.extend(table.files);
    }
    file_books::publish(staging, files.iter(), number).await?;
    column_books::publish(staging, &staged).await?;
    let report = StageReport {
        tables,
        files,
        objections: Vec::new(),
        ignored_files: listing.ignored,
    };
    Ok((report, staged))
}
