//! What we created in an organisation, and which packages a sandbox has seen.
//!
//! In: plans before and after their deployment. Out: `orgs/<id>/schema.json`, the components that are ours to change and to
//! remove; `validations/<id>.json`, shared by all destinations, what a sandbox accepted (`guide/rules.md` 29). Never: a component
//! that was there before us.

use std::collections::{BTreeMap, BTreeSet};

use object_store::path::Path;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::connection::Connection;
use crate::error::Error;
use crate::schema::{ComponentName, FieldName, Package, SchemaPlan};
use crate::staging::{Staging, StagingError};

/// Components of ours in one organisation, as `CustomField Account.usercom_id__c`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct SchemaRecord {
    /// They were created by a deployment that succeeded.
    created: BTreeSet<String>,
    /// They were missing when a deployment was started whose end was not seen.
    started: BTreeSet<String>,
}

impl SchemaRecord {
    pub(crate) async fn load(connection: &Connection) -> Result<Self, Error> {
        let path = connection.staging.org_path(&["schema.json"]);
        Ok(read(&connection.staging, &path).await?.unwrap_or_default())
    }

    async fn save(&self, connection: &Connection) -> Result<(), Error> {
        let path = connection.staging.org_path(&["schema.json"]);
        write(&connection.staging, &path, self).await
    }

    /// Before a deployment: what it creates is ours even if nobody sees its end.
    pub(crate) async fn start(
        &mut self,
        connection: &Connection,
        plan: &SchemaPlan,
    ) -> Result<(), Error> {
        let creates = plan.creates().into_iter().map(|name| name.to_string());
        self.started.extend(creates);
        self.save(connection).await
    }

    /// After it: refused, it created nothing.
    pub(crate) async fn end(
        &mut self,
        connection: &Connection,
        plan: &SchemaPlan,
        deployed: bool,
    ) -> Result<(), Error> {
        for name in plan.creates() {
            let name = name.to_string();
            if self.started.remove(&name) && deployed {
                self.created.insert(name);
            }
        }
        self.save(connection).await
    }

    /// Components that are gone.
    pub(crate) async fn forget(
        &mut self,
        connection: &Connection,
        names: &BTreeSet<ComponentName>,
    ) -> Result<(), Error> {
        for name in names {
            self.created.remove(&name.to_string());
            self.started.remove(&name.to_string());
        }
        self.save(connection).await
    }

    /// Everything that is ours.
    pub(crate) fn components(&self) -> BTreeSet<ComponentName> {
        let names = self.created.union(&self.started);
        names
            .filter_map(|text| {
                let (kind, name) = text.split_once(' ')?;
                Some(ComponentName::new(kind, name))
            })
            .collect()
    }

    /// The fields that are ours.
    pub(crate) fn fields(&self) -> BTreeSet<FieldName> {
        let components = self.components().into_iter();
        components
            .filter(|component| component.kind == "CustomField")
            .filter_map(|component| {
                let (object, field) = component.name.split_once('.')?;
                Some(FieldName::new(object, field))
            })
            .collect()
    }
}

/// What a sandbox accepted.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Validation {
    /// Digests of components by their names.
    components: BTreeMap<String, BTreeSet<String>>,
    /// Fields that it had already, and that fit.
    fits: BTreeSet<String>,
}

fn validation_path(staging: &Staging, organization: &str) -> Path {
    staging.absolute(&format!("validations/{organization}.json"))
}

/// Notes that this sandbox validated or took over a package.
pub(crate) async fn note_validation(
    connection: &Connection,
    plan: &SchemaPlan,
    package: Option<&Package>,
) -> Result<(), Error> {
    let staging = &connection.staging;
    let path = validation_path(staging, &connection.client.identity().organization_id);
    let mut validation: Validation = read(staging, &path).await?.unwrap_or_default();
    for (name, digest) in package.iter().flat_map(|package| package.digests()) {
        let digests = validation.components.entry(name.to_string());
        digests.or_default().insert(digest.clone());
    }
    let fits = plan.unchanged.iter().map(ToString::to_string);
    validation.fits.extend(fits);
    write(staging, &path, &validation).await
}

/// Components of a package that no sandbox has seen. Permission sets and the lead conversion are not asked about: they hold
/// what else the organisation has.
pub(crate) async fn untried(
    connection: &Connection,
    package: &Package,
) -> Result<Vec<ComponentName>, Error> {
    let staging = &connection.staging;
    let mut seen = Vec::new();
    for path in staging.list(&staging.absolute("validations")).await? {
        seen.extend(read::<Validation>(staging, &path).await?);
    }
    let tried = |name: &ComponentName, digest: &String| {
        seen.iter().any(|validation| {
            let digests = validation.components.get(&name.to_string());
            digests.is_some_and(|digests| digests.contains(digest))
                || validation.fits.contains(&name.name)
        })
    };
    let asked = package
        .digests()
        .iter()
        .filter(|(name, _)| !matches!(name.kind.as_str(), "PermissionSet" | "LeadConvertSettings"));
    Ok(asked
        .filter(|(name, digest)| !tried(name, digest))
        .map(|(name, _)| name.clone())
        .collect())
}

async fn read<T: DeserializeOwned>(staging: &Staging, path: &Path) -> Result<Option<T>, Error> {
    let bytes = match staging.read(path).await {
        Ok(bytes) => bytes,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|source| {
        Error::Staging(StagingError::ReadDocument {
            path: path.to_string(),
            source,
        })
    })
}

async fn write<T: Serialize>(staging: &Staging, path: &Path, document: &T) -> Result<(), Error> {
    let bytes = serde_json::to_vec_pretty(document).unwrap_or_default();
    Ok(staging.write_document(path, bytes.into()).await?)
}
