//! Why an organisation could not be prepared. Names objects, fields and types; never a value of a row.

use std::{fmt, io, sync::Arc};

use arrow::datatypes::DataType;
use thiserror::Error as ThisError;

use super::{Conflict, FieldName, FieldType, ReadFieldTypeError, name};
use crate::salesforce;

/// The result of preparing an organisation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A step that failed.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The organisation has no such object, or the user does not see it.
    #[error("the organisation has no object {object}, or hides it from this user")]
    FindObject {
        /// API name.
        object: String,
    },
    /// A name that Salesforce refuses for a custom field.
    #[error("{field} is not a possible name of a custom field")]
    NameField {
        /// Object and name as wanted.
        field: FieldName,
    },
    /// A column of a type that no field can hold.
    #[error("{field} cannot be created from a column of type {data_type}")]
    DeriveType {
        /// The field.
        field: FieldName,
        /// Arrow type of the column.
        data_type: DataType,
    },
    /// A type that there is not.
    #[error("{place}: {source}")]
    ReadType {
        /// File and line.
        place: String,
        /// Types that there are.
        hint: String,
        /// What was written.
        source: ReadFieldTypeError,
    },
    /// A key of a type that cannot be an external id.
    #[error("{field} is a key and cannot be {field_type}")]
    DeriveKey {
        /// The field.
        field: FieldName,
        /// Type asked for.
        field_type: FieldType,
    },
    /// Several load queries want one field with different types.
    #[error("{field} is wanted both as {first} and as {second}")]
    MergeWanted {
        /// The field.
        field: FieldName,
        /// One type.
        first: FieldType,
        /// The other.
        second: FieldType,
    },
    /// Fields that are there do not fit what will be sent.
    #[error("{}", describe_conflicts(conflicts))]
    FitOrganization {
        /// What does not fit, in order of name.
        conflicts: Vec<Conflict>,
    },
    /// The package could not be written.
    #[error("could not write the metadata package")]
    WritePackage {
        /// Cause.
        #[from]
        source: Arc<io::Error>,
    },
    /// Salesforce refused the package; nothing of it took effect.
    #[error("{}", describe_failures(id, status, message.as_deref(), failures))]
    Deploy {
        /// Deployment id.
        id: String,
        /// Its status.
        status: String,
        /// Why it failed as a whole.
        message: Option<String>,
        /// What is wrong with which component.
        failures: Vec<ComponentFailure>,
    },
    /// The permission set was deployed and is not there.
    #[error("permission set {name} is missing after its deployment")]
    FindPermissionSet {
        /// API name.
        name: &'static str,
    },
    /// The deployed fields are still invisible although the permission set is assigned.
    #[error("{} still cannot be written after the deployment{}", fields[0], and_more(fields.len()))]
    GrantFields {
        /// Fields that cannot be written, at least one.
        fields: Vec<FieldName>,
    },
    /// A request failed.
    #[error(transparent)]
    Salesforce(#[from] salesforce::Error),
}

/// What is wrong with one component of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentFailure {
    /// File in the package.
    pub file: String,
    /// Line in that file, where Salesforce says so.
    pub line: Option<u64>,
    /// Component, such as `Account.usercom_id__c`.
    pub component: String,
    /// Salesforce's words.
    pub problem: String,
}

impl fmt::Display for ComponentFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}: {}", self.component, self.problem)
    }
}

impl Error {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::ReadType { hint, .. } => hint,
            Self::FindObject { .. } => {
                "check the `object:` header of the load query, or give the user read access to the object"
            }
            Self::NameField { field } => {
                return Some(format!(
                    "Salesforce would accept {}: up to 40 letters, digits and single underscores, a letter first, and `__c`",
                    name::suggestion(&field.name)
                ));
            }
            Self::DeriveType { .. } => {
                "cast the column in the load query, or give the field a type in config/field_map.csv"
            }
            Self::DeriveKey { .. } => "a key is Text, Number or Email",
            Self::MergeWanted { .. } => {
                "make the load queries of the object agree, or give the field a type in config/field_map.csv"
            }
            Self::FitOrganization { conflicts } => return conflicts.first().map(Conflict::remedy),
            Self::Deploy { failures, .. } => {
                return failures.iter().find_map(failure_hint).map(str::to_owned);
            }
            Self::FindPermissionSet { .. } => {
                "the user needs the permission `View Setup and Configuration`"
            }
            Self::GrantFields { .. } => {
                "check in Setup > Permission Sets that Transload Loader is assigned to the integration user"
            }
            Self::WritePackage { .. } => return None,
            Self::Salesforce(error) => return error.hint(),
        };
        Some(text.to_owned())
    }
}

/// Problems that have a known way out (`guide/salesforce.md` §5.2).
fn failure_hint(failure: &ComponentFailure) -> Option<&'static str> {
    let known = [
        (
            "required field",
            "a required field needs no permission: make it optional in Setup, or leave it out of the load query",
        ),
        (
            "maximum number",
            "the object has no room for more custom fields: load fewer attributes, or delete unused fields",
        ),
        (
            "duplicate",
            "a field of that name exists already: choose another name in config/field_map.csv",
        ),
        (
            "Cannot change",
            "a field of that name and another type exists: choose another name in config/field_map.csv",
        ),
    ];
    known
        .iter()
        .find(|(words, _)| failure.problem.contains(words))
        .map(|(_, hint)| *hint)
}

fn describe_conflicts(conflicts: &[Conflict]) -> String {
    match conflicts {
        [] => "the organisation fits".to_owned(),
        [first, ..] => format!("{first}{}", and_more(conflicts.len())),
    }
}

fn describe_failures(
    id: &str,
    status: &str,
    message: Option<&str>,
    failures: &[ComponentFailure],
) -> String {
    let mut text = format!("deployment {id} ended as {status}");
    if let Some(message) = message {
        text.push_str(": ");
        text.push_str(message);
    }
    for failure in failures {
        text.push_str("\n  ");
        text.push_str(&failure.to_string());
    }
    text
}

fn and_more(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        _ => format!(" (and {} more)", count - 1),
    }
}
