//! The destination schema: prepares an organisation for what the load queries will send. In come the columns that
//! they send and the organisation's own description; out come a plan (create, unchanged, conflicting), a
//! deployable package, and its deployment. It creates and grants, and never changes or deletes a field that is
//! there; it reads no rows.
//!
//! ```text
//! WantedField ─▶ derive ─▶ CustomField ┐
//!                describe ─────────────┴▶ compare ─▶ SchemaPlan ─▶ Package ─▶ deploy ─▶ assign
//! ```
//!
//! The package holds the fields that are missing and one permission set that lets the loader see them: a field that
//! was only deployed is invisible to the API (`reference/salesforce.md §5.2`). Deploying twice changes nothing,
//! because the second comparison finds nothing missing.

mod compare;
mod deploy;
mod derive;
mod error;
mod field_type;
mod name;
mod package;
mod plan;
mod xml;

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};

use crate::salesforce::{Client, ObjectDescribe};

pub use compare::compare;
pub use deploy::{DeployReport, apply};
pub use derive::{CustomField, WantedField, WantedObject};
pub use error::{ComponentFailure, Error, Result};
pub use field_type::{FieldType, ReadFieldTypeError};
pub use package::{PERMISSION_SET, Package};
pub use plan::{Conflict, FieldName, Notice, SchemaPlan};

/// Descriptions asked for at the same time.
const PARALLEL_DESCRIBES: usize = 4;

/// Describes every object that `wanted` names and compares; those of `custom` may be absent. Changes nothing.
///
/// # Errors
/// An object that the user does not see, a column that cannot become a field, and whatever the requests meet.
/// Fields that do not fit are in the plan; see [`SchemaPlan::ensure_deployable`].
pub async fn plan(
    client: &Client,
    wanted: &[WantedField],
    custom: &[WantedObject],
) -> Result<SchemaPlan> {
    compare(wanted, custom, &describe(client, wanted, custom).await?)
}

async fn describe(
    client: &Client,
    wanted: &[WantedField],
    custom: &[WantedObject],
) -> Result<BTreeMap<String, ObjectDescribe>> {
    let objects: BTreeSet<String> = wanted.iter().map(|field| field.object.clone()).collect();
    stream::iter(objects)
        .map(|object| async move {
            match client.describe(&object).await {
                Ok(describe) => Ok(Some((object, describe))),
                Err(error) if error.is_not_found() => {
                    let created = custom.iter().any(|wanted| wanted.name == object);
                    if created {
                        Ok(None)
                    } else {
                        Err(Error::FindObject { object })
                    }
                }
                Err(error) => Err(error.into()),
            }
        })
        .buffered(PARALLEL_DESCRIBES)
        .try_filter_map(|found| async move { Ok(found) })
        .try_collect()
        .await
}
