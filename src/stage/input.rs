//! The files from which one table is made.
//!
//! In: the files of an export. Out: those that hold records of one object, also inside the records of others. Never: a
//! look inside a file.

use crate::usercom::schema::{Nested, Object};
use crate::usercom::{ExportFile, Format};

/// A file that holds records of the table.
#[derive(Clone, Debug)]
pub(super) struct InputFile {
    pub(super) file: ExportFile,
    /// Set if the records are inside those of another object.
    pub(super) nested: Option<Nested>,
}

/// The files that hold an object's records: its own, and JSON files of an object whose records may contain them.
pub(super) fn input_files(object: &Object, files: &[ExportFile]) -> Vec<InputFile> {
    let own = files
        .iter()
        .filter(|file| file.object == object.name)
        .map(|file| InputFile {
            file: file.clone(),
            nested: None,
        });
    let containing = object.nested.iter().flat_map(|nested| {
        files
            .iter()
            .filter(move |file| file.object == nested.parent && file.format == Format::JsonLines)
            .map(move |file| InputFile {
                file: file.clone(),
                nested: Some(*nested),
            })
    });
    own.chain(containing).collect()
}
