//! What the organisation says about its objects and fields, as the logged-in user sees them: a field that
//! field-level security hides is simply absent (`guide/salesforce.md` §4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Client, Result, call::Call};

/// An object with its fields.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectDescribe {
    /// API name.
    pub name: String,
    /// Label in the user's language.
    pub label: String,
    /// First three characters of its ids; some objects have none.
    pub key_prefix: Option<String>,
    /// Whether the user may create rows.
    pub createable: bool,
    /// Whether the user may change rows.
    pub updateable: bool,
    /// Whether the user may delete rows.
    pub deletable: bool,
    /// Whether the user may take rows out of the recycle bin.
    pub undeletable: bool,
    /// Whether the user may query rows.
    pub queryable: bool,
    /// Whether it is a custom object.
    pub custom: bool,
    /// Visible fields.
    pub fields: Vec<FieldDescribe>,
    /// Record types, the master one included.
    #[serde(rename = "recordTypeInfos")]
    pub record_types: Vec<RecordType>,
    /// Fields of other objects that name rows of this one.
    pub child_relationships: Vec<ChildRelationship>,
}

/// A field of another object that names rows of this one.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChildRelationship {
    /// API name of the other object.
    #[serde(rename = "childSObject")]
    pub child_object: String,
    /// API name of its field.
    pub field: String,
    /// Cannot be used any more.
    pub deprecated_and_hidden: bool,
}

/// A field of an object.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldDescribe {
    /// API name.
    pub name: String,
    /// Label in the user's language.
    pub label: String,
    /// `string`, `picklist`, `reference`, … (`guide/salesforce.md` §4).
    #[serde(rename = "type")]
    pub field_type: String,
    /// Characters it holds; 0 for types without length.
    pub length: u32,
    /// Digits of a number in all.
    pub precision: u32,
    /// Digits after the point.
    pub scale: u32,
    /// Digits of an integer.
    pub digits: u32,
    /// May be empty.
    pub nillable: bool,
    /// May be set when a row is created.
    pub createable: bool,
    /// May be changed afterwards.
    pub updateable: bool,
    /// Salesforce fills it when a row is created without it.
    pub defaulted_on_create: bool,
    /// Refuses values outside its list.
    pub restricted_picklist: bool,
    /// Is an external id.
    pub external_id: bool,
    /// Can identify a parent in a relationship column or an upsert.
    pub id_lookup: bool,
    /// Refuses a second row with the same value.
    pub unique: bool,
    /// Tells upper case from lower in `unique` and lookups.
    pub case_sensitive: bool,
    /// Is a formula.
    pub calculated: bool,
    /// Is numbered by Salesforce.
    pub auto_number: bool,
    /// Is a custom field.
    pub custom: bool,
    /// Objects it may point at; two or more make it polymorphic.
    pub reference_to: Vec<String>,
    /// Name of the relationship in SOQL and column headers.
    pub relationship_name: Option<String>,
    /// What it says about itself to people who fill it in.
    pub inline_help_text: Option<String>,
    /// Values of a picklist.
    pub picklist_values: Vec<PicklistValue>,
    /// Picklist of the same object whose value says which of these may be chosen.
    pub controller_name: Option<String>,
}

/// A value of a picklist.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PicklistValue {
    /// Value in the API.
    pub value: String,
    /// Label in the user's language; none means the value.
    pub label: Option<String>,
    /// Can be chosen.
    pub active: bool,
    /// Is chosen for new rows.
    pub default_value: bool,
    /// Base64 of a set of bits, the highest bit of the first byte first: one for each value of the controlling picklist, set
    /// where this value may be chosen beside it.
    pub valid_for: Option<String>,
}

impl PicklistValue {
    /// Whether it may be chosen beside the value at a position of the controlling picklist.
    #[must_use]
    pub fn fits(&self, position: usize) -> bool {
        let bits = self.valid_for.as_ref();
        let bits = bits.and_then(|text| STANDARD.decode(text).ok());
        let byte = bits.and_then(|bits| bits.get(position / 8).copied());
        byte.is_some_and(|byte| byte & (0x80 >> (position % 8)) != 0)
    }
}

/// A record type of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordType {
    /// Id of the record type.
    pub record_type_id: String,
    /// Label.
    pub name: String,
    /// API name.
    pub developer_name: String,
    /// Is active.
    pub active: bool,
    /// The user may create rows of it.
    pub available: bool,
    /// Is the one that every object has.
    pub master: bool,
    /// Is the user's default.
    pub default_record_type_mapping: bool,
}

/// An object as the list of all objects shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectSummary {
    /// API name.
    pub name: String,
    /// Label in the user's language.
    pub label: String,
    /// First three characters of its ids.
    pub key_prefix: Option<String>,
    /// Whether the user may create rows.
    pub createable: bool,
    /// Whether the user may query rows.
    pub queryable: bool,
    /// Whether it is a custom object.
    pub custom: bool,
}

impl ObjectDescribe {
    /// A field by API name; Salesforce ignores case there.
    pub fn field(&self, name: &str) -> Option<&FieldDescribe> {
        self.fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))
    }
}

impl FieldDescribe {
    /// Whether a new row fails without a value for it.
    pub fn is_required(&self) -> bool {
        self.createable && !self.nillable && !self.defaulted_on_create
    }

    /// Whether a relationship column needs the object's type in front.
    pub fn is_polymorphic(&self) -> bool {
        self.reference_to.len() > 1
    }
}

impl Client {
    /// Describes one object.
    ///
    /// # Errors
    /// [`Error::is_not_found`](super::Error::is_not_found) where the object does not exist or is hidden.
    pub async fn describe(&self, object: &str) -> Result<ObjectDescribe> {
        let call = Call::get(self.data_path(&["sobjects", object, "describe"]));
        self.json(&call, "an object description").await
    }

    /// Lists the objects that the user sees.
    ///
    /// # Errors
    /// Whatever the request meets.
    pub async fn describe_global(&self) -> Result<Vec<ObjectSummary>> {
        #[derive(Deserialize)]
        struct Global {
            sobjects: Vec<ObjectSummary>,
        }
        let call = Call::get(self.data_path(&["sobjects"]));
        let global: Global = self.json(&call, "a list of objects").await?;
        Ok(global.sobjects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_describe_with_unknown_and_missing_keys_is_read() {
        let object: ObjectDescribe = serde_json::from_str(
            r#"{"name":"Lead","label":"Lead","keyPrefix":"00Q","createable":true,"urls":{},
                "fields":[
                  {"name":"Company","type":"string","length":255,"createable":true,"nillable":false},
                  {"name":"OwnerId","type":"reference","createable":true,"defaultedOnCreate":true,
                   "referenceTo":["Group","User"],"relationshipName":"Owner"},
                  {"name":"Status","type":"picklist","picklistValues":
                    [{"active":true,"defaultValue":false,"label":"Open","validFor":null,"value":"Open"}]}],
                "recordTypeInfos":[{"recordTypeId":"012000000000000AAA","master":true,"name":"Master"}]}"#,
        )
        .unwrap();
        let company = object.field("company").unwrap();
        assert!(company.is_required());
        assert!(!object.field("OwnerId").unwrap().is_required());
        assert!(object.field("OwnerId").unwrap().is_polymorphic());
        assert_eq!(
            object.field("Status").unwrap().picklist_values[0].value,
            "Open"
        );
        assert!(object.record_types[0].master);
    }
}
