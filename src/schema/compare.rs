//! What will be sent against what the organisation has. Pure: two descriptions in, a plan out.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Change, Conflict, CustomField, Error, FieldName, FieldType, LeadConversion, Notice, OrgSales,
    Result, SchemaPlan, WantedField, WantedObject, WantedStage,
    derive::{derive, max_choices, needed_type, value_type},
    name, sales,
};
use crate::salesforce::{FieldDescribe, ObjectDescribe};

/// Fields that a custom object has from the start.
const IN_EVERY_OBJECT: [&str; 4] = ["Name", "OwnerId", "CreatedDate", "CreatedById"];

/// What the loads need.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Fields that they send.
    pub fields: Vec<WantedField>,
    /// Custom objects that they fill.
    pub objects: Vec<WantedObject>,
    /// Rows of the stage matrix.
    pub stages: Vec<WantedStage>,
    /// Whether each pipeline has a record type, where there are several.
    pub record_types: bool,
}

/// What the organisation has, as this user sees it.
#[derive(Debug, Clone, Default)]
pub struct OrgSchema {
    /// Descriptions by the names that the loads use; an object that is absent has none.
    pub objects: BTreeMap<String, ObjectDescribe>,
    /// Every custom field, those that field-level security hides too; none if nobody could say.
    pub custom_fields: Option<BTreeSet<FieldName>>,
    /// Custom fields that an object may have (`guide/salesforce.md` §5.3).
    pub max_fields: Option<usize>,
    /// Stages and record types of Opportunity.
    pub sales: OrgSales,
    /// What a lead hands on; none if nobody could say.
    pub conversion: Option<LeadConversion>,
    /// Fields that an earlier deployment of ours created.
    pub ours: BTreeSet<FieldName>,
    /// What could not be looked at.
    pub notices: Vec<Notice>,
}

/// Compares what is wanted with what is there. An object without description is created if it is among the wanted ones.
///
/// # Errors
/// A column that cannot become a field, columns that contradict each other, or an object without description.
pub fn compare(wanted: &Wanted, org: &OrgSchema) -> Result<SchemaPlan> {
    let mut plan = SchemaPlan {
        notices: org.notices.clone(),
        ..SchemaPlan::default()
    };
    let objects = &org.objects;
    let new = |name: &str| {
        let mut custom = wanted.objects.iter();
        custom.find(|object| object.name == name && !objects.contains_key(name))
    };
    let fresh = ObjectDescribe::default();
    let mut create: BTreeMap<FieldName, (CustomField, Vec<Notice>)> = BTreeMap::new();
    let mut permitted = BTreeSet::new();
    let columns = merge(&wanted.fields)?;
    for column in &columns {
        let field = FieldName::new(&column.object, &column.name);
        let object = match (objects.get(&column.object), new(&column.object)) {
            (Some(object), _) => object,
            (None, Some(created)) => {
                if !plan.objects.contains(created) {
                    plan.objects.push(created.clone());
                }
                if IN_EVERY_OBJECT.contains(&column.name.as_str()) {
                    plan.unchanged.push(field);
                    continue;
                }
                &fresh
            }
            (None, None) => {
                return Err(Error::FindObject {
                    object: column.object.clone(),
                });
            }
        };
        if let Some(relationship) = name::relationship(&column.name) {
            match has_relationship(object, relationship) {
                true => plan.unchanged.push(field),
                false => plan.conflicts.push(missing(object, field)),
            }
            continue;
        }
        let Some(found) = object.field(&column.name) else {
            if !name::is_custom(&column.name) {
                plan.conflicts.push(missing(object, field));
                continue;
            }
            permitted.insert(field.clone());
            if org.hides(&field) {
                // Its type shows once the permission set does; a deployment of our own would overwrite it.
                plan.grant.push(field);
                continue;
            }
            let (custom, notices) = derive(column)?;
            add(&mut create, custom, notices)?;
            continue;
        };
        let writable = found.createable || found.updateable;
        if found.custom && !is_required(found) && !found.calculated && !found.auto_number {
            permitted.insert(field.clone());
        }
        match fit(column, found, &field)? {
            Some(conflict) => match larger(column, found, &conflict, org)? {
                Some(change) => plan.change.push(change),
                None => plan.conflicts.push(conflict),
            },
            None if found.custom && !writable => plan.grant.push(field),
            None => plan.unchanged.push(field),
        }
    }
    // Task and Event share their fields.
    plan.change
        .sort_by(|left, right| left.field.field.cmp(&right.field.field));
    plan.change
        .dedup_by(|right, left| left.field.field == right.field.field);
    for (custom, notices) in create.into_values() {
        plan.create.push(custom);
        plan.notices.extend(notices);
    }
    let ruled = plan
        .objects
        .iter()
        .filter(|object| !object.rules.is_empty());
    plan.notices.extend(ruled.map(|object| Notice::RulesWait {
        object: object.name.clone(),
        count: object.rules.len(),
    }));
    count_fields(&mut plan, org);
    plan.permitted = permitted.into_iter().collect();
    compare_sales(&mut plan, wanted, org);
    compare_conversion(&mut plan, &columns, org);
    Ok(plan)
}

/// Custom fields of the org that take nothing of what would be sent to them, because they are of another type. Keys and lookups are
/// not among them: without those there is no load.
///
/// # Errors
/// Columns that contradict each other, or that cannot become a field.
pub fn misfits(
    wanted: &[WantedField],
    objects: &BTreeMap<String, ObjectDescribe>,
) -> Result<Vec<Conflict>> {
    let mut misfits = Vec::new();
    for column in merge(wanted)? {
        let object = objects.get(&column.object);
        let found = object.and_then(|object| object.field(&column.name));
        let Some(found) = found.filter(|found| found.custom) else {
            continue;
        };
        if column.is_key || column.refers_to.is_some() {
            continue;
        }
        let field = FieldName::new(&column.object, &column.name);
        let conflict = fit(&column, found, &field)?;
        misfits
            .extend(conflict.filter(|conflict| matches!(conflict, Conflict::TypeDiffers { .. })));
    }
    Ok(misfits)
}

impl OrgSchema {
    fn hides(&self, field: &FieldName) -> bool {
        let defined = FieldName::new(name::definition_object(&field.object), &field.name);
        let custom = self.custom_fields.as_ref();
        custom.is_some_and(|fields| {
            fields.iter().any(|known| {
                known.object == defined.object && known.name.eq_ignore_ascii_case(&defined.name)
            })
        })
    }
}

/// The change that makes a field of ours hold the values, if it is only too short.
fn larger(
    column: &WantedField,
    found: &FieldDescribe,
    conflict: &Conflict,
    org: &OrgSchema,
) -> Result<Option<Change>> {
    let defined = FieldName::new(name::definition_object(&column.object), &column.name);
    let Conflict::TooShort { found: length, .. } = conflict else {
        return Ok(None);
    };
    if !org.ours.contains(&defined) {
        return Ok(None);
    }
    let roomy = WantedField {
        declared: None,
        is_key: false,
        ..column.clone()
    };
    let (field, _) = derive(&roomy)?;
    // Text cannot become long text without losing what depends on it.
    if field.field_type.describe_name() != found.field_type {
        return Ok(None);
    }
    Ok(Some(Change {
        field: CustomField {
            label: found.label.clone(),
            is_key: found.unique && found.external_id,
            ..field
        },
        was: format!("{length} characters"),
    }))
}

/// Objects that come near or over the number of custom fields that the edition allows.
fn count_fields(plan: &mut SchemaPlan, org: &OrgSchema) {
    let Some(limit) = org.max_fields else {
        return;
    };
    let mut adds: BTreeMap<&str, usize> = BTreeMap::new();
    for field in &plan.create {
        *adds.entry(&field.field.object).or_default() += 1;
    }
    for (object, adds) in adds {
        let described = match object {
            "Activity" => ["Task", "Event"]
                .iter()
                .find_map(|name| org.objects.get(*name)),
            object => org.objects.get(object),
        };
        let visible = described.map_or(0, |object| {
            object.fields.iter().filter(|field| field.custom).count()
        });
        let has = match &org.custom_fields {
            Some(fields) => fields.iter().filter(|field| field.object == object).count(),
            None => visible,
        };
        if has + adds > limit {
            plan.conflicts.push(Conflict::TooManyFields {
                object: object.to_owned(),
                has,
                adds,
                limit,
            });
        } else if (has + adds) * 10 > limit * 9 {
            plan.notices.push(Notice::NearLimit {
                object: object.to_owned(),
                will_have: has + adds,
                limit,
            });
        }
    }
}

fn compare_sales(plan: &mut SchemaPlan, wanted: &Wanted, org: &OrgSchema) {
    let sales = sales::compare(&wanted.stages, &org.sales, wanted.record_types);
    plan.record_types = sales
        .create
        .iter()
        .map(|pipeline| &pipeline.developer_name)
        .chain(&sales.grant)
        .chain(&sales.unchanged)
        .cloned()
        .collect();
    plan.keep_stages = sales.keep;
    plan.add_stages = sales.add;
    plan.pipelines = sales.create;
    plan.grant_record_types = sales.grant;
    plan.conflicts.extend(sales.conflicts);
    plan.notices.extend(sales.notices);
}

/// Custom fields that Lead and Contact both get are handed on when a lead is converted.
fn compare_conversion(plan: &mut SchemaPlan, columns: &[WantedField], org: &OrgSchema) {
    let custom = |object: &str| -> BTreeMap<String, (String, u32, u32, u32)> {
        let columns = columns.iter().filter(|column| column.object == object);
        let custom = columns.filter(|column| name::is_custom(&column.name));
        custom
            .filter_map(|column| Some((column.name.clone(), type_of(plan, org, column)?)))
            .collect()
    };
    let (lead, contact) = (custom("Lead"), custom("Contact"));
    let shared: Vec<String> = lead
        .into_iter()
        .filter(|(name, kind)| contact.get(name) == Some(kind))
        .map(|(name, _)| name)
        .collect();
    if shared.is_empty() {
        return;
    }
    match &org.conversion {
        Some(there) => plan.conversion = there.with("Contact", &shared),
        None => plan.notices.push(Notice::NotSeen {
            what: format!(
                "the lead conversion mapping could not be read and is left alone: map {} fields of Lead to Contact in \
                 Setup > Object Manager > Lead > Fields & Relationships > Map Lead Fields",
                shared.len()
            ),
        }),
    }
}

/// The type that a field has or will have, as far as a mapping minds; none while it is hidden.
fn type_of(
    plan: &SchemaPlan,
    org: &OrgSchema,
    column: &WantedField,
) -> Option<(String, u32, u32, u32)> {
    let there = org.objects.get(&column.object)?.field(&column.name);
    if let Some(found) = there {
        let text = matches!(found.field_type.as_str(), "string" | "textarea");
        let length = if text { found.length } else { 0 };
        return Some((
            found.field_type.clone(),
            length,
            found.precision,
            found.scale,
        ));
    }
    let mut created = plan.create.iter();
    let created = created
        .find(|field| field.field.object == column.object && field.field.name == column.name)?;
    let (length, precision, scale) = match created.field_type {
        FieldType::Text { length } | FieldType::LongTextArea { length } => (length, 0, 0),
        FieldType::Number { precision, scale }
        | FieldType::Currency { precision, scale }
        | FieldType::Percent { precision, scale } => (0, precision, scale),
        _ => (0, 0, 0),
    };
    let kind = created.field_type.describe_name().to_owned();
    Some((kind, length, precision.into(), scale.into()))
}

/// One column per object and field; Salesforce ignores case in names.
fn merge(wanted: &[WantedField]) -> Result<Vec<WantedField>> {
    let mut merged: BTreeMap<(String, String), WantedField> = BTreeMap::new();
    for column in wanted {
        let key = (column.object.to_lowercase(), column.name.to_lowercase());
        let Some(first) = merged.get_mut(&key) else {
            merged.insert(key, column.clone());
            continue;
        };
        first.is_key |= column.is_key;
        first.max_chars = first.max_chars.max(column.max_chars);
        first.whole_digits = first.whole_digits.max(column.whole_digits);
        first.decimals = first.decimals.max(column.decimals);
        first.choices.extend(column.choices.iter().cloned());
        first.label = first.label.take().or_else(|| column.label.clone());
        first.refers_to = first.refers_to.take().or_else(|| column.refers_to.clone());
        let agree = match (first.declared, column.declared) {
            (Some(left), Some(right)) => left == right,
            (None, Some(_)) => {
                first.declared = column.declared;
                true
            }
            (Some(_), None) => true,
            // Text of several queries may be text of several lengths.
            (None, None) => {
                needed_type(first)?.describe_name() == needed_type(column)?.describe_name()
                    || first.data_type == column.data_type
            }
        };
        if !agree {
            return Err(Error::MergeWanted {
                field: FieldName::new(&column.object, &column.name),
                first: needed_type(first)?,
                second: needed_type(column)?,
            });
        }
    }
    Ok(merged.into_values().collect())
}

/// Notes a field to create. Task and Event want the same field of Activity.
fn add(
    create: &mut BTreeMap<FieldName, (CustomField, Vec<Notice>)>,
    custom: CustomField,
    notices: Vec<Notice>,
) -> Result<()> {
    let Some((first, _)) = create.get_mut(&custom.field) else {
        create.insert(custom.field.clone(), (custom, notices));
        return Ok(());
    };
    if first.field_type.describe_name() != custom.field_type.describe_name() {
        return Err(Error::MergeWanted {
            field: custom.field,
            first: first.field_type,
            second: custom.field_type,
        });
    }
    // Of one kind, so the greater is the longer.
    first.field_type = first.field_type.max(custom.field_type);
    first.is_key |= custom.is_key;
    let max = max_choices(first.field_type).unwrap_or(0);
    for choice in custom.choices {
        if first.choices.len() < max && !contains(&first.choices, &choice) {
            first.choices.push(choice);
        }
    }
    Ok(())
}

/// Whether a field that is there can take the column.
fn fit(column: &WantedField, found: &FieldDescribe, field: &FieldName) -> Result<Option<Conflict>> {
    let field = field.clone();
    let is_id = found.field_type == "id";
    if found.calculated || found.auto_number {
        return Ok(Some(Conflict::ReadOnly { field }));
    }
    if !found.custom && !is_id && !found.createable && !found.updateable {
        return Ok(Some(Conflict::ReadOnly { field }));
    }
    let wanted = needed_type(column)?;
    let type_fits = if found.custom && column.declared.is_some() {
        // A list without choices, or with too many, was created as something else.
        let created = derive(column).map_or(wanted, |(custom, _)| custom.field_type);
        [wanted, created]
            .iter()
            .any(|field_type| field_type.describe_name() == found.field_type)
    } else {
        // A numeric key that nobody declared would be created as text and fits a number that is there.
        takes(wanted, &found.field_type)
            || value_type(column).is_ok_and(|value| takes(value, &found.field_type))
    };
    // A list arrives whole as text: so an org may have it that was made before the list had choices.
    let is_text = matches!(found.field_type.as_str(), "string" | "textarea");
    if !(type_fits || is_text && max_choices(wanted).is_some()) {
        return Ok(Some(Conflict::TypeDiffers {
            field,
            wanted,
            found: found.field_type.clone(),
        }));
    }
    let has_length = matches!(found.field_type.as_str(), "string" | "textarea" | "url");
    let needed = column.max_chars.unwrap_or(0);
    if has_length && found.length > 0 && needed > found.length as usize {
        return Ok(Some(Conflict::TooShort {
            field,
            needed,
            found: found.length,
        }));
    }
    let identifies = is_id || found.id_lookup || (found.unique && found.external_id);
    if column.is_key && !identifies {
        return Ok(Some(Conflict::NotAKey { field }));
    }
    let missing = missing_values(column, found);
    if !missing.is_empty() {
        return Ok(Some(Conflict::ValuesMissing { field, missing }));
    }
    Ok(None)
}

/// Whether a field of the described type takes values of the wanted type as they are sent.
pub fn takes(wanted: FieldType, described: &str) -> bool {
    const TEXT: &[&str] = &[
        "string",
        "textarea",
        "picklist",
        "multipicklist",
        "combobox",
        "email",
        "phone",
        "url",
        "id",
        "reference",
        "encryptedstring",
        "base64",
    ];
    let takes: &[&str] = match wanted {
        FieldType::Number { .. } | FieldType::Currency { .. } | FieldType::Percent { .. } => &[
            "double", "int", "long", "currency", "percent", "string", "textarea",
        ],
        FieldType::Checkbox => &["boolean"],
        FieldType::Date => &["date"],
        FieldType::DateTime => &["datetime"],
        FieldType::MultiselectPicklist => &["multipicklist", "string", "textarea"],
        _ => TEXT,
    };
    takes.contains(&described)
}

fn missing_values(column: &WantedField, found: &FieldDescribe) -> Vec<String> {
    if !found.restricted_picklist {
        return Vec::new();
    }
    let known: Vec<String> = found
        .picklist_values
        .iter()
        .filter(|value| value.active)
        .map(|value| value.value.clone())
        .collect();
    let lacking = column
        .choices
        .iter()
        .filter(|choice| !contains(&known, choice));
    lacking.cloned().collect()
}

fn missing(object: &ObjectDescribe, field: FieldName) -> Conflict {
    let wanted = field.name.to_lowercase();
    let nearest = object
        .fields
        .iter()
        .map(|known| {
            (
                strsim::jaro_winkler(&known.name.to_lowercase(), &wanted),
                known,
            )
        })
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, known)| known.name.clone());
    Conflict::Missing { field, nearest }
}

fn has_relationship(object: &ObjectDescribe, relationship: &str) -> bool {
    object.fields.iter().any(|field| {
        field
            .relationship_name
            .as_deref()
            .is_some_and(|known| known.eq_ignore_ascii_case(relationship))
    })
}

/// A field that the object itself requires; a permission set must not name it (`guide/salesforce.md` §5.2).
fn is_required(found: &FieldDescribe) -> bool {
    !found.nillable && found.field_type != "boolean"
}

fn contains(values: &[String], wanted: &str) -> bool {
    let wanted = wanted.to_lowercase();
    values.iter().any(|value| value.to_lowercase() == wanted)
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
