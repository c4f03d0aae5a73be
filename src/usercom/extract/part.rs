//! The files that rows are written to: JSON Lines, gzip, a new file every so many rows.
//!
//! In: pages of rows. Out: files of the extract. Each page is a gzip member of its own behind the one before, so that a
//! file is whole after every page; a file in the making ends in `.part` and is renamed when it is complete. How much of it counts, the
//! state says: what a crash left behind is cut off.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::ExtractError;
use crate::staging::create_private_file;
use crate::usercom::json_text;

/// Rows after which a file is complete.
const FILE_ROWS: u64 = 100_000;

/// Rows that are taken over at a time.
const TAKEN_ROWS: usize = 1_000;

/// A complete file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Name inside the extract.
    pub name: String,
    /// Rows in it.
    pub rows: u64,
    /// Bytes as stored.
    pub bytes: u64,
}

/// The files of one object so far; part of its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parts {
    pub(super) files: Vec<DataFile>,
    /// The file in the making: number, rows, bytes that count.
    open: Option<(u32, u64, u64)>,
    /// Files begun so far.
    begun: u32,
}

impl Parts {
    /// Rows in all files.
    #[cfg(test)]
    fn rows(&self) -> u64 {
        let complete: u64 = self.files.iter().map(|file| file.rows).sum();
        complete + self.open.map_or(0, |(_, rows, _)| rows)
    }
}

/// Writes the files of one object.
#[derive(Debug)]
pub(super) struct PartWriter {
    folder: PathBuf,
    /// `people-20260101T000000Z-1a2b`.
    stem: String,
    file: Option<File>,
    pub(super) parts: Parts,
}

impl PartWriter {
    /// Goes on behind what counts.
    pub(super) fn resume(folder: &Path, stem: String, parts: Parts) -> Result<Self, ExtractError> {
        let mut writer = Self {
            folder: folder.to_path_buf(),
            stem,
            file: None,
            parts,
        };
        if let Some((number, _, bytes)) = writer.parts.open {
            let (part, whole) = (writer.part(number), writer.path(&writer.name(number)));
            // It may have been complete without the state knowing.
            if !part.exists() && whole.exists() {
                fs::rename(&whole, &part).map_err(ExtractError::file("rename", &whole))?;
            }
            let fail = || ExtractError::file("write", &part);
            let file = OpenOptions::new()
                .append(true)
                .open(&part)
                .map_err(fail())?;
            if file.metadata().map_err(fail())?.len() < bytes {
                return Err(ExtractError::Damaged {
                    path: part.display().to_string(),
                });
            }
            file.set_len(bytes).map_err(fail())?;
            writer.file = Some(file);
        }
        writer.sweep()?;
        Ok(writer)
    }

    /// Removes files of this writer that the state does not know.
    fn sweep(&self) -> Result<(), ExtractError> {
        let mut known: BTreeSet<PathBuf> = self
            .parts
            .files
            .iter()
            .map(|file| self.path(&file.name))
            .collect();
        known.extend(self.parts.open.map(|(number, ..)| self.part(number)));
        let entries =
            fs::read_dir(&self.folder).map_err(ExtractError::file("list", &self.folder))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_ours = name
                .strip_prefix(&self.stem)
                .is_some_and(|rest| rest.starts_with('-'));
            if is_ours && !known.contains(&path) {
                fs::remove_file(&path).map_err(ExtractError::file("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Forgets everything written and removes it.
    pub(super) fn clear(&mut self) -> Result<(), ExtractError> {
        self.file = None;
        self.parts = Parts::default();
        self.sweep()
    }

    fn name(&self, number: u32) -> String {
        format!("{}-{number:05}.jsonl.gz", self.stem)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn part(&self, number: u32) -> PathBuf {
        self.path(&format!("{}.part", self.name(number)))
    }

    /// Writes rows, one a line. They count once the state has [`Self::parts`].
    pub(super) fn append<'r>(
        &mut self,
        rows: impl Iterator<Item = &'r str>,
    ) -> Result<(), ExtractError> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let mut count = 0;
        let memory = Path::new("a page in memory");
        for row in rows {
            count += 1;
            // Line ends inside a row stand between its parts only: in strings JSON writes them as escapes.
            let line = if row.contains(['\n', '\r']) {
                std::borrow::Cow::Owned(row.replace(['\n', '\r'], " "))
            } else {
                std::borrow::Cow::Borrowed(row)
            };
            encoder
                .write_all(line.as_bytes())
                .and_then(|()| encoder.write_all(b"\n"))
                .map_err(ExtractError::file("compress", memory))?;
        }
        if count == 0 {
            return Ok(());
        }
        let bytes = encoder
            .finish()
            .map_err(ExtractError::file("compress", memory))?;
        let (number, rows, length) = match self.parts.open {
            Some(open) => open,
            None => {
                self.parts.begun += 1;
                (self.parts.begun, 0, 0)
            }
        };
        let path = self.part(number);
        let fail = || ExtractError::file("write", &path);
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(create_private_file(&path).map_err(fail())?),
        };
        file.write_all(&bytes).map_err(fail())?;
        let rows = rows + count;
        self.parts.open = Some((number, rows, length + bytes.len() as u64));
        if rows >= FILE_ROWS {
            self.close()?;
        }
        Ok(())
    }

    /// Completes the file in the making.
    pub(super) fn close(&mut self) -> Result<(), ExtractError> {
        let Some((number, rows, bytes)) = self.parts.open else {
            return Ok(());
        };
        let (part, name) = (self.part(number), self.name(number));
        if let Some(file) = self.file.take() {
            file.sync_all()
                .map_err(ExtractError::file("write", &part))?;
        }
        fs::rename(&part, self.path(&name)).map_err(ExtractError::file("rename", &part))?;
        self.parts.open = None;
        self.parts.files.push(DataFile { name, rows, bytes });
        Ok(())
    }

    /// Takes rows out of complete files; `keep` decides. Safe to repeat.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) -> Result<(), ExtractError> {
        for index in 0..self.parts.files.len() {
            let path = self.path(&self.parts.files[index].name);
            let (mut rows, mut dropped) = (0, 0);
            read_rows(&path, |row| {
                if keep(row) {
                    rows += 1;
                } else {
                    dropped += 1;
                }
                Ok(())
            })?;
            if dropped > 0 {
                let fresh = path.with_extension("fresh");
                let fail = || ExtractError::file("write", &fresh);
                let file = create_private_file(&fresh).map_err(fail())?;
                let mut encoder = GzEncoder::new(file, Compression::fast());
                read_rows(&path, |row| match keep(row) {
                    true => encoder
                        .write_all(row.as_bytes())
                        .and_then(|()| encoder.write_all(b"\n"))
                        .map_err(fail()),
                    false => Ok(()),
                })?;
                let file = encoder.finish().map_err(fail())?;
                file.sync_all().map_err(fail())?;
                fs::rename(&fresh, &path).map_err(fail())?;
            }
            self.parts.files[index].rows = rows;
            self.parts.files[index].bytes = fs::metadata(&path)
                .map_err(ExtractError::file("read", &path))?
                .len();
        }
        Ok(())
    }

    /// Takes over the rows of another extract's file that `keep` keeps.
    pub(super) fn take_over(
        &mut self,
        path: &Path,
        mut keep: impl FnMut(&str) -> bool,
    ) -> Result<(), ExtractError> {
        let mut rows = Vec::new();
        read_rows(path, |row| {
            if keep(row) {
                rows.push(row.to_owned());
            }
            if rows.len() >= TAKEN_ROWS {
                self.append(rows.iter().map(String::as_str))?;
                rows.clear();
            }
            Ok(())
        })?;
        self.append(rows.iter().map(String::as_str))
    }
}

/// Reads the rows of a file.
pub(super) fn read_rows(
    path: &Path,
    mut each: impl FnMut(&str) -> Result<(), ExtractError>,
) -> Result<(), ExtractError> {
    let file = File::open(path).map_err(ExtractError::file("read", path))?;
    let decoder = MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file));
    let mut reader = BufReader::with_capacity(1 << 16, decoder);
    let mut line = String::new();
    loop {
        line.clear();
        let length = reader
            .read_line(&mut line)
            .map_err(ExtractError::file("read", path))?;
        if length == 0 {
            return Ok(());
        }
        each(line.trim_end())?;
    }
}

/// A row with the id of the record it was found under; a row that says so itself stays as it is.
pub(super) fn with_parent(row: &str, key: &str, parent: i64) -> String {
    let says_so = json_text::get(row, key).is_some_and(|value| value != "null");
    let inside = row.trim().strip_suffix('}');
    let (Some(inside), false) = (inside, says_so) else {
        return row.to_owned();
    };
    let comma = if inside.trim_end().ends_with('{') {
        ""
    } else {
        ","
    };
    // At the end, since of two equal keys the later one counts.
    format!("{inside}{comma}\"{key}\":{parent}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(writer: &PartWriter) -> Vec<String> {
        let mut rows = Vec::new();
        for file in &writer.parts.files {
            read_rows(&writer.path(&file.name), |row| {
                rows.push(row.to_owned());
                Ok(())
            })
            .unwrap();
        }
        rows
    }

    fn writer(folder: &Path, parts: Parts) -> PartWriter {
        PartWriter::resume(folder, "people-x".to_owned(), parts).unwrap()
    }

    #[test]
    fn what_the_state_does_not_know_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = writer(folder.path(), Parts::default());
        first.append(["1", "2"].into_iter()).unwrap();
        let known = first.parts.clone();
        first.append(["3"].into_iter()).unwrap();
        drop(first);
        let mut second = writer(folder.path(), known.clone());
        second.append(["4\n,5"].into_iter()).unwrap();
        second.close().unwrap();
        assert_eq!(rows(&second), ["1", "2", "4 ,5"]);
        // Renamed, but the state did not learn of it.
        let mut third = writer(folder.path(), known);
        third.append(["6"].into_iter()).unwrap();
        third.close().unwrap();
        assert_eq!(rows(&third), ["1", "2", "6"]);
        let mut fresh = writer(folder.path(), Parts::default());
        fresh.close().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_lost_what_counts_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = writer(folder.path(), Parts::default());
        first.append(["1"].into_iter()).unwrap();
        fs::write(folder.path().join("people-x-00001.jsonl.gz.part"), "").unwrap();
        let again = PartWriter::resume(folder.path(), "people-x".to_owned(), first.parts);
        assert!(matches!(again, Err(ExtractError::Damaged { .. })));
    }

    #[test]
    fn rows_are_taken_out_and_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = writer(folder.path(), Parts::default());
        first.append(["1", "2", "3"].into_iter()).unwrap();
        first.close().unwrap();
        first.retain(|row| row != "2").unwrap();
        assert_eq!(rows(&first), ["1", "3"]);
        assert_eq!(first.parts.rows(), 2);
        let path = first.path(&first.parts.files[0].name);
        let mut second =
            PartWriter::resume(folder.path(), "people-y".to_owned(), Parts::default()).unwrap();
        second.take_over(&path, |row| row != "1").unwrap();
        second.close().unwrap();
        assert_eq!(rows(&second), ["3"]);
    }

    #[test]
    fn a_row_learns_its_parent_unless_it_says_so() {
        assert_eq!(
            with_parent(r#" {"id":1} "#, "deal_id", 7),
            r#"{"id":1,"deal_id":7}"#
        );
        assert_eq!(with_parent("{ }", "deal_id", 7), r#"{ "deal_id":7}"#);
        assert_eq!(
            with_parent(r#"{"deal_id":null,"id":1}"#, "deal_id", 7),
            r#"{"deal_id":null,"id":1,"deal_id":7}"#
        );
        assert_eq!(with_parent("5", "deal_id", 7), "5");
        let own = r#"{"deal_id":8,"id":1}"#;
        assert_eq!(with_parent(own, "deal_id", 7), own);
    }
}
