//! Carrying out a plan: deploys its package, follows the deployment to its end, and assigns the permission set to the
//! user who loads. Safe to repeat after a break at any point.

use std::collections::BTreeSet;

use futures::TryStreamExt;

use super::{
    ComponentFailure, ComponentName, Error, FieldName, LOADER_SET, Package, Result, SchemaPlan,
};
use crate::salesforce::{Client, DeployOptions, DeployResult, Row, WaitOptions};

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeployReport {
    /// Deployment id; none where there was nothing to deploy.
    pub deployment: Option<String>,
    /// Fields that were created.
    pub created: usize,
    /// Whether the permission set was assigned now; false where the user had it already.
    pub assigned: bool,
}

/// Deploys what the plan wants to create or permit. `progress` sees every look at the deployment. An empty plan
/// changes nothing.
///
/// # Errors
/// Refuses a plan with conflicts before anything is sent. A refused package leaves the organisation as it was.
pub async fn apply(
    client: &Client,
    plan: &SchemaPlan,
    options: WaitOptions,
    progress: impl FnMut(&DeployResult) + Send,
) -> Result<DeployReport> {
    plan.ensure_deployable()?;
    if plan.is_empty() {
        return Ok(DeployReport::default());
    }
    let package = Package::build(plan, client.api_version())?;
    let id = deploy(
        client,
        &package,
        &DeployOptions::default(),
        options,
        progress,
    )
    .await?;
    let assigned = assign_permission_set(client).await?;
    ensure_visible(client, plan).await?;
    Ok(DeployReport {
        deployment: Some(id),
        created: plan.create.len(),
        assigned,
    })
}

/// Lets the organisation validate a plan's package without taking it over; returns the id of the validation, none where
/// there is nothing to deploy.
///
/// # Errors
/// As for [`apply`].
pub async fn check(
    client: &Client,
    plan: &SchemaPlan,
    options: WaitOptions,
    progress: impl FnMut(&DeployResult) + Send,
) -> Result<Option<String>> {
    plan.ensure_deployable()?;
    if plan.is_empty() {
        return Ok(None);
    }
    let package = Package::build(plan, client.api_version())?;
    let only = DeployOptions {
        check_only: true,
        ..DeployOptions::default()
    };
    let id = deploy(client, &package, &only, options, progress).await?;
    Ok(Some(id))
}

/// Deletes components. Those that are gone already are no error.
///
/// # Errors
/// A refused package leaves the organisation as it was.
pub async fn remove(
    client: &Client,
    names: &BTreeSet<ComponentName>,
    options: WaitOptions,
    progress: impl FnMut(&DeployResult) + Send,
) -> Result<String> {
    let package = Package::destructive(names, client.api_version())?;
    let lenient = DeployOptions {
        ignore_warnings: true,
        ..DeployOptions::default()
    };
    deploy(client, &package, &lenient, options, progress).await
}

async fn deploy(
    client: &Client,
    package: &Package,
    how: &DeployOptions,
    options: WaitOptions,
    progress: impl FnMut(&DeployResult) + Send,
) -> Result<String> {
    let metadata = client.metadata();
    let id = metadata.deploy(&package.zip()?, how).await?;
    let result = metadata.wait(&id, options, progress).await?;
    if result.success {
        Ok(id)
    } else {
        Err(refusal(result))
    }
}

fn refusal(result: DeployResult) -> Error {
    let failures = result.details.component_failures.into_iter();
    Error::Deploy {
        id: result.id,
        status: result.status,
        message: result.error_message,
        failures: failures
            .map(|failure| ComponentFailure {
                file: failure.file_name,
                line: failure.line_number,
                component: failure.full_name,
                problem: failure
                    .problem
                    .unwrap_or_else(|| "no reason given".to_owned()),
            })
            .collect(),
    }
}

/// Makes sure that the user who is logged in has the permission set; true if it was assigned now.
async fn assign_permission_set(client: &Client) -> Result<bool> {
    let soql = format!("SELECT Id FROM PermissionSet WHERE Name = '{LOADER_SET}'");
    let set = first_id(client, &soql)
        .await?
        .ok_or(Error::FindPermissionSet { name: LOADER_SET })?;
    let user = client.identity().user_id.as_str();
    let assignment = format!(
        "SELECT Id FROM PermissionSetAssignment WHERE AssigneeId = '{user}' AND PermissionSetId = '{set}'"
    );
    if first_id(client, &assignment).await?.is_some() {
        return Ok(false);
    }
    let row = Row::from_iter([
        ("AssigneeId".to_owned(), user.into()),
        ("PermissionSetId".to_owned(), set.into()),
    ]);
    match client.insert_row("PermissionSetAssignment", &row).await {
        Ok(_) => Ok(true),
        // Its answer was lost, or somebody else was faster.
        Err(error) if error.is_ambiguous() || error.code() == Some("DUPLICATE_VALUE") => {
            match first_id(client, &assignment).await? {
                Some(_) => Ok(true),
                None => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

async fn first_id(client: &Client, soql: &str) -> Result<Option<String>> {
    let mut rows = std::pin::pin!(client.query(soql));
    let row = rows.try_next().await?;
    Ok(row.and_then(|row| Some(row.get("Id")?.as_str()?.to_owned())))
}

/// Looks at the fields as the loader sees them: a field that stays invisible would fail every row.
async fn ensure_visible(client: &Client, plan: &SchemaPlan) -> Result<()> {
    let new: Vec<&FieldName> = plan
        .permitted
        .iter()
        .filter(|field| !plan.unchanged.contains(field))
        .collect();
    let mut fields = Vec::new();
    let mut described: Option<(&str, _)> = None;
    for field in new {
        // In order of object, so each is described once.
        let object = match &described {
            Some((name, object)) if *name == field.object => object,
            _ => {
                let object = client.describe(&field.object).await?;
                &described.insert((&field.object, object)).1
            }
        };
        let writable = object
            .field(&field.name)
            .is_some_and(|found| found.createable || found.updateable);
        if !writable {
            fields.push(field.clone());
        }
    }
    if fields.is_empty() {
        return Ok(());
    }
    Err(Error::GrantFields { fields })
}

#[cfg(test)]
#[path = "deploy_tests.rs"]
mod tests;
