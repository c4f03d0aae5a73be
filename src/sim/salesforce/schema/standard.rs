//! The standard objects, as data.
//!
//! In: one file per object under `objects/`, compiled in. Out: the [`Schema`] of a new org. The first line of a file is
//! `#Name, prefix, label, plural, verbs, feature` (c create, u update, d delete, q query, b Bulk API, a audit fields on
//! create, x custom fields, m currency, t Tooling API only); each further line is a field, with tabs between: name, type, length (or
//! precision.scale), flags, references (`*` = custom objects too), relationship, picklist values (`|`, `value=label`),
//! label, default (`@number:` and a format = numbered by the org). Flags: n nillable, c createable, u updateable,
//! d defaulted on create, r restricted picklist, l lookup key, x external id, q unique, I ignores case, N name field,
//! K goes with its parent. A further standard object is a further file and a line here. Lengths and flags that
//! `guide/salesforce.md` does not have are those of the object reference as commonly known.

use super::super::options::{Feature, SalesforceSimOptions};
use super::field::{FieldDefinition, FieldType, OnDelete, PicklistValue, label_of};
use super::object::{SObject, Verbs};
use super::snapshot::Schema;

/// Parents come before their children: seed files are read in this order.
const OBJECTS: [&str; 54] = [
    include_str!("objects/Organization.tsv"),
    include_str!("objects/Profile.tsv"),
    include_str!("objects/User.tsv"),
    include_str!("objects/Group.tsv"),
    include_str!("objects/BusinessProcess.tsv"),
    include_str!("objects/RecordType.tsv"),
    include_str!("objects/PermissionSet.tsv"),
    include_str!("objects/PermissionSetAssignment.tsv"),
    include_str!("objects/CurrencyType.tsv"),
    include_str!("objects/OpportunityStage.tsv"),
    include_str!("objects/LeadStatus.tsv"),
    include_str!("objects/TaskStatus.tsv"),
    include_str!("objects/TaskPriority.tsv"),
    include_str!("objects/CaseStatus.tsv"),
    include_str!("objects/Territory2Model.tsv"),
    include_str!("objects/Territory2Type.tsv"),
    include_str!("objects/Territory2.tsv"),
    include_str!("objects/Topic.tsv"),
    include_str!("objects/Pricebook2.tsv"),
    include_str!("objects/Product2.tsv"),
    include_str!("objects/PricebookEntry.tsv"),
    include_str!("objects/Campaign.tsv"),
    include_str!("objects/CampaignMemberStatus.tsv"),
    include_str!("objects/Account.tsv"),
    include_str!("objects/Contact.tsv"),
    include_str!("objects/Lead.tsv"),
    include_str!("objects/Opportunity.tsv"),
    include_str!("objects/OpportunityLineItem.tsv"),
    include_str!("objects/OpportunityContactRole.tsv"),
    include_str!("objects/OpportunityTeamMember.tsv"),
    include_str!("objects/AccountTeamMember.tsv"),
    include_str!("objects/AccountContactRelation.tsv"),
    include_str!("objects/ObjectTerritory2Association.tsv"),
    include_str!("objects/UserTerritory2Association.tsv"),
    include_str!("objects/CampaignMember.tsv"),
    include_str!("objects/Case.tsv"),
    include_str!("objects/CaseComment.tsv"),
    include_str!("objects/Task.tsv"),
    include_str!("objects/Event.tsv"),
    include_str!("objects/EventRelation.tsv"),
    include_str!("objects/EmailMessage.tsv"),
    include_str!("objects/EmailMessageRelation.tsv"),
    include_str!("objects/ContentDocument.tsv"),
    include_str!("objects/ContentVersion.tsv"),
    include_str!("objects/ContentDocumentLink.tsv"),
    include_str!("objects/ContentNote.tsv"),
    include_str!("objects/TopicAssignment.tsv"),
    include_str!("objects/DuplicateRule.tsv"),
    include_str!("objects/FlowDefinitionView.tsv"),
    include_str!("objects/ApexTrigger.tsv"),
    include_str!("objects/AssignmentRule.tsv"),
    include_str!("objects/ValidationRule.tsv"),
    include_str!("objects/WorkflowRule.tsv"),
    include_str!("objects/CustomField.tsv"),
];

/// The schema of an org that nobody has customised.
pub(crate) fn standard(options: &SalesforceSimOptions) -> Schema {
    let mut schema = Schema::default();
    for text in OBJECTS {
        if let Some((mut object, feature)) = parse(text)
            && there(options, feature)
        {
            if options.multi_currency {
                object.add_currency();
            }
            object.add_settings(options);
            schema.put(object);
        }
    }
    schema
}

/// Whether the org has the feature an object belongs to.
fn there(options: &SalesforceSimOptions, feature: Option<&str>) -> bool {
    match feature {
        None => true,
        Some("multi_currency") => options.multi_currency,
        Some(name) => name
            .parse::<Feature>()
            .is_ok_and(|feature| options.has(feature)),
    }
}

fn parse(text: &str) -> Option<(SObject, Option<&str>)> {
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next()?.strip_prefix('#')?.split('\t').collect();
    let (&[name, prefix, label, plural, verbs], rest) = head.split_first_chunk()?;
    let verbs = Verbs {
        create: verbs.contains('c'),
        update: verbs.contains('u'),
        delete: verbs.contains('d'),
        query: verbs.contains('q'),
        bulk: verbs.contains('b'),
        audit: verbs.contains('a'),
        extend: verbs.contains('x'),
        currency: verbs.contains('m'),
        tooling: verbs.contains('t'),
    };
    let mut object = SObject::new(
        name,
        label,
        plural,
        prefix.as_bytes().try_into().ok()?,
        verbs,
    );
    for line in lines {
        object.add(field(line)?);
    }
    Some((object, rest.first().copied()))
}

fn field(line: &str) -> Option<FieldDefinition> {
    let mut cells = line.split('\t');
    let mut next = || cells.next().unwrap_or_default();
    let (name, kind, size, flags) = (next(), FieldType::parse(next())?, next(), next());
    let mut field = FieldDefinition::new(name, &label_of(name), kind);
    match size.split_once('.') {
        Some((precision, scale)) => {
            field.precision = precision.parse().ok()?;
            field.scale = scale.parse().ok()?;
        }
        None if kind == FieldType::Int => field.precision = size.parse().ok()?,
        None => field.length = size.parse().ok()?,
    }
    field.nillable = flags.contains('n');
    field.createable = flags.contains('c');
    field.updateable = flags.contains('u');
    field.defaulted = flags.contains('d');
    field.restricted = flags.contains('r');
    field.id_lookup = flags.contains('l');
    field.external_id = flags.contains('x');
    field.unique = flags.contains('q');
    field.case_sensitive = field.unique && !flags.contains('I');
    field.name_field = flags.contains('N');
    if flags.contains('K') {
        field.on_delete = OnDelete::Cascade;
    }
    let references = next();
    field.open = references.ends_with('*');
    field.references = references
        .split(',')
        .filter(|name| !name.is_empty() && *name != "*")
        .map(str::to_owned)
        .collect();
    field.relationship = Some(next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned);
    let values = next().split('|').filter(|value| !value.is_empty());
    field.picklist = values
        .map(|value| {
            let (value, label) = value.split_once('=').unwrap_or((value, value));
            PicklistValue {
                value: value.to_owned(),
                label: label.to_owned(),
                default: false,
                active: true,
            }
        })
        .collect();
    if let Some(label) = Some(next()).filter(|label| !label.is_empty()) {
        label.clone_into(&mut field.label);
    }
    let default = next();
    match default.strip_prefix("@number:") {
        Some(format) => field.auto_number = Some(format.to_owned()),
        None if default.is_empty() => {}
        None => field.default = Some(default.to_owned()),
    }
    if let Some(value) = field
        .picklist
        .iter_mut()
        .find(|value| Some(&value.value) == field.default.as_ref())
    {
        value.default = true;
    }
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_data_is_understood() {
        let schema = standard(&SalesforceSimOptions::default());
        let there: Vec<&str> = OBJECTS
            .into_iter()
            .filter(|text| !text.starts_with("#CurrencyType"))
            .collect();
        assert_eq!(schema.objects().len(), there.len());
        for (object, text) in schema.objects().iter().zip(there) {
            assert_eq!(
                object.fields.len(),
                text.lines().count() - 1 + 7,
                "{}",
                object.name
            );
        }
    }

    #[test]
    fn required_fields_are_those_of_real_describes() {
        let schema = standard(&SalesforceSimOptions::default());
        for (object, expected) in [
            ("Account", vec!["Name"]),
            ("Contact", vec!["LastName"]),
            ("Lead", vec!["LastName", "Company"]),
            ("Opportunity", vec!["Name", "StageName", "CloseDate"]),
            ("Event", vec![]),
            ("Task", vec![]),
            ("OpportunityContactRole", vec!["OpportunityId", "ContactId"]),
            ("EventRelation", vec!["RelationId", "EventId"]),
        ] {
            let object = schema.object(schema.position(object).unwrap());
            let required = object.fields.iter().filter(|field| field.required());
            assert_eq!(
                required
                    .map(|field| field.name.as_str())
                    .collect::<Vec<_>>(),
                expected
            );
        }
    }

    #[test]
    fn labels_follow_from_names() {
        assert_eq!(label_of("LastName"), "Last Name");
        assert_eq!(label_of("OwnerId"), "Owner ID");
        assert_eq!(label_of("CreatedById"), "Created By ID");
    }
}
