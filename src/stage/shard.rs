//! Staging by several processes, each its share of the files, and one table of all shares.
//!
//! In: an export that every process sees, and which share is this one's. Out: rows and a document per share; once all are there, the
//! same tables that one process would have published. Any process may end at any time: its share is missing then and named, and
//! nothing is published. Never: a table made of shares of different exports, settings or versions of the program.
//!
//! ```text
//! 1/3 ─▶ rows ─▶ shards/3/1.json ┐
//! 2/3 ─▶ rows ─▶ shards/3/2.json ├─ whoever finds all of them: lease ▸ merge by id, newest wins ▸ publish ▸ shares removed
//! 3/3 ─▶ rows ─▶ shards/3/3.json ┘
//! ```
//!
//! Files are shared out whole, by bytes, in the order of the tables; the few that say what other files hold (attributes, custom
//! objects) are read by every process. So every process finds the same columns.

use std::collections::{BTreeMap, BTreeSet};

use super::custom::Custom;
use super::error::write_error;
use super::input::{InputFile, input_files};
use super::share::{self, COMMON, Shard, Share, Shares, TableShare, is_common};
use super::stager::{Finished, Stager};
use super::{Settings, StageError, altered, blob_books, inputs};
use crate::engine::Engine;
use crate::progress::Progress;
use crate::staging::{Snapshot, Staging, digest_of};
use crate::usercom::attributes::AttributeDefinition;
use crate::usercom::schema::Object;
use crate::usercom::{Blobs, Export, Listing, OBJECTS};

/// What a process finds when its share is staged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardReport {
    /// Files of its share.
    pub files: usize,
    /// Records in them.
    pub rows: u64,
    /// Whether the share was there already, of the same files.
    pub stood: bool,
    /// Shares that are not there, each with why. Empty: all are, and can be published.
    pub missing: Vec<String>,
}

/// Stages one share; publishes nothing and needs no lease.
///
/// Running it again replaces the share, unless it follows from the same. Memory as of [`super::stage`].
///
/// # Errors
/// [`StageError`]; what was written is removed then.
pub async fn stage_shard(
    settings: &Settings,
    export: &Export,
    (staging, engine): (&Staging, &Engine),
    progress: &dyn Progress,
    shard: Shard,
) -> Result<ShardReport, StageError> {
    let listing = super::listed(settings, export).await?;
    let plan = plan(settings, &listing);
    let own = own_files(&listing, shard);
    let mut report = ShardReport {
        files: own.len(),
        ..ShardReport::default()
    };
    let standing = match engine.is_fresh() {
        true => None,
        false => share::read(staging, shard).await?,
    };
    let mut stands = None;
    let files = listing.files.iter();
    let files: Vec<_> = files
        .filter(|file| own.contains(&file.name))
        .cloned()
        .collect();
    let before = snapshot(staging).await?;
    let (digests, measured) =
        inputs::measure(export, staging, &before, &files, BTreeMap::new()).await?;
    staging.remove(&measured).await;
    if let Some(share) = standing
        && share.plan == plan
        && share.inputs == digests
        && share.is_whole(staging).await?
    {
        report.stood = true;
        stands = Some(share);
    }
    let share = match stands {
        Some(share) => share,
        None => {
            let mut blobs = Blobs::clone(&listing.blobs);
            let measured = blob_books::measure(export, staging, &before, &mut blobs).await?;
            staging.remove(&measured).await;
            let area = (staging, engine, before);
            let blobs = (blobs, measured.digest());
            let mut stager = Stager::open(settings, export, area, progress, blobs).await?;
            let mut tables = BTreeMap::new();
            let mut common = Vec::new();
            let staged = stage_own(&mut stager, &listing, &own, (&mut tables, &mut common)).await;
            for table in common {
                staging.remove(&table.table).await;
                staging.remove(&table.rejects).await;
            }
            let altered = stager.altered;
            if let Err(error) = staged {
                altered.discard().await;
                discard(staging, tables).await;
                return Err(error);
            }
            let altered = altered.finish(BTreeMap::new()).await;
            let share = Share {
                shard,
                plan: plan.clone(),
                inputs: digests,
                altered: altered.map_err(|source| write_error("altered", source))?,
                tables,
            };
            share.write(staging).await?;
            share
        }
    };
    let books = share.tables.values().flat_map(|table| &table.books);
    report.rows = books.map(|(_, book)| book.rows).sum();
    report.missing = missing(staging, &plan, shard).await?.1;
    Ok(report)
}

/// The shares of all processes, if all are there and follow from the same.
///
/// # Errors
/// [`StageError::MissingShards`] names those that are not.
pub(super) async fn shares(
    settings: &Settings,
    staging: &Staging,
    listing: &Listing,
    of: u32,
) -> Result<Shares, StageError> {
    let any = Shard { number: 1, of };
    let (shares, missing) = missing(staging, &plan(settings, listing), any).await?;
    match missing.is_empty() {
        true => Ok(Shares(shares)),
        false => Err(StageError::MissingShards { missing }),
    }
}

async fn missing(
    staging: &Staging,
    plan: &str,
    shard: Shard,
) -> Result<(Vec<Share>, Vec<String>), StageError> {
    let (mut shares, mut missing) = (Vec::new(), Vec::new());
    for other in shard.all() {
        match share::read(staging, other).await? {
            None => missing.push(other.to_string()),
            Some(share) if share.plan != plan => missing.push(format!(
                "{other} (staged from other files, with other settings or by another version)"
            )),
            Some(share) if !share.is_whole(staging).await? => {
                missing.push(format!("{other} (its files are gone)"));
            }
            Some(share) => shares.push(share),
        }
    }
    Ok((shares, missing))
}

async fn snapshot(staging: &Staging) -> Result<Snapshot, StageError> {
    let snapshot = staging.snapshot().await;
    snapshot.map_err(|source| write_error("people", source))
}

/// What the rows follow from, but for the contents of the files. Times of change are no part of it: machines may see others.
fn plan(settings: &Settings, listing: &Listing) -> String {
    let files: Vec<_> = listing
        .files
        .iter()
        .map(|file| (&file.name, &file.object, file.size))
        .collect();
    let settings = settings.told();
    digest_of(&format!(
        "{} {files:?} {settings}",
        env!("CARGO_PKG_VERSION")
    ))
}

/// Names of the files of a share: whole files, in the order of tables and names, cut where the bytes are even.
fn own_files(listing: &Listing, shard: Shard) -> BTreeSet<String> {
    let shared = |object: &str| !COMMON.contains(&object);
    let mut files: Vec<_> = listing
        .files
        .iter()
        .filter(|file| shared(&file.object))
        .collect();
    files.sort_by(|one, other| (&one.object, &one.name).cmp(&(&other.object, &other.name)));
    // An empty file is some work, too.
    let weight = |size: u64| u128::from(size) + 1;
    let total: u128 = files.iter().map(|file| weight(file.size)).sum();
    let mut before = 0;
    let mut own = BTreeSet::new();
    for file in files {
        let middle = before + weight(file.size) / 2;
        before += weight(file.size);
        let share = middle * u128::from(shard.of) / total.max(1);
        if share + 1 == u128::from(shard.number) {
            own.insert(file.name.clone());
        }
    }
    own
}

async fn stage_own(
    stager: &mut Stager<'_>,
    listing: &Listing,
    own: &BTreeSet<String>,
    (tables, common): (&mut BTreeMap<String, TableShare>, &mut Vec<Finished>),
) -> Result<(), StageError> {
    let mut definitions: Vec<AttributeDefinition> = Vec::new();
    for object in OBJECTS {
        let files = input_files(object, &listing.files);
        if is_common(object) {
            let altered = altered_apart(stager).await?;
            let table = stager.stage_table(object, files, &definitions).await;
            // Whoever puts the shares together reads these files again, and says it then.
            std::mem::replace(&mut stager.altered, altered)
                .discard()
                .await;
            let table = table?;
            if object.name == "attributes" {
                definitions.clone_from(&table.definitions);
            }
            common.push(table);
        } else {
            stage_rows(stager, object, (files, own), &definitions, tables).await?;
        }
    }
    let custom = Custom::find(stager.staging, &stager.before, common, listing).await?;
    definitions.extend(custom.definitions);
    for object in &custom.objects {
        let files = input_files(object, &listing.files);
        stage_rows(stager, object, (files, own), &definitions, tables).await?;
    }
    Ok(())
}

/// Puts an empty table in the place of `staged.altered`, and returns that.
async fn altered_apart(stager: &mut Stager<'_>) -> Result<crate::staging::TableWriter, StageError> {
    let apart = stager
        .staging
        .create("staged", "altered", altered::schema(), &[])
        .await;
    let apart = apart.map_err(|source| write_error("altered", source))?;
    Ok(std::mem::replace(&mut stager.altered, apart))
}

async fn stage_rows(
    stager: &mut Stager<'_>,
    object: &Object,
    (files, own): (Vec<InputFile>, &BTreeSet<String>),
    definitions: &[AttributeDefinition],
    tables: &mut BTreeMap<String, TableShare>,
) -> Result<(), StageError> {
    let files = stager.files_with_records(files).await?;
    let is_own = |input: &InputFile| own.contains(&input.file.name);
    if !files.iter().any(is_own) {
        return Ok(());
    }
    let places: Vec<usize> = (0..files.len()).filter(|&at| is_own(&files[at])).collect();
    let mut work = stager.lay_out(object, files, definitions).await?;
    let parts = stager.write_parts(&mut work, &is_own).await?;
    let name = object.name.to_string();
    let rejects = parts.rejects.finish(BTreeMap::new()).await;
    let share = TableShare {
        runs: parts.runs,
        late: parts.late,
        rejects: rejects.map_err(|source| write_error(&name, source))?,
        filled: parts.filled,
        nothing: work.nothing,
        unreadable: work.unreadable,
        books: places.into_iter().zip(work.books).collect(),
    };
    let rows = share.books.iter().map(|(_, book)| book.rows).sum();
    stager.progress.end(&name, rows);
    tables.insert(name, share);
    Ok(())
}

async fn discard(staging: &Staging, tables: BTreeMap<String, TableShare>) {
    for table in tables.values() {
        for rows in table.runs.iter().map(|run| &run.rows).chain(&table.late) {
            staging.remove(rows).await;
        }
        staging.remove(&table.rejects).await;
    }
}
