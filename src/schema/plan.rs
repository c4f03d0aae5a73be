//! What has to happen to an organisation, as facts that a command can print or refuse. A plan does nothing by itself.

use std::fmt;

use super::{CustomField, Error, FieldType, Result, WantedObject};

/// A field of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldName {
    /// API name of the object.
    pub object: String,
    /// API name of the field.
    pub name: String,
}

impl FieldName {
    /// Object and field by API name.
    pub fn new(object: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            object: object.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.object, self.name)
    }
}

/// A field that is there, or ought to be, and does not fit what will be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conflict {
    /// A standard field is absent.
    Missing {
        /// The field.
        field: FieldName,
        /// The most similar field of the object.
        nearest: Option<String>,
    },
    /// The type cannot take the column's values, or is not the one that was asked for.
    TypeDiffers {
        /// The field.
        field: FieldName,
        /// Type that is needed.
        wanted: FieldType,
        /// Type in the organisation, as describe calls it.
        found: String,
    },
    /// Values are longer than the field.
    TooShort {
        /// The field.
        field: FieldName,
        /// Characters of the longest value.
        needed: usize,
        /// Characters the field holds.
        found: u32,
    },
    /// The field is calculated or numbered by Salesforce.
    ReadOnly {
        /// The field.
        field: FieldName,
    },
    /// A key of ours that is no unique external id.
    NotAKey {
        /// The field.
        field: FieldName,
    },
    /// A restricted picklist lacks values that will be sent.
    ValuesMissing {
        /// The field.
        field: FieldName,
        /// Choices that it lacks.
        missing: Vec<String>,
    },
}

impl Conflict {
    /// The field it is about.
    pub fn field(&self) -> &FieldName {
        match self {
            Self::Missing { field, .. }
            | Self::TypeDiffers { field, .. }
            | Self::TooShort { field, .. }
            | Self::ReadOnly { field }
            | Self::NotAKey { field }
            | Self::ValuesMissing { field, .. } => field,
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Missing { nearest: Some(nearest), .. } => {
                format!("did you mean {nearest}? otherwise make the field visible to the user in Setup > Field-Level Security")
            }
            Self::Missing { .. } => {
                "check its name in the load query, or make it visible to the user in Setup > Field-Level Security".into()
            }
            Self::TypeDiffers { .. } => {
                "choose another field in config/field_map.csv, or change the type in Setup".into()
            }
            Self::TooShort { .. } => {
                "lengthen the field in Setup, or cut the values with config/value_policy.csv".into()
            }
            Self::ReadOnly { .. } => "leave it out of the load query, or send it to another field".into(),
            Self::NotAKey { .. } => "tick External ID and Unique for the field in Setup".into(),
            Self::ValuesMissing { .. } => {
                "add the values to the picklist in Setup, or map them to values that it has".into()
            }
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { field, .. } => write!(
                f,
                "{} has no field {}, or field-level security hides it",
                field.object, field.name
            ),
            Self::TypeDiffers {
                field,
                wanted,
                found,
            } => {
                write!(f, "{field} is of type {found}, {wanted} is needed")
            }
            Self::TooShort {
                field,
                needed,
                found,
            } => {
                write!(f, "{field} holds {found} characters, {needed} are needed")
            }
            Self::ReadOnly { field } => write!(f, "{field} cannot be written"),
            Self::NotAKey { field } => write!(f, "{field} is not a unique external id"),
            Self::ValuesMissing { field, missing } => {
                write!(
                    f,
                    "{field} is restricted and lacks {} of the values",
                    missing.len()
                )
            }
        }
    }
}

/// Something that was decided differently from what was asked, which a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A list became plain text.
    ListBecameText {
        /// The field.
        field: FieldName,
        /// Choices given.
        choices: usize,
        /// Choices a list may have; none given is also too few.
        max: usize,
        /// What it became.
        field_type: FieldType,
    },
    /// Choices that differ in case only, or are empty, were dropped.
    ChoicesDropped {
        /// The field.
        field: FieldName,
        /// How many.
        count: usize,
    },
    /// Choices with a semicolon, which separates values, got a comma instead.
    SemicolonReplaced {
        /// The field.
        field: FieldName,
        /// How many.
        count: usize,
    },
    /// Numbers with more digits than Salesforce holds.
    DigitsCut {
        /// The field.
        field: FieldName,
        /// What it became.
        field_type: FieldType,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListBecameText {
                field,
                choices,
                max,
                field_type,
            } => write!(
                f,
                "{field} has {choices} choices, a list has 1 to {max}: created as {field_type}"
            ),
            Self::ChoicesDropped { field, count } => {
                write!(
                    f,
                    "{field}: {count} choices dropped, empty or alike but for case"
                )
            }
            Self::SemicolonReplaced { field, count } => {
                write!(
                    f,
                    "{field}: semicolon replaced by a comma in {count} choices"
                )
            }
            Self::DigitsCut { field, field_type } => {
                write!(
                    f,
                    "{field} has more digits than Salesforce holds: created as {field_type}"
                )
            }
        }
    }
}

/// The difference between what will be sent and what the organisation has. `Display` is the text for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaPlan {
    /// Custom objects to create.
    pub objects: Vec<WantedObject>,
    /// Fields to create, by object and name. Task and Event share one on `Activity`.
    pub create: Vec<CustomField>,
    /// Custom fields that are there but that the user may not write.
    pub grant: Vec<FieldName>,
    /// Fields that are there and fit.
    pub unchanged: Vec<FieldName>,
    /// Fields that do not fit.
    pub conflicts: Vec<Conflict>,
    /// Decisions to know about.
    pub notices: Vec<Notice>,
    /// Custom fields that the permission set has to name: new ones and those that are there, never required ones.
    pub permitted: Vec<FieldName>,
}

impl SchemaPlan {
    /// Whether there is nothing to deploy.
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.grant.is_empty()
    }

    /// Refuses a plan with conflicts.
    ///
    /// # Errors
    /// [`Error::FitOrganization`] with all conflicts.
    pub fn ensure_deployable(&self) -> Result<()> {
        if self.conflicts.is_empty() {
            return Ok(());
        }
        Err(Error::FitOrganization {
            conflicts: self.conflicts.clone(),
        })
    }
}

impl fmt::Display for SchemaPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        section(f, "objects to create", &self.objects, |object| {
            format!("+ {} ({})", object.name, object.label)
        })?;
        section(f, "to create", &self.create, |field| format!("+ {field}"))?;
        section(f, "to permit", &self.grant, |field| format!("~ {field}"))?;
        section(f, "conflicts", &self.conflicts, |conflict| {
            format!("! {conflict}\n      {}", conflict.remedy())
        })?;
        section(f, "notices", &self.notices, |notice| format!("i {notice}"))?;
        writeln!(f, "unchanged: {}", self.unchanged.len())
    }
}

fn section<T>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    items: &[T],
    line: impl Fn(&T) -> String,
) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(f, "{title}: {}", items.len())?;
    for item in items {
        writeln!(f, "  {}", line(item))?;
    }
    Ok(())
}
