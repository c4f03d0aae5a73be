//! A decision file that is changed and written back in the form that it had.
//!
//! In: the bytes of a file, or the default one. Out: the same bytes with cells changed, columns and rows added: the sign between
//! cells, the mark at the beginning, the line ends, foreign columns and every row that nobody touched stay as they are.
//! Written at once, and only while the file is what was read.

use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::declare::declared;
use super::text;
use crate::finding::Finding;
use crate::mapping::MappingError;
use crate::report::{spreadsheet_cell, without_apostrophe};

/// A file, open for changes.
#[derive(Debug)]
pub struct DecisionFile {
    shown: String,
    path: PathBuf,
    /// What was read; `None` if there was no file.
    version: Option<u64>,
    form: Form,
    header: Vec<String>,
    rows: Vec<Row>,
}

/// How it is written.
#[derive(Clone, Debug)]
struct Form {
    wide: bool,
    mark: bool,
    sep_line: Option<String>,
    sign: u8,
    end: &'static str,
    /// The header as it was written, while no column is added.
    head: Option<String>,
}

/// One row.
#[derive(Clone, Debug)]
struct Row {
    cells: Vec<String>,
    /// The line as it was written, while nobody changes the row.
    raw: Option<String>,
}

impl DecisionFile {
    /// Opens a decision file of the project; one that is missing begins as its default.
    ///
    /// # Errors
    /// [`MappingError::ReadFile`], and [`MappingError::Decisions`] with what keeps it from being read.
    pub fn open(project: &Path, name: &str) -> Result<Self, MappingError> {
        let shown = format!("config/{name}.csv");
        let path = project.join(&shown);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => {
                return Err(MappingError::ReadFile {
                    path: shown,
                    source: source.into(),
                });
            }
        };
        let version = bytes.as_deref().map(xxh3_64);
        let template = declared(name).map_or("", |file| file.template);
        let bytes = bytes.unwrap_or_else(|| template.as_bytes().to_vec());
        Self::read(shown, path, version, &bytes)
    }

    fn read(
        shown: String,
        path: PathBuf,
        version: Option<u64>,
        bytes: &[u8],
    ) -> Result<Self, MappingError> {
        let mut findings: Vec<Finding> = Vec::new();
        // Whatever keeps other readers from reading it keeps this one too.
        let checked = text::read(&shown, bytes, &mut findings);
        if checked.is_none() || !findings.is_empty() {
            return Err(MappingError::Decisions { findings });
        }
        let decoded = text::decoded(bytes).unwrap_or_default();
        let decoded = decoded.trim_start_matches('\u{feff}');
        let (sep_line, body) = match decoded.split_once('\n') {
            Some((first, rest)) if first.trim().to_lowercase().starts_with("sep=") => {
                (Some(first.trim_end_matches('\r').to_owned()), rest)
            }
            _ => (None, decoded),
        };
        let form = Form {
            wide: matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]),
            mark: bytes.starts_with(b"\xef\xbb\xbf"),
            sep_line,
            sign: text::sign(body),
            end: if body.contains("\r\n") { "\r\n" } else { "\n" },
            head: None,
        };
        let mut file = Self {
            shown,
            path,
            version,
            form,
            header: Vec::new(),
            rows: Vec::new(),
        };
        file.take(body);
        Ok(file)
    }

    fn take(&mut self, body: &str) {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.form.sign)
            .from_reader(body.as_bytes());
        let mut starts = Vec::new();
        let mut records = Vec::new();
        let mut record = csv::StringRecord::new();
        loop {
            let start = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
            // It was read once already, without a mistake.
            if !matches!(reader.read_record(&mut record), Ok(true)) {
                break;
            }
            starts.push(start);
            let cells = record.iter().map(without_apostrophe);
            records.push(cells.map(str::to_owned).collect::<Vec<String>>());
        }
        starts.push(body.len());
        for (at, cells) in records.into_iter().enumerate() {
            let raw = body.get(starts[at]..starts[at + 1]).map(|raw| {
                // Blank lines before a record belong to nobody.
                raw.trim_start_matches(['\r', '\n'])
                    .trim_end_matches(['\r', '\n'])
                    .to_owned()
            });
            if at == 0 {
                self.header = cells;
                self.form.head = raw;
            } else {
                self.rows.push(Row { cells, raw });
            }
        }
        // An empty file has no columns yet.
        if self.header.iter().all(|name| name.trim().is_empty()) {
            self.header.clear();
            self.form.head = None;
        }
    }

    /// How the file is called in messages.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// What tells this version of the file from others.
    #[must_use]
    pub fn version(&self) -> String {
        self.version
            .map_or_else(|| "none".to_owned(), |version| format!("{version:016x}"))
    }

    /// How many rows it has, empty ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn place(&self, column: &str) -> Option<usize> {
        let same = |name: &String| name.trim().to_lowercase().replace(' ', "_") == column;
        self.header.iter().position(same)
    }

    /// A cell without blanks around it; empty if there is none.
    #[must_use]
    pub fn get(&self, row: usize, column: &str) -> &str {
        let cell = |at: usize| self.rows.get(row)?.cells.get(at);
        self.place(column)
            .and_then(cell)
            .map_or("", |cell| cell.trim())
    }

    /// Changes a cell; a column that is missing is added behind the others.
    pub fn set(&mut self, row: usize, column: &str, value: &str) {
        if self.get(row, column) == value {
            return;
        }
        let at = self.column(column);
        let Some(row) = self.rows.get_mut(row) else {
            return;
        };
        while row.cells.len() <= at {
            row.cells.push(String::new());
        }
        value.clone_into(&mut row.cells[at]);
        row.raw = None;
    }

    /// Fills in a cell that is empty; a column that is missing is added behind the others, whatever goes in.
    pub fn fill(&mut self, row: usize, column: &str, value: &str) {
        self.column(column);
        if self.get(row, column).is_empty() {
            self.set(row, column, value);
        }
    }

    fn column(&mut self, column: &str) -> usize {
        if let Some(at) = self.place(column) {
            return at;
        }
        self.header.push(column.to_owned());
        self.form.head = None;
        for row in &mut self.rows {
            row.raw = None;
            while row.cells.len() < self.header.len() {
                row.cells.push(String::new());
            }
        }
        self.header.len() - 1
    }

    /// Whether it has a column.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        self.place(column).is_some()
    }

    /// Adds a row with these cells.
    pub fn add(&mut self, cells: &[(&str, &str)]) -> usize {
        self.rows.push(Row {
            cells: vec![String::new(); self.header.len()],
            raw: None,
        });
        let row = self.rows.len() - 1;
        for (column, value) in cells {
            // All columns of a new file, those without a value too.
            self.column(column);
            self.set(row, column, value);
        }
        row
    }

    /// Takes rows out.
    pub fn retain(&mut self, keep: impl Fn(&Self, usize) -> bool) {
        let kept: Vec<bool> = (0..self.rows.len()).map(|row| keep(self, row)).collect();
        let mut kept = kept.into_iter();
        self.rows.retain(|_| kept.next().unwrap_or(true));
    }

    /// The bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let form = &self.form;
        let mut text = String::new();
        if let Some(line) = &form.sep_line {
            text.push_str(line);
            text.push_str(form.end);
        }
        let head = form.head.clone();
        text.push_str(&head.unwrap_or_else(|| line(&self.header, form.sign)));
        text.push_str(form.end);
        for row in &self.rows {
            let raw = row.raw.clone();
            text.push_str(&raw.unwrap_or_else(|| line(&row.cells, form.sign)));
            text.push_str(form.end);
        }
        if form.wide {
            let units = std::iter::once(0xfeff).chain(text.encode_utf16());
            return units.flat_map(u16::to_le_bytes).collect();
        }
        let mark: &[u8] = if form.mark { b"\xef\xbb\xbf" } else { b"" };
        [mark, text.as_bytes()].concat()
    }

    /// Writes it, if it is still what was read; does nothing if nothing changed.
    ///
    /// # Errors
    /// [`MappingError::Changed`] if somebody wrote it meanwhile, [`MappingError::WriteFile`].
    pub fn save(&mut self) -> Result<bool, MappingError> {
        match self.written()? {
            Some(written) => self.put(written).map(|()| true),
            None => Ok(false),
        }
    }

    /// Writes its new form beside it, if it is still what was read; none if nothing changed.
    fn written(&self) -> Result<Option<Written>, MappingError> {
        let failed = |source: std::io::Error| MappingError::WriteFile {
            path: self.shown.clone(),
            source,
        };
        let now = match std::fs::read(&self.path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(failed(source)),
        };
        if now.as_deref().map(xxh3_64) != self.version {
            return Err(MappingError::Changed {
                path: self.shown.clone(),
            });
        }
        let bytes = self.bytes();
        if now.is_some_and(|now| now == bytes) {
            return Ok(None);
        }
        let file = Beside::write(&self.path, &bytes).map_err(failed)?;
        Ok(Some(Written {
            file,
            version: xxh3_64(&bytes),
        }))
    }

    /// Puts its new form in its place.
    fn put(&mut self, written: Written) -> Result<(), MappingError> {
        let put = written.file.put();
        put.map_err(|source| MappingError::WriteFile {
            path: self.shown.clone(),
            source,
        })?;
        self.version = Some(written.version);
        Ok(())
    }
}

/// A file's new form, and what tells it from others.
struct Written {
    file: Beside,
    version: u64,
}

/// Writes several files, if all of them are still what was read: none takes its place before each is on the disk.
///
/// # Errors
/// [`MappingError::Changed`] if somebody wrote one of them meanwhile, [`MappingError::WriteFile`].
pub(crate) fn save_all(files: Vec<&mut DecisionFile>) -> Result<(), MappingError> {
    let mut all = Vec::new();
    for file in files {
        let written = file.written()?;
        all.extend(written.map(|written| (file, written)));
    }
    for (file, written) in all {
        file.put(written)?;
    }
    Ok(())
}

/// Writes a file beside its place and puts it there: whoever reads it sees the old one or the new one.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    Beside::write(path, bytes)?.put()
}

/// A file beside the place where it is wanted; gone if it is not put there.
struct Beside {
    /// None once it is there.
    beside: Option<PathBuf>,
    path: PathBuf,
}

impl Beside {
    fn write(path: &Path, bytes: &[u8]) -> std::io::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        // No decision file begins with a dot.
        let beside = folder.join(format!(
            ".{}.{}",
            name.unwrap_or_default(),
            std::process::id()
        ));
        let written = Self {
            beside: Some(beside.clone()),
            path: path.to_owned(),
        };
        std::fs::write(&beside, bytes)?;
        if let Ok(before) = std::fs::metadata(path) {
            std::fs::set_permissions(&beside, before.permissions())?;
        }
        Ok(written)
    }

    fn put(mut self) -> std::io::Result<()> {
        let Some(beside) = self.beside.take() else {
            return Ok(());
        };
        std::fs::rename(&beside, &self.path).inspect_err(|_| drop(std::fs::remove_file(&beside)))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            drop(std::fs::remove_file(beside));
        }
    }
}

fn line(cells: &[String], sign: u8) -> String {
    let cell = |cell: &String| {
        // A value of the export may be a formula to the spreadsheet in which the file is edited.
        let cell = spreadsheet_cell(cell);
        let quoted = cell.contains([char::from(sign), '"', '\n', '\r'])
            || cell.starts_with(' ')
            || cell.ends_with(' ');
        if quoted {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.into_owned()
        }
    };
    let cells: Vec<String> = cells.iter().map(cell).collect();
    cells.join(&char::from(sign).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(bytes: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("config")).unwrap();
        std::fs::write(folder.path().join("config/field_map.csv"), bytes).unwrap();
        folder
    }

    fn written(folder: &tempfile::TempDir) -> String {
        std::fs::read_to_string(folder.path().join("config/field_map.csv")).unwrap()
    }

    #[test]
    fn what_nobody_touched_stays_to_the_byte() {
        for text in [
            "source,source_field,my_note\npeople,\"a\", x \n\npeople,b,\"1;2\"\n",
            "\u{feff}sep=;\r\nsource;source_field;my note\r\npeople;a;\"x\"\"y\"\r\npeople;\"b\r\nb\";2\r\n",
        ] {
            let folder = project(text.as_bytes());
            let mut file = DecisionFile::open(folder.path(), "field_map").unwrap();
            assert_eq!(file.len(), 2);
            file.set(1, "my_note", "changed");
            assert!(file.save().unwrap());
            let before: Vec<&str> = text.lines().collect();
            let after = written(&folder);
            assert!(after.starts_with(before[0]), "{after}");
            assert!(after.contains("changed"));
            for line in &before[..before.len() - 2] {
                assert!(after.contains(line), "{line}: {after}");
            }
            assert_eq!(after.contains("\r\n"), text.contains("\r\n"));
        }
    }

    #[test]
    fn columns_and_rows_are_added_in_the_files_own_form() {
        let folder = project(b"source;source_field\r\npeople;a\r\n");
        let mut file = DecisionFile::open(folder.path(), "field_map").unwrap();
        file.set(0, "class", "likely; or not");
        file.add(&[("source", "deals"), ("source_field", "b"), ("class", "")]);
        file.save().unwrap();
        assert_eq!(
            written(&folder),
            "source;source_field;class\r\npeople;a;\"likely; or not\"\r\ndeals;b;\r\n"
        );
        file.retain(|file, row| file.get(row, "source") == "deals");
        file.save().unwrap();
        assert_eq!(
            written(&folder),
            "source;source_field;class\r\ndeals;b;\r\n"
        );
    }

    #[test]
    fn a_file_of_utf_16_stays_one() {
        let text = "\u{feff}source\tsource_field\r\npeople\tŁ\r\n";
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let folder = project(&bytes);
        let mut file = DecisionFile::open(folder.path(), "field_map").unwrap();
        assert_eq!(file.get(0, "source_field"), "Ł");
        assert_eq!(file.bytes(), bytes);
        file.set(0, "source", "deals");
        assert!(file.save().unwrap());
        let again = DecisionFile::open(folder.path(), "field_map").unwrap();
        assert_eq!(again.get(0, "source"), "deals");
    }

    #[test]
    fn who_saves_second_is_told() {
        let folder = project(b"source,source_field\npeople,a\n");
        let mut first = DecisionFile::open(folder.path(), "field_map").unwrap();
        let mut second = DecisionFile::open(folder.path(), "field_map").unwrap();
        first.set(0, "source", "deals");
        assert!(first.save().unwrap());
        second.set(0, "source", "companies");
        let error = second.save().unwrap_err();
        assert!(matches!(error, MappingError::Changed { .. }), "{error}");
        assert!(written(&folder).contains("deals"));
        // Its own writing is no change by others.
        first.set(0, "source", "people");
        assert!(first.save().unwrap());
        assert!(!first.save().unwrap());
    }

    #[test]
    fn of_several_files_none_is_written_while_one_cannot_be() {
        let folder = project(b"source,source_field\npeople,a\n");
        let mut fields = DecisionFile::open(folder.path(), "field_map").unwrap();
        let mut values = DecisionFile::open(folder.path(), "value_map").unwrap();
        fields.set(0, "source", "deals");
        values.add(&[("object", "Lead"), ("field", "Status")]);
        let path = folder.path().join("config/value_map.csv");
        std::fs::write(&path, "object,field\nLead,Rating\n").unwrap();
        let error = save_all(vec![&mut fields, &mut values]).unwrap_err();
        assert!(matches!(error, MappingError::Changed { .. }), "{error}");
        assert!(written(&folder).contains("people"));
        // Nothing is left beside them.
        let there = std::fs::read_dir(folder.path().join("config")).unwrap();
        assert_eq!(there.count(), 2);
        let mut values = DecisionFile::open(folder.path(), "value_map").unwrap();
        values.add(&[("object", "Lead"), ("field", "Status")]);
        save_all(vec![&mut fields, &mut values]).unwrap();
        assert!(written(&folder).contains("deals"));
        assert!(std::fs::read_to_string(&path).unwrap().contains("Status"));
    }

    #[test]
    fn a_missing_file_begins_as_its_default_and_a_broken_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = DecisionFile::open(folder.path(), "field_map").unwrap();
        assert!(file.is_empty());
        file.add(&[("source", "people"), ("source_field", "a")]);
        file.save().unwrap();
        assert!(
            written(&folder).ends_with("\npeople,a,,,,,,\n"),
            "{}",
            written(&folder)
        );
        let ragged = project(b"source,source_field\npeople,a,b,c\n");
        assert!(DecisionFile::open(ragged.path(), "field_map").is_err());
    }
}
