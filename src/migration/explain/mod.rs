//! One record's whole story, from the line of the export to what is in the org.
//!
//! In: an id, a key, an e-mail address or the id of a record in the org. Out: a [`Story`], made of the tables of the last run and
//! of the export, which is read for the places of the record; where that is asked for, of the org too. Never: anything written.
//!
//! ```text
//! subject   what is asked for ─▶ source and id, or load and key
//! gather    export ▸ staged values, rejects ▸ decisions ▸ per load: fate, record, attempts, differences
//! children  what hangs on the records, and what waits for the row
//! named_by  rows of the export that name what becomes no record
//! now       the records as the org shows them at this moment
//! ```

mod children;
mod gather;
mod named_by;
mod now;
mod rows;
mod subject;

use serde::Serialize;
use serde_json::Value;

use super::connection::{Connection, ExpectedOrg};
use super::first_error::first;
use super::open::Migration;
use crate::error::Error;
use crate::stage::Located;
pub use rows::Row;
use rows::Tables;

/// What is to be explained.
#[derive(Clone, Debug, Default)]
pub struct ExplainRequest {
    /// Source table, such as `people`; none looks for the id everywhere.
    pub source: Option<String>,
    /// Source id, key, e-mail address, or id of a record in the org.
    pub id: String,
    /// Destination whose last run is told; by default that of the last run.
    pub target: Option<String>,
    /// Whether the org is asked what its records look like at this moment.
    pub now: bool,
}

/// One record's story.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Story {
    /// Source table without its schema; empty for a row of a load that stands for no single record of the source.
    pub source: String,
    /// Its id, or the row's key.
    pub id: String,
    /// Which organisation, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Its versions in the export.
    pub versions: Vec<Version>,
    /// Why the export could not be looked into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export_unread: Option<String>,
    /// Staged columns with a value.
    pub staged: Vec<Cell>,
    /// Rows and cells of it that did not fit.
    pub rejected: Vec<Row>,
    /// Cells that were read as something else than they say.
    pub altered: Vec<Row>,
    /// What people decided about it, and what followed.
    pub decisions: Vec<Decision>,
    /// What became of it in each load.
    pub loads: Vec<LoadStory>,
    /// What hangs on it.
    pub children: Vec<Child>,
    /// Rows of the export that name it, where it becomes no record of its own.
    pub named_by: Vec<NamedBy>,
    /// Whether a run has loaded anything yet.
    pub has_run: bool,
    /// Whether the records are in a simulator within this program, where nobody can open them.
    pub embedded: bool,
}

/// A version of the record in the export.
#[derive(Clone, Debug, Serialize)]
pub struct Version {
    /// Where.
    #[serde(flatten)]
    pub place: Located,
    /// Whether it is the one that was staged.
    pub counts: bool,
}

/// A column and its value.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// The column.
    pub column: String,
    /// The value.
    pub value: Value,
}

/// One decision that applies.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    /// File, section or table.
    pub decided_in: String,
    /// What it is about.
    pub what: String,
    /// What it says.
    pub says: String,
}

/// The row in one load.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LoadStory {
    /// The load.
    pub load: String,
    /// Its object.
    pub object: String,
    /// The row's key.
    pub key: String,
    /// `sent`, `held`, `passive`, …
    pub fate: String,
    /// Why it was not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The record that it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// What was noted about it.
    pub flags: Vec<String>,
    /// Values of the last outbox.
    pub sent: Vec<Cell>,
    /// Values that were changed to fit.
    pub altered: Vec<Row>,
    /// Its row in the ledger: id, outcome, error, job, attempt, run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Row>,
    /// Where people see the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Every attempt, the first one first.
    pub attempts: Vec<Row>,
    /// What differs between what was sent and what the org has, at the last look.
    pub differences: Vec<Row>,
    /// The record at this moment, where the org was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<RecordNow>,
}

/// A record as the org shows it at this moment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RecordNow {
    /// Whether it is there.
    pub is_there: bool,
    /// Fields with a value, of those that are loaded.
    pub values: Vec<Cell>,
    /// Fields with another value than was sent.
    pub differences: Vec<Difference>,
}

/// A field with another value than was sent.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The field.
    pub field: String,
    /// What was sent.
    pub sent: String,
    /// What is there.
    pub found: Option<String>,
}

/// Rows of one load that hang on the record.
#[derive(Clone, Debug, Serialize)]
pub struct Child {
    /// The load.
    pub load: String,
    /// Its object.
    pub object: String,
    /// The field that holds the record's id; none where the rows wait for the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
    /// `sent`, `failed`, `held`, …
    pub fate: String,
    /// Why they were not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many.
    pub rows: u64,
    /// The key of one of them.
    pub example: String,
}

/// Rows of a staged table that name the record by its id.
#[derive(Clone, Debug, Serialize)]
pub struct NamedBy {
    /// The table, without its schema.
    pub source: String,
    /// The column that holds the id.
    pub column: String,
    /// How many.
    pub rows: u64,
    /// The id of one of them, where they have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// The story of a number that the export names and tells nothing of, such as an agent's without a file of agents.
async fn only_named(tables: &Tables, request: &ExplainRequest) -> Result<Option<Story>, Error> {
    let (Some(source), Ok(id)) = (&request.source, request.id.parse::<i64>()) else {
        return Ok(None);
    };
    let mut story = Story {
        source: source.clone(),
        id: id.to_string(),
        has_run: tables.loads().next().is_some(),
        ..Story::default()
    };
    story.named_by = named_by::rows(tables, &story).await?;
    Ok((!story.named_by.is_empty()).then_some(story))
}

impl Migration {
    /// Tells one record's story.
    ///
    /// # Errors
    /// [`Error::Unknown`] when nothing, [`Error::Ambiguous`] when more than one record is meant; where the org is asked, whatever a
    /// connection meets.
    pub async fn explain(&self, request: &ExplainRequest) -> Result<Story, Error> {
        let tables = Tables::open(self, request.target.as_deref()).await?;
        let subject = match subject::find(&tables, request).await {
            Ok(subject) => subject,
            Err(error @ Error::Unknown { .. }) => {
                return only_named(&tables, request).await?.ok_or(error);
            }
            Err(error) => return Err(error),
        };
        let mut story = gather::gather(self, &tables, &subject, request.target.as_deref()).await?;
        children::add(&tables, &mut story).await?;
        story.has_run = tables.loads().next().is_some();
        if story.loads.is_empty() && !story.source.is_empty() {
            story.named_by = named_by::rows(&tables, &story).await?;
        }
        if request.now {
            let target = request.target.as_deref();
            let connection = Connection::open(self.project(), target, ExpectedOrg::Known).await?;
            let looked = match tables.asked.staging.org() == connection.staging.org() {
                true => now::add(&connection, &tables, &mut story).await,
                false => Err(Error::OtherOrg {
                    target: connection.target.clone(),
                    known: tables.asked.staging.org().unwrap_or("none").to_owned(),
                    found: connection.staging.org().unwrap_or("none").to_owned(),
                }),
            };
            first(looked, connection.close().await)?;
        }
        Ok(story)
    }
}
