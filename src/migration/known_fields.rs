//! Fields that there are: those of the org as it was met last, and the standard ones.
//!
//! In: `org.fields`, or describes. Out: [`KnownFields`], and the rows of the map that name a field which is not there or takes
//! nothing of their type. Never: a question to an org.

use std::collections::BTreeMap;

use super::project::Project;
use super::reference_check::texts;
use crate::error::Error;
use crate::finding::Finding;
use crate::mapping::{FIELD_MAP, FieldMap, KnownField, KnownFields, is_custom};
use crate::salesforce::ObjectDescribe;
use crate::staging::Staging;

const FIELDS: &str = include_str!("../../queries/internal/org_fields.sql");

/// What is known without asking.
pub(super) async fn known_fields(
    project: &Project,
    staging: &Staging,
) -> Result<KnownFields, Error> {
    let mut fields = KnownFields::standard();
    let snapshot = staging.snapshot().await?;
    if snapshot
        .get("org", "fields")
        .is_none_or(|met| met.rows == 0)
    {
        return Ok(fields);
    }
    let session = project.engine.session(staging, &snapshot)?;
    let mut objects: BTreeMap<String, Vec<KnownField>> = BTreeMap::new();
    for row in texts(&session, "the fields of the org", FIELDS).await? {
        let field = KnownField {
            name: row[1].clone(),
            kind: row[2].clone(),
            createable: row[3] == "yes",
        };
        objects.entry(row[0].clone()).or_default().push(field);
    }
    for (object, known) in objects {
        fields.describe(&object, known);
    }
    Ok(fields)
}

/// The fields of an object.
pub(super) fn known(described: &ObjectDescribe) -> Vec<KnownField> {
    let fields = described.fields.iter().map(|field| KnownField {
        name: field.name.clone(),
        kind: field.field_type.clone(),
        createable: field.createable && !field.calculated && !field.auto_number,
    });
    fields.collect()
}

/// The same of all objects that an org described.
pub(super) fn of_org(describes: &BTreeMap<String, ObjectDescribe>) -> KnownFields {
    let mut fields = KnownFields::default();
    for (object, described) in describes {
        fields.describe(object, known(described));
    }
    fields
}

/// Confirmed rows whose standard field is not there, or takes nothing of their type. What is not sure is a warning. Custom fields are
/// made, and one of another type costs its column only.
pub(super) fn check_fields(map: &FieldMap, fields: &KnownFields) -> Vec<Finding> {
    let standard = map.confirmed().filter(|row| !is_custom(&row.target_field));
    let told = standard.filter_map(|row| {
        let found = fields.problem(&row.target_object, &row.target_field, &row.field_type)?;
        let column = format!("{}.{}", row.source, row.source_field);
        let problem = format!(
            "{column} → {}.{}: {}",
            row.target_object, row.target_field, found.problem
        );
        let finding = Finding::new(format!("config/{FIELD_MAP}.csv"), problem)
            .line(row.line)
            .nearest(found.nearest);
        Some(match found.is_sure {
            true => finding,
            false => finding.warning(),
        })
    });
    told.collect()
}
