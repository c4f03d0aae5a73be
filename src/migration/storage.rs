//! Storage that the rows to be created will take in the org (`guide/salesforce.md` §6.5).
//!
//! In: projected outboxes. Out: kilobytes of data and of file storage per load. An estimate: Salesforce counts records by
//! object, not by what is in them, and files and e-mails by their bytes. A new version of a note or a file
//! takes its bytes once more. Never: other rows that only change, which take nothing more.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int64Type};

use super::dry_run::DryRun;
use super::new_bodies::{FILE_SIZES, new_bodies};
use super::resolved::ResolvedProject;
use crate::engine::Session;
use crate::error::Error;
use crate::project::QueryFile;
use crate::rows::{Columns, FILE};
use crate::staging::Manifest;

/// What one load will take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Storage {
    pub data_kb: u64,
    pub file_kb: u64,
}

/// Kilobytes of most records.
const USUAL: u64 = 2;

/// Kilobytes of records that take another number.
const OTHERS: [(&str, u64); 2] = [("Campaign", 8), ("CampaignMember", 1)];

/// Objects whose records take no data storage: lines, prices, and what only ties two records together. The reference names
/// the first three; of the others it is the platform's usual figure.
const FREE: [&str; 16] = [
    "OpportunityLineItem",
    "PricebookEntry",
    "OpportunityContactRole",
    "AccountContactRelation",
    "AccountTeamMember",
    "CampaignMemberStatus",
    "ContentDocumentLink",
    "EmailMessageRelation",
    "EventRelation",
    "ObjectTerritory2Association",
    "OpportunityTeamMember",
    "TopicAssignment",
    "UserTerritory2Association",
    // Files, counted below.
    "ContentVersion",
    "ContentNote",
    // By the bytes of its texts, counted below.
    EMAIL,
];

const EMAIL: &str = "EmailMessage";
const NOTE: &str = "ContentNote";

/// Rows that make a record, where `o` is an outbox.
const CREATED: &str = "o._operation in ('insert', 'upsert')";

/// What each load will take; `session` sees the projected tables.
pub(crate) async fn estimate(
    session: &Session,
    resolved: &ResolvedProject,
    dry_run: &DryRun,
) -> Result<BTreeMap<String, Storage>, Error> {
    let mut estimates = BTreeMap::new();
    for file in resolved.loads() {
        if let Some(outbox) = dry_run.outboxes.get(&file.name) {
            let columns = resolved.columns(file)?;
            let files = dry_run.snapshot.get("usercom", "files").is_some();
            let storage = of_load(session, file, columns, outbox, files).await?;
            estimates.insert(file.name.clone(), storage);
        }
    }
    Ok(estimates)
}

async fn of_load(
    session: &Session,
    file: &QueryFile,
    columns: &Columns,
    outbox: &Manifest,
    files_are_staged: bool,
) -> Result<Storage, Error> {
    let created = outbox.count("insert") + outbox.count("upsert");
    let replaced = new_bodies(session, file, outbox).await?;
    if created + replaced.rows == 0 {
        return Ok(Storage::default());
    }
    let object = file.object();
    let load = &file.name;
    let mut storage = Storage {
        data_kb: created * kilobytes(object),
        file_kb: 0,
    };
    let has_file = columns.hidden.iter().any(|field| field.name() == FILE);
    let bytes = if object == EMAIL {
        format!(
            "select sum(cast(greatest({least}, {texts}) as bigint)) as bytes from outbox.{load} as o where {CREATED}",
            least = USUAL * 1024,
            texts = texts(columns),
        )
    } else if object == NOTE {
        format!(
            "select sum(cast({} as bigint)) as bytes from outbox.{load} as o where {CREATED}",
            texts(columns)
        )
    } else if has_file && files_are_staged {
        format!(
            "select sum(f.size) as bytes from outbox.{load} as o inner join ({FILE_SIZES}) as f \
             on f.stored_path = o.\"{FILE}\" where {CREATED}"
        )
    } else {
        return Ok(storage);
    };
    let bytes = number(session, &file.path, &bytes).await? + replaced.bytes;
    let kilobytes = bytes.div_ceil(1024);
    if object == EMAIL {
        // Salesforce makes a task for each e-mail that belongs to a record.
        storage.data_kb = kilobytes + created * USUAL;
    } else {
        storage.file_kb = kilobytes;
    }
    Ok(storage)
}

fn kilobytes(object: &str) -> u64 {
    if FREE.contains(&object) {
        return 0;
    }
    let other = OTHERS.iter().find(|(name, _)| *name == object);
    other.map_or(USUAL, |(_, kilobytes)| *kilobytes)
}

/// Bytes of a row's texts.
fn texts(columns: &Columns) -> String {
    let texts = columns
        .sent
        .iter()
        .filter(|field| field.data_type() == &DataType::Utf8)
        .map(|field| format!("coalesce(octet_length(o.\"{}\"), 0)", field.name()));
    let texts: Vec<String> = texts.chain(["0".to_owned()]).collect();
    texts.join(" + ")
}

async fn number(session: &Session, name: &str, sql: &str) -> Result<u64, Error> {
    let batches = session.collect(name, sql).await?;
    let number = batches
        .first()
        .and_then(|batch| batch.column(0).as_primitive_opt::<Int64Type>())
        .filter(|column| !column.is_empty() && column.is_valid(0))
        .map_or(0, |column| column.value(0));
    Ok(u64::try_from(number).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_take_what_the_platform_counts_for_their_object() {
        for (object, expected) in [
            ("Account", 2),
            ("usercom_stage_change__c", 2),
            ("Campaign", 8),
            ("CampaignMember", 1),
            ("OpportunityLineItem", 0),
            ("ContentVersion", 0),
        ] {
            assert_eq!(kilobytes(object), expected, "{object}");
        }
    }
}
