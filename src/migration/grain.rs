//! The rows that each load has to account for (`guide/design.md` §6): its header `source` says which.
//!
//! In: the headers, the tables they name, the reports of the loads that have run. Out: how many rows a source has against how
//! many have a fate or were sent; for loads that an option leaves out, the fate `ignored` of each of their rows. Never: a row of
//! a source that is in no book.

use std::collections::BTreeSet;

use super::context::{Context, Reads};
use super::resolve::ResolvedProject;
use crate::config::OptionValue;
use crate::engine::Session;
use crate::error::Error;
use crate::project::{QueryFile, QueryKind};
use crate::reconcile::{PhaseReport, counts};
use crate::rows::key_text;
use crate::staging::Snapshot;
use crate::transform::write_table;

/// A source, its rows, and the rows of it that its loads account for, once all of them have run.
pub(super) async fn expected(
    context: &Context<'_>,
    session: &Session,
    snapshot: &Snapshot,
    file: &QueryFile,
    report: &PhaseReport,
    reports: &[PhaseReport],
) -> Result<Option<(String, u64, u64)>, Error> {
    let Some(grain) = &file.source else {
        return Ok(None);
    };
    let Some((schema, table)) = &grain.table else {
        return Ok(None);
    };
    let mut accounted = report.accounted();
    for other in context.resolved.loads() {
        if other.name == file.name || other.source.as_ref() != Some(grain) {
            continue;
        }
        match reports.iter().find(|done| done.load == other.name) {
            Some(done) => accounted += done.accounted(),
            None => return Ok(None),
        }
    }
    let Some(manifest) = snapshot.get(schema, table) else {
        return Ok(None);
    };
    let rows = match &grain.count {
        Some(sql) if manifest.rows > 0 => counts(session, &file.path, sql).await?.values().sum(),
        _ => manifest.rows,
    };
    Ok(Some((grain.text.clone(), rows, accounted)))
}

/// Loads that an option leaves out and whose rows nothing takes instead.
pub(super) fn excluded(resolved: &ResolvedProject) -> impl Iterator<Item = &QueryFile> {
    let taken = choices_in_effect(resolved);
    let is_source = |file: &QueryFile| {
        let grain = file.source.as_ref();
        grain.is_some_and(|grain| grain.table.is_some())
    };
    resolved
        .queries
        .kind(QueryKind::Load)
        .filter(move |file| !resolved.is_active(file) && is_source(file))
        .filter(move |file| {
            let when = file.when.as_deref();
            when.is_some_and(|when| choices(when).is_disjoint(&taken))
        })
}

/// Options by which some load or field takes part: what such an option leaves out goes another way.
fn choices_in_effect(resolved: &ResolvedProject) -> BTreeSet<String> {
    let fields = resolved.loads().flat_map(|file| {
        let dropped = resolved.exclusions.dropped(file);
        file.fields
            .iter()
            .filter(|field| !dropped.contains(&field.name))
            .filter_map(|field| field.when.as_deref())
    });
    resolved
        .loads()
        .filter_map(|file| file.when.as_deref())
        .chain(fields)
        .flat_map(choices)
        .collect()
}

/// The options of a condition that choose one of several ways, not whether there is one.
fn choices(condition: &str) -> BTreeSet<String> {
    let names = crate::project::parameters(condition).unwrap_or_default();
    let is_choice = |name: &String| condition.contains(&format!("${name} ="));
    names.into_iter().filter(is_choice).collect()
}

/// Gives the rows of loads that an option leaves out their fate. One report per load with rows.
pub(super) async fn left_out(context: &Context<'_>) -> Result<Vec<PhaseReport>, Error> {
    let mut reports = Vec::new();
    for file in excluded(&context.resolved) {
        let (_, session) = context.session(Reads::Only(&file.references)).await?;
        let sql = format!(
            "select {} as key, 'ignored' as fate, '{}' as reason, cast(null as varchar) as parent from (\n{}\n) as q",
            key_text("q", &file.key),
            reason(context, file).replace('\'', "''"),
            file.sql
        );
        let name = format!("fates_{}", file.name);
        let staging = context.staging();
        let manifest =
            write_table(staging, &session, ("recon", &name), &file.path, &sql, &[]).await?;
        let ignored = manifest.rows;
        staging.publish(manifest).await?;
        if ignored > 0 {
            reports.push(PhaseReport {
                object: file.object().to_owned(),
                load: file.name.clone(),
                ignored,
                ..PhaseReport::default()
            });
        }
    }
    Ok(reports)
}

/// The options that leave a load out, as they are set.
fn reason(context: &Context<'_>, file: &QueryFile) -> String {
    let condition = file.when.as_deref().unwrap_or_default();
    let names = crate::project::parameters(condition).unwrap_or_default();
    let options = &context.project.config.options;
    let set: Vec<String> = names
        .iter()
        .filter_map(|name| {
            let value = match options.get(name)? {
                OptionValue::Bool(value) => value.to_string(),
                OptionValue::Int(value) => value.to_string(),
                OptionValue::Float(value) => value.to_string(),
                OptionValue::Text(value) => value.clone(),
            };
            Some(format!("{name} = {value}"))
        })
        .collect();
    set.join(", ")
}
