//! The fields that proposals may name.
//!
//! In: the objects, and an org if one can be reached. Out: [`Fields`] as the org describes them, or the standard ones that are
//! known without an org; which of both is told. The org is only asked.

use std::collections::{BTreeMap, BTreeSet};

use transload_propose::{Target, standard};

use super::ProposeRequest;
use crate::error::Error;
use crate::migration::connection::{Connection, ExpectedOrg};
use crate::migration::project::Project;
use crate::salesforce::{FieldDescribe, ObjectDescribe};

/// Fields by object.
pub(super) struct Fields {
    objects: BTreeMap<String, Vec<Target>>,
}

impl Fields {
    /// Asks the org, or takes what is known without one.
    pub(super) async fn of(
        project: &Project,
        request: &ProposeRequest,
        objects: &BTreeSet<&str>,
        notes: &mut Vec<String>,
    ) -> Result<Self, Error> {
        let mut fields = Self {
            objects: objects
                .iter()
                .map(|object| ((*object).to_owned(), standard(object)))
                .collect(),
        };
        if request.offline || objects.is_empty() {
            return Ok(fields);
        }
        let target = request.target.as_deref();
        project.config.target(target)?;
        let connection = match Connection::open(project, target, ExpectedOrg::Known).await {
            Ok(connection) => connection,
            // Whoever names an org wants that one.
            Err(error) if target.is_some() => return Err(error),
            Err(error) => {
                notes.push(format!(
                    "no org was asked ({error}): the standard fields alone are known; `--target NAME` insists on an org, \
                     `--offline` on none"
                ));
                return Ok(fields);
            }
        };
        for object in objects {
            match connection.client.describe(object).await {
                Ok(described) => {
                    let targets = described.fields.iter();
                    let targets = targets.map(|field| of_field(&described, field)).collect();
                    fields.objects.insert((*object).to_owned(), targets);
                }
                Err(error) => notes.push(format!(
                    "{} does not describe {object} ({error}): its standard fields alone are known; give the user read \
                     access to the object",
                    connection.target
                )),
            }
        }
        connection.close().await?;
        Ok(fields)
    }

    /// The fields of an object.
    pub(super) fn of_object(&self, object: &str) -> &[Target] {
        self.objects.get(object).map_or(&[], Vec::as_slice)
    }
}

fn of_field(object: &ObjectDescribe, field: &FieldDescribe) -> Target {
    let values = field.picklist_values.iter().filter(|value| value.active);
    Target {
        object: object.name.clone(),
        field: field.name.clone(),
        label: field.label.clone(),
        kind: field.field_type.clone(),
        field_type: Target::map_type(
            &field.field_type,
            field.length,
            field.precision,
            field.scale,
        ),
        length: field.length,
        picklist: values.map(|value| value.value.clone()).collect(),
        restricted: field.restricted_picklist,
        createable: field.createable && !field.calculated && !field.auto_number,
        custom: field.custom,
    }
}
