//! Which rows of a load are asked for, and in which way its object allows.
//!
//! | object | way |
//! |---|---|
//! | most | one Bulk query over all rows that have a key like the load's (`guide/salesforce.md` §2) |
//! | loaded over REST | the same query over REST |
//! | without a field for our key | by the ids in the ledger, a set at a time |
//! | `ContentDocumentLink` | by its documents: it can be asked for in no other way (`§4`) |
//!
//! In: a load with its ledger. Out: an unsorted table, not published. Never: a row of the object in memory for longer than its
//! page.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, SchemaRef};

use super::found_rows::FoundRows;
use super::{ReadBack, ReconcileError};
use crate::engine::Session;
use crate::project::Api;
use crate::rows::asked_by;
use crate::salesforce::QueryScope;
use crate::staging::Manifest;

/// Objects whose old rows are archived and vanish from `query` (`guide/rules.md` 28).
const ARCHIVED: [&str; 2] = ["Task", "Event"];

/// A fetch in progress.
struct Fetch<'a> {
    request: &'a ReadBack<'a>,
    rows: FoundRows<'a>,
}

/// Fetches the rows; calls `progress` with rows so far.
///
/// # Errors
/// [`ReconcileError`].
pub(super) async fn fetch(
    request: &ReadBack<'_>,
    schema: &SchemaRef,
    progress: impl Fn(u64),
) -> Result<Manifest, ReconcileError> {
    let rows = FoundRows::start(
        request.staging,
        request.client,
        request.describe,
        &request.unsorted_name(),
        schema,
        &request.columns.key,
    )
    .await?;
    let mut fetch = Fetch { request, rows };
    let object = request.describe.name.as_str();
    match asked_by(object) {
        Some(field) => fetch.by_ids(field, &progress).await?,
        None if request.has_hidden_key() => fetch.by_ids("Id", &progress).await?,
        None => fetch.whole(&progress).await?,
    }
    fetch.rows.finish().await
}

impl Fetch<'_> {
    /// All rows with our key. Loads that share an object tell their keys apart by how they begin (`message:17`): then only
    /// rows with a key that begins so.
    async fn whole(&mut self, progress: &impl Fn(u64)) -> Result<(), ReconcileError> {
        let session = self.session().await?;
        let start = key_start(&session, self.request, "ledger").await?;
        let (condition, scope) = ours(self.request, start.as_deref());
        if self.request.file.api == Api::Rest {
            self.rows.over_rest(&condition, scope, None).await?;
            progress(self.rows.count());
            return Ok(());
        }
        self.rows.in_bulk(&condition, scope, progress).await
    }

    async fn session(&self) -> Result<Session, ReconcileError> {
        let snapshot = self.request.staging.snapshot().await?;
        Ok(self
            .request
            .engine
            .session(self.request.staging, &snapshot)?)
    }

    /// Rows whose `field` is one of the ledger's ids, or of the parents in its key.
    async fn by_ids(&mut self, field: &str, progress: &impl Fn(u64)) -> Result<(), ReconcileError> {
        let load = &self.request.file.name;
        let session = self.session().await?;
        let key = &self.request.columns.key[0];
        let by_id = field == "Id";
        let asked = if by_id {
            "l.id"
        } else {
            &format!("l.\"{key}\"")
        };
        let sql = format!(
            "select {asked} as asked, max(cast(l.\"{key}\" as varchar)) as key from ledger.{load} as l \
             where l.id is not null group by {asked}"
        );
        self.rows
            .by_ids(&session, field, &sql, by_id, progress)
            .await
    }
}

/// The condition that keys of a load meet.
pub(super) fn keyed(request: &ReadBack<'_>, start: Option<&str>) -> String {
    let key = &request.columns.key[0];
    match start {
        Some(start) => format!("{key} LIKE '{}%'", escaped(start)),
        None => format!("{key} != null"),
    }
}

/// The condition that rows of a load meet, and whether archived ones are asked for too.
pub(super) fn ours(request: &ReadBack<'_>, start: Option<&str>) -> (String, QueryScope) {
    let ours = keyed(request, start);
    if ARCHIVED.contains(&request.describe.name.as_str()) {
        let condition = format!("{ours} AND IsDeleted = false");
        return (condition, QueryScope::WithDeletedAndArchived);
    }
    (ours, QueryScope::Live)
}

/// How every key in `ledger` or `outbox` begins, up to a colon; none where keys are numbers or have nothing in common.
pub(super) async fn key_start(
    session: &Session,
    request: &ReadBack<'_>,
    schema: &str,
) -> Result<Option<String>, ReconcileError> {
    let text = |field: &&Field| field.data_type() == &DataType::Utf8;
    let Some(key) = request.columns.key_fields().next().filter(text) else {
        return Ok(None);
    };
    let load = &request.file.name;
    let sql = format!(
        "select min(\"{key}\") as first, max(\"{key}\") as last from {schema}.{load}",
        key = key.name()
    );
    let mut rows = session
        .stream(&format!("keys of {load}"), &sql, &[])
        .await?;
    let Some(row) = rows.next_batch().await? else {
        return Ok(None);
    };
    let [first, last] = [0, 1].map(|column| row.column(column).as_string::<i32>());
    if first.is_null(0) {
        return Ok(None);
    }
    Ok(common_start(first.value(0), last.value(0)).map(str::to_owned))
}

/// What texts from `first` to `last` all begin with, up to their last common colon.
fn common_start<'a>(first: &'a str, last: &str) -> Option<&'a str> {
    let pairs = first.bytes().zip(last.bytes());
    let common = pairs.take_while(|(left, right)| left == right).count();
    let colon = first.as_bytes()[..common]
        .iter()
        .rposition(|&b| b == b':')?;
    Some(&first[..=colon])
}

/// A text inside a pattern of `LIKE`, which has wildcards of its own.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if matches!(letter, '\'' | '\\' | '%' | '_') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_load_share_their_start() {
        assert_eq!(common_start("message:1", "message:99"), Some("message:"));
        assert_eq!(common_start("message:1", "message:1"), Some("message:"));
        assert_eq!(common_start("list:1:a", "list:1:b"), Some("list:1:"));
        assert_eq!(common_start("list:1", "segment:1"), None);
        assert_eq!(common_start("placeholder", "placeholder"), None);
        assert_eq!(common_start("żółw:1", "żółw:ń"), Some("żółw:"));
        assert_eq!(common_start("ż1", "ź1"), None);
        assert_eq!(common_start("", "a:"), None);
    }

    #[test]
    fn wildcards_in_a_key_mean_themselves() {
        assert_eq!(escaped("co_deal's:%\\"), "co\\_deal\\'s:\\%\\\\");
    }
}
