//! A `LeadConvertSettings` file → the settings, or the problem with it.
//!
//! In: the file and the schema as it will be. Out: [`LeadConvert`]. What a mapping needs (fields that are there, types
//! that agree, an output field taken once) is documented; the texts of the problems are ours.

use std::collections::HashSet;

use super::super::lead_convert::{LeadConvert, MappingField, ObjectMapping};
use super::super::schema::{FieldDefinition, FieldType, Schema};
use super::xml::Element;

/// Reads the settings.
pub(super) fn lead_convert(schema: &Schema, root: &Element) -> Result<LeadConvert, String> {
    let options = root.get("opportunityCreationOptions");
    let known = ["NotVisible", "VisibleOptional", "VisibleRequired"];
    if let Some(other) = options.filter(|options| !known.contains(options)) {
        return Err(format!(
            "'{other}' is not a valid value for the enum 'VisibleOrRequired'"
        ));
    }
    let mut settings = LeadConvert {
        allow_owner_change: root.is("allowOwnerChange"),
        object_mapping: Vec::new(),
        opportunity_creation_options: options.map(str::to_owned),
    };
    let mut taken = HashSet::new();
    for element in root.all("objectMapping") {
        let mapping = mapping(schema, element)?;
        for field in &mapping.mapping_fields {
            let path = format!("{}.{}", mapping.output_object, field.output_field);
            if !taken.insert(path.to_lowercase()) {
                return Err(format!(
                    "Duplicate mapping: {path} is mapped more than once"
                ));
            }
        }
        settings.object_mapping.push(mapping);
    }
    Ok(settings)
}

fn mapping(schema: &Schema, element: &Element) -> Result<ObjectMapping, String> {
    let input = element.get("inputObject").unwrap_or_default();
    let output = element.get("outputObject").unwrap_or_default();
    if input != "Lead" {
        return Err(format!("In field: inputObject - must be Lead: {input}"));
    }
    if !["Account", "Contact", "Opportunity"].contains(&output) {
        return Err(format!(
            "In field: outputObject - must be Account, Contact or Opportunity: {output}"
        ));
    }
    let find = |object: &str, element: &str, name: &str| -> Result<FieldDefinition, String> {
        let field = schema
            .position(object)
            .and_then(|at| schema.object(at).find(name))
            .map(|(_, field)| field.clone());
        field.ok_or_else(|| {
            format!("In field: {element} - no CustomField named {object}.{name} found")
        })
    };
    let mut mapping_fields = Vec::new();
    for pair in element.all("mappingFields") {
        let from = find(
            input,
            "inputField",
            pair.get("inputField").unwrap_or_default(),
        )?;
        let into = find(
            output,
            "outputField",
            pair.get("outputField").unwrap_or_default(),
        )?;
        agree(&from, &into).map_err(|reason| {
            format!(
                "Cannot map {input}.{} to {output}.{}: {reason}",
                from.name, into.name
            )
        })?;
        mapping_fields.push(MappingField {
            input_field: from.name,
            output_field: into.name,
        });
    }
    Ok(ObjectMapping {
        input_object: input.to_owned(),
        output_object: output.to_owned(),
        mapping_fields,
    })
}

/// Whether values of one field fit into another: the same type, or a text that goes into a longer one.
fn agree(from: &FieldDefinition, into: &FieldDefinition) -> Result<(), String> {
    let text =
        |field: &FieldDefinition| matches!(field.kind, FieldType::String | FieldType::Textarea);
    let picked =
        |field: &FieldDefinition| matches!(field.kind, FieldType::Picklist | FieldType::Combobox);
    let alike = from.kind == into.kind
        || (text(from) && text(into))
        || (picked(from) && text(into))
        || (picked(from) && picked(into));
    if !alike {
        return Err(format!(
            "the types do not agree, {} and {}",
            from.kind.name(),
            into.kind.name()
        ));
    }
    if text(into) && into.length < from.length {
        return Err(format!(
            "{} characters do not fit into {}",
            from.length, into.length
        ));
    }
    let digits = |field: &FieldDefinition| field.precision.saturating_sub(field.scale);
    if from.kind.is_decimal() && (digits(into) < digits(from) || into.scale < from.scale) {
        return Err("the number does not fit".to_owned());
    }
    if from.kind == FieldType::Reference && from.references != into.references {
        return Err("the lookups refer to different objects".to_owned());
    }
    Ok(())
}
