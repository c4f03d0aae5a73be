//! What proposals may name: fields, stages, users.
//!
//! In: the objects, and an org if one can be reached. Out: [`Fields`] as the org describes them, or the standard ones that are
//! known without an org; which of both is told. The org is only asked.

use std::collections::{BTreeMap, BTreeSet};

use transload_propose::{Target, standard};

use super::ProposeRequest;
use crate::error::Error;
use crate::load::{User, org_users};
use crate::mapping::KnownFields;
use crate::migration::connection::{Connection, ExpectedOrg};
use crate::migration::known_fields::known;
use crate::migration::project::Project;
use crate::migration::proposed_decisions::{OrgUser, OrgValues};
use crate::salesforce::{FieldDescribe, ObjectDescribe};

/// The object whose stages deals take.
const DEALS: &str = "Opportunity";

/// Fields by object, and what else the org has that decisions name.
pub(super) struct Fields {
    objects: BTreeMap<String, Vec<Target>>,
    /// All fields of all objects, those included that no proposal names.
    pub(super) known: KnownFields,
    /// As far as an org was asked and said it.
    pub(super) values: OrgValues,
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
            known: KnownFields::standard(),
            values: OrgValues::default(),
        };
        if request.offline {
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
        for object in objects.union(&BTreeSet::from([DEALS])).copied() {
            match connection.client.describe(object).await {
                Ok(described) => {
                    if object == DEALS {
                        fields.values.stages = stages(&described);
                    }
                    if !objects.contains(object) {
                        continue;
                    }
                    fields.known.describe(object, known(&described));
                    let targets = described.fields.iter();
                    let targets = targets.map(|field| of_field(&described, field)).collect();
                    fields.objects.insert(object.to_owned(), targets);
                }
                Err(error) => notes.push(format!(
                    "{} does not describe {object} ({error}): its standard fields alone are known; give the user read \
                     access to the object",
                    connection.target
                )),
            }
        }
        match org_users(&connection.client).await {
            Ok(users) => fields.values.users = Some(users.iter().filter_map(owner).collect()),
            Err(error) => notes.push(format!(
                "{} does not list its users ({error}): for owners, those count that it had when it was met last",
                connection.target
            )),
        }
        // What was read is read.
        if let Err(error) = connection.close().await {
            notes.push(format!("the connection did not end well: {error}"));
        }
        Ok(fields)
    }

    /// The fields of an object.
    pub(super) fn of_object(&self, object: &str) -> &[Target] {
        self.objects.get(object).map_or(&[], Vec::as_slice)
    }
}

/// Stages of deals that the org offers.
fn stages(object: &ObjectDescribe) -> Option<Vec<String>> {
    let field = object
        .fields
        .iter()
        .find(|field| field.name == "StageName")?;
    let values = field.picklist_values.iter().filter(|value| value.active);
    Some(values.map(|value| value.value.clone()).collect())
}

/// A user whom records may belong to.
fn owner(user: &User) -> Option<OrgUser> {
    let address = user.email.as_deref()?;
    let is_standard = user.user_type.as_deref() == Some("Standard");
    is_standard.then(|| OrgUser::new(address, user.name.as_deref().unwrap_or_default()))
}

fn of_field(object: &ObjectDescribe, field: &FieldDescribe) -> Target {
    let values = field.picklist_values.iter().filter(|value| value.active);
    Target {
        object: object.name.clone(),
        field: field.name.clone(),
        label: field.label.clone(),
        help: field.inline_help_text.clone().unwrap_or_default(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_field_says_to_people_comes_with_it() {
        let described = |help: &str| {
            let field =
                format!("{{\"name\":\"Title\",\"type\":\"string\",\"inlineHelpText\":{help}}}");
            let field: FieldDescribe = serde_json::from_str(&field).unwrap();
            of_field(&ObjectDescribe::default(), &field).help
        };
        assert_eq!(described("\"As on the card\""), "As on the card");
        assert_eq!(described("null"), "");
    }
}
