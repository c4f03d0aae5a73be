//! What the user confirmed, in any project: a CSV among the user's own data.
//!
//! In: confirmed rows of a map. Out: the same file with them, and the [`History`] that proposals begin from. It holds names
//! and who confirmed them, never a value or a sample of the data. Whoever wants none sets `TRANSLOAD_HISTORY=off`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use transload_propose::{History, Known};

use super::MappingError;
use super::decisions::write_whole;

const HEADER: [&str; 8] = [
    "source",
    "source_field",
    "target_object",
    "target_field",
    "type",
    "confirmed_by",
    "confirmed_at",
    "project",
];

/// A row, in the order of the header.
type Row = [String; 8];

/// The user's file.
#[derive(Debug)]
pub struct UserHistory {
    path: PathBuf,
    rows: BTreeMap<(String, String, String), Row>,
}

impl UserHistory {
    /// Opens a file; one that is missing is empty.
    ///
    /// # Errors
    /// [`MappingError::ReadFile`].
    pub fn open(path: &Path) -> Result<Self, MappingError> {
        let failed = |source: csv::Error| MappingError::ReadFile {
            path: path.display().to_string(),
            source,
        };
        let mut rows = BTreeMap::new();
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(error.into())),
        };
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_reader(bytes.as_slice());
        for record in reader.records() {
            let record = record.map_err(failed)?;
            let row: Row = std::array::from_fn(|at| record.get(at).unwrap_or_default().to_owned());
            rows.insert(key(&row), row);
        }
        Ok(Self {
            path: path.to_owned(),
            rows,
        })
    }

    /// What proposals begin from.
    #[must_use]
    pub fn known(&self) -> History {
        let mut history = History::default();
        for row in self.rows.values() {
            let [source, name, object, field, _, by, on, project] = row;
            let known = Known {
                field: field.clone(),
                told: format!("{by} confirmed it on {on} in `{project}`"),
            };
            history.add(source, name, object, known);
        }
        history
    }

    /// Remembers a confirmed pair; the latest one counts.
    pub fn remember(&mut self, row: Row) {
        self.rows.insert(key(&row), row);
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`MappingError::WriteFile`].
    pub fn save(&self) -> Result<(), MappingError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let failed = |source: std::io::Error| MappingError::WriteFile {
            path: self.path.display().to_string(),
            source,
        };
        let all = std::iter::once(HEADER.map(str::to_owned)).chain(self.rows.values().cloned());
        for row in all {
            let written = writer.write_record(&row).map_err(std::io::Error::other);
            written.map_err(failed)?;
        }
        let bytes = writer.into_inner();
        let bytes = bytes.map_err(|error| failed(error.into_error()))?;
        write_whole(&self.path, &bytes).map_err(failed)
    }
}

fn key(row: &Row) -> (String, String, String) {
    let [source, name, object, ..] = row;
    (
        source.to_lowercase(),
        name.to_lowercase(),
        object.to_lowercase(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_confirmation_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/confirmed.csv");
        let row = |field: &str| {
            [
                "people",
                "stanowisko",
                "Lead",
                field,
                "Text(128)",
                "anna",
                "2026-02-20",
                "acme",
            ]
            .map(str::to_owned)
        };
        let mut history = UserHistory::open(&path).unwrap();
        history.remember(row("Job__c"));
        history.remember(row("Title"));
        history.save().unwrap();
        let known = UserHistory::open(&path).unwrap().known();
        let told = known.get("people", "Stanowisko", "lead").unwrap();
        assert_eq!(told.field, "Title");
        assert_eq!(told.told, "anna confirmed it on 2026-02-20 in `acme`");
    }
}
