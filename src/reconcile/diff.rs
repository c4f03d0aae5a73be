//! Differences between what landed and what is in the org, as one SQL query per load.
//!
//! In: `outbox.<load>`, `ledger.<load>`, `org.<load>`. Out: `recon.differences_<load>` with key, kind (`missing`,
//! `changed`, `extra`), field, value sent, value found. A row counts as landed when the ledger holds the fingerprint
//! of exactly these values. A field that this run did not send and that is another one now was changed in the org: it goes to
//! `recon.changed_by_org_<load>` (`edits`).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::logical_expr::LogicalPlan;

use super::ReconcileError;
use super::coercion::{derived_by, is_made_with};
use super::compared::Compared;
use super::edits;
use super::names::{CHANGED_BY_ORG, each_entry};
use super::request::DiffRequest;
use crate::engine::Session;
use crate::rows::{key_text, same_key, stands};
use crate::salesforce::ObjectDescribe;
use crate::staging::{Basis, Manifest, Snapshot, digest_of};

/// Columns of a difference.
pub(super) const DIFFERENCE: &str = "d.key, d.kind, d.field, d.sent, d.found";

/// Compares and publishes `recon.differences_<load>`. Where outbox, ledger, records and what was found before are as they were, what
/// was found stands.
///
/// # Errors
/// [`ReconcileError`].
pub async fn write_differences(request: &DiffRequest<'_>) -> Result<Manifest, ReconcileError> {
    let landed = match &request.edits {
        _ if request.rows == 0 => None,
        Some(edits) => Some(edits::with_known(request.load, edits, &landed_sql(request))),
        None => Some(format!(
            "select {DIFFERENCE} from ({}) as d",
            landed_sql(request)
        )),
    };
    let whole = planned(request, landed.as_deref()).await?;
    let extra = planned(request, extra_sql(request).as_deref()).await?;
    let basis = basis(request, [&whole, &extra]);
    let snapshot = request.staging.snapshot().await?;
    let stands = |table: &str| {
        let table = snapshot.get("recon", &format!("{table}{}", request.load));
        let may_stand = basis.is_some() && !request.session.is_fresh();
        table.filter(|table| may_stand && table.basis == basis)
    };
    if let (Some(differences), Some(_)) = (stands("differences_"), stands(CHANGED_BY_ORG)) {
        return Ok(differences.clone());
    }
    let name = format!("differences_{}", request.load);
    let fields = ["key", "kind", "field", "sent", "found"]
        .map(|name| Field::new(name, DataType::Utf8, true));
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let mut writer = request
        .staging
        .create("recon", &name, Arc::clone(&schema), &[])
        .await?;
    let mut plans = in_parts(request, &snapshot, landed.as_deref(), whole).await?;
    if let Some(found) = &request.edits {
        let landed = std::mem::take(&mut plans);
        let mut edits = edits::write(request, found, landed, &mut writer).await?;
        edits.basis.clone_from(&basis);
        request.staging.publish(edits).await?;
    }
    plans.extend(extra.map(|plan| (request.session.clone(), plan)));
    for (session, plan) in plans {
        let mut stream = session
            .stream_plan(&format!("recon.{name}"), plan, &[])
            .await?;
        while let Some(batch) = stream.next_batch().await? {
            writer.write(&batch).await?;
        }
    }
    if !request.strays.is_empty() {
        let [keys, ids] = [0, 1].map(|column| {
            let cells = request
                .strays
                .iter()
                .map(|(key, id)| [key, id][column].as_str());
            Arc::new(StringArray::from_iter_values(cells)) as ArrayRef
        });
        let count = request.strays.len();
        let kind = StringArray::from_iter_values(std::iter::repeat_n("extra", count));
        let none = || Arc::new(StringArray::new_null(count)) as ArrayRef;
        let columns = vec![keys, Arc::new(kind), none(), none(), ids];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
        writer
            .write(&batch.map_err(|source| ReconcileError::Store {
                object: request.describe.name.clone(),
                source,
            })?)
            .await?;
    }
    let mut differences = writer.finish(BTreeMap::new()).await?;
    differences.basis = basis;
    Ok(request.staging.publish(differences).await?)
}

/// The plan of a part of the comparison, if there is one.
async fn planned(
    request: &DiffRequest<'_>,
    sql: Option<&str>,
) -> Result<Option<LogicalPlan>, ReconcileError> {
    let what = format!("recon.differences_{}", request.load);
    Ok(match sql {
        Some(sql) => Some(request.session.plan(&what, sql).await?),
        None => None,
    })
}

/// The plan of the comparison, once for each part of the outbox that has an order of its own: what is in the order of its keys, which is
/// nearly all of it in a later run, is joined as it lies.
async fn in_parts(
    request: &DiffRequest<'_>,
    snapshot: &Snapshot,
    sql: Option<&str>,
    whole: Option<LogicalPlan>,
) -> Result<Vec<(Session, LogicalPlan)>, ReconcileError> {
    let outbox = snapshot.get("outbox", request.load);
    let parts = outbox.map_or_else(Vec::new, Manifest::by_order);
    let (Some(outbox), [_, _, ..]) = (outbox, parts.as_slice()) else {
        let whole = whole.map(|plan| (request.session.clone(), plan));
        return Ok(whole.into_iter().collect());
    };
    let mut plans = Vec::new();
    for part in &parts {
        request.session.register(request.staging, part)?;
        let session = request.session.joining(part.rows, outbox.rows);
        let plan = planned(request, sql).await?;
        plans.extend(plan.map(|plan| (session, plan)));
    }
    request.session.register(request.staging, outbox)?;
    Ok(plans)
}

/// What a comparison follows from; none where that is not known.
fn basis(request: &DiffRequest<'_>, plans: [&Option<LogicalPlan>; 2]) -> Option<Basis> {
    let edits = request.edits.as_ref()?;
    let mut basis = Basis::default();
    let settled = format!("{} {:?} {:?}", edits.user, edits.automation, request.strays);
    basis.add("user, automation and strays", digest_of(&settled));
    for plan in plans.into_iter().flatten() {
        basis.extend(request.session.basis(plan, &[])?);
    }
    Some(basis)
}

/// SQL that is true where a value sent (column of `o`) and the one found (text column of `r`) are not the same, and the normal form
/// of the one sent, and the one found as it is shown; none for a field that cannot be compared. Of a record that was read
/// without what the org had accepted (`is_alone`), a body may not be.
pub(super) fn differs(
    describe: &ObjectDescribe,
    field: &Field,
    is_alone: bool,
) -> Option<[String; 3]> {
    let compared = Compared::of(describe, field.name())?;
    let (sent, found) = compared.forms(field, "o", "r");
    if !compared.is_comparable() {
        let (_, accepted) = compared.accepted(field, "r");
        let differs = format!("({accepted} is distinct from {found})");
        return (!is_alone).then_some([differs, accepted, found]);
    }
    // A null was not sent, and an empty text is one: neither says anything about the org's value. Nearly all cells are alike as they
    // are, which is all that is looked at then.
    let unlike = compared.unlike(field, "o", "r");
    let mut differs =
        format!("({unlike}cast({sent} as varchar) <> '' and {sent} is distinct from {found})");
    if let Some(unless) = derived_by(describe, field.name()) {
        differs = format!("({differs} and coalesce(r.\"{unless}\", '') <> 'true')");
    }
    if is_made_with(describe, field.name()) {
        differs = format!("({differs} and o._operation in ('insert', 'upsert'))");
    }
    Some([differs, sent, compared.shown(field, "r")])
}

/// Rows that landed: missing ones and changed fields.
fn landed_sql(request: &DiffRequest<'_>) -> String {
    let load = request.load;
    let key = &request.columns.key;
    let mut differ = Vec::new();
    let mut entries = vec![
        "case when r._id is null then named_struct('kind', 'missing', 'field', cast(null as varchar), \
         'sent', cast(null as varchar), 'found', cast(null as varchar), 'place', -1) end"
            .to_owned(),
    ];
    for (place, field) in request.columns.sent.iter().enumerate() {
        if key.contains(field.name()) || request.later.contains(field.name()) {
            continue;
        }
        let Some([differs, sent, found]) = differs(request.describe, field, false) else {
            continue;
        };
        entries.push(format!(
            "case when r._id is not null and {differs} then named_struct('kind', 'changed', 'field', '{name}', \
             'sent', cast({sent} as varchar), 'found', {found}, 'place', {place}) end",
            name = field.name()
        ));
        differ.push(differs);
    }
    let differ = if differ.is_empty() {
        "false".to_owned()
    } else {
        differ.join("\n or ")
    };
    // A row that was found in the org under its key has no fingerprint yet.
    let rows = format!(
        "select {key_text} as key, {more}, make_array({entries}) as entries \
         from outbox.{load} as o inner join ledger.{load} as l on {on_ledger} \
         and l.id is not null and (l.fingerprint is null or {stands}) \
         left join org.{load} as r on {on_org} where r._id is null or {differ}",
        more = edits::selected(request.edits.as_ref()),
        key_text = key_text("o", key),
        entries = entries.join(",\n "),
        on_ledger = same_key("l", "o", key),
        stands = stands("o", "l"),
        on_org = same_key("r", "o", key),
    );
    format!(
        "select d.key, d.entry['kind'] as kind, d.entry['field'] as field, d.entry['sent'] as sent, \
         d.entry['found'] as found, d.entry['place'] as place, {known} \
         from ({entries}) as d where d.entry['kind'] is not null",
        known = edits::COLUMNS,
        entries = each_entry(&rows),
    )
}

/// Rows in the org with a key that no ledger knows. Other loads' ledgers are asked only about what this one does not know. With a key
/// of its own a row is ours; with one of the object's fields it may be anybody's, and nothing is asked.
fn extra_sql(request: &DiffRequest<'_>) -> Option<String> {
    let load = request.load;
    let key = &request.columns.key;
    if key.len() != 1 || !key[0].ends_with("__c") || request.rows == 0 {
        return None;
    }
    let mut unknown = format!(
        "select r.\"{column}\", r._id from org.{load} as r left join ledger.{load} as l on {on} where l.id is null",
        column = key[0],
        on = same_key("l", "r", key)
    );
    let siblings = request.siblings.iter().map(|load| (load, ""));
    let leads = request.leads.iter();
    let leads = leads.map(|load| (load, " and s.live = 'converted'"));
    for ((sibling, sibling_key), and) in siblings.chain(leads) {
        unknown = format!(
            "select r.\"{column}\", r._id from ({unknown}) as r left join ledger.{sibling} as s on {} = {}{and} where s.id is null",
            key_text("s", sibling_key),
            key_text("r", key),
            column = key[0],
        );
    }
    Some(format!(
        "select {} as key, 'extra' as kind, cast(null as varchar) as field, cast(null as varchar) as sent, \
         r._id as found from ({unknown}) as r",
        key_text("r", key)
    ))
}
