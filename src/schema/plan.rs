//! What has to happen to an organisation, as facts that a command can print or refuse. A plan does nothing by itself.

use std::fmt;

use super::permission::{LOADER_SET, USERS_SET};
use super::{CustomField, Error, FieldType, LeadConversion, Pipeline, Result, Stage, WantedObject};

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
    /// A stage that the organisation lacks would have to be both open and closed, or won and lost.
    StageContradicts {
        /// The stage.
        stage: String,
    },
    /// The object would have more custom fields than the edition allows.
    TooManyFields {
        /// The object.
        object: String,
        /// Custom fields that it has.
        has: usize,
        /// Fields to add.
        adds: usize,
        /// Fields that the edition allows.
        limit: usize,
    },
}

impl Conflict {
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
            Self::StageContradicts { .. } => {
                "give the stage another name for one of its statuses in config/stage_matrix.csv".into()
            }
            Self::TooManyFields { .. } => {
                "leave fields out in config/field_map.csv (status ignored), or delete unused ones in Setup > Object Manager"
                    .into()
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
            Self::StageContradicts { stage } => write!(
                f,
                "stage {stage} is to be created, and the stage matrix sends deals of contradicting statuses to it"
            ),
            Self::TooManyFields {
                object,
                has,
                adds,
                limit,
            } => write!(
                f,
                "{object} has {has} custom fields and needs {adds} more, the edition allows {limit}"
            ),
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
    /// An object comes near the number of custom fields that its edition allows.
    NearLimit {
        /// The object.
        object: String,
        /// Custom fields it will have.
        will_have: usize,
        /// Fields that the edition allows.
        limit: usize,
    },
    /// A stage of the organisation is open, won or lost in another way than the deals that go there.
    StageDiffers {
        /// The stage.
        stage: String,
        /// Status of those deals.
        status: String,
    },
    /// Validation rules come with a new object and wait to be switched on.
    RulesWait {
        /// The object.
        object: String,
        /// How many.
        count: usize,
    },
    /// A column whose field is of another type, and so is not sent.
    LeftOut {
        /// Which, why, and what helps.
        what: String,
    },
    /// Something could not be looked at, so that the plan may be incomplete.
    NotSeen {
        /// What, and what follows.
        what: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RulesWait { object, count } => write!(
                f,
                "{object} gets {count} validation rule(s), switched off so that no row of the export is refused: switch them on \
                 in Setup > Object Manager when the data is in"
            ),
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
            Self::NearLimit {
                object,
                will_have,
                limit,
            } => write!(
                f,
                "{object} will have {will_have} custom fields of the {limit} that the edition allows"
            ),
            Self::StageDiffers { stage, status } => write!(
                f,
                "stage {stage} of the organisation gets deals of status {status}, which it does not stand for"
            ),
            Self::NotSeen { what } | Self::LeftOut { what } => f.write_str(what),
        }
    }
}

/// A field of ours that is made to hold more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its new definition.
    pub field: CustomField,
    /// What it holds now, such as `Text(64)`.
    pub was: String,
}

/// A component of a package: its metadata type and full name. Added stages have the type `StandardValue`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComponentName {
    /// Metadata type, such as `CustomField`.
    pub kind: String,
    /// Full name, such as `Account.usercom_id__c`.
    pub name: String,
}

impl ComponentName {
    /// A name.
    pub fn new(kind: &str, name: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// The difference between what will be sent and what the organisation has. `Display` is the text for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaPlan {
    /// Custom objects to create.
    pub objects: Vec<WantedObject>,
    /// Fields to create, by object and name. Task and Event share one on `Activity`.
    pub create: Vec<CustomField>,
    /// Fields of ours that the data no longer fits.
    pub change: Vec<Change>,
    /// Custom fields that are there but that the user may not see or write.
    pub grant: Vec<FieldName>,
    /// Stages of the organisation, which have to be deployed along with new ones.
    pub keep_stages: Vec<Stage>,
    /// Stages to add or to switch on.
    pub add_stages: Vec<Stage>,
    /// Record types with sales processes to create.
    pub pipelines: Vec<Pipeline>,
    /// API names of record types that are there but that the user may not use.
    pub grant_record_types: Vec<String>,
    /// The lead conversion, if it has to change.
    pub conversion: Option<LeadConversion>,
    /// Fields that are there and fit.
    pub unchanged: Vec<FieldName>,
    /// What does not fit.
    pub conflicts: Vec<Conflict>,
    /// Decisions to know about.
    pub notices: Vec<Notice>,
    /// Custom fields that the permission sets have to name: new ones and those that are there, never required ones.
    pub permitted: Vec<FieldName>,
    /// API names of all record types that the loads use.
    pub record_types: Vec<String>,
}

impl SchemaPlan {
    /// Whether there is nothing to deploy.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
            && self.create.is_empty()
            && self.change.is_empty()
            && self.grant.is_empty()
            && self.add_stages.is_empty()
            && self.pipelines.is_empty()
            && self.grant_record_types.is_empty()
            && self.conversion.is_none()
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

    /// What would be new in the organisation: it is ours to remove again.
    pub fn creates(&self) -> Vec<ComponentName> {
        let objects = self
            .objects
            .iter()
            .map(|object| ("CustomObject", object.name.clone()));
        let fields = self
            .create
            .iter()
            .map(|field| ("CustomField", field.field.to_string()));
        let stages = self
            .add_stages
            .iter()
            .map(|stage| ("StandardValue", stage.name.clone()));
        let types = self.pipelines.iter().flat_map(|pipeline| {
            [
                ("BusinessProcess", format!("Opportunity.{}", pipeline.label)),
                (
                    "RecordType",
                    format!("Opportunity.{}", pipeline.developer_name),
                ),
            ]
        });
        let sets = [LOADER_SET, USERS_SET].map(|set| ("PermissionSet", set.to_owned()));
        objects
            .chain(fields)
            .chain(stages)
            .chain(types)
            .chain(sets)
            .map(|(kind, name)| ComponentName::new(kind, &name))
            .collect()
    }

    /// A sentence that says how much would be deployed.
    pub fn summary(&self) -> String {
        let counts = [
            (self.objects.len(), "object"),
            (self.create.len(), "field"),
            (self.change.len(), "changed field"),
            (self.grant.len(), "permission"),
            (self.add_stages.len(), "stage"),
            (self.pipelines.len(), "record type"),
            (self.grant_record_types.len(), "record type to permit"),
            (usize::from(self.conversion.is_some()), "lead conversion"),
        ];
        let parts = counts.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
            .collect();
        parts.join(", ")
    }
}

impl fmt::Display for SchemaPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        section(f, "objects to create", &self.objects, |object| {
            format!("+ {} ({})", object.name, object.label)
        })?;
        section(f, "to create", &self.create, |field| format!("+ {field}"))?;
        section(f, "stages to add", &self.add_stages, |stage| {
            format!("+ {stage}")
        })?;
        section(f, "record types to create", &self.pipelines, |pipeline| {
            format!("+ {pipeline}")
        })?;
        section(f, "to change", &self.change, |change| {
            format!("~ {}, was {}", change.field, change.was)
        })?;
        section(f, "to permit", &self.grant, |field| format!("~ {field}"))?;
        section(
            f,
            "record types to permit",
            &self.grant_record_types,
            |name| format!("~ Opportunity.{name}"),
        )?;
        section(f, "to map", self.conversion.as_slice(), |conversion| {
            format!("~ {conversion}")
        })?;
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
