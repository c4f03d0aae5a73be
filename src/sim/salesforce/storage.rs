//! How much the org stores, and how much it may (`guide/salesforce.md` §6.5).
//!
//! In: the rows that are there, the sizes of files, the options. Out: kilobytes used, and how many rows more fit.

use super::model::Model;
use super::org::Org;

/// Kilobytes a row takes; objects that are not listed take none.
fn kilobytes(object: &str, custom: bool) -> u64 {
    match object {
        "Lead" | "Contact" | "Account" | "Opportunity" | "Event" | "Task" | "Case" | "Note"
        | "Contract" | "Quote" => 2,
        "EmailMessage" => 2,
        "Campaign" => 8,
        "CampaignMember" => 1,
        _ if custom => 2,
        _ => 0,
    }
}

/// Kilobytes of data.
pub(crate) fn data_used(model: &Model) -> u64 {
    let stored = model.schema.objects().iter().zip(&model.tables);
    stored
        .map(|(object, table)| table.read().live() * kilobytes(&object.name, object.custom))
        .sum()
}

/// How many rows of an object may still be made; none = as many as anybody likes. No table may be locked.
pub(crate) fn room(org: &Org, model: &Model, object: usize) -> Option<u64> {
    let definition = model.schema.object(object);
    if matches!(definition.name.as_str(), "ContentVersion" | "ContentNote") {
        let full = org.blobs.bytes() > org.options.file_storage_mb * 1024 * 1024;
        return full.then_some(0);
    }
    let one = kilobytes(&definition.name, definition.custom);
    let most = org.options.data_storage_mb * 1024;
    (one > 0).then(|| most.saturating_sub(data_used(model)) / one)
}
