//! The folder in which a case runs: the project's rules, what all cases begin with, and the case's own files over them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{BASE, CASES, CaseError, CaseRows};
use crate::staging::write_private;

/// What a case may bring, and the project gives where it does not.
const PARTS: [(&str, bool); 4] = [
    ("config", true),
    ("queries", true),
    ("export", false),
    ("org", false),
];

/// Files with lines for a section of the settings.
const SECTIONS: [(&str, &str); 2] = [("options.toml", "options"), ("source.toml", "source")];

/// A folder that is removed in the end.
pub(super) struct Scratch {
    pub(super) folder: PathBuf,
}

impl Scratch {
    /// Lays the files of a case together.
    pub(super) fn of(project: &Path, case: &str) -> Result<Self, CaseError> {
        let own = project.join(CASES).join(case);
        if !own.join("export").is_dir() {
            return Err(CaseError::NoExport {
                case: case.to_owned(),
            });
        }
        let folder = project.join(".transload").join(CASES).join(case);
        let scratch = Self { folder };
        scratch.remove();
        let base = project.join(CASES).join(BASE);
        for (part, of_project) in PARTS {
            let to = scratch.folder.join(part);
            if of_project {
                copy(&project.join(part), &to)?;
            }
            copy(&base.join(part), &to)?;
            copy(&own.join(part), &to)?;
        }
        scratch.settings(project, &[base, own])?;
        Ok(scratch)
    }

    /// The project's settings with the options and the source of the case; whatever says where things are is the case's own.
    fn settings(&self, project: &Path, over: &[PathBuf]) -> Result<(), CaseError> {
        let mut settings = table(&project.join("migration.toml"))?;
        for (folder, (file, section)) in over
            .iter()
            .flat_map(|folder| SECTIONS.map(|section| (folder, section)))
        {
            let path = folder.join(file);
            if !path.is_file() {
                continue;
            }
            let lines = settings
                .entry(section)
                .or_insert_with(|| toml::Table::new().into());
            if let Some(lines) = lines.as_table_mut() {
                lines.extend(table(&path)?);
            }
        }
        settings.remove("staging");
        if let Some(source) = settings
            .get_mut("source")
            .and_then(toml::Value::as_table_mut)
        {
            source.remove("api");
            source.remove("export");
        }
        let path = self.folder.join("migration.toml");
        write(&path, settings.to_string().as_bytes())
    }

    fn remove(&self) {
        // It may not be there.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.remove();
    }
}

fn table(path: &Path) -> Result<toml::Table, CaseError> {
    let text = fs::read_to_string(path).map_err(|source| CaseError::File {
        action: "read",
        path: path.to_path_buf(),
        source,
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    text.parse()
        .map_err(|error: toml::de::Error| CaseError::Settings {
            path: path.to_path_buf(),
            reason: error.message().to_owned(),
        })
}

/// Names in a folder, in order; none of a folder that is not there.
pub(super) fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn copy(from: &Path, to: &Path) -> Result<(), CaseError> {
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            let bytes = fs::read(&from).map_err(|source| CaseError::File {
                action: "read",
                path: from,
                source,
            })?;
            write(&to, &bytes)?;
        }
    }
    Ok(())
}

/// Writes a file, and the folders above it.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CaseError> {
    let written = write_private(path, bytes);
    written.map_err(|source| CaseError::File {
        action: "write",
        path: path.to_path_buf(),
        source,
    })
}

/// A CSV file with a header.
pub(super) fn csv(path: &Path) -> Result<CaseRows, CaseError> {
    let wrong = |source| CaseError::Csv {
        path: path.to_path_buf(),
        source,
    };
    let bytes = fs::read(path).map_err(|source| CaseError::File {
        action: "read",
        path: path.to_path_buf(),
        source,
    })?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut reader = csv::Reader::from_reader(bytes);
    let texts = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
    let header = texts(reader.headers().map_err(wrong)?);
    let rows = reader.records().map(|row| Ok(texts(&row?)));
    Ok(CaseRows {
        header,
        key: Vec::new(),
        rows: rows.collect::<Result<_, csv::Error>>().map_err(wrong)?,
    })
}
