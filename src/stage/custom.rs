//! The customer's own objects, as the tables staged so far and the files of the export tell.
//!
//! In: the finished tables `custom_objects` and `custom_object_fields`, names of files and of tables staged before. Out:
//! the objects to stage, in order of their names, and the definitions of their fields.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use futures::TryStreamExt;

use super::StageError;
use super::error::write_error;
use super::file_books::DEFINITION_ROWS;
use super::stager::Finished;
use crate::staging::{Snapshot, Staging};
use crate::usercom::attributes::AttributeDefinition;
use crate::usercom::schema::{CUSTOM_PREFIX, Object};
use crate::usercom::{Listing, custom};

/// Objects that are known only from the export.
#[derive(Debug, Default)]
pub(super) struct Custom {
    pub(super) objects: Vec<Object>,
    pub(super) definitions: Vec<AttributeDefinition>,
}

impl Custom {
    /// Finds every object that is defined, has files, or has a table from an earlier export: the last would else go on to
    /// show rows that the export no longer has.
    pub(super) async fn find(
        staging: &Staging,
        before: &Snapshot,
        finished: &[Finished],
        listing: &Listing,
    ) -> Result<Self, StageError> {
        let mut tables = BTreeMap::new();
        each_batch(staging, finished, "custom_objects", |batch| {
            custom::note_objects(batch, &mut tables);
        })
        .await?;
        let mut definitions = Vec::new();
        each_batch(staging, finished, "custom_object_fields", |batch| {
            definitions.extend(custom::field_definitions(batch, &tables));
        })
        .await?;
        let names: BTreeSet<String> = tables
            .into_values()
            .chain(listing.files.iter().map(|file| file.object.to_string()))
            .chain(before.schema("usercom").map(|table| table.table.clone()))
            .filter(|name| name.starts_with(CUSTOM_PREFIX))
            .collect();
        Ok(Self {
            objects: names.into_iter().map(custom::custom_object).collect(),
            definitions,
        })
    }
}

async fn each_batch(
    staging: &Staging,
    finished: &[Finished],
    name: &str,
    mut read: impl FnMut(&RecordBatch),
) -> Result<(), StageError> {
    let table = finished.iter().map(|finished| &finished.table);
    for table in table.filter(|table| table.table == name) {
        let mut batches = staging.read_table(table, DEFINITION_ROWS);
        while let Some(batch) = batches
            .try_next()
            .await
            .map_err(|source| write_error(name, source))?
        {
            read(&batch);
        }
    }
    Ok(())
}
