//! Queries of the customer's custom objects: written beside the staging area after each staging, for people to see and
//! to copy into `queries/load/` when they want them otherwise.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use arrow::array::{Array, AsArray};

use super::project::Project;
use crate::engine::Session;
use crate::error::Error;
use crate::progress::Progress;
use crate::project::GENERATED;
use crate::staging::{create_private_file, private_folder};
use crate::transform::{Constraint, CustomObject, MetadataKeys, generate_custom_objects};
use crate::usercom::layout::{ATTRIBUTE_METADATA, TARGET_METADATA, VALUE_TYPE_METADATA};

const NAMES: &str = include_str!("../../queries/internal/custom_object_names.sql");
const CONSTRAINTS: &str = include_str!("../../queries/internal/custom_object_constraints.sql");

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
            constraints: BTreeMap::new(),
        })
        .collect();
    let session = project.engine.session(&project.staging, &snapshot)?;
    for batch in session.collect("usercom.custom_objects", NAMES).await? {
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
    read_constraints(&session, &mut objects).await?;
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
    let loads = generated.loads.iter();
    let loads = loads.map(|(stem, text)| (folder.join("load").join(format!("{stem}.sql")), text));
    let models = generated.models.iter();
    let models = models.map(|(path, text)| (folder.join(path), text));
    for (path, text) in loads.chain(models) {
        if let Some(parent) = path.parent() {
            private_folder(parent).map_err(failed("make", parent))?;
        }
        let file = create_private_file(&path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(failed("write", &path))?;
    }
    Ok(())
}

/// What the definitions of the export ask of each attribute; it may be called by its name or its label.
async fn read_constraints(session: &Session, objects: &mut [CustomObject]) -> Result<(), Error> {
    for batch in session
        .collect("usercom.custom_object_fields", CONSTRAINTS)
        .await?
    {
        let text = |column: usize, row: usize| {
            let cells = batch.column(column).as_string::<i32>();
            cells.is_valid(row).then(|| cells.value(row).to_owned())
        };
        let (required, choices) = (
            batch.column(3).as_boolean(),
            batch.column(4).as_list::<i32>(),
        );
        for row in 0..batch.num_rows() {
            let Some(table) = text(0, row).map(|name| format!("co_{}", plain(&name))) else {
                continue;
            };
            let Some(object) = objects.iter_mut().find(|object| object.table == table) else {
                continue;
            };
            let values = choices.is_valid(row).then(|| choices.value(row));
            let values = values.iter().flat_map(|values| {
                let texts = values.as_string::<i32>();
                texts
                    .iter()
                    .flatten()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            });
            let constraint = Constraint {
                required: required.is_valid(row) && required.value(row),
                choices: values.collect(),
            };
            for name in [text(1, row), text(2, row)].into_iter().flatten() {
                let name = name.to_lowercase();
                object.constraints.insert(name, constraint.clone());
            }
        }
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
