//! The first pass over an export: which columns each file has.
//!
//! In: a file. Out: the names of its columns. CSV files give theirs in the header; in JSON Lines every line
//! may bring a new key, so that they are read once through, without keeping anything but the keys.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::block::Limits;
use super::code_page;
use super::csv_splitter::CsvSplitter;
use super::header::normalise;
use super::json_splitter::{JsonSplitter, NestedSplitter};
use super::json_text;
use super::schema::Nested;
use super::split::Splitter;
use super::{DecodedReader, Export, ExportError, ExportFile, Format};

/// The key under which API v1 lists custom attributes.
pub const ATTRIBUTE_LIST: &str = "attributes";

/// Most columns of a table. Salesforce takes 800 fields at most, and each column costs memory.
pub const MOST_COLUMNS: usize = 2_000;

/// The columns of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileKeys {
    /// Header cells, or keys of JSON records in order of appearance.
    pub top: Vec<String>,
    /// Custom attributes of API v1 records: the name they are looked up by (`name_std`, else `name`).
    pub listed: Vec<String>,
    /// Separator of a CSV file.
    pub delimiter: u8,
    /// Whether the file is JSON.
    pub json: bool,
}

impl FileKeys {
    /// Whether records of the file may have a list under this key.
    #[must_use]
    pub fn may_nest(&self, key: &str) -> bool {
        // The list of attributes is not among the keys, whether or not it holds attributes.
        self.json && (key == ATTRIBUTE_LIST || self.top.iter().any(|top| normalise(top) == key))
    }
}

/// Opens a file and cuts it from the start. `nested` lifts records out of those of another object. `None` for an empty CSV file.
///
/// # Errors
/// Those of [`ExportError`] about one file.
pub fn open(
    export: &Export,
    file: &ExportFile,
    nested: Option<Nested>,
    longest: usize,
    stored: Arc<AtomicU64>,
) -> Result<Option<(Splitter, Vec<String>)>, ExportError> {
    let reader = DecodedReader::new(&file.name, export.reader(&file.name)?, stored)?;
    Ok(match (file.format, nested) {
        (Format::Csv, _) => CsvSplitter::open(reader, longest)?
            .map(|(splitter, names)| (Splitter::Csv(Box::new(splitter)), names)),
        (Format::JsonLines, None) => {
            Some((Splitter::Json(JsonSplitter::open(reader)?), Vec::new()))
        }
        (Format::JsonLines, Some(nested)) => Some((
            Splitter::Nested(NestedSplitter::open(reader, nested)?),
            Vec::new(),
        )),
    })
}

/// Reads the columns of one file. Call it on a thread that may block.
///
/// # Errors
/// Those of [`ExportError`] about one file.
pub fn read_keys(
    export: &Export,
    file: &ExportFile,
    nested: Option<Nested>,
    limits: Limits,
) -> Result<FileKeys, ExportError> {
    let Some((mut splitter, names)) =
        open(export, file, nested, limits.record_bytes, Arc::default())?
    else {
        return Ok(FileKeys::default());
    };
    let most = |columns: usize| {
        if columns <= MOST_COLUMNS {
            return Ok(());
        }
        Err(ExportError::TooManyColumns {
            file: file.name.clone(),
            columns,
            most: MOST_COLUMNS,
        })
    };
    most(names.len())?;
    if let Splitter::Csv(splitter) = &splitter {
        return Ok(FileKeys {
            top: names,
            delimiter: splitter.delimiter(),
            ..FileKeys::default()
        });
    }
    let mut top = Seen::default();
    let mut listed = Seen::default();
    while let Some(block) = splitter.next_block(limits)? {
        for span in &block.spans {
            let bytes = &block.bytes[span.start as usize..span.end as usize];
            let text = code_page::text(bytes);
            if json_text::is_valid(&text) {
                note_keys(&text, &mut top, &mut listed);
            }
        }
        most(top.order.len() + listed.order.len())?;
    }
    Ok(FileKeys {
        top: top.order,
        listed: listed.order,
        delimiter: 0,
        json: true,
    })
}

fn note_keys(record: &str, top: &mut Seen, listed: &mut Seen) {
    top.next = 0;
    for (key, value) in json_text::entries(record) {
        let is_list = key.trim_matches('"') == ATTRIBUTE_LIST && value.starts_with('[');
        if !is_list {
            top.note(key);
            continue;
        }
        listed.next = 0;
        for attribute in json_text::elements(value) {
            if let Some(name) = listed_name(attribute) {
                listed.note(name);
            }
        }
    }
}

/// The name of an attribute in a v1 list, still quoted.
#[must_use]
pub fn listed_name(attribute: &str) -> Option<&str> {
    let usable = |raw: &&str| raw.len() > 2 && raw.starts_with('"');
    json_text::get(attribute, "name_std")
        .filter(usable)
        .or_else(|| json_text::get(attribute, "name").filter(usable))
}

/// Names in order of appearance. Records mostly repeat each other's order, so the next one is guessed first.
#[derive(Default)]
struct Seen {
    raw: Vec<String>,
    order: Vec<String>,
    known: BTreeSet<String>,
    next: usize,
}

impl Seen {
    fn note(&mut self, raw: &str) {
        if self
            .raw
            .get(self.next)
            .is_some_and(|expected| expected == raw)
        {
            self.next += 1;
            return;
        }
        if self.known.contains(raw) {
            self.next = self
                .raw
                .iter()
                .position(|other| other == raw)
                .map_or(0, |at| at + 1);
            return;
        }
        let Some(name) = json_text::cell(raw) else {
            return;
        };
        self.known.insert(raw.to_owned());
        self.raw.push(raw.to_owned());
        self.order.push(name.into_owned());
        self.next = self.raw.len();
    }
}
