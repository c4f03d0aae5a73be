//! A decision file that is changed and written back in the form that it had.
//!
//! In: the bytes of a file, or the default one. Out: the same bytes with cells changed, columns and rows added: the sign between
//! cells, the mark at the beginning, the line ends, comments, foreign columns and every row that nobody touched stay as they are.
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
    /// Comments behind the last row.
    last: Vec<String>,
}

/// How it is written.
#[derive(Clone, Debug)]
struct Form {
    wide: bool,
    mark: bool,
    sep_line: Option<String>,
    /// Comments above the header.
    above: Vec<String>,
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
    /// Comments above it.
    above: Vec<String>,
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
        let (above, body) = text::remarks(body);
        let form = Form {
            wide: matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]),
            mark: bytes.starts_with(b"\xef\xbb\xbf"),
            sep_line,
            above: above.lines().map(str::to_owned).collect(),
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
            last: Vec::new(),
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
                continue;
            }
            let columns = self.columns();
            match raw {
                Some(raw) if text::is_comment(&raw, trimmed(&cells, columns), columns) => {
                    self.last.push(raw);
                }
                raw => {
                    let above = std::mem::take(&mut self.last);
                    self.rows.push(Row { cells, raw, above });
                }
            }
        }
        // An empty file has no columns yet.
        if self.header.iter().all(|name| name.trim().is_empty()) {
            self.header.clear();
            self.form.head = None;
        }
    }

    /// How many columns have a name, or stand before one that has.
    fn columns(&self) -> usize {
        let named = |name: &String| !name.trim().is_empty();
        self.header.iter().rposition(named).map_or(0, |at| at + 1)
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
            above: Vec::new(),
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
        let mut above: Vec<String> = Vec::new();
        let rows = std::mem::take(&mut self.rows).into_iter().zip(kept);
        for (mut row, is_kept) in rows {
            // A comment may be about more than the row below it.
            above.append(&mut row.above);
            if is_kept {
                row.above = std::mem::take(&mut above);
                self.rows.push(row);
            }
        }
        above.append(&mut self.last);
        self.last = above;
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
        let mut put = |line: &str| {
            text.push_str(line);
            text.push_str(form.end);
        };
        for comment in &form.above {
            put(comment);
        }
        let head = form.head.clone();
        put(&head.unwrap_or_else(|| line(&self.header, form.sign)));
        for row in &self.rows {
            for comment in &row.above {
                put(comment);
            }
            let raw = row.raw.clone();
            put(&raw.unwrap_or_else(|| line(&row.cells, form.sign)));
        }
        for comment in &self.last {
            put(comment);
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

/// The cells without empty ones that a spreadsheet added behind the columns.
fn trimmed(cells: &[String], columns: usize) -> &[String] {
    let mut cells = cells;
    while cells.len() > columns
        && let Some((last, rest)) = cells.split_last()
        && last.trim().is_empty()
    {
        cells = rest;
    }
    cells
}

fn line(cells: &[String], sign: u8) -> String {
    let cell = |cell: &String| {
        // A value of the export may be a formula to the spreadsheet in which the file is edited.
        let cell = spreadsheet_cell(cell);
        let quoted = cell.contains([char::from(sign), '"', '\n', '\r'])
            || cell.starts_with([' ', '#'])
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
#[path = "edit_tests.rs"]
mod tests;
