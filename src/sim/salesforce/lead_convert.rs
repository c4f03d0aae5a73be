//! How fields of a lead are mapped when it is converted.
//!
//! In: a deployed `LeadConvertSettings`, kept in `org.json`. Out: what `GET /control/lead_convert` shows, and
//! where values go when `POST /control/convert_lead` converts a lead.

use serde::{Deserialize, Serialize};

use super::schema::Schema;

/// The settings of an org.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeadConvert {
    pub(crate) allow_owner_change: bool,
    pub(crate) object_mapping: Vec<ObjectMapping>,
    pub(crate) opportunity_creation_options: Option<String>,
}

/// Fields that go to one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ObjectMapping {
    pub(crate) input_object: String,
    pub(crate) output_object: String,
    pub(crate) mapping_fields: Vec<MappingField>,
}

/// One field of the lead and where it goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MappingField {
    pub(crate) input_field: String,
    pub(crate) output_field: String,
}

impl LeadConvert {
    /// Drops mappings of fields that are no longer there.
    pub(crate) fn tidy(&mut self, schema: &Schema) {
        let there = |object: &str, field: &str| {
            let at = schema.position(object);
            at.is_some_and(|at| schema.object(at).position(field).is_some())
        };
        for mapping in &mut self.object_mapping {
            let (input, output) = (&mapping.input_object, &mapping.output_object);
            mapping.mapping_fields.retain(|field| {
                there(input, &field.input_field) && there(output, &field.output_field)
            });
        }
    }
}
