//! What was written: files with their rows, and the truth about the records that a reader of the export should arrive at.
//!
//! The truth counts readable, newest rows only: a ragged or undecodable row counts nowhere else, an older version
//! of a record only under `superseded`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

/// One file of the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileSummary {
    /// Name inside the export folder.
    pub file: String,
    /// Object that it holds: `people`, `companies`, …
    pub object: &'static str,
    /// Data rows, good and bad (without header lines).
    pub rows: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// Rows of one object over all its files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RowTruth {
    /// Data rows written.
    pub rows: u64,
    /// Records that a reader ends up with.
    pub records: u64,
    /// Rows with too few or too many cells, and JSON lines that were cut.
    pub ragged: u64,
    /// Rows with a byte that is not UTF-8.
    pub undecodable: u64,
    /// Older versions of a record that is also there with a newer `updated_at`.
    pub superseded: u64,
    /// Cells that cannot be read as their column's type, by column (`guide/rules.md` 20 does not apply to them).
    pub unparsable: BTreeMap<&'static str, u64>,
}

/// People.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PeopleTruth {
    /// Rows.
    pub rows: RowTruth,
    /// Neither e-mail nor phone.
    pub passive: u64,
    /// By lifecycle stage in lower case, with `missing` (empty cell) and `unknown` (not one of the five).
    pub lifecycle: BTreeMap<&'static str, u64>,
    /// With two to four companies.
    pub several_companies: u64,
    /// Customers and evangelists without any company.
    pub customers_without_company: u64,
    /// Whose primary company is in an unreadable row.
    pub primary_company_unreadable: u64,
    /// With an e-mail that is no address.
    pub invalid_emails: u64,
    /// With the same e-mail as the person before.
    pub shared_emails: u64,
    /// Without any name.
    pub missing_names: u64,
    /// With a last name over 80 characters.
    pub long_last_names: u64,
    /// With a job title over 128 characters.
    pub long_job_titles: u64,
    /// With a note over 32,768 characters.
    pub huge_notes: u64,
    /// Cells that hold a literal `#N/A`.
    pub literal_na: u64,
}

/// Companies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CompaniesTruth {
    /// Rows.
    pub rows: RowTruth,
    /// That no person names.
    pub without_people: u64,
    /// With the same domain as the company before.
    pub shared_domains: u64,
}

/// Deals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DealsTruth {
    /// Rows.
    pub rows: RowTruth,
    /// Without a name.
    pub missing_names: u64,
    /// With a name over 120 characters.
    pub long_names: u64,
    /// Whose company is not in the export or in an unreadable row.
    pub company_missing: u64,
    /// Whose person is not in the export or in an unreadable row.
    pub person_missing: u64,
    /// In a stage that the pipeline does not have.
    pub stage_missing: u64,
    /// Without company.
    pub without_company: u64,
    /// By (pipeline, stage, status), readable stages only.
    #[serde(skip)]
    pub combinations: BTreeMap<(&'static str, &'static str, &'static str), u64>,
}

/// One of the further tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableTruth {
    /// Records that a reader ends up with, those nested in records of other objects included.
    pub rows: u64,
    /// Records that a reader must treat with care, by kind: `person_missing`, `price_missing`, …
    pub kinds: BTreeMap<&'static str, u64>,
}

/// The further tables by name: `activities`, `event_attendees`, `co_asset`, …
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FurtherTruth {
    /// The tables.
    pub tables: BTreeMap<&'static str, TableTruth>,
}

impl FurtherTruth {
    /// Records of a table.
    #[must_use]
    pub fn rows(&self, table: &str) -> u64 {
        self.tables.get(table).map_or(0, |truth| truth.rows)
    }

    /// Records of a table that are of a kind.
    #[must_use]
    pub fn kind(&self, table: &str, kind: &str) -> u64 {
        let kinds = self.tables.get(table).map(|truth| &truth.kinds);
        kinds
            .and_then(|kinds| kinds.get(kind))
            .map_or(0, |count| *count)
    }

    /// Adds `rows` records to a table.
    pub(super) fn add(&mut self, table: &'static str, rows: u64) {
        self.tables.entry(table).or_default().rows += rows;
    }

    /// Counts a record of a kind, if it is one.
    pub(super) fn note(&mut self, table: &'static str, kind: &'static str, there: bool) {
        if there {
            let truth = self.tables.entry(table).or_default();
            *truth.kinds.entry(kind).or_default() += 1;
        }
    }
}

/// Everything that [`generate`](super::generate) wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The export folder.
    pub out: PathBuf,
    /// Files in the order in which they were written.
    pub files: Vec<FileSummary>,
    /// People.
    pub people: PeopleTruth,
    /// Companies.
    pub companies: CompaniesTruth,
    /// Deals.
    pub deals: DealsTruth,
    /// Everything else.
    pub further: FurtherTruth,
    /// Files in `blobs/`, which `files` does not list.
    pub blobs: u64,
}

impl Summary {
    /// Data rows of all files.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}
