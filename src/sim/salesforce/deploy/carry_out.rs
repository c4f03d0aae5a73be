//! A package against the org: every component checked, then all applied or none.
//!
//! In: a [`Deployment`]. Out: its result. The metadata is changed on a copy; the copy comes into force only if the whole
//! deployment may (`guide/salesforce.md` §5.1: checkOnly, rollbackOnError). One deployment runs at a time.

use std::io;
use std::sync::Arc;

use super::super::error::SimError;
use super::super::lock::lock;
use super::super::org::Org;
use super::super::tooling;
use super::super::upkeep;
use super::draft::Draft;
use super::package::Package;
use super::status::Deployment;

/// Runs a deployment to its end, or up to where it is held.
pub(crate) fn carry_out(org: &Arc<Org>, deployment: &Deployment) -> Result<(), SimError> {
    let _alone = lock(&org.deployments.turn);
    deployment.begin();
    let zip = deployment.take_zip();
    let package = match Package::read(&zip) {
        Ok(package) => package,
        Err(message) => {
            deployment.fail(&message);
            return Ok(());
        }
    };
    let mut draft = Draft::new(org);
    draft.read(&package);
    if deployment.hold(&draft.components, zip) || deployment.stop(&draft.components) {
        return Ok(());
    }
    let failed = draft
        .components
        .iter()
        .any(|component| component.problem.is_some());
    let all_failed = draft
        .components
        .iter()
        .all(|component| component.problem.is_some());
    let apply = !deployment.options.check_only
        && !deployment.cancelled()
        && !(failed && (deployment.options.rollback_on_error || all_failed));
    if apply {
        org.deploy(draft.metadata.clone())?;
        rows(org, &draft).map_err(|source| SimError::State {
            path: org.options.state.clone(),
            source,
        })?;
        org.forget();
    }
    deployment.finish(&draft.components, apply);
    Ok(())
}

/// Writes the rows that go with the metadata.
fn rows(org: &Arc<Org>, draft: &Draft) -> io::Result<()> {
    for name in &draft.removed {
        let rows = org.model().rows_with("PermissionSet", &[("Name", name)]);
        upkeep::purge(org, "PermissionSet", &rows)?;
    }
    for values in &draft.values {
        values.write(org)?;
    }
    for rule in &draft.rules {
        rule.write(org)?;
    }
    for process in &draft.processes {
        process.write(org)?;
    }
    for record_type in &draft.record_types {
        record_type.write(org)?;
    }
    for set in &draft.sets {
        let mut values = vec![
            ("Label", set.label.as_str()),
            ("IsCustom", "true"),
            ("Type", "Regular"),
        ];
        let flags = set.flags.iter();
        values.extend(flags.map(|(name, on)| (name.as_str(), if *on { "true" } else { "false" })));
        upkeep::put(org, "PermissionSet", &[("Name", &set.name)], &values)?;
    }
    // Record types of a deleted object go with it.
    let model = org.model();
    let orphans = model.record_types().into_iter();
    let orphans = orphans.filter(|one| model.schema.position(&one.object).is_none());
    let orphans: Vec<_> = orphans.map(|one| one.id).collect();
    upkeep::purge(org, "RecordType", &orphans)?;
    tooling::list_custom_fields(org)
}
