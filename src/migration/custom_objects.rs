//! Queries of the customer's custom objects: written beside the staging area after each staging, for people to see and
//! to copy into `queries/load/` when they want them otherwise.

use std::path::Path;

use arrow::array::{Array, AsArray};

use super::project::Project;
use crate::error::Error;
use crate::progress::Progress;
use crate::project::GENERATED;
use crate::transform::{CUSTOM_OBJECT_OWNERS, CustomObject, MetadataKeys, generate_custom_objects};
use crate::usercom::layout::{ATTRIBUTE_METADATA, TARGET_METADATA, VALUE_TYPE_METADATA};

/// Writes the queries of all staged custom objects and removes those of objects that are gone.
pub(crate) async fn write_queries(project: &Project, progress: &dyn Progress) -> Result<(), Error> {
    let snapshot = project.staging.snapshot().await?;
    let mut objects: Vec<CustomObject> = snapshot
        .schema("usercom")
        .filter(|table| table.table.starts_with("co_"))
        .map(|table| CustomObject {
            table: table.table.clone(),
            label: None,
            plural: None,
            schema: table.schema.as_ref().clone(),
        })
        .collect();
    let session = project.engine.session(&project.staging, &snapshot)?;
    let sql = "select o.name, o.label, o.plural_label from usercom.custom_objects as o";
    for batch in session.collect("usercom.custom_objects", sql).await? {
        let columns = [0, 1, 2].map(|column| batch.column(column).as_string::<i32>().clone());
        let cell = |column: usize, row: usize| {
            let cells = &columns[column];
            cells.is_valid(row).then(|| cells.value(row).to_owned())
        };
        for row in 0..batch.num_rows() {
            let Some(name) = cell(0, row) else { continue };
            let table = format!("co_{}", plain(&name));
            if let Some(object) = objects.iter_mut().find(|object| object.table == table) {
                (object.label, object.plural) = (cell(1, row), cell(2, row));
            }
        }
    }
    let keys = MetadataKeys {
        attribute: ATTRIBUTE_METADATA,
        value_type: VALUE_TYPE_METADATA,
        target: TARGET_METADATA,
    };
    let generated = generate_custom_objects(&objects, keys);
    for note in &generated.notes {
        progress.done(&format!("note: {note}"));
    }
    let folder = project.config.project.join(GENERATED);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(failed("replace", &folder))?;
    }
    let loads = generated.files.iter();
    let loads = loads.map(|(stem, text)| (folder.join("load").join(format!("{stem}.sql")), text));
    let owners = generated.owners.iter();
    let owners = owners.map(|text| (folder.join(CUSTOM_OBJECT_OWNERS), text));
    for (path, text) in loads.chain(owners) {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed("make", parent))?;
        }
        std::fs::write(&path, text).map_err(failed("write", &path))?;
    }
    Ok(())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.display().to_string();
    move |source| Error::File {
        action,
        path,
        source,
    }
}

/// A name as tables are called.
fn plain(name: &str) -> String {
    crate::usercom::sanitise(name).unwrap_or_default()
}
