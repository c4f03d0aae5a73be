//! A decision file as a spreadsheet or an editor left it → cells with their lines.
//!
//! In: bytes: UTF-8 with or without a mark, UTF-16 with one; commas, semicolons, tabs or bars; any line ends; an Excel
//! `sep=` line. Out: header and rows, cells trimmed, empty rows and comments left out. Another code page, or a row with too many or too few cells, is a
//! finding with the line and what to do.

use super::DecisionRow;
use super::declare::Declared;
use crate::config::nearest;
use crate::finding::Finding;
use crate::report::without_apostrophe;

/// A row, with its line.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) cells: Vec<String>,
}

/// A file, read.
pub(super) struct Text {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Row>,
}

impl Text {
    /// The rows with what stands in each column.
    pub(super) fn into_rows(self) -> Vec<DecisionRow> {
        let header = self.header;
        let row = |row: Row| {
            let cells = header.iter().cloned().zip(row.cells);
            DecisionRow {
                line: row.line,
                cells: cells.filter(|(_, cell)| !cell.is_empty()).collect(),
            }
        };
        self.rows.into_iter().map(row).collect()
    }
}

/// Signs that may stand between cells.
const SIGNS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Reads a file; what cannot be read is told and left out.
pub(super) fn read(file: &str, bytes: &[u8], findings: &mut Vec<Finding>) -> Option<Text> {
    let whole = |problem: &str| Finding::new(file, problem);
    let text = match decoded(bytes) {
        Ok(text) => text,
        Err(line) => {
            let problem = "is not UTF-8: save the file as `CSV UTF-8`, since letters of another code page cannot be told apart";
            findings.push(whole(problem).line(line));
            return None;
        }
    };
    // Lines are counted by `\n` alone.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    // Excel tells itself the sign in a line of its own.
    let (text, skipped) = match text.split_once('\n') {
        Some((first, rest)) if first.trim().to_lowercase().starts_with("sep=") => (rest, 1),
        _ => (text.as_str(), 0),
    };
    let (above, text) = remarks(text);
    let skipped = skipped + above.lines().count() as u64;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .delimiter(sign(text))
        .from_reader(text.as_bytes());
    let header = match reader.headers() {
        Ok(header) => header,
        Err(error) => {
            findings.push(whole(&format!("cannot be read: {error}")));
            return None;
        }
    };
    let mut header: Vec<String> = header
        .iter()
        .map(|name| name.to_lowercase().replace(' ', "_"))
        .collect();
    // Columns that a spreadsheet adds behind the last.
    while header.last().is_some_and(String::is_empty) {
        header.pop();
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                findings.push(whole(&format!("cannot be read: {error}")));
                return None;
            }
        };
        let line = record.position().map_or(0, csv::Position::line) + skipped;
        let cells = record.iter().map(without_apostrophe).map(str::to_owned);
        let mut cells: Vec<String> = cells.collect();
        let start = record.position().map_or(0, csv::Position::byte);
        let raw = usize::try_from(start).ok().and_then(|at| text.get(at..));
        let is_comment = is_comment(raw.unwrap_or_default(), &cells, header.len());
        if is_comment || cells.iter().all(String::is_empty) {
            continue;
        }
        while cells.len() > header.len() && cells.last().is_some_and(String::is_empty) {
            cells.pop();
        }
        if cells.len() != header.len() {
            let problem = format!(
                "{} cells, but the header has {}: put quotes around a cell that holds the sign between cells",
                cells.len(),
                header.len()
            );
            findings.push(whole(&problem).line(line));
            continue;
        }
        rows.push(Row { line, cells });
    }
    Some(Text { header, rows })
}

/// Whether a row is a remark of whoever keeps the file: it begins with `#` outside quotes and has not the cells of a row. Where it could
/// be a row, because a spreadsheet gave it empty cells, or because rows have one, a blank has to follow.
pub(super) fn is_comment(raw: &str, cells: &[String], columns: usize) -> bool {
    let Some(rest) = raw.trim_start().strip_prefix('#') else {
        return false;
    };
    let mut others = cells.iter().skip(1);
    cells.len() != columns || (rest.starts_with(' ') && others.all(|cell| cell.trim().is_empty()))
}

/// Remarks above the header, and the rest of the text.
pub(super) fn remarks(text: &str) -> (&str, &str) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim_start().starts_with('#') {
            break;
        }
        at += line.len();
    }
    text.split_at(at)
}

/// Adds the columns that a file may lack, and tells those that it needs, or has under another name.
pub(super) fn complete(
    file: &str,
    text: &mut Text,
    declared: &Declared,
    findings: &mut Vec<Finding>,
) {
    let is_declared = |name: &String| declared.columns.iter().any(|column| column.name == name);
    let others: Vec<String> = text
        .header
        .iter()
        .filter(|name| !is_declared(name))
        .cloned()
        .collect();
    for column in declared.columns {
        if text.header.iter().any(|name| name == column.name) {
            continue;
        }
        let nearest = nearest(column.name, others.iter().map(String::as_str));
        if column.needed || nearest.is_some() {
            let problem = format!("has no column `{}`", column.name);
            findings.push(Finding::new(file, problem).line(1).nearest(nearest));
        }
        if !column.needed {
            text.header.push(column.name.to_owned());
            for row in &mut text.rows {
                row.cells.push(String::new());
            }
        }
    }
}

/// The bytes as text, or the line with a byte that is none.
pub(super) fn decoded(bytes: &[u8]) -> Result<String, u64> {
    let wide = |pair: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks_exact(2).map(|two| pair([two[0], two[1]]));
        String::from_utf16_lossy(&units.collect::<Vec<u16>>())
    };
    match bytes {
        [0xff, 0xfe, ..] => return Ok(wide(u16::from_le_bytes)),
        [0xfe, 0xff, ..] => return Ok(wide(u16::from_be_bytes)),
        _ => {}
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            Err(1 + before.iter().filter(|byte| **byte == b'\n').count() as u64)
        }
    }
}

/// The sign between the cells of the header.
pub(super) fn sign(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |sign: u8| header.bytes().filter(|byte| *byte == sign).count();
    SIGNS
        .into_iter()
        .max_by_key(|sign| (count(*sign), *sign == b','))
        .unwrap_or(b',')
}
