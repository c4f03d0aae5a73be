//! Which loads and which of their columns options and destination leave out.
//!
//! In: the headers `when`, `field … when`, `optional`, `feature` of the load queries, `[options]`, the org's describes.
//! Out: [`Exclusions`]. Never: a load left out in silence while it has rows; that is an error before anything is sent.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use super::columns;
use super::project::Project;
use super::resolved::{Exclusions, ResolvedProject};
use crate::config::OptionValue;
use crate::engine::Session;
use crate::error::Error;
use crate::project::{Grain, ProjectError, Queries, QueryFile, QueryKind};
use crate::rows::AUDIT_FIELDS;
use crate::salesforce::ObjectDescribe;
use crate::staging::{Snapshot, Staging};

/// The option that says what to do about `CreatedDate` and `CreatedById` (`guide/rules.md` 24).
pub(crate) const AUDIT_OPTION: &str = "audit_fields";

/// Judges conditions, optional columns and audit fields. Of an org that was not asked nothing is missing.
///
/// # Errors
/// A condition that is no boolean; [`Error::AuditFields`] when they are required and the org does not allow them.
pub(crate) async fn judge(
    project: &Project,
    staging: &Staging,
    queries: &Queries,
    describes: Option<&BTreeMap<String, ObjectDescribe>>,
) -> Result<Exclusions, Error> {
    let session = project
        .engine
        .session(staging, &Snapshot::default())?
        .with_parameters(project.config.options.parameters());
    let mut exclusions = Exclusions::default();
    let mut refused: BTreeSet<&str> = BTreeSet::new();
    let audit = match project.config.options.get(AUDIT_OPTION) {
        Some(OptionValue::Text(word)) => word.as_str(),
        _ => "if_allowed",
    };
    for file in queries.kind(QueryKind::Load) {
        if let Some(when) = &file.when
            && !holds(&session, file, when).await?
        {
            exclusions
                .left_out
                .insert(file.name.clone(), format!("not {when}"));
            continue;
        }
        let describe = describes.and_then(|objects| objects.get(file.object()));
        let has = |name: &str| {
            describes.is_none()
                || describe
                    .and_then(|object| object.field(name))
                    .is_some_and(|field| field.createable || field.updateable)
        };
        let mut dropped: BTreeSet<String> = file
            .optional
            .iter()
            .filter(|name| !has(name))
            .cloned()
            .collect();
        for field in &file.fields {
            if let Some(when) = &field.when
                && !holds(&session, file, when).await?
            {
                dropped.insert(field.name.clone());
            }
        }
        for name in AUDIT_FIELDS {
            // An object that does not exist yet is created by the loader, who may then set them if he may anywhere.
            let allowed = match describe {
                Some(_) => has(name),
                None => describes.is_none_or(|objects| {
                    let mut objects = objects.values().filter_map(|object| object.field(name));
                    objects.any(|field| field.createable)
                }),
            };
            if audit == "off" || !allowed {
                dropped.insert(name.to_owned());
            }
            if !allowed && describe.is_some() && file.sql.contains(&format!("\"{name}\"")) {
                refused.insert(file.object());
            }
        }
        exclusions.dropped.insert(file.name.clone(), dropped);
    }
    if !refused.is_empty() && audit == "require" {
        let objects = refused.into_iter().map(str::to_owned).collect();
        return Err(Error::AuditFields { objects });
    }
    if audit != "off" {
        exclusions.refused = refused.into_iter().map(str::to_owned).collect();
    }
    Ok(exclusions)
}

/// What is said of original dates and authors that the org does not take: whether fields of our own have them.
pub(crate) fn tell_refused(resolved: &ResolvedProject, snapshot: &Snapshot) -> Option<String> {
    let refused = &resolved.exclusions.refused;
    if refused.is_empty() {
        return None;
    }
    let refusal = Error::AuditFields {
        objects: refused.iter().cloned().collect(),
    };
    let mut lost: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let has_rows = |file: &&QueryFile| {
        let own = file.source.as_ref().and_then(Grain::staged);
        own.and_then(|own| snapshot.get("usercom", own))
            .is_none_or(|table| table.rows > 0)
    };
    for file in resolved.loads().filter(has_rows) {
        let dropped = resolved.exclusions.dropped(file);
        let gone = AUDIT_FIELDS
            .into_iter()
            .filter(|name| dropped.contains(*name));
        for name in gone.filter(|name| !is_kept(resolved, file, name)) {
            lost.entry(name).or_default().insert(file.object());
        }
    }
    let lost: Vec<String> = lost
        .into_iter()
        .map(|(name, objects)| {
            let objects: Vec<&str> = objects.into_iter().collect();
            let what = match name {
                "CreatedById" => "author",
                _ => "original time",
            };
            format!("the {what} of {} is kept nowhere", objects.join(", "))
        })
        .collect();
    let but = match lost.is_empty() {
        true => String::new(),
        false => format!("; {}", lost.join("; ")),
    };
    Some(format!(
        "{refusal}: records show the day and the user of the migration, original times and authors are kept in fields of our own{but} \
         (audit_fields = \"require\" refuses to load so)"
    ))
}

/// Whether another field of a load has what an audit field would have got from the row itself.
fn is_kept(resolved: &ResolvedProject, file: &QueryFile, name: &str) -> bool {
    let lineage = columns::lineage_of(resolved, file);
    let own = file.source.as_ref().and_then(Grain::staged);
    let of_row = |column: &&str| {
        let column = column.strip_prefix("usercom.").unwrap_or(column);
        let (table, column) = column.split_once('.').unwrap_or_default();
        own.is_none_or(|own| own == table) && column != "id"
    };
    let Some(audit) = lineage.get(name) else {
        return true;
    };
    // Whoever is a user of the org was looked up by what the row says of its author.
    let wanted: BTreeSet<&str> = match name {
        "CreatedById" => audit.all().filter(of_row).collect(),
        _ => audit.values.iter().map(String::as_str).collect(),
    };
    let sent = resolved.columns.get(&file.name);
    let sent = sent.into_iter().flat_map(|columns| &columns.sent);
    let mut others = sent.filter(|field| !AUDIT_FIELDS.contains(&field.name().as_str()));
    wanted.is_empty()
        || others.any(|field| {
            let from = lineage.get(field.name());
            from.is_some_and(|from| wanted.iter().any(|name| from.carried.contains_key(*name)))
        })
}

/// Leaves out the loads whose object the org neither has nor gets. Those that have rows are noted as lacking: no run that they would
/// take part in begins.
pub(crate) async fn absent(
    project: &Project,
    staging: &Staging,
    resolved: &mut ResolvedProject,
    describes: &BTreeMap<String, ObjectDescribe>,
) -> Result<(), Error> {
    let mut left_out = BTreeMap::new();
    let mut lacking = BTreeMap::new();
    let labelled = resolved.loads().filter(|file| file.label.is_some());
    let created: BTreeSet<&str> = labelled.map(QueryFile::object).collect();
    for file in resolved.loads() {
        let object = file.object();
        if describes.contains_key(object) || created.contains(object) {
            continue;
        }
        let session = columns::whole(project, staging, resolved, &file.references).await?;
        let sql = format!("select count(*) as n from (\n{}\n) as q", file.sql);
        let rows: i64 = session
            .collect(&file.path, &sql)
            .await?
            .iter()
            .flat_map(|batch| {
                batch
                    .column(0)
                    .as_primitive::<Int64Type>()
                    .values()
                    .to_vec()
            })
            .sum();
        let mut reason = format!("the org has no {object}, or hides it");
        if rows > 0 {
            let advice = match &file.feature {
                Some(feature) => feature,
                None if object.ends_with("__c") => {
                    "correct the `object:` header, or let it be created by a `label:` header"
                }
                None => "enable it in Setup",
            };
            let needed = format!("{object} ({rows} row(s) of {}): {advice}", file.path);
            lacking.insert(file.name.clone(), needed);
        } else {
            reason.insert_str(0, "no rows, and ");
        }
        left_out.insert(file.name.clone(), reason);
    }
    resolved.exclusions.left_out.extend(left_out);
    resolved.exclusions.lacking = lacking;
    Ok(())
}

async fn holds(session: &Session, file: &QueryFile, condition: &str) -> Result<bool, Error> {
    let sql = format!("select coalesce(({condition}), false) as holds");
    let batches = session.collect(&file.path, &sql).await?;
    batches
        .first()
        .and_then(|batch| batch.column(0).as_boolean_opt())
        .map(|column| column.value(0))
        .ok_or_else(|| {
            Error::Project(ProjectError::Columns {
                path: file.path.clone(),
                reason: format!("`{condition}` is no condition"),
                hint: "write a comparison of options, such as $tag_strategy = 'topics'".to_owned(),
            })
        })
}
