//! What stops an extract. Rows that are missing in the end are not here: they are counted in the summary.

use std::io;
use std::path::Path;

use crate::usercom::api::ApiError;

/// A failure of an extract; what was read so far is kept, and the next extract goes on there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// The API.
    #[error("cannot read {object} from User.com: {source}")]
    Api {
        /// What was being read.
        object: String,
        /// The client's error.
        source: Box<ApiError>,
    },
    /// A local file or folder.
    #[error("cannot {action} {path}")]
    File {
        /// `read`, `write`, …
        action: &'static str,
        /// The file.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// A file of ours that is not as we left it.
    #[error("{path} is damaged")]
    Damaged {
        /// The file.
        path: String,
    },
    /// A name that is no object.
    #[error("{place} names `{name}`, which cannot be extracted")]
    UnknownObject {
        /// Where it is written.
        place: &'static str,
        /// As written.
        name: String,
        /// The nearest name there is.
        nearest: Option<String>,
    },
    /// Nothing is left to extract.
    #[error("every object is left out")]
    Nothing,
    /// Another process extracts into the same folder.
    #[error("another extract is writing to {path}")]
    Busy {
        /// The folder.
        path: String,
    },
    /// An interrupted extract was asked for something else.
    #[error(
        "extract {run} was interrupted, and it was asked for other things than this one: {differs}"
    )]
    OtherChoices {
        /// The interrupted one.
        run: String,
        /// What differs.
        differs: String,
    },
    /// Staging found no complete extract.
    #[error("there is no complete extract in {path}")]
    NoExtract {
        /// Where extracts are kept.
        path: String,
        /// An interrupted one.
        unfinished: Option<String>,
    },
}

impl ExtractError {
    /// Names the object that a failed request was about.
    pub(super) fn api(object: &str) -> impl Fn(ApiError) -> Self + use<> {
        let object = object.to_owned();
        move |source| Self::Api {
            object: object.clone(),
            source: Box::new(source),
        }
    }

    /// Names the file that could not be read or written.
    pub(in crate::usercom) fn file(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.display().to_string();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }

    /// Whether settings, the token or the account are to blame.
    #[must_use]
    pub fn is_input(&self) -> bool {
        match self {
            Self::Api { source, .. } => source.is_input(),
            Self::File { .. } | Self::Damaged { .. } => false,
            _ => true,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Api { source, .. } => return source.hint(),
            Self::File { .. } => {
                "when that is mended, run `transload extract` again: it goes on where it stopped".to_owned()
            }
            Self::Damaged { .. } => "add --restart to begin anew".to_owned(),
            Self::UnknownObject {
                nearest: Some(nearest),
                ..
            } => format!("did you mean `{nearest}`?"),
            Self::UnknownObject { nearest: None, .. } => return None,
            Self::Nothing => "shorten leave_out of [source.api]".to_owned(),
            Self::Busy { .. } => "wait for it, or end it".to_owned(),
            Self::OtherChoices { .. } => {
                "ask for the same to go on with it, or add --restart to drop it and begin anew".to_owned()
            }
            Self::NoExtract {
                unfinished: None, ..
            } => "run `transload extract` first; without [source.api] in migration.toml the folder `export` is staged".to_owned(),
            Self::NoExtract {
                unfinished: Some(run),
                ..
            } => format!("run `transload extract` to finish {run}"),
        })
    }
}
