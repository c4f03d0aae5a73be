//! Splits separated values into records, quotes considered, and survives quotes that do not close.
//!
//! In: a window on the text. Out: blocks of whole records. The rules are those of the `csv` crate, which parses
//! the values later, with one exception: text right behind a closing quote is a fault here, because it
//! nearly always means that an earlier quote was left open and has swallowed the lines between.
//!
//! After such a fault, or a quote that is still open at the end of the file or beyond the longest record, cutting
//! goes on at the next line that is a record by itself: as many values as the header, and an id that is a
//! number. The region in between is one rejected record.

use csv::ByteRecord;
use memchr::{memchr, memchr2, memchr3};

use super::block::{Block, Limits, RowFault, SplitFault, VALUE_CAP, Window};
use super::cell;
use super::code_page;
use super::{DecodedReader, ExportError};

/// Longest text that is taken for an id when a record is looked for.
const LONGEST_ID: usize = 128;

/// What a good record looks like; known once the header is read.
#[derive(Clone, Copy, Debug)]
struct Shape {
    columns: usize,
    id: Option<usize>,
    /// Whether an id may be text.
    text_ids: bool,
}

/// See the module's documentation.
pub struct CsvSplitter {
    window: Window,
    delimiter: u8,
    shape: Shape,
    row: u64,
    scratch: ByteRecord,
}

/// One record at the start of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scan {
    /// Its length, whether a quoted value has line breaks, and whether it ends with the text rather than with a line.
    Record {
        length: usize,
        lines: bool,
        ended: bool,
    },
    /// The text ends before the record does; inside quotes or not.
    Open { quoted: bool },
    /// Text behind a closing quote.
    Stray,
}

impl CsvSplitter {
    /// Reads the header; `None` for an empty file.
    ///
    /// # Errors
    /// [`ExportError::Header`], [`ExportError::Encoding`] and those of reading.
    pub fn open(
        reader: DecodedReader,
        longest: usize,
    ) -> Result<Option<(Self, Vec<String>)>, ExportError> {
        let mut window = Window::new(reader);
        let declared = separator_line(&mut window)?;
        let length = loop {
            skip_line_ends(&mut window);
            if window.data().is_empty() {
                if window.at_end() {
                    return Ok(None);
                }
                window.fill()?;
                continue;
            }
            // Quotes do not depend on the delimiter as long as it is one of the usual ones.
            let delimiter = declared.unwrap_or_else(|| sniff(window.data()));
            let reason = match scan(window.data(), delimiter, window.at_end()) {
                Scan::Record { length, .. } => break length,
                Scan::Open { .. } if !window.at_end() && window.data().len() < longest => {
                    window.fill()?;
                    continue;
                }
                Scan::Open { .. } | Scan::Stray => "a quote does not close",
            };
            return Err(ExportError::Header {
                file: window.file().to_owned(),
                reason,
            });
        };
        let delimiter = declared.unwrap_or_else(|| sniff(window.data()));
        let mut record = ByteRecord::new();
        parse(&window.data()[..length], delimiter, &mut record);
        let names: Vec<String> = record
            .iter()
            .map(|name| match std::str::from_utf8(name) {
                Ok(name) => name.to_owned(),
                Err(_) => code_page::repaired(name).text,
            })
            .collect();
        window.consume(length);
        let shape = Shape {
            columns: names.len(),
            id: None,
            text_ids: false,
        };
        let splitter = Self {
            window,
            delimiter,
            shape,
            row: 0,
            scratch: record,
        };
        Ok(Some((splitter, names)))
    }

    /// The separator between values.
    #[must_use]
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Tells which column holds the id, and whether ids may be text, which helps to find the next record after a fault.
    pub fn set_id_column(&mut self, id: Option<usize>, text_ids: bool) {
        self.shape.id = id;
        self.shape.text_ids = text_ids;
    }

    pub(super) fn next_block(&mut self, limits: Limits) -> Result<Option<Block>, ExportError> {
        let mut block = Block::default();
        while !block.is_full(limits) {
            skip_line_ends(&mut self.window);
            if self.window.data().is_empty() {
                if self.window.at_end() {
                    break;
                }
                self.window.fill()?;
                continue;
            }
            let byte = self.window.position();
            match scan(self.window.data(), self.delimiter, self.window.at_end()) {
                Scan::Record {
                    length,
                    lines,
                    ended,
                } => {
                    if length > limits.record_bytes {
                        let fault = if lines {
                            RowFault::UnclosedQuote
                        } else {
                            RowFault::RecordTooLarge
                        };
                        self.recover(&mut block, fault, limits)?;
                        continue;
                    }
                    if lines && !self.fits(length) {
                        self.recover(&mut block, RowFault::RaggedRow, limits)?;
                        continue;
                    }
                    self.row += 1;
                    let text = &self.window.data()[..length];
                    block.push(text, length, self.row, byte);
                    // Records stay apart in the block, also when the file's last line has no end.
                    block.bytes.push(b'\n');
                    self.window.consume(length + usize::from(!ended));
                }
                Scan::Open { quoted } => {
                    let too_long = self.window.data().len() >= limits.record_bytes;
                    if self.window.at_end() || too_long {
                        let fault = if quoted {
                            RowFault::UnclosedQuote
                        } else {
                            RowFault::RecordTooLarge
                        };
                        self.recover(&mut block, fault, limits)?;
                    } else {
                        self.window.fill()?;
                    }
                }
                Scan::Stray => self.recover(&mut block, RowFault::UnclosedQuote, limits)?,
            }
        }
        block.stored = self.window.stored();
        Ok((block.rows() > 0).then_some(block))
    }

    /// Whether the first `length` bytes have as many values as the header.
    fn fits(&mut self, length: usize) -> bool {
        parse(
            &self.window.data()[..length],
            self.delimiter,
            &mut self.scratch,
        );
        self.scratch.len() == self.shape.columns
    }

    /// Rejects everything up to the next line that is a record by itself.
    fn recover(
        &mut self,
        block: &mut Block,
        fault: RowFault,
        limits: Limits,
    ) -> Result<(), ExportError> {
        self.row += 1;
        let mut region = SplitFault {
            row: self.row,
            byte: self.window.position(),
            fault,
            start: Vec::new(),
            length: 0,
        };
        loop {
            // The line at the start belongs to the region; what follows it may be a record.
            let line = loop {
                let data = self.window.data();
                if let Some(end) = memchr2(b'\n', b'\r', data) {
                    break end + 1;
                }
                if self.window.at_end() || data.len() >= limits.record_bytes {
                    break data.len();
                }
                self.window.fill()?;
            };
            let data = &self.window.data()[..line];
            let room = VALUE_CAP.saturating_sub(region.start.len()).min(line);
            region.start.extend_from_slice(&data[..room]);
            region.length += line as u64;
            self.window.consume(line);
            if self.is_record(limits)? {
                break;
            }
        }
        block.faults.push(region);
        Ok(())
    }

    /// Whether a record by itself begins here (the end of the file is one, too).
    fn is_record(&mut self, limits: Limits) -> Result<bool, ExportError> {
        loop {
            if self.window.data().is_empty() && self.window.at_end() {
                return Ok(true);
            }
            match scan(self.window.data(), self.delimiter, self.window.at_end()) {
                Scan::Record { length, .. } => {
                    return Ok(length > 0 && self.fits(length) && self.has_id());
                }
                Scan::Stray => return Ok(false),
                Scan::Open { .. } => {
                    if self.window.at_end() || self.window.data().len() >= limits.record_bytes {
                        return Ok(false);
                    }
                    self.window.fill()?;
                }
            }
        }
    }

    fn has_id(&self) -> bool {
        let Some(column) = self.shape.id else {
            return true;
        };
        self.scratch
            .get(column)
            .and_then(|id| std::str::from_utf8(id).ok())
            .is_some_and(|id| match self.shape.text_ids {
                true => !id.trim().is_empty() && id.len() <= LONGEST_ID,
                false => cell::key(id).is_ok(),
            })
    }
}

/// The separator that a first line `sep=;` declares, as spreadsheets write and read it; the line is consumed.
fn separator_line(window: &mut Window) -> Result<Option<u8>, ExportError> {
    while window.data().len() < 7 && !window.at_end() {
        window.fill()?;
    }
    let data = window.data();
    let quoted = data.first() == Some(&b'"');
    let line = &data[usize::from(quoted)..];
    let Some([s, e, p, b'=', separator, rest @ ..]) = line.get(..line.len().min(8)) else {
        return Ok(None);
    };
    let is_declared = [*s, *e, *p].eq_ignore_ascii_case(b"sep") && b",;\t|".contains(separator);
    let rest = if quoted {
        rest.strip_prefix(b"\"")
    } else {
        Some(rest)
    };
    let ends = rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'\n' | b'\r')));
    if !is_declared || !ends {
        return Ok(None);
    }
    let separator = *separator;
    window.consume(5 + 2 * usize::from(quoted));
    Ok(Some(separator))
}

fn skip_line_ends(window: &mut Window) {
    let count = window
        .data()
        .iter()
        .take_while(|byte| matches!(byte, b'\n' | b'\r'))
        .count();
    window.consume(count);
}

/// The separator of a header: the most frequent of comma, semicolon and tab outside quotes; a comma if there is none.
fn sniff(data: &[u8]) -> u8 {
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for &byte in data {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if quoted => {}
            other => {
                for (delimiter, count) in &mut counts {
                    *count += usize::from(*delimiter == other);
                }
            }
        }
    }
    let mut best = counts[0];
    for candidate in &counts[1..] {
        if candidate.1 > best.1 {
            best = *candidate;
        }
    }
    best.0
}

/// Parses one record; the text is known to hold exactly one.
fn parse(text: &[u8], delimiter: u8, record: &mut ByteRecord) {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .buffer_capacity(text.len().clamp(64, 1 << 16))
        .from_reader(text);
    // Reading from memory does not fail.
    if !matches!(reader.read_byte_record(record), Ok(true)) {
        record.clear();
    }
}

/// Finds the end of the record at the start of `data`, which does not begin with a line end.
fn scan(data: &[u8], delimiter: u8, at_end: bool) -> Scan {
    let mut at = 0;
    let mut lines = false;
    loop {
        let Some(found) = memchr3(b'"', b'\n', b'\r', &data[at..]) else {
            return if at_end {
                Scan::Record {
                    length: data.len(),
                    lines,
                    ended: true,
                }
            } else {
                Scan::Open { quoted: false }
            };
        };
        at += found;
        if data[at] != b'"' {
            return Scan::Record {
                length: at,
                lines,
                ended: false,
            };
        }
        if at > 0 && data[at - 1] != delimiter {
            // A quote inside an unquoted value is a letter like any other.
            at += 1;
            continue;
        }
        at += 1;
        loop {
            let Some(found) = memchr(b'"', &data[at..]) else {
                return Scan::Open { quoted: true };
            };
            lines = lines || memchr2(b'\n', b'\r', &data[at..at + found]).is_some();
            at += found + 1;
            match data.get(at) {
                Some(b'"') => at += 1,
                Some(&byte) if byte == delimiter => {
                    at += 1;
                    break;
                }
                Some(b'\n' | b'\r') => {
                    return Scan::Record {
                        length: at,
                        lines,
                        ended: false,
                    };
                }
                Some(_) => return Scan::Stray,
                None if at_end => {
                    return Scan::Record {
                        length: at,
                        lines,
                        ended: true,
                    };
                }
                None => return Scan::Open { quoted: true },
            }
        }
    }
}

#[cfg(test)]
#[path = "csv_splitter_tests.rs"]
mod tests;
