//! The standard objects, as data.
//!
//! In: one file per object under `objects/`, compiled in. Out: the [`Schema`] of a new org. The first line of a file is
//! `#Name, prefix, label, plural, verbs` (c create, u update, d delete, q query, b Bulk API); each further line is a field, with
//! tabs between: name, type, length (or precision.scale), flags, references, relationship, picklist values (`|`), label,
//! default. Flags: n nillable, c createable, u updateable, d defaulted on create, r restricted picklist, l lookup key,
//! x external id, q unique, I ignores case, N name field. A further standard object is a further file and a line here.

use super::field::label_of;
use super::{Field, FieldType, PicklistValue, SObject, Schema, Verbs};

const OBJECTS: [&str; 13] = [
    include_str!("objects/Organization.tsv"),
    include_str!("objects/Profile.tsv"),
    include_str!("objects/User.tsv"),
    include_str!("objects/Group.tsv"),
    include_str!("objects/RecordType.tsv"),
    include_str!("objects/PermissionSet.tsv"),
    include_str!("objects/PermissionSetAssignment.tsv"),
    include_str!("objects/OpportunityStage.tsv"),
    include_str!("objects/LeadStatus.tsv"),
    include_str!("objects/Account.tsv"),
    include_str!("objects/Contact.tsv"),
    include_str!("objects/Lead.tsv"),
    include_str!("objects/Opportunity.tsv"),
];

/// The schema of an org that nobody has customised.
pub(crate) fn standard() -> Schema {
    let mut schema = Schema::default();
    for text in OBJECTS {
        if let Some(object) = parse(text) {
            schema.put(object);
        }
    }
    schema
}

fn parse(text: &str) -> Option<SObject> {
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next()?.strip_prefix('#')?.split('\t').collect();
    let [name, prefix, label, plural, verbs] = head[..] else {
        return None;
    };
    let verbs = Verbs {
        create: verbs.contains('c'),
        update: verbs.contains('u'),
        delete: verbs.contains('d'),
        query: verbs.contains('q'),
        bulk: verbs.contains('b'),
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
    Some(object)
}

fn field(line: &str) -> Option<Field> {
    let mut cells = line.split('\t');
    let mut next = || cells.next().unwrap_or_default();
    let (name, kind, size, flags) = (next(), FieldType::parse(next())?, next(), next());
    let mut field = Field::new(name, &label_of(name), kind);
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
    field.references = next()
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    field.relationship = Some(next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned);
    let values = next().split('|').filter(|value| !value.is_empty());
    field.picklist = values
        .map(|value| PicklistValue {
            value: value.to_owned(),
            label: value.to_owned(),
            default: false,
            active: true,
        })
        .collect();
    if let Some(label) = Some(next()).filter(|label| !label.is_empty()) {
        label.clone_into(&mut field.label);
    }
    field.default = Some(next())
        .filter(|value| !value.is_empty())
        .map(str::to_owned);
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
        let schema = standard();
        assert_eq!(schema.objects().len(), OBJECTS.len());
        for (object, text) in schema.objects().iter().zip(OBJECTS) {
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
        let schema = standard();
        for (object, expected) in [
            ("Account", vec!["Name"]),
            ("Contact", vec!["LastName"]),
            ("Lead", vec!["LastName", "Company"]),
            ("Opportunity", vec!["Name", "StageName", "CloseDate"]),
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
