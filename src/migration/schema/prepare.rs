//! From what the loads send to what the org has to be made of, the same way for `schema`, `plan` and `run`.
//!
//! In: the planned loads, the org. Out: a [`Prepared`] comparison, then its deployment. Never: a deployment without consent,
//! or of something to production that no sandbox has seen, unless somebody says so.

use std::collections::BTreeMap;

use super::super::connection::Connection;
use super::super::context::Context;
use super::super::dry_run::DryRun;
use super::super::fields;
use super::super::kept::Written;
use super::profile::{self, DataFinding};
use super::record::{self, SchemaRecord};
use crate::error::Error;
use crate::progress::Progress;
use crate::salesforce::{DeployResult, FieldDescribe, ObjectDescribe, WaitOptions};
use crate::schema::{self, FieldType, Notice, Package, SchemaPlan, Wanted};

/// How closely the data is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inspection {
    /// Every row of every load.
    Whole,
    /// Every row, but only if fields are to be created whose type depends on it.
    IfNeeded,
}

/// The comparison, and what it was made from.
pub struct Prepared {
    /// What would be created, changed and permitted.
    pub plan: SchemaPlan,
    /// What the data's rows have against the fields; none unless they were looked at.
    pub findings: Vec<DataFinding>,
    /// The tables that the data was looked at in, if it was.
    pub(crate) dry_run: Option<DryRun>,
}

/// Compares the org with what the loads send. Projected tables are in `written`, for the caller to remove.
pub(crate) async fn prepare(
    context: &Context<'_>,
    depth: Inspection,
    written: &mut Written,
) -> Result<Prepared, Error> {
    let (connection, progress) = (context.connection, context.progress);
    progress.step("comparing the destination's fields with what will be sent");
    let mut wanted = fields::wanted(context).await?;
    let ours = SchemaRecord::load(connection).await?.fields();
    let mut org = schema::inspect(&connection.client, &wanted, ours).await?;
    let misfits = context.resolved.exclusions.misfits.iter();
    org.notices
        .extend(misfits.map(|what| Notice::LeftOut { what: what.clone() }));
    let plan = schema::compare(&wanted, &org)?;
    let depends = wanted.fields.iter().any(|field| {
        field.declared.is_none() && plan.create.iter().any(|new| new.field.name == field.name)
    });
    if depth == Inspection::IfNeeded && !depends {
        return Ok(Prepared {
            plan,
            findings: Vec::new(),
            dry_run: None,
        });
    }
    let foreseen = foresee(&context.describes, &plan, &wanted);
    let dry_run = Box::pin(DryRun::of(context, &foreseen, written)).await?;
    progress.step("measuring the data");
    profile::measure(context, &dry_run, &mut wanted.fields).await?;
    let plan = schema::compare(&wanted, &org)?;
    let findings = match depth {
        Inspection::Whole => profile::findings(context, &dry_run, &foreseen).await?,
        Inspection::IfNeeded => Vec::new(),
    };
    Ok(Prepared {
        plan,
        findings,
        dry_run: Some(dry_run),
    })
}

/// The describes with the fields that will be created as somebody declared them: those limit what can be sent. Types that
/// follow from the data do not.
fn foresee(
    describes: &BTreeMap<String, ObjectDescribe>,
    plan: &SchemaPlan,
    wanted: &Wanted,
) -> BTreeMap<String, ObjectDescribe> {
    let mut foreseen = describes.clone();
    for field in &wanted.fields {
        let defined = schema::definition_object(&field.object);
        let created = plan
            .create
            .iter()
            .find(|new| new.field.object == defined && new.field.name == field.name);
        if let (Some(new), Some(_), Some(object)) =
            (created, field.declared, foreseen.get_mut(&field.object))
        {
            object.fields.push(describe(&field.name, new.field_type));
        }
    }
    foreseen
}

fn describe(name: &str, field_type: FieldType) -> FieldDescribe {
    let (precision, scale) = match field_type {
        FieldType::Number { precision, scale }
        | FieldType::Currency { precision, scale }
        | FieldType::Percent { precision, scale } => (precision, scale),
        _ => (0, 0),
    };
    FieldDescribe {
        name: name.to_owned(),
        field_type: field_type.describe_name().to_owned(),
        length: field_type.length(),
        precision: precision.into(),
        scale: scale.into(),
        nillable: true,
        createable: true,
        updateable: true,
        custom: true,
        ..FieldDescribe::default()
    }
}

/// Consents to a deployment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Consent {
    /// `--yes`, or the embedded simulator.
    pub yes: bool,
    /// `--no-sandbox-first`.
    pub no_sandbox_first: bool,
}

/// Deploys a plan. True if anything changed.
pub(crate) async fn deploy(
    connection: &Connection,
    plan: &SchemaPlan,
    consent: Consent,
    progress: &dyn Progress,
) -> Result<bool, Error> {
    plan.ensure_deployable()?;
    if plan.is_empty() {
        note_if_sandbox(connection, plan, None).await?;
        return Ok(false);
    }
    let client = &connection.client;
    let package = Package::build(plan, client.api_version())?;
    if !connection.is_simulator() {
        if !consent.yes {
            progress.done(&plan.to_string());
            return Err(Error::NeedsYes {
                what: format!("deploying {} to {}", plan.summary(), connection.target),
            });
        }
        if !consent.no_sandbox_first {
            ensure_tried(connection, &package).await?;
        }
    }
    progress.step(&format!("deploying {}", plan.summary()));
    let mut record = SchemaRecord::load(connection).await?;
    record.start(connection, plan).await?;
    let result = schema::apply(client, plan, WaitOptions::default(), |state| {
        progress.step(&shown(state));
    })
    .await;
    match &result {
        Ok(_) => record.end(connection, plan, true).await?,
        // Nothing took effect; whatever else happened may have.
        Err(schema::Error::Deploy { .. }) => record.end(connection, plan, false).await?,
        Err(_) => {}
    }
    result?;
    note_if_sandbox(connection, plan, Some(&package)).await?;
    Ok(true)
}

/// Lets the org validate a plan. True if there was anything to validate.
pub(crate) async fn check(
    connection: &Connection,
    plan: &SchemaPlan,
    progress: &dyn Progress,
) -> Result<bool, Error> {
    plan.ensure_deployable()?;
    let client = &connection.client;
    progress.step(&format!("validating {}", plan.summary()));
    let options = WaitOptions::default();
    let id = schema::check(client, plan, options, |state| progress.step(&shown(state))).await?;
    let package = match id {
        Some(_) => Some(Package::build(plan, client.api_version())?),
        None => None,
    };
    note_if_sandbox(connection, plan, package.as_ref()).await?;
    Ok(package.is_some())
}

pub(crate) fn shown(state: &DeployResult) -> String {
    let what = if state.check_only {
        "validation"
    } else {
        "deployment"
    };
    format!(
        "{what} {}: {}, {} of {} components{}",
        state.id,
        state.status,
        state.number_components_deployed,
        state.number_components_total,
        match state.number_component_errors {
            0 => String::new(),
            errors => format!(", {errors} with errors"),
        }
    )
}

async fn is_sandbox(connection: &Connection) -> Result<bool, Error> {
    let organization = connection.client.organization().await;
    let organization = organization.map_err(schema::Error::from)?;
    Ok(organization.is_sandbox)
}

async fn note_if_sandbox(
    connection: &Connection,
    plan: &SchemaPlan,
    package: Option<&Package>,
) -> Result<(), Error> {
    if is_sandbox(connection).await? {
        record::note_validation(connection, plan, package).await?;
    }
    Ok(())
}

async fn ensure_tried(connection: &Connection, package: &Package) -> Result<(), Error> {
    if is_sandbox(connection).await? {
        return Ok(());
    }
    let untried = record::untried(connection, package).await?;
    match untried.first() {
        None => Ok(()),
        Some(first) => Err(Error::SandboxFirst {
            target: connection.target.clone(),
            count: untried.len(),
            first: first.to_string(),
        }),
    }
}
