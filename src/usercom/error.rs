//! What stops the reading of an export. Bad rows and cells are not here: they are data, and go to `rejects`.

use std::io;

/// An export, or a file of it, cannot be used; names the file and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The location is neither a folder nor a URL of an object store.
    #[error("cannot open the export {location}")]
    OpenExport {
        /// As given.
        location: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is nothing at the location.
    #[error("there is no export at {location}")]
    MissingExport {
        /// As given.
        location: String,
    },
    /// The location could not be listed.
    #[error("cannot list the export {location}")]
    ListExport {
        /// As given.
        location: String,
        /// The system's error.
        source: io::Error,
    },
    /// `[source.files]` maps a file to an object that does not exist.
    #[error("[source.files] maps {file} to {object:?}, which is no object of an export")]
    UnknownObject {
        /// File name as written there.
        file: String,
        /// Object as written there.
        object: String,
    },
    /// `[source.files]` names a file that the export does not have.
    #[error("[source.files] names {file}, which the export {location} does not have")]
    UnknownFile {
        /// File name as written there.
        file: String,
        /// The export.
        location: String,
    },
    /// A file could not be opened.
    #[error("cannot open {file}")]
    OpenFile {
        /// Name inside the export.
        file: String,
        /// The system's error.
        source: io::Error,
    },
    /// A file could not be read to its end.
    #[error("cannot read {file} beyond byte {byte}")]
    ReadFile {
        /// Name inside the export.
        file: String,
        /// Bytes of text read before.
        byte: u64,
        /// The system's error.
        source: io::Error,
    },
    /// A gzip file is cut or damaged.
    #[error("{file} is a cut or damaged gzip file (after {byte} bytes of text)")]
    DamagedGzip {
        /// Name inside the export.
        file: String,
        /// Bytes of text read before.
        byte: u64,
        /// The decoder's error.
        source: io::Error,
    },
    /// A file is not UTF-8.
    #[error("{file} is {encoding}, not UTF-8")]
    Encoding {
        /// Name inside the export.
        file: String,
        /// Name of the encoding found.
        encoding: &'static str,
    },
    /// Nearly every record of a file is not UTF-8.
    #[error("{file} is not UTF-8: {undecodable} of {records} records cannot be decoded")]
    Undecodable {
        /// Name inside the export.
        file: String,
        /// Records that are not UTF-8.
        undecodable: u64,
        /// All records.
        records: u64,
    },
    /// The first line of a CSV file is no header.
    #[error("the header of {file} cannot be read: {reason}")]
    Header {
        /// Name inside the export.
        file: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two columns of a file have the same name.
    #[error("{file} has two columns named {header:?} ({first} and {second})")]
    DuplicateHeader {
        /// Name inside the export.
        file: String,
        /// The name.
        header: String,
        /// Position of the first, from 1.
        first: usize,
        /// Position of the second, from 1.
        second: usize,
    },
    /// A file has no column for the id of its records.
    #[error("{file} has no id column for {object}")]
    MissingId {
        /// Name inside the export.
        file: String,
        /// The object it was read as.
        object: String,
        /// The columns it has.
        columns: Vec<String>,
    },
    /// A file has more columns than a table may have.
    #[error(
        "{file} brings the columns of its table to {columns}, more than the {most} that one can have"
    )]
    TooManyColumns {
        /// Name inside the export.
        file: String,
        /// Columns found.
        columns: usize,
        /// The limit.
        most: usize,
    },
    /// A path names no file in the folder of blobs.
    #[error("{path:?} is not the path of a file in blobs/")]
    BlobPath {
        /// As the record has it.
        path: String,
    },
}

impl ExportError {
    /// Whether the input is at fault rather than the machine.
    #[must_use]
    pub fn is_input(&self) -> bool {
        !matches!(
            self,
            Self::ListExport { .. } | Self::OpenFile { .. } | Self::ReadFile { .. }
        )
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::OpenExport { .. } => "the export is a folder, or a URL such as s3://bucket/export".to_owned(),
            Self::MissingExport { .. } => {
                "put the User.com export files there (people.csv, companies.csv, deals.csv, …), or set `export` under [source] in migration.toml".to_owned()
            }
            Self::ListExport { .. } | Self::OpenFile { .. } => "check the permissions there".to_owned(),
            Self::UnknownObject { object, .. } => {
                let nearest = super::export::nearest_object(object);
                format!("did you mean {nearest:?}?")
            }
            Self::UnknownFile { .. } => {
                "give the name as it is inside the export folder, with its endings, such as \"crm dump.csv.gz\"".to_owned()
            }
            Self::ReadFile { .. } => return None,
            Self::DamagedGzip { .. } => "fetch the file again, or check it with `gzip -t`; nothing was staged from this export".to_owned(),
            Self::Encoding { encoding, file } => {
                format!("convert it: iconv -f {encoding} -t UTF-8 {file:?} > converted, and put the result in its place")
            }
            Self::Undecodable { .. } => {
                "it is probably Windows-1250 or Latin-1: convert it with iconv -f WINDOWS-1250 -t UTF-8".to_owned()
            }
            Self::Header { .. } => "the first line must hold the column names".to_owned(),
            Self::DuplicateHeader { .. } => "rename or remove one of them; names are compared without case, spaces and punctuation".to_owned(),
            Self::MissingId { columns, object, .. } => {
                let columns = columns.join(", ");
                format!("every record of {object} needs User.com's own id in a column named `id`; the file has: {columns}")
            }
            Self::TooManyColumns { .. } => {
                "is it a file of records, with one column name a cell of its first line? Leave out the columns that nobody needs".to_owned()
            }
            Self::BlobPath { .. } => {
                "paths of files are written as blobs/name, inside the export and with /".to_owned()
            }
        })
    }
}
