//! One component of a metadata package as XML; elements as in `guide/salesforce.md` §5.2.
//!
//! In: what a plan wants to create or change. Out: the elements of a component, which stand in a file of their own (source
//! format) or inside their object's file (package). Never: a file or a zip; see `package` and `source`.

use std::io;

use super::{
    CustomField, FieldType, LeadConversion, Pipeline, SchemaPlan, Stage, ValidationRule,
    WantedObject,
    permission::{LOADER, PermissionSet, USERS},
    sales::OPPORTUNITY,
    xml::Xml,
};

/// One component.
#[derive(Debug, Clone, Copy)]
pub(super) enum Component<'a> {
    /// A custom object without its fields.
    Object(&'a WantedObject),
    /// A custom field.
    Field(&'a CustomField),
    /// A validation rule of a new custom object.
    Rule(&'a WantedObject, &'a ValidationRule),
    /// A sales process of Opportunity.
    Process(&'a Pipeline),
    /// A record type of Opportunity with its picklists.
    RecordType(&'a Pipeline, &'a [CustomField]),
    /// The stages of Opportunity: those to keep and those to add.
    Stages(&'a [Stage], &'a [Stage]),
    /// Fields that a lead hands on when it is converted.
    Conversion(&'a LeadConversion),
    /// A permission set.
    Permissions(PermissionSet<'a>),
}

impl<'a> Component<'a> {
    /// The components of a plan, in the order in which a package lists them.
    pub(super) fn of(plan: &'a SchemaPlan) -> Vec<Self> {
        let mut components: Vec<Self> = plan.objects.iter().map(Self::Object).collect();
        components.extend(plan.create.iter().map(Self::Field));
        components.extend(plan.change.iter().map(|change| Self::Field(&change.field)));
        for object in &plan.objects {
            components.extend(object.rules.iter().map(|rule| Self::Rule(object, rule)));
        }
        if !plan.add_stages.is_empty() {
            components.push(Self::Stages(&plan.keep_stages, &plan.add_stages));
        }
        components.extend(plan.pipelines.iter().map(Self::Process));
        let types = plan.pipelines.iter();
        components.extend(types.map(|pipeline| Self::RecordType(pipeline, &plan.create)));
        components.extend(plan.conversion.iter().map(Self::Conversion));
        for kind in [LOADER, USERS] {
            components.push(Self::Permissions(PermissionSet { kind, plan }));
        }
        components
    }

    /// The metadata type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Object(_) => "CustomObject",
            Self::Field(_) => "CustomField",
            Self::Rule(..) => "ValidationRule",
            Self::Process(_) => "BusinessProcess",
            Self::RecordType(..) => "RecordType",
            Self::Stages(..) => "StandardValueSet",
            Self::Conversion(_) => "LeadConvertSettings",
            Self::Permissions(_) => "PermissionSet",
        }
    }

    /// The name in `package.xml`.
    pub(super) fn full_name(&self) -> String {
        match self {
            Self::Object(object) => object.name.clone(),
            Self::Field(field) => field.field.to_string(),
            Self::Rule(object, rule) => format!("{}.{}", object.name, rule.name),
            Self::Process(pipeline) => format!("{OPPORTUNITY}.{}", pipeline.label),
            Self::RecordType(pipeline, _) => format!("{OPPORTUNITY}.{}", pipeline.developer_name),
            Self::Stages(..) => "OpportunityStage".to_owned(),
            Self::Conversion(_) => "LeadConvertSettings".to_owned(),
            Self::Permissions(set) => set.kind.name.to_owned(),
        }
    }

    /// The object whose file holds it in a package, and the element around it there.
    pub(super) fn inside(&self) -> Option<(&str, &'static str)> {
        match self {
            Self::Field(field) => Some((&field.field.object, "fields")),
            Self::Rule(object, _) => Some((&object.name, "validationRules")),
            Self::Process(_) => Some((OPPORTUNITY, "businessProcesses")),
            Self::RecordType(..) => Some((OPPORTUNITY, "recordTypes")),
            _ => None,
        }
    }

    /// Its elements.
    pub(super) fn write(&self, xml: &mut Xml) -> io::Result<()> {
        match self {
            Self::Object(object) => write_object(xml, object),
            Self::Field(field) => write_field(xml, field),
            Self::Rule(_, rule) => write_rule(xml, rule),
            Self::Process(pipeline) => write_process(xml, pipeline),
            Self::RecordType(pipeline, fields) => write_record_type(xml, pipeline, fields),
            Self::Stages(keep, add) => write_stages(xml, keep, add),
            Self::Conversion(conversion) => conversion.write(xml),
            Self::Permissions(set) => set.write(xml),
        }
    }
}

/// A new object: open to Bulk API, reports and activities, visible to all who are granted it.
fn write_object(xml: &mut Xml, object: &WantedObject) -> io::Result<()> {
    xml.text("deploymentStatus", "Deployed")?;
    for flag in [
        "enableActivities",
        "enableBulkApi",
        "enableReports",
        "enableSearch",
        "enableSharing",
        "enableStreamingApi",
    ] {
        xml.flag(flag, true)?;
    }
    xml.text("label", &object.label)?;
    xml.nest("nameField", |xml| {
        xml.text("label", &format!("{} Name", object.label))?;
        xml.text("type", "Text")
    })?;
    xml.text("pluralLabel", &object.plural)?;
    xml.text("sharingModel", "ReadWrite")?;
    xml.text("visibility", "Public")
}

/// Switched off: rows of the export that break it are to arrive, too.
fn write_rule(xml: &mut Xml, rule: &ValidationRule) -> io::Result<()> {
    xml.text("fullName", &rule.name)?;
    xml.flag("active", false)?;
    xml.text("errorConditionFormula", &rule.formula)?;
    xml.text("errorMessage", &rule.message)
}

/// All of the organisation's stages have to be named: those that are not would be switched off. New open stages stand before
/// the first closed one.
fn write_stages(xml: &mut Xml, keep: &[Stage], add: &[Stage]) -> io::Result<()> {
    xml.flag("sorted", false)?;
    let kept: Vec<&Stage> = keep.iter().filter(|stage| stage.active).collect();
    let closed = kept.iter().position(|stage| stage.closed);
    let (before, behind) = kept.split_at(closed.unwrap_or(kept.len()));
    let added = |closed: bool| {
        add.iter()
            .filter(|stage| !keep.iter().any(|kept| kept.name == stage.name))
            .filter(move |stage| stage.closed == closed)
    };
    let stages = before
        .iter()
        .copied()
        .chain(added(false))
        .chain(behind.iter().copied())
        .chain(added(true));
    for stage in stages {
        xml.nest("standardValue", |xml| {
            xml.text("fullName", &stage.name)?;
            xml.flag("default", false)?;
            xml.text("label", &stage.label)?;
            xml.flag("closed", stage.closed)?;
            xml.text("forecastCategory", &stage.forecast)?;
            xml.text("probability", &stage.probability.to_string())?;
            xml.flag("won", stage.won)
        })?;
    }
    Ok(())
}

fn write_process(xml: &mut Xml, pipeline: &Pipeline) -> io::Result<()> {
    xml.text("fullName", &pipeline.label)?;
    xml.flag("isActive", true)?;
    for stage in &pipeline.stages {
        xml.nest("values", |xml| {
            xml.text("fullName", stage)?;
            xml.flag("default", false)
        })?;
    }
    Ok(())
}

/// A record type. Lists of ours name their values, which people could not choose otherwise
/// (`guide/salesforce.md` §5.2).
fn write_record_type(xml: &mut Xml, pipeline: &Pipeline, fields: &[CustomField]) -> io::Result<()> {
    xml.text("fullName", &pipeline.developer_name)?;
    xml.flag("active", true)?;
    xml.text("businessProcess", &pipeline.label)?;
    xml.text("label", &pipeline.label)?;
    let lists = fields
        .iter()
        .filter(|field| field.field.object == OPPORTUNITY && !field.choices.is_empty());
    for field in lists {
        xml.nest("picklistValues", |xml| {
            xml.text("picklist", &field.field.name)?;
            for choice in &field.choices {
                xml.nest("values", |xml| {
                    xml.text("fullName", choice)?;
                    xml.flag("default", false)
                })?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn write_field(xml: &mut Xml, field: &CustomField) -> io::Result<()> {
    xml.text("fullName", &field.field.name)?;
    if field.is_key && matches!(field.field_type, FieldType::Text { .. }) {
        xml.flag("caseSensitive", true)?;
    }
    if field.field_type == FieldType::Checkbox {
        xml.flag("defaultValue", false)?;
    }
    if field.refers_to.is_some() {
        xml.text("deleteConstraint", "SetNull")?;
    }
    if field.is_key {
        xml.flag("externalId", true)?;
    }
    xml.text("label", &field.label)?;
    if let Some(object) = &field.refers_to {
        let name = field.field.name.trim_end_matches("__c");
        let owner = field.field.object.trim_end_matches("__c");
        xml.text("referenceTo", object)?;
        xml.text("relationshipLabel", &field.label)?;
        xml.text("relationshipName", &relationship_name(owner, name))?;
    }
    match field.field_type {
        FieldType::Text { length } | FieldType::LongTextArea { length } => {
            xml.text("length", &length.to_string())?;
        }
        FieldType::Number { precision, scale }
        | FieldType::Currency { precision, scale }
        | FieldType::Percent { precision, scale } => {
            xml.text("precision", &precision.to_string())?;
            write_required(xml, field)?;
            xml.text("scale", &scale.to_string())?;
        }
        _ => {}
    }
    if !has_digits(field.field_type) {
        write_required(xml, field)?;
    }
    xml.text("type", field.field_type.metadata_name())?;
    if field.is_key {
        xml.flag("unique", true)?;
    }
    if !field.choices.is_empty() {
        write_choices(xml, &field.choices)?;
    }
    match field.field_type {
        FieldType::LongTextArea { .. } => xml.text("visibleLines", "3"),
        FieldType::MultiselectPicklist => xml.text("visibleLines", "4"),
        _ => Ok(()),
    }
}

/// The name of a lookup's children: unique per parent, since object and field are in it; at most 40 characters.
fn relationship_name(object: &str, field: &str) -> String {
    let mut name = format!("{object}_{field}");
    if name.len() > 40 {
        let hash = xxhash_rust::xxh3::xxh3_64(name.as_bytes());
        name.truncate(31);
        name = format!("{}_{:08x}", name.trim_end_matches('_'), hash & 0xffff_ffff);
    }
    name
}

fn has_digits(field_type: FieldType) -> bool {
    matches!(
        field_type,
        FieldType::Number { .. } | FieldType::Currency { .. } | FieldType::Percent { .. }
    )
}

/// Never required: people go on working in the organisation. Checkbox and long text do not have the element.
fn write_required(xml: &mut Xml, field: &CustomField) -> io::Result<()> {
    match field.field_type {
        FieldType::Checkbox | FieldType::LongTextArea { .. } => Ok(()),
        _ => xml.flag("required", false),
    }
}

/// An unrestricted list: values that turn up later are accepted.
fn write_choices(xml: &mut Xml, choices: &[String]) -> io::Result<()> {
    xml.nest("valueSet", |xml| {
        xml.flag("restricted", false)?;
        xml.nest("valueSetDefinition", |xml| {
            xml.flag("sorted", false)?;
            for choice in choices {
                xml.nest("value", |xml| {
                    xml.text("fullName", choice)?;
                    xml.flag("default", false)?;
                    xml.text("label", choice)
                })?;
            }
            Ok(())
        })
    })
}
