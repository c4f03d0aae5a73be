//! One field: its type, its rules and how it is told in describe.
//!
//! In: a line of the compiled-in data or a deployed `CustomField`. Out: [`FieldDefinition`]. The rule for "required" is the
//! usual one: createable, not nillable, not defaulted (`guide/salesforce.md` §4).

use serde::{Deserialize, Serialize};

/// The types of describe that the simulator holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FieldType {
    Id,
    String,
    Textarea,
    Picklist,
    Multipicklist,
    Combobox,
    Reference,
    Boolean,
    Currency,
    Double,
    Percent,
    Int,
    Date,
    Datetime,
    Email,
    Phone,
    Url,
    Address,
    Base64,
}

impl FieldType {
    /// The name used by describe.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::String => "string",
            Self::Textarea => "textarea",
            Self::Picklist => "picklist",
            Self::Multipicklist => "multipicklist",
            Self::Combobox => "combobox",
            Self::Reference => "reference",
            Self::Boolean => "boolean",
            Self::Currency => "currency",
            Self::Double => "double",
            Self::Percent => "percent",
            Self::Int => "int",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
            Self::Address => "address",
            Self::Base64 => "base64",
        }
    }

    /// Reads the name used by describe.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        const ALL: [FieldType; 19] = [
            FieldType::Id,
            FieldType::String,
            FieldType::Textarea,
            FieldType::Picklist,
            FieldType::Multipicklist,
            FieldType::Combobox,
            FieldType::Reference,
            FieldType::Boolean,
            FieldType::Currency,
            FieldType::Double,
            FieldType::Percent,
            FieldType::Int,
            FieldType::Date,
            FieldType::Datetime,
            FieldType::Email,
            FieldType::Phone,
            FieldType::Url,
            FieldType::Address,
            FieldType::Base64,
        ];
        ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Currency, double and percent: decimals that Salesforce shows as doubles.
    pub(crate) fn is_decimal(self) -> bool {
        matches!(self, Self::Currency | Self::Double | Self::Percent)
    }
}

/// Fields that every row has outside its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Id,
    IsDeleted,
    CreatedDate,
    CreatedById,
    LastModifiedDate,
    LastModifiedById,
    Modstamp,
}

/// What a permission set says about one field.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) readable: bool,
    pub(crate) editable: bool,
}

/// One value of a picklist.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PicklistValue {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) default: bool,
    pub(crate) active: bool,
}

/// What becomes of a row whose parent is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OnDelete {
    /// It keeps the id of a row that is gone.
    #[default]
    Keep,
    /// The reference is emptied.
    SetNull,
    /// The parent stays.
    Restrict,
    /// It goes as well.
    Cascade,
}

/// Name of the lookup to the record type.
pub(crate) const RECORD_TYPE: &str = "RecordTypeId";

/// One field of an object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FieldDefinition {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) kind: FieldType,
    /// Characters; 0 where the type has no length.
    pub(crate) length: u32,
    /// Digits in all.
    pub(crate) precision: u32,
    /// Digits right of the point.
    pub(crate) scale: u32,
    pub(crate) nillable: bool,
    pub(crate) createable: bool,
    pub(crate) updateable: bool,
    pub(crate) defaulted: bool,
    pub(crate) restricted: bool,
    pub(crate) external_id: bool,
    pub(crate) id_lookup: bool,
    pub(crate) unique: bool,
    pub(crate) case_sensitive: bool,
    pub(crate) name_field: bool,
    pub(crate) custom: bool,
    pub(crate) references: Vec<String>,
    pub(crate) relationship: Option<String>,
    pub(crate) picklist: Vec<PicklistValue>,
    /// Value on insert when none is sent; `@user` is the running user.
    pub(crate) default: Option<String>,
    /// Format of the number that the org gives each row, such as `{00000000}`.
    #[serde(default)]
    pub(crate) auto_number: Option<String>,
    #[serde(default)]
    pub(crate) on_delete: OnDelete,
    /// Name of the relationship seen from the parent, of deployed lookups.
    #[serde(default)]
    pub(crate) child_relationship: Option<String>,
    /// A polymorphic reference that custom objects join.
    #[serde(skip)]
    pub(crate) open: bool,
    /// Deleted: the place is kept so that the numbers of the other fields stay valid.
    #[serde(skip)]
    pub(crate) gone: bool,
    #[serde(skip)]
    pub(crate) system: Option<System>,
}

impl FieldDefinition {
    /// A nillable, writable field without further rules.
    pub(crate) fn new(name: &str, label: &str, kind: FieldType) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            kind,
            length: 0,
            precision: 0,
            scale: 0,
            nillable: true,
            createable: true,
            updateable: true,
            defaulted: false,
            restricted: false,
            external_id: false,
            id_lookup: false,
            unique: false,
            case_sensitive: false,
            name_field: false,
            custom: name.ends_with("__c"),
            references: Vec::new(),
            relationship: None,
            picklist: Vec::new(),
            default: None,
            auto_number: None,
            on_delete: OnDelete::Keep,
            child_relationship: None,
            open: false,
            gone: false,
            system: None,
        }
    }

    /// The lookup every object with record types has.
    pub(crate) fn record_type() -> Self {
        let mut field = Self::new(RECORD_TYPE, "Record Type ID", FieldType::Reference);
        field.length = 18;
        field.references = vec!["RecordType".to_owned()];
        field.relationship = Some("RecordType".to_owned());
        field
    }

    /// What is left of a deleted field: a place without a name.
    pub(super) fn deleted() -> Self {
        let mut field = Self::new("", "", FieldType::String);
        (field.createable, field.updateable) = (false, false);
        field.gone = true;
        field
    }

    /// Must be given on insert.
    pub(crate) fn required(&self) -> bool {
        self.createable && !self.nillable && !self.defaulted
    }

    /// May serve as an upsert key or behind a relationship column (§1.7).
    pub(crate) fn is_key(&self) -> bool {
        self.external_id || self.id_lookup
    }

    /// The fields every object has.
    pub(super) fn system_fields() -> Vec<Self> {
        let user = |name: &str, relationship: &str, system| {
            let mut field = Self::read_only(name, FieldType::Reference, system);
            field.length = 18;
            field.references = vec!["User".to_owned()];
            field.relationship = Some(relationship.to_owned());
            field
        };
        let mut id = Self::read_only("Id", FieldType::Id, System::Id);
        id.length = 18;
        id.id_lookup = true;
        vec![
            id,
            Self::read_only("IsDeleted", FieldType::Boolean, System::IsDeleted),
            Self::read_only("CreatedDate", FieldType::Datetime, System::CreatedDate),
            user("CreatedById", "CreatedBy", System::CreatedById),
            Self::read_only(
                "LastModifiedDate",
                FieldType::Datetime,
                System::LastModifiedDate,
            ),
            user(
                "LastModifiedById",
                "LastModifiedBy",
                System::LastModifiedById,
            ),
            Self::read_only("SystemModstamp", FieldType::Datetime, System::Modstamp),
        ]
    }

    fn read_only(name: &str, kind: FieldType, system: System) -> Self {
        let mut field = Self::new(name, &label_of(name), kind);
        field.nillable = false;
        field.createable = false;
        field.updateable = false;
        field.defaulted = true;
        field.system = Some(system);
        field
    }
}

/// The label that follows from an API name: `LastName` → `Last Name`, `OwnerId` → `Owner ID`.
pub(crate) fn label_of(name: &str) -> String {
    let mut label = String::with_capacity(name.len() + 4);
    for (at, c) in name.char_indices() {
        if at > 0 && c.is_ascii_uppercase() && !label.ends_with(|p: char| p.is_ascii_uppercase()) {
            label.push(' ');
        }
        label.push(c);
    }
    if let Some(stem) = label.strip_suffix(" Id") {
        label = format!("{stem} ID");
    }
    if label == "Id" {
        "Record ID".to_owned()
    } else {
        label
    }
}
